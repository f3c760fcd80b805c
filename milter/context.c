/* context.c - what all connections share; see context.h. */
#include "context.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct runtime *in_force; /* under lock */

static _Atomic(struct recorder *) recorder_in_force;

static atomic_uint connections;
static atomic_uint draining;     /* 0, then 1: the token of messages that begin now */
static atomic_uint in_flight[2]; /* by token */

void context_set(struct runtime *runtime)
{
    pthread_mutex_lock(&lock);
    struct runtime *before = in_force;
    in_force = runtime;
    pthread_mutex_unlock(&lock);
    runtime_unref(before);
}

struct runtime *context_acquire(void)
{
    pthread_mutex_lock(&lock);
    struct runtime *runtime = in_force ? runtime_ref(in_force) : NULL;
    pthread_mutex_unlock(&lock);
    return runtime;
}

void context_set_recorder(struct recorder *recorder)
{
    atomic_store(&recorder_in_force, recorder);
}

struct recorder *context_recorder(void)
{
    return atomic_load(&recorder_in_force);
}

bool context_connection_opened(void)
{
    unsigned now = atomic_fetch_add(&connections, 1) + 1;
    pthread_mutex_lock(&lock);
    bool allowed = in_force && now <= in_force->config->milter.maximum_connections;
    pthread_mutex_unlock(&lock);
    return allowed;
}

void context_connection_closed(void)
{
    atomic_fetch_sub(&connections, 1);
}

unsigned context_connections(void)
{
    return atomic_load(&connections);
}

unsigned context_message_began(void)
{
    unsigned token = atomic_load(&draining);
    atomic_fetch_add(&in_flight[token], 1);
    return token;
}

void context_message_ended(unsigned token)
{
    atomic_fetch_sub(&in_flight[token], 1);
}

void context_drain_begin(void)
{
    atomic_store(&draining, 1);
}

unsigned context_drain_left(void)
{
    return atomic_load(&in_flight[0]);
}
