/* journal_internal.h - what the files of the journal share: journal_open.c, journal.c,
 * journal_read.c. For nobody else.
 */
#ifndef ASSAY_JOURNAL_INTERNAL_H
#define ASSAY_JOURNAL_INTERNAL_H

#include "journal.h"
#include "siphash.h"

#include <pthread.h>

enum {
    JOURNAL_HEADER = 12,       /* octets before each event: length, hash */
    JOURNAL_DONE_LEN = 58,     /* octets of DIR/done: always the same, so that it needs no space */
    JOURNAL_NAME_MAX = 32,     /* octets of "N.journal", with NUL */
    JOURNAL_SHARE_OF_SIZE = 4, /* a segment is at most this part of the maximum: only whole
                                  ones give space back */
};

/* Larger numbers are no segments of ours: positions must fit into a BIGINT of the store. */
#define JOURNAL_SEGMENT_MAX (UINT64_MAX >> 2)

struct journal_segment {
    uint64_t number;
    uint64_t size; /* octets of whole events; of earlier processes: of the file */
};

struct journal {
    int directory;                    /* descriptor */
    int lock;                         /* likewise */
    int done_file;                    /* likewise; -1: cannot be had */
    char id[JOURNAL_ID_LEN + 1];      /* immutable, as is all above */
    struct siphash_key key;           /* from id: events of other journals are foreign */
    uint64_t maximum;                 /* octets of all segments */
    uint64_t segment_maximum;         /* octets of one */
    uint64_t first_own;               /* the first segment that this process may make */
    struct journal_position done;     /* the reading thread's */
    struct journal_position given;    /* likewise: the furthest in a segment of this process that
                                         a reader has told of; {0, 0}: none */
    pthread_mutex_t mutex;            /* for all that follows */
    struct journal_segment *segments; /* that exist, by number; owned */
    size_t count, capacity;
    uint64_t octets;   /* their sizes together */
    uint64_t next;     /* number of the next segment */
    int fd;            /* the last of them, to append to; -1: a new one is due */
    uint64_t unsynced; /* segments from this number on have octets that were not synced; 0: none */
    bool entries_unsynced; /* a segment's name was not */
    bool no_room;          /* a new segment is due, and could not be made */
};

/* "N.journal" into name[JOURNAL_NAME_MAX]; returns it. */
const char *journal_segment_name(uint64_t number, char *name);

/* The hash of an event at its place, as it stands before it. */
uint64_t journal_mark(const struct journal *journal, uint64_t hash, struct journal_position place);

/* Room for one more in `segments`. False: out of memory. */
bool journal_grow(struct journal *journal);

/* The next append begins a new segment. Under the mutex. */
void journal_give_up_segment(struct journal *journal);

/* Makes the names of segments outlive a power failure. The store may know positions in a segment
 * only after that, for its number must not be used again. */
void journal_sync_entries(struct journal *journal);

/* Text of a position for DIR/done, into text[JOURNAL_DONE_LEN + 1]. */
void journal_done_text(const struct journal *journal, struct journal_position position, char *text);

#endif
