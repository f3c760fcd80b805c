/* cursor.h - reading octets from left to right, with a sticky error.
 *
 * Grammar code advances the cursor and checks `failed` once at the end. After
 * a failure no call advances any more and all views come back empty. What looks at every octet of a
 * message is inline, so that member() is, too.
 */
#ifndef ASSAY_CURSOR_H
#define ASSAY_CURSOR_H

#include "bytes.h"

struct cursor {
    const char *pos;
    const char *end;
    bool failed;
};

struct cursor cursor_of(struct bytes view);

/* True when nothing is left, or after a failure. */
static inline bool cursor_at_end(const struct cursor *cursor)
{
    return cursor->failed || cursor->pos == cursor->end;
}

/* The next octet as 0..255 without taking it; -1 at the end or after a failure. */
static inline int cursor_peek(const struct cursor *cursor)
{
    return cursor_at_end(cursor) ? -1 : (unsigned char)*cursor->pos;
}

/* Takes the next octet; at the end: failure and -1. */
int cursor_next(struct cursor *cursor);

/* Takes `octet` if it is next; true when it was. */
bool cursor_accept(struct cursor *cursor, char octet);

/* Takes `octet`; anything else is a failure. */
void cursor_expect(struct cursor *cursor, char octet);

/* The octets between an earlier position of this cursor and now. */
static inline struct bytes cursor_since(const struct cursor *cursor, const char *start)
{
    return cursor->failed ? BYTES_EMPTY : (struct bytes){start, (size_t)(cursor->pos - start)};
}

/* Takes the longest run of octets for which member() is true; may be empty. */
static inline struct bytes cursor_run(struct cursor *cursor, bool (*member)(int octet))
{
    const char *start = cursor->pos;
    while (!cursor_at_end(cursor) && member((unsigned char)*cursor->pos))
        cursor->pos++;
    return cursor_since(cursor, start);
}

/* Takes SP and HTAB. */
void cursor_skip_wsp(struct cursor *cursor);

/* Takes SP, HTAB, CR and LF. */
void cursor_skip_fws(struct cursor *cursor);

/* What is left, without taking it. */
static inline struct bytes cursor_rest(const struct cursor *cursor)
{
    return cursor->failed ? BYTES_EMPTY
                          : (struct bytes){cursor->pos, (size_t)(cursor->end - cursor->pos)};
}

/* Marks the cursor failed. */
void cursor_fail(struct cursor *cursor);

#endif
