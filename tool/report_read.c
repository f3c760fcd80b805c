/* report_read.c - `assay report read`: the reports that others send about our domains. */
#include "report_read.h"

#include "domain.h"
#include "message_file.h"
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    KEY_JSON = 256,
    KEY_HTML,
    KEY_DOMAIN,
    KEY_ALL,
    COLUMNS_DEFAULT = 80, /* of a terminal that does not tell */
    COLUMNS_MIN = 60,
    NOTES_MAX = 100000, /* failure reports, and places that could not be read, that are listed */
};

struct request {
    bool json, all;
    const char *html, *domain;
    char **files;
    size_t file_count;
};

static const struct argp_option rows[] = {
    {"json", KEY_JSON, NULL, 0, "Everything that was read, as JSON", 0},
    {"html", KEY_HTML, "FILE", 0, "Write a page with plots, too (- for standard output)", 0},
    {"all", KEY_ALL, NULL, 0, "List all sources, not only the first 100", 0},
    {"domain", KEY_DOMAIN, "D", 0, "Only reports about this domain and those below it", 0},
    {0},
};

/* ---- command line ---- */

/* In the form in which it is compared: A-labels, lower case. */
static const char *parse_domain(struct argp_state *state, const char *argument)
{
    struct arena *arena = arena_new(1 << 16);
    struct domain domain = arena ? domain_parse(arena, bytes_of(argument)) : DOMAIN_NONE;
    char *name = domain_is_none(domain) ? NULL : strdup(domain.name);
    arena_free(arena);
    if (!name)
        argp_error(state, "%s is no domain name", argument);
    return name;
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_JSON:
        request->json = true;
        return 0;
    case KEY_ALL:
        request->all = true;
        return 0;
    case KEY_HTML:
        request->html = argument;
        return 0;
    case KEY_DOMAIN:
        free((char *)(uintptr_t)request->domain);
        request->domain = parse_domain(state, argument);
        return 0;
    case ARGP_KEY_ARGS:
        request->files = state->argv + state->next;
        request->file_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which files? (- reads standard input)");
        return 0;
    case ARGP_KEY_END:
        if (request->json && request->html && strcmp(request->html, "-") == 0)
            argp_error(state, "--json and --html - both want standard output");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .args_doc = "FILE|DIRECTORY|-...",
    .doc = "Read the DMARC reports that others send about your domains: XML, gzip, zip, mails "
           "with them attached, mailboxes, and whole directories of these.\vExit 0: all was read; "
           "65: something could not be read (the rest is shown); 66: a file cannot be opened.",
};

/* ---- what is found ---- */

void report_reading_unreadable(struct report_reading *reading, struct bytes where, const char *why)
{
    report_figures_unreadable(reading->builder);
    if (json_array_size(reading->unreadable) < NOTES_MAX)
        json_array_append_new(reading->unreadable,
                              json_pack("{s:s%, s:s}", "where", where.data, where.len, "why", why));
}

/* True when reports about that domain are wanted. */
static bool is_wanted(const struct report_reading *reading, struct bytes name)
{
    struct arena *arena = arena_new(1 << 16);
    struct domain wanted =
        arena && reading->domain ? domain_parse(arena, bytes_of(reading->domain)) : DOMAIN_NONE;
    bool within = !reading->domain;
    if (!within && !domain_is_none(wanted))
        within = domain_within(domain_parse(arena, name), wanted);
    arena_free(arena);
    return within;
}

static bool is_wanted_failure(const struct report_reading *reading, const struct arf *arf)
{
    bool wanted = !arf->reported_domain;
    for (const struct arf_value *value = arf->reported_domain; value; value = value->next)
        wanted = wanted || is_wanted(reading, value->text);
    return wanted;
}

static void take_report(struct report_reading *reading, struct bytes where,
                        const struct feedback *feedback)
{
    if (!is_wanted(reading, feedback->domain)) {
        reading->other_domains++;
        return;
    }
    enum report_figures_added added = report_figures_add(reading->builder, feedback);
    bool duplicate = added == REPORT_FIGURES_DUPLICATE;
    reading->no_memory = reading->no_memory || added == REPORT_FIGURES_NO_MEMORY;
    reading->skipped += duplicate ? 0 : feedback->skipped;
    if (reading->json)
        report_json_report(reading, where, feedback, duplicate);
    reading->printed++;
}

static void take(void *context, const struct feedback_finding *finding)
{
    struct report_reading *reading = context;
    if (finding->feedback)
        take_report(reading, finding->where, finding->feedback);
    else if (finding->other_mail) /* a mailbox has such, too: those of TLS reports, of people */
        reading->other_mails++;
    else if (!finding->failure)
        report_reading_unreadable(reading, finding->where, finding->why);
    else if (!is_wanted_failure(reading, finding->failure))
        reading->other_domains++;
    else if (json_array_size(reading->failures) < NOTES_MAX)
        json_array_append_new(reading->failures,
                              report_failure_json(finding->where, finding->failure));
}

/* ---- files ---- */

/* The name as it may be shown: UTF-8 without controls. */
static struct bytes shown(struct arena *arena, const char *path)
{
    struct strbuf name;
    strbuf_init(&name, arena);
    mime_clean(&name, bytes_of(path), BYTES_EMPTY, strlen(path) * 3 + 4);
    return strbuf_view(&name);
}

/* False when it cannot be read. path: as shown. */
static bool read_file(struct report_reading *reading, const char *open_as, const char *path)
{
    struct arena *arena = arena_new(1 << 20);
    struct bytes octets;
    bool good = message_file_read(open_as, &octets);
    int error = errno;
    struct bytes name =
        arena ? shown(arena, strcmp(path, "-") == 0 ? "standard input" : path) : BYTES_EMPTY;
    if (good) {
        reading->files++;
        feedback_find(name, octets, take, reading);
        free((char *)(uintptr_t)octets.data);
    } else {
        report_reading_unreadable(reading, name, strerror(error));
    }
    arena_free(arena);
    return good;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* All regular files below, those that links lead to included; in the order of their names. */
static bool read_directory(struct report_reading *reading, char *path)
{
    char *const paths[] = {path, NULL};
    FTS *tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    bool good = tree != NULL;
    for (FTSENT *entry; tree && (entry = fts_read(tree)) != NULL;) {
        switch (entry->fts_info) {
        case FTS_F:
            good = read_file(reading, entry->fts_path, entry->fts_path) && good;
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS: {
            struct arena *arena = arena_new(1 << 20);
            report_reading_unreadable(reading, arena ? shown(arena, entry->fts_path) : BYTES_EMPTY,
                                      strerror(entry->fts_errno));
            arena_free(arena);
            good = false;
            break;
        }
        default:
            break;
        }
    }
    if (tree)
        fts_close(tree);
    return good;
}

static bool read_path(struct report_reading *reading, char *path)
{
    struct stat status;
    if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return read_directory(reading, path);
    return read_file(reading, path, path);
}

/* ---- output ---- */

static struct report_style style_of(FILE *out)
{
    struct report_style style = {.columns = COLUMNS_DEFAULT};
    struct winsize window;
    unsigned long long columns;
    if (ioctl(fileno(out), TIOCGWINSZ, &window) == 0 && window.ws_col)
        style.columns = window.ws_col;
    const char *variable = getenv("COLUMNS");
    if (variable && bytes_to_number(bytes_of(variable), 10000, &columns) && columns)
        style.columns = (unsigned)columns;
    if (style.columns < COLUMNS_MIN)
        style.columns = COLUMNS_MIN;
    const char *no_colour = getenv("NO_COLOR");
    style.colours = isatty(fileno(out)) && (!no_colour || !*no_colour);
    return style;
}

/* The page; false after a message when it cannot be written. */
static bool write_page(const struct report_reading *reading, const char *path)
{
    bool to_stdout = strcmp(path, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(path, "w");
    bool good = out && report_html(out, reading->figures, BYTES_EMPTY, time(NULL));
    if (out && !to_stdout)
        good = fclose(out) == 0 && good;
    if (!good)
        fprintf(stderr, "assay report read: %s: %s\n", path, strerror(errno));
    return good;
}

static int publish(const struct request *request, struct report_reading *reading)
{
    reading->figures = report_figures_finish(reading->builder);
    if (!reading->figures || reading->no_memory) {
        fputs("assay report read: out of memory; read less at a time\n", stderr);
        return EX_OSERR;
    }
    bool page_on_stdout = request->html && strcmp(request->html, "-") == 0;
    if (request->json)
        report_json_end(reading);
    else if (!page_on_stdout)
        report_read_text(stdout, reading, style_of(stdout));
    if (request->html && !write_page(reading, request->html))
        return EX_CANTCREAT;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "assay report read: standard output: %s\n", strerror(errno));
        return EX_IOERR;
    }
    return reading->figures->failed ? EX_DATAERR : EX_OK;
}

static int read_all(const struct request *request, struct report_reading *reading)
{
    bool opened = true;
    if (request->json)
        report_json_begin();
    for (size_t i = 0; i < request->file_count; i++)
        opened = read_path(reading, request->files[i]) && opened;
    if (opened && !reading->printed && !reading->other_domains &&
        json_array_size(reading->failures) == 0 && json_array_size(reading->unreadable) == 0)
        report_reading_unreadable(reading, bytes_of(request->files[0]),
                                  reading->other_mails ? "no report in it" : "no file in it");
    int code = publish(request, reading);
    return code == EX_OK || code == EX_DATAERR ? opened ? code : EX_NOINPUT : code;
}

int report_read(int argc, char **argv)
{
    struct request request = {0};
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);
    struct report_reading reading = {.builder = report_figures_new(),
                                     .json = request.json,
                                     .all = request.all,
                                     .domain = request.domain,
                                     .failures = json_array(),
                                     .unreadable = json_array()};
    int code = EX_OSERR;
    if (reading.builder && reading.failures && reading.unreadable)
        code = read_all(&request, &reading);
    else
        fputs("assay report read: out of memory\n", stderr);
    report_figures_free(reading.builder);
    json_decref(reading.failures);
    json_decref(reading.unreadable);
    free((char *)(uintptr_t)request.domain);
    return code;
}
