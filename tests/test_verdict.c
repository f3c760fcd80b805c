/* test_verdict.c - from results and local policy to one action. */
#include "unit.h"
#include "verdict.h"

#include <string.h>

/* A message that fails under p=reject, and the default local policy; each test
 * changes what it is about. */
struct scene {
    struct arena *arena;
    struct policy_settings settings;
    struct author author;
    struct spf_result spf;
    struct dkim_signature signature;
    struct dkim_results dkim;
    bool aligned[1];
    struct dmarc_result dmarc;
    struct evidence evidence;
    struct verdict verdict;
};

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->arena = arena_new(1 << 20);
    scene->settings = (struct policy_settings){
        .mode = MODE_ENFORCE,
        .on_reject = ACTION_REJECT,
        .on_quarantine = ACTION_QUARANTINE,
        .on_temp_error = TEMP_ERROR_ACCEPT,
        .on_invalid_from = ACTION_REJECT,
        .indirect_mail = ACTION_QUARANTINE,
        .reject_text = "Email rejected per DMARC policy for {domain}: {reason} [{queue-id}]",
    };
    struct domain from = domain_parse(scene->arena, BYTES("example.com"));
    scene->author = (struct author){.status = AUTHOR_OK, .domain = from, .reason = ""};
    scene->spf = (struct spf_result){.result = AUTH_FAIL, .reason = "", .mechanism = ""};
    scene->signature = (struct dkim_signature){.result = AUTH_FAIL, .domain = from, .reason = ""};
    scene->dkim = (struct dkim_results){&scene->signature, 0, 0};
    scene->dmarc = (struct dmarc_result){.result = AUTH_FAIL,
                                         .reason = "no aligned identifier",
                                         .from_domain = from,
                                         .policy_domain = from,
                                         .has_record = true,
                                         .tag = DMARC_TAG_P,
                                         .policy = DMARC_POLICY_REJECT,
                                         .effective_policy = DMARC_POLICY_REJECT,
                                         .signature_aligned = scene->aligned};
    scene->evidence =
        (struct evidence){&scene->author, &scene->spf, &scene->dkim, &scene->dmarc, false, "4BTq1"};
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    arena_free(scene->arena);
    test_free(scene);
    return 0;
}

static const struct verdict *decide(struct scene *scene)
{
    verdict_decide(scene->arena, &scene->settings, &scene->evidence, &scene->verdict);
    return &scene->verdict;
}

static void add_table_entry(struct scene *scene, const char *line)
{
    scene->settings.policy_table = policy_table_new(scene->arena);
    assert_null(policy_table_add(scene->settings.policy_table, bytes_of(line)));
    assert_null(policy_table_finish(scene->settings.policy_table));
}

static void test_reject_says_why(void **state)
{
    const struct verdict *verdict = decide(*state);
    assert_int_equal(verdict->action, ACTION_REJECT);
    assert_string_equal(verdict->smtp_code, "550");
    assert_string_equal(verdict->enhanced_code, "5.7.1");
    assert_string_equal(verdict->smtp_text, "Email rejected per DMARC policy for example.com: "
                                            "no aligned identifier [4BTq1]");
    assert_string_equal(verdict->reason,
                        "dmarc fail, example.com publishes p=reject: no aligned identifier");
    assert_int_equal(verdict->disposition, DMARC_POLICY_REJECT);
    assert_int_equal(verdict->override, OVERRIDE_NONE);
}

static void test_pass_is_accepted(void **state)
{
    struct scene *scene = *state;
    scene->dmarc.result = AUTH_PASS;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    assert_string_equal(scene->verdict.smtp_text, "");
    assert_int_equal(scene->verdict.disposition, DMARC_POLICY_NONE);
}

static void test_none_policy_is_accepted(void **state)
{
    struct scene *scene = *state;
    scene->dmarc.policy = scene->dmarc.effective_policy = DMARC_POLICY_NONE;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    assert_int_equal(scene->verdict.override, OVERRIDE_NONE);
}

static void test_actions_follow_the_map(void **state)
{
    struct scene *scene = *state;
    static const enum action actions[] = {ACTION_REJECT, ACTION_QUARANTINE, ACTION_TAG,
                                          ACTION_ACCEPT};
    for (size_t i = 0; i < 4; i++) {
        scene->dmarc.effective_policy = scene->dmarc.policy = DMARC_POLICY_REJECT;
        scene->settings.on_reject = actions[i];
        assert_int_equal(decide(scene)->action, actions[i]);
        assert_int_equal(scene->verdict.override,
                         actions[i] == ACTION_REJECT ? OVERRIDE_NONE : OVERRIDE_LOCAL_POLICY);
        scene->dmarc.effective_policy = scene->dmarc.policy = DMARC_POLICY_QUARANTINE;
        scene->settings.on_quarantine = actions[i];
        assert_int_equal(decide(scene)->action, actions[i]);
    }
}

static void test_test_mode_steps_down(void **state)
{
    struct scene *scene = *state;
    scene->dmarc.effective_policy = DMARC_POLICY_QUARANTINE;
    assert_int_equal(decide(scene)->action, ACTION_QUARANTINE);
    assert_int_equal(scene->verdict.override, OVERRIDE_POLICY_TEST_MODE);
}

static void test_list_mail_is_quarantined(void **state)
{
    struct scene *scene = *state;
    scene->evidence.has_list_fields = true;
    assert_int_equal(decide(scene)->action, ACTION_QUARANTINE);
    assert_int_equal(scene->verdict.override, OVERRIDE_MAILING_LIST);

    scene->settings.indirect_mail = ACTION_REJECT;
    assert_int_equal(decide(scene)->action, ACTION_REJECT);
    assert_int_equal(scene->verdict.override, OVERRIDE_NONE);

    scene->settings.indirect_mail = ACTION_ACCEPT;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
}

/* OnReject accept with the default IndirectMail quarantine. */
static void test_list_mail_fares_no_worse(void **state)
{
    struct scene *scene = *state;
    scene->evidence.has_list_fields = true;
    scene->settings.on_reject = ACTION_ACCEPT;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    assert_int_equal(scene->verdict.override, OVERRIDE_LOCAL_POLICY);
    scene->settings.on_reject = ACTION_TAG;
    assert_int_equal(decide(scene)->action, ACTION_TAG);
}

static void test_changed_body_is_indirect_only_when_aligned(void **state)
{
    struct scene *scene = *state;
    scene->dkim.count = 1;
    scene->signature.body_failed_only = true;
    assert_int_equal(decide(scene)->action, ACTION_REJECT);
    scene->aligned[0] = true;
    assert_int_equal(decide(scene)->action, ACTION_QUARANTINE);
    assert_int_equal(scene->verdict.override, OVERRIDE_OTHER);
    assert_string_equal(scene->verdict.override_comment,
                        "forwarded: only the body hash of example.com fails");
}

static void test_temperror_is_never_a_reject(void **state)
{
    struct scene *scene = *state;
    scene->dmarc.result = AUTH_TEMPERROR;
    scene->dmarc.reason = "_dmarc.example.com: SERVFAIL";
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    add_table_entry(scene, "example.com reject");
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    scene->settings.on_temp_error = TEMP_ERROR_TEMPFAIL;
    assert_int_equal(decide(scene)->action, ACTION_TEMPFAIL);
    assert_string_equal(scene->verdict.smtp_code, "451");
    assert_string_equal(scene->verdict.enhanced_code, "4.7.1");
    assert_non_null(strstr(scene->verdict.smtp_text, "_dmarc.example.com: SERVFAIL"));
}

static void test_temperror_follows_a_known_policy(void **state)
{
    struct scene *scene = *state;
    scene->settings.on_temp_error = TEMP_ERROR_POLICY;
    scene->dmarc.result = AUTH_TEMPERROR;
    assert_int_equal(decide(scene)->action, ACTION_TEMPFAIL);
    scene->dmarc.effective_policy = DMARC_POLICY_NONE;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    scene->dmarc.has_record = false;
    scene->dmarc.effective_policy = DMARC_POLICY_UNSET;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
}

static void test_invalid_from(void **state)
{
    struct scene *scene = *state;
    scene->author = (struct author){.status = AUTHOR_REPEATED, .reason = "2 From fields"};
    scene->dmarc = (struct dmarc_result){.result = AUTH_PERMERROR, .reason = "2 From fields"};
    assert_int_equal(decide(scene)->action, ACTION_REJECT);
    assert_non_null(strstr(scene->verdict.smtp_text, "2 From fields"));
    assert_non_null(strstr(scene->verdict.smtp_text, "DMARC"));
    scene->settings.on_invalid_from = ACTION_TAG;
    assert_int_equal(decide(scene)->action, ACTION_TAG);
}

static void test_policy_table_both_ways(void **state)
{
    struct scene *scene = *state;
    add_table_entry(scene, "example.com accept");
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    assert_int_equal(scene->verdict.override, OVERRIDE_LOCAL_POLICY);
    assert_int_equal(scene->dmarc.result, AUTH_FAIL); /* an override never makes a pass */

    scene->dmarc.policy = scene->dmarc.effective_policy = DMARC_POLICY_NONE;
    add_table_entry(scene, "example.com reject");
    assert_int_equal(decide(scene)->action, ACTION_REJECT);
    scene->dmarc.result = AUTH_PASS;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
}

static void test_policy_table_without_a_record(void **state)
{
    struct scene *scene = *state;
    scene->dmarc.result = AUTH_NONE;
    scene->dmarc.has_record = false;
    scene->dmarc.policy = scene->dmarc.effective_policy = DMARC_POLICY_UNSET;
    add_table_entry(scene, "example.com quarantine");
    assert_int_equal(decide(scene)->action, ACTION_QUARANTINE);
    scene->dkim.count = 1;
    scene->signature.result = AUTH_PASS;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
}

static void test_monitor_mode_accepts_all(void **state)
{
    struct scene *scene = *state;
    scene->settings.mode = MODE_MONITOR;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
    assert_int_equal(scene->verdict.intended, ACTION_REJECT);
    assert_int_equal(scene->verdict.disposition, DMARC_POLICY_NONE);
    assert_string_equal(scene->verdict.smtp_text, "");
    scene->author.status = AUTHOR_SYNTAX;
    assert_int_equal(decide(scene)->action, ACTION_ACCEPT);
}

static void test_reply_is_one_printable_line(void **state)
{
    struct scene *scene = *state;
    char reason[2000];
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    memcpy(reason, "a\r\nb\x80%s", 7);
    scene->dmarc.reason = reason;
    scene->settings.reject_text = "{reason} {unknown} {policy} 100%";
    const char *text = decide(scene)->smtp_text;
    assert_true(strlen(text) <= 403);
    assert_memory_equal(text, "a??b?%s", 7);
    scene->dmarc.reason = "r";
    assert_string_equal(decide(scene)->smtp_text, "r {unknown} reject 100%");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_reject_says_why),
        TEST(test_pass_is_accepted),
        TEST(test_none_policy_is_accepted),
        TEST(test_actions_follow_the_map),
        TEST(test_test_mode_steps_down),
        TEST(test_list_mail_is_quarantined),
        TEST(test_list_mail_fares_no_worse),
        TEST(test_changed_body_is_indirect_only_when_aligned),
        TEST(test_temperror_is_never_a_reject),
        TEST(test_temperror_follows_a_known_policy),
        TEST(test_invalid_from),
        TEST(test_policy_table_both_ways),
        TEST(test_policy_table_without_a_record),
        TEST(test_monitor_mode_accepts_all),
        TEST(test_reply_is_one_printable_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
