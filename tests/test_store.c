/* test_store.c - the store over both engines: its schema, and how events of a journal come in. */
#include "report_rows.h"
#include "store_harness.h"
#include "store_internal.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct at {
    struct store_place place;
    struct store *store;
    struct sql *sql; /* another connection, to look */
    struct arena *arena;
};

static struct store *open_store(const struct store_place *place)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    struct store *store = store_open(place->where, SQL_READ_WRITE, error, &trouble);
    if (!store)
        fail_msg("%s", error);
    return store;
}

static void at_open(struct at *at, void **state)
{
    store_place_make(&at->place, *(enum sql_kind *)*state);
    at->store = open_store(&at->place);
    at->sql = store_place_open(&at->place);
    at->arena = arena_new(1 << 20);
}

static void at_close(struct at *at)
{
    arena_free(at->arena);
    sql_close(at->sql);
    store_close(at->store);
    store_place_remove(&at->place);
}

static void must(struct store *store, bool good)
{
    if (!good)
        fail_msg("trouble %d: %s", store_trouble(store), store_error(store));
}

static void check(struct at *at, const char *query, const char *wanted)
{
    const char *found = store_query(at->sql, query);
    if (strcmp(found, wanted) != 0)
        fail_msg("%s: \"%s\", wanted \"%s\"", query, found, wanted);
}

/* Begins a batch of journal "j1"; its position must be that. */
static void begin_at(struct store *store, uint64_t segment, uint64_t offset)
{
    struct journal_position position;
    must(store, store_batch_begin(store, "j1", "mx1.example", &position));
    assert_int_equal(position.segment, segment);
    assert_int_equal(position.offset, offset);
}

static void commit_at(struct store *store, uint64_t segment, uint64_t offset)
{
    must(store, store_batch_commit(store, (struct journal_position){segment, offset}));
}

static void add(struct at *at, struct report_row row)
{
    must(at->store, store_batch_add(at->store, row_encoded(at->arena, &row)));
}

/* ---- the schema ---- */

static void must_not_open(const struct store_place *place, enum sql_use use, const char *words)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    assert_null(store_open(place->where, use, error, &trouble));
    assert_int_equal(trouble, SQL_WRONG);
    if (!strstr(error, words))
        fail_msg("\"%s\", wanted \"%s\"", error, words);
}

static void test_schema(void **state)
{
    struct at at;
    at_open(&at, state);
    check(&at, "SELECT version FROM schema_version", "2");
    store_close(at.store);
    at.store = open_store(&at.place);
    check(&at, "SELECT count(*) FROM schema_version", "1");
    at_close(&at);
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct at at;
    at_open(&at, state);
    assert_true(sql_run(at.sql, "UPDATE schema_version SET version = 99"));
    must_not_open(&at.place, SQL_READ_WRITE, "has schema version 99, this Assay knows up to 2");
    must_not_open(&at.place, SQL_READ_ONLY, "upgrade this one");
    check(&at, "SELECT version FROM schema_version", "99");
    at_close(&at);
}

static void test_an_empty_database_is_not_read(void **state)
{
    struct store_place place;
    store_place_make(&place, *(enum sql_kind *)*state);
    sql_close(store_place_open(&place));
    must_not_open(&place, SQL_READ_ONLY, "schema version 0, this Assay needs 2");
    store_place_remove(&place);
}

/* Three steps, of which the older Assay knew one. */
static void test_migration(void **state)
{
    static const char *const steps[] = {
        "CREATE TABLE schema_version (version BIGINT NOT NULL);"
        "INSERT INTO schema_version VALUES (0); CREATE TABLE a (id @ID@, x TEXT);"
        "CREATE TABLE b (id @ID@)",
        "ALTER TABLE a ADD COLUMN y BIGINT; UPDATE a SET y = 7",
        "ALTER TABLE a ADD COLUMN z BIGINT; UPDATE a SET z = y + 1",
    };
    struct store_place place;
    store_place_make(&place, *(enum sql_kind *)*state);
    struct sql *sql = store_place_open(&place);
    assert_true(store_schema_bring(sql, SQL_READ_WRITE, &(struct store_schema){steps, 1}));
    assert_true(
        sql_run(sql, "INSERT INTO a (x) VALUES ('kept'); INSERT INTO a (x) VALUES ('two')"));
    assert_false(store_schema_bring(sql, SQL_READ_ONLY, &(struct store_schema){steps, 3}));
    assert_true(store_schema_bring(sql, SQL_READ_WRITE, &(struct store_schema){steps, 3}));
    assert_string_equal(store_query(sql, "SELECT version FROM schema_version"), "3");
    assert_string_equal(store_query(sql, "SELECT x FROM a WHERE id = 1 AND z = 8"), "kept");
    assert_string_equal(store_query(sql, "SELECT max(id) FROM a"), "2");
    assert_false(store_schema_bring(sql, SQL_READ_WRITE, &(struct store_schema){steps, 2}));
    sql_close(sql);
    store_place_remove(&place);
}

static void test_a_broken_step_leaves_nothing(void **state)
{
    static const char *const steps[] = {
        "CREATE TABLE schema_version (version BIGINT NOT NULL);"
        "INSERT INTO schema_version VALUES (0); CREATE TABLE a (x BIGINT)",
        "ALTER TABLE a ADD COLUMN y BIGINT; UPDATE nowhere SET z = 1",
    };
    struct store_place place;
    store_place_make(&place, *(enum sql_kind *)*state);
    struct sql *sql = store_place_open(&place);
    assert_true(store_schema_bring(sql, SQL_READ_WRITE, &(struct store_schema){steps, 1}));
    assert_false(store_schema_bring(sql, SQL_READ_WRITE, &(struct store_schema){steps, 2}));
    assert_non_null(strstr(sql_error(sql), "nowhere"));
    assert_string_equal(store_query(sql, "SELECT version FROM schema_version"), "1");
    assert_null(sql_prepare(sql, "SELECT y FROM a"));
    sql_close(sql);
    store_place_remove(&place);
}

/* Several processes that all find nothing. */
static void test_made_by_many_at_once(void **state)
{
    enum { PROCESSES = 6, ROUNDS = 4 };
    for (int round = 0; round < ROUNDS; round++) {
        struct store_place place;
        int start[2];
        pid_t pids[PROCESSES];
        store_place_make(&place, *(enum sql_kind *)*state);
        assert_int_equal(pipe(start), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = fork();
            if (pids[i] != 0)
                continue;
            char octet, error[SQL_ERROR_MAX];
            enum sql_trouble trouble;
            close(start[1]);
            if (read(start[0], &octet, 1) != 0)
                _exit(2);
            struct store *store = store_open(place.where, SQL_READ_WRITE, error, &trouble);
            if (!store)
                fprintf(stderr, "process %d: %s\n", i, error);
            store_close(store);
            _exit(store ? 0 : 1);
        }
        close(start[0]);
        close(start[1]); /* go */
        int failures = 0;
        for (int i = 0; i < PROCESSES; i++) {
            int status;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            failures += status != 0;
        }
        assert_int_equal(failures, 0);
        struct sql *sql = store_place_open(&place);
        assert_string_equal(store_query(sql, "SELECT count(*) FROM schema_version"), "1");
        sql_close(sql);
        store_place_remove(&place);
    }
}

/* ---- from the journal ---- */

static void test_batches(void **state)
{
    struct at at;
    at_open(&at, state);
    begin_at(at.store, 0, 0);
    add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT));
    add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT + 5));
    add(&at, row_plain("a.example", "192.0.2.2", ROW_MIDNIGHT + 6));
    add(&at, row_plain("b.example", "192.0.2.2", ROW_MIDNIGHT + 7));
    check(&at, "SELECT count(*) FROM message", "0"); /* not yet */
    commit_at(at.store, 1, 400);
    check(&at, "SELECT count(*) FROM message", "4");
    check(&at, "SELECT count(*) FROM tuple", "3");
    check(&at, "SELECT count(*) FROM policy", "2");
    check(&at, "SELECT host FROM source WHERE journal = 'j1'", "mx1.example");
    begin_at(at.store, 1, 400);
    commit_at(at.store, 2, 0);
    begin_at(at.store, 2, 0);
    store_rollback(at.store);
    check(&at, "SELECT received FROM message WHERE queue_id = '4ABCdef12345' ORDER BY id LIMIT 1",
          "1795305600");
    at_close(&at);
}

static void test_each_journal_has_its_position(void **state)
{
    struct at at;
    struct journal_position position;
    at_open(&at, state);
    begin_at(at.store, 0, 0);
    commit_at(at.store, 3, 30);
    must(at.store, store_batch_begin(at.store, "j2", "mx2.example", &position));
    assert_int_equal(position.segment, 0);
    commit_at(at.store, 1, 10);
    begin_at(at.store, 3, 30);
    store_rollback(at.store);
    check(&at, "SELECT count(*) FROM source", "2");
    at_close(&at);
}

/* What a rolled-back batch inserted does not exist, whatever the store remembers of it. */
static void test_a_batch_again(void **state)
{
    struct at at;
    at_open(&at, state);
    for (int i = 0; i < 3; i++) {
        begin_at(at.store, 0, 0);
        add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT));
        if (i == 0)
            store_rollback(at.store);
        /* i == 1: given up without a word; the next begin does it */
    }
    commit_at(at.store, 1, 100);
    check(&at, "SELECT count(*) FROM message", "1");
    check(&at,
          "SELECT count(*) FROM message m JOIN tuple t ON t.id = m.tuple"
          " JOIN policy p ON p.id = t.policy",
          "1");
    at_close(&at);
}

/* A commit whose answer got lost: the next batch begins behind it. */
static void test_a_commit_nobody_knows_of(void **state)
{
    struct at at;
    at_open(&at, state);
    struct store *other = open_store(&at.place);
    begin_at(at.store, 0, 0);
    add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT));
    commit_at(at.store, 1, 100);
    begin_at(other, 1, 100);
    store_rollback(other);
    store_close(other);
    at_close(&at);
}

static void test_two_processes_one_journal(void **state)
{
    struct at at;
    struct journal_position position;
    at_open(&at, state);
    struct store *other = open_store(&at.place);
    assert_true(sql_run(other->sql, at.place.kind == SQL_SQLITE ? "PRAGMA busy_timeout = 100"
                                                                : "SET lock_timeout = '100ms'"));
    begin_at(at.store, 0, 0);
    commit_at(at.store, 1, 1);
    begin_at(at.store, 1, 1);
    assert_false(store_batch_begin(other, "j1", "mx1.example", &position));
    assert_int_equal(store_trouble(other), SQL_BUSY);
    commit_at(at.store, 2, 2);
    begin_at(other, 2, 2);
    store_rollback(other);
    store_close(other);
    at_close(&at);
}

/* ---- what a row becomes ---- */

static void test_columns(void **state)
{
    struct at at;
    at_open(&at, state);
    begin_at(at.store, 0, 0);
    add(&at, row_full(at.arena, 2));
    commit_at(at.store, 1, 1);
    check(&at,
          "SELECT domain || ' ' || p || ' ' || sp || ' ' || np || ' ' || adkim || aspf || ' '"
          " || testing || psd || ' ' || fo || ' ' || rua || ' ' || error FROM policy",
          "policy.example reject none quarantine sr 11 1:d:s mailto:a@one.example "
          "mailto:b@two.example!10m unknown tag x");
    check(&at,
          "SELECT source_ip || ' ' || disposition || ' ' || dkim || ' ' || spf || ' ' ||"
          " header_from || ' ' || envelope_from || ' ' || spf_domain || ' ' || spf_result ||"
          " ' ' || spf_reason FROM tuple",
          "2001:db8::1 quarantine fail pass from.policy.example envelope.example spf.example "
          "softfail no mechanism matched");
    check(&at, "SELECT reasons FROM tuple",
          "[{\"type\":\"local_policy\",\"comment\":\"a \\\"list\\\", \\\\ perhaps\"},"
          "{\"type\":\"mailing_list\",\"comment\":\"\"}]");
    check(&at, "SELECT signatures FROM tuple",
          "[{\"domain\":\"d0.example\",\"selector\":\"s0\",\"result\":\"none\",\"reason\":\"\"},"
          "{\"domain\":\"d1.example\",\"selector\":\"s1\",\"result\":\"pass\","
          "\"reason\":\"body hash did not verify\"}]");
    at_close(&at);
}

static void test_what_is_absent(void **state)
{
    struct at at;
    at_open(&at, state);
    struct report_row row = row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT);
    row.envelope_from = BYTES_EMPTY; /* the null reverse-path */
    row.spf_domain = BYTES_EMPTY;    /* SPF had nothing to check */
    begin_at(at.store, 0, 0);
    add(&at, row);
    commit_at(at.store, 1, 1);
    check(&at, "SELECT count(*) FROM tuple WHERE envelope_from = '' AND spf_domain IS NULL", "1");
    check(&at, "SELECT count(*) FROM policy WHERE sp IS NULL AND np IS NULL AND error = ''", "1");
    at_close(&at);
}

/* Whatever stands in DNS, in a name or in a queue id: the database takes it. */
static void test_hostile_text(void **state)
{
    struct at at;
    at_open(&at, state);
    struct report_row row = row_full(at.arena, 1);
    row.queue_id = (struct bytes){"q\0'\xff;", 5};
    row.policy.rua[0] = BYTES("mailto:\xc3(@h ost\n");
    row.policy.error = BYTES("gr\xc3\xbc\xc3\x9f'; DROP TABLE message; --");
    row.header_from = BYTES("\xf4\x90\x80\x80.example");
    row.spf_reason = BYTES("\xed\xa0\x80 $1 ?1");
    row.reasons[0].comment = BYTES("\x01\"\xe2\x82");
    row.signatures[0].selector = (struct bytes){"s\0'", 3};
    begin_at(at.store, 0, 0);
    add(&at, row);
    commit_at(at.store, 1, 1);
    check(&at, "SELECT queue_id FROM message", "q?'?;");
    check(&at, "SELECT rua FROM policy", "mailto:?(@h%20ost? mailto:b@two.example!10m");
    check(&at, "SELECT error FROM policy", "gr\xc3\xbc\xc3\x9f'; DROP TABLE message; --");
    check(&at, "SELECT header_from FROM tuple", "????.example");
    check(&at, "SELECT spf_reason FROM tuple", "??? $1 ?1");
    check(&at, "SELECT reasons FROM tuple",
          "[{\"type\":\"local_policy\",\"comment\":\"?\\\"??\"},"
          "{\"type\":\"mailing_list\",\"comment\":\"\"}]");
    check(&at, "SELECT signatures FROM tuple",
          "[{\"domain\":\"d0.example\",\"selector\":\"s?'\",\"result\":\"none\",\"reason\":\"\"}]");
    at_close(&at);
}

static void test_a_long_queue_id_is_cut(void **state)
{
    char id[1000];
    struct at at;
    at_open(&at, state);
    memset(id, 'q', sizeof(id));
    struct report_row row = row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT);
    row.queue_id = (struct bytes){id, sizeof(id)};
    begin_at(at.store, 0, 0);
    add(&at, row);
    commit_at(at.store, 1, 1);
    check(&at, "SELECT length(queue_id) FROM message", "64");
    at_close(&at);
}

/* Messages go to the database some at a time: none is forgotten, doubled or taken along from a
 * batch that was given up. */
static void test_any_number_of_messages(void **state)
{
    static const int numbers[] = {1,
                                  STORE_MESSAGES - 1,
                                  STORE_MESSAGES,
                                  STORE_MESSAGES + 1,
                                  2 * STORE_MESSAGES,
                                  2 * STORE_MESSAGES + 7,
                                  0,
                                  1};
    struct at at;
    uint64_t segment = 0;
    int total = 0;
    at_open(&at, state);
    for (size_t i = 0; i < 2 * sizeof(numbers) / sizeof(numbers[0]); i++) {
        bool give_up = i % 2 == 0;
        begin_at(at.store, segment, 0);
        for (int k = 0; k < numbers[i / 2]; k++) {
            struct report_row row = row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT + total);
            row.queue_id = bytes_of(
                arena_printf(at.arena, give_up ? "given up" : "q%0*d", 1 + total % 40, total));
            add(&at, row);
            total += !give_up;
        }
        if (give_up)
            store_rollback(at.store);
        else
            commit_at(at.store, ++segment, 0);
    }
    char wanted[20];
    snprintf(wanted, sizeof(wanted), "%d", total);
    check(&at, "SELECT count(*) FROM message", wanted);
    check(&at, "SELECT count(DISTINCT queue_id) FROM message", wanted);
    check(&at,
          "SELECT count(*) FROM message WHERE"
          " CAST(substr(queue_id, 2) AS integer) + 1795305600 = received",
          wanted);
    at_close(&at);
}

/* More keys than the store remembers: some of them fall out and are found in the database. */
static void test_more_keys_than_remembered(void **state)
{
    enum { KEYS = STORE_POLICY_CACHE + 2000 };
    struct at at;
    at_open(&at, state);
    begin_at(at.store, 0, 0);
    for (int i = 0; i < 2 * KEYS; i++) {
        char domain[40];
        arena_reset(at.arena);
        snprintf(domain, sizeof(domain), "d%d.example", i % KEYS);
        add(&at, row_plain(domain, "192.0.2.1", ROW_MIDNIGHT));
    }
    commit_at(at.store, 1, 1);
    char wanted[20];
    snprintf(wanted, sizeof(wanted), "%d", KEYS);
    check(&at, "SELECT count(*) FROM policy", wanted);
    check(&at, "SELECT count(*) FROM tuple", wanted);
    check(&at,
          "SELECT count(*) FROM (SELECT tuple FROM message GROUP BY tuple HAVING count(*) = 2)"
          " x",
          wanted);
    at_close(&at);
}

/* ---- losses ---- */

struct losses {
    char text[1000];
};

static bool add_loss(void *context, const struct store_loss *loss)
{
    struct losses *losses = context;
    size_t len = strlen(losses->text);
    snprintf(losses->text + len, sizeof(losses->text) - len, "%.*s: %.*s: %lld at %lld\n",
             BYTES_ARGS(loss->host), BYTES_ARGS(loss->cause), (long long)loss->messages,
             (long long)loss->last);
    return true;
}

static void check_losses(struct at *at, int64_t since, const char *wanted)
{
    struct losses losses = {""};
    must(at->store, store_losses(at->store, since, add_loss, &losses));
    assert_string_equal(losses.text, wanted);
}

static void test_losses(void **state)
{
    struct at at;
    at_open(&at, state);
    begin_at(at.store, 0, 0);
    must(at.store, store_batch_lost(at.store, 3, "the journal was full", ROW_MIDNIGHT + 10));
    must(at.store, store_batch_lost(at.store, 4, "the journal was full", ROW_MIDNIGHT + 20));
    must(at.store, store_batch_lost(at.store, 1, "I/O error", ROW_MIDNIGHT + 30));
    commit_at(at.store, 1, 1);
    begin_at(at.store, 1, 1);
    must(at.store, store_batch_lost(at.store, 100, "undone", ROW_MIDNIGHT));
    store_rollback(at.store);
    begin_at(at.store, 1, 1);
    must(at.store, store_batch_lost(at.store, 10, "the journal was full", ROW_MIDNIGHT + ROW_DAY));
    commit_at(at.store, 1, 2);
    check_losses(&at, 0,
                 "mx1.example: I/O error: 1 at 1795305630\n"
                 "mx1.example: the journal was full: 17 at 1795392000\n");
    check_losses(&at, ROW_MIDNIGHT + ROW_DAY,
                 "mx1.example: the journal was full: 10 at 1795392000\n");
    check_losses(&at, ROW_MIDNIGHT + 2 * ROW_DAY, "");
    at_close(&at);
}

static void test_events_that_are_none(void **state)
{
    static const struct bytes events[] = {{NULL, 0}, BYTES("x"), BYTES("\xff\xff\xff\xff")};
    struct at at;
    at_open(&at, state);
    begin_at(at.store, 0, 0);
    add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT));
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        must(at.store, store_batch_add(at.store, events[i]));
    commit_at(at.store, 1, 1);
    check(&at, "SELECT count(*) FROM message", "1");
    check(&at, "SELECT messages FROM loss WHERE cause = 'an event that cannot be decoded'", "3");
    begin_at(at.store, 1, 1);
    commit_at(at.store, 1, 2);
    check(&at, "SELECT sum(messages) FROM loss", "3");
    at_close(&at);
}

/* ---- trouble ---- */

static void test_a_full_disk(void **state)
{
    struct at at;
    at_open(&at, state);
    assert_true(sql_run(at.store->sql, "PRAGMA max_page_count = 60"));
    begin_at(at.store, 0, 0);
    bool good = true;
    for (int i = 0; good && i < 100000; i++) {
        struct report_row row = row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT + i);
        arena_reset(at.arena);
        good = store_batch_add(at.store, row_encoded(at.arena, &row));
    }
    assert_false(good);
    assert_int_equal(store_trouble(at.store), SQL_FULL);
    store_rollback(at.store);
    assert_int_equal(store_trouble(at.store), SQL_FULL);
    assert_true(sql_run(at.store->sql, "PRAGMA max_page_count = 100000"));
    begin_at(at.store, 0, 0);
    for (int i = 0; i < 10000; i++) {
        arena_reset(at.arena);
        add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT + i));
    }
    commit_at(at.store, 1, 1);
    check(&at, "SELECT count(*) FROM message", "10000");
    at_close(&at);
}

static void test_the_connection_breaks_in_a_batch(void **state)
{
    struct at at;
    at_open(&at, state);
    char kill[100];
    begin_at(at.store, 0, 0);
    add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT));
    snprintf(kill, sizeof(kill), "SELECT pg_terminate_backend(%s, 5000)",
             store_query(at.store->sql, "SELECT pg_backend_pid()"));
    assert_true(sql_run(at.sql, kill));
    struct report_row row = row_plain("a.example", "192.0.2.2", ROW_MIDNIGHT);
    assert_false(store_batch_add(at.store, row_encoded(at.arena, &row)));
    assert_int_equal(store_trouble(at.store), SQL_AWAY);
    store_rollback(at.store);
    struct journal_position position;
    assert_false(store_batch_begin(at.store, "j1", "mx1.example", &position));
    assert_int_equal(store_trouble(at.store), SQL_AWAY);
    store_close(at.store);
    at.store = open_store(&at.place);
    begin_at(at.store, 0, 0);
    add(&at, row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT));
    add(&at, row);
    commit_at(at.store, 1, 1);
    check(&at, "SELECT count(*) FROM message", "2");
    at_close(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_BOTH(test_schema),
        STORE_BOTH(test_a_newer_schema_is_refused),
        STORE_BOTH(test_an_empty_database_is_not_read),
        STORE_BOTH(test_migration),
        STORE_BOTH(test_a_broken_step_leaves_nothing),
        STORE_BOTH(test_made_by_many_at_once),
        STORE_BOTH(test_batches),
        STORE_BOTH(test_each_journal_has_its_position),
        STORE_BOTH(test_a_batch_again),
        STORE_BOTH(test_a_commit_nobody_knows_of),
        STORE_BOTH(test_two_processes_one_journal),
        STORE_BOTH(test_columns),
        STORE_BOTH(test_what_is_absent),
        STORE_BOTH(test_hostile_text),
        STORE_BOTH(test_a_long_queue_id_is_cut),
        STORE_BOTH(test_any_number_of_messages),
        STORE_BOTH(test_more_keys_than_remembered),
        STORE_BOTH(test_losses),
        STORE_BOTH(test_events_that_are_none),
        STORE_SQLITE(test_a_full_disk),
        STORE_POSTGRESQL(test_the_connection_breaks_in_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
