/* report_codec.h - how events of the journal are written down: numbers and texts.
 *
 * A number is 1 to 10 octets of 7 bits, least significant first, the top bit set on all but the
 * last; there is one form for each number. A text is its length and its octets. So equal
 * values give equal octets, and only those.
 *
 * Reading is safe on any octets: the cursor fails (cursor.h).
 */
#ifndef ASSAY_REPORT_CODEC_H
#define ASSAY_REPORT_CODEC_H

#include "cursor.h"
#include "ip.h"
#include "strbuf.h"

#include <stdint.h>

/* The first octet of an event: what it is, and in which version. A number is never used again
 * for something else. */
enum report_event {
    REPORT_EVENT_ROW = 1,     /* report_row.h */
    REPORT_EVENT_FAILURE = 2, /* failure_event.h */
};

/* The first octet; 0 for an empty event. */
static inline unsigned report_event_type(struct bytes event)
{
    return event.len ? (unsigned char)event.data[0] : 0;
}

void report_put_number(struct strbuf *out, uint64_t number);
void report_put_text(struct strbuf *out, struct bytes text);
void report_put_ip(struct strbuf *out, const struct ip *ip);

/* A number of at most `max`, or failure. */
uint64_t report_take_number(struct cursor *cursor, uint64_t max);
bool report_take_bool(struct cursor *cursor);
struct bytes report_take_text(struct cursor *cursor);
struct ip report_take_ip(struct cursor *cursor);

#endif
