/* zone_lines.c - DNS data of a fuzz input; see zone_lines.h. */
#include "zone_lines.h"

#include "fuzz.h"
#include "ip.h"

static void add_address(struct fake_dns *dns, struct bytes name, enum dns_type type,
                        struct bytes text)
{
    struct ip ip;
    enum ip_family family = type == DNS_A ? IP_V4 : IP_V6;
    if (ip_parse(text, &ip) && ip.family == family)
        fake_dns_add_bytes(dns, name, type,
                           (struct bytes){(const char *)ip.octets, type == DNS_A ? 4 : 16}, 0);
}

static void add_line(struct fake_dns *dns, struct arena *arena, struct bytes line)
{
    unsigned long long preference = 0;
    struct bytes name = fuzz_word(&line);
    struct bytes type = fuzz_word(&line);
    const char *owner = arena_copy(arena, name.data, name.len);
    const char *text = arena_copy(arena, line.data, line.len);
    if (bytes_is(type, "A")) {
        add_address(dns, name, DNS_A, line);
    } else if (bytes_is(type, "AAAA")) {
        add_address(dns, name, DNS_AAAA, line);
    } else if (bytes_is(type, "MX")) {
        bytes_to_number(fuzz_word(&line), UINT16_MAX, &preference);
        fake_dns_add_bytes(dns, name, DNS_MX, line, (uint16_t)preference);
    } else if (bytes_is(type, "PTR")) {
        fake_dns_add_bytes(dns, name, DNS_PTR, line, 0);
    } else if (bytes_is(type, "TXT")) {
        fake_dns_add_bytes(dns, name, DNS_TXT, line, 0);
    } else if (bytes_is(type, "CNAME")) {
        fake_dns_add_cname(dns, owner, text);
    } else if (bytes_is(type, "EXISTS")) {
        fake_dns_add_name(dns, owner);
    } else if (bytes_is(type, "FAIL")) {
        fake_dns_fail(dns, owner, 0, "SERVFAIL");
    }
}

void zone_lines_load(struct fake_dns *dns, struct arena *arena, struct bytes *input)
{
    for (unsigned lines = 0; input->len; lines++) {
        struct bytes line = fuzz_line(input);
        if (line.len == 0)
            break;
        if (lines < ZONE_LINES_MAX)
            add_line(dns, arena, line);
    }
}
