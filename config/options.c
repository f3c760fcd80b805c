/* options.c - the option table of assay.conf as data; see options.h.
 *
 * The compiler checks here that every row's type fits the member it fills.
 */
#include "options.h"

#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <syslog.h>

#define HOUR_S         3600
#define MILLISECOND_US INT64_C(1000)
#define SECOND_US      INT64_C(1000000)
#define KIB            (INT64_C(1) << 10)
#define MIB            (INT64_C(1) << 20)
#define GIB            (INT64_C(1) << 30)

/* ---- words ---- */

static const struct option_word mode_words[] = {
    {"enforce", MODE_ENFORCE},
    {"monitor", MODE_MONITOR},
    {NULL, 0},
};

static const struct option_word failure_words[] = {
    {"reject", ACTION_REJECT},
    {"quarantine", ACTION_QUARANTINE},
    {"tag", ACTION_TAG},
    {"accept", ACTION_ACCEPT},
    {NULL, 0},
};

static const struct option_word temp_error_words[] = {
    {"policy", TEMP_ERROR_POLICY},
    {"accept", TEMP_ERROR_ACCEPT},
    {"tempfail", TEMP_ERROR_TEMPFAIL},
    {NULL, 0},
};

static const struct option_word unsafe_keys_words[] = {
    {"refuse", UNSAFE_KEYS_REFUSE},
    {"warn", UNSAFE_KEYS_WARN},
    {NULL, 0},
};

static const struct option_word report_when_words[] = {
    {"accepted", REPORT_WHEN_ACCEPTED},
    {"passed", REPORT_WHEN_PASSED},
    {"always", REPORT_WHEN_ALWAYS},
    {NULL, 0},
};

static const struct option_word log_format_words[] = {
    {"text", LOG_FORMAT_TEXT},
    {"json", LOG_FORMAT_JSON},
    {NULL, 0},
};

static const struct option_word log_level_words[] = {
    {"error", LOG_ERR}, {"warning", LOG_WARNING}, {"info", LOG_INFO}, {"debug", LOG_DEBUG},
    {NULL, 0},
};

static const struct option_word facility_words[] = {
    {"mail", LOG_MAIL},     {"daemon", LOG_DAEMON},
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV},
    {"user", LOG_USER},     {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
    {"local7", LOG_LOCAL7}, {NULL, 0},
};

/* ---- the table ---- */

#define NOTHING         NULL, 0, 0
#define RANGE(min, max) NULL, (min), (max)
#define WORDS(list)     list##_words, 0, 0

const struct config_option config_options[] = {
#define OPTION(name, group, type, member, allowed, def, doc)                                       \
    [OPTION_##name] = {#name,   GROUP_##group, TYPE_##type, offsetof(struct config, member),       \
                       allowed, def,           doc},
#include "options.def"
#undef OPTION
};

/* FITS_x(m): the member m is what a setter of TYPE_x writes. */
#define IS(type, m)              _Generic((m), type : 1, default : 0)
#define FITS_BOOL(m)             IS(bool, m)
#define FITS_COUNT(m)            IS(unsigned, m)
#define FITS_SECONDS(m)          IS(unsigned, m)
#define FITS_TIME(m)             IS(int64_t, m)
#define FITS_SIZE(m)             IS(size_t, m)
#define FITS_MODE(m)             IS(unsigned, m)
#define FITS_WORD(m)             (sizeof(m) == sizeof(int))
#define FITS_NAME(m)             IS(const char *, m)
#define FITS_PATH(m)             IS(const char *, m)
#define FITS_READ_FILE(m)        IS(const char *, m)
#define FITS_READ_FILES(m)       IS(struct config_list, m)
#define FITS_HOSTS(m)            IS(struct host_set *, m)
#define FITS_TABLE(m)            IS(struct policy_table *, m)
#define FITS_SOCKET(m)           IS(struct config_socket, m)
#define FITS_USER(m)             IS(struct config_user, m)
#define FITS_NAMESERVERS(m)      IS(struct config_nameservers, m)
#define FITS_AUTHSERV_ID(m)      IS(const char *, m)
#define FITS_AUTHSERV_ALIASES(m) IS(struct config_list, m)
#define FITS_REJECT_TEXT(m)      IS(const char *, m)
#define FITS_FIELD_NAME(m)       IS(const char *, m)
#define FITS_TABLE_SOURCE(m)     IS(const char *, m)
#define FITS_DIRECTORY(m)        IS(const char *, m)
#define FITS_CANONICALIZATION(m) IS(struct signing_settings, m)
#define FITS_SIGN_HEADERS(m)     IS(struct signing_settings, m)
#define FITS_OVERSIGN_HEADERS(m) IS(struct signing_settings, m)
#define FITS_SIGNATURE_TTL(m)    IS(int64_t, m)
#define FITS_NAMES(m)            IS(struct config_list, m)
#define FITS_REPORT_STORE(m)     IS(const char *, m)
#define FITS_ADDRESS(m)          IS(const char *, m)
#define FITS_TEXT(m)             IS(const char *, m)
#define FITS_TRANSPORT(m)        IS(const char *, m)
#define FITS_INCLUDE(m)          IS(struct config_list, m)

#define OPTION(name, group, type, member, allowed, def, doc)                                       \
    static_assert(FITS_##type(((struct config *)0)->member), #name ": type does not fit");
#include "options.def"
#undef OPTION

/* ---- names ---- */

const char *option_group_title(enum option_group group)
{
    static const char *const titles[] = {
        [GROUP_CONNECTION] = "Connection to the mail server",
        [GROUP_IDENTITY] = "Our name",
        [GROUP_CLIENTS] = "Who is checked",
        [GROUP_POLICY] = "What is done",
        [GROUP_SIGNING] = "Signing",
        [GROUP_REPORTS] = "Reports",
        [GROUP_CHECKS] = "How it is checked",
        [GROUP_DNS] = "DNS",
        [GROUP_LIMITS] = "Limits",
        [GROUP_LOG] = "Log",
        [GROUP_FILES] = "Further files",
    };
    return titles[group];
}

const struct config_option *option_find(struct bytes name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (bytes_is(name, config_options[i].name))
            return &config_options[i];
    }
    return NULL;
}

bool option_is_list(const struct config_option *option)
{
    switch (option->type) {
    case TYPE_READ_FILES:
    case TYPE_HOSTS:
    case TYPE_NAMESERVERS:
    case TYPE_AUTHSERV_ALIASES:
    case TYPE_SIGN_HEADERS:
    case TYPE_OVERSIGN_HEADERS:
    case TYPE_NAMES:
    case TYPE_INCLUDE:
        return true;
    default:
        return false;
    }
}

const char *option_word_name(const struct config_option *option, int value)
{
    for (const struct option_word *word = option->words; word && word->name; word++) {
        if (word->value == value)
            return word->name;
    }
    return "?";
}

/* ---- descriptions ---- */

void option_format_time(struct strbuf *buf, int64_t microseconds)
{
    const int64_t hours = microseconds / (HOUR_S * SECOND_US);
    if (hours && microseconds % (HOUR_S * SECOND_US) == 0)
        strbuf_printf(buf, "%lld%s", (long long)(hours % 24 ? hours : hours / 24),
                      hours % 24 ? "h" : "d");
    else if (microseconds % SECOND_US == 0)
        strbuf_printf(buf, "%llds", (long long)(microseconds / SECOND_US));
    else
        strbuf_printf(buf, "%lldms", (long long)(microseconds / MILLISECOND_US));
}

void option_format_size(struct strbuf *buf, int64_t octets)
{
    if (octets && octets % GIB == 0)
        strbuf_printf(buf, "%lldG", (long long)(octets / GIB));
    else if (octets && octets % MIB == 0)
        strbuf_printf(buf, "%lldM", (long long)(octets / MIB));
    else if (octets && octets % KIB == 0)
        strbuf_printf(buf, "%lldK", (long long)(octets / KIB));
    else
        strbuf_printf(buf, "%lld", (long long)octets);
}

static void describe_words(struct strbuf *buf, const struct option_word *word)
{
    for (; word->name; word++) {
        strbuf_puts(buf, word->name);
        if (word[1].name)
            strbuf_puts(buf, word[2].name ? ", " : " or ");
    }
}

static void describe_range(struct strbuf *buf, const struct config_option *option)
{
    const bool is_time = option->type == TYPE_TIME || option->type == TYPE_SECONDS;
    const int64_t unit = option->type == TYPE_SECONDS ? SECOND_US : 1;
    strbuf_puts(buf, is_time ? "a time from "
                             : (option->type == TYPE_SIZE ? "a size from " : "a number from "));
    for (int i = 0; i < 2; i++) {
        int64_t bound = i ? option->max : option->min;
        if (is_time)
            option_format_time(buf, bound * unit);
        else if (option->type == TYPE_SIZE)
            option_format_size(buf, bound);
        else
            strbuf_printf(buf, "%lld", (long long)bound);
        if (i == 0)
            strbuf_puts(buf, " to ");
    }
}

void option_describe(struct strbuf *buf, const struct config_option *option)
{
    static const char *const phrases[TYPE_COUNT_OF_TYPES] = {
        [TYPE_BOOL] = "yes or no",
        [TYPE_NAME] = "a name",
        [TYPE_PATH] = "an absolute path",
        [TYPE_READ_FILE] = "a file",
        [TYPE_READ_FILES] = "files, separated by commas",
        [TYPE_HOSTS] = "a list of hosts, or files with one host per line",
        [TYPE_TABLE] = "a file",
        [TYPE_SOCKET] = "unix:/path, inet:host:port or inet6:[address]:port",
        [TYPE_USER] = "user or user:group",
        [TYPE_NAMESERVERS] =
            "system, recursive, none, or a list of addresses, each with @port if not 53",
        [TYPE_AUTHSERV_ID] = "a domain name, or HOSTNAME",
        [TYPE_AUTHSERV_ALIASES] = "a list of domain names, each with a leading dot for all below",
        [TYPE_REJECT_TEXT] = "up to 300 printable ASCII characters; {domain}, {reason}, {policy} "
                             "and {queue-id} are filled in",
        [TYPE_FIELD_NAME] = "a header field name",
        [TYPE_TABLE_SOURCE] =
            "a file, file:/path, refile:/path for one with wildcards, or csl:name=value,...",
        [TYPE_DIRECTORY] = "an absolute path of a directory",
        [TYPE_CANONICALIZATION] =
            "relaxed/relaxed, relaxed/simple, simple/relaxed or simple/simple",
        [TYPE_SIGN_HEADERS] = "a list of header field names that may be signed",
        [TYPE_OVERSIGN_HEADERS] = "a list of header field names that may be signed",
        [TYPE_SIGNATURE_TTL] = "a time of at least 1h, or 0 for none",
        [TYPE_NAMES] = "a list of names",
        [TYPE_REPORT_STORE] = "an absolute path, or postgresql://user@host/database",
        [TYPE_ADDRESS] = "an address such as dmarc-noreply@example.com, printable ASCII",
        [TYPE_TEXT] = "up to 200 octets of text in UTF-8, in one line",
        [TYPE_TRANSPORT] = "sendmail:/path, smtp://host, smtp://host:port or smtps://host:port",
        [TYPE_INCLUDE] = "files or patterns, separated by commas",
    };
    if (option->type == TYPE_WORD)
        describe_words(buf, option->words);
    else if (option->type == TYPE_MODE)
        strbuf_printf(buf, "an octal mode from 0 to %04llo", (unsigned long long)option->max);
    else if (phrases[option->type])
        strbuf_puts(buf, phrases[option->type]);
    else
        describe_range(buf, option);
}
