/* report.c - `assay report`: finds the part that is asked for. */
#include "report.h"

#include "tool.h"

#include <string.h>
#include <sysexits.h>

static const struct command parts[] = {
    {"send", "send the reports that are due", report_send},
    {"show", "show what waits, what was sent, and who refuses", report_show},
    {"read", "read the reports that others send about your domains", report_read},
    {"bounce", "count a bounce of a report against its address", report_bounce},
    {"suppress", "send no more reports to an address, or list such addresses", report_suppress},
};

enum {
    PART_COUNT = sizeof(parts) / sizeof(parts[0]),
    TITLE_MAX = 40 /* octets of "assay report PART" */
};

static void usage(FILE *out)
{
    fputs("usage: assay report PART [OPTIONS]\n\n", out);
    for (size_t i = 0; i < PART_COUNT; i++)
        fprintf(out, "  %-8s  %s\n", parts[i].name, parts[i].summary);
    fputs("\n\"assay report PART --help\" lists the options of a part; the manual is "
          "assay-report(1).\n",
          out);
}

int command_report(int argc, char **argv)
{
    static char title[TITLE_MAX];
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return EX_OK;
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (strcmp(parts[i].name, name) != 0)
            continue;
        snprintf(title, sizeof(title), "assay report %s", name);
        argv[1] = title;
        return parts[i].run(argc - 1, argv + 1);
    }
    if (*name)
        fprintf(stderr, "assay report: there is no part \"%s\"\n", name);
    usage(stderr);
    return EX_USAGE;
}
