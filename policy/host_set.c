/* host_set.c - sets of hosts; see host_set.h.
 *
 * Entries stand in one array and are looked through from end to end: the sets
 * hold tens of entries, and are asked once per connection.
 */
#include "host_set.h"

#include "strbuf.h"

#include <string.h>

enum {
    ENTRY_SHOWN = 80, /* octets of a wrong entry repeated in the message about it */
};

enum entry_kind {
    ENTRY_NETWORK, /* least specific */
    ENTRY_BELOW,   /* ".example.com" */
    ENTRY_NAME,
};

struct entry {
    enum entry_kind kind;
    bool negated;
    struct network network; /* ENTRY_NETWORK */
    struct domain domain;   /* the other kinds; without the leading dot */
};

struct host_set {
    struct arena *arena;
    struct entry *entries;
    size_t count;
    size_t capacity;
};

struct host_set *host_set_new(struct arena *arena)
{
    struct host_set *set = arena_alloc(arena, sizeof(*set));
    if (set)
        set->arena = arena;
    return set;
}

static bool append(struct host_set *set, const struct entry *entry)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 16;
        struct entry *entries = arena_array(set->arena, capacity, sizeof(*entries));
        if (!entries)
            return false;
        if (set->count)
            memcpy(entries, set->entries, set->count * sizeof(*entries));
        set->entries = entries;
        set->capacity = capacity;
    }
    set->entries[set->count++] = *entry;
    return true;
}

/* "[2001:db8::1]" and "[2001:db8::]/32" without their brackets; OpenDKIM's
 * files have them. The result lives in arena when it had to be put together. */
static struct bytes without_brackets(struct arena *arena, struct bytes text)
{
    size_t close = bytes_find(text, ']');
    if (text.len == 0 || text.data[0] != '[' || close == text.len)
        return text;
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_bytes(&buf, bytes_slice(text, 1, close - 1));
    strbuf_bytes(&buf, bytes_slice(text, close + 1, text.len));
    return strbuf_view(&buf);
}

/* Digits, dots and a slash only: meant as an address, so it must not be taken for a name. */
static bool looks_like_address(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit((unsigned char)text.data[i]) && text.data[i] != '.' && text.data[i] != '/')
            return false;
    }
    return true;
}

static const char *complain(struct arena *arena, struct bytes found)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "'");
    strbuf_printable(&buf, found, ENTRY_SHOWN);
    strbuf_puts(&buf, "' is no host: allowed are an address (192.0.2.1, 2001:db8::1), a network "
                      "(192.0.2.0/24, 2001:db8::/32), a host name (mx.example.com) or everything "
                      "below a domain (.example.com), each with ! in front to except it");
    return buf.failed ? "out of memory" : strbuf_string(&buf);
}

const char *host_set_add(struct host_set *set, struct bytes text)
{
    struct entry entry = {.kind = ENTRY_NETWORK};
    struct bytes host = bytes_trim(text);
    if (host.len && host.data[0] == '!') {
        entry.negated = true;
        host = bytes_trim(bytes_slice(host, 1, host.len));
    }
    if (!network_parse(without_brackets(set->arena, host), &entry.network)) {
        if (looks_like_address(host))
            return complain(set->arena, text);
        entry.kind = ENTRY_NAME;
        if (host.len && host.data[0] == '.') {
            entry.kind = ENTRY_BELOW;
            host = bytes_slice(host, 1, host.len);
        }
        entry.domain = domain_parse(set->arena, host);
        if (domain_is_none(entry.domain))
            return arena_failed(set->arena) ? "out of memory" : complain(set->arena, text);
    }
    return append(set, &entry) ? NULL : "out of memory";
}

static bool is_below(struct bytes name, struct domain domain)
{
    if (name.len < domain.len + 2) /* at least one octet and the dot */
        return false;
    size_t offset = name.len - domain.len;
    return name.data[offset - 1] == '.' &&
           bytes_equal_nocase(bytes_slice(name, offset, domain.len), domain_bytes(domain));
}

static bool entry_matches(const struct entry *entry, const struct ip *ip, struct bytes name)
{
    switch (entry->kind) {
    case ENTRY_NETWORK:
        return ip->family != IP_NONE && network_contains(&entry->network, ip);
    case ENTRY_BELOW:
        return is_below(name, entry->domain);
    case ENTRY_NAME:
        return bytes_equal_nocase(name, domain_bytes(entry->domain));
    }
    return false;
}

/* Negative when a is less specific than b, 0 when equally. Two entries that
 * match the same client are compared, so lengths say it all. */
static int compare_specific(const struct entry *a, const struct entry *b)
{
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    if (a->kind == ENTRY_NETWORK)
        return (int)a->network.prefix - (int)b->network.prefix;
    return (int)a->domain.len - (int)b->domain.len;
}

bool host_set_contains(const struct host_set *set, const struct ip *ip, struct bytes name)
{
    const struct entry *best = NULL;
    if (name.len && name.data[name.len - 1] == '.')
        name.len--;
    for (size_t i = 0; set && i < set->count; i++) {
        const struct entry *entry = &set->entries[i];
        if (!entry_matches(entry, ip, name))
            continue;
        int order = best ? compare_specific(entry, best) : 1;
        if (order > 0 || (order == 0 && entry->negated))
            best = entry;
    }
    return best && !best->negated;
}

size_t host_set_count(const struct host_set *set)
{
    return set ? set->count : 0;
}
