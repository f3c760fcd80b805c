/* test_authres.c - Authentication-Results fields out of the tests of
 * python-authres and of go-msgauth. */
#include "authres.h"
#include "fake_dns.h"
#include "unit.h"

#include <string.h>

static struct bytes json_view(const json_t *string)
{
    return (struct bytes){json_string_value(string), json_string_length(string)};
}

/* The value out of "Authentication-Results: value" or of the value alone. */
static struct bytes value_of(struct arena *arena, const json_t *test)
{
    const json_t *header = json_object_get(test, "header");
    struct bytes field = json_octets(arena, header ? header : json_object_get(test, "value"));
    return header ? bytes_slice(field, bytes_find(field, ':') + 1, field.len) : field;
}

/* The property "header.d" of an entry; suites fold its name to lower case. */
static const struct authres_property *find_property(const struct authres_entry *entry,
                                                    const char *name)
{
    struct bytes wanted = bytes_of(name);
    size_t dot = bytes_find(wanted, '.');
    for (size_t i = 0; i < entry->property_count; i++) {
        const struct authres_property *property = &entry->properties[i];
        if (bytes_equal_nocase(property->ptype, bytes_slice(wanted, 0, dot)) &&
            bytes_equal_nocase(property->property, bytes_slice(wanted, dot + 1, wanted.len)))
            return property;
    }
    return NULL;
}

static void check_entry(const struct authres_entry *entry, const json_t *wanted, const char *id)
{
    const char *name;
    json_t *value;
    json_t *properties = json_object_get(wanted, "props");
    if (!bytes_equal(entry->method, json_view(json_object_get(wanted, "method"))) ||
        !bytes_equal(entry->result, json_view(json_object_get(wanted, "result"))))
        fail_msg("%s: got %.*s=%.*s", id, BYTES_ARGS(entry->method), BYTES_ARGS(entry->result));
    const json_t *reason = json_object_get(wanted, "reason");
    assert_true(bytes_equal(entry->reason, reason ? json_view(reason) : BYTES_EMPTY));
    assert_int_equal(entry->property_count, json_object_size(properties));
    json_object_foreach(properties, name, value)
    {
        const struct authres_property *property = find_property(entry, name);
        if (!property || !bytes_equal(property->value, json_view(value)))
            fail_msg("%s: %s is \"%.*s\", wanted \"%s\"", id, name,
                     BYTES_ARGS(property ? property->value : BYTES_EMPTY),
                     json_string_value(value));
    }
}

static void check_case(const json_t *test)
{
    struct arena *arena = arena_new(1 << 20);
    const char *id = json_string_value(json_object_get(test, "id"));
    const json_t *expect = json_object_get(test, "expect");
    const json_t *results = json_object_get(expect, "results");
    struct authres parsed;
    bool good = authres_parse(arena, value_of(arena, test), &parsed);
    if (good != json_is_true(json_object_get(expect, "valid")))
        fail_msg("%s: %s", id, good ? "parses" : "does not parse");
    if (good) {
        const json_t *version = json_object_get(expect, "version");
        assert_true(
            bytes_equal(parsed.authserv_id, json_view(json_object_get(expect, "authserv_id"))));
        assert_true(!version || parsed.has_version == json_is_string(version));
        assert_int_equal(parsed.version, 1);
        assert_int_equal(parsed.entry_count, json_array_size(results));
        for (size_t i = 0; i < parsed.entry_count; i++)
            check_entry(&parsed.entries[i], json_array_get(results, i), id);
    }
    arena_free(arena);
}

/* There are no deviations: every case gives what its suite expects. */
static void check_suite(const char *path, size_t count)
{
    json_t *suite = load_json(path);
    const json_t *cases = json_object_get(suite, "cases");
    assert_int_equal(json_array_size(cases), count);
    for (size_t i = 0; i < count; i++)
        check_case(json_array_get(cases, i));
    json_decref(suite);
    report_cases(path, count, 0);
}

static void test_python_authres(void **state)
{
    (void)state;
    check_suite("ar-authres/cases.json", 34);
}

static void test_go_msgauth(void **state)
{
    (void)state;
    check_suite("ar-gomsgauth/cases.json", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_python_authres),
        cmocka_unit_test(test_go_msgauth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
