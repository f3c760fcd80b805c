/* dns_unbound.c - libunbound behind the answer cache: threads and answers, see
 * dns_unbound.h. The settings of the context are in dns_unbound_config.c.
 *
 * A query is never cancelled in libunbound: sessions give their lookups up by
 * themselves, and an answer that comes late still serves the next message. What
 * bounds the number of queries is DNS_UNBOUND_QUERIES_MAX; libunbound ends each
 * one by itself when its own retries are used up.
 */
#include "dns_unbound.h"

#include "dns_name.h"
#include "dns_rdata.h"
#include "dns_unbound_config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

enum {
    CLASS_IN = 1,
    RDATA_MAX = 65535, /* octets of one record */
    HEADER_SIZE = 12,  /* octets of a DNS message's header */
    RCODE_NOERROR = 0,
    RCODE_NXDOMAIN = 3
};

/* One question from the cache, until it is answered. */
struct query {
    struct dns_flight *flight;
    struct dns_unbound *unbound;
    struct query *next; /* in the queue */
    struct query **me;  /* the link that points here, in the list `asked` */
    struct query *asked_next;
};

struct dns_unbound {
    struct dns_backend backend; /* first */
    struct ub_ctx *context;
    int wake_fd; /* eventfd: the queue is no longer empty, or stop */
    pthread_t pump;
    bool pump_runs;
    struct query *asked; /* handed to libunbound; the pump's own */
    bool broken;         /* libunbound's thread is gone; the pump's own */

    pthread_mutex_t lock;        /* protects what follows */
    struct query *first, **last; /* the queue */
    size_t under_way;            /* queued and asked */
    bool stopping;
};

/* ------------------------------------------------------------ answers */

/* The cause of a temporary error (RFC 1035 4.1.1, RFC 2136 2.2). libunbound
 * reports SERVFAIL also when no server answered. */
static const char *cause_of(int rcode)
{
    switch (rcode) {
    case 1:
        return "FORMERR";
    case 2:
        return "SERVFAIL";
    case 4:
        return "NOTIMP";
    case 5:
        return "REFUSED";
    default:
        return "DNS error";
    }
}

static const struct dns_answer *failure(const char *cause)
{
    return dns_answer_new(DNS_TEMPORARY, false, DNS_UNBOUND_FAILURE_TTL, cause, NULL, 0);
}

static const struct dns_answer *found(enum dns_type type, const struct ub_result *result,
                                      uint32_t ttl)
{
    size_t count = 0;
    while (result->data[count])
        count++;
    struct bytes *rdata = calloc(count + 1, sizeof(*rdata));
    if (!rdata)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (result->len[i] >= 0 && result->len[i] <= RDATA_MAX)
            rdata[i] = (struct bytes){result->data[i], (size_t)result->len[i]};
    }
    const struct dns_answer *answer =
        dns_rdata_answer(type, rdata, count, result->secure != 0, ttl);
    free(rdata);
    return answer;
}

/* How long a negative answer holds. Without a SOA beside it, not at all (RFC 2308 5);
 * libunbound's ttl is then an accidental number (1.17.1: 32768). The number of records in
 * the authority section is the fifth word of the packet (RFC 1035 4.1.1). */
static uint32_t negative_ttl(const struct ub_result *result)
{
    const unsigned char *packet = result->answer_packet;
    bool authority =
        packet && result->answer_len >= HEADER_SIZE && (packet[8] != 0 || packet[9] != 0);
    return authority && result->ttl > 0 ? (uint32_t)result->ttl : 0;
}

const struct dns_answer *dns_unbound_answer(enum dns_type type, const struct ub_result *result)
{
    if (result->bogus)
        return failure("DNSSEC validation failed");
    if (result->rcode != RCODE_NOERROR && result->rcode != RCODE_NXDOMAIN)
        return failure(cause_of(result->rcode));
    if (result->havedata && result->data && result->len)
        return found(type, result, result->ttl > 0 ? (uint32_t)result->ttl : 0);
    enum dns_status status =
        result->nxdomain || result->rcode == RCODE_NXDOMAIN ? DNS_NO_NAME : DNS_NO_DATA;
    return dns_answer_new(status, result->secure != 0, negative_ttl(result), "", NULL, 0);
}

/* ------------------------------------------------------------ the pump */

/* Answers the flight and forgets the query. */
static void finish(struct query *query, const struct dns_answer *answer)
{
    struct dns_unbound *unbound = query->unbound;
    if (query->me) {
        *query->me = query->asked_next;
        if (query->asked_next)
            query->asked_next->me = query->me;
    }
    pthread_mutex_lock(&unbound->lock);
    unbound->under_way--;
    pthread_mutex_unlock(&unbound->lock);
    dns_cache_answer(query->flight, answer);
    free(query);
}

/* libunbound's callback, on the pump's thread. */
static void on_result(void *data, int error, struct ub_result *result)
{
    struct query *query = data;
    const struct dns_answer *answer = error || !result
                                          ? failure("resolver failure")
                                          : dns_unbound_answer(query->flight->type, result);
    ub_resolve_free(result);
    finish(query, answer);
}

static void hand_over(struct dns_unbound *unbound, struct query *query)
{
    char name[DNS_NAME_TEXT_MAX];
    query->asked_next = unbound->asked;
    query->me = &unbound->asked;
    if (unbound->asked)
        unbound->asked->me = &query->asked_next;
    unbound->asked = query;
    if (unbound->broken || !dns_name_to_text(query->flight->name, name) ||
        ub_resolve_async(unbound->context, name, (int)query->flight->type, CLASS_IN, query,
                         on_result, NULL) != 0)
        finish(query, failure("resolver failure"));
}

/* Takes the queue; false when it is time to stop. */
static bool take_queue(struct dns_unbound *unbound, struct query **queue)
{
    uint64_t count;
    if (read(unbound->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        unbound->broken = true;
    pthread_mutex_lock(&unbound->lock);
    *queue = unbound->first;
    unbound->first = NULL;
    unbound->last = &unbound->first;
    bool stopping = unbound->stopping;
    pthread_mutex_unlock(&unbound->lock);
    return !stopping;
}

static void *pump(void *data)
{
    struct dns_unbound *unbound = data;
    bool running = true;
    while (running) {
        struct pollfd fds[2] = {{unbound->wake_fd, POLLIN, 0},
                                {unbound->broken ? -1 : ub_fd(unbound->context), POLLIN, 0}};
        poll(fds, 2, -1);
        struct query *queue = NULL;
        if (fds[0].revents)
            running = take_queue(unbound, &queue);
        while (queue) {
            struct query *next = queue->next;
            hand_over(unbound, queue);
            queue = next;
        }
        if (fds[1].revents && ub_process(unbound->context) != 0)
            unbound->broken = true;
        while (unbound->broken && unbound->asked)
            finish(unbound->asked, failure("resolver failure"));
    }
    return NULL;
}

/* ------------------------------------------------------------ the interface */

static void ask(struct dns_backend *backend, struct dns_flight *flight)
{
    struct dns_unbound *unbound = (struct dns_unbound *)backend;
    struct query *query = calloc(1, sizeof(*query));
    if (!query) {
        dns_cache_answer(flight, NULL);
        return;
    }
    query->flight = flight;
    query->unbound = unbound;

    pthread_mutex_lock(&unbound->lock);
    bool room = unbound->under_way < DNS_UNBOUND_QUERIES_MAX;
    bool wake = room && !unbound->first;
    if (room) {
        unbound->under_way++;
        *unbound->last = query;
        unbound->last = &query->next;
    }
    pthread_mutex_unlock(&unbound->lock);

    if (!room) {
        free(query);
        dns_cache_answer(flight, dns_answer_new(DNS_TEMPORARY, false, 0,
                                                "too many DNS queries under way", NULL, 0));
    } else if (wake) {
        eventfd_write(unbound->wake_fd, 1);
    }
}

struct dns_backend *dns_unbound_backend(struct dns_unbound *unbound)
{
    return &unbound->backend;
}

size_t dns_unbound_under_way(struct dns_unbound *unbound)
{
    pthread_mutex_lock(&unbound->lock);
    size_t count = unbound->under_way;
    pthread_mutex_unlock(&unbound->lock);
    return count;
}

/* Signals belong to the program's own threads: the pump blocks all of them, and
 * libunbound's thread, which is started by the pump, inherits that. */
static bool start_pump(struct dns_unbound *unbound)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unbound->pump_runs = pthread_create(&unbound->pump, NULL, pump, unbound) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return unbound->pump_runs;
}

struct dns_unbound *dns_unbound_new(const struct resolver_options *options, char *error,
                                    size_t size)
{
    struct dns_unbound *unbound = calloc(1, sizeof(*unbound));
    if (!unbound) {
        snprintf(error, size, "resolver: out of memory");
        return NULL;
    }
    unbound->backend.ask = ask;
    unbound->last = &unbound->first;
    pthread_mutex_init(&unbound->lock, NULL);
    unbound->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    unbound->context = dns_unbound_context(options, error, size);
    if (unbound->context && (unbound->wake_fd < 0 || !start_pump(unbound))) {
        snprintf(error, size, "resolver: cannot start its thread: %s", strerror(errno));
        ub_ctx_delete(unbound->context);
        unbound->context = NULL;
    }
    if (!unbound->context) {
        dns_unbound_free(unbound);
        return NULL;
    }
    return unbound;
}

static void stop_pump(struct dns_unbound *unbound)
{
    pthread_mutex_lock(&unbound->lock);
    unbound->stopping = true;
    pthread_mutex_unlock(&unbound->lock);
    eventfd_write(unbound->wake_fd, 1);
    pthread_join(unbound->pump, NULL);
}

void dns_unbound_free(struct dns_unbound *unbound)
{
    if (!unbound)
        return;
    if (unbound->pump_runs)
        stop_pump(unbound);
    if (unbound->context)
        ub_ctx_delete(unbound->context); /* no callback after this */
    while (unbound->asked)
        finish(unbound->asked, NULL);
    if (unbound->wake_fd >= 0)
        close(unbound->wake_fd);
    pthread_mutex_destroy(&unbound->lock);
    free(unbound);
}
