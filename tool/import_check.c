/* import_check.c - lets the daemon's own parser try what has been drafted.
 *
 * Whatever the other programs' files hold, the result is a configuration that
 * assayd loads: a line that it would refuse is written as a comment with its reason.
 */
#include "import.h"

#include <string.h>

enum {
    OVERRIDES_MAX = 4096, /* values of all lines together */
};

struct attempt {
    struct import *import;
    struct config_override *overrides;
    size_t count;
};

static void add(struct attempt *attempt, const struct import_line *line)
{
    for (size_t i = 0; i < line->count && attempt->count < OVERRIDES_MAX; i++)
        attempt->overrides[attempt->count++] = (struct config_override){
            line->option,
            arena_copy(attempt->import->arena, line->items[i].data, line->items[i].len)};
}

static bool loads(const struct attempt *attempt, struct config_errors *errors)
{
    memset(errors, 0, sizeof(*errors));
    struct config *config = config_load_with(NULL, attempt->overrides, attempt->count, errors);
    config_unref(config);
    return config != NULL;
}

static bool is_key_option(const char *name)
{
    return strcmp(name, "KeyTable") == 0 || strcmp(name, "SigningTable") == 0;
}

/* What the parser says, without where. */
static const char *complaint(struct import *import, const struct config_errors *errors)
{
    static const char prefix[] = "command line: ";
    const char *text = errors->errors[0];
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
        text += sizeof(prefix) - 1;
    return arena_copy(import->arena, text, strlen(text));
}

/* One line for itself; the two tables of keys make sense together only. */
static bool line_loads(struct attempt *attempt, const struct import_line *line,
                       struct config_errors *errors)
{
    attempt->count = 0;
    add(attempt, line);
    for (struct import_line *other = attempt->import->first_line; other; other = other->next) {
        if (other != line && !other->refused && is_key_option(line->option) &&
            is_key_option(other->option))
            add(attempt, other);
    }
    return loads(attempt, errors);
}

/* Leaves out what is wrong in a list, and the line when nothing else is left. */
static void try_line(struct attempt *attempt, struct import_line *line,
                     struct config_errors *errors)
{
    size_t kept = 0, count = line->count;
    if (line_loads(attempt, line, errors))
        return;
    const char *why = complaint(attempt->import, errors);
    for (size_t i = 0; count > 1 && i < count; i++) {
        struct import_line alone = {.option = line->option, .items = &line->items[i], .count = 1};
        if (line_loads(attempt, &alone, errors))
            line->items[kept++] = line->items[i];
        else
            import_add_comment(attempt->import, line, "Left out: %s",
                               complaint(attempt->import, errors));
    }
    if (kept)
        line->count = kept;
    if (kept == 0 || !line_loads(attempt, line, errors))
        line->refused = arena_printf(attempt->import->arena, "assayd would refuse it: %s", why);
}

static bool try_all(struct attempt *attempt, struct config_errors *errors)
{
    attempt->count = 0;
    for (const struct import_line *line = attempt->import->first_line; line; line = line->next) {
        if (!line->refused)
            add(attempt, line);
    }
    return loads(attempt, errors);
}

bool import_check(struct import *import)
{
    static struct config_errors errors;
    struct attempt attempt = {.import = import};
    attempt.overrides = arena_array(import->arena, OVERRIDES_MAX, sizeof(*attempt.overrides));
    if (!attempt.overrides)
        return false;
    for (struct import_line *line = import->first_line; line; line = line->next) {
        if (!line->refused && !option_find(bytes_of(line->option)))
            line->refused = "this version of Assay has no such option";
    }
    if (try_all(&attempt, &errors))
        return true;
    for (struct import_line *line = import->first_line; line; line = line->next) {
        if (!line->refused)
            try_line(&attempt, line, &errors);
    }
    if (try_all(&attempt, &errors))
        return true;
    config_print_errors(stderr, "assay import: ", &errors);
    return false;
}
