/* sign_harness.c - signs whole messages through dkim_sign.h; see sign_harness.h. */
#include "sign_harness.h"

#include "dkim_fields.h"
#include "dkim_harness.h"

#include <stdlib.h>
#include <string.h>

static int64_t epoch(void *clock)
{
    return *(const int64_t *)clock;
}

static size_t length_of(const char *const *list)
{
    size_t count = 0;
    while (list[count])
        count++;
    return count;
}

void signing_test_begin(struct signing_test *test, int64_t now)
{
    static int64_t clock; /* one test at a time */
    clock = now;
    *test = (struct signing_test){
        .env = {.epoch = epoch, .clock = &clock},
        .settings = {.relaxed_header = true,
                     .relaxed_body = true,
                     .sign_headers = dkim_sign_default_headers,
                     .sign_header_count = length_of(dkim_sign_default_headers),
                     .oversign_headers = dkim_sign_default_oversign,
                     .oversign_header_count = length_of(dkim_sign_default_oversign)},
    };
}

bool signing_test_canonicalization(struct signing_test *test, const char *name)
{
    struct bytes text = bytes_of(name);
    size_t slash = bytes_find(text, '/');
    struct bytes header = bytes_slice(text, 0, slash);
    struct bytes body = bytes_slice(text, slash + 1, text.len);
    test->settings.relaxed_header = bytes_is(header, "relaxed");
    test->settings.relaxed_body = bytes_is(body, "relaxed");
    return (test->settings.relaxed_header || bytes_is(header, "simple")) &&
           (test->settings.relaxed_body || bytes_is(body, "simple"));
}

void signing_test_order(struct signing_test *test, struct arena *arena, struct signing_key *key,
                        const char *domain, const char *selector, const char *identity)
{
    test->orders[test->count++] = (struct signature_order){
        .domain = domain_parse(arena, bytes_of(domain)),
        .selector = domain_parse(arena, bytes_of(selector)),
        .identity = bytes_of(identity),
        .key = key,
    };
}

/* As libmilter hands it over: folds are LF. */
static void feed_signer(void *signer, struct bytes name, struct bytes value)
{
    char *copy = malloc(value.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] != '\r' || i + 1 == value.len || value.data[i + 1] != '\n')
            copy[len++] = value.data[i];
    }
    dkim_signer_header(signer, name, (struct bytes){copy, len});
    free(copy);
}

bool signing_test_sign(struct signing_test *test, struct arena *arena, struct bytes message)
{
    struct dkim_signer *signer = dkim_signer_new(&test->env, &test->settings, arena);
    if (!signer)
        return false;
    struct bytes body = dkim_test_fields(message, feed_signer, signer);
    dkim_signer_end_of_headers(signer, test->orders, test->count);
    for (size_t at = 0; at < body.len;) {
        struct bytes part = bytes_slice(body, at, test->chunk ? test->chunk : body.len);
        dkim_signer_body(signer, part);
        at += part.len;
    }
    dkim_signer_finish(signer, test->made);
    dkim_signer_free(signer);
    return true;
}

struct bytes signing_test_field(struct arena *arena, const char *value)
{
    struct bytes text = dkim_field_text(arena, BYTES("DKIM-Signature"),
                                        bytes_of(arena_printf(arena, " %s", value)));
    return bytes_of(arena_printf(arena, "%.*s\r\n", BYTES_ARGS(text)));
}
