/* redaction_key.h - the secret of this host that failure reports hash local parts with. */
#ifndef ASSAY_REDACTION_KEY_H
#define ASSAY_REDACTION_KEY_H

#include "failure_redact.h"

/* The same for the life of the host: a hash of its machine-id(5), which nobody elsewhere knows. On
 * a host without one: random, so hashes of different runs cannot be compared. False when the system
 * gives no random octets either. */
bool redaction_key(uint8_t key[FAILURE_KEY_OCTETS]);

#endif
