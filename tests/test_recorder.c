/* test_recorder.c - from messages to the store: each once, whatever the store does.
 *
 * The store is a fake in this file: it keeps what was committed, and can be locked, away, corrupt
 * or fail at any step; a commit can fail before or after it happened. A row is the queue id of its
 * message. The recorder gathers for a second before it writes, so these tests take some.
 */
#include "failure_event.h"
#include "recorder.h"
#include "store_failure.h"

#include "strbuf.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES_MAX = 100000, PATIENCE_MS = 5000 };

/* ---- rows ---- */

static const struct outcome message = {.client = {0}};
static const struct outcome unreported = {.originating = true};

bool report_row_make(struct arena *arena, const struct outcome *outcome, int64_t time,
                     const char *queue_id, struct report_row *out, const char **why_not)
{
    *out = (struct report_row){.time = time, .queue_id = bytes_of(queue_id)};
    *why_not = "originating mail";
    if (bytes_is(bytes_of(queue_id), "no memory"))
        arena_fail(arena);
    return !outcome->originating && !arena_failed(arena);
}

void report_row_encode(const struct report_row *row, struct strbuf *out)
{
    strbuf_bytes(out, row->queue_id);
}

void failure_event_encode(const struct failure_event *event, struct strbuf *out)
{
    strbuf_bytes(out, event->queue_id);
}

/* ---- the store ---- */

enum step { STEP_OPEN, STEP_BEGIN, STEP_ADD, STEP_COMMIT, STEP_COMMITTED, STEP_EXPIRE, STEPS };

struct store {
    bool in_transaction;
    enum sql_trouble trouble;
    char error[SQL_ERROR_MAX];
    unsigned *batch; /* since begin: numbers of messages */
    size_t batch_count;
    uint64_t lost;
};

static struct {
    pthread_mutex_t mutex;
    enum sql_trouble fails[STEPS]; /* SQL_FINE: works */
    int fails_after[STEPS];        /* calls that still work */
    bool mends;                    /* a new connection works */
    unsigned seen[MESSAGES_MAX];
    size_t events, transactions, opened, tries, expired, expired_before, failures_before;
    uint64_t lost;
    char id[JOURNAL_ID_LEN + 1];
    struct journal_position position;
} world = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool works(struct store *store, enum step step, char *error, enum sql_trouble *trouble)
{
    pthread_mutex_lock(&world.mutex);
    world.tries++;
    enum sql_trouble what = world.fails[step];
    if (what != SQL_FINE && world.fails_after[step] > 0) {
        world.fails_after[step]--;
        what = SQL_FINE;
    }
    pthread_mutex_unlock(&world.mutex);
    if (what != SQL_FINE) {
        snprintf(store ? store->error : error, SQL_ERROR_MAX, "trouble at step %d", (int)step);
        *(store ? &store->trouble : trouble) = what;
    }
    return what == SQL_FINE;
}

struct store *store_open(const char *where, enum sql_use use, char *error,
                         enum sql_trouble *trouble)
{
    assert_int_equal(use, SQL_READ_WRITE);
    assert_non_null(where);
    if (!works(NULL, STEP_OPEN, error, trouble))
        return NULL;
    pthread_mutex_lock(&world.mutex);
    if (world.mends)
        memset(world.fails, 0, sizeof(world.fails));
    world.opened++;
    pthread_mutex_unlock(&world.mutex);
    struct store *store = calloc(1, sizeof(*store));
    store->batch = calloc(MESSAGES_MAX, sizeof(*store->batch));
    return store;
}

void store_close(struct store *store)
{
    if (store)
        free(store->batch);
    free(store);
}

enum sql_trouble store_trouble(const struct store *store)
{
    return store->trouble;
}

const char *store_error(const struct store *store)
{
    return store->error;
}

void store_rollback(struct store *store)
{
    store->in_transaction = false;
}

bool store_batch_begin(struct store *store, const char *journal_id, const char *host,
                       struct journal_position *position)
{
    assert_false(store->in_transaction);
    assert_int_equal(strlen(journal_id), JOURNAL_ID_LEN);
    assert_true(host[0] != '\0');
    if (!works(store, STEP_BEGIN, NULL, NULL))
        return false;
    store->in_transaction = true;
    store->batch_count = 0;
    store->lost = 0;
    pthread_mutex_lock(&world.mutex);
    if (strcmp(world.id, journal_id) != 0)
        world.position = (struct journal_position){0, 0};
    memcpy(world.id, journal_id, sizeof(world.id));
    *position = world.position;
    pthread_mutex_unlock(&world.mutex);
    return true;
}

bool store_batch_add(struct store *store, struct bytes event)
{
    unsigned long long number;
    assert_true(store->in_transaction);
    if (!works(store, STEP_ADD, NULL, NULL))
        return false;
    assert_true(bytes_to_number(event, MESSAGES_MAX - 1, &number));
    store->batch[store->batch_count++] = (unsigned)number;
    return true;
}

bool store_batch_lost(struct store *store, uint64_t lost, const char *cause, int64_t now)
{
    assert_true(store->in_transaction && lost > 0 && cause[0] && now > 1700000000);
    store->lost += lost;
    return true;
}

bool store_batch_commit(struct store *store, struct journal_position position)
{
    assert_true(store->in_transaction);
    store->in_transaction = false;
    if (!works(store, STEP_COMMIT, NULL, NULL))
        return false;
    pthread_mutex_lock(&world.mutex);
    for (size_t i = 0; i < store->batch_count; i++)
        world.seen[store->batch[i]]++;
    world.events += store->batch_count;
    world.lost += store->lost;
    world.position = position;
    world.transactions++;
    pthread_mutex_unlock(&world.mutex);
    return works(store, STEP_COMMITTED, NULL, NULL);
}

bool store_failure_expire(struct store *store, int64_t before)
{
    (void)store;
    pthread_mutex_lock(&world.mutex);
    world.failures_before = (size_t)before;
    pthread_mutex_unlock(&world.mutex);
    return true;
}

bool store_expire(struct store *store, int64_t before, int64_t *messages)
{
    *messages = 3;
    if (!works(store, STEP_EXPIRE, NULL, NULL))
        return false;
    pthread_mutex_lock(&world.mutex);
    world.expired++;
    world.expired_before = (size_t)before;
    pthread_mutex_unlock(&world.mutex);
    return true;
}

static void set_fails(enum step step, enum sql_trouble trouble, int after)
{
    pthread_mutex_lock(&world.mutex);
    world.fails[step] = trouble;
    world.fails_after[step] = after;
    pthread_mutex_unlock(&world.mutex);
}

static size_t get(const size_t *member)
{
    pthread_mutex_lock(&world.mutex);
    size_t value = *member;
    pthread_mutex_unlock(&world.mutex);
    return value;
}

/* ---- the log ---- */

static struct {
    pthread_mutex_t mutex;
    char text[16384];
} log_lines = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void log_line(void *context, enum recorder_level level, const char *text)
{
    assert_ptr_equal(context, &log_lines);
    pthread_mutex_lock(&log_lines.mutex);
    size_t len = strlen(log_lines.text);
    snprintf(log_lines.text + len, sizeof(log_lines.text) - len, "%c %s\n", "IWE"[level], text);
    pthread_mutex_unlock(&log_lines.mutex);
}

/* How often `text` was said. */
static unsigned said(const char *text)
{
    unsigned count = 0;
    pthread_mutex_lock(&log_lines.mutex);
    for (const char *at = log_lines.text; (at = strstr(at, text)); at++)
        count++;
    pthread_mutex_unlock(&log_lines.mutex);
    return count;
}

/* ---- helpers ---- */

static char directory[] = "/tmp/test_recorder.XXXXXX";
static char journal_path[64], store_path[64];
static struct report_config config;
static const struct recorder_log logger = {log_line, &log_lines};
static unsigned added;

static void run_command(const char *format)
{
    char command[256];
    snprintf(command, sizeof(command), format, directory);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(journal_path, sizeof(journal_path), "%s/journal", directory);
    snprintf(store_path, sizeof(store_path), "%s/reports.db", directory);
    config = (struct report_config){
        .store = store_path, .journal = journal_path, .journal_size = 8 << 20, .retention = 86400};
    run_command("touch %s/reports.db");
    log_lines.text[0] = '\0';
    memset(world.fails, 0, sizeof(world.fails));
    memset(world.seen, 0, sizeof(world.seen));
    world.events = world.transactions = world.opened = world.tries = world.expired = 0;
    world.lost = 0;
    world.position = (struct journal_position){0, 0};
    added = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    run_command("rm -rf %s");
    return 0;
}

static struct recorder *start(void)
{
    char error[RECORDER_ERROR_MAX] = "";
    struct recorder *recorder = recorder_new(&config, &logger, error);
    if (!recorder)
        fail_msg("%s", error);
    return recorder;
}

static void add(struct recorder *recorder, unsigned count)
{
    char text[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%u", added++);
        recorder_message(recorder, &message, 1700000000, text);
    }
}

static void sleep_ms(long ms)
{
    const struct timespec wait = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&wait, NULL);
}

static void wait_for(const size_t *member, size_t wanted)
{
    for (int i = 0; i < 1000 && get(member) < wanted; i++)
        sleep_ms(10);
    assert_true(get(member) >= wanted);
}

static void assert_each_once(void)
{
    assert_int_equal(world.events, added);
    for (unsigned i = 0; i < added; i++)
        assert_int_equal(world.seen[i], 1);
}

/* ---- all is well ---- */

static void test_messages_reach_the_store(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    wait_for(&world.expired, 1); /* at the start, and then every hour */
    assert_true(world.expired_before < (size_t)time(NULL) - 86399);
    assert_true(world.failures_before <= (size_t)time(NULL) - STORE_FAILURE_KEEP);
    assert_true(world.failures_before > (size_t)time(NULL) - STORE_FAILURE_KEEP - 600);
    assert_int_equal(said("W reports: 3 messages in "), 1);
    add(recorder, 100);
    recorder_message(recorder, &unreported, 1700000000, "1");
    assert_int_equal(get(&world.events), 0); /* gathers first */
    wait_for(&world.events, 100);
    struct recorder_counters counters = recorder_counters(recorder);
    assert_int_equal(counters.recorded, 100);
    assert_int_equal(counters.lost, 0);
    assert_true(counters.store_ready);
    assert_int_equal(get(&world.transactions), 1);
    assert_int_equal(get(&world.opened), 1);
    size_t tries = get(&world.tries);
    sleep_ms(1500);
    assert_int_equal(get(&world.tries), tries); /* an idle one rests */
    recorder_stop(recorder, PATIENCE_MS);
    assert_each_once();
    assert_int_equal(said("\n"), 1); /* of expiry */
}

static void test_stop_carries_over(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    add(recorder, 10000); /* several batches */
    assert_true(recorder_finish(recorder, PATIENCE_MS));
    assert_each_once();
    assert_true(world.transactions >= 3);
    assert_int_equal(recorder_counters(recorder).stored, 10000);
    add(recorder, 1); /* a late one waits for the next start */
    recorder_free(recorder);
    recorder_stop(start(), PATIENCE_MS);
    assert_each_once();
    recorder_stop(NULL, 0);
}

static void *add_many(void *context)
{
    char text[16];
    static atomic_uint next;
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "%u", atomic_fetch_add(&next, 1));
        recorder_message(context, &message, 1700000000, text);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, recorder), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    added = 20000;
    recorder_stop(recorder, PATIENCE_MS);
    assert_each_once();
}

/* What a failure report is made of goes the same way, with a row or without one. */
static void test_failure_events(void **state)
{
    (void)state;
    const struct failure_event events[] = {{.queue_id = BYTES("1")}, {.queue_id = BYTES("2")}};
    const struct outcome with_row = {.failure = &events[0]};
    const struct outcome without = {.originating = true, .failure = &events[1]};
    struct recorder *recorder = start();
    recorder_message(recorder, &with_row, 1700000000, "0");
    recorder_message(recorder, &without, 1700000000, "none");
    recorder_stop(recorder, PATIENCE_MS);
    added = 3;
    assert_each_once();
}

/* ---- trouble ---- */

static void test_trouble_at_every_step(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        enum sql_trouble trouble;
        int after;
        const char *line;
    } cases[] = {
        {STEP_OPEN, SQL_AWAY, 0, "E reports: trouble at step 0; mail is not affected, "},
        {STEP_OPEN, SQL_CORRUPT, 0, "E reports: trouble at step 0; mail is not affected, "},
        {STEP_BEGIN, SQL_BUSY, 0, "W reports: trouble at step 1; mail is not affected, "},
        {STEP_ADD, SQL_FULL, 20, "E reports: trouble at step 2; mail is not affected, "},
        {STEP_COMMIT, SQL_FULL, 0, "E reports: trouble at step 3; mail is not affected, "},
        {STEP_COMMITTED, SQL_AWAY, 0, "E reports: trouble at step 4; mail is not affected, "},
        {STEP_EXPIRE, SQL_BUSY, 0, "W reports: trouble at step 5; mail is not affected, "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(state);
        set_fails(cases[i].step, cases[i].trouble, cases[i].after);
        struct recorder *recorder = start();
        add(recorder, 50);
        const char *line = cases[i].line;
        for (int tries = 0; tries < 500 && !said(line); tries++)
            sleep_ms(10);
        if (said(line) != 1)
            fail_msg("case %zu: %s", i, log_lines.text);
        add(recorder, 50);
        set_fails(cases[i].step, SQL_FINE, 0);
        wait_for(&world.events, 100);
        for (int tries = 0; tries < 500 && !said("works again"); tries++)
            sleep_ms(10);
        assert_int_equal(said("works again"), 1);
        assert_int_equal(recorder_counters(recorder).stored, 100);
        assert_int_equal(recorder_counters(recorder).lost, 0);
        recorder_stop(recorder, PATIENCE_MS);
        assert_each_once();
        assert_int_equal(said("trouble at"), 1);
        tear_down(state);
    }
    set_up(state);
}

/* However many messages come, a store in trouble is tried after 1, 3, 7 ... seconds. */
static void test_pauses_grow(void **state)
{
    (void)state;
    set_fails(STEP_OPEN, SQL_AWAY, 0);
    struct recorder *recorder = start();
    for (int i = 0; i < 40; i++) {
        add(recorder, 10);
        sleep_ms(100);
    }
    size_t tries = get(&world.tries);
    assert_true(tries >= 2 && tries <= 4);
    set_fails(STEP_OPEN, SQL_FINE, 0);
    recorder_stop(recorder, PATIENCE_MS); /* does not wait for the end of the pause */
    assert_each_once();
    assert_int_equal(said("trouble at"), 1);
}

/* A connection that was cut while nobody used it is made anew without a word of trouble, at the
 * stop, too. */
static void test_connection_cut(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    wait_for(&world.expired, 1);
    set_fails(STEP_BEGIN, SQL_AWAY, 0);
    world.mends = true;
    add(recorder, 10);
    wait_for(&world.events, 10);
    set_fails(STEP_BEGIN, SQL_AWAY, 0);
    add(recorder, 10);
    recorder_stop(recorder, PATIENCE_MS);
    world.mends = false;
    assert_each_once();
    assert_int_equal(get(&world.opened), 3);
    assert_int_equal(said("trouble at step 1; connecting anew"), 2);
    assert_int_equal(said("messages wait"), 0);
}

static void test_store_away_over_restarts(void **state)
{
    (void)state;
    set_fails(STEP_OPEN, SQL_AWAY, 0);
    for (int i = 0; i < 5; i++) {
        struct recorder *recorder = start();
        add(recorder, 100);
        recorder_stop(recorder, PATIENCE_MS);
    }
    assert_int_equal(world.events, 0);
    assert_int_equal(said("400 messages wait"), 1); /* those that were there at the fifth start */
    set_fails(STEP_OPEN, SQL_FINE, 0);
    recorder_stop(start(), PATIENCE_MS);
    assert_each_once();
}

/* ---- losses ---- */

static void test_journal_full(void **state)
{
    (void)state;
    config.journal_size = 4096;
    set_fails(STEP_OPEN, SQL_AWAY, 0);
    struct recorder *recorder = start();
    unsigned kept;
    add(recorder, 1000);
    struct recorder_counters counters = recorder_counters(recorder);
    kept = (unsigned)counters.recorded;
    assert_true(kept > 200 && kept < 400);
    assert_int_equal(counters.lost, 1000 - kept);
    for (int tries = 0; tries < 300 && !said("were lost"); tries++)
        sleep_ms(10);
    add(recorder, 10);
    sleep_ms(300);
    assert_int_equal(said("were lost"), 1); /* once a minute */
    assert_int_equal(said("more than ReportJournalSize waits"), 1);
    set_fails(STEP_OPEN, SQL_FINE, 0);
    wait_for(&world.events, kept);
    for (int tries = 0; tries < 300 && !recorder_counters(recorder).store_ready; tries++)
        sleep_ms(10);
    unsigned before = added;
    add(recorder, 10); /* room again */
    recorder_stop(recorder, PATIENCE_MS);
    assert_int_equal(world.lost, 1010 - kept);
    assert_int_equal(world.events, kept + 10);
    for (unsigned i = 0; i < added; i++)
        assert_int_equal(world.seen[i], i < kept || i >= before);
    char total[64];
    snprintf(total, sizeof(total), "(%u since the start)", 1010 - kept);
    assert_int_equal(said(total), 1); /* the rest at the stop, at last */
}

static void test_no_memory(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    recorder_message(recorder, &message, 1700000000, "no memory");
    recorder_stop(recorder, PATIENCE_MS);
    assert_int_equal(world.lost, 1);
    assert_int_equal(said("1 messages were lost for the reports (1 since the start)"), 1);
    assert_int_equal(said("out of memory"), 1);
}

static void test_damaged_journal(void **state)
{
    (void)state;
    set_fails(STEP_OPEN, SQL_AWAY, 0);
    struct recorder *recorder = start();
    add(recorder, 10);
    recorder_stop(recorder, PATIENCE_MS);
    run_command("printf XXXX | dd of=%s/journal/1.journal bs=1 seek=70 conv=notrunc status=none");
    set_fails(STEP_OPEN, SQL_FINE, 0);
    recorder = start();
    add(recorder, 10);
    recorder_stop(recorder, PATIENCE_MS);
    assert_int_equal(world.events, 15);
    assert_int_equal(world.lost, 1);
    assert_int_equal(said("damaged in 1 places, 65 octets were skipped"), 1);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(world.seen[i], i < 5 || i >= 10);
}

/* A connection that breaks at the commit: neither the rows nor the losses are counted twice. */
static void test_unknown_commit(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    wait_for(&world.expired, 1);
    set_fails(STEP_COMMITTED, SQL_AWAY, 0);
    recorder_message(recorder, &message, 1700000000, "no memory");
    add(recorder, 10);
    wait_for(&world.transactions, 1);
    set_fails(STEP_COMMITTED, SQL_FINE, 0);
    add(recorder, 10);
    wait_for(&world.events, 20);
    recorder_stop(recorder, PATIENCE_MS);
    assert_each_once();
    assert_int_equal(world.lost, 1);
}

/* Another host has a copy of our directory, and goes by the same name. */
static void test_somebody_else_moves_us(void **state)
{
    (void)state;
    struct recorder *recorder = start();
    wait_for(&world.expired, 1);
    for (int i = 1; i <= 3; i++) {
        add(recorder, 5);
        wait_for(&world.transactions, (size_t)i);
        sleep_ms(50); /* it has our answer */
        assert_int_equal(said("is not where this assayd left it"), i > 1);
        pthread_mutex_lock(&world.mutex);
        world.position.offset += 1000;
        pthread_mutex_unlock(&world.mutex);
    }
    recorder_stop(recorder, PATIENCE_MS);
    assert_each_once(); /* its positions are not ours */
    assert_int_equal(world.events, 15);
}

/* ---- the start ---- */

static void test_journal_on_a_broken_disk(void **state)
{
    (void)state;
    run_command("mkdir %s/journal");
    if (mount("none", journal_path, "tmpfs", MS_RDONLY, "size=64k") != 0) {
        print_message("needs the right to mount\n");
        skip();
    }
    struct recorder *recorder = start();
    assert_int_equal(said("results are lost until that is mended"), 1);
    add(recorder, 5);
    assert_int_equal(recorder_counters(recorder).lost, 5);
    for (int tries = 0; tries < 500 && !said("5 messages were lost"); tries++)
        sleep_ms(10);
    assert_true(said(": Read-only file system; mail is not affected") > 0);
    assert_int_equal(mount("none", journal_path, "tmpfs", MS_REMOUNT, "size=64k"), 0);
    for (int tries = 0; tries < 500 && !said("can be used now"); tries++)
        sleep_ms(10);
    add(recorder, 5);
    recorder_stop(recorder, PATIENCE_MS);
    assert_int_equal(umount(journal_path), 0);
    assert_int_equal(world.events, 5);
    assert_int_equal(world.lost, 5);
}

static void test_refused(void **state)
{
    (void)state;
    char error[RECORDER_ERROR_MAX];
    struct recorder *recorder = start();
    assert_null(recorder_new(&config, &logger, error));
    assert_non_null(strstr(error, "in use by another process"));
    recorder_stop(recorder, PATIENCE_MS);
    run_command("rm -rf %1$s/journal; touch %1$s/journal");
    assert_null(recorder_new(&config, &logger, error));
    assert_non_null(strstr(error, "Not a directory"));
}

static void test_prepare(void **state)
{
    (void)state;
    char error[RECORDER_ERROR_MAX], journal[96], store[96];
    struct stat status;
    snprintf(journal, sizeof(journal), "%s/a/b/journal/", directory);
    snprintf(store, sizeof(store), "%s/c/reports.db", directory);
    config.journal = journal;
    config.store = store;
    assert_true(recorder_prepare(&config, getuid(), getgid(), error));
    assert_true(recorder_prepare(&config, getuid(), getgid(), error));
    assert_true(stat(journal, &status) == 0 && S_ISDIR(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0700);
    *strrchr(store, '/') = '\0';
    assert_true(stat(store, &status) == 0 && (status.st_mode & 0777) == 0750);
    config.journal = "/proc/journal";
    assert_false(recorder_prepare(&config, getuid(), getgid(), error));
    assert_string_equal(error, "ReportJournal: cannot make the directory /proc/journal: "
                               "No such file or directory");
}

static void test_store_name(void **state)
{
    (void)state;
    static const struct {
        const char *where, *name;
    } cases[] = {
        {"/var/lib/assay/reports.db", "/var/lib/assay/reports.db"},
        {"/var/a@b/x://y", "/var/a@b/x://y"},
        {"postgresql://host/db", "postgresql://host/db"},
        {"postgresql://user:secret@host:5432/db?password=secret", "postgresql://host:5432/db"},
        {"postgres://user:sec@ret@host,other/db", "postgres://host,other/db"},
        {"postgresql:///db?host=/run/postgresql", "postgresql:///db"},
    };
    char name[RECORDER_STORE_NAME_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(recorder_store_name(cases[i].where, name), cases[i].name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_messages_reach_the_store),
        TEST(test_stop_carries_over),
        TEST(test_threads),
        TEST(test_failure_events),
        TEST(test_trouble_at_every_step),
        TEST(test_pauses_grow),
        TEST(test_connection_cut),
        TEST(test_store_away_over_restarts),
        TEST(test_journal_full),
        TEST(test_no_memory),
        TEST(test_damaged_journal),
        TEST(test_unknown_commit),
        TEST(test_somebody_else_moves_us),
        TEST(test_journal_on_a_broken_disk),
        TEST(test_refused),
        TEST(test_prepare),
        TEST(test_store_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
