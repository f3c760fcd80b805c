/* runtime.c - configuration, resolver and clocks in one object; see runtime.h. */
#include "runtime.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t monotonic_us(void *clock)
{
    struct timespec now;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t epoch(void *clock)
{
    const struct runtime *runtime = clock;
    return runtime->fixed_epoch >= 0 ? runtime->fixed_epoch : (int64_t)time(NULL);
}

static struct resolver_options resolver_options(const struct config *config)
{
    static const enum resolver_mode modes[] = {[NAMESERVERS_SYSTEM] = RESOLVER_SYSTEM,
                                               [NAMESERVERS_RECURSIVE] = RESOLVER_RECURSIVE,
                                               [NAMESERVERS_LIST] = RESOLVER_LIST,
                                               [NAMESERVERS_NONE] = RESOLVER_LOCAL};
    const struct resolver_config *resolver = &config->resolver;
    return (struct resolver_options){
        .mode = modes[resolver->nameservers.kind],
        .nameservers = resolver->nameservers.servers.items,
        .nameserver_count = resolver->nameservers.servers.count,
        .trust_anchor_file = resolver->trust_anchor_file,
        .local_zones = resolver->local_zones.items,
        .local_zone_count = resolver->local_zones.count,
        .cache_bytes = resolver->cache_size,
        .query_timeout_us = config->policy.limits.resolver_timeout_us,
    };
}

static struct key_store_options key_options(const struct config *config,
                                            const struct runtime_log *log)
{
    const struct keys_config *keys = &config->keys;
    return (struct key_store_options){
        .key_directory = keys->key_directory,
        .key_table = keys->key_table,
        .signing_table = keys->signing_table,
        .multiple_signatures = keys->multiple_signatures,
        .unsafe_keys_warn = keys->unsafe_keys == UNSAFE_KEYS_WARN,
        .minimum_bits = config->policy.limits.minimum_key_bits,
        .reader_uid = log->reader_uid,
        .reader_gid = log->reader_gid,
        .log = log->keys,
        .log_context = log->context,
    };
}

/* True unless the keys are configured and cannot be had. */
static bool open_keys(struct runtime *runtime, const struct runtime *previous,
                      const struct runtime_log *log, char *error)
{
    if (!log)
        return true;
    struct key_store_options options = key_options(runtime->config, log);
    if (!options.key_directory && !options.key_table && !options.signing_table)
        return true;
    runtime->keys = key_store_new(&options, previous ? previous->keys : NULL, error);
    if (!runtime->keys)
        return false;
    key_store_preload(runtime->keys);
    runtime->env.keys = key_store_source(runtime->keys);
    return true;
}

struct runtime *runtime_prepare(struct config *config, const struct runtime *previous,
                                const struct runtime_log *log, char *error)
{
    struct runtime *runtime = calloc(1, sizeof(*runtime));
    if (!runtime) {
        snprintf(error, RUNTIME_ERROR_MAX, "out of memory");
        config_unref(config);
        return NULL;
    }
    runtime->config = config;
    runtime->env.monotonic_us = monotonic_us;
    runtime->env.epoch = epoch;
    runtime->env.clock = runtime;
    runtime->fixed_epoch = -1;
    runtime->log_resolver = log ? log->resolver : NULL;
    atomic_init(&runtime->references, 1);
    if (open_keys(runtime, previous, log, error))
        return runtime;
    runtime_unref(runtime);
    return NULL;
}

bool runtime_start(struct runtime *runtime, const struct runtime *previous, char *error)
{
    struct resolver_options options = resolver_options(runtime->config);
    options.log = runtime->log_resolver;
    if (previous && resolver_matches(previous->resolver, &options))
        runtime->resolver = resolver_ref(previous->resolver);
    else
        runtime->resolver = resolver_new(&options, error, RUNTIME_ERROR_MAX);
    if (runtime->resolver)
        runtime->env.resolver = resolver_dns(runtime->resolver);
    return runtime->resolver != NULL;
}

bool runtime_watch_keys(struct runtime *runtime)
{
    if (runtime->keys)
        runtime->rotation = key_rotation_start(runtime->keys, &runtime->env);
    return !runtime->keys || runtime->rotation;
}

struct runtime *runtime_new(struct config *config, const struct runtime *previous,
                            const struct runtime_log *log, char *error)
{
    struct runtime *runtime = runtime_prepare(config, previous, log, error);
    if (!runtime || runtime_start(runtime, previous, error))
        return runtime;
    runtime_unref(runtime);
    return NULL;
}

struct runtime *runtime_ref(struct runtime *runtime)
{
    atomic_fetch_add_explicit(&runtime->references, 1, memory_order_relaxed);
    return runtime;
}

void runtime_unref(struct runtime *runtime)
{
    if (!runtime || atomic_fetch_sub_explicit(&runtime->references, 1, memory_order_acq_rel) != 1)
        return;
    key_rotation_stop(runtime->rotation);
    key_store_unref(runtime->keys);
    resolver_unref(runtime->resolver);
    config_unref(runtime->config);
    free(runtime);
}
