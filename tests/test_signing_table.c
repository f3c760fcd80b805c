/* test_signing_table.c - which rows of a SigningTable sign for an author.
 *
 * The expected values of the tests named test_opendkim_* were given by OpenDKIM
 * 2.11.0~beta2-8 of Debian 12 itself (opendkim -t with the same tables). Where it is
 * known to differ on purpose, the row says so.
 */
#include "signing_table.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MATCHES_MAX = 8 };

/* "k1 k2:@b.com": what matches, in order. */
static const char *match(struct arena *arena, const char *text, enum table_form form,
                         const char *address, bool all)
{
    struct signing_match found[MATCHES_MAX];
    const char *problem;
    unsigned line;
    struct signing_table *table = signing_table_parse(arena, bytes_of(text), form, &problem, &line);
    if (!table)
        return arena_printf(arena, "%u: %s", line, problem);
    size_t count =
        signing_table_match(table, arena, bytes_of(address),
                            domain_of_address(arena, bytes_of(address)), all, found, MATCHES_MAX);
    char *out = arena_printf(arena, "%s", "");
    for (size_t i = 0; i < count; i++)
        out =
            arena_printf(arena, "%s%s%.*s%s%.*s", out, i ? " " : "", BYTES_ARGS(found[i].key_name),
                         found[i].identity.len ? ":" : "", BYTES_ARGS(found[i].identity));
    return out;
}

struct row {
    const char *table, *address, *found;
};

static void check_rows(const struct row *rows, size_t count, enum table_form form, bool all)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new(1 << 20);
        const char *found = match(arena, rows[i].table, form, rows[i].address, all);
        if (strcmp(found, rows[i].found) != 0)
            fail_msg("row %zu, <%s> in\n%s\nfound \"%s\", wanted \"%s\"", i, rows[i].address,
                     rows[i].table, found, rows[i].found);
        assert_false(arena_failed(arena));
        arena_free(arena);
    }
}

#define CHECK_ROWS(rows, form, all) check_rows(rows, sizeof(rows) / sizeof(rows[0]), form, all)

/* Each pattern wins over all that stand before it here. */
static void test_opendkim_order_of_lookups(void **state)
{
    static const char *const patterns[] = {"*",      "u@*",      ".com",    "u@.com",
                                           ".b.com", "u@.b.com", "a.b.com", "u@a.b.com"};
    static const char dead[] = "u@.a.b.com dead\n.a.b.com dead\nb.com dead\nu@b.com dead\n"
                               "@a.b.com dead\n*@a.b.com dead\n";
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    const char *table = dead;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        char name[8];
        snprintf(name, sizeof(name), "k%zu", i);
        table = arena_printf(arena, "%s%s %s\n", table, patterns[i], name);
        assert_string_equal(match(arena, table, TABLE_FILE, "u@a.b.com", false), name);
    }
    assert_string_equal(match(arena, table, TABLE_FILE, "u@a.b.com", true),
                        "k7 k6 k5 k4 k3 k2 k1 k0");
    assert_string_equal(match(arena, table, TABLE_FILE, "v@a.b.com", true), "k6 k4 k2 k0");
    assert_string_equal(match(arena, table, TABLE_FILE, "u@c.com", true), "k3 k2 k1 k0");
    assert_string_equal(match(arena, table, TABLE_FILE, "u@com", true), "k1 k0");
    assert_string_equal(match(arena, dead, TABLE_FILE, "u@a.b.com", true), "");
    arena_free(arena);
}

static void test_opendkim_files(void **state)
{
    static const struct row rows[] = {
        {"U@A.b.COM k1\n", "u@a.b.com", "k1"},
        {"u@a.b.com k1\n", "U@A.B.COM", "k1"},
        {"A.B.com k1\n", "u@a.B.com", "k1"},
        {"c.com k1\n", "u@b.com", ""},
        {"*@b.com k1\n", "u@b.com", ""}, /* no wildcard in this form */
        {"b.com k1 # c\n", "u@b.com", "k1"},
        {"b.com k1#c\n", "u@b.com", "k1"},
        {"#x\n\n \t\n# b.com k1\nb.com k2\n", "u@b.com", "k2"},
        {"  b.com \t k1  \n", "u@b.com", "k1"},
        {"b.com k1\r\n", "u@b.com", "k1"},
        {"b.com k1", "u@b.com", "k1"},
        {"", "u@b.com", ""},
        {"b.com %\n", "u@b.com", "b.com"},
        {"b.com k%\n", "u@b.com", "k%"}, /* only "%" alone is replaced */
        {"xn--bcher-kva.example k1\n", "u@xn--bcher-kva.example", "k1"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE, false);
}

static void test_opendkim_wildcards(void **state)
{
    static const struct row rows[] = {
        {"*@b.com k1\nu@* k2\n* k3\n", "u@b.com", "k1"},
        {"u@* k2\n*@b.com k1\n", "u@b.com", "k2"},
        {"* k3\n*@b.com k1\n", "u@b.com", "k3"},
        {"*@B.com k1\n", "u@b.Com", "k1"},
        {"*@b.com k1\n", "u@bxcom", ""},
        {"*@b.com k1\n", "u@a.b.com", ""},
        {"b.com k1\n", "u@b.com", ""}, /* the whole address must match */
        {"@b.com k1\n", "u@b.com", ""},
        {"*b.com k1\n", "u@b.com", "k1"},
        {"*b.com k1\n", "u@ab.com", "k1"},
        {"u* k1\n", "u@b.com", "k1"},
        {"*@* k1\n", "u@b.com", "k1"},
        {"*@*.com k1\n", "u@b.com", "k1"},
        {"*@*.b.com k1\n", "u@b.com", ""},
        {"*@*.b.com k1\n", "u@x.y.b.com", "k1"},
        {"u+*@b.com k1\n", "u+x@b.com", "k1"},
        {"u+x@b.com k1\n", "u+x@b.com", "k1"},
        {"u+x@b.com k1\n", "u@b.com", ""},
        {"u$@b.com k1\n", "u@b.com", ""},
        {"%@b.com k1\n", "u@b.com", ""},
        {"*@% k1\n", "u@b.com", ""},
        {"*@b.com   k1 \n", "u@b.com", "k1"},
        {"*a*b*@b.com k1\n", "xxaxbab@b.com", "k1"},
        {"*a*b@b.com k1\n", "xxaxbabx@b.com", ""},
        {"** k1\n", "u@b.com", "k1"},
        /* Different: there these are regular expressions, and match u@b.com. */
        {"[u]@b.com k1\n(u)@b.com k2\n^u@b.com k3\nu|x k4\nu\\@b.com k5\n", "u@b.com", ""},
        /* Different: there it is refused as a regular expression. */
        {"?@b.com k1\n{u}@b.com k2\n", "?@b.com", "k1"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_WILDCARDS, false);
}

/* MultipleSignatures. Different: OpenDKIM finds all of these and loses all but the first and
 * the last on the way to signing. */
static void test_opendkim_all_matches(void **state)
{
    static const struct row literals[] = {
        {"u@b.com k1\nb.com k2\n* k3\n", "u@b.com", "k1 k2 k3"},
        {"u@b.com k1\nb.com k1\n", "u@b.com", "k1"}, /* there: signed twice with the same key */
    };
    static const struct row wildcards[] = {
        {"*@b.com k1\nu@* k2\n* k3\nb.com k4\n*b.com k5\n*@*.com k6\n", "u@b.com",
         "k1 k2 k3 k5 k6"},
    };
    (void)state;
    CHECK_ROWS(literals, TABLE_FILE, true);
    CHECK_ROWS(wildcards, TABLE_WILDCARDS, true);
}

/* Different: OpenDKIM looks at the first of these only. */
static void test_repeated_patterns(void **state)
{
    static const struct row literals[] = {
        {"b.com k1\nb.com k2\n* k3\n", "u@b.com", "k1 k2"},
        {"B.com k1\n* k3\nb.COM k2\n", "u@b.com", "k1 k2"},
        {"b.com k1\nb.com k1:@b.com\n", "u@b.com", "k1"},
    };
    static const struct row wildcards[] = {
        {"*@b.com k1\n* k3\n*@B.com k2\n", "u@b.com", "k1 k2"},
        {"* k3\n*@b.com k1\n*@b.com k2\n", "u@b.com", "k3"},
        {"* k3\n*@b.com k1\n* k2\n", "u@b.com", "k3 k2"},
    };
    (void)state;
    CHECK_ROWS(literals, TABLE_FILE, false);
    CHECK_ROWS(wildcards, TABLE_WILDCARDS, false);
}

static void test_opendkim_identities(void **state)
{
    static const struct row rows[] = {
        {"b.com k1:@%\n", "u@b.com", "k1:@b.com"},
        {"b.com k1:u@sub.%\n", "u@b.com", "k1:u@sub.b.com"},
        {"b.com k1:%@%\n", "u@B.com", "k1:b.com@b.com"},
        {"b.com k1:@B.COM\n", "u@b.com", "k1:@B.COM"},
        {"b.com k1:x@evil.org\n", "u@b.com", "k1:x@evil.org"}, /* dropped when it is known
                                                                   that d= does not fit */
        {"b.com k1:\n", "u@b.com", "k1"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE, false);
}

static void test_opendkim_lists(void **state)
{
    static const struct row rows[] = {
        {"*=k1,b.com=k2", "u@b.com", "k2"},      {"* = k1, b.com = k2", "u@b.com", "k2"},
        {",*=k1,,b.com=k2,", "u@b.com", "k2"},   {"*@b.com=k1", "u@b.com", ""},
        {"b.com=k1:@%", "u@b.com", "k1:@b.com"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_LIST, false);
}

/* What the local part means counts, however the message writes it. Different: OpenDKIM
 * compares with the quotes, and never matches one with a blank. */
static void test_local_parts(void **state)
{
    static const struct row rows[] = {
        {"a.b@b.com k1\n", "a.b@b.com", "k1"},
        {"x@y@b.com k1\n", "x@y@b.com", "k1"},
        {"b.com k1\n", "x@y@b.com", "k1"},
        {"b.com k1\n", "a b@b.com", "k1"},
        {"@b.com k1\nb.com k2\n", "@b.com", "k1"},
        {"b\xc3\xbc"
         "cher.example k1\n",
         "u@xn--bcher-kva.example", "k1"}, /* different: not there */
        {".b\xc3\xbc"
         "cher.example k1\n",
         "u@a.xn--bcher-kva.example", "k1"},
        {"u@b\xc3\xbc"
         "cher.example k1\n",
         "u@xn--bcher-kva.example", "k1"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE, false);
}

static void test_mistakes(void **state)
{
    static const struct row rows[] = {
        {"# c\nb.com\n", "u@b.com", "2: 'b.com' needs the name of a key behind it"},
        {"b.com :x@b.com\n", "u@b.com", "1: 'b.com' needs the name of a key behind it"},
        {"a.com k\n\nb.com k1 k2\n", "u@b.com",
         "3: 'k1 k2' has a blank in it; allowed: one name of a key"},
        {"b.com k1:%\n", "u@b.com",
         "1: '%' is no identity; allowed: user@domain or @domain, % for the author's domain"},
        {"b.com k1:sub.b.com\n", "u@b.com",
         "1: 'sub.b.com' is no identity; allowed: user@domain or @domain, % for the author's "
         "domain"},
    };
    static const struct row lists[] = {
        {"a=k,b.com", "u@b.com", "2: 'b.com' needs the name of a key behind it"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE, false);
    CHECK_ROWS(lists, TABLE_LIST, false);
}

static void test_room(void **state)
{
    struct signing_match found[2];
    const char *problem;
    unsigned line;
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct signing_table *table = signing_table_parse(
        arena, BYTES("b.com k1\nb.com k2\nb.com k3\n"), TABLE_FILE, &problem, &line);
    struct domain domain = domain_parse(arena, BYTES("b.com"));
    assert_int_equal(signing_table_match(table, arena, BYTES("u@b.com"), domain, true, found, 2),
                     2);
    assert_int_equal(signing_table_match(table, arena, BYTES("u@b.com"), domain, true, found, 0),
                     0);
    arena_free(arena);
}

/* Every allocation may fail. */
static void test_out_of_memory(void **state)
{
    static const char text[] = "u@b\xc3\xbc"
                               "cher.example k1:@%\n*@b.com k2:%@%\n";
    size_t refused = 0;
    (void)state;
    for (size_t limit = 1; limit < 4096; limit += 8) {
        struct arena *arena = arena_new(limit);
        struct signing_match found[MATCHES_MAX];
        const char *problem = NULL;
        unsigned line;
        struct signing_table *table =
            signing_table_parse(arena, BYTES(text), TABLE_WILDCARDS, &problem, &line);
        refused += !table;
        if (table) {
            struct domain domain = domain_parse(arena, BYTES("b.com"));
            signing_table_match(table, arena, BYTES("u@b.com"), domain, true, found, MATCHES_MAX);
        } else {
            assert_non_null(problem);
        }
        arena_free(arena);
    }
    assert_true(refused > 10);
}

/* A lookup does not go through the table. */
static void test_large_tables(void **state)
{
    enum { ROWS = 100000, LOOKUPS = 10000 };
    static const enum table_form forms[] = {TABLE_FILE, TABLE_WILDCARDS};
    static char text[ROWS * 40];
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        size_t len = 0;
        const char *problem;
        unsigned line;
        for (int i = 0; i < ROWS; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%sd%d.example k%d\n",
                                    forms[f] == TABLE_WILDCARDS ? "*@" : "", i, i);
        struct arena *arena = arena_new((size_t)64 << 20);
        clock_t start = clock();
        struct signing_table *table =
            signing_table_parse(arena, (struct bytes){text, len}, forms[f], &problem, &line);
        clock_t parsed = clock();
        assert_non_null(table);
        size_t used = arena_used(arena);
        for (int i = 0; i < LOOKUPS; i++) {
            struct signing_match found[2];
            char address[64], name[16];
            int row = (int)((long)i * 7919 % ROWS);
            snprintf(address, sizeof(address), "u@d%d.example", row);
            snprintf(name, sizeof(name), "k%d", row);
            struct domain domain = domain_of_address(arena, bytes_of(address));
            assert_int_equal(
                signing_table_match(table, arena, bytes_of(address), domain, false, found, 2), 1);
            assert_true(bytes_is(found[0].key_name, name));
        }
        clock_t done = clock();
        print_message("%d rows: parsed in %.0f ms, %zu octets; %.2f us a lookup\n", ROWS,
                      1e3 * (double)(parsed - start) / CLOCKS_PER_SEC, used,
                      1e6 * (double)(done - parsed) / CLOCKS_PER_SEC / LOOKUPS);
        assert_true(used < (size_t)ROWS * 200);
        assert_true(done - parsed < 5 * CLOCKS_PER_SEC); /* 10,000 walks would take longer */
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opendkim_order_of_lookups),
        cmocka_unit_test(test_opendkim_files),
        cmocka_unit_test(test_opendkim_wildcards),
        cmocka_unit_test(test_opendkim_all_matches),
        cmocka_unit_test(test_repeated_patterns),
        cmocka_unit_test(test_opendkim_identities),
        cmocka_unit_test(test_opendkim_lists),
        cmocka_unit_test(test_local_parts),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_large_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
