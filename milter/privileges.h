/* privileges.h - becoming UserID. */
#ifndef ASSAY_PRIVILEGES_H
#define ASSAY_PRIVILEGES_H

#include "config.h"

#include <sys/types.h>

enum { START_ERROR_MAX = 512 }; /* octets of an error text at start, with NUL */

struct privileges {
    bool change;   /* UserID is set and is not who we are */
    char name[64]; /* the user's name, for its supplementary groups; "": has none */
    uid_t uid;     /* whom to become, or who we are */
    gid_t gid;
};

/* Looks the user and group up. False with error[START_ERROR_MAX]. */
bool privileges_find(const struct config_user *user, struct privileges *out, char *error);

/* A group by name or number. */
bool privileges_find_group(const char *group, gid_t *out);

/* Becomes that user, for good: uid, gid, supplementary groups. Before threads
 * are started. False with error[START_ERROR_MAX]. */
bool privileges_drop(const struct privileges *privileges, char *error);

/* Raises the limit of open files so that `connections` fit, as far as allowed.
 * Returns the limit that is in force now. */
unsigned long privileges_raise_file_limit(unsigned connections);

#endif
