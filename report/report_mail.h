/* report_mail.h - the mail that carries a report, signed with our own signer.
 *
 * RFC 9990 3.5: the report must itself pass DMARC, so From is ReportSender and the
 * signatures are those that the key store has for it. Lines end with CRLF.
 */
#ifndef ASSAY_REPORT_MAIL_H
#define ASSAY_REPORT_MAIL_H

#include "originate.h"

enum { REPORT_FILE_NAME_MAX = 600 /* octets, with NUL: two domains, two times, an id */ };

struct report_mail {
    struct bytes sender; /* ReportSender, "local@domain": From and reverse-path */
    struct bytes org;    /* ReportOrg: display name of From, may hold UTF-8 */
    struct bytes
        contact; /* ReportContact, for the text part; empty: the postmaster of `receiver` */
    struct bytes receiver; /* receiver-domain: the domain of the sender, in ASCII */
    struct bytes policy_domain;
    struct bytes report_id;
    int64_t begin, end;             /* as in struct report_head */
    int64_t messages;               /* for the text part */
    const struct bytes *recipients; /* "local@domain" each */
    size_t recipient_count;
    struct bytes body; /* the report, compressed or not */
    bool gzip;
    int64_t date; /* seconds since 1970 UTC */
};

/* receiver!policy-domain!begin!end!id.xml[.gz] (RFC 9990 3.5.2) into buf[REPORT_FILE_NAME_MAX].
 * Returns buf. */
const char *report_file_name(const struct report_mail *mail, char *buf);

/* "Report Domain: ... Submitter: ... Report-ID: <...>" (RFC 9990 3.5.2), unfolded; in arena. */
const char *report_subject(struct arena *arena, const struct report_mail *mail);

/* The whole message without signatures, in arena; empty when out of memory, or when the sender is
 * no address. Recipients that are none are left out of the To field. The same mail is the same
 * octets. */
struct bytes report_mail_compose(struct arena *arena, const struct report_mail *mail);

/* The same text with DKIM-Signature fields on top, in arena; empty when out of memory. *why_not:
 * as in struct signing_result, when there are none ("" when there are); the text is then as it
 * was. Any message of ours: failure reports, too. sender: ReportSender; a message whose From field
 * is of another domain is not signed, its signature would not be aligned. */
struct bytes report_mail_sign(struct arena *arena, const struct policy_env *env,
                              const struct signing_settings *settings, struct bytes sender,
                              struct bytes message, const char **why_not);

#endif
