/* store_load.c - plays the parts of assayd and assay report against a store, without either.
 *
 *   store_load ingest WHERE JOURNAL COUNT [BATCH]   events 0..COUNT-1 of a journal, in batches;
 * goes on after any trouble until all are stored store_load plan WHERE SECONDS plans as fast as it
 * can, for that long
 *
 * Two journals bring the same policies and tuples, in different order. Says what it cost, and how
 * often a batch or a plan had to be done again. Run by tests/integration/test_store_postgresql.py.
 */
#include "report_row.h"
#include "store.h"
#include "strbuf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { DOMAINS = 2000, ADDRESSES = 4, PATIENCE_S = 120, MIDNIGHT = 1795305600, DAY = 86400 };

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static struct store *open_store(const char *where)
{
    char error[SQL_ERROR_MAX] = "";
    double start = now(CLOCK_MONOTONIC);
    while (now(CLOCK_MONOTONIC) - start < PATIENCE_S) {
        enum sql_trouble trouble;
        struct store *store = store_open(where, SQL_READ_WRITE, error, &trouble);
        if (store)
            return store;
        nap();
    }
    fprintf(stderr, "store_load: %s\n", error);
    exit(1);
}

/* After an error: the store as it can be used again. */
static struct store *recovered(struct store *store, const char *where)
{
    store_rollback(store);
    if (store_trouble(store) == SQL_WRONG || store_trouble(store) == SQL_CORRUPT) {
        fprintf(stderr, "store_load: %s\n", store_error(store));
        exit(1);
    }
    nap();
    if (store_trouble(store) != SQL_AWAY)
        return store;
    store_close(store);
    return open_store(where);
}

/* ---- ingest ---- */

static struct bytes event_of(struct arena *arena, uint64_t number, uint64_t journal)
{
    uint64_t mixed = (number * 2654435761u + journal * 97) % (DOMAINS * ADDRESSES);
    struct bytes domain = bytes_of(arena_printf(arena, "d%" PRIu64 ".example", mixed % DOMAINS));
    struct report_signature signatures[] = {
        {domain, BYTES("s1"), AUTH_PASS, BYTES_EMPTY},
        {BYTES("esp.example"), BYTES("k2"), AUTH_PASS, BYTES_EMPTY},
    };
    struct report_row row = {
        .time = MIDNIGHT + (int64_t)(number % DAY),
        .queue_id = bytes_of(arena_printf(arena, "q%" PRIu64 "-%" PRIu64, journal, number)),
        .policy = {.domain = domain,
                   .p = DMARC_POLICY_REJECT,
                   .fo = BYTES("0"),
                   .rua = {BYTES("mailto:dmarc@example.com")},
                   .rua_count = 1},
        .source = {.family = IP_V4, .octets = {192, 0, 2, (uint8_t)(mixed / DOMAINS)}},
        .disposition = REPORT_DISPOSITION_PASS,
        .dkim_aligned = true,
        .header_from = domain,
        .envelope_from = domain,
        .signatures = signatures,
        .signature_count = 2,
        .spf_domain = domain,
        .spf_result = AUTH_PASS,
    };
    struct strbuf buf;
    strbuf_init(&buf, arena);
    report_row_encode(&row, &buf);
    return strbuf_view(&buf);
}

/* One batch; *next: the first event that is not in the store. */
static bool ingest_batch(struct store *store, struct arena *arena, const char *journal,
                         uint64_t count, uint64_t batch, uint64_t *next)
{
    struct journal_position position;
    if (!store_batch_begin(store, journal, "store_load", &position))
        return false;
    *next = position.offset;
    for (uint64_t i = 0; i < batch && position.offset < count; i++, position.offset++) {
        arena_reset(arena);
        if (!store_batch_add(store, event_of(arena, position.offset, strtoull(journal, NULL, 10))))
            return false;
    }
    position.segment = 1;
    if (!store_batch_commit(store, position))
        return false;
    *next = position.offset;
    return true;
}

static int ingest(const char *where, const char *journal, uint64_t count, uint64_t batch)
{
    struct store *store = open_store(where);
    struct arena *arena = arena_new(1 << 20);
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    unsigned again = 0;
    uint64_t next = 0;
    while (next < count) {
        if (ingest_batch(store, arena, journal, count, batch, &next))
            continue;
        fprintf(stderr, "store_load %s at %" PRIu64 ": %s\n", journal, next, store_error(store));
        again++;
        next = 0;
        store = recovered(store, where);
    }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    printf("%" PRIu64 " events, %u batches again, %.2f us CPU and %.2f us in all for each\n", count,
           again, cpu * 1e6 / (double)count, wall * 1e6 / (double)count);
    arena_free(arena);
    store_close(store);
    return 0;
}

/* ---- plan ---- */

static int plan(const char *where, double seconds)
{
    struct store *store = open_store(where);
    struct store_filter filter = {.period = DAY, .begin = 0, .end = (int64_t)MIDNIGHT + DAY};
    double start = now(CLOCK_MONOTONIC), longest = 0;
    unsigned plans = 0, again = 0;
    int64_t reports = 0;
    do {
        int64_t planned;
        double begin = now(CLOCK_MONOTONIC);
        if (store_plan(store, &filter, MIDNIGHT + 2 * DAY, 1000, &planned)) {
            plans++;
            reports += planned;
        } else {
            fprintf(stderr, "store_load plan: %s\n", store_error(store));
            again++;
            store = recovered(store, where);
        }
        double took = now(CLOCK_MONOTONIC) - begin;
        longest = took > longest ? took : longest;
        nap();
    } while (now(CLOCK_MONOTONIC) - start < seconds);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%u plans, %" PRId64 " reports, %u plans again, %.2f s the longest, %ld KiB\n", plans,
           reports, again, longest, usage.ru_maxrss);
    store_close(store);
    return 0;
}

int main(int argc, char **argv)
{
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "ingest") == 0)
        return ingest(argv[2], argv[3], strtoull(argv[4], NULL, 10),
                      argc == 6 ? strtoull(argv[5], NULL, 10) : 1000);
    if (argc == 4 && strcmp(argv[1], "plan") == 0)
        return plan(argv[2], strtod(argv[3], NULL));
    fprintf(stderr, "usage: store_load ingest WHERE JOURNAL COUNT [BATCH] | plan WHERE SECONDS\n");
    return 64;
}
