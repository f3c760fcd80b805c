/* journal.c - appending, syncing and forgetting; see journal.h.
 *
 * One mutex guards the list of segments and the end of the last one; it is held over a
 * single pwritev(2) of an event. What may take long (fdatasync, unlink, reading) happens outside of
 * it, in the thread that reads.
 */
#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

const char *journal_id(const struct journal *journal)
{
    return journal->id;
}

const char *journal_segment_name(uint64_t number, char *name)
{
    snprintf(name, JOURNAL_NAME_MAX, "%" PRIu64 ".journal", number);
    return name;
}

/* Octets that lie at another place, such as a copy of a segment or old blocks of the disk, are
 * not taken for events. */
uint64_t journal_mark(const struct journal *journal, uint64_t hash, struct journal_position place)
{
    const uint64_t numbers[2] = {place.segment, place.offset};
    return hash ^ siphash(&journal->key, (struct bytes){(const char *)numbers, sizeof(numbers)});
}

bool journal_grow(struct journal *journal)
{
    if (journal->count < journal->capacity)
        return true;
    size_t capacity = journal->capacity ? 2 * journal->capacity : 16;
    struct journal_segment *more = realloc(journal->segments, capacity * sizeof(*more));
    if (!more)
        return false;
    journal->segments = more;
    journal->capacity = capacity;
    return true;
}

void journal_give_up_segment(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

/* ---- appending, under the mutex ---- */

static bool begin_segment(struct journal *journal)
{
    char name[JOURNAL_NAME_MAX];
    if (!journal_grow(journal)) {
        errno = ENOMEM;
        return false;
    }
    int fd = openat(journal->directory, journal_segment_name(journal->next, name),
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    journal->no_room = fd < 0 && journal->fd < 0;
    if (fd < 0) {
        if (errno == EEXIST) /* somebody else's; the next append tries the next */
            journal->next++;
        return false;
    }
    journal_give_up_segment(journal);
    journal->fd = fd;
    journal->segments[journal->count++] = (struct journal_segment){journal->next, 0};
    journal->next++;
    journal->entries_unsynced = true;
    return true;
}

static struct journal_segment *last(struct journal *journal)
{
    return &journal->segments[journal->count - 1];
}

/* Where the next event goes. A segment that is large enough is still good when there cannot
 * be a new one. */
static bool find_place(struct journal *journal, size_t len)
{
    bool large = journal->fd >= 0 && last(journal)->size > 0 &&
                 last(journal)->size + len > journal->segment_maximum;
    if (journal->fd >= 0 && !large)
        return true;
    return begin_segment(journal) || journal->fd >= 0;
}

static void big_endian(uint64_t value, unsigned octets, unsigned char *out)
{
    for (unsigned i = 0; i < octets; i++)
        out[i] = (unsigned char)(value >> (8 * (octets - 1 - i)));
}

/* All of it, or nothing. */
static bool write_event(struct journal *journal, struct bytes event, uint64_t hash)
{
    struct journal_segment *segment = last(journal);
    unsigned char header[JOURNAL_HEADER];
    const struct journal_position place = {segment->number, segment->size};
    big_endian(event.len, 4, header);
    big_endian(journal_mark(journal, hash, place), 8, header + 4);
    const struct iovec parts[2] = {{header, sizeof(header)}, {(void *)event.data, event.len}};
    const ssize_t whole = (ssize_t)(sizeof(header) + event.len);
    ssize_t written;
    do
        written = pwritev(journal->fd, parts, 2, (off_t)segment->size);
    while (written < 0 && errno == EINTR);
    if (written == whole) {
        segment->size += (uint64_t)whole;
        journal->octets += (uint64_t)whole;
        if (!journal->unsynced)
            journal->unsynced = segment->number;
        return true;
    }
    int problem = written < 0 ? errno : ENOSPC;
    /* A segment with events ends here in any case: only a complete one can be removed, and its
     * room may be all there is to be had. */
    if (ftruncate(journal->fd, (off_t)segment->size) != 0 || segment->size > 0)
        journal_give_up_segment(journal);
    errno = problem;
    return false;
}

enum journal_status journal_append(struct journal *journal, struct bytes event)
{
    if (event.len == 0 || event.len > JOURNAL_EVENT_MAX) {
        errno = EMSGSIZE;
        return JOURNAL_FAILED;
    }
    const uint64_t hash = siphash(&journal->key, event);
    enum journal_status status = JOURNAL_FAILED;
    pthread_mutex_lock(&journal->mutex);
    if (journal->octets + JOURNAL_HEADER + event.len > journal->maximum)
        status = JOURNAL_FULL;
    else if (find_place(journal, JOURNAL_HEADER + event.len) && write_event(journal, event, hash))
        status = JOURNAL_OK;
    pthread_mutex_unlock(&journal->mutex);
    return status;
}

uint64_t journal_size(const struct journal *journal)
{
    pthread_mutex_t *mutex = &((struct journal *)journal)->mutex;
    pthread_mutex_lock(mutex);
    uint64_t octets = journal->octets;
    pthread_mutex_unlock(mutex);
    return octets;
}

/* ---- in the background ---- */

void journal_sync_entries(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    bool due = journal->entries_unsynced;
    journal->entries_unsynced = false;
    pthread_mutex_unlock(&journal->mutex);
    if (due)
        fsync(journal->directory);
}

static void sync_segment(struct journal *journal, uint64_t number)
{
    char name[JOURNAL_NAME_MAX];
    int fd = openat(journal->directory, journal_segment_name(number, name),
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    fdatasync(fd);
    close(fd);
}

/* An error here cannot be helped: the octets are in the page cache, which is what is promised. */
void journal_sync(struct journal *journal)
{
    journal_sync_entries(journal);
    pthread_mutex_lock(&journal->mutex);
    uint64_t from = journal->unsynced;
    uint64_t to = journal->count ? last(journal)->number : 0;
    journal->unsynced = 0;
    pthread_mutex_unlock(&journal->mutex);
    for (uint64_t number = from; from && number <= to; number++)
        sync_segment(journal, number);
}

void journal_done_text(const struct journal *journal, struct journal_position position, char *text)
{
    snprintf(text, JOURNAL_DONE_LEN + 1, "%019" PRIu64 " %020" PRIu64 " %016" PRIx64 "\n",
             position.segment, position.offset, journal_mark(journal, 0, position));
}

/* Takes what lies before `position` off the list: into gone[], at most `max`. The last segment
 * stays for its number, if there is room for another. */
static size_t take_off(struct journal *journal, struct journal_position position, uint64_t *gone,
                       size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&journal->mutex);
    const size_t removable = journal->count - (journal->count && !journal->no_room);
    while (count < max && count < removable) {
        const struct journal_segment *oldest = &journal->segments[count];
        if (oldest->number > position.segment ||
            (oldest->number == position.segment && oldest->size > position.offset))
            break;
        journal->octets -= oldest->size;
        gone[count++] = oldest->number;
    }
    journal->count -= count;
    if (count)
        memmove(journal->segments, journal->segments + count,
                journal->count * sizeof(*journal->segments));
    pthread_mutex_unlock(&journal->mutex);
    return count;
}

void journal_forget(struct journal *journal, struct journal_position position)
{
    char text[JOURNAL_DONE_LEN + 1];
    journal->done = position;
    journal_done_text(journal, position, text);
    /* Should this fail: a new store, and only that, would get some events that the old one has.
     * The file was made with this size, so a full disk does not matter. */
    if (journal->done_file >= 0 &&
        pwrite(journal->done_file, text, JOURNAL_DONE_LEN, 0) != JOURNAL_DONE_LEN)
        errno = 0;
    uint64_t gone[64];
    size_t count;
    do {
        count = take_off(journal, position, gone, sizeof(gone) / sizeof(gone[0]));
        for (size_t i = 0; i < count; i++) {
            char name[JOURNAL_NAME_MAX];
            unlinkat(journal->directory, journal_segment_name(gone[i], name), 0);
        }
    } while (count);
}
