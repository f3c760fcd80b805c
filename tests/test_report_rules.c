/* test_report_rules.c - who is sent a report, where to, and when. */
#include "report_rules.h"
#include "unit.h"

#include <string.h>

enum { MEMORY = 1 << 20 };

static struct config_list list(const char *const *items)
{
    struct config_list made = {.items = items};
    while (items[made.count])
        made.count++;
    return made;
}

/* ---- politeness ---- */

static void test_when(void **state)
{
    static const struct {
        enum report_when when;
        int64_t passed, accepted;
        bool polite;
    } rows[] = {
        {REPORT_WHEN_ACCEPTED, 0, 1, true},  {REPORT_WHEN_ACCEPTED, 1, 0, true},
        {REPORT_WHEN_ACCEPTED, 0, 0, false}, {REPORT_WHEN_PASSED, 1, 0, true},
        {REPORT_WHEN_PASSED, 0, 9, false},   {REPORT_WHEN_PASSED, 0, 0, false},
        {REPORT_WHEN_ALWAYS, 0, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report_config config = {.when = rows[i].when};
        struct store_summary summary = {.domain = BYTES("example.com"),
                                        .messages = 9,
                                        .passed = rows[i].passed,
                                        .accepted = rows[i].accepted};
        assert_int_equal(!report_rules_impolite(&config, &summary), rows[i].polite);
    }
}

static void test_exclude(void **state)
{
    static const char *const items[] = {"one.example", ".two.example", "Reports@Three.example",
                                        NULL};
    static const struct {
        const char *domain, *address;
        bool excluded;
    } rows[] = {
        {"one.example", "", true},
        {"ONE.example", "", true},
        {"sub.one.example", "", false},
        {"none.example", "", false},
        {"two.example", "", false},
        {"sub.two.example", "", true},
        {"a.b.two.example", "", true},
        {"xtwo.example", "", false},
        {"three.example", "", false},
        {"three.example", "reports@three.example", true},
        {"three.example", "other@three.example", false},
        {"one.example", "x@one.example", true},
        {"", "", false},
    };
    (void)state;
    struct config_list exclude = list(items);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            report_rules_excluded(&exclude, bytes_of(rows[i].domain), bytes_of(rows[i].address)),
            rows[i].excluded);
}

static void test_exclusion_beats_when(void **state)
{
    static const char *const items[] = {"example.com", NULL};
    struct report_config config = {.when = REPORT_WHEN_ALWAYS, .exclude = list(items)};
    struct store_summary summary = {.domain = BYTES("example.com"), .messages = 1, .passed = 1};
    (void)state;
    assert_string_equal(report_rules_impolite(&config, &summary), "ReportExclude names the domain");
}

/* ---- addresses ---- */

#define NUL_LOCAL "a%00b"

static void test_uri_to_address(void **state)
{
    static const struct {
        const char *uri, *address; /* NULL: refused */
    } rows[] = {
        {"mailto:dmarc@example.com", "dmarc@example.com"},
        {"MailTo:DMARC@Example.COM", "DMARC@example.com"},
        {"mailto:dmarc@b\xc3\xbc"
         "cher.example",
         "dmarc@xn--bcher-kva.example"},
        {"mailto:a+b_c=d@example.com", "a+b_c=d@example.com"},
        {"mailto:report%2Bx@example.com", "report+x@example.com"},
        {"mailto:a%21b@example.com", "a!b@example.com"},
        {"mailto:100%25@example.com", "100%@example.com"},
        {"mailto:dmarc@example.com?subject=hello", "dmarc@example.com"},
        {"mailto:dmarc@example.com?cc=x", "dmarc@example.com"},
        /* several recipients, or none */
        {"mailto:a@one.example,b@two.example", NULL},
        {"mailto:a@one.example%2Cb@two.example", NULL},
        {"mailto:a%40one.example@two.example", NULL},
        {"mailto:example.com", NULL},
        {"mailto:@example.com", NULL},
        {"mailto:?to=a@example.com", NULL},
        {"mailto:", NULL},
        /* not for mail */
        {"https://example.com/report", NULL},
        {"dmarc@example.com", NULL},
        /* what must not get near a command or a header */
        {"mailto:a%0D%0ARCPT%20TO:x@example.com", NULL},
        {"mailto:a%20b@example.com", NULL},
        {"mailto:%22a%22@example.com", NULL},
        {"mailto:" NUL_LOCAL "@example.com", NULL},
        {"mailto:a%3Eb@example.com", NULL},
        {"mailto:%C3%BC@example.com", NULL},
        {"mailto:.a@example.com", NULL},
        {"mailto:a.@example.com", NULL},
        {"mailto:a..b@example.com", NULL},
        {"mailto:a@localhost", NULL},
        {"mailto:a@[192.0.2.1]", NULL},
        {"mailto:a@exam ple.com", NULL},
        {"mailto:a@example.com%0A", NULL},
        /* 64 octets are allowed, 65 are not */
        {"mailto:aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234@example.com",
         "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234@example.com"},
        {"mailto:aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345@example.com",
         NULL},
    };
    (void)state;
    struct arena *arena = arena_new(MEMORY);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes address;
        const char *why = report_rules_address(arena, bytes_of(rows[i].uri), &address);
        if (!rows[i].address && !why)
            fail_msg("%s is taken for %.*s", rows[i].uri, BYTES_ARGS(address));
        if (rows[i].address && (why || !bytes_equal(address, bytes_of(rows[i].address))))
            fail_msg("%s: %s, %.*s", rows[i].uri, why ? why : "", BYTES_ARGS(address));
    }
    arena_free(arena);
}

static void test_plain_address(void **state)
{
    (void)state;
    struct arena *arena = arena_new(MEMORY);
    struct bytes address;
    assert_null(report_rules_plain_address(arena, BYTES("A.B@Example.COM"), &address));
    assert_true(bytes_equal(address, BYTES("A.B@example.com")));
    assert_non_null(report_rules_plain_address(arena, BYTES("nobody"), &address));
    assert_non_null(report_rules_plain_address(arena, BYTES("a@b@example.com"), &address));
    assert_non_null(report_rules_plain_address(arena, BYTES("-o x@example.com"), &address));
    arena_free(arena);
}

/* ---- times ---- */

static void test_due(void **state)
{
    enum { HOUR = 3600, END = 1700000000, DOMAINS = 1000 };
    (void)state;
    struct bytes host = BYTES("mx1.example.org");
    int64_t first = report_rules_due(host, BYTES("example.com"), END, 4 * HOUR);
    int64_t sum = 0;
    assert_int_equal(report_rules_due(host, BYTES("example.com"), END, 4 * HOUR), first);
    assert_int_equal(report_rules_due(host, BYTES("example.com"), END, 0), END);
    assert_int_not_equal(
        report_rules_due(BYTES("mx2.example.org"), BYTES("example.com"), END, 4 * HOUR), first);
    for (int i = 0; i < DOMAINS; i++) {
        char name[40];
        snprintf(name, sizeof(name), "d%d.example", i);
        int64_t due = report_rules_due(host, bytes_of(name), END, 4 * HOUR);
        assert_in_range(due, END, END + 4 * HOUR - 1);
        sum += due - END;
    }
    /* evenly spread: the mean is near the middle */
    assert_in_range(sum / DOMAINS, 2 * HOUR - 600, 2 * HOUR + 600);
}

static void test_last_end(void **state)
{
    enum { NOON = 1763812800 }; /* 2025-11-22 12:00 UTC */
    (void)state;
    assert_int_equal(report_rules_last_end(NOON, 86400), NOON - 43200);
    assert_int_equal(report_rules_last_end(NOON, 3600), NOON);
    assert_int_equal(report_rules_last_end(NOON - 1, 3600), NOON - 3600);
    assert_int_equal(report_rules_last_end(-5, 3600), 0);
}

static void test_dns_patience(void **state)
{
    (void)state;
    assert_int_equal(report_rules_dns_patience(0), 20);
    assert_int_equal(report_rules_dns_patience(599999999), 20);
    assert_int_equal(report_rules_dns_patience(600000000), 1);
    assert_int_equal(report_rules_dns_patience(INT64_MAX), 1);
}

static void test_pause(void **state)
{
    (void)state;
    assert_int_equal(report_rules_pause(1), 1800);
    assert_int_equal(report_rules_pause(2), 3600);
    assert_int_equal(report_rules_pause(4), 14400);
    assert_int_equal(report_rules_pause(5), 21600);
    assert_int_equal(report_rules_pause(1000000), 21600);
}

static void test_day(void **state)
{
    static const struct {
        const char *text;
        int64_t begin; /* -1: no day */
    } rows[] = {
        {"1970-01-01", 0},
        {"2026-11-22", 1795305600},
        {"2024-02-29", 1709164800},
        {"2000-03-01", 951868800},
        {"2100-02-28", 4107456000},
        {"2023-02-29", -1},
        {"2100-02-29", -1},
        {"2026-13-01", -1},
        {"2026-00-10", -1},
        {"2026-11-31", -1},
        {"2026-11-00", -1},
        {"26-11-22", -1},
        {"2026-11-22T00", -1},
        {"2026/11/22", -1},
        {"yesterday", -1},
        {"1969-12-31", -1},
        {"", -1},
        {"2026-1-222", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t begin = -1;
        if (report_rules_day(rows[i].text, &begin) != (rows[i].begin >= 0) ||
            (rows[i].begin >= 0 && begin != rows[i].begin))
            fail_msg("%s gives %lld", rows[i].text, (long long)begin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_exclude),
        cmocka_unit_test(test_exclusion_beats_when),
        cmocka_unit_test(test_uri_to_address),
        cmocka_unit_test(test_plain_address),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_last_end),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_dns_patience),
        cmocka_unit_test(test_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
