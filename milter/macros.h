/* macros.h - what the MTA tells beside the SMTP dialogue. */
#ifndef ASSAY_MACROS_H
#define ASSAY_MACROS_H

#include "bytes.h"

#include <libmilter/mfapi.h>

/* Asks for the macros below; only while negotiating, and only when
 * SMFIF_SETSYMLIST is granted. Failing is harmless: the MTA then sends those of
 * its own configuration. */
void macros_request(SMFICTX *ctx);

/* The queue id, or NULL. Postfix knows it from DATA on, so ask at end of message. */
const char *macros_queue_id(SMFICTX *ctx);

/* At MAIL: the client has authenticated by SMTP AUTH. */
bool macros_authenticated(SMFICTX *ctx);

/* The confirmed host name of the client, or the empty view. `hostname` is what
 * the connect callback was given; may be NULL. */
struct bytes macros_client_name(SMFICTX *ctx, const char *hostname);

/* The MTA's own name ({j}), or NULL. */
const char *macros_mta_name(SMFICTX *ctx);

/* {daemon_name}: which of the MTA's listeners took the connection; NULL: not told. */
const char *macros_daemon_name(SMFICTX *ctx);

/* The MTA is Sendmail ({v} is a bare version number). */
bool macros_from_sendmail(SMFICTX *ctx);

#endif
