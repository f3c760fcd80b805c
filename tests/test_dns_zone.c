/* test_dns_zone.c - local zones: reading, and what each name gets. */
#include "dns_zone.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOA_ROOT    ". 600 IN SOA ns. hostmaster. 1 2 3 4 300\n"
#define SOA_EXAMPLE "example. 100 IN SOA ns.example. hostmaster.example. 1 2 3 4 300\n"

static struct dns_zone *zone_of(const char *text)
{
    char error[300] = "";
    struct dns_zone *zone = dns_zone_new();
    assert_non_null(zone);
    if (!dns_zone_read_text(zone, text, "text", error, sizeof(error)))
        fail_msg("%s", error);
    assert_true(dns_zone_finish(zone));
    return zone;
}

/* "found DATA", "no data", "no such name", "temporary error CAUSE" or "ask NAME". */
static const char *ask(const struct dns_zone *zone, const char *name, enum dns_type type)
{
    static char text[400];
    struct bytes elsewhere;
    const struct dns_answer *answer = dns_zone_lookup(zone, bytes_of(name), type, &elsewhere);
    if (!answer) {
        snprintf(text, sizeof(text), "ask %.*s", BYTES_ARGS(elsewhere));
        return text;
    }
    int len = snprintf(text, sizeof(text), "%s%s%s", dns_status_name(answer->status),
                       *answer->cause ? " " : "", answer->cause);
    for (size_t i = 0; i < answer->count; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, " %.*s",
                        BYTES_ARGS(answer->records[i].data));
    assert_false(answer->secure);
    dns_answer_unref(answer);
    return text;
}

struct question {
    const char *name;
    enum dns_type type;
    const char *answer;
};

static void check(const char *text, const struct question *questions, size_t count)
{
    struct dns_zone *zone = zone_of(text);
    for (size_t i = 0; i < count; i++) {
        const char *answer = ask(zone, questions[i].name, questions[i].type);
        if (strcmp(answer, questions[i].answer) != 0)
            fail_msg("%s %s: \"%s\", expected \"%s\"", questions[i].name,
                     dns_type_name(questions[i].type), answer, questions[i].answer);
    }
    dns_zone_free(zone);
}

#define CHECK(text, questions) check(text, questions, sizeof(questions) / sizeof(*(questions)))

static void test_below_a_soa(void **state)
{
    static const struct question questions[] = {
        {"example", DNS_TXT, "found apex"},
        {"EXAMPLE", DNS_TXT, "found apex"},
        {"example", DNS_A, "no data"},
        {"www.example", DNS_TXT, "found www"},
        {"Www.Example", DNS_TXT, "found www"},
        {"nx.example", DNS_TXT, "no such name"},
        {"b.example", DNS_TXT, "no data"}, /* only above a.b.example */
        {"a.b.example", DNS_TXT, "found ab"},
        {"x.a.b.example", DNS_TXT, "no such name"},
        {"other", DNS_TXT, "ask other"}, /* not ours */
        {"notexample", DNS_TXT, "ask notexample"},
        {"xexample", DNS_TXT, "ask xexample"},
        {"mx.example", DNS_MX, "found mail.example"},
        {"ns.example", DNS_A, "no data"}, /* exists by its NS record */
    };
    (void)state;
    CHECK(SOA_EXAMPLE "example. TXT apex\nwww.example. TXT www\na.b.example. TXT ab\n"
                      "mx.example. MX 10 mail.example.\nns.example. NS www.example.\n",
          questions);
}

static void test_without_a_soa(void **state)
{
    static const struct question questions[] = {
        {"host.example", DNS_TXT, "found here"},
        {"host.example", DNS_A, "no data"}, /* the file decides for the whole name */
        {"example", DNS_TXT, "ask example"},
        {"x.host.example", DNS_TXT, "ask x.host.example"},
        {"b.example", DNS_TXT, "ask b.example"},
        {"anything.w.example", DNS_TXT, "found wild"},
        {"w.example", DNS_TXT, "ask w.example"},
    };
    (void)state;
    CHECK("host.example. TXT here\na.b.example. TXT ab\n*.w.example. TXT wild\n", questions);
}

static void test_root_soa_is_the_world(void **state)
{
    static const struct question questions[] = {
        {"host.example", DNS_TXT, "found here"},
        {"example", DNS_TXT, "no data"},
        {"com", DNS_TXT, "no such name"},
        {"www.example.com", DNS_A, "no such name"},
    };
    (void)state;
    CHECK(SOA_ROOT "host.example TXT here\n", questions);
}

/* RFC 4592: the wildcard at the closest encloser, no other. */
static void test_wildcards(void **state)
{
    static const struct question questions[] = {
        {"a.example", DNS_TXT, "found star"},
        {"a.b.c.example", DNS_TXT, "found star"},
        {"a.example", DNS_A, "no data"},
        {"*.example", DNS_TXT, "found star"},
        {"host.example", DNS_A, "no data"},          /* exists: the wildcard does not cover it */
        {"x.host.example", DNS_TXT, "no such name"}, /* closest encloser host.example */
        {"sub.example", DNS_TXT, "no data"},         /* empty non-terminal blocks it */
        {"y.sub.example", DNS_TXT, "found substar"},
        {"z.alias.example", DNS_TXT, "found star"},
    };
    (void)state;
    CHECK(SOA_EXAMPLE "*.example. TXT star\nhost.example. TXT host\n"
                      "*.sub.example. TXT substar\n*.alias.example. CNAME q.example.\n",
          questions);
}

static void test_root_wildcard(void **state)
{
    static const struct question questions[] = {
        {"any.thing", DNS_TXT, "found star"},
        {"host", DNS_TXT, "found host"},
    };
    (void)state;
    CHECK(SOA_ROOT "* TXT star\nhost TXT host\n", questions);
}

static void test_cnames(void **state)
{
    static const struct question questions[] = {
        {"one.example", DNS_TXT, "found end"},
        {"three.example", DNS_TXT, "found end"},
        {"three.example", DNS_A, "no data"},
        {"dangling.example", DNS_TXT, "no such name"},
        {"out.example", DNS_TXT, "ask www.Other.test"},
        {"loop.example", DNS_TXT, "temporary error CNAME chain too long"},
        {"self.example", DNS_TXT, "temporary error CNAME chain too long"},
    };
    (void)state;
    CHECK(SOA_EXAMPLE "one.example. CNAME end.example.\ntwo.example. CNAME one.example.\n"
                      "three.example. CNAME TWO.example.\nend.example. TXT end\n"
                      "dangling.example. CNAME nx.example.\nout.example. CNAME www.Other.test.\n"
                      "loop.example. CNAME pool.example.\npool.example. CNAME loop.example.\n"
                      "self.example. CNAME self.example.\n",
          questions);
}

/* DNS_ZONE_CNAMES_MAX links are followed, one more is too many. */
static void test_cname_limit(void **state)
{
    char text[2000] = SOA_ROOT "c0 TXT end\n";
    (void)state;
    for (int i = 1; i <= DNS_ZONE_CNAMES_MAX + 1; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "c%d CNAME c%d\n", i, i - 1);
    struct dns_zone *zone = zone_of(text);
    assert_string_equal(ask(zone, "c16", DNS_TXT), "found end");
    assert_string_equal(ask(zone, "c17", DNS_TXT), "temporary error CNAME chain too long");
    dns_zone_free(zone);
}

static void test_master_file_syntax(void **state)
{
    static const struct question questions[] = {
        {"example.org", DNS_TXT, "found v=spf1 -all"},
        {"www.example.org", DNS_TXT, "found semi;colon"},
        {"mail.example.org", DNS_TXT, "found two"},
        {"odd .example.org", DNS_TXT, "found a\"b\\c"},
        {"rel", DNS_TXT, "ask rel"},
        {"rel.example.org", DNS_MX, "found mail.example.org"},
        {"abs.test", DNS_TXT, "found abs"},
    };
    (void)state;
    CHECK("; a comment\n$TTL 1h\n$ORIGIN example.org.\n"
          "@ IN SOA ns hostmaster ( 1 2 ; serial\n  3 4 5 )\n"
          "  TXT \"v=spf1\" \" -all\"\n\n"
          "www 60 IN TXT \"semi;colon\" ; comment\nmail 60 IN TXT two\n"
          "odd\\032 TXT \"a\\\"b\\\\c\"\nrel MX 5 mail\nabs.test. TXT abs", /* no newline at end */
          questions);
}

static uint32_t ttl_of(const struct dns_zone *zone, const char *name)
{
    struct bytes elsewhere;
    const struct dns_answer *answer = dns_zone_lookup(zone, bytes_of(name), DNS_TXT, &elsewhere);
    assert_non_null(answer);
    uint32_t ttl = answer->ttl;
    dns_answer_unref(answer);
    return ttl;
}

static void test_ttl(void **state)
{
    (void)state;
    struct dns_zone *zone = zone_of(SOA_EXAMPLE "default.example. TXT x\nown.example. 7 TXT x\n"
                                                "set.example. 9 TXT x\nset.example. 8 TXT y\n");
    assert_int_equal(ttl_of(zone, "own.example"), 7);
    assert_int_equal(ttl_of(zone, "set.example"), 8);
    assert_int_equal(ttl_of(zone, "nx.example"), 100); /* RFC 2308 5: the SOA's or its minimum */
    dns_zone_free(zone);
    zone = zone_of("default.example TXT x\n");
    assert_int_equal(ttl_of(zone, "default.example"), DNS_ZONE_TTL);
    dns_zone_free(zone);
}

static void test_records_of_a_set(void **state)
{
    struct bytes elsewhere;
    (void)state;
    struct dns_zone *zone = zone_of("m MX 10 a\nm MX 20 b\nm MX 10 a\nm MX 0 .\n");
    const struct dns_answer *answer = dns_zone_lookup(zone, BYTES("m"), DNS_MX, &elsewhere);
    assert_int_equal(answer->count, 3); /* the same record twice is one */
    assert_int_equal(answer->records[1].preference, 20);
    assert_int_equal(answer->records[2].data.len, 0); /* RFC 7505 */
    dns_zone_free(zone);
    assert_int_equal(answer->records[0].preference, 10); /* outlives the zone */
    dns_answer_unref(answer);
}

#define LETTERS_16  "abcdefghijklmnop"
#define LETTERS_64  LETTERS_16 LETTERS_16 LETTERS_16 LETTERS_16
#define LETTERS_256 LETTERS_64 LETTERS_64 LETTERS_64 LETTERS_64

/* RFC 1035 5.1, and what name servers add to it: each text holds h.example TXT "one two". */
static void test_spellings(void **state)
{
    static const char *const texts[] = {
        "h.example. 60 IN TXT \"one two\"\n",
        "h.example. IN 60 TXT \"one two\"\n", /* either order */
        "h.example. in 1h30m txt \"one two\"\n",
        "h.example. 1W IN TXT \"one two\"\n",
        "h.example. 60 TXT \"one two\"\n",
        "h.example. CLASS1 60 TXT \"one two\"\n",
        "h.example. TXT \"one two\"", /* no line end */
        "h.example TXT \"one \" \"two\"\r\n",
        "h.example.\tTXT\t\"one \"\"two\" ; two strings\n",
        "h.example. TXT one\\ two\n",
        "h.example. TXT one\\032two\n",
        "h.example. TXT ( \"one \" ; a ( in a comment\n\n  two )\n",
        "h.example. TXT(\"one \"\n\ttwo)\n",
        "$ORIGIN example.\n$TTL 1d\nh IN TXT \"one two\"\n",
        "$origin example ; relative to the root\n$ttl 3600\nh TXT \"one two\"\n",
        "$ORIGIN example.\n$ORIGIN h\n@ TXT \"one two\"\n",
        "$ORIGIN h.example.\n IN TXT \"one two\"\n",
        "h.example. MX 1 m\n\n ; the owner stays\n\tIN 60 TXT \"one two\"\n",
        "$ORIGIN h.example.\n@ SOA ns hm (\n 1 ; serial\n 2h 3 4\n 5 )\n TXT \"one two\"\n",
        "\\104.example. TXT \"one two\"\n",
        "60 TXT x\nin TXT x\nh.example. TXT \"one two\"\n", /* owners that look like more */
        "h.example. TYPE16 \\# 8 07 6f6e652074776f\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        static const struct question question[] = {{"h.example", DNS_TXT, "found one two"}};
        CHECK(texts[i], question);
    }
}

/* A file without records is a world without names. */
static void test_empty(void **state)
{
    static const struct question questions[] = {{"h.example", DNS_TXT, "ask h.example"}};
    (void)state;
    CHECK("", questions);
    CHECK("; nothing\n\n", questions);
}

/* Every error names label:line and what was found. */
static void test_errors(void **state)
{
    static const struct {
        const char *text, *error; /* the beginning */
    } cases[] = {
        {"a TXT x\nb A 300.1.1.1\n\nc TXT x\n", "text:2: "},
        {"a TXT x\n\n; c\nb FOO x\n", "text:4: "},
        {"bad\n", "text:1: "},
        {"a..b A 192.0.2.1\n", "text:1: "},
        {"m MX mail\n", "text:1: "},
        {"a TXT x\n$INCLUDE other\n",
         "text:2: $INCLUDE is not supported: found \"$INCLUDE other\""},
        {"a CH TXT x\n", "text:1: only class IN is allowed: found \"a CH TXT x\""},
        {"a DNAME b\n", "text:1: DNAME is not supported in a local zone: found \"a DNAME b\""},
        {"a\\.b TXT x\n", "text:1: the owner name cannot be used"},
        {"m MX 1 a\\.b\n", "text:1: the data of the record cannot be used"},
        {"a TXT x\na CNAME b\n", "text:2: a CNAME beside other data (RFC 1034 3.6.2)"},
        {"a CNAME b\na TXT x\n", "text:2: data beside a CNAME (RFC 1034 3.6.2)"},
        {"a CNAME b\na CNAME c\n", "text:2: a second CNAME for the same name"},
        {"a CNAME b\n\na SOA ns h 1 2 3 4 5\n", "text:3: a SOA beside a CNAME (RFC 1034 3.6.2)"},
        {"a TXT x\nb \t\x01 (\n", "text:2: "},
        {"a TXT x\nc X\n", "text:2: unknown record type: found \"c X\""},
        {"\n\n TXT x\n", "text:3: no owner name: found \"TXT x\""},
        {"a TXT x\nb IN 60x TXT x\n", "text:2: bad time to live: found \"b IN 60x TXT x\""},
        {"a 2147483648 TXT x\n", "text:1: bad time to live"},
        {"a 1h IN\n", "text:1: a record needs a type"},
        {"a IN CLASS3 TXT x\n", "text:1: only class IN is allowed"},
        {"$TTL\n", "text:1: the directive takes one word"},
        {"$TTL 1 h\n", "text:1: the directive takes one word"},
        {"$ttl soon\n", "text:1: bad time to live"},
        {"$ORIGIN a..b\n", "text:1: bad domain name"},
        {"$GENERATE 1-2 a$ A 192.0.2.$\n", "text:1: of the directives $ORIGIN and $TTL"},
        {"a TXT x\nb TXT \"y\nc TXT z\n", "text:2: a quote is not closed on its line"},
        {"a TXT ( x\nb TXT y\n", "text:1: a parenthesis is not closed"},
        {"a TXT x )\n", "text:1: a parenthesis was not opened"},
        {"a TXT ( ( x ) )\n", "text:1: a parenthesis within parentheses"},
        {"a TXT x\\\n", "text:1: a backslash at the end of a line"},
        {"a TXT short \"" LETTERS_256 "\"\n", "text:1: a string of more than 255 octets: split"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char error[300] = "";
        struct dns_zone *zone = dns_zone_new();
        assert_false(dns_zone_read_text(zone, cases[i].text, "text", error, sizeof(error)));
        if (strncmp(error, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("case %zu: \"%s\", expected \"%s...\"", i, error, cases[i].error);
        assert_null(strchr(error, '\x01'));
        dns_zone_free(zone);
    }
}

static void test_files(void **state)
{
    char directory[] = "/tmp/test_dns_zone.XXXXXX", path[100], error[300];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/zone", directory);
    struct dns_zone *zone = dns_zone_new();

    assert_false(dns_zone_read_file(zone, path, error, sizeof(error)));
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, "No such file"));
    assert_false(dns_zone_read_file(zone, directory, error, sizeof(error)));
    assert_non_null(strstr(error, "directory"));

    FILE *file = fopen(path, "w");
    fputs("a TXT x\n", file);
    fclose(file);
    assert_true(dns_zone_read_file(zone, path, error, sizeof(error)));
    file = fopen(path, "w");
    fputs("b TXT y\nc X\n", file);
    fclose(file);
    assert_false(dns_zone_read_file(zone, path, error, sizeof(error)));
    assert_true(strncmp(error + strlen(path), ":2: ", 4) == 0);

    dns_zone_free(zone);
    unlink(path);
    rmdir(directory);
}

/* The table grows; names are found all the same. */
static void test_many_names(void **state)
{
    enum { NAMES = 20000 };
    char name[40];
    (void)state;
    struct dns_zone *zone = dns_zone_new();
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "n%d.d%d.test", i, i % 7);
        assert_null(dns_zone_add(zone, bytes_of(name), DNS_A, 60, BYTES("\1\2\3\4")));
    }
    assert_true(dns_zone_finish(zone));
    assert_int_equal(dns_zone_records(zone), NAMES);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "N%d.d%d.TEST", i, i % 7);
        assert_string_equal(ask(zone, name, DNS_A), "found \1\2\3\4");
    }
    assert_string_equal(ask(zone, "n0.d1.test", DNS_A), "ask n0.d1.test");
    dns_zone_free(zone);
}

/* Names at and beyond the limit of DNS. */
static void test_long_names(void **state)
{
    char name[300];
    (void)state;
    memset(name, 'a', sizeof(name));
    for (size_t i = 50; i < sizeof(name); i += 51)
        name[i] = '.';
    struct dns_zone *zone = zone_of(SOA_ROOT "* TXT star\n");
    struct bytes elsewhere;
    const struct dns_answer *answer =
        dns_zone_lookup(zone, (struct bytes){name, 253}, DNS_TXT, &elsewhere);
    assert_int_equal(answer->status, DNS_FOUND);
    dns_answer_unref(answer);
    assert_null(dns_zone_lookup(zone, (struct bytes){name, 254}, DNS_TXT, &elsewhere));
    assert_non_null(dns_zone_add(zone, (struct bytes){name, 254}, DNS_A, 0, BYTES("\1\2\3\4")));
    dns_zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_below_a_soa),
        cmocka_unit_test(test_without_a_soa),
        cmocka_unit_test(test_root_soa_is_the_world),
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_root_wildcard),
        cmocka_unit_test(test_cnames),
        cmocka_unit_test(test_cname_limit),
        cmocka_unit_test(test_master_file_syntax),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_records_of_a_set),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
