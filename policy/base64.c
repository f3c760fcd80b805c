/* base64.c - base64 as RFC 6376 and RFC 4648 use it; see base64.h. */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO_DIGIT = 64 };

/* Value of each octet below 128 as a digit. */
#define X NO_DIGIT
static const uint8_t digit_values[128] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62,
    X,  X,  X,  63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,  X,  0,
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, X,  X,  X,  X,  X,  X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
    39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,
};
#undef X

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
        unsigned c = (unsigned char)text.data[i];
        unsigned value = c < sizeof(digit_values) ? digit_values[c] : NO_DIGIT;
        if (value == NO_DIGIT && is_fws((int)c))
            continue;
        if (c == '=') {
            padding++;
            continue;
        }
        if (value == NO_DIGIT || padding)
            return false;
        group = group << 6 | value;
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
