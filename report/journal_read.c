/* journal_read.c - reading events while others append; see journal.h.
 *
 * The list of segments says how far each may be read, so the reader never sees an event
 * that is being written. Segments of earlier processes are read up to the end of the file, and
 * nothing in them is believed that its hash does not confirm.
 */
#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_AT_ONCE = 64 * 1024 /* octets */ };

struct journal_reader {
    struct journal *journal;
    struct journal_position position; /* of the next event */
    uint64_t limit;                   /* of its segment, as last heard */
    int fd;                           /* -1: none */
    uint64_t open;                    /* number of the segment that fd is */
    char *buffer;                     /* owned */
    size_t capacity;
    uint64_t from; /* offset in the open segment of buffer[0] */
    size_t len;    /* octets in the buffer */
};

/* ---- the place ---- */

static bool is_behind(struct journal_position a, struct journal_position b)
{
    return a.segment > b.segment || (a.segment == b.segment && a.offset > b.offset);
}

/* Where nothing is, nothing can have been read: see journal_reader_new() in journal.h. Neither
 * where none of our readers has been yet: who says so has it from a copy of this directory. */
static struct journal_position begin_at(struct journal *journal, struct journal_position position)
{
    if (position.segment == 0)
        return journal->done;
    if (position.segment < journal->first_own || !is_behind(position, journal->given))
        return position;
    return journal->given.segment ? journal->given
                                  : (struct journal_position){journal->first_own, 0};
}

struct journal_reader *journal_reader_new(struct journal *journal, struct journal_position position)
{
    struct journal_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return NULL;
    reader->journal = journal;
    reader->fd = -1;
    reader->position = begin_at(journal, position);
    return reader;
}

static void close_segment(struct journal_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = -1;
    reader->len = 0;
}

void journal_reader_free(struct journal_reader *reader)
{
    if (!reader)
        return;
    close_segment(reader);
    free(reader->buffer);
    free(reader);
}

struct journal_position journal_reader_position(const struct journal_reader *reader)
{
    struct journal *journal = reader->journal;
    if (reader->position.segment >= journal->first_own &&
        is_behind(reader->position, journal->given))
        journal->given = reader->position;
    return reader->position;
}

/* Goes to the segment that has something to read; false: there is none. *complete: nothing will
 * be appended to it any more. */
static bool find_segment(struct journal_reader *reader, bool *complete)
{
    struct journal *journal = reader->journal;
    bool found = false;
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < journal->count && !found; i++) {
        const struct journal_segment *segment = &journal->segments[i];
        if (segment->number < reader->position.segment)
            continue;
        bool here = segment->number == reader->position.segment;
        found = segment->size > (here ? reader->position.offset : 0);
        if (found && !here)
            reader->position = (struct journal_position){segment->number, 0};
        reader->limit = segment->size;
        *complete = segment->number < journal->first_own;
    }
    pthread_mutex_unlock(&journal->mutex);
    return found;
}

static void skip_rest(struct journal_reader *reader)
{
    reader->position.offset = reader->limit;
}

void journal_reader_skip(struct journal_reader *reader)
{
    if (reader->limit > reader->position.offset)
        skip_rest(reader);
}

/* ---- the octets ---- */

/* Somebody removed the file. What is appended to it would be lost as well. */
static void leave_lost_segment(struct journal_reader *reader)
{
    struct journal *journal = reader->journal;
    pthread_mutex_lock(&journal->mutex);
    if (journal->count && journal->segments[journal->count - 1].number == reader->position.segment)
        journal_give_up_segment(journal);
    pthread_mutex_unlock(&journal->mutex);
}

static enum journal_read open_segment(struct journal_reader *reader)
{
    char name[JOURNAL_NAME_MAX];
    if (reader->fd >= 0 && reader->open == reader->position.segment)
        return JOURNAL_EVENT;
    close_segment(reader);
    journal_sync_entries(reader->journal);
    journal_segment_name(reader->position.segment, name);
    reader->fd =
        openat(reader->journal->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    reader->open = reader->position.segment;
    if (reader->fd >= 0)
        return JOURNAL_EVENT;
    if (errno != ENOENT)
        return JOURNAL_ERROR;
    leave_lost_segment(reader);
    return JOURNAL_BROKEN;
}

static bool make_room(struct journal_reader *reader, size_t len)
{
    size_t wanted = len > READ_AT_ONCE ? len : READ_AT_ONCE;
    if (reader->capacity >= wanted)
        return true;
    char *more = realloc(reader->buffer, wanted);
    if (!more)
        return false;
    reader->buffer = more;
    reader->capacity = wanted;
    return true;
}

/* Brings the `len` octets at the position (they are within the limit) into the buffer. */
static enum journal_read fill(struct journal_reader *reader, size_t len, const char **octets)
{
    const uint64_t at = reader->position.offset;
    if (at >= reader->from && at - reader->from + len <= reader->len) {
        *octets = reader->buffer + (at - reader->from);
        return JOURNAL_EVENT;
    }
    if (!make_room(reader, len)) {
        errno = ENOMEM;
        return JOURNAL_ERROR;
    }
    const uint64_t left = reader->limit - at;
    const size_t most = left < reader->capacity ? (size_t)left : reader->capacity;
    reader->from = at;
    reader->len = 0;
    while (reader->len < len) {
        ssize_t got = pread(reader->fd, reader->buffer + reader->len, most - reader->len,
                            (off_t)(at + reader->len));
        if (got < 0 && errno != EINTR)
            return JOURNAL_ERROR;
        if (got == 0) /* somebody made it shorter */
            return JOURNAL_BROKEN;
        reader->len += got > 0 ? (size_t)got : 0;
    }
    *octets = reader->buffer;
    return JOURNAL_EVENT;
}

static uint64_t number_of(const char *octets, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value = value << 8 | (unsigned char)octets[i];
    return value;
}

/* The event at the position; does not move on. JOURNAL_CUT: the end of the segment lies
 * within what may be an event. */
static enum journal_read read_event(struct journal_reader *reader, struct bytes *event)
{
    const uint64_t left = reader->limit - reader->position.offset;
    const char *octets = NULL;
    enum journal_read read = open_segment(reader);
    if (read != JOURNAL_EVENT)
        return read;
    if (left < JOURNAL_HEADER)
        return JOURNAL_CUT;
    read = fill(reader, JOURNAL_HEADER, &octets);
    if (read != JOURNAL_EVENT)
        return read;
    const uint64_t len = number_of(octets, 4);
    if (len == 0 || len > JOURNAL_EVENT_MAX)
        return JOURNAL_BROKEN;
    if (len > left - JOURNAL_HEADER)
        return JOURNAL_CUT;
    read = fill(reader, (size_t)(JOURNAL_HEADER + len), &octets);
    if (read != JOURNAL_EVENT)
        return read;
    *event = (struct bytes){octets + JOURNAL_HEADER, (size_t)len};
    const uint64_t hash = siphash(&reader->journal->key, *event);
    return journal_mark(reader->journal, hash, reader->position) == number_of(octets + 4, 8)
               ? JOURNAL_EVENT
               : JOURNAL_BROKEN;
}

enum journal_read journal_next(struct journal_reader *reader, struct bytes *event)
{
    bool complete = false;
    *event = BYTES_EMPTY;
    if (!find_segment(reader, &complete))
        return JOURNAL_END;
    enum journal_read read = read_event(reader, event);
    if (read == JOURNAL_EVENT) {
        reader->position.offset += JOURNAL_HEADER + event->len;
        return read;
    }
    *event = BYTES_EMPTY;
    if (read == JOURNAL_ERROR)
        return read;
    skip_rest(reader);
    close_segment(reader); /* what it was read from may be gone */
    /* Only a process that died can have left an event half written. */
    return read == JOURNAL_CUT && complete ? JOURNAL_CUT : JOURNAL_BROKEN;
}
