/* config.c - loading as a whole: read, set each option, check them together. */
#include "config_internal.h"

#include "redaction_key.h"

#include <stdlib.h>
#include <string.h>

/* ---- options that depend on each other ---- */

/* True when the option was given somewhere. */
static bool was_given(const struct loader *loader, enum option_id id)
{
    return loader->first[id] != NULL;
}

/* Where the option was given, for a message about it. */
static const struct source *source_of(const struct loader *loader, enum option_id id)
{
    static const struct source by_default = {.name = "default"};
    return loader->first[id] ? &loader->first[id]->source : &by_default;
}

static void check_limits(struct loader *loader)
{
    const struct limits *limits = &loader->config->policy.limits;
    if (limits->maximum_header_bytes > limits->message_memory / 4)
        loader_error(loader,
                     source_of(loader, was_given(loader, OPTION_MessageMemory)
                                           ? OPTION_MessageMemory
                                           : OPTION_MaximumHeaderBytes),
                     "MaximumHeaderBytes (%s) is more than a quarter of MessageMemory (%s); lower "
                     "the one or raise the other",
                     loader->config->values[OPTION_MaximumHeaderBytes].text,
                     loader->config->values[OPTION_MessageMemory].text);
    if (limits->resolver_timeout_us > limits->message_deadline_us)
        loader_warning(loader,
                       source_of(loader, was_given(loader, OPTION_ResolverTimeout)
                                             ? OPTION_ResolverTimeout
                                             : OPTION_MessageDeadline),
                       "ResolverTimeout (%s) is longer than MessageDeadline (%s), which ends a "
                       "lookup anyway",
                       loader->config->values[OPTION_ResolverTimeout].text,
                       loader->config->values[OPTION_MessageDeadline].text);
}

/* Options that were given and do nothing, because of another one. */
static void check_without_effect(struct loader *loader)
{
    const struct config *config = loader->config;
    const bool is_unix = config->milter.socket.family == SOCKET_UNIX;
    const struct {
        enum option_id option;
        bool has_effect;
        const char *why;
    } checks[] = {
        {OPTION_SocketMode, is_unix, "Socket is no unix socket"},
        {OPTION_SocketGroup, is_unix, "Socket is no unix socket"},
        {OPTION_SyslogFacility, config->log.syslog, "Syslog is no"},
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!config->values[checks[i].option].is_default && !checks[i].has_effect)
            loader_warning(loader, source_of(loader, checks[i].option), "%s has no effect: %s",
                           config_options[checks[i].option].name, checks[i].why);
    }
}

static void check_socket(struct loader *loader)
{
    const struct config_socket *socket = &loader->config->milter.socket;
    if (socket->host && (strcmp(socket->host, "0.0.0.0") == 0 || strcmp(socket->host, "::") == 0))
        loader_warning(loader, source_of(loader, OPTION_Socket),
                       "Socket: listens on every address; the milter protocol has no "
                       "authentication, so let a packet filter keep strangers away");
}

/* AuthservID and its aliases in one list, as policy/ wants them. */
static void join_ids(struct loader *loader)
{
    struct config *config = loader->config;
    const char **ids = arena_array(loader->arena, config->aliases.count + 1, sizeof(*ids));
    if (!ids)
        return;
    ids[0] = config->policy.authserv_id;
    for (size_t i = 0; i < config->aliases.count; i++)
        ids[i + 1] = config->aliases.items[i];
    config->policy.own_ids = (struct authserv_ids){ids, config->aliases.count + 1};
}

/* A KeyTable is of no use without a SigningTable, and the reverse. */
static void check_keys(struct loader *loader)
{
    const struct keys_config *keys = &loader->config->keys;
    if (!keys->key_table == !keys->signing_table)
        return;
    enum option_id given = keys->key_table ? OPTION_KeyTable : OPTION_SigningTable;
    loader_error(loader, source_of(loader, given),
                 "%s is set and %s is not; set both, or KeyDirectory", config_options[given].name,
                 keys->key_table ? "SigningTable" : "KeyTable");
}

/* Who we are in reports, when it was not said. */
static void name_reporter(struct loader *loader)
{
    struct report_config *report = &loader->config->report;
    if (!report->sender)
        report->sender =
            arena_printf(loader->arena, "dmarc-noreply@%s", loader->config->policy.authserv_id);
    const char *at = report->sender ? strrchr(report->sender, '@') : NULL;
    if (!report->org)
        report->org = at ? at + 1 : "";
}

/* A reporting period that does not divide a day would end at another time every day. */
static void check_reports(struct loader *loader)
{
    const struct report_config *report = &loader->config->report;
    enum { DAY_SECONDS = 86400 };
    if (DAY_SECONDS % report->interval != 0)
        loader_error(loader, source_of(loader, OPTION_ReportInterval),
                     "ReportInterval: %s does not divide a day; allowed: 1h, 2h, 3h, 4h, 6h, 8h, "
                     "12h, 1d and the like",
                     loader->config->values[OPTION_ReportInterval].text);
    const char *at = report->sender ? strrchr(report->sender, '@') : NULL;
    if (report->store && at && !strchr(at, '.'))
        loader_warning(loader, source_of(loader, OPTION_ReportStore),
                       "ReportSender: %s is at no full domain name, so reports cannot pass DMARC "
                       "and will be refused; set it to one such as dmarc-noreply@example.com",
                       report->sender);
    if (report->failure_reports && !report->store)
        loader_warning(loader, source_of(loader, OPTION_FailureReports),
                       "FailureReports has no effect: ReportStore is not set");
}

static void pass_to_policy(struct loader *loader)
{
    struct config *config = loader->config;
    join_ids(loader);
    name_reporter(loader);
    config->policy.report_sender = config->report.store ? config->report.sender : NULL;
    config->policy.failure_reports = config->report.store && config->report.failure_reports;
    config->policy.failure_redaction = config->report.failure_redaction;
    if (config->policy.failure_reports && !redaction_key(config->policy.redaction_key))
        loader_error(loader, source_of(loader, OPTION_FailureReports),
                     "FailureReports: no key to hash local parts with: neither /etc/machine-id nor "
                     "random octets can be had");
    config->policy.signing_daemons = config->signing_daemons.items;
    config->policy.signing_daemon_count = config->signing_daemons.count;
}

/* ---- life ---- */

static struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof(*config));
    if (!config)
        return NULL;
    config->references = 1;
    config->arena = arena_new(CONFIG_MEMORY_MAX);
    if (config->arena)
        return config;
    free(config);
    return NULL;
}

struct config *config_ref(struct config *config)
{
    __atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
    return config;
}

void config_unref(struct config *config)
{
    if (!config || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    arena_free(config->arena);
    free(config);
}

/* ---- loading ---- */

/* What stands outside of the file takes the place of what stands in it. */
static void apply_overrides(struct loader *loader, const struct config_override *overrides,
                            size_t count)
{
    static const char origin[] = "command line";
    const struct source source = {.name = origin};
    for (size_t i = 0; i < count; i++) {
        const struct config_option *option = option_find(bytes_of(overrides[i].option));
        if (!option || option->type == TYPE_INCLUDE) {
            loader_error(loader, &source, "there is no option %s",
                         loader_quote(loader, bytes_of(overrides[i].option)));
            continue;
        }
        size_t id = (size_t)(option - config_options);
        bool adds_up =
            option_is_list(option) && loader->first[id] && loader->first[id]->source.name == origin;
        if (!adds_up)
            loader->first[id] = loader->last[id] = NULL;
        loader_give(loader, option, overrides[i].value, origin);
    }
}

static void load(struct loader *loader, const char *path, const struct config_override *overrides,
                 size_t count)
{
    if (path)
        loader_read(loader, path);
    apply_overrides(loader, overrides, count);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        loader_set(loader, &config_options[i]);
    loader->config->files = (struct config_list){loader->files, loader->file_count};
    pass_to_policy(loader);
    if (loader->errors->error_count == 0) {
        check_keys(loader);
        check_limits(loader);
        check_reports(loader);
        check_without_effect(loader);
        check_socket(loader);
    }
}

struct config *config_load_with(const char *path, const struct config_override *overrides,
                                size_t count, struct config_errors *errors)
{
    struct config *config = config_new();
    struct loader loader = {.config = config, .errors = errors};
    if (config) {
        loader.arena = config->arena;
        loader.files = arena_array(config->arena, CONFIG_FILES_MAX, sizeof(*loader.files));
    }
    if (loader.files)
        load(&loader, path, overrides, count);
    if (!loader.files || arena_failed(config->arena))
        loader_error(&loader, NULL, "out of memory");
    else
        loader_sort_errors(&loader);
    if (errors->error_count == 0)
        return config;
    config_unref(config);
    return NULL;
}

struct config *config_load(const char *path, struct config_errors *errors)
{
    return config_load_with(path, NULL, 0, errors);
}

struct config *config_defaults(struct config_errors *errors)
{
    return config_load_with(NULL, NULL, 0, errors);
}
