/* arf.h - a failure or abuse report about one mail, as another wrote it.
 *
 * RFC 5965 (the format), RFC 6591 (authentication failures), RFC 6692 (source port), RFC 9991
 * (DMARC). All text is UTF-8 without controls, in the arena or the mail; what is missing is
 * empty.
 */
#ifndef ASSAY_ARF_H
#define ASSAY_ARF_H

#include "mime.h"

#include <stdint.h>

enum {
    ARF_VALUES_MAX = 100,       /* kept of a field that may be repeated */
    ARF_TEXT_MAX = 4096,        /* octets kept of one value */
    ARF_CANONICAL_MAX = 1 << 20 /* octets kept of a DKIM-Canonicalized field */
};

struct arf_value {
    struct bytes text;
    struct arf_value *next;
};

struct arf {
    /* RFC 5965 3.1 and 3.2 */
    struct bytes feedback_type; /* lower case: "auth-failure", "abuse", ... */
    struct bytes user_agent, version;
    struct bytes original_envelope_id, original_mail_from, arrival_date_text, reporting_mta;
    struct bytes source_ip;
    int64_t arrival_date; /* seconds since 1970 UTC; 0: missing or not understood */
    uint64_t incidents;   /* 1 when missing */
    struct arf_value *original_rcpt_to, *authentication_results, *reported_domain, *reported_uri;

    /* RFC 6591 3.1 and 3.2, RFC 9991 4; lower case: */
    struct bytes auth_failure, delivery_result, identity_alignment;
    struct bytes dkim_domain, dkim_identity, dkim_selector, dkim_selector_dns;
    struct bytes dkim_adsp_dns, spf_dns;
    /* as they stand, base64 */
    struct bytes dkim_canonicalized_header, dkim_canonicalized_body;
    unsigned source_port; /* RFC 6692; 0: missing */

    /* The mail that it is about (third part); may be redacted. */
    struct bytes headers; /* its header block as it stands, not cleaned; empty when there is none */
    struct bytes from, subject, message_id; /* of it, decoded */
};

/* Reads the report of a part of type message/feedback-report; what follows it in the same
 * multipart is taken as the mail in question. NULL with *why when it is none: no Feedback-Type
 * (RFC 5965 3.1). */
struct arf *arf_read(struct arena *arena, const struct mime_part *part, const char **why);

/* A date of RFC 5322 3.3, with the zones of 4.3; seconds since 1970 UTC; 0 when it is none. */
int64_t arf_date(struct bytes text);

#endif
