/* sql_internal.h - what sql.c and its two engines share; nobody else includes it. */
#ifndef ASSAY_SQL_INTERNAL_H
#define ASSAY_SQL_INTERNAL_H

#include "sql.h"

#include <stdio.h>

enum {
    SQL_STATEMENT_CHAINS = 64,      /* hash chains; the store has about as many statements */
    SQL_BUSY_TIMEOUT_MS = 5000,     /* SQLite: how long a lock of another is waited for */
    SQL_LOCK_TIMEOUT_MS = 10000,    /* PostgreSQL: the same; its lock queues are fair */
    SQL_CONNECT_TIMEOUT_S = 5,      /* PostgreSQL: for each address of the server */
    SQL_STATEMENT_TIMEOUT_S = 300,  /* PostgreSQL: planning a day of millions takes a minute */
    SQL_IDLE_TIMEOUT_S = 60,        /* PostgreSQL: a stopped process gives up its locks */
    SQL_SILENCE_TIMEOUT_MS = 330000 /* PostgreSQL: a server that did not even say that the statement
                                       took too long is away */
};

/* What an engine has at the beginning of its own connection and statement. */
struct sql {
    const struct sql_engine *engine;
    enum sql_trouble trouble;
    char error[SQL_ERROR_MAX];
    struct sql_statement *chains[SQL_STATEMENT_CHAINS]; /* by the address of their text */
};

struct sql_statement {
    struct sql *sql;
    const char *text; /* the caller's literal */
    struct sql_statement *next;
};

/* The calls of sql.h without the look for a prepared statement. Those that return
 * bool or SQL_FAILED have called sql_fail(). */
struct sql_engine {
    enum sql_kind kind;
    void (*close)(struct sql *sql);
    bool (*run)(struct sql *sql, const char *text);
    bool (*begin)(struct sql *sql);
    bool (*commit)(struct sql *sql);
    void (*rollback)(struct sql *sql); /* leaves trouble and error alone */
    struct sql_statement *(*prepare)(struct sql *sql, const char *text);
    void (*reset)(struct sql_statement *statement); /* rows given up, parameters NULL */
    void (*free)(struct sql_statement *statement);
    void (*bind_int64)(struct sql_statement *statement, int index, int64_t value);
    void (*bind_text)(struct sql_statement *statement, int index, struct bytes value);
    void (*bind_null)(struct sql_statement *statement, int index);
    enum sql_step (*step)(struct sql_statement *statement);
    int64_t (*int64)(const struct sql_statement *statement, int column);
    struct bytes (*text)(const struct sql_statement *statement, int column);
    bool (*is_null)(const struct sql_statement *statement, int column);
};

/* Connections; NULL when out of memory or, with *sql_error, when there is none. On failure
 * error[SQL_ERROR_MAX] and *trouble are set. */
struct sql *sql_sqlite_open(const char *path, enum sql_use use, char *error,
                            enum sql_trouble *trouble);
struct sql *sql_postgres_open(const char *uri, enum sql_use use, char *error,
                              enum sql_trouble *trouble);

/* A library's text on one line: line ends and tabs become spaces, those at the end go. */
void sql_one_line(char *text);

#endif
