/* test_config_value.c - the grammar of lines and values in assay.conf. */
#include "config_internal.h"
#include "unit.h"

#include <string.h>

enum {
    ARENA_LIMIT = 1 << 20,
};

static void lines_are_split(void **state)
{
    (void)state;
    struct bytes rest = BYTES("one\r\n\ntwo"), line;
    assert_true(value_next_line(&rest, &line));
    assert_true(bytes_equal(line, BYTES("one")));
    assert_true(value_next_line(&rest, &line));
    assert_int_equal(line.len, 0);
    assert_true(value_next_line(&rest, &line));
    assert_true(bytes_equal(line, BYTES("two")));
    assert_false(value_next_line(&rest, &line));
}

static const struct {
    const char *line, *without;
} comment_cases[] = {
    {"", ""},
    {"# all", ""},
    {"  # all", ""},
    {"Mode monitor", "Mode monitor"},
    {" Mode monitor  # why", "Mode monitor"},
    {"RejectText see http://a/#b", "RejectText see http://a/#b"},
    {"RejectText \"a # b\" # c", "RejectText \"a # b\""},
    {"RejectText \"a \\\" # b\" # c", "RejectText \"a \\\" # b\""},
    {"RejectText \"open # b", "RejectText \"open # b"},
};

static void comments_are_dropped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(comment_cases) / sizeof(comment_cases[0]); i++) {
        struct bytes got = value_strip_comment(bytes_of(comment_cases[i].line));
        if (!bytes_equal(got, bytes_of(comment_cases[i].without)))
            fail_msg("'%s': got '%.*s'", comment_cases[i].line, BYTES_ARGS(got));
    }
}

static const struct {
    const char *text;
    bool is_list;
    const char *items; /* with "|" between; NULL: wrong */
} split_cases[] = {
    {"one", false, "one"},
    {"one two, three", false, "one two, three"},
    {"\"one, \\\"two\\\" \\\\ \"", false, "one, \"two\" \\ "},
    {"\"\"", false, ""},
    {"a\\b", false, "a\\b"},
    {"one", true, "one"},
    {"one,two ,  three", true, "one|two|three"},
    {"\"a,b\", c", true, "a,b|c"},
    {"a, \"b\"", true, "a|b"},
    {"\"one", false, NULL},
    {"\"one\\\"", false, NULL},
    {"one \"two\"", false, NULL},
    {"\"one\" two", false, NULL},
    {"\"one\", two", false, NULL},
    {"a,,b", true, NULL},
    {"a,", true, NULL},
    {",a", true, NULL},
    {"\"a\" b, c", true, NULL},
};

static void values_are_split_and_written_back(void **state)
{
    const struct source source = {.name = "test"};
    (void)state;
    for (size_t i = 0; i < sizeof(split_cases) / sizeof(split_cases[0]); i++) {
        struct arena *arena = arena_new(ARENA_LIMIT);
        struct strbuf got, written;
        struct item *items;
        size_t count;
        strbuf_init(&got, arena);
        strbuf_init(&written, arena);
        const char *wrong = value_split(arena, bytes_of(split_cases[i].text),
                                        split_cases[i].is_list, &source, &items, &count);
        if ((wrong == NULL) != (split_cases[i].items != NULL))
            fail_msg("'%s': %s", split_cases[i].text, wrong ? wrong : "accepted");
        for (size_t j = 0; !wrong && j < count; j++) {
            strbuf_puts(&got, j ? "|" : "");
            strbuf_bytes(&got, items[j].text);
            strbuf_puts(&written, j ? ", " : "");
            value_quote(&written, items[j].text, split_cases[i].is_list);
        }
        if (!wrong) {
            size_t again_count;
            assert_string_equal(strbuf_string(&got), split_cases[i].items);
            struct item *again;
            assert_null(value_split(arena, strbuf_view(&written), split_cases[i].is_list, &source,
                                    &again, &again_count));
            assert_int_equal(again_count, count);
            for (size_t j = 0; j < count; j++)
                assert_true(bytes_equal(again[j].text, items[j].text));
        }
        arena_free(arena);
    }
}

static void a_list_may_be_long(void **state)
{
    (void)state;
    const struct source source = {.name = "test"};
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct strbuf text;
    struct item *items;
    size_t count;
    strbuf_init(&text, arena);
    for (unsigned i = 0; i < 1000; i++)
        strbuf_printf(&text, "%si%u", i ? "," : "", i);
    assert_null(value_split(arena, strbuf_view(&text), true, &source, &items, &count));
    assert_int_equal(count, 1000);
    assert_true(bytes_equal(items[999].text, BYTES("i999")));
    arena_free(arena);
}

static void booleans(void **state)
{
    static const char *const yes[] = {"yes", "TRUE", "On", "1"};
    static const char *const no[] = {"no", "False", "OFF", "0"};
    static const char *const neither[] = {"", "y", "2", "yes ", "enable"};
    bool value;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(value_bool(bytes_of(yes[i]), &value) && value);
        assert_true(value_bool(bytes_of(no[i]), &value) && !value);
    }
    for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++)
        assert_false(value_bool(bytes_of(neither[i]), &value));
}

static const struct {
    const char *text;
    int64_t time, size; /* -1: wrong */
} quantity_cases[] = {
    {"0", 0, 0},
    {"5", 5000000, 5},
    {"5s", 5000000, -1},
    {"5 S", 5000000, -1},
    {"500ms", 500000, -1},
    {"2m", 120000000, 2 << 20},
    {"1h", INT64_C(3600000000), -1},
    {"64K", -1, 64 << 10},
    {"64k", -1, 64 << 10},
    {"3G", -1, INT64_C(3) << 30},
    {"", -1, -1},
    {"s", -1, -1},
    {"-1", -1, -1},
    {"+1", -1, -1},
    {"1.5s", -1, -1},
    {"1x", -1, -1},
    {"0x10", -1, -1},
    {"9223372036854775807", -1, INT64_MAX},
    {"9223372036854775808", -1, -1},
    {"99999999999999999999h", -1, -1},
    {"9999999999999999G", -1, -1},
};

static void times_and_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(quantity_cases) / sizeof(quantity_cases[0]); i++) {
        int64_t time = -1, size = -1;
        bool is_time = value_time(bytes_of(quantity_cases[i].text), &time);
        bool is_size = value_size(bytes_of(quantity_cases[i].text), &size);
        if (is_time != (quantity_cases[i].time >= 0) || time != quantity_cases[i].time)
            fail_msg("time '%s': got %lld", quantity_cases[i].text, (long long)time);
        if (is_size != (quantity_cases[i].size >= 0) || size != quantity_cases[i].size)
            fail_msg("size '%s': got %lld", quantity_cases[i].text, (long long)size);
    }
}

static void octal_modes(void **state)
{
    unsigned mode;
    (void)state;
    assert_true(value_octal(BYTES("0660"), &mode));
    assert_int_equal(mode, 0660);
    assert_true(value_octal(BYTES("7"), &mode));
    assert_int_equal(mode, 7);
    assert_false(value_octal(BYTES(""), &mode));
    assert_false(value_octal(BYTES("0668"), &mode));
    assert_false(value_octal(BYTES("-1"), &mode));
    assert_false(value_octal(BYTES("0000000660"), &mode));
}

static void reject_texts(void **state)
{
    (void)state;
    char longest[302];
    memset(longest, 'x', sizeof(longest));
    assert_null(value_check_reject_text(BYTES("{Domain}: {reason} {policy} [{queue-id}] }")));
    assert_null(value_check_reject_text((struct bytes){longest, 300}));
    assert_non_null(value_check_reject_text((struct bytes){longest, 301}));
    assert_non_null(value_check_reject_text(BYTES("")));
    assert_non_null(value_check_reject_text(BYTES("{from}")));
    assert_non_null(value_check_reject_text(BYTES("{")));
    assert_non_null(value_check_reject_text(BYTES("Gr\xc3\xbc\xc3\x9f"
                                                  "e")));
    assert_non_null(value_check_reject_text(BYTES("a\r\n250 ok")));
}

static void field_names(void **state)
{
    (void)state;
    assert_true(value_is_field_name(BYTES("X-Spam-Flag")));
    assert_false(value_is_field_name(BYTES("")));
    assert_false(value_is_field_name(BYTES("X:Y")));
    assert_false(value_is_field_name(BYTES("X Y")));
    assert_false(value_is_field_name(BYTES("X-\xc3\xbc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_split),
        cmocka_unit_test(comments_are_dropped),
        cmocka_unit_test(values_are_split_and_written_back),
        cmocka_unit_test(a_list_may_be_long),
        cmocka_unit_test(booleans),
        cmocka_unit_test(times_and_sizes),
        cmocka_unit_test(octal_modes),
        cmocka_unit_test(reject_texts),
        cmocka_unit_test(field_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
