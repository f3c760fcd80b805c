/* sql_sqlite.c - SQLite as an engine of sql.h.
 *
 * WAL and synchronous=NORMAL: a commit costs no fsync(2), a killed process loses nothing, and a
 * power failure may take the last commits, but never the file. (The daemon's batches are
 * synchronous: store_ingest.c.) A file that is not ours (application_id) is left alone. A statement
 * belongs to one row of the caller at a time.
 *
 * Relies on libsqlite3, 3.39 or newer.
 */
#include "sql_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x41737361, /* "Assa" in the head of the file; file(1) shows it */
    CACHE_KIB = 16 * 1024,       /* memory for pages: the indexes of a day's rows */
    WAL_KEPT = 16 << 20,         /* octets: a longer log is cut after a checkpoint */
};

struct connection {
    struct sql sql;
    sqlite3 *db;
    char *path;
};

struct prepared {
    struct sql_statement statement;
    sqlite3_stmt *stmt;
};

static struct connection *connection_of(struct sql *sql)
{
    return (struct connection *)sql;
}

static sqlite3_stmt *stmt_of(const struct sql_statement *statement)
{
    return ((const struct prepared *)statement)->stmt;
}

/* ---- errors ---- */

static enum sql_trouble trouble_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
        return SQL_BUSY;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
        return SQL_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SQL_CORRUPT;
    default:
        return SQL_WRONG;
    }
}

/* What the administrator can do about it. */
static const char *advice(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "; another process holds the lock: tried again later";
    case SQLITE_FULL:
        return "; make room on that file system";
    case SQLITE_READONLY:
        return "; the file, its -wal and -shm and the directory must be writable for this user";
    case SQLITE_CANTOPEN:
        return "; the directory must exist and be writable for this user (SQLite keeps its -wal "
               "and -shm there, also to read)";
    case SQLITE_IOERR:
        return "; look at the disk and its free space";
    case SQLITE_CORRUPT:
        return "; move the file away (a new one is made), `sqlite3 FILE .recover` saves what it "
               "can";
    case SQLITE_NOTADB:
        return "; it is something else, or damaged: move it away or change ReportStore";
    default:
        return "";
    }
}

static void fail(struct connection *connection)
{
    int code = sqlite3_extended_errcode(connection->db);
    int number = sqlite3_system_errno(connection->db);
    bool known = number != 0 && ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN);
    sql_fail(&connection->sql, trouble_of(code), "%s: %s%s%s%s", connection->path,
             sqlite3_errmsg(connection->db), known ? ": " : "", known ? strerror(number) : "",
             advice(code));
}

/* ---- opening ---- */

static bool execute(struct connection *connection, const char *text)
{
    if (sqlite3_exec(connection->db, text, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    fail(connection);
    return false;
}

/* The number that a query gives. */
static bool query_number(struct connection *connection, const char *text, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    *out = 0;
    if (sqlite3_prepare_v2(connection->db, text, -1, &stmt, NULL) != SQLITE_OK) {
        fail(connection);
        return false;
    }
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    if (code == SQLITE_ROW)
        return true;
    fail(connection);
    return false;
}

/* True for ours; so is a file without anything in it (*fresh). */
static bool is_ours(struct connection *connection, bool *fresh)
{
    int64_t id, tables;
    *fresh = false;
    /* in this order: another process may be making its tables, and marks the file first */
    if (!query_number(connection, "SELECT count(*) FROM sqlite_master", &tables) ||
        !query_number(connection, "PRAGMA application_id", &id))
        return false;
    if (id == APPLICATION_ID)
        return true;
    if (id == 0 && tables == 0) {
        *fresh = true;
        return true;
    }
    sql_fail(&connection->sql, SQL_WRONG,
             "%s is an SQLite database of another program (application_id %lld, %lld tables and "
             "indexes); nothing was changed: give ReportStore a file of its own",
             connection->path, (long long)id, (long long)tables);
    return false;
}

static bool claim_file(struct connection *connection)
{
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA application_id = %d", APPLICATION_ID);
    bool fresh;
    /* two processes may come here at once: the second finds it done */
    if (!execute(connection, "BEGIN IMMEDIATE"))
        return false;
    if (is_ours(connection, &fresh) && (!fresh || execute(connection, text)) &&
        execute(connection, "COMMIT"))
        return true;
    sqlite3_exec(connection->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* SQLite does not wait by itself for the lock that a change of the mode takes. */
static bool use_wal(struct connection *connection)
{
    enum { NAP_MS = 20 };
    for (int waited = 0;; waited += NAP_MS) {
        if (execute(connection, "PRAGMA journal_mode = WAL"))
            return true;
        if (connection->sql.trouble != SQL_BUSY || waited >= SQL_BUSY_TIMEOUT_MS)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    }
}

static bool set_up(struct connection *connection, enum sql_use use)
{
    char text[256];
    bool fresh;
    sqlite3_extended_result_codes(connection->db, 1);
    sqlite3_busy_timeout(connection->db, SQL_BUSY_TIMEOUT_MS);
    /* what the file says is data, not a program */
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(connection->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (!is_ours(connection, &fresh))
        return false;
    snprintf(text, sizeof(text),
             "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -%d; "
             "PRAGMA journal_size_limit = %d",
             CACHE_KIB, WAL_KEPT);
    if (use == SQL_READ_WRITE && (!use_wal(connection) || (fresh && !claim_file(connection))))
        return false;
    return execute(connection, text);
}

/* SQLite would make it for all to read. Only a file that we made ourselves is closed here:
 * closing another would drop the locks that this process has on it. */
static bool make_file(struct connection *connection)
{
    const char *path = connection->path;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errno == EEXIST)
        return true;
    /* SQLite would tell the errno of a second try, for reading */
    bool room = errno != ENOSPC && errno != EDQUOT && errno != EROFS;
    sql_fail(&connection->sql, room ? SQL_WRONG : SQL_FULL, "%s: cannot make the file: %s%s", path,
             strerror(errno), advice(SQLITE_CANTOPEN));
    return false;
}

static bool missing(const char *path)
{
    struct stat status;
    return stat(path, &status) < 0 && errno == ENOENT;
}

static bool open_file(struct connection *connection, enum sql_use use)
{
    const char *path = connection->path;
    int flags = SQLITE_OPEN_READONLY;
    if (use == SQL_READ_WRITE) {
        if (!make_file(connection))
            return false;
        flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    } else if (missing(path)) {
        sql_fail(&connection->sql, SQL_WRONG,
                 "%s does not exist: assayd makes it when the first message has been recorded",
                 path);
        return false;
    }
    if (sqlite3_open_v2(path, &connection->db, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        return true;
    if (connection->db)
        fail(connection);
    else
        sql_fail(&connection->sql, SQL_BUSY, "%s: out of memory", path);
    return false;
}

static void sqlite_close(struct sql *sql)
{
    struct connection *connection = connection_of(sql);
    sqlite3_close_v2(connection->db);
    free(connection->path);
    free(connection);
}

/* ---- the calls of the engine ---- */

static bool sqlite_run(struct sql *sql, const char *text)
{
    return execute(connection_of(sql), text);
}

/* A file that somebody removed or replaced still takes what is written, for nobody to see. */
static bool still_there(struct connection *connection)
{
    int moved = 0;
    sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved)
        return true;
    sql_fail(&connection->sql, SQL_AWAY, "%s was removed or replaced while it was open",
             connection->path);
    return false;
}

static bool sqlite_begin(struct sql *sql)
{
    struct connection *connection = connection_of(sql);
    return still_there(connection) && execute(connection, "BEGIN IMMEDIATE");
}

static bool sqlite_commit(struct sql *sql)
{
    return execute(connection_of(sql), "COMMIT");
}

static void sqlite_rollback(struct sql *sql)
{
    sqlite3 *db = connection_of(sql)->db;
    /* after some errors SQLite has done it already */
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

static struct sql_statement *sqlite_prepare(struct sql *sql, const char *text)
{
    struct connection *connection = connection_of(sql);
    struct prepared *prepared = calloc(1, sizeof(*prepared));
    char *copy = strdup(text);
    if (!prepared || !copy) {
        sql_fail(sql, SQL_BUSY, "out of memory");
        free(prepared);
        free(copy);
        return NULL;
    }
    /* $1 would be a name to SQLite, and numbered in the order of appearance; ?1 is what we mean */
    for (char *c = copy; *c; c++)
        if (*c == '$' && is_digit(c[1]))
            *c = '?';
    int code = sqlite3_prepare_v3(connection->db, copy, -1, SQLITE_PREPARE_PERSISTENT,
                                  &prepared->stmt, NULL);
    free(copy);
    if (code == SQLITE_OK)
        return &prepared->statement;
    fail(connection);
    free(prepared);
    return NULL;
}

static void sqlite_reset(struct sql_statement *statement)
{
    sqlite3_reset(stmt_of(statement));
    sqlite3_clear_bindings(stmt_of(statement));
}

static void sqlite_free(struct sql_statement *statement)
{
    sqlite3_finalize(stmt_of(statement));
    free(statement);
}

static void sqlite_bind_int64(struct sql_statement *statement, int index, int64_t value)
{
    sqlite3_bind_int64(stmt_of(statement), index, value);
}

static void sqlite_bind_text(struct sql_statement *statement, int index, struct bytes value)
{
    /* NULL data would bind NULL */
    sqlite3_bind_text64(stmt_of(statement), index, value.len > 0 ? value.data : "", value.len,
                        SQLITE_STATIC, SQLITE_UTF8);
}

static void sqlite_bind_null(struct sql_statement *statement, int index)
{
    sqlite3_bind_null(stmt_of(statement), index);
}

static enum sql_step sqlite_step(struct sql_statement *statement)
{
    int code = sqlite3_step(stmt_of(statement));
    if (code == SQLITE_ROW)
        return SQL_ROW;
    if (code != SQLITE_DONE)
        fail(connection_of(statement->sql));
    sqlite3_reset(stmt_of(statement));
    return code == SQLITE_DONE ? SQL_DONE : SQL_FAILED;
}

static int64_t sqlite_number(const struct sql_statement *statement, int column)
{
    return sqlite3_column_int64(stmt_of(statement), column);
}

static struct bytes sqlite_text(const struct sql_statement *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt_of(statement), column);
    int len = sqlite3_column_bytes(stmt_of(statement), column);
    return text ? (struct bytes){(const char *)text, (size_t)len} : BYTES_EMPTY;
}

static bool sqlite_is_null(const struct sql_statement *statement, int column)
{
    return sqlite3_column_type(stmt_of(statement), column) == SQLITE_NULL;
}

static const struct sql_engine sqlite_engine = {
    .kind = SQL_SQLITE,
    .close = sqlite_close,
    .run = sqlite_run,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .prepare = sqlite_prepare,
    .reset = sqlite_reset,
    .free = sqlite_free,
    .bind_int64 = sqlite_bind_int64,
    .bind_text = sqlite_bind_text,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .int64 = sqlite_number,
    .text = sqlite_text,
    .is_null = sqlite_is_null,
};

struct sql *sql_sqlite_open(const char *path, enum sql_use use, char *error,
                            enum sql_trouble *trouble)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    char *copy = strdup(path);
    if (!connection || !copy) {
        free(connection);
        free(copy);
        *trouble = SQL_BUSY;
        snprintf(error, SQL_ERROR_MAX, "%.800s: out of memory", path);
        return NULL;
    }
    connection->sql.engine = &sqlite_engine;
    connection->path = copy;
    if (open_file(connection, use) && set_up(connection, use)) {
        connection->sql.trouble = SQL_FINE;
        connection->sql.error[0] = '\0';
        return &connection->sql;
    }
    *trouble = connection->sql.trouble;
    memcpy(error, connection->sql.error, SQL_ERROR_MAX);
    sqlite_close(&connection->sql);
    return NULL;
}
