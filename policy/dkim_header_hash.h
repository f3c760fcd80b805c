/* dkim_header_hash.h - the header hash of RFC 6376 3.7, for signatures that are verified and for
 * those that we make.
 *
 * The tests compare it with that of libopendkim, on every signature of the suites and on what the
 * fuzzer finds, and with dkimpy's.
 */
#ifndef ASSAY_DKIM_HEADER_HASH_H
#define ASSAY_DKIM_HEADER_HASH_H

#include "dkim_fields.h"
#include "dkim_signature.h"
#include "strbuf.h"

/* `text` of a DKIM-Signature field with the value of b= deleted. */
struct bytes dkim_header_strip(struct arena *arena, struct bytes text);

/* Hashes what `signature` covers of the `count` fields (in the order of the
 * message), then the field `own`, which holds the signature itself. False when
 * out of memory. */
bool dkim_header_hash(struct arena *arena, const struct dkim_header_field *fields, size_t count,
                      size_t own, const struct dkim_signature_field *signature,
                      uint8_t out[SHA256_OCTETS]);

/* The two halves of it. Appends the canonical form of the fields that `names`
 * (of h=) cover, each with CRLF. The field `own` is never covered; `count` when
 * the signature is no field yet. */
void dkim_header_cover(struct strbuf *out, const struct dkim_header_field *fields, size_t count,
                       size_t own, const struct bytes *names, size_t name_count, bool relaxed);

/* Hashes what stands in `covered`, then `signature`, a DKIM-Signature field
 * whose b= is empty. `covered` is afterwards as it was. False when out of memory. */
bool dkim_header_digest(struct strbuf *covered, struct dkim_header_field signature, bool relaxed,
                        uint8_t out[SHA256_OCTETS]);

#endif
