/* Signals beside a libmilter that wants them for itself.
 *
 * A thread plays libmilter's: as that does, it blocks SIGHUP, SIGTERM and
 * SIGINT, and waits for them with sigwait(); smfi_main() is a thread of ours that
 * waits to be interrupted.
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

static atomic_uint reloads;
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

/* As smfi_main(): looks for a stop after each interruption. */
static void run_until_stopped(void)
{
    while (!atomic_load(&libmilter_got))
        usleep(1000000);
}

static void wait_for_reloads(unsigned count)
{
    for (int i = 0; i < 500 && atomic_load(&reloads) < count; i++)
        sleep_ms(10);
    assert_int_equal(atomic_load(&reloads), count);
}

static void *operator_thread(void *unused)
{
    (void)unused;
    unsigned token = context_message_began();
    kill(getpid(), SIGTERM);
    sleep_ms(200);
    /* A message is under way: libmilter must not have heard of the stop. */
    int early = atomic_load(&libmilter_got);
    context_message_ended(token);
    return early ? (void *)"stopped with a message under way" : NULL;
}

static void test_reload_and_stop(void **state)
{
    (void)state;
    pthread_t libmilter, operator;
    void *complaint;
    assert_true(signals_start(count_reload));
    pthread_create(&libmilter, NULL, libmilter_signal_thread, NULL);
    for (unsigned i = 1; i <= 50; i++) { /* one of two would go to the wrong thread */
        kill(getpid(), i % 2 ? SIGHUP : SIGUSR1);
        wait_for_reloads(i);
    }
    assert_int_equal(atomic_load(&libmilter_got), 0);
    pthread_create(&operator, NULL, operator_thread, NULL);
    run_until_stopped();
    assert_true(signals_finish());
    assert_int_equal(atomic_load(&libmilter_got), SIGTERM);
    pthread_join(operator, & complaint);
    assert_null(complaint);
    pthread_join(libmilter, NULL);
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
