/* tool.h - what the commands of `assay` share. */
#ifndef ASSAY_TOOL_H
#define ASSAY_TOOL_H

#include "evaluate.h"
#include "second_opinion.h"

#include <jansson.h>
#include <stdio.h>

/* One command: its name, a line for the overview, and what runs it. Commands
 * return an exit code of sysexits.h. */
struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

int command_check(int argc, char **argv);
int command_spf(int argc, char **argv);
int command_config(int argc, char **argv);
int command_lint(int argc, char **argv);
int command_import(int argc, char **argv);
int command_genkey(int argc, char **argv);
int command_checkkey(int argc, char **argv);
int command_selftest(int argc, char **argv);
int command_keys(int argc, char **argv);
int command_report(int argc, char **argv);

/* The outcome as the JSON object of assay(1), and as text for people. `opinions` may be NULL:
 * libopendkim was not asked. */
json_t *outcome_json(const struct outcome *outcome, const struct second_opinions *opinions);
void outcome_text(FILE *out, const struct outcome *outcome, const struct second_opinions *opinions);

/* SPF alone, in the same words. */
json_t *spf_outcome_json(const struct spf_result *spf, struct dns_session *dns);
void spf_outcome_text(FILE *out, const struct spf_result *spf, struct dns_session *dns);

/* True when all that was needed from the DNS ended in a temporary error: EX_TEMPFAIL. */
bool resolver_unreachable(const struct dns_lookup *lookups);

/* Prints an object to standard output, indented, with a final line end. */
void print_json(json_t *object);

#endif
