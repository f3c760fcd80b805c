/* import_tables.c - tables that the import makes: KeyTable, SigningTable, PolicyTable. */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- files ---- */

static bool write_all(int fd, struct bytes text)
{
    while (text.len) {
        ssize_t written = write(fd, text.data, text.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text = bytes_slice(text, (size_t)written, text.len);
    }
    return true;
}

/* A file that is there is never written over. */
static bool write_file(const char *path, struct bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool good = fd >= 0 && write_all(fd, text);
    int reason = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (!good)
        fprintf(stderr, "assay import: cannot write %s: %s\n", path, strerror(reason));
    return good;
}

static bool place_in_file(struct import *import, const struct import_table *table)
{
    const char *path =
        arena_printf(import->arena, "%s/%s", import->tables_directory, table->option);
    if (!path || !write_file(path, strbuf_view(&table->rows)))
        return false;
    bool policy = strcmp(table->option, "PolicyTable") == 0;
    import_set(import, table->option, NULL,
               bytes_of(arena_printf(import->arena, "%s%s", policy ? "" : "file:", path)));
    return true;
}

/* ---- in the configuration itself ---- */

/* The rows "key value" as "csl:key=value,key=value". */
static struct bytes as_list(struct import *import, struct bytes rows)
{
    struct strbuf list;
    strbuf_init(&list, import->arena);
    strbuf_puts(&list, "csl:");
    bool key = true;
    for (size_t i = 0; i + 1 < rows.len; i++) { /* without the last line end */
        char c = rows.data[i];
        strbuf_putc(&list, c == '\n' ? ',' : key && c == ' ' ? '=' : c);
        key = c == '\n' || (key && c != ' ');
    }
    return strbuf_view(&list);
}

static void place_inline(struct import *import, const struct import_table *table)
{
    struct bytes rows = strbuf_view(&table->rows);
    struct import_line *line = import_line(import, table->option);
    bool policy = strcmp(table->option, "PolicyTable") == 0;
    if (!line)
        return;
    if (!policy && bytes_find(rows, ',') == rows.len && bytes_find(rows, '=') == rows.len) {
        import_add_item(import, line, as_list(import, rows));
        return;
    }
    import_add_item(import, line,
                    bytes_of(arena_printf(import->arena, "/etc/assay/%s", table->option)));
    line->refused = "put these rows into that file (or let --tables DIR do it):";
    import_add_comment(import, line, "%.*s", (int)(rows.len - 1), rows.data);
}

bool import_place_tables(struct import *import)
{
    for (size_t i = 0; i < IMPORT_TABLES_MAX && import->tables[i].option; i++) {
        const struct import_table *table = &import->tables[i];
        if (!import->tables_directory)
            place_inline(import, table);
        else if (!place_in_file(import, table))
            return false;
    }
    return true;
}
