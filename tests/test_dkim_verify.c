/* test_dkim_verify.c - messages in, results out: what RFC 6376, 8301, 8463, 8616 ask of a verifier.
 */
#include "dkim_harness.h"
#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define FROM_RELAXED BYTES("from:a@example.com\r\n")
#define HELLO        BYTES("Hello\r\n")
#define RSA_TAGS     "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; h=from"
#define ED_TAGS      "a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=ed; h=from"

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

/* A signature over From and "Hello". */
static struct bytes signed_by(EVP_PKEY *key, const char *tags)
{
    return dkim_test_sign(&test, key, tags, true, FROM_RELAXED, HELLO);
}

static struct bytes join3(struct bytes a, const char *b, struct bytes c)
{
    return dkim_test_join(&test, dkim_test_join(&test, a, bytes_of(b)), c);
}

/* Verifies: these signature fields, From, and this body. */
static void verify(struct bytes signatures, struct bytes body)
{
    dkim_test_verify(&test, join3(signatures, "From: a@example.com\r\n\r\n", body));
}

static void expect(size_t index, const char *result, const char *reason)
{
    if (strcmp(dkim_test_result(&test, index), result) != 0 ||
        strcmp(dkim_test_reason(&test, index), reason) != 0)
        fail_msg("signature %zu: %s (%s), expected %s (%s)", index, dkim_test_result(&test, index),
                 dkim_test_reason(&test, index), result, reason);
}

/* ---- what passes ---- */

static void no_signature(void **state)
{
    (void)state;
    verify(BYTES("Subject: x\r\n"), HELLO);
    assert_int_equal(test.results.count, 0);
    assert_int_equal(test.results.skipped, 0);
    assert_false(test.needed_body);
    assert_int_equal(fake_dns_asked_count(test.dns), 0);
}

static void rsa_passes(void **state)
{
    (void)state;
    fake_dns_set_secure(test.dns, true);
    verify(signed_by(test.rsa, RSA_TAGS "; i=joe=40home@Sub.Example.com"), HELLO);
    expect(0, "pass", "signature verified");
    const struct dkim_signature *signature = &test.results.signatures[0];
    assert_string_equal(domain_text(signature->domain), "example.com");
    assert_string_equal(domain_text(signature->selector), "rsa");
    assert_string_equal(signature->algorithm, "rsa-sha256");
    assert_true(bytes_equal(signature->identity, BYTES("joe@home@Sub.Example.com")));
    assert_int_equal(signature->signature.len, 344);
    assert_int_equal(signature->key_bits, 2048);
    assert_true(signature->secure);
    assert_false(signature->testing || signature->body_failed_only || signature->body_partial);
}

static void ed25519_passes(void **state)
{
    (void)state;
    verify(signed_by(test.ed25519, ED_TAGS), HELLO);
    expect(0, "pass", "signature verified");
    assert_int_equal(test.results.signatures[0].key_bits, 256);
    assert_string_equal(test.results.signatures[0].algorithm, "ed25519-sha256");
    assert_false(test.results.signatures[0].secure);
}

static void four_canonicalizations(void **state)
{
    static const char *const names[] = {"simple", "relaxed"};
    struct bytes input = BYTES("Hello \t you\r\nend\t\r\n\r\n \r\n\r\n");
    (void)state;
    for (int header = 0; header < 2; header++) {
        for (int body = 0; body < 2; body++) {
            const char *tags =
                arena_printf(test.arena, "a=rsa-sha256; c=%s/%s; d=example.com; s=rsa; h=From:to",
                             names[header], names[body]);
            struct bytes fields =
                header ? BYTES("from:a b\r\nto:x y\r\n") : BYTES("fROM: a  b \r\nTo:x\r\n\ty\r\n");
            struct bytes canonical =
                body ? BYTES("Hello you\r\nend\r\n") : BYTES("Hello \t you\r\nend\t\r\n\r\n \r\n");
            struct bytes signature =
                dkim_test_sign(&test, test.rsa, tags, header == 1, fields, canonical);
            struct bytes message = join3(signature, "To:x\r\n\ty\r\nfROM: a  b \r\n\r\n", input);
            for (test.chunk = 0; test.chunk < 9; test.chunk++) {
                dkim_test_verify(&test, message);
                expect(0, "pass", "signature verified");
            }
        }
    }
}

static void body_without_final_line_end(void **state)
{
    (void)state;
    verify(signed_by(test.rsa, RSA_TAGS), BYTES("Hello")); /* RFC 6376 3.4.4 */
    expect(0, "pass", "signature verified");
    verify(dkim_test_sign(&test, test.rsa, RSA_TAGS, true, FROM_RELAXED, BYTES("")), BYTES(""));
    expect(0, "pass", "signature verified");
}

/* ---- what does not ---- */

static void altered_body(void **state)
{
    (void)state;
    verify(signed_by(test.rsa, RSA_TAGS), BYTES("Hallo\r\n"));
    expect(0, "fail", "body hash did not verify");
    assert_true(test.results.signatures[0].body_failed_only);
}

static void altered_header(void **state)
{
    (void)state;
    struct bytes signature = signed_by(test.rsa, RSA_TAGS);
    dkim_test_verify(&test, join3(signature, "From: b@example.com\r\n\r\n", HELLO));
    expect(0, "fail", "signature did not verify");
    assert_false(test.results.signatures[0].body_failed_only);
    dkim_test_verify(&test, join3(signature, "From: b@example.com\r\n\r\n", BYTES("x\r\n")));
    expect(0, "fail", "signature did not verify");
    assert_false(test.results.signatures[0].body_failed_only);
}

static void judged_without_key_or_body(void **state)
{
    static const char *const cases[][3] = {
        {"a=rsa-sha1; d=example.com; s=rsa; h=from", "permerror", "rsa-sha1 is not accepted"},
        {"a=rsa-sha256; d=example.com; s=rsa; h=to", "permerror", "From is not signed"},
        {"a=rsa-sha256; d=example.com; h=from", "permerror", "tag s= is missing"},
        {"a=x; d=example.com; s=rsa; h=from", "neutral", "algorithm of the signature is unknown"},
        {RSA_TAGS "; q=foo", "neutral", "no known query method in q="},
        {RSA_TAGS "; s=rsa", "neutral", "tag appears twice"},
        {RSA_TAGS "; i=@example.org", "permerror", "i= is not within d="},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_dns_forget(test.dns);
        verify(signed_by(test.rsa, cases[i][0]), HELLO);
        expect(0, cases[i][1], cases[i][2]);
        assert_false(test.needed_body);
        assert_int_equal(fake_dns_asked_count(test.dns), 0); /* RFC 8301 3.1: nor the key */
    }
}

static void lifetime(void **state)
{
    (void)state;
    verify(signed_by(test.rsa, RSA_TAGS "; t=1699990000; x=1699999701"), HELLO);
    expect(0, "pass", "signature verified"); /* 299 s late */
    verify(signed_by(test.rsa, RSA_TAGS "; t=1699990000; x=1699999699"), HELLO);
    expect(0, "fail", "signature expired");
    assert_false(test.needed_body);
    verify(signed_by(test.rsa, RSA_TAGS "; t=1700000300"), HELLO);
    expect(0, "pass", "signature verified");
    verify(signed_by(test.rsa, RSA_TAGS "; t=1700000301"), HELLO);
    expect(0, "neutral", "signature is from the future");
    verify(signed_by(test.rsa, RSA_TAGS "; t=5"), HELLO); /* long before DKIM, but legal */
    expect(0, "pass", "signature verified");
}

/* ---- keys ---- */

/* A record for x._domainkey.example.com; "%" stands for the RSA key. */
static const struct {
    const char *record, *tags, *result, *reason;
} key_cases[] = {
    {"v=DKIM1; p=%", "", "pass", "signature verified"},
    {"p=%", "; i=@sub.example.com", "pass", "signature verified"},
    {"t=s; p=%", "; i=a@example.com", "pass", "signature verified"},
    {"t=s; p=%", "; i=@sub.example.com", "permerror", "key asks for i= in d= itself"},
    {"h=sha1; p=%", "", "permerror", "key does not allow sha256"},
    {"s=tlsrpt; p=%", "", "permerror", "key is not for e-mail"},
    {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "", "permerror",
     "key type does not match the algorithm"},
    {"p=", "", "permerror", "key is revoked"},
    {"v=DKIM1", "", "permerror", "key record has no p="},
    {"v=spf1 -all", "", "permerror", "version of the key record is unknown"},
    {"t=y; p=%", "", "pass", "signature verified"},
    {"t=y; h=sha1; p=%", "", "neutral", "key does not allow sha256 (key in test mode)"},
    {"t=y; p=", "", "neutral", "key is revoked (key in test mode)"},
};

static const char *with_key(const char *text, EVP_PKEY *key)
{
    size_t at = bytes_find(bytes_of(text), '%');
    if (!text[at])
        return text;
    struct bytes public_key = dkim_test_public_key(test.arena, key);
    return arena_printf(test.arena, "%.*s%.*s%s", (int)at, text, BYTES_ARGS(public_key),
                        text + at + 1);
}

static void key_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(key_cases) / sizeof(key_cases[0]); i++) {
        const char *selector = arena_printf(test.arena, "x%zu", i);
        const char *tags = arena_printf(
            test.arena, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=%s; h=from%s", selector,
            key_cases[i].tags);
        fake_dns_add(test.dns, arena_printf(test.arena, "%s._domainkey.example.com", selector),
                     DNS_TXT, with_key(key_cases[i].record, test.rsa));
        verify(signed_by(test.rsa, tags), HELLO);
        expect(0, key_cases[i].result, key_cases[i].reason);
    }
}

static void key_in_test_mode(void **state)
{
    (void)state;
    dkim_test_publish(&test, "t", "t=y; ", test.ed25519);
    fake_dns_add(test.dns, "y._domainkey.example.com", DNS_TXT,
                 with_key("k=ed25519; t=y; p=%", test.ed25519));
    const char *tags = "a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=y; h=from";
    verify(signed_by(test.ed25519, tags), HELLO);
    expect(0, "pass", "signature verified");
    assert_true(test.results.signatures[0].testing);
    verify(signed_by(test.ed25519, tags), BYTES("changed\r\n")); /* RFC 6376 3.6.1 */
    expect(0, "neutral", "body hash did not verify (key in test mode)");
    verify(signed_by(test.rsa, tags), HELLO);
    expect(0, "neutral", "signature did not verify (key in test mode)");
}

static void key_and_algorithm_must_agree(void **state)
{
    (void)state;
    verify(signed_by(test.ed25519, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=ed; h=from"),
           HELLO);
    expect(0, "permerror", "key type does not match the algorithm");
    verify(signed_by(test.rsa, "a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=rsa; h=from"),
           HELLO);
    expect(0, "permerror", "key type does not match the algorithm");
}

static void dns_outcomes(void **state)
{
    (void)state;
    fake_dns_add_name(test.dns, "nodata._domainkey.example.com");
    fake_dns_fail(test.dns, "servfail._domainkey.example.com", 0, "SERVFAIL");
    static const char *const cases[][3] = {
        {"nosuch", "permerror", "no key in DNS"},
        {"nodata", "permerror", "no key in DNS"},
        {"servfail", "temperror", "key lookup failed: SERVFAIL"},
    };
    for (size_t i = 0; i < 3; i++) {
        const char *tags =
            arena_printf(test.arena, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=%s; h=from",
                         cases[i][0]);
        verify(signed_by(test.rsa, tags), HELLO);
        expect(0, cases[i][1], cases[i][2]);
    }
}

static void short_rsa_keys(void **state)
{
    EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)768);
    EVP_PKEY *medium = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    (void)state;
    dkim_test_publish(&test, "small", "", small);
    dkim_test_publish(&test, "medium", "", medium);
    const char *small_tags = "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=small; h=from";
    const char *medium_tags = "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=medium; h=from";
    test.limits.minimum_key_bits = 0; /* RFC 8301 3.2 holds all the same */
    verify(signed_by(small, small_tags), HELLO);
    expect(0, "permerror", "RSA key of 768 bits is too short");
    assert_int_equal(test.results.signatures[0].key_bits, 768);
    verify(signed_by(medium, medium_tags), HELLO);
    expect(0, "pass", "signature verified");
    test.limits.minimum_key_bits = 2048;
    verify(signed_by(medium, medium_tags), HELLO);
    expect(0, "permerror", "RSA key of 1024 bits is too short");
    EVP_PKEY_free(small);
    EVP_PKEY_free(medium);
}

static void several_records_at_one_name(void **state)
{
    (void)state;
    fake_dns_add(test.dns, "two._domainkey.example.com", DNS_TXT, "v=spf1 -all");
    fake_dns_add(test.dns, "two._domainkey.example.com", DNS_TXT,
                 with_key("k=ed25519; p=%", test.ed25519));
    dkim_test_publish(&test, "two", "v=DKIM1; ", test.rsa);
    verify(signed_by(test.rsa, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=two; h=from"),
           HELLO);
    expect(0, "pass", "signature verified");
    assert_int_equal(test.results.signatures[0].key_bits, 2048);
    verify(signed_by(test.ed25519,
                     "a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=two; h=from"),
           HELLO);
    expect(0, "pass", "signature verified");
}

static void keys_are_asked_for_at_the_header(void **state)
{
    struct policy_env env = fake_env(test.dns, test.now);
    struct dns_session *session = fake_session(&env, test.arena);
    struct dkim_verifier *verifier = dkim_verifier_new(&env, &test.limits, session, test.arena);
    struct bytes field = signed_by(test.rsa, RSA_TAGS);
    (void)state;
    dkim_verifier_header(verifier, BYTES("DKIM-Signature"), bytes_slice(field, 15, field.len - 17));
    assert_int_equal(fake_dns_asked_count(test.dns), 1);
    assert_string_equal(fake_dns_asked(test.dns, 0), "TXT rsa._domainkey.example.com");
    dkim_verifier_free(verifier);
    dns_session_free(session);
}

static void slow_answers_are_awaited(void **state)
{
    (void)state;
    fake_dns_set_delay(test.dns, 20);
    verify(dkim_test_join(&test, signed_by(test.rsa, RSA_TAGS), signed_by(test.ed25519, ED_TAGS)),
           HELLO);
    expect(0, "pass", "signature verified");
    expect(1, "pass", "signature verified");
}

/* ---- l= ---- */

static const struct {
    const char *l, *canonical, *body, *result, *reason;
    bool partial;
} length_cases[] = {
    {"7", "Hello\r\n", "Hello\r\n", "pass", "signature verified", false},
    {"7", "Hello\r\n", "Hello", "pass", "signature verified", false},
    {"7", "Hello\r\n", "Hello\r\n\r\n\r\n", "pass", "signature verified", false},
    {"7", "Hello\r\n", "Hello\r\nmore\r\n", "policy", "l= leaves 6 octets of the body unsigned",
     true},
    {"3", "Hel", "Hello\r\n", "policy", "l= leaves 4 octets of the body unsigned", true},
    {"0", "", "Hello\r\n", "policy", "l= leaves 7 octets of the body unsigned", true},
    {"0", "", "", "pass", "signature verified", false},
    {"8", "Hello\r\n", "Hello\r\n", "permerror", "l= is larger than the body", false},
    {"7", "Hello\r\n", "Hallo\r\nmore\r\n", "fail", "body hash did not verify", true},
};

static void length_tag(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(length_cases) / sizeof(length_cases[0]); i++) {
        const char *tags = arena_printf(test.arena, RSA_TAGS "; l=%s", length_cases[i].l);
        verify(dkim_test_sign(&test, test.rsa, tags, true, FROM_RELAXED,
                              bytes_of(length_cases[i].canonical)),
               bytes_of(length_cases[i].body));
        expect(0, length_cases[i].result, length_cases[i].reason);
        assert_int_equal(test.results.signatures[0].body_partial,
                         length_cases[i].partial && length_cases[i].result[0] == 'p');
    }
}

/* ---- bodies with lone CR or LF (RFC 5322 2.3) ---- */

static void lone_line_ends(void **state)
{
    /* hashed as they stand, whatever the canonicalisation */
    static const char *const cases[] = {"a\nb\r\n", "a\rb\r\n", "a\r\n\rb\r\n", "\na\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes body = bytes_of(cases[i]);
        for (test.chunk = 0; test.chunk < 4; test.chunk++) {
            verify(dkim_test_sign(&test, test.rsa, RSA_TAGS, true, FROM_RELAXED, body), body);
            assert_string_equal(dkim_test_result(&test, 0), "pass");
            verify(dkim_test_sign(&test, test.rsa,
                                  "a=rsa-sha256; c=relaxed; d=example.com; s=rsa; h=from", true,
                                  FROM_RELAXED, body),
                   body);
            assert_string_equal(dkim_test_result(&test, 0), "pass");
        }
    }
    verify(dkim_test_sign(&test, test.rsa, RSA_TAGS, true, FROM_RELAXED, BYTES("a\n\r\n")),
           BYTES("a\n"));
    expect(0, "pass", "signature verified"); /* RFC 6376 3.4.4: it does not end in CRLF */
    /* octets that libopendkim would drop must not slip in */
    verify(signed_by(test.rsa, RSA_TAGS), BYTES("He\rllo\r\n"));
    expect(0, "fail", "body hash did not verify");
}

/* ---- header fields ---- */

/* Signed: "from:a@example.com" once. What may stand around it? */
static void field_selection(void **state)
{
    static const char *const cases[][3] = {
        /* h=, header, result */
        {"from", "From: a@example.com\r\n", "pass"},
        {"from", "FROM :  a@example.com \r\n", "pass"},
        {"from", "From\t:a@example.com\r\n", "pass"},
        {"from", "From:\r\n a@example.com\r\n", "pass"},
        {"from", "From: x@example.org\r\nFrom: a@example.com\r\n", "pass"}, /* bottom up */
        {"from", "From: a@example.com\r\nFrom: x@example.org\r\n", "fail"},
        {"from:from", "From: a@example.com\r\n", "pass"},
        {"from:from", "From: x@example.org\r\nFrom: a@example.com\r\n", "fail"}, /* over-signed */
        {"from:reply-to", "From: a@example.com\r\n", "pass"},
        {"from:reply-to", "From: a@example.com\r\nReply-To: x\r\n", "fail"},
        {"from", "Fro\x80m: x\r\nFrom: a@example.com\r\n: x\r\n", "pass"},
        {"x-none:from:dkim-signature", "From: a@example.com\r\n", "pass"},
        {"from:from:from:from:from:from:from:from", "From: a@example.com\r\nTo: x\r\n", "pass"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *tags = arena_printf(
            test.arena, "a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; h=%s", cases[i][0]);
        dkim_test_verify(&test, join3(signed_by(test.rsa, tags),
                                      arena_printf(test.arena, "%s\r\n", cases[i][1]), HELLO));
        if (strcmp(dkim_test_result(&test, 0), cases[i][2]) != 0)
            fail_msg("h=%s, %s: %s", cases[i][0], cases[i][1], dkim_test_reason(&test, 0));
    }
}

static void line_feed_folds_are_crlf_folds(void **state)
{
    struct policy_env env = fake_env(test.dns, test.now);
    struct dns_session *session = fake_session(&env, test.arena);
    struct dkim_verifier *verifier = dkim_verifier_new(&env, &test.limits, session, test.arena);
    struct bytes field = dkim_test_sign(
        &test, test.rsa, "a=rsa-sha256; c=simple/simple; d=example.com; s=rsa; h=from", false,
        BYTES("From: a\r\n\t<a@example.com>\r\n"), HELLO);
    (void)state;
    dkim_verifier_header(verifier, BYTES("DKIM-Signature"), bytes_slice(field, 15, field.len - 17));
    dkim_verifier_header(verifier, BYTES("From"), BYTES(" a\n\t<a@example.com>"));
    dkim_verifier_end_of_headers(verifier);
    dkim_verifier_body(verifier, HELLO);
    dkim_verifier_finish(verifier, &test.results);
    expect(0, "pass", "signature verified");
    dkim_verifier_free(verifier);
    dns_session_free(session);
}

static void header_over_the_limit(void **state)
{
    (void)state;
    struct bytes signature = signed_by(test.rsa, RSA_TAGS);
    test.limits.maximum_header_fields = 2;
    verify(signature, HELLO);
    expect(0, "pass", "signature verified");
    verify(dkim_test_join(&test, signature, BYTES("To: x\r\n")), HELLO);
    expect(0, "neutral", "header is larger than the limit");
    test.limits = test_limits;
    test.limits.maximum_header_bytes = signature.len;
    verify(signature, HELLO);
    expect(0, "neutral", "header is larger than the limit");
    assert_false(test.needed_body);
}

static void nul_in_header(void **state)
{
    (void)state;
    verify(dkim_test_join(&test, signed_by(test.rsa, RSA_TAGS), BYTES("To: a\0b\r\n")), HELLO);
    expect(0, "neutral", "header holds a NUL octet");
}

/* ---- several signatures ---- */

static void signatures_are_independent(void **state)
{
    (void)state;
    struct bytes all =
        dkim_test_join(&test, signed_by(test.rsa, "a=rsa-sha256; d=example.com; s=nosuch; h=from"),
                       signed_by(test.ed25519, ED_TAGS));
    all = dkim_test_join(&test, all, BYTES("DKIM-Signature: rubbish\r\nDKIM-Signature :\r\n"));
    all = dkim_test_join(&test, all, signed_by(test.ed25519, RSA_TAGS));
    all = dkim_test_join(&test, all, signed_by(test.rsa, RSA_TAGS));
    verify(all, HELLO);
    assert_int_equal(test.results.count, 6);
    expect(0, "permerror", "no key in DNS");
    expect(1, "pass", "signature verified");
    expect(2, "neutral", "tag list is malformed");
    expect(3, "neutral", "tag list is empty");
    expect(4, "fail", "signature did not verify");
    expect(5, "pass", "signature verified");
    assert_string_equal(test.results.signatures[2].algorithm, "");
    assert_true(domain_is_none(test.results.signatures[2].domain));
}

static void surplus_signatures_are_skipped(void **state)
{
    (void)state;
    struct bytes all = BYTES_EMPTY;
    for (int i = 0; i < 25; i++) {
        const char *tags = arena_printf(test.arena, RSA_TAGS "; x%d=1; l=%d", i, i % 7);
        all = dkim_test_join(&test, all, signed_by(test.rsa, tags));
    }
    verify(all, HELLO);
    assert_int_equal(test.results.count, 10);
    assert_int_equal(test.results.skipped, 15);
    test.limits.maximum_signatures = 0;
    verify(all, HELLO);
    assert_int_equal(test.results.count, 0);
    assert_int_equal(test.results.skipped, 25);
    assert_false(test.needed_body);
}

/* RFC 6376 3.7, 5.4: h= may list DKIM-Signature, meaning others than itself. */
static void signature_over_signatures(void **state)
{
    struct bytes inner = signed_by(test.ed25519, ED_TAGS);
    struct bytes canonical = join3(FROM_RELAXED, "dkim-signature:", bytes_slice(inner, 16, 9999));
    (void)state;
    struct bytes outer =
        dkim_test_sign(&test, test.rsa, RSA_TAGS ":dkim-signature", true, canonical, HELLO);
    verify(dkim_test_join(&test, outer, inner), HELLO);
    expect(0, "pass", "signature verified");
    expect(1, "pass", "signature verified");
    inner = dkim_test_join(&test, BYTES("DKIM-Signature: x\r\n"), BYTES_EMPTY);
    verify(dkim_test_join(&test, outer, inner), HELLO);
    expect(0, "fail", "signature did not verify");
}

/* ---- what libopendkim does not take ---- */

static void internationalized_signatures(void **state)
{
    (void)state;
    fake_dns_add(test.dns, "xn--80andq._domainkey.xn--bcher-kva.example", DNS_TXT,
                 with_key("k=ed25519; p=%", test.ed25519));
    const char *tags = "a=ed25519-sha256; c=relaxed/relaxed; d=b\xc3\xbc"
                       "cher.example; s=\xd0\xb7\xd0\xb8\xd0\xbc\xd0\xb0; "
                       "i=j\xc3\xb8"
                       "e@b\xc3\xbc"
                       "cher.example; h=from";
    verify(signed_by(test.ed25519, tags), HELLO); /* RFC 8616 5 */
    expect(0, "pass", "signature verified");
    assert_string_equal(domain_text(test.results.signatures[0].domain), "xn--bcher-kva.example");
    verify(signed_by(test.ed25519, tags), BYTES("changed\r\n"));
    expect(0, "fail", "body hash did not verify");
}

static void odd_but_legal_spellings(void **state)
{
    static const char *const tags[] = {
        ED_TAGS "; fb=x",                   /* an unknown tag that ends in b */
        ED_TAGS "; i=\"a@b\"@example.com",  /* two "@" */
        ED_TAGS "; q=dns/foo:dns/txt; z=a", /* methods to be ignored */
        ED_TAGS
        "; l=7; i=" /* long local part */
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "@example.com",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        verify(signed_by(test.ed25519, tags[i]), HELLO);
        expect(0, "pass", "signature verified");
        verify(
            dkim_test_join(&test, signed_by(test.ed25519, tags[i]), signed_by(test.rsa, RSA_TAGS)),
            HELLO);
        expect(0, "pass", "signature verified");
        expect(1, "pass", "signature verified");
    }
}

/* ---- life and memory ---- */

static void freed_at_any_stage(void **state)
{
    struct bytes field = signed_by(test.rsa, RSA_TAGS);
    (void)state;
    for (int stage = 0; stage < 5; stage++) {
        struct policy_env env = fake_env(test.dns, test.now);
        struct dns_session *session = fake_session(&env, test.arena);
        struct dkim_verifier *verifier = dkim_verifier_new(&env, &test.limits, session, test.arena);
        if (stage > 0)
            dkim_verifier_header(verifier, BYTES("DKIM-Signature"),
                                 bytes_slice(field, 15, field.len - 17));
        if (stage > 1)
            dkim_verifier_end_of_headers(verifier);
        if (stage > 2)
            dkim_verifier_body(verifier, HELLO);
        if (stage > 3)
            dkim_verifier_finish(verifier, &test.results);
        dkim_verifier_free(verifier);
        dns_session_free(session);
    }
    dkim_verifier_free(NULL);
}

static void out_of_memory_never_passes(void **state)
{
    struct arena *big = test.arena;
    struct bytes message = join3(signed_by(test.ed25519, ED_TAGS "; l=7; i=\"a@b\"@example.com"),
                                 "From: a@example.com\r\n\r\n", HELLO);
    (void)state;
    for (size_t limit = 2000; limit < 12000; limit += 53) {
        struct policy_env env = fake_env(test.dns, test.now);
        struct arena *outer = arena_new(1 << 20);
        struct dns_session *session = fake_session(&env, outer);
        test.arena = arena_new(limit);
        struct dkim_verifier *verifier = dkim_verifier_new(&env, &test.limits, session, test.arena);
        size_t colon = bytes_find(message, ':');
        size_t end = bytes_find(message, '\r');
        if (verifier) {
            dkim_verifier_header(verifier, bytes_slice(message, 0, colon),
                                 bytes_slice(message, colon + 1, end - colon - 1));
            dkim_verifier_header(verifier, BYTES("From"), BYTES(" a@example.com"));
            dkim_verifier_end_of_headers(verifier);
            dkim_verifier_body(verifier, HELLO);
            dkim_verifier_finish(verifier, &test.results);
            bool passed = strcmp(dkim_test_result(&test, 0), "pass") == 0;
            assert_true(passed != arena_failed(test.arena));
            for (size_t i = 0; i < test.results.count; i++)
                assert_non_null(test.results.signatures[i].reason);
        }
        dkim_verifier_free(verifier);
        dns_session_free(session);
        arena_free(test.arena);
        arena_free(outer);
    }
    test.arena = big;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_signature),
        TEST(rsa_passes),
        TEST(ed25519_passes),
        TEST(four_canonicalizations),
        TEST(body_without_final_line_end),
        TEST(altered_body),
        TEST(altered_header),
        TEST(judged_without_key_or_body),
        TEST(lifetime),
        TEST(key_records),
        TEST(key_in_test_mode),
        TEST(key_and_algorithm_must_agree),
        TEST(dns_outcomes),
        TEST(short_rsa_keys),
        TEST(several_records_at_one_name),
        TEST(keys_are_asked_for_at_the_header),
        TEST(slow_answers_are_awaited),
        TEST(length_tag),
        TEST(lone_line_ends),
        TEST(field_selection),
        TEST(line_feed_folds_are_crlf_folds),
        TEST(header_over_the_limit),
        TEST(nul_in_header),
        TEST(signatures_are_independent),
        TEST(surplus_signatures_are_skipped),
        TEST(signature_over_signatures),
        TEST(internationalized_signatures),
        TEST(odd_but_legal_spellings),
        TEST(freed_at_any_stage),
        TEST(out_of_memory_never_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
