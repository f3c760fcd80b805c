/* fuzz_dkim_key.c - one key record. */
#include "dkim_key.h"
#include "fuzz.h"

static void check_verifying(const struct dkim_key *key)
{
    static const uint8_t digest[32] = "anything";
    static const uint8_t signature[1024];
    REQUIRE(!dkim_key_verify(key, digest, signature, 64));
    REQUIRE(!dkim_key_verify(key, digest, signature, 0));
    REQUIRE(!dkim_key_verify(key, digest, signature, (key->bits + 7) / 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 24);
    struct dkim_key key;
    dkim_key_parse(arena, input, &key);
    REQUIRE(!key.problem == (key.pkey != NULL));
    REQUIRE(!key.problem || (fuzz_is_text(key.problem) && *key.problem));
    if (key.pkey) {
        REQUIRE(key.bits > 0);
        REQUIRE(key.type != DKIM_KEY_ED25519 || key.bits == 256);
        check_verifying(&key);
    }
    dkim_key_clear(&key);
    arena_free(arena);

    const struct dns_record records[] = {{0, input}, {0, BYTES("v=DKIM1; p=")}, {0, input}};
    for (size_t count = 1; count <= 3; count++) {
        const struct dns_answer *answer = dns_answer_new(DNS_FOUND, false, 60, "", records, count);
        const struct dkim_keys *keys = dkim_keys_of(answer);
        REQUIRE(keys && keys->count >= 1 && keys->count <= DKIM_KEYS_MAX);
        REQUIRE(!keys->keys[0].problem || keys->count == 1);
        for (size_t i = 1; i < keys->count; i++)
            REQUIRE(!keys->keys[i].problem && keys->keys[i].pkey);
        dns_answer_unref(answer);
    }
    return 0;
}
