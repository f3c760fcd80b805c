/* test_sendmail_form.c - address fields as Sendmail 8.17 was seen to send them on
 * (tests/integration/test_signing.py sends some of them through the real one). */
#include "sendmail_form.h"
#include "unit.h"

#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Runs of white space count as one, as they do where it is used. */
static const char *squeezed(struct bytes text)
{
    char *out = arena_copy(arena, text.data, text.len);
    size_t len = 0;
    text = bytes_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        bool space = strchr(" \t\r\n", text.data[i]);
        if (!space)
            out[len++] = text.data[i];
        else if (len && out[len - 1] != ' ')
            out[len++] = ' ';
    }
    out[len] = '\0';
    return out;
}

static const struct {
    const char *received, *sent; /* NULL: the same */
} fields[] = {
    /* nothing to do */
    {"a@x.example", NULL},
    {"A B <a@x.example>", NULL},
    {"A B<a@x.example>", NULL},
    {"\"A. B\" <a@x.example>", NULL},
    {"\"A, \\\"the\\\" first\" <a@x.example>, C <c@x.example>", NULL},
    {"=?utf-8?q?J=C3=BCrgen?= <a@x.example>", NULL},
    {"J\xc3\xbcrgen <a@x.example>", NULL},
    {"(x.y) A (z.) <a@x.example> (b.c)", NULL},
    {"a@x.example (A. B), (c) b@x.example", NULL},
    {"undisclosed-recipients:;", NULL},
    {"G: a@x.example, B <b@x.example>;, c@x.example", NULL},
    {"", NULL},
    {" \r\n\t", NULL},
    /* separators */
    {"a@x.example,b@x.example", "a@x.example, b@x.example"},
    {"<a@x.example> ,\r\n\t<b@x.example>", "<a@x.example>, <b@x.example>"},
    {"a@x.example (c) , b@x.example", "a@x.example (c), b@x.example"},
    {"a@x.example,, b@x.example,", "a@x.example, b@x.example"},
    {",a@x.example", "a@x.example"},
    {"\"C, D\"<a@x.example>,(e,f) E<e@x.example>", "\"C, D\"<a@x.example>, (e,f) E<e@x.example>"},
    {"G:a@x.example,b@x.example;", "G:a@x.example, b@x.example;"},
    {"< a@x.example >", "<a@x.example>"},
    /* names */
    {"B. Second <b@x.example>", "\"B. Second\" <b@x.example>"},
    {"Sean O'Neil <b@x.example>", "\"Sean O'Neil\" <b@x.example>"},
    {"'Name' <a@x.example>", "\"'Name'\" <a@x.example>"},
    {"a@x.example <a@x.example>", "\"a@x.example\" <a@x.example>"},
    {"A [B] <a@x.example>", "\"A [B]\" <a@x.example>"},
    {"B.<a@x.example>", "\"B.\"<a@x.example>"},
    {"A. B <>", "\"A. B\" <>"},
    {"B. C <a@x.example> (comment)", "\"B. C\" <a@x.example> (comment)"},
    {"A.B (x.y) <a@x.example>", "\"A.B (x.y)\" <a@x.example>"},
    {"\"A\" B. <a@x.example>", "\"\\\"A\\\" B.\" <a@x.example>"},
    {"A\\\\B <a@x.example>", "\"A\\\\B\" <a@x.example>"},
    {"J. \xc3\xbc <a@x.example>", "\"J. \xc3\xbc\" <a@x.example>"},
    {"Very. Long\r\n Name\r\n <a@x.example>", "\"Very. Long Name\" <a@x.example>"},
    {"G: a@x.example,B. C <b@x.example>;, d@x.example",
     "G: a@x.example, \"B. C\" <b@x.example>;, d@x.example"},
    {"A. B <a@x.example>,C D <c@x.example>", "\"A. B\" <a@x.example>, C D <c@x.example>"},
    /* what is no list is left alone */
    {"\"A. B <a@x.example>,c@x.example", NULL},
    {"A. (B <a@x.example>,c@x.example", NULL},
    {"A. B <a@x.example,c@x.example", NULL},
    {"A. B \\", NULL},
};

static void addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *sent = fields[i].sent ? fields[i].sent : fields[i].received;
        struct bytes got = sendmail_form(arena, BYTES("To"), bytes_of(fields[i].received));
        if (strcmp(squeezed(got), squeezed(bytes_of(sent))) != 0)
            fail_msg("%s: %.*s", fields[i].received, BYTES_ARGS(got));
    }
}

static void which_fields(void **state)
{
    static const char *const rewritten[] = {"From", "from", "SENDER",   "reply-to",
                                            "To",   "cc",   "errors-to"};
    static const char *const left[] = {"", "Subject", "Date", "Froms", "X-To", "References"};
    static const char text[] = "a,b";
    (void)state;
    for (size_t i = 0; i < sizeof(rewritten) / sizeof(rewritten[0]); i++)
        assert_string_equal(squeezed(sendmail_form(arena, bytes_of(rewritten[i]), bytes_of(text))),
                            "a, b");
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        assert_ptr_equal(sendmail_form(arena, bytes_of(left[i]), bytes_of(text)).data, text);
}

/* Any octets, cut anywhere. */
static void every_prefix_is_survived(void **state)
{
    static const char text[] = "G: \"A\\\" (b\" (c \\) (d) e) <a@x\\> , b>;, \xff . <\0> ,, \\";
    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        struct bytes got = sendmail_form(arena, BYTES("To"), (struct bytes){text, len});
        assert_true(got.len <= 2 * len + 4);
    }
}

static void lack_of_memory(void **state)
{
    static const char text[] = "A. B <a@x.example>,C. D <c@x.example>";
    (void)state;
    struct arena *small = arena_new(16);
    if (!small)
        return;
    struct bytes got = sendmail_form(small, BYTES("To"), bytes_of(text));
    assert_true(got.len == 0 || got.data == text || !arena_failed(small));
    arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(which_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_prefix_is_survived, set_up, tear_down),
        cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
