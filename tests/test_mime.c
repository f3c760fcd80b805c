/* test_mime.c - mails of strangers, read: headers, values with parameters, parts, contents. */
#include "mime.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 << 20 };

/* ---- header fields ---- */

static void test_header(void **state)
{
    static const char text[] = "From someone Mon Jan  1 00:00:00 2026\r\n"
                               "Subject: one\r\n"
                               "X-Long:  a\r\n b\r\n\tc \r\n"
                               "empty:\r\n"
                               "blank : x\r\n"
                               "subject: two\r\n"
                               "\r\n"
                               "body\r\n";
    static const struct {
        const char *name, *value;
    } expected[] = {{"Subject", "one"},
                    {"X-Long", "a b\tc"},
                    {"empty", ""},
                    {"blank", "x"},
                    {"subject", "two"}};
    struct arena *arena = arena_new(MEMORY);
    struct mime_header header;
    struct bytes value;
    size_t count = 0;
    (void)state;
    assert_bytes(mime_header_read(arena, bytes_of(text), &header), "body\r\n");
    for (const struct mime_field *field = header.fields; field; field = field->next, count++) {
        assert_bytes(field->name, expected[count].name);
        assert_bytes(field->value, expected[count].value);
    }
    assert_int_equal(count, sizeof(expected) / sizeof(expected[0]));
    assert_int_equal(header.count, count);
    assert_true(mime_header_find(&header, "SUBJECT", &value));
    assert_bytes(value, "one");
    assert_false(mime_header_find(&header, "To", &value));
    assert_bytes(value, "");
    arena_free(arena);
}

/* What stands in front of the body, when it is not an empty line. */
static void test_header_ends(void **state)
{
    static const struct {
        const char *text, *rest;
        size_t fields;
    } cases[] = {
        {"", "", 0},
        {"\n", "", 0},
        {"\r\nx: y\n", "x: y\n", 0},
        {"a: b", "", 1},
        {"a: b\n", "", 1},
        {"a: b\n\nc", "c", 1},
        {"a: b\nno field\nc: d\n", "no field\nc: d\n", 1},
        {"text alone", "text alone", 0},
        {" folded: at once\n", " folded: at once\n", 0},
        {": no name\n", ": no name\n", 0},
        {"na me: x\n", "na me: x\n", 0},
        {"a: b\n \n \n\nc", "c", 1},
        {">From x Mon\na: b\n\nc", "c", 1},
        {"From : a@example.com\n\nc", "c", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(MEMORY);
        struct mime_header header;
        assert_bytes(mime_header_read(arena, bytes_of(cases[i].text), &header), cases[i].rest);
        assert_int_equal(header.count, cases[i].fields);
        arena_free(arena);
    }
}

/* RFC 3464 2.1: groups of fields with an empty line in between. */
static void test_header_groups(void **state)
{
    struct arena *arena = arena_new(MEMORY);
    struct mime_header header;
    struct bytes rest =
        BYTES("Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b\nAction: failed\n"
              "\nFinal-Recipient: rfc822; c\n");
    (void)state;
    rest = mime_header_read(arena, rest, &header);
    assert_int_equal(header.count, 1);
    rest = mime_header_read(arena, rest, &header);
    assert_int_equal(header.count, 2);
    rest = mime_header_read(arena, rest, &header);
    assert_int_equal(header.count, 1);
    assert_int_equal(rest.len, 0);
    arena_free(arena);
}

/* ---- values ---- */

static void test_value_head(void **state)
{
    static const struct {
        const char *value, *head;
    } cases[] = {
        {"text/plain", "text/plain"},
        {"Text/XML; charset=utf-8", "text/xml"},
        {" (a comment) text / plain (another; one) ; x=y", "text/plain"},
        {"attachment", "attachment"},
        {"attachment; filename=x", "attachment"},
        {"", ""},
        {";", ""},
        {"; x=y", ""},
        {"text/plain (not closed", "text/plain"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(MEMORY);
        assert_bytes(mime_value_head(arena, bytes_of(cases[i].value)), cases[i].head);
        arena_free(arena);
    }
}

static void test_value_parameter(void **state)
{
    static const struct {
        const char *value, *name, *expected; /* NULL: there is none */
    } cases[] = {
        {"text/plain; charset=utf-8", "charset", "utf-8"},
        {"text/plain; CharSet=\"utf-8\"", "charset", "utf-8"},
        {"text/plain;charset=utf-8;x=y", "x", "y"},
        {"text/plain ; charset = utf-8 (a comment) ; x=y", "x", "y"},
        {"text/plain; charset=utf-8", "boundary", NULL},
        {"text/plain", "charset", NULL},
        {"a/b; x=\"a \\\"quoted\\\" one\"", "x", "a \"quoted\" one"},
        {"a/b; x=\"a;b=c\"; b=d", "b", "d"},
        {"a/b; x=one; x=two", "x", "one"},
        {"a/b; x=", "x", ""},
        {"a/b; x=\"\"", "x", ""},
        /* outside the grammar, but understood */
        {"multipart/mixed; boundary=----=_Part/1:2", "boundary", "----=_Part/1:2"},
        {"a/b; name=google.com!example.com!1!2.zip", "name", "google.com!example.com!1!2.zip"},
        {"a/b; nonsense; x=y", "x", "y"},
        {"a/b; x=\"not closed; y=z", "x", NULL},
        {"a/b; x=\"not closed; y=z", "y", "z"},
        {"a/b;;; x=y;", "x", "y"},
        {"a/b; =y; x=z", "x", "z"},
        /* RFC 2231 3, 4, 4.1: its own examples, shortened */
        {"message/external-body; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub\"", "url",
         "ftp://cs.utk.edu/pub"},
        {"a/x; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title",
         "This is ***fun***"},
        {"a/x; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20;"
         " title*2=\"isn't it!\"",
         "title", "This is even more ***fun*** isn't it!"},
        {"a/x; n*1=b; n*0=a", "n", "ab"},
        {"a/x; n*0=a; n*2=c", "n", "a"},
        {"a/x; n*1=b", "n", NULL},
        {"a/x; n=plain; n*=utf-8''better", "n", "better"},
        {"a/x; n*=utf-8''%c3%a9", "n", "\xc3\xa9"},
        {"a/x; n*=iso-8859-1''%e9", "n", "\xc3\xa9"},
        {"a/x; n*=utf-8''%e9", "n", "\xef\xbf\xbd"},
        {"a/x; n*=utf-8''a%0d%0ab%00", "n", "a  b\xef\xbf\xbd"},
        {"a/x; n*=no-quotes%41", "n", "no-quotesA"},
        {"a/x; n*=''%4", "n", "%4"},
        {"a/x; n*100=x; n*-1=x; n*x=y", "n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(MEMORY);
        struct bytes out;
        bool found = mime_value_parameter(arena, bytes_of(cases[i].value), cases[i].name, &out);
        if (found != (cases[i].expected != NULL))
            fail_msg("%s: found %d", cases[i].value, found);
        assert_bytes(out, cases[i].expected ? cases[i].expected : "");
        arena_free(arena);
    }
}

static void test_text(void **state)
{
    static const struct {
        const char *value, *text;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"=?utf-8?q?caf=C3=A9?=", "caf\xc3\xa9"},
        {"=?UTF-8?B?UmVwb3J0?= x", "Report x"},
        {"=?ISO-8859-1?Q?a_b=E9?=", "a b\xc3\xa9"},
        {"=?utf-8*en?q?a?=", "a"},
        /* RFC 2047 8 */
        {"=?ISO-8859-1?Q?a?= b", "a b"},
        {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
        {"=?ISO-8859-1?Q?a?=  \t=?ISO-8859-1?Q?b?= c", "ab c"},
        {"=?ISO-8859-1?Q?a_b?=", "a b"},
        /* not encoded words */
        {"=?utf-8?q?open", "=?utf-8?q?open"},
        {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
        {"a = b == c", "a = b == c"},
        {"=?==?=?", "=?==?=?"},
        /* strangers */
        {"a\x01\x7f"
         "b\tc",
         "a\xef\xbf\xbd\xef\xbf\xbd"
         "b c"},
        {"\x1b[31m", "\xef\xbf\xbd[31m"},
        {"\xc2\x9b"
         "31m",
         "\xef\xbf\xbd"
         "31m"},
        {"\xe2\x80\xae"
         "x",
         "\xef\xbf\xbd"
         "x"},
        {"\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"=?utf-8?q?=00=0A?=", "\xef\xbf\xbd "},
        {"=?koi8-r?q?a=C1?=", "a\xef\xbf\xbd"},
        {"=?windows-1252?q?=80=E9?=", "\xef\xbf\xbd\xc3\xa9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(MEMORY);
        assert_bytes(mime_text(arena, bytes_of(cases[i].value)), cases[i].text);
        arena_free(arena);
    }
}

/* A bound never cuts a character in two. */
static void test_clean_bound(void **state)
{
    (void)state;
    for (size_t max = 0; max < 20; max++) {
        struct arena *arena = arena_new(MEMORY);
        struct strbuf out;
        strbuf_init(&out, arena);
        mime_clean(&out, BYTES("a\xc3\xa9\xf0\x9f\x98\x80\xff\xe2\x82\xac"), BYTES_EMPTY, max);
        assert_true(out.len <= max);
        struct strbuf again;
        strbuf_init(&again, arena);
        mime_clean(&again, strbuf_view(&out), BYTES_EMPTY, 100);
        assert_bytes(strbuf_view(&again), strbuf_string(&out));
        arena_free(arena);
    }
}

/* ---- parts ---- */

/* Each part as "depth type name [content] ", in one line. */
static const char *outline(struct arena *arena, struct bytes mail)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    for (struct mime_part *part = mime_read(arena, mail, NULL); part; part = part->next) {
        struct bytes content;
        bool leaf = !part->next || part->next->parent != part;
        strbuf_printf(&out, "%u %.*s", part->depth, BYTES_ARGS(part->type));
        if (part->file_name.len)
            strbuf_printf(&out, " <%.*s>", BYTES_ARGS(part->file_name));
        if (leaf && mime_decode(arena, part, &content))
            strbuf_printf(&out, " [%.*s]", BYTES_ARGS(content));
        strbuf_puts(&out, "; ");
    }
    return strbuf_string(&out);
}

static void test_parts(void **state)
{
    static const struct {
        const char *mail, *outline;
    } cases[] = {
        {"", "0 text/plain []; "},
        {"Subject: x\n\nbody\n", "0 text/plain [body\n]; "},
        {"Content-Type: text/html\n\n<p>", "0 text/html [<p>]; "},
        {"Content-Type: text\n\nx", "0 text/plain [x]; "},
        {"Content-Type: application/zip; name=\"a.zip\"\nContent-Transfer-Encoding: BASE64\n\n"
         "QUJD\n",
         "0 application/zip <a.zip> [ABC]; "},
        {"Content-Type: a/b; name=c\nContent-Disposition: attachment; filename=\"d\"\n\n",
         "0 a/b <d> []; "},
        {"Content-Type: multipart/mixed; boundary=x\n\npreamble\n--x\n\none\n--x\n"
         "Content-Type: text/xml\n\ntwo\r\n--x--\nepilogue\n--x\n\nthree",
         "0 multipart/mixed; 1 text/plain [one]; 1 text/xml [two]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x  \t\n\none\n--xy\n--x-\n--x--  \n",
         "0 multipart/mixed; 1 text/plain [one\n--xy\n--x-]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nnot closed",
         "0 multipart/mixed; 1 text/plain [not closed]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\n--x--\n",
         "0 multipart/mixed [--x\n--x--\n]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\nb\n--x--\n",
         "0 multipart/mixed; 1 text/plain []; 1 text/plain [b]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x--\n\none\n--x\n\n",
         "0 multipart/mixed [--x--\n\none\n--x\n\n]; "},
        {"Content-Type: multipart/mixed\n\n--\n\nno boundary\n", "0 multipart/mixed [--\n\nno "
                                                                 "boundary\n]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\n"
         "Content-Type: multipart/alternative; boundary=y\n\n--y\n\na\n--y\n\nb\n--y--\n--x\n\nc\n"
         "--x--",
         "0 multipart/mixed; 1 multipart/alternative; 2 text/plain [a]; 2 text/plain [b]; "
         "1 text/plain [c]; "},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\n"
         "Subject: inner\nContent-Type: text/xml\n\n<a/>\n--x--\n",
         "0 multipart/mixed; 1 message/rfc822; 2 text/xml [<a/>]; "},
        {"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
         "U3ViamVjdDogeAoKYm9keQ==\n",
         "0 message/rfc822; 1 text/plain [body]; "},
        {"Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: a\n\nb\n--x--\n",
         "0 multipart/digest; 1 message/rfc822; 2 text/plain [b]; "},
        {"Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nx", "0 text/plain; "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(MEMORY);
        const char *got = outline(arena, bytes_of(cases[i].mail));
        if (strcmp(got, cases[i].outline) != 0)
            fail_msg("case %zu: %s, wanted %s", i, got, cases[i].outline);
        arena_free(arena);
    }
}

static void test_decode(void **state)
{
    static const struct {
        const char *encoding, *content, *decoded; /* NULL: fails */
    } cases[] = {
        {"7bit", "a=41\n", "a=41\n"},
        {"8BIT (why not)", "\xff", "\xff"},
        {"binary", "x", "x"},
        {"base64", "QUJD", "ABC"},
        {"base64", "Q U\r\nJ\tD\r\n", "ABC"},
        {"base64", "QQ==", "A"},
        {"base64", "QQ", "A"},
        {"base64", "QUI=QUI=", "AB"},
        {"base64", "QUJD*!QUJD", "ABCABC"},
        {"base64", "QUJDQ", "ABC"},
        {"base64", "", ""},
        {"base64", "====", ""},
        {"Quoted-Printable", "a=3Db=\r\nc=20=3d", "a=bc ="},
        {"quoted-printable", "soft=  \nbreak=\n", "softbreak"},
        {"quoted-printable", "bad=zz =4 =", "bad=zz =4 ="},
        {"quoted-printable", "under_score", "under_score"},
        {"uuencode", "x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(MEMORY);
        struct bytes content;
        const char *mail = arena_printf(arena, "Content-Transfer-Encoding: %s\n\n%s",
                                        cases[i].encoding, cases[i].content);
        const struct mime_part *part = mime_read(arena, bytes_of(mail), NULL);
        assert_int_equal(mime_decode(arena, part, &content), cases[i].decoded != NULL);
        assert_bytes(content, cases[i].decoded ? cases[i].decoded : "");
        arena_free(arena);
    }
}

/* ---- bounds ---- */

static void test_depth(void **state)
{
    struct arena *arena = arena_new(MEMORY);
    struct strbuf mail;
    unsigned deepest = 0;
    bool cut = false;
    (void)state;
    strbuf_init(&mail, arena);
    for (int i = 0; i < 10000; i++)
        strbuf_puts(&mail, "Content-Type: message/rfc822\n\n");
    for (struct mime_part *part = mime_read(arena, strbuf_view(&mail), &cut); part;
         part = part->next)
        deepest = part->depth;
    assert_int_equal(deepest, MIME_DEPTH_MAX);
    assert_true(cut);
    arena_free(arena);
}

static void test_many_parts(void **state)
{
    struct arena *arena = arena_new(MEMORY);
    struct strbuf mail;
    size_t count = 0;
    bool cut = false;
    (void)state;
    strbuf_init(&mail, arena);
    strbuf_puts(&mail, "Content-Type: multipart/mixed; boundary=x\n\n");
    for (int i = 0; i < 100000; i++)
        strbuf_puts(&mail, "--x\n");
    for (struct mime_part *part = mime_read(arena, strbuf_view(&mail), &cut); part;
         part = part->next)
        count++;
    assert_int_equal(count, MIME_PARTS_MAX);
    assert_true(cut);
    arena_free(arena);
}

static void test_many_fields(void **state)
{
    struct arena *arena = arena_new(MEMORY);
    struct mime_header header;
    struct strbuf text;
    (void)state;
    strbuf_init(&text, arena);
    for (int i = 0; i < 100000; i++)
        strbuf_puts(&text, "a:\n");
    strbuf_puts(&text, "\nbody");
    assert_bytes(mime_header_read(arena, strbuf_view(&text), &header), "body");
    assert_int_equal(header.count, MIME_FIELDS_MAX);
    arena_free(arena);
}

static void test_long_parameter(void **state)
{
    struct arena *arena = arena_new(MEMORY);
    struct strbuf value;
    struct bytes out;
    (void)state;
    strbuf_init(&value, arena);
    strbuf_puts(&value, "a/b");
    for (int i = 0; i < 200; i++) {
        strbuf_printf(&value, "; n*%d*=", i);
        for (int octet = 0; octet < 1000; octet++)
            strbuf_puts(&value, "%61");
    }
    assert_true(mime_value_parameter(arena, strbuf_view(&value), "n", &out));
    assert_true(out.len > 0 && out.len <= MIME_PARAMETER_MAX);
    arena_free(arena);
}

/* Every shortened form of a mail is read, from a block of exactly that size; and nothing is taken
 * from outside of it (AddressSanitizer would tell). */
static void test_truncated(void **state)
{
    static const char mail[] =
        "From a@b Mon\r\nSubject: =?utf-8?B?UmVwb3J0?=\r\n =?utf-8?q?=41?=\r\n"
        "Content-Type: multipart/mixed;\r\n boundary*0=\"x\"; boundary*1*=%79\r\n\r\n--xy\r\n"
        "Content-Type: message/rfc822\r\n\r\nContent-Type: text/xml\r\n"
        "Content-Disposition: attachment; filename*=utf-8''%41%\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\na=3D=\r\n--xy\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nQUJD=\r\n--xy--\r\n";
    (void)state;
    for (size_t len = 0; len < sizeof(mail); len++) {
        struct arena *arena = arena_new(MEMORY);
        char *block = malloc(len ? len : 1);
        assert_non_null(block);
        memcpy(block, mail, len);
        outline(arena, (struct bytes){block, len});
        assert_false(arena_failed(arena));
        free(block);
        arena_free(arena);
    }
}

/* With ever more memory: no failure but the arena's. */
static void test_out_of_memory(void **state)
{
    static const char mail[] = "Subject: a\n b\nContent-Type: multipart/mixed; boundary=\"\\x\"\n\n"
                               "--x\nContent-Transfer-Encoding: base64\n\nQUJD\n--x--\n";
    bool failed = true;
    (void)state;
    for (size_t limit = 0; failed; limit += 16) {
        struct arena *arena = arena_new(limit);
        outline(arena, bytes_of(mail));
        failed = arena_failed(arena);
        arena_free(arena);
        assert_true(limit < 1 << 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),          cmocka_unit_test(test_header_ends),
        cmocka_unit_test(test_header_groups),   cmocka_unit_test(test_value_head),
        cmocka_unit_test(test_value_parameter), cmocka_unit_test(test_text),
        cmocka_unit_test(test_clean_bound),     cmocka_unit_test(test_parts),
        cmocka_unit_test(test_decode),          cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_parts),      cmocka_unit_test(test_many_fields),
        cmocka_unit_test(test_long_parameter),  cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
