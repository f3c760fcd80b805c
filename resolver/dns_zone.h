/* dns_zone.h - local DNS data from a master file (option LocalZone).
 *
 * Which names are answered from here, and what they get:
 *   - A SOA record makes its owner and everything below it local: a name that is
 *     not in the file does not exist there (DNS_NO_NAME); a name that only has
 *     names below it exists (DNS_NO_DATA); "*" labels are wildcards (RFC 4592).
 *     A SOA of the root makes the file the whole world.
 *   - Elsewhere, a name in the file is answered from the file, for all types:
 *     without a record of the type asked for it is DNS_NO_DATA. Every other
 *     name is not ours and goes to the resolver.
 *   - CNAMEs are followed; when the chain leaves the file, the resolver is asked
 *     for the rest. (A CNAME found in the public DNS never leads into the file.)
 * NS records do not delegate; types that Assay never asks for only make their owner
 * exist. DNAME is refused. Answers are not `secure`.
 *
 * File format: RFC 1035 5.1, read with libldns: $ORIGIN, $TTL, parentheses, but no
 * $INCLUDE; TTL and class in either order. Without $ORIGIN names are relative to the root, so that
 * "example.com" and "example.com." are the same. Without $TTL records live DNS_ZONE_TTL seconds.
 * A file may hold no records.
 *
 * A zone is filled by one thread; after dns_zone_finish() it never changes and
 * dns_zone_lookup() needs no lock.
 */
#ifndef ASSAY_DNS_ZONE_H
#define ASSAY_DNS_ZONE_H

#include "dns.h"

enum {
    DNS_ZONE_TTL = 3600,     /* seconds */
    DNS_ZONE_CNAMES_MAX = 16 /* CNAMEs followed for one question */
};

struct dns_zone;

/* An empty zone; NULL when out of memory. */
struct dns_zone *dns_zone_new(void);

/* NULL is allowed. Answers given out stay valid for who holds a reference. */
void dns_zone_free(struct dns_zone *zone);

/* Adds the records of a file, or of a text that is called `label` in messages.
 * False, with "file:line: what is wrong" in error, when it cannot be read. */
bool dns_zone_read_file(struct dns_zone *zone, const char *path, char *error, size_t size);
bool dns_zone_read_text(struct dns_zone *zone, const char *text, const char *label, char *error,
                        size_t size);

/* Adds one record: raw owner, RR type by number, rdata in wire form without
 * compression. NULL when it is added, else what is wrong (static text). */
const char *dns_zone_add(struct dns_zone *zone, struct bytes owner, unsigned type, uint32_t ttl,
                         struct bytes rdata);

/* Makes the zone the whole world, as a SOA record of the root does: what it does
 * not hold does not exist. Before dns_zone_finish(). False when out of memory. */
bool dns_zone_make_whole(struct dns_zone *zone);

/* Prepares the answers. False when out of memory. */
bool dns_zone_finish(struct dns_zone *zone);

/* Looks up a raw name. Returns the answer with a reference for the caller, or NULL
 * when the answer is not here: then *elsewhere is the name to ask the resolver
 * for, `name` itself or the end of a chain of local CNAMEs (a view into the zone). */
const struct dns_answer *dns_zone_lookup(const struct dns_zone *zone, struct bytes name,
                                         enum dns_type type, struct bytes *elsewhere);

/* Number of records held. */
size_t dns_zone_records(const struct dns_zone *zone);

#endif
