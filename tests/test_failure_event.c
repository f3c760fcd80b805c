/* test_failure_event.c - which failure reports a message gives rise to, and what they tell. */
#include "failure_event.h"
#include "fake_dns.h"
#include "report_codec.h"
#include "unit.h"

#include <string.h>

enum { NOW = 1700000000 };

/* A message that fails DMARC: SPF fails, an aligned signature is broken. */
struct scene {
    struct arena *arena;
    struct fake_dns *dns;
    struct policy_env env;
    struct dns_session *session;
    struct policy_settings settings;
    struct dkim_fields fields;
    struct dkim_signature signatures[2];
    bool aligned[2];
    struct outcome outcome;
    struct failure_input input;
};

static void set_record(struct scene *scene, const char *tags)
{
    const char *text = arena_printf(scene->arena, "v=DMARC1; p=reject; %s", tags);
    assert_true(dmarc_record_parse(scene->arena, bytes_of(text), &scene->outcome.dmarc.record));
}

static struct domain domain(struct scene *scene, const char *name)
{
    return domain_parse(scene->arena, bytes_of(name));
}

static void add_field(struct scene *scene, const char *name, const char *value)
{
    dkim_fields_add(&scene->fields, bytes_of(name), bytes_of(value));
}

static void add_header(struct scene *scene)
{
    dkim_fields_init(&scene->fields, scene->arena, 100, 1 << 20);
    add_field(scene, "Received", " from x (x [192.0.2.1]) by mx for <bob@example.org>; date");
    add_field(scene, "DKIM-Signature",
              " v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example.com; s=s1;"
              " h=From:Subject; bh=AAAA; b=BBBB");
    add_field(scene, "From", " Alice  Smith <alice@example.com>");
    add_field(scene, "Subject", " our  secret");
}

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->arena = arena_new(1 << 24);
    scene->dns = fake_dns_new();
    fake_dns_add(scene->dns, "bounce.example.net", DNS_TXT, "v=spf1 -all");
    fake_dns_add(scene->dns, "bounce.example.net", DNS_TXT, "something else");
    scene->env = fake_env(scene->dns, NOW);
    scene->session = fake_session(&scene->env, scene->arena);
    dns_query(scene->session, BYTES("bounce.example.net"), DNS_TXT);
    scene->settings =
        (struct policy_settings){.authserv_id = "mx.example.org", .failure_reports = true};
    scene->signatures[0] = (struct dkim_signature){.result = AUTH_FAIL,
                                                   .reason = "body hash did not verify",
                                                   .domain = domain(scene, "mail.example.com"),
                                                   .selector = domain(scene, "s1"),
                                                   .body_failed_only = true};
    scene->aligned[0] = true;
    scene->outcome = (struct outcome){
        .author = {.status = AUTHOR_OK, .domain = domain(scene, "example.com")},
        .spf = {.result = AUTH_FAIL, .domain = domain(scene, "bounce.example.net"), .reason = ""},
        .dkim = {.signatures = scene->signatures, .count = 1},
        .dmarc = {.result = AUTH_FAIL,
                  .from_domain = domain(scene, "example.com"),
                  .policy_domain = domain(scene, "example.com"),
                  .has_record = true,
                  .policy = DMARC_POLICY_REJECT,
                  .effective_policy = DMARC_POLICY_REJECT,
                  .signature_aligned = scene->aligned},
        .verdict = {.action = ACTION_REJECT},
    };
    assert_true(ip_parse(BYTES("192.0.2.1"), &scene->outcome.client));
    set_record(scene, "ruf=mailto:f@example.com");
    add_header(scene);
    scene->input = (struct failure_input){.settings = &scene->settings,
                                          .dns = scene->session,
                                          .fields = &scene->fields,
                                          .mail_from = BYTES("alice@bounce.example.net"),
                                          .queue_id = "4BTq1",
                                          .time = NOW};
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    dns_session_free(scene->session);
    fake_dns_free(scene->dns);
    arena_free(scene->arena);
    test_free(scene);
    return 0;
}

static void assert_text(struct bytes found, const char *expected)
{
    if (!bytes_equal(found, bytes_of(expected)))
        fail_msg("\"%.*s\", expected \"%s\"", BYTES_ARGS(found), expected);
}

static bool contains(struct bytes text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

/* RFC 9989 4.7. */
static void test_fo(void **state)
{
    static const struct {
        const char *fo;
        bool spf_aligned, dkim_aligned;
        enum auth_result spf, signature;
        unsigned kinds;
    } cases[] = {
        /* everything fails */
        {"0", false, false, AUTH_FAIL, AUTH_FAIL, FAILURE_DMARC},
        {"1", false, false, AUTH_FAIL, AUTH_FAIL, FAILURE_DMARC},
        {"d", false, false, AUTH_FAIL, AUTH_FAIL, FAILURE_DKIM},
        {"s", false, false, AUTH_FAIL, AUTH_FAIL, FAILURE_SPF},
        {"1:d:s", false, false, AUTH_FAIL, AUTH_FAIL, FAILURE_DMARC | FAILURE_DKIM | FAILURE_SPF},
        /* one of them gives an aligned pass */
        {"0", true, false, AUTH_PASS, AUTH_FAIL, 0},
        {"1", true, false, AUTH_PASS, AUTH_FAIL, FAILURE_DMARC},
        {"1", false, true, AUTH_FAIL, AUTH_PASS, FAILURE_DMARC},
        {"d", true, false, AUTH_PASS, AUTH_FAIL, FAILURE_DKIM},
        {"s", true, false, AUTH_PASS, AUTH_FAIL, 0},
        {"s", false, true, AUTH_SOFTFAIL, AUTH_PASS, FAILURE_SPF},
        {"s", false, true, AUTH_NEUTRAL, AUTH_PASS, 0},
        /* both */
        {"0", true, true, AUTH_PASS, AUTH_PASS, 0},
        {"1", true, true, AUTH_PASS, AUTH_PASS, 0},
        /* what could not be checked did not fail */
        {"d", true, false, AUTH_PASS, AUTH_TEMPERROR, 0},
        {"d", true, false, AUTH_PASS, AUTH_NEUTRAL, 0},
        {"d", true, false, AUTH_PASS, AUTH_POLICY, 0},
        {"d", true, false, AUTH_PASS, AUTH_PERMERROR, FAILURE_DKIM},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dmarc_result *dmarc = &scene->outcome.dmarc;
        set_record(scene,
                   arena_printf(scene->arena, "ruf=mailto:f@example.com; fo=%s", cases[i].fo));
        dmarc->spf_aligned = cases[i].spf_aligned;
        dmarc->dkim_aligned = cases[i].dkim_aligned;
        dmarc->result = cases[i].spf_aligned || cases[i].dkim_aligned ? AUTH_PASS : AUTH_FAIL;
        scene->outcome.spf.result = cases[i].spf;
        scene->signatures[0].result = cases[i].signature;
        if (failure_event_kinds(&scene->outcome) != cases[i].kinds)
            fail_msg("fo=%s, case %zu: %u, expected %u", cases[i].fo, i,
                     failure_event_kinds(&scene->outcome), cases[i].kinds);
    }
}

static void test_what_is_never_told(void **state)
{
    struct scene *scene = *state;
    struct outcome *outcome = &scene->outcome;
    const struct outcome good = *outcome;
#define NEVER(change)                                                                              \
    do {                                                                                           \
        *outcome = good;                                                                           \
        change;                                                                                    \
        assert_int_equal(failure_event_kinds(outcome), 0);                                         \
        assert_null(failure_event_make(scene->arena, outcome, &scene->input));                     \
    } while (0)
    assert_int_equal(failure_event_kinds(outcome), FAILURE_DMARC);
    NEVER(outcome->out_of_memory = true);
    NEVER(outcome->originating = true);
    NEVER(outcome->report_guard = "a bounce");
    NEVER(outcome->author.status = AUTHOR_SEVERAL);
    NEVER(outcome->verdict.action = ACTION_TEMPFAIL);
    NEVER(outcome->dmarc.has_record = false);
    NEVER(outcome->dmarc.result = AUTH_TEMPERROR);
    NEVER(set_record(scene, "rua=mailto:a@example.com"));
    NEVER(set_record(scene, "ruf=https://example.com/"));
    NEVER(set_record(scene, "ruf=mailto:f@example.com; psd=y")); /* RFC 9991 2 */
}

static void test_without_redaction(void **state)
{
    struct scene *scene = *state;
    const struct failure_event *event =
        failure_event_make(scene->arena, &scene->outcome, &scene->input);
    assert_non_null(event);
    assert_int_equal(event->time, NOW);
    assert_text(event->queue_id, "4BTq1");
    assert_text(event->authserv_id, "mx.example.org");
    assert_text(event->policy_domain, "example.com");
    assert_int_equal(event->ruf_count, 1);
    assert_text(event->ruf[0], "mailto:f@example.com");
    assert_text(event->mail_from, "alice@bounce.example.net");
    assert_text(event->header_from, "example.com");
    assert_true(event->dkim_failed && event->spf_failed);
    assert_text(event->aligned.domain, "mail.example.com");
    assert_text(event->aligned.selector, "s1");
    assert_text(event->aligned.identity, "@mail.example.com");
    assert_int_equal(event->aligned.type, FAILURE_DKIM_BODYHASH);
    assert_text(event->spf_domain, "bounce.example.net");
    assert_text(event->spf_record, "v=spf1 -all");
    assert_int_equal(event->delivery, FAILURE_REJECT);
    assert_false(event->redacted);
    assert_true(contains(event->header, "Subject: our  secret\r\n"));
    assert_text(event->canonical_header,
                "from:Alice Smith <alice@example.com>\r\nsubject:our secret\r\n");
}

static void test_with_redaction(void **state)
{
    struct scene *scene = *state;
    scene->settings.failure_redaction = true;
    scene->signatures[0].identity = BYTES("alice@mail.example.com");
    const struct failure_event *event =
        failure_event_make(scene->arena, &scene->outcome, &scene->input);
    assert_true(event->redacted);
    assert_true(contains(event->header, "Received: from x (x [192.0.2.1]) by mx"));
    assert_true(contains(event->mail_from, "@bounce.example.net"));
    assert_true(contains(event->aligned.identity, "@mail.example.com"));
    assert_int_equal(event->canonical_header.len, 0); /* RFC 6591: nor when redacted */
    static const char *const secrets[] = {"alice", "bob", "Alice", "Smith", "secret", "Subject: "};
    struct strbuf octets;
    strbuf_init(&octets, scene->arena);
    failure_event_encode(event, &octets);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) /* not anywhere */
        assert_false(contains(strbuf_view(&octets), secrets[i]));
}

static void test_types(void **state)
{
    static const struct {
        const char *reason;
        bool body_failed_only;
        enum failure_dkim type;
    } cases[] = {
        {"body hash did not verify", true, FAILURE_DKIM_BODYHASH},
        {"signature did not verify", false, FAILURE_DKIM_SIGNATURE},
        {"key is revoked", false, FAILURE_DKIM_REVOKED},
        {"key is revoked (key in test mode)", false, FAILURE_DKIM_REVOKED},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene->signatures[0].reason = cases[i].reason;
        scene->signatures[0].body_failed_only = cases[i].body_failed_only;
        assert_int_equal(
            failure_event_make(scene->arena, &scene->outcome, &scene->input)->failed.type,
            cases[i].type);
    }
}

static void test_unaligned_signature(void **state)
{
    struct scene *scene = *state;
    scene->aligned[0] = false;
    const struct failure_event *event =
        failure_event_make(scene->arena, &scene->outcome, &scene->input);
    assert_int_equal(event->aligned.domain.len, 0);
    assert_text(event->failed.domain, "mail.example.com");
}

static void test_header_is_bounded(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 1000; i++)
        add_field(scene, "X-Filler", " of some forty octets, to fill the header up");
    const struct failure_event *event =
        failure_event_make(scene->arena, &scene->outcome, &scene->input);
    assert_true(event->header.len <= FAILURE_HEADER_MAX);
    assert_memory_equal(event->header.data + event->header.len - 2, "\r\n", 2);
}

/* ---- as octets ---- */

static void test_round_trip(void **state)
{
    struct scene *scene = *state;
    const struct failure_event *event =
        failure_event_make(scene->arena, &scene->outcome, &scene->input);
    struct failure_event again;
    struct strbuf octets, second;
    strbuf_init(&octets, scene->arena);
    failure_event_encode(event, &octets);
    struct bytes view = strbuf_view(&octets);
    assert_int_equal(report_event_type(view), REPORT_EVENT_FAILURE);
    assert_true(failure_event_decode(view, &again));
    strbuf_init(&second, scene->arena);
    failure_event_encode(&again, &second);
    assert_true(bytes_equal(strbuf_view(&second), view));
    assert_int_equal(again.kinds, event->kinds);
    assert_int_equal(again.aligned.type, FAILURE_DKIM_BODYHASH);
    assert_true(ip_equal(&again.source, &event->source));
    assert_text(again.spf_record, "v=spf1 -all");
    assert_true(bytes_equal(again.header, event->header));
    assert_true(bytes_equal(again.canonical_header, event->canonical_header));
}

static void test_damaged_octets(void **state)
{
    struct scene *scene = *state;
    const struct failure_event *event =
        failure_event_make(scene->arena, &scene->outcome, &scene->input);
    struct failure_event again;
    struct strbuf octets;
    strbuf_init(&octets, scene->arena);
    failure_event_encode(event, &octets);
    char *copy = arena_copy(scene->arena, octets.data, octets.len);
    for (size_t len = 0; len <= octets.len + 1; len++)
        assert_int_equal(failure_event_decode((struct bytes){copy, len}, &again),
                         len == octets.len);
    for (size_t i = 0; i < octets.len; i++) {
        for (int value = 0; value < 256; value += 3) {
            copy[i] = (char)value;
            if (failure_event_decode((struct bytes){copy, octets.len}, &again)) {
                struct arena *arena = arena_new(1 << 18);
                struct strbuf second;
                strbuf_init(&second, arena);
                failure_event_encode(&again, &second);
                assert_true(bytes_equal(strbuf_view(&second), (struct bytes){copy, octets.len}));
                arena_free(arena);
            }
        }
        copy[i] = octets.data[i];
    }
}

static void test_out_of_memory(void **state)
{
    struct scene *scene = *state;
    for (size_t limit = 0; limit < 8192; limit += 128) {
        struct arena *arena = arena_new(limit);
        const struct failure_event *event =
            failure_event_make(arena, &scene->outcome, &scene->input);
        assert_true(arena_failed(arena) == (event == NULL));
        arena_free(arena);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fo),
        TEST(test_what_is_never_told),
        TEST(test_without_redaction),
        TEST(test_with_redaction),
        TEST(test_types),
        TEST(test_unaligned_signature),
        TEST(test_header_is_bounded),
        TEST(test_round_trip),
        TEST(test_damaged_octets),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
