/* command_line.h - the command line of assayd. */
#ifndef ASSAY_COMMAND_LINE_H
#define ASSAY_COMMAND_LINE_H

#include "config.h"

enum { OVERRIDES_MAX = 4 }; /* -p -u -P -v */

struct command_line {
    const char *config_path;
    bool check_only; /* -n */
    struct config_override overrides[OVERRIDES_MAX];
    size_t override_count;
};

/* True: go on with *out. False: end with *exit_code; what there was to say has
 * been printed (-h, -V, wrong usage). */
bool command_line_parse(int argc, char **argv, struct command_line *out, int *exit_code);

#endif
