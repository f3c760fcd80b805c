/* test_spf_check.c - check_host() end to end over a zone in memory: results,
 * reasons, limits, and the known defects of libspf2 as cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "spf.h"
#include "strbuf.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One message: fresh zone, session and arena. */
struct fixture {
    struct fake_dns *dns;
    struct arena *arena;
    struct policy_env env;
    struct dns_session *session;
    struct spf_request request;
    struct spf_result result;
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
    f->result.want_explanation = true;
}

static void end(struct fixture *f)
{
    assert_false(arena_failed(f->arena));
    dns_session_free(f->session);
    arena_free(f->arena);
    fake_dns_free(f->dns);
}

static void txt(struct fixture *f, const char *name, const char *text)
{
    fake_dns_add(f->dns, name, DNS_TXT, text);
}

static void set_client(struct fixture *f, const char *client)
{
    assert_true(ip_parse(bytes_of(client), &f->request.client));
}

/* Checks; every text must be one printable line. */
static const struct spf_result *check(struct fixture *f)
{
    spf_check(&f->env, f->session, f->arena, &f->request, &f->result);
    const char *texts[] = {f->result.reason, f->result.mechanism, f->result.explanation};
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_true(texts[i] || i == 2);
        for (const char *p = texts[i]; p && *p; p++)
            assert_true(*p >= ' ' && *p <= '~');
    }
    assert_true(f->result.reason[0]);
    assert_true(f->result.lookups <= SPF_TERMS_MAX + 1);
    assert_true(f->result.void_lookups <= SPF_VOID_MAX + 1);
    return &f->result;
}

/* ---- a zone, many records ---- */

static void load_zone(struct fixture *f)
{
    static const struct {
        const char *name;
        enum dns_type type;
        const char *data;
    } zone[] = {
        {"example.com", DNS_A, "192.0.2.1"},
        {"example.com", DNS_AAAA, "2001:db8::1"},
        {"example.com", DNS_MX, "10 mx.example.com"},
        {"example.com", DNS_MX, "20 192.0.2.7"},
        {"mx.example.com", DNS_A, "192.0.2.9"},
        {"pass.example.net", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 -all"},
        {"fail.example.net", DNS_TXT, "v=spf1 -ip4:192.0.2.0/24 +all"},
        {"neutral.example.net", DNS_TXT, "v=spf1"},
        {"softfail.example.net", DNS_TXT, "v=spf1 ~all"},
        {"broken.example.net", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 foo:bar"},
        {"two.example.net", DNS_TXT, "v=spf1 +all"},
        {"two.example.net", DNS_TXT, "v=spf1 -all"},
        {"other.example.net", DNS_TXT, "hello"},
        {"deep.example.net", DNS_TXT, "v=spf1 redirect=pass.example.net"},
        {"192.0.2.1.x.example.net", DNS_A, "127.0.0.2"},
        {"1.2.0.192.in-addr.arpa", DNS_PTR, "host.example.com"},
        {"host.example.com", DNS_A, "192.0.2.1"},
    };
    for (size_t i = 0; i < COUNT(zone); i++)
        fake_dns_add(f->dns, zone[i].name, zone[i].type, zone[i].data);
    fake_dns_fail(f->dns, "temp.example.net", 0, "SERVFAIL");
}

static void results_come_with_mechanism_reason_and_counts(void **state)
{
    static const struct {
        const char *terms; /* of example.com */
        enum auth_result result;
        const char *mechanism, *reason;
        unsigned lookups, voids;
    } cases[] = {
        {"-all", AUTH_FAIL, "-all", "192.0.2.1 matches -all of example.com", 0, 0},
        {"", AUTH_NEUTRAL, "", "no mechanism of example.com matches 192.0.2.1", 0, 0},
        {"~all", AUTH_SOFTFAIL, "~all", NULL, 0, 0},
        {"ip4:192.0.2.0/24 -all", AUTH_PASS, "ip4:192.0.2.0/24",
         "192.0.2.1 matches ip4:192.0.2.0/24 of example.com", 0, 0},
        {"ip4:192.0.3.0/24 ip6:2001:db8::/32 ?all", AUTH_NEUTRAL, "?all", NULL, 0, 0},
        {"+a -all", AUTH_PASS, "+a", "192.0.2.1 matches +a of example.com", 1, 0},
        {"a:mx.example.com -all", AUTH_FAIL, "-all", NULL, 1, 0},
        {"a:mx.example.com/24 -all", AUTH_PASS, "a:mx.example.com/24", NULL, 1, 0},
        {"mx -all", AUTH_FAIL, "-all", NULL, 1, 0},
        {"mx/24 -all", AUTH_PASS, "mx/24", NULL, 1, 0},
        {"ptr -all", AUTH_PASS, "ptr", NULL, 1, 0},
        {"ptr:example.net -all", AUTH_FAIL, "-all", NULL, 1, 0},
        {"exists:%{i}.x.example.net -all", AUTH_PASS, "exists:%{i}.x.example.net", NULL, 1, 0},
        {"exists:%{h}.x.example.net -all", AUTH_FAIL, "-all", NULL, 1, 1},
        {"exists:%{p}.x.example.net ~all", AUTH_SOFTFAIL, "~all", NULL, 1, 1},
        {"a:nx1.example.org mx:nx2.example.org -all", AUTH_FAIL, "-all", NULL, 2, 2},
        {"a:nx1.example.org mx:nx2.example.org exists:nx3.example.org -all", AUTH_PERMERROR, "",
         "more than 2 void lookups, at exists:nx3.example.org", 3, 3},
        /* NODATA is void as well */
        {"mx:a.example.net mx:mx.example.com exists:%{d2}.example.net -all", AUTH_PERMERROR, "",
         "more than 2 void lookups, at exists:%{d2}.example.net (example.com.example.net)", 3, 3},
        {"include:pass.example.net -all", AUTH_PASS, "include:pass.example.net ip4:192.0.2.0/24",
         "192.0.2.1 matches ip4:192.0.2.0/24 of pass.example.net", 1, 0},
        {"-include:pass.example.net +all", AUTH_FAIL, "-include:pass.example.net ip4:192.0.2.0/24",
         NULL, 1, 0},
        {"include:deep.example.net -all", AUTH_PASS,
         "include:deep.example.net redirect=pass.example.net ip4:192.0.2.0/24", NULL, 2, 0},
        {"include:fail.example.net ~all", AUTH_SOFTFAIL, "~all",
         "192.0.2.1 matches ~all of example.com", 1, 0},
        {"include:softfail.example.net include:neutral.example.net +all", AUTH_PASS, "+all", NULL,
         2, 0},
        {"include:none.example.net +all", AUTH_PERMERROR, "",
         "include:none.example.net has no SPF record", 1, 0},
        {"include:%{d2}.example.net +all", AUTH_PERMERROR, "",
         "include:%{d2}.example.net (example.com.example.net) has no SPF record", 1, 0},
        {"include:other.example.net +all", AUTH_PERMERROR, "",
         "include:other.example.net has no SPF record", 1, 0},
        {"include:two.example.net +all", AUTH_PERMERROR, "",
         "include:two.example.net has 2 SPF records", 1, 0},
        {"?include:broken.example.net +all", AUTH_PERMERROR, "",
         "SPF record of broken.example.net: unknown mechanism \"foo:bar\"", 1, 0},
        {"include:temp.example.net +all", AUTH_TEMPERROR, "",
         "TXT lookup of temp.example.net failed: SERVFAIL", 1, 0},
        {"a:temp.example.net +all", AUTH_TEMPERROR, "",
         "A lookup of temp.example.net failed: SERVFAIL", 1, 0},
        {"mx:temp.example.net +all", AUTH_TEMPERROR, "",
         "MX lookup of temp.example.net failed: SERVFAIL", 1, 0},
        {"exists:temp.example.net +all", AUTH_TEMPERROR, "",
         "A lookup of temp.example.net failed: SERVFAIL", 1, 0},
        {"redirect=pass.example.net", AUTH_PASS, "redirect=pass.example.net ip4:192.0.2.0/24", NULL,
         1, 0},
        {"redirect=pass.example.net a:mx.example.com", AUTH_PASS,
         "redirect=pass.example.net ip4:192.0.2.0/24", NULL, 2, 0},
        {"redirect=pass.example.net ?all", AUTH_NEUTRAL, "?all", NULL, 0, 0},
        {"redirect=neutral.example.net", AUTH_NEUTRAL, "",
         "no mechanism of neutral.example.net matches 192.0.2.1", 1, 0},
        {"redirect=none.example.net", AUTH_PERMERROR, "",
         "redirect=none.example.net has no SPF record", 1, 0},
        {"redirect=example.com", AUTH_PERMERROR, "",
         "more than 10 terms with DNS lookups, at redirect=example.com", 11, 0},
        {"include:example.com", AUTH_PERMERROR, "",
         "more than 10 terms with DNS lookups, at include:example.com", 11, 0},
        {"ip4:192.0.2.1 a a a a a a a a a a a a", AUTH_PASS, "ip4:192.0.2.1", NULL, 0, 0},
        {"-mx -mx -mx -mx -mx -mx -mx -mx -mx a", AUTH_PASS, "a", NULL, 10, 0},
        /* the eleventh term, in last position */
        {"-mx -mx -mx -mx -mx -mx -mx -mx -mx -mx a", AUTH_PERMERROR, "",
         "more than 10 terms with DNS lookups, at a", 11, 0},
        {"-mx -mx -mx -mx -mx -mx -mx -mx -mx -mx redirect=pass.example.net", AUTH_PERMERROR, "",
         "more than 10 terms with DNS lookups, at redirect=pass.example.net", 11, 0},
        {"-mx -mx -mx -mx -mx -mx -mx -mx -mx -mx +all", AUTH_PASS, "+all", NULL, 10, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char text[256];
        begin(&f);
        load_zone(&f);
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i].terms);
        txt(&f, "example.com", text);
        const struct spf_result *result = check(&f);
        if (result->result != cases[i].result)
            fail_msg("%s: %s, %s", cases[i].terms, auth_result_name(result->result),
                     result->reason);
        assert_string_equal(result->mechanism, cases[i].mechanism);
        if (cases[i].reason)
            assert_string_equal(result->reason, cases[i].reason);
        if (result->lookups != cases[i].lookups || result->void_lookups != cases[i].voids)
            fail_msg("%s: %u lookups, %u void", cases[i].terms, result->lookups,
                     result->void_lookups);
        end(&f);
    }
}

/* ---- identities ---- */

static void the_identity_is_chosen_by_scope_and_reverse_path(void **state)
{
    static const struct {
        enum spf_scope scope;
        const char *mail_from, *helo;
        enum auth_result result;
        bool null_sender;
        const char *domain, *explanation;
    } cases[] = {
        {SPF_SCOPE_MAIL_FROM, "User@Example.COM", "mail.example.net", AUTH_FAIL, false,
         "example.com", "User@Example.COM example.com mail.example.net"},
        {SPF_SCOPE_MAIL_FROM, "@example.com", "x", AUTH_FAIL, false, "example.com",
         "postmaster@example.com example.com x"},
        {SPF_SCOPE_MAIL_FROM, "\"a@b\"@example.com", "[192.0.2.1]", AUTH_FAIL, false, "example.com",
         "\"a@b\"@example.com example.com [192.0.2.1]"},
        {SPF_SCOPE_MAIL_FROM, "", "example.com", AUTH_FAIL, true, "example.com",
         "postmaster@example.com example.com example.com"},
        {SPF_SCOPE_HELO, "user@example.net", "example.com", AUTH_FAIL, false, "example.com",
         "postmaster@example.com example.com example.com"},
        {SPF_SCOPE_MAIL_FROM, "user@b\303\274cher.example", "x", AUTH_FAIL, false,
         "xn--bcher-kva.example", "user@xn--bcher-kva.example xn--bcher-kva.example x"},
        {SPF_SCOPE_MAIL_FROM, "", "b\303\274cher.example", AUTH_FAIL, true, "xn--bcher-kva.example",
         "postmaster@xn--bcher-kva.example xn--bcher-kva.example xn--bcher-kva.example"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        begin(&f);
        txt(&f, "example.com", "v=spf1 -all exp=e.example.com");
        txt(&f, "xn--bcher-kva.example", "v=spf1 -all exp=e.example.com");
        txt(&f, "e.example.com", "%{s} %{d} %{h}");
        f.request.scope = cases[i].scope;
        f.request.mail_from = bytes_of(cases[i].mail_from);
        f.request.helo = bytes_of(cases[i].helo);
        const struct spf_result *result = check(&f);
        assert_int_equal(result->result, cases[i].result);
        assert_int_equal(result->scope, cases[i].scope);
        assert_int_equal(result->null_sender, cases[i].null_sender);
        assert_string_equal(domain_text(result->domain), cases[i].domain);
        assert_string_equal(result->explanation, cases[i].explanation);
        end(&f);
    }
}

static void what_is_no_domain_gives_none_without_a_lookup(void **state)
{
    static const char *const domains[] = {"",
                                          "localhost",
                                          "[192.0.2.1]",
                                          "a..example.com",
                                          ".example.com",
                                          "ex ample.com",
                                          "ex%{d}ample.com",
                                          "a\tb.example.com",
                                          "\xff.example.com"};
    (void)state;
    for (size_t i = 0; i < COUNT(domains); i++) {
        for (int null_sender = 0; null_sender < 2; null_sender++) {
            struct fixture f;
            char address[64];
            begin(&f);
            fake_dns_everything_exists(f.dns);
            snprintf(address, sizeof(address), "user@%s", domains[i]);
            f.request.mail_from = bytes_of(null_sender ? "" : address);
            f.request.helo = null_sender ? bytes_of(domains[i]) : BYTES("example.com");
            const struct spf_result *result = check(&f);
            assert_int_equal(result->result, AUTH_NONE);
            assert_true(domain_is_none(result->domain));
            assert_string_equal(result->reason,
                                null_sender ? "HELO name is not a fully qualified domain name"
                                            : "MAIL FROM has no fully qualified domain name");
            assert_int_equal(fake_dns_asked_count(f.dns), 0);
            end(&f);
        }
    }
}

static void an_address_without_at_sign_has_no_domain(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.request.mail_from = BYTES("example.com");
    txt(&f, "example.com", "v=spf1 +all");
    assert_int_equal(check(&f)->result, AUTH_NONE);
    end(&f);
}

static void loopback_and_unknown_clients_give_none_never_pass(void **state)
{
    static const char *const clients[] = {"127.0.0.1", "127.255.3.4", "::1", "::ffff:127.0.0.1"};
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < COUNT(clients); i++) {
        begin(&f);
        txt(&f, "example.com", "v=spf1 +all");
        set_client(&f, clients[i]);
        assert_int_equal(check(&f)->result, AUTH_NONE);
        assert_string_equal(f.result.reason, "loopback client is not checked");
        assert_string_equal(domain_text(f.result.domain), "example.com");
        end(&f);
    }
    begin(&f);
    txt(&f, "example.com", "v=spf1 +all");
    f.request.client = (struct ip){.family = IP_NONE};
    assert_int_equal(check(&f)->result, AUTH_NONE);
    assert_string_equal(f.result.reason, "client address is unknown");
    end(&f);
}

static void an_ipv4_mapped_client_is_ipv4(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 -ip6:::/0 exists:%{ir}.%{v}.x.example.com ip4:198.51.100.0/24");
    fake_dns_add(f.dns, "1.2.0.192.in-addr.x.example.com", DNS_A, "127.0.0.1");
    set_client(&f, "::ffff:192.0.2.1");
    assert_int_equal(check(&f)->result, AUTH_PASS);
    assert_string_equal(f.result.mechanism, "exists:%{ir}.%{v}.x.example.com");
    end(&f);
}

static void terms_with_a_non_ascii_local_part_match_nothing(void **state)
{
    static const struct {
        const char *terms;
        enum auth_result result;
        unsigned lookups;
    } cases[] = {
        {"exists:%{l}.example.com -all", AUTH_FAIL, 1},
        {"exists:%{L1}.example.com ~all", AUTH_SOFTFAIL, 1},
        {"include:%{s}.example.com -all", AUTH_FAIL, 1},
        {"redirect=%{l}.example.com", AUTH_NEUTRAL, 0},
        {"exists:%{o}.example.com -all", AUTH_PASS, 1},
        {"-all exp=%{l}.example.com", AUTH_FAIL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char text[128];
        begin(&f);
        fake_dns_everything_exists(f.dns);
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i].terms);
        txt(&f, "example.com", text);
        fake_dns_add(f.dns, "example.com.example.com", DNS_A, "192.0.2.3");
        f.request.mail_from = BYTES("j\xc3\xbcrgen@example.com");
        assert_int_equal(check(&f)->result, cases[i].result);
        assert_int_equal(f.result.lookups, cases[i].lookups);
        assert_int_equal(f.result.void_lookups, 0);
        assert_null(f.result.explanation);
        assert_true(fake_dns_asked_count(f.dns) <= 2);
        end(&f);
    }
}

/* ---- records ---- */

static void a_domain_without_a_record_gives_none(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(check(&f)->result, AUTH_NONE);
    assert_string_equal(f.result.reason, "example.com has no SPF record");
    end(&f);
    begin(&f);
    txt(&f, "example.com", "v=spf10 -all");
    assert_int_equal(check(&f)->result, AUTH_NONE);
    end(&f);
}

static void several_records_give_permerror(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 -all");
    txt(&f, "example.com", "v=spf1 -all");
    assert_int_equal(check(&f)->result, AUTH_PERMERROR);
    assert_string_equal(f.result.reason, "example.com has 2 SPF records");
    end(&f);
}

static void a_failed_record_lookup_gives_temperror(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    fake_dns_fail(f.dns, "example.com", DNS_TXT, "SERVFAIL");
    assert_int_equal(check(&f)->result, AUTH_TEMPERROR);
    assert_string_equal(f.result.reason, "TXT lookup of example.com failed: SERVFAIL");
    end(&f);
}

/* ip4 terms count nothing and none of them gets lost: libspf2 drops what lies
 * behind 511 octets of its compiled form, the final -all with it. */
static void no_term_of_a_large_record_gets_lost(void **state)
{
    static const struct {
        const char *format, *last;
        const char *client;
        int count;
        enum auth_result result;
    } cases[] = {
        {" ip4:10.0.%d.0/24", "-all", "192.0.2.1", 120, AUTH_FAIL},
        {" ip4:10.0.%d.0/24", "-all", "10.0.119.1", 120, AUTH_PASS},
        {" ip4:10.0.%d.0/24", "-all", "192.0.2.1", 250, AUTH_FAIL},
        {" ip6:2001:db8:%x::/48", "~all", "2001:db8:ffff::", 500, AUTH_SOFTFAIL},
        {" ip6:2001:db8:%x::/48", "~all", "2001:db8:1f3::", 500, AUTH_PASS},
        {" -ip4:198.51.100.%d", "ip4:192.0.2.1 -all", "192.0.2.1", 100, AUTH_PASS},
        {" x%d=%%{d}.some.more.text.to.fill.modifiers", "-all", "192.0.2.1", 120, AUTH_FAIL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct strbuf record;
        begin(&f);
        strbuf_init(&record, f.arena);
        strbuf_puts(&record, "v=spf1");
        for (int n = 0; n < cases[i].count; n++) {
            char term[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(term, sizeof(term), cases[i].format, n);
#pragma GCC diagnostic pop
            strbuf_puts(&record, term);
        }
        strbuf_printf(&record, " %s", cases[i].last);
        txt(&f, "example.com", strbuf_string(&record));
        set_client(&f, cases[i].client);
        assert_int_equal(check(&f)->result, cases[i].result);
        end(&f);
    }
}

static void five_hundred_ip4_terms_keep_their_all(void **state)
{
    struct fixture f;
    struct strbuf record;
    (void)state;
    begin(&f);
    strbuf_init(&record, f.arena);
    strbuf_puts(&record, "v=spf1");
    for (unsigned n = 0; n < 500; n++)
        strbuf_printf(&record, " ip4:10.%u.%u.0/24", n / 256, n % 256);
    strbuf_puts(&record, " -all");
    txt(&f, "example.com", strbuf_string(&record));
    assert_int_equal(check(&f)->result, AUTH_FAIL);
    assert_string_equal(f.result.mechanism, "-all");
    set_client(&f, "10.1.243.9"); /* the last one */
    assert_int_equal(check(&f)->result, AUTH_PASS);
    assert_string_equal(f.result.mechanism, "ip4:10.1.243.0/24");
    end(&f);
}

static void a_record_over_the_limit_gives_permerror_not_neutral(void **state)
{
    struct fixture f;
    struct strbuf record;
    (void)state;
    begin(&f);
    strbuf_init(&record, f.arena);
    strbuf_puts(&record, "v=spf1");
    while (record.len < SPF_RECORD_MAX)
        strbuf_puts(&record, " ip4:10.0.0.0/24");
    txt(&f, "example.com", strbuf_string(&record));
    assert_int_equal(check(&f)->result, AUTH_PERMERROR);
    end(&f);
}

static void a_nul_octet_in_a_record_gives_permerror(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    fake_dns_add_bytes(f.dns, BYTES("example.com"), DNS_TXT, BYTES("v=spf1 +all\0 a:x.com"), 0);
    assert_int_equal(check(&f)->result, AUTH_PERMERROR);
    assert_string_equal(f.result.reason, "SPF record of example.com: octet outside printable ASCII "
                                         "in \"+all?\"");
    end(&f);
}

/* ---- macros ---- */

static void names_are_expanded_as_the_rfc_says_not_as_libspf2_does(void **state)
{
    static const struct {
        const char *term, *asked;
    } cases[] = {
        {"exists:%{d2}.x.net", "A example.com.x.net"}, /* libspf2: "xample.com" */
        {"exists:%{d9}.x.net", "A example.com.x.net"},
        {"a:%{d2}", "A example.com"},
        {"exists:%{s,/}.x.net", "A user@example.com.x.net"}, /* libspf2: permerror */
        {"exists:%{h}.x.net", "A mail.example.net.x.net"},
        {"exists:%{lr-}.x.net", "A user.x.net"},
        {"exists:%{ir}.%{v}.x.net", "A 1.2.0.192.in-addr.x.net"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char text[128];
        begin(&f);
        snprintf(text, sizeof(text), "v=spf1 %s -all", cases[i].term);
        txt(&f, "example.com", text);
        assert_int_equal(check(&f)->result, AUTH_FAIL);
        assert_string_equal(fake_dns_asked(f.dns, fake_dns_asked_count(f.dns) - 1), cases[i].asked);
        end(&f);
    }
}

static void every_malformed_macro_gives_permerror(void **state)
{
    static const char *const terms[] = {
        "exists:%",     "exists:%{",       "exists:%{d",      "exists:%{}.com",  "exists:%{d2|}",
        "exists:%{d0}", "exists:%{z}.com", "exists:foo%.com", "exists:%{t}.com", "include:%x.com",
        "redirect=%{d", "exp=%{d",         "unknown=%",       "a:%{l99r-",       "mx:%{l99r-%}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(terms); i++) {
        struct fixture f;
        char text[128];
        begin(&f);
        snprintf(text, sizeof(text), "v=spf1 %s +all", terms[i]);
        txt(&f, "example.com", text);
        if (check(&f)->result != AUTH_PERMERROR)
            fail_msg("%s: %s", terms[i], auth_result_name(f.result.result));
        end(&f);
    }
}

/* include:%{d}.%{d}...: libspf2 lets the name double at each level, up to 1 GB. */
static void the_current_domain_cannot_grow_without_bound(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    fake_dns_everything_exists(f.dns);
    txt(&f, "example.com", "v=spf1 include:%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d} +all");
    check(&f);
    assert_int_equal(f.result.result, AUTH_PERMERROR);
    assert_true(arena_used(f.arena) < 100000);
    end(&f);
}

static void a_name_over_253_octets_is_asked_without_its_left_labels(void **state)
{
    struct fixture f;
    char local_part[300], address[400];
    (void)state;
    begin(&f);
    for (size_t i = 0; i < sizeof(local_part); i++)
        local_part[i] = i % 10 == 9 ? '.' : 'x';
    snprintf(address, sizeof(address), "%.*s@example.com", (int)sizeof(local_part) - 1, local_part);
    f.request.mail_from = bytes_of(address);
    txt(&f, "example.com", "v=spf1 exists:%{l}.example.net -all");
    assert_int_equal(check(&f)->result, AUTH_FAIL);
    const char *asked = fake_dns_asked(f.dns, 1);
    assert_int_equal(strlen(asked), 2 + 24 * 10 + 11); /* "A ", 24 labels, example.net */
    end(&f);
}

static void a_long_local_part_is_no_temporary_error(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.request.mail_from = BYTES(
        "very-long-verp-local-part=with-all-sorts-of-things-in-it+more-than-63-octets@example.com");
    txt(&f, "example.com", "v=spf1 exists:%{l}.example.net ~all");
    assert_int_equal(check(&f)->result, AUTH_SOFTFAIL);
    end(&f);
}

/* ---- bombs ---- */

/* Nine includes on each of many levels: libspf2 asks 597,871 times at depth 6. */
static void an_include_bomb_stops_at_the_eleventh_term(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (int level = 0; level < 12; level++) {
        for (int n = 0; n < 9; n++) {
            struct strbuf record;
            char name[64];
            strbuf_init(&record, f.arena);
            strbuf_puts(&record, "v=spf1");
            for (int i = 0; i < 9; i++)
                strbuf_printf(&record, " include:l%d-%d.example.com", level + 1, i);
            strbuf_puts(&record, " ?all");
            snprintf(name, sizeof(name), "l%d-%d.example.com", level, n);
            txt(&f, name, strbuf_string(&record));
        }
    }
    txt(&f, "example.com", "v=spf1 redirect=l0-0.example.com");
    assert_int_equal(check(&f)->result, AUTH_PERMERROR);
    assert_int_equal(f.result.lookups, 11);
    assert_true(fake_dns_asked_count(f.dns) <= 12);
    end(&f);
}

static void a_wide_include_tree_stops_at_the_eleventh_term(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com",
        "v=spf1 include:b.example.com include:b.example.com "
        "include:b.example.com include:b.example.com -all");
    txt(&f, "b.example.com", "v=spf1 include:c.example.com include:c.example.com ?all");
    txt(&f, "c.example.com", "v=spf1 ip4:198.51.100.0/24 ?all");
    assert_int_equal(check(&f)->result, AUTH_PERMERROR);
    assert_int_equal(f.result.lookups, 11);
    assert_true(fake_dns_asked_count(f.dns) <= 3); /* the session asks each name once */
    end(&f);
}

static void more_than_ten_mx_hosts_give_permerror(void **state)
{
    (void)state;
    for (int hosts = 10; hosts <= 11; hosts++) {
        struct fixture f;
        begin(&f);
        txt(&f, "example.com", "v=spf1 mx -all");
        for (int i = 0; i < hosts; i++) {
            char mx[64], host[32];
            snprintf(host, sizeof(host), "mx%d.example.com", i);
            snprintf(mx, sizeof(mx), "%d %s", i, host);
            fake_dns_add(f.dns, "example.com", DNS_MX, mx);
            fake_dns_add(f.dns, host, DNS_A, i == 9 ? "192.0.2.1" : "192.0.2.200");
        }
        assert_int_equal(check(&f)->result, hosts == 10 ? AUTH_PASS : AUTH_PERMERROR);
        if (hosts == 11) {
            assert_string_equal(f.result.reason, "example.com has 11 MX records, over 10");
            assert_int_equal(fake_dns_asked_count(f.dns), 2);
        }
        end(&f);
    }
}

static void only_the_first_ten_ptr_names_count(void **state)
{
    (void)state;
    for (int position = 9; position <= 10; position++) {
        struct fixture f;
        begin(&f);
        txt(&f, "example.com", "v=spf1 ptr -all");
        for (int i = 0; i < 12; i++) {
            char name[32];
            snprintf(name, sizeof(name), "h%d.example.com", i);
            fake_dns_add(f.dns, "1.2.0.192.in-addr.arpa", DNS_PTR, name);
            fake_dns_add(f.dns, name, DNS_A, i == position ? "192.0.2.1" : "192.0.2.200");
        }
        assert_int_equal(check(&f)->result, position == 9 ? AUTH_PASS : AUTH_FAIL);
        end(&f);
    }
}

static void a_failed_ptr_lookup_is_no_match(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 ptr exists:%{p}.x.example.com ~all");
    fake_dns_fail(f.dns, "1.2.0.192.in-addr.arpa", DNS_PTR, "time-out");
    assert_int_equal(check(&f)->result, AUTH_SOFTFAIL);
    assert_string_equal(fake_dns_asked(f.dns, 2), "A unknown.x.example.com");
    end(&f);
}

static void a_failed_address_of_one_ptr_name_skips_that_name(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 ptr -all");
    fake_dns_add(f.dns, "1.2.0.192.in-addr.arpa", DNS_PTR, "a.example.com");
    fake_dns_add(f.dns, "1.2.0.192.in-addr.arpa", DNS_PTR, "b.example.com");
    fake_dns_fail(f.dns, "a.example.com", DNS_A, "SERVFAIL");
    fake_dns_add(f.dns, "b.example.com", DNS_A, "192.0.2.1");
    assert_int_equal(check(&f)->result, AUTH_PASS);
    end(&f);
}

static void names_of_mx_and_ptr_may_be_anything(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 mx ptr exists:%{p}.x -all exp=e.example.com");
    txt(&f, "e.example.com", "%{p}");
    fake_dns_add_bytes(f.dns, BYTES("example.com"), DNS_MX, BYTES(""), 0);
    fake_dns_add_bytes(f.dns, BYTES("example.com"), DNS_MX, BYTES("a..b\0%{d}\xff"), 0);
    fake_dns_add_bytes(f.dns, BYTES("1.2.0.192.in-addr.arpa"), DNS_PTR, BYTES("\r\n.example.com"),
                       0);
    fake_dns_add_bytes(f.dns, BYTES("\r\n.example.com"), DNS_A, BYTES("\xc0\x00\x02\x01"), 0);
    assert_int_equal(check(&f)->result, AUTH_PASS);
    assert_string_equal(f.result.mechanism, "ptr");
    end(&f);
}

/* ---- time and budget ---- */

static void an_exhausted_query_budget_gives_temperror(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    dns_session_free(f.session);
    struct dns_session_limits limits = {.queries = 2,
                                        .query_timeout_us = 1000000,
                                        .now_us = f.env.monotonic_us,
                                        .clock = f.env.clock};
    f.session = dns_session_new(f.arena, f.env.resolver, &limits);
    txt(&f, "example.com", "v=spf1 a:a.example.com a:b.example.com -all");
    fake_dns_add(f.dns, "a.example.com", DNS_A, "192.0.2.200");
    assert_int_equal(check(&f)->result, AUTH_TEMPERROR);
    assert_string_equal(f.result.reason,
                        "A lookup of b.example.com failed: over the budget of DNS queries");
    end(&f);
}

static void a_passed_deadline_gives_temperror(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    txt(&f, "example.com", "v=spf1 a -all");
    fake_dns_set_delay(f.dns, 500);
    dns_session_set_deadline(f.session, f.env.monotonic_us(f.env.clock) + 20000);
    assert_int_equal(check(&f)->result, AUTH_TEMPERROR);
    assert_string_equal(f.result.reason,
                        "TXT lookup of example.com failed: message deadline exceeded");
    end(&f);
}

/* A clock on which each look costs a second. */
static int64_t slow_clock(void *unused)
{
    static int64_t now_us;
    (void)unused;
    return now_us += 3000000;
}

static void a_check_of_over_twenty_seconds_gives_temperror(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.env.monotonic_us = slow_clock;
    txt(&f, "example.com", "v=spf1 mx mx mx mx mx mx mx mx mx mx -all");
    fake_dns_add(f.dns, "example.com", DNS_MX, "10 mx.example.com");
    fake_dns_add(f.dns, "mx.example.com", DNS_A, "192.0.2.200");
    assert_int_equal(check(&f)->result, AUTH_TEMPERROR);
    assert_string_equal(f.result.reason, "check took longer than 20 s");
    assert_true(f.result.lookups < 10);
    end(&f);
}

static void answers_may_come_from_another_thread(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    fake_dns_set_delay(f.dns, 2);
    txt(&f, "example.com", "v=spf1 include:a.example.com -all");
    txt(&f, "a.example.com", "v=spf1 a:b.example.com ?all");
    fake_dns_add(f.dns, "b.example.com", DNS_A, "192.0.2.1");
    assert_int_equal(check(&f)->result, AUTH_PASS);
    end(&f);
}

/* ---- explanations ---- */

static void the_explanation_is_that_of_the_deciding_record(void **state)
{
    static const struct {
        const char *terms, *explanation;
    } cases[] = {
        {"-all exp=e1.example.com", "first example.com"},
        {"exp=e1.example.com -include:x.example.com ?all", "first example.com"},
        {"redirect=r.example.com exp=e1.example.com", "second r.example.com"},
        {"redirect=none.example.com exp=e1.example.com", NULL},
        {"~all exp=e1.example.com", NULL},
        {"-all exp=%{d}.nx.example.com", NULL},
        {"-all exp=two.example.com", NULL},
        {"-all exp=bad.example.com", NULL},
        {"-all exp=empty.example.com", NULL},
        {"-all exp=temp.example.com", NULL},
        {"-all", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char text[128];
        begin(&f);
        snprintf(text, sizeof(text), "v=spf1 %s", cases[i].terms);
        txt(&f, "example.com", text);
        txt(&f, "x.example.com", "v=spf1 +all exp=e2.example.com");
        txt(&f, "r.example.com", "v=spf1 -all exp=e2.example.com");
        txt(&f, "e1.example.com", "first %{d}");
        txt(&f, "e2.example.com", "second %{d}");
        txt(&f, "two.example.com", "a");
        txt(&f, "two.example.com", "b");
        txt(&f, "bad.example.com", "100% wrong");
        txt(&f, "empty.example.com", "");
        fake_dns_fail(f.dns, "temp.example.com", 0, "SERVFAIL");
        check(&f);
        if (!cases[i].explanation)
            assert_null(f.result.explanation);
        else
            assert_string_equal(f.result.explanation, cases[i].explanation);
        end(&f);
    }
}

static void no_explanation_is_fetched_unless_asked_for_or_on_other_results(void **state)
{
    static const char *const records[] = {
        "v=spf1 -all exp=e.example.com", "v=spf1 ~all exp=e.example.com",
        "v=spf1 ?all exp=e.example.com", "v=spf1 exp=e.example.com"};
    (void)state;
    for (size_t i = 0; i < COUNT(records); i++) {
        struct fixture f;
        begin(&f);
        txt(&f, "example.com", records[i]);
        f.result.want_explanation = i > 0;
        check(&f);
        assert_null(f.result.explanation);
        assert_int_equal(fake_dns_asked_count(f.dns), 1);
        end(&f);
    }
}

/* CVE-2023-42118: 127 macros and one more octet end a process with libspf2. */
static void an_explanation_of_509_octets_is_just_a_long_one(void **state)
{
    struct fixture f;
    struct strbuf text;
    (void)state;
    begin(&f);
    strbuf_init(&text, f.arena);
    for (int i = 0; i < 127; i++)
        strbuf_puts(&text, "%{d}");
    strbuf_putc(&text, 'x');
    assert_int_equal(text.len, 509);
    txt(&f, "example.com", "v=spf1 -all exp=e.example.com");
    txt(&f, "e.example.com", strbuf_string(&text));
    assert_int_equal(check(&f)->result, AUTH_FAIL);
    assert_int_equal(strlen(f.result.explanation), 500);
    end(&f);
}

/* The same defect through a mechanism: 127 macros and a long literal. */
static void a_mechanism_of_127_macros_is_just_a_long_one(void **state)
{
    struct fixture f;
    struct strbuf text;
    (void)state;
    begin(&f);
    strbuf_init(&text, f.arena);
    strbuf_puts(&text, "v=spf1 a:");
    for (int i = 0; i < 127; i++)
        strbuf_puts(&text, "%{d}");
    for (int i = 0; i < 4000; i++)
        strbuf_putc(&text, 'x');
    strbuf_puts(&text, ".com -all");
    txt(&f, "example.com", strbuf_string(&text));
    assert_int_equal(check(&f)->result, AUTH_FAIL);
    assert_string_equal(fake_dns_asked(f.dns, 1), "A com");
    end(&f);
}

static void texts_from_publishers_are_printable_and_bounded(void **state)
{
    struct fixture f;
    struct strbuf text;
    (void)state;
    begin(&f);
    strbuf_init(&text, f.arena);
    strbuf_puts(&text, "v=spf1 exists:");
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&text, "\"quote\".");
    strbuf_puts(&text, "example.com -all");
    txt(&f, "example.com", strbuf_string(&text));
    fake_dns_everything_exists(f.dns);
    check(&f);
    assert_true(strlen(f.result.reason) < 1000);
    set_client(&f, "192.0.2.2");
    end(&f);

    begin(&f);
    fake_dns_add_bytes(f.dns, BYTES("example.com"), DNS_TXT, BYTES("v=spf1 \r\nX-Evil:\x1b[1m\0y"),
                       0);
    assert_int_equal(check(&f)->result, AUTH_PERMERROR);
    assert_string_equal(f.result.reason, "SPF record of example.com: octet outside printable ASCII "
                                         "in \"??X-Evil:?[1m?y\"");
    end(&f);
}

/* ---- threads ---- */

static void *check_often(void *unused)
{
    for (int i = 0; i < 20; i++) {
        struct fixture f;
        begin(&f);
        load_zone(&f);
        txt(&f, "example.com", "v=spf1 mx include:deep.example.net -all");
        assert_int_equal(check(&f)->result, AUTH_PASS);
        end(&f);
    }
    return unused;
}

static void checks_run_on_many_threads_at_once(void **state)
{
    pthread_t threads[8];
    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_often, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    spf_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_with_mechanism_reason_and_counts),
        cmocka_unit_test(the_identity_is_chosen_by_scope_and_reverse_path),
        cmocka_unit_test(what_is_no_domain_gives_none_without_a_lookup),
        cmocka_unit_test(an_address_without_at_sign_has_no_domain),
        cmocka_unit_test(loopback_and_unknown_clients_give_none_never_pass),
        cmocka_unit_test(an_ipv4_mapped_client_is_ipv4),
        cmocka_unit_test(terms_with_a_non_ascii_local_part_match_nothing),
        cmocka_unit_test(a_domain_without_a_record_gives_none),
        cmocka_unit_test(several_records_give_permerror),
        cmocka_unit_test(a_failed_record_lookup_gives_temperror),
        cmocka_unit_test(no_term_of_a_large_record_gets_lost),
        cmocka_unit_test(five_hundred_ip4_terms_keep_their_all),
        cmocka_unit_test(a_record_over_the_limit_gives_permerror_not_neutral),
        cmocka_unit_test(a_nul_octet_in_a_record_gives_permerror),
        cmocka_unit_test(names_are_expanded_as_the_rfc_says_not_as_libspf2_does),
        cmocka_unit_test(every_malformed_macro_gives_permerror),
        cmocka_unit_test(the_current_domain_cannot_grow_without_bound),
        cmocka_unit_test(a_name_over_253_octets_is_asked_without_its_left_labels),
        cmocka_unit_test(a_long_local_part_is_no_temporary_error),
        cmocka_unit_test(an_include_bomb_stops_at_the_eleventh_term),
        cmocka_unit_test(a_wide_include_tree_stops_at_the_eleventh_term),
        cmocka_unit_test(more_than_ten_mx_hosts_give_permerror),
        cmocka_unit_test(only_the_first_ten_ptr_names_count),
        cmocka_unit_test(a_failed_ptr_lookup_is_no_match),
        cmocka_unit_test(a_failed_address_of_one_ptr_name_skips_that_name),
        cmocka_unit_test(names_of_mx_and_ptr_may_be_anything),
        cmocka_unit_test(an_exhausted_query_budget_gives_temperror),
        cmocka_unit_test(a_passed_deadline_gives_temperror),
        cmocka_unit_test(a_check_of_over_twenty_seconds_gives_temperror),
        cmocka_unit_test(answers_may_come_from_another_thread),
        cmocka_unit_test(the_explanation_is_that_of_the_deciding_record),
        cmocka_unit_test(no_explanation_is_fetched_unless_asked_for_or_on_other_results),
        cmocka_unit_test(an_explanation_of_509_octets_is_just_a_long_one),
        cmocka_unit_test(a_mechanism_of_127_macros_is_just_a_long_one),
        cmocka_unit_test(texts_from_publishers_are_printable_and_bounded),
        cmocka_unit_test(checks_run_on_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
