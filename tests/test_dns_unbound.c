/* test_dns_unbound.c - the whole resolver over real packets.
 *
 * Starts tests/integration/dns_server.py on a free port of loopback, with the zone
 * tests/integration/dns/resolver.zone and a few large records, and asks it through
 * resolver.h. Skipped (exit code 77) where Python's dnspython is not installed.
 */
#include "resolver.h"
#include "unit.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unbound.h>
#include <unistd.h>

enum { MILLISECOND = 1000, SECOND = 1000000, SKIP = 77 };

static struct {
    pid_t pid;
    int standard_input; /* it ends when this is closed */
    char directory[40], zone[60], log[60], anchor[60];
    unsigned port;
    char address[40]; /* 127.0.0.1@port */
} server;

/* ---------------------------------------------------------------- the server */

static const char *source_path(const char *path)
{
    static char full[400];
    const char *srcdir = getenv("srcdir");
    snprintf(full, sizeof(full), "%s/%s", srcdir ? srcdir : ".", path);
    return full;
}

static const char *python(void)
{
    const char *name = getenv("PYTHON");
    return name ? name : "/usr/bin/python3";
}

/* A TXT record of `strings` character-strings of 255 octets. */
static void write_txt(FILE *file, const char *name, int strings)
{
    char string[256];
    memset(string, 'x', 255);
    string[255] = '\0';
    fprintf(file, "%s 300 TXT", name);
    for (int i = 0; i < strings; i++)
        fprintf(file, " \"%s\"", string);
    fputc('\n', file);
}

static void write_large_zone(void)
{
    FILE *file = fopen(server.zone, "w");
    write_txt(file, "txt4k.test.", 17);
    write_txt(file, "txt64k.test.", 254);
    for (int i = 0; i < 400; i++)
        fprintf(file, "manya.test. 300 A 10.1.%d.%d\n", i / 250, i % 250);
    fclose(file);
}

static void run_server(const char *port, int input, int output)
{
    char program[400], zone[400];
    snprintf(program, sizeof(program), "%s", source_path("tests/integration/dns_server.py"));
    snprintf(zone, sizeof(zone), "%s", source_path("tests/integration/dns/resolver.zone"));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input, 0);
    dup2(output, 1);
    execl(python(), python(), program, "--tied", "--port", port, "--log", server.log, "--sign",
          "signed.test", "--anchor", server.anchor, zone, server.zone, (char *)NULL);
    _exit(127);
}

/* Starts the server on a port, 0: any; sets the members of `server`. 0, or -1. */
static int launch(unsigned port)
{
    int input[2], output[2];
    char text[12];
    snprintf(text, sizeof(text), "%u", port);
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
        return -1;
    server.pid = fork();
    if (server.pid == 0)
        run_server(text, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    server.standard_input = input[1];
    FILE *lines = fdopen(output[0], "r");
    int found = fscanf(lines, "PORT %u", &server.port);
    fclose(lines);
    snprintf(server.address, sizeof(server.address), "127.0.0.1@%u", server.port);
    return found == 1 ? 0 : -1;
}

static void halt(void)
{
    close(server.standard_input);
    waitpid(server.pid, NULL, 0);
}

static int start_server(void **state)
{
    (void)state;
    strcpy(server.directory, "/tmp/test_dns_unbound.XXXXXX");
    assert_non_null(mkdtemp(server.directory));
    snprintf(server.zone, sizeof(server.zone), "%s/zone", server.directory);
    snprintf(server.log, sizeof(server.log), "%s/log", server.directory);
    snprintf(server.anchor, sizeof(server.anchor), "%s/anchor", server.directory);
    write_large_zone();
    return launch(0);
}

static int stop_server(void **state)
{
    (void)state;
    halt();
    unlink(server.zone);
    unlink(server.log);
    unlink(server.anchor);
    return rmdir(server.directory);
}

/* How often the server has been asked "TYPE name", by "udp" or "tcp". */
static int asked(const char *transport, const char *question)
{
    char line[400], wanted[400];
    int count = 0;
    snprintf(wanted, sizeof(wanted), "%s %s\n", transport, question);
    FILE *file = fopen(server.log, "r");
    while (file && fgets(line, sizeof(line), file))
        count += strcmp(line, wanted) == 0;
    if (file)
        fclose(file);
    return count;
}

/* ---------------------------------------------------------------- asking */

static int64_t now_us(void *clock)
{
    struct timespec time;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec / 1000;
}

static struct resolver *resolver_of(const struct resolver_options *options)
{
    char error[300] = "";
    struct resolver *resolver = resolver_new(options, error, sizeof(error));
    if (!resolver)
        fail_msg("%s", error);
    return resolver;
}

/* One that asks the test server. */
static struct resolver *test_resolver(void)
{
    const char *const servers[] = {server.address};
    return resolver_of(&(struct resolver_options){
        .mode = RESOLVER_LIST, .nameservers = servers, .nameserver_count = 1});
}

struct message {
    struct arena *arena;
    struct dns_session *session;
};

static struct message message_new(struct resolver *resolver, int64_t timeout_us)
{
    const struct dns_session_limits limits = {100, timeout_us, now_us, NULL};
    struct message message = {arena_new(1 << 20), NULL};
    message.session = dns_session_new(message.arena, resolver_dns(resolver), &limits);
    return message;
}

static void message_free(struct message *message)
{
    dns_session_free(message->session);
    arena_free(message->arena);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "found DATA DATA", "no data", "no such name", "temporary error CAUSE", with " (secure)". The
 * records of an answer have no order; here they are sorted. */
static const char *show(const struct dns_answer *answer, enum dns_type type)
{
    enum { SHOWN = 8, WIDTH = 80 };
    static char text[1000];
    char records[SHOWN][WIDTH] = {{0}};
    size_t count = answer->count < SHOWN ? answer->count : SHOWN;
    for (size_t i = 0; i < count; i++) {
        struct bytes data = bytes_slice(answer->records[i].data, 0, 32);
        char *end = records[i];
        if (type == DNS_MX)
            end += sprintf(end, "%u:", answer->records[i].preference);
        for (size_t k = 0; k < data.len; k++)
            end += sprintf(end, type == DNS_A || type == DNS_AAAA ? "%02x" : "%c",
                           (unsigned char)data.data[k]);
    }
    qsort(records, count, WIDTH, by_text);
    int len = snprintf(text, sizeof(text), "%s%s%s", dns_status_name(answer->status),
                       *answer->cause ? " " : "", answer->cause);
    for (size_t i = 0; i < count; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, " %s", records[i]);
    snprintf(text + len, sizeof(text) - (size_t)len, "%s", answer->secure ? " (secure)" : "");
    return text;
}

/* A lookup by a message of its own. */
static const char *ask(struct resolver *resolver, struct bytes name, enum dns_type type,
                       int64_t timeout_us)
{
    struct message message = message_new(resolver, timeout_us);
    const char *text = show(dns_query(message.session, name, type), type);
    message_free(&message);
    return text;
}

struct question {
    struct bytes name;
    enum dns_type type;
    const char *answer;
};

static void check(struct resolver *resolver, const struct question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *answer =
            ask(resolver, questions[i].name, questions[i].type, 10 * (int64_t)SECOND);
        if (strcmp(answer, questions[i].answer) != 0)
            fail_msg("%.*s %s: \"%s\", expected \"%s\"", BYTES_ARGS(questions[i].name),
                     dns_type_name(questions[i].type), answer, questions[i].answer);
    }
}

#define CHECK(resolver, questions)                                                                 \
    check(resolver, questions, sizeof(questions) / sizeof(*(questions)))

/* ---------------------------------------------------------------- tests */

static void test_outcomes(void **state)
{
    static const struct question questions[] = {
        {BYTES("txt.test"), DNS_TXT, "found v=spf1 -all"},
        {BYTES("TXT.Test"), DNS_TXT, "found v=spf1 -all"},
        {BYTES("txt.test"), DNS_MX, "no data"},
        {BYTES("mx.test"), DNS_MX, "found 10:Mail.test 20:mail2.test"},
        {BYTES("nullmx.test"), DNS_MX, "found 0:"},
        {BYTES("addresses.test"), DNS_A, "found c0000201 c0000202"},
        {BYTES("addresses.test"), DNS_AAAA, "found 20010db8000000000000000000000001"},
        {BYTES("1.2.0.192.in-addr.arpa"), DNS_PTR, "found mail.test"},
        {BYTES("nothing.test"), DNS_TXT, "no such name"},
        {BYTES("empty.test"), DNS_TXT, "no data"}, /* empty non-terminal */
        {BYTES("any.wild.test"), DNS_TXT, "found wild"},
        {BYTES("no.name.example"), DNS_TXT, "no such name"},
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    CHECK(resolver, questions);
    resolver_unref(resolver);
}

/* Names that libunbound would answer by itself go to the name server. */
static void test_special_names(void **state)
{
    static const struct question questions[] = {
        {BYTES("1.0.0.127.in-addr.arpa"), DNS_PTR, "found localhost.test"},
        {BYTES("4.3.2.10.in-addr.arpa"), DNS_PTR, "found private.test"},
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    CHECK(resolver, questions);
    ask(resolver, BYTES("special.invalid"), DNS_TXT, SECOND);
    ask(resolver, BYTES("special.localhost"), DNS_TXT, SECOND);
    assert_int_equal(asked("udp", "TXT special.invalid"), 1);
    assert_int_equal(asked("udp", "TXT special.localhost"), 1);
    resolver_unref(resolver);
}

static void test_aliases(void **state)
{
    static const struct question questions[] = {
        {BYTES("cname1.test"), DNS_TXT, "found v=spf1 -all"},
        {BYTES("cname1.test"), DNS_A, "no data"},
        {BYTES("cname-nx.test"), DNS_TXT, "no such name"},
        {BYTES("cname-nodata.test"), DNS_TXT, "no data"},
        {BYTES("host.old.test"), DNS_TXT, "found renamed"}, /* DNAME */
        {BYTES("nothing.old.test"), DNS_TXT, "no such name"},
        {BYTES("loop1.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("self.test"), DNS_TXT, "temporary error SERVFAIL"},
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    CHECK(resolver, questions);
    resolver_unref(resolver);
}

/* Servers in trouble. libunbound reports each of them as SERVFAIL. */
static void test_failures(void **state)
{
    static const struct question questions[] = {
        {BYTES("servfail.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("refused.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("formerr.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("notimp.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("garbage.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("cut.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("wrongname.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("notcp.test"), DNS_TXT, "temporary error SERVFAIL"},
        {BYTES("wrongid.test"), DNS_TXT, "found right"}, /* the forged answer is ignored */
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    CHECK(resolver, questions);
    resolver_unref(resolver);
}

/* Rdata of a wrong length. What libunbound lets through, we refuse. */
static void test_malformed_rdata(void **state)
{
    static const struct question questions[] = {
        {BYTES("badtxt.test"), DNS_TXT, "temporary error malformed answer"},
        {BYTES("bada.test"), DNS_A, "temporary error malformed answer"},
        {BYTES("badaaaa.test"), DNS_AAAA, "temporary error malformed answer"},
        {BYTES("badmx.test"), DNS_MX, "temporary error malformed answer"},
        {BYTES("badptr.test"), DNS_PTR, "temporary error SERVFAIL"},
        {BYTES("dotted.test"), DNS_PTR, "temporary error malformed answer"},
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    CHECK(resolver, questions);
    resolver_unref(resolver);
}

static void test_odd_names(void **state)
{
    static const struct question questions[] = {
        {BYTES("a b.odd.test"), DNS_TXT, "found space"},
        {BYTES("A B.ODD.test"), DNS_TXT, "found space"},
        {BYTES("a;b.odd.test"), DNS_TXT, "found semicolon"},
        {BYTES("\0\xff.odd.test"), DNS_TXT, "found octets"},
        {BYTES("a\\b.odd.test"), DNS_TXT, "found backslash"},
        {BYTES("a@b.odd.test"), DNS_TXT, "found at"},
        {BYTES("\".odd.test"), DNS_TXT, "found quote"},
        {BYTES("\0\xfe.odd.test"), DNS_TXT, "no such name"},
        {BYTES("\\046.odd.test"), DNS_TXT, "no such name"}, /* no escape: four octets */
        {BYTES("$(x)'`.odd.test"), DNS_TXT, "no such name"},
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    CHECK(resolver, questions);
    resolver_unref(resolver);
}

static void test_large_answers(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
        size_t count, octets;
    } cases[] = {
        {"txt4k.test", DNS_TXT, 1, 17 * 255},
        {"txt64k.test", DNS_TXT, 1, 254 * 255},
        {"manya.test", DNS_A, 400, 4},
    };
    (void)state;
    struct resolver *resolver = test_resolver();
    for (size_t i = 0; i < 3; i++) {
        char question[60];
        struct message message = message_new(resolver, 10 * (int64_t)SECOND);
        const struct dns_answer *answer =
            dns_query(message.session, bytes_of(cases[i].name), cases[i].type);
        assert_int_equal(answer->status, DNS_FOUND);
        assert_int_equal(answer->count, cases[i].count);
        assert_int_equal(answer->records[0].data.len, cases[i].octets);
        snprintf(question, sizeof(question), "%s %s", dns_type_name(cases[i].type), cases[i].name);
        assert_true(asked("udp", question) > 0 && asked("tcp", question) > 0);
        message_free(&message);
    }
    assert_string_equal(ask(resolver, BYTES("truncated.test"), DNS_TXT, 10 * (int64_t)SECOND),
                        "found came by TCP");
    resolver_unref(resolver);
}

/* Who does not get an answer in time gets a temporary error, and the late one is kept. */
static void test_slow_answer(void **state)
{
    (void)state;
    struct resolver *resolver = test_resolver();
    int64_t begin = now_us(NULL);
    assert_string_equal(ask(resolver, BYTES("slow.test"), DNS_TXT, 50 * MILLISECOND),
                        "temporary error time-out");
    struct message message = message_new(resolver, SECOND);
    dns_session_set_deadline(message.session, begin + 100 * MILLISECOND);
    assert_string_equal(show(dns_query(message.session, BYTES("slow.test"), DNS_TXT), DNS_TXT),
                        "temporary error message deadline exceeded");
    message_free(&message);
    assert_in_range(now_us(NULL) - begin, 100 * MILLISECOND, 290 * MILLISECOND);
    assert_string_equal(ask(resolver, BYTES("slow.test"), DNS_TXT, 2 * SECOND), "found slow");
    assert_int_equal(asked("udp", "TXT slow.test"), 1);
    assert_int_equal(resolver_stats(resolver).queries, 1);
    assert_int_equal(resolver_stats(resolver).shared, 2);
    resolver_unref(resolver);
}

/* A server that has answered from its cache until now, and then takes its time for a name that it
 * has to look up: it is given that time. */
static void test_slow_after_quick(void **state)
{
    char name[40];
    (void)state;
    struct resolver *resolver = test_resolver();
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "quick%d.wild.test", i);
        assert_string_equal(ask(resolver, bytes_of(name), DNS_TXT, 5 * SECOND), "found wild");
    }
    assert_string_equal(ask(resolver, BYTES("slower.test"), DNS_TXT, 20 * (int64_t)SECOND),
                        "found slower");
    resolver_unref(resolver);
}

static void test_no_answer(void **state)
{
    (void)state;
    struct resolver *resolver = test_resolver();
    int64_t begin = now_us(NULL);
    assert_string_equal(ask(resolver, BYTES("drop.test"), DNS_TXT, 300 * MILLISECOND),
                        "temporary error time-out");
    assert_in_range(now_us(NULL) - begin, 300 * MILLISECOND, 2 * SECOND);
    begin = now_us(NULL); /* libunbound gives up before we are tired of waiting */
    assert_string_equal(ask(resolver, BYTES("x.dead.test"), DNS_TXT, 20 * (int64_t)SECOND),
                        "temporary error SERVFAIL");
    assert_in_range(now_us(NULL) - begin, SECOND, 12 * SECOND);
    resolver_unref(resolver);
}

static void test_cache(void **state)
{
    (void)state;
    struct resolver *resolver = test_resolver();
    int before = asked("udp", "TXT cname3.test");
    for (int i = 0; i < 3; i++) {
        ask(resolver, BYTES("cname3.test"), DNS_TXT, SECOND);
        ask(resolver, BYTES("absent.test"), DNS_TXT, SECOND);
        ask(resolver, BYTES("zero.test"), DNS_TXT, SECOND);
        ask(resolver, BYTES("absent.nosoa.example"), DNS_TXT, SECOND);
    }
    assert_int_equal(asked("udp", "TXT cname3.test"), before + 1);
    assert_int_equal(asked("udp", "TXT absent.test"), 1);
    /* Not kept by us: TTL 0, and "no such name" without a SOA (RFC 2308 5); libunbound
     * remembers both for a moment. */
    assert_int_equal(resolver_stats(resolver).queries, 1 + 1 + 3 + 3);
    ask(resolver, BYTES("short.test"), DNS_TXT, SECOND);
    ask(resolver, BYTES("short.test"), DNS_TXT, SECOND);
    assert_int_equal(asked("udp", "TXT short.test"), 1);
    usleep(2100 * MILLISECOND); /* libunbound counts whole seconds */
    ask(resolver, BYTES("short.test"), DNS_TXT, SECOND);
    assert_int_equal(asked("udp", "TXT short.test"), 2);
    assert_int_equal(resolver_stats(resolver).entries, 3); /* cname3, absent, short */
    resolver_unref(resolver);
}

static void test_dnssec(void **state)
{
    static const struct question signed_questions[] = {
        {BYTES("good.signed.test"), DNS_TXT, "found good (secure)"},
        {BYTES("alias.signed.test"), DNS_TXT, "found good (secure)"},
        {BYTES("good.signed.test"), DNS_A, "no data (secure)"},
        {BYTES("nothing.signed.test"), DNS_TXT, "no such name (secure)"},
        {BYTES("bogus.signed.test"), DNS_TXT, "temporary error DNSSEC validation failed"},
        {BYTES("unsigned.signed.test"), DNS_TXT, "temporary error DNSSEC validation failed"},
        {BYTES("txt.test"), DNS_TXT, "found v=spf1 -all"}, /* not under the anchor */
    };
    static const struct question unsigned_questions[] = {
        {BYTES("good.signed.test"), DNS_TXT, "found good"},
        {BYTES("bogus.signed.test"), DNS_TXT, "found bogus"},
        {BYTES("nothing.signed.test"), DNS_TXT, "no such name"},
    };
    const char *const servers[] = {server.address};
    (void)state;
    struct resolver *resolver =
        resolver_of(&(struct resolver_options){.mode = RESOLVER_LIST,
                                               .nameservers = servers,
                                               .nameserver_count = 1,
                                               .trust_anchor_file = server.anchor});
    CHECK(resolver, signed_questions);
    assert_non_null(strstr(resolver_description(resolver), "; DNSSEC with "));
    resolver_unref(resolver);
    resolver = test_resolver();
    CHECK(resolver, unsigned_questions);
    assert_non_null(strstr(resolver_description(resolver), "; no DNSSEC"));
    resolver_unref(resolver);
}

/* The local zone comes first; its CNAMEs may lead into the DNS. */
static void test_local_zone(void **state)
{
    static const struct question questions[] = {
        {BYTES("txt.test"), DNS_TXT, "found mine"},
        {BYTES("txt.test"), DNS_MX, "no data"},
        {BYTES("many.test"), DNS_MX, "no data"}, /* the DNS is asked */
        {BYTES("alias.local"), DNS_TXT, "found wild"},
        {BYTES("other.local"), DNS_TXT, "no such name"},
        {BYTES("cname1.test"), DNS_TXT, "found v=spf1 -all"}, /* aliases of the DNS stay there */
    };
    const char *const servers[] = {server.address};
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){
        .mode = RESOLVER_LIST,
        .nameservers = servers,
        .nameserver_count = 1,
        .local_zone_text = "txt.test TXT mine\nlocal SOA ns h 1 2 3 4 5\n"
                           "alias.local CNAME x.wild.test\n"});
    CHECK(resolver, questions);
    CHECK(resolver, questions);
    struct resolver_stats stats = resolver_stats(resolver);
    assert_int_equal(stats.local, 6);
    assert_int_equal(stats.hits, 3);
    assert_int_equal(stats.lookups, 12);
    resolver_unref(resolver);
}

/* A name server that is dead does not stop the one that lives. */
static void test_second_server(void **state)
{
    const char *const servers[] = {"127.0.0.1@9", server.address};
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){
        .mode = RESOLVER_LIST, .nameservers = servers, .nameserver_count = 2});
    for (int i = 0; i < 8; i++) {
        char name[40];
        snprintf(name, sizeof(name), "second%d.wild.test", i);
        assert_string_equal(ask(resolver, bytes_of(name), DNS_TXT, 5 * SECOND), "found wild");
    }
    resolver_unref(resolver);
}

/* A server that was down for 15 s, while mail kept coming, is used again at once when it is
 * back (with libunbound's default for infra-host-ttl it takes another 10 s and more). */
static void test_server_comes_back(void **state)
{
    char name[40];
    (void)state;
    struct resolver *resolver = test_resolver();
    halt();
    for (int i = 0; i < 15; i++) {
        struct message message = message_new(resolver, SECOND);
        for (int k = 0; k < 4; k++) {
            snprintf(name, sizeof(name), "away%d-%d.wild.test", i, k);
            dns_prefetch(message.session, bytes_of(name), DNS_TXT);
        }
        int64_t next = now_us(NULL) + SECOND;
        assert_int_equal(dns_query(message.session, bytes_of(name), DNS_TXT)->status,
                         DNS_TEMPORARY);
        message_free(&message);
        int64_t now = now_us(NULL);
        if (now < next)
            usleep((unsigned)(next - now));
    }
    assert_int_equal(launch(server.port), 0);
    int64_t begin = now_us(NULL);
    bool back = false;
    for (int i = 0; !back && now_us(NULL) - begin < 3 * SECOND; i++) {
        snprintf(name, sizeof(name), "back%d.wild.test", i);
        back = strcmp(ask(resolver, bytes_of(name), DNS_TXT, SECOND), "found wild") == 0;
    }
    assert_true(back);
    resolver_unref(resolver);
}

/* ---------------------------------------------------------------- many at once */

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory))
        count++;
    closedir(directory);
    return count;
}

enum { CROWD_THREADS = 20, CROWD_MESSAGES = 50, CROWD_NAMES = 8 };

struct crowd {
    struct resolver *resolver;
    int number;
    int64_t timeout_us;
    const char *below; /* the names' parent */
    enum dns_status expected;
    int wrong;
    const char *cause; /* of one that was wrong; static */
};

static void *crowd_run(void *data)
{
    struct crowd *crowd = data;
    for (int i = 0; i < CROWD_MESSAGES; i++) {
        struct message message = message_new(crowd->resolver, crowd->timeout_us);
        char name[60];
        for (int k = 0; k < CROWD_NAMES; k++) {
            snprintf(name, sizeof(name), "%d-%d.m%d.%s", k, i, crowd->number, crowd->below);
            dns_prefetch(message.session, bytes_of(name), DNS_TXT);
        }
        if (crowd->expected == DNS_FOUND) {
            for (int k = 0; k < CROWD_NAMES; k++) {
                snprintf(name, sizeof(name), "%d-%d.m%d.%s", k, i, crowd->number, crowd->below);
                const struct dns_answer *answer =
                    dns_query(message.session, bytes_of(name), DNS_TXT);
                if (answer->status != DNS_FOUND)
                    crowd->cause = answer->cause;
                crowd->wrong += answer->status != DNS_FOUND;
            }
        } else {
            const struct dns_answer *answer = dns_query(message.session, bytes_of(name), DNS_TXT);
            crowd->wrong += answer->status != crowd->expected;
        }
        message_free(&message);
    }
    return NULL;
}

static void run_crowd(struct resolver *resolver, int64_t timeout_us, const char *below,
                      enum dns_status expected)
{
    pthread_t threads[CROWD_THREADS];
    struct crowd crowds[CROWD_THREADS];
    int wrong = 0;
    for (int i = 0; i < CROWD_THREADS; i++) {
        crowds[i] = (struct crowd){resolver_ref(resolver), i, timeout_us, below, expected, 0, ""};
        pthread_create(&threads[i], NULL, crowd_run, &crowds[i]);
    }
    for (int i = 0; i < CROWD_THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (crowds[i].wrong)
            print_error("%d answers were wrong, such as: %s\n", crowds[i].wrong, crowds[i].cause);
        wrong += crowds[i].wrong;
        resolver_unref(resolver);
    }
    assert_int_equal(wrong, 0);
}

/* 1,000 messages with 8,000 names under a server that never answers: each gets its
 * temporary error in time, and nothing is left behind. */
static void test_dead_server_leaves_nothing(void **state)
{
    size_t descriptors = count_entries("/proc/self/fd");
    size_t threads = count_entries("/proc/self/task");
    (void)state;
    struct resolver *resolver = test_resolver();
    int64_t begin = now_us(NULL);
    run_crowd(resolver, 50 * MILLISECOND, "dead.test", DNS_TEMPORARY);
    assert_in_range(now_us(NULL) - begin, 0, 30 * SECOND);
    assert_in_range(resolver_stats(resolver).under_way, 1, 4096 + 1024);
    assert_in_range(count_entries("/proc/self/fd"), 0, descriptors + 1100);
    assert_in_range(count_entries("/proc/self/task"), 0, threads + 2);
    resolver_unref(resolver); /* with thousands of queries under way */
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    assert_int_equal(count_entries("/proc/self/task"), threads);
}

static void test_many_messages(void **state)
{
    (void)state;
    struct resolver *resolver = test_resolver();
    run_crowd(resolver, 60 * (int64_t)SECOND, "wild.test", DNS_FOUND);
    struct resolver_stats stats = resolver_stats(resolver);
    assert_int_equal(stats.queries, CROWD_THREADS * CROWD_MESSAGES * CROWD_NAMES);
    assert_int_equal(stats.entries, stats.queries);
    resolver_unref(resolver);
}

/* Every message asks the same 8 names: 8 questions. */
static void *same_names(void *data)
{
    struct message message = message_new(data, 5 * SECOND);
    char name[40];
    intptr_t wrong = 0;
    for (int i = 0; i < CROWD_NAMES; i++) {
        snprintf(name, sizeof(name), "same%d.wild.test", i);
        const struct dns_answer *answer = dns_query(message.session, bytes_of(name), DNS_TXT);
        wrong += answer->status != DNS_FOUND;
    }
    message_free(&message);
    return (void *)wrong;
}

static void test_shared_questions(void **state)
{
    pthread_t threads[CROWD_THREADS];
    (void)state;
    struct resolver *resolver = test_resolver();
    for (int i = 0; i < CROWD_THREADS; i++)
        pthread_create(&threads[i], NULL, same_names, resolver);
    for (int i = 0; i < CROWD_THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(asked("udp", "TXT same0.wild.test"), 1);
    assert_int_equal(asked("udp", "TXT same7.wild.test"), 1);
    struct resolver_stats stats = resolver_stats(resolver);
    assert_int_equal(stats.queries, CROWD_NAMES);
    assert_int_equal(stats.hits + stats.shared, (CROWD_THREADS - 1) * CROWD_NAMES);
    resolver_unref(resolver);
}

/* ---------------------------------------------------------------- fair shares */

enum { GREEDY_MESSAGES = 60, GREEDY_NAMES = 100, HONEST_NAMES = 12 };

static void greedy_name(char name[60], int message, int number, bool zones)
{
    snprintf(name, 60, zones ? "%d.z%d.greedy" : "%d-%d.one.greedy", number, message);
}

/* 4,500 names that nobody answers for, of one zone or of 60, are under way; then comes one more
 * message, with names that are answered. How long it takes, microseconds. */
static int64_t beside_greedy(bool zones)
{
    static struct message greedy[GREEDY_MESSAGES];
    char name[60];
    struct resolver *resolver = test_resolver();
    for (int i = 0; i < GREEDY_MESSAGES; i++) {
        greedy[i] = message_new(resolver, 5 * SECOND);
        for (int k = 0; k < GREEDY_NAMES; k++) { /* of which three quarters are prefetched */
            greedy_name(name, i, k, zones);
            dns_prefetch(greedy[i].session, bytes_of(name), DNS_TXT);
        }
    }
    int64_t begin = now_us(NULL), end = 0;
    struct message honest = message_new(resolver, 5 * SECOND);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < HONEST_NAMES; i++) {
            snprintf(name, sizeof(name), "honest%d-%d.wild.test", zones, i);
            if (round == 0)
                dns_prefetch(honest.session, bytes_of(name), DNS_TXT);
            else if (dns_query(honest.session, bytes_of(name), DNS_TXT)->status != DNS_FOUND)
                end = INT64_MAX;
        }
    }
    end = end ? end : now_us(NULL);
    message_free(&honest);
    for (int i = 0; i < GREEDY_MESSAGES; i++)
        message_free(&greedy[i]);
    resolver_unref(resolver);
    return end == INT64_MAX ? end : end - begin;
}

/* Twice at most: once in some hundred times two share a counter. */
static void check_greedy(bool zones)
{
    int64_t took = beside_greedy(zones);
    if (took > 3 * SECOND)
        took = beside_greedy(zones);
    assert_in_range(took, 0, 3 * SECOND);
}

static void test_greedy_messages(void **state)
{
    (void)state;
    check_greedy(true);
}

static void test_silent_zone(void **state)
{
    (void)state;
    check_greedy(false);
}

/* More wait than may: those of who has the most fail, and at once. */
static void test_too_many(void **state)
{
    char name[60];
    (void)state;
    struct resolver *resolver = test_resolver();
    const struct dns_session_limits limits = {10000, 5 * SECOND, now_us, NULL};
    struct message message = {arena_new(1 << 24), NULL};
    message.session = dns_session_new(message.arena, resolver_dns(resolver), &limits);
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof(name), "%d.many.greedy", i);
        dns_prefetch(message.session, bytes_of(name), DNS_TXT);
    }
    int64_t begin = now_us(NULL);
    size_t failed = 0;
    while (failed + resolver_stats(resolver).under_way != 6000 || failed < 500) {
        assert_in_range(now_us(NULL) - begin, 0, 3 * SECOND);
        usleep(10 * MILLISECOND);
        failed = 0;
        for (int i = 0; i < 6000; i++) {
            snprintf(name, sizeof(name), "%d.many.greedy", i);
            const struct dns_answer *answer = dns_peek(message.session, bytes_of(name), DNS_TXT);
            if (answer)
                assert_string_equal(answer->cause, "too many DNS queries under way");
            failed += answer != NULL;
        }
    }
    assert_in_range(resolver_stats(resolver).under_way, 3000, 4096 + 1024);
    assert_string_equal(ask(resolver, BYTES("toomany.wild.test"), DNS_TXT, SECOND), "found wild");
    message_free(&message);
    /* Those that waited and that nobody wants any more are not asked. */
    usleep(100 * MILLISECOND);
    assert_int_equal(asked("udp", "TXT 5990.many.greedy"), 0);
    resolver_unref(resolver);
}

/* A name waits behind a greedy message's others; a second message that wants it need not. */
static void test_wanted_by_another(void **state)
{
    char name[60];
    (void)state;
    struct resolver *resolver = test_resolver();
    const struct dns_session_limits limits = {10000, 5 * SECOND, now_us, NULL};
    struct message greedy = {arena_new(1 << 24), NULL};
    greedy.session = dns_session_new(greedy.arena, resolver_dns(resolver), &limits);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "%d.z%d.greedy", i, i);
        dns_prefetch(greedy.session, bytes_of(name), DNS_TXT);
    }
    dns_prefetch(greedy.session, BYTES("victim.wild.test"), DNS_TXT);
    usleep(200 * MILLISECOND);
    assert_null(dns_peek(greedy.session, BYTES("victim.wild.test"), DNS_TXT));
    assert_string_equal(ask(resolver, BYTES("victim.wild.test"), DNS_TXT, SECOND), "found wild");
    message_free(&greedy);
    resolver_unref(resolver);
}

/* ---------------------------------------------------------------- libunbound fails */

static atomic_int process_fails, create_fails, told;

/* In front of the library's own: fails as often as it is told to. */
int ub_process(struct ub_ctx *context)
{
    static int (*real)(struct ub_ctx *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "ub_process");
    return atomic_load(&process_fails) && atomic_fetch_sub(&process_fails, 1) ? UB_PIPE
                                                                              : real(context);
}

struct ub_ctx *ub_ctx_create(void)
{
    static struct ub_ctx *(*real)(void);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "ub_ctx_create");
    return atomic_load(&create_fails) && atomic_fetch_sub(&create_fails, 1) ? NULL : real();
}

static void note(const char *line)
{
    assert_non_null(strstr(line, "resolver: "));
    atomic_fetch_add(&told, 1);
}

static void test_failing_libunbound(void **state)
{
    static const char broken[] = "temporary error resolver failure", works[] = "found wild";
    const char *const servers[] = {server.address};
    (void)state;
    struct resolver *resolver = resolver_of(&(struct resolver_options){
        .mode = RESOLVER_LIST, .nameservers = servers, .nameserver_count = 1, .log = note});
    assert_string_equal(ask(resolver, BYTES("fails.wild.test"), DNS_TXT, SECOND), works);
    size_t threads = count_entries("/proc/self/task");
    atomic_store(&process_fails, 1);
    struct message other = message_new(resolver, 10 * SECOND); /* under way meanwhile */
    dns_prefetch(other.session, BYTES("drop.test"), DNS_A);
    assert_string_equal(ask(resolver, BYTES("fails0.wild.test"), DNS_TXT, SECOND), broken);
    assert_string_equal(show(dns_query(other.session, BYTES("drop.test"), DNS_A), DNS_A), broken);
    assert_int_equal(told, 1);
    /* The next one to ask finds a new context; the name that failed is not remembered. */
    assert_string_equal(ask(resolver, BYTES("fails0.wild.test"), DNS_TXT, SECOND), works);
    assert_string_equal(ask(resolver, BYTES("fails1.wild.test"), DNS_TXT, SECOND), works);
    /* Again, and too soon after the first: nothing works until the time has come. */
    atomic_store(&process_fails, 1);
    assert_string_equal(ask(resolver, BYTES("fails2.wild.test"), DNS_TXT, SECOND), broken);
    int64_t begin = now_us(NULL);
    assert_string_equal(ask(resolver, BYTES("fails3.wild.test"), DNS_TXT, SECOND), broken);
    atomic_store(&create_fails, 1); /* and the first attempt then fails */
    char name[40];
    bool back = false;
    for (int i = 4; !back && now_us(NULL) - begin < 15 * (int64_t)SECOND; i++) {
        snprintf(name, sizeof(name), "fails%d.wild.test", i);
        back = strcmp(ask(resolver, bytes_of(name), DNS_TXT, SECOND), works) == 0;
        usleep(50 * MILLISECOND);
    }
    assert_true(back);
    assert_in_range(now_us(NULL) - begin, 3 * SECOND, 10 * (int64_t)SECOND);
    assert_int_equal(told, 1); /* within a minute */
    message_free(&other);
    for (int i = 0; count_entries("/proc/self/task") > threads && i < 100; i++)
        usleep(20 * MILLISECOND); /* contexts that are buried */
    assert_int_equal(count_entries("/proc/self/task"), threads);
    resolver_unref(resolver);
}

/* ---------------------------------------------------------------- mistakes */

static void test_bad_options(void **state)
{
    const char *const wrong[] = {"name.server.test"}, *const right[] = {"127.0.0.1"};
    char garbage[80];
    (void)state;
    snprintf(garbage, sizeof(garbage), "%s/garbage", server.directory);
    FILE *file = fopen(garbage, "w");
    fputs("this is no key\n", file);
    fclose(file);
    const struct {
        struct resolver_options options;
        const char *error;
    } cases[] = {
        {{.mode = RESOLVER_LIST}, "the list of name servers is empty"},
        {{.mode = RESOLVER_LIST, .nameservers = wrong, .nameserver_count = 1},
         "name server \"name.server.test\": not an IP address or address@port"},
        {{.mode = RESOLVER_SYSTEM, .resolv_conf = "/nonexistent/resolv.conf"},
         "/nonexistent/resolv.conf: "},
        {{.mode = RESOLVER_LIST,
          .nameservers = right,
          .nameserver_count = 1,
          .trust_anchor_file = "/nonexistent/anchor"},
         "trust anchor file /nonexistent/anchor: "},
        {{.mode = RESOLVER_LIST,
          .nameservers = right,
          .nameserver_count = 1,
          .trust_anchor_file = garbage},
         "Syntax error"},
        {{.mode = RESOLVER_LOCAL, .local_zone_text = "bad\n"}, "local zone:1: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char error[300] = "";
        assert_null(resolver_new(&cases[i].options, error, sizeof(error)));
        if (!strstr(error, cases[i].error))
            fail_msg("case %zu: \"%s\", expected \"%s\"", i, error, cases[i].error);
    }
    unlink(garbage);
}

static bool have_dnspython(void)
{
    char command[200];
    snprintf(command, sizeof(command), "%s -c 'import dns.dnssec, cryptography' 2>/dev/null",
             python());
    return system(command) == 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_special_names),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_malformed_rdata),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_large_answers),
        cmocka_unit_test(test_slow_answer),
        cmocka_unit_test(test_slow_after_quick),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_dnssec),
        cmocka_unit_test(test_local_zone),
        cmocka_unit_test(test_second_server),
        cmocka_unit_test(test_server_comes_back),
        cmocka_unit_test(test_dead_server_leaves_nothing),
        cmocka_unit_test(test_many_messages),
        cmocka_unit_test(test_shared_questions),
        cmocka_unit_test(test_greedy_messages),
        cmocka_unit_test(test_silent_zone),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_wanted_by_another),
        cmocka_unit_test(test_failing_libunbound),
        cmocka_unit_test(test_bad_options),
    };
    if (!have_dnspython()) {
        fprintf(stderr, "skipped: %s has no dnspython\n", python());
        return SKIP;
    }
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
