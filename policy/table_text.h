/* table_text.h - what KeyTable and SigningTable have in common: the text of a table,
 * an index over its rows, wildcards and "%".
 *
 * The text of a table has one of three forms: a file of lines, a file of lines
 * whose keys have wildcards ("refile:"), or a list "key=value,key=value" in the
 * configuration itself ("csl:"). "#" begins a comment wherever it stands, blank
 * lines are skipped, white space ends the key, what follows is the value.
 */
#ifndef ASSAY_TABLE_TEXT_H
#define ASSAY_TABLE_TEXT_H

#include "domain.h"

#include <stdint.h>

enum table_form {
    TABLE_FILE,
    TABLE_WILDCARDS, /* refile: */
    TABLE_LIST,      /* csl: */
};

enum {
    TABLE_ROWS_MAX = 4000000, /* rows of one table; about 200 octets of memory each */
};

/* Splits the value of the options KeyTable and SigningTable: "file:/path",
 * "refile:/path", "/path", "csl:a=b,c=d", "a=b". *rest is the path, or the list.
 * NULL when it is good, else what is wrong with it and what is allowed. */
const char *table_source_parse(struct bytes source, enum table_form *form, struct bytes *rest);

/* Reads rows off a text; start with {.rest = text, .form = form}. */
struct table_reader {
    struct bytes rest;
    enum table_form form;
    unsigned line;           /* of the row that was read last, or its place in a list; from 1 */
    struct bytes key, value; /* of that row, views of the text; value may be empty */
};

/* The next row that is not blank; false when there is none. */
bool table_next_row(struct table_reader *reader);

/* Rows that a text can have at most. */
size_t table_row_bound(struct bytes text, enum table_form form);

/* White space, as it ends a key. */
bool table_is_blank(int octet);

/* "'text' what", text made harmless; for messages. Lives in arena. */
const char *table_quote(struct arena *arena, struct bytes text, const char *what);

/* Rows by a hash of a text they hold, ASCII letters folded: whoever looks up
 * compares. Rows of one bucket stand in their order. */
struct table_index {
    uint32_t *heads; /* the first row of a bucket, or TABLE_NO_ROW */
    uint32_t *next;  /* for each row: the next one of its bucket, or TABLE_NO_ROW */
    size_t mask;     /* buckets - 1 */
};

#define TABLE_NO_ROW UINT32_MAX

/* False when out of memory. */
bool table_index_init(struct table_index *index, struct arena *arena, size_t rows);

/* To be called from the last row to the first. */
void table_index_add(struct table_index *index, struct bytes key, size_t row);
uint32_t table_index_first(const struct table_index *index, struct bytes key);

/* "*" in the pattern stands for any octets, everything else for itself. */
bool table_pattern_matches(struct bytes pattern, struct bytes text, bool fold_case);

/* `text` with the author's domain for each "%"; text itself when there is none. */
struct bytes table_substitute(struct arena *arena, struct bytes text, struct domain author);

#endif
