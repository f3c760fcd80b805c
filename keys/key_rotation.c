/* key_rotation.c - which key of a domain signs; see key_rotation.h.
 *
 * The first half is pure: what an answer means, which key signs. The second half
 * is the thread, which looks at its lookups every few milliseconds instead of
 * sleeping in one, so that it can be stopped at once.
 */
#include "key_rotation.h"

#include "key_store_internal.h"

#include <stdlib.h>

enum {
    LOOK_MS = 10,           /* while lookups are under way */
    IDLE_MS = 10000,        /* between looks for checks that have come due */
    BATCH_MEMORY = 4 << 20, /* octets, for KEY_CHECKS_AT_ONCE lookups */
    QUERY_NAME_MAX = 2 * DOMAIN_MAX,
};

const char *key_state_name(enum key_state state)
{
    static const char *const names[] = {
        [KEY_UNKNOWN] = "unknown",
        [KEY_PUBLISHED] = "published",
        [KEY_ABSENT] = "absent",
        [KEY_MISMATCH] = "mismatch",
    };
    return names[state];
}

enum key_state key_state_of_answer(const struct dns_answer *answer, const struct signing_key *key,
                                   const char **reason)
{
    size_t matching = 0;
    switch (answer->status) {
    case DNS_FOUND:
        break;
    case DNS_NO_DATA:
        *reason = "the name has no TXT record";
        return KEY_ABSENT;
    case DNS_NO_NAME:
        *reason = "no such name in the DNS";
        return KEY_ABSENT;
    case DNS_TEMPORARY:
        *reason = "the DNS did not answer";
        return KEY_UNKNOWN;
    }
    for (size_t i = 0; i < answer->count; i++)
        matching += signing_key_matches(key, answer->records[i].data);
    if (answer->count > 1) { /* RFC 6376 3.6.2.2: the result is undefined */
        *reason = matching ? "there are several records: a verifier may take any"
                           : "there are several records, none with this key";
        return KEY_MISMATCH;
    }
    *reason = matching ? "" : "the record has another key, or none, or does not allow its use";
    return matching ? KEY_PUBLISHED : KEY_MISMATCH;
}

int64_t key_recheck_seconds(enum key_state state)
{
    switch (state) {
    case KEY_PUBLISHED:
        return KEY_RECHECK_PUBLISHED;
    case KEY_ABSENT:
    case KEY_MISMATCH:
        return KEY_RECHECK_UNPUBLISHED;
    case KEY_UNKNOWN:
        break;
    }
    return KEY_RECHECK_UNKNOWN;
}

/* Published keys before unknown ones before the others. */
static int rank(enum key_state state)
{
    return state == KEY_PUBLISHED ? 2 : state == KEY_UNKNOWN ? 1 : 0;
}

size_t key_rotation_choose(const struct key_choice *keys, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        int better = rank(keys[i].state) - rank(keys[best].state);
        bool newer = keys[i].since > keys[best].since;
        bool older = keys[i].since < keys[best].since;
        if (better > 0 || (better == 0 && (keys[i].state == KEY_PUBLISHED ? newer : older)))
            best = i;
    }
    return best;
}

/* ---- checks ---- */

struct check {
    struct key_place place;
    struct signing_key *key; /* a reference */
    struct bytes name;
};

struct batch {
    struct key_store *store;
    const struct policy_env *env;
    const atomic_bool *stop;
    bool quiet;
    struct arena *arena;
    struct dns_session *dns;
    struct check checks[KEY_CHECKS_AT_ONCE];
    size_t count;
};

static int64_t now(const struct policy_env *env)
{
    return env->monotonic_us(env->clock);
}

/* Starts the lookup of each key that can be used. */
static void start(struct batch *batch, const struct key_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct check *check = &batch->checks[batch->count];
        struct held_key held;
        key_entries_take(batch->store, batch->arena, &places[i], KEY_USE_CHECK, &held);
        if (!held.key)
            continue;
        check->place = places[i];
        check->key = held.key;
        check->name = bytes_of(arena_printf(batch->arena, "%s._domainkey.%s",
                                            places[i].selector.name, places[i].domain.name));
        batch->count++;
        dns_prefetch(batch->dns, check->name, DNS_TXT);
    }
}

/* Answers come from the resolver's threads; sleeping in dns_query() we could not be
 * stopped. */
static void wait_for_answers(struct batch *batch)
{
    int64_t until = now(batch->env) + KEY_CHECK_SECONDS * INT64_C(1000000);
    size_t next = 0;
    while (next < batch->count && !atomic_load(batch->stop)) {
        if (dns_peek(batch->dns, batch->checks[next].name, DNS_TXT))
            next++;
        else if (now(batch->env) >= until)
            return;
        else
            nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
}

static void finish(struct batch *batch)
{
    int64_t epoch = batch->env->epoch(batch->env->clock);
    for (size_t i = 0; i < batch->count; i++) {
        struct check *check = &batch->checks[i];
        const struct dns_answer *answer = dns_peek(batch->dns, check->name, DNS_TXT);
        const char *reason = "the DNS did not answer";
        enum key_state state =
            answer ? key_state_of_answer(answer, check->key, &reason) : KEY_UNKNOWN;
        if (answer || !atomic_load(batch->stop))
            key_entries_checked(batch->store, &check->place, state, reason, now(batch->env), epoch,
                                batch->quiet);
        signing_key_unref(check->key);
    }
}

/* Checks some of the keys that are due; how many. */
static size_t check_batch(struct key_store *store, const struct policy_env *env,
                          const struct key_filter *filter, bool quiet, const atomic_bool *stop)
{
    const struct dns_session_limits limits = {
        .queries = 2 * KEY_CHECKS_AT_ONCE, /* prefetching may use three quarters */
        .query_timeout_us = KEY_CHECK_SECONDS * INT64_C(1000000),
        .now_us = env->monotonic_us,
        .clock = env->clock,
    };
    struct key_place places[KEY_CHECKS_AT_ONCE];
    struct batch batch = {.store = store, .env = env, .stop = stop, .quiet = quiet};
    size_t due = 0;
    batch.arena = arena_new(BATCH_MEMORY);
    if (batch.arena)
        batch.dns = dns_session_new(batch.arena, env->resolver, &limits);
    if (batch.dns) {
        due = key_entries_due(store, batch.arena, now(env), filter, places, KEY_CHECKS_AT_ONCE);
        start(&batch, places, due);
        wait_for_answers(&batch);
        finish(&batch);
    }
    dns_session_free(batch.dns);
    arena_free(batch.arena);
    return due;
}

size_t key_rotation_check_now(struct key_store *store, const struct policy_env *env,
                              const struct key_filter *filter, bool quiet)
{
    const atomic_bool stop = false;
    size_t total = 0, count;
    while ((count = check_batch(store, env, filter, quiet, &stop)))
        total += count;
    return total;
}

/* ---- the thread ---- */

struct key_rotation {
    struct key_store *store; /* a reference */
    struct policy_env env;
    atomic_bool stop;
    pthread_t thread;
};

static void *run(void *argument)
{
    struct key_rotation *rotation = argument;
    while (!atomic_load(&rotation->stop)) {
        if (check_batch(rotation->store, &rotation->env, NULL, false, &rotation->stop) == 0)
            key_entries_wait(rotation->store, IDLE_MS, &rotation->stop);
    }
    return NULL;
}

struct key_rotation *key_rotation_start(struct key_store *store, const struct policy_env *env)
{
    struct key_rotation *rotation = calloc(1, sizeof(*rotation));
    if (!rotation)
        return NULL;
    rotation->store = key_store_ref(store);
    rotation->env = *env;
    atomic_init(&rotation->stop, false);
    if (pthread_create(&rotation->thread, NULL, run, rotation) != 0) {
        key_store_unref(rotation->store);
        free(rotation);
        return NULL;
    }
    return rotation;
}

void key_rotation_stop(struct key_rotation *rotation)
{
    if (!rotation)
        return;
    atomic_store(&rotation->stop, true);
    key_entries_wake(rotation->store);
    pthread_join(rotation->thread, NULL);
    key_store_unref(rotation->store);
    free(rotation);
}
