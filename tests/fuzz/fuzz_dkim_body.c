/* fuzz_dkim_body.c - the hash of a body against canonical_body(), in pieces of all sizes.
 *
 * Input: two octets, canonicalisation with the size of the pieces, and l=; then the body.
 */
#include "canonical_body.h"
#include "dkim_body.h"
#include "dkim_signature.h"
#include "fuzz.h"

#include <openssl/sha.h>
#include <string.h>

/* True when a CR or LF stands alone somewhere. */
static bool is_bare(struct bytes body)
{
    for (size_t i = 0; i < body.len; i++) {
        bool crlf = body.data[i] == '\r' && i + 1 < body.len && body.data[i + 1] == '\n';
        if (!crlf && (body.data[i] == '\r' || body.data[i] == '\n'))
            return true;
        i += crlf;
    }
    return false;
}

static void check(struct arena *arena, struct bytes body, bool relaxed, uint64_t limit,
                  size_t chunk)
{
    uint8_t digest[SHA256_OCTETS];
    struct bytes canonical = canonical_body(arena, body, relaxed);
    struct dkim_body *hashed = dkim_body_new(relaxed, limit);
    REQUIRE(hashed && dkim_body_serves(hashed, relaxed, limit));
    REQUIRE(!dkim_body_serves(hashed, !relaxed, limit));
    for (size_t at = 0, len = 0; at < body.len; at += len) {
        len = len % chunk + 1; /* 1, 2, ... chunk octets, over and over */
        struct bytes part = bytes_slice(body, at, len);
        char *copy = malloc(part.len);
        memcpy(copy, part.data, part.len);
        dkim_body_add(hashed, (struct bytes){copy, part.len});
        free(copy);
    }
    dkim_body_end(hashed);
    REQUIRE(dkim_body_octets(hashed) == canonical.len);
    REQUIRE(dkim_body_is_bare(hashed) == is_bare(body));
    canonical = bytes_slice(canonical, 0, limit < canonical.len ? (size_t)limit : canonical.len);
    SHA256((const unsigned char *)canonical.data, canonical.len, digest);
    REQUIRE(dkim_body_hash(hashed) && memcmp(dkim_body_hash(hashed), digest, SHA256_OCTETS) == 0);
    dkim_body_free(hashed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 26);
    unsigned first = fuzz_octet(&input), length = fuzz_octet(&input);
    uint64_t limit = length == 255 ? DKIM_BODY_WHOLE : length;
    check(arena, input, first % 2, limit, 1 + first / 2);
    check(arena, input, first % 2, limit, input.len + 1);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
