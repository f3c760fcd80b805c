/* test_dns_rdata.c - record data in wire form -> answers. */
#include "dns_rdata.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* One record: its rdata and what comes out, or NULL when it is malformed. */
static void test_one_record(void **state)
{
    static const struct {
        enum dns_type type;
        struct bytes rdata;
        const char *data;
        size_t len;
        uint16_t preference;
    } cases[] = {
        {DNS_A, BYTES("\300\0\2\1"), "\300\0\2\1", 4, 0},
        {DNS_A, BYTES("\300\0\2"), NULL, 0, 0},
        {DNS_A, BYTES("\300\0\2\1\1"), NULL, 0, 0},
        {DNS_A, {"", 0}, NULL, 0, 0},
        {DNS_AAAA, BYTES("0123456789abcdef"), "0123456789abcdef", 16, 0},
        {DNS_AAAA, BYTES("0123456789abcde"), NULL, 0, 0},
        {DNS_TXT, BYTES("\2ab"), "ab", 2, 0},
        {DNS_TXT, BYTES("\2ab\0\1c"), "abc", 3, 0},
        {DNS_TXT, BYTES("\0"), "", 0, 0},
        {DNS_TXT, BYTES("\3a\0b"), "a\0b", 3, 0},
        {DNS_TXT, {"", 0}, NULL, 0, 0},         /* RFC 1035 3.3.14: one or more strings */
        {DNS_TXT, BYTES("\3ab"), NULL, 0, 0},   /* string cut off */
        {DNS_TXT, BYTES("\1a\5b"), NULL, 0, 0}, /* second string cut off */
        {DNS_MX, BYTES("\0\12\1a\1b\0"), "a.b", 3, 10},
        {DNS_MX, BYTES("\377\377\0"), "", 0, 65535}, /* RFC 7505 */
        {DNS_MX, BYTES("\0"), NULL, 0, 0},
        {DNS_MX, BYTES("\0\12"), NULL, 0, 0},
        {DNS_MX, BYTES("\0\12\1a\0x"), NULL, 0, 0}, /* octets behind the name */
        {DNS_MX, BYTES("\0\12\300\14"), NULL, 0, 0},
        {DNS_PTR, BYTES("\4mail\7example\0"), "mail.example", 12, 0},
        {DNS_PTR, BYTES("\6a.evil\0"), NULL, 0, 0}, /* a label with a dot */
        {DNS_PTR, BYTES("\4mai"), NULL, 0, 0},
        {DNS_PTR, {"", 0}, NULL, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct dns_answer *answer =
            dns_rdata_answer(cases[i].type, &cases[i].rdata, 1, true, 300);
        assert_non_null(answer);
        if (cases[i].data) {
            assert_int_equal(answer->status, DNS_FOUND);
            assert_true(answer->secure);
            assert_int_equal(answer->ttl, 300);
            assert_int_equal(answer->count, 1);
            assert_int_equal(answer->records[0].data.len, cases[i].len);
            if (cases[i].len)
                assert_memory_equal(answer->records[0].data.data, cases[i].data, cases[i].len);
            assert_int_equal(answer->records[0].preference, cases[i].preference);
        } else {
            assert_int_equal(answer->status, DNS_TEMPORARY);
            assert_string_equal(answer->cause, "malformed answer");
            assert_false(answer->secure);
            assert_int_equal(answer->count, 0);
        }
        dns_answer_unref(answer);
    }
}

/* A malformed record is left out, the others stay in their order. */
static void test_malformed_among_good(void **state)
{
    const struct bytes rdata[] = {BYTES("\0\1\1a\0"), BYTES("\0\2\1"), BYTES("\0\3\1c\0")};
    (void)state;
    const struct dns_answer *answer = dns_rdata_answer(DNS_MX, rdata, 3, false, 60);
    assert_int_equal(answer->status, DNS_FOUND);
    assert_int_equal(answer->count, 2);
    assert_int_equal(answer->records[0].preference, 1);
    assert_int_equal(answer->records[1].preference, 3);
    assert_true(bytes_is(answer->records[1].data, "c"));
    dns_answer_unref(answer);
}

static void test_longest_txt(void **state)
{
    static char rdata[65535];
    size_t strings = 0, pos = 0;
    (void)state;
    while (pos + 256 <= sizeof(rdata)) {
        rdata[pos] = (char)255;
        memset(rdata + pos + 1, 'x', 255);
        pos += 256;
        strings++;
    }
    const struct bytes view = {rdata, pos};
    const struct dns_answer *answer = dns_rdata_answer(DNS_TXT, &view, 1, false, 60);
    assert_int_equal(answer->records[0].data.len, strings * 255);
    dns_answer_unref(answer);
}

/* Any octets whatever: an answer comes out, and nothing beyond the rdata is read (the
 * blocks are exact, so that the sanitizers see it). */
static void test_any_octets(void **state)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT};
    unsigned seed = 1;
    (void)state;
    for (int round = 0; round < 50000; round++) {
        size_t len = (size_t)rand_r(&seed) % 40;
        char *octets = malloc(len + 1);
        char *exact = octets + 1; /* len octets up to the end of the block */
        for (size_t i = 0; i < len; i++)
            exact[i] = (char)(rand_r(&seed) % (round % 2 ? 256 : 8));
        const struct bytes rdata = {exact, len};
        enum dns_type type = types[round % 5];
        const struct dns_answer *answer = dns_rdata_answer(type, &rdata, 1, false, 1);
        assert_non_null(answer);
        assert_true(answer->status == DNS_FOUND || answer->status == DNS_TEMPORARY);
        assert_int_equal(answer->count, answer->status == DNS_FOUND);
        if (answer->count)
            assert_in_range(answer->records[0].data.len, 0, len);
        dns_answer_unref(answer);
        free(octets);
    }
}

static void test_no_records(void **state)
{
    (void)state;
    const struct dns_answer *answer = dns_rdata_answer(DNS_A, NULL, 0, false, 60);
    assert_int_equal(answer->status, DNS_TEMPORARY);
    dns_answer_unref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_record),  cmocka_unit_test(test_malformed_among_good),
        cmocka_unit_test(test_longest_txt), cmocka_unit_test(test_any_octets),
        cmocka_unit_test(test_no_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
