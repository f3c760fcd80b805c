/* mail_text.h - pieces of a mail that we write: fields, names, addresses, encodings.
 *
 * RFC 5322, 2045 to 2047. Whatever the inputs hold, no piece begins a line that its
 * writer did not mean: mail_text_field() lets nothing but printable ASCII through.
 */
#ifndef ASSAY_MAIL_TEXT_H
#define ASSAY_MAIL_TEXT_H

#include "strbuf.h"

#include <stdint.h>

enum {
    MAIL_TEXT_LINE = 76,          /* octets of a line, where it can be folded (RFC 2047 2; without
                                     encoded-words it were 78, RFC 5322 2.1.1) */
    MAIL_TEXT_WORD_MAX = 900,     /* octets of a word without a space; then it is folded, too */
    MAIL_TEXT_ADDRESS_MAX = 320,  /* octets of an addr-spec (RFC 5321 4.5.3.1: 64 + 1 + 255) */
    MAIL_TEXT_BASE64_OCTETS = 57, /* octets in a line of base64: 76 digits (RFC 2045 6.8) */
};

/* Room for len octets at once, in a buffer that is still empty: growing by doubling a report of
 * 10 MB would take four times that from the arena. */
void mail_text_reserve(struct strbuf *buf, size_t len);

/* Appends "name: value" and CRLF, folded in front of white space. Octets of the value that are
 * not printable ASCII become "?". */
void mail_text_field(struct strbuf *buf, const char *name, struct bytes value);

/* Appends a display-name: a quoted-string, or encoded-words when it is not ASCII (RFC 2047 5 (3)).
 */
void mail_text_phrase(struct strbuf *buf, struct bytes text);

/* Appends text for an unstructured field: as it is, or as encoded-words (RFC 2047 5 (1)). */
void mail_text_unstructured(struct strbuf *buf, struct bytes text);

/* Appends an addr-spec (RFC 5322 3.4.1 without obsolete forms) with its domain in ASCII. False,
 * and nothing is appended, when the text is none: also with a domain literal, or a local
 * part beyond ASCII, which would need SMTPUTF8. */
bool mail_text_address(struct strbuf *buf, struct bytes text);

/* Appends letters, digits, "." and "-" as they are, others as "_"; at most max octets. */
void mail_text_token(struct strbuf *buf, struct bytes text, size_t max);

/* Appends "Sun, 22 Nov 2026 10:12:00 +0000" (RFC 5322 3.3); seconds since 1970 UTC, of the years
 * 1970 to 9999. */
void mail_text_date(struct strbuf *buf, int64_t time);

/* Appends octets as base64 in lines that end with CRLF. */
void mail_text_base64(struct strbuf *buf, struct bytes octets);

/* Octets that mail_text_base64() appends. */
size_t mail_text_base64_length(size_t octets);

/* Appends text with LF line ends as quoted-printable (RFC 2045 6.7) with CRLF. */
void mail_text_quoted_printable(struct strbuf *buf, struct bytes text);

#endif
