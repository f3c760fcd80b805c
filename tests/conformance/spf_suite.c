/* spf_suite.c - runs an SPF suite; see spf_suite.h. */
#include "spf_suite.h"

#include <stdio.h>
#include <string.h>

static bool is_allowed(const json_t *results, const char *result)
{
    for (size_t i = 0; i < json_array_size(results); i++) {
        if (strcmp(json_string_value(json_array_get(results, i)), result) == 0)
            return true;
    }
    return false;
}

static const struct spf_deviation *find_deviation(const struct spf_deviation *table, const char *id)
{
    for (; table->id; table++) {
        if (strcmp(table->id, id) == 0)
            return table;
    }
    return NULL;
}

/* The text "DEFAULT" stands for: the publisher's explanation is not used. */
static void judge_explanation(const json_t *expected, const struct spf_result *result,
                              const char *id, struct spf_suite_counts *counts)
{
    const char *want = json_string_value(expected);
    const char *got = result->explanation ? result->explanation : "DEFAULT";
    counts->explanations++;
    if (strcmp(want, got) == 0)
        counts->explanations_right++;
    else
        printf("%s: explanation \"%s\", not \"%s\"\n", id, got, want);
}

static void judge(const json_t *test, const struct spf_result *result,
                  const struct spf_deviation *deviations, struct spf_suite_counts *counts)
{
    const char *id = json_string_value(json_object_get(test, "id"));
    const char *got = auth_result_name(result->result);
    const struct spf_deviation *deviation = find_deviation(deviations, id);
    counts->cases++;
    if (deviation)
        counts->deviations += deviation->result == result->result;
    else if (is_allowed(json_object_get(test, "result"), got))
        counts->right++;
    else
        printf("%s: %s (%s), lookups %u, void %u\n", id, got, result->reason, result->lookups,
               result->void_lookups);
    json_t *explanation = json_object_get(test, "explanation");
    if (explanation)
        judge_explanation(explanation, result, id, counts);
}

static void run_case(struct fake_dns *dns, const json_t *test,
                     const struct spf_deviation *deviations, struct spf_suite_counts *counts)
{
    struct arena *arena = arena_new(16 * 1024 * 1024);
    struct policy_env env = fake_env(dns, 1700000000);
    struct dns_session *session = fake_session(&env, arena);
    struct spf_request request = {.helo = json_octets(arena, json_object_get(test, "helo")),
                                  .mail_from =
                                      json_octets(arena, json_object_get(test, "mailfrom")),
                                  .receiver = BYTES("receiver.example.org")};
    ip_parse(json_octets(arena, json_object_get(test, "ip")), &request.client);
    struct spf_result result = {.want_explanation = true};
    spf_check(&env, session, arena, &request, &result);
    judge(test, &result, deviations, counts);
    dns_session_free(session);
    arena_free(arena);
}

struct spf_suite_counts spf_suite_run(const char *path, const struct spf_deviation *deviations)
{
    struct spf_suite_counts counts = {0};
    json_t *suite = load_json(path);
    json_t *zones = json_object_get(suite, "zones"), *test;
    size_t i;
    spf_global_init();
    json_array_foreach(json_object_get(suite, "cases"), i, test)
    {
        const char *zone = json_string_value(json_object_get(test, "zone"));
        struct fake_dns *dns = fake_dns_new();
        fake_dns_load(dns, json_object_get(json_object_get(zones, zone), "records"));
        run_case(dns, test, deviations, &counts);
        fake_dns_free(dns);
    }
    json_decref(suite);
    return counts;
}
