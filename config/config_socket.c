/* config_socket.c - the Socket option: both families of spelling in, three out. */
#include "config.h"

#include "ip.h"

#include <string.h>
#include <sys/un.h>

static const char allowed[] =
    "allowed: unix:/path or local:/path; inet:host:port or inet:port@host; "
    "inet6:[address]:port or inet6:port@[address]";

/* Everything below is seen by a chrooted Postfix under a shorter name. */
static const char postfix_queue[] = "/var/spool/postfix/";

static const char *parse_path(struct arena *arena, struct bytes path, struct config_socket *out)
{
    if (path.len == 0 || path.data[0] != '/')
        return "the path of a unix socket must be absolute, such as unix:/run/assay/assay.sock";
    if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return "the path of a unix socket is limited to 107 octets by the system";
    out->family = SOCKET_UNIX;
    out->path = arena_copy(arena, path.data, path.len);
    return out->path ? NULL : "out of memory";
}

/* "[::1]" without its brackets; false when only one of them is there. */
static bool take_brackets(struct bytes *host)
{
    bool open = host->len && host->data[0] == '[';
    bool close = host->len && host->data[host->len - 1] == ']';
    if (open && close)
        *host = bytes_slice(*host, 1, host->len - 2);
    return open == close;
}

static const char *parse_host(struct arena *arena, struct bytes host, struct config_socket *out)
{
    struct ip ip;
    if (!take_brackets(&host))
        return allowed;
    bool has_colon = bytes_find(host, ':') < host.len;
    if (ip_parse(host, &ip) && !bytes_starts_nocase(host, BYTES("ipv6:"))) {
        if (!has_colon && out->family == SOCKET_INET6)
            return "inet6 needs an IPv6 address or a name; write inet: for an IPv4 address";
        if (has_colon)
            out->family = SOCKET_INET6;
    } else if (has_colon || domain_is_none(domain_parse(arena, host))) {
        return allowed;
    }
    out->host = arena_copy(arena, host.data, host.len);
    return out->host ? NULL : "out of memory";
}

/* What follows "inet:" or "inet6:". */
static const char *parse_inet(struct arena *arena, struct bytes text, struct config_socket *out)
{
    unsigned long long port;
    size_t at = bytes_find(text, '@');
    struct bytes host = BYTES_EMPTY, number;
    if (at < text.len) { /* Sendmail: port@host */
        number = bytes_slice(text, 0, at);
        host = bytes_slice(text, at + 1, text.len);
    } else { /* Postfix: host:port, the host perhaps in brackets */
        size_t colon = text.len;
        while (colon > 0 && text.data[colon - 1] != ':')
            colon--;
        number = bytes_slice(text, colon, text.len);
        if (colon > 0)
            host = bytes_slice(text, 0, colon - 1);
    }
    if (host.len == 0)
        return "the host is missing: inet:localhost:8891 listens for this machine alone, "
               "inet:0.0.0.0:8891 for everyone";
    if (!bytes_to_number(number, 65535, &port) || port == 0)
        return "the port must be a number from 1 to 65535, as in inet:localhost:8891";
    out->port = (unsigned)port;
    return parse_host(arena, host, out);
}

const char *config_socket_parse(struct arena *arena, struct bytes text, struct config_socket *out)
{
    static const struct {
        struct bytes prefix;
        enum config_socket_family family;
    } kinds[] = {
        {{"unix:", 5}, SOCKET_UNIX},
        {{"local:", 6}, SOCKET_UNIX},
        {{"inet:", 5}, SOCKET_INET},
        {{"inet6:", 6}, SOCKET_INET6},
    };
    *out = (struct config_socket){.family = SOCKET_UNIX};
    if (text.len && text.data[0] == '/')
        return parse_path(arena, text, out);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!bytes_starts_nocase(text, kinds[i].prefix))
            continue;
        struct bytes rest = bytes_slice(text, kinds[i].prefix.len, text.len);
        out->family = kinds[i].family;
        return out->family == SOCKET_UNIX ? parse_path(arena, rest, out)
                                          : parse_inet(arena, rest, out);
    }
    return allowed;
}

/* An IPv6 address needs brackets wherever a port stands beside it. */
static bool needs_brackets(const struct config_socket *socket)
{
    return strchr(socket->host, ':') != NULL;
}

const char *config_socket_libmilter(const struct config_socket *socket, char *buf)
{
    if (socket->family == SOCKET_UNIX)
        snprintf(buf, CONFIG_SOCKET_TEXT, "local:%s", socket->path);
    else
        snprintf(buf, CONFIG_SOCKET_TEXT, needs_brackets(socket) ? "%s:%u@[%s]" : "%s:%u@%s",
                 socket->family == SOCKET_INET6 ? "inet6" : "inet", socket->port, socket->host);
    return buf;
}

const char *config_socket_postfix(const struct config_socket *socket, char *buf)
{
    const size_t queue = sizeof(postfix_queue) - 1;
    if (socket->family == SOCKET_UNIX) {
        /* A relative name is looked up in the queue directory, in a chroot and outside. */
        bool in_queue = strncmp(socket->path, postfix_queue, queue) == 0;
        snprintf(buf, CONFIG_SOCKET_TEXT, "smtpd_milters = unix:%s",
                 socket->path + (in_queue ? queue : 0));
    } else {
        /* Postfix knows inet: alone, and tries all addresses of a name. */
        snprintf(buf, CONFIG_SOCKET_TEXT,
                 needs_brackets(socket) ? "smtpd_milters = inet:[%s]:%u"
                                        : "smtpd_milters = inet:%s:%u",
                 socket->host, socket->port);
    }
    return buf;
}

const char *config_socket_sendmail(const struct config_socket *socket, char *buf)
{
    char where[CONFIG_SOCKET_TEXT];
    config_socket_libmilter(socket, where);
    /* F=T: when assayd is down, mail is put off and not let through unchecked. */
    int len = snprintf(buf, CONFIG_SOCKET_TEXT,
                       "INPUT_MAIL_FILTER(`assay', `S=%.300s, F=T, T=S:30s;R:30s;E:5m')dnl", where);
    (void)len;
    return buf;
}
