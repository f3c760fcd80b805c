/* report_html.c - the page: what stands on it, in which order.
 *
 * It loads nothing: its style sheet is inside, its plots are SVG inside, there is no script, and a
 * Content-Security-Policy keeps it so even if a report should ever get markup past html_text().
 * The parts write what is HTML5 and well-formed XML at once, which the tests hold them to.
 */
#include "report_html_parts.h"

/* ---- head ---- */

static void page_title(FILE *out, struct bytes title)
{
    fputs("<title>DMARC reports", out);
    if (title.len > 0) {
        fputs(": ", out);
        html_text_max(out, title, HTML_NAME_MAX);
    }
    fputs("</title>\n", out);
}

static void head(FILE *out, struct bytes title)
{
    fputs("<!DOCTYPE html>\n"
          "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n"
          "<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
          "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
          "<meta name=\"robots\" content=\"noindex\"/>\n",
          out);
    page_title(out, title);
    html_style(out);
    fputs("</head>\n", out);
}

/* ---- the top ---- */

/* What the reports say, as far as it can be; else the days that are plausible. False: none is. */
static bool period(FILE *out, const struct report_figures *figures, int64_t now)
{
    int64_t begin = 0, end = 0;
    for (size_t i = 0; i < figures->day_count; i++) {
        int64_t day = figures->days[i].day;
        if (!html_is_plausible(day, now))
            continue;
        if (begin == 0)
            begin = day;
        end = day + 86400;
    }
    if (html_is_plausible(figures->begin, now))
        begin = figures->begin;
    if (html_is_plausible(figures->end, now))
        end = figures->end;
    if (begin > 0 && end >= begin)
        fputs(html_period_text(begin, end).text, out);
    return begin > 0 && end >= begin;
}

/* "1 to 22 Nov 2026 - 142 reports by 23 organisations about example.com". */
static void summary(FILE *out, const struct report_figures *figures, int64_t now)
{
    if (figures->reports == 0)
        return;
    fputs("<p class=\"summary\">", out);
    if (period(out, figures, now))
        fputs(" &#183; ", out);
    fprintf(out, "%s by %s", html_counted(figures->reports, "report", NULL).text,
            html_counted(figures->organisation_count, "organisation", NULL).text);
    if (figures->domain_count == 1) {
        fputs(" about ", out);
        html_name(out, "b", "d", figures->domains[0].name);
    } else if (figures->domain_count > 1) {
        fprintf(out, " about %s", html_counted(figures->domain_count, "domain", NULL).text);
    }
    fputs("</p>\n", out);
}

/* The finding once more, as a line as wide as the page, with the legend for all that follows. */
static void ratio(FILE *out, const struct report_figures *figures)
{
    uint64_t failed = html_failed(figures->messages, figures->passed);
    if (figures->messages == 0)
        return;
    html_svg_ratio(out, "ratio", 10, figures->messages, figures->passed);
    fprintf(out,
            "<p class=\"legend\"><span><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"12\" "
            "height=\"12\" aria-hidden=\"true\"><rect class=\"fail\" width=\"12\" height=\"12\"/>"
            "</svg> failed %s</span> <span><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"12\" "
            "height=\"12\" aria-hidden=\"true\"><rect class=\"pass\" width=\"12\" height=\"12\"/>"
            "</svg> passed %s</span></p>\n",
            html_count(failed).text, html_count(figures->messages - failed).text);
}

static void top(FILE *out, const struct report_figures *figures, struct bytes title, int64_t now)
{
    fputs("<header>\n<p class=\"eyebrow\">DMARC reports", out);
    if (title.len > 0) {
        fputs(" &#183; ", out);
        html_name(out, "span", "title", title);
    }
    fputs("</p>\n<h1>", out);
    html_headline(out, figures);
    fputs("</h1>\n", out);
    summary(out, figures, now);
    if (figures->failed > 0 && figures->reports > 0)
        fprintf(out, "<p class=\"warning\">%s could not be read and %s missing here.</p>\n",
                html_counted(figures->failed, "file or part", "files or parts").text,
                figures->failed == 1 ? "is" : "are");
    ratio(out, figures);
    fputs("</header>\n", out);
    html_key_figures(out, figures);
}

/* ---- the plots ---- */

/* RFC 9990 3.1.1.9, in the words of a mailbox. */
static const char *disposition_gloss(struct bytes name)
{
    static const struct {
        const char *name, *gloss;
    } glosses[] = {{"none", "let through"},
                   {"pass", "passed, policy in force"},
                   {"quarantine", "set aside"},
                   {"reject", "refused"}};
    for (size_t i = 0; i < sizeof glosses / sizeof glosses[0]; i++) {
        if (bytes_is(name, glosses[i].name))
            return glosses[i].gloss;
    }
    return NULL;
}

static void plots(FILE *out, const struct report_figures *figures, int64_t now)
{
    static const struct html_bars results = {.id = "results",
                                             .title = "SPF and DKIM, aligned",
                                             .column = "Result",
                                             .noun = "result",
                                             .plural = "results",
                                             .shown = 8},
                                  dispositions = {.id = "dispositions",
                                                  .title = "What receivers did",
                                                  .column = "Disposition",
                                                  .noun = "disposition",
                                                  .plural = "dispositions",
                                                  .gloss = disposition_gloss,
                                                  .shown = 6},
                                  organisations = {.id = "organisations",
                                                   .title = "Who reported",
                                                   .column = "Organisation",
                                                   .noun = "organisation",
                                                   .plural = "organisations",
                                                   .reports = true,
                                                   .shown = 10},
                                  domains = {.id = "domains",
                                             .title = "Domains",
                                             .column = "Domain",
                                             .noun = "domain",
                                             .plural = "domains",
                                             .shown = 8};
    html_time(out, figures, now);
    fputs("<div class=\"pair\">\n", out);
    html_bars(out, &results, figures->results, figures->result_count);
    html_bars(out, &dispositions, figures->dispositions, figures->disposition_count);
    fputs("</div>\n", out);
    html_sources(out, figures);
    fputs("<div class=\"pair\">\n", out);
    html_source_bars(out, figures);
    html_bars(out, &organisations, figures->organisations, figures->organisation_count);
    if (figures->domain_count > 1)
        html_bars(out, &domains, figures->domains, figures->domain_count);
    fputs("</div>\n", out);
}

/* ---- the end ---- */

static void fact(FILE *out, const char *name, uint64_t count)
{
    fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, html_count(count).text);
}

static void bottom(FILE *out, const struct report_figures *figures, int64_t now)
{
    fputs("<footer>\n<dl>\n<div><dt>Period (UTC)</dt><dd>", out);
    if (!period(out, figures, now))
        fputs(HTML_DASH, out);
    fputs("</dd></div>\n", out);
    fact(out, "Reports read", figures->reports);
    fact(out, "Duplicates, left out", figures->duplicates);
    fact(out, "Unreadable", figures->failed);
    fprintf(out, "<div><dt>Made</dt><dd>%s</dd></div>\n</dl>\n", html_moment(now).text);
    fputs("<p>A report that covers several days counts for the day in its middle. Made by "
          "<code>assay report read --html</code>; this page loads nothing from elsewhere.</p>\n"
          "</footer>\n",
          out);
}

bool report_html(FILE *out, const struct report_figures *figures, struct bytes title, int64_t now)
{
    head(out, title);
    fputs("<body>\n", out);
    html_svg_patterns(out);
    fputs("<main>\n", out);
    top(out, figures, title, now);
    if (figures->messages > 0)
        plots(out, figures, now);
    bottom(out, figures, now);
    fputs("</main>\n</body>\n</html>\n", out);
    return fflush(out) == 0 && !ferror(out);
}
