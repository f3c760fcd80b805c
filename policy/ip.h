/* ip.h - IP addresses and networks.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is always held as IPv4, so no
 * other part has to think of it (RFC 7208 5).
 */
#ifndef ASSAY_IP_H
#define ASSAY_IP_H

#include "bytes.h"

#include <stdint.h>
#include <sys/socket.h>

enum ip_family {
    IP_NONE = 0, /* no address: local submission, AF_UNIX, AF_UNSPEC */
    IP_V4 = 4,
    IP_V6 = 6,
};

enum {
    IP_TEXT_MAX = 46,    /* octets for ip_format(), with NUL */
    IP_REVERSE_MAX = 74, /* octets for ip_reverse(), with NUL */
};

struct ip {
    enum ip_family family;
    uint8_t octets[16]; /* network order; the first 4 count for IPv4 */
};

struct network {
    struct ip address;
    unsigned prefix; /* bits, 0..32 or 0..128 */
};

/* Parses "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1"; no brackets, no zone. */
bool ip_parse(struct bytes text, struct ip *out);

/* The address of a socket; family IP_NONE for NULL and other families. */
struct ip ip_of_sockaddr(const struct sockaddr *address);

bool ip_equal(const struct ip *a, const struct ip *b);

/* 127.0.0.0/8 and ::1. */
bool ip_is_loopback(const struct ip *ip);

/* Canonical text (RFC 5952) into buf[IP_TEXT_MAX]; "unknown" for IP_NONE.
 * Returns buf. */
const char *ip_format(const struct ip *ip, char *buf);

/* The name for a reverse lookup, "1.2.0.192.in-addr.arpa", into
 * buf[IP_REVERSE_MAX]. Returns buf; "" for IP_NONE. */
const char *ip_reverse(const struct ip *ip, char *buf);

/* True when the first `prefix` bits agree; families must agree too. A prefix
 * longer than the address is clamped to it. */
bool ip_matches(const struct ip *ip, const struct ip *network, unsigned prefix);

/* Parses "192.0.2.0/24" or an address alone (full prefix). */
bool network_parse(struct bytes text, struct network *out);

bool network_contains(const struct network *network, const struct ip *ip);

#endif
