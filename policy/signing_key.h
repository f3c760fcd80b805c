/* signing_key.h - private keys for DKIM signatures, RFC 6376 3.3, RFC 8463.
 *
 * A key is decoded once and then immutable; references are counted, so a
 * message may go on with a key that a reload has replaced. Safe from any thread.
 */
#ifndef ASSAY_SIGNING_KEY_H
#define ASSAY_SIGNING_KEY_H

#include "dkim_signature.h"
#include "strbuf.h"

struct signing_key;

enum signing_key_type { SIGNING_KEY_RSA, SIGNING_KEY_ED25519 };

/* Decodes the content of a key file: PEM (PKCS#1 or PKCS#8), or what OpenDKIM
 * takes besides: base64 of DER; or base64 of the 32 octets of an Ed25519 seed.
 * NULL with *problem, one static line that says what was found and what is allowed
 * ("the key is encrypted: a daemon cannot ask for its passphrase", ...). The
 * caller owns one reference. */
struct signing_key *signing_key_parse(struct bytes text, const char **problem);

/* The one problem that may be gone the next time; compare the pointer. */
extern const char signing_key_no_memory[];

struct signing_key *signing_key_ref(struct signing_key *key);
void signing_key_unref(struct signing_key *key); /* NULL is allowed */

enum signing_key_type signing_key_type(const struct signing_key *key);

/* "rsa-sha256" or "ed25519-sha256". */
const char *signing_key_algorithm(const struct signing_key *key);

/* Bits of the RSA modulus; 256 for Ed25519. */
unsigned signing_key_bits(const struct signing_key *key);

/* Appends the p= value of the matching key record: base64 of SubjectPublicKeyInfo
 * for RSA, of the raw 32 octets for Ed25519. */
void signing_key_public(const struct signing_key *key, struct strbuf *out);

/* True when `record`, a key record of the DNS, holds this key's public half and
 * lets it sign mail with SHA-256 (s=, h=). */
bool signing_key_matches(const struct signing_key *key, struct bytes record);

/* Signs a SHA-256 hash: RSA PKCS#1 v1.5, or PureEdDSA over the hash (RFC 8463
 * 3). Octets into arena; false when out of memory. */
bool signing_key_sign(const struct signing_key *key, struct arena *arena,
                      const uint8_t digest[SHA256_OCTETS], uint8_t **signature, size_t *len);

#endif
