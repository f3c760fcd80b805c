/* signals.c - reload and graceful stop; see signals.h.
 *
 * libmilter has its own idea of signals: smfi_main() starts a thread that waits
 * with sigwait() for SIGHUP, SIGTERM and SIGINT, and any of them stops the
 * filter. A blocked signal goes to whichever thread waits for it, so ours would
 * get some reloads and libmilter the others. There is no switch for that.
 * Therefore this file defines sigwait() for the process: the linker prefers a
 * function of the program to the C library's, so libmilter's thread waits in
 * here until *we* decide to stop. Ours uses sigtimedwait(), which is untouched.
 * (test_signals.c and the integration tests would notice if that ceased to work.)
 *
 * Stopping. On a stop libmilter drops all connections (its worker pool answers
 * nothing any more), so we wait first: until the messages that were under way
 * are done, DRAIN_SECONDS at most; a second signal cuts it short. Only then
 * libmilter's thread hears of it. Its listener looks up every five seconds or
 * when its poll() is interrupted, hence the nudges by SIGUSR2.
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

enum {
    DRAIN_SECONDS = 15, /* well below systemd's 90 s, after which it kills */
    LOOK_MS = 20,
};

static pthread_t main_thread, signal_thread;
static void (*reload_function)(void);
static atomic_bool started, main_returned;

static pthread_mutex_t stop_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stop_condition = PTHREAD_COND_INITIALIZER;
static bool stop_wanted; /* under stop_lock */

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
    if (!atomic_load(&started)) { /* not libmilter */
        int got = sigwaitinfo(set, NULL);
        if (got < 0)
            return errno;
        *number = got;
        return 0;
    }
    pthread_mutex_lock(&stop_lock);
    while (!stop_wanted)
        pthread_cond_wait(&stop_condition, &stop_lock);
    pthread_mutex_unlock(&stop_lock);
    *number = SIGTERM;
    return 0;
}

/* The next of our signals within LOOK_MS; 0: none. */
static int next_signal(void)
{
    const struct timespec wait = {0, LOOK_MS * 1000000L};
    sigset_t set = our_signals();
    int number = sigtimedwait(&set, NULL, &wait);
    return number > 0 ? number : 0;
}

static bool is_stop(int number)
{
    return number == SIGTERM || number == SIGINT;
}

static void drain(void)
{
    context_drain_begin();
    unsigned left = context_drain_left();
    if (left)
        log_info("stopping; %u message%s under way", left, left == 1 ? "" : "s");
    else
        log_info("stopping");
    notify_stopping("Finishing messages under way");
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        left = context_drain_left();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (left && now.tv_sec - begin.tv_sec < DRAIN_SECONDS && !is_stop(next_signal()));
    if (left)
        log_warning("%u message%s not finished: the MTA will have its clients try again", left,
                    left == 1 ? "" : "s");
}

static void stop_libmilter(void)
{
    pthread_mutex_lock(&stop_lock);
    stop_wanted = true;
    pthread_cond_broadcast(&stop_condition);
    pthread_mutex_unlock(&stop_lock);
    while (!atomic_load(&main_returned)) {
        const struct timespec wait = {0, LOOK_MS * 1000000L};
        pthread_kill(main_thread, SIGUSR2);
        nanosleep(&wait, NULL);
    }
}

static void *wait_for_signals(void *unused)
{
    (void)unused;
    while (!atomic_load(&main_returned)) {
        sigset_t set = our_signals();
        int number = sigwaitinfo(&set, NULL);
        if (number == SIGHUP || number == SIGUSR1) {
            reload_function();
        } else if (is_stop(number)) {
            if (atomic_load(&main_returned))
                break;
            drain();
            stop_libmilter();
        }
    }
    return NULL;
}

/* Its only purpose is to interrupt poll(). */
static void nudge(int number)
{
    (void)number;
}

void signals_block(void)
{
    sigset_t set = our_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool signals_start(void (*reload)(void))
{
    const struct sigaction action = {.sa_handler = nudge};
    main_thread = pthread_self();
    reload_function = reload;
    atomic_store(&started, true);
    if (sigaction(SIGUSR2, &action, NULL) != 0)
        return false;
    int problem = pthread_create(&signal_thread, NULL, wait_for_signals, NULL);
    if (problem)
        log_error("cannot start the signal thread: %s", strerror(problem));
    return problem == 0;
}

bool signals_finish(void)
{
    atomic_store(&main_returned, true);
    pthread_mutex_lock(&stop_lock);
    bool stopped = stop_wanted;
    pthread_mutex_unlock(&stop_lock);
    if (!stopped)
        pthread_kill(signal_thread, SIGTERM); /* libmilter gave up by itself */
    pthread_join(signal_thread, NULL);
    return stopped;
}
