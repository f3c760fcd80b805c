/* report_read_json.c - what was read as JSON.
 *
 * One object. Texts are never missing: "" stands for what a report does not say; times are
 * seconds since 1970 UTC, 0 for unknown. A key, once there, keeps its name and meaning. Its keys:
 *
 *   reports          each report in the order of reading: where, duplicate (true: not counted),
 *                    org_name, email, extra_contact_info, report_id, begin, end, error, generator,
 *                    version, rfc9990 (its namespace), policy_published (domain, p, sp, np, adkim,
 *                    aspf, fo, testing, discovery_method, pct), messages, skipped_records, records:
 *                    source_ip, count, disposition, dkim and spf (pass, fail: aligned), reasons
 *                    (type, comment), header_from, envelope_from, envelope_to, auth_results: dkim
 *                    (domain, selector, result, human_result), spf (domain, scope, result,
 *                    human_result)
 *   failure_reports  where, and the fields of RFC 5965, 6591 and 9991 in lower case with "_";
 *                    from, subject and message_id of the mail in question
 *   unreadable       where, why
 *   sources          source_ip, messages, passed (DMARC), dkim_passed and spf_passed (aligned),
 *                    none, quarantined, rejected, header_from, failing (why, in words)
 *   days             day (00:00), messages, passed
 *   organisations, domains, results, dispositions
 *                    name, reports, messages, passed
 *   summary          files, reports, duplicates, other_domains, other_mails, failure_reports,
 *                    unreadable, skipped_records, messages, passed, begin, end
 */
#include "report_read.h"

#include <string.h>

/* Text of ours and of strangers is UTF-8 by now; what is not becomes null. */
static json_t *text(struct bytes view)
{
    json_t *string = json_stringn(view.data ? view.data : "", view.len);
    return string ? string : json_null();
}

static json_t *number(uint64_t value)
{
    return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static void set(json_t *object, const char *key, struct bytes view)
{
    json_object_set_new(object, key, text(view));
}

/* ---- a record ---- */

static json_t *dkim_json(const struct feedback_record *record)
{
    json_t *list = json_array();
    for (size_t i = 0; i < record->dkim_count; i++) {
        json_t *object = json_object();
        set(object, "domain", record->dkim[i].domain);
        set(object, "selector", record->dkim[i].selector);
        set(object, "result", record->dkim[i].result);
        set(object, "human_result", record->dkim[i].human_result);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *spf_json(const struct feedback_record *record)
{
    json_t *list = json_array();
    for (size_t i = 0; i < record->spf_count; i++) {
        json_t *object = json_object();
        set(object, "domain", record->spf[i].domain);
        set(object, "scope", record->spf[i].scope);
        set(object, "result", record->spf[i].result);
        set(object, "human_result", record->spf[i].human_result);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *reasons_json(const struct feedback_record *record)
{
    json_t *list = json_array();
    for (size_t i = 0; i < record->reason_count; i++) {
        json_t *object = json_object();
        set(object, "type", record->reasons[i].type);
        set(object, "comment", record->reasons[i].comment);
        json_array_append_new(list, object);
    }
    return list;
}

/* An aligned result, as the report has it. */
static json_t *aligned(bool there, bool pass)
{
    return json_string(!there ? "" : pass ? "pass" : "fail");
}

static json_t *record_json(const struct feedback_record *record)
{
    json_t *object = json_object();
    set(object, "source_ip", record->source_ip);
    json_object_set_new(object, "count", number(record->count));
    set(object, "disposition", record->disposition);
    json_object_set_new(object, "dkim", aligned(record->has_dkim, record->dkim_pass));
    json_object_set_new(object, "spf", aligned(record->has_spf, record->spf_pass));
    json_object_set_new(object, "reasons", reasons_json(record));
    set(object, "header_from", record->header_from);
    set(object, "envelope_from", record->envelope_from);
    set(object, "envelope_to", record->envelope_to);
    json_object_set_new(
        object, "auth_results",
        json_pack("{s:o, s:o}", "dkim", dkim_json(record), "spf", spf_json(record)));
    return object;
}

/* ---- a report ---- */

static json_t *policy_json(const struct feedback *feedback)
{
    json_t *object = json_object();
    set(object, "domain", feedback->domain);
    set(object, "p", feedback->p);
    set(object, "sp", feedback->sp);
    set(object, "np", feedback->np);
    set(object, "adkim", feedback->adkim);
    set(object, "aspf", feedback->aspf);
    set(object, "fo", feedback->fo);
    set(object, "testing", feedback->testing);
    set(object, "discovery_method", feedback->discovery_method);
    set(object, "pct", feedback->pct);
    return object;
}

static json_t *head_json(struct bytes where, const struct feedback *feedback, bool duplicate)
{
    json_t *object = json_object();
    set(object, "where", where);
    json_object_set_new(object, "duplicate", json_boolean(duplicate));
    set(object, "org_name", feedback->org_name);
    set(object, "email", feedback->email);
    set(object, "extra_contact_info", feedback->extra_contact_info);
    set(object, "report_id", feedback->report_id);
    json_object_set_new(object, "begin", json_integer(feedback->begin));
    json_object_set_new(object, "end", json_integer(feedback->end));
    set(object, "error", feedback->error);
    set(object, "generator", feedback->generator);
    set(object, "version", feedback->version);
    json_object_set_new(object, "rfc9990", json_boolean(feedback->rfc9990));
    json_object_set_new(object, "policy_published", policy_json(feedback));
    json_object_set_new(object, "messages", number(feedback->messages));
    json_object_set_new(object, "skipped_records", number(feedback->skipped));
    return object;
}

/* The members of an object without the braces, and the object is gone. */
static void print_members(json_t *object)
{
    json_dumpf(object, stdout, JSON_PRESERVE_ORDER | JSON_EMBED);
    json_decref(object);
}

static void print_line(json_t *object, bool more)
{
    fputs("  ", stdout);
    json_dumpf(object, stdout, JSON_PRESERVE_ORDER);
    fputs(more ? ",\n" : "\n", stdout);
    json_decref(object);
}

void report_json_begin(void)
{
    fputs("{\"reports\": [", stdout);
}

void report_json_report(const struct report_reading *reading, struct bytes where,
                        const struct feedback *feedback, bool duplicate)
{
    fputs(reading->printed ? ",\n{" : "\n{", stdout);
    print_members(head_json(where, feedback, duplicate));
    fputs(", \"records\": [\n", stdout);
    for (const struct feedback_record *record = feedback->records; record; record = record->next)
        print_line(record_json(record), record->next != NULL);
    fputs("]}", stdout);
}

/* ---- failure reports ---- */

static json_t *list_json(const struct arf_value *value)
{
    json_t *list = json_array();
    for (; value; value = value->next)
        json_array_append_new(list, text(value->text));
    return list;
}

json_t *report_failure_json(struct bytes where, const struct arf *arf)
{
    json_t *object = json_object();
    set(object, "where", where);
    set(object, "feedback_type", arf->feedback_type);
    set(object, "auth_failure", arf->auth_failure);
    set(object, "identity_alignment", arf->identity_alignment);
    set(object, "delivery_result", arf->delivery_result);
    json_object_set_new(object, "arrival_date", json_integer(arf->arrival_date));
    set(object, "source_ip", arf->source_ip);
    json_object_set_new(object, "source_port", json_integer(arf->source_port));
    json_object_set_new(object, "incidents", number(arf->incidents));
    json_object_set_new(object, "reported_domain", list_json(arf->reported_domain));
    json_object_set_new(object, "reported_uri", list_json(arf->reported_uri));
    json_object_set_new(object, "authentication_results", list_json(arf->authentication_results));
    set(object, "original_envelope_id", arf->original_envelope_id);
    set(object, "original_mail_from", arf->original_mail_from);
    json_object_set_new(object, "original_rcpt_to", list_json(arf->original_rcpt_to));
    set(object, "reporting_mta", arf->reporting_mta);
    set(object, "user_agent", arf->user_agent);
    set(object, "version", arf->version);
    set(object, "dkim_domain", arf->dkim_domain);
    set(object, "dkim_identity", arf->dkim_identity);
    set(object, "dkim_selector", arf->dkim_selector);
    set(object, "dkim_selector_dns", arf->dkim_selector_dns);
    set(object, "dkim_adsp_dns", arf->dkim_adsp_dns);
    set(object, "dkim_canonicalized_header", arf->dkim_canonicalized_header);
    set(object, "dkim_canonicalized_body", arf->dkim_canonicalized_body);
    set(object, "spf_dns", arf->spf_dns);
    set(object, "from", arf->from);
    set(object, "subject", arf->subject);
    set(object, "message_id", arf->message_id);
    return object;
}

/* ---- the figures ---- */

static json_t *source_json(const struct report_figures_source *source)
{
    json_t *object = json_object();
    set(object, "source_ip", source->ip);
    json_object_set_new(object, "messages", number(source->messages));
    json_object_set_new(object, "passed", number(source->passed));
    json_object_set_new(object, "dkim_passed", number(source->dkim_passed));
    json_object_set_new(object, "spf_passed", number(source->spf_passed));
    json_object_set_new(object, "none", number(source->none));
    json_object_set_new(object, "quarantined", number(source->quarantined));
    json_object_set_new(object, "rejected", number(source->rejected));
    set(object, "header_from", source->header_from);
    set(object, "failing", source->failing);
    return object;
}

static void print_counts(const char *key, const struct report_figures_count *counts, size_t count)
{
    printf("],\n\"%s\": [\n", key);
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        set(object, "name", counts[i].name);
        json_object_set_new(object, "reports", number(counts[i].reports));
        json_object_set_new(object, "messages", number(counts[i].messages));
        json_object_set_new(object, "passed", number(counts[i].passed));
        print_line(object, i + 1 < count);
    }
}

static void print_array(const char *key, json_t *array)
{
    printf("],\n\"%s\": [\n", key);
    for (size_t i = 0; i < json_array_size(array); i++)
        print_line(json_incref(json_array_get(array, i)), i + 1 < json_array_size(array));
}

static void print_summary(const struct report_reading *reading)
{
    const struct report_figures *figures = reading->figures;
    json_t *object = json_object();
    json_object_set_new(object, "files", number(reading->files));
    json_object_set_new(object, "reports", number(figures->reports));
    json_object_set_new(object, "duplicates", number(figures->duplicates));
    json_object_set_new(object, "other_domains", number(reading->other_domains));
    json_object_set_new(object, "other_mails", number(reading->other_mails));
    json_object_set_new(object, "failure_reports", number(json_array_size(reading->failures)));
    json_object_set_new(object, "unreadable", number(figures->failed));
    json_object_set_new(object, "skipped_records", number(reading->skipped));
    json_object_set_new(object, "messages", number(figures->messages));
    json_object_set_new(object, "passed", number(figures->passed));
    json_object_set_new(object, "begin", json_integer(figures->begin));
    json_object_set_new(object, "end", json_integer(figures->end));
    fputs("],\n\"summary\": ", stdout);
    json_dumpf(object, stdout, JSON_PRESERVE_ORDER);
    fputs("}\n", stdout);
    json_decref(object);
}

void report_json_end(const struct report_reading *reading)
{
    const struct report_figures *figures = reading->figures;
    print_array("failure_reports", reading->failures);
    print_array("unreadable", reading->unreadable);
    fputs("],\n\"sources\": [\n", stdout);
    for (size_t i = 0; i < figures->source_count; i++)
        print_line(source_json(&figures->sources[i]), i + 1 < figures->source_count);
    fputs("],\n\"days\": [\n", stdout);
    for (size_t i = 0; i < figures->day_count; i++)
        print_line(json_pack("{s:I, s:o, s:o}", "day", (json_int_t)figures->days[i].day, "messages",
                             number(figures->days[i].messages), "passed",
                             number(figures->days[i].passed)),
                   i + 1 < figures->day_count);
    print_counts("organisations", figures->organisations, figures->organisation_count);
    print_counts("domains", figures->domains, figures->domain_count);
    print_counts("results", figures->results, figures->result_count);
    print_counts("dispositions", figures->dispositions, figures->disposition_count);
    print_summary(reading);
}
