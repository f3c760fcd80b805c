/* test_bytes.c - length-counted views. */
#include "bytes.h"

#include "unit.h"

#include <string.h>

static void test_views(void **state)
{
    (void)state;
    assert_int_equal(BYTES("a\0b").len, 3);
    assert_int_equal(BYTES_EMPTY.len, 0);
    assert_int_equal(bytes_of("abc").len, 3);
    assert_int_equal(bytes_of("").len, 0);
    assert_int_equal(bytes_of(NULL).len, 0);
    assert_non_null(bytes_of(NULL).data);
}

static void test_equality(void **state)
{
    struct bytes null = {NULL, 0};
    (void)state;
    assert_true(bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
    assert_false(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
    assert_false(bytes_equal(BYTES("abc"), BYTES("ab")));
    assert_false(bytes_equal(BYTES("abc"), BYTES("ABC")));
    assert_true(bytes_equal(null, BYTES("")));
    assert_true(bytes_equal_nocase(BYTES("aBc-[{"), BYTES("AbC-[{")));
    assert_false(bytes_equal_nocase(BYTES("["), BYTES("{"))); /* 0x20 apart, but no letters */
    assert_false(bytes_equal_nocase(BYTES("\xc3\x9c"), BYTES("\xc3\xbc"))); /* not ASCII */
    assert_false(bytes_equal_nocase(BYTES("abc"), BYTES("ab")));
    assert_true(bytes_is(BYTES("From"), "from"));
    assert_false(bytes_is(BYTES("From\0"), "from"));
    assert_true(bytes_is(null, ""));
}

static void test_prefix(void **state)
{
    (void)state;
    assert_true(bytes_starts_nocase(BYTES("IPv6:::1"), BYTES("ipv6:")));
    assert_true(bytes_starts_nocase(BYTES("a"), BYTES("")));
    assert_true(bytes_starts_nocase(BYTES(""), BYTES("")));
    assert_false(bytes_starts_nocase(BYTES("ab"), BYTES("abc")));
    assert_false(bytes_starts_nocase(BYTES("xbc"), BYTES("abc")));
}

static void test_slices_are_clamped(void **state)
{
    static const struct {
        size_t from, len;
        const char *slice;
    } rows[] = {
        {0, 3, "abc"}, {1, 1, "b"}, {1, 99, "bc"},       {3, 1, ""},
        {4, 1, ""},    {0, 0, ""},  {1, SIZE_MAX, "bc"}, {SIZE_MAX, SIZE_MAX, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(bytes_equal(bytes_slice(BYTES("abc"), rows[i].from, rows[i].len),
                                bytes_of(rows[i].slice)));
    assert_int_equal(bytes_slice((struct bytes){NULL, 0}, 1, 1).len, 0);
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(bytes_find(BYTES("abca"), 'a'), 0);
    assert_int_equal(bytes_find(BYTES("abca"), 'c'), 2);
    assert_int_equal(bytes_find(BYTES("a\0b"), '\0'), 1);
    assert_int_equal(bytes_find(BYTES("abc"), '\0'), 3); /* not the literal's own NUL */
    assert_int_equal(bytes_find(BYTES("abc"), 'x'), 3);
    assert_int_equal(bytes_find(BYTES("\xff"), '\xff'), 0);
    assert_int_equal(bytes_find((struct bytes){NULL, 0}, 'x'), 0);
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_trim(BYTES(" \t\r\n a b\r\n\t ")), BYTES("a b")));
    assert_true(bytes_equal(bytes_trim(BYTES("a")), BYTES("a")));
    assert_int_equal(bytes_trim(BYTES(" \r\n")).len, 0);
    assert_int_equal(bytes_trim((struct bytes){NULL, 0}).len, 0);
    assert_int_equal(bytes_trim(BYTES("\0 \v")).len, 3); /* NUL and VT are no white space */
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        unsigned long long max;
        bool good;
        unsigned long long number;
    } rows[] = {
        {"0", 0, true, 0},
        {"7", 7, true, 7},
        {"8", 7, false, 0},
        {"10", 9, false, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"0000000000000000000000007", 7, true, 7},
        {"18446744073709551615", ~0ULL, true, ~0ULL},
        {"18446744073709551616", ~0ULL, false, 0},
        {"99999999999999999999999999", ~0ULL, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 99, false, 0},
        {"\xb2", 9, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned long long number = 0;
        assert_int_equal(bytes_to_number(bytes_of(rows[i].text), rows[i].max, &number),
                         rows[i].good);
        if (rows[i].good)
            assert_true(number == rows[i].number);
    }
}

static void test_character_classes(void **state)
{
    (void)state;
    for (int c = -1; c < 256; c++) {
        bool letter = c > 0 && c < 128 &&
                      strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                             "tuvwxyz",
                             c);
        bool digit = c > 0 && c < 128 && strchr("0123456789", c);
        assert_int_equal(is_alpha(c), letter);
        assert_int_equal(is_digit(c), digit);
        assert_int_equal(is_alnum(c), letter || digit);
        assert_int_equal(is_wsp(c), c == 32 || c == 9);
        assert_int_equal(is_fws(c), c == 32 || c == 9 || c == 13 || c == 10);
        assert_int_equal(hex_value(c) >= 0,
                         c > 0 && c < 128 && strchr("0123456789abcdefABCDEF", c));
    }
    assert_int_equal(hex_value('0'), 0);
    assert_int_equal(hex_value('9'), 9);
    assert_int_equal(hex_value('a'), 10);
    assert_int_equal(hex_value('F'), 15);
    assert_int_equal(to_lower('A'), 'a');
    assert_int_equal(to_lower('Z'), 'z');
    assert_int_equal(to_lower('@'), '@');
    assert_int_equal(to_lower('['), '[');
    assert_int_equal(to_lower('\xc4'), '\xc4');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),   cmocka_unit_test(test_equality),
        cmocka_unit_test(test_prefix),  cmocka_unit_test(test_slices_are_clamped),
        cmocka_unit_test(test_find),    cmocka_unit_test(test_trim),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_character_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
