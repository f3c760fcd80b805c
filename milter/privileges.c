/* privileges.c - becoming UserID; see privileges.h. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_BESIDES_CONNECTIONS = 256 }; /* resolver, log, zone files, libraries */

static bool number_of(const char *text, unsigned long long *out)
{
    return bytes_to_number(bytes_of(text), UINT32_MAX - 1, out);
}

bool privileges_find_group(const char *group, gid_t *out)
{
    unsigned long long number;
    const struct group *entry = getgrnam(group);
    if (entry)
        *out = entry->gr_gid;
    else if (number_of(group, &number))
        *out = (gid_t)number;
    else
        return false;
    return true;
}

static bool find_user(const char *user, struct privileges *out)
{
    unsigned long long number;
    const struct passwd *entry = getpwnam(user);
    bool numeric = !entry && number_of(user, &number);
    if (numeric)
        entry = getpwuid((uid_t)number);
    if (!entry && !numeric)
        return false;
    out->uid = entry ? entry->pw_uid : (uid_t)number;
    out->gid = entry ? entry->pw_gid : (gid_t)number;
    snprintf(out->name, sizeof(out->name), "%s", entry ? entry->pw_name : "");
    return true;
}

bool privileges_find(const struct config_user *user, struct privileges *out, char *error)
{
    *out = (struct privileges){.uid = geteuid(), .gid = getegid()};
    if (!user->user)
        return true;
    if (!find_user(user->user, out)) {
        snprintf(error, START_ERROR_MAX,
                 "UserID: there is no user %s; create it with: useradd --system %s", user->user,
                 user->user);
        return false;
    }
    if (user->group && !privileges_find_group(user->group, &out->gid)) {
        snprintf(error, START_ERROR_MAX,
                 "UserID: there is no group %s; create it with: groupadd --system %s", user->group,
                 user->group);
        return false;
    }
    out->change = out->uid != geteuid() || out->gid != getegid();
    if (out->change && geteuid() != 0) {
        snprintf(error, START_ERROR_MAX,
                 "UserID: only root can become %s, and we run as uid %ld; leave UserID out, or "
                 "start assayd as root or as %s",
                 user->user, (long)geteuid(), user->user);
        return false;
    }
    return true;
}

bool privileges_drop(const struct privileges *privileges, char *error)
{
    if (!privileges->change)
        return true;
    int groups = *privileges->name ? initgroups(privileges->name, privileges->gid)
                                   : setgroups(1, &privileges->gid);
    if (groups != 0 || setresgid(privileges->gid, privileges->gid, privileges->gid) != 0 ||
        setresuid(privileges->uid, privileges->uid, privileges->uid) != 0) {
        snprintf(error, START_ERROR_MAX, "cannot become uid %ld gid %ld: %s", (long)privileges->uid,
                 (long)privileges->gid, strerror(errno));
        return false;
    }
    if (privileges->uid != 0 && setuid(0) == 0) { /* it must not be possible to go back */
        snprintf(error, START_ERROR_MAX, "root rights could not be dropped for good");
        return false;
    }
    return true;
}

unsigned long privileges_raise_file_limit(unsigned connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + FILES_BESIDES_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur >= wanted)
        return limit.rlim_cur;
    struct rlimit more = {wanted, limit.rlim_max < wanted ? wanted : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &more) != 0) { /* only root may raise the hard limit */
        more = (struct rlimit){limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
        setrlimit(RLIMIT_NOFILE, &more);
    }
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}
