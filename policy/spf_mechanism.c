/* spf_mechanism.c - a, mx, ptr, exists; see spf_mechanism.h. */
#include "spf_mechanism.h"

#include "spf_identity.h"

#include <string.h>

const char *spf_lookup_failure(struct arena *arena, enum dns_type type, struct bytes name,
                               const struct dns_answer *answer)
{
    const char *reason = arena_printf(arena, "%s lookup of %s failed: %s", dns_type_name(type),
                                      spf_printable(arena, name, DOMAIN_MAX), answer->cause);
    return reason ? reason : "out of memory";
}

/* The address of an A or AAAA record, which an IPv4-mapped one leaves IPv6. */
static bool address_of(const struct dns_record *record, struct ip *out)
{
    size_t octets = record->data.len;
    if (octets != 4 && octets != 16)
        return false;
    *out = (struct ip){.family = octets == 4 ? IP_V4 : IP_V6};
    memcpy(out->octets, record->data.data, octets);
    return true;
}

static bool any_address_matches(const struct dns_answer *answer, const struct ip *client,
                                unsigned prefix)
{
    struct ip address;
    for (size_t i = 0; i < answer->count; i++) {
        if (address_of(&answer->records[i], &address) && ip_matches(client, &address, prefix))
            return true;
    }
    return false;
}

/* Looks one name up; a temporary error ends the check (5). */
static enum spf_match look_up(struct spf_mechanism *mechanism, struct bytes name,
                              enum dns_type type, const struct dns_answer **out)
{
    *out = dns_query(mechanism->session, name, type);
    if ((*out)->status != DNS_TEMPORARY)
        return SPF_MATCH;
    mechanism->reason = spf_lookup_failure(mechanism->arena, type, name, *out);
    return SPF_MATCH_TEMPERROR;
}

static enum spf_match match_addresses(struct spf_mechanism *mechanism, struct bytes name)
{
    const struct dns_answer *answer;
    const struct spf_term *term = mechanism->term;
    enum spf_match match = look_up(mechanism, name, spf_address_type(mechanism->client), &answer);
    if (match != SPF_MATCH)
        return match;
    mechanism->is_void = answer->status != DNS_FOUND;
    unsigned prefix = mechanism->client->family == IP_V6 ? term->prefix6 : term->prefix4;
    return any_address_matches(answer, mechanism->client, prefix) ? SPF_MATCH : SPF_NO_MATCH;
}

/* 5.4; more than ten MX names are a permanent error (4.6.4). No MX does not
 * mean the A record: the implicit MX of SMTP is not used here. */
static enum spf_match match_mx(struct spf_mechanism *mechanism)
{
    const struct dns_answer *answer;
    enum spf_match match = look_up(mechanism, mechanism->target, DNS_MX, &answer);
    if (match != SPF_MATCH)
        return match;
    if (answer->count > SPF_NAMES_MAX) {
        mechanism->reason = arena_printf(mechanism->arena, "%s has %zu MX records, over %d",
                                         spf_printable(mechanism->arena, mechanism->target, 253),
                                         answer->count, SPF_NAMES_MAX);
        return SPF_MATCH_PERMERROR;
    }
    for (size_t i = 0; i < answer->count; i++)
        dns_prefetch(mechanism->session, answer->records[i].data,
                     spf_address_type(mechanism->client));
    match = SPF_NO_MATCH;
    for (size_t i = 0; i < answer->count && match == SPF_NO_MATCH; i++)
        match = match_addresses(mechanism, answer->records[i].data);
    mechanism->is_void = answer->status != DNS_FOUND; /* of the MX lookup alone */
    return match;
}

/* 5.7: always A, also for IPv6 clients; any address will do. */
static enum spf_match match_exists(struct spf_mechanism *mechanism)
{
    const struct dns_answer *answer;
    enum spf_match match = look_up(mechanism, mechanism->target, DNS_A, &answer);
    if (match != SPF_MATCH)
        return match;
    mechanism->is_void = answer->status != DNS_FOUND;
    return answer->status == DNS_FOUND ? SPF_MATCH : SPF_NO_MATCH;
}

bool spf_name_within(struct bytes name, struct bytes domain)
{
    if (domain.len == 0 || name.len < domain.len)
        return false;
    size_t offset = name.len - domain.len;
    return bytes_equal_nocase(bytes_slice(name, offset, domain.len), domain) &&
           (offset == 0 || name.data[offset - 1] == '.');
}

/* The names of the client's address: none when the lookup fails (5.5). */
static const struct dns_answer *names_of(struct dns_session *session, const struct ip *client)
{
    char reverse[IP_REVERSE_MAX];
    return dns_query(session, bytes_of(ip_reverse(client, reverse)), DNS_PTR);
}

static size_t name_count(const struct dns_answer *answer)
{
    return answer->count < SPF_NAMES_MAX ? answer->count : SPF_NAMES_MAX;
}

/* A name is validated when the client is among its addresses; a failed lookup
 * skips the name (5.5). */
static bool is_validated(struct dns_session *session, struct bytes name, const struct ip *client)
{
    return any_address_matches(dns_query(session, name, spf_address_type(client)), client, 128);
}

/* 5.5: only the first ten names count; errors mean no match. Names outside
 * the target cannot match, so they are not validated. */
static enum spf_match match_ptr(struct spf_mechanism *mechanism)
{
    const struct dns_answer *names = names_of(mechanism->session, mechanism->client);
    for (size_t i = 0; i < name_count(names); i++) {
        struct bytes name = names->records[i].data;
        if (spf_name_within(name, mechanism->target) &&
            is_validated(mechanism->session, name, mechanism->client))
            return SPF_MATCH;
    }
    return SPF_NO_MATCH;
}

struct bytes spf_validated_name(struct dns_session *session, const struct ip *client,
                                struct bytes domain)
{
    const struct dns_answer *names = names_of(session, client);
    struct bytes below = BYTES_EMPTY, any = BYTES_EMPTY;
    for (size_t i = 0; i < name_count(names); i++)
        dns_prefetch(session, names->records[i].data, spf_address_type(client));
    for (size_t i = 0; i < name_count(names); i++) {
        struct bytes name = names->records[i].data;
        if (!is_validated(session, name, client))
            continue;
        if (bytes_equal_nocase(name, domain))
            return name;
        if (below.len == 0 && spf_name_within(name, domain))
            below = name;
        if (any.len == 0)
            any = name;
    }
    return below.len ? below : any.len ? any : BYTES("unknown");
}

enum spf_match spf_mechanism_test(struct spf_mechanism *mechanism)
{
    switch (mechanism->term->kind) {
    case SPF_A:
        return match_addresses(mechanism, mechanism->target);
    case SPF_MX:
        return match_mx(mechanism);
    case SPF_PTR:
        return match_ptr(mechanism);
    case SPF_EXISTS:
        return match_exists(mechanism);
    default:
        return SPF_NO_MATCH;
    }
}
