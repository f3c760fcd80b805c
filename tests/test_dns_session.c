/* test_dns_session.c - the lookups of one message: memory, budget, deadline,
 * prefetching; answers and their derived forms. Run under TSAN as well. */
#include "dns.h"
#include "fake_dns.h"
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MS = 1000,            /* microseconds */
    SLACK_US = 2000 * MS, /* what a loaded machine may take longer, below all that is waited for */
};

struct fixture {
    struct fake_dns *dns;
    struct arena *arena;
    struct policy_env env;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->dns = fake_dns_new();
    f->arena = arena_new(1 << 20);
    f->env = fake_env(f->dns, 0);
    fake_dns_add(f->dns, "text.example", DNS_TXT, "hello");
    fake_dns_fail(f->dns, "broken.example", DNS_TXT, "SERVFAIL");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fake_dns_free(f->dns);
    arena_free(f->arena);
    free(f);
    return 0;
}

static int64_t now_us(const struct fixture *f)
{
    return f->env.monotonic_us(f->env.clock);
}

static struct dns_session *session_of(struct fixture *f, unsigned queries, int64_t timeout_us)
{
    struct dns_session_limits limits = {.queries = queries,
                                        .query_timeout_us = timeout_us,
                                        .now_us = f->env.monotonic_us,
                                        .clock = f->env.clock};
    return dns_session_new(f->arena, fake_dns_resolver(f->dns), &limits);
}

static const struct dns_answer *ask(struct dns_session *session, const char *name)
{
    return dns_query(session, bytes_of(name), DNS_TXT);
}

static void prefetch(struct dns_session *session, const char *name)
{
    dns_prefetch(session, bytes_of(name), DNS_TXT);
}

static void assert_temporary(const struct dns_answer *answer, const char *cause)
{
    assert_int_equal(answer->status, DNS_TEMPORARY);
    assert_string_equal(answer->cause, cause);
    assert_int_equal(answer->count, 0);
}

/* ---- outcomes ---- */

static void test_four_outcomes(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = fake_session(&f->env, f->arena);
    const struct dns_answer *answer = ask(session, "text.example");
    assert_int_equal(answer->status, DNS_FOUND);
    assert_int_equal(answer->count, 1);
    assert_true(bytes_equal(answer->records[0].data, BYTES("hello")));
    assert_int_equal(ask(session, "example")->status, DNS_NO_DATA);
    assert_int_equal(ask(session, "nothing.example")->status, DNS_NO_NAME);
    assert_temporary(ask(session, "broken.example"), "SERVFAIL");
    assert_string_equal(dns_status_name(DNS_FOUND), "found");
    assert_string_equal(dns_status_name(DNS_NO_DATA), "no data");
    assert_string_equal(dns_status_name(DNS_NO_NAME), "no such name");
    assert_string_equal(dns_status_name(DNS_TEMPORARY), "temporary error");
    assert_string_equal(dns_type_name(DNS_AAAA), "AAAA");
    assert_string_equal(dns_type_name((enum dns_type)99), "?");
    dns_session_free(session);
}

static void test_every_name_is_asked_once(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = fake_session(&f->env, f->arena);
    const struct dns_answer *answer = ask(session, "text.example");
    assert_ptr_equal(ask(session, "text.example"), answer);
    assert_ptr_equal(ask(session, "TEXT.Example"), answer);
    prefetch(session, "Text.Example");
    assert_int_equal(fake_dns_asked_count(f->dns), 1);
    dns_query(session, BYTES("text.example"), DNS_A); /* another type is another question */
    assert_int_equal(fake_dns_asked_count(f->dns), 2);
    assert_string_equal(fake_dns_asked(f->dns, 1), "A text.example");
    assert_int_equal(dns_session_stats(session).queries, 2);
    dns_session_free(session);
    dns_session_free(NULL);
}

static void test_names_that_are_none_cost_nothing(void **state)
{
    static const char label_64[] =
        "a234567890123456789012345678901234567890123456789012345678901234";
    static const struct bytes names[] = {
        BYTES(""), BYTES("."), BYTES(".example"), BYTES("a..b"), BYTES("example."), {label_64, 64},
    };
    struct fixture *f = *state;
    struct dns_session *session = fake_session(&f->env, f->arena);
    char longest[254];
    for (size_t i = 0; i < sizeof(longest); i++)
        longest[i] = i % 2 ? '.' : 'a';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        dns_prefetch(session, names[i], DNS_TXT);
        assert_int_equal(dns_peek(session, names[i], DNS_TXT)->status, DNS_NO_NAME);
        assert_int_equal(dns_query(session, names[i], DNS_TXT)->status, DNS_NO_NAME);
    }
    longest[253] = 'a';
    dns_query(session, (struct bytes){longest, 254}, DNS_TXT);
    assert_int_equal(fake_dns_asked_count(f->dns), 0);
    dns_query(session, (struct bytes){longest, 253}, DNS_TXT);
    dns_query(session, (struct bytes){label_64, 63}, DNS_TXT);
    dns_query(session, BYTES("any\0 octet\xff.example"), DNS_TXT);
    assert_int_equal(fake_dns_asked_count(f->dns), 3);
    dns_session_free(session);
}

/* ---- budget ---- */

static void test_budget(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 2, SLACK_US);
    ask(session, "a.example");
    assert_int_equal(ask(session, "text.example")->status, DNS_FOUND);
    assert_temporary(ask(session, "b.example"), "over the budget of DNS queries");
    assert_temporary(ask(session, "c.example"), "over the budget of DNS queries");
    assert_int_equal(ask(session, "text.example")->status, DNS_FOUND); /* known: free */
    assert_int_equal(ask(session, "a..b")->status, DNS_NO_NAME);
    assert_int_equal(fake_dns_asked_count(f->dns), 2);
    assert_int_equal(dns_session_stats(session).queries, 2);
    dns_session_free(session);
}

static void test_part_of_the_budget_is_kept_back(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 10, 1000 * MS);
    assert_int_equal(dns_session_keep_back(session, 6), 0);
    for (int i = 0; i < 5; i++) { /* four are left; prefetching takes three of them */
        char name[32];
        snprintf(name, sizeof(name), "n%d.example", i);
        prefetch(session, name);
    }
    assert_int_equal(dns_session_stats(session).queries, 3);
    assert_int_equal(ask(session, "a.example")->status, DNS_NO_NAME);
    assert_temporary(ask(session, "b.example"), "over the budget of DNS queries");
    assert_int_equal(ask(session, "n0.example")->status, DNS_NO_NAME); /* known already */
    assert_int_equal(dns_session_keep_back(session, 0), 6);
    assert_int_equal(ask(session, "b.example")->status, DNS_NO_NAME);
    assert_int_equal(dns_session_keep_back(session, 11), 0); /* more than there is: all */
    assert_temporary(ask(session, "c.example"), "over the budget of DNS queries");
    dns_session_free(session);
}

/* What is only probably needed leaves a quarter of the budget. */
static void test_prefetching_leaves_part_of_the_budget(void **state)
{
    static const struct {
        unsigned queries, prefetched;
    } rows[] = {{0, 0}, {1, 1}, {3, 3}, {4, 3}, {10, 8}, {100, 75}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_session *session = session_of(f, rows[i].queries, SLACK_US);
        char name[32];
        for (unsigned k = 0; k < 120; k++) {
            snprintf(name, sizeof(name), "p%u.example", k);
            prefetch(session, name);
        }
        assert_int_equal(dns_session_stats(session).queries, rows[i].prefetched);
        for (unsigned k = 0; k < 120; k++) {
            snprintf(name, sizeof(name), "q%u.example", k);
            ask(session, name);
        }
        assert_int_equal(dns_session_stats(session).queries, rows[i].queries);
        dns_session_free(session);
    }
}

static void test_what_was_used(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = fake_session(&f->env, f->arena);
    prefetch(session, "one.example");
    prefetch(session, "two.example");
    assert_non_null(dns_peek(session, BYTES("one.example"), DNS_TXT));
    ask(session, "TWO.example");
    const struct dns_lookup *first = dns_session_lookups(session);
    assert_true(bytes_equal(first->name, BYTES("one.example")));
    assert_false(first->used);
    assert_true(bytes_equal(first->next->name, BYTES("two.example")));
    assert_true(first->next->used);
    assert_false(first->cached);
    assert_true(first->finished_us >= first->started_us);
    assert_null(first->next->next);
    dns_session_free(session);
}

static void test_peek_starts_nothing(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = fake_session(&f->env, f->arena);
    assert_null(dns_peek(session, BYTES("text.example"), DNS_TXT));
    assert_int_equal(fake_dns_asked_count(f->dns), 0);
    fake_dns_set_delay(f->dns, 60000);
    prefetch(session, "text.example");
    assert_null(dns_peek(session, BYTES("text.example"), DNS_TXT)); /* under way */
    dns_session_free(session);
}

/* ---- waiting ---- */

static void test_waiting_for_a_late_answer(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 10, 60000 * MS);
    fake_dns_set_delay(f->dns, 30);
    int64_t begin = now_us(f);
    assert_int_equal(ask(session, "text.example")->status, DNS_FOUND);
    assert_in_range(now_us(f) - begin, 30 * MS, 30 * MS + SLACK_US);
    assert_in_range(dns_session_stats(session).waited_us, 20 * MS, 30 * MS + SLACK_US);
    dns_session_free(session);
}

static void test_lookups_run_side_by_side(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 100, 60000 * MS);
    char name[32];
    fake_dns_set_delay(f->dns, 200);
    int64_t begin = now_us(f);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "n%d.example", i);
        prefetch(session, name);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "n%d.example", i);
        assert_int_equal(ask(session, name)->status, DNS_NO_NAME);
    }
    assert_in_range(now_us(f) - begin, 200 * MS, 200 * MS + SLACK_US); /* not 20 * 200 */
    dns_session_free(session);
}

static void test_time_out_of_one_lookup(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 10, 30 * MS);
    fake_dns_set_delay(f->dns, 60000);
    int64_t begin = now_us(f);
    const struct dns_answer *answer = ask(session, "text.example");
    assert_temporary(answer, "time-out");
    assert_in_range(now_us(f) - begin, 30 * MS, 30 * MS + SLACK_US);
    assert_ptr_equal(ask(session, "text.example"), answer); /* and is not asked again */
    assert_int_equal(fake_dns_asked_count(f->dns), 1);
    dns_session_free(session);
}

static void test_message_deadline(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 10, 60000 * MS);
    fake_dns_set_delay(f->dns, 60000);
    int64_t begin = now_us(f);
    dns_session_set_deadline(session, begin + 30 * MS);
    assert_temporary(ask(session, "text.example"), "message deadline exceeded");
    assert_in_range(now_us(f) - begin, 30 * MS, 30 * MS + SLACK_US);
    begin = now_us(f);
    for (int i = 0; i < 5; i++) { /* from now on nothing waits */
        char name[32];
        snprintf(name, sizeof(name), "n%d.example", i);
        assert_temporary(ask(session, name), "message deadline exceeded");
    }
    assert_true(now_us(f) - begin < SLACK_US);
    fake_dns_set_delay(f->dns, 0);
    assert_int_equal(ask(session, "other.example")->status, DNS_NO_NAME); /* here at once */
    dns_session_set_deadline(session, -1);
    fake_dns_set_delay(f->dns, 60000);
    assert_temporary(ask(session, "last.example"), "message deadline exceeded");
    dns_session_free(session);
}

/* Lookups under way are given up with the session, at once. */
static void test_free_cancels(void **state)
{
    struct fixture *f = *state;
    fake_dns_set_delay(f->dns, 20);
    for (int round = 0; round < 10; round++) {
        struct arena *arena = arena_new(1 << 16);
        struct dns_session *session = fake_session(&f->env, arena);
        prefetch(session, "a.example");
        prefetch(session, "text.example");
        if (round % 2)
            ask(session, "text.example");
        dns_session_free(session);
        arena_free(arena); /* an answer that came later would be written into freed memory */
    }
}

/* ---- progress ---- */

struct chain {
    struct dns_session *session;
    pthread_t thread;
    unsigned calls, next;
    bool running;
};

/* As soon as n<i> is answered, n<i+1> is started. */
static void follow_chain(void *context)
{
    struct chain *chain = context;
    char name[32];
    assert_false(chain->running);
    assert_true(pthread_equal(pthread_self(), chain->thread));
    chain->running = true;
    chain->calls++;
    for (;;) {
        snprintf(name, sizeof(name), "n%u.example", chain->next);
        if (chain->next == 5 || !dns_peek(chain->session, bytes_of(name), DNS_TXT))
            break;
        snprintf(name, sizeof(name), "n%u.example", ++chain->next);
        prefetch(chain->session, name);
    }
    chain->running = false;
}

/* While one slow answer is waited for, a chain of five others is followed. */
static void test_prefetching_goes_on_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 100, 60000 * MS);
    struct chain chain = {.session = session, .thread = pthread_self()};
    dns_session_on_progress(session, follow_chain, &chain);
    fake_dns_set_delay(f->dns, 800);
    prefetch(session, "slow.example");
    fake_dns_set_delay(f->dns, 10);
    prefetch(session, "n0.example");
    assert_int_equal(chain.calls, 0);
    assert_int_equal(ask(session, "slow.example")->status, DNS_NO_NAME);
    assert_int_equal(chain.next, 5);
    assert_true(chain.calls >= 5);
    assert_non_null(dns_peek(session, BYTES("n5.example"), DNS_TXT)); /* here already */
    for (size_t i = 0; i < 6; i++) {
        char text[32];
        snprintf(text, sizeof(text), "TXT n%zu.example", i);
        assert_string_equal(fake_dns_asked(f->dns, i + 1), text);
    }
    dns_session_free(session);
}

/* ---- a resolver with bad habits ---- */

struct odd_resolver {
    struct dns_resolver resolver;
    struct dns_lookup *held;
    unsigned cancelled;
};

static void start_with_nothing(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    (void)resolver;
    dns_lookup_complete(lookup, NULL, false);
}

static void start_held(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    ((struct odd_resolver *)resolver)->held = lookup;
}

static void start_cached(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    (void)resolver;
    dns_lookup_complete(lookup, dns_answer_new(DNS_NO_DATA, true, 5, "", NULL, 0), true);
}

static void cancel_counted(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    (void)lookup;
    ((struct odd_resolver *)resolver)->cancelled++;
}

/* The answer arrives while it is being given up. */
static void cancel_too_late(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    struct odd_resolver *odd = (struct odd_resolver *)resolver;
    odd->cancelled++;
    if (odd->held == lookup)
        dns_lookup_complete(lookup, dns_answer_new(DNS_NO_DATA, false, 5, "", NULL, 0), false);
    odd->held = NULL;
}

static void test_odd_resolvers(void **state)
{
    struct fixture *f = *state;
    struct dns_session_limits limits = {10, 1 * MS, f->env.monotonic_us, f->env.clock};
    struct odd_resolver odd = {.resolver = {start_with_nothing, cancel_counted}};
    struct dns_session *session = dns_session_new(f->arena, &odd.resolver, &limits);
    assert_temporary(ask(session, "a.example"), "out of memory");
    dns_session_free(session);
    assert_int_equal(odd.cancelled, 1);

    odd = (struct odd_resolver){.resolver = {start_held, cancel_too_late}};
    session = dns_session_new(f->arena, &odd.resolver, &limits);
    assert_int_equal(ask(session, "a.example")->status, DNS_NO_DATA);
    dns_session_free(session);

    odd = (struct odd_resolver){.resolver = {start_cached, cancel_counted}};
    session = dns_session_new(f->arena, &odd.resolver, &limits);
    assert_true(ask(session, "a.example")->secure);
    assert_int_equal(dns_session_stats(session).cached, 1);
    assert_int_equal(dns_session_stats(session).waited_us, 0);
    assert_true(dns_session_lookups(session)->cached);
    dns_session_free(session);
}

static void test_out_of_memory(void **state)
{
    struct fixture *f = *state;
    size_t failures = 0;
    for (size_t limit = 0; limit < 4096; limit += 16) {
        struct arena *arena = arena_new(limit);
        struct dns_session *session = fake_session(&f->env, arena);
        if (session && ask(session, "text.example")->status != DNS_FOUND) {
            assert_temporary(ask(session, "text.example"), "out of memory");
            prefetch(session, "other.example");
            assert_true(arena_failed(arena));
            failures++;
        }
        dns_session_free(session);
        arena_free(arena);
    }
    assert_true(failures > 0);
}

/* ---- answers ---- */

static void test_answers_copy_everything(void **state)
{
    char octets[] = "abc";
    struct dns_record records[] = {{10, {octets, 3}}, {20, {NULL, 0}}};
    const struct dns_answer *answer = dns_answer_new(DNS_FOUND, true, 60, "", records, 2);
    (void)state;
    memset(octets, 'x', 3);
    memset(records, 0, sizeof(records));
    assert_int_equal(answer->count, 2);
    assert_true(answer->secure);
    assert_int_equal(answer->ttl, 60);
    assert_int_equal(answer->records[0].preference, 10);
    assert_true(bytes_equal(answer->records[0].data, BYTES("abc")));
    assert_int_equal(answer->records[1].data.len, 0);
    assert_true(dns_answer_size(answer) > sizeof(*answer) + 2 * sizeof(*records) + 3);
    assert_ptr_equal(dns_answer_ref(answer), answer);
    dns_answer_unref(answer);
    assert_true(bytes_equal(answer->records[0].data, BYTES("abc")));
    dns_answer_unref(answer);
    dns_answer_unref(NULL);
}

static atomic_int made, freed;

static void *make_length(const struct dns_answer *answer)
{
    size_t *length = malloc(sizeof(*length));
    *length = answer->records[0].data.len;
    atomic_fetch_add(&made, 1);
    return length;
}

static void *make_nothing(const struct dns_answer *answer)
{
    (void)answer;
    atomic_fetch_add(&made, 1);
    return NULL;
}

static void free_counted(void *derived)
{
    free(derived);
    atomic_fetch_add(&freed, 1);
}

static const struct dns_derived_class length_class = {make_length, free_counted};
static const struct dns_derived_class other_class = {make_length, free_counted};
static const struct dns_derived_class nothing_class = {make_nothing, free_counted};

static void test_derived_forms(void **state)
{
    struct dns_record record = {0, BYTES("abcd")};
    const struct dns_answer *answer = dns_answer_new(DNS_FOUND, false, 60, "", &record, 1);
    (void)state;
    made = freed = 0;
    size_t *length = dns_answer_derived(answer, &length_class);
    assert_int_equal(*length, 4);
    assert_ptr_equal(dns_answer_derived(answer, &length_class), length);
    assert_int_equal(made, 1);
    assert_ptr_not_equal(dns_answer_derived(answer, &other_class), length);
    assert_ptr_equal(dns_answer_derived(answer, &length_class), length);
    assert_int_equal(made, 2);
    assert_null(dns_answer_derived(answer, &nothing_class));
    assert_null(dns_answer_derived(answer, &nothing_class));
    assert_int_equal(made, 4); /* nothing is not kept */
    dns_answer_unref(answer);
    assert_int_equal(freed, 2);
}

/* The session's own answers are no counted blocks: they have no derived form. */
static void test_no_derived_form_without_records(void **state)
{
    struct fixture *f = *state;
    struct dns_session *session = session_of(f, 0, SLACK_US);
    made = 0;
    assert_null(dns_answer_derived(ask(session, "text.example"), &length_class));
    assert_null(dns_answer_derived(ask(session, "a..b"), &length_class));
    assert_int_equal(made, 0);
    dns_session_free(session);
}

/* ---- threads ---- */

static void *derive(void *argument)
{
    size_t *length = NULL;
    for (int i = 0; i < 100; i++) {
        const struct dns_answer *answer = dns_answer_ref(argument);
        size_t *got = dns_answer_derived(answer, i % 2 ? &length_class : &other_class);
        assert_int_equal(*got, 4);
        if (i % 2 && length)
            assert_ptr_equal(got, length);
        if (i % 2)
            length = got;
        dns_answer_unref(answer);
    }
    return length;
}

static void test_derived_forms_from_many_threads(void **state)
{
    enum { THREADS = 8 };
    struct dns_record record = {0, BYTES("abcd")};
    (void)state;
    for (int round = 0; round < 20; round++) {
        const struct dns_answer *answer = dns_answer_new(DNS_FOUND, false, 60, "", &record, 1);
        pthread_t threads[THREADS];
        void *first = NULL, *result;
        made = freed = 0;
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, derive, (void *)(uintptr_t)answer),
                             0);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], &result);
            assert_true(!first || result == first); /* one form for all */
            first = result;
        }
        dns_answer_unref(answer);
        assert_int_equal(made, freed); /* what lost the race has been freed too */
    }
}

struct worker {
    pthread_t thread;
    struct fixture *fixture;
    unsigned number;
    unsigned good;
};

static void *run_sessions(void *argument)
{
    struct worker *worker = argument;
    for (unsigned round = 0; round < 20; round++) {
        struct arena *arena = arena_new(1 << 16);
        struct dns_session *session = fake_session(&worker->fixture->env, arena);
        char name[32];
        for (unsigned i = 0; i < 10; i++) {
            snprintf(name, sizeof(name), "w%u-%u-%u.example", worker->number, round, i);
            prefetch(session, name);
        }
        for (unsigned i = 0; i < 10; i += round % 3 + 1) {
            snprintf(name, sizeof(name), "w%u-%u-%u.example", worker->number, round, i);
            worker->good += ask(session, name)->status == DNS_NO_NAME;
        }
        worker->good += ask(session, "text.example")->status == DNS_FOUND;
        dns_session_free(session); /* with lookups under way */
        arena_free(arena);
    }
    return NULL;
}

static void test_sessions_of_many_threads(void **state)
{
    enum { WORKERS = 8 };
    struct worker workers[WORKERS] = {{0}};
    fake_dns_set_delay(((struct fixture *)*state)->dns, 1);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].fixture = *state;
        workers[i].number = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run_sessions, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].good, 7 * 10 + 7 * 5 + 6 * 4 + 20);
    }
}

#define WITH_DNS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DNS(test_four_outcomes),
        WITH_DNS(test_every_name_is_asked_once),
        WITH_DNS(test_names_that_are_none_cost_nothing),
        WITH_DNS(test_budget),
        WITH_DNS(test_part_of_the_budget_is_kept_back),
        WITH_DNS(test_prefetching_leaves_part_of_the_budget),
        WITH_DNS(test_what_was_used),
        WITH_DNS(test_peek_starts_nothing),
        WITH_DNS(test_waiting_for_a_late_answer),
        WITH_DNS(test_lookups_run_side_by_side),
        WITH_DNS(test_time_out_of_one_lookup),
        WITH_DNS(test_message_deadline),
        WITH_DNS(test_free_cancels),
        WITH_DNS(test_prefetching_goes_on_while_waiting),
        WITH_DNS(test_odd_resolvers),
        WITH_DNS(test_out_of_memory),
        cmocka_unit_test(test_answers_copy_everything),
        cmocka_unit_test(test_derived_forms),
        WITH_DNS(test_no_derived_form_without_records),
        cmocka_unit_test(test_derived_forms_from_many_threads),
        WITH_DNS(test_sessions_of_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
