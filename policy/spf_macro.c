/* spf_macro.c - macro-strings of SPF: syntax and expansion; see spf_macro.h. */
#include "spf_macro.h"

#include "bounds.h"
#include "cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    KEEP_MAX = 128,     /* a value has at most 127 labels that matter */
    WINDOW = 1024,      /* octets of an expansion kept; the last 254 decide */
    VALUE_BUFFER = 128, /* octets for values that are formatted: i, c, t */
};

/* One piece of a macro-string. */
struct token {
    bool is_macro;           /* macro-expand, else a run of macro-literal */
    struct bytes literal;    /* text to emit, unless letter is set */
    char letter;             /* lower case; 0: none */
    bool escape;             /* upper-case letter: URL-escape the value (7.3) */
    unsigned keep;           /* rightmost parts to keep; 0: all */
    bool reverse;            /* "r" */
    struct bytes delimiters; /* empty: "." */
};

/* ---- syntax ---- */

static bool is_literal(int c)
{
    return c > ' ' && c < 0x7f && c != '%';
}

static bool is_explain_literal(int c)
{
    return is_literal(c) || c == ' ';
}

static bool is_delimiter(int c)
{
    return c != 0 && strchr(".-+,/_=", c) != NULL;
}

static bool is_letter(char c, enum spf_macro_use use)
{
    const char *letters = use == SPF_MACRO_DOMAIN_SPEC ? "slodiphv" : "slodiphvcrt";
    return c != 0 && strchr(letters, c) != NULL;
}

/* macro-letter transformers *delimiter "}" */
static void read_macro(struct cursor *cursor, enum spf_macro_use use, struct token *token)
{
    int letter = cursor_next(cursor);
    token->escape = letter >= 'A' && letter <= 'Z';
    token->letter = letter < 0 ? 0 : to_lower((char)letter);
    if (!is_letter(token->letter, use))
        cursor_fail(cursor);

    struct bytes digits = cursor_run(cursor, is_digit);
    for (size_t i = 0; i < digits.len; i++) {
        token->keep = token->keep * 10 + (unsigned)(digits.data[i] - '0');
        if (token->keep > KEEP_MAX)
            token->keep = KEEP_MAX;
    }
    if (digits.len && token->keep == 0) /* "The DIGIT transformer ... MUST be nonzero" (7.3) */
        cursor_fail(cursor);
    token->reverse = cursor_accept(cursor, 'r') || cursor_accept(cursor, 'R');
    token->delimiters = cursor_run(cursor, is_delimiter);
    cursor_expect(cursor, '}');
}

/* The next piece; the cursor fails when there is no well-formed one. */
static struct token read_token(struct cursor *cursor, enum spf_macro_use use)
{
    struct token token = {.is_macro = cursor_accept(cursor, '%')};
    if (!token.is_macro) {
        token.literal =
            cursor_run(cursor, use == SPF_MACRO_EXPLAIN ? is_explain_literal : is_literal);
        if (token.literal.len == 0)
            cursor_fail(cursor);
        return token;
    }
    switch (cursor_next(cursor)) {
    case '{':
        read_macro(cursor, use, &token);
        break;
    case '%':
        token.literal = BYTES("%");
        break;
    case '_':
        token.literal = BYTES(" ");
        break;
    case '-':
        token.literal = BYTES("%20");
        break;
    default:
        cursor_fail(cursor);
    }
    return token;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) /
 *            ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_toplabel(struct bytes label)
{
    bool has_letter = false, has_hyphen = false;
    for (size_t i = 0; i < label.len; i++) {
        has_letter = has_letter || is_alpha(label.data[i]);
        has_hyphen = has_hyphen || label.data[i] == '-';
        if (!is_alnum(label.data[i]) && label.data[i] != '-')
            return false;
    }
    return label.len && is_alnum(label.data[0]) && is_alnum(label.data[label.len - 1]) &&
           (has_letter || has_hyphen);
}

/* domain-end, when it is no macro: "." toplabel [ "." ] */
static bool ends_in_toplabel(struct bytes literal)
{
    if (literal.len && literal.data[literal.len - 1] == '.')
        literal.len--;
    size_t dot = literal.len;
    while (dot > 0 && literal.data[dot - 1] != '.')
        dot--;
    return dot > 0 && is_toplabel(bytes_slice(literal, dot, literal.len));
}

bool spf_macro_check(struct bytes text, enum spf_macro_use use, unsigned *letters)
{
    struct cursor cursor = cursor_of(text);
    struct token token = {.is_macro = false};
    size_t macros = 0;
    *letters = 0;
    while (!cursor_at_end(&cursor)) {
        token = read_token(&cursor, use);
        if (!cursor.failed && token.letter) {
            *letters |= SPF_MACRO_LETTER(token.letter);
            macros++;
        }
        if (use == SPF_MACRO_DOMAIN_SPEC && macros > SPF_MACROS_MAX)
            return false;
    }
    if (cursor.failed)
        return false;
    return use != SPF_MACRO_DOMAIN_SPEC || token.is_macro || ends_in_toplabel(token.literal);
}

/* ---- expansion ---- */

/* Where expanded octets go: a window on the end of the text, or its beginning. */
struct sink {
    char *data;
    size_t len;
    size_t size;
    bool keep_end; /* when full: forget the first half, else: what comes */
};

/* Nothing that is still to come can be seen. */
static bool is_complete(const struct sink *sink)
{
    return !sink->keep_end && sink->len == sink->size;
}

static void put(struct sink *sink, char c)
{
    if (sink->len == sink->size) {
        if (!sink->keep_end)
            return;
        sink->len = sink->size / 2;
        memmove(sink->data, sink->data + sink->size - sink->len, sink->len);
    }
    sink->data[sink->len++] = c;
}

/* Everything but RFC 3986's unreserved set is escaped (7.3). */
static void put_escaped(struct sink *sink, char c)
{
    static const char hex[] = "0123456789ABCDEF";
    if (is_alnum(c) || (c != 0 && strchr("-._~", c))) {
        put(sink, c);
        return;
    }
    put(sink, '%');
    put(sink, hex[(unsigned char)c >> 4]);
    put(sink, hex[(unsigned char)c & 15]);
}

static void put_view(struct sink *sink, struct bytes view, bool escape)
{
    for (size_t i = 0; i < view.len; i++) {
        if (escape)
            put_escaped(sink, view.data[i]);
        else
            put(sink, view.data[i]);
    }
}

/* %{i}: dotted quad, or 32 dotted nibbles for IPv6. */
static struct bytes dotted_address(const struct ip *ip, char buffer[VALUE_BUFFER])
{
    static const char hex[] = "0123456789ABCDEF";
    if (ip->family != IP_V6)
        return bytes_of(ip_format(ip, buffer));
    char *p = buffer;
    for (size_t i = 0; i < 16; i++) {
        *p++ = hex[ip->octets[i] >> 4];
        *p++ = '.';
        *p++ = hex[ip->octets[i] & 15];
        *p++ = '.';
    }
    return (struct bytes){buffer, 63};
}

static struct bytes value_of(const struct spf_macro_values *values, char letter,
                             char buffer[VALUE_BUFFER])
{
    switch (letter) {
    case 's':
        return values->sender;
    case 'l':
        return values->local_part;
    case 'o':
        return values->sender_domain;
    case 'd':
        return values->domain;
    case 'i':
        return dotted_address(&values->client, buffer);
    case 'p':
        return values->validated_name ? values->validated_name(values->context, values->domain)
                                      : BYTES("unknown");
    case 'v':
        return values->client.family == IP_V6 ? BYTES("ip6") : BYTES("in-addr");
    case 'h':
        return values->helo;
    case 'c':
        return bytes_of(ip_format(&values->client, buffer));
    case 'r':
        return values->receiver.len ? values->receiver : BYTES("unknown");
    case 't':
        snprintf(buffer, VALUE_BUFFER, "%" PRId64, values->epoch);
        return bytes_of(buffer);
    default:
        return BYTES_EMPTY;
    }
}

static bool splits(const struct token *token, char c)
{
    if (token->delimiters.len == 0)
        return c == '.';
    return bytes_find(token->delimiters, c) < token->delimiters.len;
}

/* Length of the first `parts` parts of value, without the delimiter behind them. */
static size_t length_of_parts(const struct token *token, struct bytes value, size_t parts)
{
    for (size_t i = 0; i < value.len; i++) {
        if (splits(token, value.data[i]) && --parts == 0)
            return i;
    }
    return value.len;
}

/* Splits, reverses, keeps the rightmost parts and joins with "." (7.3). */
static void put_macro(struct sink *sink, const struct token *token, struct bytes value)
{
    size_t parts = 1;
    for (size_t i = 0; i < value.len; i++)
        parts += splits(token, value.data[i]);
    size_t keep = token->keep && token->keep < parts ? token->keep : parts;

    if (token->reverse) { /* the rightmost after reversing are the leftmost before it */
        size_t end = length_of_parts(token, value, keep);
        for (size_t begin = end;; begin--) {
            if (begin > 0 && !splits(token, value.data[begin - 1]))
                continue;
            put_view(sink, bytes_slice(value, begin, end - begin), token->escape);
            if (begin == 0)
                return;
            put(sink, '.');
            end = begin - 1;
        }
    }
    size_t from = keep < parts ? length_of_parts(token, value, parts - keep) + 1 : 0;
    for (size_t i = from; i < value.len; i++)
        put_view(sink, splits(token, value.data[i]) ? BYTES(".") : bytes_slice(value, i, 1),
                 token->escape);
}

static void expand(struct sink *sink, const struct spf_macro_values *values, struct bytes text,
                   enum spf_macro_use use)
{
    char buffer[VALUE_BUFFER];
    struct cursor cursor = cursor_of(text);
    while (!cursor_at_end(&cursor) && !is_complete(sink)) {
        struct token token = read_token(&cursor, use);
        if (cursor.failed)
            return;
        if (token.letter)
            put_macro(sink, &token, value_of(values, token.letter, buffer));
        else
            put_view(sink, token.literal, false);
    }
}

size_t spf_macro_expand_domain(const struct spf_macro_values *values, struct bytes text,
                               char out[DOMAIN_MAX + 1])
{
    char window[WINDOW];
    struct sink sink = {.data = window, .size = sizeof(window), .keep_end = true};
    expand(&sink, values, text, SPF_MACRO_DOMAIN_SPEC);

    struct bytes name = {window, sink.len};
    if (name.len && name.data[name.len - 1] == '.')
        name.len--;
    if (name.len > DOMAIN_MAX) { /* drop labels from the left (7.3) */
        name = bytes_slice(name, name.len - DOMAIN_MAX - 1, name.len);
        name = bytes_slice(name, bytes_find(name, '.') + 1, name.len);
    }
    if (name.len)
        memcpy(out, name.data, name.len);
    out[name.len] = '\0';
    return name.len;
}

void spf_macro_expand_text(const struct spf_macro_values *values, struct bytes text, char *out,
                           size_t size)
{
    struct sink sink = {.data = out, .size = size - 1};
    expand(&sink, values, text, SPF_MACRO_EXPLAIN);
    for (size_t i = 0; i < sink.len; i++) {
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    }
    out[sink.len] = '\0';
}
