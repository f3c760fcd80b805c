/* key_table.h - KeyTable, as OpenDKIM reads it: it gives keys names.
 *
 *   name  domain:selector:key
 *
 * What opendkim.conf(5) leaves open was settled by asking OpenDKIM 2.11.0~beta2-8
 * of Debian 12; tests/test_key_table.c has the answers.
 *
 * Pure: the text comes from whoever reads files. A table is immutable once it has
 * been parsed; any thread may then look things up.
 */
#ifndef ASSAY_KEY_TABLE_H
#define ASSAY_KEY_TABLE_H

#include "table_text.h"

struct key_row {
    struct bytes name;
    struct domain domain;   /* d=; DOMAIN_NONE: "%", the author's domain stands for it */
    struct domain selector; /* s= */
    struct bytes key;       /* the path of a file, or the key itself */
    bool is_path;           /* begins with "/", "./" or "../" */
    bool for_any_author;    /* domain or path have "%": one row, as many keys as authors */
    bool shadowed;          /* an earlier row has the same name: this one is never used */
    unsigned line;          /* in the file, or element of the list; from 1 */
};

struct key_table;

/* Parses a whole table. `text` must outlive it. NULL with *problem (one line that
 * says what was found and what is allowed, in arena or static) and *line where that
 * is; *line 0: the table as a whole. */
struct key_table *key_table_parse(struct arena *arena, struct bytes text, enum table_form form,
                                  const char **problem, unsigned *line);

/* The first row with that name; upper and lower case differ. NULL: none. */
const struct key_row *key_table_find(const struct key_table *table, struct bytes name);

/* All rows in their order. */
const struct key_row *key_table_rows(const struct key_table *table, size_t *count);

/* The path of a row for an author: each "%" becomes the domain. NULL when out of
 * memory. */
const char *key_row_path(const struct key_row *row, struct arena *arena, struct domain author);

#endif
