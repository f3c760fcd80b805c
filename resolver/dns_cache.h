/* dns_cache.h - the answer cache in front of a DNS backend.
 *
 * A hash table in shards, each with its own lock. It keeps answers for their
 * time to live within a bound of octets, the least recently used go first. A
 * question that is already under way is not asked again: the lookup joins the
 * *flight*, the one query to the backend, as one more waiter.
 *
 * How long an answer is kept, in seconds:
 *   found             its TTL, at most DNS_CACHE_TTL_MAX
 *   no data, no name  its TTL (RFC 2308 5), at most DNS_CACHE_NEGATIVE_MAX
 *   temporary error   its TTL, at most DNS_CACHE_FAILURE_MAX: long enough that a
 *                     burst of mail does not hammer a server in trouble
 * 0 is not kept at all. The `ttl` of an answer is not counted down.
 *
 * Threads: everything may be called from any thread. Lock order: shard, then
 * session (dns_lookup_complete() runs under the shard's lock, so that cancel()
 * is final when it returns). The backend is called without a lock.
 */
#ifndef ASSAY_DNS_CACHE_H
#define ASSAY_DNS_CACHE_H

#include "dns.h"

enum {
    DNS_CACHE_TTL_MAX = 86400,
    DNS_CACHE_NEGATIVE_MAX = 3600,
    DNS_CACHE_FAILURE_MAX = 5,
    DNS_CACHE_SHARDS = 16,
};

/* One query on its way, owned by the cache. The backend reads name and type, then
 * answers it with dns_cache_answer(); until then the flight stays where it is. */
struct dns_flight {
    struct bytes name; /* lower case */
    enum dns_type type;
    const void *message; /* whose lookup joined last: a mark to tell messages apart by, maybe
                            of one that is gone. Changes at any time: read it atomically */
};

struct dns_backend {
    /* Asks. Must not wait; dns_cache_answer() is called exactly once, from within
     * ask() or from any thread later, unless dns_cache_abandon() comes first. */
    void (*ask)(struct dns_backend *backend, struct dns_flight *flight);
};

struct dns_cache_options {
    size_t bytes;        /* bound on what the answers and their index occupy */
    unsigned shards;     /* 0: DNS_CACHE_SHARDS; tests take 1 */
    int64_t patience_us; /* a lookup that joins a flight older than this fails at once
                            ("time-out") instead of waiting for what does not come */
    int64_t lost_us;     /* a flight older than this counts as lost: a new one is started */
    int64_t (*now_us)(void *clock); /* monotonic clock, microseconds */
    void *clock;
};

struct dns_cache;

/* NULL when out of memory. backend must outlive the cache. */
struct dns_cache *dns_cache_new(const struct dns_cache_options *options,
                                struct dns_backend *backend);

/* All lookups must have been completed or cancelled, all flights answered. */
void dns_cache_free(struct dns_cache *cache);

/* Looks `name` (raw, at most DNS_NAME_MAX octets) up for `lookup`: completes it at
 * once, or later with its flight. */
void dns_cache_start(struct dns_cache *cache, struct bytes name, struct dns_lookup *lookup);

/* After return the lookup is not touched any more. Harmless when it is completed
 * or was never started. */
void dns_cache_cancel(struct dns_lookup *lookup);

/* For the backend, before it asks. True: nobody waits for the answer any more; the flight is
 * closed and must not be touched afterwards. */
bool dns_cache_abandon(struct dns_flight *flight);

/* The backend's answer. Takes over one reference; NULL: out of memory. The
 * flight must not be touched afterwards. */
void dns_cache_answer(struct dns_flight *flight, const struct dns_answer *answer);

struct dns_cache_stats {
    uint64_t lookups; /* started */
    uint64_t hits;    /* answered from the table */
    uint64_t shared;  /* joined a flight */
    uint64_t asked;   /* flights: questions to the backend */
    uint64_t evicted; /* thrown out for space before their time */
    size_t entries;   /* answers kept */
    size_t bytes;     /* octets they and the index occupy */
    size_t flights;   /* under way */
};

struct dns_cache_stats dns_cache_stats(struct dns_cache *cache);

#endif
