/* resolver.h - the resolver of the programs: local zones, answer cache, libunbound.
 *
 * A lookup goes through three steps: the local zones (dns_zone.h), the answer cache with
 * its shared flights (dns_cache.h), the DNS (dns_unbound.h). The object is immutable
 * in its options and may be used from any number of threads.
 *
 * Life: create it after the daemon has forked and dropped its privileges (it
 * owns threads and descriptors, which do not survive fork()), but the trust anchor
 * and the zone files are read in resolver_new(). On a reload, keep the old object when
 * resolver_matches() says that nothing changed, so that its cache lives on; else
 * make a new one and drop the reference to the old one: it goes when its last user
 * does.
 */
#ifndef ASSAY_RESOLVER_H
#define ASSAY_RESOLVER_H

#include "dns.h"

enum resolver_mode {
    RESOLVER_SYSTEM,    /* the name servers of /etc/resolv.conf */
    RESOLVER_LIST,      /* the name servers given */
    RESOLVER_RECURSIVE, /* none: ask from the root downwards */
    RESOLVER_LOCAL,     /* none: what is not in the local zones does not exist */
};

/* Everything is copied; NULL and 0 mean what is said here. */
struct resolver_options {
    enum resolver_mode mode;
    const char *const *nameservers; /* RESOLVER_LIST: "addr" or "addr@port", at least one;
                                       loopback is allowed */
    size_t nameserver_count;
    const char *resolv_conf;        /* RESOLVER_SYSTEM; NULL: /etc/resolv.conf. One without
                                       name servers means 127.0.0.1, as for the C library */
    const char *trust_anchor_file;  /* DS or DNSKEY records; NULL: no DNSSEC validation, nothing
                                       is ever `secure` */
    const char *const *local_zones; /* paths of master files */
    size_t local_zone_count;
    const char *local_zone_text;   /* a zone in memory, besides the files; NULL: none */
    size_t cache_bytes;            /* bound of the answer cache; 0: RESOLVER_CACHE_BYTES */
    int64_t query_timeout_us;      /* when a lookup counts as slow, microseconds; the same value as
                                      dns_session_limits.query_timeout_us; 0: 5 s */
    void (*log)(const char *line); /* told of trouble that mends itself, once a minute at most,
                                      from any thread; must outlive the resolver. NULL: nobody */
};

enum { RESOLVER_CACHE_BYTES = 32 * 1024 * 1024 };

struct resolver;

/* A resolver with one reference. NULL on failure, with one line in error that names
 * the file (and line) or the name server at fault. */
struct resolver *resolver_new(const struct resolver_options *options, char *error, size_t size);

/* One more reference; returns resolver. */
struct resolver *resolver_ref(struct resolver *resolver);

/* Drops a reference; the last one ends the threads (up to some milliseconds). NULL is allowed.
 * All sessions that use the resolver must be freed before their reference is. */
void resolver_unref(struct resolver *resolver);

/* The interface for sessions; lives as long as the resolver. */
struct dns_resolver *resolver_dns(struct resolver *resolver);

/* True when resolver_new(options) would make the same resolver: same options, and
 * none of the files (zones, trust anchor, resolv.conf) has changed since. */
bool resolver_matches(const struct resolver *resolver, const struct resolver_options *options);

/* One line for the start message: "name servers 192.0.2.1, 192.0.2.2; no DNSSEC; ...". */
const char *resolver_description(const struct resolver *resolver);

struct resolver_stats {
    uint64_t lookups; /* started by sessions */
    uint64_t local;   /* answered from the local zones */
    uint64_t hits;    /* answered from the cache */
    uint64_t shared;  /* joined a query under way */
    uint64_t queries; /* to the DNS */
    uint64_t evicted; /* answers thrown out of the cache before their time */
    size_t entries;   /* answers in the cache */
    size_t bytes;     /* octets they occupy */
    size_t under_way; /* queries that have not been answered yet */
};

struct resolver_stats resolver_stats(struct resolver *resolver);

#endif
