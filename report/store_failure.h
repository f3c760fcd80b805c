/* store_failure.h - failure reports that wait to be sent (RFC 9991), and those that were.
 *
 * Tables (schema step 2; store_schema.c takes store_failure_schema):
 *   failure            like incidents of one hour: event of the first, how many there were
 *   failure_delivery   who was sent it, or why not
 *
 * RFC 9991 8.1: the aim is to tell of different failures, not of each: incidents that agree in
 * policy domain, kind, source, author domain and signature are one row, and what is over the
 * limits below is dropped. As store.h otherwise.
 */
#ifndef ASSAY_STORE_FAILURE_H
#define ASSAY_STORE_FAILURE_H

#include "failure_event.h"
#include "store.h"

enum {
    STORE_FAILURE_PERIOD = 3600,    /* seconds that incidents are gathered for */
    STORE_FAILURES_OF_DOMAIN = 20,  /* rows of one policy domain in a period */
    STORE_FAILURES_OF_PERIOD = 500, /* rows of all: with the longest headers half a GB is kept */
    STORE_FAILURE_KEEP = 2 * 86400, /* seconds; then they go, sent or not */
};

extern const char store_failure_schema[];

/* One event of type REPORT_EVENT_FAILURE, inside a batch. Sets *decoded to false when it cannot be
 * decoded, which is no error. */
bool store_failure_add(struct store *store, struct bytes event, bool *decoded);

/* Keys of rows whose period is over, that are not done and nobody has claimed; above `after`, in
 * order, at most `size`. */
bool store_failures_due(struct store *store, int64_t now, int64_t after, int64_t *keys, size_t size,
                        size_t *count);

/* As store_report_claim(). */
bool store_failure_claim(struct store *store, int64_t failure, int64_t now, int64_t until,
                         bool *claimed);

struct store_failure {
    unsigned kind;       /* one of FAILURE_*, of those that event.kinds has */
    int64_t incidents;   /* at least 1 */
    int64_t first, last; /* when */
    struct failure_event event;
};

/* Lives in arena. *found is false when it is gone or cannot be decoded. */
bool store_failure_load(struct store *store, struct arena *arena, int64_t failure,
                        struct store_failure *out, bool *found);

/* What became of it at one address (the URI, where that is not usable). STORE_DELIVERY_PENDING is
 * not written down: it is tried again. */
bool store_failure_delivered(struct store *store, int64_t failure, struct bytes address,
                             enum store_delivery_state state, struct bytes error, int64_t now);

/* Whether something became of it there already. */
bool store_failure_is_settled(struct store *store, int64_t failure, struct bytes address,
                              bool *settled);

/* Nothing is left to do. */
bool store_failure_finish(struct store *store, int64_t failure);

/* Failure reports sent to an address since then. */
bool store_failure_sent_since(struct store *store, struct bytes address, int64_t since,
                              int64_t *count);

/* Failure reports that wait: not done. */
bool store_failures_waiting(struct store *store, int64_t *count);

/* Removes rows of before `before`. The first event of a period does it, too, so that a host where
 * nobody sends reports does not fill its disk. */
bool store_failure_expire(struct store *store, int64_t before);

#endif
