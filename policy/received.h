/* received.h - the client that a trusted relay saw, from its Received field. */
#ifndef ASSAY_RECEIVED_H
#define ASSAY_RECEIVED_H

#include "ip.h"

/* Reads the "from" clause of a Received value (RFC 5321 4.4):
 *   from HELO (NAME [ADDRESS]) by ...      from HELO ([ADDRESS]) by ...
 * The address is the first bracketed one inside the clause's comment; HELO may
 * itself be a literal. False when the clause names no address. *helo is a view. */
bool received_client(struct bytes value, struct ip *client, struct bytes *helo);

#endif
