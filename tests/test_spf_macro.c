/* test_spf_macro.c - macro-strings: syntax and expansion (RFC 7208 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounds.h"
#include "spf_macro.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The identities of RFC 7208 7.4. */
static struct spf_macro_values example(const char *client)
{
    struct spf_macro_values values = {.sender = BYTES("strong-bad@email.example.com"),
                                      .local_part = BYTES("strong-bad"),
                                      .sender_domain = BYTES("email.example.com"),
                                      .domain = BYTES("email.example.com"),
                                      .helo = BYTES("mx.example.org"),
                                      .epoch = 1700000000};
    assert_true(ip_parse(bytes_of(client), &values.client));
    return values;
}

static void expands_domain_specs(void **state)
{
    static const struct {
        const char *client, *spec, *name;
    } cases[] = {
        /* RFC 7208 7.4 */
        {"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
        {"192.0.2.3", "%{o}", "email.example.com"},
        {"192.0.2.3", "%{d}", "email.example.com"},
        {"192.0.2.3", "%{d4}", "email.example.com"},
        {"192.0.2.3", "%{d3}", "email.example.com"},
        {"192.0.2.3", "%{d2}", "example.com"},
        {"192.0.2.3", "%{d1}", "com"},
        {"192.0.2.3", "%{dr}", "com.example.email"},
        {"192.0.2.3", "%{d2r}", "example.email"},
        {"192.0.2.3", "%{l}", "strong-bad"},
        {"192.0.2.3", "%{l-}", "strong.bad"},
        {"192.0.2.3", "%{lr}", "strong-bad"},
        {"192.0.2.3", "%{lr-}", "bad.strong"},
        {"192.0.2.3", "%{l1r-}", "strong"},
        {"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
         "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
         "3.2.0.192.in-addr.strong.lp._spf.example.com"},
        {"192.0.2.3", "%{d2}.trusted-domains.example.net",
         "example.com.trusted-domains.example.net"},
        {"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
         "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"},
        /* more digits than labels, the defect of libspf2 ("mail.example.com") */
        {"192.0.2.3", "%{d9}", "email.example.com"},
        {"192.0.2.3", "%{d03}", "email.example.com"},
        {"192.0.2.3", "%{d99999999999999999999}", "email.example.com"},
        {"192.0.2.3", "%{d99999999999999999999R}", "com.example.email"},
        /* all delimiters, also those that libspf2 refuses */
        {"192.0.2.3", "%{s,}.x.com", "strong-bad@email.example.com.x.com"},
        {"192.0.2.3", "%{s-./+,_=}.x.com", "strong.bad@email.example.com.x.com"},
        {"192.0.2.3", "%{l2r-/}.x.com", "bad.strong.x.com"},
        /* literals */
        {"192.0.2.3", "%%.%_.%-.x.com", "%. .%20.x.com"},
        {"192.0.2.3", "x.example.com.", "x.example.com"},
        {"192.0.2.3", "%{h}", "mx.example.org"},
        {"192.0.2.3", "%{H1}", "org"},
        {"192.0.2.3", "%{S}.x.com", "strong-bad%40email.example.com.x.com"},
        {"192.0.2.3", "%{p}.x.com", "unknown.x.com"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spf_macro_values values = example(cases[i].client);
        char name[DOMAIN_MAX + 1];
        unsigned letters;
        if (!spf_macro_check(bytes_of(cases[i].spec), SPF_MACRO_DOMAIN_SPEC, &letters))
            fail_msg("refused: %s", cases[i].spec);
        size_t len = spf_macro_expand_domain(&values, bytes_of(cases[i].spec), name);
        assert_string_equal(name, cases[i].name);
        assert_int_equal(len, strlen(name));
    }
}

static void values_are_split_even_when_empty_parts_arise(void **state)
{
    static const struct {
        const char *spec, *local_part, *name;
    } cases[] = {
        {"%{l-}.x", "-a--b-", ".a..b..x"},
        {"%{lr-}.x", "-a--b-", ".b..a..x"},
        {"%{l1-}.x", "-a--b-", ".x"},
        {"%{l2-}.x", "-a--b-", "b..x"},
        {"%{l1r-}.x", "-a--b-", ".x"},
        {"%{l2r-}.x", "-a--b-", "a..x"},
        {"%{l}.x", "", ".x"},
        {"%{lr}.x", "", ".x"},
        {"%{l3r+}.x", "+", "..x"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spf_macro_values values = example("192.0.2.3");
        char name[DOMAIN_MAX + 1];
        values.local_part = bytes_of(cases[i].local_part);
        spf_macro_expand_domain(&values, bytes_of(cases[i].spec), name);
        assert_string_equal(name, cases[i].name);
    }
}

static void long_names_lose_labels_on_the_left(void **state)
{
    char spec[DOMAIN_MAX * 8], name[DOMAIN_MAX + 1];
    struct spf_macro_values values = example("192.0.2.3");
    (void)state;
    for (size_t labels = 1; labels < 200; labels++) {
        size_t len = 0;
        for (size_t i = 0; i < labels; i++)
            len += (size_t)snprintf(spec + len, sizeof(spec) - len, "n%03zu.", i);
        snprintf(spec + len, sizeof(spec) - len, "com");
        size_t expanded = spf_macro_expand_domain(&values, bytes_of(spec), name);
        size_t kept = labels < 50 ? labels : 50; /* 50 * 5 + 3 = 253 */
        assert_int_equal(expanded, kept * 5 + 3);
        assert_string_equal(name, spec + (labels - kept) * 5);
    }
}

static void a_name_of_one_overlong_label_is_no_name(void **state)
{
    char spec[4096], name[DOMAIN_MAX + 1];
    struct spf_macro_values values = example("192.0.2.3");
    (void)state;
    memset(spec, 'x', sizeof(spec));
    spec[sizeof(spec) - 4] = '\0';
    assert_int_equal(spf_macro_expand_domain(&values, bytes_of(spec), name), 0);
    /* ... and above a short one it is dropped */
    memcpy(spec + sizeof(spec) - 8, ".com", 5);
    assert_int_equal(spf_macro_expand_domain(&values, bytes_of(spec), name), 3);
    assert_string_equal(name, "com");
}

static void growth_is_bounded_whatever_the_record_asks_for(void **state)
{
    static char spec[16000];
    static char local_part[5000];
    char name[DOMAIN_MAX + 1];
    struct spf_macro_values values = example("192.0.2.3");
    (void)state;
    for (size_t i = 0; i + 4 < sizeof(spec); i += 4)
        memcpy(spec + i, "%{l}", 5);
    memset(local_part, '.', sizeof(local_part));
    values.local_part = (struct bytes){local_part, sizeof(local_part)};
    assert_int_equal(spf_macro_expand_domain(&values, bytes_of(spec), name), DOMAIN_MAX);
}

static void octets_of_the_sender_go_through_as_they_are(void **state)
{
    char name[DOMAIN_MAX + 1];
    struct spf_macro_values values = example("192.0.2.3");
    (void)state;
    values.local_part = BYTES("%{d}\0\xff ");
    size_t len = spf_macro_expand_domain(&values, BYTES("%{l}.x"), name);
    assert_int_equal(len, 9);
    assert_memory_equal(name, "%{d}\0\xff .x", 9);
    len = spf_macro_expand_domain(&values, BYTES("%{L}.x"), name);
    assert_string_equal(name, "%25%7Bd%7D%00%FF%20.x");
    assert_int_equal(len, strlen(name));
}

static void c_r_and_t_are_for_explanations_only(void **state)
{
    static const char *const specs[] = {"%{c}", "%{r}", "%{t}", "%{C}", "%{R}", "%{T}"};
    unsigned letters;
    (void)state;
    for (size_t i = 0; i < COUNT(specs); i++) {
        assert_false(spf_macro_check(bytes_of(specs[i]), SPF_MACRO_DOMAIN_SPEC, &letters));
        assert_true(spf_macro_check(bytes_of(specs[i]), SPF_MACRO_STRING, &letters));
        assert_true(spf_macro_check(bytes_of(specs[i]), SPF_MACRO_EXPLAIN, &letters));
    }
}

/* Else "%{s}" may stand 16,000 times in a record, and a long sender in each place. */
static void a_domain_has_at_most_128_macros(void **state)
{
    char text[4 * (SPF_MACROS_MAX + 1)];
    unsigned letters;
    (void)state;
    for (size_t i = 0; i <= SPF_MACROS_MAX; i++)
        memcpy(text + 4 * i, "%{d}", 4);
    struct bytes most = {text, 4 * SPF_MACROS_MAX}, more = {text, sizeof(text)};
    assert_true(spf_macro_check(most, SPF_MACRO_DOMAIN_SPEC, &letters));
    assert_false(spf_macro_check(more, SPF_MACRO_DOMAIN_SPEC, &letters));
    assert_true(spf_macro_check(more, SPF_MACRO_STRING, &letters));
    assert_true(spf_macro_check(more, SPF_MACRO_EXPLAIN, &letters));
}

static void the_letters_in_use_are_told(void **state)
{
    unsigned letters;
    (void)state;
    assert_true(spf_macro_check(BYTES("%{S}%%l.%{ir}.x"), SPF_MACRO_DOMAIN_SPEC, &letters));
    assert_int_equal(letters, SPF_MACRO_LETTER('s') | SPF_MACRO_LETTER('i'));
}

static void spaces_are_for_explanations_only(void **state)
{
    unsigned letters;
    (void)state;
    assert_true(spf_macro_check(BYTES("See %{d} or else"), SPF_MACRO_EXPLAIN, &letters));
    assert_false(spf_macro_check(BYTES("See %{d}"), SPF_MACRO_DOMAIN_SPEC, &letters));
    assert_false(spf_macro_check(BYTES("See %{d}"), SPF_MACRO_STRING, &letters));
    assert_false(spf_macro_check(BYTES("tab\there"), SPF_MACRO_EXPLAIN, &letters));
    assert_false(spf_macro_check(BYTES("caf\xc3\xa9"), SPF_MACRO_EXPLAIN, &letters));
}

static void expands_explanations(void **state)
{
    static const struct {
        const char *client, *text, *result;
    } cases[] = {
        {"192.0.2.3", "See me.", "See me."},
        {"192.0.2.3", "%{c} is not one of %{d}'s.", "192.0.2.3 is not one of email.example.com's."},
        {"2001:db8::1", "%{c} %{v}", "2001:db8::1 ip6"},
        {"192.0.2.3", "%{r} at %{t}", "unknown at 1700000000"},
        {"192.0.2.3", "http://x.example/?s=%{S}&%{s}",
         "http://x.example/?s=strong-bad%40email.example.com&strong-bad@email.example.com"},
        {"192.0.2.3", "100%% %-%_", "100% %20 "},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spf_macro_values values = example(cases[i].client);
        char text[200];
        spf_macro_expand_text(&values, bytes_of(cases[i].text), text, sizeof(text));
        assert_string_equal(text, cases[i].result);
    }
}

static void explanations_are_cut_and_printable(void **state)
{
    struct spf_macro_values values = example("192.0.2.3");
    char text[11];
    (void)state;
    spf_macro_expand_text(&values, BYTES("0123456789abc"), text, sizeof(text));
    assert_string_equal(text, "0123456789");
    values.local_part = BYTES("a\r\nb\0c\xff");
    spf_macro_expand_text(&values, BYTES("%{l}"), text, sizeof(text));
    assert_string_equal(text, "a??b?c?");
}

static struct bytes count_calls(void *context, struct bytes domain)
{
    ++*(int *)context;
    assert_true(bytes_equal(domain, BYTES("email.example.com")));
    return BYTES("mx.example.org");
}

/* A long text may not cost more than what is seen of it. */
static void what_is_cut_off_is_not_expanded(void **state)
{
    struct spf_macro_values values = example("192.0.2.3");
    int calls = 0;
    char text[17];
    (void)state;
    values.validated_name = count_calls;
    values.context = &calls;
    spf_macro_expand_text(&values, BYTES("%{p}%{p}%{p}%{p}%{p}%{p}%{p}%{p}%{p}"), text,
                          sizeof(text));
    assert_int_equal(strlen(text), 16);
    assert_true(calls >= 1 && calls < 9);
}

static void the_validated_name_is_asked_for_only_when_needed(void **state)
{
    int calls = 0;
    struct spf_macro_values values = example("192.0.2.3");
    char name[DOMAIN_MAX + 1];
    (void)state;
    values.validated_name = count_calls;
    values.context = &calls;
    spf_macro_expand_domain(&values, BYTES("%{d}"), name);
    assert_int_equal(calls, 0);
    spf_macro_expand_domain(&values, BYTES("%{p2}"), name);
    assert_int_equal(calls, 1);
    assert_string_equal(name, "example.org");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_domain_specs),
        cmocka_unit_test(values_are_split_even_when_empty_parts_arise),
        cmocka_unit_test(long_names_lose_labels_on_the_left),
        cmocka_unit_test(a_name_of_one_overlong_label_is_no_name),
        cmocka_unit_test(growth_is_bounded_whatever_the_record_asks_for),
        cmocka_unit_test(octets_of_the_sender_go_through_as_they_are),
        cmocka_unit_test(c_r_and_t_are_for_explanations_only),
        cmocka_unit_test(a_domain_has_at_most_128_macros),
        cmocka_unit_test(the_letters_in_use_are_told),
        cmocka_unit_test(spaces_are_for_explanations_only),
        cmocka_unit_test(expands_explanations),
        cmocka_unit_test(explanations_are_cut_and_printable),
        cmocka_unit_test(what_is_cut_off_is_not_expanded),
        cmocka_unit_test(the_validated_name_is_asked_for_only_when_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
