/* test_dns_name.c - forms of a domain name. */
#include "dns_name.h"

#include "unit.h"

#include <string.h>

static void test_to_text(void **state)
{
    static const struct {
        struct bytes name;
        const char *text;
    } cases[] = {
        {{"", 0}, ""},
        {{"example.com", 11}, "example.com"},
        {{"_dmarc.Ex-1.com", 15}, "_dmarc.Ex-1.com"},
        {{"*.x", 3}, "*.x"},
        {{"a b", 3}, "a\\032b"},
        {{"a\0b", 3}, "a\\000b"},
        {{"\xff\x80", 2}, "\\255\\128"},
        {{"a\\b\"c", 5}, "a\\092b\\034c"},
        {{"a@b/c;d(e)", 10}, "a\\064b\\047c\\059d\\040e\\041"},
    };
    char text[DNS_NAME_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_true(dns_name_to_text(cases[i].name, text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_to_text_limits(void **state)
{
    char name[DNS_NAME_MAX + 1], text[DNS_NAME_TEXT_MAX];
    (void)state;
    memset(name, 0x01, sizeof(name));
    assert_true(dns_name_to_text((struct bytes){name, DNS_NAME_MAX}, text));
    assert_int_equal(strlen(text), 4 * DNS_NAME_MAX);
    assert_false(dns_name_to_text((struct bytes){name, DNS_NAME_MAX + 1}, text));
}

static void test_from_wire(void **state)
{
    static const struct {
        struct bytes wire;
        const char *name; /* NULL: refused */
        size_t used;
    } cases[] = {
        {BYTES("\0"), "", 1},
        {BYTES("\3com\0"), "com", 5},
        {BYTES("\7Example\3com\0rest"), "Example.com", 13},
        {BYTES("\1\xff\0"), "\xff", 3},
        {{"", 0}, NULL, 0},           /* nothing there */
        {BYTES("\3com"), NULL, 0},    /* no root label */
        {BYTES("\3co"), NULL, 0},     /* label cut off */
        {BYTES("\xc0\x0c"), NULL, 0}, /* compression pointer */
        {BYTES("\x40"
               "abc\0"),
         NULL, 0},                        /* label type 01 */
        {BYTES("\3a.b\3com\0"), NULL, 0}, /* a dot inside a label */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char out[DNS_NAME_MAX];
        struct bytes name;
        size_t used;
        bool good = dns_name_from_wire(cases[i].wire, out, &name, &used);
        assert_int_equal(good, cases[i].name != NULL);
        if (good) {
            assert_int_equal(name.len, strlen(cases[i].name));
            assert_memory_equal(name.data, cases[i].name, name.len);
            assert_int_equal(used, cases[i].used);
        }
    }
}

/* 253 octets is the longest name; one label more is too long. */
static void test_from_wire_length(void **state)
{
    char wire[300], out[DNS_NAME_MAX];
    struct bytes name;
    size_t used;
    (void)state;
    for (size_t labels = 126; labels <= 128; labels++) {
        for (size_t i = 0; i < labels; i++)
            memcpy(wire + 2 * i, "\1x", 2);
        wire[2 * labels] = '\0';
        bool good = dns_name_from_wire((struct bytes){wire, 2 * labels + 1}, out, &name, &used);
        assert_int_equal(good, labels <= 127);
        if (good)
            assert_int_equal(name.len, 2 * labels - 1);
    }
}

static void test_parent_and_case(void **state)
{
    char out[DNS_NAME_MAX];
    (void)state;
    assert_true(bytes_equal(dns_name_parent(BYTES("a.b.c")), BYTES("b.c")));
    assert_int_equal(dns_name_parent(BYTES("c")).len, 0);
    assert_int_equal(dns_name_parent(BYTES_EMPTY).len, 0);
    assert_true(bytes_equal(dns_name_lower(BYTES("aB.\xc4Z"), out), BYTES("ab.\xc4z")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_text),         cmocka_unit_test(test_to_text_limits),
        cmocka_unit_test(test_from_wire),       cmocka_unit_test(test_from_wire_length),
        cmocka_unit_test(test_parent_and_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
