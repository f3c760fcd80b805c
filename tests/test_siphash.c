/* test_siphash.c - SipHash-2-4 against the vectors of its authors. */
#include "siphash.h"

#include "unit.h"

/* Key 00 01 ... 0f, data 00 01 ... of the given length: the paper's appendix A (15 octets)
 * and the reference implementation's table. */
static void test_vectors(void **state)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
        {0, 0x726fdb47dd0e0e31u}, {1, 0x74f839c593dc67fdu},  {7, 0xab0200f58b01d137u},
        {8, 0x93f5f5799a932462u}, {15, 0xa129ca6149be45e5u}, {16, 0x3f2acc7f57c29bdbu},
    };
    const struct siphash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    char data[16];
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(siphash(&key, (struct bytes){data, cases[i].len}), cases[i].hash);
}

static void test_key_matters(void **state)
{
    const struct siphash_key one = {1, 0}, two = {2, 0};
    (void)state;
    assert_int_not_equal(siphash(&one, BYTES("example.com")), siphash(&two, BYTES("example.com")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_key_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
