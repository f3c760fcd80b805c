/* test_authres_compose.c - our own Authentication-Results, octet by octet. */
#include "authres_compose.h"
#include "unit.h"

#include <string.h>

static const struct policy_settings settings = {.authserv_id = "mx.example.org"};

static struct outcome sample(struct arena *arena)
{
    struct domain from = domain_parse(arena, BYTES("example.com"));
    return (struct outcome){
        .spf = {.result = AUTH_PASS, .domain = from, .reason = "matched"},
        .dmarc = {.result = AUTH_PASS,
                  .reason = "aligned",
                  .from_domain = from,
                  .policy_domain = from,
                  .has_record = true,
                  .tag = DMARC_TAG_P,
                  .policy = DMARC_POLICY_REJECT,
                  .effective_policy = DMARC_POLICY_REJECT},
        .verdict = {.disposition = DMARC_POLICY_NONE},
    };
}

static struct dkim_signature signature(struct arena *arena, enum auth_result result,
                                       const char *reason, const char *b)
{
    return (struct dkim_signature){.result = result,
                                   .reason = reason,
                                   .domain = domain_parse(arena, BYTES("example.com")),
                                   .selector = domain_parse(arena, BYTES("s1")),
                                   .algorithm = "rsa-sha256",
                                   .signature = bytes_of(b)};
}

static void expect(struct arena *arena, const struct outcome *outcome, const char *value)
{
    struct authres parsed;
    const char *composed = authres_compose(arena, &settings, outcome);
    assert_string_equal(composed, value);
    assert_true(authres_parse(arena, bytes_of(composed), &parsed));
    assert_true(authres_parse(arena, bytes_of(authres_fold(arena, composed)), &parsed));
}

static void test_design_sample(void **state)
{
    struct arena *arena = *state;
    struct outcome outcome = sample(arena);
    struct dkim_signature one = signature(arena, AUTH_PASS, "good", "abcd1234efgh");
    outcome.dkim = (struct dkim_results){&one, 1, 0};
    expect(arena, &outcome,
           "mx.example.org; spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com "
           "header.s=s1 header.a=rsa-sha256 header.b=\"abcd1234\"; dmarc=pass (p=reject dis=none) "
           "header.from=example.com policy.dmarc=reject");
}

static void test_everything_none(void **state)
{
    struct arena *arena = *state;
    struct outcome outcome = {.spf = {.result = AUTH_NONE, .reason = "no SPF record"},
                              .dmarc = {.result = AUTH_NONE, .reason = "no DMARC record"}};
    expect(arena, &outcome, "mx.example.org; spf=none; dkim=none; dmarc=none");
}

/* RFC 9989 9.2: policy.dmarc is what is to be done, after t=; the comment has what was published.
 */
static void test_policy_after_test_mode(void **state)
{
    struct arena *arena = *state;
    struct outcome outcome = sample(arena);
    outcome.spf.result = AUTH_NONE;
    outcome.dmarc.result = AUTH_FAIL;
    outcome.dmarc.effective_policy = DMARC_POLICY_QUARANTINE;
    outcome.verdict.disposition = DMARC_POLICY_QUARANTINE;
    expect(arena, &outcome,
           "mx.example.org; spf=none smtp.mailfrom=example.com; dkim=none; "
           "dmarc=fail (p=reject dis=quarantine) header.from=example.com policy.dmarc=quarantine");
    outcome.dmarc.result = AUTH_TEMPERROR; /* no policy is to be applied */
    const char *value = authres_compose(arena, &settings, &outcome);
    assert_null(strstr(value, "policy.dmarc"));
}

static void test_null_sender_shows_helo(void **state)
{
    struct arena *arena = *state;
    struct outcome outcome = sample(arena);
    outcome.spf.null_sender = true;
    const char *value = authres_compose(arena, &settings, &outcome);
    assert_non_null(strstr(value, "spf=pass smtp.helo=example.com;"));
    assert_null(strstr(value, "smtp.mailfrom"));
}

static void test_reasons_become_comments(void **state)
{
    struct arena *arena = *state;
    struct outcome outcome = sample(arena);
    struct dkim_signature two[] = {
        signature(arena, AUTH_FAIL, "bad (nested; \"x\\\") \r\n\x80", "abcd1234AAAA"),
        signature(arena, AUTH_PASS, "good", "abcd1234ABBB"),
    };
    outcome.dkim = (struct dkim_results){two, 2, 0};
    outcome.dmarc.has_record = false;
    outcome.dmarc.result = AUTH_TEMPERROR;
    outcome.dmarc.reason = "_dmarc.example.com: SERVFAIL";
    expect(arena, &outcome,
           "mx.example.org; spf=pass smtp.mailfrom=example.com; "
           "dkim=fail (bad [nested, \"x/\"] ?"
           "?"
           "?) header.d=example.com header.s=s1 "
           "header.a=rsa-sha256 header.b=\"abcd1234AA\"; "
           "dkim=pass header.d=example.com header.s=s1 header.a=rsa-sha256 "
           "header.b=\"abcd1234AB\"; "
           "dmarc=temperror (_dmarc.example.com: SERVFAIL) header.from=example.com");
}

static void test_strange_signature_is_left_out(void **state)
{
    struct arena *arena = *state;
    struct outcome outcome = sample(arena);
    struct dkim_signature one = {.result = AUTH_PERMERROR,
                                 .reason = "d= is missing",
                                 .algorithm = "",
                                 .signature = BYTES("\"; spf=pass")};
    outcome.dkim = (struct dkim_results){&one, 1, 0};
    const char *value = authres_compose(arena, &settings, &outcome);
    assert_non_null(strstr(value, "; dkim=permerror (d= is missing); dmarc="));
}

static void test_folding(void **state)
{
    struct arena *arena = *state;
    assert_string_equal(
        authres_fold(arena,
                     "mx.example.org; spf=pass smtp.mailfrom=example.com; dkim=fail (a long "
                     "comment stays whole) header.d=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com "
                     "header.s=s1; dmarc=none"),
        "mx.example.org;\n\tspf=pass smtp.mailfrom=example.com;\n\tdkim=fail (a long comment stays "
        "whole)\n\theader.d=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com header.s=s1;\n\tdmarc=none");
    /* a quote in a comment quotes nothing: "a\"b" as a mechanism */
    assert_string_equal(authres_fold(arena, "x; spf=permerror (a \" b); dkim=none; dmarc=none"),
                        "x;\n\tspf=permerror (a \" b);\n\tdkim=none;\n\tdmarc=none");
    assert_string_equal(authres_fold(arena, "x; spf=fail smtp.mailfrom=\"a (; b\"; dmarc=none"),
                        "x;\n\tspf=fail smtp.mailfrom=\"a (; b\";\n\tdmarc=none");
}

static void test_out_of_memory_is_remembered(void **state)
{
    (void)state;
    struct arena *small = arena_new(40);
    struct outcome outcome = {.spf = {.reason = ""}, .dmarc = {.reason = ""}};
    assert_string_equal(authres_compose(small, &settings, &outcome), "");
    assert_true(arena_failed(small));
    arena_free(small);
}

static int setup(void **state)
{
    *state = arena_new(1 << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_design_sample),
        TEST(test_everything_none),
        TEST(test_policy_after_test_mode),
        TEST(test_null_sender_shows_helo),
        TEST(test_reasons_become_comments),
        TEST(test_strange_signature_is_left_out),
        TEST(test_folding),
        TEST(test_out_of_memory_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
