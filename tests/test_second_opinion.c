/* test_second_opinion.c - libopendkim asked about signatures, in a child that may break. */
#include "second_opinion.h"

#include "base64.h"
#include "dkim_harness.h"
#include "strbuf.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FROM     BYTES("from:a@example.com\r\n")
#define HELLO    BYTES("Hello\r\n")
#define RSA_TAGS "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; h=from"
#define ED_TAGS  "a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=ed; h=from"

static struct dkim_test test;
static struct second_opinion_request request;

static int set_up(void **state)
{
    (void)state;
    dkim_test_begin(&test);
    test.now = time(NULL);
    request = (struct second_opinion_request){.dkim = &test.results};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dkim_test_end(&test);
    return 0;
}

static struct bytes signed_by(EVP_PKEY *key, const char *tags)
{
    return dkim_test_sign(&test, key, tags, true, FROM, HELLO);
}

/* Both opinions on a message of these signatures, a From field and a body. */
static const struct second_opinions *ask(struct bytes signatures, const char *rest)
{
    struct policy_env env = fake_env(test.dns, test.now);
    struct bytes message = dkim_test_join(&test, signatures, bytes_of(rest));
    struct dns_session *session = fake_session(&env, test.arena);
    dkim_test_verify(&test, message);
    request.session = session;
    request.message = message;
    request.now = test.now;
    request.skew = test.limits.clock_skew;
    const struct second_opinions *opinions = second_opinion_ask(test.arena, &request);
    dns_session_free(session);
    assert_non_null(opinions);
    return opinions;
}

#define GOOD "From: a@example.com\r\n\r\nHello\r\n"

/* Our result, its result, what it says; with "(" in front of the reason when both differ. */
static void expect(const struct second_opinions *opinions, size_t index, const char *ours,
                   const char *theirs, const char *reason)
{
    assert_null(opinions->failure);
    assert_true(index < opinions->count);
    const struct second_opinion *opinion = &opinions->signatures[index];
    assert_string_equal(dkim_test_result(&test, index), ours);
    assert_true(opinion->asked);
    assert_string_equal(auth_result_name(opinion->result), theirs);
    assert_string_equal(opinion->reason, reason);
    assert_int_equal(opinion->agrees, strchr(reason, '(') == NULL);
}

static void test_agrees_on_pass(void **state)
{
    (void)state;
    expect(ask(signed_by(test.rsa, RSA_TAGS), GOOD), 0, "pass", "pass", "signature verified");
    expect(ask(signed_by(test.ed25519, ED_TAGS), GOOD), 0, "pass", "pass", "signature verified");
}

static void test_line_ends(void **state)
{
    (void)state;
    /* the final line end is the MTA's to add */
    expect(ask(signed_by(test.rsa, RSA_TAGS), "From: a@example.com\r\n\r\nHello"), 0, "pass",
           "pass", "signature verified");
    /* folds may be LF alone */
    expect(ask(signed_by(test.rsa, RSA_TAGS), "From:\n a@example.com\r\n\r\nHello\r\n"), 0, "pass",
           "pass", "signature verified");
}

static void test_agrees_on_fail(void **state)
{
    (void)state;
    expect(ask(signed_by(test.rsa, RSA_TAGS), "From: a@example.com\r\n\r\nHallo\r\n"), 0, "fail",
           "fail", "body hash did not verify");
    expect(ask(signed_by(test.rsa, RSA_TAGS), "From: b@example.com\r\n\r\nHello\r\n"), 0, "fail",
           "fail", "signature verification failed");
}

static void test_agrees_on_keys(void **state)
{
    (void)state;
    expect(ask(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=no; h=from"),
               GOOD),
           0, "permerror", "permerror", "key not found in DNS");
    fake_dns_fail(test.dns, "ill._domainkey.example.com", DNS_TXT, "SERVFAIL");
    expect(ask(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=ill; h=from"),
               GOOD),
           0, "temperror", "temperror", "key DNS query failed");
    dkim_test_publish(&test, "try", "v=DKIM1; t=y; ", test.rsa);
    expect(ask(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=try; h=from"),
               "From: b@example.com\r\n\r\nHello\r\n"),
           0, "neutral", "fail", "signature verification failed");
}

/* Each has its own answer, also behind one that is broken. */
static void test_several_signatures(void **state)
{
    (void)state;
    struct bytes all =
        dkim_test_join(&test, BYTES("DKIM-Signature: nonsense\r\n"), signed_by(test.rsa, RSA_TAGS));
    all = dkim_test_join(&test, all, dkim_test_sign(&test, test.rsa, RSA_TAGS, true, FROM, FROM));
    all = dkim_test_join(&test, all, signed_by(test.ed25519, ED_TAGS));
    const struct second_opinions *opinions = ask(all, GOOD);
    assert_int_equal(opinions->count, 4);
    expect(opinions, 0, "neutral", "permerror", opinions->signatures[0].reason);
    expect(opinions, 1, "pass", "pass", "signature verified");
    expect(opinions, 2, "fail", "fail", "body hash did not verify");
    expect(opinions, 3, "pass", "pass", "signature verified");
}

static void test_no_signature(void **state)
{
    (void)state;
    const struct second_opinions *opinions = ask(BYTES_EMPTY, GOOD);
    assert_null(opinions->failure);
    assert_int_equal(opinions->count, 0);
}

/* Where it is known that both differ, the reason says why. */
static void test_known_differences(void **state)
{
    (void)state;
    expect(ask(signed_by(test.rsa,
                         "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; h=from; l=7"),
               "From: a@example.com\r\n\r\nHello\r\nBuy!\r\n"),
           0, "policy", "pass",
           "signature verified (l= leaves text unsigned (RFC 6376 8.2); libopendkim counts it as "
           "verified)");
    dkim_test_publish(&test, "two", "v=DKIM1; k=rsa; ", test.rsa);
    fake_dns_add(test.dns, "two._domainkey.example.com", DNS_TXT, "something else");
    expect(ask(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=two; h=from"),
               GOOD),
           0, "pass", "permerror",
           "multiple keys found (the name has several TXT records: Assay tries each key, "
           "libopendkim none)");
}

/* RFC 6376 3.6.1 lets p= be an RSAPublicKey; RFC 8616 lets d= be a U-label. */
static void test_perhaps_known_differences(void **state)
{
    unsigned char *der = NULL;
    struct strbuf key;
    (void)state;
    strbuf_init(&key, test.arena);
    strbuf_puts(&key, "p=");
    int len = i2d_PublicKey(test.rsa, &der);
    assert_true(len > 0);
    base64_encode(&key, der, (size_t)len);
    OPENSSL_free(der);
    fake_dns_add(test.dns, "bare._domainkey.example.com", DNS_TXT, strbuf_string(&key));
    expect(
        ask(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=bare; h=from"),
            GOOD),
        0, "pass", "permerror",
        "unable to apply public key (perhaps an RSA key without its wrapping (PKCS#1), which "
        "libopendkim does not read)");
    /* it lets an altered message pass */
    expect(ask(dkim_test_sign(&test, test.rsa, RSA_TAGS, true, BYTES("from:A <a@example.com>\r\n"),
                              HELLO),
               "From: A\v<a@example.com>\r\n\r\nHello\r\n"),
           0, "fail", "pass",
           "signature verified (perhaps lone CR or LF, VT, FF or a spaced \"b =\", which "
           "libopendkim reads its own way)");
    struct bytes public_key = dkim_test_public_key(test.arena, test.rsa);
    fake_dns_add(test.dns, "rsa._domainkey.xn--bcher-kva.example", DNS_TXT,
                 arena_printf(test.arena, "p=%.*s", BYTES_ARGS(public_key)));
    const struct second_opinions *opinions =
        ask(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=b\xc3\xbc"
                                "cher.example; s=rsa; h=from"),
            GOOD);
    assert_string_equal(dkim_test_result(&test, 0), "pass");
    assert_non_null(strstr(opinions->signatures[0].reason,
                           "(libopendkim knows no internationalized names (RFC 8616))"));
}

static const char *expiring(int64_t at)
{
    return arena_printf(test.arena, "%s; x=%lld", RSA_TAGS, (long long)at);
}

/* Its clock is the system's; --now can only make it lenient. */
static void test_clock(void **state)
{
    (void)state;
    expect(ask(signed_by(test.rsa, expiring(test.now - 5000)), GOOD), 0, "fail", "fail",
           "signature expired");
    struct bytes signature = signed_by(test.rsa, expiring(test.now - 5000));
    test.now -= 6000;
    expect(ask(signature, GOOD), 0, "pass", "pass", "signature verified");
    signature = signed_by(test.rsa, expiring(test.now + 10000));
    test.now += 20000;
    expect(ask(signature, GOOD), 0, "fail", "pass",
           "signature verified (t= and x= are judged with --now, of which libopendkim does not "
           "know)");
}

/* What it would read beyond a buffer for is not shown to it; the others are. */
static void test_unsafe_identity(void **state)
{
    (void)state;
    struct bytes all =
        dkim_test_join(&test, BYTES("DKIM-Signature: v=1; d=example.com; s=rsa; i=a=4\r\n"),
                       signed_by(test.rsa, RSA_TAGS));
    const struct second_opinions *opinions = ask(all, GOOD);
    assert_int_equal(opinions->count, 2);
    assert_false(opinions->signatures[0].asked);
    assert_false(opinions->signatures[0].agrees);
    assert_string_equal(opinions->signatures[0].reason,
                        "not asked: it would read beyond a buffer of its own for this i=");
    expect(opinions, 1, "pass", "pass", "signature verified");
}

static void test_many_signatures(void **state)
{
    (void)state;
    struct bytes all = BYTES_EMPTY;
    test.limits.maximum_signatures = 100;
    for (int i = 0; i < 100; i++)
        all = dkim_test_join(&test, all, signed_by(test.rsa, RSA_TAGS));
    const struct second_opinions *opinions = ask(all, GOOD);
    assert_int_equal(opinions->count, SECOND_OPINION_SIGNATURES);
    expect(opinions, 0, "pass", "pass", "signature verified");
    expect(opinions, SECOND_OPINION_SIGNATURES - 1, "pass", "pass", "signature verified");
}

/* ---- a child that breaks ---- */

static void crash(void)
{
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void give_up(void)
{
    _exit(3);
}

static void lie(void)
{
    _exit(write(STDOUT_FILENO, "half", 4) == 4 ? 0 : 1);
}

static void sleep_on(void)
{
    for (;;)
        pause();
}

static void close_and_sleep(void)
{
    close(STDOUT_FILENO);
    sleep_on();
}

static void use_up_cpu(void)
{
    const struct rlimit limit = {1, 5};
    setrlimit(RLIMIT_CPU, &limit);
    for (;;)
        continue;
}

/* Neither files nor sockets nor a core; only its pipe. */
static void look_around(void)
{
    struct rlimit core, files;
    bool confined = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
                    getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max == 0 && dup(0) < 0 &&
                    lseek(3, 0, SEEK_CUR) < 0;
    if (!confined)
        raise(SIGKILL);
}

static void test_broken_children(void **state)
{
    static const struct {
        void (*in_child)(void);
        unsigned timeout_ms;
        const char *failure;
    } cases[] = {
        {crash, 0, "libopendkim crashed"},
        {give_up, 0, "libopendkim failed"},
        {lie, 0, "libopendkim failed"},
        {sleep_on, 200, "libopendkim took too long"},
        {use_up_cpu, 0, "libopendkim took too long"},
        {close_and_sleep, 200, "libopendkim took too long"},
        {look_around, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        request.in_child = cases[i].in_child;
        request.timeout_ms = cases[i].timeout_ms;
        const struct second_opinions *opinions = ask(signed_by(test.rsa, RSA_TAGS), GOOD);
        if (cases[i].failure)
            assert_string_equal(opinions->failure, cases[i].failure);
        else
            expect(opinions, 0, "pass", "pass", "signature verified");
        assert_int_equal(opinions->count, cases[i].failure ? 0 : 1);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left over */
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_agrees_on_pass),
        CASE(test_line_ends),
        CASE(test_agrees_on_fail),
        CASE(test_agrees_on_keys),
        CASE(test_several_signatures),
        CASE(test_no_signature),
        CASE(test_known_differences),
        CASE(test_perhaps_known_differences),
        CASE(test_clock),
        CASE(test_unsafe_identity),
        CASE(test_many_signatures),
        CASE(test_broken_children),
    };
#ifndef HAVE_OPENDKIM
    return 77; /* skipped: --without-opendkim */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
