/* sql.h - the little of SQL that the store needs, over SQLite and PostgreSQL alike.
 *
 * Statements are written once, in the dialect that both understand: parameters $1, $2, ...;
 * INSERT ... ON CONFLICT, RETURNING, window functions; BIGINT and TEXT, BLOB never.
 * A connection and its statements belong to one thread at a time. Text is UTF-8 without NUL.
 */
#ifndef ASSAY_SQL_H
#define ASSAY_SQL_H

#include "bytes.h"

#include <stdint.h>

enum { SQL_ERROR_MAX = 1024 /* octets of an error text, with NUL */ };

enum sql_kind { SQL_SQLITE, SQL_POSTGRESQL };

/* What to do about an error, for who decides. */
enum sql_trouble {
    SQL_FINE,
    SQL_BUSY,    /* locked by another, deadlock, serialization: the same again, later */
    SQL_AWAY,    /* no connection: connect anew, later */
    SQL_FULL,    /* disk full, read-only, quota */
    SQL_CORRUPT, /* not a database, malformed */
    SQL_WRONG,   /* anything else: a defect, or rights are missing */
};

struct sql;
struct sql_statement;

enum sql_use { SQL_READ_ONLY, SQL_READ_WRITE };

/* where: an absolute path (SQLite; WAL, made with mode 0640 when writing and missing), or a
 * postgresql:// or postgres:// URI (libpq). NULL with error[SQL_ERROR_MAX] and *trouble. */
struct sql *sql_open(const char *where, enum sql_use use, char *error, enum sql_trouble *trouble);

void sql_close(struct sql *sql); /* NULL is allowed; open transactions are rolled back */

enum sql_kind sql_kind(const struct sql *sql);

/* What went wrong in the last call that failed; SQL_FINE and "" before. */
enum sql_trouble sql_trouble(const struct sql *sql);
const char *sql_error(const struct sql *sql);

/* Sets both, cut to SQL_ERROR_MAX and put on one line: also for what the caller found wrong. */
void sql_fail(struct sql *sql, enum sql_trouble trouble, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs statements separated by ";", without parameters or rows of interest. */
bool sql_run(struct sql *sql, const char *text);

/* BEGIN for writing (SQLite: IMMEDIATE; waits at most a few seconds for a lock), COMMIT, ROLLBACK.
 */
bool sql_begin(struct sql *sql);
bool sql_commit(struct sql *sql);
void sql_rollback(struct sql *sql);

/* Prepared on first use and kept with the connection, by the address of `text` (a string
 * literal); reset and without parameters. NULL on error. */
struct sql_statement *sql_prepare(struct sql *sql, const char *text);

/* index: 1 is $1. Views must live until the statement is done. */
void sql_bind_int64(struct sql_statement *statement, int index, int64_t value);
void sql_bind_text(struct sql_statement *statement, int index, struct bytes value);
void sql_bind_null(struct sql_statement *statement, int index);

enum sql_step { SQL_ROW, SQL_DONE, SQL_FAILED };

/* Runs, and gives row after row, in bounded memory. With PostgreSQL no other statement may be
 * used on the connection until SQL_DONE, SQL_FAILED or sql_finish(). */
enum sql_step sql_step(struct sql_statement *statement);

/* Of the row at hand; column 0 is the first. Views live until the next step. */
int64_t sql_int64(const struct sql_statement *statement, int column);     /* NULL: 0 */
struct bytes sql_text(const struct sql_statement *statement, int column); /* NULL: empty */
bool sql_is_null(const struct sql_statement *statement, int column);

/* Gives up the remaining rows. Legal at any time. */
void sql_finish(struct sql_statement *statement);

/* Binds nothing, expects no row: steps to the end. */
bool sql_done(struct sql_statement *statement);

#endif
