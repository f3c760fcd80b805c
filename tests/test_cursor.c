/* test_cursor.c - reading octets from left to right, with a sticky error. */
#include "cursor.h"

#include "unit.h"

static bool is_a(int octet)
{
    return octet == 'a';
}

static bool is_any(int octet)
{
    assert_in_range(octet, 0, 255);
    return true;
}

static void test_reading(void **state)
{
    struct cursor cursor = cursor_of(BYTES("a\xff\0b"));
    const char *start = cursor.pos;
    (void)state;
    assert_int_equal(cursor_peek(&cursor), 'a');
    assert_int_equal(cursor_next(&cursor), 'a');
    assert_int_equal(cursor_peek(&cursor), 0xff); /* never negative */
    assert_false(cursor_accept(&cursor, 'a'));
    assert_true(cursor_accept(&cursor, '\xff'));
    assert_int_equal(cursor_next(&cursor), 0);
    assert_true(bytes_equal(cursor_since(&cursor, start), BYTES("a\xff\0")));
    assert_true(bytes_equal(cursor_rest(&cursor), BYTES("b")));
    cursor_expect(&cursor, 'b');
    assert_true(cursor_at_end(&cursor));
    assert_false(cursor.failed);
    assert_int_equal(cursor_peek(&cursor), -1);
    assert_false(cursor_accept(&cursor, '\xff')); /* the end is no octet */
    assert_false(cursor.failed);
    assert_int_equal(cursor_next(&cursor), -1);
    assert_true(cursor.failed);
}

static void test_runs(void **state)
{
    struct cursor cursor = cursor_of(BYTES("aab \t\r\n x"));
    (void)state;
    assert_true(bytes_equal(cursor_run(&cursor, is_a), BYTES("aa")));
    assert_int_equal(cursor_run(&cursor, is_a).len, 0);
    assert_false(cursor.failed);
    assert_true(cursor_accept(&cursor, 'b'));
    cursor_skip_wsp(&cursor);
    assert_int_equal(cursor_peek(&cursor), '\r');
    cursor_skip_fws(&cursor);
    assert_int_equal(cursor_peek(&cursor), 'x');
    cursor = cursor_of(BYTES("\x80\xff\0"));
    assert_int_equal(cursor_run(&cursor, is_any).len, 3);
}

static void test_failure_is_sticky(void **state)
{
    struct cursor cursor = cursor_of(BYTES("aaa"));
    const char *start = cursor.pos;
    (void)state;
    cursor_next(&cursor);
    cursor_expect(&cursor, 'x');
    assert_true(cursor.failed);
    assert_true(cursor_at_end(&cursor));
    assert_int_equal(cursor_peek(&cursor), -1);
    assert_int_equal(cursor_next(&cursor), -1);
    assert_false(cursor_accept(&cursor, 'a'));
    assert_int_equal(cursor_run(&cursor, is_a).len, 0);
    assert_int_equal(cursor_rest(&cursor).len, 0);
    assert_int_equal(cursor_since(&cursor, start).len, 0);
    assert_ptr_equal(cursor.pos, start + 1);
    cursor = cursor_of(BYTES("a"));
    cursor_fail(&cursor);
    assert_true(cursor.failed);
}

static void test_empty(void **state)
{
    struct cursor cursor = cursor_of((struct bytes){NULL, 0});
    (void)state;
    assert_true(cursor_at_end(&cursor));
    assert_int_equal(cursor_peek(&cursor), -1);
    cursor_skip_fws(&cursor);
    assert_int_equal(cursor_rest(&cursor).len, 0);
    assert_false(cursor.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_failure_is_sticky),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
