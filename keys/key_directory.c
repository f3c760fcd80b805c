/* key_directory.c - keys laid out as files; see key_directory.h. */
#include "key_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char suffix[] = ".pem";

static enum key_directory_status status_of(int reason)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        return KEY_DIRECTORY_NONE;
    case EACCES:
    case EPERM:
        return KEY_DIRECTORY_DENIED;
    default:
        return KEY_DIRECTORY_FAILED;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct key_directory_file *)a)->path,
                  ((const struct key_directory_file *)b)->path);
}

/* Takes a file in; NULL, or what is wrong with its name. */
static const char *add_file(struct arena *arena, const char *path, const char *file,
                            struct key_directory_list *out)
{
    size_t len = strlen(file);
    size_t end = sizeof(suffix) - 1;
    if (file[0] == '.' || len <= end || strcmp(file + len - end, suffix) != 0)
        return NULL;
    struct domain selector = domain_parse(arena, (struct bytes){file, len - end});
    if (domain_is_none(selector))
        return "is no selector with .pem behind it: ignored";
    if (out->count == KEY_DIRECTORY_KEYS_MAX)
        return "is one key too many for a domain: ignored";
    const char *full = arena_printf(arena, "%s/%s", path, file);
    if (full)
        out->files[out->count++] = (struct key_directory_file){selector, full};
    return NULL;
}

enum key_directory_status key_directory_list(struct arena *arena, const char *path,
                                             const char *name, struct key_directory_list *out,
                                             struct strbuf *problem)
{
    const char *full = arena_printf(arena, "%s/%s", path, name);
    const struct dirent *entry;
    out->count = 0;
    strbuf_truncate(problem, 0);
    DIR *directory = full ? opendir(full) : NULL;
    if (!directory) {
        enum key_directory_status status = full ? status_of(errno) : KEY_DIRECTORY_FAILED;
        if (status != KEY_DIRECTORY_NONE)
            strbuf_printf(problem, "%s/%s: %s (user %lu, group %lu)", path, name,
                          full ? strerror(errno) : "out of memory", (unsigned long)geteuid(),
                          (unsigned long)getegid());
        return status;
    }
    while ((entry = readdir(directory))) {
        const char *wrong = add_file(arena, full, entry->d_name, out);
        if (wrong && problem->len == 0)
            strbuf_printf(problem, "%s/%s: %s", full, entry->d_name, wrong);
    }
    closedir(directory);
    qsort(out->files, out->count, sizeof(out->files[0]), compare);
    return arena_failed(arena) ? KEY_DIRECTORY_FAILED : KEY_DIRECTORY_LISTED;
}

bool key_directory_each(const char *path, bool (*each)(void *context, const char *name),
                        void *context, struct strbuf *problem)
{
    const struct dirent *entry;
    DIR *directory = opendir(path);
    if (!directory) {
        strbuf_printf(problem, "%s: %s (user %lu, group %lu)", path, strerror(errno),
                      (unsigned long)geteuid(), (unsigned long)getegid());
        return false;
    }
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type == DT_REG)
            continue;
        if (!each(context, entry->d_name))
            break;
    }
    closedir(directory);
    return true;
}
