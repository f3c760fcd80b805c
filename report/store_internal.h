/* store_internal.h - what the store_*.c files share; nobody else includes it. */
#ifndef ASSAY_STORE_INTERNAL_H
#define ASSAY_STORE_INTERNAL_H

#include "store.h"

#include <openssl/evp.h>

enum {
    STORE_HASH_LEN = 16,           /* octets kept of a SHA-256: no two alike among 2^40 keys */
    STORE_HASH_TEXT_LEN = 22,      /* the same in base64, without padding */
    STORE_TUPLE_CACHE = 16 * 1024, /* entries, 40 octets each: tuples seen lately */
    STORE_POLICY_CACHE = 4 * 1024, /* entries: policies seen lately */
    STORE_SCRATCH_MAX = 4 << 20,   /* octets: one decoded event or record */
    STORE_DAY = 86400,             /* seconds */
    STORE_MESSAGES = 16,           /* messages in one INSERT: a way to the server less for each */
    STORE_ADDRESS_MAX = 1024,      /* octets of an address or URI: an index of PostgreSQL takes
                                      2,700 */
    STORE_QUEUE_ID_MAX = 64,       /* octets; Postfix and Sendmail give 10 to 20 */
};

struct store_key {
    unsigned char octets[STORE_HASH_LEN];
};

/* A key that has an id; `seen`: the row says that it is in use until then. */
struct store_cache_entry {
    struct store_key key;
    int64_t id; /* 0: empty */
    int64_t seen;
};

/* A row of the table, about to be inserted. */
struct store_message {
    int64_t tuple, received;
    char queue_id[STORE_QUEUE_ID_MAX];
    size_t queue_id_len;
};

struct store {
    struct sql *sql;
    bool in_transaction;
    bool durable;          /* SQLite: a commit is on the disk when it returns */
    struct arena *scratch; /* for one event or record; reset by who begins with it */
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    int64_t source;                               /* of the batch at hand */
    uint64_t undecoded;                           /* events of it that are no row */
    struct store_message waiting[STORE_MESSAGES]; /* of the batch, not yet sent to the database */
    size_t waiting_count;
    struct store_cache_entry *tuples;   /* [STORE_TUPLE_CACHE], by their key */
    struct store_cache_entry *policies; /* [STORE_POLICY_CACHE] */
};

/* ---- store.c ---- */

/* A function of several statements: begins when nobody has (*own), and ends what it began. */
bool store_enter(struct store *store, bool *own);
bool store_leave(struct store *store, bool own, bool good);

/* Text as a database takes it: UTF-8 without controls; what is not becomes "?". */
struct bytes store_clean(struct arena *arena, struct bytes text);

/* 128 random bits as letters and digits; false when the system gives none. */
bool store_random_id(char out[STORE_REPORT_ID_LEN + 1]);

/* Our own failures, told like the database's. False. */
bool store_out_of_memory(struct store *store);

/* ---- store_schema.c ---- */

/* Text for each step from version i to i + 1; step 0 makes schema_version. */
struct store_schema {
    const char *const *steps;
    int64_t version; /* how many */
};

/* Makes the schema what this Assay needs (writing), or says why it is not that. */
bool store_schema_ready(struct sql *sql, enum sql_use use);
/* The same for any schema, for the tests of the mechanism. */
bool store_schema_bring(struct sql *sql, enum sql_use use, const struct store_schema *wanted);

/* ---- store_ingest.c ---- */

/* After a transaction that may not have happened: its ids may not exist. */
void store_forget_ids(struct store *store);

/* ---- store_row.c: rows of policy and tuple ---- */

/* Insert, or find what is there; 0 on failure. seen: see store_ingest.c. */
int64_t store_policy_insert(struct store *store, struct bytes hash,
                            const struct report_policy *policy, int64_t seen);
int64_t store_tuple_insert(struct store *store, struct bytes hash, int64_t policy,
                           const struct report_row *row, int64_t seen);

/* Columns of a SELECT, beginning with `first`, in the order of STORE_POLICY_COLUMNS and
 * STORE_TUPLE_COLUMNS. Strings live in arena. */
#define STORE_POLICY_COLUMNS                                                                       \
    "p.domain, p.p, p.sp, p.np, p.adkim, p.aspf, p.testing, p.psd, p.fo, p.rua, p.error"
#define STORE_TUPLE_COLUMNS                                                                        \
    "t.source_ip, t.disposition, t.dkim, t.spf, t.header_from, t.envelope_from, t.spf_domain, "    \
    "t.spf_result, t.spf_reason, t.reasons, t.signatures"

void store_policy_read(struct arena *arena, const struct sql_statement *row, int first,
                       struct report_policy *out);
void store_tuple_read(struct arena *arena, const struct sql_statement *row, int first,
                      struct report_row *out);

/* ---- store_reports.c ---- */

/* Runs a SELECT of a count and STORE_TUPLE_COLUMNS to its end. */
bool store_give_records(struct store *store, struct sql_statement *statement, store_record_fn *each,
                        void *context);

/* ---- store_json.c: lists in a column ---- */

/* Compact JSON in arena; NULL when out of memory. */
const char *store_json_reasons(struct arena *arena, const struct report_row *row);
const char *store_json_signatures(struct arena *arena, const struct report_row *row);
void store_json_read_reasons(struct arena *arena, struct bytes json, struct report_row *out);
void store_json_read_signatures(struct arena *arena, struct bytes json, struct report_row *out);

/* The result with that name; AUTH_NONE when there is none. */
enum auth_result store_auth_result(struct bytes name);

#endif
