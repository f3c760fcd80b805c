/* dkim.h - verification of DKIM signatures, RFC 6376, 8301, 8463, 8616.
 *
 * A verifier belongs to one message:
 *
 *   dkim_verifier_new, _header for each field in order, _end_of_headers,
 *   _body while dkim_verifier_needs_body(), _finish, _free.
 */
#ifndef ASSAY_DKIM_H
#define ASSAY_DKIM_H

#include "domain.h"
#include "env.h"
#include "result.h"

/* One DKIM-Signature field. Strings live in the verifier's arena. */
struct dkim_signature {
    enum auth_result result; /* pass fail neutral policy temperror permerror */
    const char *reason;      /* one line; never NULL */
    struct domain domain;    /* d=, none when missing or no domain name */
    struct domain selector;  /* s=, as d= */
    const char *algorithm;   /* a= when it is one we know ("rsa-sha256", "ed25519-sha256",
                                "rsa-sha1"), else "" */
    struct bytes identity;   /* i= decoded; empty when absent or malformed */
    struct bytes signature;  /* b= without white space, as text; for header.b */
    unsigned key_bits;       /* RSA modulus bits, 256 for Ed25519; 0 when no key was seen */
    bool testing;            /* key record says t=y */
    bool secure;             /* key came with DNSSEC */
    bool body_failed_only;   /* header signature is right, only the body hash is not:
                                what a mailing list does (see verdict.h, IndirectMail) */
    bool body_partial;       /* l= leaves octets of the body uncovered */
};

struct dkim_results {
    struct dkim_signature *signatures; /* in the order of the header, the first (newest) first */
    size_t count;
    size_t skipped; /* further fields beyond the limit, not evaluated */
};

struct dkim_fields;
struct dkim_verifier;

/* NULL when out of memory. `limits` and `env` must outlive it. */
struct dkim_verifier *dkim_verifier_new(const struct policy_env *env, const struct limits *limits,
                                        struct dns_session *session, struct arena *arena);

/* One header field, in the order of the message. `value` is what follows the
 * colon, exactly as received (with leading white space; folds may be LF or
 * CRLF). Views are copied. A DKIM-Signature field starts its key lookup. */
void dkim_verifier_header(struct dkim_verifier *verifier, struct bytes name, struct bytes value);

/* The header fields seen so far; they live in the verifier's arena. */
const struct dkim_fields *dkim_verifier_fields(const struct dkim_verifier *verifier);

/* All header fields have been seen. */
void dkim_verifier_end_of_headers(struct dkim_verifier *verifier);

/* True while some signature still needs body octets; the answer after
 * _end_of_headers() holds for the whole body. */
bool dkim_verifier_needs_body(const struct dkim_verifier *verifier);

/* The next octets of the body, any chunking, CRLF line ends. */
void dkim_verifier_body(struct dkim_verifier *verifier, struct bytes chunk);

/* End of message: waits for keys, verifies, fills *out. */
void dkim_verifier_finish(struct dkim_verifier *verifier, struct dkim_results *out);

/* Gives everything back that is not in the arena; NULL is allowed; legal at any
 * stage. */
void dkim_verifier_free(struct dkim_verifier *verifier);

/* Looks up the hash. Once, before threads start; false when out of memory. */
bool dkim_global_init(void);
void dkim_global_cleanup(void);

#endif
