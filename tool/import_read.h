/* import_read.h - reading the files of OpenDKIM, OpenDMARC, OpenARC and policyd-spf. */
#ifndef ASSAY_IMPORT_READ_H
#define ASSAY_IMPORT_READ_H

#include "import.h"

enum {
    IMPORT_FILE_MAX = 16 << 20, /* octets of one file */
    IMPORT_INCLUDE_MAX = 5,     /* levels of Include, as in those programs */
};

/* Appends the options of a program's file to import->first..last, and of those
 * that it includes. What is wrong within is an option with the outcome
 * IMPORT_UNKNOWN and a note. False, with *problem, when the file itself cannot be read. */
bool import_read(struct import *import, enum import_program program, const char *path,
                 const char **problem);

/* Where the entries of a data set are, by the spelling of its value. */
enum dataset_kind {
    DATASET_LIST,     /* inline: "a, b", "csl:a,b", "x=1,y=2" */
    DATASET_FILE,     /* "file:/path" or "/path" */
    DATASET_PATTERNS, /* "refile:/path": keys are patterns with "*" */
    DATASET_SERVER,   /* a database, a directory, a script */
};

struct dataset {
    enum dataset_kind kind;
    struct bytes text;   /* LIST: the list; FILE and PATTERNS: the path */
    const char *backend; /* SERVER: "an LDAP directory", ...; else NULL */
};

struct dataset_entry {
    struct bytes key, value; /* value may be empty */
    unsigned line;           /* in the file, or place in the list; from 1 */
    struct dataset_entry *next;
};

/* Relative paths are resolved with import_path(). */
struct dataset dataset_parse(struct import *import, enum import_program program,
                             struct bytes value);

/* The entries in order; NULL and *problem when they cannot be read, NULL alone
 * when there are none. */
struct dataset_entry *dataset_entries(struct import *import, const struct dataset *dataset,
                                      const char **problem);

#endif
