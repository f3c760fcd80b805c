/* dns_unbound_config.c - the settings of libunbound, with their reasons. See
 * dns_unbound_config.h and unbound.conf(5). Measured with libunbound 1.17.1.
 */
#include "dns_unbound_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unbound.h>

struct setting {
    const char *name, *value;
};

/* For every mode. */
static const struct setting common[] = {
    {"do-not-query-localhost:", "no"}, /* a name server on loopback is the usual case */
    {"edns-buffer-size:", "1232"},     /* no IP fragments (DNS flag day 2020); larger goes by TCP */
    {"do-tcp:", "yes"},
    {"rrset-roundrobin:", "no"}, /* the same answer, the same order */
    {"outgoing-num-tcp:", "64"},
    {"num-queries-per-thread:", "4096"},
    {"unwanted-reply-threshold:", "10000000"}, /* forgery attempts until its cache is dropped */
    {"cache-max-ttl:", "86400"},
    {"cache-max-negative-ttl:", "3600"},
    {"outbound-msg-retry:", "3"}, /* with the default of 5 a dead server costs 10 s, with 3 5 s */
    {"root-key-sentinel:", "no"},
    {"trust-anchor-signaling:", "no"}, /* we keep no anchors up to date; so nothing to tell */
    {"msg-cache-slabs:", "1"},         /* one thread works in there */
    {"rrset-cache-slabs:", "1"},
    {"infra-cache-slabs:", "1"},
    {"key-cache-slabs:", "1"},
    {NULL, NULL},
};

/* Answers come from the caches of others: our own table is cache enough. */
static const struct setting forwarding[] = {
    {"msg-cache-size:", "1m"},
    {"rrset-cache-size:", "2m"},
    {"qname-minimisation:", "no"}, /* the forwarder would only be asked more often */
    /* What is remembered about a server, that it is down above all, must be forgotten soon, or
     * mail is refused long after it is back. Measured after outages of 7 to 30 s: with 60 s it
     * took up to 13 s more, with 10 s some seconds at times, with 2 s at most 0.3 s. */
    {"infra-host-ttl:", "2"},
    {"infra-keep-probing:", "yes"},
    /* A forwarder answers at once what it knows, and takes seconds for what it must look up. After
     * quick answers libunbound would fail (SERVFAIL) when one takes longer than 0.7 s; with 200
     * here than 2.8 s, with 400 than 5.6 s (measured). */
    {"infra-cache-min-rtt:", "400"},
    {"unblock-lan-zones:", "yes"}, /* the forwarder may well know 10.in-addr.arpa */
    {"insecure-lan-zones:", "yes"},
    {NULL, NULL},
};

static const struct setting recursing[] = {
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"}, /* delegations and addresses of name servers live here */
    {"qname-minimisation:", "yes"},
    {NULL, NULL},
};

#define LOOPBACK_V6 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."

/* Names libunbound answers by itself ("does not exist") in the way of RFC 6761; the
 * forwarder, and a test's name server, may know better. */
static const char *const special_names[] = {
    "test.", "invalid.", "localhost.", "onion.", "home.arpa.", "127.in-addr.arpa.", LOOPBACK_V6};

static bool apply(struct ub_ctx *context, const struct setting *settings, char *error, size_t size)
{
    for (; settings->name; settings++) {
        int code = ub_ctx_set_option(context, settings->name, settings->value);
        if (code) {
            snprintf(error, size, "resolver: libunbound %s refuses \"%s %s\": %s", ub_version(),
                     settings->name, settings->value, ub_strerror(code));
            return false;
        }
    }
    return true;
}

/* Each query on its way holds a UDP socket: a quarter of what the process may open,
 * 64 to 1024 of them. More queries wait for their turn in dns_unbound.c. */
unsigned dns_unbound_sockets(void)
{
    struct rlimit limit;
    unsigned sockets = 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        sockets = limit.rlim_cur > 4096 ? 1024 : (unsigned)limit.rlim_cur / 4;
    return sockets < 64 ? 64 : sockets;
}

static bool apply_sockets(struct ub_ctx *context, char *error, size_t size)
{
    char value[16];
    snprintf(value, sizeof(value), "%u", dns_unbound_sockets());
    return apply(context, (struct setting[]){{"outgoing-range:", value}, {NULL, NULL}}, error,
                 size);
}

static bool set_servers(struct ub_ctx *context, const struct resolver_options *options, char *error,
                        size_t size)
{
    if (options->mode == RESOLVER_SYSTEM) {
        const char *path = options->resolv_conf ? options->resolv_conf : "/etc/resolv.conf";
        int code = ub_ctx_resolvconf(context, path);
        if (code)
            snprintf(error, size, "%s: %s", path, ub_strerror(code));
        return code == 0;
    }
    if (options->mode == RESOLVER_LIST && options->nameserver_count == 0) {
        snprintf(error, size, "resolver: the list of name servers is empty");
        return false;
    }
    for (size_t i = 0; options->mode == RESOLVER_LIST && i < options->nameserver_count; i++) {
        if (ub_ctx_set_fwd(context, options->nameservers[i]) != 0) {
            snprintf(error, size, "name server \"%s\": not an IP address or address@port",
                     options->nameservers[i]);
            return false;
        }
    }
    return true;
}

/* DNSSEC validation costs CPU; the module is loaded only with a trust anchor. */
static bool set_anchor(struct ub_ctx *context, const char *path, char *error, size_t size)
{
    const struct setting modules[] = {{"module-config:", path ? "validator iterator" : "iterator"},
                                      {NULL, NULL}};
    if (!apply(context, modules, error, size))
        return false;
    if (path && ub_ctx_add_ta_file(context, path) != 0) {
        snprintf(error, size, "%s: out of memory", path);
        return false;
    }
    return true;
}

static bool configure(struct ub_ctx *context, const struct resolver_options *options, char *error,
                      size_t size)
{
    ub_ctx_async(context, 1); /* a thread, not a process */
    return apply(context, common, error, size) &&
           apply(context, options->mode == RESOLVER_RECURSIVE ? recursing : forwarding, error,
                 size) &&
           apply_sockets(context, error, size) && set_servers(context, options, error, size) &&
           set_anchor(context, options->trust_anchor_file, error, size);
}

/* The first line libunbound logged, without its prefix "[time] libunbound[pid:0] error: ". */
static struct bytes first_complaint(const char *log)
{
    struct bytes line = bytes_of(log);
    line = bytes_slice(line, 0, bytes_find(line, '\n'));
    const char *text = strstr(log, "error: ");
    if (text && text < line.data + line.len)
        line = bytes_slice(line, (size_t)(text - line.data) + strlen("error: "), line.len);
    return line;
}

/* libunbound reads the trust anchor and starts its modules with the first use of the
 * context: use it here, so that a mistake shows now, with its reason. */
static bool finalise(struct ub_ctx *context, const struct resolver_options *options, char *error,
                     size_t size)
{
    char *log = NULL;
    size_t log_size = 0;
    FILE *memory = open_memstream(&log, &log_size);
    ub_ctx_debuglevel(context, 0);
    ub_ctx_debugout(context, memory);
    int code = ub_ctx_zone_remove(context, "no-such-zone.invalid.");
    size_t count = sizeof(special_names) / sizeof(*special_names);
    for (size_t i = 0; options->mode != RESOLVER_RECURSIVE && code == 0 && i < count; i++)
        code = ub_ctx_zone_remove(context, special_names[i]);
    ub_ctx_debugout(context, NULL);
    if (memory)
        fclose(memory);
    if (code) {
        struct bytes why = first_complaint(log ? log : "");
        const char *path = options->trust_anchor_file;
        snprintf(error, size, "%s%s: %s: %.*s", path ? "trust anchor file " : "resolver",
                 path ? path : "", ub_strerror(code), BYTES_ARGS(why));
    }
    free(log);
    return code == 0;
}

struct ub_ctx *dns_unbound_context(const struct resolver_options *options, char *error, size_t size)
{
    struct ub_ctx *context = ub_ctx_create();
    if (!context) {
        snprintf(error, size, "resolver: libunbound cannot make a context");
        return NULL;
    }
    ub_ctx_debugout(context, NULL);
    if (!configure(context, options, error, size) || !finalise(context, options, error, size)) {
        ub_ctx_delete(context);
        return NULL;
    }
    return context;
}
