/* bytes.c - a length-counted view of octets; see bytes.h. */
#include "bytes.h"

#include <string.h>

struct bytes bytes_of(const char *string)
{
    return string ? (struct bytes){string, strlen(string)} : BYTES_EMPTY;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_starts_nocase(struct bytes a, struct bytes prefix)
{
    if (a.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (to_lower(a.data[i]) != to_lower(prefix.data[i]))
            return false;
    }
    return true;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    return a.len == b.len && bytes_starts_nocase(a, b);
}

bool bytes_is(struct bytes a, const char *string)
{
    return bytes_equal_nocase(a, bytes_of(string));
}

struct bytes bytes_slice(struct bytes a, size_t from, size_t len)
{
    if (from > a.len)
        from = a.len;
    if (len > a.len - from)
        len = a.len - from;
    return (struct bytes){a.data ? a.data + from : "", len};
}

size_t bytes_find(struct bytes a, char octet)
{
    const char *hit = a.len ? memchr(a.data, octet, a.len) : NULL;
    return hit ? (size_t)(hit - a.data) : a.len;
}

struct bytes bytes_trim(struct bytes a)
{
    while (a.len && is_fws(a.data[0])) {
        a.data++;
        a.len--;
    }
    while (a.len && is_fws(a.data[a.len - 1]))
        a.len--;
    return a;
}

bool bytes_to_number(struct bytes a, unsigned long long max, unsigned long long *out)
{
    unsigned long long value = 0;
    if (a.len == 0)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (!is_digit(a.data[i]))
            return false;
        unsigned digit = (unsigned)(a.data[i] - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

int hex_value(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}
