/* test_host_set.c - which hosts a set contains. */
#include "host_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    ARENA_LIMIT = 1 << 20,
};

/* A set out of entries separated by blanks; every entry must be good. */
static struct host_set *make_set(struct arena *arena, const char *entries)
{
    struct host_set *set = host_set_new(arena);
    assert_non_null(set);
    while (*entries) {
        size_t len = strcspn(entries, " ");
        const char *wrong = host_set_add(set, (struct bytes){entries, len});
        if (wrong)
            fail_msg("%s", wrong);
        entries += len + strspn(entries + len, " ");
    }
    return set;
}

static const struct {
    const char *set, *ip, *name;
    bool contained;
} contains_cases[] = {
    {"", "192.0.2.1", "mx.example.com", false},
    /* addresses and networks */
    {"192.0.2.1", "192.0.2.1", "", true},
    {"192.0.2.1", "192.0.2.2", "", false},
    {"192.0.2.0/24", "192.0.2.255", "", true},
    {"192.0.2.0/24", "192.0.3.0", "", false},
    {"192.0.2.77/24", "192.0.2.1", "", true}, /* host bits do not count */
    {"0.0.0.0/0", "203.0.113.9", "", true},
    {"0.0.0.0/0", "2001:db8::1", "", false},
    {"2001:db8::/32", "2001:db8:ffff::1", "", true},
    {"2001:db8::/32", "2001:db9::1", "", false},
    {"[2001:db8::1]", "2001:db8::1", "", true},
    {"[2001:db8::]/32", "2001:db8::99", "", true},
    {"::ffff:192.0.2.0/120", "192.0.2.9", "", true}, /* IPv4-mapped is IPv4 */
    {"192.0.2.0/24", "::ffff:192.0.2.9", "", true},
    /* names */
    {"mx.example.com", "192.0.2.1", "mx.example.com", true},
    {"mx.example.com", "192.0.2.1", "MX.Example.COM.", true},
    {"mx.example.com.", "192.0.2.1", "mx.example.com", true},
    {"mx.example.com", "192.0.2.1", "a.mx.example.com", false},
    {"mx.example.com", "192.0.2.1", "", false},
    {".example.com", "192.0.2.1", "mx.example.com", true},
    {".example.com", "192.0.2.1", "a.b.example.com", true},
    {".example.com", "192.0.2.1", "example.com", false},
    {".example.com", "192.0.2.1", "notexample.com", false},
    {".example.com", "192.0.2.1", ".example.com", false},
    {"m\xc3\xbcller.example", "192.0.2.1", "xn--mller-kva.example", true},
    /* the longer prefix decides, in any order */
    {"10.0.0.0/8 !10.1.0.0/16", "10.2.0.1", "", true},
    {"10.0.0.0/8 !10.1.0.0/16", "10.1.0.1", "", false},
    {"!10.1.0.0/16 10.0.0.0/8", "10.1.0.1", "", false},
    {"10.0.0.0/8 !10.1.0.0/16 10.1.2.3", "10.1.2.3", "", true},
    /* the longer name decides */
    {".example.com !.dyn.example.com", "192.0.2.1", "a.dyn.example.com", false},
    {"!.dyn.example.com .example.com", "192.0.2.1", "a.dyn.example.com", false},
    {".example.com !.dyn.example.com", "192.0.2.1", "a.example.com", true},
    {"!.example.com mx.example.com", "192.0.2.1", "mx.example.com", true},
    /* a name beats a network */
    {"192.0.2.0/24 !bad.example.com", "192.0.2.1", "bad.example.com", false},
    {"!192.0.2.1 .example.com", "192.0.2.1", "mx.example.com", true},
    /* at equality the negated one decides */
    {"192.0.2.1 !192.0.2.1", "192.0.2.1", "", false},
    {"!192.0.2.1 192.0.2.1", "192.0.2.1", "", false},
    {"!mx.example.com mx.example.com", "192.0.2.1", "mx.example.com", false},
    /* only exceptions: nothing is in it */
    {"!10.0.0.0/8", "192.0.2.1", "", false},
};

static void contains(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(contains_cases) / sizeof(contains_cases[0]); i++) {
        struct arena *arena = arena_new(ARENA_LIMIT);
        struct host_set *set = make_set(arena, contains_cases[i].set);
        struct ip ip;
        assert_true(ip_parse(bytes_of(contains_cases[i].ip), &ip));
        bool got = host_set_contains(set, &ip, bytes_of(contains_cases[i].name));
        if (got != contains_cases[i].contained)
            fail_msg("{%s} and %s (%s): got %d", contains_cases[i].set, contains_cases[i].ip,
                     contains_cases[i].name, got);
        arena_free(arena);
    }
}

static void client_without_address(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    const struct ip none = {.family = IP_NONE};
    assert_false(host_set_contains(make_set(arena, "0.0.0.0/0 ::/0"), &none, BYTES_EMPTY));
    assert_true(host_set_contains(make_set(arena, ".example.com"), &none, BYTES("a.example.com")));
    arena_free(arena);
}

static void no_set_is_an_empty_set(void **state)
{
    (void)state;
    const struct ip ip = {.family = IP_V4, .octets = {127, 0, 0, 1}};
    assert_false(host_set_contains(NULL, &ip, BYTES_EMPTY));
    assert_int_equal(host_set_count(NULL), 0);
}

static void wrong_entries_are_named(void **state)
{
    static const char *const wrong[] = {
        "",
        "!",
        ".",
        "192.0.2.256",
        "192.0.2.0/33",
        "192.0.2",
        "2001:db8::/129",
        "a..b",
        "host name",
        "mx.example.com/24",
        "10.0.0.0/8/8",
        "*.example.com",
        "[192.0.2.1",
        "::ffff:192.0.2.0/64",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct arena *arena = arena_new(ARENA_LIMIT);
        struct host_set *set = host_set_new(arena);
        const char *text = host_set_add(set, bytes_of(wrong[i]));
        if (!text)
            fail_msg("'%s' was accepted", wrong[i]);
        assert_non_null(strstr(text, wrong[i]));
        assert_non_null(strstr(text, "192.0.2.0/24"));
        assert_int_equal(host_set_count(set), 0);
        arena_free(arena);
    }
}

static void hostile_entry_is_shown_harmless(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    const char *text = host_set_add(host_set_new(arena), BYTES("a\0b\x1b[2J"));
    assert_non_null(text);
    assert_non_null(strstr(text, "'a?b?[2J'"));
    arena_free(arena);
}

static void grows(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct host_set *set = host_set_new(arena);
    for (unsigned i = 0; i < 1000; i++) {
        const char *entry = arena_printf(arena, "10.0.%u.%u", i / 256, i % 256);
        assert_null(host_set_add(set, bytes_of(entry)));
    }
    assert_int_equal(host_set_count(set), 1000);
    struct ip ip;
    assert_true(ip_parse(BYTES("10.0.3.231"), &ip));
    assert_true(host_set_contains(set, &ip, BYTES_EMPTY));
    assert_true(ip_parse(BYTES("10.0.3.232"), &ip));
    assert_false(host_set_contains(set, &ip, BYTES_EMPTY));
    arena_free(arena);
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    struct arena *arena = arena_new(300);
    struct host_set *set = host_set_new(arena);
    assert_non_null(set);
    assert_string_equal(host_set_add(set, BYTES("192.0.2.1")), "out of memory");
    assert_int_equal(host_set_count(set), 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contains),
        cmocka_unit_test(client_without_address),
        cmocka_unit_test(no_set_is_an_empty_set),
        cmocka_unit_test(wrong_entries_are_named),
        cmocka_unit_test(hostile_entry_is_shown_harmless),
        cmocka_unit_test(grows),
        cmocka_unit_test(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
