/* config_errors.c - collecting what is wrong with a configuration. */
#include "config_internal.h"

#include <stdarg.h>

const char *loader_source_text(struct loader *loader, const struct source *source)
{
    const char *text = source->name;
    if (source->file && source->line)
        text = arena_printf(loader->arena, "%s:%u", source->file, source->line);
    else if (source->file)
        text = source->file;
    return text ? text : "";
}

static void write_message(char *out, const struct source *source, const char *format, va_list args)
{
    int used = 0;
    if (source && source->file && source->line)
        used = snprintf(out, CONFIG_ERROR_TEXT, "%s:%u: ", source->file, source->line);
    else if (source && (source->file || source->name))
        used = snprintf(out, CONFIG_ERROR_TEXT, "%s: ", source->file ? source->file : source->name);
    if (used >= 0 && used < CONFIG_ERROR_TEXT)
        vsnprintf(out + used, CONFIG_ERROR_TEXT - (size_t)used, format, args);
}

void loader_error(struct loader *loader, const struct source *source, const char *format, ...)
{
    struct config_errors *errors = loader->errors;
    va_list args;
    va_start(args, format);
    if (errors->error_count < CONFIG_ERRORS_MAX)
        write_message(errors->errors[errors->error_count], source, format, args);
    errors->error_count++;
    va_end(args);
}

void loader_warning(struct loader *loader, const struct source *source, const char *format, ...)
{
    struct config_errors *errors = loader->errors;
    va_list args;
    va_start(args, format);
    if (errors->warning_count < CONFIG_ERRORS_MAX)
        write_message(errors->warnings[errors->warning_count], source, format, args);
    errors->warning_count++;
    va_end(args);
}

const char *loader_quote(struct loader *loader, struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, loader->arena);
    strbuf_putc(&buf, '\'');
    strbuf_printable(&buf, text, CONFIG_VALUE_SHOWN);
    strbuf_putc(&buf, '\'');
    return strbuf_string(&buf);
}

static void print_list(FILE *out, const char *prefix, const char *kind,
                       const char texts[][CONFIG_ERROR_TEXT], size_t count)
{
    for (size_t i = 0; i < count && i < CONFIG_ERRORS_MAX; i++)
        fprintf(out, "%s%s: %s\n", prefix, kind, texts[i]);
    if (count > CONFIG_ERRORS_MAX)
        fprintf(out, "%s%s: %zu more of them not shown\n", prefix, kind, count - CONFIG_ERRORS_MAX);
}

void config_print_errors(FILE *out, const char *prefix, const struct config_errors *errors)
{
    print_list(out, prefix, "error", errors->errors, errors->error_count);
    print_list(out, prefix, "warning", errors->warnings, errors->warning_count);
}
