/* config_errors.c - collecting what is wrong with a configuration. */
#include "config_internal.h"

#include <stdarg.h>
#include <string.h>

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
    if (errors->error_count < CONFIG_ERRORS_MAX) {
        write_message(errors->errors[errors->error_count], source, format, args);
        loader->error_sources[errors->error_count] = source ? *source : (struct source){0};
    }
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

/* In the order of reading; what is not about a file comes last. */
static size_t file_rank(const struct loader *loader, const struct source *source)
{
    size_t rank = 0;
    while (rank < loader->file_count &&
           (!source->file || strcmp(loader->files[rank], source->file) != 0))
        rank++;
    return rank;
}

static bool comes_before(const struct loader *loader, const struct source *a,
                         const struct source *b)
{
    size_t rank_a = file_rank(loader, a), rank_b = file_rank(loader, b);
    return rank_a != rank_b ? rank_a < rank_b : a->line < b->line;
}

void loader_sort_errors(struct loader *loader)
{
    struct config_errors *errors = loader->errors;
    for (size_t i = 1; i < errors->error_count && i < CONFIG_ERRORS_MAX; i++) {
        char text[CONFIG_ERROR_TEXT];
        struct source source = loader->error_sources[i];
        size_t j = i;
        memcpy(text, errors->errors[i], sizeof(text));
        for (; j > 0 && comes_before(loader, &source, &loader->error_sources[j - 1]); j--) {
            memcpy(errors->errors[j], errors->errors[j - 1], sizeof(text));
            loader->error_sources[j] = loader->error_sources[j - 1];
        }
        memcpy(errors->errors[j], text, sizeof(text));
        loader->error_sources[j] = source;
    }
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
