/* dmarc_destination.h - may reports on a domain be sent to an address? (RFC 9990 4)
 *
 * A rua= or ruf= address elsewhere needs the agreement of whoever reads mail
 * there, or anybody could have a stranger flooded with reports. The agreement
 * is a record at <policy domain>._report._dmarc.<host of the address>.
 */
#ifndef ASSAY_DMARC_DESTINATION_H
#define ASSAY_DMARC_DESTINATION_H

#include "dmarc.h"

enum dmarc_destination_status {
    DMARC_DESTINATION_OWN,       /* same Organizational Domain: nobody need be asked */
    DMARC_DESTINATION_CONFIRMED, /* elsewhere, with agreement */
    DMARC_DESTINATION_REFUSED,   /* elsewhere, without: MUST NOT be used */
    DMARC_DESTINATION_MISMATCH,  /* the agreement names other hosts only: MUST NOT be used */
    DMARC_DESTINATION_UNUSABLE,  /* the URI names no host that could be asked */
    DMARC_DESTINATION_TEMPORARY, /* a lookup failed for now: try later */
};

struct dmarc_destination {
    enum dmarc_destination_status status;
    const char *reason; /* one line; never NULL */
    struct domain host; /* of the URI; none when unusable */
    const char *name;   /* where the agreement was looked for; NULL when it was not */
    /* Where to send: the URI itself, or what the agreement puts in its place (step 9).
     * Empty unless own or confirmed. They live as long as uri and the session. */
    struct dmarc_uri *uris;
    size_t uri_count;
    bool overridden; /* uris came from the agreement */
};

/* The host of a report URI: what follows the "@" of a mailto: address, the host
 * of the authority of another scheme. DOMAIN_NONE when there is none, or it is
 * no domain name, or a mailto: has several recipients. */
struct domain dmarc_uri_host(struct arena *arena, struct bytes uri);

/* Checks one URI of the record that was found at policy_domain. failure: it is
 * of ruf=, else of rua=. Waits for DNS. */
void dmarc_destination_check(struct dns_session *session, struct arena *arena,
                             struct domain policy_domain, struct bytes uri, bool failure,
                             struct dmarc_destination *out);

#endif
