/* test_failure_redact.c - a header without what is nobody's business. */
#include "failure_redact.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static const uint8_t key[FAILURE_KEY_OCTETS] = "a secret of thirty-two octets...";

static const struct {
    const char *title, *name, *value;
    const char *expected; /* {x} stands for the hash of x; NULL: not told */
} fields[] = {
    {"one address", "From", " alice@example.com", "From: {alice}@example.com"},
    {"names and comments go", "from", " \"Alice, her phone: 1\" <alice@example.com> (at home)",
     "From: {alice}@example.com"},
    {"several, folded", "To", " Bob Builder <bob@example.net>,\r\n\tgroup: alice@example.com;",
     "To: {bob}@example.net, {alice}@example.com"},
    {"a quoted local part", "Cc", " \"al ice\"@example.com", "Cc: {\"al ice\"}@example.com"},
    {"encoded words go", "Sender", " =?utf-8?q?Alice?= <alice@example.com>",
     "Sender: {alice}@example.com"},
    {"nothing that is an address", "Reply-To", " undisclosed", "Reply-To:"},
    {"Received keeps the client", "Received",
     " from mail.example.com (mail.example.com [192.0.2.1])\r\n\tby mx.example.org (Postfix) with "
     "ESMTPSA id 4BTq1\r\n\tfor <bob@example.org>; Mon, 13 Nov 2023 10:00:00 +0000 (UTC)",
     "Received: from mail.example.com (mail.example.com [192.0.2.1]) by"
     " mx.example.org with ESMTPSA id 4BTq1 for <{bob}@example.org>;"
     " Mon, 13 Nov 2023 10:00:00 +0000"},
    {"and forgets the login name", "Received",
     " from pc (pc [192.0.2.7]) (Authenticated sender: alice) by mx; date",
     "Received: from pc (pc [192.0.2.7]) by mx; date"},
    {"ident is a user", "Received", " from pc (alice@pc [192.0.2.7]) by mx; date",
     "Received: from pc ({alice}@pc [192.0.2.7]) by mx; date"},
    {"results", "Authentication-Results",
     " mx; spf=pass (alice@example.com is fine) smtp.mailfrom=alice@example.com;\r\n"
     " auth=pass smtp.auth=bob; dkim=fail reason=\"alice said so\" header.i=@example.com",
     "Authentication-Results: mx; spf=pass smtp.mailfrom={alice}@example.com;"
     " auth=pass smtp.auth={bob}; dkim=fail reason=\"\" header.i=@example.com"},
    {"the whole of a VERP address", "Authentication-Results",
     " mx; spf=pass smtp.mailfrom=list-bob=example.com@list.example",
     "Authentication-Results: mx; spf=pass"
     " smtp.mailfrom={list-bob=example.com}@list.example"},
    {"Received-SPF", "Received-SPF", " pass (x) envelope-from=alice@example.com; helo=m",
     "Received-SPF: pass envelope-from={alice}@example.com; helo=m"},
    {"a signature without copied fields", "DKIM-Signature",
     " v=1; d=example.com; i=alice@example.com;\r\n z=Subject:secret|From:alice@example.com; "
     "b=AAAA",
     "DKIM-Signature: v=1; d=example.com; i={alice}@example.com; b=AAAA;"},
    {"instance numbers stay", "ARC-Seal", " i=1; cv=none; b=AAAA",
     "ARC-Seal: i=1; cv=none; b=AAAA;"},
    {"Message-ID stays", "Message-ID", " <alice.1@example.com>",
     "Message-ID: <alice.1@example.com>"},
    {"links cannot be clicked on", "List-Id", " HTTPS://bad.example <l.example>",
     "List-Id: HxxPS://bad.example <l.example>"},
    {"Subject is not told", "Subject", " secret", NULL},
    {"nor what we do not know", "X-Alice", " secret", NULL},
    {"nor where to unsubscribe", "List-Unsubscribe", " <https://l.example/?u=alice>", NULL},
    {"an open comment hides all", "Authentication-Results", " mx; (bob@example.com",
     "Authentication-Results: mx;"},
    {"an open quote too", "Authentication-Results", " mx; \"bob@example.com",
     "Authentication-Results: mx; \"\""},
};

/* "{x}" becomes the hash of x. */
static const char *with_hashes(struct arena *arena, const char *text)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    for (; *text; text++) {
        if (*text != '{') {
            strbuf_putc(&out, *text);
            continue;
        }
        struct bytes rest = bytes_of(text + 1);
        size_t end = bytes_find(rest, '}');
        failure_redact_address(&out, key, bytes_slice(rest, 0, end));
        text += 1 + end;
    }
    return strbuf_string(&out);
}

/* One line; no line of it was longer than folding could make it. */
static const char *unfolded(struct arena *arena, struct bytes text)
{
    struct strbuf out;
    size_t line = 0;
    strbuf_init(&out, arena);
    for (size_t i = 0; i < text.len; i++) {
        bool end = text.data[i] == '\r' && i + 1 < text.len && text.data[i + 1] == '\n';
        line = end ? 0 : line + 1;
        assert_true(line <= 76);
        if (end)
            i++;
        else
            strbuf_putc(&out, text.data[i]);
    }
    assert_true(line == 0);
    return strbuf_string(&out);
}

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct arena *arena = arena_new(1 << 16);
        struct strbuf out;
        strbuf_init(&out, arena);
        failure_redact_field(&out, key, bytes_of(fields[i].name), bytes_of(fields[i].value));
        const char *expected = fields[i].expected ? with_hashes(arena, fields[i].expected) : "";
        const char *found = unfolded(arena, strbuf_view(&out));
        if (strcmp(found, expected) != 0)
            fail_msg("%s: \"%s\", expected \"%s\"", fields[i].title, found, expected);
        arena_free(arena);
    }
}

/* The hash is HMAC-SHA256: echo -n alice | openssl dgst -sha256 -hmac KEY | cut -c1-16. */
static void test_addresses(void **state)
{
    static const struct {
        const char *address, *expected;
    } cases[] = {
        {"alice@example.com", "1b80afe51ae07464@example.com"},
        {"Alice@example.com", "6e42894c09f092c4@example.com"},
        {"a@b@example.com", "8c4024ae5f0ec093@example.com"},
        {"alice", "1b80afe51ae07464"},
        {"@example.com", "@example.com"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(1 << 16);
        struct strbuf out;
        strbuf_init(&out, arena);
        failure_redact_address(&out, key, bytes_of(cases[i].address));
        assert_string_equal(strbuf_string(&out), cases[i].expected);
        arena_free(arena);
    }
}

/* Another host's hashes cannot be compared with ours. */
static void test_another_key(void **state)
{
    static const uint8_t other[FAILURE_KEY_OCTETS] = "another secret";
    struct arena *arena = arena_new(1 << 16);
    struct strbuf ours, theirs;
    (void)state;
    strbuf_init(&ours, arena);
    strbuf_init(&theirs, arena);
    failure_redact_address(&ours, key, BYTES("alice"));
    failure_redact_address(&theirs, other, BYTES("alice"));
    assert_string_not_equal(strbuf_string(&ours), strbuf_string(&theirs));
    arena_free(arena);
}

/* Whatever the octets: one field, and every line of it ends with CRLF. */
static void test_hostile_octets(void **state)
{
    static const struct bytes values[] = {
        BYTES("\r\nInjected: x"), BYTES(" a\nb\rc@d"), BYTES("\0@\0"),
        BYTES(" ((((((\\"),       BYTES("\"\\"),       BYTES("@@@@"),
        BYTES("a@\x80\xff")};
    static const char *const names[] = {"From",           "Received", "Authentication-Results",
                                        "DKIM-Signature", "Date",     "List-Id"};
    (void)state;
    for (size_t i = 0; i < 7 * 6; i++) {
        struct arena *arena = arena_new(1 << 16);
        struct strbuf out;
        strbuf_init(&out, arena);
        failure_redact_field(&out, key, bytes_of(names[i % 6]), values[i / 6]);
        struct bytes text = strbuf_view(&out);
        assert_true(text.len > 2);
        for (size_t at = 0; at < text.len; at++) {
            if (text.data[at] == '\n')
                assert_true(at > 0 && text.data[at - 1] == '\r' &&
                            (at + 1 == text.len || text.data[at + 1] == ' '));
            assert_true(text.data[at] == '\r' || text.data[at] == '\n' ||
                        (unsigned char)text.data[at] >= ' ');
            if (text.data[at] == '\r')
                assert_true(at + 1 < text.len && text.data[at + 1] == '\n');
        }
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_hostile_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
