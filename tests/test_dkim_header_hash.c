/* test_dkim_header_hash.c - our own header hash against libopendkim's, on the messages of the
 * suites. */
#include "dkim_engine.h"
#include "dkim_header_hash.h"
#include "fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum { FIELDS_MAX = 100 };

/* The fields of a message with CRLF folds. */
static size_t split(struct arena *arena, struct bytes message, struct dkim_header_field *fields)
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i + 2 < message.len && count < FIELDS_MAX; i++) {
        if (memcmp(message.data + i, "\r\n", 2) != 0 || is_wsp(message.data[i + 2]))
            continue;
        struct bytes text = arena_bytes(arena, bytes_slice(message, start, i - start));
        struct bytes name = bytes_trim(bytes_slice(text, 0, bytes_find(text, ':')));
        if (text.len == 0)
            break;
        fields[count++] = (struct dkim_header_field){text, name.len};
        start = i + 2;
    }
    return count;
}

/* Hashes one signature both ways; false when the library is not to see it. */
static bool compare(struct arena *arena, const struct dkim_header_field *fields, size_t count,
                    size_t own, const char *id)
{
    struct dkim_signature_field signature;
    struct bytes text = fields[own].text;
    struct bytes value = bytes_slice(text, bytes_find(text, ':') + 1, text.len);
    struct dkim_hashes hashes;
    uint8_t ours[SHA256_OCTETS];
    dkim_signature_parse(arena, value, &signature);
    if (!dkim_engine_accepts(&signature, value))
        return false;
    struct dkim_engine *engine = dkim_engine_new();
    for (size_t i = 0; i < count; i++) {
        if (i == own || fields[i].name_len != strlen("DKIM-Signature"))
            dkim_engine_field(engine, fields[i].text);
    }
    dkim_engine_end_of_headers(engine);
    for (int line = 0; line < 1000; line++) /* a body as long as any l= of the suites */
        dkim_engine_body(engine, BYTES("line\r\n"));
    dkim_engine_end_of_body(engine);
    assert_true(dkim_engine_hashes(engine, 0, &hashes));
    assert_true(dkim_header_hash(arena, fields, count, own, &signature, ours));
    if (memcmp(hashes.header, ours, SHA256_OCTETS) != 0)
        fail_msg("%s: hashes differ", id);
    dkim_engine_free(engine);
    return true;
}

static size_t compare_suite(const char *path)
{
    json_t *suite = load_json(path);
    json_t *one;
    size_t i, compared = 0;
    json_array_foreach(json_object_get(suite, "cases"), i, one)
    {
        struct arena *arena = arena_new(1 << 26);
        struct dkim_header_field fields[FIELDS_MAX];
        size_t count = split(arena, json_octets(arena, json_object_get(one, "message")), fields);
        for (size_t k = 0; k < count; k++) {
            struct bytes name = bytes_slice(fields[k].text, 0, fields[k].name_len);
            if (bytes_is(name, "DKIM-Signature"))
                compared +=
                    compare(arena, fields, count, k, json_string_value(json_object_get(one, "id")));
        }
        arena_free(arena);
    }
    json_decref(suite);
    return compared;
}

static void both_hashes_agree(void **state)
{
    (void)state;
    assert_true(dkim_engine_global_init());
    assert_int_equal(compare_suite("dkim-rfc/cases.json"), 3);
    assert_int_equal(compare_suite("dkim-mailauth/cases.json"), 2);
    assert_int_equal(compare_suite("dkim-dkimpy/cases.json"), 31);
    assert_int_equal(compare_suite("dkim-opendkim/verify.json"), 34);
    dkim_engine_global_cleanup();
}

static void relaxed_and_simple(void **state)
{
    static const struct {
        const char *c, *name, *field, *canonical;
    } cases[] = {
        {"simple/simple", "To", "tO: x \r\n\ty", "tO: x \r\n\ty\r\n"},
        {"relaxed/simple", "To", "tO \t: x \r\n\ty ", "to:x y\r\n"},
        {"relaxed/simple", "To", "To:", "to:\r\n"},
        {"relaxed/simple", "To", "To:\r\n \t", "to:\r\n"},
        {"relaxed/simple", "Cc", "To: x", ""},
        {"relaxed/simple", "To", "To: a\v b\f", "to:a\v b\f\r\n"}, /* WSP is SP and HTAB */
        {"relaxed/simple", "To", "To: a\rb\r\nc\r", "to:a\rb\r\nc\r\r\n"},
        {"relaxed/simple", "To", "To: a\r\r\n b", "to:a\r b\r\n"},
    };
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dkim_signature_field signature, bare;
        uint8_t direct[SHA256_OCTETS], whole[SHA256_OCTETS];
        bool relaxed = cases[i].c[0] == 'r';
        struct bytes own = bytes_of(
            arena_printf(arena, "DKIM-Signature: v=1; c=%s; h=%s", cases[i].c, cases[i].name));
        struct bytes field = bytes_of(cases[i].field);
        struct bytes name = bytes_trim(bytes_slice(field, 0, bytes_find(field, ':')));
        dkim_signature_parse(arena, bytes_slice(own, 15, own.len), &signature);
        const struct dkim_header_field fields[] = {{field, name.len}, {own, 14}};
        assert_true(dkim_header_hash(arena, fields, 2, 1, &signature, whole));

        /* the same octets as one simple field, with nothing selected */
        bare = signature;
        bare.signed_count = 0;
        bare.relaxed_header = false;
        const char *expected =
            arena_printf(arena, "%s%s%s", cases[i].canonical,
                         relaxed ? "dkim-signature:" : "DKIM-Signature: ", own.data + 16);
        const struct dkim_header_field flat = {bytes_of(expected), 1};
        assert_true(dkim_header_hash(arena, &flat, 1, 0, &bare, direct));
        assert_memory_equal(direct, whole, SHA256_OCTETS);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_hashes_agree),
        cmocka_unit_test(relaxed_and_simple),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
