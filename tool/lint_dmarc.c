/* lint_dmarc.c - the DMARC record that applies to a domain (RFC 9989 4.7, 4.8, 4.10);
 * see lint.h. The tags' grammar is that of dmarc_record.c: it is asked about one tag at a
 * time, so that every fault is found and not only the first. */
#include "lint.h"

#include "bounds.h"
#include "dmarc_record.h"
#include "taglist.h"

#include <string.h>

/* The record under examination. */
struct found {
    struct lint *lint;
    struct domain domain; /* where it is */
    const char *name;     /* _dmarc.example.com */
    struct bytes text;
    struct dmarc_record record;
    bool own;               /* of the linted domain itself */
    bool is_organizational; /* of an Organizational Domain or a public suffix: sp= and np= count */
};

/* ---- one tag ---- */

enum tag_kind { TAG_UNKNOWN, TAG_POLICY, TAG_VALUE, TAG_ADDRESSES, TAG_OBSOLETE };

static enum tag_kind kind_of(struct bytes name)
{
    static const struct {
        const char *name;
        enum tag_kind kind;
    } tags[] = {
        {"p", TAG_POLICY},      {"sp", TAG_POLICY},     {"np", TAG_POLICY},    {"psd", TAG_VALUE},
        {"adkim", TAG_VALUE},   {"aspf", TAG_VALUE},    {"t", TAG_VALUE},      {"fo", TAG_VALUE},
        {"rua", TAG_ADDRESSES}, {"ruf", TAG_ADDRESSES}, {"pct", TAG_OBSOLETE}, {"rf", TAG_OBSOLETE},
        {"ri", TAG_OBSOLETE},
    };
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (bytes_equal(name, bytes_of(tags[i].name)))
            return tags[i].kind;
    }
    return TAG_UNKNOWN;
}

/* What the parser finds wrong with a record of this tag alone. NULL: nothing. */
static const char *problem_of(struct found *found, struct bytes name, struct bytes value,
                              struct dmarc_record *record)
{
    struct arena *arena = found->lint->arena;
    const char *text = arena_printf(arena, "v=DMARC1; %s%.*s=%.*s",
                                    bytes_equal(name, BYTES("p")) ? "" : "p=none; ",
                                    BYTES_ARGS(name), BYTES_ARGS(value));
    if (!text || !dmarc_record_parse(arena, bytes_of(text), record))
        return NULL;
    return record->problem;
}

static struct bytes without_size(struct bytes uri)
{
    return bytes_slice(uri, 0, bytes_find(uri, '!'));
}

static void check_uri(struct found *found, struct bytes name, struct bytes uri)
{
    struct lint *lint = found->lint;
    struct dmarc_record record;
    const char *tag = lint_text(lint, name), *text = lint_text(lint, uri);
    if (problem_of(found, name, uri, &record)) {
        lint_add(lint, LINT_DMARC_URI, found->name, "%s= has \"%s\"", tag, text);
        return;
    }
    if (bytes_find(uri, '!') < uri.len)
        lint_add(lint, LINT_DMARC_URI_SIZE, found->name, "%s= has \"%s\"", tag, text);
    if (!bytes_starts_nocase(without_size(uri), BYTES("mailto:")))
        lint_add(lint, LINT_DMARC_URI_SCHEME, found->name, "%s= has \"%s\"", tag, text);
}

static void check_addresses(struct found *found, const struct tag *tag)
{
    for (size_t start = 0; start <= tag->value.len;) {
        struct bytes rest = bytes_slice(tag->value, start, tag->value.len);
        size_t len = bytes_find(rest, ',');
        check_uri(found, tag->name, bytes_trim(bytes_slice(rest, 0, len)));
        start += len + 1;
    }
}

/* 4.10.1: what is left of a record with an invalid policy. */
static const char *consequence(const struct found *found)
{
    return found->record.rua_count ? "so the record acts as p=none"
                                   : "so DMARC is not applied at all";
}

static void check_tag(struct found *found, const struct tag *tag)
{
    struct lint *lint = found->lint;
    struct dmarc_record record;
    const char *name = lint_text(lint, tag->name), *value = lint_text(lint, tag->value);
    switch (kind_of(tag->name)) {
    case TAG_POLICY:
        if (problem_of(found, tag->name, tag->value, &record))
            lint_add(lint, LINT_DMARC_POLICY_INVALID, found->name, "%s=%s, %s", name, value,
                     consequence(found));
        break;
    case TAG_VALUE:
        if (problem_of(found, tag->name, tag->value, &record))
            lint_add(lint, LINT_DMARC_VALUE, found->name, "%s=%s", name, value);
        break;
    case TAG_ADDRESSES:
        check_addresses(found, tag);
        break;
    case TAG_OBSOLETE:
        lint_add(lint, LINT_DMARC_OBSOLETE, found->name, "%s=%s", name, value);
        break;
    case TAG_UNKNOWN:
        lint_add(lint, LINT_DMARC_UNKNOWN, found->name, "%s=%s", name, value);
        break;
    }
}

/* True when an earlier tag has the name. Only the names that the record may repeat
 * for gain are compared, so the list stays short. */
static bool appears_before(struct bytes text, const char *end, struct bytes name)
{
    struct cursor cursor = cursor_of((struct bytes){text.data, (size_t)(end - text.data)});
    struct tag tag;
    enum taglist_item item;
    while ((item = taglist_next(&cursor, &tag)) != TAGLIST_END) {
        if (item == TAGLIST_TAG && bytes_equal(tag.name, name))
            return true;
    }
    return false;
}

static void check_tags(struct found *found)
{
    struct cursor cursor = cursor_of(found->text);
    struct tag tag;
    taglist_next(&cursor, &tag); /* v= */
    for (;;) {
        cursor_skip_fws(&cursor);
        const char *start = cursor.pos;
        enum taglist_item item = taglist_next(&cursor, &tag);
        if (item == TAGLIST_END)
            return;
        struct bytes piece = cursor_since(&cursor, start);
        piece = bytes_trim(bytes_slice(piece, 0, bytes_find(piece, ';')));
        if (item == TAGLIST_MALFORMED) {
            lint_add(found->lint, LINT_DMARC_SYNTAX, found->name, "\"%s\" at octet %zu",
                     lint_text(found->lint, piece), (size_t)(start - found->text.data) + 1);
        } else if (appears_before(found->text, start, tag.name)) {
            lint_add(found->lint, LINT_DMARC_REPEATED, found->name, "\"%s\" at octet %zu",
                     lint_text(found->lint, piece), (size_t)(start - found->text.data) + 1);
        } else {
            check_tag(found, &tag);
        }
    }
}

/* ---- what the tags mean together ---- */

/* As strong as `policy` or stronger; an absent tag has been replaced by what stands in. */
static bool at_least(enum dmarc_policy tag, enum dmarc_policy policy)
{
    return tag == DMARC_POLICY_INVALID || tag >= policy;
}

static enum dmarc_policy or_else(enum dmarc_policy policy, enum dmarc_policy otherwise)
{
    return policy == DMARC_POLICY_UNSET ? otherwise : policy;
}

static void check_subdomains(struct found *found)
{
    const struct dmarc_record *record = &found->record;
    enum dmarc_policy sp = or_else(record->sp, record->p), np = or_else(record->np, sp);
    if (!found->is_organizational) {
        if (record->sp != DMARC_POLICY_UNSET || record->np != DMARC_POLICY_UNSET)
            lint_add(found->lint, LINT_DMARC_SP_UNUSED, found->name,
                     "%s in the record of %s, which is no Organizational Domain",
                     record->sp != DMARC_POLICY_UNSET ? "sp=" : "np=", found->domain.name);
    } else if (!at_least(sp, record->p) || !at_least(np, record->p)) {
        lint_add(found->lint, LINT_DMARC_SUBDOMAINS, found->name,
                 "p=%s, but %s for subdomains and %s for names that do not exist",
                 dmarc_policy_name(record->p), dmarc_policy_name(sp), dmarc_policy_name(np));
    }
}

static void check_reporting(struct found *found)
{
    const struct dmarc_record *record = &found->record;
    bool reports = record->rua_count > 0;
    if (record->p == DMARC_POLICY_NONE)
        lint_add(found->lint, reports ? LINT_DMARC_MONITORING : LINT_DMARC_BLIND, found->name,
                 reports ? "p=none" : "p=none without rua=");
    else if (!reports)
        lint_add(found->lint, LINT_DMARC_NO_REPORTS, found->name, "no rua=");
}

static bool has_tag(const struct found *found, struct bytes name)
{
    return appears_before(found->text, found->text.data + found->text.len, name);
}

static void check_modes(struct found *found)
{
    struct lint *lint = found->lint;
    const struct dmarc_record *record = &found->record;
    enum dmarc_policy sp = or_else(record->sp, record->p), np = or_else(record->np, sp);
    bool all_none =
        record->p == DMARC_POLICY_NONE && sp == DMARC_POLICY_NONE && np == DMARC_POLICY_NONE;
    if (record->testing)
        lint_add(lint, all_none ? LINT_DMARC_TESTING_IDLE : LINT_DMARC_TESTING, found->name,
                 "t=y with p=%s", dmarc_policy_name(record->p));
    if (record->strict_dkim || record->strict_spf)
        lint_add(lint, LINT_DMARC_STRICT, found->name, "%s%s%s",
                 record->strict_dkim ? "adkim=s" : "",
                 record->strict_dkim && record->strict_spf ? "; " : "",
                 record->strict_spf ? "aspf=s" : "");
    if (record->ruf_count == 0 && has_tag(found, BYTES("fo")))
        lint_add(lint, LINT_DMARC_FO_UNUSED, found->name, "fo= without ruf=");
}

/* psd=n matters only below another organization (4.10.2). */
static void check_psd(struct found *found)
{
    struct lint *lint = found->lint;
    struct dmarc_walk above;
    struct domain parent = domain_parent(found->domain);
    if (found->record.psd == DMARC_PSD_YES)
        lint_add(lint, LINT_DMARC_PSD, found->name, "psd=y");
    if (found->record.psd != DMARC_PSD_NO || domain_is_none(parent))
        return;
    dmarc_walk(lint->dns, lint->arena, parent, &above);
    if (!above.temporary_error && above.found_count && domain_is_none(above.public_suffix) &&
        above.found[above.found_count - 1].record.psd != DMARC_PSD_YES)
        lint_add(lint, LINT_DMARC_PSD_NO, found->name, "psd=n below %s", above.organizational.name);
}

static void check_record(struct found *found)
{
    struct lint *lint = found->lint;
    if (found->text.len > DMARC_RECORD_MAX) {
        lint_add(lint, LINT_DMARC_TOO_LONG, found->name, "%zu octets", found->text.len);
        return;
    }
    if (is_fws(found->text.data[0]))
        lint_add(lint, LINT_DMARC_BEGIN, found->name, "white space before v=");
    if (found->record.p == DMARC_POLICY_UNSET)
        lint_add(lint, LINT_DMARC_P_MISSING, found->name, "no p=, %s", consequence(found));
    check_tags(found);
    check_reporting(found);
    check_subdomains(found);
    check_modes(found);
    check_psd(found);
}

/* ---- which record ---- */

/* What counts as no record but was probably meant as one. */
static void check_misspelt(struct lint *lint, const char *name, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct dmarc_scan scan;
        struct bytes text = answer->records[i].data;
        const char *dmarc = memmem(text.data, text.len, "DMARC", 5);
        if (!dmarc)
            dmarc = memmem(text.data, text.len, "dmarc", 5);
        if (dmarc && !dmarc_record_scan(text, &scan))
            lint_add(lint, LINT_DMARC_MISSPELT, name, "%s", lint_text(lint, text));
    }
}

/* The linted domain's own name: also what does not count there is told. */
static void check_own_name(struct lint *lint)
{
    const char *name = lint_name(lint, "_dmarc.", lint->domain);
    const struct dns_answer *answer = dns_query(lint->dns, bytes_of(name), DNS_TXT);
    struct dmarc_lookup lookup = dmarc_lookup(lint->dns, lint->domain);
    check_misspelt(lint, name, answer);
    if (lookup.count > 1)
        lint_add(lint, LINT_DMARC_SEVERAL, name, "more than one DMARC record");
}

/* The record at `domain`; the walk has found that there is one. */
static bool read_record(struct found *found, struct domain domain)
{
    struct dmarc_scan scan;
    struct lint *lint = found->lint;
    found->domain = domain;
    found->name = lint_name(lint, "_dmarc.", domain);
    const struct dns_answer *answer = dns_query(lint->dns, bytes_of(found->name), DNS_TXT);
    for (size_t i = 0; i < answer->count; i++) {
        found->text = answer->records[i].data;
        if (dmarc_record_scan(found->text, &scan))
            return dmarc_record_parse(lint->arena, found->text, &found->record);
    }
    return false;
}

/* 4.10.1: own, Organizational Domain's, public suffix's. DOMAIN_NONE: none of them. */
static struct domain applicable(const struct dmarc_walk *walk)
{
    struct domain best = DOMAIN_NONE;
    for (size_t i = walk->found_count; i-- > 0;) {
        struct domain at = walk->found[i].domain;
        if (domain_equal(at, walk->start) || domain_equal(at, walk->organizational) ||
            domain_equal(at, walk->public_suffix))
            best = at; /* the longest name comes last, and is the one that is preferred */
    }
    return best;
}

/* The policy for the linted domain itself (4.10.1), t=y taken into account (4.7). */
static enum dmarc_policy policy_for(const struct found *found, bool missing)
{
    const struct dmarc_record *record = &found->record;
    enum dmarc_policy sp = or_else(record->sp, record->p);
    enum dmarc_policy policy = found->own ? record->p : missing ? or_else(record->np, sp) : sp;
    if (record->p <= DMARC_POLICY_INVALID || record->sp == DMARC_POLICY_INVALID ||
        record->np == DMARC_POLICY_INVALID)
        return record->rua_count ? DMARC_POLICY_NONE : DMARC_POLICY_UNSET;
    return record->testing && policy > DMARC_POLICY_NONE ? policy - 1 : policy;
}

static const char *policy_text(const struct lint *lint)
{
    return lint->policy == DMARC_POLICY_UNSET ? "DMARC is not applied"
                                              : dmarc_policy_name(lint->policy);
}

static void tell_inherited(struct found *found)
{
    struct lint *lint = found->lint;
    if (!found->own)
        lint_add(lint, LINT_DMARC_INHERITED, lint_name(lint, "_dmarc.", lint->domain),
                 "no record here; that of %s applies, policy for this domain: %s", found->name,
                 policy_text(lint));
}

static void tell_good(struct found *found)
{
    if (found->own)
        lint_add(found->lint, LINT_DMARC_OK, found->name, "%s",
                 lint_text(found->lint, found->text));
}

void lint_dmarc(struct lint *lint)
{
    struct dmarc_walk walk;
    struct found found = {.lint = lint};
    check_own_name(lint);
    dmarc_walk(lint->dns, lint->arena, lint->domain, &walk);
    if (walk.temporary_error) {
        lint->policy_unknown = true;
        lint_add(lint, LINT_LOOKUP_FAILED, lint_name(lint, "_dmarc.", lint->domain), "%s",
                 walk.cause);
        return;
    }
    struct domain domain = applicable(&walk);
    if (domain_is_none(domain)) {
        lint_add(lint, LINT_DMARC_MISSING, lint_name(lint, "_dmarc.", lint->domain),
                 "no DMARC record, nor one above that applies");
        return;
    }
    if (!read_record(&found, domain))
        return; /* out of memory */
    found.own = domain_equal(domain, lint->domain);
    found.is_organizational = domain_equal(domain, walk.organizational) ||
                              domain_equal(domain, walk.public_suffix) ||
                              found.record.psd == DMARC_PSD_YES;
    lint->policy = policy_for(&found, lint->missing);
    tell_inherited(&found);
    size_t errors = lint->counts[LINT_SEVERITY_ERROR];
    check_record(&found);
    if (lint->counts[LINT_SEVERITY_ERROR] == errors)
        tell_good(&found);
    lint_report_addresses(lint, found.domain, &found.record);
}
