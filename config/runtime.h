/* runtime.h - what a program needs to evaluate messages: a configuration, the
 * resolver that it asks for, and the env over both with the system's clocks.
 *
 * Immutable once made, counted references: a message holds the runtime that it
 * began with, a reload makes a new one.
 */
#ifndef ASSAY_RUNTIME_H
#define ASSAY_RUNTIME_H

#include "config.h"
#include "env.h"
#include "resolver.h"

#include <stdatomic.h>

struct runtime {
    struct config *config;     /* owned reference */
    struct resolver *resolver; /* owned reference */
    struct policy_env env;
    int64_t fixed_epoch; /* assay check --now; -1: the system's clock */
    atomic_uint references;
};

enum { RUNTIME_ERROR_MAX = 512 }; /* octets of an error text, with NUL */

/* Takes over a reference of config, also on failure. `previous` (may be NULL)
 * lends its resolver when that is configured the same, so that a reload keeps
 * the cache. NULL with error[RUNTIME_ERROR_MAX] filled in. */
struct runtime *runtime_new(struct config *config, const struct runtime *previous, char *error);

struct runtime *runtime_ref(struct runtime *runtime);
void runtime_unref(struct runtime *runtime); /* NULL is allowed */

#endif
