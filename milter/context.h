/* context.h - what all connections share: the runtime in force, the recorder of reports, and
 * counters.
 *
 * A message is evaluated from its first command to its end under one *runtime*:
 * a configuration with its resolver, immutable, counted references (runtime.h).
 * A reload makes a new one and swaps it in; messages in flight keep the one they
 * began with. Safe from any thread.
 */
#ifndef ASSAY_CONTEXT_H
#define ASSAY_CONTEXT_H

#include "recorder.h"
#include "runtime.h"

/* Puts a runtime in force, taking over its reference; the one before is given
 * back. NULL at the end of the process. */
void context_set(struct runtime *runtime);

/* The runtime in force, with a reference for the caller; NULL at the end of the process. */
struct runtime *context_acquire(void);

/* The recorder of reports, from the start to the end of the process; NULL: there are none.
 * Not owned. Set before the first connection, and to NULL when the last is gone. */
void context_set_recorder(struct recorder *recorder);
struct recorder *context_recorder(void);

/* ---- counters ---- */

/* Counts a connection; false when there are more than MaximumConnections now
 * (it is counted all the same). */
bool context_connection_opened(void);
void context_connection_closed(void);
unsigned context_connections(void);

/* Counts a message in flight. Returns a token for context_message_ended(). */
unsigned context_message_began(void);
void context_message_ended(unsigned token);

/* From now on further messages are not waited for. */
void context_drain_begin(void);

/* Messages that began before context_drain_begin() and are still in flight. */
unsigned context_drain_left(void);

#endif
