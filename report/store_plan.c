/* store_plan.c - from messages to reports: each message is taken into exactly one.
 *
 * Everything happens in the database, so that memory does not grow with the number of messages.
 * A plan sees one snapshot: messages that arrive meanwhile, or late for a period that has been
 * planned before, are left for the next plan, which makes a further report of the period.
 */
#include "store_internal.h"

#include <time.h>

/* Messages of the filter by tuple and period. $1, $2: from, to; $3: period. */
#define DUE                                                                                        \
    "(SELECT m.tuple AS tuple, m.received - m.received % $3 AS begin_at, count(*) AS messages"     \
    " FROM message m WHERE m.report IS NULL AND m.received >= $1 AND m.received < $2"              \
    " GROUP BY m.tuple, m.received - m.received % $3)"

/* The same as records of reports. $4: policy domain or ''; $5: records in one report. A part has
 * the number of its first record: without a division, which is not everywhere one of integers. */
#define RECORDS                                                                                    \
    "(SELECT n.policy AS policy, n.begin_at AS begin_at, n.tuple AS tuple,"                        \
    " n.messages AS messages, n.passed AS passed, n.accepted AS accepted,"                         \
    " n.number - n.number % $5 AS part"                                                            \
    " FROM (SELECT t.policy AS policy, g.begin_at AS begin_at, g.tuple AS tuple,"                  \
    " g.messages AS messages,"                                                                     \
    " CASE WHEN t.dkim = 'pass' OR t.spf = 'pass' THEN g.messages ELSE 0 END AS passed,"           \
    " CASE WHEN t.disposition IN ('none', 'pass') THEN g.messages ELSE 0 END AS accepted,"         \
    " row_number() OVER (PARTITION BY t.policy, g.begin_at ORDER BY t.source_ip, t.id) - 1"        \
    " AS number"                                                                                   \
    " FROM " DUE " g JOIN tuple t ON t.id = g.tuple JOIN policy p ON p.id = t.policy"              \
    " WHERE $4 = '' OR p.domain = $4) n)"

static void bind_filter(struct sql_statement *statement, const struct store_filter *filter)
{
    sql_bind_int64(statement, 1, filter->begin);
    sql_bind_int64(statement, 2, filter->end);
    sql_bind_int64(statement, 3, filter->period);
    sql_bind_text(statement, 4, filter->domain);
}

/* ---- what would be reported ---- */

static bool give_summaries(struct store *store, struct sql_statement *statement, int64_t period,
                           store_summary_fn *each, void *context)
{
    enum sql_step step;
    bool more = true;
    while (more && (step = sql_step(statement)) == SQL_ROW) {
        arena_reset(store->scratch);
        struct store_summary summary = {
            .policy = sql_int64(statement, 0),
            .domain = sql_text(statement, 1),
            .rua = sql_text(statement, 2),
            .begin = sql_int64(statement, 3),
            .end = sql_int64(statement, 3) + period,
            .messages = sql_int64(statement, 4),
            .tuples = sql_int64(statement, 5),
            .passed = sql_int64(statement, 6),
            .accepted = sql_int64(statement, 7),
        };
        more = each(context, &summary);
    }
    sql_finish(statement);
    return !more || step == SQL_DONE;
}

bool store_due(struct store *store, const struct store_filter *filter, store_summary_fn *each,
               void *context)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        "SELECT p.id, p.domain, p.rua, d.begin_at, sum(d.messages), count(*), sum(d.passed),"
        " sum(d.accepted) FROM " RECORDS " d JOIN policy p ON p.id = d.policy"
        " GROUP BY p.id, p.domain, p.rua, d.begin_at ORDER BY p.domain, d.begin_at, p.id");
    if (!statement)
        return false;
    bind_filter(statement, filter);
    sql_bind_int64(statement, 5, INT64_MAX);
    return give_summaries(store, statement, filter->period, each, context);
}

/* ---- the plan ---- */

/* The plan's number; others that want to plan wait here. */
static bool new_plan(struct store *store, int64_t *plan)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE schema_version SET plans = plans + 1 RETURNING plans");
    if (!statement || sql_step(statement) != SQL_ROW)
        return false;
    *plan = sql_int64(statement, 0);
    return sql_done(statement);
}

static bool insert_reports(struct store *store, const struct store_filter *filter,
                           int64_t maximum_tuples, int64_t plan, int64_t now)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        "INSERT INTO report (plan, policy, begin_at, end_at, part, messages, tuples, passed,"
        " accepted, state, planned_at, changed, claimed_until, note)"
        " SELECT $6, d.policy, d.begin_at, d.begin_at + $3, d.part, sum(d.messages), count(*),"
        " sum(d.passed), sum(d.accepted), 'planned', $7, $7, 0, ''"
        " FROM " RECORDS " d GROUP BY d.policy, d.begin_at, d.part"
        " ORDER BY d.begin_at, d.policy, d.part");
    if (!statement)
        return false;
    bind_filter(statement, filter);
    sql_bind_int64(statement, 5, maximum_tuples);
    sql_bind_int64(statement, 6, plan);
    sql_bind_int64(statement, 7, now);
    return sql_done(statement);
}

static bool insert_records(struct store *store, const struct store_filter *filter,
                           int64_t maximum_tuples, int64_t plan)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        "INSERT INTO report_tuple (report, tuple, messages) SELECT r.id, d.tuple, d.messages"
        " FROM " RECORDS " d JOIN report r ON r.plan = $6 AND r.policy = d.policy"
        " AND r.begin_at = d.begin_at AND r.part = d.part");
    if (!statement)
        return false;
    bind_filter(statement, filter);
    sql_bind_int64(statement, 5, maximum_tuples);
    sql_bind_int64(statement, 6, plan);
    return sql_done(statement);
}

/* A tuple is in one report of a plan and period. CROSS JOIN keeps SQLite to this order: three
 * lookups for a message, however many reports there have been. */
static bool mark_messages(struct store *store, const struct store_filter *filter, int64_t plan)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        "UPDATE message SET report = r.id"
        " FROM tuple t CROSS JOIN report r CROSS JOIN report_tuple rt"
        " WHERE message.report IS NULL AND message.received >= $1 AND message.received < $2"
        " AND t.id = message.tuple AND r.plan = $4 AND r.policy = t.policy"
        " AND r.begin_at = message.received - message.received % $3"
        " AND rt.report = r.id AND rt.tuple = message.tuple");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, filter->begin);
    sql_bind_int64(statement, 2, filter->end);
    sql_bind_int64(statement, 3, filter->period);
    sql_bind_int64(statement, 4, plan);
    return sql_done(statement);
}

/* Up to `size` keys, above `after`, of reports of the plan. -1 on failure. */
static int read_keys(struct store *store, int64_t plan, int64_t after, int64_t *keys, int size)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT id FROM report WHERE plan = $1 AND id > $2 AND"
                                " report_id IS NULL ORDER BY id LIMIT $3");
    if (!statement)
        return -1;
    sql_bind_int64(statement, 1, plan);
    sql_bind_int64(statement, 2, after);
    sql_bind_int64(statement, 3, size);
    int count = 0;
    enum sql_step step;
    while ((step = sql_step(statement)) == SQL_ROW && count < size)
        keys[count++] = sql_int64(statement, 0);
    sql_finish(statement);
    return step == SQL_FAILED ? -1 : count;
}

static bool name_report(struct store *store, int64_t report)
{
    char id[STORE_REPORT_ID_LEN + 1];
    if (!store_random_id(id)) {
        sql_fail(store->sql, SQL_BUSY, "the system gives no random numbers");
        return false;
    }
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE report SET report_id = $1 WHERE id = $2");
    if (!statement)
        return false;
    sql_bind_text(statement, 1, bytes_of(id));
    sql_bind_int64(statement, 2, report);
    return sql_done(statement);
}

static bool name_reports(struct store *store, int64_t plan, int64_t *planned)
{
    int64_t keys[500];
    int64_t last = 0;
    int count;
    while ((count = read_keys(store, plan, last, keys, sizeof(keys) / sizeof(keys[0]))) > 0) {
        for (int i = 0; i < count; i++)
            if (!name_report(store, keys[i]))
                return false;
        last = keys[count - 1];
        *planned += count;
    }
    return count == 0;
}

static bool begin_snapshot(struct store *store)
{
    /* With SQLite every transaction that writes is one. */
    return store_begin(store) &&
           (sql_kind(store->sql) == SQL_SQLITE ||
            sql_run(store->sql, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
}

/* What PostgreSQL knows about rows that were inserted a moment ago is nothing; it would join them
 * in the slowest of ways, here and when the reports are read. What cannot do this (CockroachDB
 * inside of a transaction) goes without. */
static bool analyze(struct store *store, const char *text)
{
    if (sql_kind(store->sql) == SQL_SQLITE)
        return true;
    return sql_run(store->sql, "SAVEPOINT before_analyze") &&
           (sql_run(store->sql, text) ||
            sql_run(store->sql, "ROLLBACK TO SAVEPOINT before_analyze")) &&
           sql_run(store->sql, "RELEASE SAVEPOINT before_analyze");
}

static bool plan_once(struct store *store, const struct store_filter *filter, int64_t now,
                      int64_t maximum_tuples, int64_t *planned)
{
    int64_t plan;
    *planned = 0;
    if (begin_snapshot(store) && new_plan(store, &plan) &&
        insert_reports(store, filter, maximum_tuples, plan, now) &&
        analyze(store, "ANALYZE report") && insert_records(store, filter, maximum_tuples, plan) &&
        analyze(store, "ANALYZE report_tuple") && mark_messages(store, filter, plan) &&
        name_reports(store, plan, planned))
        return store_commit(store);
    store_rollback(store);
    *planned = 0;
    return false;
}

bool store_plan(struct store *store, const struct store_filter *filter, int64_t now,
                int64_t maximum_tuples, int64_t *planned)
{
    enum { TRIES = 3, NAP_MS = 300 };
    for (int i = 0; i < TRIES; i++) {
        if (plan_once(store, filter, now, maximum_tuples, planned))
            return true;
        if (store_trouble(store) != SQL_BUSY)
            break;
        /* somebody else has planned meanwhile; what is left may be nothing */
        nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    }
    return false;
}
