/* check.c - `assay check` and `assay spf`: what the daemon would do, and why.
 *
 * Both read the daemon's configuration and drive the same evaluation.
 */
#include "message_file.h"
#include "runtime_open.h"
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { PROBE_MEMORY = 65536 }; /* octets, for one lookup */
enum { OVERRIDES_MAX = 64 };   /* --zone, --nameserver and --authserv-id on one command line */

struct request {
    const char *config_path; /* NULL: the daemon's, if it is there */
    struct ip client;
    const char *client_name;
    const char *helo;
    const char *mail_from; /* NULL: not given, as the null reverse-path */
    const char *recipients[OVERRIDES_MAX];
    size_t recipient_count;
    const char *message; /* path, "-" or NULL */
    bool takes_message;
    int64_t now; /* seconds since 1970; -1: the clock */
    bool json;
    bool opendkim; /* ask libopendkim too */
    struct config_override overrides[OVERRIDES_MAX];
    size_t override_count;
};

enum {
    KEY_CLIENT_IP = 256,
    KEY_CLIENT_NAME,
    KEY_HELO,
    KEY_MAIL_FROM,
    KEY_RCPT_TO,
    KEY_NAMESERVER,
    KEY_ZONE,
    KEY_AUTHSERV_ID,
    KEY_NOW,
    KEY_JSON,
    KEY_OPENDKIM,
};

static const struct argp_option rows[] = {
    {"client-ip", KEY_CLIENT_IP, "IP", 0, "Address of the SMTP client (needed)", 0},
    {"client-name", KEY_CLIENT_NAME, "NAME", 0, "Its confirmed host name", 0},
    {"helo", KEY_HELO, "NAME", 0, "Its HELO or EHLO argument", 0},
    {"mail-from", KEY_MAIL_FROM, "ADDRESS", 0, "MAIL FROM; empty or absent: null reverse-path", 0},
    {"rcpt-to", KEY_RCPT_TO, "ADDRESS", 0, "RCPT TO, any number", 0},
    {"nameserver", KEY_NAMESERVER, "ADDR[@PORT]", 0, "Ask this name server instead", 0},
    {"zone", KEY_ZONE, "FILE", 0,
     "Answer from this zone file; without --nameserver it is the whole world", 0},
    {"authserv-id", KEY_AUTHSERV_ID, "ID", 0, "Name in Authentication-Results", 0},
    {"now", KEY_NOW, "EPOCH", 0, "Seconds since 1970, for t= and x= of signatures", 0},
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {"opendkim", KEY_OPENDKIM, NULL, 0, "Ask libopendkim about each DKIM signature too", 0},
    {0},
};

static void add_override(struct argp_state *state, const char *option, const char *value)
{
    struct request *request = state->input;
    if (request->override_count == OVERRIDES_MAX)
        argp_error(state, "more than %d of --zone and --nameserver", OVERRIDES_MAX);
    request->overrides[request->override_count++] = (struct config_override){option, value};
}

static void add_recipient(struct argp_state *state, const char *address)
{
    struct request *request = state->input;
    if (request->recipient_count == OVERRIDES_MAX)
        argp_error(state, "more than %d of --rcpt-to", OVERRIDES_MAX);
    request->recipients[request->recipient_count++] = address;
}

/* A test with a zone of its own must not depend on what the network says. */
static void close_world(struct argp_state *state)
{
    const struct request *request = state->input;
    bool zone = false, nameserver = false;
    for (size_t i = 0; i < request->override_count; i++) {
        zone = zone || bytes_is(bytes_of(request->overrides[i].option), "LocalZone");
        nameserver = nameserver || bytes_is(bytes_of(request->overrides[i].option), "Nameservers");
    }
    if (zone && !nameserver)
        add_override(state, "Nameservers", "none");
}

static void set_now(struct argp_state *state, const char *text)
{
    struct request *request = state->input;
    unsigned long long now;
    if (!bytes_to_number(bytes_of(text), INT64_MAX, &now))
        argp_error(state, "--now %s: a number of seconds since 1970 is allowed", text);
    request->now = (int64_t)now;
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_CLIENT_IP:
        if (!ip_parse(bytes_of(argument), &request->client))
            argp_error(state, "--client-ip %s: an IPv4 or IPv6 address is allowed", argument);
        return 0;
    case KEY_CLIENT_NAME:
        request->client_name = argument;
        return 0;
    case KEY_HELO:
        request->helo = argument;
        return 0;
    case KEY_MAIL_FROM:
        request->mail_from = argument;
        return 0;
    case KEY_RCPT_TO:
        add_recipient(state, argument);
        return 0;
    case KEY_NAMESERVER:
        add_override(state, "Nameservers", argument);
        return 0;
    case KEY_ZONE:
        add_override(state, "LocalZone", argument);
        return 0;
    case KEY_AUTHSERV_ID:
        add_override(state, "AuthservID", argument);
        return 0;
    case KEY_NOW:
        set_now(state, argument);
        return 0;
    case 'c':
        request->config_path = argument;
        return 0;
    case KEY_JSON:
        request->json = true;
        return 0;
    case KEY_OPENDKIM:
        request->opendkim = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!request->takes_message || request->message)
            return ARGP_ERR_UNKNOWN;
        request->message = argument;
        return 0;
    case ARGP_KEY_END:
        if (request->client.family == IP_NONE)
            argp_error(state, "--client-ip is needed: SPF and the verdict depend on the client");
        close_world(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The address without "<>", which people copy along. */
static struct bytes plain_address(const char *text)
{
    struct bytes address = bytes_of(text);
    if (address.len >= 2 && address.data[0] == '<' && address.data[address.len - 1] == '>')
        return bytes_slice(address, 1, address.len - 2);
    return address;
}

bool resolver_unreachable(const struct dns_lookup *lookups)
{
    size_t used = 0;
    for (; lookups; lookups = lookups->next) {
        if (!lookups->used)
            continue;
        used++;
        if (!lookups->answer || lookups->answer->status != DNS_TEMPORARY)
            return false;
    }
    return used > 0;
}

/* A session with the deadline of a message; NULL when out of memory. */
static struct dns_session *open_session(const struct runtime *runtime, struct arena *arena)
{
    const struct policy_env *env = &runtime->env;
    const struct limits *limits = &runtime->config->policy.limits;
    const struct dns_session_limits dns_limits = {.queries = limits->maximum_queries,
                                                  .query_timeout_us = limits->resolver_timeout_us,
                                                  .now_us = env->monotonic_us,
                                                  .clock = env->clock};
    struct dns_session *dns = dns_session_new(arena, env->resolver, &dns_limits);
    if (dns)
        dns_session_set_deadline(dns, env->monotonic_us(env->clock) + limits->message_deadline_us);
    return dns;
}

/* libunbound says SERVFAIL of a server that fails and of one that is not there. So when
 * nothing at all was answered, a name is asked for that no server has a reason to
 * fail on (RFC 6761 6.4: it does not exist). */
static bool resolver_answers(const struct runtime *runtime)
{
    struct arena *arena = arena_new(PROBE_MEMORY);
    struct dns_session *dns = arena ? open_session(runtime, arena) : NULL;
    bool answers = dns && dns_query(dns, BYTES("probe.invalid"), DNS_TXT)->status != DNS_TEMPORARY;
    dns_session_free(dns);
    arena_free(arena);
    return answers;
}

static int exit_code(const struct runtime *runtime, const struct dns_lookup *lookups)
{
    return resolver_unreachable(lookups) && !resolver_answers(runtime) ? EX_TEMPFAIL : EX_OK;
}

/* With a session of its own for the keys that the evaluation did not need. NULL: out of memory. */
static const struct second_opinions *ask_opendkim(const struct runtime *runtime,
                                                  struct arena *arena,
                                                  const struct outcome *outcome,
                                                  struct bytes message)
{
    struct dns_session *dns = arena ? open_session(runtime, arena) : NULL;
    const struct second_opinion_request request = {
        .dkim = &outcome->dkim,
        .lookups = outcome->lookups,
        .session = dns,
        .message = message,
        .now = runtime->env.epoch(runtime->env.clock),
        .skew = runtime->config->policy.limits.clock_skew,
    };
    const struct second_opinions *opinions = arena ? second_opinion_ask(arena, &request) : NULL;
    dns_session_free(dns);
    return opinions;
}

static void print_outcome(const struct request *request, const struct runtime *runtime,
                          const struct outcome *outcome, struct bytes message)
{
    struct arena *arena = NULL;
    const struct second_opinions *opinions = NULL;
    if (request->opendkim && !outcome->originating && !outcome->out_of_memory) {
        arena = arena_new(runtime->config->policy.limits.message_memory);
        opinions = ask_opendkim(runtime, arena, outcome, message);
        if (!opinions)
            fputs("assay: libopendkim was not asked: out of memory\n", stderr);
    }
    if (request->json)
        print_json(outcome_json(outcome, opinions));
    else
        outcome_text(stdout, outcome, opinions);
    arena_free(arena);
}

static int check_message(const struct request *request, const struct runtime *runtime,
                         struct bytes text)
{
    const struct connection connection = {
        .client = request->client,
        .client_name = bytes_of(request->client_name),
        .helo = bytes_of(request->helo),
    };
    struct policy_settings settings = runtime->config->policy;
    settings.explain = true;
    struct evaluation *evaluation =
        evaluation_new(&runtime->env, &settings, &connection, plain_address(request->mail_from));
    if (!evaluation) {
        fputs("assay: out of memory\n", stderr);
        return EX_OSERR;
    }
    for (size_t i = 0; i < request->recipient_count; i++)
        evaluation_recipient(evaluation, plain_address(request->recipients[i]));
    message_file_feed(evaluation, text);
    const struct outcome *outcome = evaluation_finish(evaluation, NULL);
    print_outcome(request, runtime, outcome, text);
    int code = exit_code(runtime, outcome->lookups);
    evaluation_free(evaluation);
    return code;
}

static int check_spf(const struct request *request, const struct runtime *runtime)
{
    const struct policy_env *env = &runtime->env;
    const struct limits *limits = &runtime->config->policy.limits;
    const struct spf_request spf_request = {
        .scope = SPF_SCOPE_MAIL_FROM,
        .client = request->client,
        .helo = bytes_of(request->helo),
        .mail_from = plain_address(request->mail_from),
        .receiver = bytes_of(runtime->config->policy.authserv_id),
    };
    struct arena *arena = arena_new(limits->message_memory);
    struct dns_session *dns = arena ? open_session(runtime, arena) : NULL;
    if (!dns) {
        arena_free(arena);
        fputs("assay: out of memory\n", stderr);
        return EX_OSERR;
    }
    struct spf_result spf = {.want_explanation = true};
    spf_check(env, dns, arena, &spf_request, &spf);
    if (request->json)
        print_json(spf_outcome_json(&spf, dns));
    else
        spf_outcome_text(stdout, &spf, dns);
    int code = exit_code(runtime, dns_session_lookups(dns));
    dns_session_free(dns);
    arena_free(arena);
    return code;
}

static int run_with(const struct request *request, const struct runtime *runtime)
{
    struct bytes text;
    if (!request->message)
        return check_spf(request, runtime);
    if (!message_file_read(request->message, &text)) {
        fprintf(stderr, "assay: %s: %s\n", request->message, strerror(errno));
        return EX_DATAERR;
    }
    int code = check_message(request, runtime, text);
    free((void *)(uintptr_t)text.data);
    return code;
}

static int run(int argc, char **argv, bool takes_message)
{
    struct request request = {
        .takes_message = takes_message, .now = -1, .client_name = "", .helo = "", .mail_from = ""};
    const struct argp parser = {
        .options = rows,
        .parser = parse_key,
        .args_doc = takes_message ? "[MESSAGE|-]" : "",
        .doc = takes_message ? "Evaluate a message as the daemon would, and say why.\v"
                               "Without MESSAGE, SPF alone is evaluated."
                             : "Evaluate SPF alone, and say why.",
    };
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);

    int code = EX_CONFIG;
    struct runtime *runtime =
        runtime_open(request.config_path, request.overrides, request.override_count, request.now);
    if (runtime && policy_global_init()) {
        code = run_with(&request, runtime);
        policy_global_cleanup();
    }
    runtime_unref(runtime);
    return code;
}

int command_check(int argc, char **argv)
{
    return run(argc, argv, true);
}

int command_spf(int argc, char **argv)
{
    return run(argc, argv, false);
}
