/* fuzz_report_row.c - an encoded row, as it stands in the journal and in the store. */
#include "fuzz.h"
#include "report_row.h"

enum { MEMORY = 1 << 20 };

static bool has(const struct report_row *row, struct bytes input)
{
    for (size_t i = 0; i < row->signature_count; i++) {
        const struct report_signature *signature = &row->signatures[i];
        if (!fuzz_is_within(signature->domain, input) ||
            !fuzz_is_within(signature->selector, input) ||
            !fuzz_is_within(signature->reason, input))
            return false;
    }
    return fuzz_is_within(row->queue_id, input) && fuzz_is_within(row->policy.domain, input);
}

/* What decodes is the one form of what it says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(MEMORY);
    struct bytes input = fuzz_input(data, size);
    struct report_row row, tuple;
    struct report_policy policy;
    struct report_keys keys;
    if (report_row_decode(arena, input, &row, &keys)) {
        struct strbuf again;
        strbuf_init(&again, arena);
        report_row_encode(&row, &again);
        REQUIRE(bytes_equal(strbuf_view(&again), input));
        REQUIRE(has(&row, input));
        REQUIRE(report_policy_decode(keys.policy, &policy));
        REQUIRE(report_tuple_decode(arena, keys.tuple, &tuple));
        REQUIRE(tuple.signature_count == row.signature_count);
    }
    arena_free(arena);
    return 0;
}
