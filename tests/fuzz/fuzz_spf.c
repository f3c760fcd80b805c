/* fuzz_spf.c - libFuzzer target: envelope and records chosen by a stranger.
 *
 * The input's lines are: reverse-path, HELO, TXT of example.com, of b.example, of
 * e.example, PTR of the client, MX of example.com. Reverse-path and HELO fall
 * back to working ones when empty.
 */
#include "fake_dns.h"
#include "spf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes next_line(struct bytes *input)
{
    size_t end = bytes_find(*input, '\n');
    struct bytes line = bytes_slice(*input, 0, end);
    *input = bytes_slice(*input, end + 1, input->len);
    return line;
}

/* One line of printable text, or the process ends. */
static void require_text(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            abort();
    }
}

static void check(const struct policy_env *env, const struct spf_request *request)
{
    struct arena *arena = arena_new(1 << 24);
    struct dns_session *session = fake_session(env, arena);
    struct spf_result result = {.want_explanation = true};
    spf_prefetch_new(arena, session, request);
    spf_check(env, session, arena, request, &result);
    require_text(result.reason);
    require_text(result.mechanism);
    if (result.explanation)
        require_text(result.explanation);
    if (result.lookups > SPF_TERMS_MAX + 1 || result.void_lookups > SPF_VOID_MAX + 1 ||
        strcmp(result.reason, "SPF engine gave an inconsistent result") == 0)
        abort();
    dns_session_free(session);
    arena_free(arena);
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
    struct bytes input = {(const char *)data, size};
    struct spf_request request = {.mail_from = next_line(&input), .helo = next_line(&input)};
    struct fake_dns *dns = fake_dns_new();
    struct policy_env env = fake_env(dns, 1700000000);
    spf_global_init();
    if (request.mail_from.len == 0)
        request.mail_from = BYTES("a-b@example.com");
    if (request.helo.len == 0)
        request.helo = BYTES("mail.example");
    ip_parse(BYTES("192.0.2.1"), &request.client);
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
        fake_dns_add_bytes(dns, bytes_of(records[i].name), records[i].type, next_line(&input), 10);
    fake_dns_add(dns, "example.com", DNS_A, "192.0.2.1");
    fake_dns_add(dns, "b.example", DNS_A, "192.0.2.2");
    fake_dns_fail(dns, "t.example", 0, "SERVFAIL");
    check(&env, &request);
    fake_dns_free(dns);
    return 0;
}
