/* fuzz_dns_packet.c - record data in wire form, as a name server sends it.
 *
 * Input: an octet that chooses the type, then records: length (an octet), rdata.
 * What comes out goes to all that read such records.
 */
#include "dkim_key.h"
#include "dns_name.h"
#include "dns_rdata.h"
#include "fuzz.h"
#include "spf_record.h"

enum { RECORDS_MAX = 32 };

static size_t split(struct bytes input, struct bytes *rdata)
{
    size_t count = 0;
    while (input.len && count < RECORDS_MAX) {
        size_t len = fuzz_octet(&input);
        if (len == 255 || count == RECORDS_MAX - 1) /* the rest, for long ones */
            len = input.len;
        rdata[count] = bytes_slice(input, 0, len);
        input = bytes_slice(input, len, input.len);
        count++;
    }
    return count;
}

static void check_name(struct bytes name)
{
    char text[DNS_NAME_TEXT_MAX], lower[DNS_NAME_MAX];
    REQUIRE(name.len <= DNS_NAME_MAX && dns_name_to_text(name, text) && fuzz_is_text(text));
    REQUIRE(bytes_equal_nocase(dns_name_lower(name, lower), name));
    for (struct bytes up = name; up.len;) {
        struct bytes parent = dns_name_parent(up);
        REQUIRE(parent.len < up.len && fuzz_is_within(parent, name));
        up = parent;
    }
}

static void check_wire(struct bytes wire)
{
    char out[DNS_NAME_MAX];
    struct bytes name;
    size_t used;
    if (!dns_name_from_wire(wire, out, &name, &used))
        return;
    REQUIRE(used >= 1 && used <= wire.len && used <= DNS_NAME_MAX + 2);
    REQUIRE(name.len == (used > 2 ? used - 2 : 0));
    check_name(name);
}

static void check_answer(enum dns_type type, const struct dns_answer *answer, size_t count)
{
    REQUIRE(answer->status == DNS_FOUND || answer->status == DNS_TEMPORARY);
    REQUIRE(answer->count <= count && (answer->status == DNS_FOUND) == (answer->count > 0));
    for (size_t i = 0; i < answer->count; i++) {
        struct bytes data = answer->records[i].data;
        REQUIRE(type != DNS_A || data.len == 4);
        REQUIRE(type != DNS_AAAA || data.len == 16);
        if (type == DNS_PTR || type == DNS_MX)
            check_name(data);
    }
    REQUIRE(dns_answer_size(answer) >= sizeof(*answer));
    if (type != DNS_TXT || answer->count == 0)
        return;
    REQUIRE(dkim_keys_of(answer) && dkim_keys_of(answer)->count >= 1);
    const struct spf_published *published = spf_published_of(answer);
    REQUIRE(published && (published->count == 1) == (published->record != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT};
    struct bytes input = fuzz_input(data, size);
    struct bytes rdata[RECORDS_MAX];
    enum dns_type type = types[fuzz_octet(&input) % 5];
    size_t count = split(input, rdata);
    check_wire(input);
    const struct dns_answer *answer = dns_rdata_answer(type, rdata, count, true, 300);
    REQUIRE(answer);
    check_answer(type, answer, count);
    dns_answer_unref(answer);
    return 0;
}
