/* config.h - the configuration: immutable once loaded, counted references.
 *
 * config_load() reads everything that the file names (included files, sets,
 * tables), checks it and gives a whole new object, or nothing and the reasons.
 * A reload loads a new one and swaps the pointer; whoever holds a reference to
 * the old one keeps it. All members may be read from any thread; nobody changes
 * them. The option that fills a member is named beside it; options.def documents it.
 */
#ifndef ASSAY_CONFIG_H
#define ASSAY_CONFIG_H

#include "options.h"
#include "settings.h"

#include <jansson.h>
#include <stdio.h>

enum {
    CONFIG_ERRORS_MAX = 20,   /* errors kept, and as many warnings */
    CONFIG_ERROR_TEXT = 512,  /* octets of one, with NUL; a longer one is cut */
    CONFIG_SOCKET_TEXT = 384, /* octets, with NUL, of what config_socket_*() writes */
};

/* What was wrong. Start with {0}. Each text is "file:line: what was found, what is allowed". */
struct config_errors {
    size_t error_count;   /* all that were found; the first CONFIG_ERRORS_MAX are kept */
    size_t warning_count; /* likewise */
    char errors[CONFIG_ERRORS_MAX][CONFIG_ERROR_TEXT];
    char warnings[CONFIG_ERRORS_MAX][CONFIG_ERROR_TEXT];
};

struct config_list {
    const char *const *items;
    size_t count;
};

enum config_socket_family {
    SOCKET_UNIX,
    SOCKET_INET,
    SOCKET_INET6,
};

struct config_socket {
    enum config_socket_family family;
    const char *path; /* SOCKET_UNIX: absolute; else NULL */
    const char *host; /* name or address without brackets; NULL for SOCKET_UNIX */
    unsigned port;    /* 1..65535; 0 for SOCKET_UNIX */
};

struct config_user {
    const char *user;  /* name or number; NULL: stay who we are */
    const char *group; /* NULL: the user's own */
};

enum nameservers_kind {
    NAMESERVERS_SYSTEM,
    NAMESERVERS_RECURSIVE,
    NAMESERVERS_LIST,
    NAMESERVERS_NONE,
};

struct config_nameservers {
    enum nameservers_kind kind;
    struct config_list servers; /* NAMESERVERS_LIST: "address" or "address@port" */
};

struct milter_config {
    struct config_socket socket;  /* Socket */
    unsigned socket_mode;         /* SocketMode: permission bits */
    const char *socket_group;     /* SocketGroup; NULL: leave it */
    struct config_user user;      /* UserID */
    const char *pid_file;         /* PidFile; NULL: none */
    unsigned maximum_connections; /* MaximumConnections */
};

struct resolver_config {
    struct config_nameservers nameservers; /* Nameservers */
    const char *trust_anchor_file;         /* TrustAnchorFile; NULL: no validation */
    struct config_list local_zones;        /* LocalZone: paths */
    size_t cache_size;                     /* ResolverCacheSize, octets */
};

enum unsafe_keys {
    UNSAFE_KEYS_REFUSE,
    UNSAFE_KEYS_WARN,
};

struct keys_config {
    const char *key_table;        /* KeyTable; NULL: none */
    const char *signing_table;    /* SigningTable; NULL: none */
    const char *key_directory;    /* KeyDirectory; NULL: none */
    bool multiple_signatures;     /* MultipleSignatures */
    enum unsafe_keys unsafe_keys; /* UnsafeKeys */
};

/* Which policy domains are told (ReportWhen). */
enum report_when {
    REPORT_WHEN_ACCEPTED, /* those of whom at least one message was accepted, or passed */
    REPORT_WHEN_PASSED,   /* those of whom at least one message passed */
    REPORT_WHEN_ALWAYS,
};

struct report_config {
    const char *store;     /* ReportStore: absolute path (SQLite) or postgresql:// URI; NULL: off */
    const char *journal;   /* ReportJournal: directory */
    size_t journal_size;   /* ReportJournalSize, octets */
    const char *sender;    /* ReportSender, "local@domain"; never NULL */
    const char *org;       /* ReportOrg; never NULL */
    const char *contact;   /* ReportContact; NULL: none */
    const char *transport; /* ReportTransport, see report/transport.h */
    enum report_when when; /* ReportWhen */
    struct config_list exclude;   /* ReportExclude: domains, .domains, addresses */
    unsigned interval;            /* ReportInterval, seconds; divides a day */
    unsigned jitter;              /* ReportJitter, seconds */
    unsigned daily_maximum;       /* ReportDailyMaximum: mails a day */
    unsigned destination_maximum; /* ReportDestinationMaximum: mails a day to one address */
    unsigned maximum_uris;        /* ReportMaximumURIs, of one record */
    unsigned maximum_records;     /* ReportMaximumRecords, in one report */
    unsigned retention;           /* ReportRetention, seconds */
    unsigned suppress_after;      /* ReportSuppressAfter: refusals in a row */
    unsigned suppress_for;        /* ReportSuppressFor, seconds */
    bool failure_reports;         /* FailureReports */
    bool failure_redaction;       /* FailureReportRedaction */
    unsigned failure_maximum;     /* FailureReportMaximum: mails a day to one address */
};

enum log_format {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
};

struct log_config {
    bool syslog;            /* Syslog */
    int facility;           /* SyslogFacility: LOG_MAIL, ... of <syslog.h> */
    enum log_format format; /* LogFormat */
    int level;              /* LogLevel: LOG_ERR .. LOG_DEBUG of <syslog.h> */
};

/* The text of an option as it was given, for `assay config`. */
struct config_value {
    const char *text;   /* can be written into a file as it is, quotes included */
    const char *origin; /* "file:line", "command line" or "default" */
    bool is_default;    /* nothing else than the default was given */
};

struct config {
    struct policy_settings policy; /* authserv_id: without AuthservID (then its value is_default)
                                      the name of this machine, which stands in for the MTA's */
    struct milter_config milter;
    struct resolver_config resolver;
    struct keys_config keys;
    struct report_config report;
    struct log_config log;
    struct config_list signing_daemons; /* SigningDaemonNames; policy has them as well */
    struct config_list aliases;         /* AuthservIDAliases; policy.own_ids has them as well */
    struct config_list files;           /* every file read, in order; the main file first */
    struct config_value values[OPTION_COUNT];
    struct arena *arena; /* owns all of this but the object itself */
    unsigned references; /* atomic; for config.c alone */
};

/* An option given outside of the file, such as on the command line. It takes
 * the place of what the file says; several of the same list option add up. */
struct config_override {
    const char *option; /* "Socket" */
    const char *value;  /* one value as it is: no quotes, no commas, nothing to split */
};

/* Reads the file at `path`; NULL: all defaults. The caller owns one reference.
 * NULL when anything is wrong: errors->errors says what. Warnings alone do not fail. */
struct config *config_load(const char *path, struct config_errors *errors);

/* The same, with overrides put in before anything is checked. */
struct config *config_load_with(const char *path, const struct config_override *overrides,
                                size_t count, struct config_errors *errors);

/* All defaults, without a file. */
struct config *config_defaults(struct config_errors *errors);

/* One more reference; returns config. */
struct config *config_ref(struct config *config);

/* Drops a reference, the last one frees; NULL is allowed. */
void config_unref(struct config *config);

/* Prints all errors and warnings, a line each, with `prefix` in front
 * ("assayd: "), and how many more there were. */
void config_print_errors(FILE *out, const char *prefix, const struct config_errors *errors);

/* The configuration in force as lines that can be loaded again. only_changed:
 * without what is at its default. */
void config_dump(FILE *out, const struct config *config, bool only_changed);

/* The same as {"Name": {"value": "..", "default": "..", "origin": ".."}, ...}.
 * A new reference; NULL when out of memory. */
json_t *config_json(const struct config *config, bool only_changed);

/* All defaults in the form of a file: with_docs the sample file, else a line each. */
void config_print_defaults(FILE *out, bool with_docs);

/* Parses a socket in Postfix's or Sendmail's spelling; strings go to arena.
 * NULL when it is good, else what is wrong and what is allowed. */
const char *config_socket_parse(struct arena *arena, struct bytes text, struct config_socket *out);

/* Into buf[CONFIG_SOCKET_TEXT]; return buf. */
const char *config_socket_libmilter(const struct config_socket *socket,
                                    char *buf);                                   /* smfi_setconn */
const char *config_socket_postfix(const struct config_socket *socket, char *buf); /* main.cf */
const char *config_socket_sendmail(const struct config_socket *socket, char *buf); /* sendmail.mc */

#endif
