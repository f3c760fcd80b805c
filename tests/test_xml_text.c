/* test_xml_text.c - what XML and a line of mail get to see of text from strangers. */
#include "unit.h"

#include "xml_text.h"

enum { ARENA_OCTETS = 1 << 16 };

#define BAD "\xef\xbf\xbd"

struct text_case {
    const char *what;
    struct bytes text;
    const char *xml;  /* xml_text_add() */
    const char *line; /* xml_text_add_line(); NULL: the same */
};

static const struct text_case cases[] = {
    {"nothing", BYTES(""), "", NULL},
    {"ASCII, markup left to others", BYTES("a <b> & ]]> \"c\" 'd'"), "a <b> & ]]> \"c\" 'd'", NULL},
    {"two, three and four octets", BYTES("\xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa7"),
     "\xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa7", NULL},
    {"NUL", BYTES("a\0b"), "a" BAD "b", NULL},
    {"C0 controls", BYTES("\x01\x08\x0b\x0c\x0e\x1b\x1f"), BAD BAD BAD BAD BAD BAD BAD, NULL},
    {"those that XML allows", BYTES("a\tb\nc\rd"), "a\tb\nc\rd", "a b c d"},
    {"DEL and C1 controls", BYTES("a\x7f\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0"),
     "a\x7f\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0", "a    \xc2\xa0"},
    {"line and paragraph separator", BYTES("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
     "\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\xe2\x80\xa7  \xe2\x80\xaa"},
    {"Latin-1",
     BYTES("b\xfc"
           "cher"),
     "b" BAD "cher", NULL},
    {"a lone continuation", BYTES("\x80"), BAD, NULL},
    {"cut short", BYTES("a\xe2\x82"), "a" BAD BAD, NULL},
    {"cut short by ASCII", BYTES("\xe2\x82z"), BAD BAD "z", NULL},
    {"overlong slash", BYTES("\xc0\xaf"), BAD BAD, NULL},
    {"overlong NUL", BYTES("\xe0\x80\x80"), BAD BAD BAD, NULL},
    {"surrogates", BYTES("\xed\xa0\x80\xed\xbf\xbf"), BAD BAD BAD BAD BAD BAD, NULL},
    {"below and above the surrogates", BYTES("\xed\x9f\xbf\xee\x80\x80"),
     "\xed\x9f\xbf\xee\x80\x80", NULL},
    {"U+FFFD, U+FFFE, U+FFFF", BYTES("\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf"), BAD BAD BAD, NULL},
    {"U+10FFFF and one more", BYTES("\xf4\x8f\xbf\xbf\xf4\x90\x80\x80"),
     "\xf4\x8f\xbf\xbf" BAD BAD BAD BAD, NULL},
    {"octets that never occur", BYTES("\xfe\xff"), BAD BAD, NULL},
};

static void check(const struct text_case *text, bool line, const char *expected)
{
    struct arena *arena = arena_new(ARENA_OCTETS);
    struct strbuf buf;
    strbuf_init(&buf, arena);
    if (line)
        xml_text_add_line(&buf, text->text);
    else
        xml_text_add(&buf, text->text);
    if (!bytes_equal(strbuf_view(&buf), bytes_of(expected)))
        fail_msg("%s: %s", text->what, strbuf_string(&buf));
    arena_free(arena);
}

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        check(&cases[i], false, cases[i].xml);
        check(&cases[i], true, cases[i].line ? cases[i].line : cases[i].xml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
