/* test_signing_key.c - private keys: what is taken, what is said of the rest. */
#include "base64.h"
#include "dkim_key.h"
#include "signing_key.h"
#include "unit.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

static struct arena *arena;
static EVP_PKEY *rsa, *ed25519, *other_rsa, *other_ed25519;

static int make_keys(void **state)
{
    (void)state;
    arena = arena_new(1 << 24);
    rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    other_rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    other_ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return arena && rsa && other_rsa && ed25519 && other_ed25519 ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(ed25519);
    EVP_PKEY_free(other_ed25519);
    arena_free(arena);
    return 0;
}

/* ---- the forms a key comes in ---- */

static struct bytes take_bio(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct bytes text = arena_bytes(arena, (struct bytes){data, (size_t)len});
    BIO_free(bio);
    return text;
}

static struct bytes pkcs8(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return take_bio(bio);
}

static struct bytes pkcs8_encrypted(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    return take_bio(bio);
}

/* PKCS#1 for RSA, SEC 1 for EC. */
static struct bytes traditional(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return take_bio(bio);
}

static struct bytes traditional_encrypted(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_128_cbc(),
                                                          (const unsigned char *)"secret", 6, NULL,
                                                          NULL),
                     1);
    return take_bio(bio);
}

static struct bytes public_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    return take_bio(bio);
}

static struct bytes text_of(const unsigned char *data, size_t len)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    base64_encode(&text, data, len);
    return strbuf_view(&text);
}

/* Base64 of DER: of the private key, or of the public one. */
static struct bytes base64_der(EVP_PKEY *key, bool public)
{
    unsigned char *der = NULL;
    int len = public ? i2d_PUBKEY(key, &der) : i2d_PrivateKey(key, &der);
    assert_true(len > 0);
    struct bytes text = text_of(der, (size_t)len);
    OPENSSL_free(der);
    return text;
}

static struct bytes seed(EVP_PKEY *key)
{
    unsigned char raw[32];
    size_t len = sizeof(raw);
    assert_int_equal(EVP_PKEY_get_raw_private_key(key, raw, &len), 1);
    return text_of(raw, len);
}

static struct bytes joined(struct bytes a, struct bytes b)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    strbuf_bytes(&text, a);
    strbuf_bytes(&text, b);
    return strbuf_view(&text);
}

static struct bytes with_crlf(struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n')
            strbuf_putc(&buf, '\r');
        strbuf_putc(&buf, text.data[i]);
    }
    return strbuf_view(&buf);
}

/* The key record of a key. */
static struct bytes record_of(EVP_PKEY *key, const char *tags)
{
    unsigned char raw[32];
    size_t len = sizeof(raw);
    bool is_ed25519 = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    if (is_ed25519)
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
    struct bytes data = is_ed25519 ? text_of(raw, len) : base64_der(key, true);
    return bytes_of(arena_printf(arena, "v=DKIM1; k=%s; %sp=%.*s", is_ed25519 ? "ed25519" : "rsa",
                                 tags, BYTES_ARGS(data)));
}

/* ---- what is taken ---- */

static struct signing_key *must_parse(struct bytes text)
{
    const char *problem = NULL;
    struct signing_key *key = signing_key_parse(text, &problem);
    if (!key)
        fail_msg("not taken: %s", problem);
    return key;
}

/* It is this key: by its public half, and by a signature that verifies. */
static void is_key(struct bytes text, EVP_PKEY *expected)
{
    static const uint8_t digest[SHA256_OCTETS] = {1, 2, 3};
    bool is_ed25519 = EVP_PKEY_get_base_id(expected) == EVP_PKEY_ED25519;
    struct signing_key *key = must_parse(text);
    struct dkim_key published;
    struct strbuf value;
    uint8_t *signature;
    size_t len;

    assert_int_equal(signing_key_type(key), is_ed25519 ? SIGNING_KEY_ED25519 : SIGNING_KEY_RSA);
    assert_string_equal(signing_key_algorithm(key), is_ed25519 ? "ed25519-sha256" : "rsa-sha256");
    assert_int_equal(signing_key_bits(key), is_ed25519 ? 256 : EVP_PKEY_get_bits(expected));
    assert_true(signing_key_matches(key, record_of(expected, "")));
    strbuf_init(&value, arena);
    signing_key_public(key, &value);
    struct bytes record = record_of(expected, "");
    assert_true(record.len > value.len);
    assert_string_equal(record.data + record.len - value.len, strbuf_string(&value));

    assert_true(signing_key_sign(key, arena, digest, &signature, &len));
    assert_int_equal(len, is_ed25519 ? 64 : EVP_PKEY_get_size(expected));
    dkim_key_parse(arena, record, &published);
    assert_true(dkim_key_verify(&published, digest, signature, len));
    signature[len / 2] ^= 1;
    assert_false(dkim_key_verify(&published, digest, signature, len));
    dkim_key_clear(&published);
    signing_key_unref(key);
}

static void every_form_is_taken(void **state)
{
    (void)state;
    is_key(traditional(rsa), rsa);
    is_key(pkcs8(rsa), rsa);
    is_key(base64_der(rsa, false), rsa);
    is_key(pkcs8(ed25519), ed25519);
    is_key(base64_der(ed25519, false), ed25519);
    is_key(seed(ed25519), ed25519);
}

static void what_stands_around_does_not_matter(void **state)
{
    struct bytes certificate =
        BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    (void)state;
    is_key(with_crlf(pkcs8(rsa)), rsa);
    is_key(joined(BYTES("\xef\xbb\xbf"), pkcs8(rsa)), rsa); /* byte order mark */
    is_key(joined(BYTES("\n# made by us\n\n"), joined(pkcs8(rsa), BYTES("\n\n"))), rsa);
    is_key(joined(certificate, pkcs8(rsa)), rsa);
    is_key(joined(public_pem(ed25519), pkcs8(ed25519)), ed25519);
    is_key(joined(pkcs8(rsa), pkcs8(ed25519)), rsa); /* the first */
    is_key(joined(joined(BYTES("\n "), seed(ed25519)), BYTES(" \r\n")), ed25519);
}

static void sizes_of_rsa(void **state)
{
    EVP_PKEY *large = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    (void)state;
    is_key(pkcs8(large), large);
    EVP_PKEY_free(large);
}

/* ---- what is not taken ---- */

#define ENCRYPTED "the key is encrypted: a daemon cannot ask for its passphrase"
#define PUBLIC    "this is a public key; the private key is needed (\"BEGIN PRIVATE KEY\")"
#define TYPE      "the key is of another type: DKIM knows RSA and Ed25519"
#define DECODED   "the key is damaged: it cannot be decoded"

static void is_refused(struct bytes text, const char *expected)
{
    const char *problem = NULL;
    assert_null(signing_key_parse(text, &problem));
    assert_non_null(problem);
    assert_string_equal(problem, expected);
}

static void refused_with_a_reason(void **state)
{
    EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    EVP_PKEY *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    (void)state;
    is_refused(BYTES_EMPTY, "it is empty");
    is_refused(BYTES(" \r\n\n"), "it is empty");
    is_refused(pkcs8_encrypted(rsa), ENCRYPTED);
    is_refused(pkcs8_encrypted(ed25519), ENCRYPTED);
    is_refused(traditional_encrypted(rsa), ENCRYPTED);
    is_refused(public_pem(rsa), PUBLIC);
    is_refused(public_pem(ed25519), PUBLIC);
    is_refused(base64_der(rsa, true), PUBLIC);
    is_refused(record_of(rsa, ""), PUBLIC);
    is_refused(record_of(ed25519, ""), PUBLIC);
    is_refused(pkcs8(ec), TYPE);
    is_refused(traditional(ec), TYPE);
    is_refused(base64_der(ec, false), TYPE);
    is_refused(pkcs8(ed448), TYPE);
    is_refused(pkcs8(x25519), TYPE);
    is_refused(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
               "no private key in it");
    is_refused(BYTES("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), DECODED);
    is_refused(BYTES("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n"), DECODED);
    is_refused(BYTES("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), DECODED);
    is_refused(BYTES("QUJD"), DECODED);
    is_refused(BYTES("what is this?"), "this is no key: neither PEM nor base64");
    is_refused((struct bytes){"\x30\x00\xff", 3}, "this is no key: neither PEM nor base64");
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed448);
    EVP_PKEY_free(x25519);
}

static void rsa_of_the_wrong_size(void **state)
{
    EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1016);
    (void)state;
    is_refused(pkcs8(small),
               "the RSA key is too short: RFC 8301 asks for at least 1024 bits, better 2048");
    EVP_PKEY_free(small);

    struct bytes blank = {arena_alloc(arena, 65537), 65537};
    memset((char *)(uintptr_t)blank.data, 'A', blank.len);
    is_refused(blank, "it is too large for a key");
}

/* A key may be cut anywhere; it is never taken and never crashes. */
static void truncated_anywhere(void **state)
{
    const EVP_PKEY *const keys[] = {rsa, ed25519};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        EVP_PKEY *key = (EVP_PKEY *)(uintptr_t)keys[k];
        struct bytes text = pkcs8(key);
        size_t end = text.len - strlen("-----END PRIVATE KEY-----\n");
        for (size_t len = 1; len < text.len - 2; len += 3) { /* the last dash may be missing? */
            const char *problem = NULL;
            struct signing_key *parsed = signing_key_parse(bytes_slice(text, 0, len), &problem);
            assert_null(parsed);
            if (len > strlen("-----BEGIN PRIVATE KEY-----") && len < end)
                assert_string_equal(problem, "the key is truncated: its END line is missing");
        }
        text = base64_der(key, false);
        for (size_t len = 1; len + 3 < text.len; len += 5) {
            const char *problem = NULL;
            if (len == 43 || len == 44) /* 32 octets: that is a seed */
                continue;
            assert_null(signing_key_parse(bytes_slice(text, 0, len), &problem));
            assert_non_null(problem);
        }
    }
}

/* Numbers that do not belong together decode well, and sign rubbish. */
static void a_damaged_key_is_found(void **state)
{
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(rsa, &der);
    size_t refused = 0;
    (void)state;
    assert_true(len > 0);
    for (size_t at = 40; at + 8 < (size_t)len; at += 37) {
        const char *problem = NULL;
        der[at] ^= 0x10;
        struct signing_key *key = signing_key_parse(text_of(der, (size_t)len), &problem);
        der[at] ^= 0x10;
        if (!key) {
            refused++;
            continue;
        }
        signing_key_unref(key); /* OpenSSL mended it: it then signs without the damaged number */
    }
    assert_in_range(refused, 3, 100);
    OPENSSL_free(der);
}

/* ---- records of the DNS ---- */

static void matching_records(void **state)
{
    struct signing_key *r = must_parse(pkcs8(rsa)), *e = must_parse(pkcs8(ed25519));
    (void)state;
    assert_true(signing_key_matches(r, record_of(rsa, "")));
    assert_true(signing_key_matches(r, record_of(rsa, "t=y; n=note; h=sha256; s=email; ")));
    assert_true(signing_key_matches(e, record_of(ed25519, "t=s; ")));
    assert_false(signing_key_matches(r, record_of(other_rsa, "")));
    assert_false(signing_key_matches(e, record_of(other_ed25519, "")));
    assert_false(signing_key_matches(r, record_of(ed25519, "")));
    assert_false(signing_key_matches(e, record_of(rsa, "")));
    assert_false(signing_key_matches(r, record_of(rsa, "h=sha1; ")));
    assert_false(signing_key_matches(r, record_of(rsa, "s=tlsrpt; ")));
    assert_false(signing_key_matches(r, BYTES("v=DKIM1; p=")));
    assert_false(signing_key_matches(r, BYTES("v=spf1 -all")));
    assert_false(signing_key_matches(r, BYTES_EMPTY));
    signing_key_unref(r);
    signing_key_unref(e);
}

/* ---- sharing ---- */

static void *sign_often(void *shared)
{
    static const uint8_t digest[SHA256_OCTETS] = {9};
    struct signing_key *key = shared;
    struct arena *own = arena_new(1 << 16);
    for (int i = 0; i < 50; i++) {
        uint8_t *signature;
        size_t len;
        struct signing_key *held = signing_key_ref(key);
        arena_reset(own);
        if (!signing_key_sign(held, own, digest, &signature, &len))
            return NULL;
        signing_key_unref(held);
    }
    arena_free(own);
    signing_key_unref(key);
    return shared;
}

static void threads_share_a_key(void **state)
{
    struct bytes texts[] = {pkcs8(rsa), pkcs8(ed25519)};
    (void)state;
    for (size_t t = 0; t < 2; t++) {
        struct signing_key *key = must_parse(texts[t]);
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, sign_often, signing_key_ref(key)),
                             0);
        signing_key_unref(key); /* the threads have their own references */
        for (size_t i = 0; i < 4; i++) {
            void *good;
            pthread_join(threads[i], &good);
            assert_non_null(good);
        }
    }
    signing_key_unref(NULL);
}

static void lack_of_memory_is_told(void **state)
{
    static const uint8_t digest[SHA256_OCTETS] = {9};
    struct signing_key *key = must_parse(pkcs8(rsa));
    struct arena *tight = arena_new(10);
    uint8_t *signature;
    size_t len;
    (void)state;
    assert_false(signing_key_sign(key, tight, digest, &signature, &len));
    arena_free(tight);
    signing_key_unref(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_taken),
        cmocka_unit_test(what_stands_around_does_not_matter),
        cmocka_unit_test(sizes_of_rsa),
        cmocka_unit_test(refused_with_a_reason),
        cmocka_unit_test(rsa_of_the_wrong_size),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(a_damaged_key_is_found),
        cmocka_unit_test(matching_records),
        cmocka_unit_test(threads_share_a_key),
        cmocka_unit_test(lack_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
