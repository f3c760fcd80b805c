/* store.c - opening the store, transactions, and what all its parts use.
 *
 * Relies on sql.h for the database and on libcrypto for keys and random ids.
 */
#include "store_internal.h"

#include "base64.h"
#include "rfc5322.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void store_close(struct store *store)
{
    if (!store)
        return;
    sql_close(store->sql);
    arena_free(store->scratch);
    EVP_MD_CTX_free(store->digest);
    EVP_MD_free(store->sha256);
    free(store->tuples);
    free(store->policies);
    free(store);
}

struct store *store_open(const char *where, enum sql_use use, char *error,
                         enum sql_trouble *trouble)
{
    struct sql *sql = sql_open(where, use, error, trouble);
    if (!sql)
        return NULL;
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        sql_close(sql);
        *trouble = SQL_BUSY;
        strcpy(error, "out of memory");
        return NULL;
    }
    store->sql = sql;
    store->scratch = arena_new(STORE_SCRATCH_MAX);
    store->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    store->digest = EVP_MD_CTX_new();
    if (!store->scratch || !store->sha256 || !store->digest)
        store_out_of_memory(store);
    else if (store_schema_ready(sql, use))
        return store;
    *trouble = sql_trouble(sql);
    memcpy(error, sql_error(sql), strlen(sql_error(sql)) + 1);
    store_close(store);
    return NULL;
}

enum sql_trouble store_trouble(const struct store *store)
{
    return sql_trouble(store->sql);
}

const char *store_error(const struct store *store)
{
    return sql_error(store->sql);
}

bool store_out_of_memory(struct store *store)
{
    sql_fail(store->sql, SQL_BUSY, "out of memory");
    return false;
}

/* ---- transactions ---- */

bool store_begin(struct store *store)
{
    store->in_transaction = sql_begin(store->sql);
    return store->in_transaction;
}

bool store_commit(struct store *store)
{
    store->in_transaction = false;
    if (sql_commit(store->sql))
        return true;
    store_forget_ids(store);
    return false;
}

void store_rollback(struct store *store)
{
    store->in_transaction = false;
    sql_rollback(store->sql);
    store_forget_ids(store);
}

bool store_enter(struct store *store, bool *own)
{
    *own = !store->in_transaction;
    return !*own || store_begin(store);
}

bool store_leave(struct store *store, bool own, bool good)
{
    if (!own)
        return good;
    if (good)
        return store_commit(store);
    store_rollback(store);
    return false;
}

/* ---- text and ids ---- */

static bool is_clean(struct bytes text)
{
    bool ascii = true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < ' ' || c == 0x7f)
            return false;
        ascii = ascii && c < 0x80;
    }
    return ascii || rfc5322_is_utf8(text);
}

struct bytes store_clean(struct arena *arena, struct bytes text)
{
    if (is_clean(text))
        return text;
    char *copy = arena_copy(arena, text.data, text.len);
    if (!copy)
        return BYTES_EMPTY;
    for (size_t i = 0; i < text.len;) {
        struct bytes rest = {copy + i, text.len - i};
        unsigned char c = (unsigned char)copy[i];
        size_t len = rfc5322_utf8_length(rest);
        if (len == 0 || c < ' ' || c == 0x7f) {
            copy[i] = '?';
            len = 1;
        }
        i += len;
    }
    return (struct bytes){copy, text.len};
}

bool store_random_id(char out[STORE_REPORT_ID_LEN + 1])
{
    unsigned char octets[STORE_REPORT_ID_LEN / 2];
    if (getrandom(octets, sizeof(octets), 0) != (ssize_t)sizeof(octets))
        return false;
    for (size_t i = 0; i < sizeof(octets); i++) {
        out[2 * i] = "0123456789abcdef"[octets[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[octets[i] & 15];
    }
    out[STORE_REPORT_ID_LEN] = '\0';
    return true;
}
