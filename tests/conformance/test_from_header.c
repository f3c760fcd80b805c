/* test_from_header.c - From fields out of the tests of five other projects.
 *
 * Our rule is RFC 9989's: exactly one From field, exactly one distinct domain.
 * Where a project expects otherwise, the table of deviations says why we do
 * not follow; the expectation is then ours, and it is asserted too.
 */
#include "author.h"
#include "fake_dns.h"
#include "unit.h"

#include <string.h>

enum { CASES = 38, FIELDS_MAX = 8 };

static const struct deviation {
    const char *id;
    enum author_status status;
    const char *domain; /* AUTHOR_OK */
    const char *reason;
} deviations[] = {
    {"odm-from-02", AUTHOR_SYNTAX, NULL,
     "RFC 5322 3.4: an addr-spec has no display name in front of it without angle brackets"},
    {"odm-from-06", AUTHOR_SYNTAX, NULL,
     "RFC 5322 3.4: angle brackets do not nest (disputed by the collector too)"},
    {"odm-from-07", AUTHOR_SEVERAL, NULL, "RFC 9989 11.5: two distinct domains"},
    {"odm-from-08", AUTHOR_SEVERAL, NULL, "RFC 9989 11.5: two distinct domains"},
    {"odm-from-09", AUTHOR_SYNTAX, NULL,
     "RFC 5322 3.4: words and a colon begin a group, and a group ends with a semicolon"},
    {"odm-from-12", AUTHOR_SYNTAX, NULL,
     "RFC 5322 3.4: an addr-spec has no display name in front of it without angle brackets"},
    {"odm-from-13", AUTHOR_SYNTAX, NULL,
     "RFC 5322 3.4: a group without its semicolon, the value beginning with the word From:"},
    {"mox-from-04", AUTHOR_OK, "mox.example",
     "RFC 9989 5.3.1: addresses of one and the same domain are one Author Domain"},
};

static const struct deviation *deviation_of(const char *id)
{
    for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        if (strcmp(deviations[i].id, id) == 0)
            return &deviations[i];
    }
    return NULL;
}

/* The cases of Mail::DMARC hold the whole field; those of others its value. */
static struct bytes value_of(struct bytes text, const char *id)
{
    if (strncmp(id, "mdp-", 4) == 0 && bytes_starts_nocase(text, BYTES("from:")))
        return bytes_slice(text, 5, text.len);
    return text;
}

/* The values of the From fields of a header block with one line per field. */
static size_t from_fields(struct bytes block, struct bytes *values)
{
    size_t count = 0;
    while (block.len) {
        size_t end = bytes_find(block, '\n');
        struct bytes line = bytes_slice(block, 0, end);
        if (bytes_starts_nocase(line, BYTES("from:"))) {
            assert_true(count < FIELDS_MAX);
            values[count++] = bytes_trim(bytes_slice(line, 5, line.len));
        }
        block = bytes_slice(block, end + 1, block.len);
    }
    return count;
}

static struct author judge(struct arena *arena, const json_t *test, const char *id)
{
    struct bytes values[FIELDS_MAX];
    size_t count = 1;
    const json_t *block = json_object_get(test, "header_block");
    if (block)
        count = from_fields(json_octets(arena, block), values);
    else
        values[0] = value_of(json_octets(arena, json_object_get(test, "value")), id);
    struct author author;
    author_find(arena, values, count, &author);
    return author;
}

/* The domain that the suite expects; NULL: it expects that there is none. */
static const char *expected_domain(const json_t *test)
{
    const json_t *expect = json_object_get(test, "expect");
    const char *domain = json_string_value(json_object_get(expect, "domain"));
    const char *address = json_string_value(json_object_get(expect, "address"));
    return domain ? domain : address ? strchr(address, '@') + 1 : NULL;
}

static void check_case(const json_t *test)
{
    struct arena *arena = arena_new(1 << 20);
    const char *id = json_string_value(json_object_get(test, "id"));
    const char *domain = expected_domain(test);
    const struct deviation *deviation = deviation_of(id);
    struct author author = judge(arena, test, id);
    if (deviation) {
        assert_int_equal(author.status, deviation->status);
        domain = deviation->domain;
    }
    if ((author.status == AUTHOR_OK) != (domain != NULL) ||
        strcmp(domain_text(author.domain), domain ? domain : "") != 0)
        fail_msg("%s: domain \"%s\", wanted \"%s\"; %s", id, domain_text(author.domain),
                 domain ? domain : "", author.reason);
    arena_free(arena);
}

static void test_suite(void **state)
{
    json_t *suite = load_json("from-header/others.json");
    const json_t *cases = json_object_get(suite, "cases");
    (void)state;
    assert_int_equal(json_array_size(cases), CASES);
    for (size_t i = 0; i < CASES; i++)
        check_case(json_array_get(cases, i));
    json_decref(suite);
    report_cases("from-header", CASES - sizeof(deviations) / sizeof(deviations[0]),
                 sizeof(deviations) / sizeof(deviations[0]));
}

/* A deviation that agrees with the suite, or names no case, has outlived itself. */
static void test_deviations_are_deviations(void **state)
{
    json_t *suite = load_json("from-header/others.json");
    size_t found = 0, i;
    json_t *test;
    (void)state;
    json_array_foreach(json_object_get(suite, "cases"), i, test)
    {
        const struct deviation *deviation =
            deviation_of(json_string_value(json_object_get(test, "id")));
        const char *domain = expected_domain(test);
        found += deviation != NULL;
        assert_true(!deviation || (deviation->status == AUTHOR_OK) != (domain != NULL));
    }
    assert_int_equal(found, sizeof(deviations) / sizeof(deviations[0]));
    json_decref(suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_deviations_are_deviations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
