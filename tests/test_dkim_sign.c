/* test_dkim_sign.c - what is signed, how the field looks, and that it verifies. */
#include "dkim_harness.h"
#include "sign_harness.h"
#include "unit.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000000 };

static struct dkim_test verifying; /* keys, DNS, arena */
static struct signing_test signing;
static struct signing_key *rsa, *ed25519;

static struct signing_key *key_of(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    const char *problem = NULL;
    PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(bio, &data);
    struct signing_key *key = signing_key_parse((struct bytes){data, (size_t)len}, &problem);
    BIO_free(bio);
    return key;
}

static int set_up(void **state)
{
    (void)state;
    dkim_test_begin(&verifying);
    signing_test_begin(&signing, NOW);
    rsa = key_of(verifying.rsa);
    ed25519 = key_of(verifying.ed25519);
    return rsa && ed25519 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    signing_key_unref(rsa);
    signing_key_unref(ed25519);
    dkim_test_end(&verifying);
    return 0;
}

static void order_rsa(void)
{
    signing_test_order(&signing, verifying.arena, rsa, "example.com", "rsa", "");
}

static void order_both(void)
{
    order_rsa();
    signing_test_order(&signing, verifying.arena, ed25519, "example.com", "ed", "");
}

/* The value of signature `index` of a message that must be signed. */
static const char *value_of(struct bytes message, size_t index)
{
    assert_true(signing_test_sign(&signing, verifying.arena, message));
    if (!signing.made[index].value)
        fail_msg("not signed: %s", signing.made[index].reason);
    assert_string_equal(signing.made[index].reason, "");
    return signing.made[index].value;
}

/* A tag of a value, without folds; "(none)" when it is not there. */
static const char *tag_of(const char *value, const char *name)
{
    struct strbuf text;
    char *start = NULL;
    for (char *at = strstr(value, name); at; at = strstr(at + 1, name)) {
        if (at == value || strchr(" \t", at[-1]))
            start = at + strlen(name);
    }
    if (!start)
        return "(none)";
    strbuf_init(&text, verifying.arena);
    for (; *start && *start != ';'; start++) {
        if (!is_fws(*start))
            strbuf_putc(&text, *start);
    }
    return strbuf_string(&text);
}

/* Signs, puts the fields above the message, verifies. */
static struct bytes signed_message(struct bytes message)
{
    struct bytes whole = message;
    assert_true(signing_test_sign(&signing, verifying.arena, message));
    for (size_t i = signing.count; i > 0; i--) {
        if (!signing.made[i - 1].value)
            fail_msg("not signed: %s", signing.made[i - 1].reason);
        whole = dkim_test_join(
            &verifying, signing_test_field(verifying.arena, signing.made[i - 1].value), whole);
    }
    return whole;
}

/* ---- the text of the field ---- */

#define FROM "From: a@example.com\r\n"

static void layout(void **state)
{
    (void)state;
    order_rsa();
    signing.settings.expire_seconds = 604800;
    const char *value = value_of(BYTES(FROM "To: b@example.org\r\nSubject: x\r\n\r\nHi.\r\n"), 0);
    static const char expected[] =
        "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa;\n"
        "\tt=1700000000; x=1700604800; bh=UrA8rmgY3eNBotmDWtzAmHyn5RyZv8Gea45sNGsP0zw=;\n"
        "\th=from:from:reply-to:to:to:cc:subject:subject:in-reply-to:references:\n"
        "\tmime-version:content-type:content-transfer-encoding;\n"
        "\tb=";
    if (strncmp(value, expected, strlen(expected)) != 0)
        fail_msg("%s", value);
    assert_int_equal(strlen(tag_of(value, "b=")), 344); /* base64 of 256 octets */
}

static void no_length_ever(void **state)
{
    (void)state;
    order_both();
    struct bytes message = BYTES(FROM "\r\nbody\r\n");
    assert_string_equal(tag_of(value_of(message, 0), "l="), "(none)");
    assert_string_equal(tag_of(value_of(message, 1), "l="), "(none)");
    assert_string_equal(tag_of(value_of(message, 1), "x="), "(none)");
    assert_string_equal(tag_of(value_of(message, 1), "i="), "(none)");
}

static void times(void **state)
{
    static const struct {
        int64_t now, expire;
        const char *t, *x;
    } cases[] = {
        {NOW, 0, "1700000000", "(none)"},
        {NOW, 1, "1700000000", "1700000001"},
        {NOW, INT64_MAX, "1700000000", "999999999999"}, /* twelve digits */
        {-5, 10, "0", "10"},
        {5000000000, 10, "5000000000", "5000000010"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        signing_test_begin(&signing, cases[i].now);
        order_rsa();
        signing.settings.expire_seconds = cases[i].expire;
        const char *value = value_of(BYTES(FROM "\r\n"), 0);
        assert_string_equal(tag_of(value, "t="), cases[i].t);
        assert_string_equal(tag_of(value, "x="), cases[i].x);
    }
}

static void identities(void **state)
{
    static const struct {
        const char *identity, *tag;
    } cases[] = {
        {"@example.com", "@example.com"},
        {"@sub.example.com", "@sub.example.com"},
        {"a@example.com", "a@example.com"},
        {"A.b+c@EXAMPLE.com", "A.b+c@example.com"},
        {"\"a b\"@example.com", "\"a=20b\"@example.com"},
        {"a;b=c@example.com", "a=3Bb=3Dc@example.com"},
        {"gr\xc3\xbc\xc3\x9f@example.com", "gr=C3=BC=C3=9F@example.com"},
        {"\"x@y\"@example.com", "\"x@y\"@example.com"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        signing_test_begin(&signing, NOW);
        signing_test_order(&signing, verifying.arena, rsa, "example.com", "rsa", cases[i].identity);
        struct bytes message = signed_message(BYTES(FROM "\r\nbody\r\n"));
        assert_string_equal(tag_of(signing.made[0].value, "i="), cases[i].tag);
        dkim_test_verify(&verifying, message);
        assert_string_equal(dkim_test_reason(&verifying, 0), "signature verified");
    }
}

/* ---- what is covered ---- */

/* However many fields there are, h= stays below 4000 octets and the signature verifies. */
static void many_fields(void **state)
{
    static const char *const names[] = {"To", "Subject", "X-Other", "Content-Transfer-Encoding"};
    (void)state;
    for (size_t n = 0; n < 4; n++) {
        struct strbuf text;
        signing_test_begin(&signing, NOW);
        order_both();
        strbuf_init(&text, verifying.arena);
        for (int i = 0; i < 1000; i++)
            strbuf_printf(&text, "%s: value %d\r\n", names[n], i);
        strbuf_puts(&text, FROM "\r\nbody\r\n");
        struct bytes message = signed_message(strbuf_view(&text));
        const char *h = strstr(signing.made[0].value, "\th=");
        assert_in_range(strchr(h, ';') - h, 20, 4000);
        assert_int_equal(strncmp(h, "\th=from:from:", 13), 0);
        verifying.limits.maximum_header_fields = 2000;
        dkim_test_verify(&verifying, message);
        assert_string_equal(dkim_test_result(&verifying, 0), "pass");
        assert_string_equal(dkim_test_result(&verifying, 1), "pass");
    }
}

/* ---- there and back ---- */

#define HEAD FROM "To: b@example.org\r\nSubject: test\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n"

static const struct {
    const char *title, *message;
} messages[] = {
    {"plain", HEAD "\r\nHello,\r\nworld.\r\n"},
    {"empty body", HEAD "\r\n"},
    {"no body at all", HEAD},
    {"only line ends", HEAD "\r\n\r\n\r\n\r\n"},
    {"no final line end", HEAD "\r\nHello,\r\nworld."},
    {"trailing blank lines", HEAD "\r\nHello.\r\n\r\n \r\n\t\r\n\r\n"},
    {"white space", HEAD "\r\n a  b\t\tc \r\n\td \t \r\n  \r\ne\r\n"},
    {"8-bit body", HEAD "\r\nGr\xc3\xbc\xc3\x9f"
                        "e \xff\xfe\r\n"},
    {"folded", FROM
     "To: b@example.org,\r\n c@example.org,\r\n\td@example.org\r\nSubject:\r\n x\r\n\r\nx\r\n"},
    {"odd folds", FROM "Subject: a \t\r\n \t b \r\n\r\nx\r\n"},
    {"white space at the end of fields", "From: a@example.com \t\r\nSubject: a \r\n\r\nx\r\n"},
    {"empty fields", FROM "Subject:\r\nTo: \r\nCc:\r\n \r\n\r\nx\r\n"},
    {"no space behind the colon", "From:a@example.com\r\nSubject:a\r\n\r\nx\r\n"},
    {"space before the colon", "From : a@example.com\r\nSubject : a\r\n\r\nx\r\n"},
    {"8-bit header",
     "From: J\xc3\xbcrgen <j\xc3\xbcrgen@example.com>\r\nSubject: \xe4\xf6\xfc\r\n\r\nx\r\n"},
    {"duplicates", "To: 1\r\n" FROM "To: 2\r\nSubject: 1\r\nTo: 3\r\nSubject: 2\r\n\r\nx\r\n"},
    {"signed before", "DKIM-Signature: v=1; d=other.example; b=\r\n" FROM "\r\nx\r\n"},
    {"dots", HEAD "\r\n.\r\n..\r\n.x\r\n"},
};

static void verifies_in_every_canonicalization(void **state)
{
    static const char *const names[] = {"simple/simple", "simple/relaxed", "relaxed/simple",
                                        "relaxed/relaxed"};
    static const size_t chunks[] = {0, 1, 7};
    size_t verified = 0;
    (void)state;
    for (size_t c = 0; c < 4 * 3; c++) {
        for (size_t m = 0; m < sizeof(messages) / sizeof(messages[0]); m++) {
            signing_test_begin(&signing, NOW);
            order_both();
            assert_true(signing_test_canonicalization(&signing, names[c / 3]));
            signing.chunk = chunks[c % 3];
            dkim_test_verify(&verifying, signed_message(bytes_of(messages[m].message)));
            for (size_t i = 0; i < 2; i++, verified++) {
                if (strcmp(dkim_test_result(&verifying, i), "pass") != 0)
                    fail_msg("%s, %s, signature %zu: %s", messages[m].title, names[c / 3], i,
                             dkim_test_reason(&verifying, i));
            }
        }
    }
    assert_int_equal(verified, 2 * 4 * 3 * sizeof(messages) / sizeof(messages[0]));
}

static void octets_of_the_body_count(void **state)
{
    struct bytes head = BYTES(HEAD "\r\n");
    struct bytes body = {"a\0b\r\n", 5};
    (void)state;
    order_rsa();
    dkim_test_verify(&verifying, signed_message(dkim_test_join(&verifying, head, body)));
    assert_string_equal(dkim_test_result(&verifying, 0), "pass");
}

/* What a stranger on the way may not do unnoticed, and what he may. */
static const struct {
    const char *title, *from, *to, *result;
} changes[] = {
    {"another body", "Hello", "HELLO", "fail"},
    {"more body", "world.\r\n", "world.\r\nmore\r\n", "fail"},
    {"another subject", "Subject: test", "Subject: best", "fail"},
    {"a second From above", "From: a@", "From: evil@example.net\r\nFrom: a@", "fail"},
    {"a second To above", "From: a@", "To: evil@example.net\r\nFrom: a@", "fail"},
    {"a Reply-To", "From: a@", "Reply-To: evil@example.net\r\nFrom: a@", "fail"},
    {"another Content-Type", "From: a@", "Content-Type: text/html\r\nFrom: a@", "fail"},
    {"a Received above", "From: a@", "Received: by mx\r\nFrom: a@", "pass"},
    {"a List-Id", "From: a@", "List-Id: <list.example.net>\r\nFrom: a@", "pass"},
    {"a Sender", "From: a@", "Sender: list@example.net\r\nFrom: a@", "pass"},
    {"other folds", "Subject: test", "Subject:\r\n test", "pass"},
};

static struct bytes replace(struct bytes text, const char *from, const char *to)
{
    const char *at = strstr(text.data, from);
    assert_non_null(at);
    return bytes_of(arena_printf(verifying.arena, "%.*s%s%s", (int)(at - text.data), text.data, to,
                                 at + strlen(from)));
}

static void changes_are_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        signing_test_begin(&signing, NOW);
        order_both();
        struct bytes message = signed_message(BYTES(HEAD "\r\nHello,\r\nworld.\r\n"));
        dkim_test_verify(&verifying, replace(message, changes[i].from, changes[i].to));
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(dkim_test_result(&verifying, k), changes[i].result) != 0)
                fail_msg("%s: %s", changes[i].title, dkim_test_result(&verifying, k));
        }
    }
}

static void both_share_the_body_hash(void **state)
{
    (void)state;
    order_both();
    const char *first = value_of(BYTES(HEAD "\r\nx\r\n"), 0);
    assert_string_equal(tag_of(first, "bh="), tag_of(signing.made[1].value, "bh="));
    assert_string_equal(tag_of(first, "a="), "rsa-sha256");
    assert_string_equal(tag_of(signing.made[1].value, "a="), "ed25519-sha256");
    assert_string_equal(tag_of(signing.made[1].value, "s="), "ed");
}

/* RSA signatures and Ed25519 signatures are deterministic: the same in, the same out. */
static void same_again(void **state)
{
    (void)state;
    order_both();
    const char *first = value_of(BYTES(HEAD "\r\nx\r\n"), 0);
    const char *second = signing.made[1].value;
    assert_string_equal(value_of(BYTES(HEAD "\r\nx\r\n"), 0), first);
    assert_string_equal(signing.made[1].value, second);
}

/* Octets that libopendkim takes for white space, and RFC 6376 does not. */
static void odd_octets_in_the_header(void **state)
{
    static const char *const subjects[] = {"a\vb", "a\f", "a\rb", "a\r", "a\nb"};
    static const char *const names[] = {"relaxed/relaxed", "simple/simple"};
    (void)state;
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        for (size_t k = 0; k < 2; k++) {
            signing_test_begin(&signing, NOW);
            signing_test_canonicalization(&signing, names[k]);
            order_both();
            dkim_test_verify(&verifying,
                             signed_message(bytes_of(arena_printf(
                                 verifying.arena, FROM "Subject: %s\r\n\r\nx\r\n", subjects[i]))));
            if (strcmp(dkim_test_result(&verifying, 0), "pass") != 0)
                fail_msg("subject %zu, %s: %s", i, names[k], dkim_test_reason(&verifying, 0));
            assert_string_equal(dkim_test_result(&verifying, 1), "pass");
        }
    }
}

/* ---- what cannot be signed ---- */

static void is_not_signed(struct bytes message, const char *reason)
{
    assert_true(signing_test_sign(&signing, verifying.arena, message));
    assert_null(signing.made[0].value);
    assert_string_equal(signing.made[0].reason, reason);
}

static void messages_that_cannot_be_signed(void **state)
{
    struct bytes nul = {FROM "Subject: a\0b\r\n\r\n", sizeof(FROM "Subject: a\0b\r\n\r\n") - 1};
    (void)state;
    order_rsa();
    is_not_signed(BYTES_EMPTY, "there is no From field");
    is_not_signed(BYTES("To: b\r\n\r\nx\r\n"), "there is no From field");
    is_not_signed(nul, "header holds a NUL octet");
    is_not_signed(BYTES(HEAD "\r\na\rb\r\n"), "body holds a lone CR or LF");
    signing_test_canonicalization(&signing, "relaxed/simple");
    is_not_signed(BYTES(HEAD "\r\na\nb\r\n"), "body holds a lone CR or LF");
    is_not_signed(BYTES(HEAD "\r\na\rb\r\n"), "body holds a lone CR or LF");
}

static void orders_that_cannot_be_fulfilled(void **state)
{
    static const struct {
        const char *domain, *selector, *identity;
        bool key;
        const char *reason;
    } cases[] = {
        {"com", "s", "", true, "d= is no domain name"},
        {"", "s", "", true, "d= is no domain name"},
        {"example.com", "", "", true, "s= is no selector"},
        {"example.com", "s", "", false, "there is no key"},
        {"example.com", "s", "@example.net", true, "i= is not within d="},
        {"example.com", "s", "@notexample.com", true, "i= is not within d="},
        {"example.com", "s", "nobody", true, "i= is not within d="},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        signing_test_begin(&signing, NOW);
        signing_test_order(&signing, verifying.arena, cases[i].key ? rsa : NULL, cases[i].domain,
                           cases[i].selector, cases[i].identity);
        order_rsa();
        is_not_signed(BYTES(HEAD "\r\n"), cases[i].reason);
        assert_non_null(signing.made[1].value); /* harms only itself */
    }
    char *longest = arena_alloc(verifying.arena, 300);
    memset(longest, 'x', 290);
    signing_test_begin(&signing, NOW);
    signing_test_order(&signing, verifying.arena, rsa, "example.com", "s",
                       arena_printf(verifying.arena, "%s@example.com", longest));
    is_not_signed(BYTES(HEAD "\r\n"), "i= is too long");
}

static void at_most_eight(void **state)
{
    (void)state;
    for (int i = 0; i < SIGNATURES_MADE_MAX + 1; i++)
        order_rsa();
    dkim_test_verify(&verifying, BYTES_EMPTY);
    assert_non_null(value_of(BYTES(HEAD "\r\n"), SIGNATURES_MADE_MAX - 1));
    assert_null(signing.made[SIGNATURES_MADE_MAX].value);
    assert_string_equal(signing.made[SIGNATURES_MADE_MAX].reason,
                        "too many signatures for one message");
}

static void nothing_ordered(void **state)
{
    (void)state;
    assert_true(signing_test_sign(&signing, verifying.arena, BYTES(HEAD "\r\nx\r\n")));
    dkim_signer_free(NULL);
}

/* At whatever allocation memory ends: a defined result, and none that is half made. */
static void lack_of_memory(void **state)
{
    struct bytes message = BYTES(HEAD "\r\nHello.\r\n");
    const char *good;
    size_t failed = 0;
    (void)state;
    order_both();
    good = value_of(message, 0);
    for (size_t limit = 0; limit < 60000; limit += 97) {
        struct arena *tight = arena_new(limit);
        if (signing_test_sign(&signing, tight, message)) {
            for (size_t i = 0; i < 2; i++) {
                assert_non_null(signing.made[i].reason);
                failed += signing.made[i].value == NULL;
            }
            if (signing.made[0].value)
                assert_string_equal(signing.made[0].value, good);
            else
                assert_string_equal(signing.made[0].reason, "out of memory");
        }
        arena_free(tight);
    }
    assert_in_range(failed, 10, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_length_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verifies_in_every_canonicalization, set_up, tear_down),
        cmocka_unit_test_setup_teardown(octets_of_the_body_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_octets_in_the_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_share_the_body_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_that_cannot_be_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_that_cannot_be_fulfilled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_most_eight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_ordered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lack_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
