/* test_dmarc_destination.c - external report destinations, RFC 9990 4. */
#include "dmarc_destination.h"
#include "fake_dns.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { RECORDS_MAX = 4 };

struct record {
    const char *name;
    const char *text; /* TXT; "!cause": a temporary error */
};

struct scene {
    const char *policy_domain, *uri;
    struct record records[RECORDS_MAX];
    enum dmarc_destination_status status;
    const char *host; /* "": none */
    const char *uris; /* where to send, separated by blanks */
    const char *reason;
};

struct bench {
    struct fake_dns *dns;
    struct arena *arena;
    struct policy_env env;
    struct dns_session *session;
};

static void bench_open(struct bench *bench, const struct record *records)
{
    bench->dns = fake_dns_new();
    bench->arena = arena_new(1 << 20);
    bench->env = fake_env(bench->dns, 0);
    for (size_t i = 0; i < RECORDS_MAX && records[i].name; i++) {
        if (records[i].text[0] == '!')
            fake_dns_fail(bench->dns, records[i].name, DNS_TXT, records[i].text + 1);
        else
            fake_dns_add(bench->dns, records[i].name, DNS_TXT, records[i].text);
    }
    bench->session = fake_session(&bench->env, bench->arena);
}

static void bench_close(struct bench *bench)
{
    dns_session_free(bench->session);
    assert_false(arena_failed(bench->arena));
    arena_free(bench->arena);
    fake_dns_free(bench->dns);
}

static void list_uris(const struct dmarc_destination *destination, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < destination->uri_count; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? " " : "",
                                 BYTES_ARGS(destination->uris[i].text));
}

static void check_scene(const struct scene *scene, bool failure)
{
    struct bench bench;
    struct dmarc_destination out;
    char uris[1000];
    bench_open(&bench, scene->records);
    dmarc_destination_check(bench.session, bench.arena,
                            domain_parse(bench.arena, bytes_of(scene->policy_domain)),
                            bytes_of(scene->uri), failure, &out);
    list_uris(&out, uris, sizeof(uris));
    assert_string_equal(out.reason, scene->reason);
    assert_int_equal(out.status, scene->status);
    assert_string_equal(domain_text(out.host), scene->host);
    assert_string_equal(uris, scene->uris);
    bench_close(&bench);
}

static void check_scenes(const struct scene *scenes, size_t count, bool failure)
{
    for (size_t i = 0; i < count; i++)
        check_scene(&scenes[i], failure);
}

#define CHECK(scenes) check_scenes(scenes, sizeof(scenes) / sizeof((scenes)[0]), false)

static void test_host_of_a_uri(void **state)
{
    static const struct {
        const char *uri, *host;
    } cases[] = {
        {"mailto:a@example.com", "example.com"},
        {"MAILTO:a@Example.COM", "example.com"},
        {"mailto:a@example.com?subject=x@y.example", "example.com"},
        {"mailto:a%20b@example.com", "example.com"},
        {"mailto:a", ""},
        {"mailto:", ""},
        {"mailto:@example.com", ""},
        {"mailto:a@", ""},
        {"mailto:a@[192.0.2.1]", ""},
        /* several recipients, of which only the last one's host would be asked */
        {"mailto:victim@victim.example%2Ca@example.com", ""},
        {"mailto:victim@victim.example%2cme%40example.com", ""},
        {"mailto:victim%40victim.example%2Ca@example.com", ""},
        {"mailto:a@victim.example@example.com", ""},
        {"https://example.com", "example.com"},
        {"https://example.com/report?a=b@c.example", "example.com"},
        {"https://user:pw@example.com:8443/x", "example.com"},
        {"https://[2001:db8::1]/", ""},
        {"https:example.com", ""},
        {"https:///x", ""},
        {"example.com", ""},
        {"", ""},
    };
    struct arena *arena = arena_new(1 << 16);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(domain_text(dmarc_uri_host(arena, bytes_of(cases[i].uri))),
                            cases[i].host);
    arena_free(arena);
}

static void test_own_organization(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", "mailto:d@example.com", {{0}}, DMARC_DESTINATION_OWN, "example.com",
         "mailto:d@example.com", "same Organizational Domain"},
        /* below, above and beside, because a record at example.com ties them together */
        {"example.com", "mailto:d@mail.example.com", {{"_dmarc.example.com", "v=DMARC1; p=none"}},
         DMARC_DESTINATION_OWN, "mail.example.com", "mailto:d@mail.example.com",
         "same Organizational Domain"},
        {"a.example.com", "mailto:d@b.example.com", {{"_dmarc.example.com", "v=DMARC1; p=none"}},
         DMARC_DESTINATION_OWN, "b.example.com", "mailto:d@b.example.com",
         "same Organizational Domain"},
        /* a common suffix alone is no organization */
        {"a.example.com", "mailto:d@example.com", {{"_dmarc.a.example.com", "v=DMARC1; psd=n"},
         {"_dmarc.example.com", "v=DMARC1"}}, DMARC_DESTINATION_REFUSED, "example.com", "",
         "no v=DMARC1 record at a.example.com._report._dmarc.example.com"},
        {"one.bank", "mailto:d@two.bank", {{"_dmarc.bank", "v=DMARC1; psd=y"}},
         DMARC_DESTINATION_REFUSED, "two.bank", "",
         "no v=DMARC1 record at one.bank._report._dmarc.two.bank"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

#define THERE "example.com._report._dmarc.example.net"

static void test_agreement(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", "mailto:d@example.net", {{0}}, DMARC_DESTINATION_REFUSED, "example.net", "",
         "no v=DMARC1 record at " THERE},
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1"}}, DMARC_DESTINATION_CONFIRMED,
         "example.net", "mailto:d@example.net", "agreement at " THERE},
        {"example.com", "https://example.net/r", {{THERE, "v=DMARC1;"}},
         DMARC_DESTINATION_CONFIRMED, "example.net", "https://example.net/r",
         "agreement at " THERE},
        /* several records are fine here (step 8), what is none does not count */
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1"}, {THERE, "v=DMARC1"},
         {THERE, "hello"}}, DMARC_DESTINATION_CONFIRMED, "example.net", "mailto:d@example.net",
         "agreement at " THERE},
        {"example.com", "mailto:d@example.net", {{THERE, "v=dmarc1"}, {THERE, "p=none; v=DMARC1"}},
         DMARC_DESTINATION_REFUSED, "example.net", "", "no v=DMARC1 record at " THERE},
        /* asked is the host itself, not its Organizational Domain (step 1) */
        {"example.com", "mailto:d@in.example.net", {{THERE, "v=DMARC1"}},
         DMARC_DESTINATION_REFUSED, "in.example.net", "",
         "no v=DMARC1 record at example.com._report._dmarc.in.example.net"},
        /* for the name that the record was found at (step 3) */
        {"sub.example.com", "mailto:d@example.net", {{THERE, "v=DMARC1"}},
         DMARC_DESTINATION_REFUSED, "example.net", "",
         "no v=DMARC1 record at sub.example.com._report._dmarc.example.net"},
        {"example.com", "mailto:d", {{0}}, DMARC_DESTINATION_UNUSABLE, "", "",
         "the URI names no host"},
        {"example.com", "mailto:d@example.net", {{THERE, "!SERVFAIL"}},
         DMARC_DESTINATION_TEMPORARY, "example.net", "", "TXT " THERE ": SERVFAIL"},
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1"}, {"_dmarc.net", "!SERVFAIL"}},
         DMARC_DESTINATION_TEMPORARY, "example.net", "", "TXT _dmarc.net: SERVFAIL"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_override(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1; rua=mailto:e@example.net"}},
         DMARC_DESTINATION_CONFIRMED, "example.net", "mailto:e@example.net",
         "agreement at " THERE ", with another address"},
        /* step 9: only at the same host; where there is no such address, nowhere */
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1; rua=mailto:v@victim.example"}},
         DMARC_DESTINATION_MISMATCH, "example.net", "",
         THERE " overrides the address with one that is not at example.net"},
        {"example.com", "mailto:d@example.net", {{THERE,
         "v=DMARC1; rua=mailto:v@victim.example,mailto:e@example.net,mailto:f@sub.example.net"}},
         DMARC_DESTINATION_CONFIRMED, "example.net", "mailto:e@example.net",
         "agreement at " THERE ", with another address"},
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1"},
         {THERE, "v=DMARC1; rua=mailto:e@example.net"},
         {THERE, "v=DMARC1; rua=https://example.net/f"}}, DMARC_DESTINATION_CONFIRMED,
         "example.net", "mailto:e@example.net https://example.net/f",
         "agreement at " THERE ", with another address"},
        /* what is no URI is no override; ruf= is for failure reports */
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1; rua=nonsense"}},
         DMARC_DESTINATION_CONFIRMED, "example.net", "mailto:d@example.net",
         "agreement at " THERE},
        {"example.com", "mailto:d@example.net", {{THERE, "v=DMARC1; ruf=mailto:e@example.net"}},
         DMARC_DESTINATION_CONFIRMED, "example.net", "mailto:d@example.net",
         "agreement at " THERE},
    };
    static const struct scene failure = {
        "example.com", "mailto:d@example.net", {{THERE,
         "v=DMARC1; rua=mailto:e@example.net; ruf=mailto:f@example.net"}},
        DMARC_DESTINATION_CONFIRMED, "example.net", "mailto:f@example.net",
        "agreement at " THERE ", with another address"};
    /* clang-format on */
    (void)state;
    CHECK(scenes);
    check_scenes(&failure, 1, true);
}

/* Step 4: four labels of 60 octets and two of them side by side do not fit. */
static void test_too_long(void **state)
{
    static const char label[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff";
    char domain[200], uri[300];
    (void)state;
    snprintf(domain, sizeof(domain), "%s.%s.example", label, label);
    snprintf(uri, sizeof(uri), "mailto:d@%s.%s.test", label, label);
    const struct scene scene = {.policy_domain = domain,
                                .uri = uri,
                                .status = DMARC_DESTINATION_REFUSED,
                                .host = uri + strlen("mailto:d@"),
                                .uris = "",
                                .reason = "the name of the agreement would be too long for DNS"};
    check_scene(&scene, false);
}

/* Every size of arena: a defined status, or a failure that the arena tells. */
static void test_out_of_memory(void **state)
{
    static const struct record records[RECORDS_MAX] = {
        {THERE, "v=DMARC1; rua=mailto:e@example.net"}};
    (void)state;
    for (size_t limit = 64; limit < 16384; limit += 48) {
        struct bench bench;
        struct dmarc_destination out;
        bench_open(&bench, records);
        struct arena *small = arena_new(limit);
        assert_non_null(small);
        struct domain domain = domain_parse(bench.arena, BYTES("example.com"));
        dmarc_destination_check(bench.session, small, domain, BYTES("mailto:d@example.net"), false,
                                &out);
        assert_non_null(out.reason);
        if (!arena_failed(small))
            assert_int_equal(out.uri_count, 1);
        arena_free(small);
        bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_of_a_uri), cmocka_unit_test(test_own_organization),
        cmocka_unit_test(test_agreement),     cmocka_unit_test(test_override),
        cmocka_unit_test(test_too_long),      cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
