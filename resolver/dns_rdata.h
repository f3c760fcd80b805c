/* dns_rdata.h - record data in wire form -> answers of dns.h. */
#ifndef ASSAY_DNS_RDATA_H
#define ASSAY_DNS_RDATA_H

#include "dns.h"

/* An answer from the rdata (uncompressed, without its length) of the records of
 * one RRset. A record whose rdata is malformed is left out; when that leaves none,
 * the answer is a temporary error, "malformed answer". NULL when out of memory. */
const struct dns_answer *dns_rdata_answer(enum dns_type type, const struct bytes *rdata,
                                          size_t count, bool secure, uint32_t ttl);

#endif
