/* recorder_thread.c - when the recorder's thread does what; see recorder.h.
 *
 * It sleeps until GATHER_MS after the first new event: on a busy server the messages of
 * that time go in one transaction, on an idle one nothing wakes it but the hourly look
 * for what is too old. While the store is in trouble it tries again after 1, 2, 4 ... 60 seconds,
 * however many messages come.
 */
#include "recorder_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum {
    GATHER_MS = 1000,
    FIRST_PAUSE_MS = 1000,
    LONGEST_PAUSE_MS = 60 * 1000,
    EXPIRE_MS = 3600 * 1000,
    LOSS_LOG_MS = 60 * 1000, /* between two lines about losses */
};

int64_t recorder_now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

bool recorder_gives_up(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->mutex);
    bool gives_up = recorder->stopping && recorder_now_ms() >= recorder->give_up_ms;
    pthread_mutex_unlock(&recorder->mutex);
    return gives_up;
}

/* ---- losses ---- */

static const char *cause_of(struct recorder *recorder, enum recorder_loss loss)
{
    switch (loss) {
    case LOSS_FULL:
        return "more than ReportJournalSize waits for the store";
    case LOSS_FAILED:
        return strerror(atomic_load(&recorder->append_problem));
    case LOSS_MEMORY:
        return "out of memory";
    case LOSS_DAMAGED:
    case LOSS_COUNT:
        break;
    }
    return "a part of it was damaged and cannot be read, so this is the least number";
}

static void log_losses(struct recorder *recorder)
{
    atomic_store(&recorder->loss_news, false);
    for (enum recorder_loss loss = 0; loss < LOSS_COUNT; loss++) {
        uint64_t lost = atomic_load(&recorder->lost[loss]);
        uint64_t news = lost - recorder->lost_logged[loss];
        if (news == 0)
            continue;
        recorder_say(recorder, RECORDER_ERROR,
                     "reports: %" PRIu64 " messages were lost for the reports (%" PRIu64
                     " since the start), journal %s: %s; mail is not affected",
                     news, lost, recorder->config->journal, cause_of(recorder, loss));
        recorder->lost_logged[loss] = lost;
        recorder->loss_log_at = recorder_now_ms() + LOSS_LOG_MS;
    }
}

/* ---- waiting ---- */

static void sleep_until(struct recorder *recorder, int64_t ms)
{
    const struct timespec until = {ms / 1000, ms % 1000 * 1000000L};
    pthread_cond_timedwait(&recorder->changed, &recorder->mutex, &until);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When there is something to do, as far as is known now. Under the mutex. */
static int64_t due(struct recorder *recorder, int64_t now)
{
    int64_t at = later(recorder->expire_at, recorder->retry_at);
    if (atomic_load(&recorder->wanted) && !recorder->gather_until)
        recorder->gather_until = now + GATHER_MS;
    if (recorder->gather_until)
        at = sooner(at, later(recorder->gather_until, recorder->retry_at));
    if (atomic_load(&recorder->loss_news))
        at = sooner(at, later(recorder->loss_log_at, now));
    return at;
}

/* Returns true when it is time to stop. */
static bool wait_for_work(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->mutex);
    while (!recorder->stopping) {
        int64_t now = recorder_now_ms();
        int64_t at = due(recorder, now);
        if (at <= now)
            break;
        sleep_until(recorder, at);
    }
    bool stopping = recorder->stopping;
    pthread_mutex_unlock(&recorder->mutex);
    return stopping;
}

/* ---- working ---- */

static void pause_longer(struct recorder *recorder)
{
    recorder->pause_ms =
        recorder->pause_ms ? sooner(2 * recorder->pause_ms, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    recorder->retry_at = recorder_now_ms() + recorder->pause_ms;
    atomic_store(&recorder->wanted, true);
}

static bool have_journal(struct recorder *recorder)
{
    char error[RECORDER_ERROR_MAX];
    if (!atomic_load(&recorder->journal)) {
        if (!recorder_open_journal(recorder, error))
            return false;
        recorder_say(recorder, RECORDER_INFO, "journal %s: can be used now",
                     recorder->config->journal);
    }
    return true;
}

static void work(struct recorder *recorder, bool stopping)
{
    const int64_t now = recorder_now_ms();
    if (atomic_load(&recorder->loss_news) && (stopping || now >= recorder->loss_log_at))
        log_losses(recorder);
    if (now < recorder->retry_at && !stopping)
        return;
    bool expire = now >= recorder->expire_at;
    if (!expire && !stopping && (!recorder->gather_until || now < recorder->gather_until))
        return;
    /* What is appended from here on wants another round. */
    recorder->gather_until = 0;
    atomic_store(&recorder->wanted, false);
    bool good = have_journal(recorder) && recorder_carry(recorder);
    if (good && expire && !stopping) {
        good = recorder_expire(recorder);
        if (good)
            recorder->expire_at = recorder_now_ms() + EXPIRE_MS;
    }
    if (good)
        recorder->pause_ms = recorder->retry_at = 0;
    else
        pause_longer(recorder);
}

/* What earlier processes left, so that lines about trouble can say what waits. */
static void count_waiting(struct recorder *recorder)
{
    struct journal *journal = atomic_load(&recorder->journal);
    struct journal_reader *reader =
        journal ? journal_reader_new(journal, (struct journal_position){0, 0}) : NULL;
    struct bytes event;
    enum journal_read read = JOURNAL_ERROR;
    uint64_t count = 0;
    while (reader && (read = journal_next(reader, &event)) != JOURNAL_END && read != JOURNAL_ERROR)
        count += read == JOURNAL_EVENT;
    /* Those that were appended meanwhile have counted themselves, too. */
    uint64_t own = atomic_load(&recorder->waiting);
    if (count > own)
        atomic_fetch_add(&recorder->waiting, count - own);
    journal_reader_free(reader);
}

void *recorder_run(void *context)
{
    struct recorder *recorder = context;
    bool stopping = false;
    pthread_setname_np(pthread_self(), "recorder"); /* for top and perf */
    count_waiting(recorder);
    while (!stopping) {
        stopping = wait_for_work(recorder);
        work(recorder, stopping);
    }
    if (atomic_load(&recorder->loss_news))
        log_losses(recorder);
    recorder_close_store(recorder);
    return NULL;
}
