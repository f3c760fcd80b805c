/* test_crypto_memory.c - why libcrypto failed, by what it notes. The allocations themselves fail
 * in test_out_of_memory.c. */
#include "crypto_memory.h"
#include "unit.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

static void test_reasons(void **state)
{
    (void)state;
    crypto_memory_begin();
    assert_false(crypto_memory_failed());
    ERR_raise(ERR_LIB_RSA, RSA_R_BAD_SIGNATURE);
    assert_false(crypto_memory_failed());
    ERR_raise(ERR_LIB_RSA, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_RSA, RSA_R_BAD_SIGNATURE);
    assert_true(crypto_memory_failed());
}

static void test_the_queue_is_left_empty(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_RSA, ERR_R_MALLOC_FAILURE);
    crypto_memory_begin(); /* somebody else's */
    assert_false(crypto_memory_failed());
    ERR_raise(ERR_LIB_RSA, RSA_R_BAD_SIGNATURE);
    crypto_memory_failed();
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_the_queue_is_left_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
