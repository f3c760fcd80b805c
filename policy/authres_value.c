/* authres_value.c - writing one value into Authentication-Results, RFC 8601 2.2.
 *
 * Most values come from the message, so from whoever sent it: nothing written
 * here can end the value, the field or the header.
 */
#include "authres.h"

#include "cursor.h"
#include "rfc5322.h"

static bool is_label_octet(int octet)
{
    return is_alnum(octet) || octet == '-' || octet == '_' || octet >= 0x80;
}

/* domain-name (RFC 6376 3.5), with U-labels (RFC 8601 2.2 by way of RFC 6531). */
static bool is_domain_name(struct bytes text)
{
    struct cursor cursor = cursor_of(text);
    do {
        if (cursor_run(&cursor, is_label_octet).len == 0)
            return false;
    } while (cursor_accept(&cursor, '.'));
    return cursor_at_end(&cursor);
}

/* [local-part] "@" domain-name with a local part that needs no quotes. */
static bool is_address(struct bytes text)
{
    struct cursor cursor = cursor_of(text);
    rfc5322_dot_atom(&cursor);
    return cursor_accept(&cursor, '@') && is_domain_name(cursor_rest(&cursor));
}

/* A token as RFC 2045 5.1 has it, in ASCII. */
static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        int octet = (unsigned char)text.data[i];
        if (octet >= 0x80 || !rfc5322_is_token(octet))
            return false;
    }
    return text.len > 0;
}

/* Octets at the beginning of text that may be written as they are; 0: the first
 * must be replaced. */
static size_t writable(struct bytes text, bool utf8)
{
    size_t len = rfc5322_utf8_length(text);
    unsigned char first = (unsigned char)text.data[0];
    if (len > 1) {
        bool c1_control = first == 0xc2 && (unsigned char)text.data[1] < 0xa0;
        return utf8 && !c1_control ? len : 0;
    }
    return len == 1 && first >= ' ' && first != 0x7f ? 1 : 0;
}

static bool all_writable(struct bytes text, bool utf8)
{
    while (text.len) {
        size_t len = writable(text, utf8);
        if (len == 0)
            return false;
        text = bytes_slice(text, len, text.len);
    }
    return true;
}

static void write_quoted(struct strbuf *buf, struct bytes text, bool utf8)
{
    strbuf_putc(buf, '"');
    while (text.len) {
        size_t len = writable(text, utf8);
        if (text.data[0] == '"' || text.data[0] == '\\')
            strbuf_putc(buf, '\\');
        if (len)
            strbuf_add(buf, text.data, len);
        else
            strbuf_putc(buf, '?');
        text = bytes_slice(text, len ? len : 1, text.len);
    }
    strbuf_putc(buf, '"');
}

void authres_write_value(struct strbuf *buf, struct bytes value, bool utf8)
{
    bool bare = is_token(value) || is_address(value) || is_domain_name(value);
    if (bare && all_writable(value, utf8))
        strbuf_bytes(buf, value);
    else
        write_quoted(buf, value, utf8);
}
