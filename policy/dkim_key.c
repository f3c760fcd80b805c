/* dkim_key.c - public keys in DNS, RFC 6376 3.6.1; see dkim_key.h.
 *
 * OpenSSL's own decoder takes 100 us for an RSA key, so the few bytes of DER
 * around modulus and exponent are read here and the key is built from numbers. It looks every
 * algorithm up by name, under locks, when a context is made ready to verify; so one that is
 * ready stays with the key. Contexts are not for two threads at a time: who needs one while another
 * has it makes his own.
 */
#include "dkim_key.h"

#include "base64.h"
#include "bounds.h"
#include "crypto_memory.h"
#include "digest.h"
#include "taglist.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
    EXPONENT_OCTETS_MAX = 4,  /* a larger public exponent only costs time */
    SCRATCH_OCTETS = 1 << 18, /* for parsing one answer: 16 records of 8 kB, twice */
};

struct dkim_key_spare {
    _Atomic(EVP_PKEY_CTX *) context; /* NULL: in use, or not made yet */
};

static const char not_rsa[] = "key is no RSA public key";

/* ---- DER ---- */

/* The content of the next element, which must have this tag; failure otherwise. */
static struct cursor der_element(struct cursor *der, int tag)
{
    cursor_expect(der, (char)tag);
    int first = cursor_next(der);
    size_t len = (size_t)first;
    if (first >= 0x80) { /* long form; no key of ours needs more than two octets */
        len = 0;
        if (first == 0x80 || first > 0x82)
            cursor_fail(der);
        for (int i = first & 0x7f; i > 0 && !der->failed; i--)
            len = len << 8 | (size_t)(cursor_next(der) & 0xff);
    }
    struct bytes rest = cursor_rest(der);
    if (der->failed || len > rest.len) {
        cursor_fail(der);
        return (struct cursor){rest.data, rest.data, true};
    }
    der->pos += len;
    return cursor_of(bytes_slice(rest, 0, len));
}

/* A positive number without leading zero octets. The sign bit is not looked
 * at: some encoders leave out the zero octet in front of a modulus. */
static struct bytes der_number(struct cursor *der)
{
    struct cursor content = der_element(der, DER_INTEGER);
    while (cursor_peek(&content) == 0)
        cursor_next(&content);
    if (cursor_at_end(&content))
        cursor_fail(der);
    return cursor_rest(&content);
}

/* SubjectPublicKeyInfo (RFC 5280 4.1) around RSAPublicKey: what everybody publishes. */
static struct cursor unwrap_spki(struct cursor *outer)
{
    static const char rsa_encryption[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    struct cursor algorithm = der_element(outer, DER_SEQUENCE);
    struct cursor oid = der_element(&algorithm, DER_OID);
    struct cursor bits = der_element(outer, DER_BIT_STRING);
    if (!cursor_at_end(&algorithm)) { /* parameters: NULL, or left out */
        struct cursor null = der_element(&algorithm, DER_NULL);
        if (!cursor_at_end(&null))
            cursor_fail(&algorithm);
    }
    cursor_expect(&bits, 0); /* unused bits */
    if (!bytes_equal(cursor_rest(&oid), BYTES(rsa_encryption)) || algorithm.failed ||
        !cursor_at_end(&algorithm) || outer->failed || !cursor_at_end(outer))
        cursor_fail(&bits);
    struct cursor key = der_element(&bits, DER_SEQUENCE);
    if (!cursor_at_end(&bits))
        cursor_fail(&key);
    return key;
}

/* Modulus and exponent out of SubjectPublicKeyInfo or a bare RSAPublicKey (RFC 8017 A.1.1),
 * which is what the text of RFC 6376 3.6.1 asks for. */
static bool read_rsa(struct bytes der, struct bytes *modulus, struct bytes *exponent)
{
    struct cursor whole = cursor_of(der);
    struct cursor key = der_element(&whole, DER_SEQUENCE);
    if (cursor_peek(&key) == DER_SEQUENCE)
        key = unwrap_spki(&key);
    *modulus = der_number(&key);
    *exponent = der_number(&key);
    return !key.failed && cursor_at_end(&key) && !whole.failed && cursor_at_end(&whole);
}

/* ---- decoding ---- */

static EVP_PKEY *build_rsa(const BIGNUM *modulus, const BIGNUM *exponent)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    if (builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        params = OSSL_PARAM_BLD_to_param(builder);
    if (params && context && EVP_PKEY_fromdata_init(context) > 0 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        pkey = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static BIGNUM *number_of(struct bytes octets)
{
    return BN_bin2bn((const unsigned char *)octets.data, (int)octets.len, NULL);
}

static void decode_rsa(struct dkim_key *key, struct bytes der)
{
    struct bytes modulus, exponent;
    key->problem = not_rsa;
    if (!read_rsa(der, &modulus, &exponent) || modulus.len > DKIM_KEY_RECORD_MAX ||
        exponent.len > EXPONENT_OCTETS_MAX)
        return;
    BIGNUM *n = number_of(modulus);
    BIGNUM *e = number_of(exponent);
    if (n && e && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e)) {
        key->bits = (unsigned)BN_num_bits(n);
        key->pkey = key->bits <= RSA_BITS_MAX ? build_rsa(n, e) : NULL;
        key->spare = key->pkey ? calloc(1, sizeof(*key->spare)) : NULL;
        key->problem = key->pkey                  ? NULL
                       : key->bits > RSA_BITS_MAX ? "RSA key is too large"
                                                  : not_rsa;
    }
    BN_free(n);
    BN_free(e);
}

static void decode_ed25519(struct dkim_key *key, struct bytes raw)
{
    if (raw.len == ED25519_KEY_OCTETS)
        key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                (const unsigned char *)raw.data, raw.len);
    if (key->pkey)
        key->bits = 256;
    else
        key->problem = "key is no Ed25519 public key";
}

/* A key that there was no memory for is not a wrong one: the scratch arena fails. */
static void decode(struct arena *scratch, struct dkim_key *key, struct bytes octets)
{
    crypto_memory_begin();
    if (key->type == DKIM_KEY_ED25519)
        decode_ed25519(key, octets);
    else
        decode_rsa(key, octets);
    if (!key->pkey && crypto_memory_failed())
        arena_fail(scratch);
}

/* ---- the record ---- */

/* True when a colon-separated list names `word`. */
static bool lists(struct bytes value, const char *word)
{
    for (size_t start = 0; start <= value.len;) {
        struct bytes rest = bytes_slice(value, start, value.len);
        size_t len = bytes_find(rest, ':');
        if (bytes_is(bytes_trim(bytes_slice(rest, 0, len)), word))
            return true;
        start += len + 1;
    }
    return false;
}

/* The tags other than p=, RFC 6376 3.6.1. */
static const char *read_tags(const struct taglist *list, struct dkim_key *out)
{
    const struct bytes *version = taglist_find(list, "v");
    const struct bytes *type = taglist_find(list, "k");
    const struct bytes *hashes = taglist_find(list, "h");
    const struct bytes *services = taglist_find(list, "s");
    const struct bytes *flags = taglist_find(list, "t");
    /* v= comes first if it is there, and other versions MUST be discarded. */
    if (version && (version != &list->tags[0].value || !bytes_equal(*version, BYTES("DKIM1"))))
        return "version of the key record is unknown";
    out->allows_sha256 = !hashes || lists(*hashes, "sha256");
    out->allows_email = !services || lists(*services, "email") || lists(*services, "*");
    out->testing = flags && lists(*flags, "y");
    out->strict_domain = flags && lists(*flags, "s");
    if (type && bytes_is(*type, "ed25519"))
        out->type = DKIM_KEY_ED25519;
    else if (type && !bytes_is(*type, "rsa"))
        return "key type is unknown";
    return NULL;
}

void dkim_key_parse(struct arena *scratch, struct bytes record, struct dkim_key *out)
{
    struct taglist list = {0};
    uint8_t *octets;
    size_t len;
    *out = (struct dkim_key){.problem = "key record is malformed"};
    if (record.len > DKIM_KEY_RECORD_MAX || taglist_parse(scratch, record, DKIM_TAGS_MAX, &list))
        return;
    out->problem = read_tags(&list, out);
    if (out->problem)
        return;
    const struct bytes *data = taglist_find(&list, "p");
    if (!data)
        out->problem = "key record has no p=";
    else if (!base64_decode(scratch, *data, &octets, &len))
        out->problem = "key record is malformed";
    else if (data->len == 0)
        out->problem = "key is revoked";
    else
        decode(scratch, out, (struct bytes){(const char *)octets, len});
}

void dkim_key_clear(struct dkim_key *key)
{
    if (key->spare)
        EVP_PKEY_CTX_free(atomic_load(&key->spare->context));
    free(key->spare);
    EVP_PKEY_free(key->pkey);
    *key = (struct dkim_key){.problem = ""};
}

/* ---- answers ---- */

static void free_keys(void *derived)
{
    struct dkim_keys *keys = derived;
    for (size_t i = 0; i < keys->count; i++)
        dkim_key_clear(&keys->keys[i]);
    free(keys);
}

/* RFC 6376 6.1.2 leaves the choice among several records to us: all that can
 * be used, or, when none can, the first one's problem. */
static void *make_keys(const struct dns_answer *answer)
{
    struct dkim_keys *keys = calloc(1, sizeof(*keys));
    struct arena *scratch = arena_new(SCRATCH_OCTETS);
    struct dkim_key refused = {.problem = "key record is malformed"};
    for (size_t i = 0; keys && scratch && i < answer->count && i < DKIM_RECORDS_MAX; i++) {
        struct dkim_key key;
        arena_reset(scratch);
        dkim_key_parse(scratch, answer->records[i].data, &key);
        if (key.problem && i == 0)
            refused = key;
        if (!key.problem && keys->count < DKIM_KEYS_MAX)
            keys->keys[keys->count++] = key;
        else
            dkim_key_clear(&key);
    }
    bool failed = !scratch || arena_failed(scratch);
    arena_free(scratch);
    if (!keys)
        return NULL;
    if (failed) { /* one that is missing might be the right one */
        free_keys(keys);
        return NULL;
    }
    if (keys->count == 0)
        keys->keys[keys->count++] = refused;
    return keys;
}

const struct dkim_keys *dkim_keys_of(const struct dns_answer *answer)
{
    static const struct dns_derived_class kind = {make_keys, free_keys};
    return dns_answer_derived(answer, &kind);
}

/* ---- verification ---- */

/* Ready for EVP_PKEY_verify(), as often as one likes; NULL when libcrypto fails. */
static EVP_PKEY_CTX *rsa_context(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
    if (context && EVP_PKEY_verify_init(context) > 0 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
        EVP_PKEY_CTX_set_signature_md(context, digest_algorithm()) > 0)
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

/* The context goes back only after a success: a failed one may have suffered from want of memory.
 */
static bool verify_rsa(const struct dkim_key *key, const uint8_t digest[32],
                       const uint8_t *signature, size_t signature_len)
{
    EVP_PKEY_CTX *context = key->spare ? atomic_exchange(&key->spare->context, NULL) : NULL;
    if (!context)
        context = rsa_context(key->pkey);
    bool good = context && EVP_PKEY_verify(context, signature, signature_len, digest, 32) == 1;
    if (good && key->spare)
        context = atomic_exchange(&key->spare->context, context);
    EVP_PKEY_CTX_free(context);
    return good;
}

static bool verify_ed25519(EVP_PKEY *pkey, const uint8_t digest[32], const uint8_t *signature,
                           size_t signature_len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) > 0 &&
                EVP_DigestVerify(context, signature, signature_len, digest, 32) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static bool verify(const struct dkim_key *key, const uint8_t digest[32], const uint8_t *signature,
                   size_t signature_len)
{
    return key->type == DKIM_KEY_RSA ? verify_rsa(key, digest, signature, signature_len)
                                     : verify_ed25519(key->pkey, digest, signature, signature_len);
}

enum dkim_key_verdict dkim_key_judge(const struct dkim_key *key, const uint8_t digest[32],
                                     const uint8_t *signature, size_t signature_len)
{
    if (key->problem || !key->pkey)
        return DKIM_KEY_DIFFERS;
    crypto_memory_begin();
    if (verify(key, digest, signature, signature_len))
        return DKIM_KEY_VERIFIES;
    if (crypto_memory_failed())
        return DKIM_KEY_NO_MEMORY;
    /* libcrypto does not always note that it was memory. Refused twice is refused. */
    return verify(key, digest, signature, signature_len) ? DKIM_KEY_VERIFIES : DKIM_KEY_DIFFERS;
}

bool dkim_key_verify(const struct dkim_key *key, const uint8_t digest[32], const uint8_t *signature,
                     size_t signature_len)
{
    return dkim_key_judge(key, digest, signature, signature_len) == DKIM_KEY_VERIFIES;
}
