/* report_open.c - what the commands of `assay report` share; see report_open.h. */
#include "report_open.h"

#include "report_rules.h"
#include "runtime_open.h"
#include "strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

struct config *report_open_config(const char *given, FILE *words, int *code)
{
    struct config *config = open_config_file(config_path(given), NULL, 0);
    if (!config) {
        *code = EX_CONFIG;
        return NULL;
    }
    if (!config->report.store) {
        fputs("Reports are off: ReportStore is not set (assay.conf(5)).\n", words);
        *code = EX_OK;
        config_unref(config);
        return NULL;
    }
    return config;
}

/* ---- the store ---- */

static int exit_code(enum sql_trouble trouble)
{
    switch (trouble) {
    case SQL_FINE:
    case SQL_BUSY:
    case SQL_AWAY:
        return EX_TEMPFAIL;
    case SQL_FULL: /* or not writable */
    case SQL_CORRUPT:
    case SQL_WRONG:
        break;
    }
    return EX_UNAVAILABLE; /* somebody has to do something */
}

/* What to do is in the text already. */
static int say_trouble(enum sql_trouble trouble, const char *error)
{
    bool passes = trouble == SQL_BUSY || trouble == SQL_AWAY;
    fprintf(stderr, "assay: ReportStore: %s%s\n", error, passes ? "; nothing is lost" : "");
    return exit_code(trouble);
}

struct store *report_open_store(const struct report_config *config, enum sql_use use, FILE *words,
                                int *code)
{
    char error[SQL_ERROR_MAX];
    enum sql_trouble trouble = SQL_WRONG;
    if (config->store[0] == '/' && access(config->store, F_OK) != 0 && errno == ENOENT) {
        fprintf(words, "%s does not exist yet: assayd makes it with the first result.\n",
                config->store);
        *code = EX_OK;
        return NULL;
    }
    struct store *store = store_open(config->store, use, error, &trouble);
    if (!store)
        *code = say_trouble(trouble, error);
    return store;
}

int report_store_trouble(const struct store *store)
{
    return say_trouble(store_trouble(store), store_error(store));
}

/* ---- words ---- */

static void format(int64_t at, const char *how, char *buf, size_t size)
{
    time_t seconds = (time_t)at;
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(buf, size, how, &tm) == 0)
        snprintf(buf, size, "?");
}

const char *report_time(int64_t time, char *buf)
{
    format(time, "%Y-%m-%d %H:%M", buf, REPORT_TIME_TEXT);
    return buf;
}

const char *report_period(int64_t begin, int64_t end, char *buf)
{
    enum { DATE = 20, HOURS = 8 };
    char date[DATE], from[HOURS], to[HOURS];
    format(begin, "%Y-%m-%d", date, sizeof(date));
    if (end - begin == REPORT_DAY_SECONDS && begin % REPORT_DAY_SECONDS == 0) {
        snprintf(buf, REPORT_TIME_TEXT, "%s", date);
        return buf;
    }
    format(begin, "%H:%M", from, sizeof(from));
    format(end, "%H:%M", to, sizeof(to));
    snprintf(buf, REPORT_TIME_TEXT, "%s %s-%s", date, from, to);
    return buf;
}

const int64_t REPORT_FOREVER = 253402300799;

const char *report_suppressed(int64_t until, char *buf)
{
    snprintf(buf, REPORT_TIME_TEXT, "suppressed by hand");
    if (until < REPORT_FOREVER)
        format(until, "suppressed until %Y-%m-%d %H:%M", buf, REPORT_TIME_TEXT);
    return buf;
}

const char *report_shown(struct arena *arena, struct bytes text)
{
    struct strbuf shown;
    strbuf_init(&shown, arena);
    strbuf_printable(&shown, text, REPORT_SHOWN_MAX);
    return strbuf_string(&shown);
}
