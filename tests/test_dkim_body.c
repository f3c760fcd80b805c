/* test_dkim_body.c - length and hash of the canonical body, against a plain canonicaliser,
 * libopendkim, and signatures. */
#include "dkim_body.h"
#include "dkim_engine.h"
#include "dkim_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dkim_body *hashed(bool relaxed, uint64_t limit, struct bytes octets, size_t chunk)
{
    struct dkim_body *body = dkim_body_new(relaxed, limit);
    assert_non_null(body);
    for (size_t at = 0; at < octets.len; at += chunk)
        dkim_body_add(body, bytes_slice(octets, at, chunk));
    dkim_body_end(body);
    assert_non_null(dkim_body_hash(body));
    return body;
}

static uint64_t length_of(bool relaxed, struct bytes octets, size_t chunk)
{
    struct dkim_body *body = hashed(relaxed, DKIM_BODY_WHOLE, octets, chunk);
    uint64_t length = dkim_body_octets(body);
    dkim_body_free(body);
    return length;
}

/* The hash must be that of the `limit` first octets of `canonical`, whatever the chunks. */
static void expect_hash(bool relaxed, uint64_t limit, struct bytes octets, struct bytes canonical)
{
    static const size_t chunks[] = {1, 2, 3, 7, 64, 65535};
    struct bytes covered = bytes_slice(canonical, 0, limit < SIZE_MAX ? (size_t)limit : SIZE_MAX);
    uint8_t expected[SHA256_OCTETS];
    SHA256((const unsigned char *)covered.data, covered.len, expected);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct dkim_body *body = hashed(relaxed, limit, octets, chunks[i]);
        assert_int_equal(dkim_body_octets(body), canonical.len);
        assert_memory_equal(dkim_body_hash(body), expected, SHA256_OCTETS);
        dkim_body_free(body);
    }
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

static void random_bodies_verify(void **state)
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

/* White space where eight octets at a time might overlook it, and lines longer than any buffer. */
static void lines_of_any_length(void **state)
{
    static const struct {
        const char *octets, *canonical;
    } insertions[] = {{"", ""}, {" ", " "}, {"  ", " "}, {"\t", " "}, {" \t", " "}, {"\r", "\r"}};
    char octets[1300], canonical[1300], letters[1200];
    (void)state;
    memset(letters, 'x', sizeof(letters));
    for (int len = 0; len < 1200; len += len < 40 ? 1 : 293) {
        for (size_t i = 0; i < sizeof(insertions) / sizeof(insertions[0]); i++) {
            for (int at = 0; at < len; at += 1 + len / 50) {
                const char *format = "before\r\n%.*s%s%.*s\r\nafter\r\n";
                snprintf(octets, sizeof(octets), format, at, letters, insertions[i].octets,
                         len - at, letters);
                snprintf(canonical, sizeof(canonical), format, at, letters, insertions[i].canonical,
                         len - at, letters);
                expect_hash(true, DKIM_BODY_WHOLE, bytes_of(octets), bytes_of(canonical));
                expect_hash(false, DKIM_BODY_WHOLE, bytes_of(octets), bytes_of(octets));
                expect_hash(true, (uint64_t)len, bytes_of(octets), bytes_of(canonical));
            }
        }
    }
}

static void lone_line_ends_are_octets_and_told(void **state)
{
    static const struct {
        const char *octets, *canonical;
        bool bare;
    } bodies[] = {
        {"a\r\nb\r\n", "a\r\nb\r\n", false},
        {"a\nb\r\n", "a\nb\r\n", true},
        {"a\rb\r\n", "a\rb\r\n", true},
        {"a\r\r\n", "a\r\r\n", true},
        {"\n", "\n\r\n", true},
        {"a\r", "a\r\r\n", true},
        {"a \rb\r\n", "a \rb\r\n", true},
        {"a", "a\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (int relaxed = 0; relaxed < 2; relaxed++) {
            struct bytes octets = bytes_of(bodies[i].octets);
            struct dkim_body *body = hashed(relaxed, DKIM_BODY_WHOLE, octets, 1 + i % 3);
            assert_int_equal(dkim_body_is_bare(body), bodies[i].bare);
            dkim_body_free(body);
            expect_hash(relaxed, DKIM_BODY_WHOLE, octets, bytes_of(bodies[i].canonical));
        }
    }
}

/* What libopendkim makes of it. */
static void engine_hash(bool relaxed, struct bytes octets, uint8_t out[SHA256_OCTETS])
{
    char field[256];
    struct dkim_hashes hashes;
    struct dkim_engine *engine = dkim_engine_new();
    snprintf(field, sizeof(field),
             "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/%s; d=example.com; s=s; h=from;"
             " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA",
             relaxed ? "relaxed" : "simple");
    dkim_engine_field(engine, bytes_of(field));
    dkim_engine_end_of_headers(engine);
    dkim_engine_body(engine, octets);
    dkim_engine_end_of_body(engine);
    assert_true(dkim_engine_hashes(engine, 0, &hashes));
    memcpy(out, hashes.body, SHA256_OCTETS);
    dkim_engine_free(engine);
}

static void libopendkim_makes_the_same_hash(void **state)
{
    static const char *const pieces[] = {"a",  "the words ", " ",
                                         "\t", "\r\n",       "\r\n",
                                         "  ", "\r\n\r\n",   "a line that needs nothing\r\n"};
    unsigned seed = 7;
    (void)state;
    assert_true(dkim_engine_global_init());
    for (int round = 0; round < 2000; round++) {
        char octets[2048] = "";
        uint8_t expected[SHA256_OCTETS];
        bool relaxed = round % 2 == 1;
        for (int n = rand_r(&seed) % 60; n > 0; n--)
            strcat(octets, pieces[rand_r(&seed) % 9]);
        engine_hash(relaxed, bytes_of(octets), expected);
        struct dkim_body *body =
            hashed(relaxed, DKIM_BODY_WHOLE, bytes_of(octets), 1 + (size_t)rand_r(&seed) % 100);
        if (memcmp(dkim_body_hash(body), expected, SHA256_OCTETS) != 0)
            fail_msg("round %d: %s", round, octets);
        dkim_body_free(body);
    }
    dkim_engine_global_cleanup();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(random_bodies_verify),
        cmocka_unit_test(lines_of_any_length),
        cmocka_unit_test(lone_line_ends_are_octets_and_told),
        cmocka_unit_test(libopendkim_makes_the_same_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
