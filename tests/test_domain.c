/* test_domain.c - domain names in comparable form. */
#include "domain.h"

#include "unit.h"

#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_false(arena_failed(arena));
    arena_free(arena);
    return 0;
}

static struct domain parse(const char *text)
{
    return domain_parse(arena, bytes_of(text));
}

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890abc"
#define NAME_253                                                                                   \
    LABEL_63 "." LABEL_63 "." LABEL_63 "."                                                         \
             "a23456789012345678901234567890123456789012345678901234567890a"

static void test_parsing(void **state)
{
    static const struct {
        struct bytes text;
        const char *name; /* "": no domain name */
        size_t labels;
    } rows[] = {
        {BYTES("example.com"), "example.com", 2},
        {BYTES("EXAMPLE.Com"), "example.com", 2},
        {BYTES("example.com."), "example.com", 2},
        {BYTES("com"), "com", 1},
        {BYTES("_dmarc.ex_ample.com"), "_dmarc.ex_ample.com", 3},
        {BYTES("-a-.b"), "-a-.b", 2},
        {BYTES("1.2.3.4"), "1.2.3.4", 4},
        {BYTES(LABEL_63 ".x"), LABEL_63 ".x", 2},
        {BYTES(NAME_253), NAME_253, 4},
        {BYTES(NAME_253 "."), NAME_253, 4},
        /* U-labels: RFC 9989 4.4, UTS 46 */
        {BYTES("b\xc3\xbc"
               "cher.example"),
         "xn--bcher-kva.example", 2},
        {BYTES("B\xc3\x9c"
               "CHER.Example."),
         "xn--bcher-kva.example", 2},
        {BYTES("bu\xcc\x88"
               "cher.example"),
         "xn--bcher-kva.example", 2}, /* u and a combining diaeresis: NFC */
        {BYTES("xn--bcher-kva.example"), "xn--bcher-kva.example", 2},
        {BYTES("XN--BCHER-KVA.example"), "xn--bcher-kva.example", 2},
        {BYTES("stra\xc3\x9f"
               "e.example"),
         "xn--strae-oqa.example", 2}, /* non-transitional */
        {BYTES("_dmarc.b\xc3\xbc"
               "cher.example"),
         "_dmarc.xn--bcher-kva.example", 3},
        {BYTES("a\xe3\x80\x82"
               "b"),
         "a.b", 2},
        /* no domain names */
        {BYTES(""), "", 0},
        {BYTES("."), "", 0},
        {BYTES(".com"), "", 0},
        {BYTES("a..b"), "", 0},
        {BYTES("a.."), "", 0},
        {BYTES("a b"), "", 0},
        {BYTES(" a"), "", 0},
        {BYTES("a@b"), "", 0},
        {BYTES("[192.0.2.1]"), "", 0},
        {BYTES("a/b"), "", 0},
        {BYTES("a(b"), "", 0},
        {BYTES("a'b"), "", 0},
        {BYTES("a\0b"), "", 0},
        {BYTES("example.com\0"), "", 0},
        {BYTES("a\x7f"), "", 0},
        {BYTES("x" LABEL_63 ".x"), "", 0},
        {BYTES("x" NAME_253), "", 0},
        {BYTES("b\xfc"
               "cher.example"),
         "", 0}, /* not UTF-8 */
        {BYTES("\xc3\xbc\0.example"), "", 0},
        {BYTES("\xef\xbc\xa0.example"), "", 0},          /* wide "@" */
        {BYTES("a\xef\xbc\x8f\xc3\xbc.example"), "", 0}, /* wide "/" */
        {BYTES("\xe2\x80\xae.example"), "", 0},          /* right-to-left override */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct domain domain = domain_parse(arena, rows[i].text);
        if (strcmp(domain_text(domain), rows[i].name) != 0)
            fail_msg("<%.*s>: got <%s>, wanted <%s>", BYTES_ARGS(rows[i].text), domain_text(domain),
                     rows[i].name);
        assert_int_equal(domain.len, strlen(rows[i].name));
        assert_int_equal(domain.labels, rows[i].labels);
        assert_int_equal(domain_is_none(domain), rows[i].name[0] == '\0');
        assert_true(bytes_equal(domain_bytes(domain), bytes_of(rows[i].name)));
    }
}

/* Whatever comes in, what comes out keeps the promise of domain.h. */
static void test_every_octet(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char text[] = {'a', (char)octet, 'b', '.', 'c'};
        struct domain domain = domain_parse(arena, (struct bytes){text, sizeof(text)});
        for (size_t i = 0; i < domain.len; i++) {
            char c = domain.name[i];
            assert_true((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                        c == '.');
        }
        assert_true(domain_is_none(domain) || strlen(domain.name) == domain.len);
    }
}

static void test_domain_of_an_address(void **state)
{
    static const struct {
        const char *address, *domain;
    } rows[] = {
        {"user@Example.com", "example.com"},
        {"@example.com", "example.com"},
        {"a@b@example.com", "example.com"},
        {"\"a@b\"@example.com", "example.com"},
        {"user", ""},
        {"user@", ""},
        {"", ""},
        {"user@[192.0.2.1]", ""},
        {"example.com", ""},
        {"user@example.com>", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(domain_text(domain_of_address(arena, bytes_of(rows[i].address))),
                            rows[i].domain);
}

static void test_equality_and_containment(void **state)
{
    static const struct {
        const char *name, *parent;
        bool equal, within;
    } rows[] = {
        {"example.com", "EXAMPLE.com.", true, true},
        {"a.example.com", "example.com", false, true},
        {"example.com", "a.example.com", false, false},
        {"xexample.com", "example.com", false, false},
        {"a.b.c", "c", false, true},
        {"a.b.c", "b", false, false},
        {"", "", false, false},
        {"a", "", false, false},
        {"", "a", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct domain name = parse(rows[i].name);
        struct domain parent = parse(rows[i].parent);
        assert_int_equal(domain_equal(name, parent), rows[i].equal);
        assert_int_equal(domain_within(name, parent), rows[i].within);
    }
}

static void test_parents_and_tails(void **state)
{
    struct domain domain = parse("a.b.c.d");
    (void)state;
    assert_string_equal(domain_text(domain_parent(domain)), "b.c.d");
    assert_int_equal(domain_parent(domain).labels, 3);
    assert_int_equal(domain_parent(domain).len, 5);
    assert_true(domain_is_none(domain_parent(parse("com"))));
    assert_true(domain_is_none(domain_parent(DOMAIN_NONE)));
    assert_string_equal(domain_text(domain_tail(domain, 2)), "c.d");
    assert_string_equal(domain_text(domain_tail(domain, 4)), "a.b.c.d");
    assert_string_equal(domain_text(domain_tail(domain, 9)), "a.b.c.d");
    assert_true(domain_is_none(domain_tail(domain, 0)));
    assert_true(domain_is_none(domain_tail(DOMAIN_NONE, 3)));
    assert_true(domain_equal(domain_tail(domain, 1), parse("d")));
}

static void test_out_of_memory(void **state)
{
    struct arena *none = arena_new(0);
    (void)state;
    assert_true(domain_is_none(domain_parse(none, BYTES("example.com"))));
    assert_true(domain_is_none(domain_parse(none, BYTES("b\xc3\xbc.example"))));
    assert_true(arena_failed(none));
    arena_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsing),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_domain_of_an_address),
        cmocka_unit_test(test_equality_and_containment),
        cmocka_unit_test(test_parents_and_tails),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
