/* runtime.h - what a program needs to evaluate messages: a configuration, the
 * resolver and the keys that it asks for, and the env over them with the system's
 * clocks.
 *
 * Immutable once made, counted references: a message holds the runtime that it
 * began with, a reload makes a new one.
 */
#ifndef ASSAY_RUNTIME_H
#define ASSAY_RUNTIME_H

#include "config.h"
#include "env.h"
#include "key_store.h"
#include "resolver.h"

#include <stdatomic.h>

struct runtime {
    struct config *config;         /* owned reference */
    struct resolver *resolver;     /* owned reference */
    struct key_store *keys;        /* owned reference; NULL: nothing is signed */
    struct key_rotation *rotation; /* owned; NULL: not started */
    struct policy_env env;
    void (*log_resolver)(const char *line); /* see resolver_options.log */
    int64_t fixed_epoch;                    /* assay check --now; -1: the system's clock */
    atomic_uint references;
};

enum { RUNTIME_ERROR_MAX = KEY_STORE_ERROR }; /* octets of an error text, with NUL */

/* What is to be said of keys, and to whom; see struct key_store_options. And of the resolver, by
 * something that outlives every runtime; NULL: nothing. */
struct runtime_log {
    void (*resolver)(const char *line);
    void (*keys)(void *context, enum key_store_level level, const char *line);
    void *context;
    uid_t reader_uid; /* who reads keys after the start */
    gid_t reader_gid;
};

/* First half: reads the tables of keys, and the keys if they are few. To be
 * called with the rights to do so; starts no thread. Takes over a reference of
 * config, also on failure. `previous` (may be NULL) lends its keys and resolver, as
 * far as they are configured the same, so that a reload keeps the cache. Without `log`
 * (NULL) the keys are left alone. NULL with error[RUNTIME_ERROR_MAX] filled in. */
struct runtime *runtime_prepare(struct config *config, const struct runtime *previous,
                                const struct runtime_log *log, char *error);

/* Second half, with the rights of a user: the resolver. False, with the reason,
 * when it cannot be had; the runtime is then good for runtime_unref() only. */
bool runtime_start(struct runtime *runtime, const struct runtime *previous, char *error);

/* Watches the DNS for published keys, in a thread of its own (keys/key_rotation.h);
 * not needed by tools. False: no thread could be had, the keys stay as they are. */
bool runtime_watch_keys(struct runtime *runtime);

/* Both halves, for those who have no rights to drop. */
struct runtime *runtime_new(struct config *config, const struct runtime *previous,
                            const struct runtime_log *log, char *error);

struct runtime *runtime_ref(struct runtime *runtime);
void runtime_unref(struct runtime *runtime); /* NULL is allowed */

#endif
