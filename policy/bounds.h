/* bounds.h - every bound on what a stranger can make us do.
 *
 * Each has a name, a default, a unit and a reason. Those in `struct limits` can
 * be set in assay.conf; the constants below come from a standard or protect an
 * algorithm and cannot.
 */
#ifndef ASSAY_BOUNDS_H
#define ASSAY_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

/* Fixed by a standard. */
enum {
    SPF_TERMS_MAX = 10,  /* terms that cause DNS lookups in one check (RFC 7208 4.6.4) */
    SPF_VOID_MAX = 2,    /* void lookups in one check (RFC 7208 4.6.4) */
    SPF_NAMES_MAX = 10,  /* MX or PTR names looked at per term (RFC 7208 4.6.4) */
    DMARC_WALK_MAX = 8,  /* queries of one tree walk (RFC 9989 4.10) */
    RSA_BITS_MIN = 1024, /* a shorter RSA key never verifies (RFC 8301 3.2) */
};

/* Chosen by us. */
enum {
    SPF_RECORD_MAX = 65535,     /* octets of one SPF record: what a DNS message can carry */
    SPF_MACROS_MAX = 128,       /* macros in one domain-spec: a name has at most 127 labels */
    SPF_SECONDS_MAX = 20,       /* time for one check (RFC 7208 4.6.4 asks for at least 20 s) */
    DKIM_SIGNATURE_MAX = 32768, /* octets of one DKIM-Signature field */
    DKIM_TAGS_MAX = 64,         /* tags in one signature or key record */
    DKIM_KEY_RECORD_MAX = 8192, /* octets of one key record: RSA-16384 fits */
    RSA_BITS_MAX = 8192,        /* a larger key costs a verifier over a millisecond */
    DMARC_RECORD_MAX = 8192,    /* octets of one DMARC record */
    AUTHOR_ADDRESSES_MAX = 100, /* addresses looked at in one From field */
    COMMENT_DEPTH_MAX = 32,     /* nested comments in a structured field (RFC 5322 3.2.2) */
    FAILURE_SPF_MAX = 2048,     /* octets of an SPF record told in a failure report */
    FAILURE_HEADER_MAX = 16384, /* octets of a message's header told in a failure report */
    HEADER_NAME_MAX = 500,      /* octets of a field name that a signature can cover */
};

/* Settable; the defaults stand in the option table (config/options.def). */
struct limits {
    unsigned maximum_signatures;    /* DKIM-Signature fields evaluated per message */
    unsigned maximum_header_fields; /* fields kept per message */
    size_t maximum_header_bytes;    /* octets of header kept per message */
    unsigned maximum_queries;       /* DNS lookups per message */
    int64_t resolver_timeout_us;    /* one DNS lookup, microseconds */
    int64_t message_deadline_us;    /* waiting for DNS after end of message, microseconds */
    unsigned minimum_key_bits;      /* shorter RSA keys never verify; at least RSA_BITS_MIN */
    unsigned clock_skew;            /* seconds a signature may come from the future, or be late */
    size_t message_memory;          /* octets of memory one message may take in our arena */
};

#endif
