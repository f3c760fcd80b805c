/* sql.c - what both engines have in common: statements that stay prepared, errors that are
 * remembered, and the choice of the engine.
 *
 * Relies on sql_sqlite.c and sql_postgres.c.
 */
#include "sql_internal.h"

#include <stdarg.h>
#include <string.h>

void sql_one_line(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    while (len > 0 && text[len - 1] == ' ')
        text[--len] = '\0';
}

void sql_fail(struct sql *sql, enum sql_trouble trouble, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sql->error, sizeof(sql->error), format, arguments);
    va_end(arguments);
    sql_one_line(sql->error);
    sql->trouble = trouble;
}

static bool is_uri(const char *where)
{
    return strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0;
}

struct sql *sql_open(const char *where, enum sql_use use, char *error, enum sql_trouble *trouble)
{
    error[0] = '\0';
    *trouble = SQL_FINE;
    if (is_uri(where))
        return sql_postgres_open(where, use, error, trouble);
    if (where[0] == '/')
        return sql_sqlite_open(where, use, error, trouble);
    *trouble = SQL_WRONG;
    /* not quoted: it may be an address with a password in it */
    snprintf(error, SQL_ERROR_MAX,
             "a store is the absolute path of an SQLite file or begins with postgresql://");
    return NULL;
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    for (size_t i = 0; i < SQL_STATEMENT_CHAINS; i++) {
        while (sql->chains[i]) {
            struct sql_statement *statement = sql->chains[i];
            sql->chains[i] = statement->next;
            sql->engine->free(statement);
        }
    }
    sql->engine->close(sql);
}

enum sql_kind sql_kind(const struct sql *sql)
{
    return sql->engine->kind;
}

enum sql_trouble sql_trouble(const struct sql *sql)
{
    return sql->trouble;
}

const char *sql_error(const struct sql *sql)
{
    return sql->error;
}

bool sql_run(struct sql *sql, const char *text)
{
    return sql->engine->run(sql, text);
}

bool sql_begin(struct sql *sql)
{
    return sql->engine->begin(sql);
}

bool sql_commit(struct sql *sql)
{
    if (sql->engine->commit(sql))
        return true;
    sql->engine->rollback(sql);
    return false;
}

void sql_rollback(struct sql *sql)
{
    sql->engine->rollback(sql);
}

struct sql_statement *sql_prepare(struct sql *sql, const char *text)
{
    /* literals lie beside each other: the low bits alone tell little */
    struct sql_statement **chain =
        &sql->chains[((uintptr_t)text / 8 ^ (uintptr_t)text / 512) % SQL_STATEMENT_CHAINS];
    for (struct sql_statement *statement = *chain; statement; statement = statement->next) {
        if (statement->text == text) {
            sql->engine->reset(statement);
            return statement;
        }
    }
    struct sql_statement *statement = sql->engine->prepare(sql, text);
    if (!statement)
        return NULL;
    statement->sql = sql;
    statement->text = text;
    statement->next = *chain;
    *chain = statement;
    return statement;
}

void sql_bind_int64(struct sql_statement *statement, int index, int64_t value)
{
    statement->sql->engine->bind_int64(statement, index, value);
}

void sql_bind_text(struct sql_statement *statement, int index, struct bytes value)
{
    statement->sql->engine->bind_text(statement, index, value);
}

void sql_bind_null(struct sql_statement *statement, int index)
{
    statement->sql->engine->bind_null(statement, index);
}

enum sql_step sql_step(struct sql_statement *statement)
{
    return statement->sql->engine->step(statement);
}

int64_t sql_int64(const struct sql_statement *statement, int column)
{
    return statement->sql->engine->int64(statement, column);
}

struct bytes sql_text(const struct sql_statement *statement, int column)
{
    return statement->sql->engine->text(statement, column);
}

bool sql_is_null(const struct sql_statement *statement, int column)
{
    return statement->sql->engine->is_null(statement, column);
}

void sql_finish(struct sql_statement *statement)
{
    statement->sql->engine->reset(statement);
}

bool sql_done(struct sql_statement *statement)
{
    enum sql_step step;
    do
        step = sql_step(statement);
    while (step == SQL_ROW);
    sql_finish(statement);
    return step == SQL_DONE;
}
