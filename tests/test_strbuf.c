/* test_strbuf.c - a string that grows in an arena. */
#include "strbuf.h"

#include "unit.h"

#include <string.h>

static void test_empty(void **state)
{
    struct arena *arena = arena_new(100);
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, arena);
    assert_string_equal(strbuf_string(&buf), "");
    assert_int_equal(strbuf_view(&buf).len, 0);
    strbuf_truncate(&buf, 0);
    strbuf_truncate(&buf, 10);
    assert_int_equal(arena_used(arena), 0);
    strbuf_puts(&buf, "");
    strbuf_puts(&buf, NULL);
    strbuf_add(&buf, NULL, 0);
    assert_string_equal(strbuf_string(&buf), "");
    arena_free(arena);
}

static void test_appending(void **state)
{
    struct arena *arena = arena_new(10000);
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, arena);
    strbuf_add(&buf, "abc", 2);
    strbuf_bytes(&buf, BYTES("c\0d"));
    strbuf_putc(&buf, 'e');
    strbuf_puts(&buf, "fg");
    strbuf_printf(&buf, "%d%s", 42, "!");
    strbuf_printf(&buf, "%s", "");
    assert_int_equal(buf.len, 11);
    assert_memory_equal(strbuf_string(&buf), "abc\0defg42!", 12);
    strbuf_truncate(&buf, 100);
    assert_int_equal(buf.len, 11);
    strbuf_truncate(&buf, 2);
    assert_string_equal(strbuf_string(&buf), "ab");
    strbuf_puts(&buf, "x");
    assert_string_equal(strbuf_string(&buf), "abx");
    strbuf_truncate(&buf, 0);
    assert_string_equal(strbuf_string(&buf), "");
    arena_free(arena);
}

/* The content survives every growth, and the NUL always has its place. */
static void test_growth(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 200; piece++) {
        struct arena *arena = arena_new(1 << 20);
        struct strbuf buf;
        char text[200];
        memset(text, 'x', sizeof(text));
        text[piece] = '\0';
        strbuf_init(&buf, arena);
        for (size_t i = 1; i <= 30; i++) {
            if (i % 2)
                strbuf_puts(&buf, text);
            else
                strbuf_printf(&buf, "%s", text);
            assert_int_equal(buf.len, i * piece);
            assert_int_equal(strlen(strbuf_string(&buf)), i * piece);
            assert_true(buf.len < buf.capacity);
        }
        arena_free(arena);
    }
}

static void test_failure_is_sticky(void **state)
{
    struct arena *arena = arena_new(200);
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "abc");
    strbuf_printf(&buf, "%500s", "");
    assert_true(buf.failed);
    assert_true(arena_failed(arena));
    assert_string_equal(strbuf_string(&buf), ""); /* never half a string */
    assert_int_equal(strbuf_view(&buf).len, 0);
    strbuf_puts(&buf, "d");
    strbuf_putc(&buf, 'e');
    strbuf_printf(&buf, "f");
    assert_string_equal(strbuf_string(&buf), "");
    arena_free(arena);
}

static void test_join(void **state)
{
    struct arena *arena = arena_new(1 << 16);
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, arena);
    strbuf_join(&buf, "a", "", "bc", NULL);
    strbuf_join(&buf, NULL, NULL);
    strbuf_join(&buf, "d", NULL);
    assert_string_equal(strbuf_string(&buf), "abcd");
    arena_free(arena);
}

/* Texts of every length around the room that there is. */
static void test_printf_at_the_edge(void **state)
{
    static const char digits[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    for (size_t before = 0; before < 68; before++) {
        for (size_t len = 0; len < 68; len++) {
            struct strbuf buf;
            strbuf_init(&buf, arena);
            strbuf_add(&buf, digits, before);
            strbuf_printf(&buf, "%.*s", (int)len, digits);
            strbuf_printf(&buf, "%s", "");
            assert_int_equal(buf.len, before + len);
            assert_memory_equal(strbuf_string(&buf), digits, before);
            assert_memory_equal(strbuf_string(&buf) + before, digits, len);
            assert_int_equal(strbuf_string(&buf)[before + len], 0);
            arena_reset(arena);
        }
    }
    arena_free(arena);
}

static void test_room(void **state)
{
    struct arena *arena = arena_new(1 << 16), *tight = arena_new(100);
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "ab");
    memcpy(strbuf_room(&buf, 300), "cd", 2);
    strbuf_took(&buf, 2);
    assert_string_equal(strbuf_string(&buf), "abcd");
    assert_true(buf.capacity > 302);
    strbuf_init(&buf, tight);
    assert_null(strbuf_room(&buf, 300));
    strbuf_join(&buf, "x", NULL);
    strbuf_printf(&buf, "x");
    assert_string_equal(strbuf_string(&buf), "");
    assert_true(arena_failed(tight));
    arena_free(arena);
    arena_free(tight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),  cmocka_unit_test(test_appending),
        cmocka_unit_test(test_growth), cmocka_unit_test(test_failure_is_sticky),
        cmocka_unit_test(test_join),   cmocka_unit_test(test_printf_at_the_edge),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
