/* import.h - what the parts of `assay import` share.
 *
 * The order of work: import_read.c reads the files of the other programs into a
 * list of options; import_convert() judges each by the table import_map.def and
 * by what the options of all programs say together, and drafts lines of
 * assay.conf; import_check.c lets the daemon's own parser try each line; and
 * import_write.c prints the result. All memory is the arena's.
 */
#ifndef ASSAY_IMPORT_H
#define ASSAY_IMPORT_H

#include "config.h"

enum import_program {
    IMPORT_OPENDKIM,
    IMPORT_OPENDMARC,
    IMPORT_OPENARC,
    IMPORT_POLICYD_SPF,
    IMPORT_PROGRAM_COUNT,
};

/* What became of an option. */
enum import_outcome {
    IMPORT_PENDING,       /* not judged yet */
    IMPORT_KEPT,          /* a line says the same */
    IMPORT_CHANGED,       /* something near; the note says what differs */
    IMPORT_NOT_NEEDED,    /* Assay does without */
    IMPORT_NO_EQUIVALENT, /* Assay does not do that */
    IMPORT_UNKNOWN,       /* the other program does not have it either, or it cannot be read */
    IMPORT_OUTCOME_COUNT,
};

/* One option as a file gives it, and what became of it. */
struct import_option {
    enum import_program program;
    struct bytes name, value; /* without comment and blanks around; value may be empty */
    const char *file;
    unsigned line;
    const struct import_row *row; /* NULL: unknown */
    enum import_outcome outcome;
    const char *note; /* a sentence or more; NULL: none */
    struct import_option *next;
};

struct import;

/* A row of import_map.def. */
struct import_row {
    enum import_program program;
    const char *name;
    void (*convert)(struct import *import, struct import_option *option);
    const char *target; /* our option that takes its place; "": none */
    const char *note;
};

extern const struct import_row import_rows[];
extern const size_t import_row_count;

/* A line of the assay.conf that is drafted. */
struct import_line {
    const char *option; /* ours */
    struct bytes *items;
    size_t count, capacity;
    const char *comment; /* its lines end in LF; NULL: none */
    const char *refused; /* why it is written as a comment only; NULL: it is in force */
    struct import_line *next;
};

/* A table that has no file yet: KeyTable, SigningTable, PolicyTable. */
struct import_table {
    const char *option;
    struct strbuf rows;
    size_t count;
};

enum { IMPORT_TABLES_MAX = 3 };

struct import {
    struct arena *arena;
    const char *paths[IMPORT_PROGRAM_COUNT]; /* NULL: not imported */
    struct import_option *first, *last;
    struct import_line *first_line, *last_line;
    struct import_table tables[IMPORT_TABLES_MAX];
    const char *tables_directory; /* --tables; NULL: rows are printed as comments */
};

/* "OpenDKIM", "policyd-spf". */
const char *import_program_name(enum import_program program);

/* "kept", "changed", "not needed", "no equivalent", "unknown". */
const char *import_outcome_name(enum import_outcome outcome);

/* ---- import_draft.c ---- */

/* The row for an option; NULL: there is none. */
const struct import_row *import_row_find(enum import_program program, struct bytes name);

/* The occurrence that counts, which is the last one; NULL: not given. */
struct import_option *import_given(struct import *import, enum import_program program,
                                   const char *name);

/* The value of a boolean: its first letter decides, as in those programs. */
bool import_value_is_on(struct bytes value);
bool import_is_on(struct import *import, enum import_program program, const char *name);

/* A number as strtol() with base 0 takes it ("022" is octal). */
bool import_number(struct bytes value, long *out);

/* Sets the outcome; the row's note stands when format is NULL. option NULL: does nothing. */
void import_judge(struct import *import, struct import_option *option, enum import_outcome outcome,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Drafts a line "target value". `from` is named in its comment, with the option's
 * note; NULL: nothing is. */
struct import_line *import_set(struct import *import, const char *target,
                               const struct import_option *from, struct bytes value);

/* The line of that option, a new and empty one when there is none; NULL when out of memory. */
struct import_line *import_line(struct import *import, const char *target);

/* One more item, unless the line has it. */
void import_add_item(struct import *import, struct import_line *line, struct bytes item);
void import_add_comment(struct import *import, struct import_line *line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "OpenDKIM InternalHosts 192.0.2.0/24 (/etc/opendkim.conf:12)" */
const char *import_origin(struct import *import, const struct import_option *option);

/* A path below the program's BaseDirectory when it is relative. */
struct bytes import_path(struct import *import, enum import_program program, struct bytes path);

void import_add_row(struct import *import, const char *table, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- conversions of single options, named in import_map.def ---- */

void import_not_needed(struct import *import, struct import_option *option);
void import_changed(struct import *import, struct import_option *option);
void import_no_equivalent(struct import *import, struct import_option *option);
void import_unless_off(struct import *import, struct import_option *option);
void import_copy(struct import *import, struct import_option *option);
void import_count(struct import *import, struct import_option *option);
void import_seconds(struct import *import, struct import_option *option);
void import_action(struct import *import, struct import_option *option);
void import_joined(struct import *import, struct import_option *option);

/* ---- decisions over options together; each judges the options it has looked at ---- */

void import_connection(struct import *import);
void import_identity(struct import *import);
void import_hosts(struct import *import);
void import_policy(struct import *import);
void import_spf(struct import *import);
void import_dns(struct import *import);
void import_log(struct import *import);
void import_signing(struct import *import);
void import_headers(struct import *import);

/* ---- the steps ---- */

/* Judges all options and drafts all lines. */
void import_convert(struct import *import);

/* Gives the tables a place: files in tables_directory, which are written (never over one
 * that is there), else the configuration itself. False after an error on standard error. */
bool import_place_tables(struct import *import);

/* Turns lines that assayd would not load into comments that say why. False, and
 * what is wrong with them together on standard error, when they do not load all the same. */
bool import_check(struct import *import);

void import_write(FILE *out, struct import *import);

/* A new reference; NULL when out of memory. */
json_t *import_json(struct import *import);

#endif
