/* test_dkim_signature.c - DKIM-Signature fields: what is accepted, and what is said of the rest. */
#include "dkim_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define BODY_HASH "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 24);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct dkim_signature_field parse(const char *value)
{
    struct dkim_signature_field field;
    dkim_signature_parse(arena, bytes_of(value), &field);
    return field;
}

/* A good signature: replaces or, with a new name, adds one tag. */
static const char *with_tag(const char *name, const char *value)
{
    static const char *const tags[][2] = {
        {"v", "1"},       {"a", "rsa-sha256"}, {"d", "example.com"}, {"s", "sel"},
        {"h", "From:To"}, {"bh", BODY_HASH},   {"b", "QUJD"},
    };
    const char *text = "";
    bool found = false;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        bool replaced = strcmp(tags[i][0], name) == 0;
        found = found || replaced;
        if (replaced && !value)
            continue;
        text = arena_printf(arena, "%s%s=%s; ", text, tags[i][0], replaced ? value : tags[i][1]);
    }
    return found ? text : arena_printf(arena, "%s%s=%s", text, name, value);
}

static void all_tags_are_read(void **state)
{
    (void)state;
    struct dkim_signature_field field =
        parse(" v=1; a=ed25519-sha256; c=relaxed; d=Example.COM; s=brisbane.2;\r\n"
              "\ti=joe=20doe@Sub.example.com; q=dns/txt; l=42; t=1117574938; x=1118006938;\r\n"
              " h=From : to:Subject; z=From:foo|To:bar; unknown=x;\r\n"
              " bh=2jUSOH9NhtVGCQWNr9BrIAPr\r\n eKQjO6Sn7XIkfJVOzv8=; b=QU\r\n\t JD;\r\n");
    assert_int_equal(field.result, AUTH_NONE);
    assert_null(field.reason);
    assert_int_equal(field.algorithm, DKIM_ED25519_SHA256);
    assert_string_equal(domain_text(field.domain), "example.com");
    assert_string_equal(domain_text(field.selector), "brisbane.2");
    assert_true(bytes_equal(field.identity, BYTES("joe doe@Sub.example.com")));
    assert_string_equal(domain_text(field.identity_domain), "sub.example.com");
    assert_true(field.relaxed_header);
    assert_false(field.relaxed_body);
    assert_true(field.has_length && field.length == 42);
    assert_true(field.has_time && field.time == 1117574938);
    assert_true(field.has_expiry && field.expiry == 1118006938);
    assert_int_equal(field.signed_count, 3);
    assert_true(bytes_equal(field.signed_fields[0], BYTES("From")));
    assert_true(bytes_equal(field.signed_fields[2], BYTES("Subject")));
    assert_int_equal(field.body_hash[0], 0xda);
    assert_int_equal(field.body_hash[31], 0xff);
    assert_memory_equal(field.signature, "ABC", 3);
    assert_true(bytes_equal(field.signature_text, BYTES("QUJD")));
}

static void defaults(void **state)
{
    (void)state;
    struct dkim_signature_field field = parse(with_tag("unknown", "x"));
    assert_int_equal(field.result, AUTH_NONE);
    assert_false(field.relaxed_header || field.relaxed_body); /* RFC 6376 3.5 c= */
    assert_false(field.has_length || field.has_time || field.has_expiry);
    assert_int_equal(field.identity.len, 0);
    assert_string_equal(domain_text(field.identity_domain), "example.com");
}

/* A tag with a value, and what is said of the signature; NULL: it is good. */
static const struct {
    const char *tag, *value;
    enum auth_result result;
    const char *reason;
} cases[] = {
    /* RFC 6376 6.1.1: a required tag is missing */
    {"v", NULL, AUTH_PERMERROR, "tag v= is missing"},
    {"a", NULL, AUTH_PERMERROR, "tag a= is missing"},
    {"d", NULL, AUTH_PERMERROR, "tag d= is missing"},
    {"s", NULL, AUTH_PERMERROR, "tag s= is missing"},
    {"h", NULL, AUTH_PERMERROR, "tag h= is missing"},
    {"bh", NULL, AUTH_PERMERROR, "tag bh= is missing"},
    {"b", NULL, AUTH_PERMERROR, "tag b= is missing"},
    /* v=, a=, c=, q= */
    {"v", "2", AUTH_NEUTRAL, "version of the signature is unknown"},
    {"v", "01", AUTH_NEUTRAL, "version of the signature is unknown"},
    {"v", "", AUTH_NEUTRAL, "version of the signature is unknown"},
    {"a", "rsa-sha512", AUTH_NEUTRAL, "algorithm of the signature is unknown"},
    {"a", "rsa - sha256", AUTH_NEUTRAL, "algorithm of the signature is unknown"},
    {"a", "rsa-sha1", AUTH_PERMERROR, "rsa-sha1 is not accepted"},
    {"a", "ed25519-sha256", AUTH_NONE, NULL},
    {"c", "relaxed/simple", AUTH_NONE, NULL},
    {"c", "nowsp", AUTH_NEUTRAL, "canonicalization is unknown"},
    {"c", "simple/", AUTH_NEUTRAL, "canonicalization is unknown"},
    {"q", "dns/foo : dns/txt", AUTH_NONE, NULL},
    {"q", "dns/foo", AUTH_NEUTRAL, "no known query method in q="},
    {"q", "", AUTH_NEUTRAL, "no known query method in q="},
    /* d=, s= */
    {"d", "sub.example.com", AUTH_NONE, NULL},
    {"d", "example.com.", AUTH_NEUTRAL, "d= is no domain name"},
    {"d", "com", AUTH_NEUTRAL, "d= is no domain name"},
    {"d", "", AUTH_NEUTRAL, "d= is no domain name"},
    {"d", "exa mple.com", AUTH_NEUTRAL, "d= is no domain name"},
    {"d",
     "b\xc3\xbc"
     "cher.example",
     AUTH_NONE, NULL}, /* RFC 8616 */
    {"d", "\xff.example", AUTH_NEUTRAL, "d= is no domain name"},
    {"s", "s/../x", AUTH_NEUTRAL, "s= is no selector"},
    {"s", "a..b", AUTH_NEUTRAL, "s= is no selector"},
    {"s", "", AUTH_NEUTRAL, "s= is no selector"},
    {"s", "_under.score", AUTH_NONE, NULL},
    /* h= */
    {"h", "", AUTH_NEUTRAL, "h= is malformed"},
    {"h", "From:", AUTH_NEUTRAL, "h= is malformed"},
    {"h", "From::To", AUTH_NEUTRAL, "h= is malformed"},
    {"h", "From:a b", AUTH_NEUTRAL, "h= is malformed"},
    {"h", "to:subject", AUTH_PERMERROR, "From is not signed"},
    {"h", "Fromm:xfrom", AUTH_PERMERROR, "From is not signed"},
    {"h", "to: fROM", AUTH_NONE, NULL},
    /* bh=, b= */
    {"bh", "!", AUTH_NEUTRAL, "bh= is no base64"},
    {"bh", "QUJD", AUTH_NEUTRAL, "bh= is no SHA-256 hash"},
    {"bh", "", AUTH_NEUTRAL, "bh= is no SHA-256 hash"},
    {"b", "QUJD!", AUTH_NEUTRAL, "b= is no base64"},
    {"b", "", AUTH_NEUTRAL, "b= is no base64"},
    /* i= */
    {"i", "@example.com", AUTH_NONE, NULL},
    {"i", "\"a@b\"@example.com", AUTH_NONE, NULL},
    {"i", "a=40example.com", AUTH_NONE, NULL},
    {"i", "\xc3\xb8@example.com", AUTH_NONE, NULL},
    {"i", "@a.b.example.com", AUTH_NONE, NULL},
    {"i", "@badexample.com", AUTH_PERMERROR, "i= is not within d="},
    {"i", "@com", AUTH_PERMERROR, "i= is not within d="},
    {"i", "example.com", AUTH_NEUTRAL, "i= is malformed"},
    {"i", "", AUTH_NEUTRAL, "i= is malformed"},
    {"i", "a@", AUTH_NEUTRAL, "i= is malformed"},
    {"i", "a@example.com=", AUTH_NEUTRAL, "i= is malformed"},
    {"i", "a@example.com=4", AUTH_NEUTRAL, "i= is malformed"},
    {"i", "a=zz@example.com", AUTH_NEUTRAL, "i= is malformed"},
    /* l=, t=, x= */
    {"l", "0", AUTH_NONE, NULL},
    {"l", "00000000000000000000000000000000000000000000000000000000000000000000000000001",
     AUTH_NEUTRAL, "l= is no number"}, /* 77 digits */
    {"l", "-1", AUTH_NEUTRAL, "l= is no number"},
    {"l", "", AUTH_NEUTRAL, "l= is no number"},
    {"l", "18446744073709551614", AUTH_PERMERROR, "l= is larger than any body"},
    {"l", "99999999999999999999999999999999999999", AUTH_PERMERROR, "l= is larger than any body"},
    {"t", "abc", AUTH_NEUTRAL, "t= is no time"},
    {"t", "1234567890123", AUTH_NEUTRAL, "t= is no time"}, /* 13 digits */
    {"t", "999999999999", AUTH_NONE, NULL},
    {"x", "1e9", AUTH_NEUTRAL, "x= is no time"},
    {"x", "10; t=10", AUTH_NEUTRAL, "x= is not later than t="},
    {"x", "11; t=10", AUTH_NONE, NULL},
    /* RFC 6376 3.2 */
    {"v", "1; v=1", AUTH_NEUTRAL, "tag appears twice"},
    {"x", "1;; t=0", AUTH_NEUTRAL, "tag list is malformed"},
    {"x", "1; t", AUTH_NEUTRAL, "tag list is malformed"},
    {"x", "1; V=2", AUTH_NONE, NULL}, /* names are case-sensitive */
};

static void cases_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dkim_signature_field field = parse(with_tag(cases[i].tag, cases[i].value));
        if (field.result != cases[i].result)
            fail_msg("%s=%s: %s", cases[i].tag, cases[i].value ? cases[i].value : "(none)",
                     field.reason ? field.reason : "is good");
        if (cases[i].reason)
            assert_string_equal(field.reason, cases[i].reason);
        else
            assert_null(field.reason);
    }
}

/* What libopendkim would crash at. */
static void dangerous_fields_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse(with_tag("i", "a@example.com=")).result, AUTH_NEUTRAL);
    assert_int_equal(parse(with_tag("i", "=4@example.com")).result, AUTH_NEUTRAL);
    assert_int_equal(parse(with_tag("v", "1; v=1")).result, AUTH_NEUTRAL);
    assert_int_equal(parse(with_tag("t", "abc")).result, AUTH_NEUTRAL);
    assert_int_equal(parse(with_tag("i", "a=3D@example.com")).result, AUTH_NONE);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    char *many = arena_alloc(arena, 40000);
    memset(many, 'a', 39999);
    struct dkim_signature_field field = parse(with_tag("z", many));
    assert_string_equal(field.reason, "signature is too long");
    many[5000] = '\0';
    field = parse(with_tag("h", many));
    assert_string_equal(field.reason, "h= is too long");
    const char *tags = with_tag("n", "0");
    for (int i = 0; i < DKIM_TAGS_MAX; i++)
        tags = arena_printf(arena, "%s; n%d=0", tags, i);
    field = parse(tags);
    assert_string_equal(field.reason, "too many tags");
}

static void names_in_results_survive_refusal(void **state)
{
    (void)state;
    struct dkim_signature_field field = parse(with_tag("a", "rsa-sha1"));
    assert_string_equal(domain_text(field.domain), "example.com");
    assert_string_equal(dkim_algorithm_name(field.algorithm), "rsa-sha1");
    assert_true(bytes_equal(field.signature_text, BYTES("QUJD")));
}

static void lifetime(void **state)
{
    static const struct {
        const char *times;
        int64_t now;
        enum auth_result result;
        const char *reason;
    } lifetimes[] = {
        {"1000; x=2000", 1500, AUTH_NONE, NULL},
        {"1000; x=2000", 2300, AUTH_NONE, NULL}, /* the slack of 300 s */
        {"1000; x=2000", 2301, AUTH_FAIL, "signature expired"},
        {"1000", 700, AUTH_NONE, NULL},
        {"1000", 699, AUTH_NEUTRAL, "signature is from the future"},
        {"1000", -5, AUTH_NEUTRAL, "signature is from the future"},
        {"999999999999", 1700000000, AUTH_NEUTRAL, "signature is from the future"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
        struct dkim_signature_field field = parse(with_tag("t", lifetimes[i].times));
        dkim_signature_judge_time(&field, lifetimes[i].now, 300);
        assert_int_equal(field.result, lifetimes[i].result);
        if (lifetimes[i].reason)
            assert_string_equal(field.reason, lifetimes[i].reason);
    }
}

static void out_of_memory_is_survived(void **state)
{
    (void)state;
    const char *value = with_tag("i", "a@sub.example.com");
    for (size_t limit = 0; limit < 3000; limit += 7) {
        struct arena *small = arena_new(limit);
        struct dkim_signature_field field;
        dkim_signature_parse(small, bytes_of(value), &field);
        assert_int_equal(field.result != AUTH_NONE, arena_failed(small));
        arena_free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tags_are_read), cmocka_unit_test(defaults),
        cmocka_unit_test(cases_are_judged),  cmocka_unit_test(dangerous_fields_are_refused),
        cmocka_unit_test(sizes_are_bounded), cmocka_unit_test(names_in_results_survive_refusal),
        cmocka_unit_test(lifetime),          cmocka_unit_test(out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
