/* report_read_text.c - what was read as text for people; see report_read.h.
 *
 * One line for each source, with as many columns as the terminal has room for; what does not fit
 * and why it fails goes into a second line. All text of strangers is free of controls by now.
 */
#include "report_read.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum {
    NUMBER_MAX = 32,         /* octets of a formatted number, with NUL */
    INDENT = 4,              /* columns in front of a source's second line */
    COUNT_WIDTH_MIN = 9,     /* of MESSAGES */
    RATES_WIDTH = 25,        /* "    DMARC    DKIM     SPF", and a blank */
    DISPOSITIONS_WIDTH = 32, /* "       NONE QUARANTINE     REJECT" */
    NAME_WIDTH_MIN = 12,     /* columns below which header_from has no column of its own */
    NAME_WIDTH_MAX = 40,
    SOURCES_SHOWN = 100, /* of the sources; --all shows more */
};

/* ---- words ---- */

/* 12345 as "12,345". */
static const char *grouped(uint64_t number, char *out)
{
    char digits[NUMBER_MAX];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    char *to = out;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* "97.5%", never 100 or 0 when it is not. */
static const char *rate(uint64_t part, uint64_t whole, char *out)
{
    if (whole == 0) {
        strcpy(out, "-");
        return out;
    }
    double percent = (double)part / (double)whole * 100;
    if (part < whole && percent > 99.9)
        percent = 99.9;
    if (part > 0 && percent < 0.1)
        percent = 0.1;
    snprintf(out, NUMBER_MAX, part == whole || part == 0 ? "%.0f%%" : "%.1f%%", percent);
    return out;
}

/* Columns that UTF-8 takes, as far as a character is one column. */
static unsigned width_of(struct bytes text)
{
    unsigned width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return width;
}

/* text in exactly `width` columns: filled up, or cut with "~" at its end. */
static void print_cell(FILE *out, struct bytes text, unsigned width)
{
    unsigned have = width_of(text), used = 0;
    size_t i = 0;
    for (; i < text.len && (have <= width || used + 1 < width); used++) {
        do {
            putc(text.data[i++], out);
        } while (i < text.len && ((unsigned char)text.data[i] & 0xc0) == 0x80);
    }
    if (i < text.len) {
        putc('~', out);
        used++;
    }
    fprintf(out, "%*s", (int)(width - used), "");
}

/* Words, broken into lines of the style's columns. */
static void print_words(FILE *out, struct bytes text, unsigned indent, struct report_style style)
{
    unsigned column = 0;
    while (text.len) {
        struct bytes word = bytes_slice(text, 0, bytes_find(text, ' '));
        unsigned width = width_of(word);
        text = bytes_slice(text, word.len + 1, text.len);
        if (column && column + 1 + width > style.columns) {
            putc('\n', out);
            column = 0;
        }
        if (column == 0)
            fprintf(out, "%*s", (int)indent, "");
        fprintf(out, "%s%.*s", column ? " " : "", BYTES_ARGS(word));
        column += (column ? 1 : indent) + width;
    }
    putc('\n', out);
}

static const char *plural(uint64_t number)
{
    return number == 1 ? "" : "s";
}

static const char *date(int64_t seconds, const char *format, char *out)
{
    time_t time = (time_t)seconds;
    struct tm tm;
    if (seconds == 0 || !gmtime_r(&time, &tm) || !strftime(out, NUMBER_MAX, format, &tm))
        strcpy(out, "?");
    return out;
}

/* ---- colours ---- */

enum colour { PLAIN, BOLD, GOOD, MIXED, BAD };

static void colour(FILE *out, struct report_style style, enum colour what)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[32m", "\033[33m", "\033[31m"};
    if (style.colours)
        fputs(codes[what], out);
}

static enum colour colour_of(const struct report_figures_source *source)
{
    return source->passed == source->messages ? GOOD : source->passed ? MIXED : BAD;
}

static void title(FILE *out, struct report_style style, const char *text)
{
    putc('\n', out);
    colour(out, style, BOLD);
    fputs(text, out);
    colour(out, style, PLAIN);
    putc('\n', out);
}

/* ---- the head ---- */

static void print_period(FILE *out, const struct report_figures *figures)
{
    char begin[NUMBER_MAX], end[NUMBER_MAX];
    if (figures->end == 0)
        return;
    fprintf(out, ", %s to %s", date(figures->begin, "%Y-%m-%d", begin),
            date(figures->end, "%Y-%m-%d", end));
}

/* What is not among the figures, one line each. */
static void print_left_out(FILE *out, const struct report_reading *reading)
{
    const struct report_figures *figures = reading->figures;
    const struct {
        size_t count;
        const char *one, *many;
    } notes[] = {
        {figures->duplicates, "report was there twice and counts once",
         "reports were there before and do not count again"},
        {reading->other_domains, "report is about another domain",
         "reports are about other domains"},
        {reading->other_mails, "mail holds no report", "mails hold no report"},
        {reading->skipped, "record has no count that is a number, and does not count",
         "records have no count that is a number, and do not count"},
        {figures->failed, "thing could not be read (see the end)",
         "things could not be read (see the end)"},
    };
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (notes[i].count)
            fprintf(out, "%zu %s.\n", notes[i].count,
                    notes[i].count == 1 ? notes[i].one : notes[i].many);
    }
}

static void print_head(FILE *out, const struct report_reading *reading)
{
    const struct report_figures *figures = reading->figures;
    char number[NUMBER_MAX], percent[NUMBER_MAX];
    if (figures->reports == 0) {
        fputs("No aggregate report was read.\n", out);
        print_left_out(out, reading);
        return;
    }
    fprintf(out, "%zu report%s by %zu organisation%s", figures->reports, plural(figures->reports),
            figures->organisation_count, plural(figures->organisation_count));
    if (figures->domain_count == 1 && figures->domains[0].name.len)
        fprintf(out, " about %.*s", BYTES_ARGS(figures->domains[0].name));
    else if (figures->domain_count > 1)
        fprintf(out, " about %zu domains", figures->domain_count);
    print_period(out, figures);
    fprintf(out, "\n%s message%s, %s passed DMARC.\n", grouped(figures->messages, number),
            plural(figures->messages), rate(figures->passed, figures->messages, percent));
    print_left_out(out, reading);
}

/* ---- sources ---- */

struct layout {
    unsigned ip;    /* columns */
    unsigned count; /* of messages */
    unsigned name;  /* of header_from; 0: no column */
    bool dispositions;
};

/* "SOURCE" and addresses of any length but odd ones. */
static struct layout layout_of(const struct report_figures *figures, struct report_style style)
{
    struct layout layout = {.ip = 15, .count = COUNT_WIDTH_MIN};
    char number[NUMBER_MAX];
    for (size_t i = 0; i < figures->source_count; i++) {
        unsigned width = width_of(figures->sources[i].ip);
        if (width > layout.ip)
            layout.ip = width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
        unsigned count = (unsigned)strlen(grouped(figures->sources[i].messages, number));
        layout.count = count > layout.count ? count : layout.count;
    }
    unsigned used = layout.ip + layout.count + RATES_WIDTH;
    layout.dispositions = used + DISPOSITIONS_WIDTH <= style.columns;
    used += layout.dispositions ? DISPOSITIONS_WIDTH : 0;
    if (used + 2 + NAME_WIDTH_MIN <= style.columns)
        layout.name =
            style.columns - used - 2 < NAME_WIDTH_MAX ? style.columns - used - 2 : NAME_WIDTH_MAX;
    return layout;
}

static void print_source(FILE *out, const struct report_figures_source *source,
                         struct layout layout, struct report_style style)
{
    char number[NUMBER_MAX];
    colour(out, style, colour_of(source));
    print_cell(out, source->ip.len ? source->ip : BYTES("(none given)"), layout.ip);
    fprintf(out, " %*s", (int)layout.count, grouped(source->messages, number));
    fprintf(out, " %7s", rate(source->passed, source->messages, number));
    colour(out, style, PLAIN);
    fprintf(out, " %7s", rate(source->dkim_passed, source->messages, number));
    fprintf(out, " %7s", rate(source->spf_passed, source->messages, number));
    if (layout.dispositions) {
        fprintf(out, " %9s", grouped(source->none, number));
        fprintf(out, " %10s", grouped(source->quarantined, number));
        fprintf(out, " %10s", grouped(source->rejected, number));
    }
    if (layout.name) {
        fputs("  ", out);
        fprintf(out, "%.*s", BYTES_ARGS(source->header_from));
    }
    putc('\n', out);
}

/* The second line: what has no column, and why it fails. */
static void print_more(FILE *out, const struct report_figures_source *source, struct layout layout,
                       struct report_style style)
{
    struct arena *arena = arena_new(1 << 16);
    struct strbuf more;
    if (!arena)
        return;
    strbuf_init(&more, arena);
    if (!layout.name && source->header_from.len)
        strbuf_printf(&more, "%.*s: ", BYTES_ARGS(source->header_from));
    if (!layout.dispositions && source->quarantined)
        strbuf_printf(&more, "%" PRIu64 " quarantined, ", source->quarantined);
    if (!layout.dispositions && source->rejected)
        strbuf_printf(&more, "%" PRIu64 " rejected, ", source->rejected);
    if (source->failing.len)
        strbuf_bytes(&more, source->failing);
    else if (more.len >= 2)
        strbuf_truncate(&more, more.len - 2);
    if (more.len)
        print_words(out, strbuf_view(&more), INDENT, style);
    arena_free(arena);
}

/* One line for those that were not shown. */
static void print_others(FILE *out, const struct report_figures *figures, size_t shown)
{
    uint64_t messages = 0, passed = 0;
    char number[NUMBER_MAX], percent[NUMBER_MAX];
    for (size_t i = shown; i < figures->source_count; i++) {
        messages += figures->sources[i].messages;
        passed += figures->sources[i].passed;
    }
    fprintf(out, "and %s more source%s", grouped(figures->source_count - shown, number),
            plural(figures->source_count - shown));
    fprintf(out, " with %s message%s, %s passed; --all shows them\n", grouped(messages, number),
            plural(messages), rate(passed, messages, percent));
}

static void print_sources(FILE *out, const struct report_figures *figures, bool all,
                          struct report_style style)
{
    struct layout layout = layout_of(figures, style);
    size_t shown =
        all || figures->source_count <= SOURCES_SHOWN ? figures->source_count : SOURCES_SHOWN;
    if (figures->source_count == 0)
        return;
    title(out, style, "Sources, those with most failures first");
    print_cell(out, BYTES("SOURCE"), layout.ip);
    fprintf(out, " %*s %7s %7s %7s", (int)layout.count, "MESSAGES", "DMARC", "DKIM", "SPF");
    if (layout.dispositions)
        fprintf(out, " %9s %10s %10s", "NONE", "QUARANTINE", "REJECT");
    fputs(layout.name ? "  FROM\n" : "\n", out);
    for (size_t i = 0; i < shown; i++) {
        print_source(out, &figures->sources[i], layout, style);
        print_more(out, &figures->sources[i], layout, style);
    }
    if (shown < figures->source_count)
        print_others(out, figures, shown);
}

/* ---- who ---- */

static void print_counts(FILE *out, const char *what, const char *heading,
                         const struct report_figures_count *counts, size_t count,
                         struct report_style style)
{
    char number[NUMBER_MAX];
    unsigned width = 15;
    for (size_t i = 0; i < count; i++) {
        unsigned own = width_of(counts[i].name);
        if (own > width)
            width = own < NAME_WIDTH_MAX ? own : NAME_WIDTH_MAX;
    }
    title(out, style, what);
    print_cell(out, bytes_of(heading), width);
    fprintf(out, " %9s %11s %7s\n", "REPORTS", "MESSAGES", "DMARC");
    for (size_t i = 0; i < count; i++) {
        print_cell(out, counts[i].name, width);
        fprintf(out, " %9s", grouped(counts[i].reports, number));
        fprintf(out, " %11s", grouped(counts[i].messages, number));
        fprintf(out, " %7s\n", rate(counts[i].passed, counts[i].messages, number));
    }
}

/* ---- failure reports, and what could not be read ---- */

static const char *string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_failure(FILE *out, const json_t *failure, struct report_style style)
{
    char when[NUMBER_MAX];
    const char *what = string(failure, "auth_failure");
    const char *domain =
        json_string_value(json_array_get(json_object_get(failure, "reported_domain"), 0));
    int64_t date_of = json_integer_value(json_object_get(failure, "arrival_date"));
    int64_t incidents = json_integer_value(json_object_get(failure, "incidents"));
    struct arena *arena = arena_new(1 << 20);
    struct strbuf line;
    if (!arena)
        return;
    strbuf_init(&line, arena);
    strbuf_puts(&line, date_of ? date(date_of, "%Y-%m-%d %H:%M UTC", when) : "(no date)");
    strbuf_printf(&line, " %s failure", *what ? what : string(failure, "feedback_type"));
    /* not in words: RFC 9991 4 has turned around what RFC 7489 meant by it */
    if (*string(failure, "identity_alignment"))
        strbuf_printf(&line, " (Identity-Alignment: %s)", string(failure, "identity_alignment"));
    if (*string(failure, "source_ip"))
        strbuf_printf(&line, " from %s", string(failure, "source_ip"));
    if (domain)
        strbuf_printf(&line, " for %s", domain);
    if (incidents > 1)
        strbuf_printf(&line, ", %" PRId64 " times", incidents);
    if (*string(failure, "subject"))
        strbuf_printf(&line, ": \"%s\"", string(failure, "subject"));
    strbuf_printf(&line, " (%s)", string(failure, "where"));
    print_words(out, strbuf_view(&line), 0, style);
    arena_free(arena);
}

static void print_failures(FILE *out, const json_t *failures, struct report_style style)
{
    if (json_array_size(failures) == 0)
        return;
    title(out, style, "Failure reports");
    for (size_t i = 0; i < json_array_size(failures); i++)
        print_failure(out, json_array_get(failures, i), style);
}

static void print_unreadable(FILE *out, const json_t *unreadable, struct report_style style)
{
    if (json_array_size(unreadable) == 0)
        return;
    title(out, style, "Could not be read");
    for (size_t i = 0; i < json_array_size(unreadable); i++) {
        const json_t *note = json_array_get(unreadable, i);
        fprintf(out, "%s: %s\n", string(note, "where"), string(note, "why"));
    }
}

void report_read_text(FILE *out, const struct report_reading *reading, struct report_style style)
{
    const struct report_figures *figures = reading->figures;
    print_head(out, reading);
    print_sources(out, figures, reading->all, style);
    if (figures->organisation_count)
        print_counts(out, "Reported by", "ORGANISATION", figures->organisations,
                     figures->organisation_count, style);
    if (figures->domain_count > 1)
        print_counts(out, "Domains", "DOMAIN", figures->domains, figures->domain_count, style);
    print_failures(out, reading->failures, style);
    print_unreadable(out, reading->unreadable, style);
}
