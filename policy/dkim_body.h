/* dkim_body.h - canonical form and hash of a body, RFC 6376 3.4.3 to 3.4.5, 3.7.
 *
 * One for each canonicalisation and l= that the signatures of a message ask
 * for; signatures that agree on both share one. libopendkim walks a relaxed body octet by
 * octet (HACKING.md, "Where the time goes"); the tests compare.
 *
 * CR and LF that stand alone are octets like others: no octet of the body is
 * ever dropped or repaired, so what verifies is what was signed.
 */
#ifndef ASSAY_DKIM_BODY_H
#define ASSAY_DKIM_BODY_H

#include "bytes.h"

#include <stdint.h>

#define DKIM_BODY_WHOLE UINT64_MAX /* as `limit`: no l= */

struct dkim_body;

/* `limit`: octets of the canonical body to hash (l=). NULL when out of memory. */
struct dkim_body *dkim_body_new(bool relaxed, uint64_t limit);

/* NULL is allowed. */
void dkim_body_free(struct dkim_body *body);

/* Whether it was made with these. */
bool dkim_body_serves(const struct dkim_body *body, bool relaxed, uint64_t limit);

/* The next octets of the body, any chunking. */
void dkim_body_add(struct dkim_body *body, struct bytes chunk);

/* The body is complete; a missing final CRLF is supplied. Once. */
void dkim_body_end(struct dkim_body *body);

/* After dkim_body_end(): SHA256_OCTETS octets, owned by `body`. NULL when libcrypto failed. */
const uint8_t *dkim_body_hash(const struct dkim_body *body);

/* After dkim_body_end(): octets of the whole canonical body, whatever the limit. */
uint64_t dkim_body_octets(const struct dkim_body *body);

/* After dkim_body_end(): true when a CR or LF stood alone somewhere (RFC 5322 2.3). */
bool dkim_body_is_bare(const struct dkim_body *body);

#endif
