/* test_report_codec.c - numbers and texts of the journal's events. */
#include "report_codec.h"
#include "unit.h"

static struct bytes octets_of(struct arena *arena, uint64_t number)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    report_put_number(&buf, number);
    return strbuf_view(&buf);
}

static void test_numbers(void **state)
{
    static const struct {
        uint64_t number;
        size_t octets;
    } cases[] = {{0, 1},     {1, 1},          {127, 1},       {128, 2},         {16383, 2},
                 {16384, 3}, {UINT32_MAX, 5}, {INT64_MAX, 9}, {1ull << 63, 10}, {UINT64_MAX, 10}};
    struct arena *arena = arena_new(1 << 16);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes octets = octets_of(arena, cases[i].number);
        assert_int_equal(octets.len, cases[i].octets);
        struct cursor cursor = cursor_of(octets);
        assert_true(report_take_number(&cursor, UINT64_MAX) == cases[i].number);
        assert_true(!cursor.failed && cursor_at_end(&cursor));
        if (cases[i].number == 0)
            continue;
        cursor = cursor_of(octets);
        report_take_number(&cursor, cases[i].number - 1);
        assert_true(cursor.failed);
    }
    arena_free(arena);
}

static void test_bad_numbers(void **state)
{
    static const struct bytes cases[] = {BYTES_EMPTY,
                                         BYTES("\x80"),
                                         BYTES("\x80\x00") /* a longer form of 0 */,
                                         BYTES("\xff\x80\x00"),
                                         BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                                         BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cursor cursor = cursor_of(cases[i]);
        assert_true(report_take_number(&cursor, UINT64_MAX) == 0);
        assert_true(cursor.failed);
    }
}

static void test_texts(void **state)
{
    struct cursor cursor = cursor_of(BYTES("\x03"
                                           "a\0b"
                                           "\x00"
                                           "\x05"
                                           "short"));
    (void)state;
    assert_true(bytes_equal(report_take_text(&cursor), BYTES("a\0b")));
    assert_int_equal(report_take_text(&cursor).len, 0);
    assert_true(bytes_equal(report_take_text(&cursor), BYTES("short")));
    assert_true(!cursor.failed && cursor_at_end(&cursor));

    cursor = cursor_of(BYTES("\x06"
                             "short"));
    assert_int_equal(report_take_text(&cursor).len, 0);
    assert_true(cursor.failed);
}

static void test_addresses(void **state)
{
    static const char *const texts[] = {"192.0.2.1", "2001:db8::1"};
    struct arena *arena = arena_new(1 << 16);
    struct strbuf buf;
    struct ip ip;
    (void)state;
    strbuf_init(&buf, arena);
    report_put_ip(&buf, &(struct ip){.family = IP_NONE});
    for (size_t i = 0; i < 2; i++) {
        assert_true(ip_parse(bytes_of(texts[i]), &ip));
        report_put_ip(&buf, &ip);
    }
    struct cursor cursor = cursor_of(strbuf_view(&buf));
    assert_int_equal(report_take_ip(&cursor).family, IP_NONE);
    for (size_t i = 0; i < 2; i++) {
        struct ip found = report_take_ip(&cursor);
        assert_true(ip_parse(bytes_of(texts[i]), &ip));
        assert_true(ip_equal(&found, &ip));
    }
    assert_true(!cursor.failed && cursor_at_end(&cursor));
    arena_free(arena);
    static const struct bytes bad[] = {BYTES_EMPTY,
                                       BYTES("\x05"
                                             "xxxxx"),
                                       BYTES("\x04"
                                             "xxx"),
                                       BYTES("\x06"
                                             "xxxxxxxx")};
    for (size_t i = 0; i < 4; i++) {
        cursor = cursor_of(bad[i]);
        assert_int_equal(report_take_ip(&cursor).family, IP_NONE);
        assert_true(cursor.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
