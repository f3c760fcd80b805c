/* fuzz_report_dsn.c - what strangers can say of our reports: the URI of rua= (a first line that
 * begins with "mailto:"), or else a bounce. */
#include "fuzz.h"
#include "report_dsn.h"
#include "report_rules.h"

#include <string.h>

enum { MEMORY = 64 << 20 };

/* What may stand in an SMTP command, a header field and a command line as it is. */
static void look_at_address(struct bytes address)
{
    size_t at = bytes_find(address, '@');
    REQUIRE(at > 0 && at <= REPORT_LOCAL_MAX && address.len <= REPORT_ADDRESS_MAX);
    REQUIRE(bytes_find(bytes_slice(address, at + 1, address.len), '@') == address.len - at - 1);
    REQUIRE(bytes_find(bytes_slice(address, at + 1, address.len), '.') < address.len - at - 1);
    for (size_t i = 0; i < address.len; i++)
        REQUIRE(address.data[i] > ' ' && address.data[i] < 0x7f &&
                !strchr("()<>[]:;,\\\"", address.data[i]));
}

static void look_at_uri(struct arena *arena, struct bytes uri)
{
    struct bytes address, again;
    if (report_rules_address(arena, uri, &address))
        return;
    look_at_address(address);
    REQUIRE(!report_rules_plain_address(arena, address, &again) && bytes_equal(address, again));
}

static void look_at_bounce(struct arena *arena, struct bytes mail)
{
    static struct report_dsn dsn;
    const char *why = report_dsn_read(arena, mail, &dsn);
    REQUIRE(dsn.failed_count <= REPORT_DSN_RECIPIENTS_MAX);
    if (why)
        return;
    REQUIRE(dsn.failed_count > 0 && dsn.report_id.len == REPORT_DSN_ID_LEN);
    for (size_t i = 0; i < dsn.report_id.len; i++)
        REQUIRE(is_alnum(dsn.report_id.data[i]));
    for (size_t i = 0; i < dsn.failed_count; i++) {
        struct bytes address;
        if (!report_rules_plain_address(arena, dsn.failed[i].final, &address))
            look_at_address(address);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(MEMORY);
    if (!arena)
        return 0;
    if (report_rules_is_mailto(input))
        look_at_uri(arena, fuzz_line(&input));
    else
        look_at_bounce(arena, input);
    arena_free(arena);
    return 0;
}
