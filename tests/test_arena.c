/* test_arena.c - memory of one message. */
#include "arena.h"

#include "unit.h"

#include <stdalign.h>
#include <string.h>

static void test_memory_is_zeroed_and_aligned(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    for (size_t size = 0; size < 20000; size = size * 2 + 1) {
        unsigned char *memory = arena_alloc(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    assert_false(arena_failed(arena));
    arena_free(arena);
    arena_free(NULL);
}

static void test_objects_do_not_overlap(void **state)
{
    enum { COUNT = 2000 };
    static unsigned char *objects[COUNT];
    struct arena *arena = arena_new(16 << 20);
    (void)state;
    for (size_t i = 0; i < COUNT; i++) { /* small ones, with large ones between */
        objects[i] = arena_alloc(arena, i % 50 == 0 ? 9000 : i % 97 + 1);
        memset(objects[i], (int)(i % 251), i % 50 == 0 ? 9000 : i % 97 + 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < (i % 50 == 0 ? 9000 : i % 97 + 1); k++)
            assert_int_equal(objects[i][k], i % 251);
    }
    arena_free(arena);
}

/* What failed elsewhere ends the message as well. */
static void test_fail(void **state)
{
    struct arena *arena = arena_new(160);
    (void)state;
    arena_fail(arena);
    assert_true(arena_failed(arena));
    assert_null(arena_alloc(arena, 1));
    arena_free(arena);
}

static void test_limit(void **state)
{
    struct arena *arena = arena_new(160);
    (void)state;
    assert_non_null(arena_alloc(arena, 96));
    assert_int_equal(arena_used(arena), 96);
    assert_false(arena_failed(arena));
    assert_null(arena_alloc(arena, 65));
    assert_true(arena_failed(arena));
    assert_null(arena_alloc(arena, 1)); /* a failure lasts, so that none is missed */
    arena_reset(arena);
    assert_false(arena_failed(arena));
    assert_int_equal(arena_used(arena), 0);
    assert_non_null(arena_alloc(arena, 160));
    assert_null(arena_alloc(arena, 1));
    arena_free(arena);
}

/* What counts is the memory that is really taken. */
static void test_limit_for_small_objects(void **state)
{
    struct arena *arena = arena_new(16000);
    size_t count = 0;
    (void)state;
    while (arena_alloc(arena, 1))
        count++;
    assert_true(count <= 16000 / alignof(max_align_t));
    arena_free(arena);
}

static void test_impossible_sizes(void **state)
{
    static const struct {
        size_t count, size;
    } rows[] = {
        {SIZE_MAX, 1}, {1, SIZE_MAX}, {SIZE_MAX / 2, 3}, {(size_t)1 << 33, (size_t)1 << 33}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *arena = arena_new(SIZE_MAX);
        assert_null(arena_array(arena, rows[i].count, rows[i].size));
        assert_true(arena_failed(arena));
        arena_reset(arena);
        assert_null(arena_alloc(arena, SIZE_MAX));
        assert_null(arena_copy(arena, "", SIZE_MAX));
        arena_free(arena);
    }
    struct arena *arena = arena_new(100);
    assert_non_null(arena_array(arena, 0, 8));
    assert_non_null(arena_array(arena, 8, 0));
    assert_false(arena_failed(arena));
    arena_free(arena);
}

static void test_copies_end_in_nul(void **state)
{
    struct arena *arena = arena_new(1000);
    (void)state;
    char *copy = arena_copy(arena, "a\0bc", 3);
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(arena_copy(arena, NULL, 0), "");
    struct bytes view = arena_bytes(arena, BYTES("xyz"));
    assert_int_equal(view.len, 3);
    assert_string_equal(view.data, "xyz");
    assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_printf(arena, "%s", ""), "");
    arena_free(arena);
    arena = arena_new(16);
    assert_int_equal(arena_bytes(arena, BYTES("0123456789abcdef")).len,
                     0); /* no room for the NUL */
    assert_true(arena_failed(arena));
    assert_null(arena_printf(arena, "%s", ""));
    arena_free(arena);
}

static void test_reset_forgets_large_blocks(void **state)
{
    struct arena *arena = arena_new(100 << 20);
    (void)state;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 20; i++)
            memset(arena_alloc(arena, 100000), round, 100000);
        memset(arena_alloc(arena, 10), round, 10);
        arena_reset(arena);
        unsigned char *memory = arena_alloc(arena, 8000);
        for (size_t k = 0; k < 8000; k++)
            assert_int_equal(memory[k], 0); /* reused memory is zeroed as well */
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_objects_do_not_overlap),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_for_small_objects),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_copies_end_in_nul),
        cmocka_unit_test(test_reset_forgets_large_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
