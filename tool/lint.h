/* lint.h - `assay lint`: what a domain publishes, checked; shared by its files.
 *
 * Each check adds findings to a list. What a finding means, how bad it is and what to do
 * is said once for each kind, in lint_rules.def; the check adds where and what.
 */
#ifndef ASSAY_LINT_H
#define ASSAY_LINT_H

#include "dmarc.h"

#include <jansson.h>
#include <stdio.h>

enum lint_severity {
    LINT_SEVERITY_OK,
    LINT_SEVERITY_NOTE,
    LINT_SEVERITY_WARNING,
    LINT_SEVERITY_ERROR,
    LINT_SEVERITIES,
};

enum lint_rule_id {
#define LINT_RULE(symbol, severity, id, why, reference, action) LINT_##symbol,
#include "lint_rules.def"
#undef LINT_RULE
    LINT_RULES
};

struct lint_rule {
    enum lint_severity severity;
    const char *id;        /* for programs; never changes */
    const char *why;       /* why it matters */
    const char *reference; /* sections of RFCs; may be "" */
    const char *action;    /* what to do; "" for ok */
};

extern const struct lint_rule lint_rules[LINT_RULES];

struct lint_finding {
    const struct lint_rule *rule;
    const char *name;  /* the DNS name that it is about; printable */
    const char *found; /* one line; printable */
    struct lint_finding *next;
};

enum {
    LINT_QUERIES_MAX = 600,       /* lookups for one domain */
    LINT_SECONDS_MAX = 60,        /* waiting for one domain */
    LINT_MEMORY_MAX = 64 << 20,   /* octets for one domain */
    LINT_SPF_LOOKUPS_MAX = 100,   /* terms with lookups that are followed; 10 are allowed */
    LINT_SPF_RECORD_OCTETS = 450, /* RFC 7208 3.4 */
    LINT_UDP_OCTETS = 512,        /* of an answer without EDNS (RFC 1035 4.2.1) */
    LINT_FINDINGS_MAX = 500,      /* for one domain */
    LINT_SELECTORS_MAX = 128,     /* of one domain; more are left out */
    LINT_MX_MAX = 20,             /* MX hosts whose addresses are asked for */
    LINT_TEXT_MAX = 256,          /* octets quoted of a record */
};

/* One domain under examination. */
struct lint {
    struct arena *arena; /* findings live here */
    struct dns_session *dns;
    struct domain domain;
    const struct domain *selectors; /* DKIM selectors to look at */
    size_t selector_count;
    bool dnssec; /* a trust anchor is configured: say what is signed */

    struct lint_finding *first, **last; /* in the order of discovery */
    size_t counts[LINT_SEVERITIES];

    bool incomplete;            /* memory or a limit ran out: not everything was told */
    struct lint_finding limits; /* the finding that says so, which needs no memory */

    /* What later checks want to know. */
    bool missing;              /* the domain does not exist */
    bool null_mx;              /* the only MX is null */
    bool spf_denies;           /* the SPF record is "v=spf1 -all" */
    bool spf_unknown;          /* its lookup failed */
    unsigned spf_lookups;      /* terms with lookups of the whole tree */
    unsigned spf_void_lookups; /* for an IPv4 client that nothing matches */
    enum dmarc_policy policy;  /* for the domain itself, after t=y; UNSET: none */
    bool policy_unknown;       /* its lookup failed */
};

/* Adds a finding unless the same was found before. */
void lint_add(struct lint *lint, enum lint_rule_id rule, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The answer; a lookup that failed for now becomes a finding. */
const struct dns_answer *lint_query(struct lint *lint, struct bytes name, enum dns_type type);

/* A stranger's text for names and findings: printable, at most LINT_TEXT_MAX octets. */
const char *lint_text(struct lint *lint, struct bytes view);

/* "_dmarc.example.com": prefix with final dot, and a domain. Never NULL. */
const char *lint_name(struct lint *lint, const char *prefix, struct domain domain);

/* True when mail can be delivered to host, as far as DNS tells; also when that cannot
 * be found out. */
bool lint_takes_mail(struct lint *lint, struct domain host);

/* The checks, in this order. */
void lint_mail(struct lint *lint);   /* existence and MX */
void lint_spf(struct lint *lint);    /* the whole tree of records */
void lint_dkim(struct lint *lint);   /* one key for each selector */
void lint_dmarc(struct lint *lint);  /* the record that applies, and its addresses */
void lint_parked(struct lint *lint); /* what belongs together where no mail is sent */
void lint_dnssec(struct lint *lint); /* what is signed */

/* The addresses of a record that was found at policy_domain. */
void lint_report_addresses(struct lint *lint, struct domain policy_domain,
                           const struct dmarc_record *record);

/* The selectors whose keys are looked at: each once. */
struct lint_selectors {
    struct domain items[LINT_SELECTORS_MAX];
    size_t count;
};

void lint_selectors_add(struct lint_selectors *selectors, struct domain selector);

/* Adds those that KeyTable (`source`: the option's value) or KeyDirectory names for the
 * domain. The arena must outlive the selectors. */
void lint_selectors_of_table(struct arena *arena, const char *source, struct domain domain,
                             struct lint_selectors *selectors);
void lint_selectors_of_directory(struct arena *arena, const char *path, struct domain domain,
                                 struct lint_selectors *selectors);

/* All of them. lint: arena, dns, domain, selectors and dnssec are set, all else 0. */
void lint_domain(struct lint *lint);

/* One domain's findings as text for people, or as a JSON object (a new reference). */
void lint_print(FILE *out, const struct lint *lint);
json_t *lint_json(const struct lint *lint);

#endif
