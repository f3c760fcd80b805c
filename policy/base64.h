/* base64.h - base64 as RFC 6376 and RFC 4648 use it. */
#ifndef ASSAY_BASE64_H
#define ASSAY_BASE64_H

#include "strbuf.h"

#include <stdint.h>

/* Decodes text; FWS between the digits is skipped (RFC 6376 2.10). Strict
 * otherwise: only the alphabet of RFC 4648 4, padding where it belongs and
 * nothing behind it. Missing padding is accepted: signers of key records leave
 * it out and no octet is in doubt. The octets live in the arena. False when it
 * is not base64 or out of memory; the empty text decodes to nothing. */
bool base64_decode(struct arena *arena, struct bytes text, uint8_t **out, size_t *out_len);

/* Appends the base64 form, padded, on one line. */
void base64_encode(struct strbuf *buf, const uint8_t *data, size_t len);

#endif
