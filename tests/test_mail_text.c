/* test_mail_text.c - fields, names, addresses and encodings of a mail that we write. */
#include "unit.h"

#include "base64.h"
#include "mail_text.h"

#include <string.h>

enum { ARENA_OCTETS = 1 << 20 };

static struct arena *arena;

typedef void writer(struct strbuf *buf, struct bytes text);

static const char *written(writer *write, struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    write(&buf, text);
    assert_false(arena_failed(arena));
    return strbuf_string(&buf);
}

struct text_case {
    struct bytes text;
    const char *expected;
};

static void check(writer *write, const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(written(write, cases[i].text), cases[i].expected);
}

#define CHECK(write, cases) check(write, cases, sizeof(cases) / sizeof(*(cases)))

/* ---- fields ---- */

static void field(struct strbuf *buf, struct bytes value)
{
    mail_text_field(buf, "Name", value);
}

#define TEN   "aaaaaaaaa "
#define SIXTY TEN TEN TEN TEN TEN TEN

static void test_field(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {BYTES("value"), "Name: value\r\n"},
        {BYTES(""), "Name: \r\n"},
        {BYTES("  a  b  "), "Name: a  b\r\n"},
        /* 76 columns, and one more */
        {BYTES(SIXTY "bbbbbbbbbb"), "Name: " SIXTY "bbbbbbbbbb\r\n"},
        {BYTES(SIXTY "bbbbbbbbbbb"), "Name: aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa "
                                     "aaaaaaaaa\r\n bbbbbbbbbbb\r\n"},
        /* white space is kept, and no line is of white space alone */
        {BYTES(SIXTY "     bbbbbbbbbbb"), "Name: aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa "
                                          "aaaaaaaaa\r\n      bbbbbbbbbbb\r\n"},
        /* nobody begins a line of his own */
        {BYTES("a\r\nBcc: b@example.com"), "Name: a??Bcc: b@example.com\r\n"},
        {BYTES("a\n\nbody\0\t\x7f\x80"), "Name: a??body????\r\n"},
    };
    CHECK(field, cases);
}

static void test_long_word(void **state)
{
    (void)state;
    char word[2000];
    memset(word, 'x', sizeof(word));
    const char *text = written(field, (struct bytes){word, sizeof(word)});
    assert_int_equal(strlen(text), 6 + 2000 + 3 + 3 + 2);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line < 998);
}

static void test_phrase(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {BYTES("Example Org"), "\"Example Org\""},
        {BYTES("A \"B\" \\ <c@d>, e"), "\"A \\\"B\\\" \\\\ <c@d>, e\""},
        {BYTES("B\xc3\xbc"
               "cher"),
         "=?UTF-8?B?QsO8Y2hlcg==?="},
        {BYTES("a\r\nBcc: x"), "\"a  Bcc: x\""},
        {BYTES("a\0b"), "=?UTF-8?B?Ye+/vWI=?="},
        {BYTES("b\xfc"
               "cher"),
         "=?UTF-8?B?Yu+/vWNoZXI=?="},
        {BYTES("=?UTF-8?Q?Bank?="), "=?UTF-8?B?PT9VVEYtOD9RP0Jhbms/PQ==?="},
    };
    CHECK(mail_text_phrase, cases);
}

/* RFC 2047 2 and 5: at most 75 characters a word, 76 a line, no character in two words. */
static void test_encoded_words(void **state)
{
    (void)state;
    char text[301] = "";
    for (int i = 0; i < 100; i++)
        memcpy(text + (size_t)i * 3, "\xe2\x82\xac", 3); /* the euro sign */
    struct bytes view = {text, 300};
    const char *words = written(mail_text_unstructured, view);
    struct strbuf back;
    strbuf_init(&back, arena);
    for (struct bytes rest = bytes_of(words); rest.len;) {
        struct bytes word = bytes_slice(rest, 0, bytes_find(rest, ' '));
        rest = bytes_slice(rest, word.len + 1, rest.len);
        assert_true(word.len <= 75);
        uint8_t *octets;
        size_t len;
        assert_true(base64_decode(arena, bytes_slice(word, 10, word.len - 12), &octets, &len));
        assert_int_equal(len % 3, 0);
        strbuf_add(&back, octets, len);
    }
    assert_true(bytes_equal(strbuf_view(&back), view));
    const char *folded = written(field, bytes_of(words));
    for (const char *line = folded; *line; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\r') - line <= 76);
}

static void test_unstructured(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {BYTES("Report Domain: example.com"), "Report Domain: example.com"},
        {BYTES("\xc3\xbc"), "=?UTF-8?B?w7w=?="},
        {BYTES("a =?b?= c"), "=?UTF-8?B?YSA9P2I/PSBj?="},
    };
    CHECK(mail_text_unstructured, cases);
}

/* ---- addresses ---- */

static void address(struct strbuf *buf, struct bytes text)
{
    if (!mail_text_address(buf, text)) {
        assert_int_equal(buf->len, 0);
        strbuf_puts(buf, "none");
    }
}

static void test_address(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {BYTES("dmarc@example.com"), "dmarc@example.com"},
        {BYTES("a.b+c=d/e!f@Example.COM"), "a.b+c=d/e!f@example.com"},
        {BYTES("\"a b\"@example.com"), "\"a b\"@example.com"},
        {BYTES("\"a@b\\\"\"@example.com"), "\"a@b\\\"\"@example.com"},
        {BYTES("a@b\xc3\xbc"
               "cher.example"),
         "a@xn--bcher-kva.example"},
        {BYTES("\xc3\xbc@example.com"), "none"},
        {BYTES(""), "none"},
        {BYTES("@example.com"), "none"},
        {BYTES("a@"), "none"},
        {BYTES("example.com"), "none"},
        {BYTES("a b@example.com"), "none"},
        {BYTES("a@[192.0.2.1]"), "none"},
        {BYTES("a@b@example.com"), "none"},
        {BYTES("<a@example.com>"), "none"},
        {BYTES("a@example.com, b@example.com"), "none"},
        {BYTES("a@example.com\r\nDATA"), "none"},
        {BYTES("a\r\nBcc: b@example.com"), "none"},
        {BYTES("\"a\r\nb\"@example.com"), "none"},
        {BYTES("\"a\" b@example.com"), "none"},
        {BYTES("\"a@example.com"), "none"},
        {BYTES(".a@example.com"), "none"},
        {BYTES("a.@example.com"), "none"},
        {BYTES("a@example.com\0"), "none"},
        {BYTES("a(comment)@example.com"), "none"},
    };
    CHECK(address, cases);
    char longest[MAIL_TEXT_ADDRESS_MAX + 2] = "";
    memset(longest, 'a', sizeof(longest) - 1);
    memcpy(longest + sizeof(longest) - 1 - 4, "@b.c", 4);
    assert_string_equal(written(address, bytes_of(longest)), "none");
    assert_string_equal(written(address, bytes_of(longest + 1)), longest + 1);
}

static void token(struct strbuf *buf, struct bytes text)
{
    mail_text_token(buf, text, 10);
}

static void test_token(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {BYTES("a-b.c_D9"), "a-b.c_D9"},
        {BYTES("a!b\"\r\n\0\xff/"), "a_b______"},
        {BYTES("0123456789x"), "0123456789"},
    };
    CHECK(token, cases);
}

/* ---- date and encodings ---- */

static void test_date(void **state)
{
    (void)state;
    static const struct {
        int64_t time;
        const char *expected;
    } cases[] = {
        {0, "Thu, 1 Jan 1970 00:00:00 +0000"},
        {1795342320, "Sun, 22 Nov 2026 10:12:00 +0000"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {-5, "Thu, 1 Jan 1970 00:00:00 +0000"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf buf;
        strbuf_init(&buf, arena);
        mail_text_date(&buf, cases[i].time);
        assert_string_equal(strbuf_string(&buf), cases[i].expected);
    }
}

static void test_base64(void **state)
{
    (void)state;
    char octets[200];
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (char)i;
    for (size_t len = 0; len <= sizeof(octets); len++) {
        struct bytes view = {octets, len};
        const char *text = written(mail_text_base64, view);
        assert_int_equal(strlen(text), mail_text_base64_length(len));
        for (const char *line = text; *line; line = strchr(line, '\n') + 1)
            assert_true(strchr(line, '\r') - line <= 76);
        uint8_t *back;
        size_t back_len;
        assert_true(base64_decode(arena, bytes_of(text), &back, &back_len));
        assert_true(bytes_equal((struct bytes){(char *)back, back_len}, view));
    }
}

static void test_quoted_printable(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {BYTES("a b\n"), "a b\r\n"},
        {BYTES("a=b"), "a=3Db"},
        {BYTES("\xc3\xbc"), "=C3=BC"},
        {BYTES("a \n\tb\t\n "), "a=20\r\n=09b=09\r\n=20"},
        {BYTES("a\r\nb\0"), "a=0D\r\nb=00"},
        {BYTES(SIXTY "0123456789abcdef"), SIXTY "0123456789abcdef"},
        {BYTES(SIXTY "0123456789abcdef\n"), SIXTY "0123456789abcdef\r\n"},
        {BYTES(SIXTY "0123456789abcdefg"), SIXTY "0123456789abcde=\r\nfg"},
        {BYTES(SIXTY "0123456789abcd\xc3"), SIXTY "0123456789abcd=\r\n=C3"},
        {BYTES(SIXTY "0123456789abc\xc3"), SIXTY "0123456789abc=C3"},
        {BYTES(SIXTY "0123456789abc\xc3\xbc"), SIXTY "0123456789abc=\r\n=C3=BC"},
    };
    CHECK(mail_text_quoted_printable, cases);
}

static void test_reserve(void **state)
{
    (void)state;
    struct arena *small = arena_new(100000);
    struct strbuf buf;
    strbuf_init(&buf, small);
    mail_text_reserve(&buf, 90000); /* by doubling it would not fit */
    for (int i = 0; i < 90000; i++)
        strbuf_putc(&buf, 'x');
    assert_int_equal(buf.len, 90000);
    assert_false(arena_failed(small));
    strbuf_init(&buf, small);
    mail_text_reserve(&buf, 90000);
    assert_true(arena_failed(small));
    arena_free(small);
}

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new(ARENA_OCTETS);
    return arena ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_field),        TEST(test_long_word),
        TEST(test_phrase),       TEST(test_encoded_words),
        TEST(test_unstructured), TEST(test_address),
        TEST(test_token),        TEST(test_date),
        TEST(test_base64),       TEST(test_quoted_printable),
        TEST(test_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
