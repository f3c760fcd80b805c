/* test_dns_cache.c - the answer cache: time to live, bound, flights, cancelling, threads.
 *
 * Below the cache is a backend that only notes the flights; the test answers them
 * when it likes. Sessions look up with dns_prefetch() and dns_peek(), which never
 * wait, under a clock that the test moves.
 */
#include "dns_cache.h"

#include "dns_name.h"
#include "spf_record.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECOND = 1000000, ASKED_MAX = 20000 };

struct world {
    struct dns_backend backend;   /* first */
    struct dns_resolver resolver; /* what sessions see */
    struct dns_cache *cache;
    struct dns_flight *asked[ASKED_MAX];
    size_t asked_count;
    int64_t now_us;
    bool answer_at_once; /* from within ask() */
};

static int64_t world_now(void *clock)
{
    return ((struct world *)clock)->now_us;
}

static void reply(struct dns_flight *flight, enum dns_status status, uint32_t ttl)
{
    const struct dns_record record = {0, flight->name};
    dns_cache_answer(flight, dns_answer_new(status, false, ttl, "", &record, status == DNS_FOUND));
}

static void world_ask(struct dns_backend *backend, struct dns_flight *flight)
{
    struct world *world = (struct world *)backend;
    assert_true(world->asked_count < ASKED_MAX);
    world->asked[world->asked_count++] = flight;
    if (world->answer_at_once)
        reply(flight, DNS_FOUND, 60);
}

static struct world *world_of(struct dns_resolver *resolver)
{
    return (struct world *)((char *)resolver - offsetof(struct world, resolver));
}

static void world_start(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    dns_cache_start(world_of(resolver)->cache, lookup->name, lookup);
}

static void world_cancel(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    (void)resolver;
    dns_cache_cancel(lookup);
}

static struct world *world_new(size_t bytes)
{
    struct world *world = calloc(1, sizeof(*world));
    world->backend.ask = world_ask;
    world->resolver = (struct dns_resolver){world_start, world_cancel};
    world->now_us = 1000 * (int64_t)SECOND;
    struct dns_cache_options options = {.bytes = bytes,
                                        .shards = 1,
                                        .patience_us = 5 * SECOND,
                                        .lost_us = 120 * (int64_t)SECOND,
                                        .now_us = world_now,
                                        .clock = world};
    world->cache = dns_cache_new(&options, &world->backend);
    assert_non_null(world->cache);
    return world;
}

static void world_free(struct world *world)
{
    assert_int_equal(dns_cache_stats(world->cache).flights, 0);
    dns_cache_free(world->cache);
    free(world);
}

/* One message. */
struct message {
    struct arena *arena;
    struct dns_session *session;
};

static struct message message_new(struct world *world)
{
    const struct dns_session_limits limits = {1000000, SECOND, world_now, world};
    struct message message = {arena_new(1 << 20), NULL};
    message.session = dns_session_new(message.arena, &world->resolver, &limits);
    return message;
}

static void message_free(struct message *message)
{
    dns_session_free(message->session);
    arena_free(message->arena);
}

static const struct dns_answer *lookup(struct message *message, const char *name)
{
    dns_prefetch(message->session, bytes_of(name), DNS_TXT);
    return dns_peek(message->session, bytes_of(name), DNS_TXT);
}

/* Asks for name with a message of its own; true when the answer came from the cache. A
 * question that reaches the backend is answered with status and ttl. */
static bool is_cached(struct world *world, const char *name, enum dns_status status, uint32_t ttl)
{
    struct message message = message_new(world);
    size_t before = world->asked_count;
    bool here = lookup(&message, name) != NULL;
    assert_int_equal(world->asked_count, before + !here);
    if (!here)
        reply(world->asked[before], status, ttl);
    const struct dns_answer *answer = lookup(&message, name);
    assert_non_null(answer);
    assert_int_equal(answer->status, status);
    assert_int_equal(dns_session_lookups(message.session)->cached, here);
    message_free(&message);
    return here;
}

/* For how many seconds an answer is kept. */
static void test_time_to_live(void **state)
{
    static const struct {
        enum dns_status status;
        uint32_t ttl;
        int seconds;
    } cases[] = {
        {DNS_FOUND, 300, 300},
        {DNS_FOUND, 1, 1},
        {DNS_FOUND, 0, 0},
        {DNS_FOUND, 4000000000u, DNS_CACHE_TTL_MAX},
        {DNS_NO_DATA, 300, 300},
        {DNS_NO_NAME, 300, 300},
        {DNS_NO_NAME, 0, 0},
        {DNS_NO_NAME, 86400, DNS_CACHE_NEGATIVE_MAX},
        {DNS_NO_DATA, 86400, DNS_CACHE_NEGATIVE_MAX},
        {DNS_TEMPORARY, 0, 0},
        {DNS_TEMPORARY, 2, 2},
        {DNS_TEMPORARY, 300, DNS_CACHE_FAILURE_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct world *world = world_new(1 << 20);
        enum dns_status status = cases[i].status;
        assert_false(is_cached(world, "name.example", status, cases[i].ttl));
        if (cases[i].seconds) {
            assert_true(is_cached(world, "name.example", status, 0));
            world->now_us += cases[i].seconds * (int64_t)SECOND - 1;
            assert_true(is_cached(world, "NAME.Example", status, 0));
            world->now_us += 1;
        }
        assert_false(is_cached(world, "name.example", status, 0));
        assert_int_equal(dns_cache_stats(world->cache).entries, 0);
        world_free(world);
    }
}

/* Name and type are the key; the case of letters is not. */
static void test_key(void **state)
{
    struct world *world = world_new(1 << 20);
    struct message message = message_new(world);
    (void)state;
    world->answer_at_once = true;
    assert_non_null(lookup(&message, "A.example"));
    dns_prefetch(message.session, BYTES("a.example"), DNS_A);
    dns_prefetch(message.session, BYTES("b.example"), DNS_TXT);
    dns_prefetch(message.session, BYTES("a\0.example"), DNS_TXT);
    dns_prefetch(message.session, BYTES("a.exampl"), DNS_TXT);
    assert_int_equal(world->asked_count, 5);
    message_free(&message);
    message = message_new(world);
    const struct dns_answer *answer = lookup(&message, "a.EXAMPLE");
    assert_int_equal(world->asked_count, 5);
    assert_true(bytes_is(answer->records[0].data, "a.example")); /* backends see lower case */
    message_free(&message);
    world_free(world);
}

/* The bound is never passed; the least recently used goes first. */
static void test_bound(void **state)
{
    enum { BYTES = 100000, NAMES = 2000 };
    struct world *world = world_new(BYTES);
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        char name[40];
        snprintf(name, sizeof(name), "n%d.example", i);
        assert_false(is_cached(world, name, DNS_FOUND, 300));
        assert_true(is_cached(world, "n0.example", DNS_FOUND, 300)); /* always in use */
        struct dns_cache_stats stats = dns_cache_stats(world->cache);
        assert_in_range(stats.bytes, 1, BYTES);
        assert_int_equal(stats.entries + stats.evicted, i + 1);
    }
    struct dns_cache_stats stats = dns_cache_stats(world->cache);
    assert_in_range(stats.entries, 20, NAMES / 2);
    assert_true(is_cached(world, "n1999.example", DNS_FOUND, 300));
    assert_false(is_cached(world, "n1.example", DNS_FOUND, 300));
    world_free(world);
}

/* An answer larger than all the space is given, but not kept; it throws nothing out. */
static void test_too_large(void **state)
{
    static char octets[60000];
    struct world *world = world_new(20000);
    struct message message = message_new(world);
    const struct dns_record record = {0, {octets, sizeof(octets)}};
    (void)state;
    assert_false(is_cached(world, "small.example", DNS_FOUND, 300));
    assert_null(lookup(&message, "large.example"));
    dns_cache_answer(world->asked[1], dns_answer_new(DNS_FOUND, false, 300, "", &record, 1));
    assert_int_equal(lookup(&message, "large.example")->records[0].data.len, sizeof(octets));
    assert_int_equal(dns_cache_stats(world->cache).entries, 1);
    assert_true(is_cached(world, "small.example", DNS_FOUND, 300));
    message_free(&message);
    world_free(world);
}

/* What is later made of a text lives with the answer, so it is charged beforehand: an SPF
 * record can take ten times the room of its text. */
static void test_texts_are_charged_with_what_is_made_of_them(void **state)
{
    enum { TERMS = 8000 };
    static char text[6 + 7 * TERMS];
    struct world *world = world_new(4 << 20);
    struct message message = message_new(world);
    const struct dns_record record = {0, {text, sizeof(text)}};
    (void)state;
    memcpy(text, "v=spf1", 6);
    for (size_t i = 0; i < TERMS; i++)
        memcpy(text + 6 + 7 * i, " ip6:::", 7);
    size_t before = dns_cache_stats(world->cache).bytes;
    assert_null(lookup(&message, "large.example"));
    dns_cache_answer(world->asked[0], dns_answer_new(DNS_FOUND, false, 300, "", &record, 1));
    const struct dns_answer *answer = lookup(&message, "large.example");
    assert_int_equal(spf_published_of(answer)->record->count, TERMS);
    assert_true(dns_cache_stats(world->cache).bytes - before >=
                dns_answer_size(answer) + TERMS * sizeof(struct spf_term));
    message_free(&message);
    world_free(world);
}

static void test_no_space_at_all(void **state)
{
    struct world *world = world_new(0);
    (void)state;
    assert_false(is_cached(world, "a.example", DNS_FOUND, 300));
    assert_false(is_cached(world, "a.example", DNS_FOUND, 300));
    world_free(world);
}

/* A hundred messages that ask the same cause one question; all get the answer. */
static void test_shared_flight(void **state)
{
    enum { MESSAGES = 100 };
    struct world *world = world_new(1 << 20);
    struct message messages[MESSAGES];
    (void)state;
    for (size_t i = 0; i < MESSAGES; i++) {
        messages[i] = message_new(world);
        assert_null(lookup(&messages[i], i % 2 ? "one.example" : "ONE.example"));
    }
    assert_int_equal(world->asked_count, 1);
    assert_int_equal(dns_cache_stats(world->cache).shared, MESSAGES - 1);
    reply(world->asked[0], DNS_FOUND, 0); /* TTL 0: for those who wait, not kept */
    const struct dns_answer *answer = lookup(&messages[0], "one.example");
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_ptr_equal(lookup(&messages[i], "one.example"), answer);
        assert_false(dns_session_lookups(messages[i].session)->cached);
        message_free(&messages[i]);
    }
    assert_int_equal(dns_cache_stats(world->cache).entries, 0);
    world_free(world);
}

/* The backend runs out of memory: everybody who waits gets a temporary error. */
static void test_no_answer(void **state)
{
    struct world *world = world_new(1 << 20);
    struct message one = message_new(world), two = message_new(world);
    (void)state;
    lookup(&one, "a.example");
    lookup(&two, "a.example");
    dns_cache_answer(world->asked[0], NULL);
    assert_int_equal(lookup(&one, "a.example")->status, DNS_TEMPORARY);
    assert_string_equal(lookup(&two, "a.example")->cause, "out of memory");
    assert_false(is_cached(world, "a.example", DNS_FOUND, 300));
    message_free(&one);
    message_free(&two);
    world_free(world);
}

/* Cancelled before the answer, as first, middle, last and only waiter; after it; twice. */
static void test_cancel(void **state)
{
    struct world *world = world_new(1 << 20);
    struct message messages[5];
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        messages[i] = message_new(world);
        lookup(&messages[i], "a.example");
    }
    message_free(&messages[4]); /* first in the list of waiters */
    message_free(&messages[2]); /* in the middle */
    message_free(&messages[0]); /* last */
    reply(world->asked[0], DNS_FOUND, 300);
    assert_non_null(lookup(&messages[1], "a.example"));
    message_free(&messages[1]);
    message_free(&messages[3]); /* completed long ago */

    struct message alone = message_new(world);
    lookup(&alone, "b.example");
    message_free(&alone);
    assert_int_equal(dns_cache_stats(world->cache).flights, 1);
    reply(world->asked[1], DNS_FOUND, 300); /* nobody waits; it is kept all the same */
    assert_true(is_cached(world, "b.example", DNS_FOUND, 300));

    struct dns_lookup never = {.flight = NULL};
    dns_cache_cancel(&never);
    world_free(world);
}

/* What nobody waits for need not be asked; what somebody waits for must be. */
static void test_abandon(void **state)
{
    struct world *world = world_new(1 << 20);
    (void)state;
    struct message alone = message_new(world), late = message_new(world);
    lookup(&alone, "a.example");
    assert_true(world->asked[0]->message == alone.session);
    assert_false(dns_cache_abandon(world->asked[0]));
    lookup(&late, "a.example"); /* joins: the flight is the later one's now */
    assert_true(world->asked[0]->message == late.session);
    message_free(&alone);
    assert_false(dns_cache_abandon(world->asked[0]));
    message_free(&late);
    assert_true(dns_cache_abandon(world->asked[0]));
    assert_int_equal(dns_cache_stats(world->cache).flights, 0);
    assert_false(is_cached(world, "a.example", DNS_FOUND, 300)); /* asked anew */
    world_free(world);
}

/* A message that comes when the only waiter has gone joins the same flight. */
static void test_join_abandoned(void **state)
{
    struct world *world = world_new(1 << 20);
    struct message one = message_new(world), two = message_new(world);
    (void)state;
    lookup(&one, "a.example");
    message_free(&one);
    assert_null(lookup(&two, "a.example"));
    assert_int_equal(world->asked_count, 1);
    reply(world->asked[0], DNS_FOUND, 300);
    assert_non_null(lookup(&two, "a.example"));
    message_free(&two);
    world_free(world);
}

/* Who comes when a question has been unanswered for longer than patience does not wait. */
static void test_slow_flight(void **state)
{
    struct world *world = world_new(1 << 20);
    struct message first = message_new(world), second = message_new(world),
                   third = message_new(world);
    (void)state;
    lookup(&first, "slow.example");
    world->now_us += 5 * SECOND;
    assert_null(lookup(&second, "slow.example"));
    world->now_us += 1;
    const struct dns_answer *answer = lookup(&third, "slow.example");
    assert_int_equal(answer->status, DNS_TEMPORARY);
    assert_string_equal(answer->cause, "time-out");
    assert_int_equal(world->asked_count, 1);
    reply(world->asked[0], DNS_FOUND, 300);
    assert_non_null(lookup(&second, "slow.example"));
    message_free(&first);
    message_free(&second);
    message_free(&third);
    assert_true(is_cached(world, "slow.example", DNS_FOUND, 300));
    world_free(world);
}

/* A flight that never comes back does not block its name for ever. */
static void test_lost_flight(void **state)
{
    struct world *world = world_new(1 << 20);
    struct message first = message_new(world), second = message_new(world);
    (void)state;
    lookup(&first, "lost.example");
    world->now_us += 121 * (int64_t)SECOND;
    assert_null(lookup(&second, "lost.example"));
    assert_int_equal(world->asked_count, 2);
    assert_int_equal(dns_cache_stats(world->cache).flights, 2);
    reply(world->asked[1], DNS_FOUND, 300);
    assert_non_null(lookup(&second, "lost.example"));
    assert_null(lookup(&first, "lost.example"));
    reply(world->asked[0], DNS_NO_NAME, 300); /* it comes after all */
    assert_int_equal(lookup(&first, "lost.example")->status, DNS_NO_NAME);
    message_free(&first);
    message_free(&second);
    world_free(world);
}

/* Flights are used again, for names of other lengths. */
static void test_flight_reuse(void **state)
{
    struct world *world = world_new(1 << 20);
    char name[DNS_NAME_MAX + 1];
    (void)state;
    for (size_t len = 1; len <= DNS_NAME_MAX; len++) {
        memset(name, 'x', sizeof(name));
        name[len] = '\0';
        for (size_t i = 60; i + 1 < len; i += 61)
            name[i] = '.';
        assert_false(is_cached(world, name, DNS_FOUND, 300));
        assert_true(is_cached(world, name, DNS_FOUND, 300));
    }
    world_free(world);
}

/* ---------------------------------------------------------------- threads */

enum { THREADS = 8, ROUNDS = 400, NAMES = 40, PER_MESSAGE = 12 };

struct crowd {
    struct dns_backend backend; /* first */
    struct dns_resolver resolver;
    struct dns_cache *cache;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct dns_flight *queue[ASKED_MAX];
    size_t first, last;
    bool stop;
};

static int64_t real_now(void *clock)
{
    struct timespec time;
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec / 1000;
}

/* Some questions are answered at once on the asking thread, the others by the server. */
static void crowd_ask(struct dns_backend *backend, struct dns_flight *flight)
{
    struct crowd *crowd = (struct crowd *)backend;
    if (flight->name.data[0] == 'q') {
        reply(flight, DNS_FOUND, 0);
        return;
    }
    pthread_mutex_lock(&crowd->lock);
    crowd->queue[crowd->last++ % ASKED_MAX] = flight;
    pthread_cond_signal(&crowd->changed);
    pthread_mutex_unlock(&crowd->lock);
}

static void *crowd_serve(void *data)
{
    struct crowd *crowd = data;
    unsigned seed = 1;
    pthread_mutex_lock(&crowd->lock);
    for (;;) {
        while (crowd->first == crowd->last && !crowd->stop)
            pthread_cond_wait(&crowd->changed, &crowd->lock);
        if (crowd->first == crowd->last)
            break;
        struct dns_flight *flight = crowd->queue[crowd->first++ % ASKED_MAX];
        pthread_mutex_unlock(&crowd->lock);
        if (rand_r(&seed) % 8 == 0)
            nanosleep(&(struct timespec){0, 200000}, NULL);
        reply(flight, DNS_FOUND, rand_r(&seed) % 2 ? 1 : 0);
        pthread_mutex_lock(&crowd->lock);
    }
    pthread_mutex_unlock(&crowd->lock);
    return NULL;
}

static void crowd_start(struct dns_resolver *resolver, struct dns_lookup *one)
{
    struct crowd *crowd = (struct crowd *)((char *)resolver - offsetof(struct crowd, resolver));
    dns_cache_start(crowd->cache, one->name, one);
}

struct worker {
    struct crowd *crowd;
    unsigned seed, wrong; /* wrong: answers of another name */
};

/* Messages with a dozen lookups; some wait for all, some for a moment, some not at all. */
static void *crowd_work(void *data)
{
    struct worker *worker = data;
    for (int round = 0; round < ROUNDS; round++) {
        const struct dns_session_limits limits = {100, rand_r(&worker->seed) % 3 ? SECOND * 10 : 50,
                                                  real_now, NULL};
        struct arena *arena = arena_new(1 << 20);
        struct dns_session *session = dns_session_new(arena, &worker->crowd->resolver, &limits);
        int waits = rand_r(&worker->seed) % (PER_MESSAGE + 1);
        for (int i = 0; i < PER_MESSAGE; i++) {
            char name[30];
            int number = rand_r(&worker->seed) % NAMES;
            snprintf(name, sizeof(name), "%s%d.example", number % 5 ? "n" : "q", number);
            dns_prefetch(session, bytes_of(name), DNS_TXT);
            if (i >= waits)
                continue;
            const struct dns_answer *answer = dns_query(session, bytes_of(name), DNS_TXT);
            if (answer->status == DNS_FOUND)
                worker->wrong += !bytes_is(answer->records[0].data, name);
        }
        dns_session_free(session);
        arena_free(arena);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));
    struct dns_cache_options options = {.bytes = 60000,
                                        .shards = 4,
                                        .patience_us = SECOND,
                                        .lost_us = 300, /* many are given up for lost */
                                        .now_us = real_now};
    pthread_t server, threads[THREADS];
    struct worker workers[THREADS];
    (void)state;
    crowd->backend.ask = crowd_ask;
    crowd->resolver = (struct dns_resolver){crowd_start, world_cancel};
    crowd->cache = dns_cache_new(&options, &crowd->backend);
    pthread_mutex_init(&crowd->lock, NULL);
    pthread_cond_init(&crowd->changed, NULL);
    pthread_create(&server, NULL, crowd_serve, crowd);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){crowd, i + 1, 0};
        pthread_create(&threads[i], NULL, crowd_work, &workers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
    pthread_mutex_lock(&crowd->lock);
    crowd->stop = true;
    pthread_cond_signal(&crowd->changed);
    pthread_mutex_unlock(&crowd->lock);
    pthread_join(server, NULL);
    struct dns_cache_stats stats = dns_cache_stats(crowd->cache);
    assert_int_equal(stats.flights, 0);
    assert_in_range(stats.bytes, 0, options.bytes);
    assert_int_equal(stats.lookups, stats.hits + stats.shared + stats.asked);
    assert_true(stats.hits > 0 && stats.shared > 0);
    dns_cache_free(crowd->cache);
    pthread_cond_destroy(&crowd->changed);
    pthread_mutex_destroy(&crowd->lock);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_texts_are_charged_with_what_is_made_of_them),
        cmocka_unit_test(test_no_space_at_all),
        cmocka_unit_test(test_shared_flight),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_abandon),
        cmocka_unit_test(test_join_abandoned),
        cmocka_unit_test(test_slow_flight),
        cmocka_unit_test(test_lost_flight),
        cmocka_unit_test(test_flight_reuse),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
