/* test_store_failure.c - failure reports that wait to be sent, over both engines. */
#include "failure_event.h"
#include "store_failure.h"
#include "store_harness.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000000, HOUR = 3600, BATCH = 50 };

struct scene {
    struct store_place place;
    struct store *store;
    struct arena *arena;
    struct failure_event event; /* what add() adds */
    uint64_t offset;
};

static struct scene *open_scene(void **state)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    struct store_place place;
    store_place_make(&place, *(enum sql_kind *)*state); /* may skip the test */
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->place = place;
    scene->store = store_open(scene->place.where, SQL_READ_WRITE, error, &trouble);
    if (!scene->store)
        fail_msg("%s", error);
    scene->arena = arena_new(1 << 24);
    scene->event = (struct failure_event){
        .time = NOW,
        .queue_id = BYTES("4BTq1"),
        .kinds = FAILURE_DMARC,
        .authserv_id = BYTES("mx.example.org"),
        .policy_domain = BYTES("example.com"),
        .ruf = {BYTES("mailto:f@example.com")},
        .ruf_count = 1,
        .mail_from = BYTES("x@example.net"),
        .header_from = BYTES("example.com"),
        .dmarc = AUTH_FAIL,
        .header = BYTES("From: x@example.com\r\n"),
        .aligned = {.domain = BYTES("example.com")},
        .failed = {.domain = BYTES("list.example")},
    };
    assert_true(ip_parse(BYTES("192.0.2.1"), &scene->event.source));
    return scene;
}

static void close_scene(struct scene *scene)
{
    store_close(scene->store);
    store_place_remove(&scene->place);
    arena_free(scene->arena);
    test_free(scene);
}

/* Whatever goes wrong says what. */
static void good(struct scene *scene, bool result)
{
    if (!result)
        fail_msg("%s", store_error(scene->store));
}

static void add_octets(struct scene *scene, struct bytes octets)
{
    struct journal_position position;
    good(scene, store_batch_begin(scene->store, "journal", "mx", &position));
    good(scene, store_batch_add(scene->store, octets));
    good(scene, store_batch_commit(scene->store, (struct journal_position){1, ++scene->offset}));
}

static void add(struct scene *scene)
{
    struct strbuf octets;
    strbuf_init(&octets, scene->arena);
    failure_event_encode(&scene->event, &octets);
    add_octets(scene, strbuf_view(&octets));
}

static size_t due(struct scene *scene, int64_t now, int64_t keys[BATCH])
{
    size_t count;
    good(scene, store_failures_due(scene->store, now, 0, keys, BATCH, &count));
    return count;
}

static struct store_failure load(struct scene *scene, int64_t key)
{
    struct store_failure failure;
    bool found;
    good(scene, store_failure_load(scene->store, scene->arena, key, &failure, &found));
    assert_true(found);
    return failure;
}

static void test_like_incidents_are_one(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[BATCH];
    add(scene);
    scene->event.time += 60;
    scene->event.queue_id = BYTES("other");
    scene->event.mail_from = BYTES("y@example.org");
    add(scene);
    assert_int_equal(due(scene, NOW + 120, keys), 0); /* its hour is not over */
    assert_int_equal(due(scene, NOW + HOUR, keys), 1);
    struct store_failure failure = load(scene, keys[0]);
    assert_int_equal(failure.incidents, 2);
    assert_int_equal(failure.first, NOW);
    assert_int_equal(failure.last, NOW + 60);
    assert_int_equal(failure.kind, FAILURE_DMARC);
    assert_true(bytes_equal(failure.event.queue_id, BYTES("4BTq1"))); /* the first one's event */
    assert_true(bytes_equal(failure.event.header, BYTES("From: x@example.com\r\n")));
    close_scene(scene);
}

static void test_different_incidents(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[BATCH];
    add(scene);
    scene->event.source.octets[3]++;
    add(scene);
    scene->event.header_from = BYTES("www.example.com");
    add(scene);
    scene->event.aligned.domain = BYTES("mail.example.com");
    add(scene);
    scene->event.policy_domain = BYTES("www.example.com");
    add(scene);
    scene->event.time += HOUR;
    add(scene);
    assert_int_equal(due(scene, NOW + 2 * HOUR, keys), 6);
    close_scene(scene);
}

/* A message may give rise to three reports; SPF's does not depend on signatures. */
static void test_kinds(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[BATCH];
    scene->event.kinds = FAILURE_DMARC | FAILURE_DKIM | FAILURE_SPF;
    add(scene);
    scene->event.failed.domain = BYTES("other.example");
    add(scene);
    assert_int_equal(due(scene, NOW + HOUR, keys), 4);
    assert_int_equal(load(scene, keys[0]).kind, FAILURE_DMARC);
    assert_int_equal(load(scene, keys[0]).incidents, 2);
    assert_int_equal(load(scene, keys[1]).kind, FAILURE_DKIM);
    assert_int_equal(load(scene, keys[2]).kind, FAILURE_SPF);
    assert_int_equal(load(scene, keys[2]).incidents, 2);
    assert_int_equal(load(scene, keys[3]).kind, FAILURE_DKIM);
    close_scene(scene);
}

/* RFC 9991 2: whatever comes, so many and no more; of others still some. */
static void test_limit(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[BATCH];
    for (int i = 0; i < STORE_FAILURES_OF_DOMAIN + 5; i++) {
        scene->event.source.octets[3] = (uint8_t)i;
        add(scene);
    }
    assert_int_equal(due(scene, NOW + HOUR, keys), STORE_FAILURES_OF_DOMAIN);
    scene->event.source.octets[3] = 0;
    add(scene); /* a row that is there goes on counting */
    assert_int_equal(load(scene, keys[0]).incidents, 2);
    scene->event.policy_domain = BYTES("example.net");
    add(scene);
    assert_int_equal(due(scene, NOW + HOUR, keys), STORE_FAILURES_OF_DOMAIN + 1);
    close_scene(scene);
}

static void test_sending(void **state)
{
    struct scene *scene = open_scene(state);
    struct store *store = scene->store;
    struct bytes address = BYTES("f@example.com");
    int64_t keys[BATCH], count;
    bool claimed, settled;
    add(scene);
    int64_t now = NOW + HOUR;
    assert_int_equal(due(scene, now, keys), 1);
    good(scene, store_failure_claim(store, keys[0], now, now + 900, &claimed));
    assert_true(claimed);
    good(scene, store_failure_claim(store, keys[0], now, now + 900, &claimed));
    assert_false(claimed); /* somebody works on it */
    assert_int_equal(due(scene, now, keys), 0);
    assert_int_equal(due(scene, now + 900, keys), 1); /* and did not come to an end */

    good(scene, store_failure_is_settled(store, keys[0], address, &settled));
    assert_false(settled);
    good(scene, store_failure_delivered(store, keys[0], address, STORE_DELIVERY_PENDING,
                                        BYTES("later"), now));
    good(scene, store_failure_is_settled(store, keys[0], address, &settled));
    assert_false(settled);
    good(scene,
         store_failure_delivered(store, keys[0], address, STORE_DELIVERY_SENT, BYTES_EMPTY, now));
    good(scene, store_failure_delivered(store, keys[0], BYTES("mailto:x"),
                                        STORE_DELIVERY_UNVERIFIED, BYTES("no\nagreement"), now));
    good(scene, store_failure_is_settled(store, keys[0], address, &settled));
    assert_true(settled);
    good(scene, store_failure_finish(store, keys[0]));
    assert_int_equal(due(scene, now + 1800, keys), 0);

    good(scene, store_failure_sent_since(store, address, now, &count));
    assert_int_equal(count, 1);
    good(scene, store_failure_sent_since(store, address, now + 1, &count));
    assert_int_equal(count, 0);
    good(scene, store_sent_since(store, address, now, &count)); /* counts for both limits */
    assert_int_equal(count, 1);
    good(scene, store_sent_since(store, BYTES_EMPTY, now, &count));
    assert_int_equal(count, 1);

    good(scene, store_failure_expire(store, NOW));
    good(scene, store_sent_since(store, address, now, &count));
    assert_int_equal(count, 1);
    good(scene, store_failure_expire(store, NOW + HOUR));
    good(scene, store_sent_since(store, address, now, &count));
    assert_int_equal(count, 0);
    close_scene(scene);
}

static void test_pages(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[2];
    size_t count, all = 0;
    for (int i = 0; i < 5; i++) {
        scene->event.source.octets[3] = (uint8_t)i;
        add(scene);
    }
    int64_t after = 0;
    do {
        good(scene, store_failures_due(scene->store, NOW + HOUR, after, keys, 2, &count));
        all += count;
        after = count ? keys[count - 1] : after;
    } while (count);
    assert_int_equal(all, 5);
    close_scene(scene);
}

/* Where nobody sends reports, the first event of an hour takes the old ones away. */
static void test_old_ones_go(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[BATCH], waiting;
    add(scene);
    scene->event.time += STORE_FAILURE_KEEP;
    add(scene);
    good(scene, store_failures_waiting(scene->store, &waiting));
    assert_int_equal(waiting, 2);
    scene->event.time += HOUR;
    add(scene);
    good(scene, store_failures_waiting(scene->store, &waiting));
    assert_int_equal(waiting, 2);
    assert_int_equal(due(scene, scene->event.time + HOUR, keys), 2);
    assert_int_equal(load(scene, keys[0]).first, NOW + STORE_FAILURE_KEEP);
    close_scene(scene);
}

/* What cannot be decoded is said, and stops nothing. */
static void test_damaged_event(void **state)
{
    struct scene *scene = open_scene(state);
    int64_t keys[BATCH];
    add_octets(scene, BYTES("\x02"
                            "what is that"));
    add_octets(scene, BYTES("\x02"));
    add(scene);
    assert_int_equal(due(scene, NOW + HOUR, keys), 1);
    store_close(scene->store);
    scene->store = NULL;
    struct sql *sql = store_place_open(&scene->place);
    assert_string_equal(store_query(sql, "SELECT sum(messages) FROM loss"), "2");
    sql_close(sql);
    close_scene(scene);
}

static void test_gone(void **state)
{
    struct scene *scene = open_scene(state);
    struct store_failure failure;
    bool found;
    good(scene, store_failure_load(scene->store, scene->arena, 12345, &failure, &found));
    assert_false(found);
    close_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_BOTH(test_like_incidents_are_one),
        STORE_BOTH(test_different_incidents),
        STORE_BOTH(test_kinds),
        STORE_BOTH(test_limit),
        STORE_BOTH(test_sending),
        STORE_BOTH(test_pages),
        STORE_BOTH(test_damaged_event),
        STORE_BOTH(test_gone),
        STORE_BOTH(test_old_ones_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
