/* dkim_key.h - public keys in DNS, RFC 6376 3.6.1, RFC 8463 4.
 *
 * A key record is parsed strictly and decoded once per DNS answer: the decoded
 * keys are kept with the answer (dns_answer_derived()) and shared by threads.
 * ARC uses the same keys.
 */
#ifndef ASSAY_DKIM_KEY_H
#define ASSAY_DKIM_KEY_H

#include "dns.h"

#include <openssl/evp.h>

enum {
    DKIM_KEYS_MAX = 4,      /* usable keys tried when a name has several TXT records */
    DKIM_RECORDS_MAX = 16,  /* TXT records looked at */
    ED25519_KEY_OCTETS = 32 /* RFC 8463 4.2 */
};

enum dkim_key_type {
    DKIM_KEY_RSA,     /* k=rsa, or no k= */
    DKIM_KEY_ED25519, /* k=ed25519 */
};

struct dkim_key {
    const char *problem; /* why it cannot be used, static text; NULL: it can */
    enum dkim_key_type type;
    unsigned bits;                /* RSA modulus, 256 for Ed25519; 0 when not decoded */
    bool testing;                 /* t=y */
    bool strict_domain;           /* t=s: the domain of i= must be d= itself */
    bool allows_sha256;           /* h= is absent or lists it */
    bool allows_email;            /* s= is absent or lists it or "*" */
    EVP_PKEY *pkey;               /* NULL when there is a problem */
    struct dkim_key_spare *spare; /* a context ready to verify (dkim_key.c); NULL: none is kept */
};

/* The keys of one DNS answer. */
struct dkim_keys {
    size_t count; /* at least 1; only the first may have a problem, and is alone then */
    struct dkim_key keys[DKIM_KEYS_MAX];
};

/* Parses one record. `scratch` is needed only during the call. The caller owns
 * the result: dkim_key_clear(). */
void dkim_key_parse(struct arena *scratch, struct bytes record, struct dkim_key *out);
void dkim_key_clear(struct dkim_key *key);

/* The keys in an answer of status DNS_FOUND; they live as long as it does.
 * NULL when out of memory. Safe from any thread. */
const struct dkim_keys *dkim_keys_of(const struct dns_answer *answer);

enum dkim_key_verdict {
    DKIM_KEY_VERIFIES,
    DKIM_KEY_DIFFERS,
    DKIM_KEY_NO_MEMORY, /* it could not be found out */
};

/* Whether `signature` is this key's signature of the SHA-256 hash `digest`
 * (RSA: PKCS#1 v1.5; Ed25519: PureEdDSA over the hash, RFC 8463 3). */
enum dkim_key_verdict dkim_key_judge(const struct dkim_key *key, const uint8_t digest[32],
                                     const uint8_t *signature, size_t signature_len);

/* True when it is DKIM_KEY_VERIFIES. */
bool dkim_key_verify(const struct dkim_key *key, const uint8_t digest[32], const uint8_t *signature,
                     size_t signature_len);

#endif
