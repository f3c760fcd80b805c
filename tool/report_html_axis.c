/* report_html_axis.c - where ticks stand, and which days share a bar. Numbers only, no output. */
#include "report_html_parts.h"

#include <string.h>
#include <time.h>

enum { DAY = 86400 };

/* ---- counts and rates ---- */

struct html_axis html_axis_for(uint64_t max, unsigned intervals)
{
    const uint64_t most = UINT64_C(10000000000000000000); /* the largest power of ten there is */
    static const unsigned factors[] = {1, 2, 5};
    if (max > most)
        max = most;
    if (max == 0)
        max = 1;
    for (uint64_t power = 1;; power *= 10) {
        for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
            uint64_t step = power * factors[i];
            uint64_t needed = max / step + (max % step != 0);
            if (needed <= intervals)
                return (struct html_axis){.step = step, .top = step * needed};
        }
    }
}

struct html_rate_axis html_rate_axis_for(double lowest)
{
    static const struct html_rate_axis axes[] = {{95, 1}, {90, 2}, {75, 5}, {50, 10}};
    for (size_t i = 0; i < sizeof axes / sizeof axes[0]; i++) {
        if (lowest >= axes[i].floor)
            return axes[i];
    }
    return (struct html_rate_axis){0, 25};
}

/* ---- days ---- */

bool html_is_plausible(int64_t time, int64_t now)
{
    const int64_t first_reports = 1325376000; /* 2012-01-01: DMARC was made public that month */
    return time >= first_reports && time - 2 * DAY < now;
}

static bool find_span(const struct report_figures *figures, int64_t now, int64_t *first,
                      int64_t *last)
{
    bool any = false;
    for (size_t i = 0; i < figures->day_count; i++) {
        const struct report_figures_day *day = &figures->days[i];
        if (!html_is_plausible(day->day, now))
            continue;
        if (!any || day->day < *first)
            *first = day->day;
        if (!any || day->day > *last)
            *last = day->day;
        any = true;
    }
    return any;
}

/* Weeks begin on Monday; 1970-01-05 was one. */
static int64_t monday_of(int64_t day)
{
    return day - ((day / DAY + 3) % 7) * DAY;
}

static void choose_width(struct html_days *days, int64_t first, int64_t last)
{
    static const int64_t widths[] = {1, 7, 28, 91, 364};
    int64_t span;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        days->width = widths[i];
        days->begin = days->width == 1 ? first : monday_of(first);
        span = (last - days->begin) / DAY + 1;
        if (span <= HTML_BUCKETS_MAX * days->width)
            break;
    }
    if (span > HTML_BUCKETS_MAX * days->width)
        days->width = span / HTML_BUCKETS_MAX + 1;
    days->count = (size_t)((span + days->width - 1) / days->width);
}

void html_days_of(const struct report_figures *figures, int64_t now, struct html_days *days)
{
    memset(days, 0, sizeof *days);
    int64_t first = 0, last = 0;
    uint64_t dated = 0;
    if (find_span(figures, now, &first, &last))
        choose_width(days, first - first % DAY, last - last % DAY);
    for (size_t i = 0; i < figures->day_count; i++) {
        const struct report_figures_day *day = &figures->days[i];
        if (!html_is_plausible(day->day, now))
            continue;
        dated = html_sum(dated, day->messages);
        struct html_bucket *bucket = &days->buckets[(day->day - days->begin) / (days->width * DAY)];
        bucket->messages = html_sum(bucket->messages, day->messages);
        bucket->passed = html_sum(bucket->passed, day->passed);
    }
    days->undated = html_failed(figures->messages, dated);
}

/* ---- dates below the plot ---- */

static bool civil(int64_t time, struct tm *tm)
{
    time_t when = (time_t)time;
    return gmtime_r(&when, tm) != NULL;
}

/* The first of the month that is `months` after the one of tm. */
static int64_t month_start(const struct tm *tm, int months)
{
    struct tm first = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon + months, .tm_mday = 1};
    return (int64_t)timegm(&first);
}

/* Every `step` days, each in the middle of its bar. */
static size_t ticks_of_days(const struct html_days *days, int64_t step, struct html_day_tick *ticks)
{
    size_t count = 0;
    for (int64_t i = 0; i < (int64_t)days->count && count < HTML_DAY_TICKS_MAX; i += step) {
        struct html_day_tick *tick = &ticks[count++];
        tick->time = days->begin + i * DAY;
        tick->x = ((double)i + 0.5) / (double)days->count;
    }
    return count;
}

/* The first of every month whose number divides by `step`; too many: 0. */
static size_t ticks_of_months(const struct html_days *days, int step, struct html_day_tick *ticks)
{
    struct tm tm;
    int64_t length = (int64_t)days->count * days->width * DAY;
    if (!civil(days->begin, &tm))
        return 0;
    int months = tm.tm_year * 12 + tm.tm_mon;
    int offset = (step - months % step) % step;
    size_t count = 0;
    for (;; offset += step) {
        int64_t time = month_start(&tm, offset);
        if (time >= days->begin + length)
            return count;
        if (time < days->begin)
            continue;
        if (count == HTML_DAY_TICKS_MAX)
            return 0;
        ticks[count].time = time;
        ticks[count++].x = (double)(time - days->begin) / (double)length;
    }
}

static size_t place_ticks(const struct html_days *days, struct html_day_tick *ticks, int *months)
{
    static const int64_t day_steps[] = {1, 2, 7};
    static const int month_steps[] = {1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 60000};
    *months = 0;
    for (size_t i = 0; days->width == 1 && i < sizeof day_steps / sizeof day_steps[0]; i++) {
        if ((int64_t)days->count <= day_steps[i] * (HTML_DAY_TICKS_MAX - 1))
            return ticks_of_days(days, day_steps[i], ticks);
    }
    for (size_t i = 0; i < sizeof month_steps / sizeof month_steps[0]; i++) {
        *months = month_steps[i];
        size_t count = ticks_of_months(days, month_steps[i], ticks);
        if (count > 0)
            return count;
    }
    return 0;
}

size_t html_day_ticks(const struct html_days *days, struct html_day_tick ticks[HTML_DAY_TICKS_MAX])
{
    memset(ticks, 0, HTML_DAY_TICKS_MAX * sizeof ticks[0]);
    int months, year = -1;
    size_t count = days->count > 0 ? place_ticks(days, ticks, &months) : 0;
    for (size_t i = 0; i < count; i++) {
        struct tm tm;
        if (!civil(ticks[i].time, &tm))
            continue;
        const char *format = months == 0 ? "%e %b" : months < 12 ? "%b" : "%Y";
        char text[sizeof ticks[i].text];
        if (strftime(text, sizeof text, format, &tm) > 0)
            memcpy(ticks[i].text, text + (text[0] == ' '), sizeof text - (text[0] == ' '));
        if (months < 12 && tm.tm_year != year)
            strftime(ticks[i].below, sizeof ticks[i].below, "%Y", &tm);
        year = tm.tm_year;
    }
    return count;
}
