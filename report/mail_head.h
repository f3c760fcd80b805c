/* mail_head.h - what all mails have in common that we write of our own accord: reports and failure
 * reports.
 *
 * What comes from strangers passes mail_text.h, so that no value can begin a field of its own.
 */
#ifndef ASSAY_MAIL_HEAD_H
#define ASSAY_MAIL_HEAD_H

#include "strbuf.h"

#include <stdint.h>

struct mail_head {
    struct bytes sender;            /* ReportSender, "local@domain" */
    struct bytes org;               /* its display name; may be empty, may hold UTF-8 */
    struct bytes receiver;          /* domain of the sender, in ASCII */
    struct bytes id;                /* letters and digits; no two mails have the same */
    const struct bytes *recipients; /* "local@domain" each; what is none is left out */
    size_t recipient_count;
    struct bytes subject;
    int64_t date; /* seconds since 1970 UTC */
};

/* Appends From, To, Subject, Date, Message-ID, Auto-Submitted (RFC 3834 5) and MIME-Version. False
 * when the sender is no address. */
bool mail_head_add(struct strbuf *buf, const struct mail_head *head);

/* Appends the letters and digits of an id; "0" when there are none. */
void mail_head_id(struct strbuf *buf, struct bytes id);

/* Appends the boundary of a multipart that goes with the id, and the line in front of a part; end:
 * "--" behind the last one, else "". */
void mail_head_boundary(struct strbuf *buf, struct bytes id);
void mail_head_delimiter(struct strbuf *buf, struct bytes id, const char *end);

#endif
