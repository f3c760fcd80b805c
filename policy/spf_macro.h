/* spf_macro.h - macro-strings of SPF: syntax and expansion (RFC 7208 7).
 *
 * Pure text work: the only value that needs DNS, %{p}, is asked for through a
 * callback when an expansion comes to it, and not before.
 */
#ifndef ASSAY_SPF_MACRO_H
#define ASSAY_SPF_MACRO_H

#include "domain.h"
#include "ip.h"

enum spf_macro_use {
    SPF_MACRO_DOMAIN_SPEC, /* domain-spec: ends in a top label or a macro; no c, r, t */
    SPF_MACRO_STRING,      /* macro-string of an unknown modifier */
    SPF_MACRO_EXPLAIN,     /* explain-string: spaces are allowed */
};

/* The bit of a macro letter (lower case) in a set of letters. */
#define SPF_MACRO_LETTER(letter) (1u << ((letter) - 'a'))

/* True when text is well-formed for this use (RFC 7208 12), and, as a domain-spec, has
 * at most SPF_MACROS_MAX macros: each costs an expansion. *letters becomes the set of
 * macro letters that occur. */
bool spf_macro_check(struct bytes text, enum spf_macro_use use, unsigned *letters);

/* What the macro letters stand for. All views outlive the expansions. */
struct spf_macro_values {
    struct bytes sender;        /* s: local-part "@" domain */
    struct bytes local_part;    /* l */
    struct bytes sender_domain; /* o */
    struct bytes domain;        /* d: the domain of the record under evaluation */
    struct ip client;           /* i, c, v */
    struct bytes helo;          /* h */
    struct bytes receiver;      /* r; empty: "unknown" */
    int64_t epoch;              /* t: seconds since 1970 */
    /* p: the validated name of the client; NULL: "unknown" */
    struct bytes (*validated_name)(void *context, struct bytes domain);
    void *context;
};

/* Expands a domain-spec that spf_macro_check() accepted into out, without final dot and
 * NUL-terminated. Labels are dropped from the left until at most 253 octets
 * are left (RFC 7208 7.3). Returns the length; 0 when no name comes out. The
 * name may hold any octet: sender and HELO go in as they are. */
size_t spf_macro_expand_domain(const struct spf_macro_values *values, struct bytes text,
                               char out[DOMAIN_MAX + 1]);

/* Expands an explain-string that spf_macro_check() accepted into out[size],
 * NUL-terminated; what does not fit is cut off, what is not printable ASCII
 * becomes "?". */
void spf_macro_expand_text(const struct spf_macro_values *values, struct bytes text, char *out,
                           size_t size);

#endif
