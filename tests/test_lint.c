/* test_lint.c - assay lint: zones and what is found in them.
 *
 * Each scene runs one check over a zone and lists all its findings, a line each:
 * "rule name: what was found". lint_rules.def says how bad a rule is.
 */
#include "base64.h"
#include "fake_dns.h"
#include "lint.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONE_MAX = 20, SELECTORS = 2 };

struct scene {
    const char *zone[ZONE_MAX]; /* "name TYPE data", "name CNAME target", "name FAIL cause" */
    const char *expected;       /* lines */
    const char *domain;         /* NULL: example.com */
};

struct bench {
    struct fake_dns *dns;
    struct arena *arena;
    struct policy_env env;
    struct domain selectors[SELECTORS];
    struct lint lint;
};

static void add_line(struct fake_dns *dns, const char *line)
{
    char name[300], type[10];
    int used = 0;
    assert_int_equal(sscanf(line, "%299s %9s %n", name, type, &used), 2);
    if (strcmp(type, "TXT") == 0)
        fake_dns_add(dns, name, DNS_TXT, line + used);
    else if (strcmp(type, "MX") == 0)
        fake_dns_add(dns, name, DNS_MX, line + used);
    else if (strcmp(type, "A") == 0)
        fake_dns_add(dns, name, DNS_A, line + used);
    else if (strcmp(type, "AAAA") == 0)
        fake_dns_add(dns, name, DNS_AAAA, line + used);
    else if (strcmp(type, "NAME") == 0)
        fake_dns_add_name(dns, name);
    else if (strcmp(type, "FAIL") == 0)
        fake_dns_fail(dns, name, 0, line + used);
    else
        fail_msg("bad type in %s", line);
}

static void bench_open(struct bench *bench, const char *const *zone, const char *domain)
{
    *bench = (struct bench){.dns = fake_dns_new(), .arena = arena_new(LINT_MEMORY_MAX)};
    bench->env = fake_env(bench->dns, 0);
    for (size_t i = 0; i < ZONE_MAX && zone[i]; i++)
        add_line(bench->dns, zone[i]);
    bench->lint.arena = bench->arena;
    bench->lint.dns = fake_session(&bench->env, bench->arena);
    bench->lint.domain = domain_parse(bench->arena, bytes_of(domain ? domain : "example.com"));
    bench->lint.selectors = bench->selectors;
}

static void bench_close(struct bench *bench)
{
    dns_session_free(bench->lint.dns);
    arena_free(bench->arena);
    fake_dns_free(bench->dns);
}

static void list_findings(const struct lint *lint, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const struct lint_finding *f = lint->first; f && used < size; f = f->next)
        used += (size_t)snprintf(out + used, size - used, "%s%s %s: %s", used ? "\n" : "",
                                 f->rule->id, f->name, f->found);
}

static void check_scene(const struct scene *scene, void (*check)(struct lint *),
                        const char *selector)
{
    struct bench bench;
    char found[20000];
    bench_open(&bench, scene->zone, scene->domain);
    if (selector) {
        bench.selectors[0] = domain_parse(bench.arena, bytes_of(selector));
        bench.lint.selector_count = 1;
    }
    check(&bench.lint);
    list_findings(&bench.lint, found, sizeof(found));
    assert_string_equal(found, scene->expected);
    assert_false(arena_failed(bench.arena));
    bench_close(&bench);
}

static void check_scenes(const struct scene *scenes, size_t count, void (*check)(struct lint *),
                         const char *selector)
{
    for (size_t i = 0; i < count; i++)
        check_scene(&scenes[i], check, selector);
}

#define CHECK(scenes, check) check_scenes(scenes, sizeof(scenes) / sizeof((scenes)[0]), check, NULL)

/* clang-format off */

static void test_mail(void **state)
{
    static const struct scene scenes[] = {
        {{NULL}, "domain-missing example.com: no such domain", NULL},
        {{"example.com MX 10 mx.example.com", "mx.example.com A 192.0.2.1"},
         "mx example.com: 1 MX record", NULL},
        {{"example.com MX 10 a.example.com", "example.com MX 20 b.example.com",
          "a.example.com AAAA 2001:db8::1", "b.example.com NAME"},
         "mx example.com: 2 MX records\n"
         "mx-target example.com: MX 20 b.example.com has no address", NULL},
        {{"example.com MX 0 ."}, "mx-null example.com: null MX", NULL},
        {{"example.com MX 0 .", "example.com MX 10 a.example.com", "a.example.com A 192.0.2.1"},
         "mx-null-mixed example.com: a null MX beside 1 other MX record", NULL},
        {{"example.com A 192.0.2.1"},
         "mx-missing example.com: no MX record; mail goes to the address of the domain", NULL},
        {{"example.com NAME"},
         "mx-missing example.com: no MX record and no address: mail cannot be delivered", NULL},
        {{"example.com FAIL SERVFAIL"},
         "lookup-failed example.com: MX lookup failed: SERVFAIL", NULL},
    };
    (void)state;
    CHECK(scenes, lint_mail);
}

static void test_spf_which_record(void **state)
{
    static const struct scene scenes[] = {
        {{"example.com NAME"}, "spf-missing example.com: no SPF record", NULL},
        {{"example.com TXT v=spf1 -all"},
         "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 -all", "example.com TXT v=spf1 ~all"},
         "spf-several example.com: 2 SPF records", NULL},
        {{"example.com TXT v=spf1 -all", "example.com TXT hello"},
         "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1a -all"},
         "spf-misspelt example.com: v=spf1a -all\nspf-missing example.com: no SPF record", NULL},
        {{"example.com TXT \"v=spf1 -all\""},
         "spf-misspelt example.com: \"v=spf1 -all\"\nspf-missing example.com: no SPF record", NULL},
        {{"example.com TXT v=spf10 -all", "example.com TXT v=spf1 -all"},
         "spf-misspelt example.com: v=spf10 -all\n"
         "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com FAIL time-out"}, "lookup-failed example.com: TXT lookup failed: time-out",
         NULL},
    };
    (void)state;
    CHECK(scenes, lint_spf);
}

static void test_spf_record(void **state)
{
    static const struct scene scenes[] = {
        /* syntax, with the place */
        {{"example.com TXT v=spf1 ip4:192.0.2.0/33 -all"},
         "spf-syntax example.com: bad IPv4 prefix length \"ip4:192.0.2.0/33\" at octet 8", NULL},
        {{"example.com TXT v=spf1 mx ipv4:192.0.2.1 -all"},
         "spf-syntax example.com: unknown mechanism \"ipv4:192.0.2.1\" at octet 11", NULL},
        {{"example.com TXT v=spf1 redirect=a.example redirect=b.example"},
         "spf-syntax example.com: modifier appears twice: \"redirect=b.example\" at octet 27", NULL},
        /* all */
        {{"example.com TXT v=spf1 +all"}, "spf-plus-all example.com: +all", NULL},
        {{"example.com TXT v=spf1 all"}, "spf-plus-all example.com: all", NULL},
        {{"example.com TXT v=spf1 ip4:0.0.0.0/0 -all"},
         "spf-plus-all example.com: ip4:0.0.0.0/0", NULL},
        {{"example.com TXT v=spf1 -ip4:0.0.0.0/0 -all"},
         "spf example.com: v=spf1 -ip4:0.0.0.0/0 -all (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 ip4:11.0.0.0/8 ip6:2001::/16 ip4:12.0.0.0/9 -all"},
         "spf-wide-network example.com: ip4:11.0.0.0/8\n"
         "spf-wide-network example.com: ip6:2001::/16\n"
         "spf example.com: v=spf1 ip4:11.0.0.0/8 ip6:2001::/16 ip4:12.0.0.0/9 -all "
         "(0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 ?all"},
         "spf-neutral-all example.com: ?all\n"
         "spf example.com: v=spf1 ?all (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 ip4:192.0.2.1"},
         "spf-no-all example.com: neither \"all\" nor redirect\n"
         "spf example.com: v=spf1 ip4:192.0.2.1 (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 -all ip4:192.0.2.1 exp=x.example.net mx",
          "x.example.net TXT go away"},
         "spf-unreachable example.com: ip4:192.0.2.1 and 1 more\n"
         "spf example.com: v=spf1 -all ip4:192.0.2.1 exp=x.example.net mx "
         "(0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 redirect=a.example -all"},
         "spf-redirect-ignored example.com: redirect=a.example\n"
         "spf example.com: v=spf1 redirect=a.example -all (0 of 10 lookups, 0 of 2 void)", NULL},
        /* terms that ask */
        {{"example.com TXT v=spf1 ptr -all"},
         "spf-ptr example.com: ptr\n"
         "spf example.com: v=spf1 ptr -all (1 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 exists:%{i}.spf.example.net -all"},
         "spf-macros example.com: exists:%{i}.spf.example.net\n"
         "spf example.com: v=spf1 exists:%{i}.spf.example.net -all (1 of 10 lookups, 0 of 2 void)",
         NULL},
        {{"example.com TXT v=spf1 a:%{d2}.example.net include:spf.%{o} -all",
          "example.com.example.net A 192.0.2.1", "spf.example.com TXT v=spf1 -all"},
         "spf example.com: v=spf1 a:%{d2}.example.net include:spf.%{o} -all "
         "(2 of 10 lookups, 0 of 2 void)", NULL},
        /* explanation */
        {{"example.com TXT v=spf1 -all exp=x.example.net"},
         "spf-exp example.com: exp=x.example.net has no TXT record\n"
         "spf example.com: v=spf1 -all exp=x.example.net (0 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 -all exp=x.example.net", "x.example.net TXT 100%"},
         "spf-exp example.com: exp=x.example.net is malformed\n"
         "spf example.com: v=spf1 -all exp=x.example.net (0 of 10 lookups, 0 of 2 void)", NULL},
    };
    (void)state;
    CHECK(scenes, lint_spf);
}

static void test_spf_tree(void **state)
{
    static const struct scene scenes[] = {
        {{"example.com TXT v=spf1 include:a.example redirect=b.example",
          "a.example TXT v=spf1 ip4:192.0.2.1 ?all", "b.example TXT v=spf1 mx:c.example -all",
          "c.example MX 10 mx.c.example"},
         "spf example.com: v=spf1 include:a.example redirect=b.example "
         "(3 of 10 lookups, 0 of 2 void)", NULL},
        /* the record that decides is the one redirected to */
        {{"example.com TXT v=spf1 redirect=b.example", "b.example TXT v=spf1 ?all"},
         "spf-neutral-all b.example: ?all\n"
         "spf example.com: v=spf1 redirect=b.example (1 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 redirect=b.example", "b.example TXT v=spf1 mx:c.example",
          "c.example MX 10 mx.c.example"},
         "spf-no-all b.example: neither \"all\" nor redirect\n"
         "spf example.com: v=spf1 redirect=b.example (2 of 10 lookups, 0 of 2 void)", NULL},
        /* +all counts where a pass there is a pass here */
        {{"example.com TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 +all"},
         "spf-plus-all a.example: +all", NULL},
        {{"example.com TXT v=spf1 -include:a.example ip4:192.0.2.1 -all",
          "a.example TXT v=spf1 +all"},
         "spf example.com: v=spf1 -include:a.example ip4:192.0.2.1 -all "
         "(1 of 10 lookups, 0 of 2 void)", NULL},
        /* nothing usable there */
        {{"example.com TXT v=spf1 include:a.example include:b.example redirect=c.example",
          "b.example TXT hello", "c.example TXT v=spf1 -all", "c.example TXT v=spf1 -all"},
         "spf-target-missing example.com: include:a.example: a.example has no SPF record, it does "
         "not exist\n"
         "spf-target-missing example.com: include:b.example: b.example has no SPF record\n"
         "spf-several c.example: 2 SPF records", NULL},
        {{"example.com TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 foo -all"},
         "spf-syntax a.example: unknown mechanism \"foo\" at octet 8", NULL},
        {{"example.com TXT v=spf1 include:a.example -all", "a.example FAIL REFUSED"},
         "lookup-failed a.example: TXT lookup failed: REFUSED", NULL},
        /* loops */
        {{"example.com TXT v=spf1 include:Example.com -all"},
         "spf-loop example.com: include:Example.com", NULL},
        {{"example.com TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 redirect=b.example",
          "b.example TXT v=spf1 include:a.example -all"},
         "spf-loop b.example: include:a.example", NULL},
        /* twice */
        {{"example.com TXT v=spf1 include:a.example include:b.example -all",
          "a.example TXT v=spf1 include:b.example -all", "b.example TXT v=spf1 ptr -all"},
         "spf-ptr b.example: ptr\n"
         "spf-repeated example.com: b.example is reached more than once\n"
         "spf example.com: v=spf1 include:a.example include:b.example -all "
         "(5 of 10 lookups, 0 of 2 void)", NULL},
    };
    (void)state;
    CHECK(scenes, lint_spf);
}

static void test_spf_limits(void **state)
{
    static const struct scene scenes[] = {
        {{"example.com TXT v=spf1 include:a.example include:a.example -all",
          "a.example TXT v=spf1 exists:x.example mx:x.example a:x.example -all",
          "x.example A 192.0.2.1", "x.example AAAA 2001:db8::1", "x.example MX 1 x.example"},
         "spf-repeated example.com: a.example is reached more than once\n"
         "spf example.com: v=spf1 include:a.example include:a.example -all "
         "(8 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 include:a.example include:a.example a:x.example -all",
          "a.example TXT v=spf1 exists:x.example mx:x.example a:x.example -all",
          "x.example A 192.0.2.1", "x.example AAAA 2001:db8::1", "x.example MX 1 x.example"},
         "spf-repeated example.com: a.example is reached more than once\n"
         "spf-lookups-near example.com: 9 terms that cause lookups\n"
         "spf example.com: v=spf1 include:a.example include:a.example a:x.example -all "
         "(9 of 10 lookups, 0 of 2 void)", NULL},
        /* terms beyond the limit are counted too */
        {{"example.com TXT v=spf1 a a a a a a a a a a a a a -all", "example.com A 192.0.2.1",
          "example.com AAAA 2001:db8::1"},
         "spf-lookups example.com: 13 terms that cause lookups, 10 are allowed", NULL},
        {{"example.com TXT v=spf1 a a a a a a a a a a redirect=b.example", "example.com A 192.0.2.1",
          "example.com AAAA 2001:db8::1", "b.example TXT v=spf1 -all"},
         "spf-lookups example.com: 11 terms that cause lookups, 10 are allowed", NULL},
        /* each record doubles: the count stops, the walk too */
        {{"example.com TXT v=spf1 include:a.example include:a.example -all",
          "a.example TXT v=spf1 include:b.example include:b.example -all",
          "b.example TXT v=spf1 include:c.example include:c.example -all",
          "c.example TXT v=spf1 include:d.example include:d.example -all",
          "d.example TXT v=spf1 include:e.example include:e.example -all",
          "e.example TXT v=spf1 include:f.example include:f.example -all",
          "f.example TXT v=spf1 exists:x.example -all", "x.example A 127.0.0.2"},
         "spf-repeated e.example: f.example is reached more than once\n"
         "spf-repeated d.example: e.example is reached more than once\n"
         "spf-repeated c.example: d.example is reached more than once\n"
         "spf-repeated b.example: c.example is reached more than once\n"
         "spf-repeated a.example: b.example is reached more than once\n"
         "spf-repeated example.com: a.example is reached more than once\n"
         "spf-lookups example.com: more than 100 terms that cause lookups, 10 are allowed", NULL},
        /* void lookups, for both families or for one */
        {{"example.com TXT v=spf1 a:a.example mx:b.example exists:c.example -all",
          "b.example A 192.0.2.1"},
         "spf-void-term example.com: a:a.example: no such name\n"
         "spf-void-term example.com: mx:b.example: no data\n"
         "spf-void-term example.com: exists:c.example: no such name\n"
         "spf-voids example.com: 3 void lookups, 2 are allowed", NULL},
        {{"example.com TXT v=spf1 a:a.example a:b.example a:c.example -all",
          "a.example A 192.0.2.1", "b.example A 192.0.2.2", "c.example A 192.0.2.3"},
         "spf-voids-ipv6 example.com: 3 void lookups for an IPv6 client, 2 are allowed\n"
         "spf example.com: v=spf1 a:a.example a:b.example a:c.example -all "
         "(3 of 10 lookups, 0 of 2 void)", NULL},
        {{"example.com TXT v=spf1 mx -all", "example.com MX 1 1.example", "example.com MX 1 2.example",
          "example.com MX 1 3.example", "example.com MX 1 4.example", "example.com MX 1 5.example",
          "example.com MX 1 6.example", "example.com MX 1 7.example", "example.com MX 1 8.example",
          "example.com MX 1 9.example", "example.com MX 1 10.example", "example.com MX 1 11.example"},
         "spf-mx-names example.com: mx: 11 MX records", NULL},
    };
    (void)state;
    CHECK(scenes, lint_spf);
}

/* RFC 7208 3.4: 450 octets for the record, 512 for the answer. */
static void test_spf_size(void **state)
{
    char line[600] = "example.com TXT v=spf1", other[600] = "example.com TXT ", expected[900];
    (void)state;
    for (int i = 0; i < 24; i++)
        snprintf(line + strlen(line), sizeof(line) - strlen(line), " ip4:192.0.2.%d/32", 100 + i);
    strcat(line, " -all");
    size_t octets = strlen(line) - strlen("example.com TXT ");
    assert_in_range(octets, 451, 512);
    struct scene scene = {.zone = {line}, .expected = expected};
    snprintf(expected, sizeof(expected),
             "spf-size example.com: SPF record of %zu octets, TXT answer of about %zu\n"
             "spf example.com: %.256s... (0 of 10 lookups, 0 of 2 void)", octets,
             12 + 13 + 4 + 12 + octets + 2, line + strlen("example.com TXT "));
    check_scene(&scene, lint_spf, NULL);

    memset(other + strlen(other), 'x', 460);
    struct scene crowded = {.zone = {"example.com TXT v=spf1 -all", other}, .expected =
        "spf-size example.com: SPF record of 11 octets, TXT answer of about 527\n"
        "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)"};
    check_scene(&crowded, lint_spf, NULL);
}

/* clang-format on */

#define ED25519      "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define ED25519_SPKI "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="

/* RSAPublicKey (RFC 8017 A.1.1) with a modulus of so many bits, a multiple of 8, in base64. */
static const char *rsa_key(struct arena *arena, size_t bits)
{
    static const uint8_t exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01};
    uint8_t der[2100];
    size_t modulus = bits / 8, integer = modulus + 1, sequence = 4 + integer + sizeof(exponent);
    const uint8_t head[] = {0x30, 0x82, (uint8_t)(sequence >> 8), (uint8_t)sequence,
                            0x02, 0x82, (uint8_t)(integer >> 8),  (uint8_t)integer,
                            0x00};
    struct strbuf text;
    assert_true(sizeof(head) + modulus + sizeof(exponent) <= sizeof(der));
    memcpy(der, head, sizeof(head));
    memset(der + sizeof(head), 0xff, modulus);
    memcpy(der + sizeof(head) + modulus, exponent, sizeof(exponent));
    strbuf_init(&text, arena);
    base64_encode(&text, der, sizeof(head) + modulus + sizeof(exponent));
    return strbuf_string(&text);
}

#define KEY_NAME "s1._domainkey.example.com"

/* One record at the selector s1, with an RSA key of so many bits behind it; 0: none. */
struct key_scene {
    const char *record;
    size_t bits;
    const char *expected;
};

static void check_key(const struct key_scene *key)
{
    struct arena *arena = arena_new(1 << 20);
    const char *rsa = key->bits ? rsa_key(arena, key->bits) : "";
    struct scene scene = {.expected = key->expected};
    scene.zone[0] = arena_printf(arena, KEY_NAME " TXT %s%s", key->record, rsa);
    check_scene(&scene, lint_dkim, "s1");
    arena_free(arena);
}

static void test_dkim_key(void **state)
{
    /* clang-format off */
    static const struct key_scene keys[] = {
        {"v=DKIM1; k=rsa; p=", 2048, "dkim-key " KEY_NAME ": RSA key of 2048 bits"},
        {"p=", 4096, "dkim-key " KEY_NAME ": RSA key of 4096 bits"},
        {"v=DKIM1; k=ed25519; p=" ED25519, 0, "dkim-key " KEY_NAME ": Ed25519 key of 256 bits"},
        /* strength */
        {"p=", 1024, "dkim-weak " KEY_NAME ": RSA key of 1024 bits\n"
                     "dkim-key " KEY_NAME ": RSA key of 1024 bits"},
        {"p=", 768, "dkim-short " KEY_NAME ": RSA key of 768 bits"},
        {"p=", 8192, "dkim-long " KEY_NAME ": RSA key of 8192 bits\n"
                     "dkim-key " KEY_NAME ": RSA key of 8192 bits"},
        {"p=", 16384, "dkim-unusable " KEY_NAME ": RSA key is too large"},
        /* syntax */
        {"v=DKIM1; p", 0, "dkim-syntax " KEY_NAME ": tag list is malformed: v=DKIM1; p"},
        {"v=DKIM1; k=rsa; k=rsa; p=" ED25519, 0,
         "dkim-syntax " KEY_NAME ": tag appears twice: v=DKIM1; k=rsa; k=rsa; p=" ED25519},
        {"v=DKIM1; k=rsa", 0, "dkim-syntax " KEY_NAME ": p= is missing"},
        {"v=DKIM1; p=MII*", 0, "dkim-syntax " KEY_NAME ": p= is not base64"},
        {"v=spf1 -all", 0, "dkim-syntax " KEY_NAME ": p= is missing"},
        /* unusable */
        {"v=DKIM2; p=", 2048, "dkim-unusable " KEY_NAME ": version of the key record is unknown"},
        {"k=rsa; v=DKIM1; p=", 2048,
         "dkim-unusable " KEY_NAME ": version of the key record is unknown"},
        {"k=dsa; p=", 2048, "dkim-unusable " KEY_NAME ": key type is unknown"},
        {"p=MIIB", 0, "dkim-unusable " KEY_NAME ": key is no RSA public key"},
        {"v=DKIM1; p=", 0, "dkim-revoked " KEY_NAME ": p= is empty"},
        /* k= and p= */
        {"p=" ED25519, 0, "dkim-mismatch " KEY_NAME ": p= looks like an Ed25519 key, without "
                          "k=ed25519"},
        {"k=ed25519; p=", 2048, "dkim-mismatch " KEY_NAME ": k=ed25519, but p= looks like an RSA "
                                "key"},
        {"k=ed25519; p=" ED25519_SPKI, 0, "dkim-mismatch " KEY_NAME ": k=ed25519, but p= holds the "
         "key in a SubjectPublicKeyInfo, not its bare 32 octets"},
        {"p=" ED25519_SPKI, 0, "dkim-mismatch " KEY_NAME ": p= holds an Ed25519 key in a "
         "SubjectPublicKeyInfo, without k=ed25519"},
        /* restrictions */
        {"h=sha1; p=", 2048, "dkim-hashes " KEY_NAME ": h=sha1"},
        {"h=sha1:sha256; p=", 2048, "dkim-sha1 " KEY_NAME ": h=sha1:sha256\n"
                                    "dkim-key " KEY_NAME ": RSA key of 2048 bits"},
        {"h=sha256; s=*; p=", 2048, "dkim-key " KEY_NAME ": RSA key of 2048 bits"},
        {"s=other; p=", 2048, "dkim-service " KEY_NAME ": s=other"},
        {"t=y; p=", 2048, "dkim-testing " KEY_NAME ": t=y\n"
                          "dkim-key " KEY_NAME ": RSA key of 2048 bits"},
        {"t=y:s; g=*; p=", 2048, "dkim-testing " KEY_NAME ": t=y:s\n"
                                 "dkim-strict " KEY_NAME ": t=y:s\n"
                                 "dkim-obsolete " KEY_NAME ": g=*\n"
                                 "dkim-key " KEY_NAME ": RSA key of 2048 bits"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        check_key(&keys[i]);
}

/* clang-format off */

static void test_dkim_selectors(void **state)
{
    static const struct scene with_selector[] = {
        {{"example.com NAME"}, "dkim-missing " KEY_NAME ": no TXT record: no such name", NULL},
        {{KEY_NAME " NAME"}, "dkim-missing " KEY_NAME ": no TXT record: no data", NULL},
        {{KEY_NAME " FAIL SERVFAIL"}, "lookup-failed " KEY_NAME ": TXT lookup failed: SERVFAIL",
         NULL},
        {{KEY_NAME " TXT k=ed25519; p=" ED25519, KEY_NAME " TXT v=DKIM1; p="},
         "dkim-several " KEY_NAME ": 2 TXT records\n"
         "dkim-key " KEY_NAME ": Ed25519 key of 256 bits\n"
         "dkim-revoked " KEY_NAME ": p= is empty", NULL},
    };
    static const struct scene without[] = {
        {{KEY_NAME " TXT v=DKIM1; p="}, "dkim-no-selector _domainkey.example.com: no selector is "
         "known, so no key was checked", NULL},
        {{"example.com NAME"}, "dkim-no-names _domainkey.example.com: no such name", NULL},
    };
    (void)state;
    check_scenes(with_selector, sizeof(with_selector) / sizeof(with_selector[0]), lint_dkim, "s1");
    CHECK(without, lint_dkim);
}

#define D "_dmarc.example.com"
#define GOOD "v=DMARC1; p=reject; rua=mailto:a@example.com"
#define MAIL "example.com MX 1 mx.example.com"
#define ADDRESS_OK "report-address " D ": rua=mailto:a@example.com: same Organizational Domain"

static void test_dmarc_where(void **state)
{
    static const struct scene scenes[] = {
        {{D " TXT " GOOD, MAIL}, "dmarc " D ": " GOOD "\n" ADDRESS_OK, NULL},
        {{"example.com NAME"}, "dmarc-missing " D ": no DMARC record, nor one above that applies",
         NULL},
        {{D " TXT " GOOD, MAIL},
         "dmarc-inherited _dmarc.mail.example.com: no record here; that of " D " applies, policy for "
         "this domain: reject\n" ADDRESS_OK, "mail.example.com"},
        {{D " TXT v=DMARC1; p=reject; sp=none; rua=mailto:a@example.com", MAIL},
         "dmarc-inherited _dmarc.mail.example.com: no record here; that of " D " applies, policy for "
         "this domain: none\n"
         "dmarc-subdomains " D ": p=reject, but none for subdomains and none for names that do not "
         "exist\n" ADDRESS_OK, "mail.example.com"},
        /* between the domain and its Organizational Domain nothing counts */
        {{D " TXT " GOOD, "_dmarc.mail.example.com TXT v=DMARC1; p=none", MAIL},
         "dmarc-inherited _dmarc.a.mail.example.com: no record here; that of " D " applies, policy "
         "for this domain: reject\n" ADDRESS_OK, "a.mail.example.com"},
        /* the public suffix */
        {{"_dmarc.com TXT v=DMARC1; p=reject; psd=y; rua=mailto:a@example.com", MAIL},
         "dmarc-inherited " D ": no record here; that of _dmarc.com applies, policy for this domain: "
         "reject\n"
         "dmarc-psd _dmarc.com: psd=y\n"
         "report-refused com._report._dmarc.example.com: rua=mailto:a@example.com: no v=DMARC1 record "
         "at com._report._dmarc.example.com", NULL},
        {{D " TXT " GOOD, D " TXT v=DMARC1; p=none"},
         "dmarc-several " D ": more than one DMARC record\n"
         "dmarc-missing " D ": no DMARC record, nor one above that applies", NULL},
        {{D " TXT v=dmarc1; p=none"},
         "dmarc-misspelt " D ": v=dmarc1; p=none\n"
         "dmarc-missing " D ": no DMARC record, nor one above that applies", NULL},
        {{D " TXT v=DMARC1 p=none"},
         "dmarc-misspelt " D ": v=DMARC1 p=none\n"
         "dmarc-missing " D ": no DMARC record, nor one above that applies", NULL},
        {{D " TXT hello"}, "dmarc-missing " D ": no DMARC record, nor one above that applies", NULL},
        {{D " FAIL SERVFAIL"}, "lookup-failed " D ": TXT " D ": SERVFAIL", NULL},
    };
    (void)state;
    CHECK(scenes, lint_dmarc);
}

/* With a good record's rua= and its result at the end. */
#define RUA "; rua=mailto:a@example.com"
#define DMARC(record) {MAIL, D " TXT " record}

static void test_dmarc_policy(void **state)
{
    static const struct scene scenes[] = {
        {DMARC("v=DMARC1; p=none" RUA),
         "dmarc-monitoring " D ": p=none\ndmarc " D ": v=DMARC1; p=none" RUA "\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=none"), "dmarc-blind " D ": p=none without rua=\n"
         "dmarc " D ": v=DMARC1; p=none", NULL},
        {DMARC("v=DMARC1; p=reject"), "dmarc-no-reports " D ": no rua=\n"
         "dmarc " D ": v=DMARC1; p=reject", NULL},
        /* 4.10.1 */
        {DMARC("v=DMARC1; p=rejct" RUA),
         "dmarc-policy-invalid " D ": p=rejct, so the record acts as p=none\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=reject; sp=0" RUA),
         "dmarc-policy-invalid " D ": sp=0, so the record acts as p=none\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=quarantine; np="),
         "dmarc-policy-invalid " D ": np=, so DMARC is not applied at all\n"
         "dmarc-no-reports " D ": no rua=", NULL},
        {DMARC("v=DMARC1; rua=mailto:a@example.com"),
         "dmarc-p-missing " D ": no p=, so the record acts as p=none\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1"),
         "dmarc-p-missing " D ": no p=, so DMARC is not applied at all\n"
         "dmarc-no-reports " D ": no rua=", NULL},
        /* subdomains */
        {DMARC("v=DMARC1; p=reject; sp=quarantine; np=reject" RUA),
         "dmarc-subdomains " D ": p=reject, but quarantine for subdomains and reject for names that "
         "do not exist\n"
         "dmarc " D ": v=DMARC1; p=reject; sp=quarantine; np=reject" RUA "\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=none; sp=reject" RUA),
         "dmarc-monitoring " D ": p=none\n"
         "dmarc " D ": v=DMARC1; p=none; sp=reject" RUA "\n" ADDRESS_OK, NULL},
        {{D " TXT v=DMARC1; p=none", "_dmarc.mail.example.com TXT v=DMARC1; p=reject; sp=reject"},
         "dmarc-no-reports _dmarc.mail.example.com: no rua=\n"
         "dmarc-sp-unused _dmarc.mail.example.com: sp= in the record of mail.example.com, which is no "
         "Organizational Domain\n"
         "dmarc _dmarc.mail.example.com: v=DMARC1; p=reject; sp=reject", "mail.example.com"},
        /* testing */
        {DMARC("v=DMARC1; p=reject; t=y" RUA),
         "dmarc-testing " D ": t=y with p=reject\n"
         "dmarc " D ": v=DMARC1; p=reject; t=y" RUA "\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=none; t=y" RUA),
         "dmarc-monitoring " D ": p=none\n"
         "dmarc-testing-idle " D ": t=y with p=none\n"
         "dmarc " D ": v=DMARC1; p=none; t=y" RUA "\n" ADDRESS_OK, NULL},
        /* psd */
        {DMARC("v=DMARC1; p=reject; psd=y" RUA),
         "dmarc-psd " D ": psd=y\n"
         "dmarc " D ": v=DMARC1; p=reject; psd=y" RUA "\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=reject; psd=n" RUA),
         "dmarc " D ": v=DMARC1; p=reject; psd=n" RUA "\n" ADDRESS_OK, NULL},
        {{D " TXT v=DMARC1; p=none", "_dmarc.mail.example.com TXT v=DMARC1; p=reject; psd=n"},
         "dmarc-no-reports _dmarc.mail.example.com: no rua=\n"
         "dmarc-psd-no _dmarc.mail.example.com: psd=n below example.com\n"
         "dmarc _dmarc.mail.example.com: v=DMARC1; p=reject; psd=n", "mail.example.com"},
        /* alignment */
        {DMARC("v=DMARC1; p=reject; adkim=s; aspf=S" RUA),
         "dmarc-strict " D ": adkim=s; aspf=s\n"
         "dmarc " D ": v=DMARC1; p=reject; adkim=s; aspf=S" RUA "\n" ADDRESS_OK, NULL},
    };
    (void)state;
    CHECK(scenes, lint_dmarc);
}

static void test_dmarc_tags(void **state)
{
    static const struct scene scenes[] = {
        {DMARC("v=DMARC1; p=reject; adkim=x; psd=x; t=maybe; fo=2" RUA),
         "dmarc-value " D ": adkim=x\n"
         "dmarc-value " D ": psd=x\n"
         "dmarc-value " D ": t=maybe\n"
         "dmarc-value " D ": fo=2\n"
         "dmarc-fo-unused " D ": fo= without ruf=\n"
         "dmarc " D ": v=DMARC1; p=reject; adkim=x; psd=x; t=maybe; fo=2" RUA "\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=reject; pct=50; rf=afrf; ri=86400" RUA),
         "dmarc-obsolete " D ": pct=50\n"
         "dmarc-obsolete " D ": rf=afrf\n"
         "dmarc-obsolete " D ": ri=86400\n"
         "dmarc " D ": v=DMARC1; p=reject; pct=50; rf=afrf; ri=86400" RUA "\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=reject; p=none; nonsense; rau=x; P=none" RUA),
         "dmarc-repeated " D ": \"p=none\" at octet 21\n"
         "dmarc-syntax " D ": \"nonsense\" at octet 29\n"
         "dmarc-unknown " D ": rau=x\n"
         "dmarc-unknown " D ": P=none\n"
         "dmarc " D ": v=DMARC1; p=reject; p=none; nonsense; rau=x; P=none" RUA "\n" ADDRESS_OK,
         NULL},
        {DMARC("v=DMARC1; p=reject; rua=a@example.com,https://example.com/r,mailto:a@example.com!5m"),
         "dmarc-uri " D ": rua= has \"a@example.com\"\n"
         "dmarc-uri-scheme " D ": rua= has \"https://example.com/r\"\n"
         "dmarc-uri-size " D ": rua= has \"mailto:a@example.com!5m\"\n"
         "dmarc " D ": v=DMARC1; p=reject; rua=a@example.com,https://example.com/r,"
         "mailto:a@example.com!5m\n" ADDRESS_OK, NULL},
        {DMARC("v=DMARC1; p=reject; rua=mailto:a@example.com mailto:b@example.com"),
         "dmarc-uri " D ": rua= has \"mailto:a@example.com mailto:b@example.com\"\n"
         "dmarc-no-reports " D ": no rua=\n"
         "dmarc " D ": v=DMARC1; p=reject; rua=mailto:a@example.com mailto:b@example.com", NULL},
    };
    (void)state;
    CHECK(scenes, lint_dmarc);
}

#define THERE "example.com._report._dmarc.example.net"
#define AT_NET "v=DMARC1; p=reject; rua=mailto:r@example.net"
#define NET_MAIL "example.net MX 1 mx.example.net"

static void test_report_addresses(void **state)
{
    static const struct scene scenes[] = {
        {{D " TXT " AT_NET, NET_MAIL},
         "dmarc " D ": " AT_NET "\n"
         "report-refused " THERE ": rua=mailto:r@example.net: no v=DMARC1 record at " THERE, NULL},
        {{D " TXT " AT_NET, NET_MAIL, THERE " TXT v=DMARC1"},
         "dmarc " D ": " AT_NET "\n"
         "report-address " D ": rua=mailto:r@example.net: agreement at " THERE, NULL},
        {{D " TXT " AT_NET, NET_MAIL, THERE " TXT v=DMARC1; rua=mailto:s@example.net"},
         "dmarc " D ": " AT_NET "\n"
         "report-overridden " THERE ": rua=mailto:r@example.net becomes mailto:s@example.net\n"
         "report-address " D ": rua=mailto:r@example.net: agreement at " THERE ", with another "
         "address", NULL},
        {{D " TXT " AT_NET, NET_MAIL, THERE " TXT v=DMARC1; rua=mailto:s@example.org"},
         "dmarc " D ": " AT_NET "\n"
         "report-mismatch " THERE ": rua=mailto:r@example.net: " THERE " overrides the address with "
         "one that is not at example.net", NULL},
        {{D " TXT " AT_NET, THERE " FAIL SERVFAIL"},
         "dmarc " D ": " AT_NET "\n"
         "lookup-failed " THERE ": rua=mailto:r@example.net: TXT " THERE ": SERVFAIL", NULL},
        /* who reads the reports, if nobody takes the mail? */
        {{D " TXT " GOOD, "example.com MX 0 ."},
         "dmarc " D ": " GOOD "\n"
         "report-no-mail " D ": rua=mailto:a@example.com: example.com takes no mail", NULL},
        {{D " TXT " GOOD, "example.com NAME"},
         "dmarc " D ": " GOOD "\n"
         "report-no-mail " D ": rua=mailto:a@example.com: example.com takes no mail", NULL},
        {{D " TXT " GOOD, "example.com A 192.0.2.1"}, "dmarc " D ": " GOOD "\n" ADDRESS_OK, NULL},
        /* failure reports */
        {{D " TXT " GOOD "; ruf=mailto:f@example.net; fo=1", MAIL},
         "dmarc " D ": " GOOD "; ruf=mailto:f@example.net; fo=1\n" ADDRESS_OK "\n"
         "report-refused " THERE ": ruf=mailto:f@example.net: no v=DMARC1 record at " THERE, NULL},
        {{D " TXT v=DMARC1; p=reject; rua=mailto:a", MAIL},
         "dmarc " D ": v=DMARC1; p=reject; rua=mailto:a\n"
         "report-unusable " D ": rua=mailto:a: the URI names no host", NULL},
    };
    (void)state;
    CHECK(scenes, lint_dmarc);
}

static void test_whole_domain(void **state)
{
    static const struct scene scenes[] = {
        /* parked as it should be */
        {{"example.com MX 0 .", "example.com TXT v=spf1 -all", D " TXT v=DMARC1; p=reject"},
         "mx-null example.com: null MX\n"
         "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)\n"
         "dkim-no-names _domainkey.example.com: no such name\n"
         "dmarc-no-reports " D ": no rua=\n"
         "dmarc " D ": v=DMARC1; p=reject\n"
         "parked example.com: null MX, \"v=spf1 -all\" and DMARC policy reject", NULL},
        {{"example.com MX 0 .", "example.com TXT v=spf1 ~all", D " TXT v=DMARC1; p=reject"},
         "mx-null example.com: null MX\n"
         "spf example.com: v=spf1 ~all (0 of 10 lookups, 0 of 2 void)\n"
         "dkim-no-names _domainkey.example.com: no such name\n"
         "dmarc-no-reports " D ": no rua=\n"
         "dmarc " D ": v=DMARC1; p=reject\n"
         "parked-spf example.com: null MX, but the SPF record is not \"v=spf1 -all\"", NULL},
        {{"example.com TXT v=spf1 -all"},
         "mx-missing example.com: no MX record and no address: mail cannot be delivered\n"
         "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)\n"
         "dkim-no-names _domainkey.example.com: no such name\n"
         "dmarc-missing " D ": no DMARC record, nor one above that applies\n"
         "parked-dmarc example.com: \"v=spf1 -all\", but DMARC policy is missing", NULL},
        {{"example.com MX 0 .", "example.com TXT v=spf1 -all", D " TXT v=DMARC1; p=reject; t=y"},
         "mx-null example.com: null MX\n"
         "spf example.com: v=spf1 -all (0 of 10 lookups, 0 of 2 void)\n"
         "dkim-no-names _domainkey.example.com: no such name\n"
         "dmarc-no-reports " D ": no rua=\n"
         "dmarc-testing " D ": t=y with p=reject\n"
         "dmarc " D ": v=DMARC1; p=reject; t=y\n"
         "parked-dmarc example.com: \"v=spf1 -all\", but DMARC policy quarantine", NULL},
        /* a name that does not exist still has a policy */
        {{D " TXT v=DMARC1; p=none; np=reject"},
         "domain-missing nosuch.example.com: no such domain\n"
         "dmarc-inherited _dmarc.nosuch.example.com: no record here; that of " D " applies, policy "
         "for this domain: reject\n"
         "dmarc-blind " D ": p=none without rua=", "nosuch.example.com"},
    };
    (void)state;
    CHECK(scenes, lint_domain);
}

/* clang-format on */

static void test_dnssec(void **state)
{
    static const char *const zone[ZONE_MAX] = {"example.com TXT v=spf1 -all"};
    char found[2000];
    (void)state;
    for (int secure = 0; secure <= 1; secure++) {
        struct bench bench;
        bench_open(&bench, zone, NULL);
        fake_dns_set_secure(bench.dns, secure);
        lint_dnssec(&bench.lint);
        list_findings(&bench.lint, found, sizeof(found));
        assert_string_equal(
            found,
            secure ? "dnssec example.com: TXT answer (found) is validated\n"
                     "dnssec _dmarc.example.com: TXT answer (no such name) is validated"
                   : "dnssec-unsigned example.com: TXT answer (found) is not signed\n"
                     "dnssec-unsigned _dmarc.example.com: TXT answer (no such name) is not signed");
        bench_close(&bench);
    }
}

/* What a stranger wrote comes out printable and cut. */
static void test_hostile_text(void **state)
{
    struct bench bench;
    char record[3000] = "v=DMARC1; p=\x1b[31m\r\nnone; ";
    const char *zone[ZONE_MAX] = {NULL};
    (void)state;
    memset(record + strlen(record), 'x', 2000);
    bench_open(&bench, zone, NULL);
    fake_dns_add(bench.dns, D, DNS_TXT, record);
    lint_dmarc(&bench.lint);
    assert_int_equal(bench.lint.counts[LINT_SEVERITY_ERROR], 1);
    for (const struct lint_finding *f = bench.lint.first; f; f = f->next) {
        assert_true(strlen(f->found) < 2 * LINT_TEXT_MAX);
        for (const char *c = f->found; *c; c++)
            assert_in_range(*c, ' ', '~');
    }
    bench_close(&bench);
}

/* A record can be made of thousands of faults: the list ends, and says so. */
static void test_findings_are_bounded(void **state)
{
    struct bench bench;
    char *record = calloc(1, 60000);
    const char *zone[ZONE_MAX] = {MAIL, "mx.example.com A 192.0.2.1"};
    size_t used = (size_t)sprintf(record, "v=spf1");
    (void)state;
    for (int i = 0; i < 2000; i++)
        used += (size_t)sprintf(record + used, " ip4:11.0.%d.%d/8", i / 250, i % 250);
    bench_open(&bench, zone, NULL);
    fake_dns_add(bench.dns, "example.com", DNS_TXT, record);
    lint_domain(&bench.lint);
    assert_int_equal(bench.lint.counts[LINT_SEVERITY_WARNING] +
                         bench.lint.counts[LINT_SEVERITY_NOTE] +
                         bench.lint.counts[LINT_SEVERITY_OK],
                     LINT_FINDINGS_MAX);
    assert_int_equal(bench.lint.counts[LINT_SEVERITY_ERROR], 1);
    const struct lint_finding *last = bench.lint.first;
    while (last->next)
        last = last->next;
    assert_ptr_equal(last->rule, &lint_rules[LINT_TOO_MUCH]);
    free(record);
    bench_close(&bench);
}

/* Whatever memory there is: no crash, and the last finding says that something is missing. */
static void test_out_of_memory(void **state)
{
    static const char *const zone[ZONE_MAX] = {"example.com TXT v=spf1 mx include:a.example -all",
                                               "a.example TXT v=spf1 -all", MAIL, D " TXT " AT_NET,
                                               KEY_NAME " TXT k=ed25519; p=" ED25519};
    bool finished = false;
    (void)state;
    for (size_t limit = 4096; !finished; limit += 64) {
        struct bench bench;
        bench_open(&bench, zone, NULL);
        struct arena *small = arena_new(limit);
        bench.lint.arena = small;
        bench.selectors[0] = domain_parse(bench.arena, BYTES("s1"));
        bench.lint.selector_count = 1;
        lint_domain(&bench.lint);
        finished = !arena_failed(small);
        assert_true(finished || bench.lint.last == &bench.lint.limits.next);
        arena_free(small);
        bench_close(&bench);
        assert_true(limit < 1 << 20);
    }
}

/* What a rule says is complete; ids are unique. */
static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < LINT_RULES; i++) {
        const struct lint_rule *rule = &lint_rules[i];
        assert_true(rule->id[0] && rule->why[0]);
        assert_int_equal(rule->action[0] == '\0', rule->severity == LINT_SEVERITY_OK);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rule->id, lint_rules[j].id);
    }
}

static void test_print(void **state)
{
    static const char *const zone[ZONE_MAX] = {"example.com TXT v=spf1 +all"};
    struct bench bench;
    char *text = NULL;
    size_t size;
    (void)state;
    bench_open(&bench, zone, NULL);
    lint_spf(&bench.lint);
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    lint_print(out, &bench.lint);
    fclose(out);
    assert_string_equal(text, "example.com: 1 error, 0 warnings, 0 notes\n"
                              "  error    example.com: +all\n"
                              "           Why: every host on the Internet may send as this domain "
                              "and gets pass (RFC 7208\n"
                              "           5.1)\n"
                              "           Do: end the record in -all or ~all\n");
    free(text);

    json_t *object = lint_json(&bench.lint);
    const json_t *finding = json_array_get(json_object_get(object, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(object, "domain")), "example.com");
    assert_int_equal(json_integer_value(json_object_get(object, "errors")), 1);
    assert_string_equal(json_string_value(json_object_get(finding, "rule")), "spf-plus-all");
    assert_string_equal(json_string_value(json_object_get(finding, "severity")), "error");
    assert_string_equal(json_string_value(json_object_get(finding, "reference")), "RFC 7208 5.1");
    json_decref(object);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail),          cmocka_unit_test(test_spf_which_record),
        cmocka_unit_test(test_spf_record),    cmocka_unit_test(test_spf_tree),
        cmocka_unit_test(test_spf_limits),    cmocka_unit_test(test_spf_size),
        cmocka_unit_test(test_dkim_key),      cmocka_unit_test(test_dkim_selectors),
        cmocka_unit_test(test_dmarc_where),   cmocka_unit_test(test_dmarc_policy),
        cmocka_unit_test(test_dmarc_tags),    cmocka_unit_test(test_report_addresses),
        cmocka_unit_test(test_whole_domain),  cmocka_unit_test(test_dnssec),
        cmocka_unit_test(test_hostile_text),  cmocka_unit_test(test_findings_are_bounded),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_rules),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
