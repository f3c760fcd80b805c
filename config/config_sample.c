/* config_sample.c - all defaults as a file, with or without their documentation.
 *
 * Relies on the option table alone, so that gen_docs.c can write the sample at build time.
 * Every line is a comment: what an administrator uncomments is a decision, and what is left
 * follows the defaults of later versions.
 */
#include "config.h"

#include <string.h>

enum {
    SAMPLE_WIDTH = 78,   /* columns */
    LINE_MEMORY = 65536, /* octets, for one description */
};

/* Prints words of text with "# " in front, broken at SAMPLE_WIDTH; "\n\n" makes a new paragraph. */
static void print_wrapped(FILE *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " \n");
        if (column && column + 1 + len > SAMPLE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        fputs(column ? " " : "# ", out);
        fprintf(out, "%.*s", (int)len, text);
        column += len + (column ? 1 : 2);
        text += len;
        if (strncmp(text, "\n\n", 2) == 0) {
            fputs("\n#\n", out);
            column = 0;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct config_option *option, bool with_docs)
{
    const char *value = *option->default_text ? option->default_text : "\"\"";
    if (!with_docs) {
        fprintf(out, "%s %s\n", option->name, value);
        return;
    }
    struct arena *arena = arena_new(LINE_MEMORY);
    fputc('\n', out);
    print_wrapped(out, option->doc);
    if (arena) {
        struct strbuf allowed;
        strbuf_init(&allowed, arena);
        strbuf_puts(&allowed, "Allowed: ");
        option_describe(&allowed, option);
        strbuf_putc(&allowed, '.');
        print_wrapped(out, strbuf_string(&allowed));
    }
    arena_free(arena);
    fprintf(out, "#%s %s\n", option->name, value);
}

void config_print_defaults(FILE *out, bool with_docs)
{
    if (with_docs)
        fputs("# assay.conf - configuration of assayd(8); assay.conf(5) has the same texts.\n"
              "#\n"
              "# Name value, one option a line. Each option stands here with its default;\n"
              "# take the # away to change it. \"assayd -n\" checks the file.\n",
              out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (config_options[i].type == TYPE_INCLUDE && !with_docs)
            continue;
        if (with_docs && (i == 0 || config_options[i].group != config_options[i - 1].group))
            fprintf(out, "\n\n# ---- %s ----\n", option_group_title(config_options[i].group));
        print_option(out, &config_options[i], with_docs);
    }
}
