/* test_failure_mail.c - the mail that tells of a failure, read by Python's mail library and by our
 * own reader of reports. */
#include "failure_mail.h"
#include "feedback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700003600, TEXT_MAX = 1 << 20 };

struct scene {
    struct arena *arena;
    struct store_failure failure;
    struct failure_mail mail;
    const char *text; /* what Python said */
};

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->arena = arena_new(1 << 24);
    scene->failure = (struct store_failure){
        .kind = FAILURE_DMARC,
        .incidents = 7,
        .first = 1700000000,
        .last = 1700001000,
        .event = {.kinds = FAILURE_DMARC,
                  .queue_id = BYTES("4BTq1"),
                  .authserv_id = BYTES("mx.example.org"),
                  .policy_domain = BYTES("example.com"),
                  .mail_from = BYTES("0123456789abcdef@example.net"),
                  .header_from = BYTES("www.example.com"),
                  .dmarc = AUTH_FAIL,
                  .dkim_failed = true,
                  .spf_failed = true,
                  .aligned = {BYTES("example.com"), BYTES("s1"), BYTES("@example.com"), AUTH_FAIL,
                              FAILURE_DKIM_BODYHASH},
                  .failed = {BYTES("list.example"), BYTES("s2"), BYTES("@list.example"), AUTH_FAIL,
                             FAILURE_DKIM_REVOKED},
                  .spf_domain = BYTES("example.net"),
                  .spf = AUTH_FAIL,
                  .spf_record = BYTES("v=spf1 exp=\"x\\y\" -all"),
                  .delivery = FAILURE_POLICY,
                  .redacted = true,
                  .header = BYTES("From: 0123456789abcdef@example.com\r\n"
                                  "Received: from x\r\n by y\r\n")},
    };
    assert_true(ip_parse(BYTES("2001:db8::1"), &scene->failure.event.source));
    scene->mail = (struct failure_mail){
        .sender = BYTES("dmarc@mx.example.org"),
        .org = BYTES("Example Org"),
        .receiver = BYTES("mx.example.org"),
        .recipient = BYTES("f@example.com"),
        .id = BYTES("f42x1700003600"),
        .failure = &scene->failure,
        .date = NOW,
    };
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

static struct bytes compose(struct scene *scene)
{
    struct bytes mail = failure_mail_compose(scene->arena, &scene->mail);
    assert_true(mail.len > 0);
    for (size_t i = 0; i < mail.len; i++) { /* CRLF, and nothing else of the kind */
        if (mail.data[i] == '\n')
            assert_true(i > 0 && mail.data[i - 1] == '\r');
        if (mail.data[i] == '\r')
            assert_true(i + 1 < mail.len && mail.data[i + 1] == '\n');
    }
    return mail;
}

/* ---- as Python sees it ---- */

static void read_back(struct scene *scene)
{
    const char *srcdir = getenv("srcdir");
    char path[] = "/tmp/assay-failure-XXXXXX", command[1024];
    struct bytes mail = compose(scene);
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    assert_non_null(file);
    assert_int_equal(fwrite(mail.data, 1, mail.len, file), mail.len);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command),
             "/usr/bin/python3 '%s/tests/data/read_failure_mail.py' <%s 2>&1",
             srcdir ? srcdir : ".", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char *text = arena_alloc(scene->arena, TEXT_MAX);
    size_t len = fread(text, 1, TEXT_MAX - 1, pipe);
    text[len] = '\0';
    int status = pclose(pipe);
    remove(path);
    if (status != 0)
        fail_msg("%s", text);
    scene->text = arena_printf(scene->arena, "\n%s", text);
}

static void assert_line(const struct scene *scene, const char *line)
{
    if (!strstr(scene->text, arena_printf(scene->arena, "\n%s\n", line)))
        fail_msg("no \"%s\" in:%s", line, scene->text);
}

static void assert_no_field(const struct scene *scene, const char *name)
{
    if (strstr(scene->text, arena_printf(scene->arena, "\n%s:", name)))
        fail_msg("%s in:%s", name, scene->text);
}

static void test_dmarc(void **state)
{
    struct scene *scene = *state;
    read_back(scene);
    assert_line(scene, "mail From: Example Org <dmarc@mx.example.org>");
    assert_line(scene, "mail To: f@example.com");
    assert_line(scene, "mail Auto-Submitted: auto-generated");
    assert_line(scene, "mail Message-ID: <f42x1700003600@mx.example.org>");
    assert_line(scene, "mail Subject: DMARC failure report: www.example.com from 2001:db8::1");
    assert_line(scene, "Feedback-Type: auth-failure");
    assert_line(scene, "Version: 1");
    assert_line(scene, "Auth-Failure: dmarc");
    assert_line(scene,
                "Authentication-Results: mx.example.org; dmarc=fail header.from=www.example.com");
    assert_line(scene, "Identity-Alignment: dkim, spf");
    assert_line(scene, "Delivery-Result: policy");
    assert_line(scene, "DKIM-Domain: example.com");
    assert_line(scene, "DKIM-Identity: @example.com");
    assert_line(scene, "DKIM-Selector: s1");
    assert_line(scene, "SPF-DNS: txt : example.net : \"v=spf1 exp=\\\"x\\\\y\\\" -all\"");
    assert_line(scene, "Original-Envelope-Id: 4BTq1");
    assert_line(scene, "Original-Mail-From: <0123456789abcdef@example.net>");
    assert_line(scene, "Source-IP: 2001:db8::1");
    assert_line(scene, "Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000");
    assert_line(scene, "Reported-Domain: www.example.com");
    assert_line(scene, "Incidents: 7");
    assert_line(scene, "header From: 0123456789abcdef@example.com");
    assert_line(scene, "header Received: from x by y");
    assert_no_field(scene, "DKIM-Canonicalized-Header");
    assert_no_field(scene, "DKIM-Canonicalized-Body");
}

/* RFC 9991 4: the methods that failed, and "none" when none did. */
static void test_identity_alignment(void **state)
{
    static const struct {
        bool dkim_failed, spf_failed;
        const char *line;
    } cases[] = {{true, true, "Identity-Alignment: dkim, spf"},
                 {true, false, "Identity-Alignment: dkim"},
                 {false, true, "Identity-Alignment: spf"},
                 {false, false, "Identity-Alignment: none"}};
    struct scene *scene = *state;
    for (size_t i = 0; i < 4; i++) {
        scene->failure.event.dkim_failed = cases[i].dkim_failed;
        scene->failure.event.spf_failed = cases[i].spf_failed;
        read_back(scene);
        assert_line(scene, cases[i].line);
        if (!cases[i].dkim_failed)
            assert_no_field(scene, "DKIM-Domain");
        if (!cases[i].spf_failed)
            assert_no_field(scene, "SPF-DNS");
    }
}

/* fo=d, fo=s: reports of RFC 6591 about one method. */
static void test_other_kinds(void **state)
{
    struct scene *scene = *state;
    scene->failure.kind = FAILURE_DKIM;
    read_back(scene);
    assert_line(scene, "Auth-Failure: revoked");
    assert_line(scene, "Authentication-Results: mx.example.org; dkim=fail header.d=list.example "
                       "header.s=s2");
    assert_line(scene, "DKIM-Domain: list.example");
    assert_no_field(scene, "SPF-DNS");

    scene->failure.kind = FAILURE_SPF;
    read_back(scene);
    assert_line(scene, "Auth-Failure: spf");
    assert_line(scene, "Authentication-Results: mx.example.org; spf=fail "
                       "smtp.mailfrom=example.net");
    assert_no_field(scene, "DKIM-Domain");

    scene->failure.event.mail_from = BYTES_EMPTY;
    read_back(scene);
    assert_line(scene, "Authentication-Results: mx.example.org; spf=fail smtp.helo=example.net");
    assert_line(scene, "Original-Mail-From: <>");
}

static void test_what_is_not_known(void **state)
{
    struct scene *scene = *state;
    scene->failure.event.source.family = IP_NONE;
    scene->failure.event.aligned = (struct failure_signature){.result = AUTH_NONE};
    scene->failure.event.spf_record = BYTES_EMPTY;
    scene->failure.event.queue_id = BYTES_EMPTY;
    scene->failure.event.header = BYTES_EMPTY;
    read_back(scene);
    assert_no_field(scene, "Source-IP");
    assert_no_field(scene, "DKIM-Domain");
    assert_no_field(scene, "SPF-DNS");
    assert_no_field(scene, "Original-Envelope-Id");
    assert_line(scene, "Identity-Alignment: dkim, spf");
}

static void test_canonical_header(void **state)
{
    struct scene *scene = *state;
    scene->failure.event.canonical_header = BYTES("from:Alice <alice@example.com>\r\n");
    read_back(scene);
    assert_no_field(scene, "DKIM-Canonicalized-Header"); /* redacted */
    scene->failure.event.redacted = false;
    read_back(scene);
    assert_line(scene, "DKIM-Canonicalized-Header: "
                       "ZnJvbTpBbGljZSA8YWxpY2VAZXhhbXBsZS5jb20+DQo=");
}

/* Octets beyond ASCII and lines that are too long survive in an encoding. */
static void test_header_in_an_encoding(void **state)
{
    struct scene *scene = *state;
    struct strbuf header;
    strbuf_init(&header, scene->arena);
    strbuf_puts(&header, "X-Long: ");
    for (int i = 0; i < 2000; i++)
        strbuf_putc(&header, 'x');
    strbuf_puts(&header, "\r\nX-Utf8: caf\xc3\xa9\r\n");
    scene->failure.event.header = strbuf_view(&header);
    read_back(scene);
    assert_non_null(strstr(scene->text, "\nheader X-Long: xxxx"));
    assert_non_null(strstr(scene->text, "\nheader X-Utf8: caf"));
}

/* Whatever an event holds, no value begins a field or a part of its own. */
static void test_hostile_event(void **state)
{
    struct scene *scene = *state;
    struct bytes evil = BYTES("x\r\nInjected: y\r\n\r\n--=_assay_f42x1700003600--\r\n\0\xff");
    struct failure_event *event = &scene->failure.event;
    event->queue_id = event->authserv_id = event->mail_from = event->header_from = evil;
    event->policy_domain = event->spf_domain = event->spf_record = evil;
    event->aligned.domain = event->aligned.selector = event->aligned.identity = evil;
    scene->mail.org = scene->mail.contact = scene->mail.recipient = evil;
    event->header = BYTES_EMPTY;
    read_back(scene);
    assert_no_field(scene, "Injected");
    assert_no_field(scene, "mail Injected");
    assert_line(scene, "Incidents: 7");
}

static void test_no_sender(void **state)
{
    struct scene *scene = *state;
    scene->mail.sender = BYTES("nobody");
    assert_int_equal(failure_mail_compose(scene->arena, &scene->mail).len, 0);
}

static void test_out_of_memory(void **state)
{
    struct scene *scene = *state;
    size_t failed = 0;
    for (size_t limit = 0; limit < 1 << 16; limit += 512) {
        struct arena *arena = arena_new(limit);
        struct bytes mail = failure_mail_compose(arena, &scene->mail);
        assert_true(arena_failed(arena) == (mail.len == 0));
        failed += mail.len == 0;
        arena_free(arena);
    }
    assert_true(failed > 0 && failed < (1 << 16) / 512);
}

/* ---- as `assay report read` sees it ---- */

static void check_finding(void *context, const struct feedback_finding *finding)
{
    size_t *found = context;
    if (!finding->failure)
        fail_msg("%s", finding->why);
    const struct arf *failure = finding->failure;
    ++*found;
    assert_true(bytes_equal(failure->feedback_type, BYTES("auth-failure")));
    assert_true(bytes_equal(failure->auth_failure, BYTES("dmarc")));
    assert_true(bytes_equal(failure->identity_alignment, BYTES("dkim, spf")));
    assert_true(bytes_equal(failure->dkim_domain, BYTES("example.com")));
    assert_true(bytes_equal(failure->source_ip, BYTES("2001:db8::1")));
    assert_int_equal(failure->incidents, 7);
    assert_int_equal(failure->arrival_date, 1700000000);
    assert_true(bytes_equal(failure->from, BYTES("0123456789abcdef@example.com")));
}

static void test_our_own_reader(void **state)
{
    struct scene *scene = *state;
    size_t found = 0;
    feedback_find(BYTES("mail.eml"), compose(scene), check_finding, &found);
    assert_int_equal(found, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dmarc),
        TEST(test_identity_alignment),
        TEST(test_other_kinds),
        TEST(test_what_is_not_known),
        TEST(test_canonical_header),
        TEST(test_header_in_an_encoding),
        TEST(test_hostile_event),
        TEST(test_no_sender),
        TEST(test_out_of_memory),
        TEST(test_our_own_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
