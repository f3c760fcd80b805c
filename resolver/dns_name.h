/* dns_name.h - the forms of a domain name that a resolver meets.
 *
 * Raw (dns.h): labels of any octets separated by dots, no final dot. Wire: RFC
 * 1035 3.1, without compression. Presentation: RFC 1035 5.1, with escapes.
 */
#ifndef ASSAY_DNS_NAME_H
#define ASSAY_DNS_NAME_H

#include "bytes.h"

#include <stdint.h>

enum {
    DNS_NAME_MAX = 253,                      /* octets of a raw name (RFC 1035 2.3.4) */
    DNS_NAME_TEXT_MAX = 4 * DNS_NAME_MAX + 1 /* octets of its presentation form, with NUL */
};

/* Copies name with ASCII letters in lower case; out has room for name.len. */
struct bytes dns_name_lower(struct bytes name, char *out);

/* The presentation form: every octet that is no letter, digit, "-", "_", "*" or the
 * dot between labels becomes \DDD. NUL-terminated. False when name is longer
 * than DNS_NAME_MAX. */
bool dns_name_to_text(struct bytes name, char out[DNS_NAME_TEXT_MAX]);

/* Reads a wire name that stands at the start of wire; *used is its length there.
 * The root becomes the empty name. False when it is truncated, compressed, too
 * long, or a label holds a dot: such a name has no raw form, and to print it as
 * two labels would let a.b pretend to be another name. */
bool dns_name_from_wire(struct bytes wire, char out[DNS_NAME_MAX], struct bytes *name,
                        size_t *used);

/* The name without its first label; empty for a single label. */
struct bytes dns_name_parent(struct bytes name);

#endif
