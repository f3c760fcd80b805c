/* fuzz_dkim_signature.c - the value of a DKIM-Signature field. */
#include "dkim_fields.h"
#include "dkim_header_hash.h"
#include "fuzz.h"

static void check_good(const struct dkim_signature_field *field)
{
    REQUIRE(!field->reason);
    REQUIRE(field->algorithm == DKIM_RSA_SHA256 || field->algorithm == DKIM_ED25519_SHA256);
    REQUIRE(field->domain.labels >= 2 && !domain_is_none(field->selector));
    REQUIRE(domain_within(field->identity_domain, field->domain));
    REQUIRE(field->signature && field->signature_len > 0 && field->signature_text.len > 0);
    REQUIRE(field->signed_count > 0 && dkim_signature_covers(field, "from"));
    REQUIRE(!field->has_time || !field->has_expiry || field->expiry > field->time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 26);
    struct dkim_signature_field field;
    dkim_signature_parse(arena, input, &field);
    REQUIRE(field.result == AUTH_NONE || (fuzz_is_text(field.reason) && *field.reason));
    if (field.result == AUTH_NONE)
        check_good(&field);
    struct bytes text = dkim_field_text(arena, BYTES("DKIM-Signature"), input);
    struct bytes stripped = dkim_header_strip(arena, text);
    REQUIRE(stripped.len <= text.len + 1);
    REQUIRE(bytes_equal(dkim_header_strip(arena, stripped), stripped));
    dkim_signature_judge_time(&field, 1700000000, 300);
    REQUIRE(field.result == AUTH_NONE || (fuzz_is_text(field.reason) && *field.reason));
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
