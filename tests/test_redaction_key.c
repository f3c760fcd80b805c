/* test_redaction_key.c - the secret that failure reports hash local parts with. */
#include "redaction_key.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

/* Never the zeros that an unset key would be. */
static void test_there_is_one(void **state)
{
    static const uint8_t none[FAILURE_KEY_OCTETS];
    uint8_t key[FAILURE_KEY_OCTETS] = {0};
    (void)state;
    assert_true(redaction_key(key));
    assert_memory_not_equal(key, none, sizeof(key));
}

/* So that a domain owner can tell that a sender of today is one of last week. */
static void test_it_stays_the_same(void **state)
{
    uint8_t key[FAILURE_KEY_OCTETS], again[FAILURE_KEY_OCTETS];
    (void)state;
    if (access("/etc/machine-id", R_OK) != 0) {
        print_message("this host has no /etc/machine-id\n");
        skip();
    }
    assert_true(redaction_key(key) && redaction_key(again));
    assert_memory_equal(key, again, sizeof(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_one),
        cmocka_unit_test(test_it_stays_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
