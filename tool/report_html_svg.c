/* report_html_svg.c - marks of the plots.
 *
 * Positions across are percentages and heights are pixels, so that a plot fills whatever width
 * it gets while its text keeps its size: no script, no second drawing for telephones.
 */
#include "report_html_parts.h"

enum {
    ROW_HEIGHT = 26, /* pixels of one row of bars; the style sheet has the same */
    BAR_HEIGHT = 12,
    SCALE_HEIGHT = 18,
};

void html_svg_begin(FILE *out, const char *class, int height, const char *attributes)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"%s\" width=\"100%%\" height=\"%d\" "
            "%s>",
            class, height, attributes);
}

void html_svg_end(FILE *out)
{
    fputs("</svg>", out);
}

void html_svg_rect(FILE *out, const char *class, double x, double y, double width, double height)
{
    fprintf(out, "<rect class=\"%s\" x=\"%.3f%%\" y=\"%.2f\" width=\"%.3f%%\" height=\"%.2f\"/>",
            class, 100 * x, y, 100 * width, height);
}

void html_svg_line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
    fprintf(out, "<line class=\"%s\" x1=\"%.3f%%\" y1=\"%.2f\" x2=\"%.3f%%\" y2=\"%.2f\"/>", class,
            100 * x1, y1, 100 * x2, y2);
}

void html_svg_text(FILE *out, const char *class, const char *anchor, double x, double y, int dx,
                   const char *text)
{
    fprintf(out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.3f%%\" y=\"%.2f\" dx=\"%d\">", class,
            anchor, 100 * x, y, dx);
    html_text(out, bytes_of(text));
    fputs("</text>", out);
}

void html_svg_patterns(FILE *out)
{
    fputs("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"defs\" width=\"0\" height=\"0\" "
          "aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"5\" height=\"5\" "
          "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
          "<rect class=\"hatch-ground\" width=\"5\" height=\"5\"/>"
          "<rect class=\"hatch-line\" width=\"1.5\" height=\"5\"/></pattern></defs></svg>\n",
          out);
}

static void grid(FILE *out, const struct html_axis *axis, double height)
{
    for (uint64_t at = 0;; at += axis->step) {
        double x = html_fraction(at, axis->top);
        html_svg_line(out, at == 0 ? "base" : "grid", x, 0, x, height);
        if (at >= axis->top || axis->top - at < axis->step)
            return;
    }
}

void html_svg_split(FILE *out, const struct html_axis *axis, uint64_t messages, uint64_t passed)
{
    uint64_t failed = html_failed(messages, passed);
    double y = (ROW_HEIGHT - BAR_HEIGHT) / 2.0;
    double fail = html_fraction(failed, axis->top), all = html_fraction(messages, axis->top);
    html_svg_begin(out, "bar", ROW_HEIGHT, "role=\"img\"");
    fprintf(out, "<title>%s failed, %s passed</title>", html_count(failed).text,
            html_count(messages - failed).text);
    grid(out, axis, ROW_HEIGHT);
    if (messages > failed)
        html_svg_rect(out, "pass", fail, y, all - fail, BAR_HEIGHT);
    if (failed > 0)
        html_svg_rect(out, "fail", 0, y, fail, BAR_HEIGHT);
    html_svg_end(out);
}

void html_svg_ratio(FILE *out, const char *class, int height, uint64_t messages, uint64_t passed)
{
    uint64_t failed = html_failed(messages, passed);
    double fail = html_fraction(failed, messages);
    html_svg_begin(out, class, height, "role=\"img\"");
    fprintf(out, "<title>%s failed, %s passed</title>", html_count(failed).text,
            html_count(messages - failed).text);
    if (failed < messages)
        html_svg_rect(out, "pass", fail, 0, 1 - fail, height);
    if (failed > 0)
        html_svg_rect(out, "fail", 0, 0, fail, height);
    html_svg_end(out);
}

void html_svg_scale(FILE *out, const struct html_axis *axis)
{
    html_svg_begin(out, "scale", SCALE_HEIGHT, "aria-hidden=\"true\"");
    html_svg_text(out, "tick", "start", 0, 12, 0, "0");
    html_svg_text(out, "tick", "end", 1, 12, 0, html_compact(axis->top).text);
    html_svg_end(out);
}
