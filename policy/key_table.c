/* key_table.c - KeyTable; see key_table.h. */
#include "key_table.h"

#include <string.h>

struct key_table {
    struct key_row *rows;
    size_t count;
    struct table_index by_name;
    bool wildcards; /* some name has "*": names are patterns */
};

static bool is_path(struct bytes key)
{
    return bytes_starts_nocase(key, BYTES("/")) || bytes_starts_nocase(key, BYTES("./")) ||
           bytes_starts_nocase(key, BYTES("../"));
}

/* Later releases of OpenDKIM take the algorithm as a fourth field. The key says it as well. */
static struct bytes without_algorithm(struct bytes key)
{
    static const char *const algorithms[] = {":rsa-sha256", ":ed25519-sha256"};
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        size_t len = strlen(algorithms[i]);
        if (key.len > len && bytes_is(bytes_slice(key, key.len - len, len), algorithms[i]))
            return bytes_slice(key, 0, key.len - len);
    }
    return key;
}

/* "domain:selector:key" into row. NULL, or what is wrong. */
static const char *parse_key_value(struct arena *arena, struct bytes value, struct key_row *row)
{
    size_t first = bytes_find(value, ':');
    struct bytes domain = bytes_slice(value, 0, first);
    struct bytes rest = bytes_slice(value, first + 1, value.len);
    size_t second = bytes_find(rest, ':');
    struct bytes selector = bytes_slice(rest, 0, second);
    row->key = without_algorithm(bytes_slice(rest, second + 1, rest.len));
    if (domain.len == 0 || selector.len == 0 || row->key.len == 0)
        return table_quote(arena, row->name, "needs a value of the form domain:selector:key");
    row->is_path = is_path(row->key);
    if (bytes_is(domain, "%")) {
        row->domain = DOMAIN_NONE;
        row->for_any_author = true;
    } else {
        row->domain = domain_parse(arena, domain);
        if (domain_is_none(row->domain))
            return table_quote(arena, domain, "is no domain; allowed: a domain, or % alone");
    }
    if (row->is_path && bytes_find(row->key, '%') < row->key.len)
        row->for_any_author = true;
    if (bytes_find(row->key, '\0') < row->key.len)
        return "a NUL octet in the name of a key file";
    row->selector = domain_parse(arena, selector);
    return domain_is_none(row->selector) ? table_quote(arena, selector, "is no selector") : NULL;
}

static void key_table_index(struct key_table *table)
{
    for (size_t i = table->count; i > 0; i--)
        table_index_add(&table->by_name, table->rows[i - 1].name, i - 1);
    for (size_t i = 0; i < table->count; i++)
        table->rows[i].shadowed = key_table_find(table, table->rows[i].name) != &table->rows[i];
}

struct key_table *key_table_parse(struct arena *arena, struct bytes text, enum table_form form,
                                  const char **problem, unsigned *line)
{
    struct table_reader reader = {.rest = text, .form = form};
    struct key_table *table = arena_alloc(arena, sizeof(*table));
    size_t bound = table_row_bound(text, form);
    *problem = bound > TABLE_ROWS_MAX ? "too many rows" : "out of memory";
    *line = 0;
    if (!table || bound > TABLE_ROWS_MAX || !table_index_init(&table->by_name, arena, bound))
        return NULL;
    table->rows = arena_array(arena, bound, sizeof(*table->rows));
    while (table->rows && table_next_row(&reader)) {
        struct key_row *row = &table->rows[table->count++];
        row->name = reader.key;
        row->line = reader.line;
        table->wildcards = table->wildcards ||
                           (form == TABLE_WILDCARDS && bytes_find(row->name, '*') < row->name.len);
        const char *wrong = parse_key_value(arena, reader.value, row);
        if (wrong) {
            *problem = wrong;
            *line = reader.line;
            return NULL;
        }
    }
    if (arena_failed(arena))
        return NULL;
    key_table_index(table);
    return table;
}

const struct key_row *key_table_find(const struct key_table *table, struct bytes name)
{
    if (table->wildcards) {
        for (size_t i = 0; i < table->count; i++) {
            if (table_pattern_matches(table->rows[i].name, name, false))
                return &table->rows[i];
        }
        return NULL;
    }
    for (uint32_t i = table_index_first(&table->by_name, name); i != TABLE_NO_ROW;
         i = table->by_name.next[i]) {
        if (bytes_equal(table->rows[i].name, name))
            return &table->rows[i];
    }
    return NULL;
}

const struct key_row *key_table_rows(const struct key_table *table, size_t *count)
{
    *count = table->count;
    return table->rows;
}

const char *key_row_path(const struct key_row *row, struct arena *arena, struct domain author)
{
    struct bytes path = table_substitute(arena, row->key, author);
    return arena_copy(arena, path.data, path.len);
}
