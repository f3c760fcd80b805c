/* fuzz_spf.c - envelope and records chosen by a stranger; the shield against a reference.
 *
 * The input's lines are: reverse-path, HELO, TXT of example.com, of b.example, of
 * e.example, PTR of the client, MX of example.com, client; then a zone
 * (zone_lines.h). Reverse-path, HELO and client fall back to working ones when empty.
 */
#include "fuzz.h"
#include "spf_identity.h"
#include "spf_record.h"
#include "spf_reference.h"
#include "zone_lines.h"

#include <string.h>

static void check_term(const struct spf_term *term, struct bytes text)
{
    unsigned letters;
    REQUIRE(term->text.len > 0 && fuzz_is_within(term->text, text));
    REQUIRE(fuzz_is_within(term->domain_spec, text));
    REQUIRE(term->prefix4 <= 32 && term->prefix6 <= 128);
    REQUIRE(term->domain_spec.len == 0 ||
            spf_macro_check(term->domain_spec, SPF_MACRO_DOMAIN_SPEC, &letters));
}

static void check_record(struct bytes text)
{
    struct spf_record *record = spf_record_is(text) ? spf_record_new(text) : NULL;
    if (record && record->error) {
        REQUIRE(fuzz_is_text(record->error) && fuzz_is_within(record->error_text, text));
    } else if (record) {
        for (size_t i = 0; i < record->count; i++)
            check_term(&record->terms[i], text);
        if (record->redirect.text.len)
            check_term(&record->redirect, text);
        if (record->exp.text.len)
            check_term(&record->exp, text);
    }
    free(record);
}

static void check_macros(struct arena *arena, const struct spf_request *request, struct bytes text)
{
    char name[DOMAIN_MAX + 1], line[100];
    unsigned letters = 0;
    struct spf_identity identity;
    spf_identity_of(arena, request, &identity);
    identity.values.domain = BYTES("sub.example.com");
    if (spf_macro_check(text, SPF_MACRO_DOMAIN_SPEC, &letters)) {
        size_t len = spf_macro_expand_domain(&identity.values, text, name);
        REQUIRE(len <= DOMAIN_MAX && name[len] == '\0');
    }
    if (spf_macro_check(text, SPF_MACRO_EXPLAIN, &letters)) {
        spf_macro_expand_text(&identity.values, text, line, sizeof(line));
        REQUIRE(strlen(line) < sizeof(line) && fuzz_is_text(line));
    }
    REQUIRE(letters < 1u << 26);
}

static void check_host(const struct policy_env *env, struct arena *arena,
                       const struct spf_request *request)
{
    struct dns_session *session = fake_session(env, arena);
    struct dns_session *plain = fake_session(env, arena);
    struct spf_result result = {.want_explanation = true};
    if (request->helo.len % 2) /* it must make no difference */
        spf_prefetch_new(arena, session, request);
    spf_check(env, session, arena, request, &result);
    REQUIRE(fuzz_is_text(result.reason) && *result.reason);
    REQUIRE(fuzz_is_text(result.mechanism));
    REQUIRE(!result.explanation || fuzz_is_text(result.explanation));
    REQUIRE(result.lookups <= SPF_TERMS_MAX + 1 && result.void_lookups <= SPF_VOID_MAX + 1);
    REQUIRE(strcmp(result.reason, "SPF engine gave an inconsistent result") != 0);
    REQUIRE(result.result == spf_reference(plain, arena, request));
    dns_session_free(plain);
    dns_session_free(session);
}

static void check(struct fake_dns *dns, struct arena *arena, struct spf_request *request)
{
    struct policy_env env = fake_env(dns, 1700000000);
    check_host(&env, arena, request);
    request->scope = SPF_SCOPE_HELO;
    check_host(&env, arena, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *name;
        enum dns_type type;
    } records[] = {{"example.com", DNS_TXT},
                   {"b.example", DNS_TXT},
                   {"e.example", DNS_TXT},
                   {"1.2.0.192.in-addr.arpa", DNS_PTR},
                   {"example.com", DNS_MX}};
    struct bytes input = fuzz_input(data, size);
    struct spf_request request = {.mail_from = fuzz_line(&input), .helo = fuzz_line(&input)};
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 25);
    spf_global_init();
    if (request.mail_from.len == 0)
        request.mail_from = BYTES("a-b@example.com");
    if (request.helo.len == 0)
        request.helo = BYTES("mail.example");
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        struct bytes line = fuzz_line(&input);
        fake_dns_add_bytes(dns, bytes_of(records[i].name), records[i].type, line, 10);
        check_record(line);
        check_macros(arena, &request, line);
    }
    if (!ip_parse(fuzz_line(&input), &request.client))
        ip_parse(BYTES("192.0.2.1"), &request.client);
    zone_lines_load(dns, arena, &input);
    fake_dns_add(dns, "example.com", DNS_A, "192.0.2.1");
    fake_dns_add(dns, "b.example", DNS_A, "192.0.2.2");
    fake_dns_fail(dns, "t.example", 0, "SERVFAIL");
    check(dns, arena, &request);
    fake_dns_free(dns);
    arena_free(arena);
    return 0;
}
