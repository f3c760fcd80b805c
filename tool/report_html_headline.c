/* report_html_headline.c - the finding in one sentence, and the figures beside it. */
#include "report_html_parts.h"

enum { FEW_SOURCES = 20 }; /* more than that to reach a majority: "spread over" */

/* ---- the sentence ---- */

/* The fewest sources that have more than half of the failures; sources come sorted. */
static size_t majority_of(const struct report_figures *figures, uint64_t failed)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < figures->source_count; i++) {
        const struct report_figures_source *source = &figures->sources[i];
        sum = html_sum(sum, html_failed(source->messages, source->passed));
        if (sum > failed / 2)
            return i + 1;
    }
    return figures->source_count;
}

static size_t failing_sources(const struct report_figures *figures)
{
    size_t count = 0;
    for (size_t i = 0; i < figures->source_count; i++)
        count += figures->sources[i].passed < figures->sources[i].messages;
    return count;
}

static void who_fails(FILE *out, const struct report_figures *figures)
{
    uint64_t failed = html_failed(figures->messages, figures->passed);
    size_t majority = majority_of(figures, failed), failing = failing_sources(figures);
    if (failed == 0 || failing == 0) {
        fputs(".", out);
    } else if (failed == 1) {
        fputs(figures->messages == 1 ? "; it came from " : "; the one that failed came from ", out);
        html_name(out, "span", "who", figures->sources[0].ip);
        fputs(".", out);
    } else if (majority == 1) {
        fputs("; ", out);
        html_name(out, "span", "who", figures->sources[0].ip);
        fprintf(out, " alone accounts for %s failures.", failing == 1 ? "all" : "most");
    } else if (majority <= FEW_SOURCES) {
        fprintf(out, "; %zu sources account for most failures.", majority);
    } else {
        fprintf(out, "; failures are spread over %s.", html_counted(failing, "source", NULL).text);
    }
}

/* True when there is nothing to add about failures. */
static bool without_messages(FILE *out, const struct report_figures *figures)
{
    if (figures->messages > 0)
        return false;
    if (figures->reports > 0)
        fprintf(out, "%s, and not a message in %s.",
                html_counted(figures->reports, "report", NULL).text,
                figures->reports == 1 ? "it" : "them");
    else if (figures->failed > 0)
        fprintf(out, "No report: %s could not be read.",
                html_counted(figures->failed, "file or part", "files or parts").text);
    else
        fputs("No reports, so nothing to tell.", out);
    return true;
}

void html_headline(FILE *out, const struct report_figures *figures)
{
    if (without_messages(out, figures))
        return;
    struct html_label all = html_counted(figures->messages, "message", NULL);
    if (figures->messages == 1)
        fprintf(out, "The only message %s DMARC", figures->passed ? "passed" : "failed");
    else if (figures->passed >= figures->messages)
        fprintf(out, "All %s passed DMARC", all.text);
    else if (figures->passed == 0)
        fprintf(out, "None of %s passed DMARC", all.text);
    else
        fprintf(out, "%s of %s passed DMARC", html_share(figures->passed, figures->messages).text,
                all.text);
    who_fails(out, figures);
}

/* ---- the figures ---- */

static void figure(FILE *out, const char *name, struct html_label value, const char *below)
{
    fprintf(out, "<div><dt>%s</dt><dd>%s</dd><dd class=\"below\">%s</dd></div>\n", name, value.text,
            below);
}

/* Failures that receivers let through all the same. */
static bool let_through(const struct report_figures *figures, uint64_t *count)
{
    for (size_t i = 0; i < figures->disposition_count; i++) {
        const struct report_figures_count *row = &figures->dispositions[i];
        if (bytes_is(row->name, "none")) {
            *count = html_failed(row->messages, row->passed);
            return true;
        }
    }
    *count = 0;
    return figures->disposition_count > 0;
}

static void alignment(FILE *out, const struct report_figures *figures)
{
    uint64_t dkim = 0, spf = 0, messages = 0;
    for (size_t i = 0; i < figures->source_count; i++) {
        messages = html_sum(messages, figures->sources[i].messages);
        dkim = html_sum(dkim, figures->sources[i].dkim_passed);
        spf = html_sum(spf, figures->sources[i].spf_passed);
    }
    figure(out, "Aligned DKIM", html_share(dkim, messages), "survives forwarding");
    figure(out, "Aligned SPF", html_share(spf, messages), "lost when forwarded");
}

void html_key_figures(FILE *out, const struct report_figures *figures)
{
    uint64_t failed = html_failed(figures->messages, figures->passed), through;
    if (figures->messages == 0)
        return;
    size_t failing = failing_sources(figures);
    fputs("<dl class=\"figures\">\n", out);
    figure(out, "Messages", html_fitting(figures->messages),
           html_counted(figures->reports, "report", NULL).text);
    figure(out, "Failed DMARC", html_fitting(failed), html_share(failed, figures->messages).text);
    if (let_through(figures, &through))
        figure(out, "Failed, let through", html_fitting(through),
               failed > 0 ? "by the receiver" : "none failed");
    alignment(out, figures);
    char below[80];
    snprintf(below, sizeof below, "%s with failures", html_count(failing).text);
    figure(out, "Sources", html_count(figures->source_count), below);
    fputs("</dl>\n", out);
}
