/* test_resolver.c - options, life and local mode of the resolver; no packet is sent. */
#include "resolver.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t no_clock(void *clock)
{
    (void)clock;
    return 0;
}

static struct resolver *resolver_of(const struct resolver_options *options)
{
    char error[300] = "";
    struct resolver *resolver = resolver_new(options, error, sizeof(error));
    if (!resolver)
        fail_msg("%s", error);
    assert_string_equal(error, "");
    return resolver;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

/* Only the local zones: every lookup is complete at once, nothing waits. */
static void test_local_mode(void **state)
{
    const struct dns_session_limits limits = {100, 1, no_clock, NULL};
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){
        .mode = RESOLVER_LOCAL,
        .local_zone_text = "example SOA ns h 1 2 3 4 5\na.example TXT a\nb CNAME elsewhere\n"});
    struct arena *arena = arena_new(1 << 20);
    struct dns_session *session = dns_session_new(arena, resolver_dns(resolver), &limits);
    assert_int_equal(dns_query(session, BYTES("a.example"), DNS_TXT)->status, DNS_FOUND);
    assert_int_equal(dns_query(session, BYTES("a.example"), DNS_A)->status, DNS_NO_DATA);
    assert_int_equal(dns_query(session, BYTES("c.example"), DNS_A)->status, DNS_NO_NAME);
    assert_int_equal(dns_query(session, BYTES("b"), DNS_A)->status, DNS_NO_NAME);
    assert_int_equal(dns_query(session, BYTES("elsewhere"), DNS_A)->status, DNS_NO_NAME);
    assert_int_equal(dns_query(session, BYTES("example"), DNS_A)->status, DNS_NO_DATA);
    assert_true(dns_session_lookups(session)->cached);
    dns_session_free(session);
    assert_int_equal(resolver_stats(resolver).local, 6);
    assert_string_equal(resolver_description(resolver), "local zones only; 3 local records");
    resolver_unref(resolver);
    arena_free(arena);
}

/* Without any zone, nothing exists. */
static void test_nothing_at_all(void **state)
{
    const struct dns_session_limits limits = {100, 1, no_clock, NULL};
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){.mode = RESOLVER_LOCAL});
    struct arena *arena = arena_new(1 << 20);
    struct dns_session *session = dns_session_new(arena, resolver_dns(resolver), &limits);
    assert_int_equal(dns_query(session, BYTES("a.example"), DNS_TXT)->status, DNS_NO_NAME);
    dns_session_free(session);
    arena_free(arena);
    resolver_unref(resolver);
}

static void test_references(void **state)
{
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){.mode = RESOLVER_LOCAL});
    assert_ptr_equal(resolver_ref(resolver), resolver);
    resolver_unref(resolver);
    assert_int_equal(resolver_stats(resolver).lookups, 0); /* still there */
    resolver_unref(resolver);
    resolver_unref(NULL);
}

/* On a reload, the resolver stays unless something about it has changed. */
static void test_matches(void **state)
{
    char directory[] = "/tmp/test_resolver.XXXXXX", zone[60], other[60], conf[60];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(zone, sizeof(zone), "%s/zone", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
    snprintf(conf, sizeof(conf), "%s/resolv.conf", directory);
    write_file(zone, "a TXT x\n");
    write_file(other, "b TXT x\n");
    write_file(conf, "nameserver 192.0.2.1\n");
    const char *const zones[] = {zone}, *const others[] = {other}, *const both[] = {zone, other};
    const char *const servers[] = {"192.0.2.1"}, *const moved[] = {"192.0.2.2"};

    const struct resolver_options local = {
        .mode = RESOLVER_LOCAL, .local_zones = zones, .local_zone_count = 1};
    struct resolver *resolver = resolver_of(&local);
    assert_true(resolver_matches(resolver, &local));
    struct resolver_options changed = local;
    changed.local_zones = others;
    assert_false(resolver_matches(resolver, &changed));
    changed.local_zones = both;
    changed.local_zone_count = 2;
    assert_false(resolver_matches(resolver, &changed));
    changed = local;
    changed.local_zone_text = "c TXT x";
    assert_false(resolver_matches(resolver, &changed));
    changed = local;
    changed.cache_bytes = RESOLVER_CACHE_BYTES; /* what 0 stands for */
    assert_true(resolver_matches(resolver, &changed));
    changed.cache_bytes++;
    assert_false(resolver_matches(resolver, &changed));
    changed = local;
    changed.query_timeout_us = 1;
    assert_false(resolver_matches(resolver, &changed));
    write_file(zone, "a TXT other\n");
    assert_false(resolver_matches(resolver, &local));
    resolver_unref(resolver);

    const struct resolver_options list = {
        .mode = RESOLVER_LIST, .nameservers = servers, .nameserver_count = 1, .resolv_conf = conf};
    resolver = resolver_of(&list);
    assert_true(resolver_matches(resolver, &list));
    changed = list;
    changed.nameservers = moved;
    assert_false(resolver_matches(resolver, &changed));
    changed = list;
    changed.trust_anchor_file = zone;
    assert_false(resolver_matches(resolver, &changed));
    changed = list;
    changed.mode = RESOLVER_SYSTEM;
    assert_false(resolver_matches(resolver, &changed));
    write_file(conf, "nameserver 192.0.2.3\n\n");
    assert_true(resolver_matches(resolver, &list)); /* it does not read resolv.conf */
    resolver_unref(resolver);

    const struct resolver_options system = {.mode = RESOLVER_SYSTEM, .resolv_conf = conf};
    resolver = resolver_of(&system);
    assert_true(resolver_matches(resolver, &system));
    write_file(conf, "nameserver 192.0.2.42\n");
    assert_false(resolver_matches(resolver, &system));
    resolver_unref(resolver);

    unlink(zone);
    unlink(other);
    unlink(conf);
    rmdir(directory);
}

/* Every mode can be set up; nothing is sent before the first question. */
static void test_descriptions(void **state)
{
    const char *const servers[] = {"192.0.2.1", "2001:db8::1@5353"};
    static const char list[] = "name servers 192.0.2.1, 2001:db8::1@5353; no DNSSEC";
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){
        .mode = RESOLVER_LIST, .nameservers = servers, .nameserver_count = 2});
    assert_string_equal(resolver_description(resolver), list);
    resolver_unref(resolver);
    resolver = resolver_of(&(struct resolver_options){.mode = RESOLVER_RECURSIVE});
    assert_string_equal(resolver_description(resolver), "recursion from the root; no DNSSEC");
    resolver_unref(resolver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local_mode),   cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_references),   cmocka_unit_test(test_matches),
        cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
