/* report_send_preview.c - --dry-run: what would be sent to whom, and why not; see report_send.h.
 *
 * The store is open for reading alone. Results that no report was made of yet are shown as
 * the reports that the next run would make.
 */
#include "report_open.h"
#include "report_send.h"

#include "store_failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { LIST_MEMORY = 1 << 30 /* octets for the summaries of all reports: some million */ };

struct entry {
    struct report_item item;
    struct entry *next;
};

struct preview {
    struct report_send *run;
    struct arena *arena;
    struct entry *first, **end;
    int64_t now;
    int64_t mails;   /* that would be sent */
    int64_t waiting; /* reports whose time has not come */
    int64_t kept;    /* mails that something keeps back */
    int64_t skipped; /* reports */
};

/* ---- what there is ---- */

static struct report_item *keep(struct preview *preview, const struct store_summary *summary)
{
    struct entry *entry = arena_alloc(preview->arena, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->item.summary = *summary;
    entry->item.summary.domain = arena_bytes(preview->arena, summary->domain);
    entry->item.summary.rua = BYTES_EMPTY; /* read with the policy */
    entry->item.planned_at = preview->now;
    *preview->end = entry;
    preview->end = &entry->next;
    return &entry->item;
}

static bool keep_due(void *context, const struct store_summary *summary)
{
    return keep(context, summary) != NULL;
}

static bool keep_report(void *context, const struct store_report *report)
{
    struct report_item *item = keep(context, &report->summary);
    if (!item)
        return false;
    item->state = report->state;
    item->planned_at = report->planned_at;
    snprintf(item->report_id, sizeof(item->report_id), "%s", report->report_id);
    return true;
}

/* ---- one report ---- */

/* A line about one destination. */
static void to(const char *mark, struct bytes address, struct arena *arena, const char *text)
{
    printf("  %-5s %s  %s\n", mark, report_shown(arena, address), text);
}

struct known {
    struct arena *arena;
    struct store_delivery items[REPORT_DELIVERIES_MAX];
    size_t count;
};

static bool keep_delivery(void *context, const struct store_delivery *delivery)
{
    struct known *known = context;
    struct store_delivery *kept = &known->items[known->count++];
    *kept = *delivery;
    kept->address = arena_bytes(known->arena, delivery->address);
    kept->error = arena_bytes(known->arena, delivery->error);
    return known->count < REPORT_DELIVERIES_MAX;
}

static const struct store_delivery *find(const struct known *known, struct bytes address)
{
    for (size_t i = 0; i < known->count; i++) {
        if (bytes_equal(known->items[i].address, address))
            return &known->items[i];
    }
    return NULL;
}

/* What keeps a mail to this address back, in the run's arena; NULL: it would be sent. *good: the
 * store could be asked. */
static const char *held_back(struct preview *preview, struct bytes address, bool *good)
{
    struct report_send *run = preview->run;
    char text[REPORT_TIME_TEXT];
    int64_t until = 0, count = 0;
    *good = store_destination_suppressed(run->store, address, preview->now, &until) &&
            store_sent_since(run->store, address, preview->now - REPORT_DAY_SECONDS, &count);
    if (until > 0)
        return arena_printf(run->arena, "%s%s", report_suppressed(until, text),
                            until < REPORT_FOREVER ? ": it refused too many reports" : "");
    if (run->sent_before + preview->mails >= run->config->daily_maximum)
        return "waits: ReportDailyMaximum is reached";
    if (count >= run->config->destination_maximum)
        return "waits: ReportDestinationMaximum is reached for this address";
    return NULL;
}

static bool preview_good(struct preview *preview, const struct report_destination *destination,
                         const struct known *known)
{
    struct report_send *run = preview->run;
    const struct store_delivery *delivery = find(known, destination->address);
    char text[REPORT_TIME_TEXT];
    bool good = true;
    const char *why = NULL;
    if (delivery && delivery->state != STORE_DELIVERY_PENDING)
        why = store_delivery_state_name(delivery->state);
    else if (delivery && delivery->next_try > preview->now)
        why = arena_printf(run->arena, "waits until %s after a failed try",
                           report_time(delivery->next_try, text));
    else
        why = held_back(preview, destination->address, &good);
    preview->kept += why != NULL;
    preview->mails += why == NULL;
    to(why ? "not" : "to", destination->address, run->arena, why ? why : destination->reason);
    return good;
}

static bool preview_destinations(struct preview *preview, const struct report_item *item,
                                 const struct report_policy *policy)
{
    struct report_send *run = preview->run;
    struct known known = {.arena = run->arena};
    struct report_destinations found;
    if (item->summary.report &&
        !store_deliveries(run->store, item->summary.report, keep_delivery, &known))
        return false;
    report_send_destinations(run, item->summary.domain, policy, &found);
    for (size_t i = 0; i < found.count; i++) {
        const struct report_destination *destination = &found.items[i];
        if (destination->fate == REPORT_DESTINATION_GOOD) {
            if (!preview_good(preview, destination, &known))
                return false;
        } else {
            to(destination->fate == REPORT_DESTINATION_TEMPORARY ? "later" : "not",
               destination->address, run->arena, destination->reason);
        }
    }
    if (found.ignored > 0)
        printf("  not   %zu further URIs: no mailto:, or beyond ReportMaximumURIs\n",
               found.ignored);
    if (found.good == 0 && found.temporary == 0) {
        puts("  not   nobody is left to send it to");
        preview->skipped++;
    }
    return true;
}

static bool preview_xml(struct preview *preview, const struct report_item *item,
                        const struct report_policy *policy)
{
    const char *why = NULL;
    struct bytes xml;
    if (!report_send_xml(preview->run, item, policy, false, &xml, &why)) {
        if (why)
            printf("  no XML: %s\n", why);
        return why != NULL;
    }
    printf("%.*s\n", BYTES_ARGS(xml));
    return true;
}

static void headline(const struct report_item *item)
{
    const struct store_summary *summary = &item->summary;
    char period[REPORT_TIME_TEXT];
    printf("%.*s  %s  %" PRId64 " messages in %" PRId64 " records, %" PRId64 " passed, %" PRId64
           " accepted%s%s\n",
           BYTES_ARGS(summary->domain), report_period(summary->begin, summary->end, period),
           summary->messages, summary->tuples, summary->passed, summary->accepted,
           *item->report_id ? ", report " : "", item->report_id);
}

static bool preview_item(struct preview *preview, const struct report_item *item)
{
    struct report_send *run = preview->run;
    struct report_policy policy;
    char text[REPORT_TIME_TEXT];
    int64_t due;
    const char *why = item->state == STORE_REPORT_OPEN
                          ? NULL
                          : report_rules_impolite(run->config, &item->summary);
    headline(item);
    if (item->summary.end > preview->now)
        puts("  later this time is not over; more may come");
    if (why) {
        printf("  not   %s\n", why);
        preview->skipped++;
        return true;
    }
    if (item->state == STORE_REPORT_PLANNED && report_send_is_early(run, &item->summary, &due)) {
        printf("  later due at %s (ReportJitter)\n", report_time(due, text));
        preview->waiting++;
    }
    if (!store_policy(run->store, run->arena, item->summary.policy, &policy))
        return false;
    return preview_destinations(preview, item, &policy) &&
           (!run->request->verbose || preview_xml(preview, item, &policy));
}

/* ---- the whole ---- */

static void summary(const struct preview *preview, int64_t failures)
{
    if (failures > 0)
        printf("%" PRId64
               " failure reports wait; each goes once the hour of its failures is over.\n",
               failures);
    if (!preview->first) {
        puts("No report is due. (\"assay report show\" has what is recorded of a time that is "
             "not over; --day=YYYY-MM-DD takes it as if it were.)");
        return;
    }
    printf("\n%" PRId64 " mails would be sent, %" PRId64 " held back; %" PRId64
           " reports skipped, %" PRId64 " wait for their time. Nothing was sent or changed.\n",
           preview->mails, preview->kept, preview->skipped, preview->waiting);
    const struct config *config = preview->run->runtime->config;
    if (!config->keys.key_table && !config->keys.key_directory)
        report_send_say_unsigned(preview->run, "no keys are configured");
}

void report_send_preview(struct report_send *run, const struct store_filter *filter)
{
    struct preview preview = {
        .run = run, .arena = arena_new(LIST_MEMORY), .now = report_send_now(run)};
    int64_t failures = 0;
    preview.end = &preview.first;
    bool good = preview.arena &&
                store_sent_since(run->store, BYTES_EMPTY, preview.now - REPORT_DAY_SECONDS,
                                 &run->sent_before) &&
                store_reports(run->store, 1 << STORE_REPORT_PLANNED | 1 << STORE_REPORT_OPEN,
                              filter, 0, INT64_MAX, keep_report, &preview) &&
                store_due(run->store, filter, keep_due, &preview) &&
                store_failures_waiting(run->store, &failures);
    for (const struct entry *entry = preview.first; good && entry; entry = entry->next) {
        arena_reset(run->arena);
        good = preview_item(&preview, &entry->item);
    }
    if (!preview.arena || arena_failed(preview.arena)) {
        fputs("assay: out of memory\n", stderr);
        run->exit_code = EX_OSERR;
    } else if (!good) {
        report_send_store_failed(run);
    }
    if (good)
        summary(&preview, failures);
    arena_free(preview.arena);
}
