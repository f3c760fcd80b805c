/* dkim_signature.h - one DKIM-Signature field, RFC 6376 3.5.
 *
 * Parses the value strictly and judges what can be judged without a key and
 * without the message: syntax, required tags, algorithm, h=, i= within d=,
 * lifetime. Pure grammar and decision; hashes nothing.
 */
#ifndef ASSAY_DKIM_SIGNATURE_H
#define ASSAY_DKIM_SIGNATURE_H

#include "bounds.h"
#include "digest.h"
#include "domain.h"
#include "result.h"

enum {
    DKIM_SIGNED_FIELDS_MAX = 4000, /* octets of h=; OpenDKIM takes no more either */
};

enum dkim_algorithm {
    DKIM_ALGORITHM_UNKNOWN,
    DKIM_RSA_SHA256,
    DKIM_ED25519_SHA256,
    DKIM_RSA_SHA1, /* recognised to be refused (RFC 8301 3.1) */
};

/* "rsa-sha256", ...; "" for DKIM_ALGORITHM_UNKNOWN. */
const char *dkim_algorithm_name(enum dkim_algorithm algorithm);

struct dkim_signature_field {
    enum auth_result result; /* AUTH_NONE: nothing speaks against it so far */
    const char *reason;      /* NULL with AUTH_NONE, else one line */

    enum dkim_algorithm algorithm; /* a= */
    struct domain domain;          /* d= */
    struct domain selector;        /* s= */
    struct bytes identity;         /* i= decoded; empty when absent or malformed */
    struct domain identity_domain; /* of i=, or d= when there is no i= */
    bool relaxed_header;           /* c= */
    bool relaxed_body;
    struct bytes *signed_fields; /* h=: field names in its order, not folded to one case */
    size_t signed_count;
    uint8_t body_hash[SHA256_OCTETS]; /* bh= */
    const uint8_t *signature;         /* b= decoded */
    size_t signature_len;
    struct bytes signature_text; /* b= as text without white space */
    bool has_length;             /* l= is there */
    uint64_t length;             /* l=, octets of canonical body */
    bool has_time, has_expiry;   /* t=, x= are there */
    uint64_t time, expiry;       /* seconds since 1970 */
};

/* Parses `value` (what follows the colon; must outlive *out) into *out.
 * Problems are told in out->result and out->reason (RFC 8601 2.7.1): syntax
 * and unknown versions, algorithms, ... are neutral; what RFC 6376 6.1.1 calls
 * PERMFAIL is permerror. All tags that are well-formed are filled in anyway. */
void dkim_signature_parse(struct arena *arena, struct bytes value,
                          struct dkim_signature_field *out);

/* Judges t= and x= against the clock (seconds since 1970), both with `skew`
 * seconds of slack. Changes result and reason unless there is one already. */
void dkim_signature_judge_time(struct dkim_signature_field *field, int64_t now, unsigned skew);

/* True when h= lists the field name (any case). */
bool dkim_signature_covers(const struct dkim_signature_field *field, const char *name);

#endif
