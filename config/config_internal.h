/* config_internal.h - what the parts of the loader share; for config/ alone. */
#ifndef ASSAY_CONFIG_INTERNAL_H
#define ASSAY_CONFIG_INTERNAL_H

#include "config.h"

enum {
    CONFIG_FILE_MAX = 64 << 20,    /* octets of one file */
    CONFIG_FILES_MAX = 1000,       /* files read, included ones counted */
    CONFIG_INCLUDE_MAX = 5,        /* levels below the main file */
    CONFIG_MEMORY_MAX = 512 << 20, /* octets of all that is kept */
    CONFIG_VALUE_SHOWN = 120,      /* octets of a wrong value repeated in a message */
};

/* Where a text stands. */
struct source {
    const char *file; /* NULL: not in a file */
    unsigned line;    /* from 1; 0: the file as a whole */
    const char *name; /* instead of a file: "command line", "default" */
};

/* One value: an element of a list, or the only one. */
struct item {
    struct bytes text; /* without quotes; setters put the normal form here */
    struct source source;
};

/* One line, override or default that gave an option. */
struct given {
    const struct config_option *option;
    struct item *items;
    size_t count;
    struct source source;
    struct given *next;
};

struct loader {
    struct config *config;
    struct arena *arena; /* the config's */
    struct config_errors *errors;
    struct given *first[OPTION_COUNT], *last[OPTION_COUNT];
    const char **files; /* CONFIG_FILES_MAX */
    size_t file_count;
    struct source error_sources[CONFIG_ERRORS_MAX]; /* of errors->errors */
};

/* ---- config_errors.c ---- */

void loader_error(struct loader *loader, const struct source *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void loader_warning(struct loader *loader, const struct source *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the errors in the order of the files and lines that they are about. */
void loader_sort_errors(struct loader *loader);

/* "'text'", made harmless, for messages. Lives in the loader's arena. */
const char *loader_quote(struct loader *loader, struct bytes text);

/* "file:line", or the source's name. Lives in the arena. */
const char *loader_source_text(struct loader *loader, const struct source *source);

/* ---- config_read.c ---- */

/* Reads the main file and what it includes into loader->first[]. */
void loader_read(struct loader *loader, const char *path);

/* Adds one given option with a single literal value. */
void loader_give(struct loader *loader, const struct config_option *option, const char *value,
                 const char *source_name);

/* Reads a whole file, which `option` at `source` names; false after the error has been reported.
 * option "" and no source: the main file. */
bool loader_read_file(struct loader *loader, const char *path, const struct source *source,
                      const char *option, struct bytes *content);

/* Calls each(context, entry) for each line of a file of one entry per line, comments and
 * blank lines dropped. each() returns what is wrong, or NULL. */
void loader_each_entry(struct loader *loader, const char *path, const struct source *source,
                       const char *option, const char *(*each)(void *context, struct bytes entry),
                       void *context);

/* `path`, relative to the file that `source` names. */
const char *loader_path(struct loader *loader, struct bytes path, const struct source *source);

/* ---- config_value.c: pure ---- */

/* Takes the next line off *rest; false when there is none. CR before LF is dropped. */
bool value_next_line(struct bytes *rest, struct bytes *line);

/* The line without a comment ("#" at its start or after a blank, not within quotes), trimmed. */
struct bytes value_strip_comment(struct bytes line);

/* Splits at commas when is_list; takes quotes away. NULL when good, else what is wrong (static). */
const char *value_split(struct arena *arena, struct bytes text, bool is_list,
                        const struct source *source, struct item **items, size_t *count);

/* Appends text so that value_split() reads it back, in quotes where need be. */
void value_quote(struct strbuf *buf, struct bytes text, bool is_list);

bool value_bool(struct bytes text, bool *out);
bool value_time(struct bytes text,
                int64_t *microseconds);              /* "5s", "500ms", "5m", "1h", "1d", "5" */
bool value_size(struct bytes text, int64_t *octets); /* "64K", "1M", "2G", "1000" */
bool value_octal(struct bytes text, unsigned *out);
/* What is wrong with a RejectText (static), or NULL. */
const char *value_check_reject_text(struct bytes text);
bool value_is_field_name(struct bytes text);

/* ---- config_set.c ---- */

/* An option being set. */
struct setting {
    struct loader *loader;
    const struct config_option *option;
    struct item *items;
    size_t count; /* 0: not set, possible when the default is "" */
    void *member;
};

/* Reports "NAME: 'text' what". */
void setting_complain(const struct setting *setting, const struct item *item, const char *what);

/* Reports that the item is not allowed, and what is. */
void setting_complain_allowed(const struct setting *setting, const struct item *item);

/* A NUL-terminated copy that lives as long as the configuration. */
const char *setting_string(const struct setting *setting, struct bytes text);

/* All items as strings. */
struct config_list setting_list(const struct setting *setting);

/* ---- config_set_signing.c: setters of the types that signing has ---- */

void set_table_source(struct setting *setting);
void set_directory(struct setting *setting);
void set_canonicalization(struct setting *setting);
void set_sign_headers(struct setting *setting);
void set_oversign_headers(struct setting *setting);
void set_signature_ttl(struct setting *setting);
void set_names(struct setting *setting);

/* ---- config_set_report.c: setters of the types that reports have ---- */

void set_report_store(struct setting *setting);
void set_address(struct setting *setting);
void set_text(struct setting *setting);
void set_transport(struct setting *setting);

/* Gives the option its value out of what was given, else its default. */
void loader_set(struct loader *loader, const struct config_option *option);

#endif
