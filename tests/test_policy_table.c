/* test_policy_table.c - local exceptions by Author Domain. */
#include "policy_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    ARENA_LIMIT = 64 << 20,
};

static const char *const lines[] = {
    "example.com accept",
    ".example.com quarantine",
    ".deep.example.com\treject",
    "  Ok.Deep.Example.Com.   ASIS  ",
    ".org reject",
    "m\xc3\xbcller.example reject",
};

static const struct {
    const char *domain;
    const char *entry; /* NULL: none */
    enum policy_table_action action;
} find_cases[] = {
    {"example.com", "example.com", POLICY_TABLE_ACCEPT},
    {"EXAMPLE.com", "example.com", POLICY_TABLE_ACCEPT},
    {"a.example.com", ".example.com", POLICY_TABLE_QUARANTINE},
    {"a.b.c.example.com", ".example.com", POLICY_TABLE_QUARANTINE},
    {"deep.example.com", ".example.com", POLICY_TABLE_QUARANTINE},
    {"a.deep.example.com", ".deep.example.com", POLICY_TABLE_REJECT},
    {"ok.deep.example.com", "ok.deep.example.com", POLICY_TABLE_ASIS},
    {"a.ok.deep.example.com", ".deep.example.com", POLICY_TABLE_REJECT},
    {"example.org", ".org", POLICY_TABLE_REJECT},
    {"org", NULL, 0},
    {"notexample.com", NULL, 0},
    {"com", NULL, 0},
    {"xn--mller-kva.example", "xn--mller-kva.example", POLICY_TABLE_REJECT},
    {"M\xc3\xbcller.example", "xn--mller-kva.example", POLICY_TABLE_REJECT},
};

static void longest_match_decides(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct policy_table *table = policy_table_new(arena);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_null(policy_table_add(table, bytes_of(lines[i])));
    assert_null(policy_table_finish(table));
    assert_int_equal(policy_table_count(table), sizeof(lines) / sizeof(lines[0]));

    for (size_t i = 0; i < sizeof(find_cases) / sizeof(find_cases[0]); i++) {
        enum policy_table_action action = POLICY_TABLE_ASIS;
        const char *entry = NULL;
        struct domain domain = domain_parse(arena, bytes_of(find_cases[i].domain));
        assert_false(domain_is_none(domain));
        bool found = policy_table_find(table, domain, &action, &entry);
        if (found != (find_cases[i].entry != NULL))
            fail_msg("%s: found %d", find_cases[i].domain, found);
        if (!found)
            continue;
        assert_string_equal(entry, find_cases[i].entry);
        assert_int_equal(action, find_cases[i].action);
    }
    arena_free(arena);
}

static void a_star_is_every_other_domain(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct policy_table *table = policy_table_new(arena);
    static const struct {
        const char *domain, *entry;
        enum policy_table_action action;
    } cases[] = {
        {"example.org", "*", POLICY_TABLE_REJECT},
        {"org", "*", POLICY_TABLE_REJECT},
        {"example.com", "*", POLICY_TABLE_REJECT},
        {"a.example.com", ".example.com", POLICY_TABLE_ASIS},
    };
    assert_null(policy_table_add(table, BYTES("* reject")));
    assert_null(policy_table_add(table, BYTES(".example.com asis")));
    assert_null(policy_table_finish(table));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum policy_table_action action = POLICY_TABLE_ACCEPT;
        const char *entry = NULL;
        assert_true(policy_table_find(table, domain_parse(arena, bytes_of(cases[i].domain)),
                                      &action, &entry));
        assert_string_equal(entry, cases[i].entry);
        assert_int_equal(action, cases[i].action);
    }
    arena_free(arena);
}

static void no_table_is_an_empty_table(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    enum policy_table_action action;
    const char *entry;
    struct domain domain = domain_parse(arena, BYTES("example.com"));
    struct policy_table *empty = policy_table_new(arena);
    assert_null(policy_table_finish(empty));
    assert_false(policy_table_find(empty, domain, &action, &entry));
    assert_false(policy_table_find(NULL, domain, &action, &entry));
    assert_int_equal(policy_table_count(NULL), 0);
    arena_free(arena);
}

static const struct {
    const char *line;
    const char *told; /* what was found, and what is allowed */
} wrong_cases[] = {
    {"", "'' is not of the form: domain action"},
    {"example.com", "'example.com' is not of the form: domain action"},
    {"example.com reject please", "is not of the form: domain action"},
    {"a..b reject", "'a..b' is no domain"},
    {". reject", "'.' is no domain"},
    {"*.example.com reject", "everything below one (.example.com) or every domain (*)"},
    {"example.com deny",
     "action 'deny' is unknown: allowed are accept, quarantine, reject and asis"},
};

static void wrong_lines_are_named(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct policy_table *table = policy_table_new(arena);
    for (size_t i = 0; i < sizeof(wrong_cases) / sizeof(wrong_cases[0]); i++) {
        const char *text = policy_table_add(table, bytes_of(wrong_cases[i].line));
        if (!text || !strstr(text, wrong_cases[i].told))
            fail_msg("'%s': told '%s'", wrong_cases[i].line, text ? text : "nothing");
    }
    assert_int_equal(policy_table_count(table), 0);
    arena_free(arena);
}

static void repeated_domain_is_told(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct policy_table *table = policy_table_new(arena);
    assert_null(policy_table_add(table, BYTES("example.com reject")));
    assert_null(policy_table_add(table, BYTES(".example.com reject")));
    assert_null(policy_table_add(table, BYTES("Example.COM accept")));
    const char *text = policy_table_finish(table);
    assert_non_null(text);
    assert_non_null(strstr(text, "'example.com' stands there more than once"));
    arena_free(arena);
}

static void hundred_thousand_domains(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct policy_table *table = policy_table_new(arena);
    for (unsigned i = 0; i < 100000; i++) {
        const char *line = arena_printf(arena, "d%u.example reject", i);
        assert_null(policy_table_add(table, bytes_of(line)));
    }
    assert_null(policy_table_finish(table));
    enum policy_table_action action;
    const char *entry;
    assert_true(
        policy_table_find(table, domain_parse(arena, BYTES("d99999.example")), &action, &entry));
    assert_string_equal(entry, "d99999.example");
    assert_false(
        policy_table_find(table, domain_parse(arena, BYTES("d100000.example")), &action, &entry));
    arena_free(arena);
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    struct arena *arena = arena_new(400);
    struct policy_table *table = policy_table_new(arena);
    assert_non_null(table);
    assert_string_equal(policy_table_add(table, BYTES("example.com reject")), "out of memory");
    assert_int_equal(policy_table_count(table), 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_match_decides),
        cmocka_unit_test(a_star_is_every_other_domain),
        cmocka_unit_test(no_table_is_an_empty_table),
        cmocka_unit_test(wrong_lines_are_named),
        cmocka_unit_test(repeated_domain_is_told),
        cmocka_unit_test(hundred_thousand_domains),
        cmocka_unit_test(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
