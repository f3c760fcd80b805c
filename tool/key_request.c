/* key_request.c - what `assay keys` and `assay checkkey` have in common; see
 * key_request.h. */
#include "key_request.h"

#include "runtime_open.h"

#include <argp.h>
#include <string.h>
#include <sysexits.h>

enum {
    KEY_DOMAIN = 256,
    KEY_SELECTOR,
    KEY_NAMESERVER,
    KEY_ZONE,
    KEY_JSON,
    NAMES_MEMORY = 1 << 16, /* octets for the names of the command line */
};

static const struct argp_option rows[] = {
    {"domain", KEY_DOMAIN, "DOMAIN", 0, "Only keys of this domain (d=)", 0},
    {"selector", KEY_SELECTOR, "SELECTOR", 0, "Only keys of this selector (s=)", 0},
    {"nameserver", KEY_NAMESERVER, "ADDR[@PORT]", 0, "Ask this name server instead", 0},
    {"zone", KEY_ZONE, "FILE", 0,
     "Answer from this zone file; without --nameserver it is the whole world", 0},
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

struct parsing {
    struct key_request *request;
    bool all_word;
};

static void add_override(struct argp_state *state, const char *option, const char *value)
{
    struct key_request *request = ((struct parsing *)state->input)->request;
    if (request->override_count == KEY_REQUEST_OVERRIDES)
        argp_error(state, "more than %d of --zone and --nameserver", KEY_REQUEST_OVERRIDES);
    request->overrides[request->override_count++] = (struct config_override){option, value};
}

static struct domain parse_name(struct argp_state *state, const char *option, const char *text)
{
    const struct key_request *request = ((struct parsing *)state->input)->request;
    struct domain name = domain_parse(request->arena, bytes_of(text));
    if (domain_is_none(name))
        argp_error(state, "%s %s: this is no name for the DNS", option, text);
    return name;
}

static void finish(struct argp_state *state)
{
    const struct parsing *parsing = state->input;
    const struct key_request *request = parsing->request;
    if (parsing->all_word && !request->all && domain_is_none(request->filter.domain))
        argp_error(state, "name a key with --domain and --selector, or say: all");
    if (request->zone && !request->nameserver) /* as with assay check */
        add_override(state, "Nameservers", "none");
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    struct key_request *request = parsing->request;
    switch (key) {
    case KEY_DOMAIN:
        request->filter.domain = parse_name(state, "--domain", argument);
        return 0;
    case KEY_SELECTOR:
        request->filter.selector = parse_name(state, "--selector", argument);
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
        if (!parsing->all_word || strcmp(argument, "all") != 0)
            return ARGP_ERR_UNKNOWN;
        request->all = true;
        return 0;
    case ARGP_KEY_END:
        finish(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void key_request_parse(int argc, char **argv, bool all_word, const char *doc,
                       struct key_request *request)
{
    const struct argp parser = {
        .options = rows,
        .parser = parse_key,
        .args_doc = all_word ? "[all]" : "",
        .doc = doc,
    };
    struct parsing parsing = {request, all_word};
    *request = (struct key_request){.arena = arena_new(NAMES_MEMORY)};
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &parsing);
}

static void ignore(void *context, const struct key_info *info)
{
    (void)context;
    (void)info;
}

/* Going through them once makes them wanted, so that they are looked up. */
static bool list_keys(const struct key_request *request, const struct runtime *runtime,
                      void (*each)(void *context, const struct key_info *info), void *context)
{
    const struct key_filter *filter = &request->filter;
    if (!key_store_each(runtime->keys, filter, ignore, NULL))
        return false;
    key_rotation_check_now(runtime->keys, &runtime->env, filter, true);
    return key_store_each(runtime->keys, filter, each, context);
}

bool key_request_run(const struct key_request *request,
                     void (*each)(void *context, const struct key_info *info), void *context,
                     int *code)
{
    bool good = false;
    *code = EX_CONFIG;
    struct runtime *runtime =
        runtime_open(request->config_path, request->overrides, request->override_count, -1);
    if (!runtime)
        return false;
    if (!runtime->keys) {
        fputs("assay: no keys are configured: set KeyDirectory, or KeyTable and SigningTable\n",
              stderr);
    } else if (policy_global_init()) {
        good = list_keys(request, runtime, each, context);
        policy_global_cleanup();
        *code = good ? EX_OK : EX_OSERR;
        if (!good)
            fputs("assay: out of memory\n", stderr);
    }
    runtime_unref(runtime);
    return good;
}

json_t *key_json(const struct key_info *info)
{
    json_t *key = json_object();
    json_object_set_new(key, "domain", json_string(info->domain.name));
    json_object_set_new(key, "selector", json_string(info->selector.name));
    json_object_set_new(key, "algorithm", json_string(info->algorithm));
    json_object_set_new(key, "bits", json_integer(info->bits));
    json_object_set_new(key, "state", json_string(key_state_name(info->state)));
    json_object_set_new(key, "reason", json_string(info->reason));
    json_object_set_new(key, "signs", json_boolean(info->signs));
    json_object_set_new(key, "location", json_string(info->location));
    json_object_set_new(key, "problem", json_string(info->problem));
    json_object_set_new(key, "record", json_string(info->record));
    return key;
}
