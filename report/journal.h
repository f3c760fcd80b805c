/* journal.h - what happened, on disk before the MTA has our answer.
 *
 * A directory of append-only files. A message costs one write(2); what is written
 * outlives the process, also when that is killed at any moment (the page cache is the kernel's).
 * Nothing here waits for a database: the recorder (recorder.h) carries events from here into
 * the store and then removes them. sync() is called in the background about once a second; a
 * power failure may take that second along.
 *
 *   DIR/id            128 random bits in hexadecimal: the journal's name in the store
 *   DIR/lock          flock(2): one process at a time
 *   DIR/done          everything before this position is safe elsewhere (journal_forget())
 *   DIR/N.journal     segment number N, decimal; events one behind the other: length (4 octets,
 *                     big-endian), SipHash of the event and of its place (8 octets), event
 *
 * A new process begins a new segment. An event that was cut short by a kill or a full
 * disk is recognised by its length or hash; reading goes on with the next segment. The
 * position of an event (segment, offset) never changes and is never used twice: with it
 * the store knows what it already has. Files of other names are left alone.
 */
#ifndef ASSAY_JOURNAL_H
#define ASSAY_JOURNAL_H

#include "bytes.h"

#include <stdint.h>

enum {
    JOURNAL_ID_LEN = 32,             /* hexadecimal digits */
    JOURNAL_ERROR_MAX = 512,         /* octets of an error text, with NUL */
    JOURNAL_EVENT_MAX = 1024 * 1024, /* octets of one event */
    JOURNAL_SEGMENT_SIZE = 8 << 20,  /* octets; then a new segment begins, so that space is
                                        given back while events are carried off */
};

struct journal_position {
    uint64_t segment; /* 1 is the first */
    uint64_t offset;  /* octets: of the next event in it */
};

struct journal;

/* Opens or makes the directory (mode 0700). maximum: octets of all segments together
 * (ReportJournalSize). NULL with error[JOURNAL_ERROR_MAX]: what, where, what to do; a directory in
 * use by another process is an error (errno EWOULDBLOCK); else errno says what the system said. */
struct journal *journal_open(const char *directory, uint64_t maximum, char *error);

void journal_close(struct journal *journal); /* NULL is allowed */

const char *journal_id(const struct journal *journal);

enum journal_status {
    JOURNAL_OK,
    JOURNAL_FULL,   /* over `maximum` */
    JOURNAL_FAILED, /* disk full, read-only, I/O error: errno says which */
};

/* Appends one event; when it returns JOURNAL_OK a killed process loses nothing. Else
 * nothing was added. Never waits for anything but the disk. From any thread. */
enum journal_status journal_append(struct journal *journal, struct bytes event);

/* fdatasync(2) of what was appended since the last call. */
void journal_sync(struct journal *journal);

/* Octets that are in the segments now: the backlog, and what is about to be removed. */
uint64_t journal_size(const struct journal *journal);

/* ---- reading: one thread at a time, while others append ---- */

struct journal_reader;

/* From `position` on; {0, 0}: a store that knows nothing of us, so all that was not yet forgotten.
 * One in a segment of this process, behind all that its readers have told of (somebody removed
 * files, or the store has it from a copy of the directory), is as good as the last that they told
 * of, or the first event of this process. NULL when out of memory. */
struct journal_reader *journal_reader_new(struct journal *journal,
                                          struct journal_position position);
void journal_reader_free(struct journal_reader *reader);

enum journal_read {
    JOURNAL_EVENT,  /* *event is set, until the next call */
    JOURNAL_END,    /* no more for now */
    JOURNAL_CUT,    /* the last event of a process that was killed in the middle of it was skipped:
                       its message never got our answer. *event: empty */
    JOURNAL_BROKEN, /* damage: the rest of a segment was skipped. *event: empty */
    JOURNAL_ERROR,  /* I/O error; errno. Nothing was skipped */
};

enum journal_read journal_next(struct journal_reader *reader, struct bytes *event);

/* Behind the last event that journal_next() gave. */
struct journal_position journal_reader_position(const struct journal_reader *reader);

/* Gives up the rest of the segment that cannot be read (JOURNAL_ERROR). */
void journal_reader_skip(struct journal_reader *reader);

/* Everything before `position` is safe elsewhere: segments that lie wholly before it go. By the
 * thread that reads. */
void journal_forget(struct journal *journal, struct journal_position position);

#endif
