/* test_dmarc.c - DMARC against the collected suites in tests/conformance/data/dmarc-*.
 *
 * Each test asserts how many cases it ran. External report destinations
 * (dmarc-mail-auth, dmarc-checkdmarc) are run by test_dmarc_destination.c; the public
 * suffix list (dmarc-opendmarc) is no business of policy evaluation and is not run.
 */
#include "dmarc.h"
#include "fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIGNATURES_MAX = 8 };

/* What we do otherwise, and why. */
static const struct deviation {
    const char *id;
    const char *expected, *ours;
    const char *why;
} known_deviations[] = {
    {"rfc-4.10.1-badp-norua", "none", "permerror",
     "RFC 9989 4.10.1 asks for no DMARC processing and names no result; its registration of "
     "permerror (9.1: improperly formatted record) fits, and an owner can act upon it"},
    {"mar-parse-5", "user@example.com", "user%20@example.com",
     "a URI is kept as published; RFC 3986 2.4 leaves decoding to whoever uses its parts"},
};
enum { DEVIATIONS = sizeof(known_deviations) / sizeof(known_deviations[0]) };
static bool deviation_seen[DEVIATIONS];

static bool is_deviation(const char *id, const char *expected, const char *ours)
{
    for (size_t i = 0; i < DEVIATIONS; i++) {
        if (strcmp(known_deviations[i].id, id) == 0 &&
            strcmp(known_deviations[i].expected, expected) == 0 &&
            strcmp(known_deviations[i].ours, ours) == 0) {
            deviation_seen[i] = true;
            return true;
        }
    }
    return false;
}

static void check_text(const char *id, const char *what, const char *ours, const char *expected)
{
    if (strcmp(ours, expected) != 0 && !is_deviation(id, expected, ours))
        fail_msg("%s: %s is \"%s\", not \"%s\"", id, what, ours, expected);
}

/* JSON null and an absent member count as "". */
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- one message ---- */

struct bench {
    struct fake_dns *dns;
    struct arena *arena;
    struct policy_env env;
    struct dns_session *session;
};

static struct bench bench_new(void)
{
    struct bench bench = {.dns = fake_dns_new(), .arena = arena_new(1 << 20)};
    bench.env = fake_env(bench.dns, 0);
    bench.session = fake_session(&bench.env, bench.arena);
    return bench;
}

static void bench_free(struct bench *bench)
{
    dns_session_free(bench->session);
    assert_false(arena_failed(bench->arena));
    arena_free(bench->arena);
    fake_dns_free(bench->dns);
}

static struct domain domain_of(struct bench *bench, const char *name)
{
    return domain_parse(bench->arena, bytes_of(name));
}

static enum auth_result result_of(const char *name)
{
    for (enum auth_result result = AUTH_NONE; result <= AUTH_PERMERROR; result++) {
        if (strcmp(name, auth_result_name(result)) == 0)
            return result;
    }
    fail_msg("no result: %s", name);
    return AUTH_NONE;
}

static void evaluate(struct bench *bench, const char *author, struct spf_result spf,
                     struct dkim_results dkim, struct dmarc_result *out)
{
    dmarc_evaluate(bench->session, bench->arena, domain_of(bench, author), &spf, &dkim, out);
}

/* "policy" of the suites: what to do with this message. */
static const char *policy_for(const char *record, const char *author, bool author_exists)
{
    struct bench bench = bench_new();
    struct dmarc_result out;
    fake_dns_add(bench.dns, "_dmarc.example.com", DNS_TXT, record);
    if (author_exists)
        fake_dns_add(bench.dns, author, DNS_A, "192.0.2.1");
    evaluate(&bench, author, (struct spf_result){0}, (struct dkim_results){0}, &out);
    const char *policy =
        out.result == AUTH_FAIL ? dmarc_policy_name(out.effective_policy) : "no DMARC processing";
    bench_free(&bench);
    return policy;
}

/* ---- dmarc-rfc9989-text, dmarc-mail-auth: zone, identifiers, expectation ---- */

static struct dkim_results dkim_of(struct bench *bench, const json_t *list,
                                   struct dkim_signature signatures[SIGNATURES_MAX])
{
    struct dkim_results dkim = {.signatures = signatures, .count = json_array_size(list)};
    assert_true(dkim.count <= SIGNATURES_MAX);
    for (size_t i = 0; i < dkim.count; i++) {
        const json_t *item = json_array_get(list, i);
        signatures[i] = (struct dkim_signature){.result = result_of(text_of(item, "result")),
                                                .domain = domain_of(bench, text_of(item, "domain")),
                                                .reason = ""};
    }
    return dkim;
}

static struct spf_result spf_of(struct bench *bench, const json_t *list)
{
    struct spf_result spf = {.scope = SPF_SCOPE_MAIL_FROM, .reason = ""};
    assert_true(json_array_size(list) <= 1);
    if (json_array_size(list)) {
        const json_t *item = json_array_get(list, 0);
        spf.result = result_of(text_of(item, "result"));
        spf.domain = domain_of(bench, text_of(item, "domain"));
    }
    return spf;
}

static void check_flag(const char *id, const json_t *expect, const char *key, bool ours)
{
    const json_t *expected = json_object_get(expect, key);
    if (json_is_boolean(expected))
        check_text(id, key, ours ? "true" : "false", json_is_true(expected) ? "true" : "false");
}

static void check_name(const char *id, const json_t *expect, const char *key, const char *ours)
{
    if (json_object_get(expect, key))
        check_text(id, key, ours, text_of(expect, key));
}

static void check_case(const json_t *item)
{
    const char *id = text_of(item, "id"), *author = text_of(item, "from_domain");
    const json_t *expect = json_object_get(item, "expect");
    struct bench bench = bench_new();
    struct dkim_signature signatures[SIGNATURES_MAX];
    struct dmarc_result out;
    struct dmarc_walk walk;
    fake_dns_load(bench.dns, json_object_get(item, "zone"));
    evaluate(&bench, author, spf_of(&bench, json_object_get(item, "spf")),
             dkim_of(&bench, json_object_get(item, "dkim"), signatures), &out);

    assert_non_null(json_object_get(expect, "dmarc"));
    check_name(id, expect, "dmarc", auth_result_name(out.result));
    check_name(id, expect, "policy", dmarc_policy_name(out.effective_policy));
    check_name(id, expect, "declared_policy", dmarc_policy_name(out.policy));
    check_name(id, expect, "record_domain", domain_text(out.policy_domain));
    check_flag(id, expect, "spf_aligned", out.spf_aligned);
    check_flag(id, expect, "dkim_aligned", out.dkim_aligned);
    dmarc_walk(bench.session, bench.arena, domain_of(&bench, author), &walk);
    check_name(id, expect, "org_domain", domain_text(walk.organizational));
    if (!domain_is_none(out.organizational_domain))
        check_name(id, expect, "org_domain", domain_text(out.organizational_domain));
    bench_free(&bench);
}

static void check_cases(const char *path, size_t expected)
{
    json_t *suite = load_json(path);
    const json_t *cases = json_object_get(suite, "cases");
    assert_int_equal(json_array_size(cases), expected);
    for (size_t i = 0; i < expected; i++) {
        assert_string_equal(text_of(json_array_get(cases, i), "collector_check"),
                            "agrees with RFC 9989 reading");
        check_case(json_array_get(cases, i));
    }
    json_decref(suite);
}

static void test_rfc9989_text(void **state)
{
    (void)state;
    check_cases("dmarc-rfc9989-text/cases.json", 28);
    report_cases("dmarc-rfc9989-text", 27, 1);
}

static void test_mail_auth_cases(void **state)
{
    (void)state;
    check_cases("dmarc-mail-auth/cases.json", 12);
    report_cases("dmarc-mail-auth", 12, 0);
}

/* ---- dmarc-vectors-own ---- */

static void add_text(struct fake_dns *dns, const char *name, const json_t *text)
{
    fake_dns_add(dns, name, DNS_TXT, json_string_value(text));
}

/* All names exist but those listed. With a name, all below it is missing too (RFC 8020). */
static void load_vector_zone(struct fake_dns *dns, json_t *vector)
{
    const char *name;
    json_t *texts;
    const json_t *missing = json_object_get(vector, "nxdomain");
    fake_dns_everything_exists(dns);
    json_object_foreach(json_object_get(vector, "zone"), name, texts)
    {
        if (json_is_string(texts))
            add_text(dns, name, texts);
        for (size_t i = 0; i < json_array_size(texts); i++)
            add_text(dns, name, json_array_get(texts, i));
    }
    for (size_t i = 0; i < json_array_size(missing); i++) {
        char below[300];
        snprintf(below, sizeof(below), "_dmarc.%s", json_string_value(json_array_get(missing, i)));
        fake_dns_add_nonexistent(dns, below + 7);
        fake_dns_add_nonexistent(dns, below);
    }
}

/* The names that a walk takes into account, in order, must be the listed ones. */
static void check_walk_queries(const char *id, json_t *vector)
{
    const json_t *names = json_object_get(vector, "author_walk_queries");
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        struct bench bench = bench_new();
        struct dmarc_walk walk;
        load_vector_zone(bench.dns, vector);
        struct domain author = domain_of(&bench, text_of(vector, "from_domain"));
        if (prefetch)
            dmarc_prefetch(bench.session, author);
        dmarc_walk(bench.session, bench.arena, author, &walk);
        size_t count = 0;
        const struct dns_lookup *lookup = dns_session_lookups(bench.session);
        for (; lookup; lookup = lookup->next) {
            if (!lookup->used)
                continue;
            char name[300];
            snprintf(name, sizeof(name), "%.*s", BYTES_ARGS(lookup->name));
            assert_int_equal(lookup->type, DNS_TXT);
            const char *listed = json_string_value(json_array_get(names, count++));
            check_text(id, "query", name, listed ? listed : "(no more)");
        }
        assert_int_equal(count, json_array_size(names));
        assert_int_equal(walk.queries, count);
        if (!prefetch)
            assert_int_equal(fake_dns_asked_count(bench.dns), count);
        check_text(id, "from_org", domain_text(walk.organizational),
                   text_of(json_object_get(vector, "expect"), "from_org"));
        bench_free(&bench);
    }
}

static void check_organizational(struct bench *bench, const char *id, const char *domain,
                                 const char *expected)
{
    struct dmarc_walk walk;
    dmarc_walk(bench->session, bench->arena, domain_of(bench, domain), &walk);
    check_text(id, domain, domain_text(walk.organizational), expected);
}

static void check_identifier_walks(struct bench *bench, const char *id, const json_t *vector)
{
    const json_t *expect = json_object_get(vector, "expect");
    const char *domain;
    json_t *expected;
    if (text_of(expect, "spf_org")[0])
        check_organizational(bench, id, text_of(vector, "spf_pass"), text_of(expect, "spf_org"));
    json_object_foreach(json_object_get(expect, "dkim_org"), domain, expected)
        check_organizational(bench, id, domain, json_string_value(expected));
}

static void check_vector(json_t *vector)
{
    const char *id = text_of(vector, "id");
    const json_t *expect = json_object_get(vector, "expect");
    const json_t *passes = json_object_get(vector, "dkim_pass");
    const json_t *aligned = json_object_get(expect, "dkim_aligned");
    struct bench bench = bench_new();
    struct dkim_signature signatures[SIGNATURES_MAX] = {0};
    struct dkim_results dkim = {signatures, json_array_size(passes), 0};
    struct spf_result spf = {.domain = domain_of(&bench, text_of(vector, "spf_pass"))};
    struct dmarc_result out;
    spf.result = domain_is_none(spf.domain) ? AUTH_NONE : AUTH_PASS;
    assert_true(dkim.count <= SIGNATURES_MAX);
    for (size_t i = 0; i < dkim.count; i++) {
        signatures[i].result = AUTH_PASS;
        signatures[i].domain = domain_of(&bench, json_string_value(json_array_get(passes, i)));
    }
    load_vector_zone(bench.dns, vector);
    evaluate(&bench, text_of(vector, "from_domain"), spf, dkim, &out);

    check_text(id, "result", auth_result_name(out.result), text_of(expect, "result"));
    check_text(id, "policy domain", domain_text(out.policy_domain),
               text_of(expect, "policy_domain"));
    check_text(id, "tag", dmarc_tag_name(out.tag), text_of(expect, "tag"));
    check_text(id, "declared", dmarc_policy_name(out.policy), text_of(expect, "declared"));
    check_text(id, "effective", dmarc_policy_name(out.effective_policy),
               text_of(expect, "effective"));
    check_flag(id, expect, "spf_aligned", out.spf_aligned);
    for (size_t i = 0; i < json_array_size(aligned); i++)
        assert_int_equal(out.signature_aligned[i], json_is_true(json_array_get(aligned, i)));
    if (!domain_is_none(out.organizational_domain))
        check_text(id, "from_org", domain_text(out.organizational_domain),
                   text_of(expect, "from_org"));
    check_identifier_walks(&bench, id, vector);
    bench_free(&bench);
}

static void test_vectors_own(void **state)
{
    json_t *suite = load_json("dmarc-vectors-own/vectors.json");
    const json_t *vectors = json_object_get(suite, "vectors");
    (void)state;
    assert_int_equal(json_array_size(vectors), 24);
    for (size_t i = 0; i < 24; i++) {
        json_t *vector = json_array_get(vectors, i);
        check_vector(vector);
        check_walk_queries(text_of(vector, "id"), vector);
    }
    json_decref(suite);
    report_cases("dmarc-vectors-own", 24, 0);
}

/* ---- records with the reading of RFC 9989: dmarc-checkdmarc, dmarc-opendmarc ---- */

/* The value of 'key' in "usable with effective {'p': 'reject', 'np': 'none'}"; "" without. */
static const char *read_policy(const char *reading, const char *key, char value[20])
{
    char quoted[10];
    snprintf(quoted, sizeof(quoted), "'%s': '", key);
    const char *start = strstr(reading, quoted);
    value[0] = '\0';
    if (start)
        sscanf(start + strlen(quoted), "%19[a-z]", value);
    return value;
}

/* Three messages: from the domain itself, from an existing and from a missing name below it. */
static void check_reading(const json_t *item)
{
    const char *id = text_of(item, "id"), *record = text_of(item, "record");
    const char *reading = text_of(item, "rfc9989_reading");
    char p[20], sp[20], np[20];
    if (strcmp(reading, "no DMARC processing") == 0) {
        check_text(id, "policy", policy_for(record, "example.com", true), reading);
        check_text(id, "subdomain policy", policy_for(record, "a.example.com", true), reading);
        return;
    }
    assert_true(read_policy(reading, "p", p)[0] != '\0');
    if (!read_policy(reading, "sp", sp)[0])
        strcpy(sp, p);
    if (!read_policy(reading, "np", np)[0])
        strcpy(np, sp);
    if (strstr(record, "t=y") && strcmp(p, "reject") == 0) /* chk-11: the reading is before t= */
        memcpy(p, memcpy(sp, memcpy(np, "quarantine", 11), 11), 11);
    check_text(id, "policy", policy_for(record, "example.com", true), p);
    check_text(id, "subdomain policy", policy_for(record, "a.example.com", true), sp);
    check_text(id, "missing subdomain's policy", policy_for(record, "a.example.com", false), np);
}

/* The tags that checkdmarc reads out of a record it calls valid, its defaults filled in. */
static void check_checkdmarc_tags(const json_t *item)
{
    const char *id = text_of(item, "id"), *text = text_of(item, "record");
    const json_t *tags = json_object_get(json_object_get(item, "expect"), "tags");
    struct arena *arena = arena_new(1 << 16);
    struct dmarc_record record;
    assert_true(dmarc_record_parse(arena, bytes_of(text), &record));
    if (!strstr(text, "t=y"))
        check_name(id, tags, "p", policy_for(text, "example.com", true));
    check_name(id, tags, "np", policy_for(text, "a.example.com", false));
    static const char *const psd[] = {"u", "y", "n"};
    check_name(id, tags, "psd", psd[record.psd]);
    check_name(id, tags, "t", record.testing ? "y" : "n");
    arena_free(arena);
}

static void test_checkdmarc_records(void **state)
{
    json_t *suite = load_json("dmarc-checkdmarc/cases.json");
    const json_t *cases = json_object_get(suite, "record_parse");
    size_t valid = 0;
    (void)state;
    assert_int_equal(json_array_size(cases), 38);
    for (size_t i = 0; i < 38; i++) {
        const json_t *item = json_array_get(cases, i);
        check_reading(item);
        if (json_is_true(json_object_get(json_object_get(item, "expect"), "checkdmarc_valid"))) {
            check_checkdmarc_tags(item);
            valid++;
        }
    }
    assert_int_equal(valid, 25);
    json_decref(suite);
    report_cases("dmarc-checkdmarc, records", 38, 0);
}

static void test_checkdmarc_walks(void **state)
{
    json_t *suite = load_json("dmarc-checkdmarc/cases.json");
    const json_t *walks = json_object_get(suite, "tree_walk");
    (void)state;
    assert_int_equal(json_array_size(walks), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(walks, i);
        const char *id = text_of(item, "id");
        const json_t *names = json_object_get(item, "expect_queries_include");
        struct bench bench = bench_new();
        struct dmarc_walk walk;
        if (json_object_get(item, "zone"))
            fake_dns_load(bench.dns, json_object_get(item, "zone"));
        dmarc_walk(bench.session, bench.arena, domain_of(&bench, text_of(item, "domain")), &walk);
        for (size_t n = 0; n < json_array_size(names); n++)
            check_text(id, "query", fake_dns_asked(bench.dns, n) + 4,
                       json_string_value(json_array_get(names, n)));
        if (json_object_get(item, "expect"))
            check_text(id, "record", domain_text(walk.found[0].domain),
                       text_of(json_object_get(item, "expect"), "record_domain"));
        if (strcmp(id, "chk-walk-3") == 0) /* expectation given in words */
            check_text(id, "query", fake_dns_asked(bench.dns, 1),
                       "TXT _dmarc.c.d.e.f.g.example.com");
        bench_free(&bench);
    }
    json_decref(suite);
    report_cases("dmarc-checkdmarc, walks", 3, 0);
}

/* OpenDMARC's own verdict counts where it is not disputed, the reading of RFC 9989 always. */
static void test_opendmarc_records(void **state)
{
    json_t *suite = load_json("dmarc-opendmarc/cases.json");
    const json_t *cases = json_object_get(suite, "record_parse");
    size_t undisputed = 0;
    (void)state;
    assert_int_equal(json_array_size(cases), 19);
    for (size_t i = 0; i < 19; i++) {
        const json_t *item = json_array_get(cases, i);
        const char *policy = policy_for(text_of(item, "record"), "example.com", true);
        check_reading(item);
        if (json_is_true(json_object_get(item, "disputed")))
            continue;
        undisputed++;
        check_flag(text_of(item, "id"), json_object_get(item, "expect"), "usable",
                   strcmp(policy, "no DMARC processing") != 0);
    }
    assert_int_equal(undisputed, 12);
    json_decref(suite);
    report_cases("dmarc-opendmarc, records", undisputed, 0);
}

/* Relaxed cases take a public suffix list for granted: here, a record at the
 * Organizational Domain that it would give, the last two labels. */
static void check_opendmarc_alignment(const json_t *item)
{
    struct bench bench = bench_new();
    struct domain a = domain_of(&bench, text_of(item, "a"));
    struct dkim_signature signature = {.result = AUTH_PASS, .reason = ""};
    char name[300], record[100];
    struct dmarc_result out;
    signature.domain = domain_of(&bench, text_of(item, "b"));
    assert_false(domain_is_none(a) || domain_is_none(signature.domain));
    snprintf(name, sizeof(name), "_dmarc.%s", domain_tail(a, 2).name);
    snprintf(record, sizeof(record), "v=DMARC1; p=reject; adkim=%s", text_of(item, "mode"));
    fake_dns_add(bench.dns, name, DNS_TXT, record);
    evaluate(&bench, a.name, (struct spf_result){0}, (struct dkim_results){&signature, 1, 0}, &out);
    check_flag(text_of(item, "id"), item, "expect_aligned", out.dkim_aligned);
    assert_int_equal(out.result, out.dkim_aligned ? AUTH_PASS : AUTH_FAIL);
    bench_free(&bench);
}

static void test_opendmarc_alignment(void **state)
{
    json_t *suite = load_json("dmarc-opendmarc/cases.json");
    const json_t *cases = json_object_get(suite, "alignment");
    size_t undisputed = 0;
    (void)state;
    assert_int_equal(json_array_size(cases), 10);
    for (size_t i = 0; i < 10; i++) {
        const json_t *item = json_array_get(cases, i);
        if (strstr(text_of(item, "note"), "DISPUTED")) /* names with empty labels are no domains */
            continue;
        undisputed++;
        check_opendmarc_alignment(item);
    }
    assert_int_equal(undisputed, 7);
    json_decref(suite);
    report_cases("dmarc-opendmarc, alignment", undisputed, 0);
}

/* ---- dmarc-mail-auth: what a record says, defaults filled in ---- */

static const char *or_else(enum dmarc_policy policy, const char *otherwise)
{
    return policy == DMARC_POLICY_UNSET ? otherwise : dmarc_policy_name(policy);
}

static void check_addresses(const char *id, const json_t *expected, const struct dmarc_uri *uris,
                            size_t count)
{
    assert_int_equal(count, json_array_size(expected));
    for (size_t i = 0; i < count; i++) {
        char address[200];
        assert_true(bytes_starts_nocase(uris[i].text, BYTES("mailto:")));
        snprintf(address, sizeof(address), "%.*s", (int)uris[i].text.len - 7,
                 uris[i].text.data + 7);
        check_text(id, "address", address, json_string_value(json_array_get(expected, i)));
    }
}

static void check_mail_auth_record(const json_t *item)
{
    static const char *const psd[] = {"u", "y", "n"};
    static const char *const fo[16] = {[1] = "0", [2] = "1", [8] = "s", [12] = "d:s"};
    const char *id = text_of(item, "id");
    const json_t *tags = json_object_get(json_object_get(item, "expect"), "tags");
    struct arena *arena = arena_new(1 << 16);
    struct dmarc_record record;
    assert_true(dmarc_record_parse(arena, bytes_of(text_of(item, "record")), &record));
    const char *p = dmarc_policy_name(record.p), *sp = or_else(record.sp, p);
    assert_non_null(fo[record.fo]);
    check_text(id, "adkim", record.strict_dkim ? "s" : "r", text_of(tags, "adkim"));
    check_text(id, "aspf", record.strict_spf ? "s" : "r", text_of(tags, "aspf"));
    check_text(id, "fo", fo[record.fo], text_of(tags, "fo"));
    check_text(id, "p", p, text_of(tags, "p"));
    check_text(id, "sp", sp, text_of(tags, "sp"));
    check_text(id, "np", or_else(record.np, sp), text_of(tags, "np"));
    check_text(id, "psd", psd[record.psd], text_of(tags, "psd"));
    check_text(id, "t", record.testing ? "y" : "n", text_of(tags, "t"));
    check_addresses(id, json_object_get(tags, "rua"), record.rua, record.rua_count);
    check_addresses(id, json_object_get(tags, "ruf"), record.ruf, record.ruf_count);
    arena_free(arena);
}

static void test_mail_auth_records(void **state)
{
    json_t *suite = load_json("dmarc-mail-auth/record-parse.json");
    const json_t *cases = json_object_get(suite, "cases");
    (void)state;
    assert_int_equal(json_array_size(cases), 6);
    for (size_t i = 0; i < 6; i++)
        check_mail_auth_record(json_array_get(cases, i));
    json_decref(suite);
    report_cases("dmarc-mail-auth, records", 5, 1);
}

/* Last: a deviation that is none any more must leave the list. */
static void test_deviations_are_real(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEVIATIONS; i++) {
        if (!deviation_seen[i])
            fail_msg("%s is no deviation any more", known_deviations[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9989_text),        cmocka_unit_test(test_vectors_own),
        cmocka_unit_test(test_mail_auth_cases),     cmocka_unit_test(test_mail_auth_records),
        cmocka_unit_test(test_checkdmarc_records),  cmocka_unit_test(test_checkdmarc_walks),
        cmocka_unit_test(test_opendmarc_records),   cmocka_unit_test(test_opendmarc_alignment),
        cmocka_unit_test(test_deviations_are_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
