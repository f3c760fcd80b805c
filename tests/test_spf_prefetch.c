/* test_spf_prefetch.c - which lookups are started early, and which are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "spf.h"
#include "strbuf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
    struct fake_dns *dns;
    struct arena *arena;
    struct policy_env env;
    struct dns_session *session;
    struct spf_request request;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.dns = fake_dns_new(), .arena = arena_new(64 * 1024 * 1024)};
    f->env = fake_env(f->dns, 1700000000);
    f->session = fake_session(&f->env, f->arena);
    f->request = (struct spf_request){.helo = BYTES("mail.example.net"),
                                      .mail_from = BYTES("user@example.com"),
                                      .receiver = BYTES("mx.example.org")};
    assert_true(ip_parse(BYTES("192.0.2.1"), &f->request.client));
}

static void end(struct fixture *f)
{
    dns_session_free(f->session);
    arena_free(f->arena);
    fake_dns_free(f->dns);
}

static void txt(struct fixture *f, const char *name, const char *text)
{
    fake_dns_add(f->dns, name, DNS_TXT, text);
}

/* What was asked, joined by ", ". */
static const char *asked(struct fixture *f)
{
    struct strbuf text;
    strbuf_init(&text, f->arena);
    for (size_t i = 0; i < fake_dns_asked_count(f->dns); i++) {
        if (i)
            strbuf_puts(&text, ", ");
        strbuf_puts(&text, fake_dns_asked(f->dns, i));
    }
    return strbuf_string(&text);
}

static void lookups_start_in_the_order_of_the_terms(void **state)
{
    static const struct {
        const char *terms, *asked;
    } cases[] = {
        {"-all", ""},
        {"a mx ptr -all", "A example.com, MX example.com, PTR 1.2.0.192.in-addr.arpa"},
        {"a:a.net exists:%{i}.%{l}.net include:i.net redirect=r.net",
         "A a.net, A 192.0.2.1.user.net, TXT i.net, TXT r.net"},
        /* known without DNS: nothing behind it will be needed */
        {"a ip4:192.0.2.0/24 mx redirect=r.net", "A example.com"},
        {"all mx", ""},
        {"ip4:198.51.100.1 mx", "MX example.com"},
        {"redirect=r.net ~all", ""},
        /* %{p} would need lookups first */
        {"exists:%{p}.net a:%{d}.net", "A example.com.net"},
        /* never started for a record with an error */
        {"a mx foo", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char text[128], expected[256];
        begin(&f);
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i].terms);
        txt(&f, "example.com", text);
        assert_non_null(spf_prefetch_new(f.arena, f.session, &f.request));
        snprintf(expected, sizeof(expected), "TXT example.com%s%s", cases[i].asked[0] ? ", " : "",
                 cases[i].asked);
        assert_string_equal(asked(&f), expected);
        end(&f);
    }
}

static void ipv6_clients_need_aaaa_but_exists_needs_a(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_true(ip_parse(BYTES("2001:db8::1"), &f.request.client));
    txt(&f, "example.com", "v=spf1 ip4:0.0.0.0/0 a exists:x.net");
    spf_prefetch_new(f.arena, f.session, &f.request);
    assert_string_equal(asked(&f), "TXT example.com, AAAA example.com, A x.net");
    end(&f);
}

static void mx_and_ptr_names_are_resolved_ten_at_most(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 mx ptr mx:big.net");
    fake_dns_add(f.dns, "example.com", DNS_MX, "10 mx.example.com");
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%02d.example.com", i);
        fake_dns_add(f.dns, "1.2.0.192.in-addr.arpa", DNS_PTR, name);
        snprintf(name, sizeof(name), "10 %02d.big.net", i);
        fake_dns_add(f.dns, "big.net", DNS_MX, name);
    }
    spf_prefetch_new(f.arena, f.session, &f.request);
    assert_string_equal(asked(&f),
                        "TXT example.com, MX example.com, PTR 1.2.0.192.in-addr.arpa, MX big.net, "
                        "A mx.example.com, A 00.example.com, A 01.example.com, A 02.example.com, "
                        "A 03.example.com, A 04.example.com, A 05.example.com, A 06.example.com, "
                        "A 07.example.com, A 08.example.com, A 09.example.com");
    end(&f);
}

static void includes_are_entered_and_the_total_stays_within_ten_terms(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 include:a.net include:b.net include:a.net a:last.net");
    txt(&f, "a.net", "v=spf1 a:%{d}.x a:a2.net include:example.com ?all");
    txt(&f, "b.net", "v=spf1 a:b1.net a:b2.net a:b3.net a:b4.net a:b5.net a:b6.net");
    spf_prefetch_new(f.arena, f.session, &f.request);
    assert_string_equal(asked(&f), "TXT example.com, TXT a.net, TXT b.net, A last.net, A a.net.x, "
                                   "A a2.net, A b1.net, A b2.net, A b3.net");
    end(&f);
}

static void a_bomb_starts_eleven_lookups_at_most(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (int level = 0; level < 20; level++) {
        struct strbuf record;
        char name[32];
        strbuf_init(&record, f.arena);
        strbuf_puts(&record, "v=spf1");
        for (int i = 0; i < 9; i++)
            strbuf_printf(&record, " include:l%d.net include:x%d-%d.net", level + 1, level, i);
        snprintf(name, sizeof(name), "l%d.net", level);
        txt(&f, name, strbuf_string(&record));
    }
    txt(&f, "example.com", "v=spf1 redirect=l0.net");
    struct spf_prefetch *prefetch = spf_prefetch_new(f.arena, f.session, &f.request);
    for (int i = 0; i < 20; i++)
        spf_prefetch_advance(prefetch);
    assert_true(fake_dns_asked_count(f.dns) <= 11);
    end(&f);
}

static void nothing_to_do_is_null(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.request.client = (struct ip){.family = IP_NONE};
    assert_null(spf_prefetch_new(f.arena, f.session, &f.request));
    assert_true(ip_parse(BYTES("::1"), &f.request.client));
    assert_null(spf_prefetch_new(f.arena, f.session, &f.request));
    assert_true(ip_parse(BYTES("192.0.2.1"), &f.request.client));
    f.request.mail_from = BYTES("user@localhost");
    assert_null(spf_prefetch_new(f.arena, f.session, &f.request));
    assert_int_equal(fake_dns_asked_count(f.dns), 0);
    spf_prefetch_advance(NULL);
    end(&f);
}

static void the_null_sender_is_looked_up_by_helo(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.request.mail_from = BYTES("");
    spf_prefetch_new(f.arena, f.session, &f.request);
    assert_string_equal(asked(&f), "TXT mail.example.net");
    end(&f);
}

static void slow_answers_are_followed_up_as_they_arrive(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    fake_dns_set_delay(f.dns, 5);
    txt(&f, "example.com", "v=spf1 include:a.net -all");
    txt(&f, "a.net", "v=spf1 include:b.net mx:c.net");
    fake_dns_add(f.dns, "c.net", DNS_MX, "10 mx.c.net");
    struct spf_prefetch *prefetch = spf_prefetch_new(f.arena, f.session, &f.request);
    assert_string_equal(asked(&f), "TXT example.com");
    for (int i = 0; i < 400 && fake_dns_asked_count(f.dns) < 5; i++) {
        usleep(5000);
        spf_prefetch_advance(prefetch);
    }
    assert_string_equal(asked(&f), "TXT example.com, TXT a.net, TXT b.net, MX c.net, A mx.c.net");
    end(&f);
}

/* The check then finds everything known. */
static void the_check_asks_nothing_twice(void **state)
{
    struct fixture f;
    struct spf_result result = {.want_explanation = false};
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 include:a.net a:b.net ptr mx exists:%{ir}.x.net -all");
    txt(&f, "a.net", "v=spf1 mx ?all");
    fake_dns_add(f.dns, "a.net", DNS_MX, "10 mx.a.net");
    fake_dns_add(f.dns, "mx.a.net", DNS_A, "192.0.2.200");
    fake_dns_add(f.dns, "1.2.0.192.in-addr.arpa", DNS_PTR, "h.example.com");
    spf_prefetch_new(f.arena, f.session, &f.request);
    size_t before = fake_dns_asked_count(f.dns);
    spf_check(&f.env, f.session, f.arena, &f.request, &result);
    assert_int_equal(fake_dns_asked_count(f.dns), before);
    assert_int_equal(result.result, AUTH_PERMERROR); /* b.net, MX and exists are void */
    assert_int_equal(result.void_lookups, 3);
    end(&f);
}

int main(void)
{
    spf_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_start_in_the_order_of_the_terms),
        cmocka_unit_test(ipv6_clients_need_aaaa_but_exists_needs_a),
        cmocka_unit_test(mx_and_ptr_names_are_resolved_ten_at_most),
        cmocka_unit_test(includes_are_entered_and_the_total_stays_within_ten_terms),
        cmocka_unit_test(a_bomb_starts_eleven_lookups_at_most),
        cmocka_unit_test(nothing_to_do_is_null),
        cmocka_unit_test(the_null_sender_is_looked_up_by_helo),
        cmocka_unit_test(slow_answers_are_followed_up_as_they_arrive),
        cmocka_unit_test(the_check_asks_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
