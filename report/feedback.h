/* feedback.h - a report about our own domains, as another wrote it.
 *
 * RFC 9990, RFC 7489 appendix C and what is common in the wild: namespace or not,
 * any order of elements, unknown elements skipped, values that are not in the list kept
 * as text. All strings are UTF-8 without controls and live in the arena.
 */
#ifndef ASSAY_FEEDBACK_H
#define ASSAY_FEEDBACK_H

#include "arf.h"

#include <stdint.h>

enum {
    FEEDBACK_XML_MAX = 128 << 20,   /* octets of XML, uncompressed */
    FEEDBACK_RECORDS_MAX = 1000000, /* records of one report */
    FEEDBACK_DEPTH_MAX = 32,        /* elements in elements */
    FEEDBACK_TEXT_MAX = 1024,       /* octets kept of one value */
    FEEDBACK_SIGNATURES_MAX = 100,  /* dkim elements kept of one record */
    FEEDBACK_SPF_MAX = 20,          /* spf elements kept of one record */
    FEEDBACK_REASONS_MAX = 20,
    FEEDBACK_MARKUP_MAX = 64 << 10, /* octets of one tag or comment, about */
    FEEDBACK_ATTRIBUTES_MAX = 100,  /* of one element; none of them is looked at */
    FEEDBACK_NEST_MAX = 3,          /* archives and mails in each other, over all */
    FEEDBACK_MEMORY_MAX = 1 << 30,  /* octets of memory for one mail or file */
};

/* A count that is larger counts as this: JSON and SQL have signed 64-bit numbers. */
#define FEEDBACK_COUNT_MAX ((uint64_t)INT64_MAX)

struct feedback_reason {
    struct bytes type, comment;
};

struct feedback_dkim {
    struct bytes domain, selector, result, human_result;
};

struct feedback_spf {
    struct bytes domain, scope, result, human_result;
};

struct feedback_record {
    struct bytes source_ip; /* as written */
    uint64_t count;
    struct bytes disposition; /* lower case */
    bool dkim_pass, spf_pass; /* policy_evaluated: aligned */
    bool has_dkim, has_spf;   /* those elements were there */
    const struct feedback_reason *reasons;
    size_t reason_count;
    struct bytes header_from, envelope_from, envelope_to;
    const struct feedback_dkim *dkim;
    size_t dkim_count;
    const struct feedback_spf *spf; /* RFC 9990 has at most one; others write more */
    size_t spf_count;
    struct feedback_record *next;
};

struct feedback {
    struct bytes file; /* where it was found, for messages: "mail.eml: attachment x.xml.gz" */
    struct bytes version, org_name, email, extra_contact_info, report_id, generator;
    struct bytes error; /* of report_metadata; several joined with "; " */
    int64_t begin, end; /* seconds since 1970 UTC; 0 when missing */
    struct bytes domain, p, sp, np, adkim, aspf, fo, testing, discovery_method, pct;
    bool rfc9990;                    /* its namespace */
    struct feedback_record *records; /* in their order */
    size_t record_count;
    uint64_t messages; /* sum of the counts */
    size_t skipped;    /* records left out: their count is missing or no number */
};

/* Parses XML. NULL with *why (one line, in arena or static): not XML, a DOCTYPE (never
 * accepted: entities), not a feedback element, over a bound above. What stands behind the end of
 * the feedback element does not matter. */
struct feedback *feedback_parse(struct arena *arena, struct bytes xml, const char **why);

/* What was found at one place: a report, a failure report (RFC 9991, 6591, 5965), or why
 * there is none. */
struct feedback_finding {
    struct bytes where;        /* printable: "mail.eml: attachment x.zip: x.xml" */
    struct feedback *feedback; /* or NULL */
    struct arf *failure;       /* or NULL */
    const char *why;           /* one printable line; NULL when there is one of the two */
    bool other_mail;           /* why: a mail that nobody meant to be a report */
};

/* The finding lives until it returns. */
typedef void feedback_fn(void *context, const struct feedback_finding *finding);

/* Finds reports in anything: XML, gzip, zip, a whole mail with them attached or with a mail in it
 * that has them, or an mbox of such mails. What it is, the octets say, never the name. `each`
 * is called at least once. */
void feedback_find(struct bytes name, struct bytes octets, feedback_fn *each, void *context);

#endif
