/* report_guard.h - mail that no report may tell of, or reports would beget reports.
 *
 * RFC 9990 leaves loops to the implementer; those of the peers have been seen to
 * run for years. A message is guarded when any of these holds:
 *   - its Content-Type is multipart/report with report-type=feedback-report;
 *   - it looks like an aggregate report: Subject "Report Domain: ... Submitter: ..."
 *     (RFC 9990 3.5.2) and an archive, XML or multipart for Content-Type;
 *   - the author or the only recipient is our own ReportSender (our reports themselves; bounces of
 *     them and automatic answers). Not one recipient of many, nor the reverse-path: that would be
 *     all that a forger has to write to stay out of every report;
 *   - it says Auto-Submitted: anything but "no" (RFC 3834), and is a bounce: null reverse-path,
 *     or multipart/report.
 * Other automatic mail is counted: domain owners want to know of their
 * notifications.
 */
#ifndef ASSAY_REPORT_GUARD_H
#define ASSAY_REPORT_GUARD_H

#include "arena.h"

struct report_guard {
    struct bytes sender;  /* ReportSender, or empty; the settings' memory */
    bool null_sender;     /* the reverse-path is empty */
    bool own_recipient;   /* sent to ReportSender */
    bool other_recipient; /* and, or, to somebody else */
    bool automatic;       /* Auto-Submitted, and not "no" */
    bool report_subject;  /* Subject of an aggregate report */
    bool report_type;     /* Content-Type that one may have */
    bool multipart_report;
    bool feedback_report;
};

void report_guard_init(struct report_guard *guard, struct bytes sender, struct bytes mail_from);
void report_guard_recipient(struct report_guard *guard, struct bytes address);

/* Each header field as it comes; scratch is used for one call. */
void report_guard_header(struct report_guard *guard, struct arena *scratch, struct bytes name,
                         struct bytes value);

/* author: address of the From field, or empty. Why the message must not be reported, one line
 * of static text; NULL when it may. */
const char *report_guard_verdict(const struct report_guard *guard, struct bytes author);

#endif
