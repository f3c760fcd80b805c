/* fake_milter.h - libmilter for unit tests: records what a filter tells it.
 *
 * Defines the smfi_*() functions, so it is linked in place of libmilter. There
 * is one connection at a time, fake_milter_ctx().
 */
#ifndef ASSAY_FAKE_MILTER_H
#define ASSAY_FAKE_MILTER_H

#include "negotiate.h" /* mfapi.h with a proper bool */

/* Forgets calls, macros and private data; every call succeeds again. */
void fake_milter_reset(void);

SMFICTX *fake_milter_ctx(void);

/* The calls so far, a line each, as "insheader 0 |Name| value|". */
size_t fake_milter_call_count(void);
const char *fake_milter_call(size_t index);

/* The value of a macro from now on; NULL: not set. */
void fake_milter_set_macro(const char *name, const char *value);

/* The named function ("chgheader") fails from now on. */
void fake_milter_fail(const char *function);

/* The listening socket that smfi_opensocket() made, or -1. */
int fake_milter_listening(void);

#endif
