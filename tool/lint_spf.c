/* lint_spf.c - the SPF records of a domain (RFC 7208); see lint.h.
 *
 * Not an evaluation: that stops at the first term that matches. Here every term of
 * every record is looked at, over the whole tree of includes and redirects, as for a
 * client that nothing matches.
 */
#include "lint.h"

#include "cursor.h"
#include "spf_macro.h"
#include "spf_record.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = SPF_TERMS_MAX + 1, /* a record further down is over the limit anyway */
    WIDE_PREFIX4 = 8,              /* networks at least so large are looked at askance */
    WIDE_PREFIX6 = 16,
};

/* The way from the domain's own record to one below it. */
struct step {
    struct bytes name;
    const struct step *parent; /* NULL: the domain's own */
    unsigned depth;
    bool decides; /* the domain's own, or reached by redirects alone: its result is the result */
    bool grants;  /* a pass here is a pass in the end: no include on the way has "-", "~" or "?" */
};

struct walk {
    struct lint *lint;
    unsigned lookups;
    unsigned void4, void6;                        /* void lookups, by the family of the client */
    struct bytes names[LINT_SPF_LOOKUPS_MAX + 1]; /* records visited */
    size_t name_count;
};

/* ---- the target of a term ---- */

/* What can be known without a message: %{d}, and %{o} for mail from the domain. False
 * when other macros occur. */
static bool target_of(struct walk *walk, const struct step *step, const struct spf_term *term,
                      struct bytes *target)
{
    const unsigned known = SPF_MACRO_LETTER('d') | SPF_MACRO_LETTER('o');
    char name[DOMAIN_MAX + 1];
    *target = step->name;
    if (term->domain_spec.len == 0)
        return true;
    if (term->letters & ~known) {
        lint_add(walk->lint, LINT_SPF_MACROS, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, term->text));
        return false;
    }
    const struct spf_macro_values values = {.domain = step->name,
                                            .sender_domain = domain_bytes(walk->lint->domain)};
    size_t len = spf_macro_expand_domain(&values, term->domain_spec, name);
    *target = arena_bytes(walk->lint->arena, (struct bytes){name, len});
    return true;
}

/* ---- terms ---- */

static void void_term(struct walk *walk, const struct step *step, const struct spf_term *term,
                      const struct dns_answer *answer)
{
    lint_add(walk->lint, LINT_SPF_VOID_TERM, lint_text(walk->lint, step->name), "%s: %s",
             lint_text(walk->lint, term->text), dns_status_name(answer->status));
}

static bool is_void(const struct dns_answer *answer)
{
    return answer->status == DNS_NO_DATA || answer->status == DNS_NO_NAME;
}

/* A client's family decides which addresses are asked for (5). */
static void check_a(struct walk *walk, const struct step *step, const struct spf_term *term,
                    struct bytes target)
{
    dns_prefetch(walk->lint->dns, target, DNS_AAAA);
    const struct dns_answer *v4 = lint_query(walk->lint, target, DNS_A);
    const struct dns_answer *v6 = lint_query(walk->lint, target, DNS_AAAA);
    walk->void4 += is_void(v4);
    walk->void6 += is_void(v6);
    if (is_void(v4) && is_void(v6))
        void_term(walk, step, term, v4);
}

static void check_one_lookup(struct walk *walk, const struct step *step,
                             const struct spf_term *term, struct bytes target, enum dns_type type)
{
    const struct dns_answer *answer = lint_query(walk->lint, target, type);
    if (is_void(answer)) {
        walk->void4++;
        walk->void6++;
        void_term(walk, step, term, answer);
    } else if (type == DNS_MX && answer->count > SPF_NAMES_MAX) {
        lint_add(walk->lint, LINT_SPF_MX_NAMES, lint_text(walk->lint, step->name),
                 "%s: %zu MX records", lint_text(walk->lint, term->text), answer->count);
    }
}

static void check_network(struct walk *walk, const struct step *step, const struct spf_term *term)
{
    bool v6 = term->kind == SPF_IP6;
    unsigned prefix = v6 ? term->prefix6 : term->prefix4;
    if (!step->grants || term->qualifier != AUTH_PASS)
        return;
    if (prefix == 0)
        lint_add(walk->lint, LINT_SPF_PLUS_ALL, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, term->text));
    else if (prefix <= (unsigned)(v6 ? WIDE_PREFIX6 : WIDE_PREFIX4))
        lint_add(walk->lint, LINT_SPF_WIDE_NETWORK, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, term->text));
}

static void check_all(struct walk *walk, const struct step *step, const struct spf_term *term)
{
    if (step->grants && term->qualifier == AUTH_PASS)
        lint_add(walk->lint, LINT_SPF_PLUS_ALL, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, term->text));
    else if (step->decides && term->qualifier == AUTH_NEUTRAL)
        lint_add(walk->lint, LINT_SPF_NEUTRAL_ALL, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, term->text));
}

/* ---- include and redirect ---- */

static void visit(struct walk *walk, const struct step *step, struct bytes text,
                  const struct spf_record *record);

static bool leads_back(const struct step *step, struct bytes target)
{
    for (; step; step = step->parent) {
        if (bytes_equal_nocase(step->name, target))
            return true;
    }
    return false;
}

static bool remember_name(struct walk *walk, struct bytes target)
{
    for (size_t i = 0; i < walk->name_count; i++) {
        if (bytes_equal_nocase(walk->names[i], target))
            return false;
    }
    if (walk->name_count < sizeof(walk->names) / sizeof(walk->names[0]))
        walk->names[walk->name_count++] = target;
    return true;
}

/* The SPF records of an answer that is no temporary error; NULL when out of memory. */
static const struct spf_published *published_of(struct lint *lint, const struct dns_answer *answer)
{
    static const struct spf_published nothing;
    const struct spf_published *published =
        answer->status == DNS_FOUND ? spf_published_of(answer) : &nothing;
    lint->incomplete = lint->incomplete || !published;
    return published;
}

/* The SPF record among the records of an answer, as text. */
static struct bytes record_text(const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (spf_record_is(answer->records[i].data))
            return answer->records[i].data;
    }
    return BYTES_EMPTY;
}

/* Goes down into another record (5.2, 6.1). Its TXT query counts as a void lookup too
 * when it finds nothing, but then the missing record is the greater trouble. */
static void follow(struct walk *walk, const struct step *step, const struct spf_term *term,
                   struct bytes target)
{
    struct lint *lint = walk->lint;
    const char *from = lint_text(walk->lint, step->name);
    bool redirect = term->kind == SPF_REDIRECT;
    const struct step next = {.name = target,
                              .parent = step,
                              .depth = step->depth + 1,
                              .decides = step->decides && redirect,
                              .grants = step->grants && (redirect || term->qualifier == AUTH_PASS)};
    if (leads_back(step, target)) {
        lint_add(lint, LINT_SPF_LOOP, from, "%s", lint_text(lint, term->text));
        return;
    }
    if (next.depth > DEPTH_MAX)
        return;
    const struct dns_answer *answer = lint_query(lint, target, DNS_TXT);
    if (answer->status == DNS_TEMPORARY)
        return;
    const struct spf_published *published = published_of(lint, answer);
    if (!published)
        return;
    if (published->count == 0) {
        lint_add(lint, LINT_SPF_TARGET_MISSING, from, "%s: %s has no SPF record%s",
                 lint_text(lint, term->text), lint_text(lint, target),
                 answer->status == DNS_NO_NAME ? ", it does not exist" : "");
        return;
    }
    if (published->count > 1) {
        lint_add(lint, LINT_SPF_SEVERAL, lint_text(walk->lint, target), "%zu SPF records",
                 published->count);
        return;
    }
    if (!remember_name(walk, target))
        lint_add(lint, LINT_SPF_REPEATED, from, "%s is reached more than once",
                 lint_text(lint, target));
    visit(walk, &next, record_text(answer), published->record);
}

/* ---- one record ---- */

static void check_term(struct walk *walk, const struct step *step, const struct spf_term *term)
{
    struct bytes target;
    if (term->kind == SPF_ALL)
        check_all(walk, step, term);
    if (term->kind == SPF_IP4 || term->kind == SPF_IP6)
        check_network(walk, step, term);
    if (!spf_term_looks_up(term) || ++walk->lookups > LINT_SPF_LOOKUPS_MAX)
        return;
    if (term->kind == SPF_PTR) {
        lint_add(walk->lint, LINT_SPF_PTR, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, term->text));
        return;
    }
    if (!target_of(walk, step, term, &target))
        return;
    if (term->kind == SPF_A)
        check_a(walk, step, term, target);
    else if (term->kind == SPF_MX)
        check_one_lookup(walk, step, term, target, DNS_MX);
    else if (term->kind == SPF_EXISTS)
        check_one_lookup(walk, step, term, target, DNS_A);
    else
        follow(walk, step, term, target);
}

static bool is_term_octet(int c)
{
    return c != ' ';
}

static bool is_space(int c)
{
    return c == ' ';
}

/* One word of a well-formed record as a mechanism; false for a modifier. spf_record_new()
 * leaves out what evaluation cannot reach; word by word it leaves out nothing. */
static bool parse_mechanism(struct lint *lint, struct bytes word, struct spf_term *out)
{
    const char *text = arena_printf(lint->arena, "v=spf1 %.*s", BYTES_ARGS(word));
    struct spf_record *record = text ? spf_record_new(bytes_of(text)) : NULL;
    bool is_mechanism = record && !record->error && record->count == 1;
    if (is_mechanism)
        *out = record->terms[0];
    free(record);
    return is_mechanism;
}

/* Starts the lookups of what is included, so that they run side by side. */
static void prefetch(struct walk *walk, const struct spf_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct spf_term *term = &record->terms[i];
        if (term->kind == SPF_INCLUDE && !term->letters)
            dns_prefetch(walk->lint->dns, term->domain_spec, DNS_TXT);
    }
}

static void check_terms(struct walk *walk, const struct step *step, struct bytes text)
{
    struct cursor cursor = cursor_of(bytes_slice(text, strlen("v=spf1"), text.len));
    bool behind_all = false;
    struct bytes first = BYTES_EMPTY; /* behind "all" */
    size_t unreachable = 0;
    for (;;) {
        struct spf_term term;
        cursor_run(&cursor, is_space);
        struct bytes word = cursor_run(&cursor, is_term_octet);
        if (word.len == 0)
            break;
        if (!parse_mechanism(walk->lint, word, &term))
            continue;
        if (!behind_all)
            check_term(walk, step, &term);
        else if (unreachable++ == 0)
            first = word;
        behind_all = behind_all || term.kind == SPF_ALL;
    }
    if (unreachable)
        lint_add(walk->lint, LINT_SPF_UNREACHABLE, lint_text(walk->lint, step->name),
                 unreachable > 1 ? "%s and %zu more" : "%s", lint_text(walk->lint, first),
                 unreachable - 1);
}

/* 6.2; only the record that decides gives its explanation. */
static void check_exp(struct walk *walk, const struct step *step, const struct spf_record *record)
{
    struct bytes target;
    unsigned letters;
    const struct spf_term *exp = &record->exp;
    if (!step->decides || exp->text.len == 0 || !target_of(walk, step, exp, &target))
        return;
    const struct dns_answer *answer = lint_query(walk->lint, target, DNS_TXT);
    if (answer->status == DNS_TEMPORARY)
        return;
    const char *what = answer->count == 0  ? "has no TXT record"
                       : answer->count > 1 ? "has several TXT records"
                       : spf_macro_check(answer->records[0].data, SPF_MACRO_EXPLAIN, &letters)
                           ? NULL
                           : "is malformed";
    if (what)
        lint_add(walk->lint, LINT_SPF_EXP, lint_text(walk->lint, step->name), "%s %s",
                 lint_text(walk->lint, exp->text), what);
}

/* The octets of a TXT answer without EDNS: header, question, and each record with a
 * compressed name, in strings of at most 255 octets. */
static size_t answer_octets(struct bytes name, const struct dns_answer *answer)
{
    size_t octets = 12 + name.len + 2 + 4;
    for (size_t i = 0; i < answer->count; i++) {
        size_t len = answer->records[i].data.len;
        octets += 12 + len + (len ? (len + 254) / 255 : 1);
    }
    return octets;
}

static void check_size(struct walk *walk, const struct step *step, struct bytes text)
{
    const struct dns_answer *answer = dns_query(walk->lint->dns, step->name, DNS_TXT);
    size_t octets = answer_octets(step->name, answer);
    if (octets > LINT_UDP_OCTETS || text.len > LINT_SPF_RECORD_OCTETS)
        lint_add(walk->lint, LINT_SPF_SIZE, lint_text(walk->lint, step->name),
                 "SPF record of %zu octets, TXT answer of about %zu", text.len, octets);
}

static void check_syntax_error(struct walk *walk, const struct step *step, struct bytes text,
                               const struct spf_record *record)
{
    size_t position = (size_t)(record->error_text.data - text.data) + 1;
    lint_add(walk->lint, LINT_SPF_SYNTAX, lint_text(walk->lint, step->name),
             "%s \"%s\" at octet %zu", record->error, lint_text(walk->lint, record->error_text),
             position);
}

/* What happens when no mechanism matches (4.7, 6.1). */
static void check_end(struct walk *walk, const struct step *step, const struct spf_record *record)
{
    if (record->redirect.text.len && record->has_all)
        lint_add(walk->lint, LINT_SPF_REDIRECT_IGNORED, lint_text(walk->lint, step->name), "%s",
                 lint_text(walk->lint, record->redirect.text));
    else if (record->redirect.text.len)
        check_term(walk, step, &record->redirect);
    else if (!record->has_all && step->decides)
        lint_add(walk->lint, LINT_SPF_NO_ALL, lint_text(walk->lint, step->name),
                 "neither \"all\" nor redirect");
}

static void visit(struct walk *walk, const struct step *step, struct bytes text,
                  const struct spf_record *record)
{
    check_size(walk, step, text);
    if (record->error) {
        check_syntax_error(walk, step, text, record);
        return;
    }
    prefetch(walk, record);
    check_terms(walk, step, text);
    check_end(walk, step, record);
    check_exp(walk, step, record);
}

/* ---- the domain's own record ---- */

/* Records that were probably meant to be SPF. */
static void check_misspelt(struct lint *lint, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct bytes text = answer->records[i].data;
        struct cursor cursor = cursor_of(text);
        while (cursor_peek(&cursor) == '"' || is_fws(cursor_peek(&cursor)))
            cursor_next(&cursor);
        struct bytes rest = cursor_rest(&cursor);
        if (!spf_record_is(text) &&
            (bytes_starts_nocase(rest, BYTES("v=spf")) || bytes_starts_nocase(rest, BYTES("spf1"))))
            lint_add(lint, LINT_SPF_MISSPELT, lint->domain.name, "%s", lint_text(lint, text));
    }
}

static void judge_counts(const struct walk *walk)
{
    struct lint *lint = walk->lint;
    const char *name = lint->domain.name;
    bool cut = walk->lookups > LINT_SPF_LOOKUPS_MAX;
    if (walk->lookups > SPF_TERMS_MAX)
        lint_add(lint, LINT_SPF_LOOKUPS, name, "%s%u terms that cause lookups, %d are allowed",
                 cut ? "more than " : "", cut ? (unsigned)LINT_SPF_LOOKUPS_MAX : walk->lookups,
                 SPF_TERMS_MAX);
    else if (walk->lookups > SPF_TERMS_MAX - 2)
        lint_add(lint, LINT_SPF_LOOKUPS_NEAR, name, "%u terms that cause lookups", walk->lookups);
    if (walk->void4 > SPF_VOID_MAX)
        lint_add(lint, LINT_SPF_VOIDS, name, "%u void lookups, %d are allowed", walk->void4,
                 SPF_VOID_MAX);
    else if (walk->void6 > SPF_VOID_MAX)
        lint_add(lint, LINT_SPF_VOIDS_IPV6, name,
                 "%u void lookups for an IPv6 client, %d are allowed", walk->void6, SPF_VOID_MAX);
    lint->spf_lookups = walk->lookups;
    lint->spf_void_lookups = walk->void4;
}

/* "v=spf1 -all" and nothing else that could match. */
static bool denies_all(const struct spf_record *record)
{
    return !record->error && record->count == 1 && record->terms[0].kind == SPF_ALL &&
           record->terms[0].qualifier == AUTH_FAIL;
}

static void check_record(struct lint *lint, struct bytes text, const struct spf_record *record)
{
    struct walk walk = {.lint = lint};
    const struct step top = {.name = domain_bytes(lint->domain), .decides = true, .grants = true};
    size_t errors = lint->counts[LINT_SEVERITY_ERROR];
    remember_name(&walk, top.name);
    visit(&walk, &top, text, record);
    judge_counts(&walk);
    lint->spf_denies = denies_all(record);
    if (lint->counts[LINT_SEVERITY_ERROR] == errors)
        lint_add(lint, LINT_SPF_OK, lint->domain.name, "%s (%u of %d lookups, %u of %d void)",
                 lint_text(lint, text), walk.lookups, SPF_TERMS_MAX, walk.void4, SPF_VOID_MAX);
}

void lint_spf(struct lint *lint)
{
    const struct dns_answer *answer = lint_query(lint, domain_bytes(lint->domain), DNS_TXT);
    lint->spf_unknown = answer->status == DNS_TEMPORARY;
    if (lint->spf_unknown)
        return;
    const struct spf_published *published = published_of(lint, answer);
    if (!published)
        return;
    check_misspelt(lint, answer);
    if (published->count == 0)
        lint_add(lint, LINT_SPF_MISSING, lint->domain.name, "no SPF record");
    else if (published->count > 1)
        lint_add(lint, LINT_SPF_SEVERAL, lint->domain.name, "%zu SPF records", published->count);
    else
        check_record(lint, record_text(answer), published->record);
}
