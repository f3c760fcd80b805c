/* report_rules.h - who is sent a report, where to, and when: the decisions of `assay report
 * send`, without store, DNS or clock. */
#ifndef ASSAY_REPORT_RULES_H
#define ASSAY_REPORT_RULES_H

#include "config.h"
#include "domain.h"
#include "store.h"

enum {
    REPORT_DAY_SECONDS = 86400,
    REPORT_SETTLE_SECONDS = 300,    /* after the end of a period: what other hosts still have in
                                       their journals gets into the same report */
    REPORT_TRY_SECONDS = 2 * 86400, /* from planning on; then a delivery expires */
    REPORT_LOCAL_MAX = 64,          /* octets of a local part (RFC 5321 4.5.3.1.1) */
    REPORT_ADDRESS_MAX = 254,       /* octets of an address (RFC 5321 4.5.3.1.3, less "<>") */
};

/* Why no report is sent to this policy domain, one static line; NULL: it may be. */
const char *report_rules_impolite(const struct report_config *config,
                                  const struct store_summary *summary);

/* Does ReportExclude name this domain ("example.com"), something it lies below
 * (".example.com") or the address? address may be empty. */
bool report_rules_excluded(const struct config_list *exclude, struct bytes domain,
                           struct bytes address);

/* The address of a mailto: URI (RFC 6068), percent-decoded: one recipient, a dot-atom of ASCII
 * at a domain, which comes out in lower case as A-labels. Header fields behind "?" are not looked
 * at. NULL when it is good, else what is wrong, static. */
const char *report_rules_address(struct arena *arena, struct bytes uri, struct bytes *address);

bool report_rules_is_mailto(struct bytes uri);

/* The same check for an address that came from elsewhere; *out is the comparable form. */
const char *report_rules_plain_address(struct arena *arena, struct bytes text, struct bytes *out);

/* When a report on a period that ended at `end` becomes due here: within `jitter` seconds, always
 * the same for a host and a policy domain. */
int64_t report_rules_due(struct bytes host, struct bytes domain, int64_t end, unsigned jitter);

/* End of the last period that is over at `now`. */
int64_t report_rules_last_end(int64_t now, unsigned interval);

/* Seconds until the next try after `attempts` (1 and more) that failed for now. */
int64_t report_rules_pause(int64_t attempts);

/* Seconds to wait for the DNS of the next report, after a run has waited `spent_us` microseconds
 * for all before: 20 at first, then 1. Domains whose DNS never answers cost nothing to make; they
 * must not take up the run, and with it the reports on all others. */
int report_rules_dns_patience(int64_t spent_us);

/* "YYYY-MM-DD" -> its 00:00 UTC. */
bool report_rules_day(const char *text, int64_t *begin);

#endif
