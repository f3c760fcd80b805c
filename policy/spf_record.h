/* spf_record.h - SPF records: which TXT records are one, and what they say
 * (RFC 7208 4.5, 4.6, 5, 6, 12).
 *
 * A parsed record is immutable and kept with the DNS answer that it came from,
 * so that a record is parsed once per answer, not once per message. Its views
 * point into that answer.
 */
#ifndef ASSAY_SPF_RECORD_H
#define ASSAY_SPF_RECORD_H

#include "bounds.h"
#include "dns.h"
#include "ip.h"
#include "result.h"

enum spf_term_kind {
    SPF_ALL,
    SPF_IP4,
    SPF_IP6,
    SPF_A, /* from here on a term causes DNS lookups (4.6.4) */
    SPF_MX,
    SPF_PTR,
    SPF_EXISTS,
    SPF_INCLUDE,
    SPF_REDIRECT,
    SPF_EXP, /* does not count as a term with lookups */
};

struct spf_term {
    enum spf_term_kind kind;
    enum auth_result qualifier; /* pass, fail, softfail or neutral; mechanisms only */
    struct bytes text;          /* as published, with qualifier */
    struct bytes domain_spec;   /* well-formed; empty: the current domain */
    unsigned letters;           /* macro letters in domain_spec: SPF_MACRO_LETTER() */
    unsigned prefix4, prefix6;  /* a, mx: dual-cidr-length; ip4, ip6: prefix of their family */
    struct ip address;          /* ip4, ip6; an IPv4-mapped one stays IPv6 */
};

struct spf_record {
    const char *error;             /* NULL: well-formed; else static text, "unknown mechanism" */
    struct bytes error_text;       /* the piece that is wrong, unprintable octets included */
    bool has_all;                  /* "all" occurs anywhere: redirect is ignored (6.1) */
    struct spf_term redirect, exp; /* text empty: absent */
    /* The mechanisms that evaluation can reach: all of them up to the first
     * "all", or to the one that exceeds SPF_TERMS_MAX for certain. */
    size_t count;
    struct spf_term terms[];
};

/* True for a TXT record that is an SPF record, whatever follows (4.5). */
bool spf_record_is(struct bytes text);

/* Parses strictly. Syntax errors are told in `error`. NULL: out of memory.
 * The views point into text. The caller owns it: free(). */
struct spf_record *spf_record_new(struct bytes text);

/* What a domain publishes. */
struct spf_published {
    size_t count;              /* SPF records; other than 1: there is no usable one */
    struct spf_record *record; /* when count is 1 */
};

/* The SPF records among the answer to a TXT query whose status is DNS_FOUND;
 * lives as long as the answer. NULL: out of memory. */
const struct spf_published *spf_published_of(const struct dns_answer *answer);

/* True when an "all", "ip4" or "ip6" term matches; false for other terms. */
bool spf_term_matches_client(const struct spf_term *term, const struct ip *client);

/* True when the evaluation of the term causes DNS lookups (4.6.4). */
static inline bool spf_term_looks_up(const struct spf_term *term)
{
    return term->kind >= SPF_A && term->kind <= SPF_REDIRECT;
}

/* The term's text without its qualifier, for messages. */
struct bytes spf_term_name(const struct spf_term *term);

#endif
