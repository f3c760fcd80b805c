/* test_journal.c - what is appended is read, once and in order, whatever happened to the files.
 *
 * The disk can be made full: pwritev() and ftruncate() of this file stand before the C library's.
 */
#include "journal.h"

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PLENTY = 64 << 20 };

static char directory[] = "/tmp/test_journal.XXXXXX";
static char place[64]; /* the journal's directory in it */

/* ---- the disk ---- */

static ssize_t disk_room = -1; /* octets that may still be written; -1: no bound */
static bool truncate_fails;

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    char octets[4096];
    size_t len = 0;
    if (disk_room < 0)
        return syscall(SYS_pwritev, fd, parts, count, offset, 0);
    for (int i = 0; i < count; i++) {
        assert_true(len + parts[i].iov_len <= sizeof(octets));
        memcpy(octets + len, parts[i].iov_base, parts[i].iov_len);
        len += parts[i].iov_len;
    }
    if (disk_room == 0) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t written = pwrite(fd, octets, len < (size_t)disk_room ? len : (size_t)disk_room, offset);
    disk_room -= written;
    return written;
}

int ftruncate(int fd, off_t length)
{
    if (!truncate_fails)
        return (int)syscall(SYS_ftruncate, fd, length);
    errno = EIO;
    return -1;
}

/* ---- helpers ---- */

static void remove_all(const char *path)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(place, sizeof(place), "%s/journal", directory);
    disk_room = -1;
    truncate_fails = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_all(directory);
    return 0;
}

static const char *file(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", place, name);
    return path;
}

static long size_of(const char *name)
{
    struct stat status;
    return stat(file(name), &status) == 0 ? (long)status.st_size : -1;
}

static void put_file(const char *name, const void *octets, size_t len)
{
    int fd = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, octets, len) == (ssize_t)len);
    close(fd);
}

static struct journal *open_sized(uint64_t maximum)
{
    char error[JOURNAL_ERROR_MAX] = "";
    struct journal *journal = journal_open(place, maximum, error);
    if (!journal)
        fail_msg("%s", error);
    return journal;
}

static struct journal *open_it(void)
{
    return open_sized(PLENTY);
}

static void append(struct journal *journal, const char *text)
{
    assert_int_equal(journal_append(journal, bytes_of(text)), JOURNAL_OK);
}

/* "a b c" from `position` on: events, with "|" for damage and "/" for a cut. */
static const char *content_from(struct journal *journal, struct journal_position position)
{
    static char text[4096];
    size_t len = 0;
    struct journal_reader *reader = journal_reader_new(journal, position);
    assert_non_null(reader);
    struct bytes event;
    enum journal_read read;
    text[0] = '\0';
    while ((read = journal_next(reader, &event)) != JOURNAL_END) {
        const char *mark = read == JOURNAL_BROKEN ? "|" : read == JOURNAL_CUT ? "/" : "";
        assert_int_not_equal(read, JOURNAL_ERROR);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%.*s", len ? " " : "", mark,
                                BYTES_ARGS(event));
    }
    journal_reader_free(reader);
    return text;
}

static const char *content(struct journal *journal)
{
    return content_from(journal, (struct journal_position){0, 0});
}

static struct journal_position end_of(struct journal *journal)
{
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    while (journal_next(reader, &event) != JOURNAL_END)
        ;
    struct journal_position position = journal_reader_position(reader);
    journal_reader_free(reader);
    return position;
}

/* ---- appending and reading ---- */

static void test_append_and_read(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    struct stat status;
    assert_int_equal(stat(place, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(strlen(journal_id(journal)), JOURNAL_ID_LEN);
    assert_string_equal(content(journal), "");
    append(journal, "one");
    append(journal, "two");
    assert_string_equal(content(journal), "one two");
    assert_int_equal(journal_size(journal), 2 * 12 + 6);
    assert_int_equal(size_of("1.journal"), 2 * 12 + 6);
    journal_sync(journal);
    journal_close(journal);
}

static void test_reader_goes_on(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    assert_int_equal(journal_next(reader, &event), JOURNAL_END);
    append(journal, "one");
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_int_equal(journal_next(reader, &event), JOURNAL_END);
    append(journal, "two");
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_memory_equal(event.data, "two", 3);
    assert_int_equal(journal_reader_position(reader).segment, 1);
    assert_int_equal(journal_reader_position(reader).offset, 30);
    journal_reader_free(reader);
    journal_close(journal);
}

static void test_bounds_of_an_event(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    char *large = calloc(1, JOURNAL_EVENT_MAX + 1);
    assert_int_equal(journal_append(journal, BYTES_EMPTY), JOURNAL_FAILED);
    assert_int_equal(journal_append(journal, (struct bytes){large, JOURNAL_EVENT_MAX + 1}),
                     JOURNAL_FAILED);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(journal_append(journal, (struct bytes){large, JOURNAL_EVENT_MAX}), JOURNAL_OK);
    append(journal, "small");
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_int_equal(event.len, JOURNAL_EVENT_MAX);
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_memory_equal(event.data, "small", 5);
    journal_reader_free(reader);
    journal_close(journal);
    free(large);
}

static void test_reopen(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    char id[JOURNAL_ID_LEN + 1];
    strcpy(id, journal_id(journal));
    append(journal, "one");
    struct journal_position between = end_of(journal);
    append(journal, "two");
    journal_close(journal);

    journal = open_it();
    assert_string_equal(journal_id(journal), id);
    append(journal, "three"); /* a segment of its own */
    assert_int_equal(size_of("2.journal"), 17);
    assert_string_equal(content(journal), "one two three");
    assert_string_equal(content_from(journal, between), "two three");
    journal_close(journal);
}

static void test_one_process(void **state)
{
    (void)state;
    char error[JOURNAL_ERROR_MAX] = "";
    struct journal *journal = open_it();
    assert_null(journal_open(place, PLENTY, error));
    assert_int_equal(errno, EWOULDBLOCK);
    assert_non_null(strstr(error, "is in use by another process"));
    pid_t child = fork();
    if (child == 0)
        _exit(journal_open(place, PLENTY, error) ? 1 : 0);
    int status;
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    journal_close(journal);
    journal_close(open_it());
}

static void test_no_directory(void **state)
{
    (void)state;
    char error[JOURNAL_ERROR_MAX] = "";
    assert_null(journal_open("/proc/no/journal", PLENTY, error));
    assert_string_equal(error, "ReportJournal: cannot make /proc/no/journal: "
                               "No such file or directory");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkdir(place, 0700), 0);
    assert_int_equal(mkdir(file("lock"), 0700), 0);
    assert_null(journal_open(place, PLENTY, error));
    assert_non_null(strstr(error, "/lock: Is a directory"));
}

/* ---- forgetting ---- */

static void test_forget(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct journal *journal = open_it();
        append(journal, i == 0 ? "one" : i == 1 ? "two" : "three");
        journal_close(journal);
    }
    struct journal *journal = open_it();
    append(journal, "four");
    journal_forget(journal, (struct journal_position){2, 0});
    assert_int_equal(size_of("1.journal"), -1);
    assert_int_equal(size_of("2.journal"), 15);
    assert_string_equal(content(journal), "two three four");
    journal_forget(journal, (struct journal_position){3, 17});
    assert_int_equal(size_of("3.journal"), -1);
    assert_int_equal(journal_size(journal), 16);
    assert_string_equal(content(journal), "four");
    journal_forget(journal, end_of(journal)); /* what is being written stays */
    assert_int_equal(size_of("4.journal"), 16);
    assert_string_equal(content(journal), "");
    append(journal, "five");
    assert_string_equal(content(journal), "five");
    journal_close(journal);
}

/* A store that was made anew asks for {0, 0}: it gets what no store has had, also after a
 * restart. */
static void test_forgotten_is_remembered(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "one");
    struct journal_position between = end_of(journal);
    journal_forget(journal, between);
    append(journal, "two");
    journal_close(journal);
    journal = open_it();
    assert_string_equal(content(journal), "two");
    assert_string_equal(content_from(journal, (struct journal_position){1, 0}), "one two");
    journal_close(journal);
    put_file("done", "damaged", 7);
    journal = open_it();
    assert_string_equal(content(journal), "one two");
    journal_close(journal);
}

/* A number that was used is never used again: the store's positions would lie. */
static void test_numbers_only_grow(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct journal *journal = open_it();
        append(journal, "event");
        journal_forget(journal, end_of(journal));
        journal_close(journal);
    }
    assert_int_equal(size_of("3.journal"), 17);
    assert_int_equal(unlink(file("3.journal")), 0);
    struct journal *journal = open_it();
    append(journal, "event");
    assert_int_equal(size_of("4.journal"), 17);
    journal_close(journal);
}

/* Somebody emptied the directory but for the id: the store knows a position that does not exist. */
static void test_position_beyond_the_end(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "one");
    append(journal, "two");
    assert_string_equal(content_from(journal, (struct journal_position){7, 5}), "one two");
    assert_string_equal(content_from(journal, (struct journal_position){1, 500}), "one two");
    journal_close(journal);
}

/* The directory is a copy of another one, or was put back: the store knows positions in segments of
 * this process where it has never been. */
static void test_position_never_given(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    struct bytes event;
    append(journal, "one");
    append(journal, "two");
    assert_string_equal(content_from(journal, (struct journal_position){1, 15}), "one two");
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    struct journal_position first = journal_reader_position(reader);
    journal_reader_free(reader);
    assert_int_equal(first.offset, 15);
    assert_string_equal(content_from(journal, first), "two");
    assert_string_equal(content_from(journal, (struct journal_position){1, 30}), "two");
    assert_string_equal(content_from(journal, (struct journal_position){9, 9}), "two");
    journal_close(journal);
}

/* ---- segments ---- */

static size_t count_segments(void)
{
    size_t count = 0;
    DIR *entries = opendir(place);
    const struct dirent *entry;
    while ((entry = readdir(entries)))
        count += strstr(entry->d_name, ".journal") != NULL;
    closedir(entries);
    return count;
}

static void test_segments_switch_and_full(void **state)
{
    (void)state;
    struct journal *journal = open_sized(4000); /* segments of 1000 */
    char event[89];
    unsigned appended = 0, got = 0;
    memset(event, 'x', sizeof(event) - 1);
    event[88] = '\0';
    while (journal_append(journal, bytes_of(event)) == JOURNAL_OK)
        appended++;
    assert_int_equal(appended, 40);
    assert_int_equal(journal_append(journal, bytes_of(event)), JOURNAL_FULL);
    assert_int_equal(journal_size(journal), 4000);
    assert_int_equal(count_segments(), 4);
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes read;
    while (journal_next(reader, &read) == JOURNAL_EVENT)
        got++;
    assert_int_equal(got, 40);
    journal_forget(journal, journal_reader_position(reader));
    assert_int_equal(count_segments(), 1); /* room again, although the last one stays */
    for (unsigned i = 0; i < 30; i++)
        append(journal, event);
    assert_int_equal(journal_append(journal, bytes_of(event)), JOURNAL_FULL);
    for (got = 0; journal_next(reader, &read) == JOURNAL_EVENT;)
        got++;
    assert_int_equal(got, 30);
    journal_reader_free(reader);
    journal_close(journal);
}

/* More is there than is allowed now: nothing is added, nothing is lost. */
static void test_smaller_maximum(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "one");
    append(journal, "two");
    journal_close(journal);
    journal = open_sized(20);
    assert_int_equal(journal_append(journal, BYTES("three")), JOURNAL_FULL);
    assert_string_equal(content(journal), "one two");
    journal_close(journal);
}

static void test_foreign_files(void **state)
{
    (void)state;
    static const char *const names[] = {"01.journal", "x.journal",  "1.journal.bak",
                                        ".journal",   "-1.journal", "18446744073709551615.journal",
                                        "README",     "1.Journal"};
    assert_int_equal(mkdir(place, 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        put_file(names[i], "foreign", 7);
    assert_int_equal(mkdir(file("3.journal"), 0700), 0);
    char outside[64];
    snprintf(outside, sizeof(outside), "%s/outside", directory);
    assert_int_equal(symlink(outside, file("4.journal")), 0);
    struct journal *journal = open_it();
    append(journal, "one");
    assert_int_equal(size_of("5.journal"), 15);
    assert_string_equal(content(journal), "one");
    journal_forget(journal, (struct journal_position){6, 0});
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(size_of(names[i]), 7);
    assert_int_equal(access(file("3.journal"), F_OK), 0);
    assert_int_not_equal(access(outside, F_OK), 0);
    journal_close(journal);
}

/* ---- damage ---- */

static const char *const three[] = {"the first", "second", "and the third"};

/* Their journal, closed; its octets. */
static size_t write_three(char *octets, size_t max)
{
    struct journal *journal = open_it();
    for (size_t i = 0; i < 3; i++)
        append(journal, three[i]);
    journal_close(journal);
    int fd = open(file("1.journal"), O_RDONLY);
    ssize_t len = read(fd, octets, max);
    close(fd);
    assert_true(len > 0 && (size_t)len < max);
    return (size_t)len;
}

static void test_cut_at_every_octet(void **state)
{
    (void)state;
    char octets[256], expected[128];
    const size_t len = write_three(octets, sizeof(octets));
    for (size_t cut = 0; cut <= len; cut++) {
        size_t end = 0;
        expected[0] = '\0';
        for (size_t i = 0; i < 3 && end + 12 + strlen(three[i]) <= cut; i++) {
            end += 12 + strlen(three[i]);
            strcat(strcat(expected, three[i]), " ");
        }
        strcat(expected, end < cut ? "/ after" : "after");
        put_file("1.journal", octets, cut);
        struct journal *journal = open_it();
        append(journal, "after");
        assert_string_equal(content(journal), expected);
        journal_close(journal);
        unlink(file("2.journal"));
    }
}

static void test_every_bit(void **state)
{
    (void)state;
    char octets[256];
    const size_t len = write_three(octets, sizeof(octets));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        octets[bit / 8] = (char)(octets[bit / 8] ^ 1 << bit % 8);
        put_file("1.journal", octets, len);
        struct journal *journal = open_it();
        append(journal, "after");
        const char *found = content(journal);
        size_t first = 12 + strlen(three[0]), second = first + 12 + strlen(three[1]);
        const char *whole = bit / 8 < first    ? ""
                            : bit / 8 < second ? "the first "
                                               : "the first second ";
        assert_memory_equal(found, whole, strlen(whole));
        found += strlen(whole);
        assert_true(*found == '|' || *found == '/');
        assert_string_equal(found + 1, " after");
        journal_close(journal);
        unlink(file("2.journal"));
        octets[bit / 8] = (char)(octets[bit / 8] ^ 1 << bit % 8);
    }
}

/* Whole events, but not where they were written: a copy of a segment, or of another journal's. */
static void test_events_elsewhere(void **state)
{
    (void)state;
    char octets[256];
    const size_t len = write_three(octets, sizeof(octets));
    put_file("2.journal", octets, len);
    struct journal *journal = open_it();
    assert_string_equal(content(journal), "the first second and the third |");
    journal_close(journal);
    put_file("id", "0123456789abcdef0123456789abcdef", 32);
    journal = open_it();
    assert_string_equal(content(journal), "| |");
    journal_close(journal);
}

static void test_damaged_id(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0123456789abcdef", "0123456789abcdefx123456789abcdef"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        journal_close(open_it());
        put_file("id", bad[i], strlen(bad[i]));
        struct journal *journal = open_it();
        assert_int_equal(strlen(journal_id(journal)), JOURNAL_ID_LEN);
        assert_memory_not_equal(journal_id(journal), "0123456789abcdef", 16);
        journal_close(journal);
    }
}

static void test_random_octets(void **state)
{
    (void)state;
    unsigned seed = 4711;
    char octets[2000];
    journal_close(open_it());
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(octets); i++)
            octets[i] = (char)(rand_r(&seed) % (round % 2 ? 2 : 256));
        put_file("1.journal", octets, (size_t)rand_r(&seed) % sizeof(octets));
        struct journal *journal = open_it();
        append(journal, "after");
        const char *found = content(journal);
        assert_string_equal(found + strlen(found) - 5, "after");
        journal_close(journal);
        unlink(file("2.journal"));
    }
}

/* Of the segment being written: what is appended later is read again. */
static void test_damage_while_open(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "one");
    append(journal, "two");
    int fd = open(file("1.journal"), O_WRONLY);
    assert_int_equal(pwrite(fd, "XXXX", 4, 15), 4);
    close(fd);
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_int_equal(journal_next(reader, &event), JOURNAL_BROKEN);
    assert_int_equal(event.len, 0);
    assert_int_equal(journal_next(reader, &event), JOURNAL_END);
    append(journal, "three");
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_memory_equal(event.data, "three", 5);
    assert_int_equal(truncate(file("1.journal"), 10), 0);
    append(journal, "four"); /* behind a hole */
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    journal_reader_free(reader);
    assert_string_equal(content(journal), "|");
    journal_close(journal);
}

static void test_removed_while_open(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "one");
    assert_int_equal(unlink(file("1.journal")), 0);
    assert_string_equal(content(journal), "|");
    append(journal, "two");
    assert_string_equal(content(journal), "| two");
    journal_close(journal);
}

static void test_io_error(void **state)
{
    (void)state;
    journal_close(open_it());
    put_file("1.journal", "octets", 6);
    struct journal *journal = open_it();
    append(journal, "two");
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    assert_int_equal(unlink(file("1.journal")), 0);
    assert_int_equal(symlink("elsewhere", file("1.journal")), 0);
    assert_int_equal(journal_next(reader, &event), JOURNAL_ERROR);
    assert_int_equal(journal_next(reader, &event), JOURNAL_ERROR);
    journal_reader_skip(reader);
    assert_int_equal(journal_next(reader, &event), JOURNAL_EVENT);
    assert_memory_equal(event.data, "two", 3);
    journal_reader_free(reader);
    journal_close(journal);
}

/* ---- a full disk ---- */

static void test_disk_full_at_every_octet(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "before");
    for (ssize_t room = 0; room < 12 + 5; room++) {
        disk_room = room;
        assert_int_equal(journal_append(journal, BYTES("event")), JOURNAL_FAILED);
        assert_int_equal(errno, ENOSPC);
        assert_int_equal(size_of("1.journal"), 18);
        assert_int_equal(journal_size(journal), 18);
    }
    disk_room = -1;
    append(journal, "after");
    assert_string_equal(content(journal), "before after");
    journal_close(journal);
    journal = open_it();
    assert_string_equal(content(journal), "before after");
    journal_close(journal);
}

/* What is carried off gives its room back, although there was none for another segment. */
static void test_disk_full_gives_room_back(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "before");
    disk_room = 0;
    assert_int_equal(journal_append(journal, BYTES("lost")), JOURNAL_FAILED);
    disk_room = -1;
    assert_int_equal(mkdir(file("2.journal"), 0700), 0); /* as if there were no room for a file */
    assert_int_equal(journal_append(journal, BYTES("lost")), JOURNAL_FAILED);
    journal_forget(journal, (struct journal_position){1, 0});
    assert_string_equal(content(journal), "before");
    journal_forget(journal, end_of(journal));
    assert_int_equal(size_of("1.journal"), -1);
    assert_int_equal(journal_size(journal), 0);
    append(journal, "after");
    assert_int_equal(size_of("3.journal"), 17);
    assert_string_equal(content(journal), "after");
    journal_close(journal);
}

/* What cannot be cut back is left behind; nothing is appended to it. */
static void test_cut_back_fails(void **state)
{
    (void)state;
    struct journal *journal = open_it();
    append(journal, "before");
    disk_room = 14;
    truncate_fails = true;
    assert_int_equal(journal_append(journal, BYTES("event")), JOURNAL_FAILED);
    assert_int_equal(size_of("1.journal"), 18 + 14);
    disk_room = -1;
    append(journal, "after");
    assert_int_equal(size_of("2.journal"), 17);
    assert_string_equal(content(journal), "before after");
    journal_close(journal);
    journal = open_it();
    assert_string_equal(content(journal), "before / after");
    journal_close(journal);
}

/* ---- threads and kills ---- */

enum { THREADS = 8, EACH = 3000 };

struct writer {
    struct journal *journal;
    unsigned number;
    pthread_t thread;
};

static void *write_many(void *context)
{
    const struct writer *writer = context;
    char text[64];
    for (unsigned i = 0; i < EACH; i++) {
        snprintf(text, sizeof(text), "%u %u and some more octets", writer->number, i);
        if (journal_append(writer->journal, bytes_of(text)) != JOURNAL_OK)
            abort();
    }
    return NULL;
}

/* Segments of 64 KiB, removed as the reader goes on. */
static void test_threads(void **state)
{
    (void)state;
    struct journal *journal = open_sized(256 * 1024 * 8);
    struct writer writers[THREADS];
    unsigned next[THREADS] = {0}, total = 0, number, count;
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.journal = journal, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    while (total < THREADS * EACH) {
        enum journal_read read = journal_next(reader, &event);
        if (read == JOURNAL_END) {
            journal_sync(journal);
            journal_forget(journal, journal_reader_position(reader));
            continue;
        }
        assert_int_equal(read, JOURNAL_EVENT);
        char text[64] = "";
        memcpy(text, event.data, event.len);
        assert_int_equal(sscanf(text, "%u %u", &number, &count), 2);
        assert_true(number < THREADS);
        assert_int_equal(count, next[number]++);
        total++;
    }
    assert_int_equal(journal_next(reader, &event), JOURNAL_END);
    journal_reader_free(reader);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(writers[i].thread, NULL);
    journal_close(journal);
}

/* Appends numbers, and says of each that it did. */
static _Noreturn void append_until_killed(unsigned *next, int out)
{
    struct journal *journal = open_sized(PLENTY);
    char text[32];
    for (;; ++*next) {
        snprintf(text, sizeof(text), "%u", *next);
        if (journal_append(journal, bytes_of(text)) != JOURNAL_OK ||
            write(out, next, sizeof(*next)) != sizeof(*next))
            _exit(1);
    }
}

static void test_killed(void **state)
{
    (void)state;
    enum { KILLS = 25, MOST = 2000000 };
    unsigned char *seen = calloc(1, MOST), *acknowledged = calloc(1, MOST);
    unsigned next = 0, seed = 99, number;
    for (int round = 0; round < KILLS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            append_until_killed(&next, ends[1]);
        close(ends[1]);
        unsigned wanted = (unsigned)rand_r(&seed) % 400;
        for (unsigned i = 0; read(ends[0], &number, sizeof(number)) == sizeof(number); i++) {
            acknowledged[number] = 1;
            next = number + 2; /* one more may have been appended */
            if (i == wanted)
                kill(child, SIGKILL);
        }
        close(ends[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    struct journal *journal = open_it();
    struct journal_reader *reader = journal_reader_new(journal, (struct journal_position){0, 0});
    struct bytes event;
    enum journal_read read;
    unsigned long long value;
    while ((read = journal_next(reader, &event)) != JOURNAL_END) {
        assert_int_not_equal(read, JOURNAL_BROKEN);
        if (read == JOURNAL_EVENT) {
            assert_true(bytes_to_number(event, MOST - 1, &value));
            assert_int_equal(seen[value]++, 0);
        }
    }
    for (unsigned i = 0; i < next; i++)
        assert_true(seen[i] >= acknowledged[i]);
    journal_reader_free(reader);
    journal_close(journal);
    free(seen);
    free(acknowledged);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_append_and_read),
        TEST(test_reader_goes_on),
        TEST(test_bounds_of_an_event),
        TEST(test_reopen),
        TEST(test_one_process),
        TEST(test_no_directory),
        TEST(test_forget),
        TEST(test_forgotten_is_remembered),
        TEST(test_numbers_only_grow),
        TEST(test_position_beyond_the_end),
        TEST(test_position_never_given),
        TEST(test_segments_switch_and_full),
        TEST(test_smaller_maximum),
        TEST(test_foreign_files),
        TEST(test_cut_at_every_octet),
        TEST(test_every_bit),
        TEST(test_events_elsewhere),
        TEST(test_damaged_id),
        TEST(test_random_octets),
        TEST(test_damage_while_open),
        TEST(test_removed_while_open),
        TEST(test_io_error),
        TEST(test_disk_full_at_every_octet),
        TEST(test_disk_full_gives_room_back),
        TEST(test_cut_back_fails),
        TEST(test_threads),
        TEST(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
