/* test_out_of_memory.c - every allocation on a message's path fails once, by itself and
 * with all that follow it.
 *
 * This program has a malloc() of its own in front of the C library's (and of the sanitizer's),
 * which libcrypto and libspf2 use as well. It makes the Nth allocation fail, for
 * N = 1, 2, ... until a message gets by without a failure. Each run must end in what the
 * undisturbed run says, in "out of memory", or in a temporary error: never in a
 * crash, never in a pass that was none, never in a refusal for good.
 *
 * Not reached: what libraries allocate once per process, for which there is a message first.
 */
#include "config.h"
#include "evaluate.h"
#include "key_files.h"
#include "message_file.h"
#include "resolver.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the allocator ---- */

#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#define EARLY      __attribute__((no_sanitize("address", "undefined"))) /* called before it is ready */
#else
#define EARLY
#define REAL(name) __libc_##name
#endif

#ifdef __SANITIZE_ADDRESS__
/* libspf2 gives up by calling its error handler, which spf_engine.c leaves by longjmp(): what the
 * library held at that moment is lost, once for each such failure. The loader's is
 * not of a message. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libspf2\nleak:_dl_map_object_deps\n";
}
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *memory, size_t size);

static _Thread_local struct {
    bool armed;
    bool persistent;  /* once failed, all fail */
    unsigned long at; /* which allocation fails, from 1 */
    unsigned long count;
} failure;

EARLY static bool fails(void)
{
    if (!failure.armed)
        return false;
    failure.count++;
    return failure.persistent ? failure.count >= failure.at : failure.count == failure.at;
}

EARLY void *malloc(size_t size)
{
    return fails() ? NULL : REAL(malloc)(size);
}

EARLY void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : REAL(calloc)(count, size);
}

EARLY void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : REAL(realloc)(memory, size);
}

/* ---- the messages ---- */

enum {
    ALLOCATIONS_MAX = 20000,
    EVERY_ONE = 100, /* OpenSSL takes 7,000 to decode a key file; behind these, */
    STRIDE = 397,    /* only some, unless ASSAY_EVERY_ALLOCATION is set */
    SITES_SHOWN = 10,
};

static const char zone[] =
    "example.com TXT \"v=spf1 include:_spf.example.net a:mail.example.com mx -all\"\n"
    "_spf.example.net TXT \"v=spf1 exists:%{ir}.%{l}.list.example.net ip4:198.51.100.0/24 ?all\"\n"
    "mail.example.com A 192.0.2.1\n"
    "example.com MX 10 mail.example.com\n"
    "_dmarc.example.com TXT \"v=DMARC1; p=reject; aspf=s; fo=1; ruf=mailto:f@example.com\"\n"
    "_dmarc.strict.example TXT \"v=DMARC1; p=reject; ruf=mailto:f@strict.example\"\n"
    "strict.example TXT \"v=spf1 -all\"\n";

static const char unsigned_mail[] = "Authentication-Results: mx.example.org; dmarc=pass\n"
                                    "Authentication-Results: other.example; dmarc=pass\n"
                                    "From: \"Alice, Inc.\" <alice@example.com>\n"
                                    "Subject: SPF alone\n\nHello\n";
static const char forged_mail[] = "Authentication-Results: mx.example.org; dmarc=pass\n"
                                  "From: ceo@strict.example\nSubject: forged\n\nHello\n";
static const char outgoing_mail[] =
    "Authentication-Results: mx.example.org; dmarc=pass\n"
    "From: alice@example.com\nTo: bob@example.org\nSubject: ours\n"
    "Date: Mon, 13 Nov 2023 10:00:00 +0000\nMessage-ID: <1@example.com>\n\nHello\n";

struct world {
    struct config *config;
    struct resolver *resolver;
    struct key_files *files;
    struct key_store *keys;
    struct policy_env env;
    char *zone; /* with the keys' records */
};

struct sample {
    const char *title;
    const char *client;
    bool authenticated;
    const char *mail_from;
    const char *message;
};

/* What is compared; copied, because the evaluation goes. */
struct ending {
    bool none; /* evaluation_new() gave NULL: the daemon answers 451 */
    bool out_of_memory;
    enum action action;
    enum auth_result spf, dkim[2], dmarc;
    size_t dkim_count, removals, additions, made;
    char why[200];
};

static int64_t clock_us(void *clock)
{
    (void)clock;
    return 1000000;
}

static int64_t clock_epoch(void *clock)
{
    (void)clock;
    return 1700000000;
}

static void open_resolver(struct world *world)
{
    char error[300] = "";
    world->resolver = resolver_new(
        &(struct resolver_options){.mode = RESOLVER_LOCAL, .local_zone_text = world->zone}, error,
        sizeof(error));
    if (!world->resolver)
        fail_msg("%s", error);
    world->env.resolver = resolver_dns(world->resolver);
}

static void open_keys(struct world *world)
{
    char error[KEY_STORE_ERROR] = "";
    struct key_store_options options = key_files_options(world->files);
    options.key_directory = key_files_path(world->files, "keys");
    world->keys = key_store_new(&options, NULL, error);
    if (!world->keys)
        fail_msg("%s", error);
    world->env.keys = key_store_source(world->keys);
}

static void open_world(struct world *world)
{
    struct config_errors errors = {0};
    const struct config_override overrides[] = {{"AuthservID", "mx.example.org"},
                                                {"ReportStore", "/nonexistent/reports.db"},
                                                {"FailureReports", "yes"}};
    world->config = config_load_with(NULL, overrides, 3, &errors);
    assert_non_null(world->config);
    world->files = key_files_new();
    key_files_key(world->files, "keys/example.com/s1.pem", 2048, 1000000);
    key_files_key(world->files, "keys/example.com/s2.pem", 0, 1000000);
    assert_true(asprintf(&world->zone,
                         "%ss1._domainkey.example.com TXT \"%.200s\" \"%s\"\n"
                         "s2._domainkey.example.com TXT \"%s\"\n",
                         zone, key_files_record(world->files, "keys/example.com/s1.pem"),
                         key_files_record(world->files, "keys/example.com/s1.pem") + 200,
                         key_files_record(world->files, "keys/example.com/s2.pem")) > 0);
    world->env = (struct policy_env){.monotonic_us = clock_us, .epoch = clock_epoch};
    open_resolver(world);
    open_keys(world);
}

/* Nothing decoded is left over from the run before: keys are read and parsed again. */
static void forget(struct world *world)
{
    key_store_unref(world->keys);
    resolver_unref(world->resolver);
    spf_global_cleanup();
    open_resolver(world);
    open_keys(world);
}

static void close_world(struct world *world)
{
    key_store_unref(world->keys);
    resolver_unref(world->resolver);
    config_unref(world->config);
    key_files_free(world->files);
    free(world->zone);
}

/* ---- one run ---- */

static struct connection connection_of(const struct sample *sample)
{
    struct connection connection = {.client_name = BYTES("mail.example.com"),
                                    .helo = BYTES("mail.example.com"),
                                    .authenticated = sample->authenticated};
    assert_true(ip_parse(bytes_of(sample->client), &connection.client));
    return connection;
}

static size_t signatures_made(const struct outcome *outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < outcome->signing.count; i++)
        count += outcome->signing.made[i].value != NULL;
    return count;
}

static struct ending ending_of(const struct outcome *outcome)
{
    struct ending ending = {
        .out_of_memory = outcome->out_of_memory,
        .action = outcome->verdict.action,
        .removals = outcome->removal_count,
        .additions = outcome->addition_count,
    };
    snprintf(ending.why, sizeof(ending.why), "%s", outcome->verdict.reason);
    if (outcome->out_of_memory)
        return ending;
    ending.spf = outcome->spf.result;
    ending.dmarc = outcome->dmarc.result;
    ending.made = signatures_made(outcome);
    ending.dkim_count = outcome->dkim.count;
    for (size_t i = 0; i < outcome->dkim.count && i < 2; i++)
        ending.dkim[i] = outcome->dkim.signatures[i].result;
    if (outcome->signing.count && ending.made < outcome->signing.count)
        snprintf(ending.why, sizeof(ending.why), "not signed: %s",
                 outcome->signing.made[outcome->signing.made[0].value != NULL].reason);
    else if (outcome->originating && !outcome->signing.count)
        snprintf(ending.why, sizeof(ending.why), "not signed: %s", outcome->signing.why_not);
    else if (outcome->dkim.count)
        snprintf(ending.why, sizeof(ending.why), "dkim: %s", outcome->dkim.signatures[0].reason);
    return ending;
}

/* `at` 0: nothing fails. *count: allocations that were asked for. */
static struct ending run(struct world *world, const struct sample *sample, unsigned long at,
                         bool persistent, unsigned long *count)
{
    struct connection connection = connection_of(sample);
    struct ending ending = {.none = true};
    failure.at = at ? at : ALLOCATIONS_MAX;
    failure.persistent = persistent;
    failure.count = 0;
    failure.armed = true;
    struct evaluation *evaluation = evaluation_new(&world->env, &world->config->policy, &connection,
                                                   bytes_of(sample->mail_from));
    if (evaluation) {
        message_file_feed(evaluation, bytes_of(sample->message));
        const struct outcome *outcome = evaluation_finish(evaluation, "QID");
        failure.armed = false;
        ending = ending_of(outcome);
    }
    failure.armed = false;
    evaluation_free(evaluation);
    *count = failure.count;
    return ending;
}

/* ---- what is allowed ---- */

static bool same_or_temporary(enum auth_result found, enum auth_result right)
{
    return found == right || found == AUTH_TEMPERROR;
}

/* NULL: defined. Else what is wrong with it. */
static const char *object_to(const struct ending *ending, const struct ending *right)
{
    if (ending->none)
        return NULL;
    if (ending->out_of_memory)
        return ending->action == ACTION_TEMPFAIL && !ending->additions && !ending->removals
                   ? NULL
                   : "out of memory, but not a temporary failure without changes";
    if (ending->action == ACTION_REJECT && right->action != ACTION_REJECT)
        return "rejected for good";
    /* A foreign one goes as well when it cannot be looked at. */
    if (ending->removals < right->removals)
        return "forged results stay";
    if (!same_or_temporary(ending->spf, right->spf))
        return "another SPF result";
    if (ending->dkim_count != right->dkim_count)
        return "a signature is missing from the results";
    for (size_t i = 0; i < right->dkim_count && i < 2; i++) {
        if (!same_or_temporary(ending->dkim[i], right->dkim[i]))
            return "another DKIM result";
    }
    if (!same_or_temporary(ending->dmarc, right->dmarc))
        return "another DMARC result";
    if (ending->made != right->made)
        return "goes out without its signatures";
    return NULL;
}

static volatile unsigned long current;

/* A crash says where. */
static void on_crash(int number)
{
    static const char text[] = "crashed; allocation that failed: ";
    char digits[24];
    size_t at = sizeof(digits);
    digits[--at] = '\n';
    for (unsigned long n = current; n || at == sizeof(digits) - 1; n /= 10)
        digits[--at] = (char)('0' + n % 10);
    if (write(2, text, sizeof(text) - 1) < 0 || write(2, digits + at, sizeof(digits) - at) < 0)
        _exit(98);
    signal(number, SIG_DFL);
    raise(number);
}

struct tally {
    unsigned long sites, tempfailed, right, wrong;
};

static void count_run(struct tally *tally, const struct sample *sample, unsigned long at,
                      bool persistent, const struct ending *ending, const struct ending *right)
{
    const char *objection = object_to(ending, right);
    if (!objection) {
        tally->tempfailed += ending->none || ending->out_of_memory;
        tally->right += !ending->none && !ending->out_of_memory;
        return;
    }
    if (tally->wrong++ < SITES_SHOWN)
        print_message("%s: allocation %lu%s: %s (%s)\n", sample->title, at,
                      persistent ? " and all after it" : "", objection, ending->why);
}

static void exhaust(struct world *world, const struct sample *sample, bool cold)
{
    struct tally tally = {0};
    unsigned long count, stride = getenv("ASSAY_EVERY_ALLOCATION") ? 1 : STRIDE;
    forget(world);
    run(world, sample, 0, false, &count); /* libraries' one-time allocations */
    for (int persistent = 0; persistent <= 1; persistent++) {
        for (unsigned long at = 1;; at += !cold || at < EVERY_ONE ? 1 : stride) {
            if (cold)
                forget(world);
            struct ending right = cold ? (struct ending){0} : run(world, sample, 0, false, &count);
            current = at;
            struct ending ending = run(world, sample, at, persistent, &count);
            bool last = count < at;
            /* The message after it: nothing that went wrong stays behind. */
            unsigned long ignored;
            struct ending next = run(world, sample, 0, false, &ignored);
            if (cold)
                right = next;
            assert_false(next.none || next.out_of_memory);
            if (last)
                break;
            assert_true(at < ALLOCATIONS_MAX);
            tally.sites++;
            count_run(&tally, sample, at, persistent, &ending, &right);
        }
    }
    print_message("%-32s %-5s %5lu runs: %5lu temporary failures, %5lu right, %lu wrong\n",
                  sample->title, cold ? "cold" : "warm", tally.sites, tally.tempfailed, tally.right,
                  tally.wrong);
    assert_true(tally.sites > 5);
    assert_int_equal(tally.wrong, 0);
}

static void exhaust_both(struct world *world, const struct sample *sample)
{
    exhaust(world, sample, true);
    exhaust(world, sample, false);
}

/* ---- tests ---- */

static struct world world;

static void test_unsigned(void **state)
{
    unsigned long count;
    const struct sample sample = {.title = "unsigned, SPF passes",
                                  .client = "192.0.2.1",
                                  .mail_from = "alice@example.com",
                                  .message = unsigned_mail};
    (void)state;
    struct ending right = run(&world, &sample, 0, false, &count);
    assert_int_equal(right.spf, AUTH_PASS);
    assert_int_equal(right.dmarc, AUTH_PASS);
    assert_int_equal(right.removals, 1);
    exhaust_both(&world, &sample);
}

static void test_forged(void **state)
{
    unsigned long count;
    const struct sample sample = {.title = "forged, rejected",
                                  .client = "192.0.2.1",
                                  .mail_from = "ceo@strict.example",
                                  .message = forged_mail};
    (void)state;
    assert_int_equal(run(&world, &sample, 0, false, &count).action, ACTION_REJECT);
    exhaust_both(&world, &sample);
}

static const struct sample outgoing = {.title = "originating, signed",
                                       .client = "192.0.2.1",
                                       .authenticated = true,
                                       .mail_from = "alice@example.com",
                                       .message = outgoing_mail};

static void test_originating(void **state)
{
    unsigned long count;
    (void)state;
    struct ending right = run(&world, &outgoing, 0, false, &count);
    if (right.made != 2)
        fail_msg("%s", right.why);
    exhaust_both(&world, &outgoing);
}

/* outgoing_mail as it leaves, with both signatures. */
static char *signed_message(void)
{
    struct connection connection = connection_of(&outgoing);
    char *text = NULL;
    struct evaluation *evaluation = evaluation_new(&world.env, &world.config->policy, &connection,
                                                   bytes_of(outgoing.mail_from));
    message_file_feed(evaluation, bytes_of(outgoing.message));
    const struct outcome *outcome = evaluation_finish(evaluation, "QID");
    assert_int_equal(outcome->addition_count, 2);
    assert_true(asprintf(&text, "DKIM-Signature: %s\nDKIM-Signature: %s\n%s",
                         outcome->additions[0].value, outcome->additions[1].value,
                         outcome->removal_count ? strchr(outgoing_mail, '\n') + 1 : outgoing_mail) >
                0);
    evaluation_free(evaluation);
    return text;
}

static void test_signed(void **state)
{
    unsigned long count;
    char *message = signed_message();
    const struct sample sample = {.title = "signed twice, from elsewhere",
                                  .client = "203.0.113.9",
                                  .mail_from = "bounce@list.example",
                                  .message = message};
    (void)state;
    struct ending right = run(&world, &sample, 0, false, &count);
    assert_int_equal(right.dkim_count, 2);
    assert_int_equal(right.dkim[0], AUTH_PASS);
    assert_int_equal(right.dkim[1], AUTH_PASS);
    assert_int_equal(right.dmarc, AUTH_PASS);
    exhaust_both(&world, &sample);
    free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_originating),
        cmocka_unit_test(test_signed),
    };
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    if (!policy_global_init())
        return 99;
    open_world(&world);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close_world(&world);
    policy_global_cleanup();
    return failed;
}
