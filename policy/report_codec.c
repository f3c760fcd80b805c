/* report_codec.c - numbers and texts of the journal's events; see report_codec.h. */
#include "report_codec.h"

#include <string.h>

enum { NUMBER_OCTETS_MAX = 10 }; /* 64 bits, 7 in each */

void report_put_number(struct strbuf *out, uint64_t number)
{
    char octets[NUMBER_OCTETS_MAX];
    size_t len = 0;
    for (; number >= 0x80; number >>= 7)
        octets[len++] = (char)(0x80 | (number & 0x7f));
    octets[len++] = (char)number;
    strbuf_add(out, octets, len);
}

void report_put_text(struct strbuf *out, struct bytes text)
{
    report_put_number(out, text.len);
    strbuf_bytes(out, text);
}

static size_t octets_of(enum ip_family family)
{
    return family == IP_V4 ? 4 : family == IP_V6 ? 16 : 0;
}

void report_put_ip(struct strbuf *out, const struct ip *ip)
{
    report_put_number(out, (uint64_t)ip->family);
    strbuf_add(out, ip->octets, octets_of(ip->family));
}

uint64_t report_take_number(struct cursor *cursor, uint64_t max)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 7 * NUMBER_OCTETS_MAX; shift += 7) {
        int octet = cursor_next(cursor);
        if (octet < 0)
            return 0;
        uint64_t bits = (uint64_t)octet & 0x7f;
        if (bits << shift >> shift != bits || (octet == 0 && shift > 0))
            break; /* over 64 bits, or a longer form than needed */
        number |= bits << shift;
        if (!(octet & 0x80)) {
            if (number <= max)
                return number;
            break;
        }
    }
    cursor_fail(cursor);
    return 0;
}

bool report_take_bool(struct cursor *cursor)
{
    return report_take_number(cursor, 1) == 1;
}

static struct bytes take_octets(struct cursor *cursor, uint64_t count)
{
    struct bytes rest = cursor_rest(cursor);
    if (cursor->failed || count > rest.len) {
        cursor_fail(cursor);
        return BYTES_EMPTY;
    }
    cursor->pos += count;
    return bytes_slice(rest, 0, (size_t)count);
}

struct bytes report_take_text(struct cursor *cursor)
{
    return take_octets(cursor, report_take_number(cursor, UINT32_MAX));
}

struct ip report_take_ip(struct cursor *cursor)
{
    struct ip ip = {.family = IP_NONE};
    uint64_t family = report_take_number(cursor, IP_V6);
    if (family != IP_NONE && family != IP_V4 && family != IP_V6)
        cursor_fail(cursor);
    struct bytes octets = take_octets(cursor, octets_of((enum ip_family)family));
    if (!cursor->failed) {
        ip.family = (enum ip_family)family;
        if (octets.len)
            memcpy(ip.octets, octets.data, octets.len);
    }
    return ip;
}
