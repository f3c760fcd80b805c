/* test_dkim_messages.c - signed messages of others, verified through dkim.h.
 *
 * Suites: dkim-rfc, dkim-mailauth, dkim-dkimpy, dkim-opendkim. A message
 * "passes" when some signature passes, as DMARC sees it.
 */
#include "dkim_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { LATE = 1800000000 }; /* later than the signatures made by the collector of the suites */

/* Cases whose expectation is not ours, with what we give and why. */
static const struct {
    const char *id, *result, *why;
} deviations[] = {
    /* RFC 6376 8.2: text behind l= is not the signer's; result "policy" of RFC 8601 2.7.1 */
    {"dkp-5", "policy", "l= with appended text"},
    {"dkp-11", "policy", "l= with appended text"},
    {"dkp-17", "policy", "l= with appended text"},
    {"dkp-23", "policy", "l= with appended text"},
    {"odk-28", "policy", "l= with appended text"},
    {"odk-29", "policy", "l= with appended text"},
    {"odk-30", "policy", "l= with appended text"},
    {"odk-31", "policy", "l= with appended text"},
    /* RFC 6376 3.6.1 t=y: a failure counts as unsigned */
    {"odk-35", "neutral", "signature does not verify under a key in test mode"},
    {"odk-48", "neutral", "signature does not verify under a key in test mode"},
    /* RFC 8601 2.7.1: a signature that cannot be processed is neutral */
    {"odk-61", "neutral", "a=rsa-sha0"},
    /* RFC 8301 3.1 refuses the rsa-sha1 signature only; RFC 6376 6.1: each stands alone */
    {"odk-74", "pass", "the second signature is rsa-sha256 and verifies"},
};

struct counts {
    size_t cases, as_expected, deviating, wrong, sha1;
};

static const char *deviation_of(const char *id)
{
    for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        if (strcmp(deviations[i].id, id) == 0)
            return deviations[i].result;
    }
    return NULL;
}

/* pass if any passes, else what the first signature got. */
static const char *overall(const struct dkim_test *test)
{
    for (size_t i = 0; i < test->results.count; i++) {
        if (test->results.signatures[i].result == AUTH_PASS)
            return "pass";
    }
    return dkim_test_result(test, 0);
}

static bool signatures_as_expected(const struct dkim_test *test, json_t *expected)
{
    size_t i;
    json_t *one;
    if (!json_is_string(json_array_get(expected, 0))) /* opendkim lists its own codes */
        return true;
    if (json_array_size(expected) != test->results.count)
        return false;
    json_array_foreach(expected, i, one)
    {
        if (strcmp(json_string_value(one), dkim_test_result(test, i)) != 0)
            return false;
    }
    return true;
}

/* RFC 8301 3.1: no rsa-sha1 signature passes; others of the message may. */
static void check_sha1(const struct dkim_test *test, json_t *expect, const char *id)
{
    const char *under_8301 = json_string_value(json_object_get(expect, "dkim_under_rfc8301"));
    bool pass = (under_8301 && strncmp(under_8301, "pass", 4) == 0) || deviation_of(id);
    for (size_t i = 0; i < test->results.count; i++) {
        const struct dkim_signature *signature = &test->results.signatures[i];
        if (strcmp(signature->algorithm, "rsa-sha1") == 0 && signature->result == AUTH_PASS)
            fail_msg("%s: rsa-sha1 passes", id);
    }
    if ((strcmp(overall(test), "pass") == 0) != pass)
        fail_msg("%s: %s, expected %s", id, overall(test), under_8301);
}

static void run_case(json_t *suite, json_t *one, struct counts *counts)
{
    const char *id = json_string_value(json_object_get(one, "id"));
    json_t *expect = json_object_get(one, "expect");
    const char *expected = json_string_value(json_object_get(expect, "dkim"));
    json_t *time = json_object_get(one, "verify_time");
    struct dkim_test test;
    dkim_test_begin(&test);
    fake_dns_load(test.dns, json_object_get(suite, "zone"));
    fake_dns_load(test.dns, json_object_get(one, "zone"));
    test.now = json_is_integer(time) ? json_integer_value(time) : LATE;
    struct bytes message = json_octets(test.arena, json_object_get(one, "message"));

    counts->cases++;
    dkim_test_verify(&test, message);
    const char *whole = overall(&test);
    for (test.chunk = 1; test.chunk < 5; test.chunk++) { /* chunking must not matter */
        dkim_test_verify(&test, message);
        assert_string_equal(overall(&test), whole);
    }
    if (json_is_true(json_object_get(one, "rsa_sha1"))) {
        counts->sha1++;
        check_sha1(&test, expect, id);
    } else if (deviation_of(id)) {
        counts->deviating++;
        assert_string_equal(whole, deviation_of(id));
    } else if (strcmp(whole, expected) == 0 &&
               signatures_as_expected(&test, json_object_get(expect, "sigs"))) {
        counts->as_expected++;
    } else {
        counts->wrong++;
        fprintf(stderr, "%s: %s, expected %s (%s)\n", id, whole, expected,
                dkim_test_reason(&test, 0));
    }
    dkim_test_end(&test);
}

static struct counts run_suite(const char *path)
{
    struct counts counts = {0};
    json_t *suite = load_json(path);
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(suite, "cases"), i, one) run_case(suite, one, &counts);
    json_decref(suite);
    assert_int_equal(counts.wrong, 0);
    report_cases(path, counts.as_expected, counts.deviating);
    return counts;
}

static void rfc_6376_and_8463_examples(void **state)
{
    (void)state;
    struct counts counts = run_suite("dkim-rfc/cases.json");
    assert_int_equal(counts.cases, 2);
    assert_int_equal(counts.as_expected, 2);
}

static void mailauth(void **state)
{
    (void)state;
    struct counts counts = run_suite("dkim-mailauth/cases.json");
    assert_int_equal(counts.cases, 1);
    assert_int_equal(counts.as_expected, 1);
}

static void dkimpy(void **state)
{
    (void)state;
    struct counts counts = run_suite("dkim-dkimpy/cases.json");
    assert_int_equal(counts.cases, 30);
    assert_int_equal(counts.as_expected, 26);
    assert_int_equal(counts.deviating, 4);
}

static void opendkim(void **state)
{
    (void)state;
    struct counts counts = run_suite("dkim-opendkim/verify.json");
    assert_int_equal(counts.cases, 77);
    assert_int_equal(counts.sha1, 46);
    assert_int_equal(counts.as_expected, 24);
    assert_int_equal(counts.deviating, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_6376_and_8463_examples),
        cmocka_unit_test(mailauth),
        cmocka_unit_test(dkimpy),
        cmocka_unit_test(opendkim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
