/* runtime.c - configuration, resolver and clocks in one object; see runtime.h. */
#include "runtime.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
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

/* 128 random bits: the name of libopendkim's guard field. */
static bool draw_guard(char guard[33])
{
    uint8_t bits[16];
    if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        return false;
    for (size_t i = 0; i < sizeof(bits); i++)
        snprintf(guard + 2 * i, 3, "%02x", bits[i]);
    return true;
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

/* The resolver of `previous` when it fits, else a new one. */
static struct resolver *find_resolver(const struct config *config, const struct runtime *previous,
                                      char *error)
{
    struct resolver_options options = resolver_options(config);
    if (previous && resolver_matches(previous->resolver, &options))
        return resolver_ref(previous->resolver);
    return resolver_new(&options, error, RUNTIME_ERROR_MAX);
}

struct runtime *runtime_new(struct config *config, const struct runtime *previous, char *error)
{
    struct runtime *runtime = calloc(1, sizeof(*runtime));
    if (!runtime || !draw_guard(runtime->env.guard)) {
        snprintf(error, RUNTIME_ERROR_MAX, "%s", runtime ? strerror(errno) : "out of memory");
        config_unref(config);
        free(runtime);
        return NULL;
    }
    runtime->config = config;
    runtime->resolver = find_resolver(config, previous, error);
    if (!runtime->resolver) {
        config_unref(config);
        free(runtime);
        return NULL;
    }
    runtime->env.resolver = resolver_dns(runtime->resolver);
    runtime->env.monotonic_us = monotonic_us;
    runtime->env.epoch = epoch;
    runtime->env.clock = runtime;
    runtime->fixed_epoch = -1;
    atomic_init(&runtime->references, 1);
    return runtime;
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
    resolver_unref(runtime->resolver);
    config_unref(runtime->config);
    free(runtime);
}
