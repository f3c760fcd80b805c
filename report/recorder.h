/* recorder.h - from the daemon's outcomes to the store, without ever making mail wait.
 *
 * recorder_add() encodes a row and appends it to the journal, before the MTA has
 * our answer. A thread of the recorder carries events from the journal into the store, many
 * in one transaction, together with the position up to which it has them: so each is there exactly
 * once, whatever is killed when. While the store is away (locked, full, corrupt, PostgreSQL
 * stopped) the journal grows, up to ReportJournalSize; only what does not fit any more is lost.
 * Losses are counted, logged once a minute at most, and written into the store as soon as that can
 * be had.
 */
#ifndef ASSAY_RECORDER_H
#define ASSAY_RECORDER_H

#include "config.h"
#include "report_row.h"

enum {
    RECORDER_ERROR_MAX = 1024,     /* octets of an error text, with NUL */
    RECORDER_STORE_NAME_MAX = 512, /* octets of a store's name, with NUL */
};

enum recorder_level { RECORDER_INFO, RECORDER_WARNING, RECORDER_ERROR };

struct recorder_log {
    void (*line)(void *context, enum recorder_level level, const char *text);
    void *context;
};

struct recorder_counters {
    uint64_t recorded; /* events appended since the start */
    uint64_t stored;   /* of those and older ones, carried into the store */
    uint64_t lost;     /* not recorded: journal full or failing, or out of memory */
    uint64_t backlog;  /* octets in the journal */
    bool store_ready;  /* the last try to reach the store worked */
};

struct recorder;

/* First half, with the rights of the start: makes the directories of the journal and of an SQLite
 * store if they are missing, owned by uid:gid. False with error[RECORDER_ERROR_MAX]. */
bool recorder_prepare(const struct report_config *config, uid_t uid, gid_t gid, char *error);

/* Second half, with the rights of a user: opens the journal and starts the thread. A store
 * that cannot be reached is no error here, nor is a journal on a full or broken disk: that is tried
 * again. NULL with error[RECORDER_ERROR_MAX]. `config` and
 * `log` must outlive it. */
struct recorder *recorder_new(const struct report_config *config, const struct recorder_log *log,
                              char *error);

/* Before the answer to the MTA, and only for messages that get one. Never fails for the caller.
 * From any thread. */
void recorder_message(struct recorder *recorder, const struct outcome *outcome, int64_t time,
                      const char *queue_id);

struct recorder_counters recorder_counters(struct recorder *recorder);

/* Carries over what is there, for at most `patience_ms`, and ends the thread. Messages may still
 * be added; they stay in the journal until the next start. False: the thread hangs in the store,
 * and what it uses must stay (no exit handlers, no recorder_free()). */
bool recorder_finish(struct recorder *recorder, int patience_ms);

/* After recorder_finish(), when no message will be added any more. NULL is allowed. */
void recorder_free(struct recorder *recorder);

/* Both. What is left stays in the journal. */
void recorder_stop(struct recorder *recorder, int patience_ms);

/* Where the store is, for people: without user, password and options of a URI. Into
 * name[RECORDER_STORE_NAME_MAX]; returns it. */
const char *recorder_store_name(const char *where, char *name);

#endif
