/* recorder_internal.h - what the files of the recorder share: recorder.c (messages),
 * recorder_thread.c (when), recorder_batch.c (into the store). For nobody else.
 */
#ifndef ASSAY_RECORDER_INTERNAL_H
#define ASSAY_RECORDER_INTERNAL_H

#include "journal.h"
#include "recorder.h"
#include "store.h"

#include <pthread.h>
#include <stdatomic.h>

enum recorder_loss {
    LOSS_FULL,    /* more than ReportJournalSize waits */
    LOSS_FAILED,  /* the journal cannot be written */
    LOSS_MEMORY,  /* no memory to encode a row */
    LOSS_DAMAGED, /* a damaged part of the journal: at least one message */
    LOSS_COUNT,
};

/* A commit whose answer we did not get, as when the connection breaks: did it happen? */
struct recorder_doubt {
    bool exists;
    struct journal_position before, after;
    uint64_t events, lost[LOSS_COUNT];
};

struct recorder {
    const struct report_config *config;
    struct recorder_log log;
    char host[256];
    char store_name[RECORDER_STORE_NAME_MAX];

    /* for messages */
    _Atomic(struct journal *) journal; /* NULL: cannot be had for now; never NULL again */
    atomic_uint_fast64_t recorded, stored, lost[LOSS_COUNT];
    atomic_uint_fast64_t waiting; /* messages in the journal that the store does not have */
    atomic_bool store_ready;
    atomic_int append_problem; /* errno of the last append that failed */
    atomic_bool wanted;        /* there is something to carry */
    atomic_bool loss_news;     /* there is a loss to log */

    /* to wake the thread */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stopping;      /* under mutex */
    int64_t give_up_ms; /* under mutex: when stopping, no further batch after that */
    pthread_t thread;

    /* the thread's own */
    int64_t gather_until, retry_at, expire_at, loss_log_at; /* ms; gather_until 0: nothing to do */
    int64_t pause_ms;                                       /* between tries; 0: no trouble */
    struct store *store;
    struct journal_reader *reader;
    unsigned read_errors;             /* in a row */
    int read_problem;                 /* errno of the last */
    enum sql_trouble trouble;         /* as it was logged */
    uint64_t stored_before;           /* `stored` when that began */
    uint64_t lost_stored[LOSS_COUNT]; /* of `lost`, written into the store */
    uint64_t lost_logged[LOSS_COUNT]; /* and logged */
    struct recorder_doubt doubt;
    struct journal_position left; /* where the last commit left the store; {0, 0}: not known */
    bool moved_said;              /* that it was found elsewhere */
};

void recorder_say(const struct recorder *recorder, enum recorder_level level, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

/* Counts `count` messages that are lost; the thread will say so. */
void recorder_lose(struct recorder *recorder, enum recorder_loss loss, uint64_t count);

/* Opens the journal. False with error[RECORDER_ERROR_MAX] and errno. */
bool recorder_open_journal(struct recorder *recorder, char *error);

int64_t recorder_now_ms(void); /* monotonic */

/* True when stopping, and the patience is at its end. */
bool recorder_gives_up(struct recorder *recorder);

void *recorder_run(void *recorder); /* the thread */

/* ---- recorder_batch.c ---- */

/* Carries what is in the journal into the store, batch by batch. False when the store is in
 * trouble (it was logged, if that is news). */
bool recorder_carry(struct recorder *recorder);

/* Removes what is older than ReportRetention. False likewise. */
bool recorder_expire(struct recorder *recorder);

void recorder_close_store(struct recorder *recorder);

#endif
