/* command_line.c - the command line of assayd; see command_line.h. */
#include "command_line.h"

#include "version.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define DEFAULT_CONFIG SYSCONFDIR "/assay/assay.conf"

static const char usage[] =
    "Usage: assayd [-c FILE] [-p SOCKET] [-u USER[:GROUP]] [-P FILE] [-nv]\n"
    "Checks SPF, DKIM and DMARC for Postfix and Sendmail (milter). Stays in the foreground.\n"
    "\n"
    "  -c, --config=FILE         configuration [" DEFAULT_CONFIG "]\n"
    "  -n, --check               check the configuration and exit\n"
    "  -p, --socket=SOCKET       in place of Socket, e.g. unix:/run/assay/assay.sock,\n"
    "                            inet:8891@127.0.0.1\n"
    "  -u, --user=USER[:GROUP]   in place of UserID\n"
    "  -P, --pid-file=FILE       in place of PidFile\n"
    "  -v, --verbose             LogLevel debug\n"
    "  -V, --version             print versions and exit\n"
    "  -h, --help                print this and exit\n"
    "\n"
    "Signals: SIGHUP and SIGUSR1 reload, SIGTERM and SIGINT stop after the messages under way.\n"
    "See assayd(8) and assay.conf(5).\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 'n'},
    {"socket", required_argument, NULL, 'p'},
    {"user", required_argument, NULL, 'u'},
    {"pid-file", required_argument, NULL, 'P'},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Given twice, the last one counts. */
static void set_override(struct command_line *line, const char *option, const char *value)
{
    size_t i = 0;
    while (i < line->override_count && strcmp(line->overrides[i].option, option) != 0)
        i++;
    line->overrides[i] = (struct config_override){option, value};
    if (i == line->override_count)
        line->override_count++;
}

static bool finish(int *exit_code, int code)
{
    *exit_code = code;
    return false;
}

bool command_line_parse(int argc, char **argv, struct command_line *out, int *exit_code)
{
    *out = (struct command_line){.config_path = DEFAULT_CONFIG};
    for (int option;
         (option = getopt_long(argc, argv, "c:np:u:P:vVh", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            out->config_path = optarg;
            break;
        case 'n':
            out->check_only = true;
            break;
        case 'p':
            set_override(out, "Socket", optarg);
            break;
        case 'u':
            set_override(out, "UserID", optarg);
            break;
        case 'P':
            set_override(out, "PidFile", optarg);
            break;
        case 'v':
            set_override(out, "LogLevel", "debug");
            break;
        case 'V':
            version_print(stdout, "assayd");
            return finish(exit_code, EX_OK);
        case 'h':
            fputs(usage, stdout);
            return finish(exit_code, EX_OK);
        default:
            fputs("Try: assayd --help\n", stderr);
            return finish(exit_code, EX_USAGE);
        }
    }
    if (optind == argc)
        return true;
    fprintf(stderr, "assayd: unexpected argument: %s\nTry: assayd --help\n", argv[optind]);
    return finish(exit_code, EX_USAGE);
}
