/* report_row.h - what the domain owner is told of one message (RFC 9990 3.1).
 *
 * The daemon makes a row of each outcome that is to be reported, encodes it and
 * hands the octets to the journal (report/journal.h); the store (report/store.h)
 * decodes it and adds up equal ones; the writer of reports (report/report_xml.h)
 * gets it back with a count.
 *
 * Strings are views: into the outcome when made, into the encoded octets or the
 * arena when decoded. They are text from strangers as far as domains, selectors and
 * reasons go, but printable: reasons are ours, names passed domain_parse().
 */
#ifndef ASSAY_REPORT_ROW_H
#define ASSAY_REPORT_ROW_H

#include "evaluate.h"

enum {
    REPORT_SIGNATURES_MAX = 100, /* signatures in one row (RFC 9990 3.1.3: SHOULD) */
    REPORT_REASONS_MAX = 4,      /* override reasons in one row: we never find more than three */
    REPORT_TEXT_MAX = 200,       /* octets of one free text (reason, comment, error) */
    REPORT_URIS_MAX = 10,        /* URIs kept of one rua= or ruf=, in the order of the record */
    REPORT_URI_MAX = 512,        /* octets of one; a longer one is left out */
    REPORT_ROW_MAX = 128 * 1024, /* octets of an encoded row: 100 signatures of the longest names */
};

/* The applied record (RFC 9990 3.1.1.5, policy_published). */
struct report_policy {
    struct bytes domain;          /* DMARC Policy Domain: where the record was found */
    enum dmarc_policy p;          /* none, quarantine or reject: never unset; none when missing or
                                     invalid (RFC 9989 4.10.1) */
    enum dmarc_policy sp, np;     /* unset when absent or invalid */
    bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
    bool testing;                 /* t=y */
    bool psd;                     /* psd=y: no failure reports (RFC 9989 7.3) */
    struct bytes fo;              /* "0", "1:d:s", ... as in effect */
    struct bytes error;           /* oddity of the record; empty: none */
    struct bytes rua[REPORT_URIS_MAX]; /* mailto: URIs, not yet checked */
    size_t rua_count;
};

/* RFC 9990 3.1.1.9; "pass" is a pass under an enforcing policy. */
enum report_disposition {
    REPORT_DISPOSITION_NONE,
    REPORT_DISPOSITION_PASS,
    REPORT_DISPOSITION_QUARANTINE,
    REPORT_DISPOSITION_REJECT,
};

/* "none", "pass", "quarantine", "reject". */
const char *report_disposition_name(enum report_disposition disposition);

struct report_reason {
    enum override type; /* never OVERRIDE_NONE */
    struct bytes comment;
};

struct report_signature {
    struct bytes domain, selector; /* never empty: signatures without them are left out */
    enum auth_result result;
    struct bytes reason; /* human_result; empty for pass */
};

struct report_row {
    /* the message */
    int64_t time;          /* end of message, seconds since 1970 UTC */
    struct bytes queue_id; /* of the MTA, for people; may be empty */
    /* what stands in the head of a report */
    struct report_policy policy;
    /* the tuple that is counted (RFC 9990 3.1.1.7) */
    struct ip source;
    enum report_disposition disposition;
    bool dkim_aligned, spf_aligned; /* policy_evaluated/dkim and /spf */
    struct report_reason reasons[REPORT_REASONS_MAX];
    size_t reason_count;
    struct bytes header_from;
    struct bytes envelope_from;          /* domain; empty for the null reverse-path */
    struct report_signature *signatures; /* ordered as RFC 9990 asks: aligned and strict passes,
                                            relaxed ones, other passes, the rest */
    size_t signature_count;
    struct bytes spf_domain; /* empty: SPF had no domain to check; no spf element then */
    enum auth_result spf_result;
    struct bytes spf_reason; /* human_result; empty for pass */
};

/* Makes the row of an outcome. False when there is nothing to report: *why_not is
 * one line then, static or in arena ("no DMARC record", "a DMARC report itself").
 * False also when out of memory (arena_failed()). `out` points into outcome and arena. */
bool report_row_make(struct arena *arena, const struct outcome *outcome, int64_t time,
                     const char *queue_id, struct report_row *out, const char **why_not);

/* The URIs of rua= or ruf= that reports can be sent to: "mailto:" ones, not too long, in order.
 * Returns how many. */
size_t report_uris(const struct dmarc_uri *uris, size_t count, struct bytes out[REPORT_URIS_MAX]);

/* Appends the row, encoded: a version octet (report_codec.h), then fields with their lengths. */
void report_row_encode(const struct report_row *row, struct strbuf *out);

/* The parts of an encoded row whose octets are equal exactly when rows belong
 * together: the same policy configuration, and within it the same tuple. Views of the row's
 * beginning, the version octet included. */
struct report_keys {
    struct bytes policy; /* encoded policy: report_policy_decode() */
    struct bytes tuple;  /* encoded policy and tuple: report_tuple_decode() */
};

/* Decodes; strings are views into `octets`, the rest lives in arena. False when they are no
 * row of a version we know, or out of memory. keys may be NULL. Safe on any octets. */
bool report_row_decode(struct arena *arena, struct bytes octets, struct report_row *out,
                       struct report_keys *keys);

/* The same for the keys alone. A decoded tuple has no time and no queue_id. */
bool report_policy_decode(struct bytes octets, struct report_policy *out);
bool report_tuple_decode(struct arena *arena, struct bytes octets, struct report_row *out);

#endif
