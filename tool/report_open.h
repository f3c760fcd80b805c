/* report_open.h - what the commands of `assay report` share: how they come by configuration
 * and store, what they say of its trouble, and how they write times. */
#ifndef ASSAY_REPORT_OPEN_H
#define ASSAY_REPORT_OPEN_H

#include "config.h"
#include "store.h"

#include <stdio.h>

enum {
    REPORT_TIME_TEXT = 48,  /* octets, with NUL, of what report_time() and report_period() write */
    REPORT_SHOWN_MAX = 300, /* octets shown of a stranger's text */
};

/* The configuration, with reports on. NULL: exit with *code; what is the matter was said. EX_OK,
 * and that said on `words`, when reports are just not turned on. */
struct config *report_open_config(const char *given, FILE *words, int *code);

/* The store. NULL: exit with *code. EX_OK, and that said on `words`, when there is none yet, which
 * is no trouble: an SQLite file is left for assayd to make, with its rights. */
struct store *report_open_store(const struct report_config *config, enum sql_use use, FILE *words,
                                int *code);

/* Says what the last call on the store stumbled over. Returns the exit code. */
int report_store_trouble(const struct store *store);

/* "2026-11-21 13:05" (UTC) into buf[REPORT_TIME_TEXT]. Returns buf. */
const char *report_time(int64_t time, char *buf);

/* "2026-11-21", or "2026-11-21 06:00-12:00" when it is not a whole day; end exclusive. */
const char *report_period(int64_t begin, int64_t end, char *buf);

/* Suppressed by hand means until it is lifted by hand: the end of the year 9999. */
extern const int64_t REPORT_FOREVER;

/* "suppressed by hand", or "suppressed until 2026-12-04 00:00", into buf[REPORT_TIME_TEXT]. Returns
 * buf. */
const char *report_suppressed(int64_t until, char *buf);

/* A stranger's text as one printable line, in arena; never NULL. */
const char *report_shown(struct arena *arena, struct bytes text);

#endif
