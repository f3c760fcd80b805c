/* dns.h - the resolver as policy/ sees it: answers, resolvers, sessions.
 *
 * A *resolver* (libunbound behind a cache, or a fake in tests) completes
 * lookups, from any thread. A *session* belongs to one message and one thread:
 * it remembers every lookup of the message, so that each name is asked once,
 * keeps the budget and the deadline, and can wait. A lookup has one of four
 * outcomes, which are never mixed.
 *
 * Names are raw: labels separated by dots, no final dot, no escapes; an octet
 * may have any value. Upper and lower case are the same name.
 */
#ifndef ASSAY_DNS_H
#define ASSAY_DNS_H

#include "arena.h"

#include <stdint.h>

/* RR types by their number (RFC 1035 3.2.2, RFC 3596). */
enum dns_type {
    DNS_A = 1,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
};

enum dns_status {
    DNS_FOUND,     /* at least one record */
    DNS_NO_DATA,   /* the name exists, without records of this type */
    DNS_NO_NAME,   /* NXDOMAIN: the name does not exist */
    DNS_TEMPORARY, /* SERVFAIL, time-out, bogus, REFUSED, over budget, ... */
};

/* "found", "no data", "no such name", "temporary error". */
const char *dns_status_name(enum dns_status status);

/* "A", "TXT", ... */
const char *dns_type_name(enum dns_type type);

struct dns_record {
    uint16_t preference; /* MX only */
    struct bytes data;   /* A: 4 octets, AAAA: 16 octets, PTR and MX: raw name,
                            TXT: all character-strings joined (RFC 7208 3.3) */
};

/* One immutable answer, shared between threads, counted references. */
struct dns_answer {
    enum dns_status status;
    bool secure;       /* validated by DNSSEC */
    uint32_t ttl;      /* seconds */
    const char *cause; /* DNS_TEMPORARY: static text such as "SERVFAIL"; else "" */
    size_t count;      /* records; 0 unless DNS_FOUND */
    const struct dns_record *records;
};

/* Builds an answer that copies everything (cause must be static). NULL when
 * out of memory. The caller owns one reference. */
const struct dns_answer *dns_answer_new(enum dns_status status, bool secure, uint32_t ttl,
                                        const char *cause, const struct dns_record *records,
                                        size_t count);

/* One more reference; returns answer. */
const struct dns_answer *dns_answer_ref(const struct dns_answer *answer);

/* Drops a reference; NULL is allowed. */
void dns_answer_unref(const struct dns_answer *answer);

/* Octets that the answer occupies, for the cache's bound. */
size_t dns_answer_size(const struct dns_answer *answer);

/* What a kind of parser makes out of an answer, kept with the answer for its
 * life: a DKIM key is decoded once, not once per message. */
struct dns_derived_class {
    void *(*make)(const struct dns_answer *answer); /* thread-safe; NULL: not kept */
    void (*free)(void *derived);
};

/* The derived form of `answer`, made at the first call; NULL when make() gave
 * NULL or the status is not DNS_FOUND. Lives as long as the answer. Safe from
 * any thread. */
void *dns_answer_derived(const struct dns_answer *answer, const struct dns_derived_class *kind);

struct dns_session;

/* One lookup of one session. Owned by the session. */
struct dns_lookup {
    struct bytes name; /* as asked first */
    enum dns_type type;
    const struct dns_answer *answer; /* NULL while under way; set under the session's lock */
    bool cached;                     /* answered without a packet */
    bool used;                       /* evaluation asked for it, it was not only prefetched */
    int64_t started_us, finished_us; /* monotonic clock */
    struct dns_session *session;
    struct dns_lookup *next;      /* in the order of start */
    struct dns_lookup *hash_next; /* session's table */
    /* For the resolver while the lookup is under way: */
    struct dns_lookup *flight_next;
    void *flight;
};

struct dns_resolver {
    /* Starts a lookup. Calls dns_lookup_complete() exactly once, from within
     * start() or later from any thread, unless cancel() comes first. */
    void (*start)(struct dns_resolver *resolver, struct dns_lookup *lookup);
    /* Gives up a lookup. After return dns_lookup_complete() is not called for
     * it any more. Harmless when it has been completed. */
    void (*cancel)(struct dns_resolver *resolver, struct dns_lookup *lookup);
};

/* Called by resolvers. Takes over one reference of answer (NULL counts as a
 * temporary error, out of memory). */
void dns_lookup_complete(struct dns_lookup *lookup, const struct dns_answer *answer, bool cached);

struct dns_session_limits {
    unsigned queries;          /* different lookups a message may start */
    int64_t query_timeout_us;  /* how long one lookup may take */
    int64_t (*now_us)(void *); /* monotonic clock, microseconds */
    void *clock;               /* argument for now_us */
};

/* A session in arena. NULL when out of memory. Free it before the arena. */
struct dns_session *dns_session_new(struct arena *arena, struct dns_resolver *resolver,
                                    const struct dns_session_limits *limits);

/* Cancels what is under way and gives the answers back; NULL is allowed. */
void dns_session_free(struct dns_session *session);

/* From now on nothing waits longer than until `deadline_us` of the monotonic clock. */
void dns_session_set_deadline(struct dns_session *session, int64_t deadline_us);

/* From now on so many lookups of the budget are kept back from dns_query() and
 * dns_prefetch(): for what matters more than what is being done now. Returns how many
 * were kept back before. */
unsigned dns_session_keep_back(struct dns_session *session, unsigned lookups);

/* fn(context) is called on the session's thread whenever answers have arrived
 * while it waits: the place where prefetching goes on. fn must not wait. */
void dns_session_on_progress(struct dns_session *session, void (*fn)(void *), void *context);

/* Starts a lookup whose answer will probably be needed; never waits. Does
 * nothing when it is known, or three quarters of the budget are used. */
void dns_prefetch(struct dns_session *session, struct bytes name, enum dns_type type);

/* The answer if it is here already, else NULL. Starts nothing. */
const struct dns_answer *dns_peek(struct dns_session *session, struct bytes name,
                                  enum dns_type type);

/* The answer, waiting for it if need be. Never NULL: beyond the deadline, over
 * budget or out of memory it is DNS_TEMPORARY with a cause. A name that is no
 * DNS name (empty label, label over 63, over 253 octets) is DNS_NO_NAME
 * without a query. The answer lives as long as the session. */
const struct dns_answer *dns_query(struct dns_session *session, struct bytes name,
                                   enum dns_type type);

/* All lookups in the order of their start. */
const struct dns_lookup *dns_session_lookups(const struct dns_session *session);

struct dns_session_stats {
    unsigned queries;  /* lookups started */
    unsigned cached;   /* of these, answered from the cache */
    int64_t waited_us; /* time spent waiting */
};

struct dns_session_stats dns_session_stats(struct dns_session *session);

#endif
