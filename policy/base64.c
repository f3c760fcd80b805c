/* base64.c - base64 as RFC 6376 and RFC 4648 use it; see base64.h. */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_value(int c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct arena *arena, struct bytes text, uint8_t **out, size_t *out_len)
{
    uint8_t *data = arena_alloc(arena, text.len / 4 * 3 + 3);
    size_t len = 0;
    unsigned digits = 0;  /* in the current group of four */
    unsigned padding = 0; /* "=" seen */
    uint32_t group = 0;
    if (!data)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.data[i];
        int value = digit_value(c);
        if (is_fws(c))
            continue;
        if (c == '=') {
            padding++;
            continue;
        }
        if (value < 0 || padding)
            return false;
        group = group << 6 | (uint32_t)value;
        if (++digits % 4 == 0) {
            data[len++] = (uint8_t)(group >> 16);
            data[len++] = (uint8_t)(group >> 8);
            data[len++] = (uint8_t)group;
            group = 0;
        }
    }
    switch (digits % 4) {
    case 1:
        return false;
    case 2:
        data[len++] = (uint8_t)(group >> 4);
        break;
    case 3:
        data[len++] = (uint8_t)(group >> 10);
        data[len++] = (uint8_t)(group >> 2);
        break;
    }
    if (padding && (digits + padding) % 4 != 0)
        return false;
    if (padding > 2)
        return false;
    *out = data;
    *out_len = len;
    return true;
}

void base64_encode(struct strbuf *buf, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)data[i] << 16;
        if (left > 1)
            group |= (uint32_t)data[i + 1] << 8;
        if (left > 2)
            group |= data[i + 2];
        strbuf_putc(buf, alphabet[group >> 18]);
        strbuf_putc(buf, alphabet[group >> 12 & 63]);
        strbuf_putc(buf, left > 1 ? alphabet[group >> 6 & 63] : '=');
        strbuf_putc(buf, left > 2 ? alphabet[group & 63] : '=');
    }
}
