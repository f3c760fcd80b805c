/* test_spf_pyspf_extra.c - pyspf's own regression cases, 16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spf_suite.h"

static const struct spf_deviation deviations[] = {
    {"localhost", AUTH_NONE,
     "a loopback client is our own mail; checking it is local policy "
     "(RFC 7208 2.2, 2.6.1)"},
    {"default-modifier", AUTH_NEUTRAL,
     "\"default=\" is an unknown modifier and ignored (RFC 7208 "
     "6); pyspf obeys it in its lax mode"},
    {"default-modifier-harsh", AUTH_NEUTRAL, "\"ambiguous\" is no result of RFC 7208 2.6"},
    {NULL, AUTH_NONE, NULL},
};

static void passes_every_applicable_case(void **state)
{
    struct spf_suite_counts counts = spf_suite_run("spf-pyspf-extra/cases.json", deviations);
    (void)state;
    assert_int_equal(counts.cases, 16);
    assert_int_equal(counts.right, 13);
    assert_int_equal(counts.deviations, 3);
    report_cases("spf-pyspf-extra", counts.right, counts.deviations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_every_applicable_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
