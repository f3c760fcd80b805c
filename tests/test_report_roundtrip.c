/* test_report_roundtrip.c - reports that we write, read back by our own reader: the same numbers,
 * and where the text is harmless the same text.
 */
#include "unit.h"

#include "feedback.h"
#include "report_samples.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 260 };

struct reading {
    const struct report_sample *sample;
    enum report_format format;
    size_t records;
};

static void same(const struct reading *reading, struct bytes is, struct bytes expected)
{
    if (reading->sample->hostile || bytes_equal(is, expected))
        return;
    fail_msg("%s: %.*s, not %.*s", reading->sample->name, BYTES_ARGS(is), BYTES_ARGS(expected));
}

static void word(const struct reading *reading, struct bytes is, const char *expected)
{
    if (!bytes_equal(is, bytes_of(expected)))
        fail_msg("%s: %.*s, not %s", reading->sample->name, BYTES_ARGS(is), expected);
}

static void check_head(const struct reading *reading, const struct feedback *feedback)
{
    const struct report_head *head = &reading->sample->head;
    const struct report_policy *policy = head->policy;
    assert_true(feedback->rfc9990);
    assert_int_equal(feedback->begin, head->begin);
    assert_int_equal(feedback->end, head->end);
    word(reading, feedback->version, "1.0");
    word(reading, feedback->generator, "Assay " PACKAGE_VERSION);
    same(reading, feedback->org_name, head->org_name);
    same(reading, feedback->email, head->email);
    same(reading, feedback->extra_contact_info, head->extra_contact_info);
    same(reading, feedback->report_id, head->report_id);
    same(reading, feedback->error, policy->error);
    same(reading, feedback->domain, policy->domain);
    same(reading, feedback->fo, policy->fo);
    word(reading, feedback->p,
         policy->p < DMARC_POLICY_NONE ? "none" : dmarc_policy_name(policy->p));
    word(reading, feedback->sp, dmarc_policy_name(policy->sp));
    word(reading, feedback->np, dmarc_policy_name(policy->np));
    word(reading, feedback->adkim, policy->strict_dkim ? "s" : "r");
    word(reading, feedback->aspf, policy->strict_spf ? "s" : "r");
    word(reading, feedback->testing, policy->testing ? "y" : "n");
    word(reading, feedback->discovery_method, "treewalk");
    word(reading, feedback->pct, "");
}

static void check_results(const struct reading *reading, const struct feedback_record *record,
                          const struct report_row *row)
{
    assert_int_equal(record->dkim_count, row->signature_count);
    for (size_t i = 0; i < row->signature_count; i++) {
        same(reading, record->dkim[i].domain, row->signatures[i].domain);
        same(reading, record->dkim[i].selector, row->signatures[i].selector);
        same(reading, record->dkim[i].human_result, row->signatures[i].reason);
        word(reading, record->dkim[i].result, auth_result_name(row->signatures[i].result));
    }
    assert_int_equal(record->spf_count, row->spf_domain.len ? 1 : 0);
    if (record->spf_count == 0)
        return;
    same(reading, record->spf[0].domain, row->spf_domain);
    same(reading, record->spf[0].human_result, row->spf_reason);
    word(reading, record->spf[0].scope, "mfrom");
    word(reading, record->spf[0].result, auth_result_name(row->spf_result));
}

static void check_record(const struct reading *reading, const struct feedback_record *record,
                         const struct report_row *row, int64_t count)
{
    char address[IP_TEXT_MAX];
    word(reading, record->source_ip, ip_format(&row->source, address));
    assert_int_equal(record->count, count);
    word(reading, record->disposition, report_disposition_name(row->disposition));
    assert_true(record->has_dkim && record->has_spf);
    assert_int_equal(record->dkim_pass, row->dkim_aligned);
    assert_int_equal(record->spf_pass, row->spf_aligned);
    assert_int_equal(record->reason_count, row->reason_count);
    for (size_t i = 0; i < row->reason_count; i++) {
        word(reading, record->reasons[i].type, override_name(row->reasons[i].type));
        same(reading, record->reasons[i].comment, row->reasons[i].comment);
    }
    same(reading, record->header_from, row->header_from);
    same(reading, record->envelope_from, row->envelope_from);
    check_results(reading, record, row);
}

static void check(struct reading *reading, const struct feedback *feedback)
{
    const struct report_sample *sample = reading->sample;
    uint64_t messages = 0;
    size_t at = 0;
    check_head(reading, feedback);
    assert_int_equal(feedback->record_count, sample->row_count);
    for (const struct feedback_record *record = feedback->records; record; record = record->next) {
        assert_true(at < sample->row_count);
        check_record(reading, record, &sample->rows[at], sample->counts[at]);
        messages += (uint64_t)sample->counts[at++];
    }
    assert_int_equal(at, sample->row_count);
    assert_int_equal(feedback->messages, messages);
    reading->records += at;
}

static void found(void *context, const struct feedback_finding *finding)
{
    struct reading *reading = context;
    if (!finding->feedback)
        fail_msg("%.*s: %s", BYTES_ARGS(finding->where), finding->why);
    check(reading, finding->feedback);
}

static void read_back(void *context, struct bytes octets)
{
    struct reading *reading = context;
    feedback_find(bytes_of(reading->sample->name), octets, found, reading);
}

static void test_roundtrip(void **state)
{
    (void)state;
    struct arena *arena = arena_new(REPORT_SAMPLES_ARENA);
    size_t count;
    struct report_sample *samples = report_samples(arena, &count);
    const char *why;
    assert_int_equal(count, SAMPLES); /* none is lost unnoticed */
    for (size_t i = 0; i < count; i++) {
        for (int format = REPORT_XML; format <= REPORT_XML_GZIP; format++) {
            struct reading reading = {&samples[i], (enum report_format)format, 0};
            if (!report_sample_write(&samples[i], reading.format, read_back, &reading, &why))
                fail_msg("%s: %s", samples[i].name, why);
            assert_int_equal(reading.records, samples[i].row_count); /* found once */
        }
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
