/* dmarc_evaluate.c - from a policy record and authenticated identifiers to a
 * result (RFC 9989 5.3, 4.10.1, 4.10.2).
 *
 * Relies on dmarc_walk.c for records and Organizational Domains. DNS is asked
 * only for what the result hangs on, in the order: author's record, walks of
 * identifiers that passed, walks of those that could not be checked, existence
 * of the Author Domain. A failed lookup matters only when the answer was needed.
 */
#include "dmarc_record.h"

#include "strbuf.h"

enum alignment {
    ALIGNMENT_NO,
    ALIGNMENT_YES,
    ALIGNMENT_OPEN,    /* relaxed, and not to be told from the names alone */
    ALIGNMENT_UNKNOWN, /* DNS failed */
};

/* The domain of SPF or of one signature. */
struct identifier {
    struct domain domain; /* may be none */
    enum auth_result result;
    enum alignment alignment;
};

struct known_walk {
    struct dmarc_walk walk;
    struct known_walk *next;
};

struct evaluation {
    struct dns_session *session;
    struct arena *arena;
    struct domain author;
    struct identifier *identifiers; /* [0] is SPF, then the signatures in their order */
    size_t count;
    struct known_walk *walks;      /* one per start; several signatures often share a domain */
    enum dns_status author_status; /* of the TXT query at _dmarc.author */
    const char *cause;             /* first lookup that failed where it mattered */
    struct dmarc_result *out;
};

static void finish(struct evaluation *evaluation, enum auth_result result, const char *reason)
{
    evaluation->out->result = result;
    evaluation->out->reason = reason ? reason : "out of memory";
}

/* ---- walks ---- */

/* The walk from `start`; NULL when out of memory. */
static const struct dmarc_walk *walk_from(struct evaluation *evaluation, struct domain start)
{
    for (struct known_walk *known = evaluation->walks; known; known = known->next) {
        if (domain_equal(known->walk.start, start))
            return &known->walk;
    }
    struct known_walk *known = arena_alloc(evaluation->arena, sizeof(*known));
    if (!known)
        return NULL;
    dmarc_walk(evaluation->session, evaluation->arena, start, &known->walk);
    known->next = evaluation->walks;
    evaluation->walks = known;
    return &known->walk;
}

/* The Organizational Domain of `domain`; none, and a cause, when DNS failed. */
static struct domain organizational(struct evaluation *evaluation, struct domain domain)
{
    const struct dmarc_walk *walk = walk_from(evaluation, domain);
    if (walk && !walk->temporary_error)
        return walk->organizational;
    if (!evaluation->cause)
        evaluation->cause = walk ? walk->cause : "out of memory";
    return DOMAIN_NONE;
}

/* ---- policy discovery (4.10.1) ---- */

static void apply_record(struct evaluation *evaluation, struct domain domain,
                         const struct dmarc_record *record)
{
    struct dmarc_result *out = evaluation->out;
    out->has_record = true;
    out->policy_domain = domain;
    dmarc_record_copy(evaluation->arena, record, &out->record);
}

static const struct dmarc_record *found_at(const struct dmarc_walk *walk, struct domain domain)
{
    for (size_t i = 0; i < walk->found_count; i++) {
        if (domain_equal(walk->found[i].domain, domain))
            return &walk->found[i].record;
    }
    return NULL;
}

/* The author has no record: that of the Organizational Domain, else that of
 * the public suffix. Records between them do not count. */
static bool find_record_above(struct evaluation *evaluation)
{
    dmarc_prefetch(evaluation->session, evaluation->author);
    struct domain above = organizational(evaluation, evaluation->author);
    evaluation->out->organizational_domain = above;
    if (domain_is_none(above)) {
        finish(evaluation, AUTH_TEMPERROR, evaluation->cause);
        return false;
    }
    const struct dmarc_walk *walk = walk_from(evaluation, evaluation->author);
    const struct dmarc_record *record = found_at(walk, above);
    if (!record) {
        above = walk->public_suffix;
        record = found_at(walk, above);
    }
    if (record)
        apply_record(evaluation, above, record);
    return true;
}

/* Finds the record to apply; false when the result is settled without one. */
static bool find_record(struct evaluation *evaluation)
{
    struct dmarc_lookup lookup = dmarc_lookup(evaluation->session, evaluation->author);
    const char *name = evaluation->author.name;
    evaluation->author_status = lookup.status;
    if (lookup.status == DNS_TEMPORARY) { /* 5.3.6: whatever else passed, there is no policy */
        finish(evaluation, AUTH_TEMPERROR,
               arena_printf(evaluation->arena, "TXT _dmarc.%s: %s", name, lookup.cause));
        return false;
    }
    if (lookup.record) {
        apply_record(evaluation, evaluation->author, lookup.record);
        return true;
    }
    if (!find_record_above(evaluation))
        return false;
    if (evaluation->out->has_record)
        return true;
    finish(evaluation, AUTH_NONE,
           arena_printf(evaluation->arena,
                        lookup.count > 1 ? "several DMARC records at %s, so none counts"
                                         : "no DMARC record at %s or its organizational domain",
                        name));
    return false;
}

/* ---- the policy in it (4.10.1, 4.7) ---- */

static enum dmarc_policy after_test_mode(const struct dmarc_record *record,
                                         enum dmarc_policy policy)
{
    if (!record->testing)
        return policy;
    return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

static void set_policy(struct dmarc_result *out, enum dmarc_tag tag, enum dmarc_policy policy)
{
    out->tag = tag;
    out->policy = policy;
    out->effective_policy = after_test_mode(&out->record, policy);
}

/* sp for a name below the record's, p for that name itself; p when sp is absent. */
static void choose_policy(struct evaluation *evaluation)
{
    struct dmarc_result *out = evaluation->out;
    if (out->record.sp != DMARC_POLICY_UNSET &&
        !domain_equal(out->policy_domain, evaluation->author))
        set_policy(out, DMARC_TAG_SP, out->record.sp);
    else
        set_policy(out, DMARC_TAG_P, out->record.p);
}

/* 4.10.1: a record without a valid p, or with a bad sp or np, means p=none when
 * somebody wants its reports, and otherwise no DMARC at all. */
static bool read_policy(struct evaluation *evaluation)
{
    struct dmarc_result *out = evaluation->out;
    const char *defect = dmarc_policy_defect(&out->record);
    if (!defect) {
        choose_policy(evaluation);
        return true;
    }
    if (out->record.rua_count > 0) {
        set_policy(out, DMARC_TAG_P, DMARC_POLICY_NONE);
        return true;
    }
    finish(evaluation, AUTH_PERMERROR,
           arena_printf(evaluation->arena, "DMARC record at %s: %s and there is no valid rua=",
                        out->policy_domain.name, defect));
    return false;
}

/* np is for names that do not exist (3.2.13: NXDOMAIN, nothing else). An answer
 * other than NXDOMAIN at _dmarc.author proves that the author exists. False
 * when that could not be found out. */
static bool apply_np(struct evaluation *evaluation)
{
    struct dmarc_result *out = evaluation->out;
    if (domain_equal(out->policy_domain, evaluation->author) ||
        out->record.np == DMARC_POLICY_UNSET || dmarc_policy_defect(&out->record) ||
        evaluation->author_status != DNS_NO_NAME)
        return true;
    const struct dns_answer *answer =
        dns_query(evaluation->session, domain_bytes(evaluation->author), DNS_A);
    if (answer->status == DNS_TEMPORARY) {
        finish(evaluation, AUTH_TEMPERROR,
               arena_printf(evaluation->arena, "A %s: %s", evaluation->author.name, answer->cause));
        return false;
    }
    if (answer->status == DNS_NO_NAME) {
        out->author_nonexistent = true;
        set_policy(out, DMARC_TAG_NP, out->record.np);
    }
    return true;
}

/* ---- identifiers and their alignment (4.10.2, 4.4) ---- */

/* Only the MAIL FROM identity is an identifier of DMARC (4.4.2). */
static struct identifier spf_identifier(const struct spf_result *spf)
{
    if (!spf || spf->scope != SPF_SCOPE_MAIL_FROM)
        return (struct identifier){.result = AUTH_NONE};
    return (struct identifier){.domain = spf->domain, .result = spf->result};
}

static bool collect_identifiers(struct evaluation *evaluation, const struct spf_result *spf,
                                const struct dkim_results *dkim)
{
    size_t signatures = dkim ? dkim->count : 0;
    evaluation->count = 1 + signatures;
    evaluation->identifiers =
        arena_array(evaluation->arena, evaluation->count, sizeof(*evaluation->identifiers));
    evaluation->out->signature_aligned =
        signatures ? arena_array(evaluation->arena, signatures, sizeof(bool)) : NULL;
    if (!evaluation->identifiers || (signatures && !evaluation->out->signature_aligned))
        return false;
    evaluation->identifiers[0] = spf_identifier(spf);
    for (size_t i = 0; i < signatures; i++) {
        evaluation->identifiers[1 + i] = (struct identifier){.domain = dkim->signatures[i].domain,
                                                             .result = dkim->signatures[i].result};
    }
    return true;
}

/* What the names alone tell. An Organizational Domain is a tail of its domain:
 * names under different top-level domains never share one. */
static enum alignment align_by_name(struct domain author, struct domain domain, bool strict)
{
    if (domain_is_none(domain))
        return ALIGNMENT_NO;
    if (domain_equal(domain, author))
        return ALIGNMENT_YES;
    if (strict || !domain_equal(domain_tail(domain, 1), domain_tail(author, 1)))
        return ALIGNMENT_NO;
    return ALIGNMENT_OPEN;
}

static void align_all_by_name(struct evaluation *evaluation)
{
    const struct dmarc_record *record = &evaluation->out->record;
    for (size_t i = 0; i < evaluation->count; i++) {
        struct identifier *identifier = &evaluation->identifiers[i];
        identifier->alignment = align_by_name(evaluation->author, identifier->domain,
                                              i == 0 ? record->strict_spf : record->strict_dkim);
    }
}

/* Which identifiers one round of walks is for. */
typedef bool identifier_filter(enum auth_result result);

static bool has_passed(enum auth_result result)
{
    return result == AUTH_PASS;
}

static bool is_temperror(enum auth_result result)
{
    return result == AUTH_TEMPERROR;
}

static bool any_result(enum auth_result result)
{
    (void)result;
    return true;
}

static bool any_with(const struct evaluation *evaluation, identifier_filter *wanted,
                     enum alignment alignment)
{
    for (size_t i = 0; i < evaluation->count; i++) {
        if (evaluation->identifiers[i].alignment == alignment &&
            wanted(evaluation->identifiers[i].result))
            return true;
    }
    return false;
}

/* Relaxed alignment: the same Organizational Domain, `author` being that of
 * the Author Domain (none: DNS failed). */
static enum alignment align_by_walk(struct evaluation *evaluation, struct domain author,
                                    struct domain domain)
{
    if (domain_is_none(author))
        return ALIGNMENT_UNKNOWN;
    if (!domain_within(domain, author))
        return ALIGNMENT_NO;
    struct domain other = organizational(evaluation, domain);
    if (domain_is_none(other))
        return ALIGNMENT_UNKNOWN;
    return domain_equal(author, other) ? ALIGNMENT_YES : ALIGNMENT_NO;
}

/* Settles what is open among the identifiers that the filter chooses. The
 * author's walk comes first: an Organizational Domain is a tail of its domain,
 * so names outside of the author's need no walk of their own. */
static void align_by_walks(struct evaluation *evaluation, identifier_filter *wanted)
{
    if (!any_with(evaluation, wanted, ALIGNMENT_OPEN))
        return;
    dmarc_prefetch(evaluation->session, evaluation->author);
    struct domain author = organizational(evaluation, evaluation->author);
    evaluation->out->organizational_domain = author;
    for (size_t i = 0; i < evaluation->count; i++) {
        const struct identifier *identifier = &evaluation->identifiers[i];
        if (identifier->alignment == ALIGNMENT_OPEN && wanted(identifier->result) &&
            domain_within(identifier->domain, author))
            dmarc_prefetch(evaluation->session, identifier->domain);
    }
    for (size_t i = 0; i < evaluation->count; i++) {
        struct identifier *identifier = &evaluation->identifiers[i];
        if (identifier->alignment == ALIGNMENT_OPEN && wanted(identifier->result))
            identifier->alignment = align_by_walk(evaluation, author, identifier->domain);
    }
}

static void report_alignment(struct evaluation *evaluation)
{
    struct dmarc_result *out = evaluation->out;
    for (size_t i = 0; i < evaluation->count; i++) {
        const struct identifier *identifier = &evaluation->identifiers[i];
        bool aligned = identifier->alignment == ALIGNMENT_YES;
        bool counts = aligned && has_passed(identifier->result);
        if (i == 0)
            out->spf_aligned = counts;
        else
            out->signature_aligned[i - 1] = aligned;
        if (i > 0 && counts)
            out->dkim_aligned = true;
    }
}

/* ---- reasons ---- */

enum { REASON_IDENTIFIERS = 4 }; /* named in one reason; a line must stay a line */

/* "spf pass for example.net, dkim fail for example.com"; all identifiers, or
 * those only that passed and are aligned. */
static const char *describe(const struct evaluation *evaluation, const char *before,
                            bool only_aligned)
{
    struct strbuf buf;
    size_t named = 0, more = 0;
    strbuf_init(&buf, evaluation->arena);
    strbuf_puts(&buf, before);
    for (size_t i = 0; i < evaluation->count; i++) {
        const struct identifier *identifier = &evaluation->identifiers[i];
        bool counts = identifier->alignment == ALIGNMENT_YES && identifier->result == AUTH_PASS;
        if (only_aligned && !counts)
            continue;
        if (named == REASON_IDENTIFIERS) {
            more++;
            continue;
        }
        strbuf_join(&buf, named++ ? ", " : "", i ? "dkim " : "spf ",
                    auth_result_name(identifier->result), NULL);
        if (!domain_is_none(identifier->domain))
            strbuf_join(&buf, " for ", identifier->domain.name, NULL);
    }
    if (more)
        strbuf_printf(&buf, " and %zu more", more);
    else if (!only_aligned && evaluation->count == 1)
        strbuf_puts(&buf, ", no dkim signature");
    return buf.failed ? NULL : strbuf_string(&buf);
}

/* ---- the result (5.3.5, 5.3.6) ---- */

/* An aligned identifier that could not be checked might have passed: 5.3.6
 * forbids to call that a fail. Unaligned ones could not have helped. */
static bool settle_temporary_errors(struct evaluation *evaluation)
{
    if (any_with(evaluation, has_passed, ALIGNMENT_UNKNOWN)) {
        finish(evaluation, AUTH_TEMPERROR, evaluation->cause);
        return true;
    }
    align_by_walks(evaluation, is_temperror);
    if (any_with(evaluation, is_temperror, ALIGNMENT_YES)) {
        finish(evaluation, AUTH_TEMPERROR,
               describe(evaluation, "an aligned identifier could not be checked: ", false));
        return true;
    }
    if (any_with(evaluation, is_temperror, ALIGNMENT_UNKNOWN)) {
        finish(evaluation, AUTH_TEMPERROR, evaluation->cause);
        return true;
    }
    return false;
}

/* An exact match passes without any walk. Walks for further identifiers that
 * passed only complete the picture for reports (RFC 9990: which method was
 * aligned); what fails there is left out. */
static void judge(struct evaluation *evaluation)
{
    align_all_by_name(evaluation);
    align_by_walks(evaluation, has_passed);
    if (any_with(evaluation, has_passed, ALIGNMENT_YES)) {
        finish(evaluation, AUTH_PASS, describe(evaluation, "aligned: ", true));
    } else if (!settle_temporary_errors(evaluation) && apply_np(evaluation)) {
        /* Which signature of the author failed says whether a list broke it. */
        align_by_walks(evaluation, any_result);
        finish(evaluation, AUTH_FAIL, describe(evaluation, "no aligned identifier: ", false));
    }
    report_alignment(evaluation);
}

void dmarc_evaluate(struct dns_session *session, struct arena *arena, struct domain author,
                    const struct spf_result *spf, const struct dkim_results *dkim,
                    struct dmarc_result *out)
{
    struct evaluation evaluation = {
        .session = session, .arena = arena, .author = author, .out = out};
    *out = (struct dmarc_result){.from_domain = author};
    if (domain_is_none(author)) {
        finish(&evaluation, AUTH_PERMERROR, "no author domain");
        return;
    }
    if (!collect_identifiers(&evaluation, spf, dkim)) {
        finish(&evaluation, AUTH_TEMPERROR, NULL);
        return;
    }
    if (find_record(&evaluation) && read_policy(&evaluation))
        judge(&evaluation);
}
