/* test_store_reports.c - the store over both engines: from messages to reports, their
 * deliveries, and what is old enough to go. */
#include "report_rows.h"
#include "store.h"
#include "store_harness.h"

#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 100 };

struct at {
    struct store_place place;
    struct store *store;
    struct sql *sql; /* another connection, to look */
    struct arena *arena;
    uint64_t segment;       /* of the journal, so far */
    char text[4000];        /* what callbacks were given, a line each */
    int64_t keys[KEYS_MAX]; /* and its keys */
    int count;
};

static void at_open(struct at *at, void **state)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    memset(at, 0, sizeof(*at));
    store_place_make(&at->place, *(enum sql_kind *)*state);
    at->store = store_open(at->place.where, SQL_READ_WRITE, error, &trouble);
    if (!at->store)
        fail_msg("%s", error);
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

static void must(struct at *at, bool good)
{
    if (!good)
        fail_msg("trouble %d: %s", store_trouble(at->store), store_error(at->store));
}

static void check(struct at *at, const char *query, const char *wanted)
{
    const char *found = store_query(at->sql, query);
    if (strcmp(found, wanted) != 0)
        fail_msg("%s: \"%s\", wanted \"%s\"", query, found, wanted);
}

/* `count` messages of a row, in a batch of their own. */
static void ingest(struct at *at, const struct report_row *row, int count)
{
    struct journal_position position;
    struct bytes event = row_encoded(at->arena, row);
    must(at, store_batch_begin(at->store, "j", "mx", &position));
    for (int i = 0; i < count; i++)
        must(at, store_batch_add(at->store, event));
    must(at, store_batch_commit(at->store, (struct journal_position){++at->segment, 0}));
}

/* Passing messages of a domain from 192.0.2.x. */
static void plain(struct at *at, const char *domain, int x, int64_t time, int count)
{
    struct report_row row =
        row_plain(domain, arena_printf(at->arena, "192.0.2.%d", x), ROW_MIDNIGHT + time);
    ingest(at, &row, count);
}

/* Times count from ROW_MIDNIGHT. */
static struct store_filter days(int64_t begin, int64_t end)
{
    return (struct store_filter){
        .period = ROW_DAY, .begin = ROW_MIDNIGHT + begin, .end = ROW_MIDNIGHT + end};
}

/* ---- what callbacks are given, as text ---- */

static void forget(struct at *at)
{
    at->text[0] = '\0';
    at->count = 0;
}

static void note(struct at *at, int64_t key, const char *line)
{
    size_t len = strlen(at->text);
    snprintf(at->text + len, sizeof(at->text) - len, "%s\n", line);
    if (at->count < KEYS_MAX)
        at->keys[at->count++] = key;
}

static const char *summary_text(struct at *at, const struct store_summary *summary)
{
    return arena_printf(at->arena,
                        "%.*s %+" PRId64 " to %+" PRId64 ": %" PRId64 " in %" PRId64 ", %" PRId64
                        " passed, %" PRId64 " accepted",
                        BYTES_ARGS(summary->domain), summary->begin - ROW_MIDNIGHT,
                        summary->end - ROW_MIDNIGHT, summary->messages, summary->tuples,
                        summary->passed, summary->accepted);
}

static bool note_summary(void *context, const struct store_summary *summary)
{
    assert_int_equal(summary->report, 0);
    assert_true(bytes_is(summary->rua, "mailto:dmarc@example.com"));
    note(context, summary->policy, summary_text(context, summary));
    return true;
}

static bool note_report(void *context, const struct store_report *report)
{
    static const char *const states[] = {"planned", "open", "done", "skipped"};
    struct at *at = context;
    assert_int_equal(strspn(report->report_id, "0123456789abcdef"), STORE_REPORT_ID_LEN);
    note(at, report->summary.report,
         arena_printf(at->arena, "%s; %s%s%.*s", summary_text(at, &report->summary),
                      states[report->state], report->note.len ? ": " : "",
                      BYTES_ARGS(report->note)));
    return true;
}

static void check_due(struct at *at, struct store_filter filter, const char *wanted)
{
    forget(at);
    must(at, store_due(at->store, &filter, note_summary, at));
    assert_string_equal(at->text, wanted);
}

/* All reports, by key. */
static void check_reports(struct at *at, const char *wanted)
{
    forget(at);
    must(at, store_reports(at->store, 15, NULL, 0, 1000, note_report, at));
    assert_string_equal(at->text, wanted);
}

static void plan(struct at *at, struct store_filter filter, int64_t maximum, int64_t wanted)
{
    int64_t planned;
    must(at, store_plan(at->store, &filter, ROW_MIDNIGHT + 2 * ROW_DAY, maximum, &planned));
    assert_int_equal(planned, wanted);
}

/* ---- planning ---- */

static void test_due_and_plan(void **state)
{
    struct at at;
    at_open(&at, state);
    struct report_row failing = row_plain("b.example", "192.0.2.9", ROW_MIDNIGHT + 50);
    failing.dkim_aligned = failing.spf_aligned = false;
    failing.disposition = REPORT_DISPOSITION_REJECT;
    plain(&at, "b.example", 1, 0, 3);
    plain(&at, "b.example", 2, ROW_DAY - 1, 2);
    ingest(&at, &failing, 4);
    plain(&at, "a.example", 1, 100, 1);
    plain(&at, "b.example", 1, ROW_DAY, 7); /* the next day */
    plain(&at, "c.example", 1, -1, 5);      /* the day before */
    static const char day[] = "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted\n"
                              "b.example +0 to +86400: 9 in 3, 5 passed, 5 accepted\n";
    check_due(&at, days(0, ROW_DAY), day);
    check_due(&at, days(0, ROW_DAY), day); /* nothing was changed */
    plan(&at, days(0, ROW_DAY), 1000, 2);
    check_due(&at, days(0, ROW_DAY), "");
    check_due(&at, days(-ROW_DAY, 2 * ROW_DAY),
              "b.example +86400 to +172800: 7 in 1, 7 passed, 7 accepted\n"
              "c.example -86400 to +0: 5 in 1, 5 passed, 5 accepted\n");
    check(&at, "SELECT count(*) FROM message WHERE report IS NULL", "12");
    plan(&at, days(0, ROW_DAY), 1000, 0);
    check_reports(&at, "b.example +0 to +86400: 9 in 3, 5 passed, 5 accepted; planned\n"
                       "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; planned\n");
    check(&at,
          "SELECT count(*) FROM message m JOIN report_tuple rt ON rt.report = m.report"
          " AND rt.tuple = m.tuple",
          "10");
    check(&at, "SELECT sum(messages) FROM report_tuple", "10");
    check(&at, "SELECT count(DISTINCT report_id) FROM report", "2");
    at_close(&at);
}

static void test_either_alignment_is_a_pass(void **state)
{
    static const struct {
        bool dkim, spf;
        enum report_disposition disposition;
    } rows[] = {
        {true, false, REPORT_DISPOSITION_PASS},    {false, true, REPORT_DISPOSITION_NONE},
        {false, false, REPORT_DISPOSITION_NONE},   {false, false, REPORT_DISPOSITION_QUARANTINE},
        {false, false, REPORT_DISPOSITION_REJECT},
    };
    struct at at;
    at_open(&at, state);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report_row row = row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT);
        row.dkim_aligned = rows[i].dkim;
        row.spf_aligned = rows[i].spf;
        row.disposition = rows[i].disposition;
        ingest(&at, &row, 1 << i);
    }
    check_due(&at, days(0, ROW_DAY), "a.example +0 to +86400: 31 in 5, 3 passed, 7 accepted\n");
    at_close(&at);
}

static void test_short_periods(void **state)
{
    struct at at;
    at_open(&at, state);
    struct store_filter filter = days(0, ROW_DAY);
    filter.period = 3600;
    plain(&at, "a.example", 1, 0, 1);
    plain(&at, "a.example", 1, 3599, 2);
    plain(&at, "a.example", 1, 3600, 4);
    plain(&at, "a.example", 1, 7200, 8);
    filter.end = ROW_MIDNIGHT + 7200;
    plan(&at, filter, 1000, 2);
    check_reports(&at, "a.example +0 to +3600: 3 in 1, 3 passed, 3 accepted; planned\n"
                       "a.example +3600 to +7200: 4 in 1, 4 passed, 4 accepted; planned\n");
    at_close(&at);
}

static void test_one_domain(void **state)
{
    struct at at;
    at_open(&at, state);
    plain(&at, "a.example", 1, 0, 1);
    plain(&at, "b.example", 1, 0, 2);
    struct store_filter filter = days(0, ROW_DAY);
    filter.domain = BYTES("b.example");
    check_due(&at, filter, "b.example +0 to +86400: 2 in 1, 2 passed, 2 accepted\n");
    plan(&at, filter, 1000, 1);
    check(&at, "SELECT count(*) FROM message WHERE report IS NULL", "1");
    check_due(&at, days(0, ROW_DAY), "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted\n");
    at_close(&at);
}

/* RFC 9990 3.1.1.5: a report tells of one policy; a change during the day makes two. */
static void test_a_policy_that_changed(void **state)
{
    struct at at;
    at_open(&at, state);
    struct report_row row = row_plain("a.example", "192.0.2.1", ROW_MIDNIGHT);
    ingest(&at, &row, 2);
    row.policy.p = DMARC_POLICY_NONE;
    ingest(&at, &row, 3);
    plan(&at, days(0, ROW_DAY), 1000, 2);
    check_reports(&at, "a.example +0 to +86400: 2 in 1, 2 passed, 2 accepted; planned\n"
                       "a.example +0 to +86400: 3 in 1, 3 passed, 3 accepted; planned\n");
    at_close(&at);
}

static void test_late_messages(void **state)
{
    struct at at;
    at_open(&at, state);
    plain(&at, "a.example", 1, 0, 5);
    plan(&at, days(0, ROW_DAY), 1000, 1);
    plain(&at, "a.example", 1, 10, 2);
    plain(&at, "a.example", 2, 10, 1);
    plan(&at, days(0, ROW_DAY), 1000, 1);
    check_reports(&at, "a.example +0 to +86400: 5 in 1, 5 passed, 5 accepted; planned\n"
                       "a.example +0 to +86400: 3 in 2, 3 passed, 3 accepted; planned\n");
    at_close(&at);
}

static void test_many_records_make_parts(void **state)
{
    struct at at;
    at_open(&at, state);
    for (int x = 1; x <= 25; x++)
        plain(&at, "a.example", x, x, x);
    plan(&at, days(0, ROW_DAY), 10, 3);
    check(&at, "SELECT sum(messages) FROM report", "325");
    check(&at, "SELECT sum(tuples) FROM report", "25");
    check(&at, "SELECT max(tuples) FROM report", "10");
    check(&at, "SELECT count(DISTINCT tuple) FROM report_tuple", "25");
    check(&at,
          "SELECT count(*) FROM message m JOIN report_tuple rt ON rt.report = m.report"
          " AND rt.tuple = m.tuple",
          "325");
    check(&at,
          "SELECT count(*) FROM report r WHERE r.messages <>"
          " (SELECT count(*) FROM message m WHERE m.report = r.id)",
          "0");
    at_close(&at);
}

static bool note_delivery(void *context, const struct store_delivery *delivery);

static void check_split(struct at *at, int64_t report, bool wanted)
{
    bool split;
    must(at, store_report_split(at->store, report, ROW_MIDNIGHT, &split));
    assert_int_equal(split, wanted);
}

static bool note_others(void *context, const struct store_report *report)
{
    struct at *at = context;
    note(at, report->summary.report,
         arena_printf(at->arena, "%" PRId64 " %" PRId64, report->summary.others_passed,
                      report->summary.others_accepted));
    return true;
}

/* A report that is larger than a mail may be. */
static void test_one_becomes_two(void **state)
{
    struct at at;
    at_open(&at, state);
    for (int x = 1; x <= 5; x++)
        plain(&at, "a.example", x, x, x);
    plan(&at, days(0, ROW_DAY), 1000, 1);
    check_reports(&at, "a.example +0 to +86400: 15 in 5, 15 passed, 15 accepted; planned\n");
    int64_t whole = at.keys[0];
    check_split(&at, whole, true);
    check_reports(&at, "a.example +0 to +86400: 12 in 3, 12 passed, 12 accepted; planned\n"
                       "a.example +0 to +86400: 3 in 2, 3 passed, 3 accepted; planned\n");
    int64_t part = at.keys[1];
    forget(&at);
    must(&at, store_reports(at.store, 15, NULL, 0, 9, note_others, &at));
    assert_string_equal(at.text, "3 3\n12 12\n");
    check_split(&at, part, true);
    check_split(&at, part, false); /* one record */
    check_split(&at, part + 9, false);
    check(&at, "SELECT count(*) FROM report_tuple", "5");
    check(&at, "SELECT sum(messages) FROM report_tuple", "15");
    check(&at, "SELECT count(DISTINCT report_id) FROM report", "3");
    /* what was sent keeps its records */
    must(&at, store_delivery_add(at.store, whole, BYTES("a@a.example"), STORE_DELIVERY_PENDING, 1,
                                 BYTES_EMPTY, 1));
    must(&at, store_deliveries(at.store, whole, note_delivery, &at));
    must(&at, store_delivery_set(at.store, at.keys[at.count - 1], STORE_DELIVERY_SENT, 0,
                                 BYTES_EMPTY, 1));
    check_split(&at, whole, false);
    at_close(&at);
}

/* ---- what a report tells ---- */

struct records {
    struct at *at;
    struct bytes wanted[3]; /* encoded, as they went in */
    int64_t counts[3];
    size_t found;
    const struct report_row *whole; /* for what a record does not have */
};

static bool check_record(void *context, const struct report_row *record, int64_t count)
{
    struct records *records = context;
    struct report_row row = *record;
    assert_true(records->found < 3);
    row.time = records->whole->time;
    row.queue_id = records->whole->queue_id;
    row.policy = records->whole->policy;
    struct bytes octets = row_encoded(records->at->arena, &row);
    for (size_t i = 0; i < 3; i++) {
        if (!bytes_equal(octets, records->wanted[i]))
            continue;
        assert_int_equal(count, records->counts[i]);
        records->found++;
        return true;
    }
    fail_msg("a record that nobody put in");
    return false;
}

/* Octet for octet what was put in, policy and records. */
static void test_what_goes_in_comes_out(void **state)
{
    struct at at;
    at_open(&at, state);
    struct report_row full = row_full(at.arena, REPORT_SIGNATURES_MAX);
    struct report_row none = full, null = full;
    none.signature_count = none.reason_count = 0;
    null.envelope_from = null.spf_domain = null.spf_reason = BYTES_EMPTY;
    null.spf_result = AUTH_NONE;
    struct records records = {.at = &at,
                              .wanted = {row_encoded(at.arena, &full), row_encoded(at.arena, &none),
                                         row_encoded(at.arena, &null)},
                              .counts = {1, 2, 3},
                              .whole = &full};
    ingest(&at, &full, 1);
    ingest(&at, &none, 2);
    ingest(&at, &null, 3);
    plan(&at, days(0, ROW_DAY), 1000, 1);
    check_reports(&at, "policy.example +0 to +86400: 6 in 3, 6 passed, 0 accepted; planned\n");
    must(&at, store_report_records(at.store, at.keys[0], check_record, &records));
    assert_int_equal(records.found, 3);
    struct report_row whole = full;
    must(&at, store_report_policy(at.store, at.arena, at.keys[0], &whole.policy));
    assert_true(bytes_equal(row_encoded(at.arena, &whole), records.wanted[0]));
    assert_false(store_report_policy(at.store, at.arena, at.keys[0] + 1, &whole.policy));
    at_close(&at);
}

/* ---- reports ---- */

static bool stop(void *context, const struct store_report *report)
{
    note_report(context, report);
    return false;
}

static void test_reports_by_state_and_key(void **state)
{
    struct at at;
    at_open(&at, state);
    plain(&at, "a.example", 1, 0, 1);
    plain(&at, "b.example", 1, 0, 1);
    plain(&at, "c.example", 1, ROW_DAY, 1);
    plan(&at, days(0, 2 * ROW_DAY), 1000, 3);
    check_reports(&at, "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; planned\n"
                       "b.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; planned\n"
                       "c.example +86400 to +172800: 1 in 1, 1 passed, 1 accepted; planned\n");
    int64_t keys[3] = {at.keys[0], at.keys[1], at.keys[2]};
    must(&at, store_report_set(at.store, keys[0], STORE_REPORT_SKIPPED, BYTES("nobody asks"), 7));
    must(&at, store_report_set(at.store, keys[1], STORE_REPORT_OPEN, BYTES_EMPTY, 7));
    check_reports(&at, "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; skipped: nobody "
                       "asks\n"
                       "b.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; open\n"
                       "c.example +86400 to +172800: 1 in 1, 1 passed, 1 accepted; planned\n");
    static const struct {
        unsigned states;
        int64_t after, limit; /* after: index of a key, -1 none */
        const char *domain;
        int64_t begin, end;
        const char *found; /* indexes */
    } rows[] = {
        {1u << STORE_REPORT_PLANNED, -1, 9, "", 0, 2 * ROW_DAY, "2"},
        {1u << STORE_REPORT_SKIPPED | 1u << STORE_REPORT_OPEN, -1, 9, "", 0, 2 * ROW_DAY, "01"},
        {1u << STORE_REPORT_DONE, -1, 9, "", 0, 2 * ROW_DAY, ""},
        {15, -1, 2, "", 0, 2 * ROW_DAY, "01"},
        {15, 0, 9, "", 0, 2 * ROW_DAY, "12"},
        {15, -1, 9, "b.example", 0, 2 * ROW_DAY, "1"},
        {15, -1, 9, "", 0, ROW_DAY, "01"},
        {15, -1, 9, "", ROW_DAY, 2 * ROW_DAY, "2"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store_filter filter = days(rows[i].begin, rows[i].end);
        filter.domain = bytes_of(rows[i].domain);
        forget(&at);
        must(&at, store_reports(at.store, rows[i].states, &filter,
                                rows[i].after < 0 ? 0 : keys[rows[i].after], rows[i].limit,
                                note_report, &at));
        assert_int_equal(at.count, strlen(rows[i].found));
        for (int k = 0; k < at.count; k++)
            assert_int_equal(at.keys[k], keys[rows[i].found[k] - '0']);
    }
    forget(&at);
    must(&at, store_reports(at.store, 15, NULL, 0, 9, stop, &at));
    assert_int_equal(at.count, 1);
    at_close(&at);
}

static void check_claim(struct at *at, int64_t report, int64_t now, bool wanted)
{
    bool claimed;
    must(at, store_report_claim(at->store, report, now, now + 100, &claimed));
    assert_int_equal(claimed, wanted);
}

static void test_claims(void **state)
{
    struct at at;
    at_open(&at, state);
    plain(&at, "a.example", 1, 0, 1);
    plan(&at, days(0, ROW_DAY), 1000, 1);
    check_reports(&at, "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; planned\n");
    int64_t key = at.keys[0];
    check_claim(&at, key, 1000, true);
    check_claim(&at, key, 1099, false);
    check_claim(&at, key, 1100, true);         /* it has ended by itself */
    check_claim(&at, key, 1100 - 90000, true); /* a clock was ahead when it was claimed */
    check_claim(&at, key, 1100, true);
    must(&at, store_report_set(at.store, key, STORE_REPORT_OPEN, BYTES_EMPTY, 1100));
    check_claim(&at, key, 1150, false); /* still at work */
    must(&at, store_report_release(at.store, key));
    check_claim(&at, key, 1150, true);
    must(&at, store_report_set(at.store, key, STORE_REPORT_DONE, BYTES_EMPTY, 1150));
    check_claim(&at, key, 5000, false); /* nothing is left to do */
    check(&at, "SELECT claimed_until FROM report", "0");
    check_claim(&at, key + 1, 5000, false);
    at_close(&at);
}

/* ---- deliveries ---- */

/* Another host's agreement (RFC 9990 4) may name a URI of 8 kB: too long for an index of
 * PostgreSQL, where it would have failed, and with it every run. */
static void test_endless_addresses(void **state)
{
    struct at at;
    at_open(&at, state);
    char uri[8000];
    unsigned long long random = 1;
    for (size_t i = 0; i < sizeof(uri); i++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        uri[i] = (char)('!' + (random >> 33) % 90);
    }
    plain(&at, "a.example", 1, 0, 1);
    plan(&at, days(0, ROW_DAY), 1000, 1);
    check_reports(&at, "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted; planned\n");
    int64_t report = at.keys[0];
    for (int i = 0; i < 2; i++)
        must(&at, store_delivery_add(at.store, report, (struct bytes){uri, sizeof(uri)},
                                     STORE_DELIVERY_UNVERIFIED, 1, BYTES_EMPTY, 1));
    check(&at, "SELECT count(*) FROM delivery WHERE length(address) = 1024", "1");
    at_close(&at);
}

static bool note_delivery(void *context, const struct store_delivery *delivery)
{
    struct at *at = context;
    note(at, delivery->delivery,
         arena_printf(at->arena,
                      "%.*s %s attempts=%" PRId64 " next=%" PRId64 " changed=%" PRId64 " %.*s",
                      BYTES_ARGS(delivery->address), store_delivery_state_name(delivery->state),
                      delivery->attempts, delivery->next_try, delivery->changed,
                      BYTES_ARGS(delivery->error)));
    return true;
}

static void check_deliveries(struct at *at, int64_t report, const char *wanted)
{
    forget(at);
    must(at, store_deliveries(at->store, report, note_delivery, at));
    assert_string_equal(at->text, wanted);
}

/* A planned report of one message. */
static int64_t one_report(struct at *at, const char *domain)
{
    forget(at);
    plain(at, domain, 1, 0, 1);
    plan(at, days(0, ROW_DAY), 1000, 1);
    must(at, store_reports(at->store, 15, NULL, 0, 1000, note_report, at));
    return at->keys[at->count - 1];
}

static void deliver(struct at *at, int64_t report, const char *address,
                    enum store_delivery_state state, int64_t now)
{
    must(at, store_delivery_add(at->store, report, bytes_of(address), STORE_DELIVERY_PENDING, 0,
                                BYTES_EMPTY, now));
    forget(at);
    must(at, store_deliveries(at->store, report, note_delivery, at));
    must(at, store_delivery_set(at->store, at->keys[at->count - 1], state, 0, BYTES_EMPTY, now));
}

static void test_deliveries(void **state)
{
    struct at at;
    at_open(&at, state);
    int64_t report = one_report(&at, "a.example");
    must(&at, store_delivery_add(at.store, report, BYTES("a@x.example"), STORE_DELIVERY_PENDING, 50,
                                 BYTES_EMPTY, 10));
    must(&at, store_delivery_add(at.store, report, BYTES("mailto:b@y.example"),
                                 STORE_DELIVERY_UNVERIFIED, 0, BYTES("no record"), 10));
    must(&at, store_delivery_add(at.store, report, BYTES("a@x.example"), STORE_DELIVERY_SENT, 99,
                                 BYTES("again"), 99));
    check_deliveries(&at, report,
                     "a@x.example pending attempts=0 next=50 changed=10 \n"
                     "mailto:b@y.example unverified attempts=0 next=0 changed=10 "
                     "no record\n");
    int64_t key = at.keys[0];
    must(&at, store_delivery_set(at.store, key, STORE_DELIVERY_PENDING, 60, BYTES_EMPTY, 20));
    check_deliveries(&at, report,
                     "a@x.example pending attempts=0 next=60 changed=10 \n"
                     "mailto:b@y.example unverified attempts=0 next=0 changed=10 "
                     "no record\n");
    must(&at, store_delivery_set(at.store, key, STORE_DELIVERY_PENDING, 70,
                                 BYTES("451 later\r\nor never"), 30));
    must(&at, store_delivery_set(at.store, key, STORE_DELIVERY_SENT, 0, BYTES_EMPTY, 40));
    check_deliveries(&at, report,
                     "a@x.example sent attempts=2 next=0 changed=40 \n"
                     "mailto:b@y.example unverified attempts=0 next=0 changed=10 "
                     "no record\n");
    at_close(&at);
}

static void test_sent_since(void **state)
{
    int64_t count;
    struct at at;
    at_open(&at, state);
    int64_t a = one_report(&at, "a.example"), b = one_report(&at, "b.example");
    deliver(&at, a, "one@x.example", STORE_DELIVERY_SENT, 100);
    deliver(&at, a, "two@x.example", STORE_DELIVERY_REFUSED, 150);
    deliver(&at, b, "one@x.example", STORE_DELIVERY_SENT, 200);
    static const struct {
        const char *address;
        int64_t since, wanted;
    } rows[] = {
        {"", 0, 2},
        {"", 100, 2},
        {"", 101, 1},
        {"", 201, 0},
        {"one@x.example", 0, 2},
        {"one@x.example", 150, 1},
        {"two@x.example", 0, 0},
        {"three@x.example", 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        must(&at, store_sent_since(at.store, bytes_of(rows[i].address), rows[i].since, &count));
        assert_int_equal(count, rows[i].wanted);
    }
    at_close(&at);
}

/* ---- destinations ---- */

static bool note_destination(void *context, const struct store_destination *destination)
{
    struct at *at = context;
    note(at, 0,
         arena_printf(at->arena, "%.*s refusals=%" PRId64 " until=%" PRId64 " %.*s",
                      BYTES_ARGS(destination->address), destination->refusals,
                      destination->suppressed_until, BYTES_ARGS(destination->error)));
    return true;
}

static void check_destinations(struct at *at, const char *wanted)
{
    forget(at);
    must(at, store_destinations(at->store, note_destination, at));
    assert_string_equal(at->text, wanted);
}

static void refuse(struct at *at, const char *address, int64_t now, unsigned after)
{
    must(at, store_destination_refused(at->store, bytes_of(address), BYTES("550 no"), now, after,
                                       1000));
}

static void check_suppressed(struct at *at, const char *address, int64_t now, int64_t wanted)
{
    int64_t until;
    must(at, store_destination_suppressed(at->store, bytes_of(address), now, &until));
    assert_int_equal(until, wanted);
}

static void test_suppression(void **state)
{
    struct at at;
    at_open(&at, state);
    refuse(&at, "a@x.example", 10, 3);
    refuse(&at, "a@x.example", 20, 3);
    check_suppressed(&at, "a@x.example", 20, 0);
    refuse(&at, "a@x.example", 30, 3);
    check_suppressed(&at, "a@x.example", 30, 1030);
    check_suppressed(&at, "a@x.example", 1029, 1030);
    check_suppressed(&at, "a@x.example", 1030, 0);
    check_suppressed(&at, "b@x.example", 30, 0);
    refuse(&at, "a@x.example", 2000, 3); /* tried again, refused again */
    check_suppressed(&at, "a@x.example", 2000, 3000);
    refuse(&at, "b@x.example", 30, 1);
    refuse(&at, "c@x.example", 30, 0);
    refuse(&at, "c@x.example", 30, 0);
    check_destinations(&at, "a@x.example refusals=4 until=3000 550 no\n"
                            "b@x.example refusals=1 until=1030 550 no\n"
                            "c@x.example refusals=2 until=0 550 no\n");
    must(&at, store_destination_accepted(at.store, BYTES("a@x.example")));
    refuse(&at, "a@x.example", 4000, 3); /* counts from one */
    must(&at, store_destination_set(at.store, BYTES("b@x.example"), 0, BYTES_EMPTY));
    must(&at, store_destination_set(at.store, BYTES("d@x.example"), INT64_MAX, BYTES("by hand")));
    must(&at, store_destination_set(at.store, BYTES("c@x.example"), 5000, BYTES("by hand")));
    check_destinations(&at, "a@x.example refusals=1 until=0 550 no\n"
                            "c@x.example refusals=2 until=5000 by hand\n"
                            "d@x.example refusals=0 until=9223372036854775807 by hand\n");
    at_close(&at);
}

static void bounce(struct at *at, const char *id, const char *address, bool wanted)
{
    bool known;
    must(at, store_bounce(at->store, bytes_of(id), bytes_of(address), BYTES("5.1.1 unknown\ruser"),
                          500, 2, 1000, &known));
    assert_int_equal(known, wanted);
}

static void test_bounces(void **state)
{
    struct at at;
    char ids[2][STORE_REPORT_ID_LEN + 1];
    int64_t count;
    at_open(&at, state);
    int64_t a = one_report(&at, "a.example"), b = one_report(&at, "b.example");
    deliver(&at, a, "Reports@x.example", STORE_DELIVERY_SENT, 100);
    deliver(&at, a, "never@x.example", STORE_DELIVERY_REFUSED, 100);
    deliver(&at, b, "Reports@x.example", STORE_DELIVERY_SENT, 100);
    strcpy(ids[0], store_query(at.sql, "SELECT report_id FROM report ORDER BY id LIMIT 1"));
    strcpy(ids[1], store_query(at.sql, "SELECT report_id FROM report ORDER BY id DESC LIMIT 1"));
    bounce(&at, "0123456789abcdef0123456789abcdef", "Reports@x.example", false);
    bounce(&at, "\xff'\x01", "Reports@x.example", false);
    bounce(&at, ids[0], "other@x.example", false);
    bounce(&at, ids[0], "never@x.example", false); /* it was never sent */
    check_destinations(&at, "");
    bounce(&at, ids[0], "reports@X.EXAMPLE", true);
    bounce(&at, ids[0], "Reports@x.example", true); /* a second one of the same delivery */
    check_destinations(&at, "Reports@x.example refusals=1 until=0 5.1.1 unknown?user\n");
    bounce(&at, ids[1], "Reports@x.example", true);
    check_destinations(&at, "Reports@x.example refusals=2 until=1500 5.1.1 unknown?user\n");
    check_deliveries(&at, a,
                     "Reports@x.example bounced attempts=1 next=0 changed=500 5.1.1 unknown?user\n"
                     "never@x.example refused attempts=1 next=0 changed=100 \n");
    must(&at, store_sent_since(at.store, BYTES_EMPTY, 0, &count));
    assert_int_equal(count, 2);
    at_close(&at);
}

/* ---- upkeep ---- */

static void check_totals(struct at *at, const char *wanted)
{
    struct store_totals totals;
    must(at, store_totals(at->store, &totals));
    assert_string_equal(arena_printf(at->arena,
                                     "%" PRId64 " messages, %" PRId64 " unreported; %" PRId64
                                     " tuples, %" PRId64 " policies; %" PRId64 " reports, %" PRId64
                                     " open",
                                     totals.messages, totals.unreported, totals.tuples,
                                     totals.policies, totals.reports, totals.reports_open),
                        wanted);
    assert_true(totals.octets > 0);
}

static void expire(struct at *at, int64_t before, int64_t wanted)
{
    int64_t messages;
    must(at, store_expire(at->store, ROW_MIDNIGHT + before, &messages));
    assert_int_equal(messages, wanted);
}

static void test_expiry(void **state)
{
    struct at at;
    at_open(&at, state);
    check_totals(&at, "0 messages, 0 unreported; 0 tuples, 0 policies; 0 reports, 0 open");
    plain(&at, "old.example", 1, -10 * ROW_DAY, 3);
    plain(&at, "both.example", 1, -10 * ROW_DAY, 4);
    plain(&at, "both.example", 1, 0, 5);
    plain(&at, "open.example", 1, -10 * ROW_DAY, 6);
    struct store_filter filter = days(-10 * ROW_DAY, -9 * ROW_DAY);
    filter.domain = BYTES("open.example");
    plan(&at, filter, 1000, 1);
    check_totals(&at, "18 messages, 12 unreported; 3 tuples, 3 policies; 1 reports, 1 open");
    expire(&at, -10 * ROW_DAY, 0); /* nothing is older than that */
    check_totals(&at, "18 messages, 12 unreported; 3 tuples, 3 policies; 1 reports, 1 open");
    expire(&at, -ROW_DAY, 7);
    check_totals(&at, "5 messages, 5 unreported; 2 tuples, 2 policies; 1 reports, 1 open");
    check_reports(&at, "open.example -864000 to -777600: 6 in 1, 6 passed, 6 accepted; planned\n");
    must(&at, store_report_set(at.store, at.keys[0], STORE_REPORT_DONE, BYTES_EMPTY,
                               ROW_MIDNIGHT - 100));
    expire(&at, -200, 0); /* done later than that */
    check_totals(&at, "5 messages, 5 unreported; 2 tuples, 2 policies; 1 reports, 0 open");
    expire(&at, -50, 0);
    check_totals(&at, "5 messages, 5 unreported; 1 tuples, 1 policies; 0 reports, 0 open");
    expire(&at, 5 * ROW_DAY, 5);
    check_totals(&at, "0 messages, 0 unreported; 0 tuples, 0 policies; 0 reports, 0 open");
    at_close(&at);
}

/* What the store remembers may have been removed by another process meanwhile. */
static void test_expired_and_seen_again(void **state)
{
    struct at at;
    at_open(&at, state);
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    int64_t messages;
    struct store *other = store_open(at.place.where, SQL_READ_WRITE, error, &trouble);
    assert_non_null(other);
    plain(&at, "a.example", 1, -10 * ROW_DAY, 3);
    assert_true(store_expire(other, ROW_MIDNIGHT - ROW_DAY, &messages));
    check_totals(&at, "0 messages, 0 unreported; 0 tuples, 0 policies; 0 reports, 0 open");
    plain(&at, "a.example", 1, 0, 1);
    check_due(&at, days(0, ROW_DAY), "a.example +0 to +86400: 1 in 1, 1 passed, 1 accepted\n");
    plain(&at, "a.example", 1, 5 * ROW_DAY, 1);
    assert_true(store_expire(other, ROW_MIDNIGHT + 2 * ROW_DAY, &messages));
    assert_int_equal(messages, 1);
    plain(&at, "a.example", 1, 5 * ROW_DAY, 1);
    check(&at, "SELECT count(*) FROM message m JOIN tuple t ON t.id = m.tuple", "2");
    store_close(other);
    at_close(&at);
}

static void test_expiry_in_many_steps(void **state)
{
    struct at at;
    at_open(&at, state);
    plain(&at, "a.example", 1, -10 * ROW_DAY, 12345);
    plain(&at, "a.example", 1, 0, 10);
    expire(&at, -ROW_DAY, 12345);
    check_totals(&at, "10 messages, 10 unreported; 1 tuples, 1 policies; 0 reports, 0 open");
    at_close(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_BOTH(test_due_and_plan),
        STORE_BOTH(test_either_alignment_is_a_pass),
        STORE_BOTH(test_short_periods),
        STORE_BOTH(test_one_domain),
        STORE_BOTH(test_a_policy_that_changed),
        STORE_BOTH(test_late_messages),
        STORE_BOTH(test_many_records_make_parts),
        STORE_BOTH(test_one_becomes_two),
        STORE_BOTH(test_what_goes_in_comes_out),
        STORE_BOTH(test_reports_by_state_and_key),
        STORE_BOTH(test_claims),
        STORE_BOTH(test_deliveries),
        STORE_BOTH(test_endless_addresses),
        STORE_BOTH(test_sent_since),
        STORE_BOTH(test_suppression),
        STORE_BOTH(test_bounces),
        STORE_BOTH(test_expiry),
        STORE_BOTH(test_expired_and_seen_again),
        STORE_BOTH(test_expiry_in_many_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
