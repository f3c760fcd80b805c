/* policy_table.c - local exceptions by Author Domain; see policy_table.h.
 *
 * Keys are kept with their leading dot, sorted by octets. A lookup asks for the
 * domain itself, then for each of its suffixes that begins with a dot, longest first,
 * then for "*".
 */
#include "policy_table.h"

#include "cursor.h"
#include "strbuf.h"

#include <stdlib.h>
#include <string.h>

enum {
    LINE_SHOWN = 80, /* octets of a wrong line repeated in the message about it */
};

static const char every_domain[] = "*";

struct row {
    struct bytes
        key; /* "example.com", ".example.com" or "*", NUL-terminated, A-labels, lower case */
    enum policy_table_action action;
};

struct policy_table {
    struct arena *arena;
    struct row *rows;
    size_t count;
    size_t capacity;
};

struct policy_table *policy_table_new(struct arena *arena)
{
    struct policy_table *table = arena_alloc(arena, sizeof(*table));
    if (table)
        table->arena = arena;
    return table;
}

static bool append(struct policy_table *table, const struct row *row)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        struct row *rows = arena_array(table->arena, capacity, sizeof(*rows));
        if (!rows)
            return false;
        if (table->count)
            memcpy(rows, table->rows, table->count * sizeof(*rows));
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++] = *row;
    return true;
}

static bool parse_action(struct bytes word, enum policy_table_action *action)
{
    static const char *const names[] = {
        [POLICY_TABLE_ASIS] = "asis",
        [POLICY_TABLE_ACCEPT] = "accept",
        [POLICY_TABLE_QUARANTINE] = "quarantine",
        [POLICY_TABLE_REJECT] = "reject",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_is(word, names[i])) {
            *action = (enum policy_table_action)i;
            return true;
        }
    }
    return false;
}

/* The comparable form of the first word of a line; empty when it is no domain. */
static struct bytes parse_key(struct arena *arena, struct bytes word)
{
    if (bytes_is(word, every_domain))
        return bytes_of(every_domain);
    bool below = word.len && word.data[0] == '.';
    struct domain domain = domain_parse(arena, bytes_slice(word, below ? 1 : 0, word.len));
    if (!below || domain_is_none(domain))
        return domain_bytes(domain);
    const char *key = arena_printf(arena, ".%s", domain.name);
    return key ? (struct bytes){key, domain.len + 1} : BYTES_EMPTY;
}

static const char *complain(struct arena *arena, const char *what, struct bytes found,
                            const char *allowed)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_printf(&buf, "%s'", what);
    strbuf_printable(&buf, found, LINE_SHOWN);
    strbuf_printf(&buf, "' %s", allowed);
    return buf.failed ? "out of memory" : strbuf_string(&buf);
}

static bool is_word_octet(int c)
{
    return !is_fws(c);
}

const char *policy_table_add(struct policy_table *table, struct bytes line)
{
    struct cursor cursor = cursor_of(bytes_trim(line));
    struct bytes domain = cursor_run(&cursor, is_word_octet);
    cursor_skip_fws(&cursor);
    struct bytes action = cursor_run(&cursor, is_word_octet);
    struct row row;

    if (action.len == 0 || !cursor_at_end(&cursor))
        return complain(table->arena, "", line, "is not of the form: domain action");
    row.key = parse_key(table->arena, domain);
    if (row.key.len == 0)
        return complain(table->arena, "", domain,
                        "is no domain: allowed are a domain (example.com), everything below one "
                        "(.example.com) or every domain (*)");
    if (!parse_action(action, &row.action))
        return complain(table->arena, "action ", action,
                        "is unknown: allowed are accept, quarantine, reject and asis");
    return append(table, &row) ? NULL : "out of memory";
}

static int compare_keys(struct bytes a, struct bytes b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_rows(const void *a, const void *b)
{
    return compare_keys(((const struct row *)a)->key, ((const struct row *)b)->key);
}

const char *policy_table_finish(struct policy_table *table)
{
    if (table->count)
        qsort(table->rows, table->count, sizeof(table->rows[0]), compare_rows);
    for (size_t i = 1; i < table->count; i++) {
        if (compare_rows(&table->rows[i - 1], &table->rows[i]) == 0)
            return complain(table->arena, "", table->rows[i].key,
                            "stands there more than once: keep one of the lines");
    }
    return NULL;
}

static const struct row *find_key(const struct policy_table *table, struct bytes key)
{
    struct row wanted = {.key = key};
    return bsearch(&wanted, table->rows, table->count, sizeof(table->rows[0]), compare_rows);
}

bool policy_table_find(const struct policy_table *table, struct domain domain,
                       enum policy_table_action *action, const char **entry)
{
    if (!table || table->count == 0 || domain_is_none(domain))
        return false;
    struct bytes rest = domain_bytes(domain);
    const struct row *row = find_key(table, rest);
    while (!row) {
        size_t dot = bytes_find(rest, '.');
        if (dot == rest.len)
            break;
        rest = bytes_slice(rest, dot, rest.len);
        row = find_key(table, rest);
        rest = bytes_slice(rest, 1, rest.len);
    }
    if (!row)
        row = find_key(table, bytes_of(every_domain));
    if (!row)
        return false;
    *action = row->action;
    *entry = row->key.data;
    return true;
}

size_t policy_table_count(const struct policy_table *table)
{
    return table ? table->count : 0;
}
