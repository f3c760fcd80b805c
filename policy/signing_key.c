/* signing_key.c - private keys for DKIM signatures; see signing_key.h.
 *
 * OpenSSL's decoder finds out by itself what it is given, and takes its time:
 * half a millisecond for an RSA key, and much more when threads compete. So a key
 * is decoded once, when it is loaded.
 *
 * The public half goes the way of the world: it is written as a key record and
 * read back by dkim_key_parse(). A key that a verifier would refuse is thereby
 * refused here, with a test signature besides.
 */
#include "signing_key.h"

#include "base64.h"
#include "crypto_memory.h"
#include "dkim_key.h"

#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_OCTETS_MAX = 65536, /* of a key file; RSA-8192 takes 6 kB */
    SCRATCH_OCTETS = 1 << 19,
    RSA_SIGNATURE_MAX = RSA_BITS_MAX / 8,
};

struct signing_key { /* small: there may be 100,000 of them */
    atomic_uint references;
    unsigned bits;
    bool tried; /* has signed: what fails from now on is no fault of the key */
    EVP_PKEY *pkey;
};

const char signing_key_no_memory[] = "out of memory";
static const char wrong_type[] = "the key is of another type: DKIM knows RSA and Ed25519";
static const char not_private[] =
    "this is a public key; the private key is needed (\"BEGIN PRIVATE KEY\")";
static const char damaged[] = "the key is damaged: it cannot be decoded";

/* ---- decoding ---- */

/* A daemon has nobody to ask. Notes that it was asked for a passphrase. */
static int refuse_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* `format` is "PEM" or "DER", `selection` EVP_PKEY_KEYPAIR or EVP_PKEY_PUBLIC_KEY. */
static EVP_PKEY *decode(struct bytes text, const char *format, int selection, bool *encrypted)
{
    EVP_PKEY *pkey = NULL;
    const unsigned char *data = (const unsigned char *)text.data;
    size_t len = text.len;
    OSSL_DECODER_CTX *context =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, format, NULL, NULL, selection, NULL, NULL);
    if (!context || !OSSL_DECODER_CTX_set_pem_password_cb(context, refuse_passphrase, encrypted) ||
        !OSSL_DECODER_from_data(context, &data, &len)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    OSSL_DECODER_CTX_free(context);
    return pkey;
}

static bool ends_with(struct bytes text, struct bytes end)
{
    return text.len >= end.len && bytes_equal(bytes_slice(text, text.len - end.len, end.len), end);
}

static size_t find(struct bytes text, size_t from, struct bytes what)
{
    for (size_t i = from; i + what.len <= text.len; i++) {
        if (memcmp(text.data + i, what.data, what.len) == 0)
            return i;
    }
    return text.len;
}

/* The PEM block of a private key, from its BEGIN on; the empty view, with a
 * problem, when there is none. Other blocks may stand around it (EC PARAMETERS,
 * certificates), and text between them (RFC 7468 2). */
static struct bytes find_private_block(struct bytes text, const char **problem)
{
    static const char begin[] = "-----BEGIN ";
    *problem = "no private key in it";
    for (size_t at = 0; (at = find(text, at, BYTES(begin))) < text.len;) {
        struct bytes label = bytes_slice(text, at + sizeof(begin) - 1, text.len);
        label.len = find(label, 0, BYTES("-----"));
        if (ends_with(label, BYTES("PRIVATE KEY"))) {
            if (find(text, at, BYTES("-----END ")) < text.len)
                return bytes_slice(text, at, text.len);
            *problem = "the key is truncated: its END line is missing";
            return BYTES_EMPTY;
        }
        if (ends_with(label, BYTES("PUBLIC KEY")))
            *problem = not_private;
        at += sizeof(begin) - 1;
    }
    return BYTES_EMPTY;
}

static EVP_PKEY *decode_pem(struct bytes text, const char **problem)
{
    struct bytes block = find_private_block(text, problem);
    bool encrypted = false;
    if (block.len == 0)
        return NULL;
    EVP_PKEY *pkey = decode(block, "PEM", EVP_PKEY_KEYPAIR, &encrypted);
    *problem = encrypted ? "the key is encrypted: a daemon cannot ask for its passphrase" : damaged;
    return pkey;
}

/* What OpenDKIM and others take besides PEM. */
static EVP_PKEY *decode_base64(struct arena *scratch, struct bytes text, const char **problem)
{
    uint8_t *octets;
    size_t len;
    bool encrypted = false;
    EVP_PKEY *pkey;
    *problem = "this is no key: neither PEM nor base64";
    if (find(text, 0, BYTES("p=")) < text.len) { /* a key record */
        *problem = not_private;
        return NULL;
    }
    if (!base64_decode(scratch, text, &octets, &len))
        return NULL;
    struct bytes der = {(const char *)octets, len};
    if (len == ED25519_KEY_OCTETS) {
        pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, octets, len);
        *problem = damaged;
    } else {
        pkey = decode(der, "DER", EVP_PKEY_KEYPAIR, &encrypted);
        *problem =
            encrypted ? "the key is encrypted: a daemon cannot ask for its passphrase" : damaged;
        EVP_PKEY *public = pkey ? NULL : decode(der, "DER", EVP_PKEY_PUBLIC_KEY, &encrypted);
        if (public)
            *problem = not_private;
        EVP_PKEY_free(public);
    }
    OPENSSL_cleanse(octets, len);
    return pkey;
}

/* ---- judging ---- */

static const char *object_to_type(const EVP_PKEY *pkey)
{
    if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
        return NULL;
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
        return wrong_type;
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits < RSA_BITS_MIN)
        return "the RSA key is too short: RFC 8301 asks for at least 1024 bits, better 2048";
    return bits > RSA_BITS_MAX ? "the RSA key is too long: at most 8192 bits" : NULL;
}

/* True when a signature made with the key verifies. A key whose numbers do not
 * belong together decodes all the same. */
static bool verifies(const struct signing_key *key, struct arena *scratch,
                     const struct dkim_key *public_half)
{
    static const uint8_t digest[SHA256_OCTETS] = "anything";
    uint8_t *signature;
    size_t len;
    if (!signing_key_sign(key, scratch, digest, &signature, &len)) {
        if (crypto_memory_failed())
            arena_fail(scratch);
        return false;
    }
    enum dkim_key_verdict verdict = dkim_key_judge(public_half, digest, signature, len);
    if (verdict == DKIM_KEY_NO_MEMORY)
        arena_fail(scratch);
    return verdict == DKIM_KEY_VERIFIES;
}

static const char *try_out(struct signing_key *key, struct arena *scratch)
{
    struct dkim_key public_half;
    struct strbuf record;
    strbuf_init(&record, scratch);
    strbuf_printf(&record,
                  "k=%s; p=", signing_key_type(key) == SIGNING_KEY_RSA ? "rsa" : "ed25519");
    signing_key_public(key, &record);
    dkim_key_parse(scratch, strbuf_view(&record), &public_half);
    bool good = !public_half.problem && verifies(key, scratch, &public_half);
    key->bits = public_half.bits;
    key->tried = good;
    dkim_key_clear(&public_half);
    if (arena_failed(scratch))
        return signing_key_no_memory;
    return good ? NULL : "the key is damaged: what it signs does not verify";
}

/* Takes pkey over. */
static struct signing_key *build(EVP_PKEY *pkey, struct arena *scratch, const char **problem)
{
    struct signing_key *key = NULL;
    *problem = object_to_type(pkey);
    if (!*problem) {
        key = calloc(1, sizeof(*key));
        *problem = signing_key_no_memory;
    }
    if (!key) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    atomic_init(&key->references, 1);
    key->pkey = pkey;
    *problem = try_out(key, scratch);
    if (*problem) {
        signing_key_unref(key);
        return NULL;
    }
    return key;
}

struct signing_key *signing_key_parse(struct bytes text, const char **problem)
{
    struct arena *scratch = arena_new(SCRATCH_OCTETS);
    struct bytes content = bytes_trim(text);
    EVP_PKEY *pkey = NULL;
    struct signing_key *key = NULL;
    crypto_memory_begin();
    if (!scratch)
        *problem = signing_key_no_memory;
    else if (content.len == 0)
        *problem = "it is empty";
    else if (content.len > TEXT_OCTETS_MAX)
        *problem = "it is too large for a key";
    else if (find(content, 0, BYTES("-----BEGIN ")) < content.len)
        pkey = decode_pem(content, problem);
    else
        pkey = decode_base64(scratch, content, problem);
    if (pkey)
        key = build(pkey, scratch, problem);
    /* Nobody else is to find our errors in the thread's queue. */
    if (crypto_memory_failed() && !key)
        *problem = signing_key_no_memory;
    arena_free(scratch);
    return key;
}

/* ---- use ---- */

struct signing_key *signing_key_ref(struct signing_key *key)
{
    atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void signing_key_unref(struct signing_key *key)
{
    if (!key || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(key->pkey); /* overwrites the private numbers */
    free(key);
}

enum signing_key_type signing_key_type(const struct signing_key *key)
{
    return EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_ED25519 ? SIGNING_KEY_ED25519
                                                               : SIGNING_KEY_RSA;
}

const char *signing_key_algorithm(const struct signing_key *key)
{
    return dkim_algorithm_name(signing_key_type(key) == SIGNING_KEY_RSA ? DKIM_RSA_SHA256
                                                                        : DKIM_ED25519_SHA256);
}

unsigned signing_key_bits(const struct signing_key *key)
{
    return key->bits;
}

void signing_key_public(const struct signing_key *key, struct strbuf *out)
{
    unsigned char raw[ED25519_KEY_OCTETS];
    size_t raw_len = sizeof(raw);
    unsigned char *der = NULL;
    int len;
    if (signing_key_type(key) == SIGNING_KEY_ED25519) { /* RFC 8463 4.2 */
        if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_len) > 0)
            base64_encode(out, raw, raw_len);
    } else if ((len = i2d_PUBKEY(key->pkey, &der)) > 0) {
        base64_encode(out, der, (size_t)len);
        OPENSSL_free(der);
    } else if (out->arena) {
        arena_fail(out->arena); /* a decoded key can always be written */
    }
}

bool signing_key_matches(const struct signing_key *key, struct bytes record)
{
    struct arena *scratch = arena_new(SCRATCH_OCTETS);
    struct dkim_key published;
    if (!scratch)
        return false;
    dkim_key_parse(scratch, record, &published);
    bool matches = published.pkey && published.allows_sha256 && published.allows_email &&
                   EVP_PKEY_eq(published.pkey, key->pkey) == 1;
    dkim_key_clear(&published);
    arena_free(scratch);
    return matches;
}

static bool sign_rsa(EVP_PKEY *pkey, const uint8_t *digest, uint8_t *signature, size_t *len)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
    bool good = context && EVP_PKEY_sign_init(context) > 0 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
                EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) > 0 &&
                EVP_PKEY_sign(context, signature, len, digest, SHA256_OCTETS) > 0;
    EVP_PKEY_CTX_free(context);
    return good;
}

/* RFC 8463 3: what PureEdDSA signs is the hash. */
static bool sign_ed25519(EVP_PKEY *pkey, const uint8_t *digest, uint8_t *signature, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) > 0 &&
                EVP_DigestSign(context, signature, len, digest, SHA256_OCTETS) > 0;
    EVP_MD_CTX_free(context);
    return good;
}

bool signing_key_sign(const struct signing_key *key, struct arena *arena,
                      const uint8_t digest[SHA256_OCTETS], uint8_t **signature, size_t *len)
{
    *len = RSA_SIGNATURE_MAX;
    *signature = arena_alloc(arena, *len);
    if (!*signature)
        return false;
    bool good = signing_key_type(key) == SIGNING_KEY_RSA
                    ? sign_rsa(key->pkey, digest, *signature, len)
                    : sign_ed25519(key->pkey, digest, *signature, len);
    if (!good && key->tried) /* it can sign; what it lacked now was memory */
        arena_fail(arena);
    return good;
}
