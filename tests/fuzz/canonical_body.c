/* canonical_body.c - the canonical body; see canonical_body.h. */
#include "canonical_body.h"

#include <string.h>

/* RFC 6376 3.4.4: one line without its end. */
static void add_relaxed_line(struct strbuf *out, struct bytes line)
{
    while (line.len && is_wsp(line.data[line.len - 1]))
        line.len--;
    for (size_t i = 0; i < line.len; i++) {
        if (!is_wsp(line.data[i]))
            strbuf_putc(out, line.data[i]);
        else if (!is_wsp(line.data[i + 1])) /* the last of a run; there is one behind it */
            strbuf_putc(out, ' ');
    }
}

static bool ends_in_empty_line(const struct strbuf *text)
{
    return text->len >= 4 && memcmp(text->data + text->len - 4, "\r\n\r\n", 4) == 0;
}

/* Takes one line off the body, without its CRLF. */
static struct bytes take_line(struct bytes *body)
{
    struct bytes line = *body;
    for (size_t i = 0; i + 1 < body->len; i++) {
        if (memcmp(body->data + i, "\r\n", 2) == 0) {
            line = bytes_slice(*body, 0, i);
            *body = bytes_slice(*body, i + 2, body->len);
            return line;
        }
    }
    *body = BYTES_EMPTY;
    return line;
}

struct bytes canonical_body(struct arena *arena, struct bytes body, bool relaxed)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    while (body.len) {
        struct bytes line = take_line(&body);
        if (relaxed)
            add_relaxed_line(&out, line);
        else
            strbuf_bytes(&out, line);
        strbuf_puts(&out, "\r\n");
    }
    while (ends_in_empty_line(&out))
        strbuf_truncate(&out, out.len - 2);
    if (out.len == 2)
        strbuf_truncate(&out, 0);
    if (!relaxed && out.len == 0)
        strbuf_puts(&out, "\r\n");
    return strbuf_view(&out);
}
