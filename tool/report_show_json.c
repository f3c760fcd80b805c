/* report_show_json.c - `assay report show --json`; see report_show.h. Times are seconds since 1970
 * UTC, as in the store. */
#include "report_show.h"

#include "tool.h"

/* A stranger's text: what is no UTF-8 would make the whole object fail. */
static json_t *text(struct report_show *show, struct bytes value)
{
    return json_string(report_shown(show->arena, value));
}

static json_t *summary_json(struct report_show *show, const struct store_summary *summary)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "domain",
                     text(show, summary->domain), "begin", (json_int_t)summary->begin, "end",
                     (json_int_t)summary->end, "messages", (json_int_t)summary->messages, "records",
                     (json_int_t)summary->tuples, "passed", (json_int_t)summary->passed, "accepted",
                     (json_int_t)summary->accepted, "rua", text(show, summary->rua));
}

static json_t *waiting_json(struct report_show *show)
{
    json_t *list = json_array();
    for (const struct report_show_entry *entry = show->waiting.first; entry; entry = entry->next)
        json_array_append_new(list, summary_json(show, &entry->report.summary));
    return list;
}

static json_t *deliveries_json(struct report_show *show, const struct report_show_entry *entry)
{
    json_t *list = json_array();
    for (const struct report_show_delivery *one = entry->deliveries; one; one = one->next) {
        const struct store_delivery *delivery = &one->delivery;
        json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:I, s:I, s:o}", "address",
                                              text(show, delivery->address), "state",
                                              store_delivery_state_name(delivery->state),
                                              "attempts", (json_int_t)delivery->attempts,
                                              "next_try", (json_int_t)delivery->next_try, "changed",
                                              (json_int_t)delivery->changed, "error",
                                              text(show, delivery->error)));
    }
    return list;
}

static json_t *reports_json(struct report_show *show)
{
    json_t *list = json_array();
    for (const struct report_show_entry *entry = show->reports.first; entry; entry = entry->next) {
        json_t *report = summary_json(show, &entry->report.summary);
        json_object_set_new(report, "report_id", json_string(entry->report.report_id));
        json_object_set_new(report, "state", json_string(report_show_state(entry->report.state)));
        json_object_set_new(report, "note", text(show, entry->report.note));
        json_object_set_new(report, "deliveries", deliveries_json(show, entry));
        json_array_append_new(list, report);
    }
    return list;
}

static json_t *destinations_json(struct report_show *show)
{
    json_t *list = json_array();
    for (const struct report_show_destination *one = show->destinations; one; one = one->next) {
        const struct store_destination *to = &one->destination;
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:o}", "address", text(show, to->address), "refusals",
                            (json_int_t)to->refusals, "suppressed_until",
                            (json_int_t)to->suppressed_until, "error", text(show, to->error)));
    }
    return list;
}

static json_t *losses_json(struct report_show *show)
{
    json_t *list = json_array();
    for (const struct report_show_loss *one = show->losses; one; one = one->next)
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:I, s:I}", "host", text(show, one->loss.host), "cause",
                            text(show, one->loss.cause), "messages", (json_int_t)one->loss.messages,
                            "last", (json_int_t)one->loss.last));
    return list;
}

static json_t *totals_json(const struct store_totals *totals)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "messages", (json_int_t)totals->messages,
        "unreported", (json_int_t)totals->unreported, "records", (json_int_t)totals->tuples,
        "policies", (json_int_t)totals->policies, "reports", (json_int_t)totals->reports,
        "reports_open", (json_int_t)totals->reports_open, "octets", (json_int_t)totals->octets);
}

void report_show_json(struct report_show *show)
{
    json_t *backlog = show->backlog_known ? json_integer((json_int_t)show->backlog) : json_null();
    print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "waiting", waiting_json(show),
                         "reports", reports_json(show), "destinations", destinations_json(show),
                         "losses", losses_json(show), "totals", totals_json(&show->totals),
                         "journal", backlog, "failure_reports_waiting",
                         (json_int_t)show->failures));
}
