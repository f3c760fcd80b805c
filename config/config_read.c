/* config_read.c - files into lines, lines into given options; includes.
 *
 * Relies on config_value.c for the grammar. What a value means is not known here.
 */
#include "config_internal.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- reading a file ---- */

/* Reads up to CONFIG_FILE_MAX octets and one more; NULL with errno set on failure. */
static char *read_stream(FILE *stream, size_t *len)
{
    size_t capacity = 4096;
    char *data = malloc(capacity);
    *len = 0;
    while (data && *len <= CONFIG_FILE_MAX) {
        if (*len == capacity) {
            char *grown = realloc(data, capacity * 2);
            if (!grown)
                break;
            data = grown;
            capacity *= 2;
        }
        size_t got = fread(data + *len, 1, capacity - *len, stream);
        *len += got;
        if (got == 0 && feof(stream))
            return data;
        if (got == 0)
            break;
    }
    int reason = *len > CONFIG_FILE_MAX ? EFBIG : errno;
    free(data);
    errno = reason;
    return NULL;
}

static bool is_directory(FILE *stream)
{
    struct stat status;
    return fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode);
}

bool loader_read_file(struct loader *loader, const char *path, const struct source *source,
                      const char *option, struct bytes *content)
{
    size_t len = 0;
    char *data = NULL;
    if (loader->file_count == CONFIG_FILES_MAX) {
        loader_error(loader, source, "%s: more than %d files; is there a loop?", option,
                     CONFIG_FILES_MAX);
        return false;
    }
    FILE *stream = fopen(path, "re");
    if (stream && is_directory(stream))
        errno = EISDIR;
    else if (stream)
        data = read_stream(stream, &len);
    if (!data) {
        int reason = errno;
        if (stream)
            fclose(stream);
        loader_error(loader, source, "%s%scannot read %s: %s", option, *option ? ": " : "", path,
                     strerror(reason));
        return false;
    }
    fclose(stream);
    loader->files[loader->file_count++] = arena_copy(loader->arena, path, strlen(path));
    *content = arena_bytes(loader->arena, (struct bytes){data, len});
    free(data);
    if (bytes_starts_nocase(*content, BYTES("\xef\xbb\xbf"))) /* some editors' UTF-8 mark */
        *content = bytes_slice(*content, 3, content->len);
    return true;
}

const char *loader_path(struct loader *loader, struct bytes path, const struct source *source)
{
    const char *slash = source->file ? strrchr(source->file, '/') : NULL;
    const char *result;
    if (path.len == 0 || path.data[0] == '/' || !slash)
        result = arena_copy(loader->arena, path.data, path.len);
    else
        result = arena_printf(loader->arena, "%.*s%.*s", (int)(slash - source->file + 1),
                              source->file, BYTES_ARGS(path));
    return result ? result : "";
}

/* Tabs are blanks; other control characters have no business in a line. */
static bool has_controls(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

void loader_each_entry(struct loader *loader, const char *path, const struct source *source,
                       const char *option, const char *(*each)(void *context, struct bytes entry),
                       void *context)
{
    struct bytes rest, line;
    struct source here = {.file = path};
    if (!loader_read_file(loader, path, source, option, &rest))
        return;
    while (value_next_line(&rest, &line)) {
        here.line++;
        struct bytes entry = value_strip_comment(line);
        if (entry.len == 0)
            continue;
        const char *wrong = has_controls(entry) ? "a control character" : each(context, entry);
        if (wrong)
            loader_error(loader, &here, "%s: %s", option, wrong);
    }
}

/* ---- options given ---- */

static void append(struct loader *loader, const struct given *given)
{
    size_t id = (size_t)(given->option - config_options);
    struct given *copy = arena_alloc(loader->arena, sizeof(*copy));
    if (!copy)
        return; /* config_load_with() looks at the arena in the end */
    *copy = *given;
    if (loader->last[id])
        loader->last[id]->next = copy;
    else
        loader->first[id] = copy;
    loader->last[id] = copy;
}

void loader_give(struct loader *loader, const struct config_option *option, const char *value,
                 const char *source_name)
{
    struct given given = {.option = option, .source = {.name = source_name}, .count = 1};
    if (has_controls(bytes_of(value))) {
        loader_error(loader, &given.source, "%s: a control character in the value", option->name);
        return;
    }
    given.items = arena_alloc(loader->arena, sizeof(*given.items));
    if (!given.items)
        return;
    given.items->text = arena_bytes(loader->arena, bytes_of(value));
    given.items->source = given.source;
    append(loader, &given);
}

static void complain_unknown(struct loader *loader, const struct source *here, struct bytes name)
{
    const struct config_option *nearest = option_nearest(name);
    const char *hint = option_foreign_hint(name);
    const char *quoted = loader_quote(loader, name);
    if (hint)
        loader_error(loader, here, "there is no option %s: %s", quoted, hint);
    else if (nearest)
        loader_error(loader, here, "there is no option %s; did you mean %s?", quoted,
                     nearest->name);
    else
        loader_error(loader, here, "there is no option %s; see assay.conf(5) for those there are",
                     quoted);
}

static void complain_value(struct loader *loader, const struct source *here,
                           const struct config_option *option, const char *wrong)
{
    struct strbuf allowed;
    strbuf_init(&allowed, loader->arena);
    option_describe(&allowed, option);
    loader_error(loader, here, "%s: %s; allowed: %s", option->name, wrong, strbuf_string(&allowed));
}

/* ---- includes ---- */

/* One file being read, and those that include it. */
struct reading {
    const char *path;
    dev_t device;
    ino_t inode;
    unsigned level; /* 0: the main file */
    const struct reading *parent;
};

static void read_config(struct loader *loader, const char *path, const struct source *source,
                        const struct reading *parent);

/* False, and an error, when the file is being read already or the levels are used up. */
static bool may_read(struct loader *loader, const struct reading *reading,
                     const struct source *source)
{
    if (reading->level > CONFIG_INCLUDE_MAX) {
        loader_error(loader, source, "Include: %s would be more than %d levels deep", reading->path,
                     CONFIG_INCLUDE_MAX);
        return false;
    }
    for (const struct reading *up = reading->parent; up; up = up->parent) {
        if (reading->inode && up->inode == reading->inode && up->device == reading->device) {
            loader_error(loader, source, "Include: %s includes itself", reading->path);
            return false;
        }
    }
    return true;
}

/* A directory that is not there has no files; one that may not be read is an error. */
static int judge_glob_error(const char *path, int reason)
{
    (void)path;
    errno = reason;
    return reason != ENOENT && reason != ENOTDIR;
}

static void include(struct loader *loader, const struct item *item, const struct reading *parent)
{
    const char *path = loader_path(loader, item->text, &item->source);
    glob_t found = {0};
    if (!strpbrk(path, "*?[")) {
        read_config(loader, path, &item->source, parent);
        return;
    }
    int result = glob(path, 0, judge_glob_error, &found);
    if (result == GLOB_ABORTED)
        loader_error(loader, &item->source, "Include: cannot read the directory of %s: %s", path,
                     strerror(errno));
    else if (result == GLOB_NOSPACE)
        loader_error(loader, &item->source, "Include: out of memory");
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
        read_config(loader, found.gl_pathv[i], &item->source, parent);
    globfree(&found);
}

/* ---- lines ---- */

static bool is_name_octet(int c)
{
    return !is_wsp(c);
}

static void read_line(struct loader *loader, struct bytes line, const struct source *here,
                      const struct reading *reading)
{
    size_t end = 0;
    while (end < line.len && is_name_octet(line.data[end]))
        end++;
    struct bytes name = bytes_slice(line, 0, end);
    struct bytes value = bytes_trim(bytes_slice(line, end, line.len));
    struct given given = {.option = option_find(name), .source = *here};
    if (!given.option) {
        complain_unknown(loader, here, name);
        return;
    }
    const char *wrong = value.len == 0 ? "the value is missing" : NULL;
    if (!wrong)
        wrong = value_split(loader->arena, value, option_is_list(given.option), here, &given.items,
                            &given.count);
    const struct given *earlier = loader->first[given.option - config_options];
    if (wrong) {
        complain_value(loader, here, given.option, wrong);
    } else if (given.option->type == TYPE_INCLUDE) {
        for (size_t i = 0; i < given.count; i++)
            include(loader, &given.items[i], reading);
    } else if (earlier && !option_is_list(given.option)) {
        loader_error(loader, here, "%s is set already at %s; keep one of the two lines",
                     given.option->name, loader_source_text(loader, &earlier->source));
    } else {
        append(loader, &given);
    }
}

static void read_config(struct loader *loader, const char *path, const struct source *source,
                        const struct reading *parent)
{
    struct reading reading = {
        .path = path, .parent = parent, .level = parent ? parent->level + 1 : 0};
    struct stat status;
    struct bytes rest, line;
    if (stat(path, &status) == 0) {
        reading.device = status.st_dev;
        reading.inode = status.st_ino;
    }
    if (!may_read(loader, &reading, source) ||
        !loader_read_file(loader, path, source, parent ? "Include" : "", &rest))
        return;
    struct source here = {.file = arena_copy(loader->arena, path, strlen(path))};
    while (here.file && value_next_line(&rest, &line)) {
        here.line++;
        if (has_controls(line)) {
            loader_error(loader, &here, "a control character");
            continue;
        }
        line = value_strip_comment(line);
        if (line.len)
            read_line(loader, line, &here, &reading);
    }
}

void loader_read(struct loader *loader, const char *path)
{
    const struct source nowhere = {0};
    read_config(loader, path, &nowhere, NULL);
}
