/* milter_client.c - asking a filter about a message; see milter_client.h.
 *
 * What a filter does not want to be shown, or does not answer, is negotiated as mail
 * servers do. Every length is checked; a filter that is silent for PATIENCE seconds is gone. */
#include "milter_client.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATIENCE = 60,            /* seconds */
    PACKET_MAX = 1 << 21,     /* octets of an answer */
    CHUNK = 65535,            /* octets of body in a packet */
    ALL_ACTIONS = 0x1ff,      /* all that version 6 has */
    ALL_STEPS = 0x1fffff,     /* as above */
    LEADING_SPACE = 0x100000, /* values come with their space */
};

/* Commands with the flags that decline them, and that promise no answer. */
static const struct {
    char command;
    uint32_t declined, silent;
} commands[] = {
    {'C', 0x1, 0x1000},    {'H', 0x2, 0x2000}, {'M', 0x4, 0x4000},   {'R', 0x8, 0x8000},
    {'T', 0x200, 0x10000}, {'L', 0x20, 0x80},  {'N', 0x40, 0x40000}, {'B', 0x10, 0x80000},
};

struct client {
    int fd;
    uint32_t steps;
    bool broken;
    bool decided; /* an answer came before the end of the message */
    bool quarantined;
    char *packet; /* PACKET_MAX + 1 */
    size_t len;   /* of its data, without the command */
    struct milter_reply *reply;
};

const char *milter_answer_name(enum milter_answer answer)
{
    static const char *const names[] = {"accept", "quarantine", "tempfail",
                                        "reject", "discard",    "no answer"};
    return names[answer];
}

/* ---- packets ---- */

static int open_socket(const struct config_socket *where)
{
    struct timeval patience = {.tv_sec = PATIENCE};
    int fd = -1;
    if (where->family == SOCKET_UNIX) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", where->path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
            close(fd);
            fd = -1;
        }
    } else {
        char port[8];
        struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
        snprintf(port, sizeof(port), "%u", where->port);
        if (getaddrinfo(where->host, port, &hints, &list) != 0)
            return -1;
        for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
            fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
                close(fd);
                fd = -1;
            }
        }
        freeaddrinfo(list);
    }
    if (fd >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* no effect on AF_UNIX */
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    return fd;
}

static void write_all(struct client *client, const void *data, size_t len)
{
    const char *at = data;
    while (len && !client->broken) {
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
        client->broken = sent <= 0;
        at += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
}

static void read_all(struct client *client, void *data, size_t len)
{
    char *at = data;
    while (len && !client->broken) {
        ssize_t got = recv(client->fd, at, len, 0);
        client->broken = got <= 0;
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
}

static void send_packet(struct client *client, char command, const void *data, size_t len)
{
    uint32_t size = htonl((uint32_t)len + 1);
    write_all(client, &size, sizeof(size));
    write_all(client, &command, 1);
    write_all(client, data, len);
}

/* The command of the next packet; its data is in client->packet, NUL-terminated. 0: none. */
static char receive(struct client *client)
{
    uint32_t size;
    char command = 0;
    read_all(client, &size, sizeof(size));
    size = client->broken ? 0 : ntohl(size);
    if (size < 1 || size > PACKET_MAX) {
        client->broken = true;
        return 0;
    }
    read_all(client, &command, 1);
    client->len = size - 1;
    read_all(client, client->packet, client->len);
    client->packet[client->len] = '\0';
    return client->broken ? 0 : command;
}

/* ---- answers ---- */

/* Notes a final answer; false when it is none. */
static bool decide(struct client *client, char command)
{
    struct milter_reply *reply = client->reply;
    switch (command) {
    case 'a':
    case 'c':
        reply->answer = client->quarantined ? MILTER_QUARANTINE : MILTER_ACCEPT;
        return true;
    case 'r':
        reply->answer = MILTER_REJECT;
        return true;
    case 't':
        reply->answer = MILTER_TEMPFAIL;
        return true;
    case 'd':
        reply->answer = MILTER_DISCARD;
        return true;
    case 'y':
        reply->answer = client->packet[0] == '4' ? MILTER_TEMPFAIL : MILTER_REJECT;
        snprintf(reply->text, sizeof(reply->text), "%s", client->packet);
        return true;
    default:
        return false;
    }
}

/* One step of the protocol, unless the filter declined it or has decided. */
static void step(struct client *client, char command, const void *data, size_t len)
{
    size_t i = 0;
    while (commands[i].command != command)
        i++;
    if (client->broken || client->decided || client->steps & commands[i].declined)
        return;
    send_packet(client, command, data, len);
    if (client->steps & commands[i].silent)
        return;
    char answer = receive(client);
    if (answer != 'c' && answer != 's')
        client->decided = decide(client, answer);
}

static void negotiate(struct client *client)
{
    uint32_t offer[3] = {htonl(6), htonl(ALL_ACTIONS), htonl(ALL_STEPS)};
    send_packet(client, 'O', offer, sizeof(offer));
    if (receive(client) != 'O' || client->len < sizeof(offer)) {
        client->broken = true;
        return;
    }
    memcpy(&client->steps, client->packet + 8, sizeof(client->steps));
    client->steps = ntohl(client->steps);
}

/* ---- a message ---- */

static void send_text(struct client *client, char command, const char *format, const char *text)
{
    char line[1024];
    int len = snprintf(line, sizeof(line), format, text);
    step(client, command, line, (size_t)len < sizeof(line) ? (size_t)len + 1 : sizeof(line));
}

static void send_macro(struct client *client, char command, const char *name, const char *value)
{
    char data[600] = {command};
    int len = snprintf(data + 1, sizeof(data) - 1, "%s%c%s", name, '\0', value);
    send_packet(client, 'D', data, (size_t)len + 2);
}

static void send_envelope(struct client *client, const struct milter_message *message)
{
    char data[600];
    bool v6 = strchr(message->client_ip, ':') != NULL;
    int len = snprintf(data, sizeof(data), "%s%c%c%c%c%s%s", message->client_name, '\0',
                       v6 ? '6' : '4', 0, 25, v6 ? "IPv6:" : "", message->client_ip);
    send_macro(client, 'C', "j", message->mta_name);
    step(client, 'C', data, (size_t)len + 1);
    send_text(client, 'H', "%s", message->helo);
    send_macro(client, 'M', "{mail_addr}", message->mail_from);
    send_text(client, 'M', "<%s>", message->mail_from);
    send_text(client, 'R', "<%s>", "postmaster@localhost");
    step(client, 'T', NULL, 0);
}

static void send_field(struct client *client, struct bytes field)
{
    size_t colon = bytes_find(field, ':');
    struct bytes value = bytes_slice(field, colon + 1, field.len);
    if (!(client->steps & LEADING_SPACE) && value.len && value.data[0] == ' ')
        value = bytes_slice(value, 1, value.len);
    char *data = malloc(field.len + 2);
    if (!data) {
        client->broken = true;
        return;
    }
    memcpy(data, field.data, colon);
    data[colon] = '\0';
    memcpy(data + colon + 1, value.data, value.len);
    data[colon + 1 + value.len] = '\0';
    step(client, 'L', data, colon + value.len + 2);
    free(data);
}

static void send_content(struct client *client, const struct milter_message *message)
{
    struct bytes rest = message->header;
    while (rest.len) {
        size_t end = bytes_find(rest, '\n');
        while (end + 1 < rest.len && (rest.data[end + 1] == ' ' || rest.data[end + 1] == '\t'))
            end += 1 + bytes_find(bytes_slice(rest, end + 1, rest.len), '\n');
        struct bytes field = bytes_slice(rest, 0, end);
        if (bytes_find(field, ':') < field.len)
            send_field(client, field);
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    step(client, 'N', NULL, 0);
    for (size_t at = 0; at < message->body.len; at += CHUNK) {
        struct bytes part = bytes_slice(message->body, at, at + CHUNK);
        step(client, 'B', part.data, part.len);
    }
}

/* The n-th field of this name that is still there goes; n counts from 1. */
static void remove_results(struct milter_reply *reply, uint32_t n)
{
    for (size_t i = 0; i < MILTER_CLIENT_FIELDS; i++) {
        if (!reply->results_gone[i] && --n == 0) {
            reply->results_gone[i] = true;
            return;
        }
    }
}

static void note_change(struct client *client, char command)
{
    uint32_t index = 0;
    size_t skip = command == 'h' ? 0 : sizeof(index);
    if (client->len < skip + 2)
        return;
    memcpy(&index, client->packet, skip);
    const char *name = client->packet + skip;
    const char *value = name + strlen(name) + 1;
    if (value > client->packet + client->len || strcasecmp(name, "Authentication-Results") != 0)
        return;
    if (command == 'm' && *value == '\0')
        remove_results(client->reply, ntohl(index));
    else if (command != 'm')
        snprintf(client->reply->results, sizeof(client->reply->results), "%s",
                 value + strspn(value, " "));
}

static void finish(struct client *client)
{
    if (client->decided || client->broken)
        return;
    send_macro(client, 'E', "i", "SELFTEST");
    send_packet(client, 'E', NULL, 0);
    for (;;) {
        char command = receive(client);
        if (client->broken || decide(client, command))
            return;
        if (command == 'q')
            client->quarantined = true;
        else if (command == 'm' || command == 'i' || command == 'h')
            note_change(client, command);
    }
}

void milter_ask(const struct config_socket *where, const struct milter_message *message,
                struct milter_reply *out)
{
    struct client client = {.reply = out, .packet = malloc(PACKET_MAX + 1)};
    *out = (struct milter_reply){.answer = MILTER_GONE};
    client.fd = client.packet ? open_socket(where) : -1;
    if (client.fd >= 0) {
        negotiate(&client);
        send_envelope(&client, message);
        send_content(&client, message);
        finish(&client);
        if (!client.broken)
            send_packet(&client, 'Q', NULL, 0);
        close(client.fd);
    }
    free(client.packet);
}
