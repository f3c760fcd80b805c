/* store_reports.c - planned reports: which there are, who works on them, what they tell. */
#include "store_internal.h"

#include <string.h>

static const char *const state_names[] = {"planned", "open", "done", "skipped"};

enum { STATES = sizeof(state_names) / sizeof(state_names[0]) };

static enum store_report_state state_of(struct bytes name)
{
    int state = 0;
    while (state < STATES - 1 && !bytes_is(name, state_names[state]))
        state++;
    return (enum store_report_state)state;
}

static void read_report(const struct sql_statement *row, struct store_report *out)
{
    *out = (struct store_report){
        .summary = {.report = sql_int64(row, 0),
                    .policy = sql_int64(row, 1),
                    .domain = sql_text(row, 2),
                    .rua = sql_text(row, 3),
                    .begin = sql_int64(row, 4),
                    .end = sql_int64(row, 5),
                    .messages = sql_int64(row, 6),
                    .tuples = sql_int64(row, 7),
                    .passed = sql_int64(row, 8),
                    .accepted = sql_int64(row, 9),
                    .others_passed = sql_int64(row, 14),
                    .others_accepted = sql_int64(row, 15)},
        .state = state_of(sql_text(row, 11)),
        .planned_at = sql_int64(row, 12),
        .note = sql_text(row, 13),
    };
    struct bytes id = bytes_slice(sql_text(row, 10), 0, STORE_REPORT_ID_LEN);
    memcpy(out->report_id, id.data, id.len);
}

static void bind_query(struct sql_statement *statement, unsigned states,
                       const struct store_filter *filter, int64_t after, int64_t limit)
{
    sql_bind_int64(statement, 1, after);
    sql_bind_int64(statement, 2, limit);
    sql_bind_int64(statement, 3, filter ? filter->begin : 0);
    sql_bind_int64(statement, 4, filter ? filter->end : INT64_MAX);
    sql_bind_text(statement, 5, filter ? filter->domain : BYTES_EMPTY);
    for (int i = 0; i < STATES; i++)
        sql_bind_text(statement, 6 + i, states & 1u << i ? bytes_of(state_names[i]) : BYTES_EMPTY);
}

bool store_reports(struct store *store, unsigned states, const struct store_filter *filter,
                   int64_t after, int64_t limit, store_report_fn *each, void *context)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "SELECT r.id, p.id, p.domain, p.rua, r.begin_at, r.end_at, r.messages,"
                    " r.tuples, r.passed, r.accepted, r.report_id, r.state, r.planned_at, r.note,"
                    " (SELECT sum(o.passed) FROM report o WHERE o.policy = r.policy"
                    " AND o.begin_at = r.begin_at AND o.id <> r.id),"
                    " (SELECT sum(o.accepted) FROM report o WHERE o.policy = r.policy"
                    " AND o.begin_at = r.begin_at AND o.id <> r.id)"
                    " FROM report r JOIN policy p ON p.id = r.policy"
                    " WHERE r.id > $1 AND r.begin_at >= $3 AND r.begin_at < $4"
                    " AND ($5 = '' OR p.domain = $5) AND r.state IN ($6, $7, $8, $9)"
                    " ORDER BY r.id LIMIT $2");
    if (!statement)
        return false;
    bind_query(statement, states, filter, after, limit);
    enum sql_step step;
    bool more = true;
    while (more && (step = sql_step(statement)) == SQL_ROW) {
        struct store_report report;
        read_report(statement, &report);
        more = each(context, &report);
    }
    sql_finish(statement);
    return !more || step == SQL_DONE;
}

/* ---- work on one ---- */

bool store_report_claim(struct store *store, int64_t report, int64_t now, int64_t until,
                        bool *claimed)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE report SET claimed_until = $1 WHERE id = $2"
                                /* nobody claims for a day: a clock that was wrong said that */
                                " AND (claimed_until <= $3 OR claimed_until > $1 + 86400)"
                                " AND state IN ('planned', 'open') RETURNING id");
    *claimed = false;
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, until);
    sql_bind_int64(statement, 2, report);
    sql_bind_int64(statement, 3, now);
    enum sql_step step = sql_step(statement);
    bool found = step == SQL_ROW;
    if (found)
        step = sql_step(statement);
    sql_finish(statement);
    *claimed = found && step == SQL_DONE;
    return step == SQL_DONE;
}

bool store_report_release(struct store *store, int64_t report)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE report SET claimed_until = 0 WHERE id = $1");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    return sql_done(statement);
}

bool store_report_set(struct store *store, int64_t report, enum store_report_state state,
                      struct bytes note, int64_t now)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE report SET state = $1, note = $2, changed = $3,"
                                " claimed_until = CASE WHEN $1 IN ('done', 'skipped') THEN 0"
                                " ELSE claimed_until END WHERE id = $4");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    sql_bind_text(statement, 1, bytes_of(state_names[state]));
    sql_bind_text(statement, 2,
                  store_clean(store->scratch, bytes_slice(note, 0, STORE_ERROR_TEXT_MAX)));
    sql_bind_int64(statement, 3, now);
    sql_bind_int64(statement, 4, report);
    return sql_done(statement);
}

/* ---- one becomes two ---- */

/* Half of its records; 0: it is not to be split. */
static bool half_of(struct store *store, int64_t report, int64_t *half)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT r.tuples FROM report r WHERE r.id = $1 AND NOT EXISTS"
                                " (SELECT 1 FROM delivery d WHERE d.report = r.id AND"
                                " d.sent_at IS NOT NULL)");
    *half = 0;
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    enum sql_step step = sql_step(statement);
    if (step == SQL_ROW)
        *half = sql_int64(statement, 0) / 2;
    sql_finish(statement);
    return step != SQL_FAILED;
}

/* Like the report, but without records; its number as part is the next one. */
static bool add_part(struct store *store, int64_t report, int64_t now, int64_t *part)
{
    char id[STORE_REPORT_ID_LEN + 1];
    if (!store_random_id(id)) {
        sql_fail(store->sql, SQL_BUSY, "the system gives no random numbers");
        return false;
    }
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO report (report_id, plan, policy, begin_at, end_at, part, messages,"
                    " tuples, passed, accepted, state, planned_at, changed, claimed_until, note)"
                    " SELECT $2, r.plan, r.policy, r.begin_at, r.end_at, (SELECT max(o.part) + 1"
                    " FROM report o WHERE o.plan = r.plan AND o.policy = r.policy AND"
                    " o.begin_at = r.begin_at), 0, 0, 0, 0, 'planned', r.planned_at, $3, 0, ''"
                    " FROM report r WHERE r.id = $1 RETURNING id");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    sql_bind_text(statement, 2, bytes_of(id));
    sql_bind_int64(statement, 3, now);
    enum sql_step step = sql_step(statement);
    *part = step == SQL_ROW ? sql_int64(statement, 0) : 0;
    sql_finish(statement);
    return *part != 0;
}

static bool move_records(struct store *store, int64_t from, int64_t to, int64_t count)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE report_tuple SET report = $1 WHERE report = $2 AND tuple IN"
                                " (SELECT m.tuple FROM report_tuple m WHERE m.report = $2"
                                " ORDER BY m.tuple LIMIT $3)");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, to);
    sql_bind_int64(statement, 2, from);
    sql_bind_int64(statement, 3, count);
    return sql_done(statement);
}

static bool count_anew(struct store *store, int64_t report)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "UPDATE report SET"
                    " tuples = (SELECT count(*) FROM report_tuple n WHERE n.report = $1),"
                    " messages = (SELECT sum(n.messages) FROM report_tuple n WHERE n.report = $1),"
                    " passed = (SELECT coalesce(sum(n.messages), 0) FROM report_tuple n"
                    " JOIN tuple t ON t.id = n.tuple"
                    " WHERE n.report = $1 AND (t.dkim = 'pass' OR t.spf = 'pass')),"
                    " accepted = (SELECT coalesce(sum(n.messages), 0) FROM report_tuple n"
                    " JOIN tuple t ON t.id = n.tuple"
                    " WHERE n.report = $1 AND t.disposition IN ('none', 'pass')) WHERE id = $1");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    return sql_done(statement);
}

/* message.report stays: it says that the message is in some report. */
bool store_report_split(struct store *store, int64_t report, int64_t now, bool *split)
{
    int64_t half, part = 0;
    bool own;
    *split = false;
    if (!store_enter(store, &own))
        return false;
    bool good = half_of(store, report, &half) &&
                (half == 0 ||
                 (add_part(store, report, now, &part) && move_records(store, report, part, half) &&
                  count_anew(store, report) && count_anew(store, part)));
    good = store_leave(store, own, good);
    *split = good && part != 0;
    return good;
}

/* ---- what it tells ---- */

bool store_report_policy(struct store *store, struct arena *arena, int64_t report,
                         struct report_policy *out)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT " STORE_POLICY_COLUMNS " FROM report r"
                                " JOIN policy p ON p.id = r.policy WHERE r.id = $1");
    *out = (struct report_policy){.p = DMARC_POLICY_NONE};
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    enum sql_step step = sql_step(statement);
    if (step == SQL_ROW)
        store_policy_read(arena, statement, 0, out);
    else if (step == SQL_DONE)
        sql_fail(store->sql, SQL_WRONG, "there is no report with the key %lld", (long long)report);
    sql_finish(statement);
    return step == SQL_ROW;
}

bool store_give_records(struct store *store, struct sql_statement *statement, store_record_fn *each,
                        void *context)
{
    enum sql_step step = SQL_DONE;
    bool more = true, memory = true;
    while (more && memory && (step = sql_step(statement)) == SQL_ROW) {
        struct report_row row;
        arena_reset(store->scratch);
        store_tuple_read(store->scratch, statement, 1, &row);
        memory = !arena_failed(store->scratch) || store_out_of_memory(store);
        more = memory && each(context, &row, sql_int64(statement, 0));
    }
    sql_finish(statement);
    return memory && (!more || step == SQL_DONE);
}

bool store_report_records(struct store *store, int64_t report, store_record_fn *each, void *context)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT rt.messages, " STORE_TUPLE_COLUMNS " FROM report_tuple rt"
                                " JOIN tuple t ON t.id = rt.tuple WHERE rt.report = $1"
                                " ORDER BY t.source_ip, t.id");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    return store_give_records(store, statement, each, context);
}
