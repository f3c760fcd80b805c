/* test_dmarc_destination.c - external report destinations: dmarc-mail-auth and dmarc-checkdmarc.
 *
 * Zones with a wildcard are filled in for the one name that a case asks about:
 * wildcards are the name server's business.
 */
#include "dmarc_destination.h"
#include "fake_dns.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* "*.x" becomes "<policy domain>.x". */
static void load_zone(struct fake_dns *dns, json_t *zone, const char *policy_domain)
{
    const char *name;
    json_t *records, *filled_in = json_object();
    json_object_foreach(zone, name, records)
    {
        char full[600];
        bool wildcard = strncmp(name, "*.", 2) == 0;
        snprintf(full, sizeof(full), "%s%s%s", wildcard ? policy_domain : "", wildcard ? "." : "",
                 wildcard ? name + 2 : name);
        json_object_set(filled_in, full, records);
    }
    fake_dns_load(dns, filled_in);
    json_decref(filled_in);
}

static bool accepts(const json_t *item, const char *uri)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dmarc_destination out;
    const char *policy_domain = text_of(item, "policy_domain");
    load_zone(dns, json_object_get(item, "zone"), policy_domain);
    dmarc_destination_check(session, arena, domain_parse(arena, bytes_of(policy_domain)),
                            bytes_of(uri), false, &out);
    bool accepted =
        out.status == DMARC_DESTINATION_OWN || out.status == DMARC_DESTINATION_CONFIRMED;
    assert_int_equal(out.uri_count, accepted);
    if (accepted)
        assert_true(bytes_is(out.uris[0].text, uri));
    dns_session_free(session);
    assert_false(arena_failed(arena));
    arena_free(arena);
    fake_dns_free(dns);
    return accepted;
}

static void check_case(const json_t *item, const char *uri, const json_t *expected)
{
    assert_true(json_is_boolean(expected));
    if (accepts(item, uri) != json_is_true(expected))
        fail_msg("%s: %s is %saccepted", text_of(item, "id"), uri,
                 json_is_true(expected) ? "not " : "");
}

static void test_mail_auth(void **state)
{
    json_t *suite = load_json("dmarc-mail-auth/external-report-dest.json");
    const json_t *cases = json_object_get(suite, "cases");
    size_t i;
    const json_t *item;
    (void)state;
    assert_int_equal(json_array_size(cases), 3);
    json_array_foreach(cases, i, item)
    {
        check_case(item, text_of(item, "uri"),
                   json_object_get(json_object_get(item, "expect"), "accepted"));
    }
    json_decref(suite);
    report_cases("dmarc-mail-auth, destinations", 3, 0);
}

static void test_checkdmarc(void **state)
{
    json_t *suite = load_json("dmarc-checkdmarc/cases.json");
    const json_t *cases = json_object_get(suite, "external_report_dest");
    size_t i;
    const json_t *item;
    (void)state;
    assert_int_equal(json_array_size(cases), 4);
    json_array_foreach(cases, i, item)
    {
        char uri[300];
        snprintf(uri, sizeof(uri), "mailto:dmarc@%s", text_of(item, "destination_domain"));
        check_case(item, uri, json_object_get(item, "expect_accepted"));
    }
    json_decref(suite);
    report_cases("dmarc-checkdmarc, destinations", 4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail_auth),
        cmocka_unit_test(test_checkdmarc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
