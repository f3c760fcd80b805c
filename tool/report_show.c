/* report_show.c - `assay report show`: what waits, what was sent, who refuses, what was lost; see
 * report_show.h. Reads alone. */
#include "report_show.h"

#include "report.h"
#include "report_rules.h"
#include "store_failure.h"

#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

enum {
    KEY_DOMAIN = 256,
    KEY_DAY,
    KEY_JSON,
    MEMORY_MAX = 1 << 30, /* octets for all that is shown: some million reports */
};

struct request {
    const char *config_path; /* NULL: the daemon's */
    const char *domain;      /* NULL: all */
    int64_t day;             /* 00:00 UTC; -1: all */
    bool json;
};

static const struct argp_option rows[] = {
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"domain", KEY_DOMAIN, "DOMAIN", 0, "Only what concerns this policy domain", 0},
    {"day", KEY_DAY, "YYYY-MM-DD", 0, "Only this day (UTC)", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'c':
        request->config_path = argument;
        return 0;
    case KEY_DOMAIN:
        request->domain = argument;
        return 0;
    case KEY_DAY:
        if (!report_rules_day(argument, &request->day))
            argp_error(state, "%s is no day; write it as 2026-11-22", argument);
        return 0;
    case KEY_JSON:
        request->json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: there is nothing to name but --domain and --day", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .doc = "Show what waits to be reported, what was sent and with which answer, who refuses, and "
           "what could not be recorded. Changes nothing.",
};

const char *report_show_state(enum store_report_state state)
{
    static const char *const names[] = {
        [STORE_REPORT_PLANNED] = "planned",
        [STORE_REPORT_OPEN] = "open",
        [STORE_REPORT_DONE] = "done",
        [STORE_REPORT_SKIPPED] = "skipped",
    };
    return names[state];
}

/* ---- collecting ---- */

static bool keep_report(struct arena *arena, const struct store_report *report,
                        struct report_show_entries *list)
{
    struct report_show_entry *entry = arena_alloc(arena, sizeof(*entry));
    if (!entry)
        return false;
    entry->report = *report;
    entry->report.summary.domain = arena_bytes(arena, report->summary.domain);
    entry->report.summary.rua = arena_bytes(arena, report->summary.rua);
    entry->report.note = arena_bytes(arena, report->note);
    list->count++;
    list->messages += report->summary.messages;
    *list->end = entry;
    list->end = &entry->next;
    return true;
}

static bool add_waiting(void *context, const struct store_summary *summary)
{
    struct report_show *show = context;
    struct store_report report = {.summary = *summary};
    return keep_report(show->arena, &report, &show->waiting);
}

static bool add_report(void *context, const struct store_report *report)
{
    struct report_show *show = context;
    return keep_report(show->arena, report, &show->reports);
}

struct deliveries {
    struct arena *arena;
    struct report_show_delivery **end;
};

static bool add_delivery(void *context, const struct store_delivery *delivery)
{
    struct deliveries *list = context;
    struct report_show_delivery *kept = arena_alloc(list->arena, sizeof(*kept));
    if (!kept)
        return false;
    kept->delivery = *delivery;
    kept->delivery.address = arena_bytes(list->arena, delivery->address);
    kept->delivery.error = arena_bytes(list->arena, delivery->error);
    *list->end = kept;
    list->end = &kept->next;
    return true;
}

static bool read_deliveries(struct store *store, struct report_show *show)
{
    for (struct report_show_entry *entry = show->reports.first; entry; entry = entry->next) {
        struct deliveries list = {.arena = show->arena, .end = &entry->deliveries};
        if (!store_deliveries(store, entry->report.summary.report, add_delivery, &list))
            return false;
    }
    return true;
}

static bool add_destination(void *context, const struct store_destination *destination)
{
    struct report_show *show = context;
    if (destination->refusals == 0 && destination->suppressed_until <= show->now)
        return true;
    struct report_show_destination *kept = arena_alloc(show->arena, sizeof(*kept));
    if (!kept)
        return false;
    kept->destination = *destination;
    kept->destination.address = arena_bytes(show->arena, destination->address);
    kept->destination.error = arena_bytes(show->arena, destination->error);
    kept->next = show->destinations;
    show->destinations = kept;
    return true;
}

static bool add_loss(void *context, const struct store_loss *loss)
{
    struct report_show *show = context;
    struct report_show_loss *kept = arena_alloc(show->arena, sizeof(*kept));
    if (!kept)
        return false;
    kept->loss = *loss;
    kept->loss.host = arena_bytes(show->arena, loss->host);
    kept->loss.cause = arena_bytes(show->arena, loss->cause);
    kept->next = show->losses;
    show->losses = kept;
    return true;
}

/* What assayd has on disk and not yet in the store. Unknown without the right to look. */
static void measure_backlog(const char *directory, struct report_show *show)
{
    static const char suffix[] = ".journal";
    DIR *opened = opendir(directory);
    struct stat status;
    show->backlog_known = opened || errno == ENOENT; /* none was made yet */
    if (!opened)
        return;
    for (struct dirent *file; (file = readdir(opened)) != NULL;) {
        size_t len = strlen(file->d_name);
        if (len > strlen(suffix) && strcmp(file->d_name + len - strlen(suffix), suffix) == 0 &&
            fstatat(dirfd(opened), file->d_name, &status, 0) == 0)
            show->backlog += (uint64_t)status.st_size;
    }
    closedir(opened);
}

/* ---- the whole ---- */

static bool collect(struct store *store, const struct store_filter *filter,
                    struct report_show *show)
{
    struct store_filter lately = *filter;
    if (lately.begin < show->now - REPORT_SHOW_DAYS * REPORT_DAY_SECONDS && lately.begin == 0)
        lately.begin = report_rules_last_end(show->now, REPORT_DAY_SECONDS) -
                       REPORT_SHOW_DAYS * REPORT_DAY_SECONDS;
    const unsigned all = 1 << STORE_REPORT_PLANNED | 1 << STORE_REPORT_OPEN |
                         1 << STORE_REPORT_DONE | 1 << STORE_REPORT_SKIPPED;
    return store_due(store, filter, add_waiting, show) &&
           store_reports(store, all, &lately, 0, INT64_MAX, add_report, show) &&
           read_deliveries(store, show) && store_destinations(store, add_destination, show) &&
           store_losses(store, show->now - REPORT_SHOW_LOSS_DAYS * REPORT_DAY_SECONDS, add_loss,
                        show) &&
           store_totals(store, &show->totals) && store_failures_waiting(store, &show->failures);
}

/* With the period that is not over, which `send` leaves alone. */
static struct store_filter filter_of(const struct request *request,
                                     const struct report_config *config, struct report_show *show)
{
    struct store_filter filter = {.period = config->interval};
    filter.end = report_rules_last_end(show->now, config->interval) + config->interval;
    if (request->day >= 0) {
        filter.begin = request->day;
        filter.end = request->day + REPORT_DAY_SECONDS;
    }
    if (request->domain)
        filter.domain = domain_bytes(domain_parse(show->arena, bytes_of(request->domain)));
    return filter;
}

/* Programs read standard output. */
static FILE *words_of(const struct request *request)
{
    return request->json ? stderr : stdout;
}

/* There is no store, which is no trouble; why was said. */
static void show_nothing(const struct request *request, int code)
{
    if (request->json && code == EX_OK)
        puts("{}");
}

static int run(const struct request *request, const struct report_config *config,
               struct report_show *show)
{
    int code = EX_OK;
    struct store_filter filter = filter_of(request, config, show);
    show->waiting.end = &show->waiting.first;
    show->reports.end = &show->reports.first;
    if (request->domain && filter.domain.len == 0) {
        fprintf(stderr, "assay: %s is no domain name\n", request->domain);
        return EX_USAGE;
    }
    struct store *store = report_open_store(config, SQL_READ_ONLY, words_of(request), &code);
    if (!store) {
        show_nothing(request, code);
        return code;
    }
    measure_backlog(config->journal, show);
    if (!collect(store, &filter, show))
        code = report_store_trouble(store);
    else if (arena_failed(show->arena))
        code = EX_OSERR;
    else if (request->json)
        report_show_json(show);
    else
        report_show_text(show);
    store_close(store);
    return code;
}

int report_show(int argc, char **argv)
{
    struct request request = {.day = -1};
    int code = EX_OK;
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);

    struct report_show show = {.arena = arena_new(MEMORY_MAX), .now = (int64_t)time(NULL)};
    struct config *config = report_open_config(request.config_path, words_of(&request), &code);
    if (!config)
        show_nothing(&request, code);
    else
        code = show.arena ? run(&request, &config->report, &show) : EX_OSERR;
    if (code == EX_OSERR)
        fputs("assay: out of memory\n", stderr);
    config_unref(config);
    arena_free(show.arena);
    return code;
}
