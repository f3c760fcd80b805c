/* signals.h - reload on SIGHUP and SIGUSR1, graceful stop on SIGTERM and SIGINT. */
#ifndef ASSAY_SIGNALS_H
#define ASSAY_SIGNALS_H

#include <stdbool.h>

/* Blocks the signals above, for this thread and those it starts. First thing in
 * main(), before any other thread. */
void signals_block(void);

/* Starts the thread that waits for signals; before smfi_main(). Both functions run
 * on that thread: reload() at each request, one at a time; stop() once, when the
 * messages under way are done or patience is at its end. */
bool signals_start(void (*reload)(void), void (*stop)(void));

#endif
