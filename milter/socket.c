/* socket.c - the socket where the MTA reaches us; see socket.h.
 *
 * libmilter opens the socket, says nothing of why it could not (but to syslog),
 * and keeps the descriptor to itself. So what can go wrong is tried out first,
 * and the descriptor is found among our own by asking each whether it listens.
 */
#include "socket.h"

#include "log.h"
#include "negotiate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 256 }; /* connections waiting for accept(); the kernel may allow fewer */

static struct {
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    dev_t device;
    ino_t inode;
} made; /* by the main thread before others start; path "": none */

/* ---- unix ---- */

static bool parent_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) >= size)
        return false;
    snprintf(out, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return true;
}

/* /run is empty after a boot; where systemd does not make the directory, we do. */
static bool make_directory(const char *directory, const struct privileges *owner, char *error)
{
    struct stat status;
    if (stat(directory, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return true;
        snprintf(error, START_ERROR_MAX, "Socket: %s is not a directory", directory);
        return false;
    }
    if (errno == ENOENT && mkdir(directory, 0755) == 0) {
        if (owner->change && chown(directory, owner->uid, owner->gid) != 0)
            log_warning("cannot give directory %s to uid %ld: %s", directory, (long)owner->uid,
                        strerror(errno));
        return true;
    }
    snprintf(error, START_ERROR_MAX,
             "Socket: cannot make directory %s: %s; make it by hand: install -d -o %s %s",
             directory, strerror(errno), *owner->name ? owner->name : "assay", directory);
    return false;
}

static bool check_directory(const char *directory, char *error)
{
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    snprintf(error, START_ERROR_MAX,
             "Socket: no permission to create a socket in %s: uid %ld gid %ld needs write and "
             "search permission there (%s); give it the directory: chown %ld:%ld %s",
             directory, (long)geteuid(), (long)getegid(), strerror(errno), (long)geteuid(),
             (long)getegid(), directory);
    return false;
}

/* 0: somebody listens at `path`; else why not. */
static int try_to_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1); /* length checked by open_unix() */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
    int problem = result == 0 ? 0 : errno;
    close(fd);
    return problem == EAGAIN ? 0 : problem; /* its backlog is full: it lives */
}

static bool remove_stale(const char *path, char *error)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT)
            return true;
        snprintf(error, START_ERROR_MAX, "Socket: cannot look at %s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISSOCK(status.st_mode)) {
        snprintf(error, START_ERROR_MAX,
                 "Socket: %s exists and is not a socket; remove it, or choose another path", path);
        return false;
    }
    int problem = try_to_connect(path);
    if (problem == 0) {
        snprintf(error, START_ERROR_MAX,
                 "Socket: another process listens on %s; stop it first, or choose another path",
                 path);
        return false;
    }
    if (problem == ECONNREFUSED && unlink(path) == 0)
        return true;
    snprintf(error, START_ERROR_MAX, "Socket: %s is left from before and cannot be removed: %s",
             path, strerror(problem == ECONNREFUSED ? errno : problem));
    return false;
}

static bool prepare_unix(const char *path, const struct privileges *owner, char *error)
{
    char directory[sizeof(made.path)];
    if (strlen(path) >= sizeof(made.path) || !parent_of(path, directory, sizeof(directory))) {
        snprintf(error, START_ERROR_MAX, "Socket: path %s is longer than %zu octets", path,
                 sizeof(made.path) - 1);
        return false;
    }
    return make_directory(directory, owner, error) && check_directory(directory, error) &&
           remove_stale(path, error);
}

static void remember(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return;
    snprintf(made.path, sizeof(made.path), "%s", path);
    made.device = status.st_dev;
    made.inode = status.st_ino;
}

/* The MTA needs write permission. The socket is born with the final mode less
 * what the umask takes; group and owner follow. */
static bool finish_unix(const struct milter_config *config, const struct privileges *owner,
                        char *error)
{
    const char *path = config->socket.path;
    remember(path);
    gid_t group = owner->change ? owner->gid : (gid_t)-1;
    if (config->socket_group && !privileges_find_group(config->socket_group, &group)) {
        snprintf(error, START_ERROR_MAX, "SocketGroup: there is no group %s", config->socket_group);
        return false;
    }
    if (chown(path, owner->change ? owner->uid : (uid_t)-1, group) != 0) {
        snprintf(error, START_ERROR_MAX,
                 "SocketGroup: cannot give %s to group %ld: %s; make the user that assayd runs as "
                 "a member of it: usermod -aG %s %s",
                 path, (long)group, strerror(errno),
                 config->socket_group ? config->socket_group : "GROUP",
                 *owner->name ? owner->name : "assay");
        return false;
    }
    if (chmod(path, config->socket_mode) != 0) {
        snprintf(error, START_ERROR_MAX, "SocketMode: cannot set mode %04o on %s: %s",
                 config->socket_mode, path, strerror(errno));
        return false;
    }
    return true;
}

/* ---- Internet ---- */

static void explain_bind(const struct config_socket *socket, int problem, char *error)
{
    const char *advice = "";
    if (problem == EACCES)
        advice = "; a port below 1024 needs root or CAP_NET_BIND_SERVICE, choose a higher one";
    else if (problem == EADDRINUSE)
        advice = "; another process listens there, stop it or choose another port";
    else if (problem == EADDRNOTAVAIL)
        advice = "; this machine does not have that address";
    snprintf(error, START_ERROR_MAX, "Socket: cannot listen on %s port %u: %s%s",
             socket->host ? socket->host : "*", socket->port, strerror(problem), advice);
}

static int try_to_bind(const struct addrinfo *address)
{
    int yes = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    bool good = bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 1) == 0;
    int problem = good ? 0 : errno;
    close(fd);
    return problem;
}

static bool prepare_inet(const struct config_socket *socket, char *error)
{
    char port[16];
    snprintf(port, sizeof(port), "%u", socket->port);
    const struct addrinfo hints = {
        .ai_family = socket->family == SOCKET_INET6 ? AF_INET6 : AF_INET,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE,
    };
    struct addrinfo *addresses;
    int found = getaddrinfo(socket->host, port, &hints, &addresses);
    if (found != 0) {
        snprintf(error, START_ERROR_MAX, "Socket: host %s: %s", socket->host ? socket->host : "*",
                 gai_strerror(found));
        return false;
    }
    int problem = try_to_bind(addresses);
    freeaddrinfo(addresses);
    if (problem)
        explain_bind(socket, problem, error);
    return problem == 0;
}

/* Nagle's algorithm with the MTA's delayed ACK costs 43 ms per message.
 * Accepted connections inherit the option. */
static void set_nodelay(int fd)
{
    int listens = 0, domain = 0, yes = 1;
    socklen_t size = sizeof(listens);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens)
        return;
    size = sizeof(domain);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
        (domain != AF_INET && domain != AF_INET6))
        return;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0)
        log_warning("TCP_NODELAY: %s; expect 40 ms of delay per message", strerror(errno));
}

static void set_nodelay_everywhere(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) {
        for (int fd = 0; fd < 64; fd++) /* no /proc: ours is one of the first */
            set_nodelay(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(directory));) {
        unsigned long long fd;
        if (bytes_to_number(bytes_of(entry->d_name), INT32_MAX, &fd))
            set_nodelay((int)fd);
    }
    closedir(directory);
}

/* ---- both ---- */

bool socket_open(const struct milter_config *config, const struct privileges *owner, char *error)
{
    const struct config_socket *socket = &config->socket;
    bool is_unix = socket->family == SOCKET_UNIX;
    if (is_unix ? !prepare_unix(socket->path, owner, error) : !prepare_inet(socket, error))
        return false;
    char text[CONFIG_SOCKET_TEXT];
    config_socket_libmilter(socket, text);
    mode_t before = umask((mode_t)(~config->socket_mode & 0777));
    bool opened = smfi_setconn(text) == MI_SUCCESS && smfi_setbacklog(BACKLOG) == MI_SUCCESS &&
                  smfi_opensocket(false) == MI_SUCCESS;
    umask(before);
    if (!opened) {
        snprintf(error, START_ERROR_MAX, "Socket: libmilter could not open %s; syslog says why",
                 text);
        return false;
    }
    if (is_unix)
        return finish_unix(config, owner, error);
    set_nodelay_everywhere();
    return true;
}

void socket_remove(void)
{
    struct stat status;
    if (*made.path && lstat(made.path, &status) == 0 && status.st_dev == made.device &&
        status.st_ino == made.inode)
        unlink(made.path);
    made.path[0] = '\0';
}
