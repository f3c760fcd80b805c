/* bench_wire.c - the MTA's side of the milter protocol, version 6; see bench.h.
 *
 * Macros go ahead of every event, headers and body chunks included, as Postfix
 * sends them; events that a milter does not answer are sent together with the next.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CHUNK = 65535,      /* octets of body in one packet */
    REPLY_MAX = 262144, /* octets; a longer reply is an error */
    SECONDS = 60,       /* to wait for a reply */
    ADDED_MAX = 16,     /* fields that earlier milters of a chain add */
    OFFERED_ACTIONS = 0x1ff,
    OFFERED_STEPS = 0x1fffff,
    LEADING_SPACE = 0x100000, /* SMFIP_HDR_LEADSPC */
};

/* The events, and the flags with which a milter declines one or leaves it unanswered. */
struct event {
    char command;
    uint32_t declined, unanswered;
    const char *macros; /* name and value in turn, NUL between, NUL at the end; see send_macros() */
    size_t macros_len;
};

#define MACROS(text) text, sizeof(text) - 1
#define QUEUE_ID     "i\0004F00BA1234567\0"
static const struct event connect_event = {
    'C', 0x1, 0x1000, MACROS("j\0mx.example.org\0{daemon_name}\0smtpd\0v\0Postfix 3.7.11\0")};
static const struct event helo_event = {'H', 0x2, 0x2000, MACROS("")};
static const struct event mail_event = {'M', 0x4, 0x4000, MACROS(QUEUE_ID)};
static const struct event rcpt_event = {'R', 0x8, 0x8000, MACROS(QUEUE_ID)};
static const struct event data_event = {'T', 0x200, 0x10000, MACROS(QUEUE_ID)};
static const struct event header_event = {'L', 0x20, 0x80, MACROS(QUEUE_ID)};
static const struct event eoh_event = {'N', 0x40, 0x40000, MACROS(QUEUE_ID)};
static const struct event body_event = {'B', 0x10, 0x80000, MACROS(QUEUE_ID)};
static const struct event eom_event = {'E', 0, 0, MACROS(QUEUE_ID)};

struct milter {
    int fd;
    uint32_t steps; /* granted */
    bool done;      /* accepted, or the connection failed: no more events */
    char skipped;   /* command that it wants no more of */
    char *out;      /* not yet sent */
    size_t out_len, out_capacity, packet;
    char *in;
    size_t in_len, in_used, in_capacity;
};

struct transfer {
    const struct bench_message *message;
    struct bench_outcome *outcome;
    struct milter milters[CHAIN_MAX];
    size_t count;
    struct bench_field added[ADDED_MAX]; /* in front of the message's, newest last */
    size_t added_count;
    bool decided; /* refused, or failed */
};

static void decide(struct transfer *transfer, const char *verdict)
{
    snprintf(transfer->outcome->verdict, sizeof(transfer->outcome->verdict), "%s", verdict);
    transfer->decided = true;
}

/* ---- packets ---- */

static void append(struct milter *milter, const void *octets, size_t len)
{
    if (milter->out_len + len > milter->out_capacity) {
        milter->out_capacity = (milter->out_len + len) * 2;
        milter->out = realloc(milter->out, milter->out_capacity);
        if (!milter->out)
            bench_die("out of memory");
    }
    memcpy(milter->out + milter->out_len, octets, len);
    milter->out_len += len;
}

static void append_string(struct milter *milter, const char *string)
{
    append(milter, string, strlen(string) + 1);
}

static void append_number(struct milter *milter, uint32_t number)
{
    number = htonl(number);
    append(milter, &number, sizeof(number));
}

static void begin_packet(struct milter *milter, char command)
{
    milter->packet = milter->out_len;
    append_number(milter, 0);
    append(milter, &command, 1);
}

static void end_packet(struct milter *milter)
{
    uint32_t len = htonl((uint32_t)(milter->out_len - milter->packet - 4));
    memcpy(milter->out + milter->packet, &len, sizeof(len));
}

static bool flush(struct milter *milter)
{
    size_t sent = 0;
    while (sent < milter->out_len) {
        ssize_t n = send(milter->fd, milter->out + sent, milter->out_len - sent, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR)
            return false;
        sent += n > 0 ? (size_t)n : 0;
    }
    milter->out_len = 0;
    return true;
}

static bool fill(struct milter *milter, size_t need)
{
    if (milter->in_used == milter->in_len)
        milter->in_used = milter->in_len = 0;
    if (milter->in_used + need + 1 > milter->in_capacity) {
        milter->in_capacity = milter->in_used + need + 4096;
        milter->in = realloc(milter->in, milter->in_capacity);
        if (!milter->in)
            bench_die("out of memory");
    }
    while (milter->in_len - milter->in_used < need) {
        ssize_t n = recv(milter->fd, milter->in + milter->in_len,
                         milter->in_capacity - milter->in_len - 1, 0);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        milter->in_len += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static uint32_t number_at(const char *octets)
{
    uint32_t number;
    memcpy(&number, octets, sizeof(number));
    return ntohl(number);
}

/* The next reply: its octets (command first) until the next call; NULL on failure. */
static char *receive(struct milter *milter, size_t *len)
{
    if (!fill(milter, 4))
        return NULL;
    *len = number_at(milter->in + milter->in_used);
    if (*len < 1 || *len > REPLY_MAX)
        return NULL;
    milter->in_used += 4;
    if (!fill(milter, *len))
        return NULL;
    char *reply = milter->in + milter->in_used;
    milter->in_used += *len;
    return reply;
}

/* ---- replies ---- */

/* A field that a milter of the chain added is seen by the next ones. */
static void note_field(struct transfer *transfer, const struct milter *milter, const char *name,
                       size_t len)
{
    struct bench_outcome *outcome = transfer->outcome;
    size_t name_len = strnlen(name, len);
    if (name_len + 1 >= len)
        return;
    const char *value = name + name_len + 1, *space = milter->steps & LEADING_SPACE ? "" : " ";
    size_t room = sizeof(outcome->results) - outcome->results_len;
    if (strcasecmp(name, "Authentication-Results") == 0) {
        int n = snprintf(outcome->results + outcome->results_len, room, "%.*s\n",
                         (int)(len - name_len - 1), value);
        outcome->results_len += (size_t)n < room ? (size_t)n : room - 1;
    }
    if (transfer->count > 1 && transfer->added_count < ADDED_MAX) {
        char *copy;
        if (asprintf(&copy, "%s%.*s", space, (int)(len - name_len - 1), value) < 0)
            bench_die("out of memory");
        transfer->added[transfer->added_count++] = (struct bench_field){strdup(name), copy};
    }
}

/* Reads replies until the milter lets the event pass, or decides. */
static void read_replies(struct transfer *transfer, struct milter *milter, char command)
{
    for (;;) {
        size_t len;
        char *reply = receive(milter, &len);
        if (!reply) {
            decide(transfer, "error");
            return;
        }
        switch (*reply) {
        case 'c':
            return;
        case 's':
            milter->skipped = command;
            return;
        case 'a':
            milter->done = true;
            return;
        case 'd':
            decide(transfer, "discard");
            return;
        case 'r':
            decide(transfer, "reject");
            return;
        case 'y':
            decide(transfer, len > 1 && reply[1] == '4' ? "tempfail" : "reject");
            return;
        case 't':
        case '4':
        case 'f':
            decide(transfer, "tempfail");
            return;
        case 'q':
            snprintf(transfer->outcome->verdict, sizeof(transfer->outcome->verdict), "quarantine");
            break;
        case 'h':
            note_field(transfer, milter, reply + 1, len - 1);
            break;
        case 'i':
            if (len > 5)
                note_field(transfer, milter, reply + 5, len - 5);
            break;
        default: /* progress, and changes that do not matter here */
            break;
        }
    }
}

/* ---- events ---- */

static void send_macros(struct transfer *transfer, struct milter *milter, const struct event *event)
{
    begin_packet(milter, 'D');
    append(milter, &event->command, 1);
    append(milter, event->macros, event->macros_len);
    if (event == &connect_event) {
        char text[512];
        snprintf(text, sizeof(text), "%s [%s]", transfer->message->client_name,
                 transfer->message->client);
        append(milter, "_", 2);
        append_string(milter, text);
    }
    end_packet(milter);
}

/* False: the milter is not to get this event. */
static bool begin(struct transfer *transfer, struct milter *milter, const struct event *event)
{
    if (milter->done || transfer->decided || milter->skipped == event->command)
        return false;
    send_macros(transfer, milter, event);
    if (milter->steps & event->declined)
        return false;
    begin_packet(milter, event->command);
    return true;
}

static void end(struct transfer *transfer, struct milter *milter, const struct event *event)
{
    end_packet(milter);
    if (milter->steps & event->unanswered)
        return;
    if (flush(milter))
        read_replies(transfer, milter, event->command);
    else
        decide(transfer, "error");
}

static void open_connection(struct transfer *transfer, struct milter *milter, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = SECONDS};
    size_t len;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    milter->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(milter->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(milter->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        decide(transfer, "error");
        return;
    }
    begin_packet(milter, 'O');
    append_number(milter, 6);
    append_number(milter, OFFERED_ACTIONS);
    append_number(milter, OFFERED_STEPS);
    end_packet(milter);
    char *reply = flush(milter) ? receive(milter, &len) : NULL;
    if (reply && *reply == 'O' && len >= 13)
        milter->steps = number_at(reply + 9);
    else
        decide(transfer, "error");
}

static void send_connect(struct transfer *transfer, struct milter *milter)
{
    const struct bench_message *message = transfer->message;
    if (!begin(transfer, milter, &connect_event))
        return;
    append_string(milter, message->client_name);
    append(milter, strchr(message->client, ':') ? "6\x63\x64" : "4\x63\x64", 3);
    append_string(milter, message->client);
    end(transfer, milter, &connect_event);
}

static void send_argument(struct transfer *transfer, struct milter *milter,
                          const struct event *event, const char *format, const char *argument)
{
    char text[1200];
    if (!begin(transfer, milter, event))
        return;
    snprintf(text, sizeof(text), format, argument);
    append_string(milter, text);
    end(transfer, milter, event);
}

static void send_field(struct transfer *transfer, struct milter *milter,
                       const struct bench_field *field)
{
    bool keep = milter->steps & LEADING_SPACE;
    if (!begin(transfer, milter, &header_event))
        return;
    append_string(milter, field->name);
    append_string(milter, field->value + (!keep && field->value[0] == ' '));
    end(transfer, milter, &header_event);
}

static void send_content(struct transfer *transfer, struct milter *milter)
{
    const struct bench_message *message = transfer->message;
    for (size_t i = transfer->added_count; i > 0; i--)
        send_field(transfer, milter, &transfer->added[i - 1]);
    for (size_t i = 0; i < message->field_count; i++)
        send_field(transfer, milter, &message->fields[i]);
    if (begin(transfer, milter, &eoh_event))
        end(transfer, milter, &eoh_event);
    for (size_t at = 0; at < message->body_len; at += CHUNK) {
        size_t left = message->body_len - at;
        if (!begin(transfer, milter, &body_event))
            break;
        append(milter, message->body + at, left < CHUNK ? left : CHUNK);
        end(transfer, milter, &body_event);
    }
    if (begin(transfer, milter, &eom_event))
        end(transfer, milter, &eom_event);
}

static void close_connection(struct milter *milter)
{
    milter->out_len = 0;
    begin_packet(milter, 'Q');
    end_packet(milter);
    flush(milter);
    close(milter->fd);
    free(milter->out);
    free(milter->in);
}

void bench_send(const struct bench_message *message, const char *const *sockets, size_t count,
                struct bench_outcome *outcome)
{
    struct transfer transfer = {.message = message, .outcome = outcome, .count = count};
    outcome->results_len = 0;
    outcome->results[0] = '\0';
    snprintf(outcome->verdict, sizeof(outcome->verdict), "accept");
    for (size_t i = 0; i < count; i++)
        open_connection(&transfer, &transfer.milters[i], sockets[i]);
    for (size_t i = 0; i < count; i++)
        send_connect(&transfer, &transfer.milters[i]);
    for (size_t i = 0; i < count; i++)
        send_argument(&transfer, &transfer.milters[i], &helo_event, "%s", message->helo);
    for (size_t i = 0; i < count; i++)
        send_argument(&transfer, &transfer.milters[i], &mail_event, "<%s>", message->sender);
    for (size_t i = 0; i < count; i++)
        send_argument(&transfer, &transfer.milters[i], &rcpt_event, "<%s>", message->recipient);
    for (size_t i = 0; i < count; i++) {
        if (begin(&transfer, &transfer.milters[i], &data_event))
            end(&transfer, &transfer.milters[i], &data_event);
    }
    for (size_t i = 0; i < count; i++)
        send_content(&transfer, &transfer.milters[i]);
    for (size_t i = 0; i < count; i++)
        close_connection(&transfer.milters[i]);
    for (size_t i = 0; i < transfer.added_count; i++) {
        free((char *)(uintptr_t)transfer.added[i].name);
        free((char *)(uintptr_t)transfer.added[i].value);
    }
}
