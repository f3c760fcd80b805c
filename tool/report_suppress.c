/* report_suppress.c - `assay report suppress`: which addresses get no reports because they refused
 * too many; by hand as well. */
#include "report.h"
#include "report_open.h"
#include "report_rules.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

enum {
    KEY_LIST = 256,
    KEY_LIFT,
    MEMORY = 1 << 20, /* octets for an address and a few lines */
};

struct request {
    const char *config_path; /* NULL: the daemon's */
    const char *address;     /* to suppress */
    const char *lift;
    bool list;
};

static const struct argp_option rows[] = {
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"list", KEY_LIST, NULL, 0, "List the suppressed addresses (default)", 0},
    {"lift", KEY_LIFT, "ADDRESS", 0, "Send reports to this address again", 0},
    {0},
};

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'c':
        request->config_path = argument;
        return 0;
    case KEY_LIST:
        request->list = true;
        return 0;
    case KEY_LIFT:
        request->lift = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one address at a time");
        request->address = argument;
        return 0;
    case ARGP_KEY_END:
        if ((request->list ? 1 : 0) + (request->lift ? 1 : 0) + (request->address ? 1 : 0) > 1)
            argp_error(state, "one of --list, --lift and an address");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .args_doc = "[ADDRESS]",
    .doc = "Send no more reports to an address, until that is lifted; or list such addresses. One "
           "that refuses ReportSuppressAfter reports in a row is suppressed by itself, for "
           "ReportSuppressFor.",
};

/* ---- the list ---- */

struct listing {
    struct arena *arena;
    int64_t now;
    size_t shown;
};

static bool print_one(void *context, const struct store_destination *destination)
{
    struct listing *listing = context;
    char text[REPORT_TIME_TEXT];
    if (destination->suppressed_until <= listing->now && destination->refusals == 0)
        return true;
    listing->shown++;
    arena_reset(listing->arena);
    const char *error = report_shown(listing->arena, destination->error);
    printf("%-40s ", report_shown(listing->arena, destination->address));
    fputs(destination->suppressed_until > listing->now
              ? report_suppressed(destination->suppressed_until, text)
              : "still tried",
          stdout);
    if (destination->refusals > 0)
        printf(", %" PRId64 " refused in a row%s%s", destination->refusals, *error ? ": " : "",
               error);
    putchar('\n');
    return true;
}

static int list(struct store *store, struct arena *arena)
{
    struct listing listing = {.arena = arena, .now = (int64_t)time(NULL)};
    if (!store_destinations(store, print_one, &listing))
        return report_store_trouble(store);
    if (listing.shown == 0)
        puts("No address is suppressed.");
    return EX_OK;
}

/* ---- by hand ---- */

static int set(struct store *store, struct bytes address, bool suppress)
{
    if (!store_destination_set(store, address, suppress ? REPORT_FOREVER : 0,
                               suppress ? BYTES("by hand") : BYTES_EMPTY))
        return report_store_trouble(store);
    printf(suppress ? "No more reports are sent to %.*s; --lift takes that back.\n"
                    : "Reports are sent to %.*s again.\n",
           BYTES_ARGS(address));
    return EX_OK;
}

/* There is nowhere to note it; why was said. */
static int not_done(const char *address)
{
    fprintf(stderr, "assay: nothing was noted about %s\n", address);
    return EX_UNAVAILABLE;
}

static int run(const struct request *request, const struct report_config *config,
               struct arena *arena)
{
    const char *given = request->lift ? request->lift : request->address;
    struct bytes address = BYTES_EMPTY;
    int code = EX_OK;
    const char *why = given ? report_rules_plain_address(arena, bytes_of(given), &address) : NULL;
    if (why) {
        fprintf(stderr, "assay: %s is no address: %s\n", given, why);
        return EX_USAGE;
    }
    struct store *store =
        report_open_store(config, given ? SQL_READ_WRITE : SQL_READ_ONLY, stdout, &code);
    if (!store)
        return code == EX_OK && given ? not_done(given) : code;
    code = given ? set(store, address, !request->lift) : list(store, arena);
    store_close(store);
    return code;
}

int report_suppress(int argc, char **argv)
{
    struct request request = {0};
    int code = EX_OK;
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);

    struct config *config = report_open_config(request.config_path, stdout, &code);
    struct arena *arena = arena_new(MEMORY);
    if (config)
        code = arena ? run(&request, &config->report, arena) : EX_OSERR;
    else if (code == EX_OK && (request.address || request.lift))
        code = not_done(request.address ? request.address : request.lift);
    arena_free(arena);
    config_unref(config);
    return code;
}
