/* What the MTA tells by macros. */
#include "unit.h"

#include "fake_milter.h"
#include "macros.h"

#include <string.h>

static int reset(void **state)
{
    (void)state;
    fake_milter_reset();
    return 0;
}

static void test_asks_for(void **state)
{
    (void)state;
    macros_request(fake_milter_ctx());
    assert_int_equal(fake_milter_call_count(), 3);
    assert_string_equal(fake_milter_call(0), "setsymlist 0 |j {daemon_name} {daemon_addr} "
                                             "{client_name} {client_addr} {client_ptr} v|");
    assert_string_equal(fake_milter_call(1),
                        "setsymlist 2 |i {auth_authen} {auth_type} {auth_author} {mail_addr}|");
    assert_string_equal(fake_milter_call(2), "setsymlist 5 |i {auth_authen}|");
}

/* Postfix leaves unset macros out, Sendmail may send them empty. */
static void test_not_set_and_empty_are_the_same(void **state)
{
    (void)state;
    SMFICTX *ctx = fake_milter_ctx();
    assert_null(macros_queue_id(ctx));
    assert_null(macros_mta_name(ctx));
    assert_false(macros_authenticated(ctx));
    fake_milter_set_macro("i", "");
    fake_milter_set_macro("{auth_authen}", "");
    fake_milter_set_macro("{auth_type}", "");
    assert_null(macros_queue_id(ctx));
    assert_false(macros_authenticated(ctx));
    fake_milter_set_macro("i", "4Q1");
    fake_milter_set_macro("j", "mx.example.org");
    assert_string_equal(macros_queue_id(ctx), "4Q1");
    assert_string_equal(macros_mta_name(ctx), "mx.example.org");
}

static void test_authenticated_by_either_macro(void **state)
{
    (void)state;
    SMFICTX *ctx = fake_milter_ctx();
    fake_milter_set_macro("{auth_type}", "PLAIN");
    assert_true(macros_authenticated(ctx));
    fake_milter_set_macro("{auth_type}", NULL);
    fake_milter_set_macro("{auth_authen}", "joe");
    assert_true(macros_authenticated(ctx));
}

static void test_which_mta(void **state)
{
    (void)state;
    assert_false(macros_from_sendmail(fake_milter_ctx()));
    const struct {
        const char *version;
        bool sendmail;
    } cases[] = {{"8.17.1.9", true},
                 {"8.18.1/Debian-6", true},
                 {"", false},
                 {"Postfix 3.7.11", false},
                 {"unknown", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_milter_set_macro("v", cases[i].version);
        assert_int_equal(macros_from_sendmail(fake_milter_ctx()), cases[i].sendmail);
    }
}

static void test_client_name(void **state)
{
    (void)state;
    const struct {
        const char *macro, *hostname, *name;
    } cases[] = {
        {"mail.example.com", "mail.example.com", "mail.example.com"},
        {NULL, "mail.example.com", "mail.example.com"},
        {"mail.example.com", NULL, "mail.example.com"},
        {"unknown", "unknown", ""}, /* Postfix, no confirmed name */
        {NULL, "Unknown", ""},
        {"[192.0.2.1]", "[192.0.2.1]", ""}, /* Sendmail, no confirmed name */
        {NULL, "[IPv6:2001:db8::1]", ""},
        {NULL, NULL, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_milter_set_macro("{client_name}", cases[i].macro);
        struct bytes name = macros_client_name(fake_milter_ctx(), cases[i].hostname);
        assert_int_equal(name.len, strlen(cases[i].name));
        assert_memory_equal(name.data, cases[i].name, name.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_asks_for, reset),
        cmocka_unit_test_setup(test_not_set_and_empty_are_the_same, reset),
        cmocka_unit_test_setup(test_authenticated_by_either_macro, reset),
        cmocka_unit_test_setup(test_which_mta, reset),
        cmocka_unit_test_setup(test_client_name, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
