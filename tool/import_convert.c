/* import_convert.c - conversions that look at one option alone, and the order of all. */
#include "import.h"

#include <string.h>

void import_not_needed(struct import *import, struct import_option *option)
{
    import_judge(import, option, IMPORT_NOT_NEEDED, NULL);
}

void import_changed(struct import *import, struct import_option *option)
{
    import_judge(import, option, IMPORT_CHANGED, NULL);
}

void import_no_equivalent(struct import *import, struct import_option *option)
{
    import_judge(import, option, IMPORT_NO_EQUIVALENT, NULL);
}

void import_unless_off(struct import *import, struct import_option *option)
{
    if (import_value_is_on(option->value))
        import_judge(import, option, IMPORT_NO_EQUIVALENT, NULL);
    else
        import_judge(import, option, IMPORT_NOT_NEEDED, "It is off, and there is nothing to do.");
}

void import_copy(struct import *import, struct import_option *option)
{
    import_set(import, option->row->target, option, option->value);
    import_judge(import, option, IMPORT_KEPT, NULL);
}

/* Within what our option allows; 0 is "no limit" to those programs. */
static void number(struct import *import, struct import_option *option, const char *unit)
{
    const struct config_option *ours = option_find(bytes_of(option->row->target));
    long given, used;
    if (!import_number(option->value, &given)) {
        import_judge(import, option, IMPORT_UNKNOWN, "It is no number.");
        return;
    }
    if (given <= 0 && (!ours || ours->min > 0)) {
        import_judge(import, option, IMPORT_CHANGED, "%s stays at its default, %s.",
                     option->row->target, ours ? ours->default_text : "none");
        return;
    }
    used = given;
    if (ours && ours->max && used > ours->max)
        used = (long)ours->max;
    if (ours && used < ours->min)
        used = (long)ours->min;
    import_set(import, option->row->target, option,
               bytes_of(arena_printf(import->arena, "%ld%s", used, unit)));
    if (used == given)
        import_judge(import, option, IMPORT_KEPT, NULL);
    else
        import_judge(import, option, IMPORT_CHANGED, "%s allows %ld to %ld, so %ld is used.",
                     option->row->target, (long)ours->min, (long)ours->max, used);
}

void import_count(struct import *import, struct import_option *option)
{
    number(import, option, "");
}

void import_seconds(struct import *import, struct import_option *option)
{
    number(import, option, "s");
}

void import_action(struct import *import, struct import_option *option)
{
    if (option->value.len && to_lower(option->value.data[0]) == 'a')
        import_judge(import, option, IMPORT_NOT_NEEDED, "Such a message is accepted here as well.");
    else
        import_judge(import, option, IMPORT_NO_EQUIVALENT, NULL);
}

void import_joined(struct import *import, struct import_option *option)
{
    (void)import;
    (void)option;
}

/* An option that stands in the file again further down does nothing. */
static void convert_single(struct import *import, struct import_option *option)
{
    const struct import_option *counts = import_given(
        import, option->program, arena_copy(import->arena, option->name.data, option->name.len));
    if (option->outcome != IMPORT_PENDING)
        return;
    if (!option->row)
        import_judge(import, option, IMPORT_UNKNOWN, "%s has no such option that we know of.",
                     import_program_name(option->program));
    else if (counts && counts != option)
        import_judge(import, option, IMPORT_NOT_NEEDED, "It is set again in line %u, which counts.",
                     counts->line);
    else
        option->row->convert(import, option);
}

void import_convert(struct import *import)
{
    for (struct import_option *option = import->first; option; option = option->next)
        convert_single(import, option);
    import_connection(import);
    import_identity(import);
    import_hosts(import);
    import_policy(import);
    import_spf(import);
    import_dns(import);
    import_log(import);
    import_signing(import);
    import_headers(import);
    for (struct import_option *option = import->first; option; option = option->next) {
        if (option->outcome == IMPORT_PENDING)
            import_judge(import, option, IMPORT_NOT_NEEDED, NULL);
    }
}
