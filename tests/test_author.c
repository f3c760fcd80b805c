/* test_author.c - every From value has one result: a domain, or a reason. */
#include "author.h"

#include "bounds.h"
#include "strbuf.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct row {
    const char *value;
    enum author_status status;
    const char *domain; /* AUTHOR_OK */
};

static struct author judge(struct arena *arena, struct bytes value)
{
    struct author author;
    author_find(arena, &value, 1, &author);
    return author;
}

static void check(struct bytes value, enum author_status status, const char *domain)
{
    struct arena *arena = arena_new(1 << 22);
    struct author author = judge(arena, value);
    if (author.status != status || strcmp(domain_text(author.domain), domain ? domain : "") != 0)
        fail_msg("<%.*s>: status %d (wanted %d), domain \"%s\" (wanted \"%s\"), reason \"%s\"",
                 BYTES_ARGS(value), author.status, status, domain_text(author.domain),
                 domain ? domain : "", author.reason);
    assert_int_equal(author.reason[0] == '\0', status == AUTHOR_OK);
    assert_false(arena_failed(arena));
    arena_free(arena);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(bytes_of(rows[i].value), rows[i].status, rows[i].domain);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(rows[0]))

static void test_ordinary_addresses(void **state)
{
    static const struct row rows[] = {
        {"user@example.com", AUTHOR_OK, "example.com"},
        {"<user@example.com>", AUTHOR_OK, "example.com"},
        {" Sample User <user@example.com>", AUTHOR_OK, "example.com"},
        {"Sample User<user@example.com>", AUTHOR_OK, "example.com"},
        {"\"Sample User\" <user@Example.COM>", AUTHOR_OK, "example.com"},
        {"John Q. Public <jqp@example.com>", AUTHOR_OK, "example.com"},
        {"(Sample User) user@example.com", AUTHOR_OK, "example.com"},
        {"user@example.com (Sample User)", AUTHOR_OK, "example.com"},
        {"a.b+c=d/e@example.com", AUTHOR_OK, "example.com"},
        {"user@mail.sub.example.co.uk", AUTHOR_OK, "mail.sub.example.co.uk"},
        {"user@localhost", AUTHOR_OK, "localhost"},
        /* display names in want of quotes, common in honest mail */
        {"user@example.com <user@example.com>", AUTHOR_OK, "example.com"},
        {"other@EXAMPLE.com <user@example.com>", AUTHOR_OK, "example.com"},
        {"[Tracker] Sample <user@example.com>", AUTHOR_OK, "example.com"},
        {"Sample [a@b] <user@example.com>", AUTHOR_SYNTAX, NULL},
        {"user@ex_ample.example", AUTHOR_OK, "ex_ample.example"},
        {"user@xn--bcher-kva.example", AUTHOR_OK, "xn--bcher-kva.example"},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_folding(void **state)
{
    static const struct row rows[] = {
        {"Sample User\r\n <user@example.com>", AUTHOR_OK, "example.com"},
        {"Sample User\n\t<user@example.com>", AUTHOR_OK, "example.com"},
        {"\r\n user@example.com\r\n", AUTHOR_OK, "example.com"},
        {"user@example.com\n", AUTHOR_OK, "example.com"},
        {"\"Sample\r\n User\" <user@example.com>", AUTHOR_OK, "example.com"},
        {"(Sample\n User) user@example.com", AUTHOR_OK, "example.com"},
        {"user@example.com\r\n \r\n ", AUTHOR_OK, "example.com"}, /* obs-FWS */
        {"Sample\r<user@example.com>", AUTHOR_SYNTAX, NULL},
        {"Sample\n<user@example.com>", AUTHOR_SYNTAX, NULL},
        {"user@example.com\r\nX: y", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_obsolete_forms(void **state)
{
    static const struct row rows[] = {
        {"user@example . com", AUTHOR_OK, "example.com"},
        {"user @ example.com", AUTHOR_OK, "example.com"},
        {"a . b@example.com", AUTHOR_OK, "example.com"},
        {"a.\"b c\".d@example.com", AUTHOR_OK, "example.com"},
        {"user(comment)@(comment)example(comment).(comment)com", AUTHOR_OK, "example.com"},
        {"<user@example.com > ", AUTHOR_OK, "example.com"},
        {"< user@example.com>", AUTHOR_OK, "example.com"},
        {"<@route.example:user@example.com>", AUTHOR_OK, "example.com"},
        {"<@a.example,@b.example:user@example.com>", AUTHOR_OK, "example.com"},
        {"<,, @a.example , ,@b.example : user@example.com>", AUTHOR_OK, "example.com"},
        {"J. R. <user@example.com>", AUTHOR_OK, "example.com"},
        {", user@example.com,,", AUTHOR_OK, "example.com"},
        {"(empty), user@example.com", AUTHOR_OK, "example.com"},
        {"<route.example:user@example.com>", AUTHOR_SYNTAX, NULL},
        {"<@a.example user@example.com>", AUTHOR_SYNTAX, NULL},
        {"<@a.example @b.example:user@example.com>", AUTHOR_SYNTAX, NULL},
        {"<,:user@example.com>", AUTHOR_SYNTAX, NULL},
        {"@route.example:user@example.com", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

/* RFC 6854: groups are allowed in From. */
static void test_groups(void **state)
{
    static const struct row rows[] = {
        {"Team: a@example.com, B <b@example.com>;", AUTHOR_OK, "example.com"},
        {"Team: a@example.com, b@example.net;", AUTHOR_SEVERAL, NULL},
        {"Team: ,a@example.com,,;", AUTHOR_OK, "example.com"},
        {"Team:;, a@example.com", AUTHOR_OK, "example.com"},
        {"\"The: Team\" : a@example.com ; (comment)", AUTHOR_OK, "example.com"},
        {"undisclosed-senders:;", AUTHOR_NO_ADDRESS, NULL},
        {"Team: (nobody) ;", AUTHOR_NO_ADDRESS, NULL},
        {"Team: , ;, Others:;", AUTHOR_NO_ADDRESS, NULL},
        {"Team: a@example.com", AUTHOR_SYNTAX, NULL},
        {"Team: a@example.com;;", AUTHOR_SYNTAX, NULL},
        {"Team: Inner: a@example.com;;", AUTHOR_SYNTAX, NULL},
        {": a@example.com;", AUTHOR_SYNTAX, NULL},
        {"Team: a@example.com; b@example.com", AUTHOR_SYNTAX, NULL},
        {"Mail From:<a@example.com>", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

/* The address that a SigningTable is asked about. */
static void test_first_address(void **state)
{
    static const struct {
        const char *value, *address;
    } rows[] = {
        {"user@example.com", "user@example.com"},
        {"Sample <User.Name@Example.COM>", "User.Name@example.com"},
        {"\"a b\"@example.com", "a b@example.com"},
        {"\"a.b\"@example.com", "a.b@example.com"},
        {"\"a\\\"@\\\\b\"@example.com", "a\"@\\b@example.com"},
        {"(one) a (two) . \"b c\" . d (three) @example.com", "a.b c.d@example.com"},
        {"a@b\xc3\xbc"
         "cher.example",
         "a@xn--bcher-kva.example"},
        {"a@example.com, b@example.com", "a@example.com"},
        {"Team: , a@example.com, b@example.com;", "a@example.com"},
        {"<@route.example:a@example.com>", "a@example.com"},
        {"name@example.com <a@example.com>, b@example.com", "a@example.com"},
        {"b@example.com, name@example.com <a@example.com>", "b@example.com"},
        {"a@example.com, b@example.net", ""},
        {"a@example.com, b", ""},
        {"Team:;", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct author author = judge(arena, bytes_of(rows[i].value));
        if (!bytes_equal(author.address, bytes_of(rows[i].address)))
            fail_msg("<%s>: \"%.*s\", wanted \"%s\"", rows[i].value, BYTES_ARGS(author.address),
                     rows[i].address);
        arena_free(arena);
    }
}

static void test_several_addresses(void **state)
{
    static const struct row rows[] = {
        {"a@example.com, b@example.com", AUTHOR_OK, "example.com"},
        {"a@example.com, b@EXAMPLE.com", AUTHOR_OK, "example.com"},
        {"a@b\xc3\xbc"
         "cher.example, b@xn--bcher-kva.example",
         AUTHOR_OK, "xn--bcher-kva.example"},
        {"a@example.com, b@sub.example.com", AUTHOR_SEVERAL, NULL},
        {"a@example.com, b@example.net", AUTHOR_SEVERAL, NULL},
        {"a@x.example, nobody", AUTHOR_SYNTAX, NULL},
        {"nobody, a@x.example", AUTHOR_SYNTAX, NULL},
        {"a@x.example b@x.example", AUTHOR_SYNTAX, NULL},
        {"a@x.example; b@x.example", AUTHOR_SYNTAX, NULL},
        {"a@x.example, b@[192.0.2.1]", AUTHOR_BAD_DOMAIN, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_the_distinct_domains_are_told(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct author author =
        judge(arena, BYTES("a@one.example, b@two.example, c@ONE.example, d@three.example"));
    (void)state;
    assert_int_equal(author.status, AUTHOR_SEVERAL);
    assert_int_equal(author.addresses, 4);
    assert_int_equal(author.domain_count, 3);
    assert_string_equal(author.domains[0].name, "one.example");
    assert_string_equal(author.domains[1].name, "two.example");
    assert_string_equal(author.domains[2].name, "three.example");
    assert_string_equal(author.reason, "addresses of 3 domains: one.example, two.example, ...");
    author = judge(arena, BYTES("a@one.example, b@two.example"));
    assert_string_equal(author.reason, "addresses of 2 domains: one.example, two.example");
    author = judge(arena, BYTES("a@one.example, b@one.example"));
    assert_int_equal(author.addresses, 2);
    assert_int_equal(author.domain_count, 1);
    assert_string_equal(author.domains[0].name, "one.example");
    arena_free(arena);
}

static void test_number_of_fields(void **state)
{
    struct bytes values[] = {BYTES("a@example.com"), BYTES("a@example.com")};
    struct arena *arena = arena_new(1 << 20);
    struct author author;
    (void)state;
    author_find(arena, values, 0, &author);
    assert_int_equal(author.status, AUTHOR_MISSING);
    assert_string_equal(author.reason, "no From field");
    author_find(arena, values, 2, &author);
    assert_int_equal(author.status, AUTHOR_REPEATED);
    assert_string_equal(author.reason, "2 From fields");
    assert_true(domain_is_none(author.domain));
    author_find(arena, values, 1, &author);
    assert_int_equal(author.status, AUTHOR_OK);
    arena_free(arena);
}

static void test_quoting(void **state)
{
    static const struct row rows[] = {
        {"\"\\\"X, Inc.\\\"\" <a@b.example>", AUTHOR_OK, "b.example"},
        {"\"Doe, John\" <a@b.example>", AUTHOR_OK, "b.example"},
        {"\"a <x@evil.example>\"@victim.example", AUTHOR_OK, "victim.example"},
        {"\"x <a@junk.example>\"@mydomain.example", AUTHOR_OK, "mydomain.example"},
        {"\"<x@evil.example>,\" <a@victim.example>", AUTHOR_OK, "victim.example"},
        {"\"x@evil.example\" <a@victim.example>", AUTHOR_OK, "victim.example"},
        {"\"a\\\\\"@victim.example", AUTHOR_OK, "victim.example"},
        {"\"a@evil.example\\\\\" <b@victim.example>", AUTHOR_OK, "victim.example"},
        {"\"\"@victim.example", AUTHOR_OK, "victim.example"},
        {"\"unterminated <a@b.example>", AUTHOR_SYNTAX, NULL},
        {"\"escaped end\\\" <a@b.example>", AUTHOR_SYNTAX, NULL},
        {"\"backslash at end\\", AUTHOR_SYNTAX, NULL},
        {"a\\@b@c.example", AUTHOR_SYNTAX, NULL},
        {"\\\"a <x@evil.example>\\\" <y@victim.example>", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_comments(void **state)
{
    static const struct row rows[] = {
        {"(a@b.example) c@d.example", AUTHOR_OK, "d.example"},
        {"c@d.example (a@b.example)", AUTHOR_OK, "d.example"},
        {"c(<a@b.example>)@d.example", AUTHOR_OK, "d.example"},
        {"<c@d.example(, a@b.example)>", AUTHOR_OK, "d.example"},
        {"(,) a@b.example", AUTHOR_OK, "b.example"},
        {"(\\() a@b.example", AUTHOR_OK, "b.example"},
        {"(\\)) a@b.example", AUTHOR_OK, "b.example"},
        {"(one (two) three) a@b.example", AUTHOR_OK, "b.example"},
        {"(\") a@b.example", AUTHOR_OK, "b.example"},
        {"(a@b.example", AUTHOR_SYNTAX, NULL},
        {"a@b.example (", AUTHOR_SYNTAX, NULL},
        {"a@b.example (\\)", AUTHOR_SYNTAX, NULL},
        {"a@b.example )", AUTHOR_SYNTAX, NULL},
        {"a@b.example (x))", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_comment_depth(void **state)
{
    (void)state;
    for (size_t depth = COMMENT_DEPTH_MAX; depth <= COMMENT_DEPTH_MAX + 1; depth++) {
        char value[128];
        snprintf(value, sizeof(value), "%.*s%.*s a@b.example", (int)depth,
                 "(((((((((((((((((((((((((((((((((((((((", (int)depth,
                 ")))))))))))))))))))))))))))))))))))))))");
        if (depth == COMMENT_DEPTH_MAX)
            check(bytes_of(value), AUTHOR_OK, "b.example");
        else
            check(bytes_of(value), AUTHOR_SYNTAX, NULL);
    }
}

static void test_malformed(void **state)
{
    static const struct row rows[] = {
        {"", AUTHOR_SYNTAX, NULL},
        {" \t", AUTHOR_SYNTAX, NULL},
        {",", AUTHOR_SYNTAX, NULL},
        {" , ", AUTHOR_SYNTAX, NULL},
        {"(only a comment)", AUTHOR_SYNTAX, NULL},
        {"<>", AUTHOR_SYNTAX, NULL},
        {"Name <>", AUTHOR_SYNTAX, NULL},
        {"<@>", AUTHOR_SYNTAX, NULL},
        {"@", AUTHOR_SYNTAX, NULL},
        {"user", AUTHOR_SYNTAX, NULL},
        {"\"Test 1.1.5\"", AUTHOR_SYNTAX, NULL},
        {"user@", AUTHOR_SYNTAX, NULL},
        {"@example.com", AUTHOR_SYNTAX, NULL},
        {"<user>", AUTHOR_SYNTAX, NULL},
        {"user@example.com>", AUTHOR_SYNTAX, NULL},
        {"<user@example.com", AUTHOR_SYNTAX, NULL},
        {"user@example.com<", AUTHOR_SYNTAX, NULL},
        {"<<user@example.com>>", AUTHOR_SYNTAX, NULL},
        {"<user@example.com>>", AUTHOR_SYNTAX, NULL},
        {"<user@example.com> trailing", AUTHOR_SYNTAX, NULL},
        {"user@one.example@two.example", AUTHOR_SYNTAX, NULL},
        {"user@one.example <user@two.example>", AUTHOR_SEVERAL, NULL},
        {".user@example.com", AUTHOR_SYNTAX, NULL},
        {"user.@example.com", AUTHOR_SYNTAX, NULL},
        {"us..er@example.com", AUTHOR_SYNTAX, NULL},
        {"us er@example.com", AUTHOR_SYNTAX, NULL},
        {".Name <user@example.com>", AUTHOR_SYNTAX, NULL},
        {"Name [x] <user@example.com>", AUTHOR_OK, "example.com"},
        {"user@example.com.", AUTHOR_SYNTAX, NULL}, /* no final dot in 3.4.1 */
        {"user@.example.com", AUTHOR_SYNTAX, NULL},
        {"user@example..com", AUTHOR_SYNTAX, NULL},
        {"user@exa mple.com", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_domains_that_are_none(void **state)
{
    static const struct row rows[] = {
        {"user@[192.0.2.1]", AUTHOR_BAD_DOMAIN, NULL},
        {"<user@[IPv6:2001:db8::1]>", AUTHOR_BAD_DOMAIN, NULL},
        {"user@[]", AUTHOR_BAD_DOMAIN, NULL},
        {"user@exa!mple.com", AUTHOR_BAD_DOMAIN, NULL},
        {"user@example.com'evil.example", AUTHOR_BAD_DOMAIN, NULL},
        {"user@a23456789012345678901234567890123456789012345678901234567890abcd.example",
         AUTHOR_BAD_DOMAIN, NULL}, /* 64 octets in a label */
        {"user@[192.0.2.1", AUTHOR_SYNTAX, NULL},
        {"user@[192.0.2.1]x", AUTHOR_SYNTAX, NULL},
        {"user@[192.0.2.1].example.com", AUTHOR_SYNTAX, NULL},
        {"user@[[192.0.2.1]]", AUTHOR_SYNTAX, NULL},
        {"user@\"example.com\"", AUTHOR_SYNTAX, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void test_control_characters(void **state)
{
    static const struct bytes values[] = {
        BYTES("user\0@example.com"),
        BYTES("user@example.com\0"),
        BYTES("user@example.com\0.evil.example"),
        BYTES("user@exam\0ple.com"),
        BYTES("\"Na\0me\" <user@example.com>"),
        BYTES("\"Na\\\0me\" <user@example.com>"),
        BYTES("(Na\0me) user@example.com"),
        BYTES("Name\x01 <user@example.com>"),
        BYTES("\"Name\x7f\" <user@example.com>"),
        BYTES("\"Name\x1b[2J\" <user@example.com>"),
        BYTES("user@[192.0.\x02]"),
        BYTES("\0"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        check(values[i], AUTHOR_SYNTAX, NULL);
}

/* RFC 6532: UTF-8 where a letter may be; raw octets only in names and comments. */
static void test_octets_beyond_ascii(void **state)
{
    static const struct row rows[] = {
        {"J\xc3\xbcrgen <user@example.com>", AUTHOR_OK, "example.com"},
        {"\"J\xc3\xbcrgen\" <user@example.com>", AUTHOR_OK, "example.com"},
        {"J\xfcrgen <user@example.com>", AUTHOR_OK, "example.com"},
        {"\"J\xfcrgen\" <user@example.com>", AUTHOR_OK, "example.com"},
        {"(J\xfcrgen) user@example.com", AUTHOR_OK, "example.com"},
        {"\xff\xfe: user@example.com;", AUTHOR_OK, "example.com"},
        {"j\xc3\xbcrgen@example.com", AUTHOR_OK, "example.com"},
        {"\"j\xc3\xbcrgen\"@example.com", AUTHOR_OK, "example.com"},
        {"user@b\xc3\xbc"
         "cher.example",
         AUTHOR_OK, "xn--bcher-kva.example"},
        {"user@B\xc3\x9c"
         "CHER.example",
         AUTHOR_OK, "xn--bcher-kva.example"},
        {"user@example\xe3\x80\x82"
         "com",
         AUTHOR_OK, "example.com"}, /* ideographic full stop: UTS 46 */
        {"j\xfcrgen@example.com", AUTHOR_SYNTAX, NULL},
        {"\"j\xfcrgen\"@example.com", AUTHOR_SYNTAX, NULL},
        {"x.j\xfcrgen.y@example.com", AUTHOR_SYNTAX, NULL},
        {"user@b\xfc"
         "cher.example",
         AUTHOR_SYNTAX, NULL},
        {"user@\xc0\xae.example", AUTHOR_SYNTAX, NULL},                        /* overlong "." */
        {"user@a\xed\xa0\x80.example", AUTHOR_SYNTAX, NULL},                   /* surrogate */
        {"a@evil.example\xef\xbc\xa0victim.example", AUTHOR_BAD_DOMAIN, NULL}, /* wide "@" */
    };
    (void)state;
    CHECK_ROWS(rows);
}

/* Encoded words are atoms (RFC 2047 5): never decoded, so never an address. */
static void test_encoded_words(void **state)
{
    static const struct row rows[] = {
        {"=?UTF-8?Q?J=C3=BCrgen?= <user@example.com>", AUTHOR_OK, "example.com"},
        {"=?utf-8?q?x=40evil.example?= <user@victim.example>", AUTHOR_OK, "victim.example"},
        {"=?utf-8?B?PHhAZXZpbC5leGFtcGxlPg==?= <user@victim.example>", AUTHOR_OK, "victim.example"},
        {"=?utf-8?B?PHhAZXZpbC5leGFtcGxlPg==?=", AUTHOR_SYNTAX, NULL},
        {"=?utf-8?q?x=40evil.example?=", AUTHOR_SYNTAX, NULL},
        {"=?utf-8?q?x?=@victim.example", AUTHOR_OK, "victim.example"},
        {"x@=?utf-8?q?victim.example?=", AUTHOR_BAD_DOMAIN, NULL},
    };
    (void)state;
    CHECK_ROWS(rows);
}

/* What "Composition Kills" (USENIX Security 2020) calls ambiguities of the
 * From field; good.example is whom the attacker wants to be. */
static void test_published_attack_classes(void **state)
{
    static const struct row rows[] = {
        /* several addresses, either order, with and without brackets */
        {"<first@evil.example>, <admin@good.example>", AUTHOR_SEVERAL, NULL},
        {"admin@good.example,<second@evil.example>", AUTHOR_SEVERAL, NULL},
        /* a whole address hidden in base64, in front of a real one */
        {"=?utf-8?B?PGFkbWluQGdvb2QuZXhhbXBsZT4=?=,<second@evil.example>", AUTHOR_SYNTAX, NULL},
        /* source routes on either side of the colon */
        {"<@evil.example,@any.example:admin@good.example>", AUTHOR_OK, "good.example"},
        {"<@good.example:any@evil.example>", AUTHOR_OK, "evil.example"},
        /* a backslash that some readers take for an escaped comma */
        {"<admin@good.example>\\,<second@evil.example>", AUTHOR_SYNTAX, NULL},
        /* which special character wins */
        {"<admin@good.example>,\"<second@evil.example>\"", AUTHOR_SYNTAX, NULL},
        {"<admin@good.example>(<second@evil.example>)", AUTHOR_OK, "good.example"},
        /* address as display name, brackets on either side */
        {"<any@evil.example>admin@good.example", AUTHOR_SYNTAX, NULL},
        {"admin@good.example<any@evil.example>", AUTHOR_SEVERAL, NULL},
        {"<admin@good.example><any@evil.example>", AUTHOR_SYNTAX, NULL},
        {"\"admin@good.example\" <any@evil.example>", AUTHOR_OK, "evil.example"},
        /* delimiters inside the domain */
        {"admin@good.example(.evil.example", AUTHOR_SYNTAX, NULL},
        {"admin@good.example'@any.evil.example", AUTHOR_SYNTAX, NULL},
        {"admin@good.example;any@evil.example", AUTHOR_SYNTAX, NULL},
        /* a second field folded into the value of the first */
        {"<first@evil.example>\r\n From: <admin@good.example>", AUTHOR_SYNTAX, NULL},
    };
    struct bytes two[] = {BYTES("<first@evil.example>"), BYTES("<admin@good.example>")};
    struct arena *arena = arena_new(1 << 16);
    struct author author;
    (void)state;
    CHECK_ROWS(rows);
    check(BYTES("=?utf-8?B?PGFkbWluQGdvb2QuZXhhbXBsZT4A?=\0,<second@evil.example>"), AUTHOR_SYNTAX,
          NULL);
    author_find(arena, two, 2, &author); /* " From:", "From :", "From\r\n :" all come here */
    assert_int_equal(author.status, AUTHOR_REPEATED);
    arena_free(arena);
}

/* A string of `count` times `piece`. Given back with free(). */
static struct bytes repeat(const char *piece, size_t count, const char *end)
{
    size_t len = strlen(piece);
    char *text = malloc(len * count + strlen(end) + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, piece, len);
    strcpy(text + len * count, end);
    return bytes_of(text);
}

static void test_number_of_addresses(void **state)
{
    static const struct {
        size_t count;
        enum author_status status;
    } rows[] = {{AUTHOR_ADDRESSES_MAX, AUTHOR_OK},
                {AUTHOR_ADDRESSES_MAX + 1, AUTHOR_SYNTAX},
                {10000, AUTHOR_SYNTAX}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes value = repeat("u@example.com,", rows[i].count, "");
        struct arena *arena = arena_new(1 << 20);
        struct author author = judge(arena, value);
        assert_int_equal(author.status, rows[i].status);
        assert_int_equal(author.addresses, AUTHOR_ADDRESSES_MAX);
        if (author.status == AUTHOR_SYNTAX)
            assert_string_equal(author.reason, "too many addresses");
        arena_free(arena);
        free((void *)(uintptr_t)value.data);
    }
}

/* A megabyte of anything is read once, in little memory. */
static void test_large_values(void **state)
{
    static const struct {
        const char *piece, *end;
        enum author_status status;
    } rows[] = {
        {"(", "", AUTHOR_SYNTAX},
        {"()", "a@b.example", AUTHOR_OK},
        {"<", "", AUTHOR_SYNTAX},
        {"\"", "", AUTHOR_SYNTAX},
        {"\"\" ", "<a@b.example>", AUTHOR_OK},
        {",", "a@b.example", AUTHOR_OK},
        {"\r\n ", "a@b.example", AUTHOR_OK},
        {"x.", "x@b.example", AUTHOR_OK},
        {"\\", "", AUTHOR_SYNTAX},
        {"@", "", AUTHOR_SYNTAX},
        {"a@b", "", AUTHOR_SYNTAX},
        {"a:;", "", AUTHOR_SYNTAX},
        {"a:;,", "", AUTHOR_NO_ADDRESS},
        {"a:", "", AUTHOR_SYNTAX},
        {"x", "@b.example", AUTHOR_OK},
        {"=?utf-8?q?x?= ", "<a@b.example>", AUTHOR_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes value = repeat(rows[i].piece, 1000000 / strlen(rows[i].piece), rows[i].end);
        struct arena *arena = arena_new(65536);
        clock_t begin = clock();
        struct author author = judge(arena, value);
        clock_t took = clock() - begin;
        assert_true(author.address.len <= sizeof("x@b.example"));
        if (author.status != rows[i].status)
            fail_msg("a megabyte of %s: status %d, %s", rows[i].piece, author.status,
                     author.reason);
        assert_true(took < 5 * CLOCKS_PER_SEC);
        assert_false(arena_failed(arena));
        arena_free(arena);
        free((void *)(uintptr_t)value.data);
    }
}

static void test_long_domains(void **state)
{
    struct bytes value = repeat("a.", 500000, "example");
    struct strbuf buf;
    struct arena *arena = arena_new(4 << 20);
    (void)state;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "user@");
    strbuf_bytes(&buf, value);
    check(strbuf_view(&buf), AUTHOR_BAD_DOMAIN, NULL);
    arena_free(arena);
    free((void *)(uintptr_t)value.data);
}

/* Out of memory is never taken for a result: the arena remembers it. */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 600; limit += 8) {
        struct arena *arena = arena_new(limit);
        struct author author = judge(arena, BYTES("a@one.example, b@two.example, c@[192.0.2.1]"));
        assert_int_not_equal(author.status, AUTHOR_OK);
        assert_non_null(author.reason);
        author = judge(arena, BYTES("a@one.example, b@b\xc3\xbc.example"));
        assert_true(author.status == AUTHOR_SEVERAL || arena_failed(arena));
        arena_free(arena);
    }
}

/* No octet and no end of the value brings the reader out of step. */
static void test_every_octet_and_every_end(void **state)
{
    static const char sample[] = "\"A \\\" B\" C. (d (e\\)) ) <@r.example:\"x\"@e.(f)example>, "
                                 "G: h@[1.2.3.4], i\xc3\xa9@j\xc3\xa9.example;";
    char text[sizeof(sample)];
    (void)state;
    for (size_t i = 0; i < sizeof(sample) - 1; i++) {
        for (int octet = -1; octet < 256; octet++) {
            struct arena *arena = arena_new(1 << 16);
            size_t len = octet < 0 ? i : sizeof(sample) - 1;
            char *exact = malloc(len ? len : 1); /* for the address sanitizer */
            memcpy(text, sample, sizeof(sample));
            if (octet >= 0)
                text[i] = (char)octet;
            memcpy(exact, text, len);
            struct author author = judge(arena, (struct bytes){exact, len});
            assert_int_equal(author.status == AUTHOR_OK, author.reason[0] == '\0');
            free(exact);
            arena_free(arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_addresses),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_obsolete_forms),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_several_addresses),
        cmocka_unit_test(test_first_address),
        cmocka_unit_test(test_the_distinct_domains_are_told),
        cmocka_unit_test(test_number_of_fields),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_comment_depth),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_domains_that_are_none),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_octets_beyond_ascii),
        cmocka_unit_test(test_encoded_words),
        cmocka_unit_test(test_published_attack_classes),
        cmocka_unit_test(test_number_of_addresses),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_long_domains),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_every_octet_and_every_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
