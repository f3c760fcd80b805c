/* main.c - assayd: start, reload, stop.
 *
 * The order of the start matters: the configuration is read and the socket made
 * with the rights we were started with; then they are dropped, before threads
 * are started, and before the first connection is taken.
 */
#include "banner.h"
#include "callbacks.h"
#include "command_line.h"
#include "context.h"
#include "evaluate.h"
#include "log.h"
#include "notify.h"
#include "privileges.h"
#include "signals.h"
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    SESSIONS_GONE_MS = 1000,        /* time for connections to close after the stop */
    MTA_PACKET_MAX = (1 << 20) - 1, /* octets; by default libmilter breaks off at a header field of
                                       64 KiB, which Postfix's header_size_limit allows */
    MTA_SILENCE_SECONDS = 7200,     /* then libmilter gives a connection up */
    STORE_PATIENCE_MS = 5000,       /* time to carry the last results over; what is left keeps */
    STACK_OCTETS = 1 << 20,         /* of each thread; see small_stacks() */
};

static struct command_line command_line; /* written once, by main() */
static const char *pid_file;             /* written by us, to be removed; likewise */
static struct config *first_config;      /* owns pid_file; likewise */

/* ---- configuration ---- */

static struct config *load_config(struct config_errors *errors)
{
    return config_load_with(command_line.config_path, command_line.overrides,
                            command_line.override_count, errors);
}

static void log_errors(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->warning_count && i < CONFIG_ERRORS_MAX; i++)
        log_warning("%s", errors->warnings[i]);
    for (size_t i = 0; i < errors->error_count && i < CONFIG_ERRORS_MAX; i++)
        log_error("%s", errors->errors[i]);
}

/* What a start says is never below the LogLevel. */
static void open_log(const struct log_config *config, bool starting)
{
    const struct log_settings settings = {
        .syslog = config->syslog,
        .facility = config->facility,
        .json = config->format == LOG_FORMAT_JSON,
        .level = starting && config->level < LOG_INFO ? LOG_INFO : config->level,
    };
    log_open(&settings);
}

/* ---- reload ---- */

/* These are in force since the start; a reload cannot change them. */
static void warn_of_fixed_options(const struct config *first, const struct config *now)
{
    static const enum option_id fixed[] = {
        OPTION_Socket,          OPTION_SocketMode,    OPTION_SocketGroup,
        OPTION_UserID,          OPTION_PidFile,       OPTION_SyslogFacility,
        OPTION_ReportStore,     OPTION_ReportJournal, OPTION_ReportJournalSize,
        OPTION_ReportRetention,
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (strcmp(first->values[fixed[i]].text, now->values[fixed[i]].text) != 0)
            log_warning("%s: %s was changed; that takes effect at the next start",
                        now->values[fixed[i]].origin, config_options[fixed[i]].name);
    }
}

static void log_keys(void *context, enum key_store_level level, const char *line)
{
    (void)context;
    if (level == KEY_STORE_ERROR_LINE)
        log_error("%s", line);
    else if (level == KEY_STORE_WARNING_LINE)
        log_warning("%s", line);
    else
        log_info("%s", line);
}

static void log_resolver(const char *line)
{
    log_error("%s", line);
}

/* For those who read keys as `owner` later on. */
static struct runtime_log log_for(const struct privileges *owner)
{
    return (struct runtime_log){
        .keys = log_keys,
        .resolver = log_resolver,
        .reader_uid = owner && owner->change ? owner->uid : geteuid(),
        .reader_gid = owner && owner->change ? owner->gid : getegid(),
    };
}

static void watch_keys(struct runtime *runtime)
{
    if (!runtime_watch_keys(runtime))
        log_warning("no thread to watch for published keys: new selectors do not start to sign");
}

static struct runtime *load_runtime(const struct runtime *before)
{
    static struct config_errors errors; /* large; reloads come one at a time */
    char error[RUNTIME_ERROR_MAX];
    memset(&errors, 0, sizeof(errors));
    struct config *config = load_config(&errors);
    log_errors(&errors);
    if (!config)
        return NULL;
    const struct runtime_log log = log_for(NULL);
    struct runtime *runtime = runtime_new(config, before, &log, error);
    if (runtime)
        watch_keys(runtime);
    else
        log_error("%s", error);
    return runtime;
}

static void reload(void)
{
    notify_reloading();
    struct runtime *before = context_acquire();
    struct runtime *now = load_runtime(before);
    if (now) {
        warn_of_fixed_options(first_config, now->config);
        privileges_raise_file_limit(now->config->milter.maximum_connections);
        context_set(runtime_ref(now));
        open_log(&now->config->log, true);
        log_info("reloaded %s: mode %s, resolver: %s", command_line.config_path,
                 now->config->policy.mode == MODE_MONITOR ? "monitor" : "enforce",
                 resolver_description(now->resolver));
        open_log(&now->config->log, false);
    } else {
        log_error("reload refused, the configuration in force stays: %s is not good",
                  command_line.config_path);
    }
    runtime_unref(now);
    runtime_unref(before);
    notify_ready(now ? "Serving" : "Serving; the last reload was refused");
}

/* ---- reports ---- */

static void log_recorder(void *context, enum recorder_level level, const char *text)
{
    (void)context;
    if (level == RECORDER_ERROR)
        log_error("%s", text);
    else if (level == RECORDER_WARNING)
        log_warning("%s", text);
    else
        log_info("%s", text);
}

/* After rights are dropped. Without it mail is checked all the same: reports are no reason to keep
 * a mail server waiting. */
static void start_recorder(const struct report_config *config)
{
    static const struct recorder_log log = {.line = log_recorder};
    char error[RECORDER_ERROR_MAX];
    if (!config->store)
        return;
    struct recorder *recorder = recorder_new(config, &log, error);
    if (!recorder)
        log_error("%s; mail is checked, but nothing is recorded for reports until that is mended "
                  "and assayd started again",
                  error);
    context_set_recorder(recorder);
}

/* False: its thread hangs in the database, and must not be disturbed. */
static bool finish_recorder(void)
{
    struct recorder *recorder = context_recorder();
    if (!recorder)
        return true;
    bool finished = recorder_finish(recorder, STORE_PATIENCE_MS);
    const struct recorder_counters counters = recorder_counters(recorder);
    log_info("reports: messages recorded %" PRIu64 ", carried into the store %" PRIu64
             ", lost %" PRIu64,
             counters.recorded, counters.stored, counters.lost);
    return finished;
}

/* ---- stop ---- */

/* Callbacks of connections that are still open may run at any moment. */
static bool sessions_are_gone(void)
{
    const struct timespec wait = {0, 10 * 1000000L};
    for (int i = 0; i < SESSIONS_GONE_MS / 10 && context_connections(); i++)
        nanosleep(&wait, NULL);
    return context_connections() == 0;
}

/* Ends the process, from whichever thread comes first. Idle connections of the
 * MTA do not keep us; but what their callbacks may touch is then left as it is,
 * and exit handlers of libraries do not run. */
static _Noreturn void end(int code)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&ending))
        pause();
    socket_remove();
    if (pid_file)
        unlink(pid_file);
    bool finished = finish_recorder(); /* messages from now on stay in the journal */
    if (code == EX_OK)
        log_info("stopped");
    context_set(NULL); /* connections from now on are refused */
    if (!sessions_are_gone() || !finished)
        _exit(code);
    struct recorder *recorder = context_recorder();
    context_set_recorder(NULL);
    recorder_free(recorder);
    config_unref(first_config);
    policy_global_cleanup();
    exit(code);
}

static void stop(void)
{
    end(EX_OK);
}

/* ---- start ---- */

/* libmilter starts and ends threads all the time. The C library keeps 40 MiB of stacks for the next
 * ones: forty of ours, five of its own size, and unmapping the others interrupts all processors.
 * Nothing here or in the libraries recurses without bound. Failing is harmless. */
static void small_stacks(void)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return;
    if (pthread_attr_setstacksize(&attributes, STACK_OCTETS) == 0)
        (void)pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

static bool write_pid_file(const char *path)
{
    if (!path)
        return true;
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len;
    if (!written)
        log_error("PidFile: cannot write %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (written)
        pid_file = path;
    return written;
}

static bool register_callbacks(void)
{
    if (smfi_register(callbacks_description()) == MI_SUCCESS &&
        smfi_settimeout(MTA_SILENCE_SECONDS) == MI_SUCCESS) {
        smfi_setmaxdatasize(MTA_PACKET_MAX);
        return true;
    }
    log_error(
        "libmilter does not take our callbacks: it is another version than we were built for");
    return false;
}

static void raise_file_limit(unsigned connections)
{
    unsigned long limit = privileges_raise_file_limit(connections);
    if (limit < connections)
        log_warning("only %lu open files are allowed, MaximumConnections is %u; "
                    "raise LimitNOFILE of the service",
                    limit, connections);
}

/* Everything else that may need root, then no more of it. 0, or an exit code. */
static int take_places(const struct config *config, const struct privileges *owner)
{
    char error[START_ERROR_MAX + RECORDER_ERROR_MAX];
    raise_file_limit(config->milter.maximum_connections);
    if (!register_callbacks())
        return EX_SOFTWARE;
    if (!socket_open(&config->milter, owner, error)) {
        log_error("%s", error);
        return EX_NOPERM;
    }
    if (!write_pid_file(config->milter.pid_file))
        return EX_CANTCREAT;
    if (config->report.store && !recorder_prepare(&config->report, owner->uid, owner->gid, error))
        log_error("%s", error); /* what comes of it, start_recorder() says */
    if (!privileges_drop(owner, error)) {
        log_error("%s", error);
        return EX_NOPERM;
    }
    if (geteuid() == 0)
        log_warning("running as root; set UserID, or User= in the systemd unit");
    start_recorder(&config->report);
    return EX_OK;
}

/* From the socket to the end. Takes over the reference of runtime. */
static _Noreturn void serve(struct runtime *runtime)
{
    banner_log(runtime);
    open_log(&runtime->config->log, false);
    watch_keys(runtime);
    context_set(runtime); /* ours no longer: a signal may end it at any moment */
    if (!signals_start(reload, stop))
        end(EX_OSERR);
    notify_ready("Serving");
    smfi_main(); /* comes back only when it cannot go on */
    log_error("libmilter has given up, syslog says why");
    end(EX_SOFTWARE);
}

/* Keys are read first, with the rights we were started with. */
static int start(struct config *config)
{
    char error[RUNTIME_ERROR_MAX];
    struct privileges owner;
    if (!privileges_find(&config->milter.user, &owner, error)) {
        log_error("%s", error);
        return EX_NOUSER;
    }
    const struct runtime_log log = log_for(&owner);
    struct runtime *runtime = runtime_prepare(config_ref(config), NULL, &log, error);
    int code = runtime ? take_places(config, &owner) : EX_CONFIG;
    if (!runtime || (code == EX_OK && !runtime_start(runtime, NULL, error))) {
        log_error("%s", error);
        code = EX_CONFIG;
    }
    if (code == EX_OK)
        serve(runtime);
    runtime_unref(runtime);
    return code;
}

static int check_only(struct config *config)
{
    char error[RUNTIME_ERROR_MAX];
    const struct runtime_log log = log_for(NULL);
    struct runtime *runtime = runtime_new(config, NULL, &log, error);
    if (!runtime) {
        fprintf(stderr, "assayd: %s\n", error);
        return EX_CONFIG;
    }
    runtime_unref(runtime);
    printf("assayd: %s is good\n", command_line.config_path);
    return EX_OK;
}

int main(int argc, char **argv)
{
    static struct config_errors errors;
    int code;
    if (!command_line_parse(argc, argv, &command_line, &code))
        return code;
    signals_block();
    small_stacks();
    if (!policy_global_init()) {
        fputs("assayd: out of memory\n", stderr);
        return EX_OSERR;
    }
    struct config *config = load_config(&errors);
    config_print_errors(stderr, "assayd: ", &errors);
    if (!config)
        return EX_CONFIG;
    if (command_line.check_only)
        return check_only(config);
    first_config = config;
    open_log(&config->log, true);
    end(start(config));
}
