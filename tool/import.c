/* import.c - `assay import`: an assay.conf out of the files of OpenDKIM, OpenDMARC, OpenARC and
 * policyd-spf. */
#include "import.h"

#include "import_read.h"
#include "tool.h"

#include <argp.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    KEY_PROGRAM = 256, /* and the programs' numbers on top */
    KEY_TABLES = 300,
    KEY_JSON,
    IMPORT_MEMORY = 256 << 20, /* octets */
};

struct request {
    const char *paths[IMPORT_PROGRAM_COUNT];
    const char *tables;
    bool json, any;
};

static const struct argp_option rows[] = {
    {"opendkim", KEY_PROGRAM + IMPORT_OPENDKIM, "FILE", 0, "opendkim.conf", 0},
    {"opendmarc", KEY_PROGRAM + IMPORT_OPENDMARC, "FILE", 0, "opendmarc.conf", 0},
    {"openarc", KEY_PROGRAM + IMPORT_OPENARC, "FILE", 0, "openarc.conf", 0},
    {"policyd-spf", KEY_PROGRAM + IMPORT_POLICYD_SPF, "FILE", 0, "policyd-spf.conf", 0},
    {"tables", KEY_TABLES, "DIR", 0,
     "Write the tables that have to be made (KeyTable, SigningTable, PolicyTable) into this "
     "directory, never over a file that is there",
     0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    if (key >= KEY_PROGRAM && key < KEY_PROGRAM + IMPORT_PROGRAM_COUNT) {
        request->paths[key - KEY_PROGRAM] = argument;
        request->any = true;
        return 0;
    }
    switch (key) {
    case KEY_TABLES:
        request->tables = argument;
        return 0;
    case KEY_JSON:
        request->json = true;
        return 0;
    case ARGP_KEY_END:
        if (!request->any)
            argp_error(state, "name at least one file to import");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .doc = "Print an assay.conf that does what the files of other programs say, with a comment "
           "for every option that is not needed any more, changes its meaning or has no "
           "equivalent. Tables of keys and hosts are left where they are and referred to.",
};

static int print(struct import *import, bool json)
{
    json_t *object = json ? import_json(import) : NULL;
    if (arena_failed(import->arena) || (json && !object)) {
        fputs("assay import: out of memory\n", stderr);
        json_decref(object);
        return EX_OSERR;
    }
    if (json)
        print_json(object);
    else
        import_write(stdout, import);
    return EX_OK;
}

static int run(struct import *import, const struct request *request)
{
    for (int i = 0; i < IMPORT_PROGRAM_COUNT; i++) {
        const char *problem;
        if (request->paths[i] &&
            !import_read(import, (enum import_program)i, request->paths[i], &problem)) {
            fprintf(stderr, "assay import: cannot read %s: %s\n", request->paths[i], problem);
            return EX_NOINPUT;
        }
    }
    import->tables_directory = request->tables;
    import_convert(import);
    if (!import_place_tables(import))
        return EX_CANTCREAT;
    bool good = import_check(import);
    int code = print(import, request->json);
    return code == EX_OK && !good ? EX_CONFIG : code;
}

int command_import(int argc, char **argv)
{
    struct request request = {0};
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);
    struct import import = {.arena = arena_new(IMPORT_MEMORY)};
    if (!import.arena) {
        fputs("assay import: out of memory\n", stderr);
        return EX_OSERR;
    }
    int code = run(&import, &request);
    arena_free(import.arena);
    return code;
}
