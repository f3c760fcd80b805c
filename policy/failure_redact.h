/* failure_redact.h - a message's header without what is nobody's business (RFC 6590, RFC 9991 7).
 *
 * Only fields that show the way of a message and its authentication are told, without comments,
 * names and other words; local parts of addresses are replaced by a keyed hash, the same for the
 * same, so that the domain owner can tell one sender from another and ask us. http becomes hxxp.
 */
#ifndef ASSAY_FAILURE_REDACT_H
#define ASSAY_FAILURE_REDACT_H

#include "strbuf.h"

#include <stdint.h>

enum {
    FAILURE_KEY_OCTETS = 32, /* of a redaction key */
    FAILURE_HASH_OCTETS = 8, /* of a hash that is told, as twice as many hexadecimal digits */
};

/* Appends "local@domain" with the local part replaced; text without "@" is all local part. */
void failure_redact_address(struct strbuf *out, const uint8_t *key, struct bytes address);

/* Appends the field with its CRLF, or nothing when it is none that is told. value: what follows the
 * colon, as received. */
void failure_redact_field(struct strbuf *out, const uint8_t *key, struct bytes name,
                          struct bytes value);

#endif
