/* gen_docs.c - writes the documentation of the options at build time.
 *
 *   gen_docs man FRAME    assay.conf(5) on standard output: FRAME, with the line @OPTIONS@
 *                         replaced by the options in alphabetical order
 *   gen_docs sample       the sample file on standard output
 *
 * Needs the option table alone; reads no configuration.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    LINE_OCTETS = 4096,  /* of the frame */
    TEXT_MEMORY = 65536, /* octets, for one description */
};

/* Prints text as running text of a manual page: a line for each sentence would be finer, but the
 * formatter fills lines anyway. What roff could take for a request or an escape is disarmed. */
static void print_text(const char *text)
{
    bool at_start = true;
    for (; *text; text++) {
        if (strncmp(text, "\n\n", 2) == 0) {
            fputs("\n.Pp\n", stdout);
            text++;
            at_start = true;
            continue;
        }
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            fputc(*text, stdout);
        at_start = *text == '\n';
    }
    fputc('\n', stdout);
}

static int compare_names(const void *a, const void *b)
{
    const struct config_option *const *left = a;
    const struct config_option *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void print_option(const struct config_option *option)
{
    struct arena *arena = arena_new(TEXT_MEMORY);
    struct strbuf facts;
    if (!arena)
        exit(EX_OSERR);
    strbuf_init(&facts, arena);
    strbuf_puts(&facts, "Allowed: ");
    option_describe(&facts, option);
    if (*option->default_text)
        strbuf_printf(&facts, ". Default: %s", option->default_text);
    else
        strbuf_puts(&facts, option->type == TYPE_INCLUDE ? "" : ". Default: not set");
    strbuf_putc(&facts, '.');
    printf(".It Cm %s\n", option->name);
    print_text(option->doc);
    puts(".Pp");
    print_text(strbuf_string(&facts));
    arena_free(arena);
}

static void print_options(void)
{
    const struct config_option *sorted[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        sorted[i] = &config_options[i];
    qsort(sorted, OPTION_COUNT, sizeof(sorted[0]), compare_names);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        print_option(sorted[i]);
}

static int print_manual(const char *path)
{
    char line[LINE_OCTETS];
    bool found = false;
    FILE *frame = fopen(path, "r");
    if (!frame) {
        perror(path);
        return EX_NOINPUT;
    }
    while (fgets(line, sizeof(line), frame)) {
        if (strcmp(line, "@OPTIONS@\n") == 0) {
            found = true;
            print_options();
        } else {
            fputs(line, stdout);
        }
    }
    fclose(frame);
    if (!found)
        fprintf(stderr, "%s: has no line @OPTIONS@\n", path);
    return found ? EX_OK : EX_DATAERR;
}

int main(int argc, char **argv)
{
    int result = EX_USAGE;
    if (argc == 3 && strcmp(argv[1], "man") == 0)
        result = print_manual(argv[2]);
    else if (argc == 2 && strcmp(argv[1], "sample") == 0) {
        config_print_defaults(stdout, true);
        result = EX_OK;
    } else
        fputs("usage: gen_docs man FRAME | gen_docs sample\n", stderr);
    if (fflush(stdout) != 0 || ferror(stdout))
        return EX_IOERR;
    return result;
}
