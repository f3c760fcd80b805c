/* dns_unbound.h - the backend of the answer cache that asks the DNS: libunbound.
 *
 * One context, libunbound's own thread that does the network, and one thread of
 * ours, the pump, which is the only one to call libunbound: it hands questions in and
 * takes answers out. ask() only queues the question and wakes the pump.
 *
 * Neither thread nor context survives fork(): create it after daemonising.
 * libunbound keeps its log output in a process-wide variable; it is switched off,
 * but while dns_unbound_new() runs, a second context could write to stderr.
 */
#ifndef ASSAY_DNS_UNBOUND_H
#define ASSAY_DNS_UNBOUND_H

#include "dns_cache.h"
#include "resolver.h"

enum {
    DNS_UNBOUND_QUERIES_MAX = 4096, /* under way at once; beyond, lookups fail at once */
    DNS_UNBOUND_FAILURE_TTL = 5     /* seconds; see DNS_CACHE_FAILURE_MAX */
};

struct dns_unbound;

/* NULL on failure, with one line in error. Of the options, mode, nameservers,
 * resolv_conf and trust_anchor_file are used. */
struct dns_unbound *dns_unbound_new(const struct resolver_options *options, char *error,
                                    size_t size);

/* Ends the threads and gives the flights under way back to the cache, unanswered;
 * the cache is freed after it. NULL is allowed. */
void dns_unbound_free(struct dns_unbound *unbound);

struct dns_backend *dns_unbound_backend(struct dns_unbound *unbound);

/* Questions that libunbound has not answered yet. */
size_t dns_unbound_under_way(struct dns_unbound *unbound);

/* What libunbound found -> our answer. NULL when out of memory. Public for the tests. */
struct ub_result;
const struct dns_answer *dns_unbound_answer(enum dns_type type, const struct ub_result *result);

#endif
