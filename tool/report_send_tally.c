/* report_send_tally.c - what is said of a run: a bar while it lasts, lines for what went wrong, a
 * summary; see report_send.h. */
#include "report_send.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    REDRAW_US = 100000, /* at most ten times a second */
    BAR_MAX = 30,       /* columns of the bar itself */
    COLUMNS_MIN = 40,
    COLUMNS_DEFAULT = 80,
    LINE_MAX_OCTETS = 512,
};

static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col < LINE_MAX_OCTETS ? size.ws_col : LINE_MAX_OCTETS - 1;
}

static void draw(struct report_send *run)
{
    const struct report_tally *tally = &run->tally;
    char line[LINE_MAX_OCTETS], bar[BAR_MAX + 1];
    int width = columns();
    int64_t total = tally->total > tally->looked_at ? tally->total : tally->looked_at;
    int64_t full = total > 0 ? tally->looked_at * BAR_MAX / total : 0;
    for (int i = 0; i < BAR_MAX; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_MAX] = '\0';
    int len =
        snprintf(line, sizeof(line),
                 "[%s] %" PRId64 "/%" PRId64 "  %" PRId64 " sent, %" PRId64 " refused, %" PRId64
                 " left  %.*s",
                 width > 2 * COLUMNS_MIN - 1 ? bar : bar + BAR_MAX - 1, tally->looked_at, total,
                 tally->sent, tally->refused, total - tally->looked_at, BYTES_ARGS(tally->domain));
    if (len > 0)
        fprintf(stderr, "\r%.*s\033[K", width - 1, line);
}

void report_tally_show(struct report_send *run)
{
    struct report_tally *tally = &run->tally;
    const struct policy_env *env = &run->runtime->env;
    if (!tally->bar)
        return;
    int64_t now = env->monotonic_us(env->clock);
    if (tally->drawn_us && now - tally->drawn_us < REDRAW_US)
        return;
    draw(run);
    fflush(stderr);
    tally->drawn_us = now;
    tally->drawn = true;
}

void report_tally_hide(struct report_send *run)
{
    if (run->tally.drawn)
        fputs("\r\033[K", stderr);
    run->tally.drawn = false;
}

void report_send_say(struct report_send *run, const char *format, ...)
{
    va_list arguments;
    if (run->request->quiet)
        return;
    report_tally_hide(run);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* ---- summary ---- */

static void line(const char *label, int64_t count, const char *text)
{
    if (count > 0)
        printf("%-10s %6" PRId64 "  %s\n", label, count, text);
}

static void left(const struct report_send *run)
{
    const struct report_tally *tally = &run->tally;
    line("later", tally->not_due, "reports: their time within ReportJitter has not come");
    line("later", tally->elsewhere, "reports: another process is working on them");
    line("later", tally->unresolved, "reports: the DNS did not answer for some destination");
    line("later", tally->waiting, "mails: the pause after a failed try is not over");
    line("later", tally->temporary,
         "mails: the mail server could not be reached, or said \"not now\"");
    line("later", tally->over_destination,
         "mails: ReportDestinationMaximum is reached for their address");
    if (run->stop == REPORT_STOP_DAILY)
        printf("%-10s %6" PRId64
               "  reports: ReportDailyMaximum (%u mails in 24 hours) is reached\n",
               "later", tally->total - tally->looked_at, run->config->daily_maximum);
    else if (run->stop == REPORT_STOP_SIGNAL)
        line("later", tally->total - tally->looked_at, "reports: stopped by a signal");
    else if (run->stop != REPORT_GO_ON)
        line("later", tally->total - tally->looked_at, "reports: not looked at");
}

/* No report was at hand, and no failure report that something became of. */
static bool nothing_happened(const struct report_tally *tally)
{
    return tally->total == 0 && tally->sent == 0 && tally->refused == 0 && tally->temporary == 0 &&
           tally->unverified == 0 && tally->suppressed == 0 && tally->failures_dropped == 0;
}

void report_tally_summary(struct report_send *run)
{
    const struct report_tally *tally = &run->tally;
    report_tally_hide(run);
    if (run->request->quiet)
        return;
    if (nothing_happened(tally) && run->stop == REPORT_GO_ON) {
        puts("Nothing is to be reported.");
        return;
    }
    printf("%-10s %6" PRId64 "  mails; %" PRId64 " of %" PRId64 " reports are done\n", "sent",
           tally->sent, tally->done, tally->total);
    line("of these", tally->failures, "mails with failure reports");
    line("dropped", tally->failures_dropped, "failure reports over FailureReportMaximum");
    line("skipped", tally->skipped, "reports: nothing to tell, excluded, or no address");
    line("unverified", tally->unverified, "destinations without agreement, or no address");
    line("refused", tally->refused, "mails");
    line("suppressed", tally->suppressed,
         "mails to addresses that refused too many, or that we send nothing");
    line("expired", tally->expired, "mails, after two days");
    left(run);
}
