/* test_report_row.c - what a domain owner is told of one message: outcome in, row out. */
#include "fake_dns.h"
#include "report_row.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { SIGNATURES = 120, NOW = 1700000000 };

/* A message that passes by SPF and DKIM under p=reject; each test changes what it is about. */
struct scene {
    struct arena *arena;
    struct outcome outcome;
    struct dkim_signature signatures[SIGNATURES];
    bool aligned[SIGNATURES];
    struct report_row row;
    const char *why_not;
};

static struct domain domain(struct scene *scene, const char *name)
{
    return domain_parse(scene->arena, bytes_of(name));
}

static void set_record(struct scene *scene, const char *text)
{
    assert_true(dmarc_record_parse(scene->arena, bytes_of(text), &scene->outcome.dmarc.record));
}

static void set_signature(struct scene *scene, size_t index, const char *name,
                          enum auth_result result, bool aligned)
{
    char selector[32];
    snprintf(selector, sizeof(selector), "s%zu", index);
    scene->signatures[index] = (struct dkim_signature){
        .result = result,
        .reason = "body hash did not verify",
        .domain = domain(scene, name),
        .selector = domain(scene, selector),
    };
    scene->aligned[index] = aligned;
    if (scene->outcome.dkim.count <= index)
        scene->outcome.dkim.count = index + 1;
}

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->arena = arena_new(1 << 24);
    struct domain from = domain(scene, "example.com");
    scene->outcome = (struct outcome){
        .origin = "",
        .author = {.status = AUTHOR_OK, .domain = from, .reason = ""},
        .spf = {.result = AUTH_PASS, .domain = domain(scene, "bounce.example.com"), .reason = "x"},
        .dkim = {.signatures = scene->signatures},
        .dmarc = {.result = AUTH_PASS,
                  .reason = "",
                  .from_domain = from,
                  .policy_domain = from,
                  .has_record = true,
                  .tag = DMARC_TAG_P,
                  .policy = DMARC_POLICY_REJECT,
                  .effective_policy = DMARC_POLICY_REJECT,
                  .spf_aligned = true,
                  .dkim_aligned = true,
                  .signature_aligned = scene->aligned},
        .verdict = {.disposition = DMARC_POLICY_NONE, .override_comment = ""},
    };
    assert_true(ip_parse(BYTES("192.0.2.1"), &scene->outcome.client));
    set_record(scene, "v=DMARC1; p=reject; rua=mailto:a@example.com");
    set_signature(scene, 0, "example.com", AUTH_PASS, true);
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

static const struct report_row *make(struct scene *scene)
{
    if (!report_row_make(scene->arena, &scene->outcome, NOW, "4BTq1", &scene->row, &scene->why_not))
        fail_msg("no row: %s", scene->why_not);
    return &scene->row;
}

static void assert_no_row(struct scene *scene, const char *why_not)
{
    assert_false(
        report_row_make(scene->arena, &scene->outcome, NOW, "4BTq1", &scene->row, &scene->why_not));
    assert_string_equal(scene->why_not, why_not);
}

static void assert_text(struct bytes found, const char *expected)
{
    if (!bytes_equal(found, bytes_of(expected)))
        fail_msg("\"%.*s\", expected \"%s\"", BYTES_ARGS(found), expected);
}

/* ---- the row ---- */

static void test_a_pass(void **state)
{
    const struct report_row *row = make(*state);
    assert_int_equal(row->time, NOW);
    assert_text(row->queue_id, "4BTq1");
    assert_text(row->policy.domain, "example.com");
    assert_text(row->header_from, "example.com");
    assert_text(row->envelope_from, "bounce.example.com");
    assert_int_equal(row->disposition, REPORT_DISPOSITION_PASS);
    assert_true(row->dkim_aligned && row->spf_aligned);
    assert_int_equal(row->reason_count, 0);
    assert_int_equal(row->signature_count, 1);
    assert_text(row->signatures[0].domain, "example.com");
    assert_text(row->signatures[0].selector, "s0");
    assert_int_equal(row->signatures[0].result, AUTH_PASS);
    assert_text(row->signatures[0].reason, ""); /* human_result is for failures */
    assert_text(row->spf_domain, "bounce.example.com");
    assert_int_equal(row->spf_result, AUTH_PASS);
    assert_text(row->spf_reason, "");
}

static void test_what_is_not_reported(void **state)
{
    struct scene *scene = *state;
    const struct outcome good = scene->outcome;
    scene->outcome.out_of_memory = true;
    assert_no_row(scene, "out of memory");
    scene->outcome = good;
    scene->outcome.originating = true;
    assert_no_row(scene, "originating mail");
    scene->outcome = good;
    scene->outcome.author.status = AUTHOR_SEVERAL;
    assert_no_row(scene, "no author domain");
    scene->outcome = good;
    scene->outcome.report_guard = "a bounce";
    assert_no_row(scene, "a bounce");
    scene->outcome = good;
    scene->outcome.dmarc.has_record = false;
    assert_no_row(scene, "no DMARC record");
    scene->outcome = good;
    scene->outcome.dmarc.result = AUTH_TEMPERROR;
    assert_no_row(scene, "DMARC neither passed nor failed");
    scene->outcome.dmarc.result = AUTH_PERMERROR;
    assert_no_row(scene, "DMARC neither passed nor failed");
    scene->outcome = good;
    scene->outcome.verdict.action = ACTION_TEMPFAIL;
    assert_no_row(scene, "temporary failure: the message will come again");
    scene->outcome = good;
    scene->outcome.client.family = IP_NONE;
    assert_no_row(scene, "the client's address is unknown");
    scene->outcome = good;
    set_record(scene, "v=DMARC1; p=reject");
    assert_no_row(scene, "nobody asks for reports");
    set_record(scene, "v=DMARC1; p=reject; ruf=mailto:a@example.com");
    assert_no_row(scene, "nobody asks for reports");
    set_record(scene, "v=DMARC1; p=reject; rua=https://example.com/");
    assert_no_row(scene, "nobody asks for reports");
    set_record(scene, "v=DMARC1; p=reject; rua=https://example.com/,MAILTO:a@example.com");
    make(scene);
}

static void test_published_policy(void **state)
{
    static const struct {
        const char *record;
        enum dmarc_policy p, sp, np;
        const char *flags; /* d strict_dkim, s strict_spf, t testing, p psd */
        const char *fo, *error;
    } cases[] = {
#define NONE       DMARC_POLICY_NONE
#define QUARANTINE DMARC_POLICY_QUARANTINE
#define REJECT     DMARC_POLICY_REJECT
#define UNSET      DMARC_POLICY_UNSET
        {"p=reject", REJECT, UNSET, UNSET, "", "0", ""},
        {"p=none; sp=quarantine; np=reject", NONE, QUARANTINE, REJECT, "", "0", ""},
        {"p=none; adkim=s; aspf=r", NONE, UNSET, UNSET, "d", "0", ""},
        {"p=none; aspf=s; t=y; psd=y", NONE, UNSET, UNSET, "stp", "0", ""},
        {"p=none; psd=n; t=n", NONE, UNSET, UNSET, "", "0", ""},
        {"p=none; fo=1", NONE, UNSET, UNSET, "", "1", ""},
        {"p=none; fo=s:d:1", NONE, UNSET, UNSET, "", "1:d:s", ""},
        {"p=none; fo=0:s", NONE, UNSET, UNSET, "", "0:s", ""},
        {"p=none; fo=d", NONE, UNSET, UNSET, "", "d", ""},
        {"p=none; fo=x", NONE, UNSET, UNSET, "", "0", "fo= is malformed"},
        {"p=none; fo=0:1", NONE, UNSET, UNSET, "", "0", "fo= has both 0 and 1"},
        /* RFC 9989 4.10.1: the other policies go, too */
        {"sp=reject", NONE, UNSET, UNSET, "", "0",
         "p= is missing, so p=none applies (RFC 9989 4.10.1); first problem: p= is missing"},
        {"p=reject; sp=rejct; np=reject", NONE, UNSET, UNSET, "", "0",
         "sp= is invalid, so p=none applies (RFC 9989 4.10.1); first problem: sp= has an unknown "
         "value"},
        {"p=reject; aspf=x; np=maybe", NONE, UNSET, UNSET, "", "0",
         "np= is invalid, so p=none applies (RFC 9989 4.10.1); first problem: aspf= has an unknown "
         "value"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_record(scene, arena_printf(scene->arena, "v=DMARC1; %s; rua=mailto:a@example.com",
                                       cases[i].record));
        const struct report_policy *policy = &make(scene)->policy;
        assert_int_equal(policy->p, cases[i].p);
        assert_int_equal(policy->sp, cases[i].sp);
        assert_int_equal(policy->np, cases[i].np);
        assert_int_equal(policy->strict_dkim, strchr(cases[i].flags, 'd') != NULL);
        assert_int_equal(policy->strict_spf, strchr(cases[i].flags, 's') != NULL);
        assert_int_equal(policy->testing, strchr(cases[i].flags, 't') != NULL);
        assert_int_equal(policy->psd, strchr(cases[i].flags, 'p') != NULL);
        assert_text(policy->fo, cases[i].fo);
        assert_text(policy->error, cases[i].error);
    }
}

static void test_uris(void **state)
{
    struct scene *scene = *state;
    struct strbuf record;
    strbuf_init(&record, scene->arena);
    strbuf_puts(&record, "v=DMARC1; p=none; rua=https://example.com/,mailto:");
    for (size_t i = 0; i < REPORT_URI_MAX; i++) /* one octet too many */
        strbuf_putc(&record, 'x');
    for (int i = 0; i < REPORT_URIS_MAX + 5; i++)
        strbuf_printf(&record, ",mailto:a%d@example.com", i);
    set_record(scene, strbuf_string(&record));
    const struct report_policy *policy = &make(scene)->policy;
    assert_int_equal(policy->rua_count, REPORT_URIS_MAX);
    assert_text(policy->rua[0], "mailto:a0@example.com");
    assert_text(policy->rua[REPORT_URIS_MAX - 1], "mailto:a9@example.com");
}

static void test_disposition(void **state)
{
    static const struct {
        enum auth_result result;
        enum dmarc_policy published, effective, done;
        const char *expected;
    } cases[] = {
        {AUTH_PASS, REJECT, REJECT, NONE, "pass"},
        {AUTH_PASS, QUARANTINE, QUARANTINE, NONE, "pass"},
        {AUTH_PASS, QUARANTINE, NONE, NONE, "pass"}, /* t=y: the published one decides */
        {AUTH_PASS, NONE, NONE, NONE, "none"},
        {AUTH_FAIL, REJECT, REJECT, REJECT, "reject"},
        {AUTH_FAIL, REJECT, REJECT, QUARANTINE, "quarantine"},
        {AUTH_FAIL, REJECT, REJECT, NONE, "none"},
        {AUTH_FAIL, NONE, NONE, NONE, "none"},
        {AUTH_FAIL, NONE, NONE, REJECT, "reject"}, /* PolicyTable */
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene->outcome.dmarc.result = cases[i].result;
        scene->outcome.dmarc.policy = cases[i].published;
        scene->outcome.dmarc.effective_policy = cases[i].effective;
        scene->outcome.verdict.disposition = cases[i].done;
        assert_string_equal(report_disposition_name(make(scene)->disposition), cases[i].expected);
    }
}

/* RFC 9990 3.1.3; among equals the order of the header. */
static void test_signatures_are_ordered(void **state)
{
    struct scene *scene = *state;
    set_signature(scene, 0, "example.com", AUTH_FAIL, true);
    set_signature(scene, 1, "example.net", AUTH_PASS, false);
    set_signature(scene, 2, "mail.example.com", AUTH_PASS, true);
    set_signature(scene, 3, "example.com", AUTH_PASS, true);
    set_signature(scene, 4, "example.com", AUTH_TEMPERROR, true);
    set_signature(scene, 5, "example.com", AUTH_PASS, true);
    set_signature(scene, 6, "example.com", AUTH_PASS, true);
    scene->signatures[6].selector = DOMAIN_NONE;
    set_signature(scene, 7, "example.com", AUTH_FAIL, true);
    scene->signatures[7].domain = DOMAIN_NONE;
    const struct report_row *row = make(scene);
    static const char *const selectors[] = {"s3", "s5", "s2", "s1", "s0", "s4"};
    assert_int_equal(row->signature_count, 6);
    for (size_t i = 0; i < row->signature_count; i++)
        assert_text(row->signatures[i].selector, selectors[i]);
    assert_text(row->signatures[3].reason, "");
    assert_text(row->signatures[4].reason, "body hash did not verify");
}

static void test_a_hundred_signatures(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < SIGNATURES; i++)
        set_signature(scene, i, "example.net", i == SIGNATURES - 1 ? AUTH_PASS : AUTH_FAIL, false);
    const struct report_row *row = make(scene);
    assert_int_equal(row->signature_count, 100);
    assert_text(row->signatures[0].selector, "s119");
    assert_text(row->signatures[1].selector, "s0");
    assert_text(row->signatures[99].selector, "s98");
}

static void test_without_signatures(void **state)
{
    struct scene *scene = *state;
    scene->outcome.dkim = (struct dkim_results){NULL, 0, 0};
    scene->outcome.dmarc.signature_aligned = NULL;
    assert_int_equal(make(scene)->signature_count, 0);
}

/* RFC 9990 3.1.1.10; SPF checks the HELO name then (RFC 7208 2.4). */
static void test_null_reverse_path(void **state)
{
    struct scene *scene = *state;
    scene->outcome.spf.null_sender = true;
    scene->outcome.spf.domain = domain(scene, "mail.example.com");
    assert_text(make(scene)->envelope_from, "");
    assert_text(scene->row.spf_domain, "mail.example.com");
}

static void test_spf_without_a_domain(void **state)
{
    struct scene *scene = *state;
    scene->outcome.spf = (struct spf_result){
        .result = AUTH_NONE, .reason = "MAIL FROM has no fully qualified domain name"};
    assert_text(make(scene)->envelope_from, "");
    assert_text(scene->row.spf_domain, "");
    assert_text(scene->row.spf_reason, "MAIL FROM has no fully qualified domain name");
}

static void test_reasons(void **state)
{
    struct scene *scene = *state;
    scene->outcome.verdict.overrides[0] =
        (struct override_note){OVERRIDE_POLICY_TEST_MODE, "the record says t=y"};
    scene->outcome.verdict.overrides[1] = (struct override_note){OVERRIDE_LOCAL_POLICY, ""};
    scene->outcome.verdict.override_count = 2;
    const struct report_row *row = make(scene);
    assert_int_equal(row->reason_count, 2);
    assert_int_equal(row->reasons[0].type, OVERRIDE_POLICY_TEST_MODE);
    assert_text(row->reasons[0].comment, "the record says t=y");
    assert_int_equal(row->reasons[1].type, OVERRIDE_LOCAL_POLICY);
    assert_text(row->reasons[1].comment, "");
}

static void test_texts_are_printable_and_bounded(void **state)
{
    struct scene *scene = *state;
    char text[2 * REPORT_TEXT_MAX + 1];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    text[1] = '\n';
    text[2] = '\xc3';
    scene->outcome.spf.result = AUTH_FAIL;
    scene->outcome.spf.reason = text;
    const struct report_row *row = make(scene);
    assert_int_equal(row->spf_reason.len, REPORT_TEXT_MAX);
    assert_memory_equal(row->spf_reason.data, "x??xxx", 6);
    assert_memory_equal(row->spf_reason.data + REPORT_TEXT_MAX - 4, "x...", 4);
    text[REPORT_TEXT_MAX] = '\0';
    assert_int_equal(make(scene)->spf_reason.len, REPORT_TEXT_MAX);
    assert_memory_equal(scene->row.spf_reason.data + REPORT_TEXT_MAX - 4, "x...", 4);
}

static void test_out_of_memory(void **state)
{
    struct scene *scene = *state;
    struct arena *none = arena_new(0);
    assert_false(report_row_make(none, &scene->outcome, NOW, "q", &scene->row, &scene->why_not));
    assert_string_equal(scene->why_not, "out of memory");
    assert_true(arena_failed(none));
    arena_free(none);
}

/* ---- RFC 9990 3.1.1.9: a failure that ends otherwise than published has a reason ---- */

static const char *const policy_tags[] = {"", "none", "quarantine", "reject"};

struct combination {
    struct scene *scene;
    struct policy_settings settings;
    struct evidence evidence;
    size_t rows, differing;
};

static bool has_reason(const struct report_row *row, enum override type, const char *comment)
{
    for (size_t i = 0; i < row->reason_count; i++) {
        if (row->reasons[i].type == type &&
            (!comment || bytes_is(row->reasons[i].comment, comment)))
            return true;
    }
    return false;
}

static void check_combination(struct combination *combination)
{
    struct scene *scene = combination->scene;
    struct outcome *outcome = &scene->outcome;
    struct verdict *verdict = &outcome->verdict;
    verdict_decide(scene->arena, &combination->settings, &combination->evidence, verdict);
    const struct report_row *row = make(scene);
    bool differs = verdict->disposition != outcome->dmarc.policy;
    combination->rows++;
    combination->differing += differs;
    if (differs)
        assert_true(row->reason_count > 0);
    if (verdict->override != OVERRIDE_NONE)
        assert_true(has_reason(row, verdict->override, verdict->override_comment));
    if (verdict->action != verdict->intended)
        assert_true(has_reason(row, OVERRIDE_LOCAL_POLICY, "monitor mode"));
    bool weakened = outcome->dmarc.policy != outcome->dmarc.effective_policy;
    if (weakened && combination->settings.policy_table == NULL) {
        assert_true(has_reason(row, OVERRIDE_POLICY_TEST_MODE, NULL));
        /* The second step has a reason of its own. */
        if (verdict->disposition != outcome->dmarc.effective_policy)
            assert_true(row->reason_count > 1);
    }
}

static void check_settings(struct combination *combination,
                           const struct policy_table *const *tables, size_t table_count)
{
    static const enum action actions[] = {ACTION_ACCEPT, ACTION_TAG, ACTION_QUARANTINE,
                                          ACTION_REJECT};
    for (size_t i = 0; i < 4 * 4 * 4 * 2 * 2; i++) {
        combination->settings.on_reject = actions[i % 4];
        combination->settings.on_quarantine = actions[i / 4 % 4];
        combination->settings.indirect_mail = actions[i / 16 % 4];
        combination->settings.mode = i / 64 % 2 ? MODE_MONITOR : MODE_ENFORCE;
        combination->evidence.has_list_fields = i / 128 % 2;
        for (size_t t = 0; t < table_count; t++) {
            combination->settings.policy_table = (struct policy_table *)(uintptr_t)tables[t];
            check_combination(combination);
        }
    }
}

static const struct policy_table *table_of(struct arena *arena, const char *action)
{
    struct policy_table *table = policy_table_new(arena);
    assert_null(policy_table_add(table, bytes_of(arena_printf(arena, "example.com %s", action))));
    assert_null(policy_table_add(table, bytes_of(arena_printf(arena, ".example.com %s", action))));
    assert_null(policy_table_finish(table));
    return table;
}

/* Each published policy, seen from the domain itself, a subdomain and one that does not exist. */
static void check_record(struct combination *combination, const char *record,
                         const struct policy_table *const *tables, size_t table_count)
{
    static const char *const authors[] = {"example.com", "sub.example.com", "no.example.com"};
    struct scene *scene = combination->scene;
    struct fake_dns *dns = fake_dns_new();
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, record);
    fake_dns_add(dns, "sub.example.com", DNS_A, "192.0.2.1");
    for (size_t i = 0; i < 3; i++) {
        struct arena *arena = arena_new(1 << 24), *before = scene->arena;
        struct policy_env env = fake_env(dns, NOW);
        struct dns_session *session = fake_session(&env, arena);
        struct spf_result spf = {.result = AUTH_FAIL, .reason = ""};
        scene->arena = arena;
        scene->outcome.author.domain = domain(scene, authors[i]);
        dmarc_evaluate(session, arena, scene->outcome.author.domain, &spf, NULL,
                       &scene->outcome.dmarc);
        assert_int_equal(scene->outcome.dmarc.result, AUTH_FAIL);
        check_settings(combination, tables, table_count);
        dns_session_free(session);
        arena_free(arena);
        scene->arena = before;
    }
    fake_dns_free(dns);
}

static void test_every_difference_has_a_reason(void **state)
{
    struct scene *scene = *state;
    const struct policy_table *const tables[] = {
        NULL, table_of(scene->arena, "accept"), table_of(scene->arena, "quarantine"),
        table_of(scene->arena, "reject"), table_of(scene->arena, "asis")};
    scene->outcome.dkim = (struct dkim_results){NULL, 0, 0};
    struct combination combination = {
        .scene = scene,
        .settings = {.reject_text = "x", .on_invalid_from = ACTION_REJECT},
        .evidence = {&scene->outcome.author, &scene->outcome.spf, &scene->outcome.dkim,
                     &scene->outcome.dmarc, false, "q"},
    };
    scene->outcome.spf.result = AUTH_FAIL;
    char record[200];
    for (size_t i = 0; i < 3 * 4 * 4 * 2; i++) {
        const char *sp = policy_tags[i / 3 % 4], *np = policy_tags[i / 12 % 4];
        snprintf(record, sizeof(record), "v=DMARC1; p=%s%s%s%s%s%s; rua=mailto:a@example.com",
                 policy_tags[1 + i % 3], *sp ? "; sp=" : "", sp, *np ? "; np=" : "", np,
                 i / 48 ? "; t=y" : "");
        check_record(&combination, record, tables, 5);
    }
    assert_int_equal(combination.rows, 96 * 3 * 256 * 5);
    print_message("%zu combinations, %zu with another disposition than published\n",
                  combination.rows, combination.differing);
    assert_true(combination.differing > combination.rows / 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_pass),
        TEST(test_what_is_not_reported),
        TEST(test_published_policy),
        TEST(test_uris),
        TEST(test_disposition),
        TEST(test_signatures_are_ordered),
        TEST(test_a_hundred_signatures),
        TEST(test_without_signatures),
        TEST(test_null_reverse_path),
        TEST(test_spf_without_a_domain),
        TEST(test_reasons),
        TEST(test_texts_are_printable_and_bounded),
        TEST(test_out_of_memory),
        TEST(test_every_difference_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
