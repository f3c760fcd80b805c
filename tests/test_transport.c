/* test_transport.c - the answers of a mail server, or of its sendmail command, and what they mean.
 */
#include "unit.h"

#include "fake_smtp.h"
#include "transport.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 10000, SHORT_MS = 300, TEXT_OCTETS = 8192, LARGE = 3 << 20 };

static const struct bytes sender = BYTES("dmarc@mx.example");
static const struct bytes recipient = BYTES("rua@example.com");
static const struct bytes message = BYTES("Subject: a\r\n\r\n.dot\r\n..two\r\nend\r\n");

static char answer[TRANSPORT_ERROR_MAX];

static struct transport *new_transport(const char *where, int timeout_ms)
{
    struct transport *transport = transport_new(where, timeout_ms, answer);
    if (!transport)
        fail_msg("%s: %s", where, answer);
    return transport;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- where to ---- */

static void test_where(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "sendmail",
                                      "sendmail:",
                                      "sendmail:sendmail",
                                      "sendmail:/nonexistent/sendmail",
                                      "/usr/sbin/sendmail",
                                      "http://localhost",
                                      "smtp:localhost",
                                      "smtp://",
                                      "smtp:///",
                                      "smtp://user:password@localhost",
                                      "smtp://localhost/ehlo name",
                                      "smtp://localhost?x",
                                      "smtp://localhost\r\nDATA",
                                      "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        *answer = '\0';
        if (transport_new(bad[i], TIMEOUT_MS, answer))
            fail_msg("%s is accepted", bad[i]);
        assert_true(*answer != '\0');
    }
    static const char *const good[] = {"sendmail:/bin/true", "SMTP://localhost",
                                       "smtp://mx-1.example.com:25/", "smtps://[::1]:465"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        transport_free(new_transport(good[i], TIMEOUT_MS));
    transport_free(NULL);
}

/* What is no address gets nowhere near a command. */
static void test_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "a",       "a@b\r\nRCPT TO:<c@d>", "a b@c.d",      "a@c.d, e@f.g",
        "<a@b.c>", "-oQ/tmp", "\xc3\xbc@a.b",         "a@[127.0.0.1]"};
    struct transport *transport = new_transport("sendmail:/bin/true", TIMEOUT_MS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(transport_send(transport, sender, bytes_of(bad[i]), message, answer),
                         TRANSPORT_REFUSED);
    assert_int_equal(transport_send(transport, BYTES("dmarc"), recipient, message, answer),
                     TRANSPORT_BROKEN);
    assert_string_equal(answer, "sender: no mail address: dmarc");
    transport_free(transport);
}

/* ---- sendmail ---- */

static char directory[] = "/tmp/assay-transport-XXXXXX";

static const char *path(const char *name)
{
    static char text[256];
    snprintf(text, sizeof(text), "%s/%s", directory, name);
    return text;
}

/* A sendmail command of these lines; "$D" is the directory of the test. */
static struct transport *command(const char *lines, int timeout_ms)
{
    char where[300];
    FILE *file = fopen(path("sendmail"), "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\nD=%s\n%s\n", directory, lines);
    fclose(file);
    chmod(path("sendmail"), 0700);
    snprintf(where, sizeof(where), "sendmail:%s", path("sendmail"));
    return new_transport(where, timeout_ms);
}

static void check_file(const char *name, const char *expected)
{
    char text[TEXT_OCTETS] = "";
    FILE *file = fopen(path(name), "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

#define LISTS_ARGUMENTS "for a in \"$@\"; do echo \"[$a]\"; done > $D/arguments\n"

static void test_sendmail(void **state)
{
    (void)state;
    struct transport *transport = command(LISTS_ARGUMENTS "cat > $D/mail", TIMEOUT_MS);
    assert_int_equal(transport_send(transport, sender, recipient, message, answer), TRANSPORT_SENT);
    assert_string_equal(answer, "accepted");
    check_file("arguments", "[-i]\n[-f]\n[dmarc@mx.example]\n[--]\n[rua@example.com]\n");
    check_file("mail", "Subject: a\n\n.dot\n..two\nend\n"); /* LF; dots are as they were */
    assert_int_equal(transport_send(transport, BYTES_EMPTY, BYTES("\"$(id) `id`;|&\"@example.com"),
                                    BYTES("a\rb\r\r\n"), answer),
                     TRANSPORT_SENT);
    check_file("arguments", "[-i]\n[-f]\n[<>]\n[--]\n[\"$(id) `id`;|&\"@example.com]\n");
    check_file("mail", "a\rb\r\n");
    transport_free(transport);
}

static void test_sendmail_large(void **state)
{
    (void)state;
    struct transport *transport = command("wc -c > $D/size", TIMEOUT_MS);
    char *text = malloc(LARGE), size[32];
    for (size_t i = 0; i < LARGE; i += 2)
        memcpy(text + i, i % 64 ? "xx" : "\r\n", 2);
    assert_int_equal(
        transport_send(transport, sender, recipient, (struct bytes){text, LARGE}, answer),
        TRANSPORT_SENT);
    snprintf(size, sizeof(size), "%d\n", LARGE - LARGE / 64);
    check_file("size", size);
    free(text);
    transport_free(transport);
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        enum transport_status status;
        const char *answer;
    } cases[] = {
        {"exit 0", TRANSPORT_SENT, "accepted"},
        {"echo queued; exit 0", TRANSPORT_SENT, "queued"},
        {"exit 64", TRANSPORT_BROKEN, "exit code 64"},
        {"exit 65", TRANSPORT_REFUSED, "exit code 65"},
        {"echo 'no such user' >&2; exit 67", TRANSPORT_REFUSED, "exit code 67: no such user"},
        {"exit 68", TRANSPORT_REFUSED, "exit code 68"},
        {"exit 69", TRANSPORT_REFUSED, "exit code 69"},
        {"exit 70", TRANSPORT_TEMPORARY, "exit code 70"},
        {"exit 75", TRANSPORT_TEMPORARY, "exit code 75"},
        {"exit 77", TRANSPORT_BROKEN, "exit code 77"},
        {"exit 78", TRANSPORT_BROKEN, "exit code 78"},
        {"exit 127", TRANSPORT_BROKEN, "exit code 127"},
        {"exit 1", TRANSPORT_TEMPORARY, "exit code 1"},
        {"kill -TERM $$", TRANSPORT_TEMPORARY, "ended by signal 15"},
        {"printf 'a\\nb\\tc\\033[31m' >&2; exit 75", TRANSPORT_TEMPORARY,
         "exit code 75: a b c?[31m"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct transport *transport = command(cases[i].lines, TIMEOUT_MS);
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         cases[i].status);
        assert_string_equal(answer, cases[i].answer);
        transport_free(transport);
    }
}

/* The command may go away while we write: its exit code counts, no signal gets us. */
static void test_reads_nothing(void **state)
{
    (void)state;
    struct transport *transport = command("exec <&-; exit 65", TIMEOUT_MS);
    char *text = calloc(1, LARGE);
    assert_int_equal(
        transport_send(transport, sender, recipient, (struct bytes){text, LARGE}, answer),
        TRANSPORT_REFUSED);
    sigset_t pending;
    sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    free(text);
    transport_free(transport);
}

static void test_says_much(void **state)
{
    (void)state;
    struct transport *transport =
        command("i=0; while [ $i -lt 5000 ]; do echo \"line $i of many lines\" >&2; "
                "i=$((i+1)); done; cat > /dev/null; exit 67",
                TIMEOUT_MS);
    assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                     TRANSPORT_REFUSED);
    assert_int_equal(strncmp(answer, "exit code 67: line 0 of many lines line 1", 41), 0);
    assert_int_equal(strlen(answer), TRANSPORT_ERROR_MAX - 1);
    transport_free(transport);
}

static void test_sendmail_timeout(void **state)
{
    (void)state;
    /* the shell's child would outlive a shell that is killed alone */
    struct transport *transport = command("sleep 60; touch $D/woke", SHORT_MS);
    double begin = seconds();
    assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                     TRANSPORT_TEMPORARY);
    assert_string_equal(answer, "killed: it had not ended after 300 ms");
    assert_true(seconds() - begin < 5);
    transport_free(transport);
}

/* A delivery in the background that keeps the descriptors is not waited for. */
static void test_left_behind(void **state)
{
    (void)state;
    struct transport *transport = command("cat > /dev/null; sleep 5 & exit 0", TIMEOUT_MS);
    double begin = seconds();
    assert_int_equal(transport_send(transport, sender, recipient, message, answer), TRANSPORT_SENT);
    assert_true(seconds() - begin < 3);
    transport_free(transport);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct transport *transport = command("ls /proc/self/fd > $D/open", TIMEOUT_MS);
    /* without FD_CLOEXEC, as libraries do; a number that neither the shell nor ls comes to */
    int leaking = fcntl(STDIN_FILENO, F_DUPFD, 77);
    assert_true(leaking >= 0);
    assert_int_equal(transport_send(transport, sender, recipient, message, answer), TRANSPORT_SENT);
    char text[100] = "";
    FILE *file = fopen(path("open"), "r");
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(strncmp(text, "0\n1\n2\n", 6), 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_int_not_equal(atoi(line), leaking);
    close(leaking);
    transport_free(transport);
}

static void test_command_gone(void **state)
{
    (void)state;
    struct transport *transport = command("exit 0", TIMEOUT_MS);
    unlink(path("sendmail"));
    assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                     TRANSPORT_BROKEN);
    assert_non_null(strstr(answer, "No such file or directory"));
    transport_free(transport);
}

/* ---- SMTP ---- */

static const struct fake_smtp_script usual = {0};

static void check_transcript(struct fake_smtp *server, const char *expected)
{
    char *text = fake_smtp_transcript(server);
    char *ehlo;
    while ((ehlo = strstr(text, "EHLO ")) != NULL) /* the name of this host */
        memmove(ehlo + 2, strchr(ehlo, '\r'), strlen(strchr(ehlo, '\r')) + 1);
    assert_string_equal(text, expected);
    free(text);
}

#define MAIL_COMMANDS                                                                              \
    "MAIL FROM:<dmarc@mx.example> SIZE=32\r\nRCPT TO:<rua@example.com>\r\nDATA\r\n"
#define MESSAGE "Subject: a\r\n\r\n..dot\r\n...two\r\nend\r\n.\r\n"

static void test_smtp(void **state)
{
    (void)state;
    struct fake_smtp *server = fake_smtp_new(&usual);
    struct transport *transport = new_transport(fake_smtp_url(server), TIMEOUT_MS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         TRANSPORT_SENT);
        assert_string_equal(answer, "250 2.0.0 Ok: queued as 4711");
    }
    /* one connection for both; dots are doubled */
    check_transcript(server, "[connect]\nEH\r\n" MAIL_COMMANDS MESSAGE MAIL_COMMANDS MESSAGE);
    transport_free(transport);
    fake_smtp_free(server);
}

static void test_smtp_first_dot(void **state)
{
    (void)state;
    struct fake_smtp *server = fake_smtp_new(&usual);
    struct transport *transport = new_transport(fake_smtp_url(server), TIMEOUT_MS);
    assert_int_equal(transport_send(transport, BYTES_EMPTY, recipient, BYTES(".\r\n"), answer),
                     TRANSPORT_SENT);
    check_transcript(server, "[connect]\nEH\r\nMAIL FROM:<> SIZE=3\r\n"
                             "RCPT TO:<rua@example.com>\r\nDATA\r\n..\r\n.\r\n");
    transport_free(transport);
    fake_smtp_free(server);
}

static void test_smtp_replies(void **state)
{
    (void)state;
    static const struct {
        struct fake_smtp_script script;
        enum transport_status status;
        const char *answer; /* NULL: libcurl's words */
    } cases[] = {
        {{.rcpt = "550 5.1.1 no such user"}, TRANSPORT_REFUSED, "550 5.1.1 no such user"},
        {{.rcpt = "550-5.7.1 go\r\n550 5.7.1 away\x1b"},
         TRANSPORT_REFUSED,
         "550 5.7.1 go 5.7.1 away?"},
        {{.rcpt = "451 4.7.1 greylisted"}, TRANSPORT_TEMPORARY, "451 4.7.1 greylisted"},
        {{.data = "554 5.5.1 no valid recipients"},
         TRANSPORT_REFUSED,
         "554 5.5.1 no valid recipients"},
        {{.message = "554 5.6.0 not that"}, TRANSPORT_REFUSED, "554 5.6.0 not that"},
        {{.message = "452 4.3.1 disk full"}, TRANSPORT_TEMPORARY, "452 4.3.1 disk full"},
        {{.mail = "552 5.3.4 too large"}, TRANSPORT_REFUSED, "552 5.3.4 too large"},
        {{.mail = "550 5.7.1 not you"}, TRANSPORT_BROKEN, "550 5.7.1 not you"},
        {{.mail = "450 4.1.8 later"}, TRANSPORT_TEMPORARY, "450 4.1.8 later"},
        {{.greeting = "554 no SMTP here"}, TRANSPORT_BROKEN, "554 no SMTP here"},
        {{.greeting = "421 too busy"}, TRANSPORT_TEMPORARY, "421 too busy"},
        {{.ehlo = "502 only HELO"}, TRANSPORT_SENT, "250 2.0.0 Ok: queued as 4711"},
        {{.greeting = "close"}, TRANSPORT_TEMPORARY, NULL},
        {{.rcpt = "close"}, TRANSPORT_TEMPORARY, NULL},
        {{.message = "close"}, TRANSPORT_TEMPORARY, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fake_smtp *server = fake_smtp_new(&cases[i].script);
        struct transport *transport = new_transport(fake_smtp_url(server), TIMEOUT_MS);
        enum transport_status status =
            transport_send(transport, sender, recipient, message, answer);
        if (status != cases[i].status || (cases[i].answer && strcmp(answer, cases[i].answer) != 0))
            fail_msg("case %zu: %d: %s", i, (int)status, answer);
        assert_true(*answer != '\0');
        /* the next mail is not harmed */
        fake_smtp_set(server, &usual);
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         TRANSPORT_SENT);
        transport_free(transport);
        fake_smtp_free(server);
    }
}

/* A kept connection that the server has closed meanwhile costs nothing but a new one. */
static void test_smtp_closed_between(void **state)
{
    (void)state;
    struct fake_smtp_script closing = {.close_after_mail = true};
    struct fake_smtp *server = fake_smtp_new(&closing);
    struct transport *transport = new_transport(fake_smtp_url(server), TIMEOUT_MS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         TRANSPORT_SENT);
    check_transcript(server, "[connect]\nEH\r\n" MAIL_COMMANDS MESSAGE
                             "[connect]\nEH\r\n" MAIL_COMMANDS MESSAGE
                             "[connect]\nEH\r\n" MAIL_COMMANDS MESSAGE);
    transport_free(transport);
    fake_smtp_free(server);
}

/* STARTTLS that does not work is left alone, for good. */
static void test_smtp_starttls(void **state)
{
    (void)state;
    static const struct fake_smtp_script scripts[] = {
        {.ehlo = "250-fake.example\r\n250 STARTTLS"}, /* "502" */
        {.ehlo = "250-fake.example\r\n250 STARTTLS", .starttls = "220 and then no TLS"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct fake_smtp *server = fake_smtp_new(&scripts[i]);
        struct transport *transport = new_transport(fake_smtp_url(server), TIMEOUT_MS);
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         TRANSPORT_SENT);
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         TRANSPORT_SENT);
        char *text = fake_smtp_transcript(server);
        char *first = strstr(text, "STARTTLS\r\n");
        assert_non_null(first);
        assert_null(strstr(first + 1, "STARTTLS\r\n"));
        free(text);
        transport_free(transport);
        fake_smtp_free(server);
    }
}

static void test_smtp_timeout(void **state)
{
    (void)state;
    static const struct fake_smtp_script silent[] = {
        {.greeting = ""}, {.rcpt = ""}, {.message = ""}, {.greeting = "HTTP/1.0 400 Bad Request"}};
    for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
        struct fake_smtp *server = fake_smtp_new(&silent[i]);
        struct transport *transport = new_transport(fake_smtp_url(server), SHORT_MS);
        double begin = seconds();
        assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                         TRANSPORT_TEMPORARY);
        assert_true(seconds() - begin < 5);
        assert_non_null(strcasestr(answer, "time"));
        transport_free(transport);
        fake_smtp_free(server);
    }
}

static void test_smtp_nobody(void **state)
{
    (void)state;
    char where[64];
    struct fake_smtp *server = fake_smtp_new(&usual);
    snprintf(where, sizeof(where), "%s", fake_smtp_url(server));
    fake_smtp_free(server);
    struct transport *transport = new_transport(where, TIMEOUT_MS);
    assert_int_equal(transport_send(transport, sender, recipient, message, answer),
                     TRANSPORT_TEMPORARY);
    assert_non_null(strstr(answer, "connect"));
    transport_free(transport);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    static const char *const names[] = {"sendmail", "arguments", "mail", "size", "open", "woke"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unlink(path(names[i]));
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_sendmail),
        cmocka_unit_test(test_sendmail_large),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_reads_nothing),
        cmocka_unit_test(test_says_much),
        cmocka_unit_test(test_sendmail_timeout),
        cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_command_gone),
        cmocka_unit_test(test_smtp),
        cmocka_unit_test(test_smtp_first_dot),
        cmocka_unit_test(test_smtp_replies),
        cmocka_unit_test(test_smtp_closed_between),
        cmocka_unit_test(test_smtp_starttls),
        cmocka_unit_test(test_smtp_timeout),
        cmocka_unit_test(test_smtp_nobody),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
