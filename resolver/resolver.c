/* resolver.c - local zones, answer cache and libunbound in a row; see resolver.h. */
#include "resolver.h"

#include "dns_cache.h"
#include "dns_unbound.h"
#include "dns_zone.h"
#include "strbuf.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    QUERY_TIMEOUT_US = 5000000,   /* when the options do not say */
    FLIGHT_LOST_US = 120000000,   /* libunbound gives every query up well before */
    OPTIONS_MEMORY_MAX = 64 << 20 /* octets; the copied options, a zone as text among them */
};

/* What tells whether a file has changed. All 0: there is none. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct resolver {
    struct dns_resolver face; /* first */
    atomic_int references;
    atomic_uint_fast64_t local; /* lookups answered from the zone */
    struct arena *arena;        /* the options' copy, description */
    struct resolver_options options;
    struct file_stamp *stamps; /* of the zones, the trust anchor and resolv.conf, in this order */
    size_t stamp_count;
    const char *description;
    struct dns_zone *zone;             /* NULL: none */
    struct dns_cache *cache;           /* NULL: RESOLVER_LOCAL */
    struct dns_unbound *unbound;       /* NULL: RESOLVER_LOCAL */
    const struct dns_answer *not_here; /* RESOLVER_LOCAL */
};

/* ------------------------------------------------------------ lookups */

static void start(struct dns_resolver *face, struct dns_lookup *lookup)
{
    struct resolver *resolver = (struct resolver *)face;
    struct bytes name = lookup->name;
    if (resolver->zone) {
        const struct dns_answer *answer =
            dns_zone_lookup(resolver->zone, lookup->name, lookup->type, &name);
        if (answer) {
            atomic_fetch_add_explicit(&resolver->local, 1, memory_order_relaxed);
            dns_lookup_complete(lookup, answer, true);
            return;
        }
    }
    if (resolver->cache)
        dns_cache_start(resolver->cache, name, lookup);
    else
        dns_lookup_complete(lookup, dns_answer_ref(resolver->not_here), true);
}

static void cancel(struct dns_resolver *face, struct dns_lookup *lookup)
{
    (void)face;
    dns_cache_cancel(lookup);
}

/* ------------------------------------------------------------ options */

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

static const char *const *copy_list(struct arena *arena, const char *const *list, size_t count)
{
    const char **copied = arena_array(arena, count, sizeof(*copied));
    for (size_t i = 0; copied && i < count; i++)
        copied[i] = copy(arena, list[i]);
    return (const char *const *)copied;
}

static bool copy_options(struct resolver *resolver, const struct resolver_options *from)
{
    struct arena *arena = resolver->arena;
    struct resolver_options *to = &resolver->options;
    *to = *from;
    to->nameservers = copy_list(arena, from->nameservers, from->nameserver_count);
    to->resolv_conf = copy(arena, from->resolv_conf ? from->resolv_conf : "/etc/resolv.conf");
    to->trust_anchor_file = copy(arena, from->trust_anchor_file);
    to->local_zones = copy_list(arena, from->local_zones, from->local_zone_count);
    to->local_zone_text = copy(arena, from->local_zone_text);
    if (to->cache_bytes == 0)
        to->cache_bytes = RESOLVER_CACHE_BYTES;
    if (to->query_timeout_us == 0)
        to->query_timeout_us = QUERY_TIMEOUT_US;
    return !arena_failed(arena);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    size_t i = 0;
    while (a_count == b_count && i < a_count && same_text(a[i], b[i]))
        i++;
    return a_count == b_count && i == a_count;
}

static struct file_stamp stamp_of(const char *path)
{
    struct stat status;
    if (!path || stat(path, &status) != 0)
        return (struct file_stamp){0};
    return (struct file_stamp){status.st_dev, status.st_ino, status.st_size, status.st_mtim};
}

static bool same_stamp(struct file_stamp a, struct file_stamp b)
{
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.changed.tv_sec == b.changed.tv_sec && a.changed.tv_nsec == b.changed.tv_nsec;
}

/* The path of the stamp with this index; NULL when nothing depends on it. */
static const char *stamped_path(const struct resolver_options *options, size_t index)
{
    if (index < options->local_zone_count)
        return options->local_zones[index];
    if (index == options->local_zone_count)
        return options->trust_anchor_file;
    return options->mode == RESOLVER_SYSTEM ? options->resolv_conf : NULL;
}

/* Before the files are read: a change in between shows as a change. */
static bool take_stamps(struct resolver *resolver)
{
    resolver->stamp_count = resolver->options.local_zone_count + 2;
    resolver->stamps =
        arena_array(resolver->arena, resolver->stamp_count, sizeof(*resolver->stamps));
    for (size_t i = 0; resolver->stamps && i < resolver->stamp_count; i++)
        resolver->stamps[i] = stamp_of(stamped_path(&resolver->options, i));
    return resolver->stamps != NULL;
}

bool resolver_matches(const struct resolver *resolver, const struct resolver_options *options)
{
    const struct resolver_options *own = &resolver->options;
    const char *resolv_conf = options->resolv_conf ? options->resolv_conf : "/etc/resolv.conf";
    size_t cache_bytes = options->cache_bytes ? options->cache_bytes : RESOLVER_CACHE_BYTES;
    int64_t timeout = options->query_timeout_us ? options->query_timeout_us : QUERY_TIMEOUT_US;
    if (own->mode != options->mode || own->cache_bytes != cache_bytes ||
        own->query_timeout_us != timeout ||
        !same_list(own->nameservers, own->nameserver_count, options->nameservers,
                   options->nameserver_count) ||
        !same_list(own->local_zones, own->local_zone_count, options->local_zones,
                   options->local_zone_count) ||
        !same_text(own->resolv_conf, resolv_conf) ||
        !same_text(own->trust_anchor_file, options->trust_anchor_file) ||
        !same_text(own->local_zone_text, options->local_zone_text))
        return false;
    for (size_t i = 0; i < resolver->stamp_count; i++) {
        if (!same_stamp(resolver->stamps[i], stamp_of(stamped_path(own, i))))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------ life */

static bool load_zones(struct resolver *resolver, char *error, size_t size)
{
    const struct resolver_options *options = &resolver->options;
    bool whole_world = options->mode == RESOLVER_LOCAL;
    if (options->local_zone_count == 0 && !options->local_zone_text && !whole_world)
        return true;
    resolver->zone = dns_zone_new();
    if (!resolver->zone)
        return false;
    for (size_t i = 0; i < options->local_zone_count; i++) {
        if (!dns_zone_read_file(resolver->zone, options->local_zones[i], error, size))
            return false;
    }
    if (options->local_zone_text &&
        !dns_zone_read_text(resolver->zone, options->local_zone_text, "local zone", error, size))
        return false;
    if (whole_world && !dns_zone_make_whole(resolver->zone))
        return false;
    return dns_zone_finish(resolver->zone);
}

static int64_t monotonic_us(void *clock)
{
    struct timespec time;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static bool open_backend(struct resolver *resolver, char *error, size_t size)
{
    const struct resolver_options *options = &resolver->options;
    if (options->mode == RESOLVER_LOCAL) {
        resolver->not_here = dns_answer_new(DNS_NO_NAME, false, 0, "", NULL, 0);
        return resolver->not_here != NULL;
    }
    resolver->unbound = dns_unbound_new(options, error, size);
    if (!resolver->unbound)
        return false;
    struct dns_cache_options cache = {.bytes = options->cache_bytes,
                                      .patience_us = options->query_timeout_us,
                                      .lost_us = FLIGHT_LOST_US,
                                      .now_us = monotonic_us};
    resolver->cache = dns_cache_new(&cache, dns_unbound_backend(resolver->unbound));
    return resolver->cache != NULL;
}

static bool describe(struct resolver *resolver)
{
    const struct resolver_options *options = &resolver->options;
    struct strbuf text;
    strbuf_init(&text, resolver->arena);
    switch (options->mode) {
    case RESOLVER_SYSTEM:
        strbuf_printf(&text, "name servers of %s", options->resolv_conf);
        break;
    case RESOLVER_RECURSIVE:
        strbuf_printf(&text, "recursion from the root");
        break;
    case RESOLVER_LOCAL:
        strbuf_printf(&text, "local zones only");
        break;
    case RESOLVER_LIST:
        for (size_t i = 0; i < options->nameserver_count; i++)
            strbuf_printf(&text, "%s%s", i ? ", " : "name servers ", options->nameservers[i]);
        break;
    }
    if (options->mode != RESOLVER_LOCAL && options->trust_anchor_file)
        strbuf_printf(&text, "; DNSSEC with %s", options->trust_anchor_file);
    else if (options->mode != RESOLVER_LOCAL)
        strbuf_printf(&text, "; no DNSSEC");
    for (size_t i = 0; i < options->local_zone_count; i++)
        strbuf_printf(&text, "; local zone %s", options->local_zones[i]);
    if (resolver->zone)
        strbuf_printf(&text, "; %zu local records", dns_zone_records(resolver->zone));
    resolver->description = strbuf_string(&text);
    return resolver->description && !arena_failed(resolver->arena);
}

static void destroy(struct resolver *resolver)
{
    dns_unbound_free(resolver->unbound); /* before the cache, whose flights it holds */
    dns_cache_free(resolver->cache);
    dns_zone_free(resolver->zone);
    dns_answer_unref(resolver->not_here);
    arena_free(resolver->arena);
    free(resolver);
}

struct resolver *resolver_new(const struct resolver_options *options, char *error, size_t size)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    snprintf(error, size, "resolver: out of memory"); /* unless something more telling fails */
    if (!resolver)
        return NULL;
    resolver->face.start = start;
    resolver->face.cancel = cancel;
    atomic_init(&resolver->references, 1);
    atomic_init(&resolver->local, 0);
    resolver->arena = arena_new(OPTIONS_MEMORY_MAX);
    if (!resolver->arena || !copy_options(resolver, options) || !take_stamps(resolver) ||
        !load_zones(resolver, error, size) || !open_backend(resolver, error, size) ||
        !describe(resolver)) {
        destroy(resolver);
        return NULL;
    }
    if (size)
        error[0] = '\0';
    return resolver;
}

struct resolver *resolver_ref(struct resolver *resolver)
{
    atomic_fetch_add_explicit(&resolver->references, 1, memory_order_relaxed);
    return resolver;
}

void resolver_unref(struct resolver *resolver)
{
    if (resolver && atomic_fetch_sub_explicit(&resolver->references, 1, memory_order_acq_rel) == 1)
        destroy(resolver);
}

struct dns_resolver *resolver_dns(struct resolver *resolver)
{
    return &resolver->face;
}

const char *resolver_description(const struct resolver *resolver)
{
    return resolver->description;
}

struct resolver_stats resolver_stats(struct resolver *resolver)
{
    struct resolver_stats stats = {.local = atomic_load(&resolver->local)};
    if (resolver->cache) {
        struct dns_cache_stats cache = dns_cache_stats(resolver->cache);
        stats.lookups = cache.lookups;
        stats.hits = cache.hits;
        stats.shared = cache.shared;
        stats.queries = cache.asked;
        stats.evicted = cache.evicted;
        stats.entries = cache.entries;
        stats.bytes = cache.bytes;
        stats.under_way = dns_unbound_under_way(resolver->unbound);
    }
    stats.lookups += stats.local;
    return stats;
}
