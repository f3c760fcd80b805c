/* authres_compose.h - our own Authentication-Results field. */
#ifndef ASSAY_AUTHRES_COMPOSE_H
#define ASSAY_AUTHRES_COMPOSE_H

#include "evaluate.h"

/* The field's value without leading space, one line:
 *   mx.example.org; spf=pass smtp.mailfrom=example.com; dkim=...; dmarc=...
 * Every octet from the message is checked, quoted or dropped (RFC 8601 2.2).
 * Lives in arena; "" when out of memory (the arena remembers). */
const char *authres_compose(struct arena *arena, const struct policy_settings *settings,
                            const struct outcome *outcome);

/* The same value folded for the header: a line end (LF) and a tab before each
 * result, and before a property that would pass column 78. */
const char *authres_fold(struct arena *arena, const char *value);

#endif
