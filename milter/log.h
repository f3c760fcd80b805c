/* log.h - where lines go: syslog, or standard error.
 *
 * Safe from any thread. Levels are syslog's priorities; the words error,
 * warning, info, debug are the same on both ways. Each line is one write. Before
 * the first log_open() lines go to standard error.
 */
#ifndef ASSAY_LOG_H
#define ASSAY_LOG_H

#include "log_line.h"

#include <syslog.h>

struct log_settings {
    bool syslog;  /* else standard error */
    int facility; /* LOG_MAIL, ...; read by the first log_open() only */
    bool json;    /* LogFormat json */
    int level;    /* LogLevel: the least important priority to log, LOG_ERR .. LOG_DEBUG */
};

/* Takes effect at once; may be called again (reload). */
void log_open(const struct log_settings *settings);

void log_write(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

/* The one line of a message. */
void log_message(const struct log_line_facts *facts);

/* At LogLevel debug: each DNS lookup of the message, a line each. */
void log_lookups(const struct log_line_facts *facts);

#endif
