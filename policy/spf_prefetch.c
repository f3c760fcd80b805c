/* spf_prefetch.c - SPF's lookups started before anybody waits for them; see
 * spf.h.
 *
 * One item per term whose lookup was started, the top record first. When an
 * item's answer is here, what it makes known is started: the terms of a record, the
 * addresses of MX hosts or of PTR names. Only names that need no DNS themselves are
 * expanded, so terms with %{p} wait for the evaluation. Nothing here decides
 * anything: a lookup too many costs a packet, one too few a round trip.
 */
#include "spf.h"

#include "spf_identity.h"
#include "spf_mechanism.h"

enum {
    ITEMS_MAX = 1 + SPF_TERMS_MAX, /* the top record and ten terms */
};

struct item {
    enum spf_term_kind kind; /* include stands for the top record too */
    struct bytes name;
    bool done; /* the answer has been looked at */
};

struct spf_prefetch {
    struct arena *arena;
    struct dns_session *session;
    struct spf_identity identity;
    struct item items[ITEMS_MAX];
    size_t count;
};

static enum dns_type type_of(const struct spf_prefetch *prefetch, enum spf_term_kind kind)
{
    switch (kind) {
    case SPF_A:
        return spf_address_type(&prefetch->identity.values.client);
    case SPF_MX:
        return DNS_MX;
    case SPF_PTR:
        return DNS_PTR;
    case SPF_EXISTS:
        return DNS_A;
    default:
        return DNS_TXT;
    }
}

static void add_item(struct spf_prefetch *prefetch, enum spf_term_kind kind, struct bytes name)
{
    const char *copy = arena_copy(prefetch->arena, name.data, name.len);
    if (!copy || prefetch->count == ITEMS_MAX)
        return;
    struct item *item = &prefetch->items[prefetch->count++];
    *item = (struct item){.kind = kind, .name = {copy, name.len}};
    dns_prefetch(prefetch->session, item->name, type_of(prefetch, kind));
}

static void start_term(struct spf_prefetch *prefetch, const struct spf_term *term,
                       struct bytes domain)
{
    char name[DOMAIN_MAX + 1], reverse[IP_REVERSE_MAX];
    const struct spf_identity *identity = &prefetch->identity;
    struct bytes target = domain;
    bool from_local_part = term->letters & (SPF_MACRO_LETTER('s') | SPF_MACRO_LETTER('l'));
    if ((term->letters & SPF_MACRO_LETTER('p')) || (from_local_part && identity->internationalized))
        return;
    if (term->kind == SPF_PTR) {
        target = bytes_of(ip_reverse(&identity->values.client, reverse));
    } else if (term->domain_spec.len) {
        struct spf_macro_values values = identity->values;
        values.domain = domain;
        target = (struct bytes){name, spf_macro_expand_domain(&values, term->domain_spec, name)};
    }
    add_item(prefetch, term->kind, target);
}

/* The terms of a record, up to the one that matches for certain. */
static void start_terms(struct spf_prefetch *prefetch, const struct spf_record *record,
                        struct bytes domain)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct spf_term *term = &record->terms[i];
        if (spf_term_matches_client(term, &prefetch->identity.values.client))
            return;
        if (spf_term_looks_up(term))
            start_term(prefetch, term, domain);
    }
    if (record->redirect.text.len && !record->has_all)
        start_term(prefetch, &record->redirect, domain);
}

static void start_addresses(struct spf_prefetch *prefetch, const struct dns_answer *answer)
{
    enum dns_type type = spf_address_type(&prefetch->identity.values.client);
    for (size_t i = 0; i < answer->count && i < SPF_NAMES_MAX; i++)
        dns_prefetch(prefetch->session, answer->records[i].data, type);
}

static void digest(struct spf_prefetch *prefetch, const struct item *item,
                   const struct dns_answer *answer)
{
    if (answer->status != DNS_FOUND)
        return;
    if (item->kind == SPF_PTR) {
        start_addresses(prefetch, answer);
    } else if (item->kind == SPF_MX && answer->count <= SPF_NAMES_MAX) {
        start_addresses(prefetch, answer);
    } else if (item->kind == SPF_INCLUDE || item->kind == SPF_REDIRECT) {
        const struct spf_published *published = spf_published_of(answer);
        if (published && published->record && !published->record->error)
            start_terms(prefetch, published->record, item->name);
    }
}

struct spf_prefetch *spf_prefetch_new(struct arena *arena, struct dns_session *session,
                                      const struct spf_request *request)
{
    struct spf_prefetch *prefetch = arena_alloc(arena, sizeof(*prefetch));
    if (!prefetch)
        return NULL;
    prefetch->arena = arena;
    prefetch->session = session;
    spf_identity_of(arena, request, &prefetch->identity);
    if (prefetch->identity.problem)
        return NULL;
    add_item(prefetch, SPF_INCLUDE, domain_bytes(prefetch->identity.domain));
    spf_prefetch_advance(prefetch);
    return prefetch;
}

void spf_prefetch_advance(struct spf_prefetch *prefetch)
{
    /* Items that this adds lie behind and are looked at in the same turn. */
    for (size_t i = 0; prefetch && i < prefetch->count; i++) {
        struct item *item = &prefetch->items[i];
        if (item->done)
            continue;
        const struct dns_answer *answer =
            dns_peek(prefetch->session, item->name, type_of(prefetch, item->kind));
        if (!answer)
            continue;
        item->done = true;
        digest(prefetch, item, answer);
    }
}
