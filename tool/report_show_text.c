/* report_show_text.c - `assay report show` for people; see report_show.h. */
#include "report_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DOMAIN_WIDTH_MIN = 16, /* columns */
    DOMAIN_WIDTH_MAX = 40,
    PERIOD_WIDTH = 22,
};

static void title(const char *text)
{
    static bool again;
    const bool bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    printf("%s%s%s%s\n", again ? "\n" : "", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
    again = true;
}

/* "12.3 MB" */
static const char *size_text(uint64_t octets, char *buf, size_t size)
{
    static const char *const units[] = {"octets", "kB", "MB", "GB", "TB"};
    double value = (double)octets;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    snprintf(buf, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return buf;
}

static int domain_width(const struct report_show_entries *list)
{
    size_t width = DOMAIN_WIDTH_MIN;
    for (const struct report_show_entry *entry = list->first; entry; entry = entry->next) {
        if (entry->report.summary.domain.len > width)
            width = entry->report.summary.domain.len;
    }
    return width < DOMAIN_WIDTH_MAX ? (int)width : DOMAIN_WIDTH_MAX;
}

static void head(int width, const char *last)
{
    printf("  %-*s  %-*s %9s %9s %9s  %s\n", width, "policy domain", PERIOD_WIDTH, "period (UTC)",
           "messages", "passed", "accepted", last);
}

static void columns(const struct store_summary *summary, int width)
{
    char period[REPORT_TIME_TEXT];
    printf("  %-*.*s  %-*s %9" PRId64 " %9" PRId64 " %9" PRId64 "  ", width,
           BYTES_ARGS(summary->domain), PERIOD_WIDTH,
           report_period(summary->begin, summary->end, period), summary->messages, summary->passed,
           summary->accepted);
}

static void waiting(struct report_show *show)
{
    int width = domain_width(&show->waiting);
    title("Waiting to be reported");
    if (show->waiting.count == 0) {
        puts("  nothing");
        return;
    }
    head(width, "to");
    for (const struct report_show_entry *entry = show->waiting.first; entry; entry = entry->next) {
        const struct store_summary *summary = &entry->report.summary;
        columns(summary, width);
        printf("%s%s\n", report_shown(show->arena, summary->rua),
               summary->end > show->now ? "  (not over yet)" : "");
    }
    printf("  %zu reports, %" PRId64 " messages\n", show->waiting.count, show->waiting.messages);
}

/* ---- reports ---- */

static void delivery_line(struct report_show *show, const struct store_delivery *delivery,
                          int indent)
{
    char text[REPORT_TIME_TEXT];
    const char *error = report_shown(show->arena, delivery->error);
    printf("%*s%s  %s", indent, "", report_shown(show->arena, delivery->address),
           store_delivery_state_name(delivery->state));
    if (delivery->state == STORE_DELIVERY_PENDING)
        printf(", tried %" PRId64 " times, next after %s", delivery->attempts,
               report_time(delivery->next_try, text));
    else
        printf(" %s", report_time(delivery->changed, text));
    printf("%s%s\n", *error ? ": " : "", error);
}

static bool has_trouble(const struct report_show_entry *entry)
{
    if (entry->report.state == STORE_REPORT_OPEN)
        return true;
    for (const struct report_show_delivery *one = entry->deliveries; one; one = one->next) {
        if (one->delivery.state != STORE_DELIVERY_SENT)
            return true;
    }
    return false;
}

static void one_report(struct report_show *show, const struct report_show_entry *entry, int width)
{
    const char *note = report_shown(show->arena, entry->report.note);
    columns(&entry->report.summary, width);
    printf("%s%s%s\n", report_show_state(entry->report.state), *note ? ": " : "", note);
    for (const struct report_show_delivery *one = entry->deliveries; one; one = one->next)
        delivery_line(show, &one->delivery, 6);
}

static void reports(struct report_show *show)
{
    int width = domain_width(&show->reports);
    int64_t by_state[STORE_REPORT_SKIPPED + 1] = {0};
    bool all = show->reports.count <= REPORT_SHOW_LINES;
    title("Reports made lately");
    if (show->reports.count == 0) {
        puts("  none");
        return;
    }
    head(width, "state");
    for (const struct report_show_entry *entry = show->reports.first; entry; entry = entry->next) {
        by_state[entry->report.state]++;
        if (all || has_trouble(entry))
            one_report(show, entry, width);
    }
    printf("  %zu reports, %" PRId64 " messages: %" PRId64 " done, %" PRId64 " skipped, %" PRId64
           " open, %" PRId64 " planned%s\n",
           show->reports.count, show->reports.messages, by_state[STORE_REPORT_DONE],
           by_state[STORE_REPORT_SKIPPED], by_state[STORE_REPORT_OPEN],
           by_state[STORE_REPORT_PLANNED],
           all ? "" : " (listed: those with trouble; --domain and --day show the others)");
}

/* ---- the rest ---- */

static void destinations(struct report_show *show)
{
    char text[REPORT_TIME_TEXT];
    if (!show->destinations)
        return;
    title("Addresses that refuse, or are suppressed");
    for (const struct report_show_destination *one = show->destinations; one; one = one->next) {
        const struct store_destination *to = &one->destination;
        const char *error = report_shown(show->arena, to->error);
        printf("  %-*s  ", DOMAIN_WIDTH_MAX, report_shown(show->arena, to->address));
        if (to->suppressed_until > show->now)
            printf("%s%s", report_suppressed(to->suppressed_until, text),
                   to->refusals > 0 ? ", " : "");
        if (to->refusals > 0)
            printf("%" PRId64 " refused in a row%s%s", to->refusals, *error ? ": " : "", error);
        putchar('\n');
    }
}

static void losses(struct report_show *show)
{
    char text[REPORT_TIME_TEXT];
    if (!show->losses)
        return;
    title("Could not be recorded");
    for (const struct report_show_loss *one = show->losses; one; one = one->next)
        printf("  %s: %" PRId64 " messages, the last before %s: %s\n",
               report_shown(show->arena, one->loss.host), one->loss.messages,
               report_time(one->loss.last, text), report_shown(show->arena, one->loss.cause));
}

static void totals(const struct report_show *show)
{
    enum { SIZE_TEXT = 32 };
    const struct store_totals *totals = &show->totals;
    char size[SIZE_TEXT];
    title("Store");
    printf("  %-9s %" PRId64 ", %" PRId64 " of them not yet in a report\n", "messages",
           totals->messages, totals->unreported);
    printf("  %-9s %" PRId64 " of %" PRId64 " policies\n", "records", totals->tuples,
           totals->policies);
    printf("  %-9s %" PRId64 ", %" PRId64 " not finished\n", "reports", totals->reports,
           totals->reports_open);
    if (show->failures > 0)
        printf("  %-9s %" PRId64 " failure reports wait\n", "failures", show->failures);
    if (totals->octets > 0)
        printf("  %-9s %s\n", "size", size_text((uint64_t)totals->octets, size, sizeof(size)));
    printf("  %-9s %s\n", "journal",
           show->backlog_known ? size_text(show->backlog, size, sizeof(size))
                               : "cannot be looked at by this user");
}

void report_show_text(struct report_show *show)
{
    waiting(show);
    reports(show);
    destinations(show);
    losses(show);
    totals(show);
}
