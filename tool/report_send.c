/* report_send.c - `assay report send`: makes reports of what is in the store, and sends what is
 * due; see report_send.h. The timer runs it every hour on every host. */
#include "report_send.h"

#include "report.h"
#include "report_open.h"
#include "runtime_open.h"

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    KEY_DOMAIN = 256,
    KEY_DAY,
    KEY_DRY_RUN,
    KEY_NOW,
    KEY_ALL_DUE,
    NAMES_MEMORY = 1 << 16,  /* octets for the name of --domain */
    BATCH_MEMORY = 16 << 20, /* octets for REPORT_BATCH summaries */
    HOST_MAX = 256,          /* octets of this host's name, with NUL */
};

static const struct argp_option rows[] = {
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"domain", KEY_DOMAIN, "DOMAIN", 0, "Only the reports on this policy domain, at once", 0},
    {"day", KEY_DAY, "YYYY-MM-DD", 0, "Only the reports on this day (UTC), at once", 0},
    {"dry-run", KEY_DRY_RUN, NULL, 0,
     "Show what would be sent to whom, and why not; send and change nothing (-v: with the XML)", 0},
    {"all-due", KEY_ALL_DUE, NULL, 0, "Do not wait for ReportJitter", 0},
    {"now", KEY_NOW, "EPOCH", 0, "Seconds since 1970 to take for the time, for tests", 0},
    {"quiet", 'q', NULL, 0, "Say only what is wrong here", 0},
    {"verbose", 'v', NULL, 0, "Say what is sent, skipped and waiting as well", 0},
    {0},
};

/* ---- command line ---- */

static void set_domain(struct argp_state *state, const char *text)
{
    static struct arena *names; /* one name, for the life of the tool */
    struct report_send_request *request = state->input;
    arena_free(names);
    names = arena_new(NAMES_MEMORY);
    request->domain = names ? domain_bytes(domain_parse(names, bytes_of(text))) : BYTES_EMPTY;
    if (request->domain.len == 0)
        argp_error(state, "%s is no domain name", text);
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct report_send_request *request = state->input;
    unsigned long long number;
    switch (key) {
    case 'c':
        request->config_path = argument;
        return 0;
    case KEY_DOMAIN:
        set_domain(state, argument);
        return 0;
    case KEY_DAY:
        if (!report_rules_day(argument, &request->day))
            argp_error(state, "%s is no day; write it as 2026-11-22", argument);
        return 0;
    case KEY_NOW:
        if (!bytes_to_number(bytes_of(argument), INT64_MAX / 2, &number))
            argp_error(state, "%s is no number of seconds", argument);
        request->now = (int64_t)number;
        return 0;
    case KEY_DRY_RUN:
        request->dry_run = true;
        return 0;
    case KEY_ALL_DUE:
        request->all_due = true;
        return 0;
    case 'q':
        request->quiet = true;
        return 0;
    case 'v':
        request->verbose = true;
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
    .doc = "Send the DMARC reports that are due.\vExit 0: all went well, or nothing was to do; 69: "
           "the mail server cannot be used; 75: something is left for the next run because the "
           "store or the mail server had trouble; 78: configuration.",
};

/* ---- a run ---- */

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
}

/* The mail at hand is finished and marked before we go. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

int64_t report_send_now(const struct report_send *run)
{
    return run->runtime->env.epoch(run->runtime->env.clock);
}

bool report_send_is_early(const struct report_send *run, const struct store_summary *summary,
                          int64_t *due)
{
    const struct report_send_request *request = run->request;
    *due = report_rules_due(run->host, summary->domain, summary->end, run->config->jitter);
    return !request->all_due && request->day < 0 && request->domain.len == 0 &&
           *due > report_send_now(run);
}

bool report_send_store_failed(struct report_send *run)
{
    report_tally_hide(run);
    if (run->stop != REPORT_STOP_STORE)
        run->exit_code = report_store_trouble(run->store);
    run->stop = REPORT_STOP_STORE;
    return false;
}

/* Complete periods; of those that are just over, other hosts may still have results to add. Only
 * to look, a day may also be one that is not over. */
static struct store_filter filter_of(const struct report_send *run)
{
    const struct report_send_request *request = run->request;
    int64_t interval = run->config->interval, now = report_send_now(run);
    struct store_filter filter = {.period = interval, .domain = request->domain};
    bool settled = !request->all_due && request->day < 0;
    filter.end =
        report_rules_last_end(settled ? now - REPORT_SETTLE_SECONDS : now, run->config->interval);
    if (request->day >= 0) {
        filter.begin = request->day;
        if (request->dry_run || filter.end > request->day + REPORT_DAY_SECONDS)
            filter.end = request->day + REPORT_DAY_SECONDS;
    }
    return filter;
}

struct batch {
    struct arena *arena;
    struct report_item items[REPORT_BATCH];
    size_t count;
};

static bool keep_item(void *context, const struct store_report *report)
{
    struct batch *batch = context;
    struct report_item *item = &batch->items[batch->count++];
    *item = (struct report_item){
        .summary = report->summary, .state = report->state, .planned_at = report->planned_at};
    memcpy(item->report_id, report->report_id, sizeof(item->report_id));
    item->summary.domain = arena_bytes(batch->arena, report->summary.domain);
    item->summary.rua = BYTES_EMPTY; /* read with the policy */
    return batch->count < REPORT_BATCH;
}

enum { UNFINISHED = 1 << STORE_REPORT_PLANNED | 1 << STORE_REPORT_OPEN };

static void send_batch(struct report_send *run, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count && run->stop == REPORT_GO_ON; i++) {
        run->tally.domain = batch->items[i].summary.domain;
        report_tally_show(run);
        if (report_send_report(run, &batch->items[i]))
            run->tally.looked_at++;
        if (stop_signal && run->stop == REPORT_GO_ON)
            run->stop = REPORT_STOP_SIGNAL;
    }
    run->tally.domain = BYTES_EMPTY;
}

static void send_all(struct report_send *run, const struct store_filter *filter,
                     struct batch *batch)
{
    int64_t after = 0;
    while (run->stop == REPORT_GO_ON) {
        arena_reset(batch->arena);
        batch->count = 0;
        if (!store_reports(run->store, UNFINISHED, filter, after, REPORT_BATCH, keep_item, batch)) {
            report_send_store_failed(run);
            return;
        }
        if (batch->count == 0)
            return;
        after = batch->items[batch->count - 1].summary.report;
        send_batch(run, batch);
    }
}

static bool count_report(void *context, const struct store_report *report)
{
    (void)report;
    ++*(int64_t *)context;
    return true;
}

/* Results and reports of before ReportRetention go; refusals are forgotten where a later report
 * has not come back. */
static void keep_house(struct report_send *run)
{
    int64_t unreported = 0;
    if (run->stop == REPORT_STOP_STORE || stop_signal)
        return;
    if (!store_destinations_settle(run->store, report_send_now(run) - REPORT_BOUNCE_SECONDS) ||
        !store_expire(run->store, report_send_now(run) - run->config->retention, &unreported))
        report_send_store_failed(run);
    else if (unreported > 0)
        report_send_say(run, "%" PRId64 " results went unreported: older than ReportRetention",
                        unreported);
}

static void plan_and_send(struct report_send *run, const struct store_filter *filter)
{
    static struct batch batch; /* large; used once per run of the tool */
    int64_t planned = 0, now = report_send_now(run);
    batch.arena = arena_new(BATCH_MEMORY);
    if (!batch.arena) {
        run->exit_code = EX_OSERR;
        return;
    }
    if (!store_plan(run->store, filter, now, run->config->maximum_records, &planned) ||
        !store_reports(run->store, UNFINISHED, filter, 0, INT64_MAX, count_report,
                       &run->tally.total) ||
        !store_sent_since(run->store, BYTES_EMPTY, now - REPORT_DAY_SECONDS, &run->sent_before))
        report_send_store_failed(run);
    else
        send_all(run, filter, &batch);
    report_send_failures(run);
    keep_house(run);
    arena_free(batch.arena);
}

/* Nothing went out, and that is not the destinations' doing. */
static bool nothing_works(const struct report_tally *tally)
{
    return tally->temporary > 0 && tally->sent == 0 && tally->refused == 0;
}

static int finish(struct report_send *run)
{
    report_tally_summary(run);
    if (run->exit_code != EX_OK)
        return run->exit_code;
    return run->stop == REPORT_STOP_SIGNAL || nothing_works(&run->tally) ? EX_TEMPFAIL : EX_OK;
}

static bool open_transport(struct report_send *run)
{
    char error[TRANSPORT_ERROR_MAX];
    run->transport = transport_new(run->config->transport, REPORT_MAIL_MS, error);
    if (!run->transport)
        fprintf(stderr, "assay: ReportTransport %s: %s\n", run->config->transport, error);
    return run->transport != NULL;
}

static int run_over(struct report_send *run)
{
    const struct report_send_request *request = run->request;
    struct store_filter filter = filter_of(run);
    if (request->day >= 0 && filter.end <= filter.begin) {
        puts("That day has no period yet that is over (UTC).");
        return EX_OK;
    }
    if (request->dry_run) {
        report_send_preview(run, &filter);
        return run->exit_code;
    }
    if (!open_transport(run))
        return EX_CONFIG;
    catch_signals();
    run->tally.bar = isatty(STDERR_FILENO) && !request->quiet;
    plan_and_send(run, &filter);
    return finish(run);
}

static int send_with(const struct report_send_request *request, struct runtime *runtime,
                     struct store *store)
{
    char host[HOST_MAX];
    struct bytes sender = bytes_of(runtime->config->report.sender);
    struct report_send run = {.request = request,
                              .runtime = runtime,
                              .config = &runtime->config->report,
                              .store = store,
                              .arena = arena_new(REPORT_MEMORY_MAX)};
    if (gethostname(host, sizeof(host)) != 0)
        host[0] = '\0';
    host[HOST_MAX - 1] = '\0';
    run.host = bytes_of(host);
    run.receiver = bytes_slice(sender, bytes_find(sender, '@') + 1, sender.len);
    int code = run.arena ? run_over(&run) : EX_OSERR;
    transport_free(run.transport);
    arena_free(run.arena);
    return code;
}

int report_send(int argc, char **argv)
{
    struct report_send_request request = {.day = -1, .now = -1};
    int code = EX_OK;
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);

    struct config *config = report_open_config(request.config_path, stdout, &code);
    if (!config)
        return code;
    struct store *store = report_open_store(
        &config->report, request.dry_run ? SQL_READ_ONLY : SQL_READ_WRITE, stdout, &code);
    struct runtime *runtime =
        store ? runtime_over(config_ref(config), !request.dry_run, request.now) : NULL;
    if (runtime)
        code = send_with(&request, runtime, store);
    else if (store)
        code = EX_CONFIG;
    runtime_unref(runtime);
    store_close(store);
    config_unref(config);
    return code;
}
