/* store_delivery.c - the mails that carry a report, and what is known of their addresses. */
#include "store_internal.h"

static const char *const state_names[] = {"pending",    "sent",    "refused", "suppressed",
                                          "unverified", "expired", "bounced"};

enum { STATES = sizeof(state_names) / sizeof(state_names[0]) };

const char *store_delivery_state_name(enum store_delivery_state state)
{
    return state_names[state];
}

static enum store_delivery_state state_of(struct bytes name)
{
    int state = 0;
    while (state < STATES - 1 && !bytes_is(name, state_names[state]))
        state++;
    return (enum store_delivery_state)state;
}

/* An error text as it is kept. */
static struct bytes kept(struct store *store, struct bytes error)
{
    return store_clean(store->scratch, bytes_slice(error, 0, STORE_ERROR_TEXT_MAX));
}

/* ---- deliveries ---- */

bool store_delivery_add(struct store *store, int64_t report, struct bytes address,
                        enum store_delivery_state state, int64_t next_try, struct bytes error,
                        int64_t now)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO delivery (report, address, state, attempts, next_try, changed,"
                    " error) VALUES ($1, $2, $3, 0, $4, $5, $6)"
                    " ON CONFLICT (report, address) DO NOTHING");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    sql_bind_int64(statement, 1, report);
    sql_bind_text(statement, 2,
                  store_clean(store->scratch, bytes_slice(address, 0, STORE_ADDRESS_MAX)));
    sql_bind_text(statement, 3, bytes_of(state_names[state]));
    sql_bind_int64(statement, 4, next_try);
    sql_bind_int64(statement, 5, now);
    sql_bind_text(statement, 6, kept(store, error));
    return sql_done(statement);
}

bool store_delivery_set(struct store *store, int64_t delivery, enum store_delivery_state state,
                        int64_t next_try, struct bytes error, int64_t now)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "UPDATE delivery SET changed = CASE WHEN state = $1 THEN changed ELSE $4 END,"
                    " state = $1, next_try = $2, error = $3, attempts = attempts + $5,"
                    " sent_at = CASE WHEN $1 = 'sent' THEN $4 ELSE sent_at END WHERE id = $6");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    bool attempt = state == STORE_DELIVERY_SENT || state == STORE_DELIVERY_REFUSED ||
                   (state == STORE_DELIVERY_PENDING && error.len > 0);
    sql_bind_text(statement, 1, bytes_of(state_names[state]));
    sql_bind_int64(statement, 2, next_try);
    sql_bind_text(statement, 3, kept(store, error));
    sql_bind_int64(statement, 4, now);
    sql_bind_int64(statement, 5, attempt);
    sql_bind_int64(statement, 6, delivery);
    return sql_done(statement);
}

bool store_deliveries(struct store *store, int64_t report, store_delivery_fn *each, void *context)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "SELECT id, address, state, attempts, next_try, changed, error FROM delivery"
                    " WHERE report = $1 ORDER BY id");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, report);
    enum sql_step step;
    bool more = true;
    while (more && (step = sql_step(statement)) == SQL_ROW) {
        struct store_delivery delivery = {
            .delivery = sql_int64(statement, 0),
            .report = report,
            .address = sql_text(statement, 1),
            .state = state_of(sql_text(statement, 2)),
            .attempts = sql_int64(statement, 3),
            .next_try = sql_int64(statement, 4),
            .changed = sql_int64(statement, 5),
            .error = sql_text(statement, 6),
        };
        more = each(context, &delivery);
    }
    sql_finish(statement);
    return !more || step == SQL_DONE;
}

/* One row with one number. */
static bool number_of(struct sql_statement *statement, int64_t *out)
{
    enum sql_step step = sql_step(statement);
    *out = step == SQL_ROW ? sql_int64(statement, 0) : 0;
    sql_finish(statement);
    return step != SQL_FAILED;
}

bool store_sent_since(struct store *store, struct bytes address, int64_t since, int64_t *count)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        address.len > 0
            ? "SELECT (SELECT count(*) FROM delivery WHERE sent_at >= $1 AND address = $2)"
              " + (SELECT count(*) FROM failure_delivery WHERE sent_at >= $1 AND address = $2)"
            : "SELECT (SELECT count(*) FROM delivery WHERE sent_at >= $1)"
              " + (SELECT count(*) FROM failure_delivery WHERE sent_at >= $1)");
    *count = 0;
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, since);
    if (address.len > 0)
        sql_bind_text(statement, 2, address);
    return number_of(statement, count);
}

/* ---- destinations ---- */

bool store_destination_suppressed(struct store *store, struct bytes address, int64_t now,
                                  int64_t *until)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT suppressed_until FROM destination"
                                " WHERE address = $1 AND suppressed_until > $2");
    *until = 0;
    if (!statement)
        return false;
    sql_bind_text(statement, 1, address);
    sql_bind_int64(statement, 2, now);
    return number_of(statement, until);
}

bool store_destination_accepted(struct store *store, struct bytes address)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "DELETE FROM destination WHERE address = $1");
    if (!statement)
        return false;
    sql_bind_text(statement, 1, address);
    return sql_done(statement);
}

/* As store_destination_refused(), with views into scratch. */
static bool count_refusal(struct store *store, struct bytes address, struct bytes error,
                          int64_t now, unsigned suppress_after, int64_t suppress_for)
{
    /* $3: what the first refusal makes of it, $4: a later one that is the $5'th */
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO destination (address, refusals, suppressed_until, error)"
                    " VALUES ($1, 1, $3, $2) ON CONFLICT (address) DO UPDATE SET"
                    " refusals = destination.refusals + 1, error = excluded.error,"
                    " suppressed_until = CASE WHEN destination.refusals + 1 >= $5"
                    " AND destination.suppressed_until < $4 THEN $4"
                    " ELSE destination.suppressed_until END");
    if (!statement)
        return false;
    sql_bind_text(statement, 1, store_clean(store->scratch, address));
    sql_bind_text(statement, 2, kept(store, error));
    sql_bind_int64(statement, 3, suppress_after == 1 ? now + suppress_for : 0);
    sql_bind_int64(statement, 4, now + suppress_for);
    sql_bind_int64(statement, 5, suppress_after > 0 ? (int64_t)suppress_after : INT64_MAX);
    return sql_done(statement);
}

bool store_destination_refused(struct store *store, struct bytes address, struct bytes error,
                               int64_t now, unsigned suppress_after, int64_t suppress_for)
{
    arena_reset(store->scratch);
    return count_refusal(store, address, error, now, suppress_after, suppress_for);
}

bool store_destinations(struct store *store, store_destination_fn *each, void *context)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        "SELECT address, refusals, suppressed_until, error FROM destination ORDER BY address");
    if (!statement)
        return false;
    enum sql_step step;
    bool more = true;
    while (more && (step = sql_step(statement)) == SQL_ROW) {
        struct store_destination destination = {
            .address = sql_text(statement, 0),
            .refusals = sql_int64(statement, 1),
            .suppressed_until = sql_int64(statement, 2),
            .error = sql_text(statement, 3),
        };
        more = each(context, &destination);
    }
    sql_finish(statement);
    return !more || step == SQL_DONE;
}

bool store_destination_set(struct store *store, struct bytes address, int64_t until,
                           struct bytes error)
{
    if (until == 0)
        return store_destination_accepted(store, address);
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO destination (address, refusals, suppressed_until, error)"
                    " VALUES ($1, 0, $2, $3) ON CONFLICT (address) DO UPDATE SET"
                    " suppressed_until = excluded.suppressed_until, error = excluded.error");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    sql_bind_text(statement, 1, store_clean(store->scratch, address));
    sql_bind_int64(statement, 2, until);
    sql_bind_text(statement, 3, kept(store, error));
    return sql_done(statement);
}

/* ---- bounces ---- */

/* The delivery and its address as we wrote it (in scratch); 0: there is none. Addresses in a
 * bounce may have been written in another case. *alone: nobody else was sent that report. */
static bool find_delivery(struct store *store, struct bytes report_id, struct bytes address,
                          struct store_delivery *out, bool *alone)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT d.id, d.address, d.state,"
                                " (SELECT count(*) FROM delivery o WHERE o.report = d.report"
                                " AND o.sent_at IS NOT NULL) FROM delivery d"
                                " JOIN report r ON r.id = d.report WHERE r.report_id = $1"
                                " AND d.sent_at IS NOT NULL AND lower(d.address) = lower($2)");
    *out = (struct store_delivery){.delivery = 0};
    if (!statement)
        return false;
    sql_bind_text(statement, 1, store_clean(store->scratch, report_id));
    sql_bind_text(statement, 2, store_clean(store->scratch, address));
    enum sql_step step = sql_step(statement);
    if (step == SQL_ROW) {
        out->delivery = sql_int64(statement, 0);
        out->address = arena_bytes(store->scratch, sql_text(statement, 1));
        out->state = state_of(sql_text(statement, 2));
        *alone = sql_int64(statement, 3) == 1;
    }
    sql_finish(statement);
    return step != SQL_FAILED;
}

static bool mark_bounced(struct store *store, int64_t delivery, struct bytes error, int64_t now,
                         bool *first)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE delivery SET state = 'bounced', error = $1, changed = $2"
                                " WHERE id = $3 AND state = 'sent' RETURNING id");
    if (!statement)
        return false;
    sql_bind_text(statement, 1, kept(store, error));
    sql_bind_int64(statement, 2, now);
    sql_bind_int64(statement, 3, delivery);
    enum sql_step step = sql_step(statement);
    *first = step == SQL_ROW;
    if (*first)
        step = sql_step(statement);
    sql_finish(statement);
    return step == SQL_DONE;
}

bool store_bounce(struct store *store, struct bytes report_id, struct bytes address,
                  struct bytes error, int64_t now, unsigned suppress_after, int64_t suppress_for,
                  bool *known)
{
    struct store_delivery delivery;
    bool own, first = false, alone = false;
    *known = false;
    if (!store_enter(store, &own))
        return false;
    arena_reset(store->scratch);
    bool good =
        find_delivery(store, report_id, address, &delivery, &alone) &&
        (delivery.delivery == 0 || mark_bounced(store, delivery.delivery, error, now, &first)) &&
        (!first || !alone ||
         count_refusal(store, delivery.address, error, now, suppress_after, suppress_for));
    *known = good && delivery.delivery != 0;
    return store_leave(store, own, good);
}
