/* mime_codec.c - base64 and quoted-printable as they are found in mails; see mime_codec.h. */
#include "mime_codec.h"

#include "base64.h"

struct bytes mime_decode_base64(struct arena *arena, struct bytes text)
{
    char *digits = arena_alloc(arena, text.len);
    uint8_t *data;
    size_t len = 0, data_len;
    if (!digits)
        return BYTES_EMPTY;
    for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
        char c = text.data[i];
        if (is_alnum(c) || c == '+' || c == '/')
            digits[len++] = c;
    }
    if (len % 4 == 1) /* six bits that are no octet: cut off */
        len--;
    if (!base64_decode(arena, (struct bytes){digits, len}, &data, &data_len) || data_len == 0)
        return BYTES_EMPTY;
    return (struct bytes){(const char *)data, data_len};
}

/* Octets from i on that are blanks up to a line end, which is included; 0: no line end there. */
static size_t blanks_to_line_end(struct bytes text, size_t i)
{
    size_t end = i;
    while (end < text.len && (is_wsp(text.data[end]) || text.data[end] == '\r'))
        end++;
    if (end == text.len)
        return end - i;
    return text.data[end] == '\n' ? end + 1 - i : 0;
}

struct bytes mime_decode_quoted(struct arena *arena, struct bytes text, bool word)
{
    char *data = arena_alloc(arena, text.len);
    size_t len = 0;
    if (!data)
        return BYTES_EMPTY;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool pair = c == '=' && i + 2 < text.len && hex_value(text.data[i + 1]) >= 0 &&
                    hex_value(text.data[i + 2]) >= 0;
        size_t soft = c == '=' && !pair ? blanks_to_line_end(text, i + 1) : 0;
        if (pair) {
            data[len++] = (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
            i += 2;
        } else if (soft) { /* soft line break, RFC 2045 6.7 (5) */
            i += soft;
        } else {
            data[len++] = word && c == '_' ? ' ' : c;
        }
    }
    return (struct bytes){data, len};
}
