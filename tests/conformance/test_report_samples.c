/* test_report_samples.c - ten aggregate reports and five ARF reports of stalwartlabs/mail-auth,
 * with what that library reads in them.
 *
 * All that the JSON has and we keep is compared; what we do not keep are its extensions,
 * version_published and the whole message of an ARF report. Where the JSON has less than the
 * report says, the table of deviations tells.
 */
#include "fake_dns.h"
#include "feedback.h"
#include "message_file.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AGGREGATE_CASES = 10, ARF_CASES = 5, PATH_LEN = 300, RECORDS = 13 };

static const char *const aggregate[AGGREGATE_CASES] = {"001.xml", "002.xml", "003.xml", "004.xml",
                                                       "005.xml", "100.eml", "101.eml", "102.eml",
                                                       "103.eml", "104.eml"};

/* Values of their enumerations that say less than the report does. */
static const struct deviation {
    const char *file;
    const char *wanted; /* theirs, in lower case */
    const char *text;   /* in the report, and with us */
    const char *reason;
} deviations[] = {
    {"005.xml", "other", "sampled_out",
     "RFC 7489 appendix C has this reason; RFC 9990 does not, so their list has no place for it"},
};

static size_t records;

/* ---- comparing ---- */

static const char *current;

static void check_text(const char *what, const json_t *wanted, struct bytes text)
{
    const char *string = json_is_string(wanted) ? json_string_value(wanted) : "";
    if (!bytes_equal(text, bytes_of(string)))
        fail_msg("%s: %s is \"%.*s\", wanted \"%s\"", current, what, BYTES_ARGS(text), string);
}

/* Their words have no underscores, and "Unspecified" for nothing. */
static bool same_word(const char *wanted, struct bytes text)
{
    static const struct {
        const char *theirs, *ours;
    } others[] = {
        {"Unspecified", ""},   {"Relaxed", "r"},           {"Strict", "s"},
        {"MailFrom", "mfrom"}, {"TempError", "temperror"}, {"Unspecified", "n"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(wanted, others[i].theirs) == 0 && bytes_is(text, others[i].ours))
            return true;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '_' || text.data[i] == '-')
            continue;
        if (to_lower(*wanted) != to_lower(text.data[i]))
            return false;
        wanted++;
    }
    return *wanted == '\0' && text.len > 0;
}

static void check_word(const char *what, const json_t *wanted, struct bytes text)
{
    const char *word = json_string_value(wanted);
    assert_non_null(word);
    for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        if (strcmp(current, deviations[i].file) == 0 &&
            bytes_is(bytes_of(word), deviations[i].wanted) && bytes_is(text, deviations[i].text))
            return;
    }
    if (!same_word(word, text))
        fail_msg("%s: %s is \"%.*s\", wanted %s", current, what, BYTES_ARGS(text), word);
}

static void check_number(const char *what, const json_t *wanted, int64_t number)
{
    if (json_integer_value(wanted) != number)
        fail_msg("%s: %s is %lld, wanted %lld", current, what, (long long)number,
                 (long long)json_integer_value(wanted));
}

/* A member of an object that must be there. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("%s: no %s in the JSON", current, key);
    return value;
}

/* ---- aggregate reports ---- */

static void check_results(const json_t *results, const struct feedback_record *record)
{
    const json_t *dkim = member(results, "dkim"), *spf = member(results, "spf");
    assert_int_equal(json_array_size(dkim), record->dkim_count);
    for (size_t i = 0; i < record->dkim_count; i++) {
        const json_t *wanted = json_array_get(dkim, i);
        check_text("dkim domain", member(wanted, "domain"), record->dkim[i].domain);
        check_text("selector", member(wanted, "selector"), record->dkim[i].selector);
        check_word("dkim result", member(wanted, "result"), record->dkim[i].result);
        check_text("human_result", member(wanted, "human_result"), record->dkim[i].human_result);
    }
    assert_int_equal(json_array_size(spf), record->spf_count);
    for (size_t i = 0; i < record->spf_count; i++) {
        const json_t *wanted = json_array_get(spf, i);
        check_text("spf domain", member(wanted, "domain"), record->spf[i].domain);
        check_word("scope", member(wanted, "scope"), record->spf[i].scope);
        check_word("spf result", member(wanted, "result"), record->spf[i].result);
        check_text("human_result", member(wanted, "human_result"), record->spf[i].human_result);
    }
}

static void check_record(const json_t *wanted, const struct feedback_record *record)
{
    const json_t *row = member(wanted, "row"), *evaluated = member(row, "policy_evaluated");
    const json_t *reasons = member(evaluated, "reason"), *ids = member(wanted, "identifiers");
    check_text("source_ip", member(row, "source_ip"), record->source_ip);
    check_number("count", member(row, "count"), (int64_t)record->count);
    check_word("disposition", member(evaluated, "disposition"), record->disposition);
    check_word("dkim", member(evaluated, "dkim"),
               record->dkim_pass  ? BYTES("pass")
               : record->has_dkim ? BYTES("fail")
                                  : BYTES_EMPTY);
    check_word("spf", member(evaluated, "spf"),
               record->spf_pass  ? BYTES("pass")
               : record->has_spf ? BYTES("fail")
                                 : BYTES_EMPTY);
    assert_int_equal(json_array_size(reasons), record->reason_count);
    for (size_t i = 0; i < record->reason_count; i++) {
        check_word("reason", member(json_array_get(reasons, i), "type_"), record->reasons[i].type);
        check_text("comment", member(json_array_get(reasons, i), "comment"),
                   record->reasons[i].comment);
    }
    check_text("envelope_to", member(ids, "envelope_to"), record->envelope_to);
    check_text("envelope_from", member(ids, "envelope_from"), record->envelope_from);
    check_text("header_from", member(ids, "header_from"), record->header_from);
    check_results(member(wanted, "auth_results"), record);
    records++;
}

static void check_metadata(const json_t *metadata, const struct feedback *feedback)
{
    const json_t *range = member(metadata, "date_range");
    check_text("org_name", member(metadata, "org_name"), feedback->org_name);
    check_text("email", member(metadata, "email"), feedback->email);
    check_text("extra_contact_info", member(metadata, "extra_contact_info"),
               feedback->extra_contact_info);
    check_text("report_id", member(metadata, "report_id"), feedback->report_id);
    check_text("generator", json_object_get(metadata, "generator"), feedback->generator);
    check_number("begin", member(range, "begin"), feedback->begin);
    check_number("end", member(range, "end"), feedback->end);
    assert_int_equal(json_array_size(member(metadata, "error")), 0);
    assert_int_equal(feedback->error.len, 0);
}

static void check_policy(const json_t *policy, const struct feedback *feedback)
{
    check_text("domain", member(policy, "domain"), feedback->domain);
    check_word("adkim", member(policy, "adkim"), feedback->adkim);
    check_word("aspf", member(policy, "aspf"), feedback->aspf);
    check_word("p", member(policy, "p"), feedback->p);
    check_word("sp", member(policy, "sp"), feedback->sp);
    check_text("fo", member(policy, "fo"), feedback->fo);
    assert_true(json_is_true(member(policy, "testing")) == bytes_is(feedback->testing, "y"));
    if (json_object_get(policy, "np")) /* only their newer JSON has these */
        check_word("np", json_object_get(policy, "np"), feedback->np);
    if (json_object_get(policy, "discovery_method"))
        check_word("discovery_method", json_object_get(policy, "discovery_method"),
                   feedback->discovery_method);
}

struct found {
    const json_t *wanted;
    size_t count;
};

static void check_aggregate(void *context, const struct feedback_finding *finding)
{
    struct found *found = context;
    const struct feedback *feedback = finding->feedback;
    if (!feedback)
        fail_msg("%s: %s", current, finding->why);
    found->count++;
    double version = json_number_value(member(found->wanted, "version"));
    const char *text = feedback->version.len ? feedback->version.data : "0";
    if (fabs(strtod(text, NULL) - version) > 0.01)
        fail_msg("%s: version \"%s\", wanted %g", current, text, version);
    check_metadata(member(found->wanted, "report_metadata"), feedback);
    check_policy(member(found->wanted, "policy_published"), feedback);
    const json_t *wanted = member(found->wanted, "record");
    assert_int_equal(json_array_size(wanted), feedback->record_count);
    size_t i = 0;
    for (const struct feedback_record *record = feedback->records; record; record = record->next)
        check_record(json_array_get(wanted, i++), record);
}

static json_t *json_beside(const char *directory, const char *file)
{
    char path[PATH_LEN];
    snprintf(path, sizeof(path), "report-samples/%s/%.3s.json", directory, file);
    return load_json(path);
}

static struct bytes read_sample(const char *directory, const char *file)
{
    char path[PATH_LEN];
    const char *srcdir = getenv("srcdir");
    struct bytes octets;
    snprintf(path, sizeof(path), "%s/tests/conformance/data/report-samples/%s/%s",
             srcdir ? srcdir : ".", directory, file);
    if (!message_file_read(path, &octets))
        fail_msg("%s cannot be read", path);
    return octets;
}

static void test_aggregate(void **state)
{
    static const char directory[] = "mail-auth-dmarc-feedback";
    (void)state;
    for (size_t i = 0; i < AGGREGATE_CASES; i++) {
        json_t *json = json_beside(directory, aggregate[i]);
        struct bytes octets = read_sample(directory, aggregate[i]);
        struct found found = {.wanted = json};
        current = aggregate[i];
        feedback_find(bytes_of(current), octets, check_aggregate, &found);
        assert_int_equal(found.count, 1);
        free((char *)(uintptr_t)octets.data);
        json_decref(json);
    }
    assert_int_equal(records, RECORDS);
    report_cases("report-samples",
                 AGGREGATE_CASES - sizeof(deviations) / sizeof(deviations[0]) + ARF_CASES,
                 sizeof(deviations) / sizeof(deviations[0]));
}

/* ---- ARF ---- */

/* Texts that differ in nothing but white space: we unfold, they keep the folds. */
static void check_folded(const char *what, const json_t *wanted, struct bytes text)
{
    const char *string = json_is_string(wanted) ? json_string_value(wanted) : "";
    size_t i = 0;
    for (;; i++, string++) {
        while (is_fws(*string))
            string++;
        while (i < text.len && is_fws(text.data[i]))
            i++;
        if (*string == '\0' || i == text.len || *string != text.data[i])
            break;
    }
    if (*string || i < text.len)
        fail_msg("%s: %s is \"%.*s\"", current, what, BYTES_ARGS(text));
}

static void check_list(const char *what, const json_t *wanted, const struct arf_value *list)
{
    size_t i = 0;
    for (; list; list = list->next)
        check_folded(what, json_array_get(wanted, i++), list->text);
    assert_int_equal(json_array_size(wanted), i);
}

/* RFC 5965 3.2: mta-name-type ";" mta-name; they keep the name. */
static struct bytes mta_name(struct bytes text)
{
    size_t semicolon = bytes_find(text, ';');
    return semicolon < text.len ? bytes_slice(text, semicolon + 1, text.len) : text;
}

static void check_arf_texts(const json_t *wanted, const struct arf *arf)
{
    const struct {
        const char *key;
        struct bytes text;
    } texts[] = {
        {"original_envelope_id", arf->original_envelope_id},
        {"original_mail_from", arf->original_mail_from},
        {"reporting_mta", mta_name(arf->reporting_mta)},
        {"source_ip", arf->source_ip},
        {"user_agent", arf->user_agent},
        {"dkim_adsp_dns", arf->dkim_adsp_dns},
        {"dkim_canonicalized_body", arf->dkim_canonicalized_body},
        {"dkim_canonicalized_header", arf->dkim_canonicalized_header},
        {"dkim_domain", arf->dkim_domain},
        {"dkim_identity", arf->dkim_identity},
        {"dkim_selector", arf->dkim_selector},
        {"dkim_selector_dns", arf->dkim_selector_dns},
        {"spf_dns", arf->spf_dns},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_folded(texts[i].key, member(wanted, texts[i].key), texts[i].text);
    struct bytes rcpt = arf->original_rcpt_to ? arf->original_rcpt_to->text : BYTES_EMPTY;
    check_text("original_rcpt_to", member(wanted, "original_rcpt_to"), rcpt);
}

static void check_arf(void *context, const struct feedback_finding *finding)
{
    struct found *found = context;
    const json_t *wanted = found->wanted;
    const struct arf *arf = finding->failure;
    if (!arf)
        fail_msg("%s: %s", current, finding->why ? finding->why : "an aggregate report");
    found->count++;
    check_word("feedback_type", member(wanted, "feedback_type"), arf->feedback_type);
    check_word("auth_failure", member(wanted, "auth_failure"), arf->auth_failure);
    check_word("delivery_result", member(wanted, "delivery_result"), arf->delivery_result);
    check_word("identity_alignment", member(wanted, "identity_alignment"), arf->identity_alignment);
    check_number("arrival_date", member(wanted, "arrival_date"), arf->arrival_date);
    check_number("incidents", member(wanted, "incidents"), (int64_t)arf->incidents);
    check_number("source_port", member(wanted, "source_port"), arf->source_port);
    check_number("version", member(wanted, "version"), atoi(arf->version.data));
    check_list("authentication_results", member(wanted, "authentication_results"),
               arf->authentication_results);
    check_list("reported_domain", member(wanted, "reported_domain"), arf->reported_domain);
    check_list("reported_uri", member(wanted, "reported_uri"), arf->reported_uri);
    check_arf_texts(wanted, arf);
    if (json_is_string(member(wanted, "headers"))) /* they tell those of text/rfc822-headers only */
        check_folded("headers", member(wanted, "headers"), arf->headers);
    assert_true(arf->headers.len > 0 && arf->from.len > 0);
}

static void test_arf(void **state)
{
    static const char directory[] = "mail-auth-arf";
    char file[8];
    (void)state;
    for (int i = 1; i <= ARF_CASES; i++) {
        snprintf(file, sizeof(file), "%03d.eml", i);
        json_t *json = json_beside(directory, file);
        struct bytes octets = read_sample(directory, file);
        struct found found = {.wanted = json};
        current = file;
        feedback_find(bytes_of(file), octets, check_arf, &found);
        assert_int_equal(found.count, 1);
        free((char *)(uintptr_t)octets.data);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_aggregate),
                                       cmocka_unit_test(test_arf)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
