/* store_harness.h - a place for a store, for each test its own: an SQLite file, or a schema of the
 * PostgreSQL database that ASSAY_TEST_POSTGRESQL (a URI) names.
 */
#ifndef ASSAY_STORE_HARNESS_H
#define ASSAY_STORE_HARNESS_H

#include "sql.h"

struct store_place {
    enum sql_kind kind;
    char where[800];     /* for sql_open(), store_open() */
    char directory[100]; /* SQLite: it holds nothing but the store */
    char schema[64];     /* PostgreSQL */
};

/* A fresh place. Without a PostgreSQL server the test is skipped. */
void store_place_make(struct store_place *place, enum sql_kind kind);
void store_place_remove(struct store_place *place);

/* The connection; the test fails when there is none. */
struct sql *store_place_open(const struct store_place *place);

/* The first column of the first row of a query, as text; "" for no row. Static memory. */
const char *store_query(struct sql *sql, const char *query);

/* A test for both engines, in a list of struct CMUnitTest; *state is the kind. */
extern enum sql_kind store_kinds[2];
#define STORE_BOTH(function)                                                                       \
    {#function " (SQLite)", function, NULL, NULL, &store_kinds[0]},                                \
    {                                                                                              \
#function " (PostgreSQL)", function, NULL, NULL, &store_kinds[1]                           \
    }
#define STORE_ONLY(function, number, name)                                                         \
    {                                                                                              \
#function " (" name ")", function, NULL, NULL, &store_kinds[number]                        \
    }
#define STORE_SQLITE(function)     STORE_ONLY(function, 0, "SQLite")
#define STORE_POSTGRESQL(function) STORE_ONLY(function, 1, "PostgreSQL")

#endif
