/* journal_open.c - making and opening the directory of a journal; see journal.h. */
#include "journal_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* What could not be done, with the system's reason; keeps errno. */
static bool problem(char *error, const char *what, const char *directory, const char *file)
{
    int number = errno;
    snprintf(error, JOURNAL_ERROR_MAX, "ReportJournal: cannot %s %s%s: %s", what, directory, file,
             strerror(number));
    errno = number;
    return false;
}

static bool open_directory(struct journal *journal, const char *path, char *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return problem(error, "make", path, "");
    journal->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory < 0)
        return problem(error, "open", path, "");
    journal->lock =
        openat(journal->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->lock < 0)
        return problem(error, "open", path, "/lock");
    if (flock(journal->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK)
        return problem(error, "lock", path, "/lock");
    snprintf(error, JOURNAL_ERROR_MAX,
             "ReportJournal: %s is in use by another process; each assayd needs a directory of "
             "its own",
             path);
    errno = EWOULDBLOCK;
    return false;
}

/* ---- the name of the journal ---- */

static bool is_id(const char *text, ssize_t len)
{
    if (len < JOURNAL_ID_LEN)
        return false;
    for (size_t i = 0; i < JOURNAL_ID_LEN; i++) {
        if (hex_value(text[i]) < 0)
            return false;
    }
    return true;
}

static bool read_id(struct journal *journal)
{
    int fd = openat(journal->directory, "id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, journal->id, JOURNAL_ID_LEN) : -1;
    if (fd >= 0)
        close(fd);
    return is_id(journal->id, len);
}

/* Written whole under another name first: a file that is there is complete. */
static bool make_id(struct journal *journal)
{
    unsigned char random[JOURNAL_ID_LEN / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(journal->id + 2 * i, 3, "%02x", (unsigned)random[i]);
    int fd = openat(journal->directory, "id.new",
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    ssize_t written = write(fd, journal->id, JOURNAL_ID_LEN);
    if (written >= 0 && written < JOURNAL_ID_LEN)
        errno = ENOSPC;
    bool good = written == JOURNAL_ID_LEN && fsync(fd) == 0 &&
                renameat(journal->directory, "id.new", journal->directory, "id") == 0 &&
                fsync(journal->directory) == 0;
    int number = errno;
    close(fd);
    errno = number;
    return good;
}

static uint64_t word_of_id(const char *digits)
{
    uint64_t word = 0;
    for (size_t i = 0; i < JOURNAL_ID_LEN / 2; i++)
        word = word << 4 | (uint64_t)hex_value(digits[i]);
    return word;
}

/* An id that cannot be read is replaced; events that were written under it are foreign
 * then, and are skipped as damage. */
static bool find_id(struct journal *journal, const char *path, char *error)
{
    if (!read_id(journal) && !make_id(journal))
        return problem(error, "write", path, "/id");
    journal->key.k0 = word_of_id(journal->id);
    journal->key.k1 = word_of_id(journal->id + JOURNAL_ID_LEN / 2);
    return true;
}

/* ---- how far it was read ---- */

/* Damaged or missing, as after a power failure: nothing is known, and events may come again, to
 * a store that does not know them. */
static void read_done(struct journal *journal)
{
    char text[JOURNAL_DONE_LEN + 1] = "", again[JOURNAL_DONE_LEN + 1];
    struct journal_position position = {0, 0};
    journal->done_file =
        openat(journal->directory, "done", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->done_file < 0)
        return;
    if (pread(journal->done_file, text, JOURNAL_DONE_LEN, 0) == JOURNAL_DONE_LEN &&
        sscanf(text, "%19" SCNu64 " %20" SCNu64, &position.segment, &position.offset) == 2 &&
        position.segment <= JOURNAL_SEGMENT_MAX) {
        journal_done_text(journal, position, again);
        if (memcmp(text, again, JOURNAL_DONE_LEN) == 0)
            journal->done = position;
    }
}

/* ---- the segments ---- */

static bool is_segment_name(const char *name, uint64_t *number)
{
    unsigned long long value;
    struct bytes text = bytes_of(name);
    size_t dot = bytes_find(text, '.');
    if (name[0] == '0' || strcmp(name + dot, ".journal") != 0 ||
        !bytes_to_number(bytes_slice(text, 0, dot), JOURNAL_SEGMENT_MAX, &value))
        return false;
    *number = value;
    return true;
}

/* What is no regular file keeps its number from being used, and nothing else. */
static bool note_segment(struct journal *journal, const char *name, uint64_t number)
{
    struct stat status;
    if (number >= journal->next)
        journal->next = number + 1;
    if (fstatat(journal->directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
        return true;
    if (!journal_grow(journal)) {
        errno = ENOMEM;
        return false;
    }
    journal->segments[journal->count++] =
        (struct journal_segment){number, (uint64_t)status.st_size};
    journal->octets += (uint64_t)status.st_size;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct journal_segment *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static bool list_segments(struct journal *journal, const char *path, char *error)
{
    int fd = openat(journal->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        problem(error, "read", path, "");
        if (fd >= 0)
            close(fd);
        return false;
    }
    const struct dirent *entry;
    uint64_t number;
    bool good = true;
    journal->next = journal->done.segment + 1;
    while (good && (entry = readdir(entries))) {
        if (is_segment_name(entry->d_name, &number))
            good = note_segment(journal, entry->d_name, number);
    }
    if (!good)
        problem(error, "read", path, "");
    closedir(entries);
    if (journal->count)
        qsort(journal->segments, journal->count, sizeof(*journal->segments), by_number);
    journal->first_own = journal->next;
    return good;
}

struct journal *journal_open(const char *directory, uint64_t maximum, char *error)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal) {
        errno = ENOMEM;
        problem(error, "open", directory, "");
        return NULL;
    }
    journal->directory = journal->lock = journal->done_file = journal->fd = -1;
    pthread_mutex_init(&journal->mutex, NULL);
    journal->maximum = maximum;
    journal->segment_maximum = maximum / JOURNAL_SHARE_OF_SIZE;
    if (journal->segment_maximum > JOURNAL_SEGMENT_SIZE)
        journal->segment_maximum = JOURNAL_SEGMENT_SIZE;
    bool good = open_directory(journal, directory, error) && find_id(journal, directory, error);
    if (good) {
        read_done(journal);
        good = list_segments(journal, directory, error);
    }
    if (!good) {
        int number = errno;
        journal_close(journal);
        errno = number;
        return NULL;
    }
    journal_forget(journal, journal->done);
    return journal;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    const int descriptors[] = {journal->fd, journal->done_file, journal->lock, journal->directory};
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    }
    pthread_mutex_destroy(&journal->mutex);
    free(journal->segments);
    free(journal);
}
