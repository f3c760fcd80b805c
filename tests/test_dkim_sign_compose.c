/* test_dkim_sign_compose.c - the text of a DKIM-Signature field: order of tags, folds, encodings.
 */
#include "dkim_sign_compose.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;
static const uint8_t hash[SHA256_OCTETS] = {0xff};
static struct bytes names[300];

#define HASH "/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 24);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct signature_content content_of(const char *domain, const char *selector)
{
    names[0] = BYTES("from");
    return (struct signature_content){
        .algorithm = "rsa-sha256",
        .domain = domain_parse(arena, bytes_of(domain)),
        .selector = domain_parse(arena, bytes_of(selector)),
        .time = 1700000000,
        .names = names,
        .name_count = 1,
        .body_hash = hash,
    };
}

static const char *compose(struct signature_content content)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    dkim_sign_compose(&text, &content);
    return strbuf_string(&text);
}

static void the_order_of_tags(void **state)
{
    struct signature_content content = content_of("example.com", "s1");
    (void)state;
    assert_string_equal(compose(content),
                        "v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=s1;\n"
                        "\tt=1700000000; bh=" HASH ";\n"
                        "\th=from;\n"
                        "\tb=");
    content.algorithm = "ed25519-sha256";
    content.relaxed_header = true;
    content.identity = BYTES("@example.com");
    content.expiry = 1700000001;
    assert_string_equal(compose(content),
                        "v=1; a=ed25519-sha256; c=relaxed/simple; d=example.com; s=s1;\n"
                        "\tt=1700000000; x=1700000001; i=@example.com;\n"
                        "\tbh=" HASH ";\n"
                        "\th=from;\n"
                        "\tb=");
    content.relaxed_header = false;
    content.relaxed_body = true;
    assert_non_null(strstr(compose(content), " c=simple/relaxed;"));
}

/* Every line has at most 78 characters, unless it is a single tag that cannot be broken. */
static size_t longest_line(const char *value)
{
    size_t column = strlen("DKIM-Signature: "), longest = 0;
    for (const char *at = value; *at; at++) {
        if (*at == '\n') {
            assert_int_equal(at[1], '\t');
            assert_int_not_equal(at[-1], ' '); /* white space at line ends gets lost on the way */
            assert_int_not_equal(at[2], ' ');
            column = 0;
        } else if (++column > longest) {
            longest = column;
        }
    }
    return longest;
}

static void lines_are_short(void **state)
{
    struct signature_content content =
        content_of("a.rather.long.name.of.a.host.example.com", "selector-of-november-2026.mail");
    char name[41];
    (void)state;
    memset(name, 'n', sizeof(name));
    content.expiry = 999999999999;
    content.identity = BYTES("@another.rather.long.name.below.a.rather.long.name.example.com");
    for (size_t i = 0; i < 300; i++) {
        names[i] = (struct bytes){name, 1 + i % sizeof(name)};
        content.name_count = i + 1;
        assert_in_range(longest_line(compose(content)), 60, 78);
    }
}

static void what_cannot_be_broken_is_left_whole(void **state)
{
    char label[61], longest[254];
    struct signature_content content;
    (void)state;
    memset(label, 'd', 60);
    label[60] = '\0';
    snprintf(longest, sizeof(longest), "%s.%s.%s.%s", label, label, label, label);
    content = content_of(longest, longest);
    const char *value = compose(content);
    assert_in_range(longest_line(value), 246, 250); /* far below 998, RFC 5322 2.1.1 */
    assert_non_null(strstr(value, arena_printf(arena, "\n\td=%s;\n\ts=%s;\n", longest, longest)));
}

static void identities_are_encoded(void **state)
{
    static const struct {
        const char *address, *encoded;
    } cases[] = {
        {"@example.com", "@example.com"},
        {"a@EXAMPLE.com", "a@example.com"},
        {"A.b+c!#$%&'*/?^_`{|}~-@example.com", "A.b+c!#$%&'*/?^_`{|}~-@example.com"},
        {"\"a b\"@example.com", "\"a=20b\"@example.com"},
        {"a;b=c@example.com", "a=3Bb=3Dc@example.com"},
        {"\x01\x7f\r\n@example.com", "=01=7F=0D=0A@example.com"},
        {"gr\xc3\xbc\xc3\x9f@b\xc3\xbc"
         "cher.example",
         "gr=C3=BC=C3=9F@xn--bcher-kva.example"},
        {"\"x@y\"@example.com", "\"x@y\"@example.com"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes encoded = dkim_sign_encode_identity(arena, bytes_of(cases[i].address));
        if (!bytes_equal(encoded, bytes_of(cases[i].encoded)))
            fail_msg("%.*s", BYTES_ARGS(encoded));
    }
}

static void signatures_are_folded(void **state)
{
    static const uint8_t octets[1024];
    (void)state;
    for (size_t len = 0; len <= sizeof(octets); len += 64) {
        struct strbuf text;
        size_t digits = 0;
        strbuf_init(&text, arena);
        strbuf_puts(&text, "v=1;\n\tb=");
        dkim_sign_add_signature(&text, octets, len);
        assert_in_range(longest_line(strbuf_string(&text)), 3, 78);
        for (const char *at = strbuf_string(&text) + strlen("v=1;\n\tb="); *at; at++)
            digits += *at != '\n' && *at != '\t';
        assert_int_equal(digits, (len + 2) / 3 * 4);
        assert_true(text.data[text.len - 1] != '\t');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_order_of_tags, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_broken_is_left_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identities_are_encoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signatures_are_folded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
