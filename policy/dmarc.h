/* dmarc.h - DMARC, RFC 9989: records, tree walk, alignment, result. */
#ifndef ASSAY_DMARC_H
#define ASSAY_DMARC_H

#include "dkim.h"
#include "spf.h"

enum dmarc_policy {
    DMARC_POLICY_UNSET,   /* tag absent */
    DMARC_POLICY_INVALID, /* tag present with a value that is no policy */
    DMARC_POLICY_NONE,
    DMARC_POLICY_QUARANTINE,
    DMARC_POLICY_REJECT,
};

/* "none", "quarantine", "reject"; "" for unset and invalid. */
const char *dmarc_policy_name(enum dmarc_policy policy);

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO }; /* psd=u, y, n */

struct dmarc_uri {
    struct bytes text; /* the URI as published, without an obsolete "!size" */
};

/* fo= as bits (RFC 9989 4.7). */
enum {
    DMARC_FO_ALL = 1,  /* 0 */
    DMARC_FO_ANY = 2,  /* 1 */
    DMARC_FO_DKIM = 4, /* d */
    DMARC_FO_SPF = 8,  /* s */
};

struct dmarc_record {
    enum dmarc_policy p, sp, np;
    enum dmarc_psd psd;
    bool strict_dkim; /* adkim=s */
    bool strict_spf;  /* aspf=s */
    bool testing;     /* t=y */
    unsigned fo;      /* DMARC_FO_*, default DMARC_FO_ALL */
    struct dmarc_uri *rua, *ruf;
    size_t rua_count, ruf_count;
    const char *problem; /* first oddity met (unknown value, repeated tag), else NULL */
};

/* Parses one TXT record (all strings joined). False when it is no DMARC record
 * (v=DMARC1 does not stand first). Syntax errors in other tags are not fatal
 * (RFC 9989 4.7). Lives in arena. */
bool dmarc_record_parse(struct arena *arena, struct bytes text, struct dmarc_record *out);

/* What is wrong with p=, sp= or np=, so that the record does not count as published (RFC 9989
 * 4.10.1), or NULL. Static text. */
const char *dmarc_policy_defect(const struct dmarc_record *record);

/* The outcome of one tree walk (RFC 9989 4.10). */
struct dmarc_walk {
    struct domain start;
    struct {
        struct domain domain;
        struct dmarc_record record; /* its URIs live as long as the session */
    } found[DMARC_WALK_MAX];        /* longest name first */
    size_t found_count;
    unsigned queries;             /* names looked at before the walk stopped, 1..8 */
    bool temporary_error;         /* a needed lookup failed: the rest is not to be used */
    const char *cause;            /* then: which name, and how it failed */
    struct domain organizational; /* RFC 9989 4.10.2 */
    struct domain public_suffix;  /* name of a psd=y record above start, if one was met */
};

/* Starts the lookups of a walk, all at once, without waiting. */
void dmarc_prefetch(struct dns_session *session, struct domain start);

/* Asks whether the author domain exists, as soon as the answers to its walk show that
 * np= may need it (RFC 9989 4.10.1); never waits. To be called as answers arrive. */
void dmarc_prefetch_existence(struct dns_session *session, struct domain author);

/* Walks from start. Waits for DNS. */
void dmarc_walk(struct dns_session *session, struct arena *arena, struct domain start,
                struct dmarc_walk *out);

/* Which tag of the record gave the policy. */
enum dmarc_tag { DMARC_TAG_NONE, DMARC_TAG_P, DMARC_TAG_SP, DMARC_TAG_NP };

const char *dmarc_tag_name(enum dmarc_tag tag);

struct dmarc_result {
    enum auth_result result; /* none pass fail temperror permerror */
    const char *reason;      /* one line; never NULL */
    struct domain from_domain;
    struct domain organizational_domain; /* of from_domain; none when no walk was needed or
                                            possible */
    struct domain policy_domain;         /* where the applied record was found, or none; set too
                                            when that record is unusable (permerror) */
    struct dmarc_record record;          /* the applied record; valid with policy_domain */
    bool has_record;
    enum dmarc_tag tag;                 /* that gave `policy` */
    enum dmarc_policy policy;           /* published: p, sp or np */
    enum dmarc_policy effective_policy; /* after t=y (RFC 9989 4.7); what to act on if the result
                                           is fail, and only then; UNSET for none and permerror,
                                           without meaning for temperror */
    bool author_nonexistent;            /* NXDOMAIN for from_domain was seen and mattered */
    bool spf_aligned;                   /* spf passed and is aligned */
    bool dkim_aligned;                  /* some signature passed and is aligned */
    bool *signature_aligned;            /* per signature of dkim_results: its domain is aligned.
                                           On fail for all of them, on pass for those that passed
                                           and those that need no DNS; one that could not be
                                           found out counts as not aligned. NULL when there are
                                           none */
};

/* Evaluates; waits for DNS. `spf` must be the MAIL FROM identity. Lazy: DNS
 * errors matter only where the answer is needed (RFC 9989 5.3.6). */
void dmarc_evaluate(struct dns_session *session, struct arena *arena, struct domain author,
                    const struct spf_result *spf, const struct dkim_results *dkim,
                    struct dmarc_result *out);

#endif
