/* dkim_body_length.c - how long the canonical body is; see dkim_body_length.h. */
#include "dkim_body_length.h"

/* An octet that is no part of a line end: all before it counts as well. */
static void count_octet(struct dkim_body_length *length)
{
    length->octets += 2 * length->empty_lines + length->white_space + 1;
    length->empty_lines = 0;
    length->white_space = false;
}

static void count_line_end(struct dkim_body_length *length)
{
    length->empty_lines++;
    length->white_space = false; /* RFC 6376 3.4.4: white space at the end of a line */
    length->after_cr = false;
}

static void count_lone_cr(struct dkim_body_length *length)
{
    length->after_cr = false;
    count_octet(length);
}

void dkim_body_length_add(struct dkim_body_length *length, struct bytes chunk)
{
    for (size_t i = 0; i < chunk.len; i++) {
        char c = chunk.data[i];
        if (c == '\n' && length->after_cr) {
            count_line_end(length);
            continue;
        }
        if (length->after_cr)
            count_lone_cr(length);
        if (c == '\r') {
            length->after_cr = true;
        } else if (length->relaxed && is_wsp(c)) {
            length->white_space = true;
        } else {
            count_octet(length);
        }
    }
}

uint64_t dkim_body_length_end(struct dkim_body_length *length)
{
    if (length->after_cr)
        count_lone_cr(length);
    /* RFC 6376 3.4.3, 3.4.4: an empty body is CRLF when simple, nothing when relaxed. */
    if (length->octets == 0 && length->relaxed)
        return 0;
    return length->octets + 2;
}
