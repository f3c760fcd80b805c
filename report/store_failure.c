/* store_failure.c - failure reports that wait to be sent; see store_failure.h. */
#include "store_failure.h"

#include "base64.h"
#include "store_internal.h"

const char store_failure_schema[] =
    "CREATE TABLE failure (id @ID@, period BIGINT NOT NULL, domain TEXT NOT NULL,"
    " kind BIGINT NOT NULL, source_ip TEXT NOT NULL, header_from TEXT NOT NULL,"
    " signature TEXT NOT NULL, incidents BIGINT NOT NULL, first_at BIGINT NOT NULL,"
    " last_at BIGINT NOT NULL, event TEXT NOT NULL, done BIGINT NOT NULL,"
    " claimed_until BIGINT NOT NULL,"
    " UNIQUE (period, domain, kind, source_ip, header_from, signature));"
    "CREATE INDEX failure_due ON failure (done, id);"

    "CREATE TABLE failure_delivery ("
    " failure BIGINT NOT NULL REFERENCES failure (id) ON DELETE CASCADE, address TEXT NOT NULL,"
    " state TEXT NOT NULL, sent_at BIGINT, error TEXT NOT NULL, PRIMARY KEY (failure, address));"
    "CREATE INDEX failure_delivery_sent ON failure_delivery (sent_at, address);";

/* ---- gathering ---- */

/* What like incidents agree in. */
struct failure_key {
    int64_t period;
    unsigned kind;
    struct bytes domain, source, header_from, signature;
};

/* Binds $1 to $6. */
static void bind_key(struct sql_statement *statement, const struct failure_key *key)
{
    sql_bind_int64(statement, 1, key->period);
    sql_bind_text(statement, 2, key->domain);
    sql_bind_int64(statement, 3, key->kind);
    sql_bind_text(statement, 4, key->source);
    sql_bind_text(statement, 5, key->header_from);
    sql_bind_text(statement, 6, key->signature);
}

/* One more incident of a row that is there; *known says whether it is. A row that was sent while
 * a late journal still brought incidents of its hour stays as it is. */
static bool count_incident(struct store *store, const struct failure_key *key, int64_t time,
                           bool *known)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "UPDATE failure SET incidents = incidents + 1,"
                    " last_at = CASE WHEN last_at < $7 THEN $7 ELSE last_at END"
                    " WHERE period = $1 AND domain = $2 AND kind = $3 AND source_ip = $4"
                    " AND header_from = $5 AND signature = $6 RETURNING id");
    if (!statement)
        return false;
    bind_key(statement, key);
    sql_bind_int64(statement, 7, time);
    enum sql_step step = sql_step(statement);
    *known = step == SQL_ROW;
    sql_finish(statement);
    return step != SQL_FAILED;
}

/* RFC 9991 2: a limit MUST be there. *first: nothing is there yet of this period. */
static bool is_over_limit(struct store *store, const struct failure_key *key, bool *over,
                          bool *first)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT count(*), count(CASE WHEN domain = $2 THEN 1 END)"
                                " FROM failure WHERE period = $1");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, key->period);
    sql_bind_text(statement, 2, key->domain);
    enum sql_step step = sql_step(statement);
    *over = step == SQL_ROW && (sql_int64(statement, 0) >= STORE_FAILURES_OF_PERIOD ||
                                sql_int64(statement, 1) >= STORE_FAILURES_OF_DOMAIN);
    *first = step == SQL_ROW && sql_int64(statement, 0) == 0;
    sql_finish(statement);
    return step != SQL_FAILED;
}

static bool insert(struct store *store, const struct failure_key *key, int64_t time,
                   struct bytes event)
{
    struct strbuf text;
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO failure (period, domain, kind, source_ip, header_from, signature,"
                    " incidents, first_at, last_at, event, done, claimed_until)"
                    " VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, 0, 0)"
                    " ON CONFLICT (period, domain, kind, source_ip, header_from, signature)"
                    " DO UPDATE SET incidents = failure.incidents + 1");
    strbuf_init(&text, store->scratch);
    base64_encode(&text, (const uint8_t *)event.data, event.len);
    if (!statement)
        return false;
    bind_key(statement, key);
    sql_bind_int64(statement, 7, time);
    sql_bind_int64(statement, 8, time);
    sql_bind_text(statement, 9, strbuf_view(&text));
    return sql_done(statement);
}

static bool add_kind(struct store *store, const struct failure_event *event, unsigned kind,
                     struct bytes octets)
{
    char source[IP_TEXT_MAX];
    struct arena *arena = store->scratch;
    const struct failure_signature *signature =
        kind == FAILURE_DMARC ? &event->aligned : &event->failed;
    const struct failure_key key = {
        .period = event->time / STORE_FAILURE_PERIOD,
        .kind = kind,
        .domain = store_clean(arena, event->policy_domain),
        .source = bytes_of(ip_format(&event->source, source)),
        .header_from = store_clean(arena, event->header_from),
        .signature = kind == FAILURE_SPF ? BYTES_EMPTY : store_clean(arena, signature->domain),
    };
    bool known, over, first;
    if (!count_incident(store, &key, event->time, &known))
        return false;
    if (known)
        return true;
    if (!is_over_limit(store, &key, &over, &first) ||
        (first && !store_failure_expire(store, event->time - STORE_FAILURE_KEEP)))
        return false;
    return over || insert(store, &key, event->time, octets);
}

bool store_failure_add(struct store *store, struct bytes event, bool *decoded)
{
    static const unsigned kinds[] = {FAILURE_DMARC, FAILURE_DKIM, FAILURE_SPF};
    struct failure_event failure;
    *decoded = failure_event_decode(event, &failure);
    for (size_t i = 0; *decoded && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((failure.kinds & kinds[i]) && !add_kind(store, &failure, kinds[i], event))
            return false;
    }
    return !arena_failed(store->scratch) || store_out_of_memory(store);
}

/* ---- sending ---- */

bool store_failures_due(struct store *store, int64_t now, int64_t after, int64_t *keys, size_t size,
                        size_t *count)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT id FROM failure WHERE done = 0 AND id > $1 AND period < $2"
                                " AND claimed_until <= $3 ORDER BY id LIMIT $4");
    *count = 0;
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, after);
    sql_bind_int64(statement, 2, now / STORE_FAILURE_PERIOD);
    sql_bind_int64(statement, 3, now);
    sql_bind_int64(statement, 4, (int64_t)size);
    enum sql_step step;
    while ((step = sql_step(statement)) == SQL_ROW && *count < size)
        keys[(*count)++] = sql_int64(statement, 0);
    sql_finish(statement);
    return step != SQL_FAILED;
}

bool store_failure_claim(struct store *store, int64_t failure, int64_t now, int64_t until,
                         bool *claimed)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE failure SET claimed_until = $1 WHERE id = $2 AND done = 0"
                                " AND claimed_until <= $3 RETURNING id");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, until);
    sql_bind_int64(statement, 2, failure);
    sql_bind_int64(statement, 3, now);
    enum sql_step step = sql_step(statement);
    *claimed = step == SQL_ROW;
    sql_finish(statement);
    return step != SQL_FAILED;
}

/* The row's event, decoded; strings are in arena. */
static bool read_event(struct arena *arena, struct bytes text, struct failure_event *out)
{
    uint8_t *octets;
    size_t len;
    return base64_decode(arena, text, &octets, &len) &&
           failure_event_decode((struct bytes){(const char *)octets, len}, out);
}

bool store_failure_load(struct store *store, struct arena *arena, int64_t failure,
                        struct store_failure *out, bool *found)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT kind, incidents, first_at, last_at, event FROM failure"
                                " WHERE id = $1");
    *out = (struct store_failure){.kind = 0};
    *found = false;
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, failure);
    enum sql_step step = sql_step(statement);
    if (step == SQL_ROW) {
        out->kind = (unsigned)sql_int64(statement, 0);
        out->incidents = sql_int64(statement, 1);
        out->first = sql_int64(statement, 2);
        out->last = sql_int64(statement, 3);
        *found = read_event(arena, sql_text(statement, 4), &out->event);
    }
    sql_finish(statement);
    if (arena_failed(arena))
        return store_out_of_memory(store);
    return step != SQL_FAILED;
}

bool store_failure_delivered(struct store *store, int64_t failure, struct bytes address,
                             enum store_delivery_state state, struct bytes error, int64_t now)
{
    if (state == STORE_DELIVERY_PENDING)
        return true;
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO failure_delivery (failure, address, state, sent_at, error)"
                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (failure, address) DO NOTHING");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    sql_bind_int64(statement, 1, failure);
    sql_bind_text(statement, 2,
                  store_clean(store->scratch, bytes_slice(address, 0, STORE_ADDRESS_MAX)));
    sql_bind_text(statement, 3, bytes_of(store_delivery_state_name(state)));
    if (state == STORE_DELIVERY_SENT)
        sql_bind_int64(statement, 4, now);
    else
        sql_bind_null(statement, 4);
    sql_bind_text(statement, 5,
                  store_clean(store->scratch, bytes_slice(error, 0, STORE_ERROR_TEXT_MAX)));
    return sql_done(statement);
}

/* One row with one number. */
static bool number_of(struct sql_statement *statement, int64_t *out)
{
    enum sql_step step = sql_step(statement);
    *out = step == SQL_ROW ? sql_int64(statement, 0) : 0;
    sql_finish(statement);
    return step != SQL_FAILED;
}

bool store_failure_is_settled(struct store *store, int64_t failure, struct bytes address,
                              bool *settled)
{
    int64_t count = 0;
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT count(*) FROM failure_delivery"
                                " WHERE failure = $1 AND address = $2");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    sql_bind_int64(statement, 1, failure);
    sql_bind_text(statement, 2,
                  store_clean(store->scratch, bytes_slice(address, 0, STORE_ADDRESS_MAX)));
    bool good = number_of(statement, &count);
    *settled = count > 0;
    return good;
}

bool store_failure_finish(struct store *store, int64_t failure)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE failure SET done = 1, claimed_until = 0 WHERE id = $1");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, failure);
    return sql_done(statement);
}

bool store_failure_sent_since(struct store *store, struct bytes address, int64_t since,
                              int64_t *count)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT count(*) FROM failure_delivery"
                                " WHERE address = $1 AND sent_at >= $2");
    *count = 0;
    if (!statement)
        return false;
    sql_bind_text(statement, 1, address);
    sql_bind_int64(statement, 2, since);
    return number_of(statement, count);
}

bool store_failures_waiting(struct store *store, int64_t *count)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT count(*) FROM failure WHERE done = 0");
    *count = 0;
    return statement && number_of(statement, count);
}

bool store_failure_expire(struct store *store, int64_t before)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "DELETE FROM failure WHERE period < $1");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, before / STORE_FAILURE_PERIOD);
    return sql_done(statement);
}
