/* import_draft.c - the options read and the lines drafted; see import.h. */
#include "import.h"

#include <stdlib.h>
#include <string.h>

enum {
    VALUE_SHOWN = 200,  /* octets of a value repeated in a comment */
    NUMBER_OCTETS = 24, /* of a number, with NUL */
};

const char *import_program_name(enum import_program program)
{
    static const char *const names[] = {
        [IMPORT_OPENDKIM] = "OpenDKIM",
        [IMPORT_OPENDMARC] = "OpenDMARC",
        [IMPORT_OPENARC] = "OpenARC",
        [IMPORT_POLICYD_SPF] = "policyd-spf",
    };
    return names[program];
}

const char *import_outcome_name(enum import_outcome outcome)
{
    static const char *const names[] = {
        [IMPORT_PENDING] = "pending", [IMPORT_KEPT] = "kept",
        [IMPORT_CHANGED] = "changed", [IMPORT_NOT_NEEDED] = "not needed",
        [IMPORT_UNKNOWN] = "unknown", [IMPORT_NO_EQUIVALENT] = "no equivalent",
    };
    return names[outcome];
}

/* ---- the table ---- */

const struct import_row import_rows[] = {
#define IMPORT(program, name, convert, target, note)                                               \
    {IMPORT_##program, name, import_##convert, target, note},
#include "import_map.def"
#undef IMPORT
};

const size_t import_row_count = sizeof(import_rows) / sizeof(import_rows[0]);

const struct import_row *import_row_find(enum import_program program, struct bytes name)
{
    for (size_t i = 0; i < import_row_count; i++) {
        if (import_rows[i].program == program && bytes_is(name, import_rows[i].name))
            return &import_rows[i];
    }
    return NULL;
}

/* ---- options ---- */

struct import_option *import_given(struct import *import, enum import_program program,
                                   const char *name)
{
    struct import_option *found = NULL;
    for (struct import_option *option = import->first; option; option = option->next) {
        if (option->program == program && bytes_is(option->name, name) &&
            option->outcome != IMPORT_UNKNOWN)
            found = option;
    }
    return found;
}

bool import_value_is_on(struct bytes value)
{
    return value.len && (to_lower(value.data[0]) == 't' || to_lower(value.data[0]) == 'y' ||
                         value.data[0] == '1');
}

bool import_is_on(struct import *import, enum import_program program, const char *name)
{
    const struct import_option *option = import_given(import, program, name);
    return option && import_value_is_on(option->value);
}

bool import_number(struct bytes value, long *out)
{
    char text[NUMBER_OCTETS], *end;
    if (value.len == 0 || value.len >= sizeof(text))
        return false;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    *out = strtol(text, &end, 0);
    return *end == '\0';
}

static const char *format_text(struct import *import, const char *format, va_list arguments)
{
    char *text = NULL;
    const char *copy = NULL;
    if (vasprintf(&text, format, arguments) >= 0)
        copy = arena_copy(import->arena, text, strlen(text));
    free(text);
    return copy ? copy : "";
}

void import_judge(struct import *import, struct import_option *option, enum import_outcome outcome,
                  const char *format, ...)
{
    if (!option)
        return;
    option->outcome = outcome;
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        option->note = format_text(import, format, arguments);
        va_end(arguments);
    } else if (option->row && *option->row->note) {
        option->note = option->row->note;
    }
}

const char *import_origin(struct import *import, const struct import_option *option)
{
    struct strbuf buf;
    strbuf_init(&buf, import->arena);
    strbuf_puts(&buf, import_program_name(option->program));
    strbuf_putc(&buf, ' ');
    strbuf_printable(&buf, option->name, VALUE_SHOWN);
    strbuf_putc(&buf, ' ');
    strbuf_printable(&buf, option->value, VALUE_SHOWN);
    strbuf_printf(&buf, " (%s:%u)", option->file, option->line);
    return strbuf_string(&buf);
}

struct bytes import_path(struct import *import, enum import_program program, struct bytes path)
{
    const struct import_option *base = import_given(import, program, "BaseDirectory");
    if (!base || path.len == 0 || path.data[0] == '/')
        return path;
    return bytes_of(
        arena_printf(import->arena, "%.*s/%.*s", BYTES_ARGS(base->value), BYTES_ARGS(path)));
}

/* ---- lines ---- */

struct import_line *import_line(struct import *import, const char *target)
{
    for (struct import_line *line = import->first_line; line; line = line->next) {
        if (strcmp(line->option, target) == 0)
            return line;
    }
    struct import_line *line = arena_alloc(import->arena, sizeof(*line));
    if (!line)
        return NULL;
    line->option = target;
    if (import->last_line)
        import->last_line->next = line;
    else
        import->first_line = line;
    import->last_line = line;
    return line;
}

void import_add_item(struct import *import, struct import_line *line, struct bytes item)
{
    for (size_t i = 0; line && i < line->count; i++) {
        if (bytes_equal(line->items[i], item))
            return;
    }
    if (line && line->count == line->capacity) {
        size_t capacity = line->capacity ? line->capacity * 2 : 8;
        struct bytes *grown = arena_array(import->arena, capacity, sizeof(*grown));
        if (!grown)
            return;
        if (line->count)
            memcpy(grown, line->items, line->count * sizeof(*grown));
        line->items = grown;
        line->capacity = capacity;
    }
    if (line)
        line->items[line->count++] = item;
}

void import_add_comment(struct import *import, struct import_line *line, const char *format, ...)
{
    va_list arguments;
    if (!line)
        return;
    va_start(arguments, format);
    const char *text = format_text(import, format, arguments);
    va_end(arguments);
    if (line->comment && strstr(line->comment, text))
        return; /* several values of one option */
    line->comment = arena_printf(import->arena, "%s%s\n", line->comment ? line->comment : "", text);
}

struct import_line *import_set(struct import *import, const char *target,
                               const struct import_option *from, struct bytes value)
{
    struct import_line *line = import_line(import, target);
    import_add_item(import, line, value);
    if (from)
        import_add_comment(import, line, "%s", import_origin(import, from));
    return line;
}

/* ---- tables ---- */

void import_add_row(struct import *import, const char *table, const char *format, ...)
{
    size_t i = 0;
    while (i < IMPORT_TABLES_MAX && import->tables[i].option &&
           strcmp(import->tables[i].option, table) != 0)
        i++;
    if (i == IMPORT_TABLES_MAX)
        return;
    struct import_table *to = &import->tables[i];
    if (!to->option) {
        to->option = table;
        strbuf_init(&to->rows, import->arena);
    }
    va_list arguments;
    va_start(arguments, format);
    strbuf_puts(&to->rows, format_text(import, format, arguments));
    va_end(arguments);
    strbuf_putc(&to->rows, '\n');
    to->count++;
}
