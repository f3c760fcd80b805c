/* config.c - `assay config`: the configuration in force, or all defaults. */
#include "config.h"
#include "runtime_open.h"
#include "tool.h"

#include <argp.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    KEY_DEFAULTS = 256,
    KEY_CHANGED,
    KEY_JSON,
};

struct request {
    const char *path;
    bool defaults, changed, json;
};

static const struct argp_option rows[] = {
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"defaults", KEY_DEFAULTS, NULL, 0, "All options with their defaults, no file is read", 0},
    {"changed", KEY_CHANGED, NULL, 0, "Only what differs from the defaults", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'c':
        request->path = argument;
        return 0;
    case KEY_DEFAULTS:
        request->defaults = true;
        return 0;
    case KEY_CHANGED:
        request->changed = true;
        return 0;
    case KEY_JSON:
        request->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .doc = "Show the configuration in force. It is checked as the daemon checks it; errors name "
           "file and line.",
};

int command_config(int argc, char **argv)
{
    struct request request = {0};
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);
    if (request.defaults && !request.json) {
        config_print_defaults(stdout, false);
        return EX_OK;
    }
    struct config *config = request.defaults ? open_config_file(NULL, NULL, 0)
                                             : open_config_file(config_path(request.path), NULL, 0);
    if (!config)
        return EX_CONFIG;
    if (request.json)
        print_json(config_json(config, request.changed));
    else
        config_dump(stdout, config, request.changed);
    config_unref(config);
    return EX_OK;
}
