/* fake_dns.c - a resolver for tests; see fake_dns.h. */
#include "fake_dns.h"

#include "ip.h"
#include "strbuf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CNAME_TYPE = 5, CNAME_MAX = 8, MAX_ASKED = 4096 };

struct entry {
    struct entry *next;
    struct bytes name;
    int type; /* 0: the name alone; CNAME_TYPE; else a dns_type */
    struct dns_record record;
    const char *failure; /* temporary error instead of a record */
};

struct pending {
    struct pending *next;
    struct dns_lookup *lookup;
    int64_t due_us;
};

struct fake_dns {
    struct dns_resolver resolver; /* first: fake_of() */
    struct arena *arena;
    struct entry *entries, **last;
    bool everything_exists, secure;
    char *asked[MAX_ASKED];
    size_t asked_count;

    unsigned delay_ms;
    bool running, stop;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    struct pending *pending;
};

const struct limits test_limits = {
    .maximum_signatures = 10,
    .maximum_header_fields = 2000,
    .maximum_header_bytes = 512 * 1024,
    .maximum_queries = 200,
    .resolver_timeout_us = 2000000,
    .message_deadline_us = 5000000,
    .minimum_key_bits = RSA_BITS_MIN,
    .clock_skew = 300,
    .message_memory = 64 * 1024 * 1024,
};

static struct fake_dns *fake_of(struct dns_resolver *resolver)
{
    return (struct fake_dns *)resolver;
}

static int64_t monotonic_us(void *unused)
{
    struct timespec now;
    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t fixed_epoch(void *clock)
{
    return (int64_t)(intptr_t)clock;
}

/* ---- the zone ---- */

static struct entry *add_entry(struct fake_dns *dns, struct bytes name, int type)
{
    struct entry *entry = arena_alloc(dns->arena, sizeof(*entry));
    if (name.len && name.data[name.len - 1] == '.')
        name.len--;
    entry->name = arena_bytes(dns->arena, name);
    entry->type = type;
    *dns->last = entry;
    dns->last = &entry->next;
    return entry;
}

void fake_dns_add_bytes(struct fake_dns *dns, struct bytes name, enum dns_type type,
                        struct bytes data, uint16_t preference)
{
    struct entry *entry = add_entry(dns, name, (int)type);
    entry->record.data = arena_bytes(dns->arena, data);
    entry->record.preference = preference;
}

void fake_dns_add(struct fake_dns *dns, const char *name, enum dns_type type, const char *data)
{
    struct bytes octets = bytes_of(data);
    uint16_t preference = 0;
    struct ip ip;
    if (type == DNS_A || type == DNS_AAAA) {
        if (!ip_parse(octets, &ip)) {
            fprintf(stderr, "fake_dns: bad address %s\n", data);
            exit(99);
        }
        /* an AAAA with a mapped address */
        if (type == DNS_AAAA && ip.family == IP_V4) {
            static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
            memmove(ip.octets + 12, ip.octets, 4);
            memcpy(ip.octets, prefix, 12);
        }
        octets = (struct bytes){(const char *)ip.octets, type == DNS_A ? 4 : 16};
    } else if (type == DNS_MX) {
        preference = (uint16_t)atoi(data);
        octets = bytes_slice(octets, bytes_find(octets, ' ') + 1, octets.len);
    }
    if ((type == DNS_MX || type == DNS_PTR) && octets.len && octets.data[octets.len - 1] == '.')
        octets.len--;
    fake_dns_add_bytes(dns, bytes_of(name), type, octets, preference);
}

void fake_dns_add_cname(struct fake_dns *dns, const char *name, const char *target)
{
    struct bytes octets = bytes_of(target);
    if (octets.len && octets.data[octets.len - 1] == '.')
        octets.len--;
    add_entry(dns, bytes_of(name), CNAME_TYPE)->record.data = arena_bytes(dns->arena, octets);
}

void fake_dns_add_name(struct fake_dns *dns, const char *name)
{
    add_entry(dns, bytes_of(name), 0);
}

void fake_dns_fail(struct fake_dns *dns, const char *name, int type, const char *cause)
{
    struct entry *entry = add_entry(dns, bytes_of(name), type ? type : -1);
    entry->failure = arena_copy(dns->arena, cause, strlen(cause));
}

void fake_dns_everything_exists(struct fake_dns *dns)
{
    dns->everything_exists = true;
}

void fake_dns_add_nonexistent(struct fake_dns *dns, const char *name)
{
    add_entry(dns, bytes_of(name), -2);
}

void fake_dns_set_secure(struct fake_dns *dns, bool secure)
{
    dns->secure = secure;
}

/* ---- looking up ---- */

static bool is_below(struct bytes name, struct bytes parent)
{
    return name.len > parent.len && name.data[name.len - parent.len - 1] == '.' &&
           bytes_equal_nocase(bytes_slice(name, name.len - parent.len, parent.len), parent);
}

static const struct dns_answer *answer_at(struct fake_dns *dns, struct bytes name, int type,
                                          int depth)
{
    struct dns_record records[600];
    size_t count = 0;
    bool exists = dns->everything_exists;
    const char *failure = NULL;
    for (struct entry *e = dns->entries; e; e = e->next) {
        if (!bytes_equal_nocase(e->name, name)) {
            exists = exists || (e->type != -2 && is_below(e->name, name));
            continue;
        }
        if (e->type == -2)
            return dns_answer_new(DNS_NO_NAME, dns->secure, 60, "", NULL, 0);
        exists = true;
        if (e->failure && (e->type == type || e->type == -1))
            failure = e->failure;
        if (e->type == CNAME_TYPE && !e->failure && depth < CNAME_MAX)
            return answer_at(dns, e->record.data, type, depth + 1);
        if (e->type == CNAME_TYPE)
            failure = "CNAME loop";
        if (e->type == type && !e->failure && count < 600)
            records[count++] = e->record;
    }
    if (count)
        return dns_answer_new(DNS_FOUND, dns->secure, 60, "", records, count);
    if (failure)
        return dns_answer_new(DNS_TEMPORARY, false, 0, failure, NULL, 0);
    return dns_answer_new(exists ? DNS_NO_DATA : DNS_NO_NAME, dns->secure, 60, "", NULL, 0);
}

static void *deliver_late(void *argument)
{
    struct fake_dns *dns = argument;
    pthread_mutex_lock(&dns->lock);
    while (!dns->stop) {
        struct pending *next = dns->pending;
        for (struct pending *p = next; p; p = p->next)
            next = p->due_us < next->due_us ? p : next;
        if (!next) {
            pthread_cond_wait(&dns->changed, &dns->lock);
            continue;
        }
        struct timespec until = {next->due_us / 1000000, next->due_us % 1000000 * 1000};
        if (monotonic_us(NULL) < next->due_us) {
            pthread_cond_timedwait(&dns->changed, &dns->lock, &until);
            continue;
        }
        for (struct pending **p = &dns->pending; *p; p = &(*p)->next) {
            if (*p == next) {
                *p = next->next;
                break;
            }
        }
        dns_lookup_complete(next->lookup,
                            answer_at(dns, next->lookup->name, (int)next->lookup->type, 0), false);
        free(next);
    }
    pthread_mutex_unlock(&dns->lock);
    return NULL;
}

static void start(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    struct fake_dns *dns = fake_of(resolver);
    pthread_mutex_lock(&dns->lock);
    if (dns->asked_count < MAX_ASKED) {
        char *text = NULL;
        if (asprintf(&text, "%s %.*s", dns_type_name(lookup->type), BYTES_ARGS(lookup->name)) < 0)
            abort();
        dns->asked[dns->asked_count++] = text;
    }
    if (dns->delay_ms) {
        struct pending *pending = malloc(sizeof(*pending));
        *pending = (struct pending){dns->pending, lookup,
                                    monotonic_us(NULL) + (int64_t)dns->delay_ms * 1000};
        dns->pending = pending;
        pthread_cond_signal(&dns->changed);
    } else {
        dns_lookup_complete(lookup, answer_at(dns, lookup->name, (int)lookup->type, 0), false);
    }
    pthread_mutex_unlock(&dns->lock);
}

static void cancel(struct dns_resolver *resolver, struct dns_lookup *lookup)
{
    struct fake_dns *dns = fake_of(resolver);
    pthread_mutex_lock(&dns->lock);
    for (struct pending **p = &dns->pending; *p; p = &(*p)->next) {
        if ((*p)->lookup == lookup) {
            struct pending *gone = *p;
            *p = gone->next;
            free(gone);
            break;
        }
    }
    pthread_mutex_unlock(&dns->lock);
}

struct fake_dns *fake_dns_new(void)
{
    struct fake_dns *dns = calloc(1, sizeof(*dns));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&dns->lock, NULL);
    pthread_cond_init(&dns->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    dns->resolver = (struct dns_resolver){start, cancel};
    dns->arena = arena_new(1 << 30);
    dns->last = &dns->entries;
    return dns;
}

void fake_dns_set_delay(struct fake_dns *dns, unsigned delay_ms)
{
    pthread_mutex_lock(&dns->lock);
    dns->delay_ms = delay_ms;
    pthread_mutex_unlock(&dns->lock);
    if (delay_ms && !dns->running)
        dns->running = pthread_create(&dns->thread, NULL, deliver_late, dns) == 0;
}

void fake_dns_forget(struct fake_dns *dns)
{
    for (size_t i = 0; i < dns->asked_count; i++)
        free(dns->asked[i]);
    dns->asked_count = 0;
}

void fake_dns_free(struct fake_dns *dns)
{
    if (dns->running) {
        pthread_mutex_lock(&dns->lock);
        dns->stop = true;
        pthread_cond_signal(&dns->changed);
        pthread_mutex_unlock(&dns->lock);
        pthread_join(dns->thread, NULL);
    }
    while (dns->pending) {
        struct pending *next = dns->pending->next;
        free(dns->pending);
        dns->pending = next;
    }
    fake_dns_forget(dns);
    pthread_cond_destroy(&dns->changed);
    pthread_mutex_destroy(&dns->lock);
    arena_free(dns->arena);
    free(dns);
}

struct dns_resolver *fake_dns_resolver(struct fake_dns *dns)
{
    return &dns->resolver;
}

size_t fake_dns_asked_count(const struct fake_dns *dns)
{
    return dns->asked_count;
}

const char *fake_dns_asked(const struct fake_dns *dns, size_t index)
{
    return index < dns->asked_count ? dns->asked[index] : "";
}

/* ---- JSON ---- */

struct bytes json_octets(struct arena *arena, const json_t *string)
{
    const unsigned char *utf8 = (const unsigned char *)json_string_value(string);
    size_t len = json_string_length(string), used = 0;
    char *octets = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        if (utf8[i] < 0x80) {
            octets[used++] = (char)utf8[i];
        } else if (utf8[i] < 0xc4 && i + 1 < len) {
            octets[used++] = (char)((utf8[i] & 3) << 6 | (utf8[i + 1] & 0x3f));
            i++;
        } else {
            octets[used++] = (char)utf8[i]; /* beyond latin-1: keep UTF-8 */
        }
    }
    return (struct bytes){octets, used};
}

static int type_number(const char *type)
{
    static const struct {
        const char *name;
        int number;
    } types[] = {{"A", DNS_A},     {"AAAA", DNS_AAAA},    {"MX", DNS_MX}, {"TXT", DNS_TXT},
                 {"PTR", DNS_PTR}, {"CNAME", CNAME_TYPE}, {"*", 0}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, type) == 0)
            return types[i].number;
    }
    return -1;
}

/* One or several character-strings, joined. */
static struct bytes joined(struct fake_dns *dns, const json_t *value)
{
    if (json_is_string(value))
        return json_octets(dns->arena, value);
    struct strbuf buf;
    strbuf_init(&buf, dns->arena);
    for (size_t i = 0; i < json_array_size(value); i++)
        strbuf_bytes(&buf, json_octets(dns->arena, json_array_get(value, i)));
    return strbuf_view(&buf);
}

static void load_value(struct fake_dns *dns, struct bytes name, const char *type, json_t *value)
{
    char *owner = arena_copy(dns->arena, name.data, name.len);
    int number = type_number(type);
    if (number < 0)
        return;
    if (number == 0) {
        const char *cause = json_is_string(value) ? json_string_value(value) : "SERVFAIL";
        fake_dns_fail(dns, owner, 0, cause);
    } else if (number == DNS_TXT) {
        fake_dns_add_bytes(dns, name, DNS_TXT, joined(dns, value), 0);
    } else if (number == CNAME_TYPE) {
        fake_dns_add_cname(dns, owner, json_string_value(value));
    } else if (json_is_array(value)) { /* MX as [10, "mail.example.com"] */
        struct bytes host = json_octets(dns->arena, json_array_get(value, 1));
        fake_dns_add_bytes(dns, name, (enum dns_type)number, host,
                           (uint16_t)json_integer_value(json_array_get(value, 0)));
    } else {
        struct bytes data = json_octets(dns->arena, value);
        if (number == DNS_PTR)
            fake_dns_add_bytes(dns, name, DNS_PTR, data, 0);
        else
            fake_dns_add(dns, owner, (enum dns_type)number,
                         arena_copy(dns->arena, data.data, data.len));
    }
}

/* {"TXT": [["v=DMARC1"]], "A": ["192.0.2.1"], "*": "TIMEOUT"} */
static void load_types(struct fake_dns *dns, struct bytes name, json_t *types)
{
    const char *type;
    json_t *values, *value;
    size_t i;
    char *owner = arena_copy(dns->arena, name.data, name.len);
    fake_dns_add_name(dns, owner);
    json_object_foreach(types, type, values)
    {
        if (json_is_string(values) && type_number(type) >= 0)
            fake_dns_fail(dns, owner, type_number(type), json_string_value(values));
        else if (json_is_array(values))
            json_array_foreach(values, i, value) load_value(dns, name, type, value);
    }
}

/* [{"type": "TXT", "strings": [...]}, {"type": "MX", "pref": 10, "exchange": "..."}] */
static void load_records(struct fake_dns *dns, struct bytes name, json_t *records)
{
    json_t *record;
    size_t i;
    char *owner = arena_copy(dns->arena, name.data, name.len);
    json_array_foreach(records, i, record)
    {
        const char *type = json_string_value(json_object_get(record, "type"));
        json_t *error = json_object_get(record, "error");
        if (error)
            fake_dns_fail(dns, owner, type_number(type), json_string_value(error));
        else if (strcmp(type, "MX") == 0)
            fake_dns_add_bytes(dns, name, DNS_MX,
                               json_octets(dns->arena, json_object_get(record, "exchange")),
                               (uint16_t)json_integer_value(json_object_get(record, "pref")));
        else if (json_object_get(record, "strings"))
            load_value(dns, name, type, json_object_get(record, "strings"));
        else
            load_value(dns, name, type, json_object_get(record, "value"));
    }
}

void fake_dns_load(struct fake_dns *dns, json_t *zone)
{
    const char *key;
    json_t *value;
    json_object_foreach(zone, key, value)
    {
        json_t *key_string = json_string(key);
        struct bytes name = json_octets(dns->arena, key_string);
        json_decref(key_string);
        if (bytes_starts_nocase(name, BYTES("ptr:"))) {
            struct ip ip = {0};
            char *reverse = arena_alloc(dns->arena, IP_REVERSE_MAX);
            ip_parse(bytes_slice(name, 4, name.len), &ip);
            name = bytes_of(ip_reverse(&ip, reverse));
        }
        if (json_is_object(value))
            load_types(dns, name, value);
        else if (json_is_array(value))
            load_records(dns, name, value);
        else if (strcmp(json_string_value(value), "SERVFAIL") == 0 ||
                 strcmp(json_string_value(value), "TIMEOUT") == 0)
            fake_dns_fail(dns, key, 0, json_string_value(value));
        else
            fake_dns_add_bytes(dns, name, DNS_TXT, json_octets(dns->arena, value), 0);
    }
}

json_t *load_json(const char *path)
{
    const char *srcdir = getenv("srcdir");
    char full[1024];
    json_error_t error;
    snprintf(full, sizeof(full), "%s/tests/conformance/data/%s", srcdir ? srcdir : ".", path);
    json_t *json = json_load_file(full, JSON_ALLOW_NUL, &error);
    if (!json) {
        fprintf(stderr, "%s:%d: %s\n", full, error.line, error.text);
        exit(99);
    }
    return json;
}

/* ---- env ---- */

struct policy_env fake_env(struct fake_dns *dns, int64_t now)
{
    return (struct policy_env){.resolver = &dns->resolver,
                               .monotonic_us = monotonic_us,
                               .epoch = fixed_epoch,
                               .clock = (void *)(intptr_t)now};
}

struct dns_session *fake_session(const struct policy_env *env, struct arena *arena)
{
    struct dns_session_limits limits = {.queries = test_limits.maximum_queries,
                                        .query_timeout_us = test_limits.resolver_timeout_us,
                                        .now_us = env->monotonic_us,
                                        .clock = env->clock};
    return dns_session_new(arena, env->resolver, &limits);
}

void report_cases(const char *suite, size_t as_expected, size_t deviating)
{
    printf("cases: %s: %zu as expected, %zu deviating\n", suite, as_expected, deviating);
}
