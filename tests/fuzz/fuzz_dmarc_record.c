/* fuzz_dmarc_record.c - one DMARC record, and the hosts of its report addresses. */
#include "dmarc_destination.h"
#include "dmarc_record.h"
#include "fuzz.h"

#include <string.h>

static void check_uris(struct arena *arena, const struct dmarc_uri *uris, size_t count)
{
    REQUIRE(count <= DMARC_URIS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct domain host = dmarc_uri_host(arena, uris[i].text);
        REQUIRE(domain_is_none(host) || host.len <= DOMAIN_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 24);
    struct dmarc_scan scan;
    struct dmarc_record record;
    bool is_record = dmarc_record_scan(input, &scan);
    REQUIRE(dmarc_record_parse(arena, input, &record) == is_record);
    if (is_record) {
        REQUIRE(input.len >= strlen("v=DMARC1"));
        REQUIRE(record.p <= DMARC_POLICY_REJECT && record.sp <= DMARC_POLICY_REJECT &&
                record.np <= DMARC_POLICY_REJECT);
        REQUIRE(record.p == scan.record.p && record.psd == scan.record.psd);
        REQUIRE(record.fo >= 1 && record.fo <= 15);
        REQUIRE(!record.problem || (fuzz_is_text(record.problem) && *record.problem));
        REQUIRE(record.rua_count == scan.record.rua_count);
        check_uris(arena, record.rua, record.rua_count);
        check_uris(arena, record.ruf, record.ruf_count);
    }
    dmarc_uri_host(arena, input);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
