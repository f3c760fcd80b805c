/* fuzz_base.c - the base types: bytes, base64, tag lists, domain names, addresses, UTF-8.
 *
 * The input is one text, given to all of them; what comes out is fed back in.
 */
#include "base64.h"
#include "domain.h"
#include "fuzz.h"
#include "ip.h"
#include "rfc5322.h"
#include "taglist.h"

#include <string.h>

enum { TAGS_MAX = 64 };

static void check_base64(struct arena *arena, struct bytes input)
{
    uint8_t *octets, *again;
    size_t len, again_len;
    struct strbuf text;
    strbuf_init(&text, arena);
    base64_encode(&text, (const uint8_t *)input.data, input.len);
    REQUIRE(base64_decode(arena, strbuf_view(&text), &octets, &len));
    REQUIRE(bytes_equal((struct bytes){(const char *)octets, len}, input));
    if (!base64_decode(arena, input, &octets, &len))
        return;
    REQUIRE(len <= input.len);
    strbuf_init(&text, arena);
    base64_encode(&text, octets, len);
    REQUIRE(base64_decode(arena, strbuf_view(&text), &again, &again_len));
    REQUIRE(len == again_len && memcmp(octets, again, len) == 0);
}

static void check_taglist(struct arena *arena, struct bytes input)
{
    struct taglist list = {0};
    const char *problem = taglist_parse(arena, input, TAGS_MAX, &list);
    struct cursor cursor = cursor_of(input);
    struct tag tag;
    size_t count = 0;
    enum taglist_item item;
    while ((item = taglist_next(&cursor, &tag)) != TAGLIST_END) {
        REQUIRE(++count <= input.len);
        if (item == TAGLIST_MALFORMED) {
            REQUIRE(problem);
            continue;
        }
        REQUIRE(tag.name.len > 0 && is_alpha(tag.name.data[0]));
        REQUIRE(fuzz_is_within(tag.name, input) && fuzz_is_within(tag.value, input));
        REQUIRE(bytes_equal(bytes_trim(tag.value), tag.value));
        REQUIRE(bytes_find(tag.value, ';') == tag.value.len);
    }
    if (problem) {
        REQUIRE(fuzz_is_text(problem) && *problem);
        return;
    }
    REQUIRE(list.count == count && count <= TAGS_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct bytes name = list.tags[i].name;
        REQUIRE(taglist_find(&list, arena_copy(arena, name.data, name.len)) == &list.tags[i].value);
    }
}

static void check_domain(struct arena *arena, struct bytes input)
{
    struct domain domain = domain_parse(arena, input);
    if (domain_is_none(domain))
        return;
    struct domain again = domain_parse(arena, domain_bytes(domain));
    REQUIRE(domain_equal(domain, again) && domain.labels == again.labels);
    REQUIRE(domain.len <= DOMAIN_MAX && strlen(domain.name) == domain.len);
    REQUIRE(domain.labels >= 1 && domain.labels <= 127);
    for (size_t i = 0; i < domain.len; i++)
        REQUIRE(is_alnum(domain.name[i]) || strchr("-_.", domain.name[i]));
    struct domain up = domain;
    for (size_t labels = domain.labels; labels > 0; labels--, up = domain_parent(up)) {
        REQUIRE(up.labels == labels && domain_equal(up, domain_tail(domain, labels)));
        REQUIRE(domain_within(domain, up));
        REQUIRE(labels == domain.labels || !domain_within(up, domain));
    }
    REQUIRE(domain_is_none(up));
}

static void check_address(struct arena *arena, struct bytes input)
{
    struct ip ip, again;
    struct network network;
    char text[IP_TEXT_MAX], reverse[IP_REVERSE_MAX];
    domain_of_address(arena, input);
    if (ip_parse(input, &ip)) {
        REQUIRE(ip_parse(bytes_of(ip_format(&ip, text)), &again) && ip_equal(&ip, &again));
        REQUIRE(!domain_is_none(domain_parse(arena, bytes_of(ip_reverse(&ip, reverse)))));
    }
    if (!network_parse(input, &network))
        return;
    REQUIRE(network_contains(&network, &network.address));
    for (unsigned bit = network.prefix; bit < (network.address.family == IP_V4 ? 32u : 128u);
         bit++) {
        again = network.address;
        again.octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        REQUIRE(network_contains(&network, &again));
    }
    for (unsigned bit = 0; bit < network.prefix; bit++) {
        again = network.address;
        again.octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        REQUIRE(!network_contains(&network, &again));
    }
}

static void check_text(struct arena *arena, struct bytes input)
{
    struct strbuf printable;
    unsigned long long number;
    strbuf_init(&printable, arena);
    strbuf_printable(&printable, input, 20);
    REQUIRE(fuzz_is_text(strbuf_string(&printable)) && printable.len <= 23);
    if (bytes_to_number(input, 99999, &number))
        REQUIRE(number <= 99999 && is_digit(input.data[0]));
    bool utf8 = rfc5322_is_utf8(input);
    for (struct bytes rest = input; rest.len;) {
        size_t len = rfc5322_utf8_length(rest);
        REQUIRE(len <= 4 && len <= rest.len);
        REQUIRE(len > 0 || !utf8);
        rest = bytes_slice(rest, len ? len : 1, rest.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 24);
    check_base64(arena, input);
    check_taglist(arena, input);
    check_domain(arena, input);
    check_address(arena, input);
    check_text(arena, input);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
