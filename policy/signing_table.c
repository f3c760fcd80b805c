/* signing_table.c - SigningTable; see signing_table.h.
 *
 * Made for 100,000 rows and more: parsing is one pass, a lookup does not depend on
 * the number of rows. Only wildcard patterns without a literal domain at their end
 * ("*", "*@*.example.com") are gone through one after the other.
 */
#include "signing_table.h"

#include <string.h>

enum {
    LOOKUP_MAX = 1400, /* octets of a pattern looked up: local part of 1,000, domain of 253 */
};

struct signing_table {
    enum table_form form;
    struct signing_row *rows;
    size_t count;
    struct table_index index; /* files: by pattern; wildcards: by the domain at its end */
    uint32_t *wide;           /* wildcards: the rows whose domain is not literal */
    size_t wide_count;
};

/* What follows the last "@"; the empty view when there is none. */
static struct bytes domain_part(struct bytes address)
{
    for (size_t i = address.len; i > 0; i--) {
        if (address.data[i - 1] == '@')
            return bytes_slice(address, i, address.len);
    }
    return BYTES_EMPTY;
}

/* ---- parsing ---- */

/* "name" or "name:identity" into row. NULL, or what is wrong. */
static const char *parse_signing_value(struct arena *arena, struct bytes value,
                                       struct signing_row *row)
{
    size_t colon = bytes_find(value, ':');
    row->key_name = bytes_trim(bytes_slice(value, 0, colon));
    row->identity = bytes_trim(bytes_slice(value, colon + 1, value.len));
    if (row->key_name.len == 0)
        return table_quote(arena, row->pattern, "needs the name of a key behind it");
    for (size_t i = 0; i < row->key_name.len; i++) {
        if (table_is_blank(row->key_name.data[i]))
            return table_quote(arena, row->key_name,
                               "has a blank in it; allowed: one name of a key");
    }
    if (row->identity.len && bytes_find(row->identity, '@') == row->identity.len)
        return table_quote(
            arena, row->identity,
            "is no identity; allowed: user@domain or @domain, % for the author's domain");
    return NULL;
}

/* A U-label in a pattern is meant as the name that it stands for. */
static struct bytes normal_pattern(struct arena *arena, struct bytes pattern)
{
    struct bytes name = domain_part(pattern);
    struct bytes before = bytes_slice(pattern, 0, pattern.len - name.len);
    bool ascii = true;
    if (name.len == 0 && bytes_find(pattern, '@') == pattern.len) {
        name = pattern;
        before = BYTES_EMPTY;
    }
    for (size_t i = 0; i < name.len; i++)
        ascii = ascii && (unsigned char)name.data[i] < 0x80;
    if (ascii)
        return pattern;
    bool below = name.data[0] == '.';
    struct domain domain = domain_parse(arena, bytes_slice(name, below ? 1 : 0, name.len));
    if (domain_is_none(domain))
        return pattern;
    return bytes_of(
        arena_printf(arena, "%.*s%s%s", BYTES_ARGS(before), below ? "." : "", domain_text(domain)));
}

static void signing_table_index(struct signing_table *table)
{
    for (size_t i = table->count; i > 0; i--) {
        struct bytes pattern = table->rows[i - 1].pattern;
        struct bytes name = domain_part(pattern);
        if (table->form != TABLE_WILDCARDS)
            table_index_add(&table->index, pattern, i - 1);
        else if (name.len && bytes_find(name, '*') == name.len)
            table_index_add(&table->index, name, i - 1);
    }
    for (size_t i = 0; table->form == TABLE_WILDCARDS && i < table->count; i++) {
        struct bytes name = domain_part(table->rows[i].pattern);
        if (name.len == 0 || bytes_find(name, '*') < name.len)
            table->wide[table->wide_count++] = (uint32_t)i;
    }
}

struct signing_table *signing_table_parse(struct arena *arena, struct bytes text,
                                          enum table_form form, const char **problem,
                                          unsigned *line)
{
    struct table_reader reader = {.rest = text, .form = form};
    struct signing_table *table = arena_alloc(arena, sizeof(*table));
    size_t bound = table_row_bound(text, form);
    *problem = bound > TABLE_ROWS_MAX ? "too many rows" : "out of memory";
    *line = 0;
    if (!table || bound > TABLE_ROWS_MAX || !table_index_init(&table->index, arena, bound))
        return NULL;
    table->form = form;
    table->rows = arena_array(arena, bound, sizeof(*table->rows));
    table->wide = arena_array(arena, bound, sizeof(*table->wide));
    while (table->rows && table->wide && table_next_row(&reader)) {
        struct signing_row *row = &table->rows[table->count++];
        row->pattern = normal_pattern(arena, reader.key);
        row->line = reader.line;
        const char *wrong = parse_signing_value(arena, reader.value, row);
        if (wrong) {
            *problem = wrong;
            *line = reader.line;
            return NULL;
        }
    }
    if (arena_failed(arena))
        return NULL;
    signing_table_index(table);
    return table;
}

const struct signing_row *signing_table_rows(const struct signing_table *table, size_t *count)
{
    *count = table->count;
    return table->rows;
}

/* ---- matching ---- */

struct search {
    const struct signing_table *table;
    struct arena *arena;
    struct bytes address, user;
    struct domain author;
    bool all;
    const struct signing_row *first; /* the first match */
    struct signing_match *out;
    size_t count, max;
};

/* True when nothing more is wanted. */
static bool take(struct search *search, const struct signing_row *row)
{
    struct bytes key_name =
        bytes_is(row->key_name, "%") ? domain_bytes(search->author) : row->key_name;
    if (!search->first)
        search->first = row;
    else if (!search->all && !bytes_equal_nocase(row->pattern, search->first->pattern))
        return false;
    for (size_t i = 0; i < search->count; i++) {
        if (bytes_equal(search->out[i].key_name, key_name))
            return false;
    }
    if (search->count < search->max)
        search->out[search->count++] = (struct signing_match){
            key_name, table_substitute(search->arena, row->identity, search->author), row->line};
    return search->count == search->max;
}

/* Goes through the rows of the author's domain and the wide ones, both in the
 * table's order, as if they were one list. */
static void search_wildcards(struct search *search)
{
    const struct signing_table *table = search->table;
    uint32_t near = table_index_first(&table->index, domain_part(search->address));
    size_t wide = 0;
    while (near != TABLE_NO_ROW || wide < table->wide_count) {
        uint32_t row;
        if (wide == table->wide_count || near < table->wide[wide]) {
            row = near;
            near = table->index.next[near];
        } else {
            row = table->wide[wide++];
        }
        if (table_pattern_matches(table->rows[row].pattern, search->address, true) &&
            take(search, &table->rows[row]))
            return;
    }
}

/* Looks "before" + "after" up; true when nothing more is wanted. */
static bool look_up(struct search *search, struct bytes before, struct bytes after)
{
    const struct signing_table *table = search->table;
    char text[LOOKUP_MAX];
    if (before.len + after.len > sizeof(text))
        return false;
    if (before.len)
        memcpy(text, before.data, before.len);
    memcpy(text + before.len, after.data, after.len);
    struct bytes pattern = {text, before.len + after.len};
    for (uint32_t i = table_index_first(&table->index, pattern); i != TABLE_NO_ROW;
         i = table->index.next[i]) {
        if (bytes_equal_nocase(table->rows[i].pattern, pattern) && take(search, &table->rows[i]))
            return true;
    }
    return search->first && !search->all;
}

/* The order is what OpenDKIM does; its manual has all of "user@.domain" before ".domain". */
static void search_literals(struct search *search)
{
    struct bytes name = domain_bytes(search->author);
    if (look_up(search, search->user, name) || look_up(search, BYTES_EMPTY, name))
        return;
    for (size_t dot = bytes_find(name, '.'); dot < name.len;) {
        struct bytes parent = bytes_slice(name, dot, name.len); /* with its dot */
        if (look_up(search, search->user, parent) || look_up(search, BYTES_EMPTY, parent))
            return;
        dot += 1 + bytes_find(bytes_slice(parent, 1, parent.len), '.');
    }
    if (!look_up(search, search->user, BYTES("*")))
        look_up(search, BYTES_EMPTY, BYTES("*"));
}

size_t signing_table_match(const struct signing_table *table, struct arena *arena,
                           struct bytes address, struct domain author, bool all,
                           struct signing_match *out, size_t max)
{
    struct search search = {
        .table = table,
        .arena = arena,
        .address = address,
        .user = bytes_slice(address, 0, address.len - domain_part(address).len), /* "user@" */
        .author = author,
        .all = all,
        .out = out,
        .max = max,
    };
    if (max == 0)
        return 0;
    if (table->form == TABLE_WILDCARDS)
        search_wildcards(&search);
    else
        search_literals(&search);
    return search.count;
}
