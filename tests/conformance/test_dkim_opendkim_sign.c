/* test_dkim_opendkim_sign.c - the signing tests of OpenDKIM's library, and the signatures of RFC
 * 8463.
 *
 * Of every case the signature that was recorded is made anew from its own tags:
 * our header hash and our key must give the same b=, octet by octet. Then the
 * message is signed with our own tags: the body hash must be the recorded one,
 * h= must cover what was covered there, as far as we sign it at all, and the
 * signature must verify.
 *
 * The field itself looks different, on purpose; see differences[].
 */
#include "base64.h"
#include "dkim_fields.h"
#include "dkim_harness.h"
#include "dkim_header_hash.h"
#include "dkim_signature.h"
#include "sign_harness.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* What we do otherwise, in which cases, and why. */
static const struct {
    const char *what, *cases, *why;
} differences[] = {
    {"Received is not signed", "all",
     "RFC 6376 5.4.1 and our never-sign list: servers on the way add Received fields"},
    {"From comes first in h=, names are in lower case and in the order of SignHeaders", "all",
     "RFC 6376 3.5: the order is free; a fixed one is easier to read"},
    {"folds are LF and tab, b= without a space behind the tab", "all",
     "libmilter takes LF; RFC 6376 3.5: white space in b= is ignored"},
    {"no l=", "odk-24 odk-25 odk-26 odk-27",
     "RFC 6376 8.2: what stands behind l= may be anybody's; the body hash is the same, for l= was "
     "the whole body"},
    {"no z=", "odk-52 odk-141", "RFC 6376 3.5: diagnostic only, it doubles the header"},
};

enum { CASES = 23 };

struct sign_case {
    const char *id;
    struct bytes message;
    const char *domain, *selector, *canonicalization, *identity, *expected;
    int64_t time;
    struct signing_key *key;
};

static struct dkim_test test;

static int set_up(void **state)
{
    (void)state;
    dkim_test_begin(&test);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dkim_test_end(&test);
    return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static struct sign_case read_case(const json_t *one)
{
    const char *problem = NULL;
    struct sign_case result = {
        .id = text_of(one, "id"),
        .message = json_octets(test.arena, json_object_get(one, "message")),
        .domain = text_of(one, "domain"),
        .selector = text_of(one, "selector"),
        .canonicalization = text_of(one, "c"),
        .identity = text_of(one, "signer"),
        .expected = text_of(json_object_get(one, "expect"), "dkim_signature_value"),
        .time = json_integer_value(json_object_get(one, "time")),
        .key = signing_key_parse(bytes_of(text_of(one, "key")), &problem),
    };
    if (!result.key)
        fail_msg("%s: %s", result.id, problem);
    return result;
}

static void collect(void *fields, struct bytes name, struct bytes value)
{
    dkim_fields_add(fields, name, value);
}

static struct dkim_fields fields_of(struct bytes message)
{
    struct dkim_fields fields;
    dkim_fields_init(&fields, test.arena, 1000, SIZE_MAX);
    dkim_test_fields(message, collect, &fields);
    return fields;
}

/* Signs what the field at `own` describes; its b= without white space. */
static const char *sign_anew(const struct dkim_fields *fields, size_t own,
                             const struct dkim_signature_field *signature,
                             const struct signing_key *key)
{
    uint8_t digest[SHA256_OCTETS], *made;
    size_t len;
    struct strbuf text;
    assert_true(dkim_header_hash(test.arena, fields->items, fields->count, own, signature, digest));
    assert_true(signing_key_sign(key, test.arena, digest, &made, &len));
    strbuf_init(&text, test.arena);
    base64_encode(&text, made, len);
    return strbuf_string(&text);
}

static void b_is_reproduced(const struct sign_case *one, struct dkim_signature_field *recorded)
{
    struct dkim_fields fields = fields_of(one->message);
    collect(&fields, BYTES("DKIM-Signature"),
            bytes_of(arena_printf(test.arena, " %s", one->expected)));
    dkim_signature_parse(test.arena, dkim_field_value(fields.items[fields.count - 1]), recorded);
    const char *b = sign_anew(&fields, fields.count - 1, recorded, one->key);
    if (!bytes_equal(recorded->signature_text, bytes_of(b)))
        fail_msg("%s: b= differs: %s", one->id, b);
}

static const char *const all_headers[] = {"received", "to", "cc", "date", "subject", "message-id"};
static const char *const selected_headers[] = {"received", "from",    "to",
                                               "date",     "subject", "message-id"};
static const char *const odk_141_headers[] = {
    "from",    "reply-to",    "subject",         "date",        "to",
    "cc",      "resent-date", "resent-cc",       "in-reply-to", "references",
    "list-id", "list-help",   "list-unsubscribe"};
static const char *const cc[] = {"cc"};

/* The lists that ask for what the case's options ask for. */
static void configure(struct signing_settings *settings, const char *id)
{
    settings->sign_headers = all_headers;
    settings->sign_header_count = sizeof(all_headers) / sizeof(all_headers[0]);
    settings->oversign_headers = NULL;
    settings->oversign_header_count = 0;
    if (strcmp(id, "odk-54") == 0) {
        settings->sign_headers = selected_headers;
        settings->sign_header_count = 6;
    } else if (strcmp(id, "odk-141") == 0) {
        settings->sign_headers = odk_141_headers;
        settings->sign_header_count = sizeof(odk_141_headers) / sizeof(odk_141_headers[0]);
    } else if (strcmp(id, "odk-47") == 0) {
        settings->oversign_headers = cc;
        settings->oversign_header_count = 1;
    }
}

static size_t times_listed(const struct dkim_signature_field *field, struct bytes name)
{
    size_t count = 0;
    for (size_t i = 0; i < field->signed_count; i++)
        count += bytes_equal_nocase(field->signed_fields[i], name);
    return count;
}

/* Both list the same names as many times, but for those that we never sign. */
static void covers_the_same(const char *id, const struct dkim_signature_field *recorded,
                            const struct dkim_signature_field *ours)
{
    size_t expected = 0;
    for (size_t i = 0; i < recorded->signed_count; i++) {
        struct bytes name = recorded->signed_fields[i];
        if (dkim_sign_forbids(name)) {
            assert_int_equal(times_listed(ours, name), 0);
            continue;
        }
        expected++;
        if (times_listed(ours, name) != times_listed(recorded, name))
            fail_msg("%s: %.*s is listed %zu times", id, BYTES_ARGS(name),
                     times_listed(ours, name));
    }
    assert_int_equal(ours->signed_count, expected);
}

static void is_signed_and_verifies(const struct sign_case *one,
                                   const struct dkim_signature_field *recorded)
{
    static const size_t chunks[] = {0, 1, 997};
    for (size_t i = 0; i < 3; i++) {
        struct signing_test signing;
        struct dkim_signature_field ours;
        signing_test_begin(&signing, one->time);
        configure(&signing.settings, one->id);
        signing.chunk = chunks[i];
        assert_true(signing_test_canonicalization(&signing, one->canonicalization));
        signing_test_order(&signing, test.arena, one->key, one->domain, one->selector,
                           one->identity);
        assert_true(signing_test_sign(&signing, test.arena, one->message));
        if (!signing.made[0].value)
            fail_msg("%s: not signed: %s", one->id, signing.made[0].reason);
        dkim_signature_parse(test.arena, bytes_of(signing.made[0].value), &ours);
        assert_memory_equal(ours.body_hash, recorded->body_hash, SHA256_OCTETS);
        covers_the_same(one->id, recorded, &ours);
        assert_int_equal(ours.time, one->time);
        assert_false(ours.has_length);
        assert_true(bytes_equal(ours.identity, bytes_of(one->identity)));

        test.now = one->time;
        dkim_test_verify(
            &test, dkim_test_join(&test, signing_test_field(test.arena, signing.made[0].value),
                                  one->message));
        if (strcmp(dkim_test_reason(&test, 0), "signature verified") != 0)
            fail_msg("%s: %s", one->id, dkim_test_reason(&test, 0));
    }
}

static void opendkim_cases(void **state)
{
    json_t *suite = load_json("dkim-opendkim/sign.json");
    json_t *one;
    size_t i, reproduced = 0, verified = 0;
    (void)state;
    fake_dns_load(test.dns, json_object_get(suite, "zone"));
    json_array_foreach(json_object_get(suite, "cases"), i, one)
    {
        struct dkim_signature_field recorded;
        if (strcmp(text_of(one, "a"), "rsa-sha256") != 0)
            continue; /* RFC 8301 3.1: rsa-sha1 MUST NOT be used */
        struct sign_case sign_case = read_case(one);
        b_is_reproduced(&sign_case, &recorded);
        reproduced++;
        is_signed_and_verifies(&sign_case, &recorded);
        verified++;
        signing_key_unref(sign_case.key);
    }
    assert_int_equal(json_array_size(json_object_get(suite, "cases")), 45);
    assert_int_equal(reproduced, CASES);
    assert_int_equal(verified, CASES);
    printf("dkim-opendkim/sign: %zu of %d: b= reproduced; signed by us, hashes and h= compared, "
           "verified. Differences on purpose:\n",
           reproduced, CASES);
    for (i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
        printf("  %s (%s): %s\n", differences[i].what, differences[i].cases, differences[i].why);
    json_decref(suite);
}

/* RFC 8463 A.2, A.3: the private key and the signature that it must make. */
static void rfc8463_signature(void **state)
{
    json_t *suite = load_json("dkim-rfc/cases.json");
    const char *problem = NULL;
    struct signing_key *key = signing_key_parse(
        bytes_of(text_of(suite, "ed25519_private_key_b64_RFC8463_A.2")), &problem);
    json_t *one = json_array_get(json_object_get(suite, "cases"), 1);
    struct dkim_signature_field signature;
    (void)state;
    assert_non_null(key);
    assert_string_equal(text_of(one, "id"), "rfc8463-A.3");
    struct dkim_fields fields = fields_of(json_octets(test.arena, json_object_get(one, "message")));
    dkim_signature_parse(test.arena, dkim_field_value(fields.items[0]), &signature);
    assert_int_equal(signature.algorithm, DKIM_ED25519_SHA256);
    assert_true(
        bytes_equal(signature.signature_text, bytes_of(sign_anew(&fields, 0, &signature, key))));
    signing_key_unref(key);
    json_decref(suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opendkim_cases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rfc8463_signature, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
