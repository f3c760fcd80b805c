/* main.c - assay, the command-line tool: finds the command and runs it. */
#include "tool.h"

#include <string.h>
#include <sysexits.h>

static const struct command commands[] = {
    {"check", "evaluate a message as the daemon would, and say why", command_check},
    {"spf", "evaluate SPF alone", command_spf},
    {"config", "show the configuration in force, or all defaults", command_config},
    {"import", "make an assay.conf out of the files of OpenDKIM and its sisters", command_import},
    {"lint", "check what a domain publishes for SPF, DKIM and DMARC", command_lint},
    {"genkey", "make a signing key, and print the record that publishes it", command_genkey},
    {"checkkey", "compare signing keys with what the DNS has", command_checkkey},
    {"selftest", "show a running milter the tricks that get past filters", command_selftest},
    {"keys", "show the state of each signing key", command_keys},
    {"report", "send, show and read DMARC reports", command_report},
};

enum {
    COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]),
    TITLE_MAX = 40 /* octets of "assay COMMAND" */
};

static void usage(FILE *out)
{
    fputs("usage: assay COMMAND [OPTIONS]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n\"assay COMMAND --help\" lists the options of a command; the manual is assay(1).\n",
          out);
}

/* Messages and usage name both words. */
static int run(const struct command *command, int argc, char **argv)
{
    static char title[TITLE_MAX];
    snprintf(title, sizeof(title), "assay %s", command->name);
    argv[0] = title;
    return command->run(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EX_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return EX_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("assay " PACKAGE_VERSION);
        return EX_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return run(&commands[i], argc - 1, argv + 1);
    }
    fprintf(stderr, "assay: there is no command \"%s\"\n", name);
    usage(stderr);
    return EX_USAGE;
}
