/* test_taglist.c - the tag=value lists of RFC 6376 3.2. */
#include "taglist.h"

#include "strbuf.h"
#include "unit.h"

#include <string.h>

enum { MAX_TAGS = 5 };

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* A parsed list as "name=value|...", or what is wrong with it. */
static const char *told(struct bytes text)
{
    struct taglist list;
    struct strbuf buf;
    const char *problem = taglist_parse(arena, text, MAX_TAGS, &list);
    if (problem)
        return problem;
    strbuf_init(&buf, arena);
    for (size_t i = 0; i < list.count; i++)
        strbuf_printf(&buf, "%s%.*s=%.*s", i ? "|" : "", BYTES_ARGS(list.tags[i].name),
                      BYTES_ARGS(list.tags[i].value));
    return strbuf_string(&buf);
}

static void test_lists(void **state)
{
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"v=1", "v=1"},
        {"v=1;", "v=1"},
        {"v=1; a=x ; b=y", "v=1|a=x|b=y"},
        {" v = 1 ;\r\n\ta\n =\tx y\r\n z ; ", "v=1|a=x y\r\n z"},
        {"p=", "p="},
        {"p=;", "p="},
        {"p= ;q=1", "p=|q=1"},
        {"a=b=c==", "a=b=c=="},
        {"a_1=x", "a_1=x"},
        {"A=1;a=2", "A=1|a=2"}, /* case-sensitive: two tags */
        {"s=\xc3\xbc", "s=\xc3\xbc"},
        {"a=1;b=2;c=3;d=4;e=5", "a=1|b=2|c=3|d=4|e=5"},
        {"a=1;b=2;c=3;d=4;e=5;", "a=1|b=2|c=3|d=4|e=5"},
        {"", "tag list is empty"},
        {" \r\n ", "tag list is empty"},
        {";", "tag list is malformed"},
        {"v=1;;", "tag list is malformed"},
        {"v", "tag list is malformed"},
        {"v=1;a", "tag list is malformed"},
        {"=1", "tag list is malformed"},
        {"1v=1", "tag list is malformed"},
        {"_v=1", "tag list is malformed"},
        {"v w=1", "tag list is malformed"},
        {"v-w=1", "tag list is malformed"},
        {"v=\x01", "tag list is malformed"},
        {"v=a\x7f", "tag list is malformed"},
        {"v=1;v=1", "tag appears twice"},
        {"v=1;a=2;v=3", "tag appears twice"},
        {"a=1;b=2;c=3;d=4;e=5;f=6", "too many tags"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = told(bytes_of(rows[i].text));
        if (strcmp(got, rows[i].told) != 0)
            fail_msg("<%s>: got <%s>, wanted <%s>", rows[i].text, got, rows[i].told);
    }
    assert_string_equal(told(BYTES("v=a\0b")), "tag list is malformed");
    assert_string_equal(told(BYTES("v=a\0")), "tag list is malformed");
    assert_string_equal(told(BYTES("\0v=a")), "tag list is malformed");
}

/* The limit holds whatever the pieces are; the array never overruns. */
static void test_many_tags(void **state)
{
    (void)state;
    for (size_t tags = 1; tags < 200; tags++) {
        struct strbuf buf;
        struct taglist list;
        strbuf_init(&buf, arena);
        for (size_t i = 0; i < tags; i++)
            strbuf_printf(&buf, "t%zu=x;", i);
        for (size_t max = 0; max < 70; max += 23) {
            struct bytes text = strbuf_view(&buf);
            const char *problem = taglist_parse(arena, text, max, &list);
            assert_true(list.count <= max);
            if (tags <= max)
                assert_null(problem);
            else
                assert_string_equal(problem, "too many tags");
        }
        arena_reset(arena);
    }
}

static void test_find(void **state)
{
    struct taglist list;
    (void)state;
    assert_null(taglist_parse(arena, BYTES("v=1; d=x.y; p="), MAX_TAGS, &list));
    assert_true(bytes_equal(*taglist_find(&list, "d"), BYTES("x.y")));
    assert_int_equal(taglist_find(&list, "p")->len, 0);
    assert_null(taglist_find(&list, "D"));
    assert_null(taglist_find(&list, ""));
    assert_null(taglist_find(&list, "dd"));
}

/* A lenient reader skips what is malformed, and finds the next tag. */
static void test_reading_on_behind_malformed_pieces(void **state)
{
    static const struct {
        enum taglist_item item;
        const char *name, *value;
    } rows[] = {
        {TAGLIST_TAG, "v", "DMARC1"},    {TAGLIST_MALFORMED, NULL, NULL},
        {TAGLIST_MALFORMED, NULL, NULL}, {TAGLIST_TAG, "p", "none"},
        {TAGLIST_MALFORMED, NULL, NULL}, {TAGLIST_TAG, "q", ""},
        {TAGLIST_END, NULL, NULL},       {TAGLIST_END, NULL, NULL},
    };
    struct cursor cursor = cursor_of(BYTES("v=DMARC1; junk ;; p = none; x=\x01=; q=; "));
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tag tag;
        assert_int_equal(taglist_next(&cursor, &tag), rows[i].item);
        if (rows[i].item != TAGLIST_TAG)
            continue;
        assert_true(bytes_equal(tag.name, bytes_of(rows[i].name)));
        assert_true(bytes_equal(tag.value, bytes_of(rows[i].value)));
    }
}

static void test_out_of_memory(void **state)
{
    struct arena *none = arena_new(0);
    struct taglist list;
    (void)state;
    assert_string_equal(taglist_parse(none, BYTES("v=1"), MAX_TAGS, &list), "out of memory");
    assert_int_equal(list.count, 0);
    assert_true(arena_failed(none));
    arena_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_many_tags),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_reading_on_behind_malformed_pieces),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
