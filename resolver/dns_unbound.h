/* dns_unbound.h - the backend of the answer cache that asks the DNS: libunbound.
 *
 * One context, libunbound's own thread that does the network, and one thread of
 * ours, the pump, which is the only one to call libunbound: it hands questions in and
 * takes answers out. ask() only queues the question and wakes the pump.
 *
 * Fair shares: libunbound is handed as many queries as it has sockets at most, the others
 * wait here. A query that nobody answers holds its socket for 5 s; such ones are kept from holding
 * all. A message, and a zone (the names that one operator answers for), may have no more
 * queries on their way than are left for the others, and who has the fewest is next. So a
 * greedy message, or one with names that nobody answers for, waits behind itself. A query that
 * nobody waits for any more is never asked.
 *
 * When libunbound fails, the queries on their way end in a temporary error, and a new context
 * is made for the next ones.
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
    DNS_UNBOUND_WAITING_MAX = 4096,  /* waiting for a socket; beyond, the greediest fails */
    DNS_UNBOUND_QUERIES_MAX = 16384, /* in all, 0.5 kB each; for when the pump does not run */
    DNS_UNBOUND_FAILURE_TTL = 5,     /* seconds; see DNS_CACHE_FAILURE_MAX */
    DNS_UNBOUND_RENEWAL_S = 2,       /* seconds from one new context to the next */
    DNS_UNBOUND_TELL_S = 60          /* seconds from one line about trouble to the next */
};

struct dns_unbound;

/* NULL on failure, with one line in error. Of the options, mode, nameservers,
 * resolv_conf, trust_anchor_file and log are used; they must outlive it. */
struct dns_unbound *dns_unbound_new(const struct resolver_options *options, char *error,
                                    size_t size);

/* Ends the threads and gives the flights under way back to the cache, unanswered;
 * the cache is freed after it. NULL is allowed. */
void dns_unbound_free(struct dns_unbound *unbound);

struct dns_backend *dns_unbound_backend(struct dns_unbound *unbound);

/* Questions that have not been answered yet. */
size_t dns_unbound_under_way(struct dns_unbound *unbound);

/* What libunbound found -> our answer. NULL when out of memory. Public for the tests. */
struct ub_result;
const struct dns_answer *dns_unbound_answer(enum dns_type type, const struct ub_result *result);

#endif
