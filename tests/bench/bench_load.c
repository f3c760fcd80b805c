/* bench_load.c - sends the corpus to a chain of milters, N sessions at a time.
 *
 *   bench_load MANIFEST SESSIONS MESSAGES SOCKET...
 *
 * One connection per message, as from an MTA. MESSAGES 0: each of the corpus
 * once. Prints one line of JSON: messages, seconds, latency of a message in
 * microseconds (from before connect to after the last reply), how many came out
 * as the manifest expects, and how many failed; on standard error the first that
 * did not come out so. The milter's CPU time is the
 * business of who runs this (tests/bench/run).
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct bench_corpus corpus;
static const char *const *sockets;
static size_t socket_count, wanted;
static atomic_size_t next, as_expected, failed;
static atomic_bool told;
static uint32_t *latencies; /* microseconds, one per message */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Whether `results` has "method=value" as a whole word; with value "-": no "method=" at all. */
static bool has_result(const char *results, const char *method, const char *value)
{
    char word[64];
    bool none = strcmp(value, "-") == 0;
    int len = snprintf(word, sizeof(word), "%s=%s", method, none ? "" : value);
    for (const char *at = results; (at = strcasestr(at, word)); at++) {
        bool begins = at == results || strchr(" \t\n;", at[-1]);
        if (begins && (none || strchr(" \t\r\n;(", at[len])))
            return !none;
    }
    return none;
}

static bool has_one_of(const struct bench_outcome *outcome, const char *method, char *values)
{
    for (char *value; (value = strsep(&values, "|"));) {
        if (strcmp(method, "verdict") == 0 ? strcmp(outcome->verdict, value) == 0
                                           : has_result(outcome->results, method, value))
            return true;
    }
    return false;
}

bool bench_matches(const struct bench_message *message, const struct bench_outcome *outcome)
{
    char text[256], *rest = text;
    bool refused = strcmp(outcome->verdict, "reject") == 0; /* has no results to look at */
    snprintf(text, sizeof(text), "%s", message->expected);
    for (char *one; (one = strsep(&rest, ";"));) {
        char *method = strsep(&one, "=");
        if (refused && strcmp(method, "verdict") != 0)
            continue;
        if (one && !has_one_of(outcome, method, one))
            return false;
    }
    return true;
}

static void *work(void *unused)
{
    struct bench_outcome *outcome = bench_alloc(sizeof(*outcome));
    for (size_t i; (i = atomic_fetch_add(&next, 1)) < wanted;) {
        const struct bench_message *message = &corpus.messages[i % corpus.count];
        int64_t start = now_us();
        bench_send(message, sockets, socket_count, outcome);
        latencies[i] = (uint32_t)(now_us() - start);
        if (strcmp(outcome->verdict, "error") == 0)
            atomic_fetch_add(&failed, 1);
        else if (bench_matches(message, outcome))
            atomic_fetch_add(&as_expected, 1);
        else if (!atomic_exchange(&told, true))
            fprintf(stderr, "message %zu: %s, not %s\n%s\n", i, outcome->verdict, message->expected,
                    outcome->results);
    }
    free(outcome);
    return unused;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    if (argc < 5 || argc > 4 + CHAIN_MAX)
        bench_die("usage: bench_load MANIFEST SESSIONS MESSAGES SOCKET...");
    corpus = bench_corpus_read(argv[1]);
    size_t sessions = strtoul(argv[2], NULL, 10);
    wanted = strtoul(argv[3], NULL, 10);
    wanted = wanted ? wanted : corpus.count;
    sockets = (const char *const *)(argv + 4);
    socket_count = (size_t)argc - 4;
    latencies = bench_alloc(wanted * sizeof(*latencies));
    pthread_t *threads = bench_alloc(sessions * sizeof(*threads));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    int64_t start = now_us();
    for (size_t i = 0; i < sessions; i++) {
        if (pthread_create(&threads[i], &attributes, work, NULL) != 0)
            bench_die("cannot start %zu threads", sessions);
    }
    for (size_t i = 0; i < sessions; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(now_us() - start) / 1e6;
    qsort(latencies, wanted, sizeof(*latencies), compare);
    printf("{\"messages\": %zu, \"seconds\": %.3f, \"p50_us\": %u, \"p99_us\": %u,"
           " \"as_expected\": %zu, \"failed\": %zu}\n",
           wanted, seconds, latencies[wanted / 2], latencies[wanted * 99 / 100],
           atomic_load(&as_expected), atomic_load(&failed));
    return atomic_load(&failed) ? 1 : 0;
}
