/* dns_unbound.c - libunbound behind the answer cache: threads and answers, see
 * dns_unbound.h. The settings of the context are in dns_unbound_config.c.
 *
 * A query is never cancelled in libunbound: sessions give their lookups up by
 * themselves, and an answer that comes late still serves the next message. libunbound
 * ends each one by itself when its own retries are used up, after 5 s or so; that long
 * does one without answer hold its socket.
 *
 * Longer than other files: the pump, what waits for it and what it has asked are one thing.
 */
#include "dns_unbound.h"

#include "dns_name.h"
#include "dns_rdata.h"
#include "dns_unbound_config.h"
#include "siphash.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unbound.h>
#include <unistd.h>

enum {
    CLASS_IN = 1,
    RDATA_MAX = 65535, /* octets of one record */
    HEADER_SIZE = 12,  /* octets of a DNS message's header */
    RCODE_NOERROR = 0,
    RCODE_NXDOMAIN = 3,
    SECOND_US = 1000000,
    SLOW_US = 250000, /* unanswered for so long is slow */
    LOOK_MS = 50      /* how often to look whether there is room for what waits */
};

/* What a message, or a zone, has in here. */
struct share {
    uint16_t asked, waiting; /* at most DNS_UNBOUND_QUERIES_MAX */
};

enum {
    SHARES = 1 << 16,              /* counters each, so that few meet in one: those count as one */
    REVERSE_LABELS_V4 = 2 + 2,     /* labels of a /16 below in-addr.arpa */
    REVERSE_LABELS_V6 = 2 + 32 / 4 /* and of a /32 below ip6.arpa */
};

/* One question from the cache, until it is answered. */
struct query {
    struct dns_flight *flight;
    struct dns_unbound *unbound;
    struct query *next; /* incoming or waiting */
    struct query **me;  /* the link that points here, in the list `asked`; NULL: not asked */
    struct query *asked_next;
    int64_t asked_us;
    bool slow;                    /* its answer takes longer than usual */
    struct share *message, *zone; /* in which it is counted */
};

struct dns_unbound {
    struct dns_backend backend; /* first */
    const struct resolver_options *options;
    int wake_fd; /* eventfd: there are incoming ones, or stop */
    pthread_t pump;
    bool pump_runs;

    /* The pump's own. */
    struct ub_ctx *context;      /* NULL: lost, and not made anew yet */
    bool broken;                 /* the context does not work any more */
    int64_t renewed_us, told_us; /* monotonic; when, last */
    struct query *waiting, **waiting_end;
    size_t waiting_count;
    struct query *asked, **asked_end; /* handed to libunbound, in this order */
    struct query *first_quick;        /* of those, the first that is not slow */
    unsigned asked_count, slow_count, sockets;
    struct siphash_key key;
    struct share messages[SHARES], zones[SHARES];

    pthread_mutex_t lock; /* protects what follows */
    struct query *incoming, **incoming_end;
    size_t under_way; /* incoming, waiting and asked */
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

/* ------------------------------------------------------------ fair shares */

static int64_t monotonic_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND_US + time.tv_nsec / 1000;
}

static bool is_below(struct bytes name, struct bytes parent)
{
    return name.len > parent.len &&
           bytes_equal(bytes_slice(name, name.len - parent.len, parent.len), parent);
}

/* The last two labels of a name; of reverse names those of a /16 or a /32. */
static struct bytes zone_of(struct bytes name)
{
    size_t labels = 2, at = name.len;
    if (is_below(name, BYTES(".in-addr.arpa")))
        labels = REVERSE_LABELS_V4;
    else if (is_below(name, BYTES(".ip6.arpa")))
        labels = REVERSE_LABELS_V6;
    while (at > 0 && !(name.data[at - 1] == '.' && --labels == 0))
        at--;
    return bytes_slice(name, at, name.len);
}

/* Of the message that joined last: it is not to suffer from what the first one is like. */
static struct share *message_share(struct query *query)
{
    const void *message = __atomic_load_n(&query->flight->message, __ATOMIC_RELAXED);
    uint64_t mixed = (uint64_t)(uintptr_t)message * 0x9e3779b97f4a7c15u;
    return &query->unbound->messages[(mixed >> 32) % SHARES];
}

static void queue(struct dns_unbound *unbound, struct query *query)
{
    struct bytes zone = zone_of(query->flight->name);
    query->message = message_share(query);
    query->zone = &unbound->zones[siphash(&unbound->key, zone) % SHARES];
    query->message->waiting++;
    query->zone->waiting++;
    query->next = NULL;
    *unbound->waiting_end = query;
    unbound->waiting_end = &query->next;
    unbound->waiting_count++;
}

static struct query *unqueue(struct dns_unbound *unbound, struct query **link)
{
    struct query *query = *link;
    *link = query->next;
    if (!query->next)
        unbound->waiting_end = link;
    unbound->waiting_count--;
    query->message->waiting--;
    query->zone->waiting--;
    return query;
}

/* Whose turn it is; NULL: nobody's. Slow queries may hold their sockets for long; of the others
 * half are for queries that may become slow, so that the slow ones never hold them all. Who has
 * as many queries on their way as are left to ask has to wait: so there is mostly something
 * left for who comes next. Those with the fewest come first. */
static struct query **next_in_turn(struct dns_unbound *unbound)
{
    unsigned quick = unbound->asked_count - unbound->slow_count;
    unsigned usable = (unbound->sockets - unbound->slow_count) / 2;
    unsigned left = usable > quick ? usable - quick : 0;
    unsigned fewest = 2 * left;
    struct query **best = NULL;
    for (struct query **link = &unbound->waiting; *link && fewest > 0; link = &(*link)->next) {
        unsigned message = message_share(*link)->asked, zone = (*link)->zone->asked;
        if (message < left && zone < left && message + zone < fewest) {
            best = link;
            fewest = message + zone;
        }
    }
    return best;
}

static void find_slow(struct dns_unbound *unbound)
{
    int64_t now = monotonic_us();
    struct query *query = unbound->first_quick;
    for (; query && now - query->asked_us > SLOW_US; query = query->asked_next) {
        query->slow = true;
        unbound->slow_count++;
    }
    unbound->first_quick = query;
}

static unsigned greed(const struct query *query)
{
    return query->message->waiting + query->zone->waiting;
}

static unsigned most_greed(const struct dns_unbound *unbound)
{
    unsigned most = 0;
    for (const struct query *query = unbound->waiting; query; query = query->next)
        most = greed(query) > most ? greed(query) : most;
    return most;
}

/* ------------------------------------------------------------ the pump */

static void forget(struct query *query)
{
    struct dns_unbound *unbound = query->unbound;
    if (query->me) {
        *query->me = query->asked_next;
        *(query->asked_next ? &query->asked_next->me : &unbound->asked_end) = query->me;
        if (unbound->first_quick == query)
            unbound->first_quick = query->asked_next;
        query->message->asked--;
        query->zone->asked--;
        unbound->asked_count--;
        unbound->slow_count -= query->slow;
    }
    pthread_mutex_lock(&unbound->lock);
    unbound->under_way--;
    pthread_mutex_unlock(&unbound->lock);
    free(query);
}

/* Answers the flight and forgets the query. */
static void finish(struct query *query, const struct dns_answer *answer)
{
    struct dns_flight *flight = query->flight;
    forget(query);
    dns_cache_answer(flight, answer);
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
    query->asked_us = monotonic_us();
    query->me = unbound->asked_end;
    *unbound->asked_end = query;
    unbound->asked_end = &query->asked_next;
    if (!unbound->first_quick)
        unbound->first_quick = query;
    unbound->asked_count++;
    query->message = message_share(query);
    query->message->asked++;
    query->zone->asked++;
    int code = UB_SYNTAX;
    if (dns_name_to_text(query->flight->name, name))
        code = ub_resolve_async(unbound->context, name, (int)query->flight->type, CLASS_IN, query,
                                on_result, NULL);
    if (code != 0)
        finish(query, failure("resolver failure"));
    unbound->broken = unbound->broken || code == UB_PIPE;
}

/* Asks what may be asked now. */
static void serve(struct dns_unbound *unbound)
{
    struct query **link;
    find_slow(unbound);
    while (!unbound->broken && (link = next_in_turn(unbound))) {
        struct query *query = unqueue(unbound, link);
        if (dns_cache_abandon(query->flight))
            forget(query);
        else
            hand_over(unbound, query);
    }
}

/* Too many wait: fails those of who has the most waiting. Some more than needed, for this looks
 * at every one. */
static void shed(struct dns_unbound *unbound)
{
    size_t enough = DNS_UNBOUND_WAITING_MAX - DNS_UNBOUND_WAITING_MAX / 16;
    while (unbound->waiting_count > enough) {
        unsigned most = most_greed(unbound);
        struct query **link = &unbound->waiting;
        while (*link && unbound->waiting_count > enough) {
            if (greed(*link) >= most - most / 4)
                finish(unqueue(unbound, link),
                       dns_answer_new(DNS_TEMPORARY, false, 0, "too many DNS queries under way",
                                      NULL, 0));
            else
                link = &(*link)->next;
        }
    }
}

/* Takes what has come in; false when it is time to stop. */
static bool take_incoming(struct dns_unbound *unbound)
{
    uint64_t count;
    eventfd_read(unbound->wake_fd, &count);
    pthread_mutex_lock(&unbound->lock);
    struct query *query = unbound->incoming;
    unbound->incoming = NULL;
    unbound->incoming_end = &unbound->incoming;
    bool stopping = unbound->stopping;
    pthread_mutex_unlock(&unbound->lock);
    while (query) {
        struct query *next = query->next;
        queue(unbound, query);
        query = next;
    }
    return !stopping;
}

/* ------------------------------------------------------------ a context that fails */

static void tell(struct dns_unbound *unbound, const char *line)
{
    int64_t now = monotonic_us();
    if (!unbound->options->log ||
        (unbound->told_us && now - unbound->told_us < DNS_UNBOUND_TELL_S * SECOND_US))
        return;
    unbound->told_us = now;
    unbound->options->log(line);
}

static void *bury(void *context)
{
    ub_ctx_delete(context);
    return NULL;
}

/* ub_ctx_delete() waits for a thread that may be no more, and would wait for ever: so a thread
 * of its own does it, and when none can be had, the context just lies there. */
static void lose_context(struct dns_unbound *unbound)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, bury, unbound->context) == 0)
        pthread_detach(thread);
    unbound->context = NULL;
    unbound->broken = false;
    tell(unbound, "resolver: libunbound failed; its queries ended in a temporary error, "
                  "it is started anew");
    while (unbound->asked) /* not to be kept: the next one to ask finds a new context */
        finish(unbound->asked,
               dns_answer_new(DNS_TEMPORARY, false, 0, "resolver failure", NULL, 0));
}

/* For what waits; it fails when there is no new context to be had. */
static void renew_context(struct dns_unbound *unbound)
{
    char error[200] = "";
    int64_t now = monotonic_us();
    if (!unbound->renewed_us || now - unbound->renewed_us >= DNS_UNBOUND_RENEWAL_S * SECOND_US) {
        unbound->renewed_us = now;
        unbound->sockets = dns_unbound_sockets();
        unbound->context = dns_unbound_context(unbound->options, error, sizeof(error));
        if (!unbound->context)
            tell(unbound, error);
    }
    if (unbound->context)
        serve(unbound);
    while (!unbound->context && unbound->waiting)
        finish(unqueue(unbound, &unbound->waiting), failure("resolver failure"));
}

static void *pump(void *data)
{
    struct dns_unbound *unbound = data;
    bool running = true;
    while (running) {
        struct pollfd fds[2] = {{unbound->wake_fd, POLLIN, 0},
                                {unbound->context ? ub_fd(unbound->context) : -1, POLLIN, 0}};
        poll(fds, 2, unbound->broken ? 0 : unbound->waiting ? LOOK_MS : -1);
        if (fds[0].revents)
            running = take_incoming(unbound);
        if (fds[1].revents & ~POLLIN || (fds[1].revents && ub_process(unbound->context) != 0))
            unbound->broken = true;
        if (running && unbound->context)
            serve(unbound);
        if (unbound->waiting_count > DNS_UNBOUND_WAITING_MAX)
            shed(unbound);
        if (unbound->broken)
            lose_context(unbound);
        if (running && !unbound->context && unbound->waiting)
            renew_context(unbound);
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
    bool wake = room && !unbound->incoming;
    if (room) {
        unbound->under_way++;
        *unbound->incoming_end = query;
        unbound->incoming_end = &query->next;
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
    unbound->options = options;
    unbound->incoming_end = &unbound->incoming;
    unbound->waiting_end = &unbound->waiting;
    unbound->asked_end = &unbound->asked;
    unbound->sockets = dns_unbound_sockets();
    pthread_mutex_init(&unbound->lock, NULL);
    unbound->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (getrandom(&unbound->key, sizeof(unbound->key), 0) == (ssize_t)sizeof(unbound->key))
        unbound->context = dns_unbound_context(options, error, size);
    else
        snprintf(error, size, "resolver: no random numbers");
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
    while (unbound->waiting)
        finish(unqueue(unbound, &unbound->waiting), NULL);
    if (unbound->wake_fd >= 0)
        close(unbound->wake_fd);
    pthread_mutex_destroy(&unbound->lock);
    free(unbound);
}
