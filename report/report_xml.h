/* report_xml.h - one aggregate report as XML (RFC 9990 3.1 and appendix A), by libxml2.
 *
 * Written record by record and compressed on the way, so that memory does not
 * grow with the number of records but by what they compress to. Text that XML 1.0 cannot hold
 * (controls, broken UTF-8, surrogates, U+FFFE/F) becomes U+FFFD.
 */
#ifndef ASSAY_REPORT_XML_H
#define ASSAY_REPORT_XML_H

#include "report_row.h"

struct report_head {
    struct bytes org_name;           /* ReportOrg */
    struct bytes email;              /* ReportSender */
    struct bytes extra_contact_info; /* ReportContact; empty: none */
    struct bytes report_id;          /* letters and digits */
    int64_t begin, end;              /* seconds since 1970 UTC; end inclusive (23:59:59) */
    const struct report_policy *policy;
};

enum report_format { REPORT_XML, REPORT_XML_GZIP };

struct report_writer;

/* What report_writer_finish() says of a report over the maximum. */
extern const char report_writer_too_large[];

/* maximum: octets of output; more is a failure. NULL when out of memory. */
struct report_writer *report_writer_new(const struct report_head *head, enum report_format format,
                                        size_t maximum);
/* In row: time, queue_id and policy are not looked at. */
void report_writer_record(struct report_writer *writer, const struct report_row *row,
                          int64_t count);
/* The whole, owned by the writer. False: nothing was written, out of memory or over the maximum;
 * *why says which. */
bool report_writer_finish(struct report_writer *writer, struct bytes *out, const char **why);
void report_writer_free(struct report_writer *writer); /* NULL is allowed */

#endif
