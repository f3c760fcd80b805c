/* spf_check.c - check_host() of RFC 7208: limits, records, results; see spf.h.
 *
 * The engine (spf_engine.h) asks for the steps of a record and whether a
 * mechanism matches; both come here, where everything that the RFC limits over
 * the whole check is counted. A condition that ends the check (no record, a limit,
 * a DNS error) is written down in `ending` and overrides whatever the engine
 * makes of it. Afterwards the way to the matching term is read off the frames,
 * which gives the mechanism's text and cross-checks the engine.
 */
#include "spf.h"

#include "spf_identity.h"
#include "spf_mechanism.h"
#include "spf_path.h"
#include "strbuf.h"

#include <string.h>

enum {
    TERM_TEXT_MAX = 160,   /* octets of one term in reasons and reports */
    EXPLANATION_MAX = 500, /* octets: an SMTP reply line has 512 (RFC 5321 4.5.3.1.5) */
};

struct check {
    const struct policy_env *env;
    struct dns_session *session;
    struct arena *arena;
    const struct spf_identity *identity;
    struct spf_macro_values values;
    int64_t started_us;
    struct spf_frames frames;
    unsigned lookups, void_lookups;
    bool ended;
    enum auth_result ending; /* when ended */
    const char *reason;      /* when ended */
};

static const char *printable_name(struct check *check, struct bytes name)
{
    return spf_printable(check->arena, name, DOMAIN_MAX);
}

/* ---- endings ---- */

/* Ends the check; returns the engine's answer for that. */
static int end_check(struct check *check, enum auth_result result, const char *reason)
{
    if (!check->ended) {
        check->ended = true;
        check->ending = result;
        check->reason = reason ? reason : "out of memory";
    }
    return -1;
}

/* "include:%{d2}.example.net (a.b.example.net)" for reasons. */
static const char *describe_term(struct check *check, const struct spf_term *term,
                                 struct bytes target)
{
    const char *name = spf_printable(check->arena, spf_term_name(term), TERM_TEXT_MAX);
    if (!term->letters)
        return name;
    const char *text = arena_printf(check->arena, "%s (%s)", name, printable_name(check, target));
    return text ? text : name;
}

/* Counts a term that causes lookups (4.6.4), and looks at the time. */
static bool may_look_up(struct check *check, const struct spf_term *term)
{
    int64_t spent_us = check->env->monotonic_us(check->env->clock) - check->started_us;
    if (spent_us > (int64_t)SPF_SECONDS_MAX * 1000000) {
        end_check(check, AUTH_TEMPERROR,
                  arena_printf(check->arena, "check took longer than %d s", SPF_SECONDS_MAX));
        return false;
    }
    if (++check->lookups <= SPF_TERMS_MAX)
        return true;
    end_check(check, AUTH_PERMERROR,
              arena_printf(check->arena, "more than %d terms with DNS lookups, at %s",
                           SPF_TERMS_MAX,
                           spf_printable(check->arena, spf_term_name(term), TERM_TEXT_MAX)));
    return false;
}

static int count_void(struct check *check, const struct spf_term *term, struct bytes target)
{
    if (++check->void_lookups <= SPF_VOID_MAX)
        return 0;
    return end_check(check, AUTH_PERMERROR,
                     arena_printf(check->arena, "more than %d void lookups, at %s", SPF_VOID_MAX,
                                  describe_term(check, term, target)));
}

/* ---- names ---- */

static struct bytes validated_name(void *context, struct bytes domain)
{
    struct check *check = context;
    return spf_validated_name(check->session, &check->identity->values.client, domain);
}

/* target-name (4.8), in arena; false when out of memory. */
static bool expand_target(struct check *check, const struct spf_frame *frame,
                          const struct spf_term *term, struct bytes *target)
{
    char name[DOMAIN_MAX + 1];
    *target = frame->domain;
    if (term->domain_spec.len == 0)
        return true;
    check->values.domain = frame->domain;
    size_t len = spf_macro_expand_domain(&check->values, term->domain_spec, name);
    const char *copy = arena_copy(check->arena, name, len);
    if (!copy) {
        end_check(check, AUTH_TEMPERROR, NULL);
        return false;
    }
    *target = (struct bytes){copy, len};
    return true;
}

/* A non-ASCII local part has no place in a domain name: terms that would put
 * it there match nothing (RFC 8616 4). */
static bool is_unmatchable(const struct check *check, const struct spf_term *term)
{
    return check->identity->internationalized &&
           (term->letters & (SPF_MACRO_LETTER('s') | SPF_MACRO_LETTER('l')));
}

/* ---- records ---- */

/* "example.com", or the term that leads there: "include:_spf.example.com". */
static const char *describe_record(struct check *check, const struct spf_frame *frame)
{
    if (frame->parent < 0)
        return printable_name(check, frame->domain);
    struct spf_place place = {frame->parent, frame->parent_term};
    return describe_term(check, spf_term_at(&check->frames, place), frame->domain);
}

/* Fetches the record of frame (4.4, 4.5). No record is none at the top, and permerror
 * in an include or redirect (5.2, 6.1). */
static int fetch_record(struct check *check, struct spf_frame *frame)
{
    const struct dns_answer *answer = dns_query(check->session, frame->domain, DNS_TXT);
    if (answer->status == DNS_TEMPORARY)
        return end_check(check, AUTH_TEMPERROR,
                         spf_lookup_failure(check->arena, DNS_TXT, frame->domain, answer));
    static const struct spf_published nothing;
    const struct spf_published *published =
        answer->status == DNS_FOUND ? spf_published_of(answer) : &nothing;
    if (!published)
        return end_check(check, AUTH_TEMPERROR, NULL);
    if (published->count == 0)
        return end_check(
            check, frame->parent < 0 ? AUTH_NONE : AUTH_PERMERROR,
            arena_printf(check->arena, "%s has no SPF record", describe_record(check, frame)));
    if (published->count > 1)
        return end_check(check, AUTH_PERMERROR,
                         arena_printf(check->arena, "%s has %zu SPF records",
                                      describe_record(check, frame), published->count));
    frame->record = published->record;
    if (!frame->record->error)
        return 0;
    const char *text = spf_printable(check->arena, frame->record->error_text, TERM_TEXT_MAX);
    return end_check(check, AUTH_PERMERROR,
                     arena_printf(check->arena, "SPF record of %s: %s \"%s\"",
                                  printable_name(check, frame->domain), frame->record->error,
                                  text));
}

static void add_step(struct spf_frame *frame, enum spf_step_kind kind, enum auth_result qualifier,
                     unsigned tag)
{
    frame->steps[frame->step_count++] = (struct spf_step){kind, qualifier, tag};
}

/* The record as steps. An ip4, ip6 or all either matches for certain, and then nothing
 * behind it counts, or leaves no trace. */
static void build_steps(const struct check *check, struct spf_frame *frame, int index)
{
    const struct spf_record *record = frame->record;
    const struct spf_term *redirect = &record->redirect;
    for (size_t i = 0; i < record->count; i++) {
        const struct spf_term *term = &record->terms[i];
        unsigned tag = spf_place_tag((struct spf_place){index, (int)i});
        if (spf_term_matches_client(term, &check->values.client)) {
            add_step(frame, SPF_STEP_ALL, term->qualifier, tag);
            return;
        }
        if (!spf_term_looks_up(term))
            continue;
        bool include = term->kind == SPF_INCLUDE && !is_unmatchable(check, term);
        add_step(frame, include ? SPF_STEP_INCLUDE : SPF_STEP_TEST, term->qualifier, tag);
    }
    if (redirect->text.len && !record->has_all && !is_unmatchable(check, redirect))
        add_step(frame, SPF_STEP_REDIRECT, AUTH_NEUTRAL,
                 spf_place_tag((struct spf_place){index, (int)record->count}));
}

/* The engine wants the record of an include, a redirect, or the top. */
static int on_record(void *context, unsigned tag, struct spf_step *steps)
{
    struct check *check = context;
    struct spf_frame frame = {
        .domain = domain_bytes(check->identity->domain), .parent = -1, .matched = SPF_NO_TERM};
    if (tag != SPF_TAG_TOP) {
        struct spf_place place = spf_place_of(tag);
        const struct spf_frame *parent = &check->frames.items[place.frame];
        const struct spf_term *term = spf_term_at(&check->frames, place);
        if (!may_look_up(check, term) || !expand_target(check, parent, term, &frame.domain))
            return -1;
        frame.parent = place.frame;
        frame.parent_term = place.term;
    }
    if (fetch_record(check, &frame) < 0 || check->frames.count == SPF_FRAMES_MAX)
        return -1;
    build_steps(check, &frame, check->frames.count);
    check->frames.items[check->frames.count++] = frame;
    memcpy(steps, frame.steps, sizeof(frame.steps));
    return frame.step_count;
}

/* The engine wants to know whether an a, mx, ptr or exists matches. */
static int on_test(void *context, unsigned tag)
{
    struct check *check = context;
    struct spf_place place = spf_place_of(tag);
    struct spf_frame *frame = &check->frames.items[place.frame];
    const struct spf_term *term = spf_term_at(&check->frames, place);
    struct spf_mechanism mechanism = {.session = check->session,
                                      .arena = check->arena,
                                      .client = &check->values.client,
                                      .term = term};
    if (!may_look_up(check, term))
        return -1;
    if (is_unmatchable(check, term))
        return 0;
    if (!expand_target(check, frame, term, &mechanism.target))
        return -1;
    enum spf_match match = spf_mechanism_test(&mechanism);
    if (match == SPF_MATCH_TEMPERROR)
        return end_check(check, AUTH_TEMPERROR, mechanism.reason);
    if (match == SPF_MATCH_PERMERROR)
        return end_check(check, AUTH_PERMERROR, mechanism.reason);
    if (mechanism.is_void)
        return count_void(check, term, mechanism.target);
    if (match == SPF_MATCH)
        frame->matched = place.term;
    return match == SPF_MATCH;
}

/* ---- texts ---- */

static const char *mechanism_text(struct check *check, const struct spf_path *path)
{
    struct strbuf text;
    strbuf_init(&text, check->arena);
    for (int i = 0; i < path->length && spf_path_has_match(&check->frames, path); i++) {
        const struct spf_term *term = spf_term_at(&check->frames, path->places[i]);
        if (i)
            strbuf_putc(&text, ' ');
        strbuf_puts(&text, spf_printable(check->arena, term->text, TERM_TEXT_MAX));
    }
    return strbuf_string(&text);
}

static const char *match_reason(struct check *check, const struct spf_path *path)
{
    char client[IP_TEXT_MAX];
    const struct spf_frames *frames = &check->frames;
    ip_format(&check->values.client, client);
    if (!spf_path_has_match(frames, path))
        return arena_printf(check->arena, "no mechanism of %s matches %s",
                            printable_name(check, spf_path_deciding_frame(frames, path)->domain),
                            client);
    struct spf_place place = path->places[path->length - 1];
    return arena_printf(
        check->arena, "%s matches %s of %s", client,
        spf_printable(check->arena, spf_term_at(frames, place)->text, TERM_TEXT_MAX),
        printable_name(check, frames->items[place.frame].domain));
}

/* ---- explanation ---- */

/* 6.2: any problem on the way means that there is none. */
static const char *explain(struct check *check, const struct spf_frame *frame)
{
    const struct spf_term *exp = &frame->record->exp;
    struct bytes target;
    unsigned letters;
    if (exp->text.len == 0 || is_unmatchable(check, exp) ||
        !expand_target(check, frame, exp, &target))
        return NULL;
    const struct dns_answer *answer = dns_query(check->session, target, DNS_TXT);
    if (answer->count != 1 || answer->records[0].data.len == 0 ||
        !spf_macro_check(answer->records[0].data, SPF_MACRO_EXPLAIN, &letters))
        return NULL;
    char *text = arena_alloc(check->arena, EXPLANATION_MAX + 1);
    check->values.domain = frame->domain;
    check->values.epoch = check->env->epoch(check->env->clock);
    if (text)
        spf_macro_expand_text(&check->values, answer->records[0].data, text, EXPLANATION_MAX + 1);
    return text;
}

/* ---- the check ---- */

static void conclude(struct check *check, enum auth_result result, struct spf_result *out)
{
    struct spf_path path = {.length = 0};
    if (!check->ended && result == AUTH_TEMPERROR)
        end_check(check, AUTH_TEMPERROR, "SPF engine is out of memory");
    if (!check->ended && spf_path_follow(&check->frames, &path) != result)
        end_check(check, AUTH_TEMPERROR, "SPF engine gave an inconsistent result");
    out->result = check->ended ? check->ending : result;
    if (!check->ended) {
        const char *reason = match_reason(check, &path);
        out->reason = reason ? reason : "out of memory";
        out->mechanism = mechanism_text(check, &path);
        if (result == AUTH_FAIL && out->want_explanation)
            out->explanation = explain(check, spf_path_deciding_frame(&check->frames, &path));
    } else {
        out->reason = check->reason;
    }
    out->lookups = check->lookups;
    out->void_lookups = check->void_lookups;
}

void spf_check(const struct policy_env *env, struct dns_session *session, struct arena *arena,
               const struct spf_request *request, struct spf_result *out)
{
    struct spf_identity identity;
    spf_identity_of(arena, request, &identity);
    *out = (struct spf_result){.result = AUTH_NONE,
                               .scope = request->scope,
                               .null_sender = identity.null_sender,
                               .domain = identity.domain,
                               .reason = identity.problem,
                               .mechanism = "",
                               .want_explanation = out->want_explanation};
    if (identity.problem)
        return;

    struct check check = {.env = env,
                          .session = session,
                          .arena = arena,
                          .identity = &identity,
                          .values = identity.values,
                          .started_us = env->monotonic_us(env->clock)};
    check.values.validated_name = validated_name;
    check.values.context = &check;
    struct spf_engine_calls calls = {&check, on_record, on_test};
    conclude(&check, spf_engine_run(&calls), out);
}
