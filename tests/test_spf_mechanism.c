/* test_spf_mechanism.c - the validated names of a client (RFC 7208 5.5, 7.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "spf_mechanism.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_name_lies_within_itself_and_its_parents(void **state)
{
    static const struct {
        const char *name, *domain;
        bool within;
    } cases[] = {
        {"example.com", "example.com", true},
        {"Mail.Example.COM", "example.com", true},
        {"badexample.com", "example.com", false},
        {"com", "example.com", false},
        {"example.com", "", false},
        {"", "", false},
        {".example.com", "example.com", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(spf_name_within(bytes_of(cases[i].name), bytes_of(cases[i].domain)),
                         cases[i].within);
}

/* PTR names in order; those that begin with "v" have the client's address. */
static void the_validated_name_is_the_domain_then_below_it_then_any(void **state)
{
    static const struct {
        const char *names[3], *expected;
    } cases[] = {
        {{"v.other.net", "v.example.com", "vexample.com"}, "v.example.com"},
        {{"v1.v.example.com", "v.example.com"}, "v.example.com"},
        {{"v.other.net", "v1.v.example.com", "v2.v.example.com"}, "v1.v.example.com"},
        {{"v.other.net", "v.another.net"}, "v.other.net"},
        {{"x.v.example.com", "v.other.net"}, "v.other.net"},
        {{"x.other.net"}, "unknown"},
        {{NULL}, "unknown"},
    };
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct fake_dns *dns = fake_dns_new();
            struct arena *arena = arena_new(1 << 20);
            struct policy_env env = fake_env(dns, 0);
            struct dns_session *session = fake_session(&env, arena);
            const char *address = v6 ? "2001:db8::1" : "192.0.2.1";
            char reverse[IP_REVERSE_MAX];
            struct ip client;
            assert_true(ip_parse(bytes_of(address), &client));
            for (size_t n = 0; n < 3 && cases[i].names[n]; n++) {
                const char *name = cases[i].names[n];
                fake_dns_add(dns, ip_reverse(&client, reverse), DNS_PTR, name);
                fake_dns_add(dns, name, DNS_A, name[0] == 'v' && !v6 ? address : "192.0.2.9");
                fake_dns_add(dns, name, DNS_AAAA, name[0] == 'v' && v6 ? address : "2001:db8::9");
            }
            struct bytes name = spf_validated_name(session, &client, BYTES("v.example.com"));
            if (!bytes_is(name, cases[i].expected))
                fail_msg("case %zu: %.*s", i, BYTES_ARGS(name));
            dns_session_free(session);
            arena_free(arena);
            fake_dns_free(dns);
        }
    }
}

static void addresses_of_a_wrong_size_match_nothing(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct spf_term term = {.kind = SPF_A, .prefix4 = 0, .prefix6 = 0};
    struct ip client;
    (void)state;
    assert_true(ip_parse(BYTES("192.0.2.1"), &client));
    fake_dns_add_bytes(dns, BYTES("a.net"), DNS_A, BYTES("\1\2\3"), 0);
    fake_dns_add_bytes(dns, BYTES("a.net"), DNS_A, BYTES(""), 0);
    struct spf_mechanism mechanism = {session, arena, &client, &term, BYTES("a.net"), false, NULL};
    assert_int_equal(spf_mechanism_test(&mechanism), SPF_NO_MATCH);
    assert_false(mechanism.is_void);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_lies_within_itself_and_its_parents),
        cmocka_unit_test(the_validated_name_is_the_domain_then_below_it_then_any),
        cmocka_unit_test(addresses_of_a_wrong_size_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
