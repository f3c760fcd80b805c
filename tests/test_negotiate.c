/* What we take of what an MTA offers. */
#include "unit.h"

#include "negotiate.h"

#include <string.h>

enum {
    ALL_ACTIONS = SMFI_CURR_ACTS,
    ALL_STEPS = SMFI_CURR_PROT,
    NO_REPLY =
        SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH,
};

static void test_takes_what_it_needs_and_no_more(void **state)
{
    (void)state;
    struct granted granted = negotiate(ALL_ACTIONS, ALL_STEPS, false);
    assert_int_equal(granted.actions,
                     SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST);
    assert_int_equal(granted.steps,
                     NO_REPLY | SMFIP_SKIP | SMFIP_HDR_LEADSPC | SMFIP_NOUNKNOWN | SMFIP_NODATA);
    assert_null(negotiate_missing(&granted));
}

/* The body callback answers SMFIS_SKIP, and libmilter loses the end of message
 * behind a silent one; recipients, headers and body are wanted. */
static void test_never_takes(void **state)
{
    (void)state;
    const unsigned long never = SMFIP_NR_BODY | SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL |
                                SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOHDRS | SMFIP_NOEOH |
                                SMFIP_RCPT_REJ;
    assert_int_equal(negotiate(ALL_ACTIONS, ALL_STEPS, false).steps & never, 0);
}

static void test_never_takes_what_is_not_offered(void **state)
{
    (void)state;
    for (int bit = 0; bit < 21; bit++) {
        unsigned long offered = ALL_STEPS & ~(1UL << bit);
        assert_int_equal(negotiate(ALL_ACTIONS, offered, false).steps & ~offered, 0);
    }
    for (int bit = 0; bit < 9; bit++) {
        unsigned long offered = ALL_ACTIONS & ~(1UL << bit);
        assert_int_equal(negotiate(offered, ALL_STEPS, false).actions & ~offered, 0);
    }
    struct granted nothing = negotiate(0, 0, false);
    assert_int_equal(nothing.actions, 0);
    assert_int_equal(nothing.steps, 0);
}

static void test_says_what_is_missing(void **state)
{
    (void)state;
    const struct {
        unsigned long actions, steps;
        const char *said;
    } cases[] = {
        {ALL_ACTIONS & ~SMFIF_ADDHDRS, ALL_STEPS, "no Authentication-Results"},
        {ALL_ACTIONS & ~SMFIF_CHGHDRS, ALL_STEPS, "forged Authentication-Results stay"},
        {ALL_ACTIONS & ~SMFIF_QUARANTINE, ALL_STEPS, "will be accepted"},
        {ALL_ACTIONS, ALL_STEPS & ~SMFIP_HDR_LEADSPC, "SMFIP_HDR_LEADSPC"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct granted granted = negotiate(cases[i].actions, cases[i].steps, false);
        assert_non_null(negotiate_missing(&granted));
        assert_non_null(strstr(negotiate_missing(&granted), cases[i].said));
    }
}

static void test_silence_exactly_where_granted(void **state)
{
    (void)state;
    struct granted granted = negotiate(ALL_ACTIONS, ALL_STEPS & ~SMFIP_NR_RCPT, false);
    assert_int_equal(negotiate_go_on(&granted, SMFIP_NR_MAIL), SMFIS_NOREPLY);
    assert_int_equal(negotiate_go_on(&granted, SMFIP_NR_RCPT), SMFIS_CONTINUE);
    granted = negotiate(ALL_ACTIONS, ALL_STEPS, true);
    assert_int_equal(negotiate_go_on(&granted, SMFIP_NR_CONN), SMFIS_CONTINUE);
    assert_int_equal(negotiate_go_on(&granted, SMFIP_NR_HELO), SMFIS_NOREPLY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_it_needs_and_no_more),
        cmocka_unit_test(test_never_takes),
        cmocka_unit_test(test_never_takes_what_is_not_offered),
        cmocka_unit_test(test_says_what_is_missing),
        cmocka_unit_test(test_silence_exactly_where_granted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
