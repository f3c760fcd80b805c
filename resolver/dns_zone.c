/* dns_zone.c - local DNS data: the table and the lookup, see dns_zone.h. The
 * reader is dns_zone_read.c. */
#include "dns_zone.h"

#include "dns_name.h"
#include "dns_rdata.h"
#include "siphash.h"

#include <stdlib.h>
#include <string.h>

enum {
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_DNAME = 39,
    CHAINS_MIN = 64,
    ZONE_MEMORY_MAX = 512 * 1024 * 1024 /* octets; a million names take half of it */
};

/* The records of one owner and type. */
struct rrset {
    struct rrset *next;
    enum dns_type type;
    uint32_t ttl; /* the smallest of its records (RFC 2181 5.2) */
    struct bytes *rdata;
    size_t count, room;
    const struct dns_answer *answer; /* made by dns_zone_finish() */
};

struct node {
    struct node *chain;
    struct node *next; /* list of all nodes */
    struct bytes name; /* lower case; empty: the root */
    bool listed;       /* owns a record; else it is only above a name that does */
    struct rrset *sets;
    struct bytes alias; /* target of the CNAME */
    bool has_alias;
    bool apex;                                  /* has a SOA */
    uint32_t negative_ttl;                      /* apex: RFC 2308 5 */
    const struct dns_answer *no_data, *no_name; /* apex: made by dns_zone_finish() */
};

struct dns_zone {
    struct arena *arena; /* nodes, sets, names, rdata */
    struct node **chains;
    size_t chain_count; /* power of two */
    struct node *first;
    size_t nodes, records;
    const struct dns_answer *no_data; /* of names in the file outside a SOA */
    const struct dns_answer *looping;
};

struct dns_zone *dns_zone_new(void)
{
    struct dns_zone *zone = calloc(1, sizeof(*zone));
    if (!zone)
        return NULL;
    zone->arena = arena_new(ZONE_MEMORY_MAX);
    zone->chain_count = CHAINS_MIN;
    zone->chains = calloc(zone->chain_count, sizeof(*zone->chains));
    if (!zone->arena || !zone->chains) {
        dns_zone_free(zone);
        return NULL;
    }
    return zone;
}

void dns_zone_free(struct dns_zone *zone)
{
    if (!zone)
        return;
    for (struct node *node = zone->first; node; node = node->next) {
        for (struct rrset *set = node->sets; set; set = set->next)
            dns_answer_unref(set->answer);
        dns_answer_unref(node->no_data);
        dns_answer_unref(node->no_name);
    }
    dns_answer_unref(zone->no_data);
    dns_answer_unref(zone->looping);
    free(zone->chains);
    arena_free(zone->arena);
    free(zone);
}

/* ------------------------------------------------------------ the table */

/* No secret key: strangers look names up here, they never add one. */
static struct node **chain_of(const struct dns_zone *zone, struct bytes lower)
{
    static const struct siphash_key key = {0, 0};
    return &zone->chains[siphash(&key, lower) & (zone->chain_count - 1)];
}

static struct node *find(const struct dns_zone *zone, struct bytes lower)
{
    struct node *node = *chain_of(zone, lower);
    while (node && !bytes_equal(node->name, lower))
        node = node->chain;
    return node;
}

/* Doubles the table when it is full; without memory it stays as it is. */
static void grow(struct dns_zone *zone)
{
    struct node **chains = calloc(zone->chain_count * 2, sizeof(*chains));
    if (!chains)
        return;
    free(zone->chains);
    zone->chains = chains;
    zone->chain_count *= 2;
    for (struct node *node = zone->first; node; node = node->next) {
        struct node **chain = chain_of(zone, node->name);
        node->chain = *chain;
        *chain = node;
    }
}

/* The node of a name and, above it, of all its parents. NULL: out of memory. */
static struct node *intern(struct dns_zone *zone, struct bytes lower)
{
    struct node *result = NULL;
    for (struct bytes name = lower;; name = dns_name_parent(name)) {
        struct node *node = find(zone, name);
        bool is_new = !node;
        if (is_new) {
            if (zone->nodes >= zone->chain_count)
                grow(zone);
            node = arena_alloc(zone->arena, sizeof(*node));
            if (!node)
                return NULL;
            node->name = arena_bytes(zone->arena, name);
            struct node **chain = chain_of(zone, name);
            node->chain = *chain;
            *chain = node;
            node->next = zone->first;
            zone->first = node;
            zone->nodes++;
        }
        if (!result)
            result = node;
        if (!is_new || name.len == 0)
            return arena_failed(zone->arena) ? NULL : result;
    }
}

/* ------------------------------------------------------------ adding */

static const char *add_alias(struct dns_zone *zone, struct node *node, struct bytes rdata)
{
    char octets[DNS_NAME_MAX];
    struct bytes target;
    size_t used;
    if (!dns_name_from_wire(rdata, octets, &target, &used) || used != rdata.len)
        return "the target of the CNAME is no name that can be used";
    if (node->sets || node->apex)
        return "a CNAME beside other data (RFC 1034 3.6.2)";
    if (node->has_alias && !bytes_equal_nocase(node->alias, target))
        return "a second CNAME for the same name";
    node->alias = arena_bytes(zone->arena, target);
    node->has_alias = true;
    return NULL;
}

static const char *add_soa(struct node *node, uint32_t ttl, struct bytes rdata)
{
    if (rdata.len < 4)
        return "the SOA record is malformed";
    if (node->has_alias)
        return "a SOA beside a CNAME (RFC 1034 3.6.2)";
    uint32_t minimum = 0; /* the last of its fields (RFC 1035 3.3.13) */
    for (size_t i = rdata.len - 4; i < rdata.len; i++)
        minimum = minimum << 8 | (unsigned char)rdata.data[i];
    node->apex = true;
    node->negative_ttl = ttl < minimum ? ttl : minimum;
    return NULL;
}

/* The set of a type, new if need be; NULL when out of memory. */
static struct rrset *set_for(struct dns_zone *zone, struct node *node, enum dns_type type,
                             uint32_t ttl)
{
    struct rrset *set = node->sets;
    while (set && set->type != type)
        set = set->next;
    if (!set) {
        set = arena_alloc(zone->arena, sizeof(*set));
        if (!set)
            return NULL;
        set->type = type;
        set->ttl = ttl;
        set->next = node->sets;
        node->sets = set;
    }
    if (set->count == set->room) {
        size_t room = set->room ? set->room * 2 : 2;
        struct bytes *larger = arena_array(zone->arena, room, sizeof(*larger));
        if (!larger)
            return NULL;
        if (set->count)
            memcpy(larger, set->rdata, set->count * sizeof(*larger));
        set->rdata = larger;
        set->room = room;
    }
    return set;
}

/* What dns_rdata_answer() would leave out must not get in. */
static bool is_usable(enum dns_type type, struct bytes rdata)
{
    const struct dns_answer *answer = dns_rdata_answer(type, &rdata, 1, false, 0);
    bool usable = answer && answer->status == DNS_FOUND;
    dns_answer_unref(answer);
    return usable;
}

static const char *add_data(struct dns_zone *zone, struct node *node, enum dns_type type,
                            uint32_t ttl, struct bytes rdata)
{
    if (node->has_alias)
        return "data beside a CNAME (RFC 1034 3.6.2)";
    if (!is_usable(type, rdata))
        return "the data of the record cannot be used";
    struct rrset *set = set_for(zone, node, type, ttl);
    if (!set)
        return "out of memory";
    if (ttl < set->ttl)
        set->ttl = ttl;
    for (size_t i = 0; i < set->count; i++) {
        if (bytes_equal(set->rdata[i], rdata))
            return NULL; /* the same record twice is one record (RFC 2181 5) */
    }
    set->rdata[set->count++] = arena_bytes(zone->arena, rdata);
    return NULL;
}

const char *dns_zone_add(struct dns_zone *zone, struct bytes owner, unsigned type, uint32_t ttl,
                         struct bytes rdata)
{
    char lower[DNS_NAME_MAX];
    if (owner.len > sizeof(lower))
        return "the name is too long";
    if (type == TYPE_DNAME)
        return "DNAME is not supported in a local zone";
    struct node *node = intern(zone, dns_name_lower(owner, lower));
    if (!node)
        return "out of memory";
    const char *problem = NULL;
    switch (type) {
    case TYPE_CNAME:
        problem = add_alias(zone, node, rdata);
        break;
    case TYPE_SOA:
        problem = add_soa(node, ttl, rdata);
        break;
    case DNS_A:
    case DNS_AAAA:
    case DNS_MX:
    case DNS_PTR:
    case DNS_TXT:
        problem = add_data(zone, node, (enum dns_type)type, ttl, rdata);
        break;
    default: /* never asked for; the name exists */
        break;
    }
    if (!problem && arena_failed(zone->arena))
        problem = "out of memory";
    if (!problem) {
        node->listed = true;
        zone->records++;
    }
    return problem;
}

bool dns_zone_make_whole(struct dns_zone *zone)
{
    struct node *root = intern(zone, BYTES_EMPTY);
    if (!root || root->has_alias)
        return false;
    root->apex = true;
    root->listed = true;
    return true;
}

static bool prepare_node(struct node *node)
{
    for (struct rrset *set = node->sets; set; set = set->next) {
        set->answer = dns_rdata_answer(set->type, set->rdata, set->count, false, set->ttl);
        if (!set->answer)
            return false;
    }
    if (!node->apex)
        return true;
    node->no_data = dns_answer_new(DNS_NO_DATA, false, node->negative_ttl, "", NULL, 0);
    node->no_name = dns_answer_new(DNS_NO_NAME, false, node->negative_ttl, "", NULL, 0);
    return node->no_data && node->no_name;
}

bool dns_zone_finish(struct dns_zone *zone)
{
    zone->no_data = dns_answer_new(DNS_NO_DATA, false, 0, "", NULL, 0);
    zone->looping = dns_answer_new(DNS_TEMPORARY, false, 0, "CNAME chain too long", NULL, 0);
    if (!zone->no_data || !zone->looping)
        return false;
    for (struct node *node = zone->first; node; node = node->next) {
        if (!prepare_node(node))
            return false;
    }
    return true;
}

size_t dns_zone_records(const struct dns_zone *zone)
{
    return zone->records;
}

/* ------------------------------------------------------------ looking up */

/* The SOA that the name is under, or NULL. */
static const struct node *apex_of(const struct dns_zone *zone, struct bytes lower)
{
    for (struct bytes name = lower;; name = dns_name_parent(name)) {
        const struct node *node = find(zone, name);
        if (node && node->apex)
            return node;
        if (name.len == 0)
            return NULL;
    }
}

/* The wildcard that stands for a name which is not there: the "*" right below its
 * closest encloser, the longest ancestor that exists (RFC 4592 3.3.1). */
static const struct node *wildcard_for(const struct dns_zone *zone, struct bytes lower)
{
    struct bytes encloser = lower;
    do {
        if (encloser.len == 0)
            return NULL;
        encloser = dns_name_parent(encloser);
    } while (!find(zone, encloser));
    char star[DNS_NAME_MAX + 2] = "*.";
    memcpy(star + 2, encloser.data, encloser.len);
    return find(zone, (struct bytes){star, encloser.len ? encloser.len + 2 : 1});
}

static const struct dns_answer *answer_of(const struct node *node, enum dns_type type,
                                          const struct dns_answer *no_data)
{
    const struct rrset *set = node->sets;
    while (set && set->type != type)
        set = set->next;
    return dns_answer_ref(set ? set->answer : no_data);
}

const struct dns_answer *dns_zone_lookup(const struct dns_zone *zone, struct bytes name,
                                         enum dns_type type, struct bytes *elsewhere)
{
    for (int hops = 0; hops <= DNS_ZONE_CNAMES_MAX; hops++) {
        char octets[DNS_NAME_MAX];
        *elsewhere = name;
        if (name.len > sizeof(octets))
            return NULL;
        struct bytes lower = dns_name_lower(name, octets);
        const struct node *apex = apex_of(zone, lower);
        const struct node *node = find(zone, lower);
        if (!node)
            node = wildcard_for(zone, lower);
        if (!apex && (!node || !node->listed))
            return NULL;
        if (!node)
            return dns_answer_ref(apex->no_name);
        if (!node->has_alias)
            return answer_of(node, type, apex ? apex->no_data : zone->no_data);
        name = node->alias;
    }
    return dns_answer_ref(zone->looping);
}
