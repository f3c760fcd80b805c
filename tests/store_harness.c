/* store_harness.c - see store_harness.h. */
#include "store_harness.h"

#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum sql_kind store_kinds[2] = {SQL_SQLITE, SQL_POSTGRESQL};

static struct sql *open_or_fail(const char *where)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble;
    struct sql *sql = sql_open(where, SQL_READ_WRITE, error, &trouble);
    if (!sql)
        fail_msg("%s", error);
    return sql;
}

static void run_at_server(const char *format, const char *schema)
{
    char text[200];
    struct sql *sql = open_or_fail(getenv("ASSAY_TEST_POSTGRESQL"));
    snprintf(text, sizeof(text), format, schema);
    if (!sql_run(sql, text))
        fail_msg("%s", sql_error(sql));
    sql_close(sql);
}

static void make_schema(struct store_place *place)
{
    static unsigned count;
    const char *uri = getenv("ASSAY_TEST_POSTGRESQL");
    if (!uri || !*uri) {
        print_message("ASSAY_TEST_POSTGRESQL is not set\n");
        skip();
    }
    snprintf(place->schema, sizeof(place->schema), "test_%d_%u", (int)getpid(), ++count);
    run_at_server("CREATE SCHEMA %s", place->schema);
    snprintf(place->where, sizeof(place->where), "%s%coptions=-csearch_path%%3D%s", uri,
             strchr(uri, '?') ? '&' : '?', place->schema);
}

void store_place_make(struct store_place *place, enum sql_kind kind)
{
    *place = (struct store_place){.kind = kind};
    if (kind == SQL_POSTGRESQL) {
        make_schema(place);
        return;
    }
    const char *top = getenv("TMPDIR");
    snprintf(place->directory, sizeof(place->directory), "%s/assay-store-XXXXXX",
             top && strlen(top) < 60 ? top : "/tmp");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->where, sizeof(place->where), "%s/reports.db", place->directory);
}

void store_place_remove(struct store_place *place)
{
    if (place->kind == SQL_POSTGRESQL) {
        run_at_server("DROP SCHEMA %s CASCADE", place->schema);
        return;
    }
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    assert_int_equal(rmdir(place->directory), 0);
}

struct sql *store_place_open(const struct store_place *place)
{
    return open_or_fail(place->where);
}

const char *store_query(struct sql *sql, const char *query)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    struct sql_statement *statement = sql_prepare(sql, query);
    text[0] = '\0';
    if (!statement)
        fail_msg("%s: %s", query, sql_error(sql));
    enum sql_step step = sql_step(statement);
    if (step == SQL_FAILED)
        fail_msg("%s: %s", query, sql_error(sql));
    if (step == SQL_ROW)
        snprintf(text, sizeof(texts[0]), "%.*s", BYTES_ARGS(sql_text(statement, 0)));
    sql_finish(statement);
    return text;
}
