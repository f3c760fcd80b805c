/* soakload.c - many connections of an MTA at once, for the soak test (tests/soak/run).
 *
 *   soakload HOST PORT CASES MESSAGES CONNECTIONS
 *
 * Speaks version 6 of the milter protocol. Each connection carries up to six messages; at any
 * stage a message may be aborted, or the connection closed, with or without a word.
 * CASES has lines "expect TAB address TAB name TAB helo TAB sender TAB file". Prints the
 * messages that got their final answer, once a second, and counts at the end: "case NUMBER ANSWERS"
 * for each, and one line of all; exit code 1 when an answer was wrong. Built by `run`: needs libc
 * and pthreads alone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CASES_MAX = 64,
    FIELDS_MAX = 64,
    PER_CONNECTION = 6,
    PACKET_MAX = 1 << 20,
    CHUNK = 65535,
    NO_QUIRK = 24, /* one in so many messages is broken off, and one in so many connections */
    ALL_ACTIONS = 0x1ff,
    ALL_STEPS = 0x1fffff,
};

struct test_case {
    char expect; /* a: accept, r: reject (a reply code), q: quarantine */
    char *address, *name, *helo, *sender;
    char *fields[FIELDS_MAX]; /* "name NUL value NUL" */
    size_t field_lens[FIELDS_MAX], field_count;
    char *body;
    size_t body_len;
    atomic_long answered;
};

struct peer {
    int fd;
    uint32_t steps;
    unsigned seed;
    bool broken;
    char *packet;
};

static struct test_case cases[CASES_MAX];
static size_t case_count;
static struct sockaddr_in target;
static atomic_long answered, wrong, aborted, closed_early, connections, failed;
static long wanted;

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- the protocol ---- */

static bool write_all(struct peer *peer, const void *data, size_t len)
{
    const char *at = data;
    while (len && !peer->broken) {
        ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            peer->broken = true;
            break;
        }
        at += sent;
        len -= (size_t)sent;
    }
    return !peer->broken;
}

static bool read_all(struct peer *peer, void *data, size_t len)
{
    char *at = data;
    while (len && !peer->broken) {
        ssize_t got = recv(peer->fd, at, len, 0);
        if (got <= 0) {
            peer->broken = true;
            break;
        }
        at += got;
        len -= (size_t)got;
    }
    return !peer->broken;
}

static void send_packet(struct peer *peer, char command, const void *data, size_t len)
{
    char head[5];
    uint32_t size = htonl((uint32_t)len + 1);
    memcpy(head, &size, 4);
    head[4] = command;
    write_all(peer, head, sizeof(head));
    write_all(peer, data, len);
}

/* The command of the answer, 0 when there is none. */
static char receive(struct peer *peer)
{
    uint32_t size;
    if (!read_all(peer, &size, 4))
        return 0;
    size = ntohl(size);
    if (size < 1 || size > PACKET_MAX || !read_all(peer, peer->packet, size)) {
        peer->broken = true;
        return 0;
    }
    return peer->packet[0];
}

/* One step; `no` declines it, `silent` says that no answer comes. 'c' to go on. */
static char step(struct peer *peer, char command, const void *data, size_t len, uint32_t no,
                 uint32_t silent)
{
    if (peer->steps & no)
        return 'c';
    send_packet(peer, command, data, len);
    return peer->steps & silent ? 'c' : receive(peer);
}

static void negotiate(struct peer *peer)
{
    uint32_t offer[3] = {htonl(6), htonl(ALL_ACTIONS), htonl(ALL_STEPS)};
    send_packet(peer, 'O', offer, sizeof(offer));
    if (receive(peer) != 'O') {
        peer->broken = true;
        return;
    }
    memcpy(&peer->steps, peer->packet + 9, 4);
    peer->steps = ntohl(peer->steps);
}

static void greet(struct peer *peer, const struct test_case *test)
{
    char data[600];
    size_t len = (size_t)snprintf(data, 300, "%s", test->name) + 1;
    data[len++] = strchr(test->address, ':') ? '6' : '4';
    uint16_t port = htons(25);
    memcpy(data + len, &port, 2);
    len += 2;
    len += (size_t)snprintf(data + len, 200, "%s%s", strchr(test->address, ':') ? "IPv6:" : "",
                            test->address) +
           1;
    step(peer, 'C', data, len, 0x1, 0x1000);
    step(peer, 'H', test->helo, strlen(test->helo) + 1, 0x2, 0x2000);
}

/* ---- a message ---- */

enum outcome { GO_ON, ABORTED, CLOSED };

/* Whether the message ends here, before its time. */
static enum outcome quirk(struct peer *peer, unsigned stage, unsigned at)
{
    if (peer->broken)
        return CLOSED;
    if (stage != at)
        return GO_ON;
    if (rand_r(&peer->seed) % 2) {
        send_packet(peer, 'A', NULL, 0);
        atomic_fetch_add(&aborted, 1);
        return ABORTED;
    }
    if (rand_r(&peer->seed) % 2)
        send_packet(peer, 'Q', NULL, 0);
    atomic_fetch_add(&closed_early, 1);
    return CLOSED;
}

static void end_of_message(struct peer *peer, struct test_case *test)
{
    static const char queue_id[] = "Ei\0"
                                   "4Soak";
    bool quarantined = false;
    char answer;
    send_packet(peer, 'D', queue_id, sizeof(queue_id));
    send_packet(peer, 'E', NULL, 0);
    while ((answer = receive(peer)) && strchr("imhpq", answer))
        quarantined = quarantined || answer == 'q';
    char found = answer == 'y' ? 'r' : quarantined ? 'q' : answer == 'c' ? 'a' : answer;
    if (found != test->expect) {
        if (atomic_fetch_add(&wrong, 1) < 10)
            fprintf(stderr, "wrong: %c instead of %c for %s\n", found ? found : '-', test->expect,
                    test->sender);
    }
    atomic_fetch_add(&test->answered, 1);
    atomic_fetch_add(&answered, 1);
}

static enum outcome message(struct peer *peer, struct test_case *test, unsigned at)
{
    char line[400];
    unsigned stage = 0;
    enum outcome end;
    int len = snprintf(line, sizeof(line), "<%s>", test->sender) + 1;
    if ((end = quirk(peer, stage++, at)))
        return end;
    step(peer, 'M', line, (size_t)len, 0x4, 0x4000);
    if ((end = quirk(peer, stage++, at)))
        return end;
    step(peer, 'R', "<a@rcpt.example>", 17, 0x8, 0x8000);
    if ((end = quirk(peer, stage++, at)))
        return end;
    step(peer, 'T', NULL, 0, 0x200, 0x10000);
    for (size_t i = 0; i < test->field_count; i++) {
        if (i == 1 && (end = quirk(peer, stage, at)))
            return end;
        step(peer, 'L', test->fields[i], test->field_lens[i], 0x20, 0x80);
    }
    stage++;
    step(peer, 'N', NULL, 0, 0x40, 0x40000);
    if ((end = quirk(peer, stage++, at)))
        return end;
    for (size_t done = 0; done < test->body_len; done += CHUNK) {
        size_t part = test->body_len - done < CHUNK ? test->body_len - done : CHUNK;
        if (step(peer, 'B', test->body + done, part, 0x10, 0x80000) == 's')
            break;
    }
    if ((end = quirk(peer, stage, at)))
        return end;
    end_of_message(peer, test);
    return peer->broken ? CLOSED : GO_ON;
}

/* ---- connections ---- */

static void connection(struct peer *peer)
{
    struct test_case *test = &cases[(size_t)rand_r(&peer->seed) % case_count];
    struct timeval patience = {.tv_sec = 60};
    int on = 1;
    peer->broken = false;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *)&target, sizeof(target)) != 0)
        fail("connect");
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    atomic_fetch_add(&connections, 1);
    /* Some say nothing, or leave after the negotiation, the connect, the HELO. */
    unsigned leave = (unsigned)rand_r(&peer->seed) % (3 * NO_QUIRK);
    if (leave > 0)
        negotiate(peer);
    if (leave > 1)
        greet(peer, test);
    unsigned count = leave > 2 ? 1 + (unsigned)rand_r(&peer->seed) % PER_CONNECTION : 0;
    for (unsigned i = 0; i < count && atomic_load(&answered) < wanted; i++) {
        enum outcome end = message(peer, test, (unsigned)rand_r(&peer->seed) % NO_QUIRK);
        if (end == CLOSED)
            count = 0;
    }
    if (peer->broken)
        atomic_fetch_add(&failed, 1);
    else if (count && rand_r(&peer->seed) % 4)
        send_packet(peer, 'Q', NULL, 0);
    close(peer->fd);
}

static void *work(void *argument)
{
    struct peer peer = {.seed = (unsigned)(uintptr_t)argument, .packet = malloc(PACKET_MAX)};
    if (!peer.packet)
        fail("malloc");
    while (atomic_load(&answered) < wanted)
        connection(&peer);
    free(peer.packet);
    return NULL;
}

/* ---- reading the cases ---- */

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(PACKET_MAX + 1);
    if (!file || !text)
        fail(path);
    *len = fread(text, 1, PACKET_MAX, file);
    text[*len] = '\0';
    fclose(file);
    return text;
}

/* CRLF line ends; folds become LF, as MTAs hand them over. */
static void split(struct test_case *test, char *text, size_t len)
{
    char *at = text, *end = strstr(text, "\r\n\r\n");
    if (!end)
        fail("a message without a body");
    test->body = end + 4;
    test->body_len = len - (size_t)(test->body - text);
    while (at < end + 2 && test->field_count < FIELDS_MAX) {
        char *field = malloc(strlen(at) + 2), *out = field;
        bool in_name = true;
        if (!field)
            fail("malloc");
        for (; !(at[0] == '\r' && at[1] == '\n' && at[2] != ' ' && at[2] != '\t'); at++) {
            if (*at == '\r')
                continue;
            *out++ = in_name && *at == ':' ? '\0' : *at;
            in_name = in_name && *at != ':';
        }
        *out++ = '\0';
        at += 2;
        test->fields[test->field_count] = field;
        test->field_lens[test->field_count++] = (size_t)(out - field);
    }
}

static void read_cases(const char *path)
{
    size_t len;
    char *line, *rest = read_file(path, &len);
    while ((line = strsep(&rest, "\n")) && *line && case_count < CASES_MAX) {
        struct test_case *test = &cases[case_count++];
        test->expect = *strsep(&line, "\t");
        test->address = strsep(&line, "\t");
        test->name = strsep(&line, "\t");
        test->helo = strsep(&line, "\t");
        test->sender = strsep(&line, "\t");
        char *text = read_file(line, &len);
        split(test, text, len);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 64;
    target.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &target.sin_addr);
    read_cases(argv[3]);
    wanted = atol(argv[4]);
    int count = atoi(argv[5]);
    pthread_t *threads = calloc((size_t)count, sizeof(*threads));
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1)) != 0)
            fail("pthread_create");
    }
    while (atomic_load(&answered) < wanted) {
        printf("%ld\n", atomic_load(&answered));
        fflush(stdout);
        sleep(1);
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < case_count; i++)
        printf("case %zu %ld\n", i, cases[i].answered);
    printf("answered %ld aborted %ld closed %ld connections %ld wrong %ld failed %ld\n", answered,
           aborted, closed_early, connections, wrong, failed);
    return wrong || failed ? 1 : 0;
}
