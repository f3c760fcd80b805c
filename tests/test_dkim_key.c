/* test_dkim_key.c - key records: what is a key, what is said of the rest. */
#include "base64.h"
#include "dkim_harness.h"
#include "dkim_key.h"
#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 26);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- a small DER encoder ---- */

static struct bytes der(int tag, struct bytes content)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_putc(&buf, (char)tag);
    if (content.len >= 0x80)
        strbuf_putc(&buf, (char)0x82);
    if (content.len >= 0x80)
        strbuf_putc(&buf, (char)(content.len >> 8));
    strbuf_putc(&buf, (char)content.len);
    strbuf_bytes(&buf, content);
    return strbuf_view(&buf);
}

static struct bytes joined(struct bytes a, struct bytes b)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_bytes(&buf, a);
    strbuf_bytes(&buf, b);
    return strbuf_view(&buf);
}

/* RSAPublicKey with a made-up odd modulus of so many bits. */
static struct bytes rsa_public_key(unsigned bits, struct bytes exponent)
{
    size_t len = (bits + 7) / 8;
    char *modulus = arena_alloc(arena, len);
    memset(modulus, 0x55, len);
    modulus[0] = (char)(0xff >> (len * 8 - bits));
    struct bytes number = joined(BYTES("\0"), (struct bytes){modulus, len});
    return der(0x30, joined(der(0x02, number), der(0x02, exponent)));
}

static struct bytes spki(struct bytes algorithm, struct bytes key)
{
    return der(0x30, joined(der(0x30, algorithm), der(0x03, joined(BYTES("\0"), key))));
}

#define RSA_OID "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define E65537  BYTES("\x01\x00\x01")

static const char *record(const char *tags, struct bytes key)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_printf(&buf, "%sp=", tags);
    base64_encode(&buf, (const uint8_t *)key.data, key.len);
    return strbuf_string(&buf);
}

/* The problem of a record, or "". */
static const char *problem_of(const char *text)
{
    struct dkim_key key;
    dkim_key_parse(arena, bytes_of(text), &key);
    assert_int_equal(key.pkey == NULL, key.problem != NULL);
    const char *problem = key.problem ? key.problem : "";
    dkim_key_clear(&key);
    return problem;
}

/* ---- the record ---- */

static const char good[] = "";

/* "%" stands for p= with a good RSA key. */
static const struct {
    const char *record, *problem;
} records[] = {
    {"v=DKIM1; %", good},
    {"%", good},
    {"k=rsa; %", good},
    {"v=DKIM1; k=RSA; %;", good},
    {"v=DKIM1; n=caf\xc3\xa9; %; ", good},
    {"v=DKIM1; g=*; unknown=1; %", good}, /* g= was removed by RFC 6376 */
    {"v = DKIM1 ; t = y : x ; %", good},
    {"v=DKIM2; %", "version of the key record is unknown"},
    {"v=dkim1; %", "version of the key record is unknown"},
    {"v=; %", "version of the key record is unknown"},
    {"k=rsa; v=DKIM1; %", "version of the key record is unknown"}, /* v= MUST be first */
    {"v=spf1 -all", "version of the key record is unknown"},
    {"v=DKIM1; k=dsa; %", "key type is unknown"},
    {"v=DKIM1; k=; %", "key type is unknown"},
    {"v=DKIM1; k=ed25519; %", "key is no Ed25519 public key"},
    {"v=DKIM1", "key record has no p="},
    {"v=DKIM1; p=", "key is revoked"},
    {"v=DKIM1; p= \t;", "key is revoked"},
    {"v=DKIM1; p=!!", "key record is malformed"},
    {"v=DKIM1; p=QUJD", "key is no RSA public key"},
    {"v=DKIM1; %; p=", "key record is malformed"},
    {"v=DKIM1;; %", "key record is malformed"},
    {"v=DKIM1; h; %", "key record is malformed"},
    {"", "key record is malformed"},
    {"just text", "key record is malformed"},
};

static void records_are_judged(void **state)
{
    struct bytes key = spki(BYTES(RSA_OID "\x05\x00"), rsa_public_key(2048, E65537));
    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        size_t at = bytes_find(bytes_of(records[i].record), '%');
        const char *text = records[i].record;
        if (text[at])
            text =
                arena_printf(arena, "%s%s", record(arena_printf(arena, "%.*s", (int)at, text), key),
                             text + at + 1);
        if (strcmp(problem_of(text), records[i].problem) != 0)
            fail_msg("%s: %s", records[i].record, problem_of(text));
    }
}

static void flags_and_lists(void **state)
{
    static const struct {
        const char *tags;
        bool testing, strict, sha256, email;
    } cases[] = {
        {"", false, false, true, true},
        {"t=y; ", true, false, true, true},
        {"t=s; ", false, true, true, true},
        {"t= s : y ; ", true, true, true, true},
        {"t=yes; ", false, false, true, true},
        {"h=sha1; ", false, false, false, true},
        {"h=sha1 : SHA256; ", false, false, true, true},
        {"h=; ", false, false, false, true},
        {"s=*; ", false, false, true, true},
        {"s=tlsrpt:email; ", false, false, true, true},
        {"s=tlsrpt; ", false, false, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dkim_key key;
        const char *text = record(cases[i].tags, rsa_public_key(1024, E65537));
        dkim_key_parse(arena, bytes_of(text), &key);
        assert_null(key.problem);
        assert_int_equal(key.testing, cases[i].testing);
        assert_int_equal(key.strict_domain, cases[i].strict);
        assert_int_equal(key.allows_sha256, cases[i].sha256);
        assert_int_equal(key.allows_email, cases[i].email);
        dkim_key_clear(&key);
    }
}

/* ---- RSA ---- */

static void modulus_bits(void **state)
{
    static const unsigned bits[] = {512, 1016, 1023, 1024, 1025, 2048, 4096, 8192};
    (void)state;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        struct dkim_key key;
        const char *text = record("v=DKIM1; ", rsa_public_key(bits[i], E65537));
        dkim_key_parse(arena, bytes_of(text), &key);
        assert_null(key.problem);
        assert_int_equal(key.bits, bits[i]);
        assert_int_equal(EVP_PKEY_get_bits(key.pkey), bits[i]);
        dkim_key_clear(&key);
    }
    assert_string_equal(problem_of(record("", rsa_public_key(8193, E65537))),
                        "RSA key is too large");
    assert_string_equal(problem_of(record("", rsa_public_key(40000, E65537))),
                        "RSA key is too large");
    assert_string_equal(problem_of(record("", rsa_public_key(60000, E65537))),
                        "key record is malformed"); /* over DKIM_KEY_RECORD_MAX */
}

static void encodings(void **state)
{
    struct bytes key = rsa_public_key(1024, E65537);
    struct bytes junk = BYTES("\x00");
    (void)state;
    const struct {
        struct bytes der;
        bool good;
    } cases[] = {
        {key, true}, /* RFC 8017 A.1.1 */
        {spki(BYTES(RSA_OID "\x05\x00"), key), true},
        {spki(BYTES(RSA_OID), key), true}, /* parameters left out */
        {spki(BYTES(RSA_OID "\x05\x01\x00"), key), false},
        {spki(BYTES(RSA_OID "\x05\x00\x05\x00"), key), false},
        {spki(BYTES("\x06\x03\x2b\x65\x70"), key), false}, /* Ed25519's OID */
        {spki(BYTES(""), key), false},
        {spki(BYTES(RSA_OID "\x05\x00"), joined(key, junk)), false},
        {joined(key, junk), false},
        {joined(spki(BYTES(RSA_OID "\x05\x00"), key), junk), false},
        {rsa_public_key(1024, BYTES("\x03")), true},
        {rsa_public_key(1024, BYTES("\x01")), false},
        {rsa_public_key(1024, BYTES("\x04")), false},
        {rsa_public_key(1024, BYTES("")), false},
        {rsa_public_key(1024, BYTES("\x00")), false},
        {rsa_public_key(1024, BYTES("\x00\xff\xff\xff\xff")), true},
        {rsa_public_key(1024, BYTES("\x01\x00\x00\x00\x01")), false}, /* over 32 bits */
        {der(0x30, BYTES("")), false},
        {der(0x31, key), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *problem = problem_of(record("", cases[i].der));
        if ((problem[0] == '\0') != cases[i].good)
            fail_msg("encoding %zu: %s", i, problem);
    }
}

/* Every shortened and every once-altered form: no crash (sanitisers), no key when shortened. */
static void broken_der_is_survived(void **state)
{
    struct bytes whole = spki(BYTES(RSA_OID "\x05\x00"), rsa_public_key(1024, E65537));
    (void)state;
    for (size_t len = 0; len < whole.len; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, whole.data, len);
        assert_string_not_equal(problem_of(record("", (struct bytes){copy, len})), "");
        free(copy);
    }
    for (size_t i = 0; i < whole.len; i++) {
        for (int value = 0; value < 256; value += 15) {
            char *copy = arena_copy(arena, whole.data, whole.len);
            copy[i] = (char)value;
            problem_of(record("", (struct bytes){copy, whole.len}));
        }
        if (i % 16 == 0)
            arena_reset(arena),
                whole = spki(BYTES(RSA_OID "\x05\x00"), rsa_public_key(1024, E65537));
    }
}

/* ---- several records ---- */

static const struct dns_answer *answer_of(const char *const *texts, size_t count)
{
    struct dns_record found[20] = {{0}};
    for (size_t i = 0; i < count; i++)
        found[i].data = bytes_of(texts[i]);
    return dns_answer_new(DNS_FOUND, false, 60, "", found, count);
}

static void usable_records_are_chosen(void **state)
{
    const char *key = record("v=DKIM1; ", rsa_public_key(1024, E65537));
    const char *other = record("v=DKIM1; ", rsa_public_key(2048, E65537));
    const char *const texts[] = {"v=spf1 -all", key, "v=DKIM1; p=", other};
    (void)state;
    const struct dns_answer *answer = answer_of(texts, 4);
    const struct dkim_keys *keys = dkim_keys_of(answer);
    assert_int_equal(keys->count, 2);
    assert_int_equal(keys->keys[0].bits, 1024);
    assert_int_equal(keys->keys[1].bits, 2048);
    assert_ptr_equal(keys, dkim_keys_of(answer)); /* decoded once */
    dns_answer_unref(answer);
}

static void first_problem_when_none_is_usable(void **state)
{
    const char *const texts[] = {"v=DKIM1; p=", "v=spf1 -all"};
    (void)state;
    const struct dns_answer *answer = answer_of(texts, 2);
    const struct dkim_keys *keys = dkim_keys_of(answer);
    assert_int_equal(keys->count, 1);
    assert_string_equal(keys->keys[0].problem, "key is revoked");
    dns_answer_unref(answer);
}

static void number_of_keys_is_bounded(void **state)
{
    const char *texts[20];
    (void)state;
    for (size_t i = 0; i < 20; i++)
        texts[i] = record("v=DKIM1; ", rsa_public_key(1024, E65537));
    const struct dns_answer *answer = answer_of(texts, 20);
    assert_int_equal(dkim_keys_of(answer)->count, DKIM_KEYS_MAX);
    dns_answer_unref(answer);
}

/* ---- verification ---- */

static void signatures_verify(void **state)
{
    struct dkim_test test;
    unsigned char digest[32], signature[512];
    size_t len = sizeof(signature);
    struct dkim_key key;
    (void)state;
    dkim_test_begin(&test);
    SHA256((const unsigned char *)"x", 1, digest);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(test.rsa, NULL);
    assert_true(EVP_PKEY_sign_init(context) > 0);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0);
    assert_true(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) > 0);
    assert_true(EVP_PKEY_sign(context, signature, &len, digest, 32) > 0);
    EVP_PKEY_CTX_free(context);

    struct bytes text = dkim_test_public_key(arena, test.rsa);
    dkim_key_parse(arena, bytes_of(arena_printf(arena, "p=%.*s", BYTES_ARGS(text))), &key);
    assert_null(key.problem);
    assert_true(dkim_key_verify(&key, digest, signature, len));
    assert_false(dkim_key_verify(&key, digest, signature, len - 1));
    assert_false(dkim_key_verify(&key, digest, signature, 1));
    signature[7] ^= 1;
    assert_false(dkim_key_verify(&key, digest, signature, len));
    dkim_key_clear(&key);
    assert_false(dkim_key_verify(&key, digest, signature, len));
    dkim_test_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_judged),
        cmocka_unit_test(flags_and_lists),
        cmocka_unit_test(modulus_bits),
        cmocka_unit_test(encodings),
        cmocka_unit_test(broken_der_is_survived),
        cmocka_unit_test(usable_records_are_chosen),
        cmocka_unit_test(first_problem_when_none_is_usable),
        cmocka_unit_test(number_of_keys_is_bounded),
        cmocka_unit_test(signatures_verify),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
