/* apply.h - from an outcome to what libmilter is told at end of message. */
#ifndef ASSAY_APPLY_H
#define ASSAY_APPLY_H

#include "evaluate.h"
#include "negotiate.h"

/* Removes and adds fields, quarantines, sets the reply; returns the answer for
 * the end-of-message callback. *problem becomes what the MTA could not do for
 * us (static text), or NULL.
 *
 * An accepted message is answered with SMFIS_CONTINUE: after SMFIS_ACCEPT
 * libmilter ignores "quit, new connection follows", and the MTA would wait for
 * ever. */
sfsistat apply_outcome(SMFICTX *ctx, const struct outcome *outcome, const struct granted *granted,
                       const char **problem);

/* Refuses with a reply of ours. `code` begins with 4 or 5. Text: one line, any length. */
sfsistat apply_refusal(SMFICTX *ctx, const char *code, const char *enhanced, const char *text);

#endif
