/* key_directory.h - keys laid out as files: KeyDirectory/DOMAIN/SELECTOR.pem.
 *
 * The directory of a domain has its name in lower case, U-labels as A-labels. One whose
 * name begins with a dot, ".example.com", holds for everything below that domain
 * (a symbolic link will do: ln -s example.com .example.com).
 */
#ifndef ASSAY_KEY_DIRECTORY_H
#define ASSAY_KEY_DIRECTORY_H

#include "domain.h"
#include "strbuf.h"

enum {
    KEY_DIRECTORY_KEYS_MAX = 64, /* keys of one domain; the others are left out */
};

enum key_directory_status {
    KEY_DIRECTORY_LISTED, /* problem is empty, or a warning */
    KEY_DIRECTORY_NONE,   /* there is no such directory */
    KEY_DIRECTORY_DENIED, /* we may not read it */
    KEY_DIRECTORY_FAILED, /* may work the next time */
};

struct key_directory_file {
    struct domain selector;
    const char *path;
};

struct key_directory_list {
    struct key_directory_file files[KEY_DIRECTORY_KEYS_MAX]; /* in the order of their names */
    size_t count;
};

/* The key files in path/name. Strings live in arena; `problem` is overwritten. */
enum key_directory_status key_directory_list(struct arena *arena, const char *path,
                                             const char *name, struct key_directory_list *out,
                                             struct strbuf *problem);

/* Calls each(context, name) for the directory of each domain, in no order, until
 * it returns false. False with a problem when the directory cannot be read. */
bool key_directory_each(const char *path, bool (*each)(void *context, const char *name),
                        void *context, struct strbuf *problem);

#endif
