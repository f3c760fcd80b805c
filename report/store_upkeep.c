/* store_upkeep.c - what was lost, how much there is, and what is old enough to go. */
#include "store_internal.h"

#include <time.h>

enum {
    EXPIRE_STEP = 5000, /* rows of one transaction: some ten milliseconds */
    EXPIRE_NAP_MS = 3,  /* between them, so that others get at the lock of SQLite */
};

bool store_losses(struct store *store, int64_t since, store_loss_fn *each, void *context)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT s.host, l.cause, sum(l.messages), max(l.last) FROM loss l"
                                " JOIN source s ON s.id = l.source WHERE l.last >= $1"
                                " GROUP BY s.host, l.cause ORDER BY s.host, l.cause");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, since);
    enum sql_step step;
    bool more = true;
    while (more && (step = sql_step(statement)) == SQL_ROW) {
        struct store_loss loss = {sql_text(statement, 0), sql_text(statement, 1),
                                  sql_int64(statement, 2), sql_int64(statement, 3)};
        more = each(context, &loss);
    }
    sql_finish(statement);
    return !more || step == SQL_DONE;
}

/* ---- totals ---- */

static bool count(struct store *store, const char *query, int64_t *out)
{
    struct sql_statement *statement = sql_prepare(store->sql, query);
    if (!statement)
        return false;
    enum sql_step step = sql_step(statement);
    *out = step == SQL_ROW ? sql_int64(statement, 0) : 0;
    sql_finish(statement);
    return step != SQL_FAILED;
}

bool store_totals(struct store *store, struct store_totals *out)
{
    *out = (struct store_totals){.octets = 0};
    bool good =
        count(store, "SELECT count(*) FROM message", &out->messages) &&
        count(store, "SELECT count(*) FROM message WHERE report IS NULL", &out->unreported) &&
        count(store, "SELECT count(*) FROM tuple", &out->tuples) &&
        count(store, "SELECT count(*) FROM policy", &out->policies) &&
        count(store, "SELECT count(*) FROM report", &out->reports) &&
        count(store, "SELECT count(*) FROM report WHERE state IN ('planned', 'open')",
              &out->reports_open);
    if (!good)
        return false;
    /* not everything that speaks the protocol can tell; inside a transaction that would end it */
    if (!store->in_transaction)
        count(store,
              sql_kind(store->sql) == SQL_SQLITE
                  ? "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
                  : "SELECT pg_database_size(current_database())",
              &out->octets);
    return true;
}

/* ---- expiry ---- */

/* Messages are about in the order of time: from the lowest key on, until a step finds none that
 * is old. What is left behind a newer one goes some days later.
 * *done: that was the last step; *after: go on with keys above it. */
static bool expire_messages(struct store *store, int64_t before, int64_t *after, bool *done,
                            int64_t *unreported)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "DELETE FROM message WHERE received < $1 AND id IN"
                                " (SELECT id FROM message WHERE id > $2 ORDER BY id LIMIT $3)"
                                " RETURNING id, report");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, before);
    sql_bind_int64(statement, 2, *after);
    sql_bind_int64(statement, 3, EXPIRE_STEP);
    *done = true;
    enum sql_step step;
    while ((step = sql_step(statement)) == SQL_ROW) {
        *done = false;
        if (sql_int64(statement, 0) > *after)
            *after = sql_int64(statement, 0);
        if (sql_is_null(statement, 1))
            ++*unreported;
    }
    sql_finish(statement);
    return step == SQL_DONE;
}

/* One step of a DELETE ... RETURNING with $1: before, $2: at most. */
static bool expire_step(struct store *store, const char *text, int64_t before, int64_t most,
                        bool *done)
{
    struct sql_statement *statement = sql_prepare(store->sql, text);
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, before);
    sql_bind_int64(statement, 2, most);
    *done = true;
    enum sql_step step;
    while ((step = sql_step(statement)) == SQL_ROW)
        *done = false;
    sql_finish(statement);
    return step == SQL_DONE;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = EXPIRE_NAP_MS * 1000000L}, NULL);
}

bool store_expire(struct store *store, int64_t before, int64_t *messages)
{
    /* in this order: what refers goes before what is referred to */
    static const struct {
        const char *text;
        int64_t most;
    } steps[] = {
        {"DELETE FROM report WHERE id IN (SELECT id FROM report WHERE state IN ('done', 'skipped')"
         " AND changed < $1 ORDER BY id LIMIT $2) RETURNING id",
         100}, /* with all their records */
        {"DELETE FROM tuple WHERE id IN (SELECT t.id FROM tuple t WHERE t.seen < $1 AND NOT EXISTS"
         " (SELECT 1 FROM report_tuple rt WHERE rt.tuple = t.id) ORDER BY t.id LIMIT $2)"
         " AND seen < $1 RETURNING id",
         EXPIRE_STEP},
        {"DELETE FROM policy WHERE id IN (SELECT p.id FROM policy p WHERE p.seen < $1 AND NOT"
         " EXISTS (SELECT 1 FROM tuple t WHERE t.policy = p.id) AND NOT EXISTS"
         " (SELECT 1 FROM report r WHERE r.policy = p.id) ORDER BY p.id LIMIT $2)"
         " AND seen < $1 RETURNING id",
         EXPIRE_STEP},
    };
    int64_t after = 0;
    bool done = false;
    *messages = 0;
    while (!done) {
        if (!expire_messages(store, before, &after, &done, messages))
            return false;
        nap();
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        do {
            if (!expire_step(store, steps[i].text, before, steps[i].most, &done))
                return false;
            nap();
        } while (!done);
    }
    return true;
}
