/* key_file.c - reading the file of a private key; see key_file.h. */
#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    UNSAFE_BITS = S_IWGRP | S_IROTH | S_IWOTH,
    PERMISSIONS = 07777,
};

static struct key_file_stamp stamp_of(const struct stat *status)
{
    return (struct key_file_stamp){
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .modified_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
        .changed_ns = (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec,
    };
}

bool key_file_look(const char *path, struct key_file_stamp *stamp)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    *stamp = stamp_of(&status);
    return true;
}

bool key_file_same(const struct key_file_stamp *a, const struct key_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

/* ---- what mends a file ---- */

/* A word that a shell takes as it is; in single quotes when need be. */
static void add_shell_word(struct strbuf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789/._-+,:@%=";
    if (strspn(text, plain) == strlen(text)) {
        strbuf_puts(out, text);
        return;
    }
    strbuf_putc(out, '\'');
    for (; *text; text++)
        strbuf_printf(out, *text == '\'' ? "'\\%c'" : "%c", *text);
    strbuf_putc(out, '\'');
}

static bool is_member(gid_t group, const struct key_file_rules *rules)
{
    gid_t groups[256];
    if (group == rules->gid)
        return true;
    if (rules->uid != geteuid()) /* its further groups are not ours to know */
        return false;
    int count = getgroups((int)(sizeof(groups) / sizeof(groups[0])), groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

/* "chown root:GID PATH && chmod 0640 PATH", or what of it is needed so that the
 * file is private and the service can read it. */
static void add_mending(struct strbuf *out, const char *path, const struct stat *status,
                        const struct key_file_rules *rules)
{
    unsigned mode = (status->st_mode & PERMISSIONS & ~(unsigned)(S_IWGRP | S_IRWXO)) | S_IRUSR;
    strbuf_puts(out, "; to mend it: ");
    if (rules->uid != 0 && status->st_uid != rules->uid) { /* reads by its group */
        mode |= S_IRGRP;
        if (!is_member(status->st_gid, rules)) {
            strbuf_printf(out, "chown root:%lu ", (unsigned long)rules->gid);
            add_shell_word(out, path);
            strbuf_puts(out, " && ");
        }
    }
    strbuf_printf(out, "chmod %04o ", mode);
    add_shell_word(out, path);
}

static const char *who_can(unsigned mode)
{
    if ((mode & S_IROTH) && (mode & S_IWOTH))
        return "others can read and write it";
    if (mode & S_IROTH)
        return "others can read it";
    return mode & S_IWOTH ? "others can write it" : "its group can write it";
}

static void describe_unsafe(const char *path, const struct stat *status,
                            const struct key_file_rules *rules, struct strbuf *problem)
{
    char *real = realpath(path, NULL); /* NULL: say it of the path that we were given */
    if (real && strcmp(real, path) != 0)
        strbuf_printf(problem, " (%s)", real);
    strbuf_printf(problem, ": mode %04o, %s", status->st_mode & PERMISSIONS,
                  who_can(status->st_mode));
    add_mending(problem, real ? real : path, status, rules);
    free(real);
}

bool key_file_is_private(const char *path, const struct key_file_rules *rules,
                         struct strbuf *problem)
{
    struct stat status;
    strbuf_truncate(problem, 0);
    if (stat(path, &status) != 0 || !(status.st_mode & UNSAFE_BITS))
        return true;
    strbuf_puts(problem, path);
    describe_unsafe(path, &status, rules, problem);
    return false;
}

/* The first directory above the path that we may not pass, malloc'ed; NULL when
 * there is none. */
static char *closed_directory(const char *path)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *directory = strndup(path, (size_t)(slash - path));
        if (directory && faccessat(AT_FDCWD, directory, X_OK, AT_EACCESS) != 0 && errno == EACCES)
            return directory;
        free(directory);
    }
    return NULL;
}

static void describe_denied(const char *path, const struct key_file_rules *rules,
                            struct strbuf *problem)
{
    struct stat status;
    char *directory = *path ? closed_directory(path) : NULL;
    strbuf_printf(problem, ": cannot be read by user %lu, group %lu: ", (unsigned long)geteuid(),
                  (unsigned long)getegid());
    if (directory) {
        strbuf_printf(problem, "the directory %s is closed to it; to mend it: chgrp %lu ",
                      directory, (unsigned long)rules->gid);
        add_shell_word(problem, directory);
        strbuf_puts(problem, " && chmod g+rx ");
        add_shell_word(problem, directory);
    } else if (stat(path, &status) == 0) {
        strbuf_printf(problem, "owner %lu:%lu, mode %04o", (unsigned long)status.st_uid,
                      (unsigned long)status.st_gid, status.st_mode & PERMISSIONS);
        add_mending(problem, path, &status, rules);
    } else {
        strbuf_puts(problem, strerror(errno));
    }
    free(directory);
}

/* ---- reading ---- */

static enum key_file_status describe_error(const char *path, int reason,
                                           const struct key_file_rules *rules,
                                           struct strbuf *problem)
{
    switch (reason) {
    case EACCES:
    case EPERM:
        describe_denied(path, rules, problem);
        return KEY_FILE_DENIED;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR:
    case EIO:
        strbuf_printf(problem, ": %s", strerror(reason));
        return KEY_FILE_FAILED;
    default:
        strbuf_printf(problem, ": %s", strerror(reason));
        return KEY_FILE_REFUSED;
    }
}

/* One octet more than allowed shows that the file is too large. */
static ssize_t read_all(int fd, char *content, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, content + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static enum key_file_status read_open(int fd, const char *path, const struct key_file_rules *rules,
                                      char *content, size_t *len, struct key_file_stamp *stamp,
                                      struct strbuf *problem)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return describe_error(path, errno, rules, problem);
    *stamp = stamp_of(&status);
    if (!S_ISREG(status.st_mode)) {
        strbuf_puts(problem, S_ISDIR(status.st_mode) ? ": is a directory" : ": is no regular file");
        return KEY_FILE_REFUSED;
    }
    if (status.st_size >= KEY_FILE_MAX) {
        strbuf_printf(problem, ": has %lld octets: this is no key", (long long)status.st_size);
        return KEY_FILE_REFUSED;
    }
    if (status.st_mode & UNSAFE_BITS) {
        describe_unsafe(path, &status, rules, problem);
        if (!rules->warn_only)
            return KEY_FILE_REFUSED;
    }
    ssize_t got = read_all(fd, content, KEY_FILE_MAX);
    if (got < 0)
        return describe_error(path, errno, rules, problem);
    if (got == KEY_FILE_MAX || got == 0) {
        strbuf_puts(problem, got ? ": is too large: this is no key" : ": is empty");
        explicit_bzero(content, KEY_FILE_MAX);
        return KEY_FILE_REFUSED;
    }
    *len = (size_t)got;
    return KEY_FILE_READ;
}

enum key_file_status key_file_read(const char *path, const struct key_file_rules *rules,
                                   char *content, size_t *len, struct key_file_stamp *stamp,
                                   struct strbuf *problem)
{
    *len = 0;
    *stamp = (struct key_file_stamp){0};
    strbuf_truncate(problem, 0);
    strbuf_puts(problem, path);
    /* O_NONBLOCK: nobody holds us up with a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return describe_error(path, errno, rules, problem);
    enum key_file_status result = read_open(fd, path, rules, content, len, stamp, problem);
    close(fd);
    if (result == KEY_FILE_READ && problem->len == strlen(path))
        strbuf_truncate(problem, 0);
    return result;
}
