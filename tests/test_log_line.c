/* The one line per message, whole, as text and as JSON. */
#include "unit.h"

#include "log_line.h"

#include <jansson.h>
#include <string.h>

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new(1024 * 1024);
    return arena ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct domain domain(const char *name)
{
    return domain_parse(arena, bytes_of(name));
}

static struct dkim_signature signatures[2];
static bool aligned[2] = {false, true};

/* A list message under p=reject: one signature broken, one foreign passing. */
static struct outcome failing(void)
{
    signatures[0] = (struct dkim_signature){.result = AUTH_FAIL,
                                            .reason = "body hash did not verify",
                                            .domain = domain("example.com"),
                                            .selector = domain("s1"),
                                            .algorithm = "rsa-sha256"};
    signatures[1] = (struct dkim_signature){.result = AUTH_PASS,
                                            .reason = "good signature",
                                            .domain = domain("list.example"),
                                            .selector = domain("k"),
                                            .algorithm = "ed25519-sha256"};
    struct outcome outcome = {
        .helo = "mail.list.example",
        .mail_from = "bounce@list.example",
        .author = {.status = AUTHOR_OK, .domain = domain("example.com")},
        .spf = {.result = AUTH_PASS, .domain = domain("list.example"), .reason = "ip4 matches"},
        .dkim = {.signatures = signatures, .count = 2},
        .dmarc = {.result = AUTH_FAIL,
                  .reason = "nothing aligned",
                  .has_record = true,
                  .policy_domain = domain("example.com"),
                  .tag = DMARC_TAG_P,
                  .policy = DMARC_POLICY_REJECT,
                  .effective_policy = DMARC_POLICY_REJECT,
                  .signature_aligned = aligned},
        .verdict = {.action = ACTION_QUARANTINE,
                    .intended = ACTION_QUARANTINE,
                    .reason = "dmarc fail, indirect mail: nothing aligned",
                    .override = OVERRIDE_MAILING_LIST,
                    .override_comment = "List-Id"},
        .dns = {.queries = 7, .cached = 2, .waited_us = 12499},
        .elapsed_us = 13500,
    };
    ip_parse(BYTES("2001:db8::25"), &outcome.client);
    return outcome;
}

static void check_text(const struct outcome *outcome, const char *queue_id, const char *expected)
{
    const struct log_line_facts facts = {.queue_id = queue_id, .outcome = outcome};
    assert_string_equal(log_line_text(arena, &facts), expected);
}

static void test_whole_line(void **state)
{
    (void)state;
    struct outcome outcome = failing();
    check_text(&outcome, "4Q1xYz",
               "4Q1xYz: client=2001:db8::25 helo=mail.list.example mailfrom=bounce@list.example "
               "originating=no from=example.com spf=pass spf_domain=list.example "
               "dkim=fail dkim_domain=example.com dkim_selector=s1 "
               "dkim_reason=\"body hash did not verify\" "
               "dkim=pass dkim_domain=list.example dkim_selector=k "
               "dmarc=fail policy=reject policy_found=_dmarc.example.com policy_tag=p "
               "verdict=quarantine reason=\"dmarc fail, indirect mail: nothing aligned\" "
               "override=mailing_list override_comment=List-Id "
               "dns_queries=7 dns_cached=2 dns_ms=12 ms=14");
}

static void test_monitor_mode_shows_what_would_be_done(void **state)
{
    (void)state;
    struct outcome outcome = failing();
    outcome.verdict.action = ACTION_ACCEPT;
    outcome.verdict.intended = ACTION_REJECT;
    const struct log_line_facts facts = {.queue_id = "1", .outcome = &outcome};
    assert_non_null(strstr(log_line_text(arena, &facts), " verdict=accept intended=reject "));
}

static void test_null_sender_no_author_no_signature_no_queue_id(void **state)
{
    (void)state;
    struct outcome outcome = {
        .helo = "",
        .mail_from = "",
        .author = {.status = AUTHOR_MISSING, .reason = "no From field"},
        .spf = {.result = AUTH_NONE, .reason = "no domain"},
        .helo_spf = {.result = AUTH_SOFTFAIL, .domain = domain("h.example"), .reason = "~all"},
        .dkim = {.skipped = 3},
        .dmarc = {.result = AUTH_PERMERROR, .reason = "no From field"},
        .verdict = {.action = ACTION_REJECT,
                    .intended = ACTION_REJECT,
                    .reason = "invalid From",
                    .override_comment = ""},
    };
    const char *expected =
        "NOQUEUE: client=unknown helo=\"\" mailfrom=<> originating=no from=none spf=none "
        "spf_reason=\"no domain\" helo_spf=softfail helo_spf_domain=h.example "
        "helo_spf_reason=~all dkim=none dkim_skipped=3 dmarc=permerror "
        "dmarc_reason=\"no From field\" verdict=reject reason=\"invalid From\" override=none "
        "dns_queries=0 dns_cached=0 dns_ms=0 ms=0";
    check_text(&outcome, NULL, expected);
    check_text(&outcome, "", expected);
}

static void test_originating(void **state)
{
    (void)state;
    struct outcome outcome = {.originating = true,
                              .origin = "loopback client",
                              .helo = "localhost",
                              .mail_from = "joe@example.org",
                              .author = {.status = AUTHOR_NO_ADDRESS},
                              .signing = {.why_not = "no key for example.org"},
                              .verdict = {.reason = "not checked", .override_comment = ""}};
    ip_parse(BYTES("127.0.0.1"), &outcome.client);
    check_text(&outcome, "A1",
               "A1: client=127.0.0.1 helo=localhost mailfrom=joe@example.org "
               "originating=\"loopback client\" signed=no signed_reason=\"no key for example.org\" "
               "verdict=accept reason=\"not checked\" override=none "
               "dns_queries=0 dns_cached=0 dns_ms=0 ms=0");

    struct domain domain = {"example.org", 11, 2}, selector = {"s1", 2, 1};
    outcome.signing = (struct signing_result){
        .made = {{domain, selector, "rsa-sha256", "v=1; ...", ""},
                 {domain, selector, "ed25519-sha256", NULL, "out of memory"}},
        .count = 2,
        .why_not = ""};
    check_text(&outcome, "A1",
               "A1: client=127.0.0.1 helo=localhost mailfrom=joe@example.org "
               "originating=\"loopback client\" signed=yes signed_domain=example.org "
               "signed_selector=s1 signed_algorithm=rsa-sha256 signed=failed "
               "signed_domain=example.org signed_selector=s1 signed_algorithm=ed25519-sha256 "
               "signed_reason=\"out of memory\" "
               "verdict=accept reason=\"not checked\" override=none "
               "dns_queries=0 dns_cached=0 dns_ms=0 ms=0");
}

static void test_out_of_memory_reads_nothing_but_the_verdict(void **state)
{
    (void)state;
    struct outcome outcome = {.out_of_memory = true, .verdict = verdict_out_of_memory};
    check_text(
        &outcome, "A1",
        "A1: verdict=tempfail reason=\"out of memory, or over MessageMemory\" override=none");
}

static void test_problem(void **state)
{
    (void)state;
    struct outcome outcome = {.out_of_memory = true, .verdict = verdict_out_of_memory};
    const struct log_line_facts facts = {.outcome = &outcome, .applied_problem = "no fields added"};
    assert_non_null(strstr(log_line_text(arena, &facts), " problem=\"no fields added\""));
    assert_non_null(strstr(log_line_json(arena, &facts), "\"problem\":\"no fields added\""));
}

/* Nobody outside can begin a line, end a value, or invent a key. */
static void test_hostile_values(void **state)
{
    (void)state;
    const struct {
        const char *helo, *logged;
    } cases[] = {
        {"a b", "helo=\"a b\""},
        {"x verdict=accept", "helo=\"x verdict=accept\""},
        {"a=b", "helo=\"a=b\""},
        {"a\"b\\c", "helo=\"a\\\"b\\\\c\""},
        {"a\nB: client=1", "helo=\"a?B: client=1\""},
        {"\r\x01\x1b[31m\x7f", "helo=???[31m?"},
        {"caf\xc3\xa9.example", "helo=caf??.example"},
        {"\xff\xfe\x80", "helo=???"},
        {"[192.0.2.1]", "helo=[192.0.2.1]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome = failing();
        outcome.helo = cases[i].helo;
        const struct log_line_facts facts = {.queue_id = "1", .outcome = &outcome};
        const char *line = log_line_text(arena, &facts);
        assert_non_null(strstr(line, cases[i].logged));
        for (const char *c = line; *c; c++)
            assert_in_range((unsigned char)*c, ' ', '~');
        json_t *root = json_loads(log_line_json(arena, &facts), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        json_decref(root);
    }
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    char helo[5000];
    memset(helo, 'h', sizeof(helo) - 1);
    helo[sizeof(helo) - 1] = '\0';
    struct outcome outcome = failing();
    outcome.helo = helo;
    const struct log_line_facts facts = {.queue_id = "1", .outcome = &outcome};
    assert_true(strlen(log_line_text(arena, &facts)) < 1000);
    assert_non_null(strstr(log_line_text(arena, &facts), "hhh... mailfrom="));
}

static void test_json(void **state)
{
    (void)state;
    struct outcome outcome = failing();
    const struct log_line_facts facts = {.queue_id = "4Q1xYz", .outcome = &outcome};
    assert_string_equal(
        log_line_json(arena, &facts),
        "{\"queue_id\":\"4Q1xYz\",\"client\":\"2001:db8::25\",\"helo\":\"mail.list.example\","
        "\"mailfrom\":\"bounce@list.example\",\"from\":\"example.com\","
        "\"spf\":{\"result\":\"pass\",\"scope\":\"mfrom\",\"domain\":\"list.example\","
        "\"reason\":\"ip4 matches\"},"
        "\"dkim\":[{\"result\":\"fail\",\"domain\":\"example.com\",\"selector\":\"s1\","
        "\"algorithm\":\"rsa-sha256\",\"reason\":\"body hash did not verify\",\"aligned\":false},"
        "{\"result\":\"pass\",\"domain\":\"list.example\",\"selector\":\"k\","
        "\"algorithm\":\"ed25519-sha256\",\"reason\":\"good signature\",\"aligned\":true}],"
        "\"dmarc\":{\"result\":\"fail\",\"reason\":\"nothing aligned\",\"policy\":\"reject\","
        "\"effective_policy\":\"reject\",\"policy_domain\":\"example.com\",\"policy_tag\":\"p\"},"
        "\"verdict\":{\"action\":\"quarantine\",\"intended\":\"quarantine\","
        "\"reason\":\"dmarc fail, indirect mail: nothing aligned\","
        "\"override\":\"mailing_list\",\"override_comment\":\"List-Id\"},"
        "\"dns\":{\"queries\":7,\"cached\":2,\"ms\":12},\"ms\":14}");
}

static void test_json_of_other_lines(void **state)
{
    (void)state;
    assert_string_equal(log_line_plain_json(arena, "error", "a \"b\"\n\xff"),
                        "{\"level\":\"error\",\"message\":\"a \\\"b\\\"??\"}");
}

/* The line is lost, the process is not. */
static void test_no_memory(void **state)
{
    (void)state;
    struct outcome outcome = failing();
    const struct log_line_facts facts = {.queue_id = "4Q1xYz", .outcome = &outcome};
    struct arena *small = arena_new(64);
    assert_string_equal(log_line_text(small, &facts), "");
    assert_string_equal(log_line_json(small, &facts), "");
    assert_true(arena_failed(small));
    arena_free(small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_line),
        TEST(test_monitor_mode_shows_what_would_be_done),
        TEST(test_null_sender_no_author_no_signature_no_queue_id),
        TEST(test_originating),
        TEST(test_out_of_memory_reads_nothing_but_the_verdict),
        TEST(test_problem),
        TEST(test_hostile_values),
        TEST(test_long_values_are_cut),
        TEST(test_json),
        TEST(test_json_of_other_lines),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
