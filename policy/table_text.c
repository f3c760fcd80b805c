/* table_text.c - what KeyTable and SigningTable have in common; see table_text.h. */
#include "table_text.h"

#include "strbuf.h"

#include <string.h>

/* ---- the text of a table ---- */

const char *table_source_parse(struct bytes source, enum table_form *form, struct bytes *rest)
{
    size_t colon = bytes_find(source, ':');
    struct bytes kind = bytes_slice(source, 0, colon);
    *form = TABLE_FILE;
    *rest = source;
    if (source.len && source.data[0] == '/')
        return NULL;
    if (colon == source.len) { /* without a kind it is a list, as for OpenDKIM */
        *form = TABLE_LIST;
        return bytes_find(source, '=') < source.len
                   ? NULL
                   : "is no table; allowed: file:/path, refile:/path, csl:key=value,...";
    }
    *rest = bytes_trim(bytes_slice(source, colon + 1, source.len));
    if (bytes_is(kind, "csl"))
        *form = TABLE_LIST;
    else if (bytes_is(kind, "refile"))
        *form = TABLE_WILDCARDS;
    else if (!bytes_is(kind, "file"))
        return "is a kind of table that is not read here: write its content into a file; allowed: "
               "file:/path, refile:/path, csl:key=value,...";
    return rest->len ? NULL : "names no file and no values";
}

bool table_is_blank(int octet)
{
    return is_fws(octet) || octet == '\v' || octet == '\f';
}

/* Files: up to the line end, without the comment. List: up to the comma. */
static struct bytes next_piece(struct table_reader *reader)
{
    bool is_list = reader->form == TABLE_LIST;
    size_t end = bytes_find(reader->rest, is_list ? ',' : '\n');
    struct bytes piece = bytes_slice(reader->rest, 0, end);
    reader->rest = bytes_slice(reader->rest, end + 1, reader->rest.len);
    reader->line++;
    return bytes_trim(is_list ? piece : bytes_slice(piece, 0, bytes_find(piece, '#')));
}

bool table_next_row(struct table_reader *reader)
{
    while (reader->rest.len) {
        struct bytes piece = next_piece(reader);
        size_t split = 0;
        if (piece.len == 0)
            continue;
        if (reader->form == TABLE_LIST)
            split = bytes_find(piece, '=');
        else
            while (split < piece.len && !table_is_blank(piece.data[split]))
                split++;
        reader->key = bytes_trim(bytes_slice(piece, 0, split));
        reader->value = bytes_trim(bytes_slice(piece, split + 1, piece.len));
        return true;
    }
    return false;
}

size_t table_row_bound(struct bytes text, enum table_form form)
{
    size_t rows = 1;
    for (struct bytes rest = text; rest.len; rows++) {
        size_t end = bytes_find(rest, form == TABLE_LIST ? ',' : '\n');
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    return rows;
}

const char *table_quote(struct arena *arena, struct bytes text, const char *what)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_putc(&buf, '\'');
    strbuf_printable(&buf, text, 80);
    strbuf_printf(&buf, "' %s", what);
    return buf.failed ? "out of memory" : strbuf_string(&buf);
}

/* ---- hash ---- */

/* FNV-1a, ASCII letters folded. Nobody but the administrator can add rows, so it
 * need not stand an attacker. */
static uint32_t hash(struct bytes text)
{
    uint32_t value = 2166136261U;
    for (size_t i = 0; i < text.len; i++)
        value = (value ^ (unsigned char)to_lower(text.data[i])) * 16777619U;
    return value;
}

bool table_index_init(struct table_index *index, struct arena *arena, size_t rows)
{
    size_t buckets = 16;
    while (buckets < rows)
        buckets *= 2;
    index->mask = buckets - 1;
    index->heads = arena_array(arena, buckets, sizeof(*index->heads));
    index->next = arena_array(arena, rows ? rows : 1, sizeof(*index->next));
    if (!index->heads || !index->next)
        return false;
    memset(index->heads, 0xff, buckets * sizeof(*index->heads));
    return true;
}

void table_index_add(struct table_index *index, struct bytes key, size_t row)
{
    uint32_t *head = &index->heads[hash(key) & index->mask];
    index->next[row] = *head;
    *head = (uint32_t)row;
}

uint32_t table_index_first(const struct table_index *index, struct bytes key)
{
    return index->heads[hash(key) & index->mask];
}

/* ---- wildcards ---- */

bool table_pattern_matches(struct bytes pattern, struct bytes text, bool fold)
{
    size_t p = 0, t = 0, star = pattern.len, resume = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && (fold ? to_lower(pattern.data[p]) == to_lower(text.data[t])
                                            : pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (star < pattern.len) { /* let the last star take one octet more */
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

/* ---- "%" ---- */

struct bytes table_substitute(struct arena *arena, struct bytes text, struct domain author)
{
    struct strbuf buf;
    if (bytes_find(text, '%') == text.len)
        return text;
    strbuf_init(&buf, arena);
    while (text.len) {
        size_t percent = bytes_find(text, '%');
        strbuf_bytes(&buf, bytes_slice(text, 0, percent));
        if (percent < text.len)
            strbuf_bytes(&buf, domain_bytes(author));
        text = bytes_slice(text, percent + 1, text.len);
    }
    return strbuf_view(&buf);
}
