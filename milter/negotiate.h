/* negotiate.h - what we ask of the MTA, and what it granted.
 *
 * Flags are libmilter's SMFIP_* (steps) and SMFIF_* (actions).
 */
#ifndef ASSAY_NEGOTIATE_H
#define ASSAY_NEGOTIATE_H

/* Before mfapi.h, which otherwise makes a bool of its own, of another size. */
#include <stdbool.h>
#include <stddef.h>

#include <libmilter/mfapi.h>

struct granted {
    unsigned long actions; /* SMFIF_* that we may use */
    unsigned long steps;   /* SMFIP_* in force */
};

/* From what the MTA offers to what we take. A connection that will be refused
 * needs the answer to its first step (may_refuse). */
struct granted negotiate(unsigned long offered_actions, unsigned long offered_steps,
                         bool may_refuse);

/* What is missing for the full job, in words, or NULL. */
const char *negotiate_missing(const struct granted *granted);

/* The answer "go on" for a step with the given SMFIP_NR_* flag: silence exactly
 * where silence was granted. */
static inline sfsistat negotiate_go_on(const struct granted *granted, unsigned long no_reply)
{
    return granted->steps & no_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

#endif
