/* xml_text.c - text from strangers in a form that XML 1.0 can hold; see xml_text.h. */
#include "xml_text.h"

#include "rfc5322.h"

#define REPLACEMENT BYTES("\xef\xbf\xbd") /* U+FFFD */

/* U+FFFE and U+FFFF; XML 1.0 leaves the other noncharacters alone. */
static bool is_excluded(struct bytes character)
{
    return bytes_equal(character, BYTES("\xef\xbf\xbe")) ||
           bytes_equal(character, BYTES("\xef\xbf\xbf"));
}

/* A character, or several that are printable. */
static bool is_line_control(struct bytes character)
{
    unsigned char first = (unsigned char)character.data[0];
    if (first < 0x80)
        return first < ' ' || first == 0x7f;
    if (character.len == 2) /* U+0080 to U+009F */
        return first == 0xc2 && (unsigned char)character.data[1] < 0xa0;
    return bytes_equal(character, BYTES("\xe2\x80\xa8")) ||
           bytes_equal(character, BYTES("\xe2\x80\xa9"));
}

/* The character at the beginning of text as it may be written; *len: octets of text it takes. */
static struct bytes next_character(struct bytes text, size_t *len)
{
    *len = rfc5322_utf8_length(text);
    if (*len == 0) {
        *len = 1;
        return REPLACEMENT;
    }
    struct bytes character = bytes_slice(text, 0, *len);
    unsigned char first = (unsigned char)character.data[0];
    if (first < ' ' && first != '\t' && first != '\n' && first != '\r')
        return REPLACEMENT;
    return is_excluded(character) ? REPLACEMENT : character;
}

/* Octets of printable ASCII at the beginning of text: mostly all of it, taken at once. */
static size_t printable_length(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && text.data[len] >= ' ' && text.data[len] <= '~')
        len++;
    return len;
}

static void add(struct strbuf *buf, struct bytes text, bool line)
{
    size_t len;
    for (; text.len; text = bytes_slice(text, len, text.len)) {
        len = printable_length(text);
        struct bytes part = len ? bytes_slice(text, 0, len) : next_character(text, &len);
        strbuf_bytes(buf, line && is_line_control(part) ? BYTES(" ") : part);
    }
}

void xml_text_add(struct strbuf *buf, struct bytes text)
{
    add(buf, text, false);
}

void xml_text_add_line(struct strbuf *buf, struct bytes text)
{
    add(buf, text, true);
}
