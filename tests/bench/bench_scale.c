/* bench_scale.c - evaluations a second on one thread and on several: what Assay's own locks and
 * those of its libraries cost.
 *
 *   bench_scale MANIFEST NAMESERVER [THREADS [ROUNDS]]
 *
 * Without milter and client, which would need processors of their own. NAMESERVER is bench_dns,
 * THREADS (2) at most the processors, ROUNDS (5). One thread and all by turns, a second each, after
 * a pass over the corpus that fills the cache of answers. Prints one line of JSON, medians:
 * messages a second, CPU microseconds per message, and how many times as fast all are as one:
 * measured, and as the CPU per message would allow on a machine that does nothing else, provided
 * that no thread waits for another: how often threads gave up the processor of their own accord,
 * per 1000 messages.
 */
#include "bench.h"

#include "evaluate.h"
#include "runtime.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    THREADS_MAX = 64,
    ROUNDS_MAX = 101,
    ROUND_US = 1000000,
    CHUNK = 65535, /* octets of body, as from an MTA */
};

struct measure {
    double per_second, cpu_us, waits; /* waits: per 1000 messages */
};

static struct bench_corpus corpus;
static struct runtime *runtime;
static atomic_size_t next, failed;
static atomic_bool stop;

static double clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double waits_so_far(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_nvcsw;
}

static void evaluate(const struct bench_message *message)
{
    struct connection connection = {.client_name = bytes_of(message->client_name),
                                    .helo = bytes_of(message->helo)};
    ip_parse(bytes_of(message->client), &connection.client);
    struct evaluation *evaluation = evaluation_new(&runtime->env, &runtime->config->policy,
                                                   &connection, bytes_of(message->sender));
    if (!evaluation)
        bench_die("out of memory");
    evaluation_recipient(evaluation, bytes_of(message->recipient));
    for (size_t i = 0; i < message->field_count; i++)
        evaluation_header(evaluation, bytes_of(message->fields[i].name),
                          bytes_of(message->fields[i].value));
    evaluation_end_of_headers(evaluation);
    for (size_t at = 0; at < message->body_len; at += CHUNK)
        evaluation_body(evaluation,
                        bytes_slice((struct bytes){message->body, message->body_len}, at, CHUNK));
    const struct outcome *outcome = evaluation_finish(evaluation, "4F00BA1234567");
    if (outcome->out_of_memory || outcome->spf.result == AUTH_TEMPERROR)
        atomic_fetch_add(&failed, 1);
    evaluation_free(evaluation);
}

static void *work(void *limit)
{
    size_t most = *(const size_t *)limit;
    while (!atomic_load(&stop)) {
        size_t i = atomic_fetch_add(&next, 1);
        if (i >= most)
            break;
        evaluate(&corpus.messages[i % corpus.count]);
    }
    return NULL;
}

/* `most`: messages; SIZE_MAX: as many as ROUND_US allow. */
static struct measure run(size_t threads, size_t most)
{
    pthread_t ids[THREADS_MAX];
    double start = clock_us(CLOCK_MONOTONIC), cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    double waits = waits_so_far();
    atomic_store(&next, 0);
    atomic_store(&stop, false);
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, work, &most) != 0)
            bench_die("cannot start %zu threads", threads);
    }
    if (most == SIZE_MAX) {
        nanosleep(&(struct timespec){ROUND_US / 1000000, ROUND_US % 1000000 * 1000}, NULL);
        atomic_store(&stop, true);
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double done = (double)atomic_load(&next);
    return (struct measure){done * 1e6 / (clock_us(CLOCK_MONOTONIC) - start),
                            (clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / done,
                            (waits_so_far() - waits) * 1000 / done};
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

static struct measure medians(const struct measure *runs, size_t count)
{
    double per_second[ROUNDS_MAX], cpu_us[ROUNDS_MAX], waits[ROUNDS_MAX];
    for (size_t i = 0; i < count; i++) {
        per_second[i] = runs[i].per_second;
        cpu_us[i] = runs[i].cpu_us;
        waits[i] = runs[i].waits;
    }
    return (struct measure){median(per_second, count), median(cpu_us, count), median(waits, count)};
}

static struct runtime *open_runtime(const char *nameserver)
{
    struct config_errors *errors = bench_alloc(sizeof(*errors));
    const struct config_override overrides[] = {{"AuthservID", "mx.example.org"},
                                                {"Nameservers", nameserver}};
    char error[RUNTIME_ERROR_MAX] = "configuration";
    struct config *config = config_load_with(NULL, overrides, 2, errors);
    struct runtime *made = config ? runtime_new(config, NULL, NULL, error) : NULL;
    if (!made)
        bench_die("%s", error);
    free(errors);
    return made;
}

static size_t argument(const char *text, size_t most)
{
    size_t number = strtoul(text, NULL, 10);
    if (number < 1 || number > most)
        bench_die("%s is not 1 to %zu", text, most);
    return number;
}

int main(int argc, char **argv)
{
    static struct measure one[ROUNDS_MAX], all[ROUNDS_MAX];
    if (argc < 3 || argc > 5)
        bench_die("usage: bench_scale MANIFEST NAMESERVER [THREADS [ROUNDS]]");
    size_t threads = argc > 3 ? argument(argv[3], THREADS_MAX) : 2;
    size_t rounds = argc > 4 ? argument(argv[4], ROUNDS_MAX) : 5;
    if (!policy_global_init())
        bench_die("out of memory");
    corpus = bench_corpus_read(argv[1]);
    runtime = open_runtime(argv[2]);
    run(1, corpus.count);
    for (size_t i = 0; i < rounds; i++) {
        one[i] = run(1, SIZE_MAX);
        all[i] = run(threads, SIZE_MAX);
    }
    struct measure single = medians(one, rounds), many = medians(all, rounds);
    printf("{\"threads\": %zu, \"one\": %.0f, \"all\": %.0f, \"times\": %.2f, \"cpu_one_us\": %.1f,"
           " \"cpu_all_us\": %.1f, \"cpu_times\": %.2f, \"waits_one\": %.2f, \"waits_all\": %.2f, "
           "\"failed\": %zu}\n",
           threads, single.per_second, many.per_second, many.per_second / single.per_second,
           single.cpu_us, many.cpu_us, (double)threads * single.cpu_us / many.cpu_us, single.waits,
           many.waits, atomic_load(&failed));
    runtime_unref(runtime);
    policy_global_cleanup();
    return 0;
}
