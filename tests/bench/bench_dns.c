/* bench_dns.c - a DNS server with a delay, for benchmarks.
 *
 *   bench_dns ADDRESS PORT ZONEFILE
 *
 * One thread, UDP, loopback addresses only. It knows the names in the file and
 * nothing else: any other is NXDOMAIN, so nothing under test reaches the real
 * DNS. The file has one record a line: NAME A|TXT|MX|PTR DATA (see gen.py).
 *
 * On standard input it takes commands, one a line, and answers each with "ok":
 *
 *   latency MILLISECONDS      of every answer; replies leave in order of arrival
 *   ttl SECONDS               of every answer
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    TYPE_A = 1,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_OPT = 41,
    NAMES_MAX = 65536,
    PACKET = 4096,
    QUEUE = 65536, /* replies that wait for their time */
};

struct record {
    struct record *next;
    uint16_t type, len;
    uint8_t data[];
};

/* What a name has; NULL: it exists because something is below it. */
struct node {
    struct record *records;
};

struct reply {
    int64_t due; /* microseconds */
    struct sockaddr_in to;
    size_t len;
    uint8_t *packet;
};

static int64_t latency_us;
static uint32_t ttl = 3600;
static struct reply queue[QUEUE];
static size_t queue_first, queue_count;

static void die(const char *what)
{
    fprintf(stderr, "bench_dns: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the zone ---- */

static struct node *find(const char *name)
{
    ENTRY key = {(char *)(uintptr_t)name, NULL}, *found = hsearch(key, FIND);
    return found ? found->data : NULL;
}

static struct node *intern(const char *name)
{
    struct node *node = find(name);
    if (node)
        return node;
    node = calloc(1, sizeof(*node));
    ENTRY entry = {strdup(name), node};
    if (!node || !entry.key || !hsearch(entry, ENTER))
        die(name);
    return node;
}

/* A name as labels; its length. */
static size_t put_name(uint8_t *out, const char *name)
{
    size_t len = 0;
    while (*name) {
        size_t label = strcspn(name, ".");
        out[len++] = (uint8_t)label;
        memcpy(out + len, name, label);
        len += label;
        name += label + (name[label] == '.');
    }
    out[len++] = 0;
    return len;
}

static size_t put_text(uint8_t *out, const char *text)
{
    size_t len = 0;
    do {
        size_t part = strnlen(text, 255);
        out[len++] = (uint8_t)part;
        memcpy(out + len, text, part);
        len += part;
        text += part;
    } while (*text);
    return len;
}

static void add_record(char *name, const char *type, char *data)
{
    uint8_t octets[PACKET];
    uint16_t number;
    size_t len;
    if (strlen(data) > PACKET / 2)
        die("a record is too long");
    if (strcmp(type, "A") == 0) {
        number = TYPE_A;
        len = 4;
        if (inet_pton(AF_INET, data, octets) != 1)
            die(data);
    } else if (strcmp(type, "MX") == 0) {
        unsigned long preference = strtoul(data, &data, 10);
        number = TYPE_MX;
        octets[0] = (uint8_t)(preference >> 8);
        octets[1] = (uint8_t)preference;
        len = 2 + put_name(octets + 2, data + strspn(data, " "));
    } else if (strcmp(type, "PTR") == 0) {
        number = TYPE_PTR;
        len = put_name(octets, data);
    } else {
        number = TYPE_TXT;
        len = put_text(octets, data);
    }
    for (char *above = strchr(name, '.'); above; above = strchr(above + 1, '.'))
        intern(above + 1);
    struct node *node = intern(name);
    struct record *record = calloc(1, sizeof(*record) + len);
    if (!record)
        die("memory");
    record->type = number;
    record->len = (uint16_t)len;
    memcpy(record->data, octets, len);
    record->next = node->records;
    node->records = record;
}

static void read_zone(const char *path)
{
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    if (!file || !hcreate(NAMES_MAX))
        die(path);
    while (getline(&line, &capacity, file) > 0) {
        char *rest = line, *name, *type;
        line[strcspn(line, "\n")] = '\0';
        name = strsep(&rest, " ");
        type = strsep(&rest, " ");
        if (!rest)
            die("a line without three fields");
        add_record(name, type, rest);
    }
    free(line);
    fclose(file);
}

/* ---- answers ---- */

static void put16(uint8_t **at, unsigned number)
{
    *(*at)++ = (uint8_t)(number >> 8);
    *(*at)++ = (uint8_t)number;
}

static void put_head(uint8_t **at, unsigned owner, unsigned type, size_t len)
{
    put16(at, 0xc000u | owner);
    put16(at, type);
    put16(at, 1);
    put16(at, ttl >> 16);
    put16(at, ttl & 0xffff);
    put16(at, (unsigned)len);
}

/* The name asked for in lower case, and where the question ends; 0: no question. */
static size_t read_question(const uint8_t *query, size_t len, char name[256], unsigned *type)
{
    size_t at = 12, out = 0;
    if (len < 17 || query[2] & 0x80 || query[5] != 1)
        return 0;
    while (at < len && query[at]) {
        size_t label = query[at++];
        if (label > 63 || at + label >= len || out + label + 1 > 255)
            return 0;
        for (size_t i = 0; i < label; i++)
            name[out++] = (char)tolower(query[at + i]);
        name[out++] = '.';
        at += label;
    }
    name[out ? out - 1 : 0] = '\0';
    if (at + 5 > len)
        return 0;
    *type = (unsigned)query[at + 1] << 8 | query[at + 2];
    return at + 5;
}

/* For the negative cache (RFC 2308): an SOA of the root. */
static void put_soa(uint8_t **at, size_t question_end)
{
    /* RNAME (root), serial, refresh, retry, expire; the minimum follows */
    static const uint8_t numbers[] = {0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 14, 16, 0, 9, 58, 128};
    put_head(at, (unsigned)question_end - 5, 6, 2 + sizeof(numbers) + 3);
    *(*at)++ = 0; /* MNAME: the root */
    memcpy(*at, numbers, sizeof(numbers));
    *at += sizeof(numbers);
    put16(at, ttl >> 16);
    put16(at, ttl & 0xffff);
}

static size_t answer(const uint8_t *query, size_t len, uint8_t out[PACKET])
{
    char name[256];
    unsigned type = 0, count = 0, authority = 0;
    size_t question_end = read_question(query, len, name, &type);
    if (question_end == 0)
        return 0;
    bool edns = query[11] == 1 && question_end + 11 <= len && query[question_end + 2] == TYPE_OPT;
    const struct node *node = find(name);
    uint8_t *at = out + question_end;
    memcpy(out, query, question_end);
    for (const struct record *r = node ? node->records : NULL; r; r = r->next) {
        if (r->type != type || at + r->len + 64 > out + PACKET)
            continue;
        put_head(&at, 12, type, r->len);
        memcpy(at, r->data, r->len);
        at += r->len;
        count++;
    }
    if (count == 0) {
        put_soa(&at, question_end);
        authority = 1;
    }
    out[2] = (uint8_t)(0x84 | (query[2] & 1));
    out[3] = (uint8_t)(0x80 | (query[3] & 0x10) | (node ? 0 : 3));
    memset(out + 6, 0, 6);
    out[7] = (uint8_t)count;
    out[9] = (uint8_t)authority;
    out[11] = edns;
    if (edns) {
        static const uint8_t opt[] = {0, 0, TYPE_OPT, PACKET >> 8, 0, 0, 0, 0, 0, 0, 0};
        memcpy(at, opt, sizeof(opt));
        at += sizeof(opt);
    }
    return (size_t)(at - out);
}

/* ---- serving ---- */

static void serve(int fd)
{
    uint8_t query[2048], out[PACKET + 64];
    struct sockaddr_in from;
    for (;;) {
        socklen_t from_len = sizeof(from);
        ssize_t n =
            recvfrom(fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
        if (n <= 0)
            return;
        size_t len = answer(query, (size_t)n, out);
        if (len == 0)
            continue;
        if (latency_us == 0 || queue_count == QUEUE) {
            sendto(fd, out, len, 0, (struct sockaddr *)&from, sizeof(from));
            continue;
        }
        struct reply *reply = &queue[(queue_first + queue_count++) % QUEUE];
        *reply = (struct reply){now_us() + latency_us, from, len, malloc(len)};
        if (!reply->packet)
            die("memory");
        memcpy(reply->packet, out, len);
    }
}

/* Sends what is due; microseconds until the next, -1: nothing waits. */
static int64_t send_due(int fd)
{
    while (queue_count) {
        struct reply *reply = &queue[queue_first];
        int64_t left = reply->due - now_us();
        if (left > 0)
            return left;
        sendto(fd, reply->packet, reply->len, 0, (struct sockaddr *)&reply->to, sizeof(reply->to));
        free(reply->packet);
        queue_first = (queue_first + 1) % QUEUE;
        queue_count--;
    }
    return -1;
}

static void take_command(void)
{
    char line[64];
    if (!fgets(line, sizeof(line), stdin))
        exit(0); /* who started it is gone */
    if (strncmp(line, "latency ", 8) == 0)
        latency_us = atoi(line + 8) * 1000;
    else if (strncmp(line, "ttl ", 4) == 0)
        ttl = (uint32_t)atoi(line + 4);
    puts("ok");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int big = 8 << 20;
    if (argc != 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 ||
        ntohl(address.sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr, "usage: bench_dns 127.x.y.z PORT ZONEFILE\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    read_zone(argv[3]);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("bind");
    puts("ok");
    fflush(stdout);
    for (;;) {
        struct pollfd waiting[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        int64_t left = send_due(fd);
        struct timespec timeout = {left / 1000000, left % 1000000 * 1000};
        if (ppoll(waiting, 2, left < 0 ? NULL : &timeout, NULL) < 0 && errno != EINTR)
            die("poll");
        if (waiting[0].revents)
            serve(fd);
        if (waiting[1].revents)
            take_command();
    }
}
