/* key_request.h - what `assay keys` and `assay checkkey` have in common: their command
 * line, and the keys with what the DNS says about them. */
#ifndef ASSAY_KEY_REQUEST_H
#define ASSAY_KEY_REQUEST_H

#include "runtime.h"
#include "tool.h"

enum { KEY_REQUEST_OVERRIDES = 64 }; /* --zone and --nameserver */

struct key_request {
    const char *config_path; /* NULL: the daemon's, if it is there */
    struct key_filter filter;
    bool all; /* the argument "all" */
    bool json;
    struct arena *arena; /* owns the names */
    bool zone, nameserver;
    struct config_override overrides[KEY_REQUEST_OVERRIDES];
    size_t override_count;
};

/* Reads the command line into *request, exits with EX_USAGE when it is wrong. `all_word`: the
 * argument "all" is taken, and needed when no domain is named. The caller frees
 * request->arena. */
void key_request_parse(int argc, char **argv, bool all_word, const char *doc,
                       struct key_request *request);

/* Opens the configuration, looks all keys of the request up in the DNS and calls
 * each(context, info) for them. False, after a message, with *code to exit with. */
bool key_request_run(const struct key_request *request,
                     void (*each)(void *context, const struct key_info *info), void *context,
                     int *code);

/* A key as a JSON object. */
json_t *key_json(const struct key_info *info);

#endif
