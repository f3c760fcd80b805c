/* spf_reference.c - check_host() once more; see spf_reference.h. */
#include "spf_reference.h"

#include "spf_identity.h"
#include "spf_record.h"

#include <stdlib.h>
#include <string.h>

struct reference {
    struct dns_session *session;
    struct arena *arena;
    const struct spf_identity *identity;
    unsigned lookups, voids;
};

/* What a mechanism comes to (5): the errors end everything. */
enum match { MATCH, NO_MATCH, TEMPERROR, PERMERROR };

static enum auth_result check_host(struct reference *self, struct bytes domain, bool top);

static enum dns_type address_type(const struct reference *self)
{
    return self->identity->values.client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static bool has_address(const struct reference *self, const struct dns_answer *answer,
                        unsigned prefix)
{
    const struct ip *client = &self->identity->values.client;
    for (size_t i = 0; i < answer->count; i++) {
        struct ip address = {.family = client->family};
        struct bytes data = answer->records[i].data;
        if (data.len != (client->family == IP_V6 ? 16u : 4u))
            continue;
        memcpy(address.octets, data.data, data.len);
        if (ip_matches(client, &address, prefix))
            return true;
    }
    return false;
}

/* The names of the client that are at or below `domain` and lead back to it (5.5). */
static struct bytes validated(struct reference *self, struct bytes domain)
{
    char reverse[IP_REVERSE_MAX];
    ip_reverse(&self->identity->values.client, reverse);
    const struct dns_answer *names = dns_query(self->session, bytes_of(reverse), DNS_PTR);
    for (size_t i = 0; i < names->count && i < 10; i++) {
        struct bytes name = names->records[i].data;
        if (domain.len == 0 || name.len < domain.len)
            continue;
        struct bytes tail = bytes_slice(name, name.len - domain.len, domain.len);
        if (bytes_equal_nocase(tail, domain) &&
            (name.len == domain.len || name.data[name.len - domain.len - 1] == '.') &&
            has_address(self, dns_query(self->session, name, address_type(self)), 128))
            return name;
    }
    return BYTES_EMPTY;
}

/* %{p}: the domain itself, else a name below it, else any (7.3). */
static struct bytes name_for_p(void *context, struct bytes domain)
{
    struct reference *self = context;
    char reverse[IP_REVERSE_MAX];
    struct bytes best[3] = {BYTES_EMPTY, BYTES_EMPTY, BYTES("unknown")};
    ip_reverse(&self->identity->values.client, reverse);
    const struct dns_answer *names = dns_query(self->session, bytes_of(reverse), DNS_PTR);
    for (size_t i = names->count < 10 ? names->count : 10; i > 0; i--) {
        struct bytes name = names->records[i - 1].data;
        if (!has_address(self, dns_query(self->session, name, address_type(self)), 128))
            continue;
        best[2] = name;
        if (bytes_equal_nocase(name, domain))
            best[0] = name;
        else if (name.len > domain.len && name.data[name.len - domain.len - 1] == '.' &&
                 bytes_equal_nocase(bytes_slice(name, name.len - domain.len, domain.len), domain))
            best[1] = name;
    }
    return best[0].len ? best[0] : best[1].len ? best[1] : best[2];
}

static struct bytes target_of(struct reference *self, struct bytes domain,
                              const struct spf_term *term)
{
    struct spf_macro_values values = self->identity->values;
    char name[DOMAIN_MAX + 1];
    if (term->domain_spec.len == 0)
        return domain;
    values.domain = domain;
    values.validated_name = name_for_p;
    values.context = self;
    size_t len = spf_macro_expand_domain(&values, term->domain_spec, name);
    return arena_bytes(self->arena, (struct bytes){name, len});
}

static enum match address_match(struct reference *self, struct bytes name,
                                const struct spf_term *term, bool *nothing)
{
    const struct dns_answer *answer = dns_query(self->session, name, address_type(self));
    if (answer->status == DNS_TEMPORARY)
        return TEMPERROR;
    *nothing = answer->count == 0;
    bool v6 = self->identity->values.client.family == IP_V6;
    return has_address(self, answer, v6 ? term->prefix6 : term->prefix4) ? MATCH : NO_MATCH;
}

static enum match mx_match(struct reference *self, struct bytes target, const struct spf_term *term,
                           bool *nothing)
{
    const struct dns_answer *hosts = dns_query(self->session, target, DNS_MX);
    bool ignored;
    *nothing = hosts->count == 0;
    if (hosts->status == DNS_TEMPORARY)
        return TEMPERROR;
    if (hosts->count > 10)
        return PERMERROR;
    for (size_t i = 0; i < hosts->count; i++) {
        enum match match = address_match(self, hosts->records[i].data, term, &ignored);
        if (match != NO_MATCH)
            return match;
    }
    return NO_MATCH;
}

static enum match exists_match(struct reference *self, struct bytes target, bool *nothing)
{
    const struct dns_answer *answer = dns_query(self->session, target, DNS_A);
    *nothing = answer->count == 0;
    if (answer->status == DNS_TEMPORARY)
        return TEMPERROR;
    return answer->count ? MATCH : NO_MATCH;
}

/* 5.2 */
static enum match include_match(struct reference *self, struct bytes target)
{
    switch (check_host(self, target, false)) {
    case AUTH_PASS:
        return MATCH;
    case AUTH_TEMPERROR:
        return TEMPERROR;
    case AUTH_PERMERROR:
    case AUTH_NONE:
        return PERMERROR;
    default:
        return NO_MATCH;
    }
}

/* RFC 8616 4 */
static bool wants_local_part(const struct reference *self, const struct spf_term *term)
{
    return self->identity->internationalized &&
           (term->letters & (SPF_MACRO_LETTER('s') | SPF_MACRO_LETTER('l')));
}

static enum match term_match(struct reference *self, struct bytes domain,
                             const struct spf_term *term)
{
    bool nothing = false;
    enum match match = NO_MATCH;
    if (!spf_term_looks_up(term))
        return spf_term_matches_client(term, &self->identity->values.client) ? MATCH : NO_MATCH;
    if (++self->lookups > 10)
        return PERMERROR;
    if (wants_local_part(self, term))
        return NO_MATCH;
    struct bytes target = target_of(self, domain, term);
    if (term->kind == SPF_A)
        match = address_match(self, target, term, &nothing);
    else if (term->kind == SPF_MX)
        match = mx_match(self, target, term, &nothing);
    else if (term->kind == SPF_EXISTS)
        match = exists_match(self, target, &nothing);
    else if (term->kind == SPF_PTR)
        match = validated(self, target).len ? MATCH : NO_MATCH;
    else
        match = include_match(self, target);
    if (nothing && match == NO_MATCH && ++self->voids > 2)
        return PERMERROR;
    return match;
}

static enum auth_result redirect(struct reference *self, struct bytes domain,
                                 const struct spf_record *record)
{
    if (record->redirect.text.len == 0 || record->has_all ||
        wants_local_part(self, &record->redirect))
        return AUTH_NEUTRAL;
    if (++self->lookups > 10)
        return AUTH_PERMERROR;
    return check_host(self, target_of(self, domain, &record->redirect), false);
}

static enum auth_result check_host(struct reference *self, struct bytes domain, bool top)
{
    const struct dns_answer *answer = dns_query(self->session, domain, DNS_TXT);
    if (answer->status == DNS_TEMPORARY)
        return AUTH_TEMPERROR;
    const struct dns_record *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++) {
        if (spf_record_is(answer->records[i].data)) {
            found = &answer->records[i];
            count++;
        }
    }
    if (count == 0)
        return top ? AUTH_NONE : AUTH_PERMERROR;
    struct spf_record *record = count == 1 ? spf_record_new(found->data) : NULL;
    enum auth_result result = AUTH_PERMERROR;
    if (record && !record->error) {
        enum match match = NO_MATCH;
        for (size_t i = 0; i < record->count && match == NO_MATCH; i++) {
            match = term_match(self, domain, &record->terms[i]);
            result = record->terms[i].qualifier;
        }
        if (match == NO_MATCH)
            result = redirect(self, domain, record);
        else if (match != MATCH)
            result = match == TEMPERROR ? AUTH_TEMPERROR : AUTH_PERMERROR;
    }
    free(record);
    return result;
}

enum auth_result spf_reference(struct dns_session *session, struct arena *arena,
                               const struct spf_request *request)
{
    struct spf_identity identity;
    spf_identity_of(arena, request, &identity);
    struct reference self = {.session = session, .arena = arena, .identity = &identity};
    if (identity.problem)
        return AUTH_NONE;
    return check_host(&self, domain_bytes(identity.domain), true);
}
