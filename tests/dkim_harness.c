/* dkim_harness.c - signing and verifying of test messages; see dkim_harness.h. */
#include "dkim_harness.h"

#include "base64.h"
#include "strbuf.h"

#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000000 };

static EVP_PKEY *rsa_key, *ed25519_key;

static void free_keys(void)
{
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(ed25519_key);
}

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "dkim_harness: %s failed\n", what);
        exit(99);
    }
}

void dkim_test_begin(struct dkim_test *test)
{
    if (!rsa_key) {
        rsa_key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
        ed25519_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        must(rsa_key && ed25519_key, "making keys");
        atexit(free_keys);
    }
    *test = (struct dkim_test){.arena = arena_new(1 << 28),
                               .dns = fake_dns_new(),
                               .limits = test_limits,
                               .now = NOW,
                               .rsa = rsa_key,
                               .ed25519 = ed25519_key};
    must(dkim_global_init(), "dkim_global_init()");
    dkim_test_publish(test, "rsa", "v=DKIM1; ", rsa_key);
    dkim_test_publish(test, "ed", "v=DKIM1; k=ed25519; ", ed25519_key);
}

void dkim_test_end(struct dkim_test *test)
{
    fake_dns_free(test->dns);
    arena_free(test->arena);
    dkim_global_cleanup();
}

struct bytes dkim_test_public_key(struct arena *arena, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    unsigned char raw[32];
    size_t raw_len = sizeof(raw);
    struct strbuf text;
    strbuf_init(&text, arena);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        must(EVP_PKEY_get_raw_public_key(key, raw, &raw_len) > 0, "raw key");
        base64_encode(&text, raw, raw_len);
    } else {
        int len = i2d_PUBKEY(key, &der);
        must(len > 0, "i2d_PUBKEY()");
        base64_encode(&text, der, (size_t)len);
        OPENSSL_free(der);
    }
    return strbuf_view(&text);
}

void dkim_test_publish(struct dkim_test *test, const char *selector, const char *tags,
                       EVP_PKEY *key)
{
    struct bytes text = dkim_test_public_key(test->arena, key);
    fake_dns_add(test->dns, arena_printf(test->arena, "%s._domainkey.example.com", selector),
                 DNS_TXT, arena_printf(test->arena, "%sp=%.*s", tags, BYTES_ARGS(text)));
}

struct bytes dkim_test_join(struct dkim_test *test, struct bytes a, struct bytes b)
{
    struct strbuf buf;
    strbuf_init(&buf, test->arena);
    strbuf_bytes(&buf, a);
    strbuf_bytes(&buf, b);
    return strbuf_view(&buf);
}

/* RFC 6376 3.7, RFC 8463 3: the signature is made over the SHA-256 hash. */
static void sign_digest(EVP_PKEY *key, const unsigned char digest[32], struct strbuf *out)
{
    unsigned char signature[2048];
    size_t len = sizeof(signature);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        must(EVP_DigestSignInit(context, NULL, NULL, NULL, key) > 0 &&
                 EVP_DigestSign(context, signature, &len, digest, 32) > 0,
             "Ed25519");
        EVP_MD_CTX_free(context);
    } else {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        must(EVP_PKEY_sign_init(context) > 0 &&
                 EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
                 EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) > 0 &&
                 EVP_PKEY_sign(context, signature, &len, digest, 32) > 0,
             "RSA");
        EVP_PKEY_CTX_free(context);
    }
    base64_encode(out, signature, len);
}

struct bytes dkim_test_sign(struct dkim_test *test, EVP_PKEY *key, const char *tags, bool relaxed,
                            struct bytes headers, struct bytes body)
{
    unsigned char digest[32];
    struct strbuf value, hashed;
    strbuf_init(&value, test->arena);
    strbuf_printf(&value, "v=1; %s; bh=", tags);
    SHA256((const unsigned char *)body.data, body.len, digest);
    base64_encode(&value, digest, sizeof(digest));
    strbuf_puts(&value, "; b=");

    strbuf_init(&hashed, test->arena);
    strbuf_bytes(&hashed, headers);
    strbuf_puts(&hashed, relaxed ? "dkim-signature:" : "DKIM-Signature: ");
    strbuf_bytes(&hashed, strbuf_view(&value));
    SHA256((const unsigned char *)strbuf_string(&hashed), strbuf_view(&hashed).len, digest);
    sign_digest(key, digest, &value);
    strbuf_puts(&value, "\r\n");
    return dkim_test_join(test, BYTES("DKIM-Signature: "), strbuf_view(&value));
}

/* The end of the header field that begins the text: the first CRLF without white space behind;
 * 0 when the empty line begins it. */
static size_t field_end(struct bytes text)
{
    if (bytes_starts_nocase(text, BYTES("\r\n")))
        return 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '\r' && text.data[i + 1] == '\n' &&
            (i + 2 == text.len || !is_wsp(text.data[i + 2])))
            return i;
    }
    return text.len;
}

struct bytes dkim_test_fields(struct bytes message,
                              void (*each)(void *context, struct bytes name, struct bytes value),
                              void *context)
{
    while (message.len) {
        size_t end = field_end(message);
        struct bytes field = bytes_slice(message, 0, end);
        size_t colon = bytes_find(field, ':');
        message = bytes_slice(message, end + 2, message.len);
        if (field.len == 0)
            break;
        each(context, bytes_slice(field, 0, colon), bytes_slice(field, colon + 1, field.len));
    }
    return message;
}

static void feed_verifier(void *verifier, struct bytes name, struct bytes value)
{
    dkim_verifier_header(verifier, name, value);
}

void dkim_test_verify(struct dkim_test *test, struct bytes message)
{
    struct policy_env env = fake_env(test->dns, test->now);
    struct dns_session *session = fake_session(&env, test->arena);
    struct dkim_verifier *verifier = dkim_verifier_new(&env, &test->limits, session, test->arena);
    must(verifier != NULL, "dkim_verifier_new()");
    struct bytes body = dkim_test_fields(message, feed_verifier, verifier);
    dkim_verifier_end_of_headers(verifier);
    test->needed_body = dkim_verifier_needs_body(verifier);
    for (size_t at = 0; test->needed_body && at < body.len;) {
        struct bytes part = bytes_slice(body, at, test->chunk ? test->chunk : body.len);
        /* a block of exactly this size, so that the sanitisers see every step beyond it */
        char *copy = malloc(part.len);
        memcpy(copy, part.data, part.len);
        dkim_verifier_body(verifier, (struct bytes){copy, part.len});
        free(copy);
        at += part.len;
    }
    dkim_verifier_finish(verifier, &test->results);
    dkim_verifier_free(verifier);
    dns_session_free(session);
}

const char *dkim_test_result(const struct dkim_test *test, size_t index)
{
    return auth_result_name(index < test->results.count ? test->results.signatures[index].result
                                                        : AUTH_NONE);
}

const char *dkim_test_reason(const struct dkim_test *test, size_t index)
{
    return index < test->results.count ? test->results.signatures[index].reason : "";
}
