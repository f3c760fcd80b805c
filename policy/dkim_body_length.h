/* dkim_body_length.h - how long the canonical body is, for signatures with l= (RFC 6376 3.4.5).
 *
 * The engine hashes what l= covers and does not tell what lies behind it.
 */
#ifndef ASSAY_DKIM_BODY_LENGTH_H
#define ASSAY_DKIM_BODY_LENGTH_H

#include "bytes.h"

#include <stdint.h>

struct dkim_body_length {
    bool relaxed;         /* set this; all else begins as zero */
    bool after_cr;        /* the last octet was CR */
    bool white_space;     /* relaxed: SP or HTAB not yet counted */
    uint64_t octets;      /* canonical, up to the last octet that is no line end */
    uint64_t empty_lines; /* line ends not yet counted */
};

/* The next octets of the body, any chunking. */
void dkim_body_length_add(struct dkim_body_length *length, struct bytes chunk);

/* The length of the whole canonical body; a missing final CRLF counts as there. */
uint64_t dkim_body_length_end(struct dkim_body_length *length);

#endif
