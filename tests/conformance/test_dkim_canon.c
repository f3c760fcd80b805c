/* test_dkim_canon.c - canonicalisation vectors (dkim-canon) through the whole verifier.
 *
 * A message with the vector's input is signed over the vector's expected
 * canonical form; it verifies exactly when we canonicalise to the same octets.
 */
#include "dkim_harness.h"
#include "dkim_signature.h"
#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* Simple bodies with a lone LF. RFC 5322 2.3
 * forbids both and RFC 6376 5.3 wants them converted before signing; go-msgauth
 * repairs LF to CRLF. To us they are octets like others, so the hash differs. */
static const char *const lone_line_ends[] = {"gma-sb-6", "gma-sb-9"};

static bool is_repaired(const char *id)
{
    for (size_t i = 0; i < sizeof(lone_line_ends) / sizeof(lone_line_ends[0]); i++) {
        if (strcmp(lone_line_ends[i], id) == 0)
            return true;
    }
    return false;
}

static struct bytes body_message(struct dkim_test *test, const char *algorithm, struct bytes input,
                                 struct bytes canonical)
{
    const char *tags = arena_printf(
        test->arena, "a=ed25519-sha256; c=relaxed/%s; d=example.com; s=ed; h=from", algorithm);
    struct bytes signature =
        dkim_test_sign(test, test->ed25519, tags, true, BYTES("from:a@example.com\r\n"), canonical);
    struct bytes header = dkim_test_join(test, signature, BYTES("From: a@example.com\r\n\r\n"));
    return dkim_test_join(test, header, input);
}

/* The names of the canonical fields, in their order, as h= wants them. */
static const char *names_of(struct arena *arena, struct bytes fields)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    for (size_t start = 0; start < fields.len;) {
        struct bytes rest = bytes_slice(fields, start, fields.len);
        strbuf_bytes(&buf, bytes_slice(rest, 0, bytes_find(rest, ':')));
        strbuf_putc(&buf, ':');
        start += bytes_find(rest, '\n') + 1;
    }
    strbuf_puts(&buf, "from");
    return strbuf_string(&buf);
}

static struct bytes header_message(struct dkim_test *test, const char *algorithm,
                                   struct bytes input, struct bytes canonical)
{
    const char *tags =
        arena_printf(test->arena, "a=ed25519-sha256; c=%s/simple; d=example.com; s=ed; h=%s",
                     algorithm, names_of(test->arena, canonical));
    bool relaxed = strcmp(algorithm, "relaxed") == 0;
    struct bytes from =
        relaxed ? BYTES("from:a@example.com\r\n") : BYTES("From: a@example.com\r\n");
    struct bytes signature = dkim_test_sign(test, test->ed25519, tags, relaxed,
                                            dkim_test_join(test, canonical, from), BYTES("\r\n"));
    struct bytes header = dkim_test_join(test, signature, input);
    return dkim_test_join(test, header, BYTES("From: a@example.com\r\n\r\n\r\n"));
}

static void vectors(void **state)
{
    json_t *suite = load_json("dkim-canon/open.json");
    json_t *one;
    size_t i, good = 0, repaired = 0;
    (void)state;
    json_array_foreach(json_object_get(suite, "cases"), i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        const char *part = json_string_value(json_object_get(one, "part"));
        const char *algorithm = json_string_value(json_object_get(one, "algo"));
        struct dkim_test test;
        dkim_test_begin(&test);
        struct bytes input = json_octets(test.arena, json_object_get(one, "input"));
        struct bytes canonical = json_octets(test.arena, json_object_get(one, "expect"));
        struct bytes message = strcmp(part, "body") == 0
                                   ? body_message(&test, algorithm, input, canonical)
                                   : header_message(&test, algorithm, input, canonical);
        for (test.chunk = 0; test.chunk < 4; test.chunk++) {
            dkim_test_verify(&test, message);
            const char *expected = is_repaired(id) ? "fail" : "pass";
            if (strcmp(dkim_test_result(&test, 0), expected) != 0)
                fail_msg("%s, chunks of %zu: %s (%s)", id, test.chunk, dkim_test_result(&test, 0),
                         dkim_test_reason(&test, 0));
        }
        good += !is_repaired(id);
        repaired += is_repaired(id);
        dkim_test_end(&test);
    }
    json_decref(suite);
    assert_int_equal(good, 39);
    assert_int_equal(repaired, 2);
    report_cases("dkim-canon", good, repaired);
}

static void c_tag(void **state)
{
    static const char base[] = "v=1; a=rsa-sha256; d=example.com; s=s; h=from; b=AAAA;"
                               " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    json_t *suite = load_json("dkim-canon/open.json");
    struct arena *arena = arena_new(1 << 20);
    json_t *one;
    size_t i, cases = 0;
    (void)state;
    json_array_foreach(json_object_get(suite, "c_tag"), i, one)
    {
        const char *c = json_string_value(json_object_get(one, "c"));
        json_t *expect = json_object_get(one, "expect");
        const char *value =
            strcmp(c, "absent") == 0 ? base : arena_printf(arena, "%s; c=%s", base, c);
        struct dkim_signature_field field;
        dkim_signature_parse(arena, bytes_of(value), &field);
        assert_int_equal(field.result, json_is_null(expect) ? AUTH_NEUTRAL : AUTH_NONE);
        if (!json_is_null(expect)) {
            const char *header = json_string_value(json_array_get(expect, 0));
            const char *body = json_string_value(json_array_get(expect, 1));
            assert_int_equal(field.relaxed_header, strcmp(header, "relaxed") == 0);
            assert_int_equal(field.relaxed_body, strcmp(body, "relaxed") == 0);
        }
        cases++;
    }
    arena_free(arena);
    json_decref(suite);
    assert_int_equal(cases, 9);
    report_cases("dkim-canon, c=", cases, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(c_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
