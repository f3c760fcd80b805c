/* spf_mechanism.h - the mechanisms that ask the DNS: a, mx, ptr, exists
 * (RFC 7208 5.3 to 5.7), and the validated names of %{p}. */
#ifndef ASSAY_SPF_MECHANISM_H
#define ASSAY_SPF_MECHANISM_H

#include "spf_record.h"

enum spf_match {
    SPF_NO_MATCH,
    SPF_MATCH,
    SPF_MATCH_TEMPERROR, /* a lookup failed for now; reason is set */
    SPF_MATCH_PERMERROR, /* a limit is exceeded; reason is set */
};

struct spf_mechanism {
    struct dns_session *session;
    struct arena *arena;         /* for reasons */
    const struct ip *client;     /* not IP_NONE */
    const struct spf_term *term; /* a, mx, ptr or exists */
    struct bytes target;         /* target-name: domain-spec expanded, or the current domain */
    bool is_void;                /* out: the primary lookup found nothing (4.6.4) */
    const char *reason;          /* out, on errors */
};

enum spf_match spf_mechanism_test(struct spf_mechanism *mechanism);

/* The validated name of the client for %{p} (7.3): `domain` itself, else a
 * name below it, else any; "unknown" when there is none. */
struct bytes spf_validated_name(struct dns_session *session, const struct ip *client,
                                struct bytes domain);

/* True when name is domain, or lies below it; ASCII case folded. */
bool spf_name_within(struct bytes name, struct bytes domain);

/* "TXT lookup of example.com failed: SERVFAIL"; never NULL. */
const char *spf_lookup_failure(struct arena *arena, enum dns_type type, struct bytes name,
                               const struct dns_answer *answer);

/* A or AAAA, as the client's family asks for (5.3). */
static inline enum dns_type spf_address_type(const struct ip *client)
{
    return client->family == IP_V6 ? DNS_AAAA : DNS_A;
}

#endif
