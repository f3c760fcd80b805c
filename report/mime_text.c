/* mime_text.c - text of strangers as UTF-8: charsets, encoded words (RFC 2047); see mime.h.
 *
 * iconv(3) is not asked: it would load whatever module the name of a charset leads to.
 */
#include "base64.h"
#include "mime.h"
#include "mime_codec.h"
#include "rfc5322.h"

#include <stdint.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

enum { UTF8_MAX = 4 }; /* octets of one character */

enum charset { CHARSET_UTF8, CHARSET_LATIN1, CHARSET_OTHER };

static enum charset charset_of(struct bytes name)
{
    name = bytes_slice(name, 0, bytes_find(name, '*')); /* a language, RFC 2231 5 */
    if (name.len == 0 || bytes_is(name, "utf-8") || bytes_is(name, "utf8") ||
        bytes_is(name, "us-ascii"))
        return CHARSET_UTF8;
    if (bytes_is(name, "iso-8859-1") || bytes_is(name, "latin1") || bytes_is(name, "windows-1252"))
        return CHARSET_LATIN1;
    return CHARSET_OTHER;
}

/* C0 and C1 controls, DEL, and what turns the direction of text: U+200E/F, U+2028 to U+202E, U+2066
 * to U+2069, U+061C. */
static bool is_control(uint32_t character)
{
    return character < ' ' || (character >= 0x7f && character <= 0x9f) || character == 0x61c ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* The character of valid UTF-8 of that length. */
static uint32_t character_of(const char *data, size_t len)
{
    const unsigned char *octets = (const unsigned char *)data;
    if (len == 1)
        return octets[0];
    uint32_t character = octets[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        character = character << 6 | (octets[i] & 0x3f);
    return character;
}

/* Appends the octet as a character of Latin-1. In Windows-1252 the octets 0x80 to 0x9f are
 * something else; they are given up. */
static void add_latin1(struct strbuf *out, unsigned char octet)
{
    if (octet < 0xa0) {
        strbuf_puts(out, replacement);
        return;
    }
    strbuf_putc(out, (char)(0xc0 | octet >> 6));
    strbuf_putc(out, (char)(0x80 | (octet & 0x3f)));
}

void mime_clean(struct strbuf *out, struct bytes text, struct bytes charset_name, size_t max)
{
    enum charset charset = charset_of(charset_name);
    size_t begin = out->len;
    while (text.len && out->len - begin + UTF8_MAX <= max) {
        unsigned char octet = (unsigned char)text.data[0];
        size_t len = octet < 0x80 || charset == CHARSET_UTF8 ? rfc5322_utf8_length(text) : 0;
        if (is_fws(octet))
            strbuf_putc(out, ' ');
        else if (len && !is_control(character_of(text.data, len)))
            strbuf_add(out, text.data, len);
        else if (octet >= 0x80 && charset == CHARSET_LATIN1)
            add_latin1(out, octet);
        else
            strbuf_puts(out, replacement);
        text = bytes_slice(text, len ? len : 1, text.len);
        if (out->failed)
            break;
    }
}

/* ---- encoded words ---- */

static bool is_word_octet(int octet)
{
    return octet > ' ' && octet != '?' && octet < 0x7f;
}

/* encoded-word (RFC 2047 2): "=?charset?B?text?=". */
static bool take_word(struct arena *arena, struct cursor *cursor, struct strbuf *out)
{
    struct cursor ahead = *cursor;
    struct bytes decoded = BYTES_EMPTY;
    cursor_expect(&ahead, '=');
    cursor_expect(&ahead, '?');
    struct bytes charset = cursor_run(&ahead, is_word_octet);
    cursor_expect(&ahead, '?');
    int encoding = cursor_next(&ahead);
    cursor_expect(&ahead, '?');
    struct bytes text = cursor_run(&ahead, is_word_octet);
    cursor_expect(&ahead, '?');
    cursor_expect(&ahead, '=');
    if (ahead.failed || charset.len == 0)
        return false;
    if (encoding == 'B' || encoding == 'b')
        decoded = mime_decode_base64(arena, text);
    else if (encoding == 'Q' || encoding == 'q')
        decoded = mime_decode_quoted(arena, text, true);
    else
        return false;
    mime_clean(out, decoded, charset, decoded.len * 3 + UTF8_MAX);
    *cursor = ahead;
    return true;
}

struct bytes mime_text(struct arena *arena, struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    struct strbuf out;
    strbuf_init(&out, arena);
    while (!cursor_at_end(&cursor)) {
        const char *start = cursor.pos;
        if (cursor_peek(&cursor) == '=' && take_word(arena, &cursor, &out)) {
            /* blanks between two encoded words do not count (RFC 2047 6.2) */
            struct cursor ahead = cursor;
            struct strbuf word;
            strbuf_init(&word, arena);
            cursor_skip_fws(&ahead);
            struct cursor next = ahead;
            if (cursor_peek(&next) == '=' && take_word(arena, &next, &word))
                cursor = ahead;
            continue;
        }
        cursor_next(&cursor);
        while (!cursor_at_end(&cursor) && cursor_peek(&cursor) != '=')
            cursor_next(&cursor);
        struct bytes plain = cursor_since(&cursor, start);
        mime_clean(&out, plain, BYTES_EMPTY, plain.len * 3 + UTF8_MAX);
    }
    return strbuf_view(&out);
}
