/* options.h - the option table of assay.conf as data.
 *
 * options.def declares the options; this turns them into a table, and knows how
 * to name and describe them. It needs nothing else, so that the program that
 * writes the documentation at build time (gen_docs.c) can use it.
 */
#ifndef ASSAY_OPTIONS_H
#define ASSAY_OPTIONS_H

#include "strbuf.h"

#include <stdint.h>

/* OPTION_Socket, OPTION_SocketMode, ...: the rows of the table. */
enum option_id {
#define OPTION(name, group, type, member, allowed, def, doc) OPTION_##name,
#include "options.def"
#undef OPTION
    OPTION_COUNT,
};

/* What kind of value; one setter each in config_set.c. */
enum option_type {
    TYPE_BOOL,             /* bool */
    TYPE_COUNT,            /* unsigned */
    TYPE_SECONDS,          /* unsigned; written as a time */
    TYPE_TIME,             /* int64_t, microseconds */
    TYPE_SIZE,             /* size_t, octets */
    TYPE_MODE,             /* unsigned; written in octal */
    TYPE_WORD,             /* an enum */
    TYPE_NAME,             /* const char *: a name of the system, such as a group; NULL: not set */
    TYPE_PATH,             /* const char *: a file that will be written; NULL: not set */
    TYPE_READ_FILE,        /* const char *: a file that can be read; NULL: not set */
    TYPE_READ_FILES,       /* struct config_list of such */
    TYPE_HOSTS,            /* struct host_set * */
    TYPE_TABLE,            /* struct policy_table *; NULL: not set */
    TYPE_SOCKET,           /* struct config_socket */
    TYPE_USER,             /* struct config_user */
    TYPE_NAMESERVERS,      /* struct config_nameservers */
    TYPE_AUTHSERV_ID,      /* const char * */
    TYPE_AUTHSERV_ALIASES, /* struct config_list */
    TYPE_REJECT_TEXT,      /* const char * */
    TYPE_FIELD_NAME,       /* const char * */
    TYPE_TABLE_SOURCE,     /* const char *: what table_source_parse() takes; NULL: not set */
    TYPE_DIRECTORY,        /* const char *: a directory that exists; NULL: not set */
    TYPE_CANONICALIZATION, /* struct signing_settings: relaxed_header, relaxed_body */
    TYPE_SIGN_HEADERS,     /* struct signing_settings: sign_headers */
    TYPE_OVERSIGN_HEADERS, /* struct signing_settings: oversign_headers */
    TYPE_SIGNATURE_TTL,    /* int64_t, seconds; written as a time */
    TYPE_NAMES,            /* struct config_list of names of the mail server */
    TYPE_REPORT_STORE,     /* const char *: absolute path or postgresql:// URI; NULL: not set */
    TYPE_ADDRESS,          /* const char *: "local@domain"; not set: dmarc-noreply at AuthservID */
    TYPE_TEXT,             /* const char *: one line of UTF-8; NULL: not set */
    TYPE_TRANSPORT,        /* const char *: see report/transport.h */
    TYPE_INCLUDE,          /* acted on while reading; struct config_list of the files read */
    TYPE_COUNT_OF_TYPES,
};

enum option_group {
    GROUP_CONNECTION,
    GROUP_IDENTITY,
    GROUP_CLIENTS,
    GROUP_POLICY,
    GROUP_SIGNING,
    GROUP_REPORTS,
    GROUP_CHECKS,
    GROUP_DNS,
    GROUP_LIMITS,
    GROUP_LOG,
    GROUP_FILES,
};

struct option_word {
    const char *name; /* NULL ends a list */
    int value;
};

struct config_option {
    const char *name;
    enum option_group group;
    enum option_type type;
    size_t offset;                   /* of the member in struct config, octets */
    const struct option_word *words; /* TYPE_WORD; else NULL */
    int64_t min, max;                /* in the member's unit; both 0: no range */
    const char *default_text;        /* as it would be written in the file; "": not set */
    const char *doc;
};

/* OPTION_COUNT rows, by enum option_id. */
extern const struct config_option config_options[];

/* Heading of a group in the sample file. */
const char *option_group_title(enum option_group group);

/* The option of that name, upper and lower case being the same; NULL: unknown. */
const struct config_option *option_find(struct bytes name);

/* The option whose name is meant, probably; NULL when none is near. */
const struct config_option *option_nearest(struct bytes name);

/* What an administrator of OpenDKIM, OpenDMARC or OpenARC should know who uses
 * one of their option names: "OnReject does that", ...; NULL: no such name. */
const char *option_foreign_hint(struct bytes name);

/* True when several values may be given, separated by commas or on several lines. */
bool option_is_list(const struct config_option *option);

/* Appends what is allowed, as a phrase: "a time from 100ms to 60s". */
void option_describe(struct strbuf *buf, const struct config_option *option);

/* Appends a value in the unit that suits it: "500ms", "20s", "512K". */
void option_format_time(struct strbuf *buf, int64_t microseconds);
void option_format_size(struct strbuf *buf, int64_t octets);

/* The word for a value of a TYPE_WORD option; "?" when there is none. */
const char *option_word_name(const struct config_option *option, int value);

#endif
