/* rfc5322.c - the lexical rules that structured header fields share; see
 * rfc5322.h. */
#include "rfc5322.h"

#include "bounds.h"

#include <string.h>

/* VCHAR (RFC 5234 B.1) and, by RFC 6532 3.2, what is not ASCII. */
static bool is_visible(int octet)
{
    return octet > ' ' && octet != 0x7f;
}

static bool is_one_of(int octet, const char *set)
{
    return octet > 0 && octet < 0x80 && strchr(set, octet);
}

bool rfc5322_is_atext(int octet)
{
    return is_alnum(octet) || octet >= 0x80 || is_one_of(octet, "!#$%&'*+-/=?^_`{|}~");
}

bool rfc5322_is_token(int octet)
{
    return is_visible(octet) && !is_one_of(octet, "()<>@,;:\\\"/[]?=");
}

/* Takes a line end if it folds: white space or nothing stands behind it. */
static bool take_fold(struct cursor *cursor)
{
    struct cursor ahead = *cursor;
    cursor_accept(&ahead, '\r');
    if (!cursor_accept(&ahead, '\n') || (!cursor_at_end(&ahead) && !is_wsp(cursor_peek(&ahead))))
        return false;
    *cursor = ahead;
    return true;
}

void rfc5322_skip_fws(struct cursor *cursor)
{
    do {
        cursor_skip_wsp(cursor);
    } while (take_fold(cursor));
}

/* What follows the backslash of a quoted-pair (3.2.1): VCHAR or WSP. The NUL,
 * CR, LF and controls of obs-qp (4.1) are refused. */
static void take_quoted(struct cursor *cursor)
{
    int octet = cursor_next(cursor);
    if (!is_visible(octet) && !is_wsp(octet))
        cursor_fail(cursor);
}

/* comment (3.2.2), counted instead of recursed into. */
static void skip_comment(struct cursor *cursor)
{
    size_t depth = 0;
    do {
        rfc5322_skip_fws(cursor);
        int octet = cursor_next(cursor);
        if (octet == '(')
            depth++;
        else if (octet == ')')
            depth--;
        else if (octet == '\\')
            take_quoted(cursor);
        else if (!is_visible(octet))
            cursor_fail(cursor);
        if (depth > COMMENT_DEPTH_MAX)
            cursor_fail(cursor);
    } while (depth && !cursor->failed);
}

void rfc5322_skip_cfws(struct cursor *cursor)
{
    rfc5322_skip_fws(cursor);
    while (cursor_peek(cursor) == '(') {
        skip_comment(cursor);
        rfc5322_skip_fws(cursor);
    }
}

struct bytes rfc5322_atom(struct cursor *cursor)
{
    return cursor_run(cursor, rfc5322_is_atext);
}

struct bytes rfc5322_dot_atom(struct cursor *cursor)
{
    const char *start = cursor->pos;
    struct cursor ahead = *cursor;
    while (rfc5322_atom(&ahead).len) {
        *cursor = ahead;
        if (!cursor_accept(&ahead, '.'))
            break;
    }
    return cursor_since(cursor, start);
}

struct bytes rfc5322_token(struct cursor *cursor)
{
    return cursor_run(cursor, rfc5322_is_token);
}

struct bytes rfc5322_quoted_string(struct cursor *cursor)
{
    cursor_expect(cursor, '"');
    const char *start = cursor->pos;
    for (;;) {
        rfc5322_skip_fws(cursor);
        if (cursor_peek(cursor) == '"')
            break;
        int octet = cursor_next(cursor);
        if (octet == '\\')
            take_quoted(cursor);
        else if (!is_visible(octet))
            cursor_fail(cursor);
        if (cursor->failed)
            return BYTES_EMPTY;
    }
    struct bytes content = cursor_since(cursor, start);
    cursor_expect(cursor, '"');
    return content;
}

struct bytes rfc5322_unquote(struct arena *arena, struct bytes content)
{
    bool plain = bytes_find(content, '\\') == content.len &&
                 bytes_find(content, '\r') == content.len &&
                 bytes_find(content, '\n') == content.len;
    char *text = plain ? NULL : arena_alloc(arena, content.len);
    if (!text)
        return plain ? content : BYTES_EMPTY;
    size_t len = 0;
    for (size_t i = 0; i < content.len; i++) {
        if (content.data[i] == '\\' && i + 1 < content.len)
            text[len++] = content.data[++i];
        else if (content.data[i] != '\r' && content.data[i] != '\n') /* unfolding, 2.2.3 */
            text[len++] = content.data[i];
    }
    return (struct bytes){text, len};
}

struct bytes rfc5322_domain_literal(struct cursor *cursor)
{
    const char *start = cursor->pos;
    cursor_expect(cursor, '[');
    for (;;) {
        rfc5322_skip_fws(cursor);
        int octet = cursor_next(cursor);
        if (octet == ']' || cursor->failed)
            break;
        if (octet == '\\') /* obs-dtext, 4.4 */
            take_quoted(cursor);
        else if (octet == '[' || !is_visible(octet))
            cursor_fail(cursor);
    }
    return cursor_since(cursor, start);
}

size_t rfc5322_utf8_length(struct bytes text)
{
    const unsigned char *octets = (const unsigned char *)text.data;
    if (text.len == 0)
        return 0;
    if (octets[0] < 0x80)
        return 1;
    size_t len = octets[0] < 0xc2 ? 0 : octets[0] < 0xe0 ? 2 : octets[0] < 0xf0 ? 3 : 4;
    if (len == 0 || octets[0] > 0xf4 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
    }
    /* RFC 3629 4: what the second octet may be depends on the first. */
    bool bad = (octets[0] == 0xe0 && octets[1] < 0xa0) || /* overlong */
               (octets[0] == 0xed && octets[1] > 0x9f) || /* surrogate */
               (octets[0] == 0xf0 && octets[1] < 0x90) || /* overlong */
               (octets[0] == 0xf4 && octets[1] > 0x8f);   /* above U+10FFFF */
    return bad ? 0 : len;
}

bool rfc5322_is_utf8(struct bytes text)
{
    while (text.len) {
        size_t len = rfc5322_utf8_length(text);
        if (len == 0)
            return false;
        text = bytes_slice(text, len, text.len);
    }
    return true;
}
