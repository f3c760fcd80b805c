/* import_read.c - the readers of `assay import`; see import_read.h.
 *
 * OpenDKIM, OpenDMARC and OpenARC share a format: name, blanks, value; "#" ends a
 * line wherever it stands, and the last occurrence of an option counts.
 * policyd-spf writes "name = value".
 */
#include "import_read.h"

#include "table_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

static const char *read_stream(struct import *import, FILE *stream, struct bytes *content)
{
    size_t len = 0, room = 64 << 10;
    char *data = malloc(room);
    while (data) {
        len += fread(data + len, 1, room - len, stream);
        if (len < room || room > IMPORT_FILE_MAX)
            break;
        char *grown = realloc(data, room *= 2);
        if (!grown)
            free(data);
        data = grown;
    }
    const char *problem = !data                    ? "out of memory"
                          : ferror(stream)         ? strerror(errno)
                          : len >= IMPORT_FILE_MAX ? "it is too large"
                                                   : NULL;
    if (!problem)
        *content = arena_bytes(import->arena, (struct bytes){data, len});
    free(data);
    return problem;
}

/* What is wrong, or NULL. */
static const char *read_file(struct import *import, const char *path, struct bytes *content)
{
    FILE *stream = path ? fopen(path, "re") : NULL;
    if (!stream)
        return path ? strerror(errno) : "out of memory";
    const char *problem = read_stream(import, stream, content);
    fclose(stream);
    return problem;
}

/* The next line without its comment, trimmed; false at the end. */
static bool next_line(struct bytes *rest, struct bytes *line)
{
    if (rest->len == 0)
        return false;
    size_t end = bytes_find(*rest, '\n');
    *line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 1, rest->len);
    *line = bytes_trim(bytes_slice(*line, 0, bytes_find(*line, '#')));
    return true;
}

/* Splits at the first blank, or at the first of those that `separator` adds to it. */
static void split(struct bytes line, char separator, struct bytes *name, struct bytes *value)
{
    size_t end = 0;
    while (end < line.len && !is_wsp((unsigned char)line.data[end]) && line.data[end] != separator)
        end++;
    *name = bytes_slice(line, 0, end);
    *value = bytes_trim(bytes_slice(line, end, line.len));
    if (separator != ' ' && value->len && value->data[0] == separator)
        *value = bytes_trim(bytes_slice(*value, 1, value->len));
}

/* ---- options ---- */

static struct import_option *append(struct import *import, const struct import_option *option)
{
    struct import_option *copy = arena_alloc(import->arena, sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *option;
    if (import->last)
        import->last->next = copy;
    else
        import->first = copy;
    import->last = copy;
    return copy;
}

static const char *read_level(struct import *import, enum import_program program, const char *path,
                              unsigned level);

static void include(struct import *import, struct import_option *option, unsigned level)
{
    const char *path = arena_copy(import->arena, option->value.data, option->value.len);
    const char *problem = level < IMPORT_INCLUDE_MAX
                              ? read_level(import, option->program, path, level + 1)
                              : "more than five levels deep";
    if (problem)
        import_judge(import, option, IMPORT_UNKNOWN, "the file cannot be read: %s", problem);
    else
        import_judge(import, option, IMPORT_NOT_NEEDED, "its options have been read");
}

static const char *read_level(struct import *import, enum import_program program, const char *path,
                              unsigned level)
{
    struct bytes rest = BYTES_EMPTY, line;
    const char *problem = read_file(import, path, &rest);
    struct import_option option = {.program = program, .file = path};
    if (problem)
        return problem;
    while (next_line(&rest, &line)) {
        option.line++;
        if (line.len == 0)
            continue;
        split(line, program == IMPORT_POLICYD_SPF ? '=' : ' ', &option.name, &option.value);
        option.row = import_row_find(program, option.name);
        struct import_option *added = append(import, &option);
        if (!added)
            return "out of memory";
        if (option.value.len == 0 && program != IMPORT_POLICYD_SPF)
            import_judge(import, added, IMPORT_UNKNOWN, "the value is missing");
        else if (program != IMPORT_POLICYD_SPF && bytes_is(option.name, "Include"))
            include(import, added, level);
    }
    return NULL;
}

bool import_read(struct import *import, enum import_program program, const char *path,
                 const char **problem)
{
    import->paths[program] = path;
    *problem = read_level(import, program, path, 0);
    return *problem == NULL;
}

/* ---- data sets ---- */

struct dataset dataset_parse(struct import *import, enum import_program program, struct bytes value)
{
    static const struct {
        struct bytes prefix;
        enum dataset_kind kind;
        const char *backend;
    } kinds[] = {
        {BYTES("csl:"), DATASET_LIST, NULL},
        {BYTES("file:"), DATASET_FILE, NULL},
        {BYTES("refile:"), DATASET_PATTERNS, NULL},
        {BYTES("db:"), DATASET_SERVER, "a Berkeley DB file"},
        {BYTES("mdb:"), DATASET_SERVER, "an LMDB directory"},
        {BYTES("dsn:"), DATASET_SERVER, "an SQL database"},
        {BYTES("ldap:"), DATASET_SERVER, "an LDAP directory"},
        {BYTES("ldaps:"), DATASET_SERVER, "an LDAP directory"},
        {BYTES("ldapi:"), DATASET_SERVER, "an LDAP directory"},
        {BYTES("lua:"), DATASET_SERVER, "a Lua script"},
        {BYTES("memcache:"), DATASET_SERVER, "memcached"},
        {BYTES("erlang:"), DATASET_SERVER, "an Erlang node"},
    };
    struct dataset dataset = {.kind = DATASET_LIST, .text = value};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (bytes_starts_nocase(value, kinds[i].prefix)) {
            dataset.kind = kinds[i].kind;
            dataset.backend = kinds[i].backend;
            dataset.text = bytes_trim(bytes_slice(value, kinds[i].prefix.len, value.len));
            break;
        }
    }
    bool bare = dataset.text.data == value.data; /* no prefix */
    if (bare && value.len > 3 && bytes_is(bytes_slice(value, value.len - 3, 3), ".db")) {
        dataset.kind = DATASET_SERVER;
        dataset.backend = "a Berkeley DB file";
    } else if (bare && value.len && value.data[0] == '/') {
        dataset.kind = DATASET_FILE;
    }
    if (dataset.kind == DATASET_FILE || dataset.kind == DATASET_PATTERNS)
        dataset.text = import_path(import, program, dataset.text);
    return dataset;
}

/* Where the next entry is to be hung. */
struct entries {
    struct import *import;
    struct dataset_entry *first, **end;
};

static void add_entry(struct entries *entries, const struct table_reader *row)
{
    struct dataset_entry *entry = arena_alloc(entries->import->arena, sizeof(*entry));
    if (!entry)
        return;
    *entry = (struct dataset_entry){.key = row->key, .value = row->value, .line = row->line};
    *entries->end = entry;
    entries->end = &entry->next;
}

struct dataset_entry *dataset_entries(struct import *import, const struct dataset *dataset,
                                      const char **problem)
{
    struct entries entries = {.import = import};
    struct table_reader reader = {.rest = dataset->text};
    entries.end = &entries.first;
    *problem = NULL;
    switch (dataset->kind) {
    case DATASET_LIST:
        reader.form = TABLE_LIST;
        break;
    case DATASET_FILE:
    case DATASET_PATTERNS:
        reader.form = dataset->kind == DATASET_FILE ? TABLE_FILE : TABLE_WILDCARDS;
        *problem = read_file(
            import, arena_copy(import->arena, dataset->text.data, dataset->text.len), &reader.rest);
        break;
    case DATASET_SERVER:
        *problem = "it is no file";
        break;
    }
    while (!*problem && table_next_row(&reader))
        add_entry(&entries, &reader);
    return entries.first;
}
