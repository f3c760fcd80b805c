/* dmarc_record.h - what the files of the DMARC module share; not for others.
 *
 * The public face is dmarc.h.
 */
#ifndef ASSAY_DMARC_RECORD_H
#define ASSAY_DMARC_RECORD_H

#include "dmarc.h"

enum {
    DMARC_URIS_MAX = 50, /* URIs kept of one rua= or ruf=: a report sender has its own, lower
                            limit (RFC 9990 3.5); the rest of the list is ignored */
};

/* A record as scanned: its URIs are views into the text, in these arrays.
 * record.rua and record.ruf are not set, only their counts. */
struct dmarc_scan {
    struct dmarc_record record;
    struct dmarc_uri rua[DMARC_URIS_MAX];
    struct dmarc_uri ruf[DMARC_URIS_MAX];
};

/* As dmarc_record_parse(), without allocating. */
bool dmarc_record_scan(struct bytes text, struct dmarc_scan *scan);

/* A copy that lives in arena, the URIs' octets too. */
void dmarc_record_copy(struct arena *arena, const struct dmarc_record *record,
                       struct dmarc_record *out);

/* What one name of a tree walk holds. */
struct dmarc_lookup {
    enum dns_status status;            /* of the TXT query */
    size_t count;                      /* DMARC records there; only exactly one counts
                                          (RFC 9989 4.10) */
    const struct dmarc_record *record; /* then: lives as long as the session; else NULL */
    const char *cause;                 /* DNS_TEMPORARY: how it failed, static text */
};

/* Asks for the DMARC record of domain; waits for DNS. */
struct dmarc_lookup dmarc_lookup(struct dns_session *session, struct domain domain);

#endif
