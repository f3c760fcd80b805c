/* cursor.c - reading octets from left to right; see cursor.h. */
#include "cursor.h"

struct cursor cursor_of(struct bytes view)
{
    const char *start = view.len ? view.data : "";
    return (struct cursor){start, start + view.len, false};
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

void cursor_skip_wsp(struct cursor *cursor)
{
    cursor_run(cursor, is_wsp);
}

void cursor_skip_fws(struct cursor *cursor)
{
    cursor_run(cursor, is_fws);
}

void cursor_fail(struct cursor *cursor)
{
    cursor->failed = true;
}
