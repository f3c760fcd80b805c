/* report_html_sources.c - the table of sources: who fails, why, and what to do about it. */
#include "report_html_parts.h"

enum {
    SHOWN = 12,       /* rows at once */
    REASON_MAX = 300, /* characters; report_failing_words() keeps within it */
    ROWS_MAX = 500,   /* rows on the page: 10,000 addresses are no reading matter */
};

static void number(FILE *out, const char *label, const char *class, struct html_label value)
{
    fprintf(out, "<td class=\"n%s\" data-label=\"%s\">%s</td>", class, label, value.text);
}

/* Aligned or not: a dash of colour only where the number says it already. */
static void share(FILE *out, const char *label, uint64_t part, uint64_t total)
{
    number(out, label, total > 0 && part == 0 ? " bad" : "", html_share(part, total));
}

static void disposition(FILE *out, const char **before, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    fprintf(out, "%s%s %s", *before, html_fitting(count).text, what);
    *before = ", ";
}

/* What the receivers did. Of a source that sometimes passes, "none" says nothing about failures. */
static void dispositions(FILE *out, const struct report_figures_source *source)
{
    const char *before = " &#8594; ";
    if (source->passed == 0)
        disposition(out, &before, source->none, "let through");
    disposition(out, &before, source->quarantined, "quarantined");
    disposition(out, &before, source->rejected, "rejected");
}

static void reason(FILE *out, const struct report_figures_source *source)
{
    if (source->failing.len == 0)
        return;
    fputs("<p class=\"reason\">", out);
    fputs("<b class=\"failing\">", out);
    html_text_max(out, source->failing, REASON_MAX);
    fputs("</b>", out);
    dispositions(out, source);
    fputs("</p>", out);
}

static void passed(FILE *out, const struct report_figures_source *source)
{
    fprintf(out, "<td class=\"n share\" data-label=\"Passed\">%s",
            html_share(source->passed, source->messages).text);
    html_svg_ratio(out, "line", 5, source->messages, source->passed);
    fputs("</td>", out);
}

static void row(FILE *out, const struct report_figures_source *source)
{
    uint64_t failed = html_failed(source->messages, source->passed);
    fputs("<tr><th scope=\"row\">", out);
    html_name(out, "span", "name", source->ip.len > 0 ? source->ip : BYTES("(no address)"));
    if (source->header_from.len > 0) {
        fputs(" ", out);
        html_name(out, "span", "gloss", source->header_from);
    }
    fputs("</th>", out);
    number(out, "Messages", "", html_fitting(source->messages));
    number(out, "Failed", failed > 0 ? " bad" : "", html_fitting(failed));
    passed(out, source);
    share(out, "DKIM", source->dkim_passed, source->messages);
    share(out, "SPF", source->spf_passed, source->messages);
    fputs("<td class=\"why\">", out);
    reason(out, source);
    html_advice(out, source);
    fputs("</td></tr>\n", out);
}

static void rows(FILE *out, const struct report_figures *figures, size_t from, size_t to)
{
    fputs("<table class=\"sources\"><thead><tr><th scope=\"col\">Source</th>"
          "<th scope=\"col\" class=\"n\">Messages</th><th scope=\"col\" class=\"n\">Failed</th>"
          "<th scope=\"col\" class=\"n share\">Passed</th>"
          "<th scope=\"col\" class=\"n\" title=\"DKIM passed and aligned\">DKIM</th>"
          "<th scope=\"col\" class=\"n\" title=\"SPF passed and aligned\">SPF</th>"
          "<th scope=\"col\" class=\"why\">Why, and what to do</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = from; i < to; i++)
        row(out, &figures->sources[i]);
    fputs("</tbody></table>\n", out);
}

/* Those for which there is no row. */
static void rest(FILE *out, const struct report_figures *figures, size_t from)
{
    uint64_t messages = 0, passed = 0;
    for (size_t i = from; i < figures->source_count; i++) {
        messages = html_sum(messages, figures->sources[i].messages);
        passed = html_sum(passed, figures->sources[i].passed);
    }
    if (from < figures->source_count)
        fprintf(out, "<p class=\"note\">and %s with %s, of which %s failed</p>\n",
                html_counted(figures->source_count - from, "more source", NULL).text,
                html_counted(messages, "message", NULL).text,
                html_count(html_failed(messages, passed)).text);
}

void html_sources(FILE *out, const struct report_figures *figures)
{
    size_t count = figures->source_count < ROWS_MAX ? figures->source_count : ROWS_MAX;
    size_t shown = count <= SHOWN + 1 ? count : SHOWN;
    if (count == 0)
        return;
    bool fails = figures->passed < figures->messages;
    fprintf(out,
            "<section aria-labelledby=\"sources\"><h2 id=\"sources\">%s, and what to do</h2>\n"
            "<p class=\"note\">%sDKIM and SPF: passed <em>and</em> aligned with the domain of the "
            "From field; either makes DMARC pass.</p>\n",
            fails ? "What fails" : "Sources", fails ? "Sources with most failures first. " : "");
    rows(out, figures, 0, shown);
    if (count > shown) {
        fprintf(out, "<details><summary>%s</summary>\n",
                html_counted(count - shown, "more source", NULL).text);
        rows(out, figures, shown, count);
        rest(out, figures, count);
        fputs("</details>\n", out);
    }
    fputs("</section>\n", out);
}
