/* test_report_row_codec.c - a row as octets, and back. */
#include "report_codec.h"
#include "report_row.h"
#include "unit.h"

#include <string.h>

struct scene {
    struct arena *arena;
    struct report_signature signatures[2];
};

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->arena = arena_new(1 << 24);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    arena_free(scene->arena);
    test_free(scene);
    return 0;
}

static void assert_text(struct bytes found, const char *expected)
{
    if (!bytes_equal(found, bytes_of(expected)))
        fail_msg("\"%.*s\", expected \"%s\"", BYTES_ARGS(found), expected);
}

static struct bytes encode(struct arena *arena, const struct report_row *row)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    report_row_encode(row, &buf);
    return strbuf_view(&buf);
}

static void assert_same(struct bytes a, struct bytes b)
{
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
}

/* Something in every field, in every array two. */
static struct report_row full_row(struct scene *scene)
{
    struct report_row row = {
        .time = 1700000000,
        .queue_id = BYTES("4BTq1"),
        .policy = {.domain = BYTES("example.com"),
                   .p = DMARC_POLICY_QUARANTINE,
                   .sp = DMARC_POLICY_NONE,
                   .np = DMARC_POLICY_REJECT,
                   .strict_dkim = true,
                   .strict_spf = true,
                   .testing = true,
                   .psd = true,
                   .fo = BYTES("1:d"),
                   .error = BYTES("malformed tag"),
                   .rua = {BYTES("mailto:a@example.com"), BYTES("mailto:b@example.com")},
                   .rua_count = 2},
        .disposition = REPORT_DISPOSITION_QUARANTINE,
        .dkim_aligned = true,
        .spf_aligned = true,
        .reasons = {{OVERRIDE_OTHER, BYTES("forwarded")}, {OVERRIDE_LOCAL_POLICY, BYTES("x")}},
        .reason_count = 2,
        .header_from = BYTES("mail.example.com"),
        .envelope_from = BYTES("bounce.example.com"),
        .signatures = scene->signatures,
        .signature_count = 2,
        .spf_domain = BYTES("spf.example.com"),
        .spf_result = AUTH_SOFTFAIL,
        .spf_reason = BYTES("~all matches"),
    };
    scene->signatures[0] =
        (struct report_signature){BYTES("example.com"), BYTES("s0"), AUTH_PASS, BYTES_EMPTY};
    scene->signatures[1] = (struct report_signature){BYTES("example.net"), BYTES("s1"), AUTH_FAIL,
                                                     BYTES("body hash did not verify")};
    assert_true(ip_parse(BYTES("2001:db8::1"), &row.source));
    return row;
}

static void test_round_trip(void **state)
{
    struct scene *scene = *state;
    const struct report_row full = full_row(scene);
    struct report_row row;
    struct bytes octets = encode(scene->arena, &full);
    assert_int_equal(octets.data[0], 1);
    assert_true(report_row_decode(scene->arena, octets, &row, NULL));
    assert_same(encode(scene->arena, &row), octets);
    assert_int_equal(row.time, full.time);
    assert_text(row.queue_id, "4BTq1");
    assert_text(row.policy.domain, "example.com");
    assert_int_equal(row.policy.p, DMARC_POLICY_QUARANTINE);
    assert_int_equal(row.policy.sp, DMARC_POLICY_NONE);
    assert_int_equal(row.policy.np, DMARC_POLICY_REJECT);
    assert_true(row.policy.strict_dkim && row.policy.strict_spf && row.policy.testing &&
                row.policy.psd);
    assert_text(row.policy.fo, "1:d");
    assert_text(row.policy.error, "malformed tag");
    assert_int_equal(row.policy.rua_count, 2);
    assert_text(row.policy.rua[1], "mailto:b@example.com");
    assert_true(ip_equal(&row.source, &full.source));
    assert_int_equal(row.disposition, full.disposition);
    assert_int_equal(row.reasons[0].type, OVERRIDE_OTHER);
    assert_text(row.reasons[0].comment, "forwarded");
    assert_int_equal(row.reasons[1].type, OVERRIDE_LOCAL_POLICY);
    assert_text(row.header_from, "mail.example.com");
    assert_text(row.envelope_from, "bounce.example.com");
    assert_int_equal(row.signature_count, 2);
    assert_text(row.signatures[1].domain, "example.net");
    assert_text(row.signatures[1].selector, "s1");
    assert_int_equal(row.signatures[1].result, AUTH_FAIL);
    assert_text(row.signatures[1].reason, "body hash did not verify");
    assert_int_equal(row.spf_result, AUTH_SOFTFAIL);
    assert_text(row.spf_domain, "spf.example.com");
    assert_text(row.spf_reason, "~all matches");
}

static struct report_keys keys_of(struct scene *scene, const struct report_row *row)
{
    struct report_row decoded;
    struct report_keys keys;
    assert_true(report_row_decode(scene->arena, encode(scene->arena, row), &decoded, &keys));
    return keys;
}

static void test_keys_decode_by_themselves(void **state)
{
    struct scene *scene = *state;
    struct report_policy policy;
    struct report_row tuple;
    const struct report_row row = full_row(scene);
    struct report_keys keys = keys_of(scene, &row);
    assert_true(report_policy_decode(keys.policy, &policy));
    assert_text(policy.domain, "example.com");
    assert_text(policy.rua[1], "mailto:b@example.com");
    assert_true(report_tuple_decode(scene->arena, keys.tuple, &tuple));
    assert_text(tuple.policy.domain, "example.com");
    assert_text(tuple.signatures[1].selector, "s1");
    assert_int_equal(tuple.time, 0);
    assert_text(tuple.queue_id, "");
    assert_false(report_policy_decode(keys.tuple, &policy));
    assert_false(report_tuple_decode(scene->arena, keys.policy, &tuple));
}

/* Each field that is counted changes the tuple's key; those of the policy both; those of the
 * message neither. */
static void test_keys_tell_rows_apart(void **state)
{
    struct scene *scene = *state;
    const struct report_row base = full_row(scene);
    struct report_keys keys = keys_of(scene, &base);
#define CHANGED(policy_differs, tuple_differs, change)                                             \
    do {                                                                                           \
        struct report_signature signatures[2] = {base.signatures[0], base.signatures[1]};          \
        struct report_row row = base;                                                              \
        row.signatures = signatures;                                                               \
        change;                                                                                    \
        struct report_keys changed = keys_of(scene, &row);                                         \
        assert_int_equal(!bytes_equal(changed.policy, keys.policy), policy_differs);               \
        assert_int_equal(!bytes_equal(changed.tuple, keys.tuple), tuple_differs);                  \
    } while (0)
    CHANGED(false, false, row.time++);
    CHANGED(false, false, row.queue_id = BYTES("other"));
    CHANGED(true, true, row.policy.domain = BYTES("example.net"));
    CHANGED(true, true, row.policy.p = DMARC_POLICY_NONE);
    CHANGED(true, true, row.policy.sp = DMARC_POLICY_UNSET);
    CHANGED(true, true, row.policy.np = DMARC_POLICY_UNSET);
    CHANGED(true, true, row.policy.strict_dkim = false);
    CHANGED(true, true, row.policy.strict_spf = false);
    CHANGED(true, true, row.policy.testing = false);
    CHANGED(true, true, row.policy.psd = false);
    CHANGED(true, true, row.policy.fo = BYTES("0"));
    CHANGED(true, true, row.policy.error = BYTES_EMPTY);
    CHANGED(true, true, row.policy.rua_count = 1);
    CHANGED(false, true, row.source.octets[15] = 2);
    CHANGED(false, true, row.disposition = REPORT_DISPOSITION_NONE);
    CHANGED(false, true, row.dkim_aligned = false);
    CHANGED(false, true, row.spf_aligned = false);
    CHANGED(false, true, row.reason_count = 1);
    CHANGED(false, true, row.reasons[0].type = OVERRIDE_MAILING_LIST);
    CHANGED(false, true, row.reasons[0].comment = BYTES_EMPTY);
    CHANGED(false, true, row.header_from = BYTES("a.example.com"));
    CHANGED(false, true, row.envelope_from = BYTES_EMPTY);
    CHANGED(false, true, row.signature_count = 1);
    CHANGED(false, true, signatures[1].domain = BYTES("x"));
    CHANGED(false, true, signatures[1].selector = BYTES("x"));
    CHANGED(false, true, signatures[1].result = AUTH_POLICY);
    CHANGED(false, true, signatures[1].reason = BYTES("x"));
    CHANGED(false, true, row.spf_domain = BYTES_EMPTY);
    CHANGED(false, true, row.spf_result = AUTH_FAIL);
    CHANGED(false, true, row.spf_reason = BYTES_EMPTY);
}

/* What lies behind the longest row still fits. */
static void test_largest_row(void **state)
{
    struct scene *scene = *state;
    char text[REPORT_URI_MAX];
    struct report_row row = full_row(scene), decoded;
    memset(text, 'x', sizeof(text));
    struct bytes name = {text, DOMAIN_MAX}, reason = {text, REPORT_TEXT_MAX};
    row.signatures = arena_array(scene->arena, REPORT_SIGNATURES_MAX, sizeof(*row.signatures));
    row.signature_count = REPORT_SIGNATURES_MAX;
    for (size_t i = 0; i < REPORT_SIGNATURES_MAX; i++)
        row.signatures[i] = (struct report_signature){name, name, AUTH_FAIL, reason};
    row.policy.rua_count = REPORT_URIS_MAX;
    for (size_t i = 0; i < REPORT_URIS_MAX; i++)
        row.policy.rua[i] = (struct bytes){text, REPORT_URI_MAX};
    struct bytes octets = encode(scene->arena, &row);
    assert_true(octets.len < REPORT_ROW_MAX);
    assert_true(report_row_decode(scene->arena, octets, &decoded, NULL));
    assert_int_equal(decoded.signature_count, REPORT_SIGNATURES_MAX);
}

/* No part of a row is a row, nothing may follow it; and any other octets that are a row
 * stand for themselves alone. */
static void test_damaged_octets(void **state)
{
    struct scene *scene = *state;
    struct report_row row = full_row(scene);
    struct bytes octets = encode(scene->arena, &row);
    char *copy = arena_copy(scene->arena, octets.data, octets.len); /* with a NUL behind */
    for (size_t len = 0; len < octets.len; len++)
        assert_false(report_row_decode(scene->arena, (struct bytes){copy, len}, &row, NULL));
    assert_false(report_row_decode(scene->arena, (struct bytes){copy, octets.len + 1}, &row, NULL));
    for (size_t i = 0; i < octets.len; i++) {
        for (int value = 0; value < 256; value++) {
            struct bytes damaged = {copy, octets.len};
            copy[i] = (char)value;
            if (report_row_decode(scene->arena, damaged, &row, NULL)) {
                struct arena *arena = arena_new(1 << 16);
                assert_same(encode(arena, &row), damaged);
                arena_free(arena);
            }
        }
        copy[i] = octets.data[i];
    }
}

static void test_decode_out_of_memory(void **state)
{
    struct scene *scene = *state;
    struct report_row row = full_row(scene);
    struct bytes octets = encode(scene->arena, &row);
    struct arena *none = arena_new(0);
    assert_false(report_row_decode(none, octets, &row, NULL));
    arena_free(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),           TEST(test_keys_decode_by_themselves),
        TEST(test_keys_tell_rows_apart), TEST(test_largest_row),
        TEST(test_damaged_octets),       TEST(test_decode_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
