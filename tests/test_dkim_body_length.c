/* test_dkim_body_length.c - length of the canonical body, against a plain canonicaliser and the
 * engine. */
#include "dkim_body_length.h"
#include "dkim_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static uint64_t length_of(bool relaxed, struct bytes body, size_t chunk)
{
    struct dkim_body_length length = {.relaxed = relaxed};
    for (size_t at = 0; at < body.len; at += chunk)
        dkim_body_length_add(&length, bytes_slice(body, at, chunk));
    return dkim_body_length_end(&length);
}

static const struct {
    const char *body;
    uint64_t simple, relaxed;
} cases[] = {
    {"", 2, 0},
    {"\r\n", 2, 0},
    {"\r\n\r\n\r\n", 2, 0},
    {"a", 3, 3},
    {"a\r\n", 3, 3},
    {"a\r\n\r\n", 3, 3},
    {"a \r\n", 4, 3},
    {" \r\n", 3, 0},
    {" \t ", 5, 0},
    {" a \t b \r\n \r\n\r\n", 12, 6},
    {"\r\n\r\na\r\n", 7, 7},
    {"a\r\n \r\nb", 9, 8},
    {"a\rb\r\n", 5, 5}, /* lone CR and LF are octets like others */
    {"a\nb\r\n", 5, 5},
    {"a\r", 4, 4},
    {"a\r\r\n", 4, 4},
};

static void lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t chunk = 1; chunk < 6; chunk++) {
            struct bytes body = bytes_of(cases[i].body);
            if (length_of(false, body, chunk) != cases[i].simple ||
                length_of(true, body, chunk) != cases[i].relaxed)
                fail_msg("case %zu: %lu %lu", i, (unsigned long)length_of(false, body, chunk),
                         (unsigned long)length_of(true, body, chunk));
        }
    }
}

/* RFC 6376 3.4.3 and 3.4.4 word by word, for bodies whose lines all end in CRLF. */
static size_t canonicalize(bool relaxed, const char *body, char *out)
{
    size_t len = 0;
    for (; *body; body++) {
        bool line_end = body[0] == '\r';
        if (relaxed && *body == '\t')
            out[len++] = ' ';
        else
            out[len++] = *body;
        if (relaxed && out[len - 1] == ' ' && len > 1 && out[len - 2] == ' ')
            len--;
        if (relaxed && line_end && len > 1 && out[len - 2] == ' ')
            out[--len - 1] = '\r';
    }
    while (len >= 4 && memcmp(out + len - 4, "\r\n\r\n", 4) == 0)
        len -= 2;
    if (len == 2 && out[0] == '\r' && relaxed)
        len = 0;
    if (len == 0 && !relaxed)
        len = strlen(strcpy(out, "\r\n"));
    return len;
}

static void random_bodies_agree_with_the_engine(void **state)
{
    static const char *const pieces[] = {"a", "b", " ", "\t", "\r\n", "\r\n", "  ", "\r\n\r\n"};
    static const char *const tags[] = {
        "a=ed25519-sha256; c=simple/simple; d=example.com; s=ed; h=from; l=%zu",
        "a=ed25519-sha256; c=simple/relaxed; d=example.com; s=ed; h=from; l=%zu",
    };
    struct dkim_test test;
    unsigned seed = 1;
    (void)state;
    dkim_test_begin(&test);
    for (int round = 0; round < 1000; round++) {
        char body[128] = "", canonical[132];
        bool relaxed = round % 2 == 1;
        for (int n = rand_r(&seed) % 20; n > 0; n--)
            strcat(body, pieces[rand_r(&seed) % 8]);
        if (body[0])
            strcat(body, "\r\n");
        size_t len = canonicalize(relaxed, body, canonical);
        assert_int_equal(length_of(relaxed, bytes_of(body), 3), len);

        struct bytes signature =
            dkim_test_sign(&test, test.ed25519,
                           relaxed ? arena_printf(test.arena, tags[1], len)
                                   : arena_printf(test.arena, tags[0], len),
                           false, BYTES("From: a\r\n"), (struct bytes){canonical, len});
        struct bytes header = dkim_test_join(&test, signature, BYTES("From: a\r\n\r\n"));
        dkim_test_verify(&test, dkim_test_join(&test, header, bytes_of(body)));
        if (strcmp(dkim_test_result(&test, 0), "pass") != 0)
            fail_msg("round %d, %zu: %s", round, len, dkim_test_reason(&test, 0));
    }
    dkim_test_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(random_bodies_agree_with_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
