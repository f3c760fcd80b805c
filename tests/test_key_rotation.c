/* test_key_rotation.c - what an answer says about a key, and which key signs. */
#include "key_rotation.h"

#include "key_files.h"
#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct key_files *files;
static struct fake_dns *dns;
static struct policy_env env;
static int64_t clock_us; /* of env, where a test wants to turn it */

static int64_t turned_clock(void *clock)
{
    (void)clock;
    return clock_us;
}

static int set_up(void **state)
{
    (void)state;
    files = key_files_new();
    dns = fake_dns_new();
    env = fake_env(dns, 1790000000);
    clock_us = 1000000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_dns_free(dns);
    key_files_free(files);
    return 0;
}

static struct key_store *open_store(struct key_store *previous)
{
    struct key_store_options options = key_files_options(files);
    char error[KEY_STORE_ERROR];
    options.key_directory = key_files_path(files, "keys");
    struct key_store *store = key_store_new(&options, previous, error);
    assert_string_equal(error, "");
    return store;
}

/* ---- which key signs ---- */

static void test_choice(void **state)
{
#define U KEY_UNKNOWN
#define P KEY_PUBLISHED
#define A KEY_ABSENT
#define M KEY_MISMATCH
    static const struct {
        const char *what;
        size_t count, chosen;
        struct key_choice keys[4];
    } rows[] = {
        {"a single key signs, whatever is known", 1, 0, {{A, 1}}},
        {"nothing known yet: the old one", 2, 0, {{U, 1}, {U, 2}}},
        {"nothing known yet, in another order", 2, 1, {{U, 2}, {U, 1}}},
        {"the new one is not there: the old one", 2, 0, {{P, 1}, {A, 2}}},
        {"the new one is another", 2, 0, {{P, 1}, {M, 2}}},
        {"the new one has not been looked up", 2, 0, {{P, 1}, {U, 2}}},
        {"both published: the new one", 2, 1, {{P, 1}, {P, 2}}},
        {"both published, in another order", 2, 0, {{P, 2}, {P, 1}}},
        {"the old one was withdrawn", 2, 1, {{A, 1}, {P, 2}}},
        {"the old one is withdrawn, nothing known of the new one", 2, 1, {{A, 1}, {U, 2}}},
        {"none is published: the old one", 2, 0, {{A, 1}, {M, 2}}},
        {"none is published, in another order", 2, 1, {{M, 2}, {A, 1}}},
        {"published at the same time: the first", 3, 1, {{A, 5}, {P, 5}, {P, 5}}},
        {"unknown of the same time: the first", 2, 0, {{U, 5}, {U, 5}}},
        {"the newest published of four", 4, 2, {{P, 1}, {P, 2}, {P, 3}, {A, 4}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t chosen = key_rotation_choose(rows[i].keys, rows[i].count);
        if (chosen != rows[i].chosen)
            fail_msg("%s: %zu, wanted %zu", rows[i].what, chosen, rows[i].chosen);
    }
}

/* ---- what an answer means ---- */

static void check_answer(const struct signing_key *key, enum dns_status status,
                         const char *const *texts, size_t count, enum key_state wanted,
                         const char *wanted_reason)
{
    struct dns_record records[3] = {0};
    const char *reason = NULL;
    for (size_t i = 0; i < count; i++)
        records[i].data = bytes_of(texts[i]);
    const struct dns_answer *answer = dns_answer_new(status, false, 60, "", records, count);
    assert_int_equal(key_state_of_answer(answer, key, &reason), wanted);
    assert_string_equal(reason, wanted_reason);
    dns_answer_unref(answer);
}

static void test_answers(void **state)
{
    static const char other[] = "the record has another key, or none, or does not allow its use";
    char text[4096];
    const char *problem;
    (void)state;
    key_files_key(files, "a.pem", 1024, 0);
    key_files_key(files, "b.pem", 1024, 0);
    const char *ours = key_files_record(files, "a.pem"), *theirs = key_files_record(files, "b.pem");
    FILE *file = fopen(key_files_path(files, "a.pem"), "r");
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    struct signing_key *key = signing_key_parse((struct bytes){text, len}, &problem);
    const char *tight = arena_printf(files->arena, "h=sha1; %s", ours + strlen("v=DKIM1; "));
    check_answer(key, DNS_FOUND, &ours, 1, KEY_PUBLISHED, "");
    check_answer(key, DNS_FOUND, &theirs, 1, KEY_MISMATCH, other);
    check_answer(key, DNS_FOUND, (const char *[]){"v=DKIM1; p="}, 1, KEY_MISMATCH, other);
    check_answer(key, DNS_FOUND, (const char *[]){"v=spf1 -all"}, 1, KEY_MISMATCH, other);
    check_answer(key, DNS_FOUND, &tight, 1, KEY_MISMATCH, other);
    check_answer(key, DNS_FOUND, (const char *[]){ours, theirs}, 2, KEY_MISMATCH,
                 "there are several records: a verifier may take any");
    check_answer(key, DNS_FOUND, (const char *[]){theirs, "x"}, 2, KEY_MISMATCH,
                 "there are several records, none with this key");
    check_answer(key, DNS_NO_DATA, NULL, 0, KEY_ABSENT, "the name has no TXT record");
    check_answer(key, DNS_NO_NAME, NULL, 0, KEY_ABSENT, "no such name in the DNS");
    check_answer(key, DNS_TEMPORARY, NULL, 0, KEY_UNKNOWN, "the DNS did not answer");
    signing_key_unref(key);
}

static void test_intervals(void **state)
{
    (void)state;
    assert_int_equal(key_recheck_seconds(KEY_PUBLISHED), 24 * 3600);
    assert_int_equal(key_recheck_seconds(KEY_ABSENT), 600);
    assert_int_equal(key_recheck_seconds(KEY_MISMATCH), 600);
    assert_int_equal(key_recheck_seconds(KEY_UNKNOWN), 60);
}

/* ---- a rotation from beginning to end ---- */

#define AT "u@b.example"

static void test_a_rotation(void **state)
{
    (void)state;
    env.monotonic_us = turned_clock;
    key_files_key(files, "keys/b.example/old.pem", 1024, 1000);
    key_files_publish(files, dns, "old", "b.example", "keys/b.example/old.pem");
    struct key_store *store = open_store(NULL);
    assert_string_equal(key_files_find(files, store, AT), "b.example:old:rsa-sha256");
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 1);
    assert_int_equal(fake_dns_asked_count(dns), 1);
    assert_string_equal(fake_dns_asked(dns, 0), "TXT old._domainkey.b.example");
    assert_string_equal(key_files_take_log(files), "");

    /* The new key is dropped in; the DNS does not have it yet. */
    key_files_key(files, "keys/b.example/new.pem", 1024, 10);
    struct key_store *next = open_store(store);
    key_store_unref(store);
    store = next;
    fake_dns_forget(dns);
    assert_string_equal(key_files_find(files, store, AT), "b.example:old:rsa-sha256");
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false),
                     1); /* the old one's state is kept */
    assert_string_equal(fake_dns_asked(dns, 0), "TXT new._domainkey.b.example");
    assert_string_equal(key_files_find(files, store, AT), "b.example:old:rsa-sha256");
    assert_string_equal(key_files_take_log(files),
                        "warning new._domainkey.b.example: no such name in the DNS: nobody can "
                        "verify signatures of D/keys/b.example/new.pem");

    /* Nothing is asked before its time, and nothing is said twice. */
    clock_us += 599 * INT64_C(1000000);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 0);
    clock_us += 20 * INT64_C(1000000);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 1);
    assert_string_equal(key_files_take_log(files), "");

    /* It is published: the next check makes it sign. */
    key_files_publish(files, dns, "new", "b.example", "keys/b.example/new.pem");
    assert_string_equal(key_files_find(files, store, AT), "b.example:old:rsa-sha256");
    clock_us += 610 * INT64_C(1000000);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 1);
    assert_string_equal(key_files_find(files, store, AT), "b.example:new:rsa-sha256");
    assert_string_equal(key_files_take_log(files),
                        "info new._domainkey.b.example: published now (D/keys/b.example/new.pem)");

    /* A published key is looked up once a day; a DNS in trouble changes nothing. */
    fake_dns_fail(dns, "old._domainkey.b.example", 0, "SERVFAIL");
    clock_us += 3600 * INT64_C(1000000);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 0);
    clock_us += 90000 * INT64_C(1000000);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 2);
    assert_string_equal(key_files_find(files, store, AT), "b.example:new:rsa-sha256");
    assert_string_equal(key_files_take_log(files), "");
    key_store_unref(store);
}

static void test_a_single_key_always_signs(void **state)
{
    (void)state;
    key_files_key(files, "keys/b.example/s.pem", 1024, 10);
    key_files_key(files, "other.pem", 1024, 10);
    key_files_publish(files, dns, "s", "b.example", "other.pem");
    struct key_store *store = open_store(NULL);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(key_files_find(files, store, AT), "b.example:s:rsa-sha256");
        assert_int_equal(key_rotation_check_now(store, &env, NULL, false), i == 0);
    }
    assert_string_equal(key_files_take_log(files),
                        "warning s._domainkey.b.example: the record has another key, or none, or "
                        "does not allow its use: nobody can verify signatures of "
                        "D/keys/b.example/s.pem");
    key_store_unref(store);
}

/* Who has published a key reloads, and need not wait for the next look. */
static void test_a_reload_looks_again(void **state)
{
    (void)state;
    key_files_key(files, "keys/b.example/s.pem", 1024, 10);
    struct key_store *store = open_store(NULL);
    key_store_preload(store);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, true), 1);
    key_files_publish(files, dns, "s", "b.example", "keys/b.example/s.pem");
    assert_int_equal(key_rotation_check_now(store, &env, NULL, true), 0);
    key_files_take_log(files);
    for (int i = 0; i < 2; i++) {
        struct key_store *next = open_store(store);
        key_store_unref(store);
        store = next;
        key_store_preload(store);
        key_files_take_log(files);
        assert_int_equal(key_rotation_check_now(store, &env, NULL, false), i == 0);
        assert_string_equal(key_files_take_log(files),
                            i ? ""
                              : "info s._domainkey.b.example: published now "
                                "(D/keys/b.example/s.pem)");
    }
    key_store_unref(store);
}

/* Each algorithm has a rotation of its own. */
static void test_two_algorithms(void **state)
{
    (void)state;
    key_files_key(files, "keys/b.example/r1.pem", 1024, 1000);
    key_files_key(files, "keys/b.example/r2.pem", 1024, 10);
    key_files_key(files, "keys/b.example/e1.pem", 0, 1000);
    key_files_key(files, "keys/b.example/e2.pem", 0, 10);
    key_files_publish(files, dns, "r1", "b.example", "keys/b.example/r1.pem");
    key_files_publish(files, dns, "e1", "b.example", "keys/b.example/e1.pem");
    key_files_publish(files, dns, "e2", "b.example", "keys/b.example/e2.pem");
    struct key_store *store = open_store(NULL);
    assert_string_equal(key_files_find(files, store, AT),
                        "b.example:e1:ed25519-sha256 b.example:r1:rsa-sha256");
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 4);
    assert_string_equal(key_files_find(files, store, AT),
                        "b.example:e2:ed25519-sha256 b.example:r1:rsa-sha256");
    key_store_unref(store);
}

/* A state belongs to a key, not to a file's name. */
static void test_another_key_in_the_same_file(void **state)
{
    (void)state;
    key_files_key(files, "keys/b.example/s1.pem", 1024, 1000);
    key_files_key(files, "keys/b.example/s2.pem", 1024, 10);
    key_files_publish(files, dns, "s1", "b.example", "keys/b.example/s1.pem");
    key_files_publish(files, dns, "s2", "b.example", "keys/b.example/s2.pem");
    struct key_store *store = open_store(NULL);
    key_files_find(files, store, AT);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 2);
    assert_string_equal(key_files_find(files, store, AT), "b.example:s2:rsa-sha256");
    key_files_key(files, "keys/b.example/s2.pem", 1024, 5);
    struct key_store *next = open_store(store);
    assert_string_equal(key_files_find(files, next, AT), "b.example:s1:rsa-sha256");
    assert_string_equal(key_files_find(files, store, AT), "b.example:s2:rsa-sha256");
    assert_int_equal(key_rotation_check_now(next, &env, NULL, false), 1);
    assert_string_equal(key_files_find(files, next, AT), "b.example:s1:rsa-sha256");
    key_store_unref(store);
    key_store_unref(next);
}

/* More keys than are looked up at a time. */
static void test_many_keys(void **state)
{
    enum { DOMAINS = 100 };
    char name[64], address[64];
    (void)state;
    key_files_key(files, "k.pem", 0, 0);
    for (int i = 0; i < DOMAINS; i++) {
        snprintf(name, sizeof(name), "keys/d%d.example/", i);
        key_files_write(files, arena_printf(files->arena, "%sx", name), "");
        assert_int_equal(symlink("../../k.pem", key_files_path(files, "%ss.pem", name)), 0);
        snprintf(address, sizeof(address), "d%d.example", i);
        key_files_publish(files, dns, "s", address, "k.pem");
    }
    struct key_store *store = open_store(NULL);
    for (int i = 0; i < DOMAINS; i++) {
        snprintf(address, sizeof(address), "u@d%d.example", i);
        key_files_find(files, store, address);
    }
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), DOMAINS);
    assert_int_equal(key_rotation_check_now(store, &env, NULL, false), 0);
    assert_string_equal(key_files_take_log(files), "");
    key_store_unref(store);
}

/* ---- the thread ---- */

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_the_thread(void **state)
{
    (void)state;
    fake_dns_set_delay(dns, 30);
    key_files_key(files, "keys/b.example/old.pem", 1024, 1000);
    key_files_key(files, "keys/b.example/new.pem", 1024, 10);
    key_files_publish(files, dns, "old", "b.example", "keys/b.example/old.pem");
    key_files_publish(files, dns, "new", "b.example", "keys/b.example/new.pem");
    struct key_store *store = open_store(NULL);
    struct key_rotation *rotation = key_rotation_start(store, &env);
    assert_non_null(rotation);
    usleep(20000); /* it sleeps, having nothing to do */
    assert_string_equal(key_files_find(files, store, AT), "b.example:old:rsa-sha256");
    int64_t until = milliseconds() + 10000;
    while (strcmp(key_files_find(files, store, AT), "b.example:new:rsa-sha256") != 0) {
        assert_true(milliseconds() < until);
        usleep(10000);
    }
    key_rotation_stop(rotation);
    key_store_unref(store);
}

/* Whether it waits for the DNS or has nothing to do. */
static void test_the_thread_stops_at_once(void **state)
{
    (void)state;
    fake_dns_set_delay(dns, 60000);
    key_files_key(files, "keys/b.example/s.pem", 1024, 10);
    struct key_store *store = open_store(NULL);
    for (int waits = 0; waits < 2; waits++) {
        struct key_rotation *rotation = key_rotation_start(store, &env);
        usleep(50000);
        if (waits)
            key_files_find(files, store, AT);
        usleep(50000);
        int64_t start = milliseconds();
        key_rotation_stop(rotation);
        assert_true(milliseconds() - start < 2000);
        assert_int_equal(fake_dns_asked_count(dns), waits);
    }
    key_rotation_stop(NULL);
    key_store_unref(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        TEST(test_answers),
        cmocka_unit_test(test_intervals),
        TEST(test_a_rotation),
        TEST(test_a_single_key_always_signs),
        TEST(test_a_reload_looks_again),
        TEST(test_two_algorithms),
        TEST(test_another_key_in_the_same_file),
        TEST(test_many_keys),
        TEST(test_the_thread),
        TEST(test_the_thread_stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
