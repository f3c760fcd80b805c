/* One connection and the messages on it, without libmilter. */
#include "unit.h"

#include "fake_dns.h"
#include "session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static struct fake_dns *dns;
static struct runtime *runtime;
static struct sockaddr_in client = {.sin_family = AF_INET};
static const struct granted all = {.steps = SMFI_CURR_PROT, .actions = SMFI_CURR_ACTS};

/* A runtime over the fake resolver. */
static struct runtime *make_runtime(const char *authserv_id)
{
    static struct config_errors errors;
    const struct config_override override = {"AuthservID", authserv_id};
    struct runtime *made = calloc(1, sizeof(*made));
    made->config = config_load_with(NULL, &override, authserv_id ? 1 : 0, &errors);
    assert_non_null(made->config);
    made->env = fake_env(dns, 1700000000);
    atomic_init(&made->references, 1);
    return made;
}

static int set_up(void **state)
{
    (void)state;
    dns = fake_dns_new();
    fake_dns_add(dns, "example.com", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all");
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject");
    runtime = make_runtime("mx.example.org");
    inet_pton(AF_INET, "192.0.2.1", &client.sin_addr);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&runtime->references), 1); /* no message kept one */
    runtime_unref(runtime);
    fake_dns_free(dns);
    return 0;
}

static struct session *connected(void)
{
    struct session *session = session_new(&all, false);
    session_connect(session, "mail.example.com", BYTES("mail.example.com"),
                    (const struct sockaddr *)&client, NULL);
    session_helo(session, "mail.example.com");
    return session;
}

static void send_header(struct session *session)
{
    session_recipient(session, "<joe@example.org>");
    session_header(session, "From", " a@example.com");
    session_end_of_headers(session);
}

static const struct outcome *send_message(struct session *session, const char *mail_from)
{
    session_mail(session, runtime_ref(runtime), mail_from, false);
    send_header(session);
    assert_false(session_body(session, "x\r\n", 3)); /* no signature */
    return session_finish(session, "4Q1");
}

static void test_many_messages_on_one_connection(void **state)
{
    (void)state;
    struct session *session = connected();
    const struct outcome *outcome = send_message(session, "<a@example.com>");
    assert_int_equal(outcome->verdict.action, ACTION_ACCEPT);
    assert_string_equal(outcome->helo, "mail.example.com");
    assert_string_equal(outcome->mail_from, "a@example.com");

    outcome = send_message(session, "<a@other.example>"); /* without an abort in between */
    assert_int_equal(outcome->spf.result, AUTH_NONE);
    assert_int_equal(outcome->verdict.action, ACTION_REJECT);
    assert_non_null(strstr(outcome->verdict.smtp_text, "4Q1"));
    session_abort(session);

    outcome = send_message(session, "<>");
    assert_true(outcome->spf.null_sender);
    session_free(session);
}

/* An MTA that does not tell the end of the header makes no forged author acceptable. */
static void test_no_end_of_headers(void **state)
{
    (void)state;
    struct session *session = connected();
    session_mail(session, runtime_ref(runtime), "<a@other.example>", false);
    session_header(session, "From", " a@example.com");
    assert_int_equal(session_finish(session, NULL)->verdict.action, ACTION_REJECT);
    session_mail(session, runtime_ref(runtime), "<a@other.example>", false);
    const struct outcome *outcome = session_finish(session, NULL);
    assert_int_equal(outcome->author.status, AUTHOR_MISSING);
    assert_int_equal(outcome->verdict.action, ACTION_REJECT);
    session_free(session);
}

static void test_abort_at_each_stage(void **state)
{
    (void)state;
    struct session *session = session_new(&all, false);
    session_abort(session);
    session_free(session);
    for (int stage = 0; stage < 5; stage++) {
        session = connected();
        session_mail(session, runtime_ref(runtime), "<a@example.com>", false);
        if (stage > 0)
            session_recipient(session, "<b@example.org>");
        if (stage > 1)
            session_header(session, "From", " a@example.com");
        if (stage > 2)
            session_end_of_headers(session);
        if (stage > 3)
            session_body(session, "x", 1);
        if (stage % 2) {
            session_abort(session);
            session_abort(session);
            assert_int_equal(send_message(session, "<a@example.com>")->verdict.action,
                             ACTION_ACCEPT);
        }
        session_free(session);
    }
}

/* A command out of order must do nothing, not crash. */
static void test_steps_without_mail(void **state)
{
    (void)state;
    struct session *session = session_new(&all, false);
    session_recipient(session, NULL);
    session_header(session, NULL, NULL);
    session_end_of_headers(session);
    assert_false(session_body(session, NULL, 0));
    assert_true(session_finish(session, NULL)->out_of_memory);
    assert_int_equal(session_finish(session, NULL)->verdict.action, ACTION_TEMPFAIL);
    session_free(session);
    session_free(NULL);
}

static void test_null_arguments(void **state)
{
    (void)state;
    struct session *session = session_new(&all, false);
    session_connect(session, NULL, BYTES_EMPTY, NULL, NULL);
    session_helo(session, NULL);
    session_mail(session, runtime_ref(runtime), NULL, false);
    session_recipient(session, NULL);
    session_header(session, NULL, NULL);
    session_end_of_headers(session);
    session_body(session, NULL, 0);
    const struct outcome *outcome = session_finish(session, NULL);
    assert_false(outcome->out_of_memory);
    assert_false(outcome->originating); /* no address is not loopback */
    assert_int_equal(outcome->author.status, AUTHOR_MISSING);
    session_free(session);
}

static void test_who_is_local(void **state)
{
    (void)state;
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr);
    const struct {
        const char *hostname;
        const void *address;
        bool authenticated;
        const char *origin, *client;
    } cases[] = {
        {"localhost", &loopback, false, "loopback client", "127.0.0.1"}, /* non_smtpd_milters */
        {"localhost", NULL, false, "submitted locally", "unknown"},      /* sendmail -bs */
        {"localhost", &local, false, "submitted locally", "unknown"},
        {"whatever", &local, false, "submitted locally", "unknown"},
        {"unknown", NULL, false, "", "unknown"},
        {NULL, NULL, false, "", "unknown"},
        {"localhost", &unspecified, false, "", "unknown"},
        {"unknown", &client, false, "", "192.0.2.1"},
        {"unknown", &mapped, false, "", "192.0.2.1"},
        {"unknown", &client, true, "authenticated", "192.0.2.1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[IP_TEXT_MAX];
        struct session *session = session_new(&all, false);
        session_connect(session, cases[i].hostname, BYTES_EMPTY, cases[i].address, NULL);
        session_mail(session, runtime_ref(runtime), "<a@example.com>", cases[i].authenticated);
        send_header(session);
        const struct outcome *outcome = session_finish(session, NULL);
        assert_string_equal(outcome->origin, cases[i].origin);
        assert_string_equal(ip_format(&outcome->client, text), cases[i].client);
        session_free(session);
    }
}

static void test_path_address(void **state)
{
    (void)state;
    const struct {
        const char *path, *address;
    } cases[] = {
        {"<a@example.com>", "a@example.com"},
        {"a@example.com", "a@example.com"},
        {" <a@example.com> ", "a@example.com"},
        {"< a@example.com >", "a@example.com"},
        {"<>", ""},
        {"", ""},
        {NULL, ""},
        {"<", "<"},
        {">", ">"},
        {"<@relay.example,@b.example:a@example.com>", "a@example.com"},
        {"<@broken>", "@broken"},
        {"<\"<x>\"@example.com>", "\"<x>\"@example.com"},
        {"<\xc3\xa4@example.com>", "\xc3\xa4@example.com"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(bytes_equal(session_path_address(cases[i].path), bytes_of(cases[i].address)));
}

static void test_over_the_limit(void **state)
{
    (void)state;
    struct session *session = session_new(&all, true);
    session_connect(session, "x", BYTES_EMPTY, (const struct sockaddr *)&client, NULL);
    const struct outcome *outcome = send_message(session, "<a@example.com>");
    assert_ptr_equal(outcome, &session_outcome_over_limit);
    assert_int_equal(outcome->verdict.action, ACTION_TEMPFAIL);
    assert_string_equal(outcome->verdict.smtp_code, "451");
    session_free(session);
}

static void test_authserv_id(void **state)
{
    (void)state;
    const struct {
        const char *configured, *mta_name, *used;
        size_t removals;
    } cases[] = {
        {"mx.example.org", "mta.example.org", "mx.example.org;", 1},
        {NULL, "mta.example.org", "mta.example.org;", 1},
        {NULL, "mx.example.org", "mx.example.org;", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct runtime *other = make_runtime(cases[i].configured);
        struct session *session = session_new(&all, false);
        session_connect(session, "x", BYTES_EMPTY, (const struct sockaddr *)&client,
                        cases[i].mta_name);
        session_mail(session, other, "<a@example.com>", false);
        char forged[300];
        snprintf(forged, sizeof(forged), " %s spf=pass", cases[i].used);
        session_header(session, "Authentication-Results", forged);
        send_header(session);
        const struct outcome *outcome = session_finish(session, NULL);
        assert_int_equal(outcome->removal_count, cases[i].removals);
        assert_memory_equal(outcome->authentication_results, cases[i].used, strlen(cases[i].used));
        session_free(session);
    }
}

/* The name of this machine is ours as well when nothing is configured. */
static void test_both_default_names_are_ours(void **state)
{
    (void)state;
    struct runtime *other = make_runtime(NULL);
    char forged[400];
    snprintf(forged, sizeof(forged), " %s; spf=pass", other->config->policy.authserv_id);
    struct session *session = session_new(&all, false);
    session_connect(session, "x", BYTES_EMPTY, (const struct sockaddr *)&client, "mta.example.org");
    session_mail(session, other, "<a@example.com>", false);
    session_header(session, "Authentication-Results", forged);
    session_header(session, "Authentication-Results", " elsewhere.example; spf=pass");
    session_header(session, "Authentication-Results", " mta.example.org; spf=pass");
    send_header(session);
    const struct outcome *outcome = session_finish(session, NULL);
    assert_int_equal(outcome->removal_count, 2);
    assert_int_equal(outcome->removals[0].index, 3);
    assert_int_equal(outcome->removals[1].index, 1);
    session_free(session);
}

static void test_messages_are_counted_for_the_stop(void **state)
{
    (void)state;
    struct session *before = connected(), *after = connected();
    assert_int_equal(context_drain_left(), 0);
    session_mail(before, runtime_ref(runtime), "<a@example.com>", false);
    assert_int_equal(context_drain_left(), 1);
    context_drain_begin();
    session_mail(after, runtime_ref(runtime), "<a@example.com>", false);
    assert_int_equal(context_drain_left(), 1); /* began too late to be waited for */
    session_abort(before);
    session_abort(before);
    assert_int_equal(context_drain_left(), 0);
    session_free(after);
    session_free(before);
    assert_int_equal(context_drain_left(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* After context_set(NULL), at the end of the process. */
static void test_stopping_says_so(void **state)
{
    (void)state;
    const struct granted granted = {0};
    struct session *session = session_new(&granted, false);
    session_connect(session, "mail.example.com", BYTES_EMPTY, NULL, NULL);
    session_mail(session, NULL, "<a@example.com>", false);
    session_end_of_headers(session);
    const struct outcome *outcome = session_finish(session, NULL);
    assert_int_equal(outcome->verdict.action, ACTION_TEMPFAIL);
    assert_string_equal(outcome->verdict.enhanced_code, "4.3.2");
    assert_string_equal(outcome->verdict.reason, "assayd is stopping");
    session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stopping_says_so),
        TEST(test_many_messages_on_one_connection),
        TEST(test_no_end_of_headers),
        TEST(test_abort_at_each_stage),
        TEST(test_steps_without_mail),
        TEST(test_null_arguments),
        TEST(test_who_is_local),
        TEST(test_path_address),
        TEST(test_over_the_limit),
        TEST(test_authserv_id),
        TEST(test_both_default_names_are_ours),
        TEST(test_messages_are_counted_for_the_stop), /* last: draining does not end */
    };
    return policy_global_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
