/* test_spf_rfc7208.c - the test suite of RFC 7208: all 203 cases, all 22
 * explanations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spf_suite.h"

static void passes_every_case(void **state)
{
    static const struct spf_deviation none[] = {{NULL, AUTH_NONE, NULL}};
    struct spf_suite_counts counts = spf_suite_run("spf-rfc7208/cases.json", none);
    (void)state;
    assert_int_equal(counts.cases, 203);
    assert_int_equal(counts.right, 203);
    assert_int_equal(counts.explanations, 22);
    assert_int_equal(counts.explanations_right, 22);
    report_cases("spf-rfc7208", counts.right, 0);
    report_cases("spf-rfc7208, explanations", counts.explanations_right, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_every_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
