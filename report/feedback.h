/* feedback.h - a report about our own domains, as another wrote it.
 *
 * RFC 9990, RFC 7489 appendix C and what is common in the wild: namespace or not,
 * any order of elements, unknown elements skipped, values that are not in the list kept
 * as text. All strings are UTF-8 without controls and live in the arena.
 */
#ifndef ASSAY_FEEDBACK_H
#define ASSAY_FEEDBACK_H

#include "arena.h"

#include <stdint.h>

enum {
    FEEDBACK_XML_MAX = 128 << 20,   /* octets of XML, uncompressed */
    FEEDBACK_RECORDS_MAX = 1000000, /* records of one report */
    FEEDBACK_DEPTH_MAX = 32,        /* elements in elements */
    FEEDBACK_TEXT_MAX = 1024,       /* octets kept of one value */
    FEEDBACK_SIGNATURES_MAX = 100,  /* dkim elements kept of one record */
    FEEDBACK_REASONS_MAX = 20,
};

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
};

/* Parses XML. NULL with *why (one line, in arena or static): not XML, a DOCTYPE (never
 * accepted: entities), not a feedback element, over a bound above. */
struct feedback *feedback_parse(struct arena *arena, struct bytes xml, const char **why);

/* Finds reports in anything: XML, gzip, zip, or a whole mail with them attached, up to
 * a mail in a mail. `each` is called for each report, or with NULL and why there is none at that
 * place. */
typedef void feedback_fn(void *context, struct bytes where, struct feedback *feedback,
                         const char *why);
void feedback_find(struct arena *arena, struct bytes name, struct bytes octets, feedback_fn *each,
                   void *context);

#endif
