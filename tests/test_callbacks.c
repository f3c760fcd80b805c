/* The libmilter callbacks, called as libmilter calls them. */
#include "unit.h"

#include "callbacks.h"
#include "context.h"
#include "evaluate.h"
#include "fake_dns.h"
#include "fake_milter.h"
#include "log.h"
#include "recorder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fake_dns *dns;
static struct smfiDesc filter;
static SMFICTX *ctx;
static struct sockaddr_in client = {.sin_family = AF_INET};

/* ---- a recorder that only notes what it is given ---- */

static struct {
    unsigned count;
    int64_t time;
    char queue_id[32];
    size_t calls; /* of the MTA before it */
} recorded;

void recorder_message(struct recorder *recorder, const struct outcome *outcome, int64_t time,
                      const char *queue_id)
{
    assert_ptr_equal(recorder, &recorded);
    assert_false(outcome->out_of_memory);
    recorded.count++;
    recorded.time = time;
    recorded.calls = fake_milter_call_count();
    snprintf(recorded.queue_id, sizeof(recorded.queue_id), "%s", queue_id ? queue_id : "none");
}

static int set_up(void **state)
{
    (void)state;
    static struct config_errors errors;
    const struct config_override overrides[] = {{"AuthservID", "mx.example.org"},
                                                {"MaximumConnections", "2"}};
    dns = fake_dns_new();
    fake_dns_add(dns, "example.com", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all");
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject");
    struct runtime *runtime = calloc(1, sizeof(*runtime));
    runtime->config = config_load_with(NULL, overrides, 2, &errors);
    assert_non_null(runtime->config);
    runtime->env = fake_env(dns, 1700000000);
    atomic_init(&runtime->references, 1);
    context_set(runtime);
    inet_pton(AF_INET, "192.0.2.1", &client.sin_addr);
    fake_milter_reset();
    ctx = fake_milter_ctx();
    filter = callbacks_description();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(context_connections(), 0); /* each test closes what it opens */
    context_set(NULL);
    fake_dns_free(dns);
    return 0;
}

static unsigned long negotiate_steps(unsigned long steps)
{
    unsigned long actions = 0, taken = 0, reserved2 = 1, reserved3 = 1;
    assert_int_equal(filter.xxfi_negotiate(ctx, SMFI_CURR_ACTS, steps, 0, 0, &actions, &taken,
                                           &reserved2, &reserved3),
                     SMFIS_CONTINUE);
    assert_int_equal(reserved2 | reserved3, 0);
    return taken;
}

/* Every answer before the end of the message must be `go_on`. */
static void send_until_body(int go_on, const char *from)
{
    char *mail[] = {(char *)from, (char *)"SIZE=1", NULL};
    char *rcpt[] = {(char *)"<joe@example.org>", NULL};
    assert_int_equal(filter.xxfi_helo(ctx, (char *)"mail.example.com"), go_on);
    assert_int_equal(filter.xxfi_envfrom(ctx, mail), go_on);
    assert_int_equal(filter.xxfi_envrcpt(ctx, rcpt), go_on);
    assert_int_equal(filter.xxfi_header(ctx, (char *)"From", (char *)" a@example.com"), go_on);
    assert_int_equal(filter.xxfi_eoh(ctx), go_on);
}

static int connect_from(const char *hostname, struct sockaddr_in *address)
{
    return filter.xxfi_connect(ctx, (char *)hostname, (struct sockaddr *)address);
}

static void test_silent_everywhere_when_granted(void **state)
{
    (void)state;
    negotiate_steps(SMFI_CURR_PROT);
    assert_int_equal(connect_from("mail.example.com", &client), SMFIS_NOREPLY);
    send_until_body(SMFIS_NOREPLY, "<a@example.com>");
    assert_int_equal(filter.xxfi_body(ctx, (unsigned char *)"x", 1), SMFIS_SKIP);
    fake_milter_set_macro("i", "4Q1");
    assert_int_equal(filter.xxfi_eom(ctx), SMFIS_CONTINUE); /* never SMFIS_ACCEPT */
    assert_memory_equal(fake_milter_call(fake_milter_call_count() - 1),
                        "insheader 0 |Authentication-Results| mx.example.org;", 52);
    send_until_body(SMFIS_NOREPLY, "<a@other.example>"); /* a second message */
    assert_int_equal(filter.xxfi_eom(ctx), SMFIS_REJECT);
    assert_non_null(strstr(fake_milter_call(fake_milter_call_count() - 1), "setreply 550 5.7.1 |"));
    assert_int_equal(filter.xxfi_close(ctx), SMFIS_CONTINUE);
    assert_null(smfi_getpriv(ctx));
    assert_int_equal(filter.xxfi_close(ctx), SMFIS_CONTINUE);
}

static void test_answers_everywhere_when_not_granted(void **state)
{
    (void)state;
    assert_int_equal(negotiate_steps(0), 0);
    assert_int_equal(connect_from("mail.example.com", &client), SMFIS_CONTINUE);
    send_until_body(SMFIS_CONTINUE, "<a@example.com>");
    assert_int_equal(filter.xxfi_body(ctx, (unsigned char *)"x", 1), SMFIS_CONTINUE);
    assert_int_equal(filter.xxfi_eom(ctx), SMFIS_CONTINUE);
    filter.xxfi_close(ctx);
}

/* "Quit, new connection follows": close and connect without negotiation. */
static void test_new_connection_without_negotiation(void **state)
{
    (void)state;
    negotiate_steps(SMFI_CURR_PROT & ~SMFIP_NR_HELO);
    connect_from("mail.example.com", &client);
    filter.xxfi_close(ctx);
    assert_int_equal(context_connections(), 0);
    assert_int_equal(connect_from("mail.example.com", &client), SMFIS_NOREPLY);
    assert_int_equal(context_connections(), 1);
    assert_int_equal(filter.xxfi_helo(ctx, (char *)"x"), SMFIS_CONTINUE);
    filter.xxfi_close(ctx);
}

static void test_null_arguments_and_steps_out_of_order(void **state)
{
    (void)state;
    char *none[] = {NULL};
    filter.xxfi_abort(ctx);
    filter.xxfi_close(ctx);
    filter.xxfi_envfrom(ctx, none);
    assert_int_equal(filter.xxfi_eom(ctx), SMFIS_TEMPFAIL); /* no session at all */
    negotiate_steps(SMFI_CURR_PROT);
    negotiate_steps(SMFI_CURR_PROT); /* an MTA that negotiates twice */
    assert_int_equal(context_connections(), 1);
    connect_from(NULL, NULL);
    filter.xxfi_helo(ctx, NULL);
    filter.xxfi_envfrom(ctx, NULL);
    filter.xxfi_envfrom(ctx, none);
    filter.xxfi_envrcpt(ctx, NULL);
    filter.xxfi_envrcpt(ctx, none);
    filter.xxfi_header(ctx, NULL, NULL);
    filter.xxfi_eoh(ctx);
    filter.xxfi_body(ctx, NULL, 0);
    filter.xxfi_eom(ctx);
    filter.xxfi_abort(ctx);
    filter.xxfi_close(ctx);
}

static void test_maximum_connections(void **state)
{
    (void)state;
    assert_true(context_connection_opened());
    assert_true(context_connection_opened());
    assert_false(negotiate_steps(SMFI_CURR_PROT) & SMFIP_NR_CONN); /* it must be able to say no */
    assert_int_equal(connect_from("mail.example.com", &client), SMFIS_TEMPFAIL);
    assert_memory_equal(fake_milter_call(fake_milter_call_count() - 1),
                        "setreply 451 4.3.2 |Too many connections", 40);
    filter.xxfi_close(ctx);
    context_connection_closed();
    negotiate_steps(SMFI_CURR_PROT); /* one has gone: room again */
    assert_int_equal(connect_from("mail.example.com", &client), SMFIS_NOREPLY);
    filter.xxfi_close(ctx);
    context_connection_closed();
}

/* Silence was promised to the connection before: refused at the end of each message. */
static void test_maximum_connections_after_quit_nc(void **state)
{
    (void)state;
    negotiate_steps(SMFI_CURR_PROT);
    filter.xxfi_close(ctx);
    context_connection_opened();
    context_connection_opened();
    assert_int_equal(connect_from("mail.example.com", &client), SMFIS_NOREPLY);
    send_until_body(SMFIS_NOREPLY, "<a@example.com>");
    assert_int_equal(filter.xxfi_eom(ctx), SMFIS_TEMPFAIL);
    filter.xxfi_close(ctx);
    context_connection_closed();
    context_connection_closed();
}

/* One message after another on the connection; how many of them were recorded. */
static unsigned recorded_of(const char *from, int answer)
{
    recorded.count = 0;
    send_until_body(SMFIS_NOREPLY, from);
    assert_int_equal(filter.xxfi_eom(ctx), answer);
    return recorded.count;
}

/* What the MTA is told for good, after it has taken our changes, and nothing else. */
static void test_what_is_recorded(void **state)
{
    (void)state;
    negotiate_steps(SMFI_CURR_PROT);
    connect_from("mail.example.com", &client);
    assert_int_equal(recorded_of("<a@example.com>", SMFIS_CONTINUE), 0); /* reports are off */
    context_set_recorder((struct recorder *)&recorded);
    fake_milter_set_macro("i", "4Q1");
    assert_int_equal(recorded_of("<a@example.com>", SMFIS_CONTINUE), 1);
    assert_string_equal(recorded.queue_id, "4Q1");
    assert_int_equal(recorded.time, 1700000000);
    assert_int_equal(recorded.calls, fake_milter_call_count());
    assert_int_equal(recorded_of("<a@other.example>", SMFIS_REJECT), 1);
    filter.xxfi_abort(ctx);
    assert_int_equal(recorded.count, 1);
    fake_milter_fail("insheader");
    assert_int_equal(recorded_of("<a@example.com>", SMFIS_TEMPFAIL), 0);
    context_set(NULL); /* the process is about to end */
    assert_int_equal(recorded_of("<a@example.com>", SMFIS_TEMPFAIL), 0);
    filter.xxfi_close(ctx);
    context_set_recorder(NULL);
}

static void test_no_private_data(void **state)
{
    (void)state;
    unsigned long out[4];
    fake_milter_fail("setpriv");
    assert_int_equal(filter.xxfi_negotiate(ctx, SMFI_CURR_ACTS, SMFI_CURR_PROT, 0, 0, &out[0],
                                           &out[1], &out[2], &out[3]),
                     SMFIS_REJECT);
    fake_milter_reset();
}

static void test_authenticated(void **state)
{
    (void)state;
    negotiate_steps(SMFI_CURR_PROT);
    connect_from("mail.example.com", &client);
    fake_milter_set_macro("{auth_type}", "PLAIN");
    send_until_body(SMFIS_NOREPLY, "<a@other.example>");
    size_t before = fake_milter_call_count();
    assert_int_equal(filter.xxfi_eom(ctx), SMFIS_CONTINUE);
    assert_int_equal(fake_milter_call_count(), before); /* passed untouched */
    filter.xxfi_close(ctx);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct log_settings quiet = {.level = LOG_EMERG};
    log_open(&quiet);
    const struct CMUnitTest tests[] = {
        TEST(test_silent_everywhere_when_granted),
        TEST(test_answers_everywhere_when_not_granted),
        TEST(test_new_connection_without_negotiation),
        TEST(test_null_arguments_and_steps_out_of_order),
        TEST(test_maximum_connections),
        TEST(test_maximum_connections_after_quit_nc),
        TEST(test_what_is_recorded),
        TEST(test_no_private_data),
        TEST(test_authenticated),
    };
    return policy_global_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
