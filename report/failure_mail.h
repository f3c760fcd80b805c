/* failure_mail.h - the mail that tells of a failure (RFC 9991, over RFC 6591 and RFC 5965).
 *
 * multipart/report with a text for people, message/feedback-report for programs, and
 * text/rfc822-headers: never the body of the message. To be signed with report_mail_sign().
 */
#ifndef ASSAY_FAILURE_MAIL_H
#define ASSAY_FAILURE_MAIL_H

#include "store_failure.h"

struct failure_mail {
    struct bytes sender;    /* ReportSender, "local@domain" */
    struct bytes org;       /* ReportOrg */
    struct bytes contact;   /* ReportContact; empty: the postmaster of `receiver` */
    struct bytes receiver;  /* domain of the sender, in ASCII */
    struct bytes recipient; /* "local@domain" */
    struct bytes id;        /* letters and digits */
    const struct store_failure *failure;
    int64_t date; /* seconds since 1970 UTC */
};

/* The whole message without signatures, in arena, lines with CRLF; empty when out of memory, or
 * when the sender is no address. */
struct bytes failure_mail_compose(struct arena *arena, const struct failure_mail *mail);

#endif
