/* import_connection.c - Socket, SocketMode, UserID; AuthservID; DNS; the log.
 *
 * There were up to four sockets and there is one now: the first program's, so
 * that one line of the mail server's configuration stays as it is.
 */
#include "import.h"

#include <string.h>

/* ---- socket ---- */

/* "inet:8891" listens everywhere in those programs; here that must be said. */
static struct bytes spelled_out(struct import *import, struct bytes value)
{
    size_t colon = bytes_find(value, ':');
    struct bytes rest = bytes_slice(value, colon + 1, value.len);
    unsigned long long port;
    if (bytes_starts_nocase(value, BYTES("inet")) && bytes_to_number(rest, 65535, &port))
        return bytes_of(
            arena_printf(import->arena, "%.*s@%s", BYTES_ARGS(value),
                         bytes_starts_nocase(value, BYTES("inet6:")) ? "[::]" : "0.0.0.0"));
    return value;
}

/* The directory of a unix socket has to outlive the program that it was made for. */
static void remark_directory(struct import *import, struct import_line *line,
                             const struct config_socket *socket)
{
    const char *slash = socket->path ? strrchr(socket->path, '/') : NULL;
    if (!slash || strncmp(socket->path, "/run/assay/", 11) == 0)
        return;
    import_add_comment(import, line,
                       "The directory %.*s must stay when the other program is removed, and "
                       "assayd must be able to write there. Under systemd: ReadWritePaths=%.*s",
                       (int)(slash - socket->path), socket->path, (int)(slash - socket->path),
                       socket->path);
}

static void take_socket(struct import *import, struct import_option *option)
{
    struct config_socket socket;
    struct bytes value = spelled_out(import, option->value);
    const char *wrong = config_socket_parse(import->arena, value, &socket);
    struct import_line *line = import_set(import, "Socket", option, value);
    if (!wrong)
        remark_directory(import, line, &socket);
    import_judge(import, option, IMPORT_KEPT, NULL);
}

/* umask to mode. A socket is used by who may read and write it. */
static void take_umask(struct import *import, enum import_program program)
{
    struct import_option *option = import_given(import, program, "UMask");
    long mask;
    if (!option)
        return;
    if (!import_number(option->value, &mask) || mask < 0 || mask > 0777) {
        import_judge(import, option, IMPORT_UNKNOWN, "It is no umask.");
        return;
    }
    struct import_line *socket = import_line(import, "Socket");
    if (socket && socket->count && bytes_starts_nocase(socket->items[0], BYTES("inet"))) {
        import_judge(import, option, IMPORT_NOT_NEEDED, "The socket has no permissions.");
        return;
    }
    import_set(import, "SocketMode", option,
               bytes_of(arena_printf(import->arena, "%04o", (unsigned)(0666 & ~mask))));
    import_judge(import, option, IMPORT_KEPT, NULL);
}

static void take_user(struct import *import, enum import_program program)
{
    struct import_option *option = import_given(import, program, "UserID");
    if (!option)
        return;
    struct import_line *line = import_set(import, "UserID", option, option->value);
    import_add_comment(import, line,
                       "The systemd unit of Assay runs it as the user assay from the start: "
                       "remove this line there, and give assay the key files.");
    import_judge(import, option, IMPORT_KEPT, NULL);
}

void import_connection(struct import *import)
{
    bool taken = false;
    for (int i = 0; i < IMPORT_PROGRAM_COUNT; i++) {
        enum import_program program = (enum import_program)i;
        struct import_option *socket = import_given(import, program, "Socket");
        if (socket && !taken) {
            take_socket(import, socket);
            take_umask(import, program);
            take_user(import, program);
            taken = true;
            continue;
        }
        import_judge(import, socket, IMPORT_NOT_NEEDED,
                     "One milter takes the place of several: remove this socket from the mail "
                     "server's configuration (smtpd_milters, non_smtpd_milters; "
                     "INPUT_MAIL_FILTER).");
        const char *names[] = {"UMask", "UserID"};
        for (size_t j = 0; j < 2; j++)
            import_judge(import, import_given(import, program, names[j]), IMPORT_NOT_NEEDED,
                         "It belongs to a socket that is not taken over.");
    }
}

/* ---- identity ---- */

static const struct {
    enum import_program program;
    const char *name;
} ids[] = {
    {IMPORT_OPENDKIM, "AuthservID"},
    {IMPORT_OPENDMARC, "AuthservID"},
    {IMPORT_OPENARC, "AuthservID"},
    {IMPORT_POLICYD_SPF, "Authserv_Id"},
};

void import_identity(struct import *import)
{
    struct bytes first = BYTES_EMPTY;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct import_option *option = import_given(import, ids[i].program, ids[i].name);
        if (!option)
            continue;
        if (first.len == 0) {
            first = option->value;
            import_set(import, "AuthservID", option, first);
            import_judge(import, option, IMPORT_KEPT, NULL);
        } else if (bytes_equal_nocase(first, option->value)) {
            import_judge(import, option, IMPORT_KEPT, "The same name as above.");
        } else if (bytes_is(option->value, "HOSTNAME")) {
            import_judge(import, option, IMPORT_CHANGED,
                         "There is one Authentication-Results field, under the name %.*s.",
                         BYTES_ARGS(first));
        } else {
            import_set(import, "AuthservIDAliases", option, option->value);
            import_judge(import, option, IMPORT_CHANGED,
                         "There is one Authentication-Results field, under the name %.*s; fields "
                         "with this one are removed as forged.",
                         BYTES_ARGS(first));
        }
    }
}

/* ---- DNS ---- */

static void take_timeout(struct import *import)
{
    const struct config_option *ours = option_find(BYTES("ResolverTimeout"));
    const enum import_program programs[] = {IMPORT_OPENDKIM, IMPORT_OPENDMARC};
    const long most = 20; /* what MessageDeadline leaves */
    long longest = 0;
    for (size_t i = 0; i < 2; i++) {
        struct import_option *option = import_given(import, programs[i], "DNSTimeout");
        long seconds;
        if (!option)
            continue;
        if (!import_number(option->value, &seconds) || seconds <= 0) {
            import_judge(import, option, IMPORT_CHANGED,
                         "Waiting without end would hold the client up: ResolverTimeout stays at "
                         "%s.",
                         ours->default_text);
            continue;
        }
        longest = seconds > longest ? seconds : longest;
        import_judge(import, option, seconds > most ? IMPORT_CHANGED : IMPORT_KEPT,
                     "The longest time of all programs is used, %ld seconds at most.", most);
        import_add_comment(import, import_line(import, "ResolverTimeout"), "%s",
                           import_origin(import, option));
    }
    if (longest)
        import_set(import, "ResolverTimeout", NULL,
                   bytes_of(arena_printf(import->arena, "%lds", longest > most ? most : longest)));
}

/* A byte count without the meaning "reject" that it had. */
static void take_header_limit(struct import *import, enum import_program program)
{
    const long least = 16 << 10, most = 16 << 20; /* a quarter of MessageMemory's default */
    struct import_option *option = import_given(import, program, "MaximumHeaders");
    long octets;
    if (!option)
        return;
    if (!import_number(option->value, &octets) || octets <= 0) {
        import_judge(import, option, IMPORT_CHANGED,
                     "There is always a limit: MaximumHeaderBytes stays at its default.");
        return;
    }
    octets = octets < least ? least : octets > most ? most : octets;
    struct import_line *line = import_line(import, "MaximumHeaderBytes");
    if (line)
        line->count = 0; /* of several programs the last one counts */
    import_set(import, "MaximumHeaderBytes", option,
               bytes_of(arena_printf(import->arena, "%ld", octets)));
    import_judge(import, option, IMPORT_CHANGED,
                 "A message with more is not rejected for that; OnInvalidFrom says what is done.");
}

void import_dns(struct import *import)
{
    struct import_option *servers = import_given(import, IMPORT_OPENDKIM, "Nameservers");
    struct import_option *anchor = import_given(import, IMPORT_OPENDKIM, "TrustAnchorFile");
    if (servers) {
        struct bytes rest = servers->value;
        while (rest.len) {
            size_t comma = bytes_find(rest, ',');
            import_set(import, "Nameservers", servers, bytes_trim(bytes_slice(rest, 0, comma)));
            rest = bytes_slice(rest, comma + 1, rest.len);
        }
        import_judge(import, servers, IMPORT_KEPT, NULL);
    }
    if (anchor) {
        import_set(import, "TrustAnchorFile", anchor,
                   import_path(import, IMPORT_OPENDKIM, anchor->value));
        import_judge(import, anchor, IMPORT_KEPT, NULL);
    }
    take_timeout(import);
    take_header_limit(import, IMPORT_OPENDKIM);
    take_header_limit(import, IMPORT_OPENARC);
}

/* ---- log ---- */

void import_log(struct import *import)
{
    bool syslog = import->paths[IMPORT_POLICYD_SPF] != NULL; /* it knows nothing else */
    struct import_line *facility = NULL;
    for (int i = 0; i < IMPORT_POLICYD_SPF; i++) {
        enum import_program program = (enum import_program)i;
        struct import_option *option = import_given(import, program, "Syslog");
        struct import_option *name = import_given(import, program, "SyslogFacility");
        if (option && import_value_is_on(option->value)) {
            syslog = true;
            import_set(import, "Syslog", option, BYTES("yes"));
            import_judge(import, option, IMPORT_KEPT, NULL);
        } else {
            import_judge(import, option, IMPORT_CHANGED,
                         "The log then goes to standard error; there is always one line per "
                         "message.");
        }
        if (name && !facility) {
            facility = import_set(import, "SyslogFacility", name, name->value);
            import_judge(import, name, IMPORT_KEPT, NULL);
        } else {
            import_judge(import, name, IMPORT_NOT_NEEDED, "There is one log now.");
        }
    }
    if (syslog)
        import_set(import, "Syslog", NULL, BYTES("yes"));
}
