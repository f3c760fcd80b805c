/* import_write.c - the assay.conf of an import: the lines in force, then what became of the rest.
 */
#include "import.h"

#include "config_internal.h" /* value_quote(): what is written must read back */

#include <string.h>

enum {
    WIDTH = 96,        /* columns of the output */
    VALUE_SHOWN = 200, /* octets of a value repeated in a comment */
};

/* ---- comments ---- */

/* Not even within a comment does assay.conf allow any. */
static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* Writes text as comment lines, broken at blanks; line ends in it stay. */
static void comment(FILE *out, const char *indent, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n"), room = WIDTH - 2 - strlen(indent);
        if (len > room) {
            size_t blank = room;
            while (blank > 0 && text[blank] != ' ')
                blank--;
            len = blank ? blank : len;
        }
        fprintf(out, "# %s", indent);
        for (; len; len--, text++)
            fputc(is_control(*text) ? '?' : *text, out);
        fputc('\n', out);
        text += *text == ' ' || *text == '\n';
    }
}

static void heading(FILE *out, const char *text)
{
    fprintf(out, "\n# ---- %s ----\n", text);
}

/* ---- lines ---- */

/* An item as it has to be written. What assayd refuses may hold anything. */
static const char *quoted(struct import *import, const struct import_line *line, size_t i)
{
    const struct config_option *option = option_find(bytes_of(line->option));
    struct strbuf buf;
    strbuf_init(&buf, import->arena);
    if (line->refused)
        strbuf_printable(&buf, line->items[i], VALUE_SHOWN);
    else
        value_quote(&buf, line->items[i], option_is_list(option));
    return strbuf_string(&buf);
}

/* One line, or several of a list that is long. */
static void write_values(FILE *out, struct import *import, const struct import_line *line)
{
    const char *mark = line->refused ? "#" : "";
    size_t column = 0;
    for (size_t i = 0; i < line->count; i++) {
        const char *item = quoted(import, line, i);
        if (column && column + strlen(item) + 2 < WIDTH) {
            column += (size_t)fprintf(out, ", %s", item);
            continue;
        }
        column = (size_t)fprintf(out, "%s%s%s %s", column ? "\n" : "", mark, line->option, item);
    }
    if (column)
        fputc('\n', out);
}

static void write_line(FILE *out, struct import *import, const struct import_line *line)
{
    if (line->count == 0)
        return;
    fputc('\n', out);
    if (line->refused && !line->comment)
        comment(out, "", line->refused);
    else if (line->refused) {
        comment(out, "", line->comment);
        comment(out, "", line->refused);
    } else if (line->comment) {
        comment(out, "", line->comment);
    }
    write_values(out, import, line);
}

/* In the order of the sample file; what this version does not have at the end. */
static void write_lines(FILE *out, struct import *import)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        for (const struct import_line *line = import->first_line; line; line = line->next) {
            if (strcmp(line->option, config_options[i].name) == 0)
                write_line(out, import, line);
        }
    }
    for (const struct import_line *line = import->first_line; line; line = line->next) {
        if (!option_find(bytes_of(line->option)))
            write_line(out, import, line);
    }
}

/* ---- what became of the options ---- */

static void write_options(FILE *out, struct import *import, enum import_outcome outcome,
                          const char *title)
{
    bool any = false;
    for (const struct import_option *option = import->first; option; option = option->next) {
        if (option->outcome != outcome)
            continue;
        if (!any)
            heading(out, title);
        any = true;
        fputs("#\n", out);
        comment(out, "", import_origin(import, option));
        if (option->note && *option->note)
            comment(out, "    ", option->note);
    }
}

void import_write(FILE *out, struct import *import)
{
    fputs("# assay.conf, made by `assay import` out of\n#\n", out);
    for (int i = 0; i < IMPORT_PROGRAM_COUNT; i++) {
        if (import->paths[i])
            fprintf(out, "#     %-12s %s\n", import_program_name((enum import_program)i),
                    import->paths[i]);
    }
    fputs("#\n", out);
    comment(
        out, "",
        "Above each line stands where it comes from; at the end, what changes its meaning, what "
        "has no equivalent, and what is not needed any more. Options that are not mentioned "
        "keep Assay's defaults, assay.conf(5). To check it: assayd -n -c FILE.");
    write_lines(out, import);
    write_options(out, import, IMPORT_CHANGED, "changed: read this");
    write_options(out, import, IMPORT_NO_EQUIVALENT, "no equivalent: read this");
    write_options(out, import, IMPORT_UNKNOWN, "not understood: read this");
    write_options(out, import, IMPORT_NOT_NEEDED, "not needed any more");
}

/* ---- JSON ---- */

static json_t *json_text(struct import *import, struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, import->arena);
    strbuf_printable(&buf, text, VALUE_SHOWN);
    return json_string(strbuf_string(&buf));
}

static json_t *option_json(struct import *import, const struct import_option *option)
{
    const char *target = option->row && *option->row->target ? option->row->target : NULL;
    return json_pack("{s:s, s:o, s:o, s:s, s:i, s:s, s:s*, s:s*}", "program",
                     import_program_name(option->program), "option",
                     json_text(import, option->name), "value", json_text(import, option->value),
                     "file", option->file, "line", (int)option->line, "outcome",
                     import_outcome_name(option->outcome), "assay_option", target, "note",
                     option->note);
}

/* The lines in force: name to value, or to a list of values. */
static json_t *lines_json(struct import *import)
{
    json_t *lines = json_object();
    for (const struct import_line *line = import->first_line; line; line = line->next) {
        if (line->refused || line->count == 0)
            continue;
        json_t *values = json_array();
        for (size_t i = 0; i < line->count; i++)
            json_array_append_new(values, json_text(import, line->items[i]));
        json_object_set_new(lines, line->option,
                            line->count == 1 ? json_incref(json_array_get(values, 0))
                                             : json_incref(values));
        json_decref(values);
    }
    return lines;
}

json_t *import_json(struct import *import)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    json_t *options = json_array();
    if (!stream)
        return NULL;
    import_write(stream, import);
    fclose(stream);
    for (const struct import_option *option = import->first; option; option = option->next)
        json_array_append_new(options, option_json(import, option));
    json_t *all = json_pack("{s:s, s:o, s:o}", "configuration", text, "lines", lines_json(import),
                            "options", options);
    free(text);
    return all;
}
