/* test_rfc5322.c - the lexical rules of RFC 5322 3.2 and RFC 2045 5.1. */
#include "rfc5322.h"

#include "bounds.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { FAILS = -1 };

/* How many octets of text a rule takes; FAILS when it cannot be completed. */
static int taken(struct bytes text, void (*rule)(struct cursor *))
{
    struct cursor cursor = cursor_of(text);
    rule(&cursor);
    return cursor.failed ? FAILS : (int)(text.len - cursor_rest(&cursor).len);
}

struct row {
    struct bytes text;
    int taken;
};

static void check_rows(void (*rule)(struct cursor *), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = taken(rows[i].text, rule);
        if (got != rows[i].taken)
            fail_msg("<%.*s>: took %d, wanted %d", BYTES_ARGS(rows[i].text), got, rows[i].taken);
    }
}

#define CHECK_ROWS(rule, rows) check_rows(rule, rows, sizeof(rows) / sizeof(rows[0]))

static void take_atom(struct cursor *cursor)
{
    rfc5322_atom(cursor);
}

static void take_dot_atom(struct cursor *cursor)
{
    rfc5322_dot_atom(cursor);
}

static void take_token(struct cursor *cursor)
{
    rfc5322_token(cursor);
}

static void take_quoted_string(struct cursor *cursor)
{
    rfc5322_quoted_string(cursor);
}

static void take_literal(struct cursor *cursor)
{
    rfc5322_domain_literal(cursor);
}

static void test_white_space(void **state)
{
    static const struct row rows[] = {
        {BYTES(""), 0},          {BYTES("x"), 0},        {BYTES(" \t x"), 3},
        {BYTES("\r\n x"), 3},    {BYTES("\n\tx"), 2},    {BYTES(" \r\n \n x"), 6},
        {BYTES("\r\n"), 2},      {BYTES("\n"), 1},       {BYTES("\r\nx"), 0},
        {BYTES("\nx"), 0},       {BYTES("\r x"), 0},     {BYTES("\r"), 0},
        {BYTES(" \r\r\n x"), 1}, {BYTES("\n\n x"), 0},   {BYTES("(c)"), 0},
        {BYTES("\v\f"), 0},      {BYTES("\xc2\xa0"), 0}, /* no-break space is no space here */
    };
    (void)state;
    CHECK_ROWS(rfc5322_skip_fws, rows);
}

static void test_comments(void **state)
{
    static const struct row rows[] = {
        {BYTES("(c)x"), 3},       {BYTES(" (c) (d)\r\n (e) x"), 15},
        {BYTES("()"), 2},         {BYTES("(a(b)c)x"), 7},
        {BYTES("(\\))x"), 4},     {BYTES("(\\()x"), 4},
        {BYTES("(\\\\)x"), 4},    {BYTES("(\")x"), 3},
        {BYTES("(a\r\n b)x"), 7}, {BYTES("(\xfc\xff)x"), 4},
        {BYTES("(c)("), FAILS},   {BYTES("("), FAILS},
        {BYTES("(a"), FAILS},     {BYTES("((a)"), FAILS},
        {BYTES("(\\)"), FAILS},   {BYTES("(\\"), FAILS},
        {BYTES("(\0)"), FAILS},   {BYTES("(\\\0)"), FAILS},
        {BYTES("(\x7f)"), FAILS}, {BYTES("(a\rb)"), FAILS},
        {BYTES("(a\nb)"), FAILS}, {BYTES("(\\\n)"), FAILS},
    };
    (void)state;
    CHECK_ROWS(rfc5322_skip_cfws, rows);
}

static void test_comment_depth(void **state)
{
    char text[2 * (COMMENT_DEPTH_MAX + 1)];
    (void)state;
    memset(text, '(', COMMENT_DEPTH_MAX);
    memset(text + COMMENT_DEPTH_MAX, ')', COMMENT_DEPTH_MAX);
    assert_int_equal(taken((struct bytes){text, 2 * COMMENT_DEPTH_MAX}, rfc5322_skip_cfws),
                     2 * COMMENT_DEPTH_MAX);
    memset(text, '(', COMMENT_DEPTH_MAX + 1);
    memset(text + COMMENT_DEPTH_MAX + 1, ')', COMMENT_DEPTH_MAX + 1);
    assert_int_equal(taken((struct bytes){text, sizeof(text)}, rfc5322_skip_cfws), FAILS);
}

static void test_atoms(void **state)
{
    static const struct row atoms[] = {
        {BYTES("abc.def"), 3},
        {BYTES("!#$%&'*+-/=?^_`{|}~09azAZ@"), 25},
        {BYTES("b\xc3\xbc\xff.x"), 4},
        {BYTES(""), 0},
        {BYTES(" a"), 0},
        {BYTES("a\0b"), 1},
        {BYTES("a\x7f"), 1},
    };
    static const struct row dot_atoms[] = {
        {BYTES("abc.def.g"), 9}, {BYTES("abc"), 3}, {BYTES("abc."), 3},   {BYTES("a..b"), 1},
        {BYTES(".a"), 0},        {BYTES(""), 0},    {BYTES("a.b. c"), 3}, {BYTES("a.b@c"), 3},
    };
    static const char specials[] = "()<>[]:;@\\,.\"";
    (void)state;
    CHECK_ROWS(take_atom, atoms);
    CHECK_ROWS(take_dot_atom, dot_atoms);
    for (size_t i = 0; i < sizeof(specials); i++) /* its NUL too */
        assert_false(rfc5322_is_atext((unsigned char)specials[i]));
    assert_false(rfc5322_is_atext(-1));
}

static void test_tokens(void **state)
{
    static const struct row rows[] = {
        {BYTES("mx.example.org;"), 14},
        {BYTES("a!#$%&'*+-.^_`{|}~"), 18},
        {BYTES("a/b"), 1},
        {BYTES("a=b"), 1},
        {BYTES("a?b"), 1},
        {BYTES("a b"), 1},
        {BYTES("\xc3\xbc"), 2},
        {BYTES("a\0"), 1},
        {BYTES("\"a\""), 0},
    };
    static const char tspecials[] = "()<>@,;:\\\"/[]?=";
    (void)state;
    CHECK_ROWS(take_token, rows);
    for (size_t i = 0; i < sizeof(tspecials); i++)
        assert_false(rfc5322_is_token((unsigned char)tspecials[i]));
    assert_false(rfc5322_is_token(-1));
    assert_false(rfc5322_is_token(0x7f));
}

static void test_quoted_strings(void **state)
{
    static const struct row rows[] = {
        {BYTES("\"\"x"), 2},        {BYTES("\"a b\"x"), 5},       {BYTES("\"a\\\"b\"x"), 6},
        {BYTES("\"a\\\\\"x"), 5},   {BYTES("\"a\r\n b\"x"), 7},   {BYTES("\"(\"x"), 3},
        {BYTES("\"\xfc\"x"), 3},    {BYTES("\"a\\ b\""), 6},      {BYTES("\"a"), FAILS},
        {BYTES("\"a\\\""), FAILS},  {BYTES("\"\\"), FAILS},       {BYTES("\"\0\""), FAILS},
        {BYTES("\"\\\0\""), FAILS}, {BYTES("\"\x1b\""), FAILS},   {BYTES("\"\x7f\""), FAILS},
        {BYTES("\"a\nb\""), FAILS}, {BYTES("\"a\rb\""), FAILS},   {BYTES("a"), FAILS},
        {BYTES(""), FAILS},         {BYTES("\"\\\r\n\""), FAILS},
    };
    (void)state;
    CHECK_ROWS(take_quoted_string, rows);
}

static void test_what_a_quoted_string_means(void **state)
{
    static const struct {
        const char *text, *meaning;
    } rows[] = {
        {"\"\"", ""},
        {"\"a b\"", "a b"},
        {"\" a\t b \"", " a\t b "},
        {"\"a\\\"b\\\\c\\d\"", "a\"b\\cd"},
        {"\"a\r\n b\n\tc\"", "a b\tc"},
        {"\"\xc3\xbc\"", "\xc3\xbc"},
    };
    struct arena *arena = arena_new(4096);
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cursor cursor = cursor_of(bytes_of(rows[i].text));
        struct bytes meaning = rfc5322_unquote(arena, rfc5322_quoted_string(&cursor));
        assert_true(cursor_at_end(&cursor) && !cursor.failed);
        assert_true(bytes_equal(meaning, bytes_of(rows[i].meaning)));
    }
    assert_int_equal(rfc5322_unquote(arena, BYTES("a\\")).len, 2); /* no quoted-pair */
    arena_free(arena);
    arena = arena_new(0);
    assert_int_equal(rfc5322_unquote(arena, BYTES("a\\b")).len, 0);
    assert_true(arena_failed(arena));
    arena_free(arena);
}

static void test_domain_literals(void **state)
{
    static const struct row rows[] = {
        {BYTES("[192.0.2.1]x"), 11}, {BYTES("[]"), 2},       {BYTES("[ 1\r\n 2 ]"), 9},
        {BYTES("[\\]]"), 4},         {BYTES("["), FAILS},    {BYTES("[1"), FAILS},
        {BYTES("[[]]"), FAILS},      {BYTES("[\0]"), FAILS}, {BYTES("[\\"), FAILS},
        {BYTES("1]"), FAILS},
    };
    (void)state;
    CHECK_ROWS(take_literal, rows);
}

static void test_a_failed_cursor_stays_where_it_is(void **state)
{
    struct cursor cursor = cursor_of(BYTES(" (a) abc\"x\""));
    (void)state;
    cursor_fail(&cursor);
    rfc5322_skip_fws(&cursor);
    rfc5322_skip_cfws(&cursor);
    assert_int_equal(rfc5322_atom(&cursor).len, 0);
    assert_int_equal(rfc5322_dot_atom(&cursor).len, 0);
    assert_int_equal(rfc5322_token(&cursor).len, 0);
    assert_int_equal(rfc5322_quoted_string(&cursor).len, 0);
    assert_int_equal(rfc5322_domain_literal(&cursor).len, 0);
    assert_true(cursor.failed);
}

static void test_utf8(void **state)
{
    static const struct {
        struct bytes text;
        size_t len;
    } rows[] = {
        {BYTES("a"), 1},
        {BYTES("\0"), 1},
        {BYTES("\x7f"), 1},
        {BYTES("\xc2\x80"), 2},
        {BYTES("\xdf\xbf"), 2},
        {BYTES("\xe0\xa0\x80"), 3},
        {BYTES("\xed\x9f\xbf"), 3},
        {BYTES("\xee\x80\x80"), 3},
        {BYTES("\xef\xbf\xbf"), 3},
        {BYTES("\xf0\x90\x80\x80"), 4},
        {BYTES("\xf4\x8f\xbf\xbf"), 4},
        {BYTES(""), 0},
        {BYTES("\x80"), 0},
        {BYTES("\xbf"), 0},
        {BYTES("\xc0\x80"), 0},
        {BYTES("\xc1\xbf"), 0},
        {BYTES("\xe0\x9f\xbf"), 0},
        {BYTES("\xed\xa0\x80"), 0},
        {BYTES("\xf0\x8f\xbf\xbf"), 0},
        {BYTES("\xf4\x90\x80\x80"), 0},
        {BYTES("\xf5\x80\x80\x80"), 0},
        {BYTES("\xff"), 0},
        {BYTES("\xc3"), 0},
        {BYTES("\xc3("), 0},
        {BYTES("\xe2\x82"), 0},
        {BYTES("\xe2\x82("), 0},
        {BYTES("\xf0\x90\x80"), 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *exact = malloc(rows[i].text.len + 1); /* nothing readable behind, for ASAN */
        memcpy(exact + 1, rows[i].text.data, rows[i].text.len);
        assert_int_equal(rfc5322_utf8_length((struct bytes){exact + 1, rows[i].text.len}),
                         rows[i].len);
        free(exact);
    }
    assert_true(rfc5322_is_utf8(BYTES("")));
    assert_true(rfc5322_is_utf8(BYTES("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z")));
    assert_false(rfc5322_is_utf8(BYTES("abc\xfc")));
    assert_false(rfc5322_is_utf8(BYTES("\xc3\xbc\xc3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_white_space),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_comment_depth),
        cmocka_unit_test(test_atoms),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_quoted_strings),
        cmocka_unit_test(test_what_a_quoted_string_means),
        cmocka_unit_test(test_domain_literals),
        cmocka_unit_test(test_a_failed_cursor_stays_where_it_is),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
