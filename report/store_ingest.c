/* store_ingest.c - events of a journal become messages, each exactly once.
 *
 * The usual message costs one INSERT: the ids of policies and tuples that were seen lately
 * are remembered by the hash of their key. A policy or tuple carries a time, `seen`, that no
 * message of it is after: the end of the last day it was seen on. It moves with the first message
 * of a day, in that message's transaction; a row that store_expire() took away in between is made
 * again then.
 */
#include "store_internal.h"

#include "base64.h"
#include "report_codec.h"
#include "store_failure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- keys and the cache ---- */

static bool hash(struct store *store, struct bytes data, struct store_key *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (!EVP_DigestInit_ex2(store->digest, store->sha256, NULL) ||
        !EVP_DigestUpdate(store->digest, data.data, data.len) ||
        !EVP_DigestFinal_ex(store->digest, digest, NULL))
        return store_out_of_memory(store);
    memcpy(out->octets, digest, STORE_HASH_LEN);
    return true;
}

static struct bytes hash_text(struct store *store, const struct store_key *key)
{
    struct strbuf buf;
    strbuf_init(&buf, store->scratch);
    base64_encode(&buf, key->octets, sizeof(key->octets));
    strbuf_truncate(&buf, STORE_HASH_TEXT_LEN);
    return strbuf_view(&buf);
}

/* The one place of a key: what falls onto it takes it over. */
static struct store_cache_entry *entry_of(struct store_cache_entry *cache, size_t size,
                                          const struct store_key *key)
{
    uint32_t number;
    memcpy(&number, key->octets, sizeof(number));
    struct store_cache_entry *entry = &cache[number % size];
    if (memcmp(&entry->key, key, sizeof(*key)) != 0)
        *entry = (struct store_cache_entry){.key = *key};
    return entry;
}

static bool have_caches(struct store *store)
{
    if (!store->tuples)
        store->tuples = calloc(STORE_TUPLE_CACHE, sizeof(*store->tuples));
    if (!store->policies)
        store->policies = calloc(STORE_POLICY_CACHE, sizeof(*store->policies));
    return (store->tuples && store->policies) || store_out_of_memory(store);
}

void store_forget_ids(struct store *store)
{
    if (store->tuples)
        memset(store->tuples, 0, STORE_TUPLE_CACHE * sizeof(*store->tuples));
    if (store->policies)
        memset(store->policies, 0, STORE_POLICY_CACHE * sizeof(*store->policies));
}

/* ---- a message ---- */

static int64_t end_of_day(int64_t time)
{
    return (time / STORE_DAY + 1) * STORE_DAY;
}

/* The policy's id, its `seen` not before `seen`; 0 on failure. */
static int64_t policy_id(struct store *store, const struct report_policy *policy,
                         struct bytes encoded, int64_t seen)
{
    struct store_key key;
    if (!hash(store, encoded, &key))
        return 0;
    struct store_cache_entry *entry = entry_of(store->policies, STORE_POLICY_CACHE, &key);
    if (entry->id != 0 && entry->seen >= seen)
        return entry->id;
    entry->id = store_policy_insert(store, hash_text(store, &key), policy, seen);
    entry->seen = seen;
    return entry->id;
}

static int64_t tuple_id(struct store *store, const struct report_row *row,
                        const struct report_keys *keys)
{
    struct store_key key;
    int64_t seen = end_of_day(row->time);
    if (!hash(store, keys->tuple, &key))
        return 0;
    struct store_cache_entry *entry = entry_of(store->tuples, STORE_TUPLE_CACHE, &key);
    if (entry->id != 0 && entry->seen >= seen)
        return entry->id;
    int64_t policy = policy_id(store, &row->policy, keys->policy, seen);
    entry->id = policy ? store_tuple_insert(store, hash_text(store, &key), policy, row, seen) : 0;
    entry->seen = seen;
    return entry->id;
}

static void bind_message(struct sql_statement *statement, int first,
                         const struct store_message *message)
{
    sql_bind_int64(statement, first, message->tuple);
    sql_bind_int64(statement, first + 1, message->received);
    sql_bind_text(statement, first + 2, (struct bytes){message->queue_id, message->queue_id_len});
}

static bool insert_many(struct store *store)
{
    _Static_assert(STORE_MESSAGES == 16, "as many VALUES as messages");
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO message (tuple, received, queue_id) VALUES"
                    " ($1, $2, $3), ($4, $5, $6), ($7, $8, $9), ($10, $11, $12),"
                    " ($13, $14, $15), ($16, $17, $18), ($19, $20, $21), ($22, $23, $24),"
                    " ($25, $26, $27), ($28, $29, $30), ($31, $32, $33), ($34, $35, $36),"
                    " ($37, $38, $39), ($40, $41, $42), ($43, $44, $45), ($46, $47, $48)");
    if (!statement)
        return false;
    for (int i = 0; i < STORE_MESSAGES; i++)
        bind_message(statement, 3 * i + 1, &store->waiting[i]);
    return sql_done(statement);
}

static bool insert_one(struct store *store, const struct store_message *message)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO message (tuple, received, queue_id) VALUES ($1, $2, $3)");
    if (!statement)
        return false;
    bind_message(statement, 1, message);
    return sql_done(statement);
}

/* What waits goes to the database. */
static bool insert_waiting(struct store *store)
{
    size_t count = store->waiting_count;
    store->waiting_count = 0;
    if (count == STORE_MESSAGES)
        return insert_many(store);
    for (size_t i = 0; i < count; i++)
        if (!insert_one(store, &store->waiting[i]))
            return false;
    return true;
}

static bool add_message(struct store *store, const struct report_row *row, int64_t tuple)
{
    struct bytes id =
        store_clean(store->scratch, bytes_slice(row->queue_id, 0, STORE_QUEUE_ID_MAX));
    struct store_message *message = &store->waiting[store->waiting_count++];
    message->tuple = tuple;
    message->received = row->time;
    message->queue_id_len = id.len;
    memcpy(message->queue_id, id.data, id.len);
    return store->waiting_count < STORE_MESSAGES || insert_waiting(store);
}

bool store_batch_add(struct store *store, struct bytes event)
{
    struct report_row row;
    struct report_keys keys;
    arena_reset(store->scratch);
    if (report_event_type(event) == REPORT_EVENT_FAILURE) {
        bool decoded;
        if (!store_failure_add(store, event, &decoded))
            return false;
        store->undecoded += !decoded;
        return true;
    }
    if (!report_row_decode(store->scratch, event, &row, &keys)) {
        if (arena_failed(store->scratch))
            return store_out_of_memory(store);
        store->undecoded++;
        return true;
    }
    int64_t tuple = tuple_id(store, &row, &keys);
    return tuple != 0 && add_message(store, &row, tuple);
}

/* ---- the batch ---- */

static bool lock_source(struct store *store, struct bytes journal_id, struct bytes host,
                        struct journal_position *position)
{
    /* an UPDATE that changes nothing, for its lock: one process at a time carries a journal over */
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO source (journal, host, segment, position) VALUES ($1, $2, 0, 0)"
                    " ON CONFLICT (journal) DO UPDATE SET host = excluded.host"
                    " RETURNING id, segment, position");
    if (!statement)
        return false;
    sql_bind_text(statement, 1, journal_id);
    sql_bind_text(statement, 2, host);
    if (sql_step(statement) != SQL_ROW) {
        sql_finish(statement);
        return false;
    }
    store->source = sql_int64(statement, 0);
    position->segment = (uint64_t)sql_int64(statement, 1);
    position->offset = (uint64_t)sql_int64(statement, 2);
    return sql_done(statement);
}

/* Once a batch is committed its journal may go: so that must outlive a power failure. And a
 * daemon shall not keep as many pages in memory as a tool that plans. */
static bool make_durable(struct store *store)
{
    if (!store->durable && sql_kind(store->sql) == SQL_SQLITE)
        store->durable =
            sql_run(store->sql, "PRAGMA synchronous = FULL; PRAGMA cache_size = -2048");
    return store->durable || sql_kind(store->sql) != SQL_SQLITE;
}

bool store_batch_begin(struct store *store, const char *journal_id, const char *host,
                       struct journal_position *position)
{
    if (store->in_transaction)
        store_rollback(store); /* a batch that its owner gave up */
    if (!have_caches(store) || !make_durable(store) || !store_begin(store))
        return false;
    store->undecoded = 0;
    store->waiting_count = 0;
    arena_reset(store->scratch);
    if (lock_source(store, bytes_of(journal_id), store_clean(store->scratch, bytes_of(host)),
                    position))
        return true;
    store_rollback(store);
    return false;
}

bool store_batch_lost(struct store *store, uint64_t lost, const char *cause, int64_t now)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO loss (source, cause, day, messages, last)"
                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, cause, day) DO UPDATE SET"
                    " messages = loss.messages + excluded.messages, last = excluded.last");
    if (!statement)
        return false;
    arena_reset(store->scratch);
    sql_bind_int64(statement, 1, store->source);
    sql_bind_text(statement, 2, store_clean(store->scratch, bytes_of(cause)));
    sql_bind_int64(statement, 3, now / STORE_DAY);
    sql_bind_int64(statement, 4, (int64_t)lost);
    sql_bind_int64(statement, 5, now);
    return sql_done(statement);
}

static bool move_position(struct store *store, struct journal_position position)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "UPDATE source SET segment = $1, position = $2 WHERE id = $3");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, (int64_t)position.segment);
    sql_bind_int64(statement, 2, (int64_t)position.offset);
    sql_bind_int64(statement, 3, store->source);
    return sql_done(statement);
}

bool store_batch_commit(struct store *store, struct journal_position position)
{
    bool good =
        store->undecoded == 0 ||
        store_batch_lost(store, store->undecoded, "an event that cannot be decoded", time(NULL));
    if (good && insert_waiting(store) && move_position(store, position))
        return store_commit(store);
    store_rollback(store);
    return false;
}
