/* env.h - what policy/ needs from the world, handed in: it reads no clock,
 * draws no random number, opens no file and writes no log of its own. */
#ifndef ASSAY_ENV_H
#define ASSAY_ENV_H

#include "bounds.h"
#include "dns.h"

struct key_source;

struct policy_env {
    struct dns_resolver *resolver;
    struct key_source *keys;              /* for signing (key_source.h); NULL: nothing is signed */
    int64_t (*monotonic_us)(void *clock); /* for time-outs and durations */
    int64_t (*epoch)(void *clock);        /* seconds since 1970 UTC, for t= and x= of DKIM */
    void *clock;
};

#endif
