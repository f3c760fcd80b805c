/* dmarc_walk.c - the DNS Tree Walk and the Organizational Domain
 * (RFC 9989 4.10).
 *
 * Records are parsed once per DNS answer and kept with it (dns_answer_derived),
 * so that a cached answer costs no parsing.
 */
#include "dmarc_record.h"

#include <stdlib.h>
#include <string.h>

enum { SHORTCUT_LABELS = DMARC_WALK_MAX - 1 }; /* 4.10: longer names go on with their last seven */

/* ---- one name ---- */

/* The DMARC content of one TXT answer. URIs are views into the answer. */
struct kept_record {
    size_t count;
    struct dmarc_record record; /* valid when count is 1 */
    struct dmarc_uri uris[];    /* rua, then ruf */
};

/* RFC 9989 4.10 step 2: texts that do not begin with v=DMARC1 do not count;
 * when more than one is left, none of them does. */
static void *keep_record(const struct dns_answer *answer)
{
    struct dmarc_scan scan, next;
    size_t count = 0;
    for (size_t i = 0; i < answer->count && count < 2; i++) {
        if (dmarc_record_scan(answer->records[i].data, count ? &next : &scan))
            count++;
    }
    size_t rua = count == 1 ? scan.record.rua_count : 0;
    size_t ruf = count == 1 ? scan.record.ruf_count : 0;
    struct kept_record *kept = malloc(sizeof(*kept) + (rua + ruf) * sizeof(struct dmarc_uri));
    if (!kept)
        return NULL;
    kept->count = count;
    if (count == 1) {
        kept->record = scan.record;
        kept->record.rua = kept->uris;
        kept->record.ruf = kept->uris + rua;
        memcpy(kept->uris, scan.rua, rua * sizeof(struct dmarc_uri));
        memcpy(kept->uris + rua, scan.ruf, ruf * sizeof(struct dmarc_uri));
    }
    return kept;
}

static const struct dns_derived_class dmarc_record_class = {keep_record, free};

struct query_name {
    char text[DOMAIN_MAX + sizeof("_dmarc.")];
};

/* A name too long for DNS is left to dns_query(): it does not exist. */
static struct bytes name_for(struct domain domain, struct query_name *name)
{
    static const struct bytes prefix = {"_dmarc.", 7};
    memcpy(name->text, prefix.data, prefix.len);
    memcpy(name->text + prefix.len, domain.name, domain.len);
    return (struct bytes){name->text, prefix.len + domain.len};
}

static struct dmarc_lookup read_answer(const struct dns_answer *answer)
{
    struct dmarc_lookup lookup = {.status = answer->status, .cause = answer->cause};
    if (answer->status != DNS_FOUND)
        return lookup;
    const struct kept_record *kept = dns_answer_derived(answer, &dmarc_record_class);
    if (!kept)
        return (struct dmarc_lookup){.status = DNS_TEMPORARY, .cause = "out of memory"};
    lookup.count = kept->count;
    if (kept->count == 1)
        lookup.record = &kept->record;
    return lookup;
}

struct dmarc_lookup dmarc_lookup(struct dns_session *session, struct domain domain)
{
    struct query_name name;
    return read_answer(dns_query(session, name_for(domain, &name), DNS_TXT));
}

/* ---- the walk ---- */

/* The name after `target`: one label less. Only the first step may be longer:
 * a start of more than eight labels goes on with its last seven (4.10). */
static struct domain next_target(struct domain start, struct domain target)
{
    if (target.labels == start.labels && start.labels > SHORTCUT_LABELS)
        return domain_tail(start, SHORTCUT_LABELS);
    return domain_parent(target);
}

void dmarc_prefetch(struct dns_session *session, struct domain start)
{
    struct query_name name;
    struct domain target = start;
    for (unsigned i = 0; i < DMARC_WALK_MAX && !domain_is_none(target); i++) {
        dns_prefetch(session, name_for(target, &name), DNS_TXT);
        target = next_target(start, target);
    }
}

void dmarc_prefetch_existence(struct dns_session *session, struct domain author)
{
    struct query_name name;
    const struct dns_answer *answer = dns_peek(session, name_for(author, &name), DNS_TXT);
    if (!answer || answer->status != DNS_NO_NAME)
        return;
    struct domain target = next_target(author, author);
    for (unsigned i = 1; i < DMARC_WALK_MAX && !domain_is_none(target); i++) {
        answer = dns_peek(session, name_for(target, &name), DNS_TXT);
        const struct dmarc_record *record = answer ? read_answer(answer).record : NULL;
        if (record && record->np != DMARC_POLICY_UNSET) {
            dns_prefetch(session, domain_bytes(author), DNS_A);
            return;
        }
        target = next_target(author, target);
    }
}

/* RFC 9989 4.10.2. `found` is in the order from the longest name to the
 * shortest, and the walk stopped at the first psd=n or psd=y: so only the last
 * one can carry it. */
static struct domain organizational_domain(const struct dmarc_walk *walk)
{
    if (walk->found_count == 0)
        return walk->start;
    struct domain last = walk->found[walk->found_count - 1].domain;
    /* One label below the suffix, out of the start's own labels: the walk may
     * have jumped over that name. A psd=y record at the start itself says
     * nothing about what is below it. */
    if (!domain_is_none(walk->public_suffix))
        return domain_tail(walk->start, last.labels + 1);
    return last; /* psd=n, or the fewest labels */
}

/* True when the record ends the walk. */
static bool remember(struct dmarc_walk *walk, struct domain domain,
                     const struct dmarc_record *record)
{
    walk->found[walk->found_count].domain = domain;
    walk->found[walk->found_count].record = *record;
    walk->found_count++;
    if (record->psd == DMARC_PSD_YES && domain.labels < walk->start.labels)
        walk->public_suffix = domain;
    return record->psd != DMARC_PSD_UNKNOWN;
}

void dmarc_walk(struct dns_session *session, struct arena *arena, struct domain start,
                struct dmarc_walk *out)
{
    *out = (struct dmarc_walk){.start = start, .organizational = DOMAIN_NONE};
    struct domain target = start;
    while (out->queries < DMARC_WALK_MAX && !domain_is_none(target)) {
        struct dmarc_lookup lookup = dmarc_lookup(session, target);
        out->queries++;
        if (lookup.status == DNS_TEMPORARY) {
            out->temporary_error = true;
            out->cause = arena_printf(arena, "TXT _dmarc.%s: %s", target.name, lookup.cause);
            if (!out->cause)
                out->cause = "out of memory";
            return;
        }
        if (lookup.record && remember(out, target, lookup.record))
            break;
        target = next_target(start, target);
    }
    out->organizational = organizational_domain(out);
}
