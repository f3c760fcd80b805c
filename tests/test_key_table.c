/* test_key_table.c - what a row of a KeyTable means; and the kinds of tables.
 *
 * Rows marked OpenDKIM were put before OpenDKIM 2.11.0~beta2-8 of Debian 12.
 */
#include "key_table.h"

#include "unit.h"

#include <string.h>

static const char *describe(struct arena *arena, const struct key_row *row)
{
    struct domain author = domain_parse(arena, BYTES("author.example"));
    if (!row)
        return "none";
    return arena_printf(arena, "%s %s %s %s%s",
                        domain_is_none(row->domain) ? "%" : row->domain.name, row->selector.name,
                        row->is_path ? "path" : "key", key_row_path(row, arena, author),
                        row->for_any_author ? " any" : "");
}

struct row {
    const char *table, *name, *found;
};

static void check_rows(const struct row *rows, size_t count, enum table_form form)
{
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = arena_new(1 << 20);
        const char *problem;
        unsigned line;
        struct key_table *table =
            key_table_parse(arena, bytes_of(rows[i].table), form, &problem, &line);
        const char *found = table ? describe(arena, key_table_find(table, bytes_of(rows[i].name)))
                                  : arena_printf(arena, "%u: %s", line, problem);
        if (strcmp(found, rows[i].found) != 0)
            fail_msg("\"%s\" in \"%s\": \"%s\", wanted \"%s\"", rows[i].name, rows[i].table, found,
                     rows[i].found);
        assert_false(arena_failed(arena));
        arena_free(arena);
    }
}

#define CHECK_ROWS(rows, form) check_rows(rows, sizeof(rows) / sizeof(rows[0]), form)

static void test_rows(void **state)
{
    static const struct row rows[] = {
        {"k b.com:s:/d/k.pem\n", "k", "b.com s path /d/k.pem"},
        {"  k \t b.com:s:/d/k.pem  \n", "k", "b.com s path /d/k.pem"}, /* OpenDKIM */
        {"k b.com:s:/d/k.pem # c\n", "k", "b.com s path /d/k.pem"},    /* OpenDKIM */
        {"k b.com:s:/d/k.pem\r\n", "k", "b.com s path /d/k.pem"},
        {"k b.com:s:./k.pem\n", "k", "b.com s path ./k.pem"},
        {"k b.com:s:../k.pem\n", "k", "b.com s path ../k.pem"},
        {"k b.com:s:/d/my key.pem\n", "k", "b.com s path /d/my key.pem"},
        {"k b.com:s:/d/k:1.pem\n", "k", "b.com s path /d/k:1.pem"},
        {"k b.com:s:MIIE+/==\n", "k", "b.com s key MIIE+/=="},
        {"k B.COM:S:/k\n", "k", "b.com s path /k"}, /* OpenDKIM; there d= keeps its letters */
        {"k b.com:s:/k\n", "K", "none"},            /* OpenDKIM: names are case-sensitive */
        {"k b.com:s1:/k\nk b.com:s2:/l\n", "k", "b.com s1 path /k"}, /* OpenDKIM: the first */
        {"k1 b.com:s1:/k\nk2 b.com:s2:/l\n", "k2", "b.com s2 path /l"},
        {"k b\xc3\xbc"
         "cher.example:s:/k\n",
         "k", "xn--bcher-kva.example s path /k"},
        /* later releases of OpenDKIM have the algorithm as a fourth field */
        {"k b.com:s:/d/k.pem:ed25519-sha256\n", "k", "b.com s path /d/k.pem"},
        {"k b.com:s:/d/k.pem:rsa-sha256\n", "k", "b.com s path /d/k.pem"},
        {"", "k", "none"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE);
}

static void test_percent(void **state)
{
    static const struct row rows[] = {
        {"k %:s:/k\n", "k", "% s path /k any"},                          /* OpenDKIM */
        {"k %:s:/d/%.pem\n", "k", "% s path /d/author.example.pem any"}, /* OpenDKIM */
        {"k %:s:/%/%\n", "k", "% s path /author.example/author.example any"},
        {"k b.com:s:/%\n", "k", "b.com s path /author.example any"},
        {"% zz.com:s:/k\n", "%", "zz.com s path /k"}, /* OpenDKIM: nothing in a name */
        /* OpenDKIM puts these into the signature as they are */
        {"k x.%:s:/k\n", "k", "1: 'x.%' is no domain; allowed: a domain, or % alone"},
        {"k %:%:/k\n", "k", "1: '%' is no selector"},
        {"k %:s%:/k\n", "k", "1: 's%' is no selector"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE);
}

/* OpenDKIM answers 451 to every message that would be signed by one of these. */
static void test_mistakes(void **state)
{
    static const struct row rows[] = {
        {"a b.com:s:/k\nk\n", "a", "2: 'k' needs a value of the form domain:selector:key"},
        {"k b.com\n", "k", "1: 'k' needs a value of the form domain:selector:key"},
        {"k b.com:s\n", "k", "1: 'k' needs a value of the form domain:selector:key"},
        {"k b.com:s:\n", "k", "1: 'k' needs a value of the form domain:selector:key"},
        {"k :s:/k\n", "k", "1: 'k' needs a value of the form domain:selector:key"},
        {"k b.com::/k\n", "k", "1: 'k' needs a value of the form domain:selector:key"},
        {"k b.com : s : /k\n", "k", "1: 'b.com ' is no domain; allowed: a domain, or % alone"},
        {"#\n\nk b..com:s:/k\n", "k", "3: 'b..com' is no domain; allowed: a domain, or % alone"},
        {"k b.com:s;t:/k\n", "k", "1: 's;t' is no selector"},
        {"k b.com:s /k:/k\n", "k", "1: 's /k' is no selector"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_FILE);
}

static void test_lists(void **state)
{
    static const struct row rows[] = {
        {"k1=b.com:s1:/k,k2=b.com:s2:/l", "k2", "b.com s2 path /l"}, /* OpenDKIM */
        {"k1 = b.com:s1:/k, k2 = b.com:s2:/l", "k2", "b.com s2 path /l"},
        {"k=b.com:s:AAAA==", "k", "b.com s key AAAA=="},
        {"k=b.com:s:/k,x", "k", "2: 'x' needs a value of the form domain:selector:key"},
    };
    (void)state;
    CHECK_ROWS(rows, TABLE_LIST);
}

/* "KeyTable refile:..." is common, though names hardly ever have wildcards. */
static void test_wildcards(void **state)
{
    static const struct row rows[] = {
        {"k b.com:s:/k\n", "k", "b.com s path /k"},
        {"k b.com:s:/k\n", "K", "none"},
        {"x* b.com:s:/k\n* c.com:s:/k\n", "xy", "b.com s path /k"},
        {"x* b.com:s:/k\n* c.com:s:/k\n", "k", "c.com s path /k"},
    };
    static const struct row literal[] = {{"x* b.com:s:/k\n", "xy", "none"}};
    (void)state;
    CHECK_ROWS(rows, TABLE_WILDCARDS);
    CHECK_ROWS(literal, TABLE_FILE);
}

static void test_shadowed_rows(void **state)
{
    const char *problem;
    unsigned line;
    size_t count;
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct key_table *table =
        key_table_parse(arena, BYTES("k b.com:s1:/k\n\nK b.com:s2:/k\nk b.com:s3:/k\n"), TABLE_FILE,
                        &problem, &line);
    const struct key_row *rows = key_table_rows(table, &count);
    assert_int_equal(count, 3);
    assert_false(rows[0].shadowed);
    assert_false(rows[1].shadowed);
    assert_true(rows[2].shadowed);
    assert_int_equal(rows[2].line, 4);
    arena_free(arena);
}

static void test_sources(void **state)
{
    static const struct {
        const char *source;
        enum table_form form;
        const char *rest; /* NULL: refused */
    } rows[] = {
        {"/etc/t", TABLE_FILE, "/etc/t"},
        {"/etc/a:b", TABLE_FILE, "/etc/a:b"},
        {"file:/etc/t", TABLE_FILE, "/etc/t"},
        {"File: t", TABLE_FILE, "t"},
        {"refile:/etc/t", TABLE_WILDCARDS, "/etc/t"},
        {"csl:a=b,c=d", TABLE_LIST, "a=b,c=d"},
        {"csl:k=b.com:s:/k", TABLE_LIST, "k=b.com:s:/k"},
        {"a=b,c=d", TABLE_LIST, "a=b,c=d"},
        {"k=b.com:s:/k", TABLE_FILE, NULL}, /* OpenDKIM: unknown database type */
        {"ldap://h/", TABLE_FILE, NULL},
        {"dsn:mysql://h/", TABLE_FILE, NULL},
        {"refile:", TABLE_FILE, NULL},
        {"t", TABLE_FILE, NULL},
        {"", TABLE_FILE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum table_form form;
        struct bytes rest;
        const char *wrong = table_source_parse(bytes_of(rows[i].source), &form, &rest);
        if (!rows[i].rest != (wrong != NULL))
            fail_msg("\"%s\": %s", rows[i].source, wrong ? wrong : "accepted");
        if (wrong)
            continue;
        assert_int_equal(form, rows[i].form);
        assert_true(bytes_is(rest, rows[i].rest));
    }
}

static void test_out_of_memory(void **state)
{
    size_t refused = 0;
    (void)state;
    for (size_t limit = 1; limit < 2048; limit += 8) {
        struct arena *arena = arena_new(limit);
        const char *problem = NULL;
        unsigned line;
        if (!key_table_parse(arena, BYTES("k b.com:s:/k\nl %:s:/%\n"), TABLE_FILE, &problem,
                             &line)) {
            refused++;
            assert_non_null(problem);
        }
        arena_free(arena);
    }
    assert_true(refused > 5 && refused < 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_percent),
        cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_lists),
        cmocka_unit_test(test_wildcards), cmocka_unit_test(test_shadowed_rows),
        cmocka_unit_test(test_sources),   cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
