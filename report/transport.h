/* transport.h - handing a mail to the mail server: its sendmail command, or SMTP (libcurl).
 *
 * ReportTransport:  sendmail:/usr/sbin/sendmail   run with -i -f SENDER -- RECIPIENT...
 *                   smtp://host[:port]             STARTTLS when it is offered
 *                   smtps://host[:port]            TLS from the start
 */
#ifndef ASSAY_TRANSPORT_H
#define ASSAY_TRANSPORT_H

#include "bytes.h"

#include <stdint.h>

enum { TRANSPORT_ERROR_MAX = 512 /* octets of an answer or error text, with NUL */ };

enum transport_status {
    TRANSPORT_SENT,
    TRANSPORT_TEMPORARY, /* 4xx, no connection, EX_TEMPFAIL, time-out: again later */
    TRANSPORT_REFUSED,   /* 5xx for the recipient or the message; EX_NOUSER, EX_NOHOST, EX_DATAERR,
                            EX_UNAVAILABLE */
    TRANSPORT_BROKEN, /* our own doing: no such command, bad URL: nothing else can be sent either */
};

struct transport;

/* NULL with error[TRANSPORT_ERROR_MAX]. timeout_ms: for one mail in all. */
struct transport *transport_new(const char *where, int timeout_ms, char *error);
void transport_free(struct transport *transport); /* NULL is allowed */

/* One mail to one recipient (its reverse-path may be empty: "<>"). answer[TRANSPORT_ERROR_MAX]: the
 * server's reply or what went wrong, printable, one line. The connection is kept for the next. */
enum transport_status transport_send(struct transport *transport, struct bytes sender,
                                     struct bytes recipient, struct bytes message, char *answer);

#endif
