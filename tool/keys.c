/* keys.c - `assay keys`: the state of each key, and which of them signs. */
#include "key_request.h"

#include <sysexits.h>

struct listing {
    json_t *keys; /* NULL: text */
    size_t count;
};

static void print_text(const struct key_info *info)
{
    printf("%s %s", info->domain.name, info->selector.name);
    if (*info->problem) {
        printf(": cannot be used\n    %s\n", info->problem);
        return;
    }
    printf(" %s %u: %s, %s%s%s\n    %s\n", info->algorithm, info->bits, key_state_name(info->state),
           info->signs ? "signs" : "does not sign", *info->reason ? ": " : "", info->reason,
           info->location);
}

static void add_key(void *context, const struct key_info *info)
{
    struct listing *listing = context;
    listing->count++;
    if (listing->keys)
        json_array_append_new(listing->keys, key_json(info));
    else
        print_text(info);
}

int command_keys(int argc, char **argv)
{
    struct key_request request;
    struct listing listing = {0};
    int code;
    key_request_parse(argc, argv, false,
                      "Show the state of each signing key, and whether it signs.\v"
                      "Of several keys of one domain and algorithm the newest signs that the DNS "
                      "answers with. The states are looked up now; assayd does so by itself.",
                      &request);
    if (request.json)
        listing.keys = json_array();
    bool good = key_request_run(&request, add_key, &listing, &code);
    if (good && request.json)
        print_json(json_pack("{s:o}", "keys", listing.keys));
    else
        json_decref(listing.keys);
    if (good && !request.json && listing.count == 0)
        puts("no key");
    arena_free(request.arena);
    return code;
}
