/* report_html_time.c - pass rate and volume over time.
 *
 * Three panels over one axis of dates, rather than several scales in one: the rate as a line,
 * whose axis says where it begins, all messages as bars, and the failed ones alone, which would be
 * slivers among the others. The same numbers follow as a table.
 */
#include "report_html_parts.h"

enum {
    DAY = 86400,
    /* pixels from the top */
    RATE_TOP = 26,
    RATE_HEIGHT = 110,
    RATE_BOTTOM = RATE_TOP + RATE_HEIGHT,
    ALL_TOP = RATE_BOTTOM + 48,
    ALL_HEIGHT = 100,
    FAILED_TOP = ALL_TOP + ALL_HEIGHT + 48,
    FAILED_HEIGHT = 60,
    DATES_HEIGHT = 36,
    DOTS_MAX = 62,   /* more points than that: the line alone */
    SLOTS_MIN = 10,  /* a bar is never wider than a part of that */
    LOWEST_FROM = 5, /* points from which on the lowest gets a label */
};

static double rate_of(const struct html_bucket *bucket)
{
    return 100 * html_fraction(bucket->passed, bucket->messages);
}

static double middle_of(const struct html_days *days, size_t i)
{
    return ((double)i + 0.5) / (double)days->count;
}

/* The bucket with the lowest rate, the first of several; days->count when there are no messages. */
static size_t lowest_of(const struct html_days *days)
{
    size_t lowest = days->count;
    for (size_t i = 0; i < days->count; i++) {
        const struct html_bucket *bucket = &days->buckets[i];
        if (bucket->messages > 0 &&
            (lowest == days->count || rate_of(bucket) < rate_of(&days->buckets[lowest])))
            lowest = i;
    }
    return lowest;
}

static uint64_t most_of(const struct html_days *days)
{
    uint64_t most = 0;
    for (size_t i = 0; i < days->count; i++) {
        if (days->buckets[i].messages > most)
            most = days->buckets[i].messages;
    }
    return most;
}

static uint64_t most_failed_of(const struct html_days *days)
{
    uint64_t most = 0;
    for (size_t i = 0; i < days->count; i++) {
        uint64_t failed = html_failed(days->buckets[i].messages, days->buckets[i].passed);
        if (failed > most)
            most = failed;
    }
    return most;
}

static struct html_label bucket_name(const struct html_days *days, size_t i)
{
    int64_t begin = days->begin + (int64_t)i * days->width * DAY;
    return html_period_text(begin, begin + days->width * DAY);
}

static struct html_label width_name(const struct html_days *days)
{
    struct html_label label = {"day"};
    if (days->width == 7)
        snprintf(label.text, sizeof label.text, "week");
    else if (days->width > 7 && days->width % 7 == 0)
        snprintf(label.text, sizeof label.text, "%lld weeks", (long long)days->width / 7);
    else if (days->width > 7)
        snprintf(label.text, sizeof label.text, "%lld days", (long long)days->width);
    return label;
}

/* ---- the rate ---- */

static double rate_y(const struct html_rate_axis *axis, double rate)
{
    double part = (rate - axis->floor) / (100 - axis->floor);
    return RATE_BOTTOM - (part > 0 ? part : 0) * RATE_HEIGHT;
}

static void rate_grid(FILE *out, const struct html_rate_axis *axis)
{
    for (unsigned at = axis->floor; at <= 100; at += axis->step) {
        char text[16];
        snprintf(text, sizeof text, "%u" HTML_THIN "%%", at);
        double y = rate_y(axis, at);
        html_svg_line(out, at == axis->floor ? "base" : "grid", 0, y, 1, y);
        html_svg_text(out, "tick", "end", 0, y + 4, -8, text);
    }
}

/* A line cannot have percentages: it has a coordinate system of its own, stretched. Days without
 * messages have no rate: the line has a gap there. */
static void rate_line(FILE *out, const struct html_days *days, const struct html_rate_axis *axis)
{
    fprintf(out,
            "<svg x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 1000 %d\" "
            "preserveAspectRatio=\"none\" class=\"inner\"><path class=\"rate\" d=\"",
            RATE_TOP, RATE_HEIGHT, RATE_HEIGHT);
    bool drawing = false;
    for (size_t i = 0; i < days->count; i++) {
        bool has = days->buckets[i].messages > 0;
        if (has)
            fprintf(out, "%c%.2f %.2f", drawing ? 'L' : 'M', 1000 * middle_of(days, i),
                    rate_y(axis, rate_of(&days->buckets[i])) - RATE_TOP);
        drawing = has;
    }
    fputs("\"/></svg>", out);
}

static void rate_dots(FILE *out, const struct html_days *days, const struct html_rate_axis *axis)
{
    for (size_t i = 0; i < days->count; i++) {
        const struct html_bucket *bucket = &days->buckets[i];
        bool lonely = (i == 0 || days->buckets[i - 1].messages == 0) &&
                      (i + 1 == days->count || days->buckets[i + 1].messages == 0);
        if (bucket->messages > 0 && (lonely || days->count <= DOTS_MAX))
            fprintf(out, "<circle class=\"dot\" cx=\"%.3f%%\" cy=\"%.2f\" r=\"2.5\"/>",
                    100 * middle_of(days, i), rate_y(axis, rate_of(bucket)));
    }
}

/* The eye goes to the dip; so does the label. */
static void rate_lowest(FILE *out, const struct html_days *days, const struct html_rate_axis *axis)
{
    size_t i = lowest_of(days);
    if (days->count < LOWEST_FROM || i == days->count)
        return;
    const struct html_bucket *bucket = &days->buckets[i];
    if (bucket->passed >= bucket->messages)
        return;
    double x = middle_of(days, i), y = rate_y(axis, rate_of(bucket));
    char text[160];
    snprintf(text, sizeof text, "%s, %s", html_share(bucket->passed, bucket->messages).text,
             bucket_name(days, i).text);
    fprintf(out, "<circle class=\"lowest\" cx=\"%.3f%%\" cy=\"%.2f\" r=\"4\"/>", 100 * x, y);
    if (y + 22 < RATE_BOTTOM) /* below it there is nothing else */
        html_svg_text(out, "note",
                      x < 0.2   ? "start"
                      : x > 0.8 ? "end"
                                : "middle",
                      x, y + 18, 0, text);
    else
        html_svg_text(out, "note", x > 0.6 ? "end" : "start", x,
                      y < RATE_BOTTOM - 4 ? y + 4 : y - 4, x > 0.6 ? -10 : 10, text);
}

/* ---- the volumes ---- */

struct panel {
    int top, height; /* pixels */
    struct html_axis axis;
    bool all; /* failed and passed messages; else failed ones alone */
};

static void panel_grid(FILE *out, const struct panel *panel, const char *title)
{
    html_svg_text(out, "panel", "start", 0, panel->top - 12, 0, title);
    for (uint64_t at = 0;; at += panel->axis.step) {
        double y = panel->top + panel->height * (1 - html_fraction(at, panel->axis.top));
        html_svg_line(out, at == 0 ? "base" : "grid", 0, y, 1, y);
        html_svg_text(out, "tick", "end", 0, y + 4, -8, html_compact(at).text);
        if (at >= panel->axis.top || panel->axis.top - at < panel->axis.step)
            return;
    }
}

static double bar_width(const struct html_days *days)
{
    double slots = days->count < SLOTS_MIN ? SLOTS_MIN : (double)days->count;
    return (days->count > DOTS_MAX ? 0.84 : 0.72) / slots;
}

static void panel_bars(FILE *out, const struct html_days *days, const struct panel *panel)
{
    double width = bar_width(days), bottom = panel->top + panel->height;
    for (size_t i = 0; i < days->count; i++) {
        const struct html_bucket *bucket = &days->buckets[i];
        uint64_t failed = html_failed(bucket->messages, bucket->passed);
        double x = middle_of(days, i) - width / 2;
        double all = panel->height * html_fraction(bucket->messages, panel->axis.top);
        double fail = panel->height * html_fraction(failed, panel->axis.top);
        if (panel->all && failed < bucket->messages)
            html_svg_rect(out, "pass", x, bottom - all, width, all - fail);
        if (failed > 0)
            html_svg_rect(out, "fail", x, bottom - fail, width, fail);
    }
}

/* ---- all three ---- */

static void dates(FILE *out, const struct html_days *days, int bottom)
{
    struct html_day_tick ticks[HTML_DAY_TICKS_MAX];
    size_t count = html_day_ticks(days, ticks);
    for (size_t i = 0; i < count; i++) {
        /* On a telephone there is room for every other one. */
        const char *class = i % 2 == 1 && count > 4 ? "tick wide" : "tick";
        const char *anchor = ticks[i].x > 0.97 ? "end" : "middle";
        html_svg_line(out, "base", ticks[i].x, bottom, ticks[i].x, bottom + 4);
        html_svg_text(out, class, anchor, ticks[i].x, bottom + 18, 0, ticks[i].text);
        if (ticks[i].below[0])
            html_svg_text(out, class, anchor, ticks[i].x, bottom + 32, 0, ticks[i].below);
    }
}

/* What the pointer finds anywhere above or below a bar. */
static void tooltips(FILE *out, const struct html_days *days, int bottom)
{
    for (size_t i = 0; i < days->count; i++) {
        const struct html_bucket *bucket = &days->buckets[i];
        fprintf(out,
                "<g class=\"hit\"><title>%s: %s, %s passed, %s failed</title>"
                "<rect x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" height=\"%d\"/></g>",
                bucket_name(days, i).text, html_counted(bucket->messages, "message", NULL).text,
                html_share(bucket->passed, bucket->messages).text,
                html_count(html_failed(bucket->messages, bucket->passed)).text,
                100.0 * (double)i / (double)days->count, RATE_TOP, 100.0 / (double)days->count,
                bottom - RATE_TOP);
    }
}

static void description(FILE *out, const struct html_days *days)
{
    const struct html_bucket *lowest = &days->buckets[lowest_of(days)];
    fprintf(
        out,
        "<title id=\"time-title\">Pass rate and messages per %s, %s</title>"
        "<desc id=\"time-desc\">The pass rate is lowest, %s, in %s. At most %s in one %s. The "
        "table below has all numbers.</desc>",
        width_name(days).text,
        html_period_text(days->begin, days->begin + (int64_t)days->count * days->width * DAY).text,
        html_share(lowest->passed, lowest->messages).text,
        bucket_name(days, (size_t)(lowest - days->buckets)).text,
        html_counted(most_of(days), "message", NULL).text, width_name(days).text);
}

static void rate_panel(FILE *out, const struct html_days *days)
{
    struct html_rate_axis axis = html_rate_axis_for(rate_of(&days->buckets[lowest_of(days)]));
    char title[96];
    snprintf(title, sizeof title,
             axis.floor > 0 ? "Passed DMARC (axis from %u" HTML_THIN "%%)" : "Passed DMARC",
             axis.floor);
    html_svg_text(out, "panel", "start", 0, RATE_TOP - 12, 0, title);
    rate_grid(out, &axis);
    rate_line(out, days, &axis);
    rate_dots(out, days, &axis);
    rate_lowest(out, days, &axis);
}

static void plot(FILE *out, const struct html_days *days)
{
    bool fails = most_failed_of(days) > 0;
    struct panel all = {ALL_TOP, ALL_HEIGHT, html_axis_for(most_of(days), 4), true};
    struct panel failed = {FAILED_TOP, FAILED_HEIGHT, html_axis_for(most_failed_of(days), 2),
                           false};
    int bottom = fails ? failed.top + failed.height : all.top + all.height;
    char title[96];
    html_svg_begin(out, "time", bottom + DATES_HEIGHT,
                   "role=\"img\" aria-labelledby=\"time-title\" aria-describedby=\"time-desc\"");
    description(out, days);
    rate_panel(out, days);
    snprintf(title, sizeof title, "Messages per %s", width_name(days).text);
    panel_grid(out, &all, title);
    panel_bars(out, days, &all);
    if (fails) {
        panel_grid(out, &failed, "Of these, failed");
        panel_bars(out, days, &failed);
    }
    dates(out, days, bottom);
    tooltips(out, days, bottom);
    html_svg_end(out);
}

static void table(FILE *out, const struct html_days *days)
{
    fprintf(out,
            "<details><summary>The same as a table, per %s</summary>\n<table class=\"plain\">"
            "<thead><tr><th scope=\"col\">Period</th><th scope=\"col\" class=\"n\">Messages</th>"
            "<th scope=\"col\" class=\"n\">Failed</th><th scope=\"col\" class=\"n\">Passed</th>"
            "</tr></thead>\n<tbody>\n",
            width_name(days).text);
    for (size_t i = 0; i < days->count; i++) {
        const struct html_bucket *bucket = &days->buckets[i];
        fprintf(out,
                "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td><td class=\"n\">%s</td>"
                "<td class=\"n\">%s</td></tr>\n",
                bucket_name(days, i).text, html_count(bucket->messages).text,
                html_count(html_failed(bucket->messages, bucket->passed)).text,
                html_share(bucket->passed, bucket->messages).text);
    }
    fputs("</tbody></table></details>\n", out);
}

void html_time(FILE *out, const struct report_figures *figures, int64_t now)
{
    struct html_days days;
    html_days_of(figures, now, &days);
    if (days.count < 2 || most_of(&days) == 0)
        return; /* one point is no plot, and the figures above have said it */
    fputs("<section aria-labelledby=\"time\"><h2 id=\"time\">Over time</h2>\n<div class=\"plot\">",
          out);
    plot(out, &days);
    fputs("</div>\n", out);
    if (days.undated > 0)
        fprintf(out, "<p class=\"note\">Without %s of reports without a plausible date.</p>\n",
                html_counted(days.undated, "message", NULL).text);
    table(out, &days);
    fputs("</section>\n", out);
}
