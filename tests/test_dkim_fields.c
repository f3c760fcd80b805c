/* test_dkim_fields.c - collecting header fields: octets, names, limits. */
#include "bounds.h"
#include "dkim_fields.h"
#include "unit.h"

#include <string.h>

static struct arena *arena;
static struct dkim_fields fields;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    dkim_fields_init(&fields, arena, 100, 10000);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void octets_are_those_of_the_wire(void **state)
{
    static const struct {
        const char *name, *value, *text, *clean_name;
    } cases[] = {
        {"Subject", " x", "Subject: x", "Subject"},
        {"SuBject", "x", "SuBject:x", "SuBject"},
        {"Subject", "", "Subject:", "Subject"},
        {"Subject", " a\n\tb\n c", "Subject: a\r\n\tb\r\n c", "Subject"},
        {"Subject", " a\r\n\tb", "Subject: a\r\n\tb", "Subject"},
        {"Subject", "\n x", "Subject:\r\n x", "Subject"},
        {"Subject", " a\r\r\n b", "Subject: a\r\r\n b", "Subject"},
        {"Subject", " a \t", "Subject: a \t", "Subject"},
        {"Subject ", " x", "Subject : x", "Subject"},
        {"Subject\t", " x", "Subject\t: x", "Subject"},
        {"Subject", " \xc3\xbc \xff a:b;c", "Subject: \xc3\xbc \xff a:b;c", "Subject"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(dkim_fields_add(&fields, bytes_of(cases[i].name), bytes_of(cases[i].value)));
        struct dkim_header_field field = fields.items[fields.count - 1];
        assert_int_equal(fields.count, i + 1);
        assert_int_equal(field.text.len, strlen(cases[i].text));
        assert_memory_equal(field.text.data, cases[i].text, field.text.len);
        assert_true(bytes_equal(dkim_field_name(field), bytes_of(cases[i].clean_name)));
        assert_true(bytes_equal(dkim_field_value(field), bytes_of(strchr(cases[i].text, ':') + 1)));
    }
    assert_null(fields.unusable);
}

static void names_that_no_list_can_hold_are_left_out(void **state)
{
    static const char *const names[] = {"", " ", "a b", "a;b", "a:b", "s\xc3\xa9", "a\x7f", "\x01"};
    char *longest = arena_alloc(arena, HEADER_NAME_MAX + 2);
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(dkim_fields_add(&fields, bytes_of(names[i]), BYTES(" x")));
        assert_false(dkim_field_name_valid(bytes_of(names[i])));
    }
    memset(longest, 'x', HEADER_NAME_MAX + 1);
    assert_false(dkim_field_name_valid((struct bytes){longest, HEADER_NAME_MAX + 1}));
    assert_true(dkim_field_name_valid((struct bytes){longest, HEADER_NAME_MAX}));
    assert_int_equal(fields.count, 0);
    assert_null(fields.unusable);
}

static void many_fields_keep_their_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        const char *value = arena_printf(arena, "%zu", i);
        assert_true(dkim_fields_add(&fields, BYTES("A"), bytes_of(value)));
    }
    for (size_t i = 0; i < 100; i++) {
        const char *text = arena_printf(arena, "A:%zu", i);
        assert_true(bytes_equal(fields.items[i].text, bytes_of(text)));
    }
    assert_null(fields.unusable);
    assert_false(dkim_fields_add(&fields, BYTES("A"), BYTES("x")));
    assert_string_equal(fields.unusable, "header is larger than the limit");
    assert_int_equal(fields.count, 100);
}

static void octets_are_limited(void **state)
{
    struct bytes value = {arena_alloc(arena, 9999), 9999};
    (void)state;
    memset((char *)(uintptr_t)value.data, 'x', value.len);
    assert_true(dkim_fields_add(&fields, BYTES("A"), value)); /* 10,000 with its name */
    assert_null(fields.unusable);
    assert_false(dkim_fields_add(&fields, BYTES("A"), BYTES_EMPTY));
    assert_string_equal(fields.unusable, "header is larger than the limit");
}

static void nul_makes_it_unusable(void **state)
{
    (void)state;
    dkim_fields_add(&fields, BYTES("Subject"), (struct bytes){"a\0b", 3});
    assert_string_equal(fields.unusable, "header holds a NUL octet");
}

static void lack_of_memory(void **state)
{
    struct arena *tight = arena_new(64);
    (void)state;
    dkim_fields_init(&fields, tight, 100, 10000);
    assert_false(dkim_fields_add(&fields, BYTES("Subject"), BYTES(" x")));
    assert_string_equal(fields.unusable, "out of memory");
    assert_int_equal(fields.count, 0);
    arena_free(tight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(octets_are_those_of_the_wire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_no_list_can_hold_are_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_fields_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(octets_are_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nul_makes_it_unusable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lack_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
