/* lint.c - `assay lint`: what domains publish, checked, in plain words; see lint.h. */
#include "lint.h"

#include "runtime_open.h"
#include "tool.h"

#include <argp.h>
#include <string.h>
#include <sysexits.h>

enum {
    DOMAINS_MAX = 1000,     /* on one command line */
    OVERRIDES_MAX = 64,     /* --zone and --nameserver */
    EXIT_ERRORS = 1,        /* some finding is an error */
    NAMES_MEMORY = 1 << 20, /* octets for the names of the command line */
};

struct request {
    const char *config_path; /* NULL: the daemon's, if it is there */
    bool json;
    struct arena *arena; /* owns the names */
    struct domain domains[DOMAINS_MAX];
    size_t domain_count;
    struct lint_selectors selectors; /* --selector */
    bool zone, nameserver;           /* given */
    struct config_override overrides[OVERRIDES_MAX];
    size_t override_count;
};

enum {
    KEY_SELECTOR = 256,
    KEY_NAMESERVER,
    KEY_ZONE,
    KEY_JSON,
};

static const struct argp_option rows[] = {
    {"selector", KEY_SELECTOR, "S", 0, "Look at the DKIM key of this selector, any number", 0},
    {"nameserver", KEY_NAMESERVER, "ADDR[@PORT]", 0, "Ask this name server instead", 0},
    {"zone", KEY_ZONE, "FILE", 0,
     "Answer from this zone file; without --nameserver it is the whole world", 0},
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

/* ---- command line ---- */

static void add_override(struct argp_state *state, const char *option, const char *value)
{
    struct request *request = state->input;
    if (request->override_count == OVERRIDES_MAX)
        argp_error(state, "more than %d of --zone and --nameserver", OVERRIDES_MAX);
    request->overrides[request->override_count++] = (struct config_override){option, value};
}

static struct domain parse_name(struct argp_state *state, const char *what, const char *text)
{
    const struct request *request = state->input;
    struct domain name = domain_parse(request->arena, bytes_of(text));
    if (domain_is_none(name))
        argp_error(state, "%s is no %s", text, what);
    return name;
}

static void add_domain(struct argp_state *state, const char *text)
{
    struct request *request = state->input;
    if (request->domain_count == DOMAINS_MAX)
        argp_error(state, "more than %d domains", DOMAINS_MAX);
    request->domains[request->domain_count++] = parse_name(state, "domain name", text);
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_SELECTOR:
        if (request->selectors.count == LINT_SELECTORS_MAX)
            argp_error(state, "more than %d of --selector", LINT_SELECTORS_MAX);
        lint_selectors_add(&request->selectors, parse_name(state, "selector", argument));
        return 0;
    case KEY_NAMESERVER:
        request->nameserver = true;
        add_override(state, "Nameservers", argument);
        return 0;
    case KEY_ZONE:
        request->zone = true;
        add_override(state, "LocalZone", argument);
        return 0;
    case 'c':
        request->config_path = argument;
        return 0;
    case KEY_JSON:
        request->json = true;
        return 0;
    case ARGP_KEY_ARG:
        add_domain(state, argument);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which domain?");
        return 0;
    case ARGP_KEY_END: /* as with assay check, a zone is the whole world */
        if (request->zone && !request->nameserver)
            add_override(state, "Nameservers", "none");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .args_doc = "DOMAIN...",
    .doc = "Check what a domain publishes for SPF, DKIM and DMARC, and say what is wrong, why it "
           "matters and what to do.\vExit 0: no errors; 1: errors; 75: no name server answered.",
};

/* ---- run ---- */

/* Those of the command line, and what this host signs the domain with. */
static void collect_selectors(const struct request *request, const struct config *config,
                              struct lint *lint, struct lint_selectors *selectors)
{
    const struct keys_config *keys = &config->keys;
    *selectors = request->selectors;
    if (keys->key_table)
        lint_selectors_of_table(lint->arena, keys->key_table, lint->domain, selectors);
    if (keys->key_directory)
        lint_selectors_of_directory(lint->arena, keys->key_directory, lint->domain, selectors);
    lint->selectors = selectors->items;
    lint->selector_count = selectors->count;
}

struct tally {
    bool errors;   /* some domain has an error */
    bool answered; /* some domain got answers */
    bool failed;   /* out of memory */
};

/* The findings of one domain go out; `list` collects them in JSON mode. */
static void publish(const struct request *request, const struct lint *lint, json_t *list,
                    struct tally *tally)
{
    if (request->json)
        json_array_append_new(list, lint_json(lint));
    else
        lint_print(stdout, lint);
    tally->errors = tally->errors || lint->counts[LINT_SEVERITY_ERROR];
    tally->answered = tally->answered || !resolver_unreachable(dns_session_lookups(lint->dns));
}

static void check_domain(const struct request *request, const struct runtime *runtime,
                         struct domain domain, json_t *list, struct tally *tally)
{
    const struct policy_env *env = &runtime->env;
    const struct dns_session_limits limits = {
        .queries = LINT_QUERIES_MAX,
        .query_timeout_us = runtime->config->policy.limits.resolver_timeout_us,
        .now_us = env->monotonic_us,
        .clock = env->clock};
    struct lint_selectors selectors;
    struct lint lint = {.arena = arena_new(LINT_MEMORY_MAX),
                        .domain = domain,
                        .dnssec = runtime->config->resolver.trust_anchor_file != NULL};
    lint.dns = lint.arena ? dns_session_new(lint.arena, env->resolver, &limits) : NULL;
    if (lint.dns) {
        dns_session_set_deadline(lint.dns, env->monotonic_us(env->clock) +
                                               (int64_t)LINT_SECONDS_MAX * 1000000);
        collect_selectors(request, runtime->config, &lint, &selectors);
        lint_domain(&lint);
        publish(request, &lint, list, tally);
    } else {
        fputs("assay: out of memory\n", stderr);
        tally->failed = true;
    }
    dns_session_free(lint.dns);
    arena_free(lint.arena);
}

static int check_domains(const struct request *request, const struct runtime *runtime)
{
    struct tally tally = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < request->domain_count; i++) {
        if (i && !request->json)
            putchar('\n');
        check_domain(request, runtime, request->domains[i], list, &tally);
    }
    if (request->json)
        print_json(json_pack("{s:O}", "domains", list));
    json_decref(list);
    if (tally.failed)
        return EX_OSERR;
    if (!tally.answered)
        return EX_TEMPFAIL;
    return tally.errors ? EXIT_ERRORS : EX_OK;
}

int command_lint(int argc, char **argv)
{
    static struct request request; /* large; used once per run of the tool */
    memset(&request, 0, sizeof(request));
    request.arena = arena_new(NAMES_MEMORY);
    if (!request.arena) {
        fputs("assay: out of memory\n", stderr);
        return EX_OSERR;
    }
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);

    int code = EX_CONFIG;
    struct runtime *runtime =
        runtime_open_without_keys(request.config_path, request.overrides, request.override_count);
    if (runtime)
        code = check_domains(&request, runtime);
    runtime_unref(runtime);
    arena_free(request.arena);
    return code;
}
