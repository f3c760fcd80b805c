/* sql_postgres.c - PostgreSQL, and what speaks its protocol, as an engine of sql.h.
 *
 * Nothing here waits without an end: for the connection, for locks, for a statement, for a server
 * that has gone silent; the times are in sql_internal.h. A URI may set others (connect_timeout,
 * tcp_user_timeout, ...). A lost connection stays lost: SQL_AWAY from then on. No text that is
 * given out holds a password.
 *
 * Relies on libpq. Rows come one by one (single-row mode), so that memory is bounded.
 */
#include "sql_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    NUMBER_MAX = 24, /* octets of a decimal number, with NUL */
    NAME_MAX_OCTETS = 16,
    PLACE_MAX = 300, /* octets of "database x at y", with NUL */
};

struct connection {
    struct sql sql;
    PGconn *pg;
    char place[PLACE_MAX];
    unsigned prepared;        /* statements so far: their names */
    struct prepared *running; /* rows of it are still to come */
    bool lost;
};

struct prepared {
    struct sql_statement statement;
    struct connection *connection;
    char name[NAME_MAX_OCTETS];
    int count; /* parameters */
    const char **values;
    int *lengths, *formats;      /* format 1: octets, counted; 0: text with NUL */
    char (*numbers)[NUMBER_MAX]; /* their text */
    PGresult *result;            /* the row at hand */
};

static struct connection *connection_of(struct sql *sql)
{
    return (struct connection *)sql;
}

static struct prepared *prepared_of(const struct sql_statement *statement)
{
    return (struct prepared *)(uintptr_t)statement;
}

/* ---- errors ---- */

struct state_trouble {
    const char *prefix; /* of an SQLSTATE (PostgreSQL manual, appendix A) */
    enum sql_trouble trouble;
    const char *advice;
};

static const struct state_trouble state_troubles[] = {
    {"08", SQL_AWAY, ""},                                 /* connection exception */
    {"57P", SQL_AWAY, ""},                                /* shutdown, crash, idle time-out */
    {"25P03", SQL_AWAY, ""},                              /* idle in a transaction for too long */
    {"53300", SQL_AWAY, "; raise max_connections there"}, /* too many connections */
    /* a row that was referred to went away meanwhile (store_expire): again, it is made anew */
    {"23503", SQL_BUSY, ""},
    {"40", SQL_BUSY, ""},                                    /* serialization, deadlock */
    {"55P03", SQL_BUSY, "; another process holds the lock"}, /* lock_timeout */
    {"57014", SQL_BUSY, ""},                                 /* statement_timeout */
    {"53200", SQL_BUSY, ""},                                 /* out of memory */
    {"53", SQL_FULL, "; make room on the server"},           /* disk full, limits */
    {"58030", SQL_FULL, "; look at the disk of the server"},
    {"25006", SQL_FULL, "; the server is read-only: a standby?"},
    {"XX001", SQL_CORRUPT, ""},
    {"XX002", SQL_CORRUPT, ""},
    {"42501", SQL_WRONG, "; grant this user CREATE on the schema, and all on the tables"},
    {"42P07", SQL_WRONG, "; give Assay a database of its own"}, /* relation exists */
};

static const struct state_trouble *find_state(const char *state)
{
    static const struct state_trouble other = {"", SQL_WRONG, ""};
    for (size_t i = 0; i < sizeof(state_troubles) / sizeof(state_troubles[0]); i++)
        if (strncmp(state, state_troubles[i].prefix, strlen(state_troubles[i].prefix)) == 0)
            return &state_troubles[i];
    return &other;
}

static void lose(struct connection *connection, const char *why)
{
    connection->lost = true;
    sql_fail(&connection->sql, SQL_AWAY, "PostgreSQL %s: %s; tried again later", connection->place,
             why);
}

static void fail(struct connection *connection, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (PQstatus(connection->pg) == CONNECTION_BAD || !state) {
        lose(connection, primary ? primary : PQerrorMessage(connection->pg));
        return;
    }
    const struct state_trouble *found = find_state(state);
    if (found->trouble == SQL_AWAY)
        connection->lost = true;
    sql_fail(&connection->sql, found->trouble, "PostgreSQL %s: %s (SQLSTATE %s)%s",
             connection->place, primary ? primary : "no reason given", state, found->advice);
}

/* False, with the error set, when the connection cannot take a statement. */
static bool ready(struct connection *connection)
{
    if (connection->lost) {
        lose(connection, "the connection was lost");
        return false;
    }
    if (connection->running) {
        sql_fail(&connection->sql, SQL_WRONG, "a defect of Assay: rows of a statement are pending");
        return false;
    }
    return true;
}

/* ---- results ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* PQgetResult() that does not wait for ever: NULL at the end, and when the connection was lost. */
static PGresult *next_result(struct connection *connection)
{
    int64_t deadline = now_ms() + SQL_SILENCE_TIMEOUT_MS;
    while (!connection->lost && PQisBusy(connection->pg)) {
        struct pollfd wait = {.fd = PQsocket(connection->pg), .events = POLLIN};
        int64_t left = deadline - now_ms();
        int got = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (got == 0)
            lose(connection, "the server has been silent for too long");
        else if (got < 0 && errno != EINTR)
            lose(connection, strerror(errno));
        else if (got > 0 && !PQconsumeInput(connection->pg))
            lose(connection, PQerrorMessage(connection->pg));
    }
    return connection->lost ? NULL : PQgetResult(connection->pg);
}

/* Takes all results of what was sent. True when none was an error; *tag (if not NULL) gets
 * the command tag of the last. */
static bool take_results(struct connection *connection, char tag[NAME_MAX_OCTETS])
{
    bool good = true;
    PGresult *result;
    while ((result = next_result(connection)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_EMPTY_QUERY && status != PGRES_SINGLE_TUPLE) {
            if (good)
                fail(connection, result);
            good = false;
        } else if (tag) {
            snprintf(tag, NAME_MAX_OCTETS, "%.15s", PQcmdStatus(result));
        }
        PQclear(result);
    }
    return good && !connection->lost;
}

static bool run_tagged(struct connection *connection, const char *text, char *tag)
{
    if (!ready(connection))
        return false;
    if (!PQsendQuery(connection->pg, text)) {
        fail(connection, NULL);
        return false;
    }
    return take_results(connection, tag);
}

/* ---- opening ---- */

/* Hides what libpq marks as secret, wherever an error text repeats it. */
static void hide_secrets(char *text, const PQconninfoOption *options)
{
    for (const PQconninfoOption *option = options; option && option->keyword; option++) {
        if (!option->val || option->val[0] == '\0' || strcmp(option->dispchar, "*") != 0)
            continue;
        size_t len = strlen(option->val);
        for (char *found; (found = strstr(text, option->val)) != NULL;)
            memset(found, option->val[0] == '*' ? '.' : '*', len);
    }
}

static void name_place(struct connection *connection)
{
    const char *host = PQhost(connection->pg), *port = PQport(connection->pg);
    const char *database = PQdb(connection->pg), *user = PQuser(connection->pg);
    snprintf(connection->place, PLACE_MAX, "database \"%.60s\" at %.100s:%.10s as %.60s",
             database ? database : "", host ? host : "", port ? port : "", user ? user : "");
}

static void no_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* Those before "dbname" are defaults that the URI may change. */
static PGconn *start(const char *uri)
{
    static const char *const keywords[] = {
        "connect_timeout",  "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "dbname",           "client_encoding",  NULL,
    };
    char connect_timeout[NUMBER_MAX];
    snprintf(connect_timeout, sizeof(connect_timeout), "%d", SQL_CONNECT_TIMEOUT_S);
    const char *const values[] = {
        connect_timeout, "30", "10", "3", "30000", "assay", uri, "UTF8", NULL,
    };
    return PQconnectdbParams(keywords, values, 1);
}

static bool set_up(struct connection *connection, enum sql_use use)
{
    char text[256];
    snprintf(text, sizeof(text),
             "SET statement_timeout = '%ds'; SET lock_timeout = '%dms'; "
             "SET idle_in_transaction_session_timeout = '%ds'; "
             "SET default_transaction_read_only = %s",
             SQL_STATEMENT_TIMEOUT_S, SQL_LOCK_TIMEOUT_MS, SQL_IDLE_TIMEOUT_S,
             use == SQL_READ_ONLY ? "on" : "off");
    return run_tagged(connection, text, NULL);
}

static bool connect_to(struct connection *connection, const char *uri, enum sql_use use)
{
    PQconninfoOption *options = PQconninfoParse(uri, NULL);
    if (!options) {
        /* libpq's own text would quote a part of it, which may be the password */
        sql_fail(&connection->sql, SQL_WRONG,
                 "ReportStore is no URI that libpq understands: "
                 "postgresql://user:password@host:port/database?option=value, with %%XX for "
                 "special characters");
        return false;
    }
    connection->pg = start(uri);
    bool good = false;
    if (!connection->pg) {
        sql_fail(&connection->sql, SQL_BUSY, "PostgreSQL: out of memory");
    } else {
        name_place(connection);
        PQsetNoticeReceiver(connection->pg, no_notice, NULL);
        if (PQstatus(connection->pg) == CONNECTION_OK)
            good = set_up(connection, use);
        else
            sql_fail(&connection->sql,
                     PQconnectionNeedsPassword(connection->pg) ? SQL_WRONG : SQL_AWAY,
                     "PostgreSQL %s: %s; does the server run, and may this user connect "
                     "(pg_hba.conf)?",
                     connection->place, PQerrorMessage(connection->pg));
    }
    hide_secrets(connection->place, options);
    hide_secrets(connection->sql.error, options);
    PQconninfoFree(options);
    return good;
}

static void postgres_close(struct sql *sql)
{
    PQfinish(connection_of(sql)->pg);
    free(sql);
}

/* ---- the calls of the engine ---- */

static bool postgres_run(struct sql *sql, const char *text)
{
    return run_tagged(connection_of(sql), text, NULL);
}

static bool postgres_begin(struct sql *sql)
{
    return postgres_run(sql, "BEGIN");
}

static bool postgres_commit(struct sql *sql)
{
    struct connection *connection = connection_of(sql);
    char tag[NAME_MAX_OCTETS] = "";
    if (!run_tagged(connection, "COMMIT", tag))
        return false;
    /* the answer to COMMIT after an error is no error, but it says ROLLBACK */
    if (strcmp(tag, "COMMIT") == 0)
        return true;
    sql_fail(sql, SQL_WRONG, "PostgreSQL %s: nothing was committed, an earlier statement failed",
             connection->place);
    return false;
}

static void postgres_reset(struct sql_statement *statement);

static void postgres_rollback(struct sql *sql)
{
    struct connection *connection = connection_of(sql);
    if (connection->running)
        postgres_reset(&connection->running->statement);
    if (connection->lost || PQtransactionStatus(connection->pg) == PQTRANS_IDLE)
        return;
    PGresult *result;
    if (PQsendQuery(connection->pg, "ROLLBACK"))
        while ((result = next_result(connection)) != NULL)
            PQclear(result);
}

/* The highest number of a parameter. */
static int count_parameters(const char *text)
{
    int count = 0;
    for (const char *c = strchr(text, '$'); c; c = strchr(c + 1, '$')) {
        int number = atoi(c + 1);
        count = number > count ? number : count;
    }
    return count;
}

static void postgres_free(struct sql_statement *statement)
{
    struct prepared *prepared = prepared_of(statement);
    PQclear(prepared->result);
    free(prepared->values);
    free(prepared->lengths);
    free(prepared->formats);
    free(prepared->numbers);
    free(prepared);
}

static struct prepared *new_prepared(struct connection *connection, int count)
{
    struct prepared *prepared = calloc(1, sizeof(*prepared));
    if (!prepared)
        return NULL;
    size_t slots = (size_t)count + 1;
    prepared->connection = connection;
    prepared->count = count;
    prepared->values = calloc(slots, sizeof(*prepared->values));
    prepared->lengths = calloc(slots, sizeof(*prepared->lengths));
    prepared->formats = calloc(slots, sizeof(*prepared->formats));
    prepared->numbers = calloc(slots, sizeof(*prepared->numbers));
    if (prepared->values && prepared->lengths && prepared->formats && prepared->numbers)
        return prepared;
    postgres_free(&prepared->statement);
    return NULL;
}

static struct sql_statement *postgres_prepare(struct sql *sql, const char *text)
{
    struct connection *connection = connection_of(sql);
    if (!ready(connection))
        return NULL;
    struct prepared *prepared = new_prepared(connection, count_parameters(text));
    if (!prepared) {
        sql_fail(sql, SQL_BUSY, "out of memory");
        return NULL;
    }
    snprintf(prepared->name, sizeof(prepared->name), "s%u", ++connection->prepared);
    if (!PQsendPrepare(connection->pg, prepared->name, text, 0, NULL))
        fail(connection, NULL);
    else if (take_results(connection, NULL))
        return &prepared->statement;
    postgres_free(&prepared->statement);
    return NULL;
}

static void postgres_reset(struct sql_statement *statement)
{
    struct prepared *prepared = prepared_of(statement);
    struct connection *connection = prepared->connection;
    PQclear(prepared->result);
    prepared->result = NULL;
    if (connection->running == prepared) {
        PGresult *result;
        while ((result = next_result(connection)) != NULL)
            PQclear(result);
        connection->running = NULL;
    }
    for (int i = 0; i < prepared->count; i++)
        prepared->values[i] = NULL;
}

static void postgres_bind_int64(struct sql_statement *statement, int index, int64_t value)
{
    struct prepared *prepared = prepared_of(statement);
    if (index < 1 || index > prepared->count)
        return;
    char *number = prepared->numbers[index - 1];
    snprintf(number, NUMBER_MAX, "%" PRId64, value);
    prepared->values[index - 1] = number;
    prepared->lengths[index - 1] = 0;
    prepared->formats[index - 1] = 0;
}

static void postgres_bind_text(struct sql_statement *statement, int index, struct bytes value)
{
    struct prepared *prepared = prepared_of(statement);
    if (index < 1 || index > prepared->count)
        return;
    prepared->values[index - 1] = value.len > 0 ? value.data : "";
    prepared->lengths[index - 1] = (int)value.len;
    prepared->formats[index - 1] = 1; /* TEXT in binary form is its octets */
}

static void postgres_bind_null(struct sql_statement *statement, int index)
{
    struct prepared *prepared = prepared_of(statement);
    if (index >= 1 && index <= prepared->count)
        prepared->values[index - 1] = NULL;
}

static bool launch(struct connection *connection, struct prepared *prepared)
{
    if (!ready(connection))
        return false;
    if (!PQsendQueryPrepared(connection->pg, prepared->name, prepared->count, prepared->values,
                             prepared->lengths, prepared->formats, 0)) {
        fail(connection, NULL);
        return false;
    }
    PQsetSingleRowMode(connection->pg);
    connection->running = prepared;
    return true;
}

static enum sql_step postgres_step(struct sql_statement *statement)
{
    struct prepared *prepared = prepared_of(statement);
    struct connection *connection = prepared->connection;
    if (connection->running != prepared && !launch(connection, prepared))
        return SQL_FAILED;
    PQclear(prepared->result);
    prepared->result = next_result(connection);
    if (prepared->result && PQresultStatus(prepared->result) == PGRES_SINGLE_TUPLE)
        return SQL_ROW;
    /* that was the end, or an error; what follows is NULL */
    bool good = prepared->result && (PQresultStatus(prepared->result) == PGRES_TUPLES_OK ||
                                     PQresultStatus(prepared->result) == PGRES_COMMAND_OK);
    if (!good && !connection->lost)
        fail(connection, prepared->result);
    PQclear(prepared->result);
    prepared->result = NULL;
    connection->running = NULL;
    if (!take_results(connection, NULL))
        good = false;
    return good ? SQL_DONE : SQL_FAILED;
}

static bool postgres_is_null(const struct sql_statement *statement, int column)
{
    const PGresult *result = prepared_of(statement)->result;
    return !result || PQgetisnull(result, 0, column);
}

static struct bytes postgres_text(const struct sql_statement *statement, int column)
{
    const PGresult *result = prepared_of(statement)->result;
    if (!result)
        return BYTES_EMPTY;
    return (struct bytes){PQgetvalue(result, 0, column), (size_t)PQgetlength(result, 0, column)};
}

static int64_t postgres_int64(const struct sql_statement *statement, int column)
{
    const PGresult *result = prepared_of(statement)->result;
    return result ? strtoll(PQgetvalue(result, 0, column), NULL, 10) : 0;
}

static const struct sql_engine postgres_engine = {
    .kind = SQL_POSTGRESQL,
    .close = postgres_close,
    .run = postgres_run,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .prepare = postgres_prepare,
    .reset = postgres_reset,
    .free = postgres_free,
    .bind_int64 = postgres_bind_int64,
    .bind_text = postgres_bind_text,
    .bind_null = postgres_bind_null,
    .step = postgres_step,
    .int64 = postgres_int64,
    .text = postgres_text,
    .is_null = postgres_is_null,
};

struct sql *sql_postgres_open(const char *uri, enum sql_use use, char *error,
                              enum sql_trouble *trouble)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        *trouble = SQL_BUSY;
        snprintf(error, SQL_ERROR_MAX, "PostgreSQL: out of memory");
        return NULL;
    }
    connection->sql.engine = &postgres_engine;
    if (connect_to(connection, uri, use))
        return &connection->sql;
    *trouble = connection->sql.trouble;
    memcpy(error, connection->sql.error, SQL_ERROR_MAX);
    postgres_close(&connection->sql);
    return NULL;
}
