/* Signals beside a libmilter that wants them for itself.
 *
 * A thread plays libmilter's: as that does, it waits for SIGHUP, SIGTERM and
 * SIGINT with sigwait(). It must never get one.
 */
#include "unit.h"

#include "context.h"
#include "log.h"
#include "signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static atomic_uint reloads, stops;
static atomic_int libmilter_got; /* what its sigwait() returned; 0: still waiting */

static void count_reload(void)
{
    atomic_fetch_add(&reloads, 1);
}

static void sleep_ms(long ms)
{
    const struct timespec wait = {0, ms * 1000000L};
    nanosleep(&wait, NULL);
}

static void *libmilter_signal_thread(void *unused)
{
    (void)unused;
    sigset_t set;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigwait(&set, &number) != 0)
        number = -1;
    atomic_store(&libmilter_got, number);
    return NULL;
}

static void wait_for_reloads(unsigned count)
{
    for (int i = 0; i < 500 && atomic_load(&reloads) < count; i++)
        sleep_ms(10);
    assert_int_equal(atomic_load(&reloads), count);
}

static void count_stop(void)
{
    atomic_fetch_add(&stops, 1);
}

static void test_reload_and_stop(void **state)
{
    (void)state;
    pthread_t libmilter;
    assert_true(signals_start(count_reload, count_stop));
    pthread_create(&libmilter, NULL, libmilter_signal_thread, NULL);
    pthread_detach(libmilter);
    for (unsigned i = 1; i <= 50; i++) { /* without our sigwait() half of them would be lost */
        kill(getpid(), i % 2 ? SIGHUP : SIGUSR1);
        wait_for_reloads(i);
    }
    unsigned token = context_message_began();
    kill(getpid(), SIGTERM);
    sleep_ms(300);
    assert_int_equal(atomic_load(&stops), 0); /* a message is under way */
    context_message_ended(token);
    for (int i = 0; i < 500 && !atomic_load(&stops); i++)
        sleep_ms(10);
    assert_int_equal(atomic_load(&stops), 1);
    assert_int_equal(atomic_load(&libmilter_got), 0);
}

int main(void)
{
    const struct log_settings quiet = {.level = LOG_EMERG};
    log_open(&quiet);
    signals_block();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
