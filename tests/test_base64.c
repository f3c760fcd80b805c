/* test_base64.c - base64 as RFC 6376 and RFC 4648 use it. */
#include "base64.h"

#include "unit.h"

#include <string.h>

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

/* RFC 4648 10. */
static const struct {
    const char *octets, *text;
} vectors[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct strbuf buf;
        uint8_t *octets;
        size_t len;
        strbuf_init(&buf, arena);
        base64_encode(&buf, (const uint8_t *)vectors[i].octets, strlen(vectors[i].octets));
        assert_string_equal(strbuf_string(&buf), vectors[i].text);
        assert_true(base64_decode(arena, bytes_of(vectors[i].text), &octets, &len));
        assert_int_equal(len, strlen(vectors[i].octets));
        assert_memory_equal(octets, vectors[i].octets, len);
    }
}

static void test_decoding(void **state)
{
    static const struct {
        struct bytes text;
        const char *octets; /* NULL: no base64 */
    } rows[] = {
        {BYTES("Zg"), "f"}, /* padding may be missing */
        {BYTES("Zm8"), "fo"},
        {BYTES(" Z\r\n m\t9 v "), "foo"}, /* FWS: RFC 6376 2.10 */
        {BYTES("Zg = ="), "f"},
        {BYTES("+/+/"), "\xfb\xff\xbf"},
        {BYTES("\r\n "), ""},
        {BYTES("Z"), NULL},
        {BYTES("Zm9vY"), NULL},
        {BYTES("Zg="), NULL},
        {BYTES("Zg==="), NULL},
        {BYTES("Zm8=="), NULL},
        {BYTES("Zm9v="), NULL},
        {BYTES("Zm9v===="), NULL},
        {BYTES("="), NULL},
        {BYTES("===="), NULL},
        {BYTES("Zg==Zg=="), NULL},
        {BYTES("Z=g="), NULL},
        {BYTES("Zm9v!"), NULL},
        {BYTES("Zm-_"), NULL}, /* the URL alphabet is another one */
        {BYTES("Zm9v\0"), NULL},
        {BYTES("Zm\v9v"), NULL},
        {BYTES("\xc3\xbc\xc3\xbc"), NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t *octets = NULL;
        size_t len = 99;
        bool good = base64_decode(arena, rows[i].text, &octets, &len);
        if (good != (rows[i].octets != NULL))
            fail_msg("<%.*s>: %d", BYTES_ARGS(rows[i].text), good);
        if (good) {
            assert_int_equal(len, strlen(rows[i].octets));
            assert_memory_equal(octets, rows[i].octets, len);
        }
    }
}

static void test_round_trip(void **state)
{
    uint8_t data[300];
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 151 + 7);
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct strbuf buf;
        uint8_t *octets;
        size_t octets_len;
        strbuf_init(&buf, arena);
        base64_encode(&buf, data, len);
        assert_int_equal(buf.len, (len + 2) / 3 * 4);
        assert_true(base64_decode(arena, strbuf_view(&buf), &octets, &octets_len));
        assert_int_equal(octets_len, len);
        assert_memory_equal(octets, data, len);
        arena_reset(arena);
    }
}

static void test_out_of_memory(void **state)
{
    struct arena *none = arena_new(0);
    uint8_t *octets;
    size_t len;
    (void)state;
    assert_false(base64_decode(none, BYTES("Zm9v"), &octets, &len));
    assert_true(arena_failed(none));
    arena_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
