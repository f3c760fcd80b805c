/* dkim_sign.h - making DKIM signatures, RFC 6376 5, several in one pass.
 *
 * A signer belongs to one message:
 *
 *   dkim_signer_new, _header for each field in order, _end_of_headers with the
 *   keys, _body, _finish, _free.
 *
 * It signs exactly the octets it is given: they must be those that leave the
 * mail server.
 */
#ifndef ASSAY_DKIM_SIGN_H
#define ASSAY_DKIM_SIGN_H

#include "env.h"
#include "signing_key.h"

enum {
    SIGNATURES_MADE_MAX = 8, /* signatures added to one message */
};

/* Immutable; from the options of the same names. */
struct signing_settings {
    bool relaxed_header, relaxed_body; /* Canonicalization */
    const char *const
        *sign_headers; /* SignHeaders: names, lower case; only fields present are signed */
    size_t sign_header_count;
    const char *const *oversign_headers; /* OversignHeaders: listed once more than present */
    size_t oversign_header_count;
    int64_t expire_seconds; /* SignatureTTL: x= is t= plus this; 0: no x= */
};

/* What SignHeaders and OversignHeaders are when not set; lower case, NULL at the end. */
extern const char *const dkim_sign_default_headers[];
extern const char *const dkim_sign_default_oversign[];

/* True for a field that is never signed, configured or not: mail servers and
 * verifiers add, change and remove it (Received, Return-Path, Resent-*, ...). */
bool dkim_sign_forbids(struct bytes name);

/* One signature to make. */
struct signature_order {
    struct domain domain;    /* d= */
    struct domain selector;  /* s= */
    struct bytes identity;   /* i=, "@sub.example.com" or "user@example.com"; empty: no i= */
    struct signing_key *key; /* the caller's reference; must outlive the signer */
};

struct made_signature {
    const char *value;  /* field value, folded with LF and tab, no leading space; NULL: failed */
    const char *reason; /* why it failed; "" */
};

struct dkim_signer;

/* NULL when out of memory. `settings` and `env` must outlive it; needs
 * dkim_global_init(). */
struct dkim_signer *dkim_signer_new(const struct policy_env *env,
                                    const struct signing_settings *settings, struct arena *arena);

/* As dkim_verifier_header(). */
void dkim_signer_header(struct dkim_signer *signer, struct bytes name, struct bytes value);

/* All fields have been seen; `orders` are copied (what they point to is not).
 * Those beyond SIGNATURES_MADE_MAX fail. */
void dkim_signer_end_of_headers(struct dkim_signer *signer, const struct signature_order *orders,
                                size_t count);

void dkim_signer_body(struct dkim_signer *signer, struct bytes chunk);

/* Makes the signatures, one for each order, in their order. `out` has room for
 * as many. Values live in the arena. */
void dkim_signer_finish(struct dkim_signer *signer, struct made_signature *out);

/* NULL is allowed; legal at any stage. */
void dkim_signer_free(struct dkim_signer *signer);

#endif
