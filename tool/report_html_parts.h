/* report_html_parts.h - what the files behind report_html() share: text, numbers, axes, marks.
 *
 * Everything is written straight to a FILE, in a form that is HTML5 and well-formed XML at
 * once. Nobody looks at the return value of a write: report_html() asks ferror() at the end.
 */
#ifndef ASSAY_TOOL_REPORT_HTML_PARTS_H
#define ASSAY_TOOL_REPORT_HTML_PARTS_H

#include "report.h"

/* ---- text; report_html_text.c ---- */

enum {
    HTML_NAME_MAX = 80, /* characters shown of a name; the rest becomes an ellipsis */
};

/* A short text, returned by value: html_count(n).text lives to the end of the expression. */
struct html_label {
    char text[64];
};

/* Narrow no-break space: between a number and its unit. */
#define HTML_THIN "\xe2\x80\xaf"
#define HTML_DASH "\xe2\x80\x93"

/* Escaped for elements and attributes: markup, and U+FFFD for whatever is not UTF-8, no character
 * of XML, a control, or a control of writing direction (which could turn the page's own words). */
void html_text(FILE *out, struct bytes text);

/* At most `max` characters of it, then an ellipsis. */
void html_text_max(FILE *out, struct bytes text, size_t max);

/* <tag class="...">name</tag>; a name over HTML_NAME_MAX is cut, and whole in the tooltip. */
void html_name(FILE *out, const char *tag, const char *class, struct bytes name);

/* 1204332 -> "1,204,332". */
struct html_label html_count(uint64_t n);

/* For axes: 0, 500, 2,500, "20 k", "1.5 M", "3 bn" (10^9), "tn", "qd", "qn" (10^18). */
struct html_label html_compact(uint64_t n);

/* For columns: whole up to ten digits, then as for axes. */
struct html_label html_fitting(uint64_t n);

/* "1 report", "2,000 reports": n, a blank, and the noun in the number that fits; plural NULL:
 * with an s. */
struct html_label html_counted(uint64_t n, const char *noun, const char *plural);

/* Share in percent with one decimal. "100 %" and "0 %" are kept for exactly all and none: near
 * them there are two decimals, then "over 99.99 %", "under 0.01 %". A dash for nothing of nothing.
 */
struct html_label html_share(uint64_t part, uint64_t total);

/* UTC: "3 Mar 2026"; "?" for what no calendar has. */
struct html_label html_date(int64_t time);
/* "2026-03-03 14:05 UTC". */
struct html_label html_moment(int64_t time);
/* "1 Mar 2026", "1 to 30 Mar 2026", "28 Feb to 3 Mar 2026"; an end at 00:00 is the day before. */
struct html_label html_period_text(int64_t begin, int64_t end);

/* messages - passed, never below 0. */
uint64_t html_failed(uint64_t messages, uint64_t passed);

/* a + b, at most UINT64_MAX. */
uint64_t html_sum(uint64_t a, uint64_t b);

/* part of total from 0 to 1; 0 when total is 0. */
double html_fraction(uint64_t part, uint64_t total);

/* ---- axes; report_html_axis.c ---- */

/* Ticks at 0, step, 2 * step, ... top; step is 1, 2 or 5 times a power of ten. */
struct html_axis {
    uint64_t step, top;
};

/* For values from 0 to max with at most `intervals` of them (2 to 10). */
struct html_axis html_axis_for(uint64_t max, unsigned intervals);

/* The axis of a rate in percent: from floor (0, 50, 75, 90 or 95) to 100 in steps. */
struct html_rate_axis {
    unsigned floor, step;
};
struct html_rate_axis html_rate_axis_for(double lowest);

enum {
    HTML_BUCKETS_MAX = 130, /* bars side by side: two pixels each on a telephone */
    HTML_DAY_TICKS_MAX = 9, /* dates below them */
};

/* Neither older than DMARC nor in the future by more than a clock's error: one such report, drawn,
 * would squeeze all others to one side. */
bool html_is_plausible(int64_t time, int64_t now);

/* Days, added up so that at most HTML_BUCKETS_MAX bars stand side by side. */
struct html_days {
    int64_t begin; /* 00:00 UTC of the first; a Monday when width is weeks */
    int64_t width; /* days in one: 1, 7, 28, 91, 364 or more */
    size_t count;
    struct html_bucket {
        uint64_t messages, passed;
    } buckets[HTML_BUCKETS_MAX];
    uint64_t undated; /* messages of reports without a plausible day */
};
void html_days_of(const struct report_figures *figures, int64_t now, struct html_days *days);

/* Where a date stands below the plot. */
struct html_day_tick {
    int64_t time;
    double x;       /* 0 to 1 */
    char text[16];  /* "3 Mar", "Mar" or "2026" */
    char below[16]; /* the year, where it begins; or empty */
};
size_t html_day_ticks(const struct html_days *days, struct html_day_tick ticks[HTML_DAY_TICKS_MAX]);

/* ---- marks; report_html_svg.c ---- */

/* <svg>, as wide as there is room, `height` pixels high; attributes: more of them, as written.
 * x and widths below are parts of its width from 0 to 1, y and heights pixels. */
void html_svg_begin(FILE *out, const char *class, int height, const char *attributes);
void html_svg_end(FILE *out);
void html_svg_rect(FILE *out, const char *class, double x, double y, double width, double height);
void html_svg_line(FILE *out, const char *class, double x1, double y1, double x2, double y2);

/* Text at (x, y), anchored "start", "middle" or "end", moved by dx pixels. */
void html_svg_text(FILE *out, const char *class, const char *anchor, double x, double y, int dx,
                   const char *text);

/* The pattern that marks failures, so that they are not told by colour alone; once a page. */
void html_svg_patterns(FILE *out);

/* One bar: failed first, then passed, over the grid of the axis. */
void html_svg_split(FILE *out, const struct html_axis *axis, uint64_t messages, uint64_t passed);

/* The shares of both as one line, as wide as there is room and `height` pixels high. */
void html_svg_ratio(FILE *out, const char *class, int height, uint64_t messages, uint64_t passed);

/* The numbers above bars: where the grid begins and ends; all rows say theirs. */
void html_svg_scale(FILE *out, const struct html_axis *axis);

/* ---- sections ---- */

/* "98.7 % of 1,204,332 messages passed DMARC; ..."; report_html_headline.c */
void html_headline(FILE *out, const struct report_figures *figures);
void html_key_figures(FILE *out, const struct report_figures *figures);

/* Pass rate and volume over time, and the same as a table; report_html_time.c */
void html_time(FILE *out, const struct report_figures *figures, int64_t now);

/* Bars with names, those with most messages first; report_html_bars.c */
struct html_bars {
    const char *id, *title, *note;      /* note: one sentence; may be NULL */
    const char *column, *noun, *plural; /* "Organisation", "organisation", "organisations" */
    const char *(*gloss)(struct bytes); /* a few words about a name, or NULL; may be NULL */
    size_t shown;                       /* before the rest is folded away */
    bool reports;                       /* a column for the number of reports */
};
void html_bars(FILE *out, const struct html_bars *bars, const struct report_figures_count *rows,
               size_t count);
void html_source_bars(FILE *out, const struct report_figures *figures);

/* Who fails, why, and what to do; report_html_sources.c */
void html_sources(FILE *out, const struct report_figures *figures);

/* What the numbers of one source advise; report_html_advice.c */
enum html_advice {
    HTML_ADVICE_NOTHING,   /* all pass, DKIM carries them */
    HTML_ADVICE_SIGN,      /* no aligned DKIM at all, but aligned SPF: it is a sender of ours */
    HTML_ADVICE_SIGN_ALL,  /* aligned DKIM on a part; SPF makes up for the rest, or not */
    HTML_ADVICE_FORWARDED, /* SPF never aligned, DKIM on a part: forwarder or own bounce domain */
    HTML_ADVICE_FEW,       /* set up well, and a few fail all the same */
    HTML_ADVICE_RELAYED,   /* the receiver itself says so: forwarded, or a mailing list */
    HTML_ADVICE_OTHER,     /* nothing ever passed, but it signs: with another domain */
    HTML_ADVICE_STRANGER,  /* nothing ever passed */
    HTML_ADVICE_UNKNOWN,   /* no messages */
};
enum html_advice html_advice_of(const struct report_figures_source *source);
void html_advice(FILE *out, const struct report_figures_source *source);

/* The style sheet; report_html_style.c */
void html_style(FILE *out);

#endif
