/* signing_table.h - SigningTable, as OpenDKIM reads it: which keys sign for an author.
 *
 *   pattern  name            a key of that name in the key table
 *   pattern  name:identity   the same, and what goes into i=
 *
 * What opendkim.conf(5) leaves open was settled by asking OpenDKIM 2.11.0~beta2-8
 * of Debian 12; tests/test_signing_table.c has the answers.
 *
 * Pure: the text comes from whoever reads files. A table is immutable once it has
 * been parsed; any thread may then look things up.
 */
#ifndef ASSAY_SIGNING_TABLE_H
#define ASSAY_SIGNING_TABLE_H

#include "table_text.h"

struct signing_row {
    struct bytes pattern;
    struct bytes key_name; /* in the key table; "%": the author's domain */
    struct bytes identity; /* i=, may have "%"; empty: none */
    unsigned line;
};

struct signing_table;

/* As key_table_parse(). */
struct signing_table *signing_table_parse(struct arena *arena, struct bytes text,
                                          enum table_form form, const char **problem,
                                          unsigned *line);

/* All rows in their order. */
const struct signing_row *signing_table_rows(const struct signing_table *table, size_t *count);

/* One signature that the table asks for, "%" replaced. */
struct signing_match {
    struct bytes key_name;
    struct bytes identity; /* empty: none */
    unsigned line;
};

/* The rows for an author, in the order in which they match. Upper and lower case
 * are the same.
 *
 * With wildcards: the rows whose pattern matches the address, in the table's order.
 * Else these patterns are looked up, for user@a.example.com:
 *
 *   user@a.example.com, a.example.com,
 *   user@.example.com, .example.com, user@.com, .com,
 *   user@*, *
 *
 * `all` is OpenDKIM's MultipleSignatures: every match counts. Without it the first
 * match counts, and with it the rows that repeat its pattern: the way to give a
 * domain keys of two algorithms, or an old key and its successor. (OpenDKIM never
 * looks at the repetitions in that case.)
 *
 * A row is not named twice for the same key name. Returns the number of matches, at
 * most max; texts live in arena or with the table. */
size_t signing_table_match(const struct signing_table *table, struct arena *arena,
                           struct bytes address, struct domain author, bool all,
                           struct signing_match *out, size_t max);

#endif
