/* bytes.h - a length-counted view of octets that somebody else owns.
 *
 * Everything that comes from the network travels as `struct bytes`. A view is
 * never assumed to be NUL-terminated and may hold NUL octets. It stays valid
 * for as long as the memory it points to; it is passed by value.
 */
#ifndef ASSAY_BYTES_H
#define ASSAY_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
    const char *data; /* may be NULL only when len is 0 */
    size_t len;       /* octets */
};

/* A view of a string literal, without its final NUL. */
#define BYTES(literal) ((struct bytes){(literal), sizeof(literal) - 1})

#define BYTES_EMPTY ((struct bytes){"", 0})

/* The printf() arguments for "%.*s". */
#define BYTES_ARGS(b) (int)(b).len, (b).data

/* View of a NUL-terminated string; NULL gives the empty view. */
struct bytes bytes_of(const char *string);

/* Octet-wise equality. */
bool bytes_equal(struct bytes a, struct bytes b);

/* Equality with ASCII letters folded; other octets must match exactly. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);

/* bytes_equal_nocase() against a NUL-terminated string. */
bool bytes_is(struct bytes a, const char *string);

/* True if a begins with prefix, ASCII letters folded. */
bool bytes_starts_nocase(struct bytes a, struct bytes prefix);

/* The part of a from octet `from` on, at most `len` octets; clamped to a. */
struct bytes bytes_slice(struct bytes a, size_t from, size_t len);

/* Index of the first `octet` in a, or a.len when there is none. */
size_t bytes_find(struct bytes a, char octet);

/* a without leading and trailing SP, HTAB, CR and LF (RFC 6376 FWS). */
struct bytes bytes_trim(struct bytes a);

/* Decimal number, digits only, at most `max`; false otherwise (also on empty). */
bool bytes_to_number(struct bytes a, unsigned long long max, unsigned long long *out);

/* Character classes of RFC 5234, independent of the locale. */
static inline bool is_alpha(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_alnum(int c)
{
    return is_alpha(c) || is_digit(c);
}

static inline bool is_wsp(int c)
{
    return c == ' ' || c == '\t';
}

/* Octets that folding white space is made of: SP, HTAB, CR, LF. */
static inline bool is_fws(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Value of a hexadecimal digit, or -1. */
int hex_value(int c);

/* ASCII lower case; other octets unchanged. */
static inline char to_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

#endif
