/* signals.h - reload on SIGHUP and SIGUSR1, graceful stop on SIGTERM and SIGINT. */
#ifndef ASSAY_SIGNALS_H
#define ASSAY_SIGNALS_H

#include <stdbool.h>

/* Blocks the signals above, for this thread and those it starts. First thing in
 * main(), before any other thread. */
void signals_block(void);

/* Starts the thread that waits for signals. To be called by the thread that
 * will run smfi_main(). reload() runs on the signal thread, one at a time. */
bool signals_start(void (*reload)(void));

/* smfi_main() has returned: the signal thread ends. True when that was because
 * of a signal. */
bool signals_finish(void);

#endif
