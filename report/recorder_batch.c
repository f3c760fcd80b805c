/* recorder_batch.c - from the journal into the store, each event exactly once; see recorder.h.
 *
 * The rows of a batch and the position behind them are committed together. Where a batch
 * begins is what the store says at that moment, never what we remember; so it does not matter
 * how the one before ended. Only after a commit the journal is told to forget.
 */
#include "recorder_internal.h"
#include "store_failure.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum {
    BATCH_EVENTS = 4096,    /* in one transaction: a fraction of a second */
    BATCH_OCTETS = 8 << 20, /* likewise, for events of unusual size */
    READ_ERRORS_MAX = 5,    /* tries to read a segment before it is given up */
};

struct batch {
    struct journal_position before;
    uint64_t events, octets;
    uint64_t damaged, skipped; /* places, and their octets */
    uint64_t lost[LOSS_COUNT]; /* to be written into the store */
    bool more;
};

/* ---- trouble ---- */

void recorder_close_store(struct recorder *recorder)
{
    journal_reader_free(recorder->reader);
    store_close(recorder->store);
    recorder->reader = NULL;
    recorder->store = NULL;
}

/* One line for each change, not for each try. */
static void trouble(struct recorder *recorder, enum sql_trouble what, const char *error)
{
    atomic_store(&recorder->store_ready, false);
    if (what == recorder->trouble)
        return;
    recorder->trouble = what;
    recorder->stored_before = atomic_load(&recorder->stored);
    recorder_say(recorder, what == SQL_BUSY ? RECORDER_WARNING : RECORDER_ERROR,
                 "reports: %s; mail is not affected, %" PRIu64 " messages wait in the journal",
                 error, atomic_load(&recorder->waiting));
}

/* A new connection is the way out of everything but a lock: a file system that was
 * mounted anew, a server that came back, a file that was replaced. */
static bool failed(struct recorder *recorder)
{
    enum sql_trouble what = store_trouble(recorder->store);
    trouble(recorder, what == SQL_FINE ? SQL_WRONG : what, store_error(recorder->store));
    store_rollback(recorder->store);
    if (what != SQL_BUSY)
        recorder_close_store(recorder);
    return false;
}

static void fine(struct recorder *recorder)
{
    atomic_store(&recorder->store_ready, true);
    if (recorder->trouble == SQL_FINE)
        return;
    recorder->trouble = SQL_FINE;
    recorder_say(recorder, RECORDER_INFO,
                 "reports: %s works again; %" PRIu64 " messages went into it from the journal",
                 recorder->store_name, atomic_load(&recorder->stored) - recorder->stored_before);
}

/* ---- the connection ---- */

static bool have_store(struct recorder *recorder)
{
    char error[SQL_ERROR_MAX] = "";
    enum sql_trouble what = SQL_FINE;
    if (recorder->store)
        return true;
    recorder->store = store_open(recorder->config->store, SQL_READ_WRITE, error, &what);
    if (!recorder->store)
        trouble(recorder, what == SQL_FINE ? SQL_WRONG : what, error);
    return recorder->store != NULL;
}

/* ---- the journal ---- */

static bool same_place(struct journal_position a, struct journal_position b)
{
    return a.segment == b.segment && a.offset == b.offset;
}

static bool read_from(struct recorder *recorder, struct journal_position position)
{
    if (recorder->reader && same_place(journal_reader_position(recorder->reader), position))
        return true;
    journal_reader_free(recorder->reader);
    recorder->reader = journal_reader_new(atomic_load(&recorder->journal), position);
    return recorder->reader != NULL;
}

/* *event is empty for what was skipped. False: nothing more to read now. */
static bool next_event(struct recorder *recorder, struct batch *batch, struct bytes *event)
{
    const struct journal_position before = journal_reader_position(recorder->reader);
    enum journal_read read = journal_next(recorder->reader, event);
    if (read == JOURNAL_ERROR) {
        recorder->read_problem = errno;
        if (++recorder->read_errors < READ_ERRORS_MAX)
            return false;
        journal_reader_skip(recorder->reader);
        read = JOURNAL_BROKEN;
    }
    recorder->read_errors = 0;
    if (read == JOURNAL_END)
        return false;
    if (read == JOURNAL_BROKEN) {
        const struct journal_position after = journal_reader_position(recorder->reader);
        batch->damaged++;
        batch->skipped += after.offset - (before.segment == after.segment ? before.offset : 0);
    }
    return true;
}

/* ---- a batch ---- */

static const char *const loss_causes[LOSS_COUNT] = {
    [LOSS_FULL] = "journal full (ReportJournalSize)",
    [LOSS_FAILED] = "journal could not be written",
    [LOSS_MEMORY] = "out of memory",
    [LOSS_DAMAGED] = "journal damaged, at least",
};

static bool add_losses(struct recorder *recorder, struct batch *batch)
{
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        batch->lost[i] = atomic_load(&recorder->lost[i]) - recorder->lost_stored[i];
        uint64_t count = batch->lost[i] + (i == LOSS_DAMAGED ? batch->damaged : 0);
        if (count && !store_batch_lost(recorder->store, count, loss_causes[i], time(NULL)))
            return false;
    }
    return true;
}

static bool is_empty(const struct recorder *recorder, const struct batch *batch)
{
    uint64_t lost = batch->damaged;
    for (size_t i = 0; i < LOSS_COUNT; i++)
        lost += batch->lost[i];
    return batch->events == 0 && lost == 0 &&
           same_place(journal_reader_position(recorder->reader), batch->before);
}

static bool fill(struct recorder *recorder, struct batch *batch)
{
    struct bytes event;
    while (batch->events < BATCH_EVENTS && batch->octets < BATCH_OCTETS &&
           next_event(recorder, batch, &event)) {
        if (event.len == 0)
            continue;
        if (!store_batch_add(recorder->store, event))
            return false;
        batch->events++;
        batch->octets += event.len;
    }
    batch->more = batch->events == BATCH_EVENTS || batch->octets >= BATCH_OCTETS;
    return add_losses(recorder, batch);
}

/* The store has it. */
static void settle(struct recorder *recorder, struct journal_position position, uint64_t events,
                   const uint64_t *lost)
{
    uint64_t waiting = atomic_load(&recorder->waiting);
    while (!atomic_compare_exchange_weak(&recorder->waiting, &waiting,
                                         waiting > events ? waiting - events : 0))
        ;
    atomic_fetch_add(&recorder->stored, events);
    for (size_t i = 0; i < LOSS_COUNT; i++)
        recorder->lost_stored[i] += lost[i];
    recorder->left = position;
    journal_forget(atomic_load(&recorder->journal), position);
}

/* Results may be missing or counted twice from here on, and nothing else would tell of it. A store
 * that knows nothing of us is a new one. */
static void look_whether_moved(struct recorder *recorder, struct journal_position position)
{
    if (recorder->moved_said || recorder->left.segment == 0 || position.segment == 0 ||
        same_place(recorder->left, position))
        return;
    recorder->moved_said = true;
    recorder_say(recorder, RECORDER_ERROR,
                 "reports: %s is not where this assayd left it: it was restored or failed over, or "
                 "another host has a copy of %s; then stop assayd there and remove that directory",
                 recorder->store_name, recorder->config->journal);
}

/* Damage is told when the store has it, or every try would tell it again. */
static void tell_damage(struct recorder *recorder, const struct batch *batch)
{
    if (batch->damaged == 0)
        return;
    recorder_say(recorder, RECORDER_ERROR,
                 "journal %s: damaged in %" PRIu64 " places, %" PRIu64 " octets were skipped",
                 recorder->config->journal, batch->damaged, batch->skipped);
    recorder_lose(recorder, LOSS_DAMAGED, batch->damaged);
    recorder->lost_stored[LOSS_DAMAGED] += batch->damaged;
}

/* Moves the position over and past the events. A commit that fails may have happened. */
static bool commit(struct recorder *recorder, struct batch *batch)
{
    struct recorder_doubt *doubt = &recorder->doubt;
    doubt->before = batch->before;
    doubt->after = journal_reader_position(recorder->reader);
    doubt->events = batch->events;
    memcpy(doubt->lost, batch->lost, sizeof(doubt->lost));
    doubt->exists = !store_batch_commit(recorder->store, doubt->after);
    if (doubt->exists)
        return false;
    settle(recorder, doubt->after, batch->events, batch->lost);
    tell_damage(recorder, batch);
    return true;
}

/* The position tells; without an event it cannot have moved, and then losses are written
 * again rather than not at all. */
static void resolve_doubt(struct recorder *recorder, struct journal_position position)
{
    const struct recorder_doubt *doubt = &recorder->doubt;
    if (doubt->exists && same_place(position, doubt->after) &&
        !same_place(doubt->before, doubt->after))
        settle(recorder, position, doubt->events, doubt->lost);
    recorder->doubt.exists = false;
}

/* A connection that rested may have been cut meanwhile, a file replaced: that is no trouble yet. */
static bool begin(struct recorder *recorder, struct batch *batch, bool rested)
{
    const char *id = journal_id(atomic_load(&recorder->journal));
    if (store_batch_begin(recorder->store, id, recorder->host, &batch->before))
        return true;
    if (store_trouble(recorder->store) != SQL_AWAY || !rested)
        return failed(recorder);
    recorder_say(recorder, RECORDER_INFO, "reports: %s; connecting anew",
                 store_error(recorder->store));
    recorder_close_store(recorder);
    return have_store(recorder) &&
           (store_batch_begin(recorder->store, id, recorder->host, &batch->before) ||
            failed(recorder));
}

/* One transaction. False: trouble. */
static bool carry_batch(struct recorder *recorder, struct batch *batch, bool rested)
{
    if (!begin(recorder, batch, rested))
        return false;
    resolve_doubt(recorder, batch->before);
    look_whether_moved(recorder, batch->before);
    if (!read_from(recorder, batch->before)) {
        store_rollback(recorder->store);
        trouble(recorder, SQL_WRONG, "out of memory");
        return false;
    }
    if (!fill(recorder, batch))
        return failed(recorder);
    if (is_empty(recorder, batch)) {
        store_rollback(recorder->store);
        return true;
    }
    return commit(recorder, batch) || failed(recorder);
}

bool recorder_carry(struct recorder *recorder)
{
    bool rested = recorder->store != NULL, more = true;
    journal_sync(atomic_load(&recorder->journal));
    if (!have_store(recorder))
        return false;
    while (more) {
        struct batch batch = {0};
        if (!carry_batch(recorder, &batch, rested))
            return false;
        rested = false;
        more = batch.more && !recorder_gives_up(recorder);
    }
    if (recorder->read_errors) {
        recorder_say(recorder, RECORDER_ERROR, "journal %s: cannot be read: %s",
                     recorder->config->journal, strerror(recorder->read_problem));
        return false;
    }
    fine(recorder);
    return true;
}

bool recorder_expire(struct recorder *recorder)
{
    int64_t unreported = 0, now = time(NULL);
    if (!have_store(recorder))
        return false;
    /* Failures go also when nobody comes to send them: they tell of people. */
    if (!store_failure_expire(recorder->store, now - STORE_FAILURE_KEEP) ||
        !store_expire(recorder->store, now - (int64_t)recorder->config->retention, &unreported))
        return failed(recorder);
    if (unreported)
        recorder_say(recorder, RECORDER_WARNING,
                     "reports: %" PRId64
                     " messages in %s are older than ReportRetention and went unreported; removed",
                     unreported, recorder->store_name);
    return true;
}
