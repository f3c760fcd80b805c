/* report_rows.c - see report_rows.h. */
#include "report_rows.h"

#include "strbuf.h"
#include "unit.h"

struct report_row row_plain(const char *domain, const char *ip, int64_t time)
{
    struct report_row row = {
        .time = time,
        .queue_id = BYTES("4ABCdef12345"),
        .policy = {.domain = bytes_of(domain),
                   .p = DMARC_POLICY_REJECT,
                   .fo = BYTES("0"),
                   .rua = {BYTES("mailto:dmarc@example.com")},
                   .rua_count = 1},
        .disposition = REPORT_DISPOSITION_PASS,
        .dkim_aligned = true,
        .spf_aligned = true,
        .header_from = bytes_of(domain),
        .envelope_from = bytes_of(domain),
        .spf_domain = bytes_of(domain),
        .spf_result = AUTH_PASS,
    };
    assert_true(ip_parse(bytes_of(ip), &row.source));
    return row;
}

struct report_row row_full(struct arena *arena, size_t signatures)
{
    struct report_row row = {
        .time = ROW_MIDNIGHT + 1,
        .queue_id = BYTES("queue1"),
        .policy = {.domain = BYTES("policy.example"),
                   .p = DMARC_POLICY_REJECT,
                   .sp = DMARC_POLICY_NONE,
                   .np = DMARC_POLICY_QUARANTINE,
                   .strict_dkim = true,
                   .testing = true,
                   .psd = true,
                   .fo = BYTES("1:d:s"),
                   .error = BYTES("unknown tag x"),
                   .rua = {BYTES("mailto:a@one.example"), BYTES("mailto:b@two.example!10m")},
                   .rua_count = 2},
        .disposition = REPORT_DISPOSITION_QUARANTINE,
        .spf_aligned = true,
        .reasons = {{OVERRIDE_LOCAL_POLICY, BYTES("a \"list\", \\ perhaps")},
                    {OVERRIDE_MAILING_LIST, BYTES_EMPTY}},
        .reason_count = 2,
        .header_from = BYTES("from.policy.example"),
        .envelope_from = BYTES("envelope.example"),
        .spf_domain = BYTES("spf.example"),
        .spf_result = AUTH_SOFTFAIL,
        .spf_reason = BYTES("no mechanism matched"),
    };
    assert_true(ip_parse(BYTES("2001:db8::1"), &row.source));
    row.signatures = arena_array(arena, signatures + 1, sizeof(*row.signatures));
    row.signature_count = signatures;
    for (size_t i = 0; i < signatures; i++)
        row.signatures[i] = (struct report_signature){
            .domain = bytes_of(arena_printf(arena, "d%zu.example", i)),
            .selector = bytes_of(arena_printf(arena, "s%zu", i)),
            .result = (enum auth_result)(i % (AUTH_PERMERROR + 1)),
            .reason = i % 2 ? BYTES("body hash did not verify") : BYTES_EMPTY,
        };
    return row;
}

struct bytes row_encoded(struct arena *arena, const struct report_row *row)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    report_row_encode(row, &buf);
    assert_false(arena_failed(arena));
    return strbuf_view(&buf);
}
