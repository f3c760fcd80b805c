/* signals.c - reload and graceful stop; see signals.h.
 *
 * libmilter has its own idea of signals: smfi_main() starts a thread that waits
 * with sigwait() for SIGHUP, SIGTERM and SIGINT, and any of them stops the
 * filter. A blocked signal goes to whichever thread waits for it, so ours would
 * get some reloads and libmilter the others. There is no switch for that.
 * Therefore this file defines sigwait() for the process: the linker prefers a
 * function of the program to the C library's, so libmilter's thread waits in
 * here, for ever. Ours uses sigwaitinfo() and sigtimedwait(), which are
 * untouched. (test_signals.c would notice if that ceased to work.)
 *
 * smfi_stop() is not used: libmilter's worker pool then answers nothing any
 * more, in the middle of messages, and its threads destroy each other's mutexes.
 * Instead libmilter goes on serving while we wait until the messages that were
 * under way are done, DRAIN_SECONDS at most; a second signal cuts it short. Then
 * the process ends; messages that began meanwhile get the MTA's default answer.
 */
#include "signals.h"

#include "context.h"
#include "log.h"
#include "notify.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DRAIN_SECONDS = 15, /* well below systemd's 90 s, after which it kills */
    LOOK_MS = 20,
};

static void (*reload_function)(void);
static void (*stop_function)(void);
static atomic_bool started;

static sigset_t our_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* In place of the C library's, see above. */
int sigwait(const sigset_t *restrict set, int *restrict number)
{
    while (atomic_load(&started)) /* libmilter's thread */
        pause();
    int got = sigwaitinfo(set, NULL);
    if (got < 0)
        return errno;
    *number = got;
    return 0;
}

static bool is_stop(int number)
{
    return number == SIGTERM || number == SIGINT;
}

/* A second request to stop within LOOK_MS. */
static bool is_impatient(void)
{
    const struct timespec wait = {0, LOOK_MS * 1000000L};
    sigset_t set = our_signals();
    return is_stop(sigtimedwait(&set, NULL, &wait));
}

static time_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void drain(void)
{
    context_drain_begin();
    unsigned left = context_drain_left();
    if (left)
        log_info("stopping; messages under way: %u", left);
    else
        log_info("stopping");
    notify_stopping("Finishing messages under way");
    time_t begin = now();
    while (left && now() - begin < DRAIN_SECONDS && !is_impatient())
        left = context_drain_left();
    if (left)
        log_warning("messages not finished: %u; the MTA will have their clients try again", left);
}

static void *wait_for_signals(void *unused)
{
    sigset_t set = our_signals();
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (number == SIGHUP || number == SIGUSR1)
            reload_function();
        else if (is_stop(number))
            break;
    }
    drain();
    stop_function();
    return unused;
}

void signals_block(void)
{
    sigset_t set = our_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool signals_start(void (*reload)(void), void (*stop)(void))
{
    pthread_t thread;
    reload_function = reload;
    stop_function = stop;
    atomic_store(&started, true);
    int problem = pthread_create(&thread, NULL, wait_for_signals, NULL);
    if (problem) {
        log_error("cannot start the signal thread: %s", strerror(problem));
        return false;
    }
    pthread_detach(thread);
    return true;
}
