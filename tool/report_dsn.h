/* report_dsn.h - a bounce of one of our reports: what a delivery status notification (RFC 3464)
 * says of it. Mail of strangers: anything may stand in it. */
#ifndef ASSAY_REPORT_DSN_H
#define ASSAY_REPORT_DSN_H

#include "arena.h"

enum {
    REPORT_DSN_RECIPIENTS_MAX = 50, /* groups of one notification; more are left out */
    REPORT_DSN_ID_LEN = 32,         /* letters and digits of a report id (STORE_REPORT_ID_LEN) */
};

struct report_dsn_recipient {
    struct bytes original, final; /* addresses as written, either may be empty */
    struct bytes text;            /* status and what the other side said; one line */
};

struct report_dsn {
    struct bytes report_id; /* of the mail that came back; empty: not found */
    struct report_dsn_recipient failed[REPORT_DSN_RECIPIENTS_MAX];
    size_t failed_count;
    size_t other_count; /* recipients that are delayed, delivered, relayed ... */
};

/* NULL when it is a bounce of a report, with at least one recipient that failed for good; else
 * why it is none, one static line. Strings live in arena or in mail. */
const char *report_dsn_read(struct arena *arena, struct bytes mail, struct report_dsn *out);

#endif
