/* fuzz_signing_key.c - the content of a private key file: a key that is taken signs
 * what its own public record verifies. */
#include "dkim_key.h"
#include "fuzz.h"
#include "signing_key.h"

static void check_key(const struct signing_key *key)
{
    static const uint8_t digest[SHA256_OCTETS] = "the hash of some message";
    struct arena *arena = arena_new(1 << 20);
    struct dkim_key public_half;
    struct strbuf record;
    uint8_t *signature;
    size_t len;
    strbuf_init(&record, arena);
    strbuf_printf(
        &record, "v=DKIM1; k=%s; p=", signing_key_type(key) == SIGNING_KEY_RSA ? "rsa" : "ed25519");
    signing_key_public(key, &record);
    REQUIRE(signing_key_matches(key, strbuf_view(&record)));
    dkim_key_parse(arena, strbuf_view(&record), &public_half);
    REQUIRE(!public_half.problem && public_half.bits == signing_key_bits(key));
    REQUIRE(signing_key_sign(key, arena, digest, &signature, &len));
    REQUIRE(dkim_key_verify(&public_half, digest, signature, len));
    dkim_key_clear(&public_half);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    const char *problem = NULL;
    struct signing_key *key = signing_key_parse(input, &problem);
    if (key)
        check_key(key);
    else
        REQUIRE(fuzz_is_text(problem) && *problem);
    if (key) /* the text of a private key is no public record */
        REQUIRE(!signing_key_matches(key, input));
    signing_key_unref(key);
    return 0;
}
