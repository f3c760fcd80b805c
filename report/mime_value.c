/* mime_value.c - header values with parameters (RFC 2045 5.1, RFC 2183, RFC 2231); see mime.h.
 *
 * More is taken than the grammar allows: values with "=" or "/" that nobody quoted. A
 * parameter that cannot be read at all is skipped up to the next semicolon.
 */
#include "mime.h"
#include "rfc5322.h"

struct bytes mime_value_head(struct arena *arena, struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    struct strbuf head;
    strbuf_init(&head, arena);
    while (!cursor_at_end(&cursor) && cursor_peek(&cursor) != ';') {
        rfc5322_skip_cfws(&cursor);
        int octet = cursor_peek(&cursor);
        if (octet <= ' ' || octet == ';' || octet == 0x7f)
            break;
        strbuf_putc(&head, to_lower((char)cursor_next(&cursor)));
    }
    return strbuf_view(&head);
}

/* One parameter as it stands, or one piece of one. */
struct parameter {
    struct bytes name; /* without the asterisks */
    struct bytes value;
    bool piece;      /* name*N, name*N* or name* */
    bool extended;   /* name*N* or name*: percent-encoded */
    unsigned number; /* N; 0 for name* */
};

static bool is_bare(int octet)
{
    return octet > ' ' && octet != ';' && octet != '"' && octet != 0x7f;
}

/* RFC 2231 7: attribute, then optionally section and "*". False: no such section. */
static bool split_name(struct bytes written, struct parameter *out)
{
    size_t star = bytes_find(written, '*');
    struct bytes rest = bytes_slice(written, star + 1, written.len);
    unsigned long long number = 0;
    out->name = bytes_slice(written, 0, star);
    out->piece = star < written.len;
    if (!out->piece)
        return true;
    out->extended = rest.len == 0 || rest.data[rest.len - 1] == '*';
    if (rest.len && out->extended)
        rest.len--;
    if (rest.len && !bytes_to_number(rest, MIME_SECTIONS_MAX - 1, &number))
        return false;
    out->number = (unsigned)number;
    return true;
}

/* Takes the next parameter that can be read; false at the end. */
static bool next_parameter(struct arena *arena, struct cursor *cursor, struct parameter *out)
{
    for (;;) {
        struct bytes rest = cursor_rest(cursor);
        *cursor = cursor_of(bytes_slice(rest, bytes_find(rest, ';') + 1, rest.len));
        if (cursor_at_end(cursor))
            return false;
        struct cursor ahead = *cursor;
        *out = (struct parameter){0};
        rfc5322_skip_cfws(&ahead);
        struct bytes name = rfc5322_token(&ahead);
        rfc5322_skip_cfws(&ahead);
        cursor_expect(&ahead, '=');
        rfc5322_skip_cfws(&ahead);
        if (cursor_peek(&ahead) == '"')
            out->value = rfc5322_unquote(arena, rfc5322_quoted_string(&ahead));
        else
            out->value = cursor_run(&ahead, is_bare);
        if (ahead.failed)
            continue;
        *cursor = ahead;
        if (name.len && split_name(name, out))
            return true;
    }
}

static void add_decoded(struct strbuf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool encoded = text.data[i] == '%' && i + 2 < text.len &&
                       hex_value(text.data[i + 1]) >= 0 && hex_value(text.data[i + 2]) >= 0;
        if (encoded) {
            strbuf_putc(out,
                        (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2])));
            i += 2;
        } else {
            strbuf_putc(out, text.data[i]);
        }
    }
}

/* Takes "charset'language'" off the first extended piece (RFC 2231 4). */
static struct bytes take_charset(struct bytes *value)
{
    size_t first = bytes_find(*value, '\'');
    struct bytes rest = bytes_slice(*value, first + 1, value->len);
    size_t second = bytes_find(rest, '\'');
    if (first == value->len || second == rest.len)
        return BYTES_EMPTY;
    struct bytes charset = bytes_slice(*value, 0, first);
    *value = bytes_slice(rest, second + 1, rest.len);
    return charset;
}

/* RFC 2231 3 and 4: the pieces from 0 on, without a gap, in one. */
static struct bytes join(struct arena *arena, struct parameter *pieces)
{
    struct bytes charset = BYTES_EMPTY;
    struct strbuf octets, text;
    strbuf_init(&octets, arena);
    strbuf_init(&text, arena);
    if (pieces[0].extended)
        charset = take_charset(&pieces[0].value);
    for (size_t i = 0; i < MIME_SECTIONS_MAX && pieces[i].piece; i++) {
        if (octets.len + pieces[i].value.len > (size_t)MIME_PARAMETER_MAX * 3)
            break;
        if (pieces[i].extended)
            add_decoded(&octets, pieces[i].value);
        else
            strbuf_bytes(&octets, pieces[i].value);
    }
    mime_clean(&text, strbuf_view(&octets), charset, MIME_PARAMETER_MAX);
    return strbuf_view(&text);
}

bool mime_value_parameter(struct arena *arena, struct bytes value, const char *name,
                          struct bytes *out)
{
    struct parameter pieces[MIME_SECTIONS_MAX] = {0}, parameter;
    struct cursor cursor = cursor_of(value);
    bool found = false;
    *out = BYTES_EMPTY;
    while (next_parameter(arena, &cursor, &parameter)) {
        if (!bytes_is(parameter.name, name))
            continue;
        if (parameter.piece && !pieces[parameter.number].piece) {
            pieces[parameter.number] = parameter;
        } else if (!parameter.piece && !found) {
            *out = bytes_slice(parameter.value, 0, MIME_PARAMETER_MAX);
            found = true;
        }
    }
    if (!pieces[0].piece)
        return found;
    *out = join(arena, pieces);
    return true;
}
