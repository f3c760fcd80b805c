/* fuzz_dkim_sign.c - whatever we sign verifies.
 *
 * Input: a line whose first octet chooses the canonicalisation ("s" or "r" for the
 * header, then for the body), what follows is the identity; then the message
 * with CRLF line ends. It is signed with an Ed25519 key, and verified.
 */
#include "dkim_harness.h"
#include "fuzz.h"
#include "sign_harness.h"

#include <string.h>

static const char seed[] = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="; /* RFC 8463 A.2 */

static struct signing_key *key(void)
{
    static struct signing_key *kept;
    const char *problem = NULL;
    if (!kept)
        kept = signing_key_parse(bytes_of(seed), &problem);
    REQUIRE(kept);
    return kept;
}

static void publish(struct fake_dns *dns, struct arena *arena)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    strbuf_puts(&text, "v=DKIM1; k=ed25519; p=");
    signing_key_public(key(), &text);
    fake_dns_add(dns, "s._domainkey.example.com", DNS_TXT, strbuf_string(&text));
}

static void feed(void *verifier, struct bytes name, struct bytes value)
{
    dkim_verifier_header(verifier, name, value);
}

static void verify(struct arena *arena, struct bytes message)
{
    struct fake_dns *dns = fake_dns_new();
    struct policy_env env = fake_env(dns, 1700000000);
    struct dkim_results results;
    publish(dns, arena);
    struct dns_session *session = fake_session(&env, arena);
    struct dkim_verifier *verifier = dkim_verifier_new(&env, &test_limits, session, arena);
    struct bytes body = dkim_test_fields(message, feed, verifier);
    dkim_verifier_end_of_headers(verifier);
    REQUIRE(dkim_verifier_needs_body(verifier));
    dkim_verifier_body(verifier, body);
    dkim_verifier_finish(verifier, &results);
    REQUIRE(results.count >= 1);
    if (results.signatures[0].result != AUTH_PASS) {
        fprintf(stderr, "%s\n", results.signatures[0].reason);
        REQUIRE(results.signatures[0].result == AUTH_PASS);
    }
    dkim_verifier_free(verifier);
    dns_session_free(session);
    fake_dns_free(dns);
}

/* A message that is not the same to everybody. "\r\r\n": once a mail server hands the fold over as
 * LF, nobody knows about the first CR. */
static bool is_ambiguous(struct bytes message)
{
    if (message.len && is_wsp(message.data[0])) /* would continue our field */
        return true;
    for (size_t i = 0; i + 2 < message.len; i++) {
        if (memcmp(message.data + i, "\r\r\n", 3) == 0)
            return true;
    }
    return false;
}

static void check(struct arena *arena, struct bytes options, struct bytes message)
{
    struct signing_test test;
    signing_test_begin(&test, 1700000000);
    test.settings.relaxed_header = fuzz_octet(&options) != 's';
    test.settings.relaxed_body = fuzz_octet(&options) != 's';
    test.chunk = 1 + message.len % 5;
    signing_test_order(&test, arena, key(), "example.com", "s", "");
    test.orders[0].identity = options;
    REQUIRE(signing_test_sign(&test, arena, message));
    const struct made_signature *made = &test.made[0];
    REQUIRE(made->value ? !*made->reason : fuzz_is_text(made->reason) && *made->reason);
    if (!made->value)
        return;
    struct strbuf sent;
    strbuf_init(&sent, arena);
    strbuf_bytes(&sent, signing_test_field(arena, made->value));
    strbuf_bytes(&sent, message);
    verify(arena, strbuf_view(&sent));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 28);
    REQUIRE(dkim_global_init());
    struct bytes options = fuzz_line(&input);
    if (!is_ambiguous(input))
        check(arena, options, input);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
