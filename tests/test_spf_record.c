/* test_spf_record.c - the grammar of SPF records (RFC 7208 12), term by term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spf_macro.h"
#include "spf_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void only_version_and_space_or_end_make_an_spf_record(void **state)
{
    (void)state;
    assert_true(spf_record_is(BYTES("v=spf1")));
    assert_true(spf_record_is(BYTES("V=SPF1 -all")));
    assert_false(spf_record_is(BYTES("v=spf10 -all")));
    assert_false(spf_record_is(BYTES("v=spf1\t-all")));
    assert_false(spf_record_is(BYTES("v=spf1-all")));
    assert_false(spf_record_is(BYTES(" v=spf1 -all")));
    assert_false(spf_record_is(BYTES("v=spf")));
    assert_false(spf_record_is(BYTES("")));
    assert_false(spf_record_is(BYTES("v=spf1\0 -all")));
}

static void mechanisms_are_read_with_their_qualifier_and_arguments(void **state)
{
    static const struct {
        const char *text;
        enum spf_term_kind kind;
        enum auth_result qualifier;
        const char *domain;
        unsigned prefix4, prefix6;
    } cases[] = {
        {"all", SPF_ALL, AUTH_PASS, "", 32, 128},
        {"-ALL", SPF_ALL, AUTH_FAIL, "", 32, 128},
        {"+all", SPF_ALL, AUTH_PASS, "", 32, 128},
        {"~all", SPF_ALL, AUTH_SOFTFAIL, "", 32, 128},
        {"?all", SPF_ALL, AUTH_NEUTRAL, "", 32, 128},
        {"a", SPF_A, AUTH_PASS, "", 32, 128},
        {"a/24", SPF_A, AUTH_PASS, "", 24, 128},
        {"a//64", SPF_A, AUTH_PASS, "", 32, 64},
        {"a/0//0", SPF_A, AUTH_PASS, "", 0, 0},
        {"a:example.com", SPF_A, AUTH_PASS, "example.com", 32, 128},
        {"a:example.com.", SPF_A, AUTH_PASS, "example.com.", 32, 128},
        {"a:example.com/8//16", SPF_A, AUTH_PASS, "example.com", 8, 16},
        {"a:%{d}/24", SPF_A, AUTH_PASS, "%{d}", 24, 128},
        {"a:%{d/}/24", SPF_A, AUTH_PASS, "%{d/}", 24, 128},
        {"a:a/b.example.com/24", SPF_A, AUTH_PASS, "a/b.example.com", 24, 128},
        {"a:a:b.example.com", SPF_A, AUTH_PASS, "a:b.example.com", 32, 128},
        {"a:b=c.example.com", SPF_A, AUTH_PASS, "b=c.example.com", 32, 128},
        {"a:example.c-d", SPF_A, AUTH_PASS, "example.c-d", 32, 128},
        {"a:.com", SPF_A, AUTH_PASS, ".com", 32, 128},
        {"?mx", SPF_MX, AUTH_NEUTRAL, "", 32, 128},
        {"mx:example.com/32//128", SPF_MX, AUTH_PASS, "example.com", 32, 128},
        {"ptr", SPF_PTR, AUTH_PASS, "", 32, 128},
        {"ptr:example.com", SPF_PTR, AUTH_PASS, "example.com", 32, 128},
        {"exists:%{ir}.x.example.com", SPF_EXISTS, AUTH_PASS, "%{ir}.x.example.com", 32, 128},
        {"~include:%{d2}", SPF_INCLUDE, AUTH_SOFTFAIL, "%{d2}", 32, 128},
        {"ip4:192.0.2.0/24", SPF_IP4, AUTH_PASS, "", 24, 128},
        {"ip4:192.0.2.0/0", SPF_IP4, AUTH_PASS, "", 0, 128},
        {"ip4:192.0.2.1", SPF_IP4, AUTH_PASS, "", 32, 128},
        {"-ip6:2001:db8::/32", SPF_IP6, AUTH_FAIL, "", 32, 32},
        {"ip6:::ffff:192.0.2.0/120", SPF_IP6, AUTH_PASS, "", 32, 120},
        {"ip6:::", SPF_IP6, AUTH_PASS, "", 32, 128},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i].text);
        struct spf_record *record = spf_record_new(bytes_of(text));
        if (record->error)
            fail_msg("%s: %s", cases[i].text, record->error);
        const struct spf_term *term = &record->terms[0];
        assert_int_equal(record->count, 1);
        assert_int_equal(term->kind, cases[i].kind);
        assert_int_equal(term->qualifier, cases[i].qualifier);
        assert_true(bytes_equal(term->text, bytes_of(cases[i].text)));
        assert_true(bytes_equal(term->domain_spec, bytes_of(cases[i].domain)));
        assert_int_equal(term->prefix4, cases[i].prefix4);
        assert_int_equal(term->prefix6, cases[i].prefix6);
        free(record);
    }
}

static void whatever_the_grammar_does_not_allow_is_an_error(void **state)
{
    static const char *const cases[] = {
        "all.",
        "all:example.com",
        "all/8",
        "foo",
        "foo:example.com",
        "+",
        "--all",
        "-redirect=example.com",
        "redirect:example.com",
        "=example.com",
        "1x=y",
        "a:",
        "a:/24",
        "a/",
        "a//",
        "a/33",
        "a/032",
        "a/00",
        "a//129",
        "a//0128",
        "a/24/64",
        "a/99999999999999999999",
        "a:example",
        "a:example.com/24/24",
        "a:example.com/",
        "a:example.123",
        "a:192.0.2.1",
        "a:example.-com",
        "a:example.com-",
        "a:com.",
        "a:example..",
        "a:example.com:8080",
        "a:%{d}com",
        "a:%{d}.",
        "a:%",
        "a:%{",
        "a:%{d",
        "a:%{}",
        "a:%{x}.com",
        "a:%{d0}",
        "a:%{d00}",
        "a:%{d-r}",
        "a:%{d|}",
        "a:%{c}",
        "a:%{r}",
        "a:%{t}",
        "a:%(d).com",
        "a:foo%bar.com",
        "a:example.com%",
        "include",
        "include:",
        "include:example.com/24",
        "include:.",
        "exists",
        "exists:",
        "exists:example.com/24",
        "ptr/24",
        "ptr:",
        "ip4",
        "ip4:",
        "ip4/24",
        "ip4:192.0.2",
        "ip4:192.0.2.256",
        "ip4:192.0.2.01",
        "ip4:192.0.2.1.",
        "ip4:192.0.2.1:25",
        "ip4:192.0.2.0/33",
        "ip4:192.0.2.0/024",
        "ip4:192.0.2.0/",
        "ip4:192.0.2.0//24",
        "ip4:%{i}",
        "ip4:2001:db8::1",
        "ip6:192.0.2.1",
        "ip6:2001:db8::1/129",
        "ip6:2001:db8::1%eth0",
        "ip6:IPv6:2001:db8::1",
        "ip6:2001:db8:::1",
        "ip6:",
        "exp=",
        "exp=example",
        "exp=%{x}",
        "redirect=",
        "redirect=a.example redirect=b.example",
        "redirect=a.example REDIRECT=a.example",
        "exp=a.example exp=a.example",
        "foo=%",
        "foo=%{x}",
        "foo=b%ar",
        "a:\xc3\xa9.example.com",
        "\200all",
        "a:exam\tple.com",
        "a\x7f",
        "-all\n",
        "a -all foo",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i]);
        struct spf_record *record = spf_record_new(bytes_of(text));
        if (!record->error)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(record->count, 0);
        free(record);
    }
}

static void the_error_names_the_term(void **state)
{
    (void)state;
    struct spf_record *record = spf_record_new(BYTES("v=spf1 a foo:bar -all"));
    assert_string_equal(record->error, "unknown mechanism");
    assert_true(bytes_equal(record->error_text, BYTES("foo:bar")));
    free(record);
}

static void a_nul_octet_is_an_error_and_cuts_nothing_off(void **state)
{
    (void)state;
    struct spf_record *record = spf_record_new(BYTES("v=spf1 +all\0 -all"));
    assert_non_null(record->error);
    free(record);
}

static void modifiers_may_stand_anywhere(void **state)
{
    (void)state;
    struct spf_record *record =
        spf_record_new(BYTES("v=spf1 redirect=%{d2}.example.net foo.b-a_r9=%{l}%% a exp=e.example"
                             " moo= -all "));
    assert_null(record->error);
    assert_int_equal(record->count, 2);
    assert_true(record->has_all);
    assert_true(bytes_equal(record->redirect.domain_spec, BYTES("%{d2}.example.net")));
    assert_true(bytes_equal(record->redirect.text, BYTES("redirect=%{d2}.example.net")));
    assert_int_equal(record->redirect.letters, SPF_MACRO_LETTER('d'));
    assert_true(bytes_equal(record->exp.domain_spec, BYTES("e.example")));
    free(record);
}

static void spaces_around_terms_do_not_matter_and_no_terms_are_fine(void **state)
{
    static const char *const cases[] = {"v=spf1", "v=spf1 ", "v=spf1     ", "v=spf1   a   "};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spf_record *record = spf_record_new(bytes_of(cases[i]));
        assert_null(record->error);
        assert_int_equal(record->count, i == 3);
        free(record);
    }
}

static void terms_behind_all_are_checked_but_not_kept(void **state)
{
    (void)state;
    struct spf_record *record = spf_record_new(BYTES("v=spf1 a -all mx ip4:192.0.2.1"));
    assert_null(record->error);
    assert_int_equal(record->count, 2);
    free(record);
    record = spf_record_new(BYTES("v=spf1 -all ip4:192.0.2.999"));
    assert_non_null(record->error);
    free(record);
}

static void terms_behind_the_eleventh_lookup_are_checked_but_not_kept(void **state)
{
    (void)state;
    struct spf_record *record = spf_record_new(
        BYTES("v=spf1 a a a a a a a a a a ip4:192.0.2.1 mx ip4:192.0.2.2 exists:a.b redirect=a.b"));
    assert_null(record->error);
    assert_int_equal(record->count, 12);
    assert_int_equal(record->terms[11].kind, SPF_MX);
    free(record);
}

static void a_record_may_be_65535_octets_long(void **state)
{
    static char text[SPF_RECORD_MAX + 2];
    (void)state;
    memset(text, ' ', sizeof(text));
    memcpy(text, "v=spf1 ip4:192.0.2.1", 20);
    struct spf_record *record = spf_record_new((struct bytes){text, SPF_RECORD_MAX});
    assert_null(record->error);
    free(record);
    record = spf_record_new((struct bytes){text, SPF_RECORD_MAX + 1});
    assert_string_equal(record->error, "record is too long:");
    free(record);
}

static void a_client_is_matched_in_its_own_family(void **state)
{
    static const struct {
        const char *term, *client;
        bool matches;
    } cases[] = {
        {"all", "192.0.2.1", true},
        {"ip4:192.0.2.0/24", "192.0.2.255", true},
        {"ip4:192.0.2.0/24", "192.0.3.0", false},
        {"ip4:0.0.0.0/0", "192.0.2.1", true},
        {"ip4:0.0.0.0/0", "2001:db8::1", false},
        {"ip4:192.0.2.1", "::ffff:192.0.2.1", true},
        {"ip6:::/0", "2001:db8::1", true},
        {"ip6:::/0", "192.0.2.1", false},
        {"ip6:::ffff:192.0.2.1", "192.0.2.1", false},
        {"ip6:::ffff:192.0.2.1", "::ffff:192.0.2.1", false},
        {"a", "192.0.2.1", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        struct ip client;
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i].term);
        struct spf_record *record = spf_record_new(bytes_of(text));
        assert_true(ip_parse(bytes_of(cases[i].client), &client));
        assert_int_equal(spf_term_matches_client(&record->terms[0], &client), cases[i].matches);
        free(record);
    }
}

static void the_published_record_is_chosen_and_parsed_once_per_answer(void **state)
{
    static const struct dns_record records[] = {
        {0, BYTES("hello")}, {0, BYTES("v=spf1 -all")}, {0, BYTES("v=spf2.0/pra -all")}};
    (void)state;
    const struct dns_answer *answer = dns_answer_new(DNS_FOUND, false, 60, "", records, 3);
    const struct spf_published *published = spf_published_of(answer);
    assert_int_equal(published->count, 1);
    assert_int_equal(published->record->terms[0].qualifier, AUTH_FAIL);
    assert_ptr_equal(spf_published_of(answer), published);
    dns_answer_unref(answer);
}

static void identical_records_are_still_several(void **state)
{
    static const struct dns_record records[] = {{0, BYTES("v=spf1 -all")},
                                                {0, BYTES("v=spf1 -all")}};
    (void)state;
    const struct dns_answer *answer = dns_answer_new(DNS_FOUND, false, 60, "", records, 2);
    assert_int_equal(spf_published_of(answer)->count, 2);
    assert_null(spf_published_of(answer)->record);
    dns_answer_unref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_version_and_space_or_end_make_an_spf_record),
        cmocka_unit_test(mechanisms_are_read_with_their_qualifier_and_arguments),
        cmocka_unit_test(whatever_the_grammar_does_not_allow_is_an_error),
        cmocka_unit_test(the_error_names_the_term),
        cmocka_unit_test(a_nul_octet_is_an_error_and_cuts_nothing_off),
        cmocka_unit_test(modifiers_may_stand_anywhere),
        cmocka_unit_test(spaces_around_terms_do_not_matter_and_no_terms_are_fine),
        cmocka_unit_test(terms_behind_all_are_checked_but_not_kept),
        cmocka_unit_test(terms_behind_the_eleventh_lookup_are_checked_but_not_kept),
        cmocka_unit_test(a_record_may_be_65535_octets_long),
        cmocka_unit_test(a_client_is_matched_in_its_own_family),
        cmocka_unit_test(the_published_record_is_chosen_and_parsed_once_per_answer),
        cmocka_unit_test(identical_records_are_still_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
