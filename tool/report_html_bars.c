/* report_html_bars.c - plots that compare names: a table whose middle column is drawn.
 *
 * So the names wrap, can be copied and are read out in order, and the plot needs no second
 * form for those who cannot see it.
 */
#include "report_html_parts.h"

#include <string.h>

enum {
    ROWS_MAX = 200,     /* named in one plot, folded ones included */
    SOURCES_SHOWN = 10, /* in the plot of sources */
    SCALE_INTERVALS = 4,
};

/* The rows with most messages, most first; what does not fit is added up. */
struct top {
    const struct report_figures_count *rows[ROWS_MAX];
    size_t count;
    size_t left_out;
    uint64_t left_messages, left_passed;
};

static void leave_out(struct top *top, const struct report_figures_count *row)
{
    top->left_out++;
    top->left_messages = html_sum(top->left_messages, row->messages);
    top->left_passed = html_sum(top->left_passed, row->passed);
}

static void insert(struct top *top, const struct report_figures_count *row)
{
    if (top->count == ROWS_MAX) {
        if (row->messages <= top->rows[ROWS_MAX - 1]->messages) {
            leave_out(top, row);
            return;
        }
        leave_out(top, top->rows[--top->count]);
    }
    size_t at = top->count++;
    for (; at > 0 && top->rows[at - 1]->messages < row->messages; at--)
        top->rows[at] = top->rows[at - 1];
    top->rows[at] = row;
}

static void head(FILE *out, const struct html_bars *bars, const struct html_axis *axis)
{
    fprintf(out,
            "<table class=\"bars\"><thead><tr><th scope=\"col\">%s</th>"
            "<th scope=\"col\" class=\"b\"><span class=\"sr\">Plot: failed and passed</span>",
            bars->column);
    html_svg_scale(out, axis);
    fprintf(out,
            "</th>%s<th scope=\"col\" class=\"n\">Messages</th>"
            "<th scope=\"col\" class=\"n\">Passed</th></tr></thead>\n<tbody>\n",
            bars->reports ? "<th scope=\"col\" class=\"n less\">Reports</th>" : "");
}

static void row(FILE *out, const struct html_bars *bars, const struct html_axis *axis,
                const struct report_figures_count *count)
{
    const char *gloss = bars->gloss ? bars->gloss(count->name) : NULL;
    fputs("<tr><th scope=\"row\">", out);
    html_name(out, "span", "name", count->name.len > 0 ? count->name : BYTES("(not named)"));
    if (gloss)
        fprintf(out, " <span class=\"gloss\">%s</span>", gloss);
    fputs("</th><td class=\"b\">", out);
    html_svg_split(out, axis, count->messages, count->passed);
    fputs("</td>", out);
    if (bars->reports)
        fprintf(out, "<td class=\"n less\">%s</td>", html_count(count->reports).text);
    fprintf(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
            html_fitting(count->messages).text, html_share(count->passed, count->messages).text);
}

static void rest(FILE *out, const struct html_bars *bars, const struct top *top)
{
    if (top->left_out == 0)
        return;
    fprintf(out, "<p class=\"note\">and %s more %s with %s, of which %s passed</p>\n",
            html_count(top->left_out).text, top->left_out == 1 ? bars->noun : bars->plural,
            html_counted(top->left_messages, "message", NULL).text,
            html_share(top->left_passed, top->left_messages).text);
}

/* Folding away a single row would save nothing. */
static size_t shown_of(const struct html_bars *bars, const struct top *top)
{
    return top->count <= bars->shown + 1 ? top->count : bars->shown;
}

static void rows_of(FILE *out, const struct html_bars *bars, const struct top *top, size_t from,
                    size_t to)
{
    struct html_axis axis = html_axis_for(top->rows[from]->messages, SCALE_INTERVALS);
    head(out, bars, &axis);
    for (size_t i = from; i < to; i++)
        row(out, bars, &axis, top->rows[i]);
    fputs("</tbody></table>\n", out);
}

static void section(FILE *out, const struct html_bars *bars, const struct top *top)
{
    size_t shown = shown_of(bars, top);
    fprintf(out, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>\n", bars->id, bars->id,
            bars->title);
    if (bars->note)
        fprintf(out, "<p class=\"note\">%s</p>\n", bars->note);
    rows_of(out, bars, top, 0, shown);
    if (top->count > shown) {
        fprintf(out, "<details><summary>%s more %s</summary>\n",
                html_count(top->count - shown).text, bars->plural);
        rows_of(out, bars, top, shown, top->count);
        rest(out, bars, top);
        fputs("</details>\n", out);
    }
    fputs("</section>\n", out);
}

void html_bars(FILE *out, const struct html_bars *bars, const struct report_figures_count *rows,
               size_t count)
{
    struct top top = {.count = 0};
    for (size_t i = 0; i < count; i++)
        insert(&top, &rows[i]);
    if (top.count > 0)
        section(out, bars, &top);
}

/* The sources with most messages, most first. */
static size_t largest_sources(const struct report_figures *figures,
                              struct report_figures_count largest[SOURCES_SHOWN])
{
    size_t count = 0;
    for (size_t i = 0; i < figures->source_count; i++) {
        const struct report_figures_source *source = &figures->sources[i];
        size_t at = count;
        while (at > 0 && largest[at - 1].messages < source->messages)
            at--;
        if (at == SOURCES_SHOWN)
            continue;
        if (count < SOURCES_SHOWN)
            count++;
        memmove(&largest[at + 1], &largest[at], (count - at - 1) * sizeof largest[0]);
        largest[at] = (struct report_figures_count){
            .name = source->ip, .messages = source->messages, .passed = source->passed};
    }
    return count;
}

/* The largest senders; the table of sources has those that fail most. */
void html_source_bars(FILE *out, const struct report_figures *figures)
{
    struct report_figures_count largest[SOURCES_SHOWN];
    size_t count = largest_sources(figures, largest);
    uint64_t messages = 0;
    for (size_t i = 0; i < count; i++)
        messages = html_sum(messages, largest[i].messages);
    char note[200];
    snprintf(note, sizeof note, "%zu of %s send %s of all messages.", count,
             html_counted(figures->source_count, "source", NULL).text,
             html_share(messages, figures->messages).text);
    struct html_bars bars = {.id = "senders",
                             .title = "Largest sources",
                             .note = figures->source_count > count ? note : NULL,
                             .column = "Address",
                             .noun = "source",
                             .plural = "sources",
                             .shown = SOURCES_SHOWN};
    html_bars(out, &bars, largest, count);
}
