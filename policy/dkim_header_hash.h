/* dkim_header_hash.h - the header hash of RFC 6376 3.7, for signatures that the engine cannot take.
 *
 * libopendkim hashes nearly every signature. It refuses those with U-labels or
 * UTF-8 (RFC 8616) and some legal but odd spellings; these are hashed here. The
 * tests compare both on every signature of the suites.
 */
#ifndef ASSAY_DKIM_HEADER_HASH_H
#define ASSAY_DKIM_HEADER_HASH_H

#include "dkim_signature.h"

/* One header field, with CRLF folds and without final CRLF. */
struct dkim_header_field {
    struct bytes text; /* "Name:value"; white space may stand before the colon */
    size_t name_len;   /* octets of the name without that white space */
};

/* `text` of a DKIM-Signature field with the value of b= deleted. */
struct bytes dkim_header_strip(struct arena *arena, struct bytes text);

/* Hashes what `signature` covers of the `count` fields (in the order of the
 * message), then the field `own`, which holds the signature itself. False when
 * out of memory. */
bool dkim_header_hash(struct arena *arena, const struct dkim_header_field *fields, size_t count,
                      size_t own, const struct dkim_signature_field *signature,
                      uint8_t out[SHA256_OCTETS]);

#endif
