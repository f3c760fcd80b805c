/* ip.c - IP addresses and networks; see ip.h. */
#include "ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static size_t octet_count(const struct ip *ip)
{
    return ip->family == IP_V4 ? 4 : ip->family == IP_V6 ? 16 : 0;
}

static struct ip from_v6(const uint8_t octets[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct ip ip = {.family = IP_V6};
    if (memcmp(octets, mapped, sizeof(mapped)) == 0) {
        ip.family = IP_V4;
        memcpy(ip.octets, octets + 12, 4);
    } else {
        memcpy(ip.octets, octets, 16);
    }
    return ip;
}

bool ip_parse(struct bytes text, struct ip *out)
{
    char string[IP_TEXT_MAX];
    if (bytes_starts_nocase(text, BYTES("ipv6:")))
        text = bytes_slice(text, 5, text.len);
    if (text.len == 0 || text.len >= sizeof(string) || memchr(text.data, '\0', text.len))
        return false;
    memcpy(string, text.data, text.len);
    string[text.len] = '\0';

    uint8_t octets[16];
    struct ip ip = {.family = IP_V4};
    if (inet_pton(AF_INET, string, ip.octets) == 1) {
        *out = ip;
        return true;
    }
    if (inet_pton(AF_INET6, string, octets) != 1)
        return false;
    *out = from_v6(octets);
    return true;
}

struct ip ip_of_sockaddr(const struct sockaddr *address)
{
    struct ip ip = {.family = IP_NONE};
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        ip.family = IP_V4;
        memcpy(ip.octets, &in->sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        ip = from_v6(in6->sin6_addr.s6_addr);
    }
    return ip;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, octet_count(a)) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};
    if (ip->family == IP_V4)
        return ip->octets[0] == 127;
    return ip->family == IP_V6 && memcmp(ip->octets, v6_loopback, 16) == 0;
}

const char *ip_format(const struct ip *ip, char *buf)
{
    if (ip->family == IP_NONE ||
        !inet_ntop(ip->family == IP_V4 ? AF_INET : AF_INET6, ip->octets, buf, IP_TEXT_MAX))
        memcpy(buf, "unknown", sizeof("unknown"));
    return buf;
}

const char *ip_reverse(const struct ip *ip, char *buf)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *o = ip->octets;
    char *p = buf;
    if (ip->family == IP_V4) {
        snprintf(buf, IP_REVERSE_MAX, "%u.%u.%u.%u.in-addr.arpa", o[3], o[2], o[1], o[0]);
        return buf;
    }
    if (ip->family == IP_V6) {
        for (int i = 15; i >= 0; i--) {
            *p++ = hex[o[i] & 15];
            *p++ = '.';
            *p++ = hex[o[i] >> 4];
            *p++ = '.';
        }
        memcpy(p, "ip6.arpa", sizeof("ip6.arpa"));
        return buf;
    }
    *p = '\0';
    return buf;
}

bool ip_matches(const struct ip *ip, const struct ip *network, unsigned prefix)
{
    size_t octets = octet_count(ip);
    if (ip->family != network->family || octets == 0)
        return false;
    if (prefix > octets * 8)
        prefix = (unsigned)octets * 8;
    size_t whole = prefix / 8;
    unsigned bits = prefix % 8;
    if (memcmp(ip->octets, network->octets, whole) != 0)
        return false;
    if (bits == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff << (8 - bits));
    return ((ip->octets[whole] ^ network->octets[whole]) & mask) == 0;
}

bool network_parse(struct bytes text, struct network *out)
{
    size_t slash = bytes_find(text, '/');
    struct bytes address = bytes_slice(text, 0, slash);
    if (!ip_parse(address, &out->address))
        return false;
    unsigned long long widest = octet_count(&out->address) * 8;
    unsigned long long prefix = widest;
    if (slash < text.len) {
        bool mapped = out->address.family == IP_V4 && bytes_find(address, ':') < address.len;
        unsigned long long most = mapped ? 128 : widest;
        if (!bytes_to_number(bytes_slice(text, slash + 1, text.len), most, &prefix))
            return false;
        if (mapped) {
            if (prefix < 96)
                return false;
            prefix -= 96;
        }
    }
    out->prefix = (unsigned)prefix;
    return true;
}

bool network_contains(const struct network *network, const struct ip *ip)
{
    return ip_matches(ip, &network->address, network->prefix);
}
