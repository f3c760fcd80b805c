/* test_spf_identity.c - who is checked, and how strangers' text is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spf_identity.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void sender_and_domain_come_from_scope_and_reverse_path(void **state)
{
    static const struct {
        enum spf_scope scope;
        const char *mail_from, *helo, *sender, *domain;
        bool internationalized;
    } cases[] = {
        {SPF_SCOPE_MAIL_FROM, "A.b@Example.COM", "h.net", "A.b@Example.COM", "example.com", false},
        {SPF_SCOPE_MAIL_FROM, "a@b@example.com", "h.net", "a@b@example.com", "example.com", false},
        {SPF_SCOPE_MAIL_FROM, "@example.com", "h.net", "postmaster@example.com", "example.com",
         false},
        {SPF_SCOPE_MAIL_FROM, "", "h.net", "postmaster@h.net", "h.net", false},
        {SPF_SCOPE_HELO, "a@example.com", "h.net.", "postmaster@h.net.", "h.net", false},
        {SPF_SCOPE_MAIL_FROM, "a", "h.net", "a@", "", false},
        {SPF_SCOPE_MAIL_FROM, "a@", "h.net", "a@", "", false},
        {SPF_SCOPE_MAIL_FROM, "a@localhost", "h.net", "a@localhost", "", false},
        {SPF_SCOPE_MAIL_FROM, "\303\274@b\303\274cher.example", "h.net",
         "\303\274@xn--bcher-kva.example", "xn--bcher-kva.example", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct spf_request request = {.scope = cases[i].scope,
                                      .mail_from = bytes_of(cases[i].mail_from),
                                      .helo = bytes_of(cases[i].helo)};
        struct spf_identity identity;
        assert_true(ip_parse(BYTES("192.0.2.1"), &request.client));
        spf_identity_of(arena, &request, &identity);
        assert_true(bytes_equal(identity.values.sender, bytes_of(cases[i].sender)));
        assert_string_equal(domain_text(identity.domain), cases[i].domain);
        assert_int_equal(identity.problem != NULL, cases[i].domain[0] == '\0');
        assert_int_equal(identity.internationalized, cases[i].internationalized);
        arena_free(arena);
    }
}

static void strangers_text_is_made_printable_and_cut(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    assert_string_equal(spf_printable(arena, BYTES("abc def"), 7), "abc def");
    assert_string_equal(spf_printable(arena, BYTES("abcdefgh"), 7), "abcdefg...");
    assert_string_equal(spf_printable(arena, BYTES("\r\n\0\x1b\x7f\xff~"), 9), "??????~");
    assert_string_equal(spf_printable(arena, BYTES_EMPTY, 9), "");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sender_and_domain_come_from_scope_and_reverse_path),
        cmocka_unit_test(strangers_text_is_made_printable_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
