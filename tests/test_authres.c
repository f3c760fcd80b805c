/* test_authres.c - Authentication-Results: the reader, the forgery check, the
 * writer of values. */
#include "authres.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(8 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    assert_false(arena_failed(arena));
    arena_free(arena);
    return 0;
}

/* ---- authres_parse() ---- */

/* The parsed field as text: "id; method/version=result reason {ptype.property=value}". */
static const char *told(struct bytes value)
{
    struct authres parsed;
    struct strbuf buf;
    strbuf_init(&buf, arena);
    if (!authres_parse(arena, value, &parsed)) {
        assert_int_equal(parsed.entry_count, 0);
        return "";
    }
    strbuf_printf(&buf, "%.*s", BYTES_ARGS(parsed.authserv_id));
    for (size_t i = 0; i < parsed.entry_count; i++) {
        const struct authres_entry *entry = &parsed.entries[i];
        strbuf_printf(&buf, "; %.*s/%u=%.*s", BYTES_ARGS(entry->method), entry->method_version,
                      BYTES_ARGS(entry->result));
        if (entry->reason.len)
            strbuf_printf(&buf, " \"%.*s\"", BYTES_ARGS(entry->reason));
        for (size_t k = 0; k < entry->property_count; k++)
            strbuf_printf(&buf, " {%.*s.%.*s=%.*s}", BYTES_ARGS(entry->properties[k].ptype),
                          BYTES_ARGS(entry->properties[k].property),
                          BYTES_ARGS(entry->properties[k].value));
    }
    return strbuf_string(&buf);
}

struct parse_row {
    const char *value;
    const char *told; /* "": does not parse */
};

static void check_parse(const struct parse_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = told(bytes_of(rows[i].value));
        if (strcmp(got, rows[i].told) != 0)
            fail_msg("<%s>: got <%s>, wanted <%s>", rows[i].value, got, rows[i].told);
    }
}

#define CHECK_PARSE(rows) check_parse(rows, sizeof(rows) / sizeof(rows[0]))

static void test_grammar(void **state)
{
    static const struct parse_row rows[] = {
        {"example.org; none", "example.org"},
        {"example.org 1; none", "example.org"},
        {" example.org (c) 1 (d) ; (e) none (f)\r\n", "example.org"},
        {"\"example.org\"; none", "example.org"},
        {"\"exa\\mple.org\"; none", "example.org"},
        {"b\xc3\xbc.example; none", "b\xc3\xbc.example"},
        {"a.b; spf=pass", "a.b; spf/1=pass"},
        {"a.b;spf=pass;dkim=fail", "a.b; spf/1=pass; dkim/1=fail"},
        {"a.b; dkim/2=pass", "a.b; dkim/2=pass"},
        {"a.b; dkim / 2 = pass", "a.b; dkim/2=pass"},
        {"a.b; dkim/99999999999=pass", "a.b; dkim/4294967295=pass"},
        {"a.b; spf=fail reason=bad smtp.mailfrom=x.y",
         "a.b; spf/1=fail \"bad\" {smtp.mailfrom=x.y}"},
        {"a.b; spf=fail reason=\"so \\\"bad\\\"\"", "a.b; spf/1=fail \"so \"bad\"\""},
        {"a.b; spf=pass smtp.mailfrom=u@x.y", "a.b; spf/1=pass {smtp.mailfrom=u@x.y}"},
        {"a.b; dkim=pass header.i=@x.y", "a.b; dkim/1=pass {header.i=@x.y}"},
        {"a.b; spf=pass smtp.mailfrom=\"u v\"@x.y", "a.b; spf/1=pass {smtp.mailfrom=\"u v\"@x.y}"},
        {"a.b; spf=pass smtp.mailfrom=prvs=1/u?@x.y",
         "a.b; spf/1=pass {smtp.mailfrom=prvs=1/u?@x.y}"},
        {"a.b; dkim=pass header.b=\"a/b+c==\"", "a.b; dkim/1=pass {header.b=a/b+c==}"},
        {"a.b; iprev=pass policy.iprev=\"2001:db8::1\"",
         "a.b; iprev/1=pass {policy.iprev=2001:db8::1}"},
        {"a.b; none=pass", "a.b; none/1=pass"},
        {"a.b; x=y header.none=none", "a.b; x/1=y {header.none=none}"},
    };
    (void)state;
    CHECK_PARSE(rows);
}

static void test_comments_may_be_anywhere(void **state)
{
    static const struct parse_row rows[] = {
        {"(a)a.b(b);(c)spf(d)/(e)1(f)=(g)fail(h)reason(i)=(j)bad(k)smtp(l).(m)helo(n)=(o)x.y(p)",
         "a.b; spf/1=fail \"bad\" {smtp.helo=x.y}"},
        {"a.b;\r\n\tspf=pass (b; dkim=pass (deep) \\) c)\r\n smtp.helo=x.y",
         "a.b; spf/1=pass {smtp.helo=x.y}"},
        {"a.b; spf=pass (; dkim=pass)", "a.b; spf/1=pass"},
        {"a.b; spf=pass (", ""},
        {"a.b; spf=pass )", ""},
        {"(a.b; none", ""},
    };
    (void)state;
    CHECK_PARSE(rows);
}

static void test_read_though_not_in_the_grammar(void **state)
{
    static const struct parse_row rows[] = {
        {"a.b; none;", "a.b"},
        {"a.b; spf=pass;", "a.b; spf/1=pass"},
        {"a.b; spf=pass ; (end)", "a.b; spf/1=pass"},
        {"a.b; dmarc=pass action=none header.from=x.y", "a.b; dmarc/1=pass {header.from=x.y}"},
        {"a.b; dkim=pass header.b=ab/cd+ef==", "a.b; dkim/1=pass {header.b=ab/cd+ef==}"},
        {"a.b; spf=pass smtp.helo=x.y reason=late", "a.b; spf/1=pass \"late\" {smtp.helo=x.y}"},
    };
    (void)state;
    CHECK_PARSE(rows);
}

static void test_what_does_not_parse(void **state)
{
    static const struct parse_row rows[] = {
        {"", ""},
        {" ", ""},
        {";", ""},
        {"; none", ""},
        {"a.b", ""},
        {"a.b;", ""},
        {"a.b 1", ""},
        {"a.b 1 2; none", ""},
        {"a.b 2; none", ""},
        {"a.b 1x; none", ""},
        {"a.b; none none", ""},
        {"a.b; none; spf=pass", ""},
        {"a.b; spf=pass; none", ""},
        {"a.b; ; spf=pass", ""},
        {"a.b; spf", ""},
        {"a.b; spf=", ""},
        {"a.b; =pass", ""},
        {"a.b; spf/=pass", ""},
        {"a.b; spf-=pass", ""},
        {"a.b; spf_x=pass", ""},
        {"a.b; spf=pass smtp", ""},
        {"a.b; spf=pass smtp.=x", ""},
        {"a.b; spf=pass .helo=x", ""},
        {"a.b; spf=pass smtp.helo=", ""},
        {"a.b; spf=pass smtp.helo=@", ""},
        {"a.b; spf=pass smtp.helo=x@", ""},
        {"a.b; spf=pass smtp.helo=a@b@c", ""},
        {"a.b; spf=pass smtp.helo=a,b", ""},
        {"a.b; spf=pass smtp.helo=<a@b>", ""},
        {"a.b; spf=pass smtp.helo=2001:db8::1", ""},
        {"a.b; spf=pass smtp.helo=\"x", ""},
        {"a.b; spf=pass smtp.helo=\xfc", ""},
        {"a.b; spf=pass smtp.helo=\"\xfc\"", ""},
        {"a.b spf=pass", ""},
        {"a.b, spf=pass", ""},
        {"\"a.b; spf=pass", ""},
        {"a@b; none", ""},
        {"=?utf-8?q?a.b?=; none", ""},
        {"a.b; spf=pass\nX", ""},
        {"a.b; spf=pass\x01", ""},
    };
    (void)state;
    CHECK_PARSE(rows);
    assert_string_equal(told(BYTES("a.b; spf=pass\0")), "");
    assert_string_equal(told(BYTES("a\0.b; spf=pass")), "");
}

static void test_the_id_is_told_when_the_rest_does_not_parse(void **state)
{
    static const struct {
        struct bytes value;
        const char *id;
    } rows[] = {
        {BYTES("a.b; garbage"), "a.b"}, {BYTES("a.b"), "a.b"},
        {BYTES("a.b(unclosed"), "a.b"}, {BYTES("\"a.b\" 7; none"), "a.b"},
        {BYTES("a.b\0; none"), "a.b"},  {BYTES("\"a.b"), ""},
        {BYTES("(a.b; none"), ""},      {BYTES(""), ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct authres parsed;
        assert_false(authres_parse(arena, rows[i].value, &parsed));
        assert_bytes(parsed.authserv_id, rows[i].id);
    }
}

static void test_version(void **state)
{
    static const struct {
        const char *value;
        bool good, has_version;
        unsigned version;
    } rows[] = {
        {"a.b; none", true, false, 1},
        {"a.b 1; none", true, true, 1},
        {"a.b 01; none", true, true, 1},
        {"a.b 2; none", false, true, 2},
        {"a.b 0; none", false, true, 0},
        {"a.b (c) 3 (d) ; none", false, true, 3},
        {"a.b 99999999999; none", false, true, 4294967295u},
        {"a.b 1.0; none", false, false, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct authres parsed;
        assert_int_equal(authres_parse(arena, bytes_of(rows[i].value), &parsed), rows[i].good);
        assert_int_equal(parsed.has_version, rows[i].has_version);
        assert_int_equal(parsed.version, rows[i].version);
    }
}

/* `count` times piece, in the test's arena. */
static struct bytes repeat(const char *begin, const char *piece, size_t count)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, begin);
    for (size_t i = 0; i < count; i++)
        strbuf_puts(&buf, piece);
    return strbuf_view(&buf);
}

static void test_limits(void **state)
{
    struct authres parsed;
    (void)state;
    assert_true(authres_parse(arena, repeat("a.b", ";x=y", 100), &parsed));
    assert_int_equal(parsed.entry_count, 100);
    assert_false(authres_parse(arena, repeat("a.b", ";x=y", 101), &parsed));
    assert_true(authres_parse(arena, repeat("a.b;x=y", " p.q=r", 50), &parsed));
    assert_int_equal(parsed.entries[0].property_count, 50);
    assert_false(authres_parse(arena, repeat("a.b;x=y", " p.q=r", 51), &parsed));
    assert_true(authres_parse(arena, repeat("a.b;x=y", " p=r", 5000), &parsed));
}

/* ---- authres_claims() ---- */

#define U_LABEL                                                                                    \
    "b\xc3\xbc"                                                                                    \
    "cher"
static const char *const our_ids[] = {"mx.example.org", "alias.example.net.", ".below.example",
                                      (U_LABEL ".example"), "Old Gateway"};
static const struct authserv_ids ours = {our_ids, sizeof(our_ids) / sizeof(our_ids[0])};

static void check_claims(const struct bytes *values, size_t count, bool wanted)
{
    for (size_t i = 0; i < count; i++) {
        char *exact = malloc(values[i].len ? values[i].len : 1); /* for the address sanitizer */
        memcpy(exact, values[i].data, values[i].len);
        if (authres_claims(arena, (struct bytes){exact, values[i].len}, &ours) != wanted)
            fail_msg("<%.*s>: wanted %s", BYTES_ARGS(values[i]), wanted ? "claims" : "not ours");
        free(exact);
    }
}

#define CHECK_CLAIMS(values, wanted)                                                               \
    check_claims(values, sizeof(values) / sizeof(values[0]), wanted)

static void test_ours_in_every_dress(void **state)
{
    static const struct bytes values[] = {
        BYTES("mx.example.org; none"),
        BYTES(" mx.example.org; spf=pass smtp.mailfrom=x.y"),
        BYTES("MX.Example.ORG; none"),
        BYTES("mx.example.org.; none"),
        BYTES("mx.example.org..; none"),
        BYTES("mx.example.org;none"),
        BYTES("mx.example.org(c);none"),
        BYTES("mx.example.org 1; none"),
        BYTES("mx.example.org\r\n 1\r\n ; none"),
        BYTES("\r\n mx.example.org; none"),
        BYTES("\n\tmx.example.org; none"),
        BYTES("(c) mx.example.org; none"),
        BYTES("(other.example) (; other.example) mx.example.org; none"),
        BYTES("(a (nested (c\\) )) d) mx.example.org (e) 1 (f); none"),
        BYTES("\"mx.example.org\"; none"),
        BYTES("\"mx.example.org\" 1; none"),
        BYTES("\"MX\\.example.\\org.\"; none"),
        BYTES("\" mx.example.org \"; none"),
        BYTES("\"\r\n mx.example.org\"; none"),
        BYTES("alias.example.net; none"),
        BYTES("ALIAS.example.net.; none"),
    };
    (void)state;
    CHECK_CLAIMS(values, true);
}

static void test_aliases_with_a_leading_dot(void **state)
{
    static const struct bytes claimed[] = {
        BYTES("below.example; none"),        BYTES("a.below.example; none"),
        BYTES("A.b.c.Below.Example.; none"), BYTES("\"a.below.example\"; none"),
        BYTES("a.below.example broken"),
    };
    static const struct bytes foreign[] = {
        BYTES("xbelow.example; none"),
        BYTES("below.example.other; none"),
        BYTES("example; none"),
    };
    (void)state;
    CHECK_CLAIMS(claimed, true);
    CHECK_CLAIMS(foreign, false);
}

/* RFC 8601 5: compared after conversion between A-labels and U-labels. */
static void test_internationalized_ids(void **state)
{
    static const struct bytes claimed[] = {
        BYTES("b\xc3\xbc"
              "cher.example; none"),
        BYTES("B\xc3\x9c"
              "CHER.example; none"),
        BYTES("xn--bcher-kva.example; none"),
        BYTES("XN--BCHER-KVA.EXAMPLE.; none"),
        BYTES("\"b\xc3\xbc"
              "cher.example\"; none"),
        BYTES("b\xc3\xbc"
              "cher.example broken"),
        /* soft hyphen, ideographic full stop, wide letters: UTS 46 maps them away */
        BYTES("mx.exam\xc2\xadple.org; none"),
        BYTES("mx\xe3\x80\x82"
              "example.org; none"),
        BYTES("\xef\xbd\x8dx.example.org; none"),
    };
    static const struct bytes foreign[] = {
        BYTES("bucher.example; none"),
        BYTES("b\xfc"
              "cher.example; none"),
        BYTES("mx.ex\xd0\xb0mple.org; none"), /* a Cyrillic letter: another name */
    };
    (void)state;
    CHECK_CLAIMS(claimed, true);
    CHECK_CLAIMS(foreign, false);
}

static void test_unknown_version(void **state)
{
    static const struct bytes claimed[] = {
        BYTES("mx.example.org 2; none"),
        BYTES("other.example 2; none"),
        BYTES("other.example 0; none"),
        BYTES("other.example (c) 99999999999999999999 ; none"),
    };
    static const struct bytes foreign[] = {
        BYTES("other.example 1; none"),
        BYTES("other.example 01; none"),
    };
    (void)state;
    CHECK_CLAIMS(claimed, true);
    CHECK_CLAIMS(foreign, false);
}

static void test_unparsable_text_that_begins_like_ours(void **state)
{
    static const struct bytes values[] = {
        BYTES("mx.example.org"),
        BYTES("mx.example.org;"),
        BYTES("mx.example.org spf=pass"),
        BYTES("mx.example.org; spf=pass ("),
        BYTES("mx.example.org; spf=pass smtp.mailfrom=<a@b>"),
        BYTES("mx.example.org: spf=pass"),
        BYTES("mx.example.org, other.example; none"),
        BYTES("mx.example.org/queue-id; spf=pass"),
        BYTES("mx.example.org!x; spf=pass"),
        BYTES("mx.example.org=x; spf=pass"),
        BYTES("mx.example.org\0; spf=pass"),
        BYTES("mx.example.org\0.evil.example; spf=pass"),
        BYTES("mx.exam\0ple.org; spf=pass"),
        BYTES("\0mx.example.org; spf=pass"),
        BYTES("\x01 \x7fmx.example.org; spf=pass"),
        BYTES("\"mx.example.org; spf=pass"),
        BYTES("\"mx.example.org\0\"; spf=pass"),
        BYTES("\"mx.example.org evil\"; spf=pass"),
        BYTES("\"mx.example.org;\"; spf=pass"),
        BYTES("\"(c) mx.example.org\"; spf=pass"),
        BYTES("\"\"mx.example.org; spf=pass"),
        BYTES("\\mx.example.org; spf=pass"),
        BYTES("mx\\.example.org; spf=pass"),
        BYTES("mx.\r\n example.org; spf=pass"),
        BYTES("mx.(c)example.org; spf=pass"),
        BYTES("mx.example.org\r; spf=pass"),
        BYTES("\rmx.example.org; spf=pass"),
        BYTES("(mx.example.org; spf=pass"),
        BYTES("((mx.example.org; spf=pass"),
        BYTES("(\x01) mx.example.org; spf=pass"),
        BYTES("( \"MX.example.org.\" 1; spf=pass"),
        BYTES("mx.example.org."),
        BYTES("old gateway; spf=pass"),
        BYTES("\"Old Gateway\"; spf=pass"),
        BYTES("Old Gateway"),
    };
    (void)state;
    CHECK_CLAIMS(values, true);
}

static void test_comments_deeper_than_the_grammar_allows(void **state)
{
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, arena);
    for (int i = 0; i < 100; i++)
        strbuf_putc(&buf, '(');
    for (int i = 0; i < 100; i++)
        strbuf_putc(&buf, ')');
    strbuf_puts(&buf, " mx.example.org; none");
    assert_true(authres_claims(arena, strbuf_view(&buf), &ours));
}

static void test_foreign_fields_stay(void **state)
{
    static const struct bytes values[] = {
        BYTES("other.example; spf=pass"),
        BYTES("other.example; spf=pass smtp.helo=mx.example.org"),
        BYTES("other.example (mx.example.org); none"),
        BYTES("(mx.example.org) other.example; none"),
        BYTES("other.example; none (mx.example.org; spf=pass)"),
        BYTES("mx.example.org.evil.example; spf=pass"),
        BYTES("mx.example.org.evil.example; broken ("),
        BYTES("mx.example.org-evil.example; spf=pass"),
        BYTES("mx.example.orgevil; spf=pass"),
        BYTES("xmx.example.org; spf=pass"),
        BYTES("example.org; spf=pass"),
        BYTES("a.mx.example.org; spf=pass"),
        BYTES("a.mx.example.org broken"),
        BYTES("mx.example.or; spf=pass"),
        BYTES("other.example; spf=pass smtp.mailfrom=\"=?utf-8?q?mx.example.org?=\""),
        BYTES("Old Gatewayx; spf=pass"),
        BYTES("Old.Gateway; none"),
        BYTES(""),
        BYTES(" "),
        BYTES(";"),
        BYTES("; mx.example.org"),
        BYTES("("),
        BYTES("\0"),
        BYTES("none"),
    };
    (void)state;
    CHECK_CLAIMS(values, false);
}

/* Who decodes encoded-words first reads any name in them. */
static void test_encoded_words(void **state)
{
    static const struct bytes values[] = {
        BYTES("=?utf-8?q?mx.example.org?=; spf=pass"),
        BYTES("=?us-ascii?B?bXguZXhhbXBsZS5vcmc=?= mx.example.org; spf=pass"),
        BYTES("mx.=?utf-8?q?example.org?=; spf=pass"),
        BYTES("(;)\r\n =?utf-8?q?mx.example.org=3B_dmarc=3Dpass?="),
    };
    (void)state;
    CHECK_CLAIMS(values, true);
}

static void test_no_ids(void **state)
{
    static const char *const empty[] = {"", ".", "..", NULL};
    struct authserv_ids odd = {empty, 4};
    struct authserv_ids none = {NULL, 0};
    (void)state;
    assert_false(authres_claims(arena, BYTES("mx.example.org; none"), &none));
    assert_false(authres_claims(arena, BYTES("mx.example.org; none"), &odd));
    assert_false(authres_claims(arena, BYTES(""), &odd));
    assert_true(authres_claims(arena, BYTES("a.b 2; none"), &none));
}

/* A megabyte of anything takes linear time and little memory. */
static void test_large_fields(void **state)
{
    static const char *const pieces[] = {"(",  "()",   "a",    "a.",  "\"",
                                         "\\", ";",    ";x=y", "a(",  "\x01x",
                                         " ",  "((a)", "a(b)", "a b", "\xc3\xbc"};
    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct arena *before = arena;
        arena = arena_new(4 << 20);
        struct bytes value = repeat("", pieces[i], 1000000 / (strlen(pieces[i]) + 1));
        struct arena *small = arena_new(65536);
        clock_t begin = clock();
        assert_false(authres_claims(small, value, &ours));
        assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
        assert_false(arena_failed(small));
        arena_free(small);
        arena_free(arena);
        arena = before;
    }
}

/* Without memory a plain forgery is still recognised. */
static void test_out_of_memory(void **state)
{
    struct arena *none = arena_new(0);
    (void)state;
    assert_true(authres_claims(none, BYTES("(c) \"MX.example.org\" 1; none"), &ours));
    assert_true(authres_claims(none, BYTES("mx.example.org.; none"), &ours));
    arena_free(none);
}

/* ---- authres_write_value() ---- */

static const char *written(struct bytes value, bool utf8)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    authres_write_value(&buf, value, utf8);
    return strbuf_string(&buf);
}

static void test_written_values(void **state)
{
    static const struct {
        struct bytes value;
        const char *ascii, *utf8;
    } rows[] = {
        /* tokens */
        {BYTES("pass"), "pass", "pass"},
        {BYTES("rsa-sha256"), "rsa-sha256", "rsa-sha256"},
        {BYTES("a!#$%&'*+-.^_`{|}~"), "a!#$%&'*+-.^_`{|}~", "a!#$%&'*+-.^_`{|}~"},
        {BYTES("192.0.2.1"), "192.0.2.1", "192.0.2.1"},
        /* addresses and domain names */
        {BYTES("example.com"), "example.com", "example.com"},
        {BYTES("user@example.com"), "user@example.com", "user@example.com"},
        {BYTES("@example.com"), "@example.com", "@example.com"},
        {BYTES("prvs=1/a?b@example.com"), "prvs=1/a?b@example.com", "prvs=1/a?b@example.com"},
        {BYTES("user@"), "\"user@\"", "\"user@\""},
        {BYTES("@"), "\"@\"", "\"@\""},
        {BYTES("a@b@c"), "\"a@b@c\"", "\"a@b@c\""},
        {BYTES(".a@b"), "\".a@b\"", "\".a@b\""},
        {BYTES("a..b@c"), "\"a..b@c\"", "\"a..b@c\""},
        {BYTES("a@b..c"), "\"a@b..c\"", "\"a@b..c\""},
        {BYTES("a@b.c."), "\"a@b.c.\"", "\"a@b.c.\""},
        {BYTES("a@[192.0.2.1]"), "\"a@[192.0.2.1]\"", "\"a@[192.0.2.1]\""},
        {BYTES("\"a b\"@c"), "\"\\\"a b\\\"@c\"", "\"\\\"a b\\\"@c\""},
        /* everything else */
        {BYTES(""), "\"\"", "\"\""},
        {BYTES("2001:db8::1"), "\"2001:db8::1\"", "\"2001:db8::1\""},
        {BYTES("ab/cd+ef=="), "\"ab/cd+ef==\"", "\"ab/cd+ef==\""},
        {BYTES("good signature"), "\"good signature\"", "\"good signature\""},
        {BYTES(" a "), "\" a \"", "\" a \""},
        {BYTES("a\"b\\c"), "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""},
        /* injections */
        {BYTES("x.y; dkim=pass"), "\"x.y; dkim=pass\"", "\"x.y; dkim=pass\""},
        {BYTES("x.y(.evil.example"), "\"x.y(.evil.example\"", "\"x.y(.evil.example\""},
        {BYTES("x.y'@any.evil.example"), "x.y'@any.evil.example", "x.y'@any.evil.example"},
        {BYTES("x.y\"; dkim=pass"), "\"x.y\\\"; dkim=pass\"", "\"x.y\\\"; dkim=pass\""},
        {BYTES("x.y\r\nSubject: z"), "\"x.y??Subject: z\"", "\"x.y??Subject: z\""},
        {BYTES("x.y\0z"), "\"x.y?z\"", "\"x.y?z\""},
        {BYTES("a\tb\x1b\x7f"), "\"a?b??\"", "\"a?b??\""},
        {BYTES("x\\"), "\"x\\\\\"", "\"x\\\\\""},
        /* beyond ASCII */
        {BYTES("b\xc3\xbc.example"), "\"b??.example\"", "b\xc3\xbc.example"},
        {BYTES("j\xc3\xbc@b\xc3\xbc.example"), "\"j??@b??.example\"",
         "j\xc3\xbc@b\xc3\xbc.example"},
        {BYTES("a \xe2\x82\xac"), "\"a ???\"", "\"a \xe2\x82\xac\""},
        {BYTES("a+\xc3\xbc"), "\"a+??\"", "\"a+\xc3\xbc\""}, /* no token: RFC 2045 is ASCII */
        {BYTES("b\xfc.example"), "\"b?.example\"", "\"b?.example\""},
        {BYTES("\xc3"), "\"?\"", "\"?\""},
        {BYTES("\xc2\x85"), "\"??\"", "\"??\""}, /* C1 control */
        {BYTES("\xed\xa0\x80"), "\"???\"", "\"???\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(written(rows[i].value, false), rows[i].ascii);
        assert_string_equal(written(rows[i].value, true), rows[i].utf8);
    }
}

/* A value as the writer understands it: what may not stand there is "?". */
static struct bytes cleaned(struct bytes value, bool utf8)
{
    struct bytes text = bytes_of(written(value, utf8));
    if (text.data[0] != '"')
        return text;
    char *out = arena_alloc(arena, text.len);
    size_t len = 0;
    for (size_t i = 1; i + 1 < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        out[len++] = text.data[i];
    }
    return (struct bytes){out, len};
}

/* Reads a written value back as a property and checks that it is whole. */
static void check_round_trip(struct bytes value, bool utf8)
{
    struct strbuf buf;
    struct authres parsed;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "a.b; x=y p.q=");
    authres_write_value(&buf, value, utf8);
    strbuf_puts(&buf, " p.end=z; last=one");
    struct bytes field = strbuf_view(&buf);
    for (size_t i = 0; i < field.len; i++) {
        int octet = (unsigned char)field.data[i];
        assert_true(octet >= ' ' && octet != 0x7f && (utf8 || octet < 0x80));
    }
    if (!authres_parse(arena, field, &parsed))
        fail_msg("does not parse: <%.*s>", BYTES_ARGS(field));
    assert_int_equal(parsed.entry_count, 2);
    assert_int_equal(parsed.entries[0].property_count, 2);
    struct bytes read = parsed.entries[0].properties[0].value;
    struct bytes clean = cleaned(value, utf8);
    assert_int_equal(clean.len, value.len);
    assert_true(bytes_equal(read, clean));
    for (size_t i = 0; i < value.len; i++) {
        int octet = (unsigned char)value.data[i];
        bool printable = octet >= ' ' && octet < 0x7f;
        assert_true(read.data[i] == value.data[i] || (!printable && read.data[i] == '?'));
    }
}

/* Property: whatever the value, the field parses and gives it back. */
static void test_round_trip(void **state)
{
    static const char alphabet[] = "ab.@\"\\;()<>,:/=? \t\r\n\0\x7f-_'\xc3\xbc\xff\xe2\x82\xac";
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char value[16];
        size_t len = 0;
        size_t want = (seed = seed * 1664525u + 1013904223u) >> 28;
        while (len < want) {
            seed = seed * 1664525u + 1013904223u;
            value[len++] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        check_round_trip((struct bytes){value, len}, i % 2);
        if (i % 1000 == 0)
            arena_reset(arena);
    }
    for (int octet = 0; octet < 256; octet++) {
        char value[3] = {'a', (char)octet, 'b'};
        for (size_t from = 0; from < 2; from++) {
            check_round_trip((struct bytes){value + from, 3 - from}, false);
            check_round_trip((struct bytes){value + from, 2 - from}, true);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_comments_may_be_anywhere),
        cmocka_unit_test(test_read_though_not_in_the_grammar),
        cmocka_unit_test(test_what_does_not_parse),
        cmocka_unit_test(test_the_id_is_told_when_the_rest_does_not_parse),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ours_in_every_dress),
        cmocka_unit_test(test_aliases_with_a_leading_dot),
        cmocka_unit_test(test_internationalized_ids),
        cmocka_unit_test(test_unknown_version),
        cmocka_unit_test(test_unparsable_text_that_begins_like_ours),
        cmocka_unit_test(test_comments_deeper_than_the_grammar_allows),
        cmocka_unit_test(test_foreign_fields_stay),
        cmocka_unit_test(test_encoded_words),
        cmocka_unit_test(test_no_ids),
        cmocka_unit_test(test_large_fields),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_written_values),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
