/* fuzz_dkim_message.c - whole messages to the DKIM verifier.
 *
 * Input: a line with the key record that every name has, then the message with
 * CRLF line ends. The message is verified in one piece and in pieces of all
 * sizes: both must give the same. Each signature is hashed by libopendkim, by our own
 * dkim_header_hash() and, its body, over canonical_body().
 */
#include "canonical_body.h"
#include "dkim.h"
#include "dkim_engine.h"
#include "dkim_harness.h"
#include "dkim_header_hash.h"
#include "fuzz.h"

#include <openssl/sha.h>
#include <string.h>

/* ---- DNS: one record everywhere ---- */

static struct bytes key_record;

static void start(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    const struct dns_record record = {0, key_record};
    (void)resolver;
    REQUIRE(lookup->type == DNS_TXT);
    dns_lookup_complete(lookup, dns_answer_new(DNS_FOUND, false, 60, "", &record, 1), false);
}

static void cancel(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    (void)resolver, (void)lookup;
}

/* ---- libopendkim against ourselves ---- */

static void check_body_hash(struct arena *arena, const struct dkim_signature_field *signature,
                            struct bytes body, const uint8_t *hash)
{
    uint8_t digest[SHA256_OCTETS];
    struct bytes canonical = canonical_body(arena, body, signature->relaxed_body);
    if (signature->has_length)
        canonical = bytes_slice(canonical, 0, (size_t)signature->length);
    SHA256((const unsigned char *)canonical.data, canonical.len, digest);
    REQUIRE(memcmp(digest, hash, SHA256_OCTETS) == 0);
}

static bool is_signature(struct dkim_header_field field)
{
    return bytes_is(dkim_field_name(field), "DKIM-Signature");
}

static void compare_hashes(struct arena *arena, const struct dkim_fields *fields, size_t own,
                           struct bytes body)
{
    struct dkim_signature_field signature;
    struct dkim_hashes hashes;
    uint8_t header[SHA256_OCTETS];
    struct bytes value = dkim_field_value(fields->items[own]);
    dkim_signature_parse(arena, value, &signature);
    if (!dkim_engine_accepts(&signature, value) ||
        dkim_signature_covers(&signature, "DKIM-Signature"))
        return;
    struct dkim_engine *engine = dkim_engine_new();
    for (size_t i = 0; i < fields->count; i++) {
        if (i == own || !is_signature(fields->items[i]))
            dkim_engine_field(engine, fields->items[i].text);
    }
    dkim_engine_end_of_headers(engine);
    if (dkim_engine_has(engine, 0)) {
        dkim_engine_body(engine, body);
        dkim_engine_end_of_body(engine);
        if (dkim_engine_hashes(engine, 0, &hashes)) {
            REQUIRE(dkim_header_hash(arena, fields->items, fields->count, own, &signature, header));
            REQUIRE(memcmp(header, hashes.header, SHA256_OCTETS) == 0);
            if (dkim_engine_trusts_body(engine, signature.relaxed_body))
                check_body_hash(arena, &signature, body, hashes.body);
        }
    }
    dkim_engine_free(engine);
}

static void collect(void *fields, struct bytes name, struct bytes value)
{
    dkim_fields_add(fields, name, value);
}

static bool library_takes(const struct dkim_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (!dkim_engine_takes(fields->items[i].text))
            return false;
    }
    return true;
}

static void compare_all(struct arena *arena, struct bytes message)
{
    struct dkim_fields fields;
    dkim_fields_init(&fields, arena, test_limits.maximum_header_fields,
                     test_limits.maximum_header_bytes);
    struct bytes body = dkim_test_fields(message, collect, &fields);
    unsigned signatures = 0;
    for (size_t i = 0; i < fields.count && !fields.unusable && library_takes(&fields); i++) {
        if (is_signature(fields.items[i]) && signatures++ < test_limits.maximum_signatures)
            compare_hashes(arena, &fields, i, body);
    }
}

/* ---- the verifier ---- */

static void feed_field(void *verifier, struct bytes name, struct bytes value)
{
    dkim_verifier_header(verifier, name, value);
}

/* chunk 0: all at once; else pieces of 1, 2, ... chunk octets, over and over. */
static void feed_body(struct dkim_verifier *verifier, struct bytes body, size_t chunk)
{
    for (size_t at = 0, len = 0; at < body.len; at += len) {
        len = chunk ? len % chunk + 1 : body.len;
        struct bytes part = bytes_slice(body, at, len);
        char *copy = malloc(part.len);
        memcpy(copy, part.data, part.len);
        dkim_verifier_body(verifier, (struct bytes){copy, part.len});
        free(copy);
    }
}

static struct dkim_results verify(struct arena *arena, const struct policy_env *env,
                                  struct dns_session *session, struct bytes message, size_t chunk)
{
    struct dkim_results results;
    struct dkim_verifier *verifier = dkim_verifier_new(env, &test_limits, session, arena);
    struct bytes body = dkim_test_fields(message, feed_field, verifier);
    dkim_verifier_end_of_headers(verifier);
    if (dkim_verifier_needs_body(verifier))
        feed_body(verifier, body, chunk);
    dkim_verifier_finish(verifier, &results);
    dkim_verifier_free(verifier);
    return results;
}

static void check_signature(const struct dkim_signature *signature)
{
    REQUIRE(signature->result != AUTH_NONE && signature->result <= AUTH_PERMERROR);
    REQUIRE(fuzz_is_text(signature->reason) && *signature->reason);
    REQUIRE(fuzz_is_text(signature->algorithm));
    if (signature->result != AUTH_PASS)
        return;
    REQUIRE(!domain_is_none(signature->domain) && !domain_is_none(signature->selector));
    REQUIRE(signature->key_bits >= RSA_BITS_MIN || signature->key_bits == 256);
    REQUIRE(!signature->body_partial && !signature->body_failed_only);
}

static void check(struct arena *arena, const struct policy_env *env, struct bytes message,
                  size_t chunk)
{
    struct dns_session *session = fake_session(env, arena);
    struct dkim_results whole = verify(arena, env, session, message, 0);
    struct dkim_results pieces = verify(arena, env, session, message, chunk);
    REQUIRE(whole.count <= test_limits.maximum_signatures && whole.count == pieces.count);
    REQUIRE(whole.skipped == pieces.skipped);
    for (size_t i = 0; i < whole.count; i++) {
        check_signature(&whole.signatures[i]);
        REQUIRE(whole.signatures[i].result == pieces.signatures[i].result);
        REQUIRE(strcmp(whole.signatures[i].reason, pieces.signatures[i].reason) == 0);
    }
    compare_all(arena, message);
    dns_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 28);
    struct dns_resolver resolver = {start, cancel};
    struct fake_dns *dns = fake_dns_new();
    struct policy_env env = fake_env(dns, 1700000000);
    env.resolver = &resolver;
    REQUIRE(dkim_global_init() && dkim_engine_global_init());
    key_record = fuzz_line(&input);
    check(arena, &env, input, 1 + input.len % 7);
    REQUIRE(!arena_failed(arena));
    fake_dns_free(dns);
    arena_free(arena);
    return 0;
}
