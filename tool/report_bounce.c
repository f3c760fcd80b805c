/* report_bounce.c - `assay report bounce`: counts a bounce of a report against its address.
 *
 * Run from an alias. Whatever comes in that is no such bounce is let go in silence with exit 0: an
 * answer could begin a loop. Only trouble with the store is a temporary failure, so
 * that the mail server tries again.
 */
#include "message_file.h"
#include "report.h"
#include "report_dsn.h"
#include "report_open.h"
#include "report_rules.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY_MAX = 256 << 20 /* octets for one mail and what is read out of it */ };

struct request {
    const char *config_path; /* NULL: the daemon's */
    const char *file;        /* "-": standard input */
};

static const struct argp_option rows[] = {
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {0},
};

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'c':
        request->config_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            argp_error(state, "one file");
        request->file = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .args_doc = "[FILE|-]",
    .doc =
        "Read a bounce of a report, and count it against its address. For the alias of "
        "ReportSender: |/usr/bin/assay report bounce\vExit 0 whatever comes in; 75: the store had "
        "trouble, try again.",
};

/* One address of the bounce; true in *known when our report went there. */
static bool count(struct store *store, const struct report_config *config, struct arena *arena,
                  const struct report_dsn *dsn, struct bytes written,
                  const struct report_dsn_recipient *recipient, bool *known)
{
    struct bytes address;
    *known = false;
    if (written.len == 0 || report_rules_plain_address(arena, written, &address))
        return true;
    const char *error = report_shown(arena, recipient->text);
    if (!store_bounce(store, dsn->report_id, address, bytes_of(error), (int64_t)time(NULL),
                      config->suppress_after, config->suppress_for, known))
        return false;
    if (*known)
        printf("report %.*s to %.*s came back: %s\n", BYTES_ARGS(dsn->report_id),
               BYTES_ARGS(address), error);
    return true;
}

/* The address that we wrote to comes first; a bounce of an older kind knows only where it went in
 * the end. */
static bool count_all(struct store *store, const struct report_config *config, struct arena *arena,
                      const struct report_dsn *dsn, bool *any)
{
    *any = false;
    for (size_t i = 0; i < dsn->failed_count; i++) {
        const struct report_dsn_recipient *recipient = &dsn->failed[i];
        bool known;
        if (!count(store, config, arena, dsn, recipient->original, recipient, &known) ||
            (!known && !count(store, config, arena, dsn, recipient->final, recipient, &known)))
            return false;
        *any = *any || known;
    }
    return true;
}

/* A mail can come back before `assay report send` has noted that it went out. */
static int count_patiently(struct store *store, const struct report_config *config,
                           struct arena *arena, const struct report_dsn *dsn)
{
    enum { NAP_SECONDS = 1 };
    bool any = false;
    for (int i = 0; !any && i < 2; i++) {
        if (i > 0)
            sleep(NAP_SECONDS);
        if (!count_all(store, config, arena, dsn, &any)) {
            report_store_trouble(store);
            return EX_TEMPFAIL;
        }
    }
    if (!any)
        puts("ignored: no report of ours went to who failed");
    return EX_OK;
}

static int handle(const struct report_config *config, struct arena *arena, struct bytes mail)
{
    static struct report_dsn dsn; /* large; used once per run of the tool */
    int code = EX_OK;
    const char *why = report_dsn_read(arena, mail, &dsn);
    if (why) {
        printf("ignored: %s\n", why);
        return EX_OK;
    }
    struct store *store = report_open_store(config, SQL_READ_WRITE, stdout, &code);
    if (!store)
        return code == EX_OK ? EX_OK : EX_TEMPFAIL;
    code = count_patiently(store, config, arena, &dsn);
    store_close(store);
    return code;
}

int report_bounce(int argc, char **argv)
{
    struct request request = {.file = "-"};
    struct bytes mail;
    int code = EX_OK;
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);

    /* Read first: who writes into a pipe that nobody reads calls that a failure. */
    if (!message_file_read(request.file, &mail)) {
        fprintf(stderr, "assay: %s: %s\n", request.file, strerror(errno));
        return strcmp(request.file, "-") == 0 ? EX_TEMPFAIL : EX_NOINPUT;
    }
    struct config *config = report_open_config(request.config_path, stdout, &code);
    struct arena *arena = arena_new(MEMORY_MAX);
    if (config && arena)
        code = handle(&config->report, arena, mail);
    arena_free(arena);
    config_unref(config);
    free((char *)mail.data);
    return code;
}
