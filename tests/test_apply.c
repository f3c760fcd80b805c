/* What libmilter is told for an outcome. */
#include "unit.h"

#include "apply.h"
#include "fake_milter.h"

#include <string.h>

static const struct granted all = {
    .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
    .steps = SMFIP_HDR_LEADSPC,
};

static int reset(void **state)
{
    (void)state;
    fake_milter_reset();
    return 0;
}

static struct outcome outcome_of(enum action action)
{
    return (struct outcome){.verdict = {.action = action,
                                        .intended = action,
                                        .smtp_code = "250",
                                        .enhanced_code = "2.0.0",
                                        .smtp_text = "",
                                        .reason = "dmarc pass",
                                        .override_comment = ""}};
}

static sfsistat apply(const struct outcome *outcome, const struct granted *granted,
                      const char **problem)
{
    return apply_outcome(fake_milter_ctx(), outcome, granted, problem);
}

/* Never SMFIS_ACCEPT: libmilter then ignores QUIT_NC and the MTA waits for ever. */
static void test_accept_is_continue(void **state)
{
    (void)state;
    const char *problem = "unset";
    struct outcome outcome = outcome_of(ACTION_ACCEPT);
    assert_int_equal(apply(&outcome, &all, &problem), SMFIS_CONTINUE);
    assert_int_equal(fake_milter_call_count(), 0);
    assert_null(problem);
}

static void test_removes_from_the_highest_index_then_adds_on_top(void **state)
{
    (void)state;
    const char *problem;
    const struct header_edit removals[] = {{"Authentication-Results", NULL, 7},
                                           {"Authentication-Results", NULL, 3},
                                           {"X-Assay-Verdict", NULL, 2},
                                           {"Authentication-Results", NULL, 1}};
    const struct header_edit additions[] = {{"X-Assay-Verdict", "reject (why)", 0},
                                            {"Authentication-Results", "mx; a=b;\n\tc=d", 0}};
    struct outcome outcome = outcome_of(ACTION_TAG);
    outcome.removals = removals;
    outcome.removal_count = 4;
    outcome.additions = additions;
    outcome.addition_count = 2;
    assert_int_equal(apply(&outcome, &all, &problem), SMFIS_CONTINUE);
    const char *expected[] = {
        "chgheader 7 |Authentication-Results|(delete)|",
        "chgheader 3 |Authentication-Results|(delete)|",
        "chgheader 2 |X-Assay-Verdict|(delete)|",
        "chgheader 1 |Authentication-Results|(delete)|",
        "insheader 0 |X-Assay-Verdict| reject (why)|",
        "insheader 0 |Authentication-Results| mx; a=b;\n\tc=d|",
    };
    assert_int_equal(fake_milter_call_count(), 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(fake_milter_call(i), expected[i]);
    assert_null(problem);
}

/* The MTA puts the space there itself. */
static void test_no_space_without_leadspc(void **state)
{
    (void)state;
    const char *problem;
    const struct granted granted = {.actions = all.actions, .steps = 0};
    const struct header_edit addition = {"Authentication-Results", "mx; none", 0};
    struct outcome outcome = outcome_of(ACTION_ACCEPT);
    outcome.additions = &addition;
    outcome.addition_count = 1;
    apply(&outcome, &granted, &problem);
    assert_string_equal(fake_milter_call(0), "insheader 0 |Authentication-Results|mx; none|");
}

static void test_quarantine(void **state)
{
    (void)state;
    const char *problem;
    struct outcome outcome = outcome_of(ACTION_QUARANTINE);
    outcome.verdict.reason = "p=quarantine\r\nX: y";
    assert_int_equal(apply(&outcome, &all, &problem), SMFIS_CONTINUE);
    assert_int_equal(fake_milter_call_count(), 1);
    assert_string_equal(fake_milter_call(0), "quarantine |p=quarantine??X: y|");
}

static void test_reject_has_our_reply_and_no_changes(void **state)
{
    (void)state;
    const char *problem;
    const struct header_edit edit = {"Authentication-Results", "mx; none", 1};
    struct outcome outcome = outcome_of(ACTION_REJECT);
    outcome.verdict.smtp_code = "550";
    outcome.verdict.enhanced_code = "5.7.1";
    outcome.verdict.smtp_text = "100% of example.com %s %n is bad\r\n250 OK \xff";
    outcome.removals = outcome.additions = &edit;
    outcome.removal_count = outcome.addition_count = 1;
    assert_int_equal(apply(&outcome, &all, &problem), SMFIS_REJECT);
    assert_int_equal(fake_milter_call_count(), 1);
    assert_string_equal(fake_milter_call(0), "setreply 550 5.7.1 |100%% of example.com %%s %%n is "
                                             "bad??250 OK ?|");
}

static void test_tempfail(void **state)
{
    (void)state;
    const char *problem;
    struct outcome outcome = {.out_of_memory = true, .verdict = verdict_out_of_memory};
    assert_int_equal(apply(&outcome, &all, &problem), SMFIS_TEMPFAIL);
    assert_memory_equal(fake_milter_call(0), "setreply 451 4.3.0 |", 20);
}

/* libmilter refuses replies of 980 octets and more. */
static void test_reply_is_bounded_and_percents_stay_pairs(void **state)
{
    (void)state;
    const char *problem;
    char text[4000];
    memset(text, '%', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct outcome outcome = outcome_of(ACTION_REJECT);
    outcome.verdict.smtp_code = "550";
    outcome.verdict.enhanced_code = "5.7.1";
    outcome.verdict.smtp_text = text;
    assert_int_equal(apply(&outcome, &all, &problem), SMFIS_REJECT);
    size_t len = strlen(strchr(fake_milter_call(0), '|')) - 2;
    assert_true(len > 900 && len < 980);
    assert_int_equal(len % 2, 0);
}

static void test_what_the_mta_does_not_grant_is_left_out_and_said(void **state)
{
    (void)state;
    const char *problem;
    const struct header_edit edit = {"Authentication-Results", "mx; none", 1};
    const struct granted none = {0};
    struct outcome outcome = outcome_of(ACTION_QUARANTINE);
    assert_int_equal(apply(&outcome, &none, &problem), SMFIS_CONTINUE);
    assert_non_null(strstr(problem, "not quarantined but accepted"));

    outcome = outcome_of(ACTION_ACCEPT);
    assert_int_equal(apply(&outcome, &none, &problem), SMFIS_CONTINUE);
    assert_null(problem); /* nothing was needed */

    outcome.removals = &edit;
    outcome.removal_count = 1;
    assert_int_equal(apply(&outcome, &none, &problem), SMFIS_CONTINUE);
    assert_non_null(strstr(problem, "forged fields stay"));

    outcome.removal_count = 0;
    outcome.additions = &edit;
    outcome.addition_count = 1;
    assert_int_equal(apply(&outcome, &none, &problem), SMFIS_CONTINUE);
    assert_non_null(strstr(problem, "no fields added"));
    assert_int_equal(fake_milter_call_count(), 0);
}

/* A message must not get through with a forged field, or without our result. */
static void test_a_failing_call_is_a_tempfail(void **state)
{
    (void)state;
    const char *const functions[] = {"chgheader", "insheader", "quarantine"};
    const struct header_edit edit = {"Authentication-Results", "mx; none", 1};
    for (size_t i = 0; i < 3; i++) {
        const char *problem;
        struct outcome outcome = outcome_of(ACTION_QUARANTINE);
        outcome.removals = outcome.additions = &edit;
        outcome.removal_count = outcome.addition_count = 1;
        fake_milter_reset();
        fake_milter_fail(functions[i]);
        assert_int_equal(apply(&outcome, &all, &problem), SMFIS_TEMPFAIL);
        assert_non_null(problem);
        size_t last = fake_milter_call_count() - 1;
        assert_memory_equal(fake_milter_call(last), "setreply 451 4.3.0 ", 19);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_accept_is_continue, reset),
        cmocka_unit_test_setup(test_removes_from_the_highest_index_then_adds_on_top, reset),
        cmocka_unit_test_setup(test_no_space_without_leadspc, reset),
        cmocka_unit_test_setup(test_quarantine, reset),
        cmocka_unit_test_setup(test_reject_has_our_reply_and_no_changes, reset),
        cmocka_unit_test_setup(test_tempfail, reset),
        cmocka_unit_test_setup(test_reply_is_bounded_and_percents_stay_pairs, reset),
        cmocka_unit_test_setup(test_what_the_mta_does_not_grant_is_left_out_and_said, reset),
        cmocka_unit_test_setup(test_a_failing_call_is_a_tempfail, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
