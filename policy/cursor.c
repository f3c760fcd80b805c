/* cursor.c - reading octets from left to right; see cursor.h. */
#include "cursor.h"

struct cursor cursor_of(struct bytes view)
{
    const char *start = view.len ? view.data : "";
    return (struct cursor){start, start + view.len, false};
}

bool cursor_at_end(const struct cursor *cursor)
{
    return cursor->failed || cursor->pos == cursor->end;
}

int cursor_peek(const struct cursor *cursor)
{
    return cursor_at_end(cursor) ? -1 : (unsigned char)*cursor->pos;
}

int cursor_next(struct cursor *cursor)
{
    int octet = cursor_peek(cursor);
    if (octet < 0)
        cursor->failed = true;
    else
        cursor->pos++;
    return octet;
}

bool cursor_accept(struct cursor *cursor, char octet)
{
    if (cursor_peek(cursor) != (unsigned char)octet)
        return false;
    cursor->pos++;
    return true;
}

void cursor_expect(struct cursor *cursor, char octet)
{
    if (!cursor_accept(cursor, octet))
        cursor->failed = true;
}

struct bytes cursor_run(struct cursor *cursor, bool (*member)(int octet))
{
    const char *start = cursor->pos;
    while (!cursor_at_end(cursor) && member((unsigned char)*cursor->pos))
        cursor->pos++;
    return cursor_since(cursor, start);
}

void cursor_skip_wsp(struct cursor *cursor)
{
    cursor_run(cursor, is_wsp);
}

void cursor_skip_fws(struct cursor *cursor)
{
    cursor_run(cursor, is_fws);
}

struct bytes cursor_rest(const struct cursor *cursor)
{
    return cursor->failed ? BYTES_EMPTY
                          : (struct bytes){cursor->pos, (size_t)(cursor->end - cursor->pos)};
}

struct bytes cursor_since(const struct cursor *cursor, const char *start)
{
    return cursor->failed ? BYTES_EMPTY : (struct bytes){start, (size_t)(cursor->pos - start)};
}

void cursor_fail(struct cursor *cursor)
{
    cursor->failed = true;
}
