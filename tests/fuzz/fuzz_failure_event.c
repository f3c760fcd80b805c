/* fuzz_failure_event.c - an encoded failure event, and the redaction of a header. */
#include "failure_event.h"
#include "failure_redact.h"
#include "fuzz.h"

enum { MEMORY = 8 << 20 };

static void redact(struct arena *arena, struct bytes input)
{
    static const char *const names[] = {"Received", "From", "Authentication-Results",
                                        "DKIM-Signature", "List-Id"};
    static const uint8_t key[FAILURE_KEY_OCTETS] = "fuzz";
    struct strbuf out;
    strbuf_init(&out, arena);
    unsigned which = fuzz_octet(&input) % 5;
    failure_redact_field(&out, key, bytes_of(names[which]), input);
    struct bytes text = strbuf_view(&out);
    for (size_t i = 0; i < text.len; i++) { /* one field: each line but the first is a fold */
        if (text.data[i] == '\n')
            REQUIRE(i > 0 && text.data[i - 1] == '\r' &&
                    (i + 1 == text.len || text.data[i + 1] == ' '));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(MEMORY);
    struct bytes input = fuzz_input(data, size);
    struct failure_event event;
    if (failure_event_decode(input, &event)) {
        struct strbuf again;
        strbuf_init(&again, arena);
        failure_event_encode(&event, &again);
        REQUIRE(bytes_equal(strbuf_view(&again), input));
        REQUIRE(fuzz_is_within(event.header, input));
    }
    redact(arena, input);
    arena_free(arena);
    return 0;
}
