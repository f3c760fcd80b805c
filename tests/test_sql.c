/* test_sql.c - the same statements over SQLite and PostgreSQL, and what is said when they fail. */
#include "sql.h"
#include "store_harness.h"

#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* ---- a place and a connection for each test ---- */

struct at {
    struct store_place place;
    struct sql *sql;
};

static void at_open(struct at *at, void **state)
{
    store_place_make(&at->place, *(enum sql_kind *)*state);
    at->sql = store_place_open(&at->place);
    assert_int_equal(sql_kind(at->sql), at->place.kind);
    assert_true(sql_run(at->sql, "CREATE TABLE t (k BIGINT PRIMARY KEY, v TEXT)"));
}

static void at_close(struct at *at)
{
    sql_close(at->sql);
    store_place_remove(&at->place);
}

static void must(struct sql *sql, const char *text)
{
    if (!sql_run(sql, text))
        fail_msg("%s: %s", text, sql_error(sql));
}

/* Fails with this trouble and these words. */
static void must_fail(bool done, struct sql *sql, enum sql_trouble trouble, const char *words)
{
    assert_false(done);
    if (sql_trouble(sql) != trouble || !strstr(sql_error(sql), words))
        fail_msg("trouble %d \"%s\", wanted %d \"%s\"", sql_trouble(sql), sql_error(sql), trouble,
                 words);
    assert_null(strchr(sql_error(sql), '\n'));
}

static void must_not_open(const char *where, enum sql_use use, enum sql_trouble wanted,
                          const char *words)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    struct sql *sql = sql_open(where, use, error, &trouble);
    assert_null(sql);
    if (trouble != wanted || !strstr(error, words))
        fail_msg("%s: trouble %d \"%s\", wanted %d \"%s\"", where, trouble, error, wanted, words);
    assert_null(strchr(error, '\n'));
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- values and statements ---- */

static void test_values(void **state)
{
    static const struct {
        int64_t number;
        const char *text; /* NULL: NULL */
    } rows[] = {
        {0, ""},
        {1, NULL},
        {-1, "it's $1 \"quoted\" ?1"},
        {INT64_MAX, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xac"},
        {INT64_MIN, "line\nend\ttab"},
    };
    struct at at;
    at_open(&at, state);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sql_statement *statement =
            sql_prepare(at.sql, "INSERT INTO t (v, k) VALUES ($2, $1)");
        assert_non_null(statement);
        sql_bind_int64(statement, 1, rows[i].number);
        if (rows[i].text)
            sql_bind_text(statement, 2, bytes_of(rows[i].text));
        assert_true(sql_done(statement));
        statement = sql_prepare(at.sql, "SELECT k, v, v IS NULL FROM t WHERE k = $1");
        sql_bind_int64(statement, 1, rows[i].number);
        assert_int_equal(sql_step(statement), SQL_ROW);
        assert_true(sql_int64(statement, 0) == rows[i].number);
        assert_int_equal(sql_is_null(statement, 1), rows[i].text == NULL);
        assert_true(bytes_equal(sql_text(statement, 1), bytes_of(rows[i].text)));
        assert_int_equal(sql_step(statement), SQL_DONE);
    }
    at_close(&at);
}

static void test_a_view_needs_no_nul(void **state)
{
    struct at at;
    at_open(&at, state);
    struct sql_statement *statement = sql_prepare(at.sql, "INSERT INTO t (k, v) VALUES (1, $1)");
    sql_bind_text(statement, 1, (struct bytes){"abcdef", 3});
    assert_true(sql_done(statement));
    statement = sql_prepare(at.sql, "INSERT INTO t (k, v) VALUES (2, $1)");
    sql_bind_text(statement, 1, (struct bytes){NULL, 0});
    assert_true(sql_done(statement));
    assert_string_equal(store_query(at.sql, "SELECT v FROM t WHERE k = 1"), "abc");
    assert_string_equal(store_query(at.sql, "SELECT count(*) FROM t WHERE v = ''"), "1");
    at_close(&at);
}

static const char numbers[] = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                              " WHERE i < 100000) SELECT i FROM n";

static void test_rows_come_one_by_one(void **state)
{
    struct at at;
    at_open(&at, state);
    int64_t sum = 0, count = 0;
    struct sql_statement *statement = sql_prepare(at.sql, numbers);
    while (sql_step(statement) == SQL_ROW) {
        sum += sql_int64(statement, 0);
        count++;
    }
    assert_int_equal(count, 100000);
    assert_int_equal(sum, 5000050000);
    at_close(&at);
}

static void test_rows_can_be_given_up(void **state)
{
    struct at at;
    at_open(&at, state);
    for (int i = 0; i < 3; i++) {
        struct sql_statement *statement = sql_prepare(at.sql, numbers);
        assert_int_equal(sql_step(statement), SQL_ROW);
        assert_int_equal(sql_int64(statement, 0), 1);
        sql_finish(statement);
        sql_finish(statement);
        must(at.sql, "INSERT INTO t VALUES (1, ''); DELETE FROM t");
    }
    at_close(&at);
}

static void test_parameters_do_not_stay(void **state)
{
    static const char insert[] = "INSERT INTO t (k, v) VALUES ($1, $2)";
    struct at at;
    at_open(&at, state);
    struct sql_statement *statement = sql_prepare(at.sql, insert);
    sql_bind_int64(statement, 1, 1);
    sql_bind_text(statement, 2, BYTES("one"));
    assert_true(sql_done(statement));
    assert_ptr_equal(sql_prepare(at.sql, insert), statement);
    sql_bind_int64(statement, 1, 2);
    assert_true(sql_done(statement));
    sql_prepare(at.sql, insert);
    sql_bind_int64(statement, 1, 3);
    sql_bind_text(statement, 2, BYTES("three"));
    sql_bind_null(statement, 2);
    assert_true(sql_done(statement));
    assert_string_equal(store_query(at.sql, "SELECT count(*) FROM t WHERE v IS NULL"), "2");
    at_close(&at);
}

/* ---- transactions ---- */

static void test_transactions(void **state)
{
    struct at at;
    at_open(&at, state);
    struct sql *other = store_place_open(&at.place);
    assert_true(sql_begin(at.sql));
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    assert_string_equal(store_query(other, "SELECT count(*) FROM t"), "0");
    sql_rollback(at.sql);
    sql_rollback(at.sql); /* nothing to do */
    assert_true(sql_begin(at.sql));
    must(at.sql, "INSERT INTO t VALUES (2, 'a')");
    assert_true(sql_commit(at.sql));
    assert_string_equal(store_query(other, "SELECT k FROM t"), "2");
    assert_true(sql_begin(at.sql));
    must(at.sql, "INSERT INTO t VALUES (3, 'a')");
    sql_close(at.sql);
    assert_string_equal(store_query(other, "SELECT count(*) FROM t"), "1");
    at.sql = other;
    at_close(&at);
}

/* The answer of PostgreSQL to such a COMMIT is "ROLLBACK", and no error. */
static void test_nothing_is_committed_after_an_error(void **state)
{
    struct at at;
    at_open(&at, state);
    assert_true(sql_begin(at.sql));
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    must_fail(sql_run(at.sql, "INSERT INTO t VALUES (1, 'b')"), at.sql, SQL_WRONG, "duplicate");
    must_fail(sql_commit(at.sql), at.sql, SQL_WRONG, "nothing was committed");
    assert_string_equal(store_query(at.sql, "SELECT count(*) FROM t"), "0");
    at_close(&at);
}

static void test_a_lock_is_not_waited_for_without_end(void **state)
{
    struct at at;
    at_open(&at, state);
    bool sqlite = at.place.kind == SQL_SQLITE;
    struct sql *other = store_place_open(&at.place);
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    must(at.sql, sqlite ? "PRAGMA busy_timeout = 200" : "SET lock_timeout = '200ms'");
    assert_true(sql_begin(other));
    must(other, "UPDATE t SET v = 'b'");
    double start = seconds();
    bool began = sql_begin(at.sql) && sql_run(at.sql, "UPDATE t SET v = 'c'");
    must_fail(began, at.sql, SQL_BUSY, "lock");
    assert_true(seconds() - start < 3);
    sql_rollback(at.sql);
    assert_int_equal(sql_trouble(at.sql), SQL_BUSY); /* still said */
    assert_true(sql_commit(other));
    must(at.sql, "UPDATE t SET v = 'c'");
    sql_close(other);
    at_close(&at);
}

static void test_errors(void **state)
{
    struct at at;
    at_open(&at, state);
    assert_int_equal(sql_trouble(at.sql), SQL_FINE);
    assert_string_equal(sql_error(at.sql), "");
    must_fail(sql_run(at.sql, "SELEKT 1"), at.sql, SQL_WRONG, "SELEKT");
    assert_null(sql_prepare(at.sql, "SELECT x FROM nowhere"));
    must_fail(false, at.sql, SQL_WRONG, "nowhere");
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    struct sql_statement *statement = sql_prepare(at.sql, "INSERT INTO t VALUES ($1, 'a')");
    sql_bind_int64(statement, 1, 1);
    assert_int_equal(sql_step(statement), SQL_FAILED);
    assert_int_equal(sql_trouble(at.sql), SQL_WRONG);
    sql_bind_int64(statement, 1, 2);
    assert_true(sql_done(statement)); /* the statement is still good */
    at_close(&at);
}

static void test_read_only(void **state)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    struct at at;
    at_open(&at, state);
    struct sql *reader = sql_open(at.place.where, SQL_READ_ONLY, error, &trouble);
    assert_non_null(reader);
    assert_string_equal(store_query(reader, "SELECT count(*) FROM t"), "0");
    must_fail(sql_run(reader, "INSERT INTO t VALUES (1, 'a')"), reader, SQL_FULL, "read");
    sql_close(reader);
    at_close(&at);
}

/* ---- where ---- */

static void test_places_that_are_none(void **state)
{
    (void)state;
    must_not_open("reports.db", SQL_READ_WRITE, SQL_WRONG, "absolute path");
    must_not_open("", SQL_READ_WRITE, SQL_WRONG, "absolute path");
    must_not_open("mysql://u:geheim@h/d", SQL_READ_WRITE, SQL_WRONG, "postgresql://");
    must_not_open("/nonexistent/reports.db", SQL_READ_WRITE, SQL_WRONG,
                  "/nonexistent/reports.db: cannot make the file: No such file or "
                  "directory; the directory must exist");
    must_not_open("/nonexistent/reports.db", SQL_READ_ONLY, SQL_WRONG,
                  "/nonexistent/reports.db does not exist");
}

static void test_no_password_in_an_error(void **state)
{
    static const char *const uris[] = {
        "postgresql://u:geheim@127.0.0.1:1/db",          /* nobody listens there */
        "postgresql://u:geheim%zz@127.0.0.1:1/db",       /* no %XX */
        "postgresql://u@127.0.0.1:1/db?passwort=geheim", /* no such option */
        "postgresql://u@127.0.0.1:1/db?password=geheim",
        "postgresql://geheim:geheim@127.0.0.1:1/geheim", /* even there */
        "postgresql://u:geheim@127.0.0.1:geheim/db",
        "postgresql://u:geheim@127.0.0.1:1/db?sslmode=geheim",
        "postgres://u:geheim@[::1/db",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        char error[SQL_ERROR_MAX];
        enum sql_trouble trouble;
        assert_null(sql_open(uris[i], SQL_READ_WRITE, error, &trouble));
        if (strstr(error, "geheim") || !*error || trouble == SQL_FINE)
            fail_msg("%s: %s", uris[i], error);
    }
    must_not_open(uris[0], SQL_READ_WRITE, SQL_AWAY, "pg_hba.conf");
    must_not_open(uris[1], SQL_READ_WRITE, SQL_WRONG, "%XX");
}

/* A server that takes the connection and says nothing. */
static void test_a_silent_server(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    char uri[100];
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(uri, sizeof(uri), "postgresql://u@127.0.0.1:%u/db?connect_timeout=2",
             ntohs(address.sin_port));
    double start = seconds();
    must_not_open(uri, SQL_READ_WRITE, SQL_AWAY, "timeout expired");
    assert_true(seconds() - start < 6);
    close(fd);
}

/* ---- SQLite: files ---- */

static void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static void test_the_file(void **state)
{
    struct at at;
    struct stat status;
    at_open(&at, state);
    assert_int_equal(stat(at.place.where, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_string_equal(store_query(at.sql, "PRAGMA journal_mode"), "wal");
    assert_string_equal(store_query(at.sql, "PRAGMA synchronous"), "1");
    assert_string_equal(store_query(at.sql, "PRAGMA foreign_keys"), "1");
    assert_string_equal(store_query(at.sql, "PRAGMA application_id"), "1098085217");
    assert_string_equal(store_query(at.sql, "PRAGMA busy_timeout"), "5000");
    at_close(&at);
}

static void test_a_file_of_nothing_is_taken(void **state)
{
    struct store_place place;
    store_place_make(&place, *(enum sql_kind *)*state);
    write_file(place.where, "", 0);
    struct sql *sql = store_place_open(&place);
    assert_string_equal(store_query(sql, "PRAGMA application_id"), "1098085217");
    sql_close(sql);
    store_place_remove(&place);
}

static void test_garbage(void **state)
{
    struct store_place place;
    char garbage[8192];
    memset(garbage, 'g', sizeof(garbage));
    store_place_make(&place, *(enum sql_kind *)*state);
    write_file(place.where, garbage, sizeof(garbage));
    must_not_open(place.where, SQL_READ_WRITE, SQL_CORRUPT, "file is not a database");
    must_not_open(place.where, SQL_READ_ONLY, SQL_CORRUPT, place.where);
    store_place_remove(&place);
}

static void test_a_damaged_file(void **state)
{
    struct at at;
    at_open(&at, state);
    must(at.sql, "INSERT INTO t SELECT i, 'text' FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
                 " SELECT i + 1 FROM n WHERE i < 10000) SELECT i FROM n)");
    sql_close(at.sql);
    char garbage[65536];
    memset(garbage, 'g', sizeof(garbage));
    int fd = open(at.place.where, O_WRONLY);
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 4096), sizeof(garbage));
    close(fd);
    at.sql = store_place_open(&at.place);
    must_fail(sql_run(at.sql, "DELETE FROM t"), at.sql, SQL_CORRUPT, "move the file away");
    at_close(&at);
}

static void test_the_database_of_another(void **state)
{
    struct at at;
    at_open(&at, state);
    must(at.sql, "PRAGMA application_id = 0");
    must(at.sql, "PRAGMA journal_mode = DELETE");
    sql_close(at.sql);
    must_not_open(at.place.where, SQL_READ_WRITE, SQL_WRONG, "of another program");
    must_not_open(at.place.where, SQL_READ_ONLY, SQL_WRONG, "a file of its own");
    /* untouched: the mode of the journal stands in octets 18 and 19 of the file */
    char head[20] = "";
    int fd = open(at.place.where, O_RDONLY);
    assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
    close(fd);
    assert_int_equal(head[18], 1);
    store_place_remove(&at.place);
}

/* As a user that may not do everything. */
static void test_missing_rights(void **state)
{
    struct at at;
    if (geteuid() != 0) {
        print_message("only root can become another user\n");
        skip();
    }
    at_open(&at, state);
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    sql_close(at.sql);
    chmod(at.place.where, 0644);
    chmod(at.place.directory, 0755);
    assert_int_equal(seteuid(NOBODY), 0);
    must_not_open(at.place.where, SQL_READ_WRITE, SQL_FULL, "must be writable for this user");
    /* WAL: without its -shm, which cannot be made here, nobody can read, either */
    must_not_open(at.place.where, SQL_READ_ONLY, SQL_FULL, "must be writable for this user");
    assert_int_equal(seteuid(0), 0);
    chmod(at.place.where, 0600);
    assert_int_equal(seteuid(NOBODY), 0);
    must_not_open(at.place.where, SQL_READ_WRITE, SQL_WRONG, "Permission denied");
    assert_int_equal(seteuid(0), 0);
    store_place_remove(&at.place);
}

static void test_a_full_disk(void **state)
{
    struct at at;
    at_open(&at, state);
    must(at.sql, "PRAGMA max_page_count = 10");
    assert_true(sql_begin(at.sql));
    bool good = true;
    for (int i = 0; good && i < 1000; i++) {
        struct sql_statement *statement =
            sql_prepare(at.sql, "INSERT INTO t (k, v) VALUES ($1, $2)");
        sql_bind_int64(statement, 1, i);
        sql_bind_text(statement, 2, BYTES("a text that is long enough to fill some pages soon"));
        good = sql_done(statement);
    }
    must_fail(good, at.sql, SQL_FULL, "make room");
    sql_rollback(at.sql);
    assert_string_equal(store_query(at.sql, "SELECT count(*) FROM t"), "0");
    must(at.sql, "PRAGMA max_page_count = 1000");
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    at_close(&at);
}

static void test_a_file_that_was_removed(void **state)
{
    struct at at;
    at_open(&at, state);
    assert_true(sql_begin(at.sql));
    assert_true(sql_commit(at.sql));
    assert_int_equal(unlink(at.place.where), 0);
    must_fail(sql_begin(at.sql), at.sql, SQL_AWAY, "was removed or replaced");
    write_file(at.place.where, "", 0);
    must_fail(sql_begin(at.sql), at.sql, SQL_AWAY, "was removed or replaced");
    at_close(&at);
}

/* ---- PostgreSQL: the connection ---- */

static void test_a_lost_connection(void **state)
{
    struct at at;
    at_open(&at, state);
    struct sql *other = store_place_open(&at.place);
    assert_true(sql_begin(at.sql));
    must(at.sql, "INSERT INTO t VALUES (1, 'a')");
    struct sql_statement *statement =
        sql_prepare(other, "SELECT pg_terminate_backend(CAST($1 AS int)) FROM pg_sleep(0)");
    sql_bind_int64(statement, 1, atoi(store_query(at.sql, "SELECT pg_backend_pid()")));
    assert_true(sql_done(statement));
    must_fail(sql_commit(at.sql), at.sql, SQL_AWAY, "PostgreSQL database");
    must_fail(sql_begin(at.sql), at.sql, SQL_AWAY, "connection was lost");
    must_fail(sql_run(at.sql, "SELECT 1"), at.sql, SQL_AWAY, "connection was lost");
    assert_null(sql_prepare(at.sql, "SELECT 1"));
    sql_rollback(at.sql);
    assert_string_equal(store_query(other, "SELECT count(*) FROM t"), "0");
    sql_close(other);
    at_close(&at);
}

static void test_lost_among_rows(void **state)
{
    struct at at;
    at_open(&at, state);
    struct sql *other = store_place_open(&at.place);
    int pid = atoi(store_query(at.sql, "SELECT pg_backend_pid()"));
    struct sql_statement *rows =
        sql_prepare(at.sql, "SELECT i, repeat('x', 1000) FROM generate_series(1, 1000000) i");
    assert_int_equal(sql_step(rows), SQL_ROW);
    struct sql_statement *statement =
        sql_prepare(other, "SELECT pg_terminate_backend(CAST($1 AS int))");
    sql_bind_int64(statement, 1, pid);
    assert_true(sql_done(statement));
    enum sql_step step;
    while ((step = sql_step(rows)) == SQL_ROW)
        continue;
    must_fail(step == SQL_DONE, at.sql, SQL_AWAY, "PostgreSQL");
    sql_finish(rows);
    sql_close(other);
    at_close(&at);
}

static void test_one_statement_at_a_time(void **state)
{
    struct at at;
    at_open(&at, state);
    struct sql_statement *first = sql_prepare(at.sql, numbers);
    struct sql_statement *second = sql_prepare(at.sql, "SELECT 1");
    assert_int_equal(sql_step(first), SQL_ROW);
    must_fail(sql_step(second) == SQL_ROW, at.sql, SQL_WRONG, "a defect of Assay");
    assert_int_equal(sql_step(first), SQL_ROW);
    assert_int_equal(sql_int64(first, 0), 2);
    sql_finish(first);
    assert_int_equal(sql_step(second), SQL_ROW);
    at_close(&at);
}

static void test_a_slow_statement_ends(void **state)
{
    struct at at;
    at_open(&at, state);
    assert_string_equal(store_query(at.sql, "SHOW statement_timeout"), "5min");
    assert_string_equal(store_query(at.sql, "SHOW lock_timeout"), "10s");
    assert_string_equal(store_query(at.sql, "SHOW idle_in_transaction_session_timeout"), "1min");
    must(at.sql, "SET statement_timeout = '100ms'");
    must_fail(sql_run(at.sql, "SELECT pg_sleep(20)"), at.sql, SQL_BUSY, "57014");
    at_close(&at);
}

static void test_missing_grants(void **state)
{
    struct at at;
    at_open(&at, state);
    must(at.sql, "DROP ROLE IF EXISTS assay_nobody; CREATE ROLE assay_nobody");
    must(at.sql, "SET ROLE assay_nobody");
    must_fail(sql_run(at.sql, "CREATE TABLE x (k BIGINT)"), at.sql, SQL_WRONG, "SQLSTATE");
    must(at.sql, "RESET ROLE; DROP ROLE assay_nobody");
    at_close(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_BOTH(test_values),
        STORE_BOTH(test_a_view_needs_no_nul),
        STORE_BOTH(test_rows_come_one_by_one),
        STORE_BOTH(test_rows_can_be_given_up),
        STORE_BOTH(test_parameters_do_not_stay),
        STORE_BOTH(test_transactions),
        STORE_BOTH(test_a_lock_is_not_waited_for_without_end),
        STORE_BOTH(test_errors),
        STORE_BOTH(test_read_only),
        cmocka_unit_test(test_places_that_are_none),
        cmocka_unit_test(test_no_password_in_an_error),
        cmocka_unit_test(test_a_silent_server),
        STORE_SQLITE(test_the_file),
        STORE_SQLITE(test_a_file_of_nothing_is_taken),
        STORE_SQLITE(test_garbage),
        STORE_SQLITE(test_a_damaged_file),
        STORE_SQLITE(test_the_database_of_another),
        STORE_SQLITE(test_missing_rights),
        STORE_SQLITE(test_a_full_disk),
        STORE_SQLITE(test_a_file_that_was_removed),
        STORE_POSTGRESQL(test_nothing_is_committed_after_an_error),
        STORE_POSTGRESQL(test_a_lost_connection),
        STORE_POSTGRESQL(test_lost_among_rows),
        STORE_POSTGRESQL(test_one_statement_at_a_time),
        STORE_POSTGRESQL(test_a_slow_statement_ends),
        STORE_POSTGRESQL(test_missing_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
