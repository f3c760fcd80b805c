/* checkkey.c - `assay checkkey`: does the DNS have what our private keys need? */
#include "key_record.h"
#include "key_request.h"

#include <sysexits.h>

enum {
    EXIT_WRONG = 1, /* some key is not published as it should be */
    RECORD_MEMORY = 1 << 16,
};

struct check {
    json_t *keys; /* NULL: text */
    size_t good, wrong, unanswered;
};

static void print_record(const struct key_info *info)
{
    struct arena *arena = arena_new(RECORD_MEMORY);
    struct strbuf zone;
    if (!arena)
        return;
    strbuf_init(&zone, arena);
    key_record_zone(info->selector, info->domain, bytes_of(info->record), &zone);
    printf("    it should have:\n\n%s\n", strbuf_string(&zone));
    arena_free(arena);
}

static void print_text(const struct key_info *info)
{
    printf("%s._domainkey.%s: ", info->selector.name, info->domain.name);
    if (*info->problem) {
        printf("the private key cannot be used\n    %s\n", info->problem);
    } else if (info->state == KEY_PUBLISHED) {
        printf("good (%s, %u bits)\n", info->algorithm, info->bits);
    } else {
        printf("%s: %s\n    %s\n", key_state_name(info->state), info->reason, info->location);
        if (info->state != KEY_UNKNOWN)
            print_record(info);
    }
}

static void add_key(void *context, const struct key_info *info)
{
    struct check *check = context;
    if (*info->problem)
        check->wrong++;
    else if (info->state == KEY_UNKNOWN)
        check->unanswered++;
    else if (info->state == KEY_PUBLISHED)
        check->good++;
    else
        check->wrong++;
    if (check->keys)
        json_array_append_new(check->keys, key_json(info));
    else
        print_text(info);
}

static int exit_code(const struct check *check)
{
    if (check->wrong)
        return EXIT_WRONG;
    if (check->unanswered)
        return EX_TEMPFAIL;
    return check->good ? EX_OK : EX_NOINPUT;
}

int command_checkkey(int argc, char **argv)
{
    struct key_request request;
    struct check check = {0};
    int code;
    key_request_parse(
        argc, argv, true,
        "Compare private keys with what the DNS has.\v"
        "Exit code 0: all are published. 1: some are not, or cannot be used. 66: there "
        "is no such key. 75: the DNS did not answer.",
        &request);
    if (request.json)
        check.keys = json_array();
    bool good = key_request_run(&request, add_key, &check, &code);
    if (good) {
        code = exit_code(&check);
        if (code == EX_NOINPUT)
            fputs("assay: there is no such key\n", stderr);
    }
    if (good && request.json)
        print_json(json_pack("{s:b, s:o}", "good", code == EX_OK, "keys", check.keys));
    else
        json_decref(check.keys);
    arena_free(request.arena);
    return code;
}
