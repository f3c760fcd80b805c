/* mail_text.c - pieces of a mail that we write; see mail_text.h. */
#include "mail_text.h"

#include "base64.h"
#include "domain.h"
#include "rfc5322.h"
#include "xml_text.h"

#include <stdio.h>
#include <time.h>

enum {
    ENCODED_WORD_OCTETS = 39, /* in one encoded-word: 64 characters with its frame, so that it fits
                                 behind a field's name into 76 (RFC 2047 2) */
    QUOTED_LINE = 76,         /* octets of a line of quoted-printable (RFC 2045 6.7 (5)) */
};

#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

void mail_text_reserve(struct strbuf *buf, size_t len)
{
    char *data = buf->len ? NULL : arena_alloc(buf->arena, len + 1);
    if (!data)
        return; /* it will grow, or fail, as usual */
    buf->data = data;
    buf->capacity = len + 1;
}

/* ---- fields ---- */

static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}

/* Octets of the white space at the beginning of text and the word behind it. */
static size_t word_length(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && text.data[len] == ' ')
        len++;
    while (len < text.len && text.data[len] != ' ' && len < MAIL_TEXT_WORD_MAX)
        len++;
    return len;
}

void mail_text_field(struct strbuf *buf, const char *name, struct bytes value)
{
    size_t start = buf->len; /* of the line */
    strbuf_printf(buf, "%s:", name);
    struct strbuf text;
    strbuf_init(&text, buf->arena);
    strbuf_putc(&text, ' ');
    value = bytes_trim(value); /* RFC 5322 3.2.2: no line of white space alone */
    strbuf_printable(&text, value, value.len);
    struct bytes rest = strbuf_view(&text);
    for (bool first = true; rest.len; first = false) {
        struct bytes word = bytes_slice(rest, 0, word_length(rest));
        if (!first && buf->len - start + word.len > MAIL_TEXT_LINE) {
            strbuf_puts(buf, "\r\n");
            start = buf->len;
            if (word.data[0] != ' ') /* a word cut at MAIL_TEXT_WORD_MAX */
                strbuf_putc(buf, ' ');
        }
        strbuf_bytes(buf, word);
        rest = bytes_slice(rest, word.len, rest.len);
    }
    strbuf_puts(buf, "\r\n");
}

/* Valid UTF-8 on one line, in the arena. */
static struct bytes one_line(struct arena *arena, struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    xml_text_add_line(&buf, text);
    return bytes_trim(strbuf_view(&buf));
}

/* RFC 2047 5: no character is split between two; the space between them is none. */
static void encoded_words(struct strbuf *buf, struct bytes text)
{
    while (text.len) {
        size_t len = 0, character;
        while (len < text.len &&
               (character = rfc5322_utf8_length(bytes_slice(text, len, text.len))) != 0 &&
               len + character <= ENCODED_WORD_OCTETS)
            len += character;
        if (len == 0)
            return; /* not UTF-8; xml_text.c would not let that through */
        strbuf_puts(buf, "=?UTF-8?B?");
        base64_encode(buf, (const uint8_t *)text.data, len);
        strbuf_puts(buf, "?=");
        text = bytes_slice(text, len, text.len);
        if (text.len)
            strbuf_putc(buf, ' ');
    }
}

static void quoted_string(struct strbuf *buf, struct bytes text)
{
    strbuf_putc(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            strbuf_putc(buf, '\\');
        strbuf_putc(buf, text.data[i]);
    }
    strbuf_putc(buf, '"');
}

/* What looks like an encoded-word must be in one, or readers would decode it. */
static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '=' && text.data[i + 1] == '?')
            return false;
    }
    return is_printable(text);
}

void mail_text_phrase(struct strbuf *buf, struct bytes text)
{
    text = one_line(buf->arena, text);
    if (is_plain(text))
        quoted_string(buf, text);
    else
        encoded_words(buf, text);
}

void mail_text_unstructured(struct strbuf *buf, struct bytes text)
{
    text = one_line(buf->arena, text);
    if (is_plain(text))
        strbuf_bytes(buf, text);
    else
        encoded_words(buf, text);
}

/* ---- addresses ---- */

/* dot-atom or quoted-string, whole and in printable ASCII. */
static bool is_local_part(struct bytes text)
{
    if (text.len == 0 || !is_printable(text))
        return false;
    struct cursor cursor = cursor_of(text);
    if (text.data[0] == '"')
        rfc5322_quoted_string(&cursor);
    else if (rfc5322_dot_atom(&cursor).len == 0)
        return false;
    return cursor_at_end(&cursor) && !cursor.failed;
}

bool mail_text_address(struct strbuf *buf, struct bytes text)
{
    if (text.len > MAIL_TEXT_ADDRESS_MAX)
        return false;
    size_t at = text.len;
    while (at > 0 && text.data[at - 1] != '@')
        at--;
    if (at == 0 || !is_local_part(bytes_slice(text, 0, at - 1)))
        return false;
    struct domain domain = domain_parse(buf->arena, bytes_slice(text, at, text.len));
    if (domain_is_none(domain))
        return false;
    strbuf_bytes(buf, bytes_slice(text, 0, at));
    strbuf_bytes(buf, domain_bytes(domain));
    return true;
}

void mail_text_token(struct strbuf *buf, struct bytes text, size_t max)
{
    for (size_t i = 0; i < text.len && i < max; i++) {
        char c = text.data[i];
        strbuf_putc(buf, is_alnum((unsigned char)c) || c == '.' || c == '-' ? c : '_');
    }
}

/* ---- the rest ---- */

/* Not strftime(): its names depend on the locale. */
void mail_text_date(struct strbuf *buf, int64_t time)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    time_t seconds = (time_t)(time < 0 ? 0 : time > LAST_SECOND ? LAST_SECOND : time);
    if (!gmtime_r(&seconds, &tm))
        return;
    strbuf_printf(buf, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
                  months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void mail_text_base64(struct strbuf *buf, struct bytes octets)
{
    while (octets.len) {
        struct bytes line = bytes_slice(octets, 0, MAIL_TEXT_BASE64_OCTETS);
        base64_encode(buf, (const uint8_t *)line.data, line.len);
        strbuf_puts(buf, "\r\n");
        octets = bytes_slice(octets, line.len, octets.len);
    }
}

size_t mail_text_base64_length(size_t octets)
{
    size_t lines = (octets + MAIL_TEXT_BASE64_OCTETS - 1) / MAIL_TEXT_BASE64_OCTETS;
    return (octets + 2) / 3 * 4 + lines * 2;
}

/* White space in front of a line end would get lost on the way (RFC 2045 6.7 (3)). */
static bool quoted_as_is(struct bytes text, size_t i)
{
    char c = text.data[i];
    if (c == ' ')
        return i + 1 < text.len && text.data[i + 1] != '\n';
    return c > ' ' && c <= '~' && c != '=';
}

void mail_text_quoted_printable(struct strbuf *buf, struct bytes text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n') {
            strbuf_puts(buf, "\r\n");
            column = 0;
            continue;
        }
        size_t width = quoted_as_is(text, i) ? 1 : 3;
        /* the "=" of a soft line break needs a place, unless the line ends here anyway */
        bool last = i + 1 == text.len || text.data[i + 1] == '\n';
        if (column + width > (size_t)(last ? QUOTED_LINE : QUOTED_LINE - 1)) {
            strbuf_puts(buf, "=\r\n");
            column = 0;
        }
        if (width == 1)
            strbuf_putc(buf, text.data[i]);
        else
            strbuf_printf(buf, "=%02X", (unsigned char)text.data[i]);
        column += width;
    }
}
