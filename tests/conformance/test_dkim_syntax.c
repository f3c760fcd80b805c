/* test_dkim_syntax.c - tag lists, key records and signature fields of others (dkim-syntax). */
#include "base64.h"
#include "dkim_header_hash.h"
#include "dkim_key.h"
#include "dkim_signature.h"
#include "fake_dns.h"
#include "taglist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct arena *arena;

/* Calls fn for each case of one list; returns how many there are. */
static size_t each(const char *list, void (*fn)(const char *id, json_t *one))
{
    json_t *suite = load_json("dkim-syntax/cases.json");
    json_t *one;
    size_t i, count = json_array_size(json_object_get(suite, list));
    arena = arena_new(1 << 24);
    json_array_foreach(json_object_get(suite, list), i, one)
        fn(json_string_value(json_object_get(one, "id")), one);
    arena_free(arena);
    json_decref(suite);
    return count;
}

static struct bytes octets(json_t *object, const char *key)
{
    return json_octets(arena, json_object_get(object, key));
}

static void check_tag_list(const char *id, json_t *one)
{
    json_t *expect = json_object_get(one, "expect");
    struct taglist list;
    const char *problem = taglist_parse(arena, octets(one, "input"), DKIM_TAGS_MAX, &list);
    const char *name;
    json_t *value;
    if ((problem != NULL) != json_is_null(expect))
        fail_msg("%s: %s", id, problem ? problem : "is accepted");
    if (problem)
        return;
    assert_int_equal(list.count, json_object_size(expect));
    json_object_foreach(expect, name, value)
    {
        const struct bytes *found = taglist_find(&list, name);
        assert_non_null(found);
        assert_true(bytes_equal(*found, json_octets(arena, value)));
    }
}

static void tag_lists(void **state)
{
    (void)state;
    assert_int_equal(each("tag_list", check_tag_list), 7);
    report_cases("dkim-syntax, tag lists", 7, 0);
}

/* Both are disputed in the suite itself. */
static const char *key_problem_instead(const char *id)
{
    if (strcmp(id, "kr-3") == 0) /* RFC 6376 3.2 with FWS of 2.8: white space may end the list */
        return "key is revoked";
    if (strcmp(id, "kr-11") == 0) /* RFC 6376 3.2: no empty tag-spec, so no ";;" */
        return "key record is malformed";
    return NULL;
}

static bool contains(json_t *list, const char *word)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(one), word) == 0)
            return true;
    }
    return false;
}

static void check_key_tags(const struct dkim_key *key, json_t *expect)
{
    json_t *hashes = json_object_get(expect, "h");
    json_t *services = json_object_get(expect, "s");
    json_t *flags = json_object_get(expect, "t");
    bool ed25519 = strcmp(json_string_value(json_object_get(expect, "k")), "ed25519") == 0;
    assert_int_equal(key->type, ed25519 ? DKIM_KEY_ED25519 : DKIM_KEY_RSA);
    assert_int_equal(key->allows_sha256, !hashes || contains(hashes, "sha256"));
    assert_int_equal(key->allows_email,
                     !services || contains(services, "email") || contains(services, "*"));
    assert_int_equal(key->testing, contains(flags, "y"));
    assert_int_equal(key->strict_domain, contains(flags, "s"));
    assert_non_null(key->pkey);
}

static void check_key(const char *id, json_t *one)
{
    json_t *expect = json_object_get(one, "expect");
    struct dkim_key key;
    dkim_key_parse(arena, octets(one, "record"), &key);
    bool revoked = key.problem && strcmp(key.problem, "key is revoked") == 0;
    if (key_problem_instead(id))
        assert_string_equal(key.problem, key_problem_instead(id));
    else if (json_is_string(expect))
        assert_true(key.problem && !revoked); /* "invalid" */
    else if (json_is_true(json_object_get(expect, "revoked")))
        assert_true(revoked);
    else
        check_key_tags(&key, expect);
    dkim_key_clear(&key);
}

static void key_records(void **state)
{
    (void)state;
    assert_int_equal(each("key_record", check_key), 15);
    report_cases("dkim-syntax, key records", 13, 2);
}

static void check_signature(const char *id, json_t *one)
{
    json_t *expect = json_object_get(one, "expect");
    struct bytes header = octets(one, "header");
    bool valid = json_is_true(json_object_get(expect, "valid"));
    struct dkim_signature_field field;
    json_t *length = json_object_get(expect, "l");
    const char *domain = json_string_value(json_object_get(expect, "d"));
    const char *identity = json_string_value(json_object_get(expect, "i"));
    if (strcmp(id, "sg-16") == 0) /* disputed: RFC 6376 3.2, 3.5: "rsa - sha256", "::" in h= */
        valid = false;
    dkim_signature_parse(arena, bytes_slice(header, bytes_find(header, ':') + 1, header.len),
                         &field);
    if ((field.result == AUTH_NONE) != valid)
        fail_msg("%s: %s", id, field.reason ? field.reason : "is accepted");
    if (!valid)
        return;
    if (domain)
        assert_string_equal(domain_text(field.domain), domain);
    if (identity)
        assert_true(bytes_is(field.identity, identity));
    if (length)
        assert_int_equal(field.length, json_integer_value(length));
}

static void signatures(void **state)
{
    (void)state;
    assert_int_equal(each("signature", check_signature), 17);
    report_cases("dkim-syntax, signatures", 16, 1);
}

static void check_strip(const char *id, json_t *one)
{
    struct bytes input = octets(one, "input");
    struct bytes expect = octets(one, "expect");
    struct strbuf text, wanted;
    input.len -= 2;              /* final CRLF: no part of a field for us */
    if (strcmp(id, "sb-3") == 0) /* RFC 6376 3.2: names are case-sensitive, "B" is not "b" */
        expect = input;
    strbuf_init(&text, arena);
    strbuf_printf(&text, "DKIM-Signature:%.*s", BYTES_ARGS(input));
    strbuf_init(&wanted, arena);
    strbuf_printf(&wanted, "DKIM-Signature:%.*s", BYTES_ARGS(expect));
    struct bytes stripped = dkim_header_strip(arena, strbuf_view(&text));
    if (!bytes_equal(stripped, strbuf_view(&wanted)))
        fail_msg("%s: \"%.*s\"", id, BYTES_ARGS(stripped));
}

static void signature_removed(void **state)
{
    (void)state;
    assert_int_equal(each("strip_b", check_strip), 4);
    report_cases("dkim-syntax, b= removed", 3, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tag_lists),
        cmocka_unit_test(key_records),
        cmocka_unit_test(signatures),
        cmocka_unit_test(signature_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
