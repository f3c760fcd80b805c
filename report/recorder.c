/* recorder.c - the messages' side of the recorder: encode, append, count; see recorder.h. */
#include "recorder_internal.h"

#include "failure_event.h"
#include "strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ROW_MEMORY = 1 << 20, /* octets for making and encoding one row, see REPORT_ROW_MAX */
    PATH_TEXT_MAX = 4096, /* octets of a path, with NUL */
};

void recorder_say(const struct recorder *recorder, enum recorder_level level, const char *format,
                  ...)
{
    char text[RECORDER_ERROR_MAX + 512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    recorder->log.line(recorder->log.context, level, text);
}

const char *recorder_store_name(const char *where, char *name)
{
    struct bytes text = bytes_of(where);
    const char *mark = strstr(where, "://");
    if (where[0] != '/' && mark) {
        size_t scheme = (size_t)(mark - where) + 3;
        struct bytes rest = bytes_slice(text, scheme, text.len);
        rest.len = bytes_find(rest, '?');
        for (size_t at = bytes_find(rest, '@'); at < rest.len; at = bytes_find(rest, '@'))
            rest = bytes_slice(rest, at + 1, rest.len);
        snprintf(name, RECORDER_STORE_NAME_MAX, "%.*s%.*s", (int)scheme, where, BYTES_ARGS(rest));
    } else {
        snprintf(name, RECORDER_STORE_NAME_MAX, "%s", where);
    }
    return name;
}

/* ---- directories ---- */

struct owner {
    uid_t uid;
    gid_t gid;
};

/* The directory above may belong to the user that root makes this one for: who then puts a symbolic
 * link in its place does not get what that leads to. */
static bool give_away(const char *path, const struct owner *owner)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool given = fchown(fd, owner->uid, owner->gid) == 0;
    int problem = errno;
    close(fd);
    errno = problem;
    return given;
}

/* Makes `path` and what is missing above it; what is made belongs to the owner. The parents can be
 * looked into by all, as /var/lib is. */
static bool make_directory(const char *path, mode_t mode, const struct owner *owner)
{
    char part[PATH_TEXT_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && i < len)
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, i == len ? mode : 0755) != 0) {
            if (errno != EEXIST)
                return false;
        } else if (!give_away(part, owner)) {
            return false;
        }
    }
    return true;
}

/* A full or read-only disk must not keep mail from flowing: it is tried again later. */
static bool is_lasting(int problem)
{
    static const int passing[] = {ENOSPC, EDQUOT, EROFS, EIO, EMFILE, ENFILE, ENOMEM};
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (problem == passing[i])
            return false;
    }
    return true;
}

static bool prepare(const char *option, const char *path, mode_t mode, const struct owner *owner,
                    char *error)
{
    if (make_directory(path, mode, owner) || !is_lasting(errno))
        return true;
    snprintf(error, RECORDER_ERROR_MAX, "%s: cannot make the directory %s: %s", option, path,
             strerror(errno));
    return false;
}

bool recorder_prepare(const struct report_config *config, uid_t uid, gid_t gid, char *error)
{
    const struct owner owner = {uid, gid};
    char directory[PATH_TEXT_MAX];
    if (!prepare("ReportJournal", config->journal, 0700, &owner, error))
        return false;
    if (config->store[0] != '/')
        return true;
    snprintf(directory, sizeof(directory), "%s", config->store);
    char *slash = strrchr(directory, '/');
    if (slash == directory)
        return true;
    *slash = '\0';
    return prepare("ReportStore", directory, 0750, &owner, error);
}

/* ---- start and stop ---- */

bool recorder_open_journal(struct recorder *recorder, char *error)
{
    struct journal *journal =
        journal_open(recorder->config->journal, recorder->config->journal_size, error);
    if (journal)
        atomic_store(&recorder->journal, journal);
    else
        atomic_store(&recorder->append_problem, errno);
    return journal != NULL;
}

static bool start_thread(struct recorder *recorder)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&recorder->mutex, NULL);
    pthread_cond_init(&recorder->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    errno = pthread_create(&recorder->thread, NULL, recorder_run, recorder);
    return errno == 0;
}

struct recorder *recorder_new(const struct report_config *config, const struct recorder_log *log,
                              char *error)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    if (!recorder) {
        snprintf(error, RECORDER_ERROR_MAX, "ReportStore: out of memory");
        return NULL;
    }
    recorder->config = config;
    recorder->log = *log;
    recorder_store_name(config->store, recorder->store_name);
    if (gethostname(recorder->host, sizeof(recorder->host) - 1) != 0)
        recorder->host[0] = '\0';
    bool opened = recorder_open_journal(recorder, error);
    if (!opened && !is_lasting(errno)) {
        recorder_say(recorder, RECORDER_ERROR, "%s; results are lost until that is mended", error);
        opened = true;
    }
    if (opened && !start_thread(recorder)) {
        snprintf(error, RECORDER_ERROR_MAX, "ReportStore: cannot start a thread: %s",
                 strerror(errno));
        opened = false;
    }
    if (opened)
        return recorder;
    recorder_free(recorder);
    return NULL;
}

bool recorder_finish(struct recorder *recorder, int patience_ms)
{
    const struct timespec moment = {0, 5000000};
    const int64_t give_up_ms = recorder_now_ms() + patience_ms;
    pthread_mutex_lock(&recorder->mutex);
    recorder->stopping = true;
    recorder->give_up_ms = give_up_ms;
    pthread_cond_signal(&recorder->changed);
    pthread_mutex_unlock(&recorder->mutex);
    /* pthread_timedjoin_np() goes by the time of day, which may jump meanwhile, and ThreadSanitizer
     * does not know pthread_clockjoin_np(). */
    int busy;
    while ((busy = pthread_tryjoin_np(recorder->thread, NULL)) == EBUSY &&
           recorder_now_ms() < give_up_ms)
        nanosleep(&moment, NULL);
    return busy == 0;
}

void recorder_free(struct recorder *recorder)
{
    if (!recorder)
        return;
    journal_close(atomic_load(&recorder->journal));
    free(recorder);
}

void recorder_stop(struct recorder *recorder, int patience_ms)
{
    if (recorder && recorder_finish(recorder, patience_ms))
        recorder_free(recorder);
}

struct recorder_counters recorder_counters(struct recorder *recorder)
{
    struct journal *journal = atomic_load(&recorder->journal);
    struct recorder_counters counters = {
        .recorded = atomic_load(&recorder->recorded),
        .stored = atomic_load(&recorder->stored),
        .backlog = journal ? journal_size(journal) : 0,
        .store_ready = atomic_load(&recorder->store_ready),
    };
    for (size_t i = 0; i < LOSS_COUNT; i++)
        counters.lost += atomic_load(&recorder->lost[i]);
    return counters;
}

/* ---- messages ---- */

/* Only the first since the thread last looked wakes it. */
static void wake(struct recorder *recorder, atomic_bool *news)
{
    if (atomic_load(news) || atomic_exchange(news, true))
        return;
    pthread_mutex_lock(&recorder->mutex);
    pthread_cond_signal(&recorder->changed);
    pthread_mutex_unlock(&recorder->mutex);
}

void recorder_lose(struct recorder *recorder, enum recorder_loss loss, uint64_t count)
{
    atomic_fetch_add(&recorder->lost[loss], count);
    wake(recorder, &recorder->loss_news);
    wake(recorder, &recorder->wanted);
}

static void append(struct recorder *recorder, struct bytes event)
{
    struct journal *journal = atomic_load(&recorder->journal);
    enum journal_status status = JOURNAL_FAILED;
    if (journal) {
        /* Counted first: the thread may have carried it over before we could. */
        atomic_fetch_add(&recorder->waiting, 1);
        status = journal_append(journal, event);
    }
    if (status == JOURNAL_OK) {
        atomic_fetch_add(&recorder->recorded, 1);
        wake(recorder, &recorder->wanted);
        return;
    }
    if (journal)
        atomic_fetch_sub(&recorder->waiting, 1);
    if (journal && status == JOURNAL_FAILED)
        atomic_store(&recorder->append_problem, errno);
    recorder_lose(recorder, status == JOURNAL_FULL ? LOSS_FULL : LOSS_FAILED, 1);
}

/* What was encoded, if there was the memory for it. */
static void append_encoded(struct recorder *recorder, const struct strbuf *octets)
{
    if (octets->failed)
        recorder_lose(recorder, LOSS_MEMORY, 1);
    else
        append(recorder, strbuf_view(octets));
}

static void record(struct recorder *recorder, struct arena *arena, const struct outcome *outcome,
                   int64_t time, const char *queue_id)
{
    struct report_row row;
    struct strbuf octets;
    const char *why_not = NULL;
    if (report_row_make(arena, outcome, time, queue_id, &row, &why_not)) {
        strbuf_init(&octets, arena);
        report_row_encode(&row, &octets);
        append_encoded(recorder, &octets);
    } else if (arena_failed(arena)) {
        recorder_lose(recorder, LOSS_MEMORY, 1);
    }
    if (outcome->failure) {
        strbuf_init(&octets, arena);
        failure_event_encode(outcome->failure, &octets);
        append_encoded(recorder, &octets);
    }
}

void recorder_message(struct recorder *recorder, const struct outcome *outcome, int64_t time,
                      const char *queue_id)
{
    struct arena *arena = arena_new(ROW_MEMORY);
    if (arena)
        record(recorder, arena, outcome, time, queue_id);
    else
        recorder_lose(recorder, LOSS_MEMORY, 1);
    arena_free(arena);
}
