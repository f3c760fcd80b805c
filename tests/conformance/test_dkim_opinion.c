/* test_dkim_opinion.c - Assay and libopendkim on the signed messages of others.
 *
 * Suites: dkim-rfc, dkim-mailauth, dkim-dkimpy, dkim-opendkim. Each signature is judged by both;
 * those on which they differ are listed here, with the reason that second_opinion.h gives.
 */
#include "dkim_harness.h"
#include "second_opinion.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LATE = 1800000000 }; /* as in test_dkim_messages.c */

static time_t system_time;

/* libopendkim's clock. Found before that of the C library. */
time_t time(time_t *out)
{
    if (out)
        *out = system_time;
    return system_time;
}

enum { MESSAGES_MAX = 40 };

/* By kind: what each says of the first signature of which messages, and why. */
static const struct {
    const char *ours, *theirs, *why;
    const char *ids[MESSAGES_MAX]; /* up to NULL */
} differences[] = {
    {"permerror",
     "pass",
     "RFC 8301 3.1 refuses rsa-sha1",
     {"odk-04",  "odk-05",  "odk-06",    "odk-07",  "odk-12",  "odk-13",    "odk-14",
      "odk-15",  "odk-64",  "odk-67",    "odk-69",  "odk-74",  "odk-78",    "odk-80",
      "odk-88",  "odk-89",  "odk-93",    "odk-99",  "odk-101", "odk-120-2", "odk-136",
      "odk-138", "odk-139", "odk-149-2", "odk-153", NULL}},
    {"permerror",
     "fail",
     "RFC 8301 3.1 refuses rsa-sha1",
     {"odk-63", "odk-66", "odk-68", "odk-73", "odk-87", "odk-94", "odk-103", NULL}},
    {"policy",
     "pass",
     "l= leaves text unsigned (RFC 6376 8.2)",
     {"dkp-5", "dkp-11", "dkp-17", "dkp-23", "odk-28", "odk-29", "odk-30", "odk-31", NULL}},
};

struct counts {
    size_t messages, signatures, agreeing, differing, wrong;
};

static bool is_listed(const char *id, const char *ours, const struct second_opinion *opinion)
{
    const char *theirs = auth_result_name(opinion->result);
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        if (strcmp(differences[i].ours, ours) != 0 || strcmp(differences[i].theirs, theirs) != 0 ||
            !strstr(opinion->reason, differences[i].why))
            continue;
        for (const char *const *listed = differences[i].ids; *listed; listed++) {
            if (strcmp(*listed, id) == 0)
                return true;
        }
    }
    return false;
}

static void judge(const struct dkim_test *test, const char *id, size_t index,
                  const struct second_opinion *opinion, struct counts *counts)
{
    const char *ours = dkim_test_result(test, index);
    counts->signatures++;
    if (opinion->asked && opinion->agrees) {
        counts->agreeing++;
    } else if (index == 0 && is_listed(id, ours, opinion)) {
        counts->differing++;
    } else {
        counts->wrong++;
        fprintf(stderr, "%s, signature %zu: %s (%s), libopendkim %s (%s)\n", id, index, ours,
                dkim_test_reason(test, index), auth_result_name(opinion->result), opinion->reason);
    }
}

static void run_case(json_t *suite, json_t *one, struct counts *counts)
{
    const char *id = json_string_value(json_object_get(one, "id"));
    json_t *when = json_object_get(one, "verify_time");
    struct dkim_test test;
    dkim_test_begin(&test);
    fake_dns_load(test.dns, json_object_get(suite, "zone"));
    fake_dns_load(test.dns, json_object_get(one, "zone"));
    test.now = json_is_integer(when) ? json_integer_value(when) : LATE;
    system_time = (time_t)test.now;

    struct policy_env env = fake_env(test.dns, test.now);
    struct dns_session *session = fake_session(&env, test.arena);
    const struct second_opinion_request request = {
        .dkim = &test.results,
        .session = session,
        .message = json_octets(test.arena, json_object_get(one, "message")),
        .now = test.now,
        .skew = test.limits.clock_skew,
    };
    dkim_test_verify(&test, request.message);
    const struct second_opinions *opinions = second_opinion_ask(test.arena, &request);
    counts->messages++;
    if (!opinions || opinions->failure || opinions->count != test.results.count)
        fail_msg("%s: %s", id, opinions && opinions->failure ? opinions->failure : "no opinions");
    for (size_t i = 0; i < opinions->count; i++)
        judge(&test, id, i, &opinions->signatures[i], counts);
    dns_session_free(session);
    dkim_test_end(&test);
}

static void run_suite(const char *path, struct counts expected)
{
    char name[100];
    struct counts counts = {0};
    json_t *suite = load_json(path);
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(suite, "cases"), i, one) run_case(suite, one, &counts);
    json_decref(suite);
    assert_int_equal(counts.wrong, 0);
    assert_int_equal(counts.messages, expected.messages);
    assert_int_equal(counts.signatures, expected.signatures);
    assert_int_equal(counts.agreeing, expected.agreeing);
    assert_int_equal(counts.differing, expected.differing);
    snprintf(name, sizeof(name), "libopendkim on %s", path);
    report_cases(name, counts.agreeing, counts.differing);
}

static void rfc_6376_and_8463_examples(void **state)
{
    (void)state;
    run_suite("dkim-rfc/cases.json",
              (struct counts){.messages = 2, .signatures = 3, .agreeing = 3, .differing = 0});
}

static void mailauth(void **state)
{
    (void)state;
    run_suite("dkim-mailauth/cases.json",
              (struct counts){.messages = 1, .signatures = 2, .agreeing = 2, .differing = 0});
}

static void dkimpy(void **state)
{
    (void)state;
    run_suite("dkim-dkimpy/cases.json",
              (struct counts){.messages = 30, .signatures = 31, .agreeing = 27, .differing = 4});
}

static void opendkim(void **state)
{
    (void)state;
    run_suite("dkim-opendkim/verify.json",
              (struct counts){.messages = 77, .signatures = 81, .agreeing = 45, .differing = 36});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_6376_and_8463_examples),
        cmocka_unit_test(mailauth),
        cmocka_unit_test(dkimpy),
        cmocka_unit_test(opendkim),
    };
#ifndef HAVE_OPENDKIM
    return 77; /* skipped: --without-opendkim */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
