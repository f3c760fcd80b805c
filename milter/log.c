/* log.c - where lines go: syslog, or standard error; see log.h.
 *
 * Under systemd (JOURNAL_STREAM is set) a line on standard error begins with
 * its priority, "<4>", which the journal takes away again (sd-daemon(3)).
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    LINE_MAX_OCTETS = 4096,   /* of a line that is not about a message */
    LINE_MEMORY = 256 * 1024, /* for a message's line; values are bounded by log_line.c */
    MESSAGE_PRIORITY = LOG_INFO,
};

static atomic_bool to_syslog;
static atomic_bool as_json;
static atomic_int level = LOG_INFO;
static atomic_bool under_systemd;

void log_open(const struct log_settings *settings)
{
    static atomic_bool opened;
    if (settings->syslog && !atomic_exchange(&opened, true))
        openlog("assayd", LOG_PID | LOG_NDELAY, settings->facility);
    atomic_store(&to_syslog, settings->syslog);
    atomic_store(&as_json, settings->json);
    atomic_store(&level, settings->level);
    atomic_store(&under_systemd, getenv("JOURNAL_STREAM") != NULL);
}

static const char *level_name(int priority)
{
    switch (priority) {
    case LOG_ERR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_DEBUG:
        return "debug";
    default:
        return "info";
    }
}

/* One writev() so that lines of several threads do not mix. When standard
 * error is gone there is nowhere left to complain. */
static void put_stderr(int priority, const char *label, const char *line)
{
    char head[64];
    snprintf(head, sizeof(head), "<%d>%s", priority, label);
    const char *begin = atomic_load(&under_systemd) ? head : label;
    struct iovec parts[] = {
        {(void *)begin, strlen(begin)}, {(void *)line, strlen(line)}, {(void *)"\n", 1}};
    while (writev(STDERR_FILENO, parts, 3) < 0 && errno == EINTR)
        continue;
}

static void put(int priority, const char *label, const char *line)
{
    if (atomic_load(&to_syslog))
        syslog(priority, "%s", line);
    else
        put_stderr(priority, label, line);
}

static void put_json(int priority, const char *line)
{
    struct arena *arena = arena_new(LINE_MEMORY);
    const char *json = arena ? log_line_plain_json(arena, level_name(priority), line) : "";
    put(priority, "", *json ? json : "{\"level\":\"error\",\"message\":\"out of memory\"}");
    arena_free(arena);
}

void log_write(int priority, const char *format, ...)
{
    if (priority > atomic_load(&level))
        return;
    int saved_errno = errno;
    char line[LINE_MAX_OCTETS];
    int label = 0;
    if (priority == LOG_ERR || priority == LOG_WARNING) /* so that grep finds them in syslog too */
        label = snprintf(line, sizeof(line), "%s: ", level_name(priority));
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(line + label, sizeof(line) - (size_t)label, format, arguments);
    va_end(arguments);
    if (written < 0)
        return;
    for (char *c = line; *c; c++) { /* some of the words are the configuration's, or the MTA's */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    if (atomic_load(&as_json))
        put_json(priority, line + label);
    else
        put(priority, "assayd: ", line);
    errno = saved_errno;
}

void log_message(const struct log_line_facts *facts)
{
    if (MESSAGE_PRIORITY > atomic_load(&level))
        return;
    bool json = atomic_load(&as_json);
    struct arena *arena = arena_new(LINE_MEMORY);
    const char *line = "";
    if (arena)
        line = json ? log_line_json(arena, facts) : log_line_text(arena, facts);
    if (*line)
        put(MESSAGE_PRIORITY, json ? "" : "assayd: ", line);
    else
        log_error("%s: out of memory, verdict=%s", facts->queue_id ? facts->queue_id : "NOQUEUE",
                  action_name(facts->outcome->verdict.action));
    arena_free(arena);
}

void log_lookups(const struct log_line_facts *facts)
{
    if (LOG_DEBUG > atomic_load(&level) || facts->outcome->out_of_memory)
        return;
    const char *queue_id = facts->queue_id ? facts->queue_id : "NOQUEUE";
    for (const struct dns_lookup *lookup = facts->outcome->lookups; lookup; lookup = lookup->next) {
        /* Without an answer it may still be under way, on another thread: leave it alone. */
        const struct dns_answer *answer = lookup->used ? lookup->answer : NULL;
        log_debug("%s: lookup %s %.*s: %s%s%s%s", queue_id, dns_type_name(lookup->type),
                  BYTES_ARGS(lookup->name), answer ? dns_status_name(answer->status) : "not used",
                  answer && *answer->cause ? ", " : "", answer ? answer->cause : "",
                  answer && lookup->cached ? ", cached" : "");
    }
}
