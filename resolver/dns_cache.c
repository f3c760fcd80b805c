/* dns_cache.c - the answer cache and its flights, see dns_cache.h.
 *
 * A shard's lock protects its table, its flights, their waiters and the members
 * flight and flight_next of the waiting lookups.
 *
 * Memory of flights is never given back before the cache is: cancel() looks at
 * lookup->flight before it knows the lock, and the shard that it finds there is
 * the right one for as long as the cache lives. lookup->flight becomes NULL, by
 * an atomic store, as the last touch of a lookup, so that cancel() of what was
 * completed long ago (the usual case, at the end of every session) takes no lock.
 */
#include "dns_cache.h"

#include "dns_name.h"
#include "siphash.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    FLIGHT_CHAINS = 256,      /* per shard; flights are thousands at the very most */
    OCTETS_PER_CHAIN = 512,   /* a usual entry with its answer */
    MALLOC_OVERHEAD = 32,     /* octets, for the two blocks of an entry */
    DERIVED_ALLOWANCE = 2560, /* octets: a TXT answer may carry a decoded key (RSA-2048, once used:
                                 2350) or record, made later */
    DERIVED_PER_OCTET = 11, /* octets: an SPF record of "ip6:::" again and again takes that much */
    USUAL_ANSWER = 512,     /* octets for which the allowance does */
    CACHE_LINE = 64,        /* octets */
};

struct entry {
    struct entry *chain;         /* next in the same hash chain */
    struct entry *newer, *older; /* order of use */
    const struct dns_answer *answer;
    int64_t expires_us;
    uint64_t hash;
    size_t size; /* octets charged */
    enum dns_type type;
    size_t name_len;
    char name[];
};

struct flight {
    struct dns_flight face;   /* first: the backend holds a pointer to it */
    struct shard *shard;      /* never changes */
    struct flight *chain;     /* next in its hash chain, or in the free list */
    struct dns_lookup *first; /* the waiters, linked by flight_next */
    uint64_t hash;
    int64_t started_us;
    bool lost; /* no longer in the table; its answer is still to come */
    char name[DNS_NAME_MAX];
};

struct shard {
    alignas(CACHE_LINE) pthread_mutex_t lock;
    struct dns_cache *cache;
    struct entry **chains; /* cache->chain_mask + 1 of them */
    struct entry *newest, *oldest;
    size_t bytes, entries, flights_open;
    struct flight *flights[FLIGHT_CHAINS];
    struct flight *free_flights;
    struct dns_cache_stats count; /* the counters of events */
};

struct dns_cache {
    struct dns_cache_options options;
    struct dns_backend *backend;
    struct siphash_key key;
    const struct dns_answer *too_slow; /* for who joins a flight beyond patience */
    size_t shard_limit;                /* octets */
    size_t chain_mask;
    unsigned shard_count;
    struct shard *shards;
};

/* A question in the form the tables use. */
struct question {
    struct bytes name; /* lower case */
    enum dns_type type;
    uint64_t hash;
};

static struct question question_of(struct dns_cache *cache, struct bytes name, enum dns_type type,
                                   char lower[DNS_NAME_MAX])
{
    struct question q = {dns_name_lower(name, lower), type, 0};
    q.hash = siphash(&cache->key, q.name) + (uint64_t)type * 0x9e3779b97f4a7c15u;
    return q;
}

static struct shard *shard_of(struct dns_cache *cache, uint64_t hash)
{
    return &cache->shards[(hash >> 48) % cache->shard_count];
}

/* ------------------------------------------------------------ the answers */

static struct entry **find_entry(struct shard *shard, const struct question *q)
{
    struct entry **link = &shard->chains[q->hash & shard->cache->chain_mask];
    while (*link && ((*link)->hash != q->hash || (*link)->type != q->type ||
                     !bytes_equal((struct bytes){(*link)->name, (*link)->name_len}, q->name)))
        link = &(*link)->chain;
    return link;
}

static void unlink_from_order(struct shard *shard, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void link_as_newest(struct shard *shard, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = shard->newest;
    *(shard->newest ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
}

/* Throws out the entry at *link of its chain. */
static void drop_entry(struct shard *shard, struct entry **link)
{
    struct entry *entry = *link;
    *link = entry->chain;
    unlink_from_order(shard, entry);
    shard->bytes -= entry->size;
    shard->entries--;
    dns_answer_unref(entry->answer);
    free(entry);
}

static void drop_oldest(struct shard *shard)
{
    struct entry **link = &shard->chains[shard->oldest->hash & shard->cache->chain_mask];
    while (*link != shard->oldest)
        link = &(*link)->chain;
    drop_entry(shard, link);
}

static int64_t now(const struct dns_cache *cache)
{
    return cache->options.now_us(cache->options.clock);
}

/* The answer with a reference of its own, or NULL when there is none in time. */
static const struct dns_answer *kept_answer(struct shard *shard, const struct question *q,
                                            int64_t now_us)
{
    struct entry **link = find_entry(shard, q);
    struct entry *entry = *link;
    if (!entry)
        return NULL;
    if (entry->expires_us <= now_us) {
        drop_entry(shard, link);
        return NULL;
    }
    if (entry != shard->newest) {
        unlink_from_order(shard, entry);
        link_as_newest(shard, entry);
    }
    return dns_answer_ref(entry->answer);
}

static int64_t lifetime_seconds(const struct dns_answer *answer)
{
    int64_t max = answer->status == DNS_FOUND       ? DNS_CACHE_TTL_MAX
                  : answer->status == DNS_TEMPORARY ? DNS_CACHE_FAILURE_MAX
                                                    : DNS_CACHE_NEGATIVE_MAX;
    return answer->ttl < max ? answer->ttl : max;
}

static size_t charge_for(const struct question *q, const struct dns_answer *answer)
{
    size_t answer_size = dns_answer_size(answer);
    size_t size = sizeof(struct entry) + q->name.len + answer_size + MALLOC_OVERHEAD;
    if (answer->status != DNS_FOUND || q->type != DNS_TXT)
        return size;
    size_t unusual = answer_size > USUAL_ANSWER ? answer_size - USUAL_ANSWER : 0;
    return size + DERIVED_ALLOWANCE + unusual * DERIVED_PER_OCTET;
}

/* Keeps answer (takes a reference) in place of what was there. Without memory or
 * space for it, it is just not kept. */
static void keep_answer(struct shard *shard, const struct question *q,
                        const struct dns_answer *answer)
{
    struct dns_cache *cache = shard->cache;
    struct entry **link = find_entry(shard, q);
    if (*link)
        drop_entry(shard, link);
    int64_t seconds = lifetime_seconds(answer);
    size_t size = charge_for(q, answer);
    size_t index = (cache->chain_mask + 1) * sizeof(*shard->chains);
    if (seconds == 0 || size > cache->shard_limit - index)
        return;
    struct entry *entry = malloc(sizeof(*entry) + q->name.len);
    if (!entry)
        return;
    while (shard->bytes + size > cache->shard_limit) {
        drop_oldest(shard);
        shard->count.evicted++;
    }
    memcpy(entry->name, q->name.data, q->name.len);
    entry->name_len = q->name.len;
    entry->type = q->type;
    entry->hash = q->hash;
    entry->size = size;
    entry->answer = dns_answer_ref(answer);
    entry->expires_us = now(cache) + seconds * 1000000;
    link = &shard->chains[q->hash & cache->chain_mask];
    entry->chain = *link;
    *link = entry;
    link_as_newest(shard, entry);
    shard->bytes += size;
    shard->entries++;
}

/* ------------------------------------------------------------ the flights */

static struct flight **find_flight(struct shard *shard, const struct question *q)
{
    struct flight **link = &shard->flights[q->hash % FLIGHT_CHAINS];
    while (*link && ((*link)->hash != q->hash || (*link)->face.type != q->type ||
                     !bytes_equal((*link)->face.name, q->name)))
        link = &(*link)->chain;
    return link;
}

/* A new flight, in the table; NULL when out of memory. */
static struct flight *open_flight(struct shard *shard, const struct question *q, int64_t now_us)
{
    struct flight *flight = shard->free_flights;
    if (flight) {
        shard->free_flights = flight->chain;
    } else {
        flight = calloc(1, sizeof(*flight));
        if (!flight)
            return NULL;
        flight->shard = shard; /* once: cancel() reads it without the lock */
    }
    memcpy(flight->name, q->name.data, q->name.len);
    flight->face = (struct dns_flight){{flight->name, q->name.len}, q->type, NULL};
    flight->first = NULL;
    flight->hash = q->hash;
    flight->started_us = now_us;
    flight->lost = false;
    struct flight **link = &shard->flights[q->hash % FLIGHT_CHAINS];
    flight->chain = *link;
    *link = flight;
    shard->flights_open++;
    shard->count.asked++;
    return flight;
}

/* The flight that is on its way for q and still believed in. */
static struct flight *current_flight(struct shard *shard, const struct question *q, int64_t now_us)
{
    struct flight **link = find_flight(shard, q);
    struct flight *flight = *link;
    if (flight && now_us - flight->started_us > shard->cache->options.lost_us) {
        *link = flight->chain;
        flight->lost = true;
        return NULL;
    }
    return flight;
}

static void board(struct flight *flight, struct dns_lookup *lookup)
{
    lookup->flight_next = flight->first;
    flight->first = lookup;
    __atomic_store_n(&flight->face.message, lookup->session, __ATOMIC_RELAXED);
    __atomic_store_n(&lookup->flight, flight, __ATOMIC_RELAXED);
}

/* The last touch of a lookup. */
static void leave(struct dns_lookup *lookup)
{
    __atomic_store_n(&lookup->flight, NULL, __ATOMIC_RELEASE);
}

void dns_cache_start(struct dns_cache *cache, struct bytes name, struct dns_lookup *lookup)
{
    char lower[DNS_NAME_MAX];
    if (name.len > sizeof(lower)) {
        dns_lookup_complete(lookup, NULL, false);
        return;
    }
    struct question q = question_of(cache, name, lookup->type, lower);
    struct shard *shard = shard_of(cache, q.hash);
    int64_t now_us = now(cache);

    pthread_mutex_lock(&shard->lock);
    shard->count.lookups++;
    struct flight *flight = NULL;
    bool ask = false;
    const struct dns_answer *answer = kept_answer(shard, &q, now_us);
    if (answer) {
        shard->count.hits++;
    } else if (!(flight = current_flight(shard, &q, now_us))) {
        flight = open_flight(shard, &q, now_us);
        ask = flight != NULL;
    } else if (now_us - flight->started_us > cache->options.patience_us) {
        flight = NULL;
        answer = dns_answer_ref(cache->too_slow);
        shard->count.hits++;
    } else {
        shard->count.shared++;
    }
    if (flight)
        board(flight, lookup);
    pthread_mutex_unlock(&shard->lock);

    if (ask)
        cache->backend->ask(cache->backend, &flight->face);
    else if (!flight)
        dns_lookup_complete(lookup, answer, answer != NULL);
}

void dns_cache_cancel(struct dns_lookup *lookup)
{
    struct flight *flight = __atomic_load_n(&lookup->flight, __ATOMIC_ACQUIRE);
    if (!flight)
        return;
    struct shard *shard = flight->shard;
    pthread_mutex_lock(&shard->lock);
    if (__atomic_load_n(&lookup->flight, __ATOMIC_RELAXED)) { /* not completed meanwhile */
        struct dns_lookup **link = &flight->first;
        while (*link != lookup)
            link = &(*link)->flight_next;
        *link = lookup->flight_next;
        leave(lookup);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* Its memory stays with the shard. */
static void close_flight(struct shard *shard, struct flight *flight)
{
    struct question q = {flight->face.name, flight->face.type, flight->hash};
    if (!flight->lost) {
        struct flight **link = find_flight(shard, &q);
        *link = flight->chain;
    }
    flight->chain = shard->free_flights;
    shard->free_flights = flight;
    shard->flights_open--;
}

bool dns_cache_abandon(struct dns_flight *face)
{
    struct flight *flight = (struct flight *)face;
    struct shard *shard = flight->shard;
    pthread_mutex_lock(&shard->lock);
    bool unwanted = !flight->first;
    if (unwanted)
        close_flight(shard, flight);
    pthread_mutex_unlock(&shard->lock);
    return unwanted;
}

void dns_cache_answer(struct dns_flight *face, const struct dns_answer *answer)
{
    struct flight *flight = (struct flight *)face;
    struct shard *shard = flight->shard;
    struct question q = {face->name, face->type, flight->hash};

    pthread_mutex_lock(&shard->lock);
    if (answer)
        keep_answer(shard, &q, answer);
    struct dns_lookup *next;
    for (struct dns_lookup *lookup = flight->first; lookup; lookup = next) {
        next = lookup->flight_next;
        dns_lookup_complete(lookup, answer ? dns_answer_ref(answer) : NULL, false);
        leave(lookup);
    }
    close_flight(shard, flight);
    pthread_mutex_unlock(&shard->lock);
    dns_answer_unref(answer);
}

/* ------------------------------------------------------------ life */

/* Chains for a shard of limit octets: a power of two. */
static size_t chains_for(size_t limit)
{
    size_t chains = 16;
    while (chains < limit / OCTETS_PER_CHAIN)
        chains *= 2;
    return chains;
}

static bool shard_init(struct dns_cache *cache, struct shard *shard)
{
    size_t chains = cache->chain_mask + 1;
    shard->chains = calloc(chains, sizeof(*shard->chains));
    if (!shard->chains)
        return false;
    pthread_mutex_init(&shard->lock, NULL);
    shard->cache = cache;
    shard->bytes = chains * sizeof(*shard->chains);
    return true;
}

struct dns_cache *dns_cache_new(const struct dns_cache_options *options,
                                struct dns_backend *backend)
{
    struct dns_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return NULL;
    cache->options = *options;
    cache->backend = backend;
    if (getrandom(&cache->key, sizeof(cache->key), 0) != (ssize_t)sizeof(cache->key)) {
        free(cache);
        return NULL;
    }
    unsigned count = options->shards ? options->shards : DNS_CACHE_SHARDS;
    cache->shard_limit = options->bytes / count;
    cache->chain_mask = chains_for(cache->shard_limit) - 1;
    if (cache->shard_limit < (cache->chain_mask + 1) * sizeof(struct entry *))
        cache->shard_limit = (cache->chain_mask + 1) * sizeof(struct entry *);
    cache->too_slow = dns_answer_new(DNS_TEMPORARY, false, 0, "time-out", NULL, 0);
    cache->shards = aligned_alloc(CACHE_LINE, count * sizeof(*cache->shards));
    if (cache->shards)
        memset(cache->shards, 0, count * sizeof(*cache->shards));
    while (cache->shards && cache->shard_count < count &&
           shard_init(cache, &cache->shards[cache->shard_count]))
        cache->shard_count++;
    if (!cache->too_slow || cache->shard_count < count) {
        dns_cache_free(cache);
        return NULL;
    }
    return cache;
}

static void shard_free(struct shard *shard)
{
    while (shard->oldest)
        drop_oldest(shard);
    while (shard->free_flights) {
        struct flight *flight = shard->free_flights;
        shard->free_flights = flight->chain;
        free(flight);
    }
    free(shard->chains);
    pthread_mutex_destroy(&shard->lock);
}

void dns_cache_free(struct dns_cache *cache)
{
    if (!cache)
        return;
    for (unsigned i = 0; i < cache->shard_count; i++)
        shard_free(&cache->shards[i]);
    free(cache->shards);
    dns_answer_unref(cache->too_slow);
    free(cache);
}

struct dns_cache_stats dns_cache_stats(struct dns_cache *cache)
{
    struct dns_cache_stats sum = {0};
    for (unsigned i = 0; i < cache->shard_count; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        sum.lookups += shard->count.lookups;
        sum.hits += shard->count.hits;
        sum.shared += shard->count.shared;
        sum.asked += shard->count.asked;
        sum.evicted += shard->count.evicted;
        sum.entries += shard->entries;
        sum.bytes += shard->bytes;
        sum.flights += shard->flights_open;
        pthread_mutex_unlock(&shard->lock);
    }
    return sum;
}
