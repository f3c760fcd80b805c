/* dns_session.c - the lookups of one message: memory, budget, deadline.
 *
 * The session's lock protects the answers of its lookups and the counters;
 * everything else belongs to the session's thread. Lock order: a resolver may
 * hold its own lock while it calls dns_lookup_complete(); so the session never
 * calls the resolver with its lock held.
 */
#include "dns.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum {
    TABLE_SIZE = 64, /* hash chains; a message has 5 to 200 lookups */
    NAME_MAX_OCTETS = 253,
    LABEL_MAX_OCTETS = 63,
};

struct dns_session {
    struct arena *arena;
    struct dns_resolver *resolver;
    struct dns_session_limits limits;
    int64_t deadline_us; /* INT64_MAX: none yet */
    unsigned kept_back;  /* lookups of the budget */
    void (*progress)(void *);
    void *progress_context;
    bool in_progress; /* progress() is running */
    struct dns_lookup *first, **last;
    struct dns_lookup *table[TABLE_SIZE];
    unsigned started;
    int64_t waited_us;

    pthread_mutex_t lock;
    pthread_cond_t arrived;
    unsigned completed; /* lookups completed by the resolver; under lock */
    unsigned cached;    /* under lock */
};

/* Answers that are not the resolver's. Static, so never counted to zero. */
static const struct dns_answer over_budget = {.status = DNS_TEMPORARY,
                                              .cause = "over the budget of DNS queries"};
static const struct dns_answer past_deadline = {.status = DNS_TEMPORARY,
                                                .cause = "message deadline exceeded"};
static const struct dns_answer timed_out = {.status = DNS_TEMPORARY, .cause = "time-out"};
static const struct dns_answer no_memory = {.status = DNS_TEMPORARY, .cause = "out of memory"};
static const struct dns_answer no_such_name = {.status = DNS_NO_NAME, .cause = ""};

static bool is_static_answer(const struct dns_answer *answer)
{
    return answer == &over_budget || answer == &past_deadline || answer == &timed_out ||
           answer == &no_memory || answer == &no_such_name;
}

struct dns_session *dns_session_new(struct arena *arena, struct dns_resolver *resolver,
                                    const struct dns_session_limits *limits)
{
    struct dns_session *session = arena_alloc(arena, sizeof(*session));
    if (!session)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&session->lock, NULL);
    pthread_cond_init(&session->arrived, &attributes);
    pthread_condattr_destroy(&attributes);
    session->arena = arena;
    session->resolver = resolver;
    session->limits = *limits;
    session->deadline_us = INT64_MAX;
    session->last = &session->first;
    return session;
}

static void forget_answer(const struct dns_answer *answer)
{
    if (!is_static_answer(answer))
        dns_answer_unref(answer);
}

void dns_session_free(struct dns_session *session)
{
    if (!session)
        return;
    for (struct dns_lookup *lookup = session->first; lookup; lookup = lookup->next) {
        session->resolver->cancel(session->resolver, lookup);
        forget_answer(lookup->answer);
    }
    pthread_cond_destroy(&session->arrived);
    pthread_mutex_destroy(&session->lock);
}

void dns_session_set_deadline(struct dns_session *session, int64_t deadline_us)
{
    session->deadline_us = deadline_us;
}

unsigned dns_session_keep_back(struct dns_session *session, unsigned lookups)
{
    unsigned before = session->kept_back;
    session->kept_back = lookups;
    return before;
}

static unsigned budget(const struct dns_session *session)
{
    unsigned queries = session->limits.queries;
    return queries > session->kept_back ? queries - session->kept_back : 0;
}

void dns_session_on_progress(struct dns_session *session, void (*fn)(void *), void *context)
{
    session->progress = fn;
    session->progress_context = context;
}

void dns_lookup_complete(struct dns_lookup *lookup, const struct dns_answer *answer, bool cached)
{
    struct dns_session *session = lookup->session;
    pthread_mutex_lock(&session->lock);
    lookup->answer = answer ? answer : &no_memory;
    lookup->cached = cached;
    lookup->finished_us = session->limits.now_us(session->limits.clock);
    session->completed++;
    session->cached += cached;
    pthread_cond_signal(&session->arrived);
    pthread_mutex_unlock(&session->lock);
}

static const struct dns_answer *answer_of(struct dns_lookup *lookup)
{
    struct dns_session *session = lookup->session;
    pthread_mutex_lock(&session->lock);
    const struct dns_answer *answer = lookup->answer;
    pthread_mutex_unlock(&session->lock);
    return answer;
}

/* RFC 1035 2.3.4: labels of 1..63 octets, 253 in all. */
static bool is_dns_name(struct bytes name)
{
    size_t label = 0;
    if (name.len == 0 || name.len > NAME_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] != '.') {
            if (++label > LABEL_MAX_OCTETS)
                return false;
        } else if (label == 0) {
            return false;
        } else {
            label = 0;
        }
    }
    return label > 0;
}

static struct dns_lookup **chain_of(struct dns_session *session, struct bytes name,
                                    enum dns_type type)
{
    uint32_t hash = 2166136261u ^ (uint32_t)type; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)to_lower(name.data[i])) * 16777619u;
    return &session->table[hash % TABLE_SIZE];
}

static struct dns_lookup *find(struct dns_session *session, struct bytes name, enum dns_type type)
{
    struct dns_lookup *lookup = *chain_of(session, name, type);
    while (lookup && (lookup->type != type || !bytes_equal_nocase(lookup->name, name)))
        lookup = lookup->hash_next;
    return lookup;
}

/* Starts a lookup; NULL when out of memory. */
static struct dns_lookup *start(struct dns_session *session, struct bytes name, enum dns_type type)
{
    struct dns_lookup *lookup = arena_alloc(session->arena, sizeof(*lookup));
    char *copy = lookup ? arena_copy(session->arena, name.data, name.len) : NULL;
    if (!copy)
        return NULL;
    lookup->name = (struct bytes){copy, name.len};
    lookup->type = type;
    lookup->session = session;
    lookup->started_us = session->limits.now_us(session->limits.clock);
    struct dns_lookup **chain = chain_of(session, name, type);
    lookup->hash_next = *chain;
    *chain = lookup;
    *session->last = lookup;
    session->last = &lookup->next;
    session->started++;
    session->resolver->start(session->resolver, lookup);
    return lookup;
}

void dns_prefetch(struct dns_session *session, struct bytes name, enum dns_type type)
{
    unsigned most = budget(session) - budget(session) / 4;
    if (session->started < most && is_dns_name(name) && !find(session, name, type))
        start(session, name, type);
}

const struct dns_answer *dns_peek(struct dns_session *session, struct bytes name,
                                  enum dns_type type)
{
    struct dns_lookup *lookup = find(session, name, type);
    return lookup ? answer_of(lookup) : is_dns_name(name) ? NULL : &no_such_name;
}

static void run_progress(struct dns_session *session)
{
    if (!session->progress || session->in_progress)
        return;
    session->in_progress = true;
    session->progress(session->progress_context);
    session->in_progress = false;
}

/* Sleeps until something has arrived since `seen`, or until_us. */
static void sleep_until(struct dns_session *session, unsigned seen, int64_t until_us)
{
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_mutex_lock(&session->lock);
    while (session->completed == seen &&
           pthread_cond_timedwait(&session->arrived, &session->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&session->lock);
}

static unsigned completed(struct dns_session *session)
{
    pthread_mutex_lock(&session->lock);
    unsigned count = session->completed;
    pthread_mutex_unlock(&session->lock);
    return count;
}

/* Gives a lookup up, unless its answer arrives in the last moment. */
static const struct dns_answer *give_up(struct dns_lookup *lookup, const struct dns_answer *why)
{
    struct dns_session *session = lookup->session;
    session->resolver->cancel(session->resolver, lookup);
    if (!lookup->answer) { /* after cancel() nobody else touches it */
        lookup->answer = why;
        lookup->finished_us = session->limits.now_us(session->limits.clock);
    }
    return lookup->answer;
}

static const struct dns_answer *wait_for(struct dns_lookup *lookup)
{
    struct dns_session *session = lookup->session;
    const struct dns_answer *answer = answer_of(lookup);
    if (answer)
        return answer;
    int64_t begin = session->limits.now_us(session->limits.clock);
    int64_t timeout = lookup->started_us + session->limits.query_timeout_us;
    int64_t until = timeout < session->deadline_us ? timeout : session->deadline_us;
    for (;;) {
        unsigned seen = completed(session);
        run_progress(session);
        answer = answer_of(lookup);
        if (!answer && session->limits.now_us(session->limits.clock) >= until)
            answer = give_up(lookup, until == timeout ? &timed_out : &past_deadline);
        if (answer)
            break;
        sleep_until(session, seen, until);
    }
    session->waited_us += session->limits.now_us(session->limits.clock) - begin;
    return answer;
}

const struct dns_answer *dns_query(struct dns_session *session, struct bytes name,
                                   enum dns_type type)
{
    struct dns_lookup *lookup = find(session, name, type);
    if (!lookup) {
        if (!is_dns_name(name))
            return &no_such_name;
        if (session->started >= budget(session))
            return &over_budget;
        lookup = start(session, name, type);
        if (!lookup)
            return &no_memory;
    }
    lookup->used = true;
    return wait_for(lookup);
}

const struct dns_lookup *dns_session_lookups(const struct dns_session *session)
{
    return session->first;
}

struct dns_session_stats dns_session_stats(struct dns_session *session)
{
    pthread_mutex_lock(&session->lock);
    unsigned cached = session->cached;
    pthread_mutex_unlock(&session->lock);
    return (struct dns_session_stats){session->started, cached, session->waited_us};
}
