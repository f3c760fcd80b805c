/* host_set.h - sets of hosts: InternalHosts, TrustedRelays.
 *
 * An entry is an address, a network in CIDR form, a host name, or ".domain"
 * for all names below a domain; "!" in front negates it. The most specific
 * entry that matches decides (the longer prefix, the longer name; a name beats
 * a network); at equality the negated one. So the order of entries plays no
 * part.
 */
#ifndef ASSAY_HOST_SET_H
#define ASSAY_HOST_SET_H

#include "domain.h"
#include "ip.h"

struct host_set;

/* An empty set in arena; NULL when out of memory. */
struct host_set *host_set_new(struct arena *arena);

/* Adds one entry. NULL when it is good, else a text that says what is wrong
 * with it and what is allowed. */
const char *host_set_add(struct host_set *set, struct bytes entry);

/* `name` is the client's confirmed host name, empty when unknown. A NULL set is empty. */
bool host_set_contains(const struct host_set *set, const struct ip *ip, struct bytes name);

/* Entries in the set. */
size_t host_set_count(const struct host_set *set);

#endif
