/* evaluate.c - the evaluation of one message; see evaluate.h.
 *
 * This is the table of contents of the program: connection -> origin; mail of our
 * own users is signed; all other: SPF -> DKIM -> DMARC -> verdict ->
 * Authentication-Results -> what to change.
 */
#include "evaluate.h"

#include "failure_event.h"
#include "header_edits.h"
#include "received.h"
#include "report_guard.h"
#include "sendmail_form.h"
#include "strbuf.h"

enum {
    FROM_FIELDS_KEPT = 2,         /* two are enough to know that there is more than one */
    SCRATCH_MEMORY = 1024 * 1024, /* octets to parse one foreign Authentication-Results field */
    PRINTABLE_MAX = 320,          /* octets of an address in the outcome (RFC 5321 4.5.3.1) */
    WALKS_KEPT_BACK = 2 * DMARC_WALK_MAX + 1, /* lookups: author, an identifier, existence */
};

struct evaluation {
    const struct policy_env *env;
    const struct policy_settings *settings;
    struct arena *arena;
    struct arena *scratch; /* for one field at a time */
    struct dns_session *dns;

    struct spf_request spf; /* client, HELO and reverse-path under evaluation */
    struct spf_prefetch *spf_prefetch;
    struct dkim_verifier *dkim;
    struct originate *originate; /* originating mail only; then dns and dkim are NULL */
    struct bytes from[FROM_FIELDS_KEPT];
    size_t from_count;
    bool sendmail;       /* originating mail will be changed as sendmail_form() does */
    bool seeking_client; /* the client is a trusted relay: look for the one behind it */
    bool has_list_fields;

    size_t header_fields, header_bytes;
    bool header_overflow, header_ended;
    struct header_edits edits;
    struct report_guard guard; /* set for mail that is not originating */

    struct outcome outcome;
};

/* ---- MAIL FROM ---- */

static bool is_signing_daemon(const struct policy_settings *settings, struct bytes name)
{
    for (size_t i = 0; i < settings->signing_daemon_count; i++) {
        if (bytes_is(name, settings->signing_daemons[i]))
            return true;
    }
    return false;
}

static const char *origin_of(const struct policy_settings *settings,
                             const struct connection *connection)
{
    if (connection->authenticated)
        return "authenticated";
    if (ip_is_loopback(&connection->client))
        return "loopback client";
    if (connection->local)
        return "submitted locally";
    struct bytes name = connection->client_name;
    if (bytes_is(name, "unknown"))
        name = BYTES_EMPTY;
    if (host_set_contains(settings->internal_hosts, &connection->client, name))
        return "client in InternalHosts";
    return is_signing_daemon(settings, connection->daemon_name) ? "SigningDaemonNames" : "";
}

static const char *printable(struct arena *arena, struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_printable(&buf, text, PRINTABLE_MAX);
    return strbuf_string(&buf);
}

/* SPF looks up what the sender's domain tells it to, a hundred names if it likes.
 * It must leave enough for the author's policy and keys, or whoever forges an
 * author could turn fail into temperror. Returns what was kept back before. */
static unsigned keep_back_from_spf(struct evaluation *evaluation)
{
    const struct limits *limits = &evaluation->settings->limits;
    unsigned lookups = limits->maximum_signatures + WALKS_KEPT_BACK;
    unsigned most = limits->maximum_queries / 2;
    return dns_session_keep_back(evaluation->dns, lookups < most ? lookups : most);
}

static void start_spf(struct evaluation *evaluation)
{
    unsigned before = keep_back_from_spf(evaluation);
    evaluation->spf_prefetch =
        spf_prefetch_new(evaluation->arena, evaluation->dns, &evaluation->spf);
    dns_session_keep_back(evaluation->dns, before);
}

/* Called while the session waits, too. */
static void advance(void *context)
{
    struct evaluation *evaluation = context;
    struct domain author = evaluation->outcome.author.domain;
    if (!domain_is_none(author)) /* none: before the end of the header, too */
        dmarc_prefetch_existence(evaluation->dns, author);
    unsigned before = keep_back_from_spf(evaluation);
    spf_prefetch_advance(evaluation->spf_prefetch);
    dns_session_keep_back(evaluation->dns, before);
}

static bool start_signing(struct evaluation *evaluation)
{
    evaluation->originate = originate_new(evaluation->env, evaluation->env->keys,
                                          &evaluation->settings->signing, evaluation->arena);
    return evaluation->originate != NULL;
}

static bool start_checks(struct evaluation *evaluation, const struct connection *connection)
{
    const struct policy_env *env = evaluation->env;
    const struct limits *limits = &evaluation->settings->limits;
    const struct dns_session_limits dns_limits = {
        .queries = limits->maximum_queries,
        .query_timeout_us = limits->resolver_timeout_us,
        .now_us = env->monotonic_us,
        .clock = env->clock,
    };
    evaluation->dns = dns_session_new(evaluation->arena, env->resolver, &dns_limits);
    if (!evaluation->dns)
        return false;
    evaluation->dkim = dkim_verifier_new(env, limits, evaluation->dns, evaluation->arena);
    if (!evaluation->dkim)
        return false;
    dns_session_on_progress(evaluation->dns, advance, evaluation);
    report_guard_init(&evaluation->guard, bytes_of(evaluation->settings->report_sender),
                      evaluation->spf.mail_from);
    evaluation->seeking_client = host_set_contains(evaluation->settings->trusted_relays,
                                                   &connection->client, connection->client_name);
    if (!evaluation->seeking_client)
        start_spf(evaluation);
    return true;
}

struct evaluation *evaluation_new(const struct policy_env *env,
                                  const struct policy_settings *settings,
                                  const struct connection *connection, struct bytes mail_from)
{
    struct arena *arena = arena_new(settings->limits.message_memory);
    struct evaluation *evaluation = arena ? arena_alloc(arena, sizeof(*evaluation)) : NULL;
    if (!evaluation) {
        arena_free(arena);
        return NULL;
    }
    evaluation->env = env;
    evaluation->settings = settings;
    evaluation->arena = arena;
    evaluation->scratch = arena_new(SCRATCH_MEMORY);
    evaluation->edits =
        (struct header_edits){.arena = arena, .scratch = evaluation->scratch, .settings = settings};
    evaluation->spf = (struct spf_request){
        .scope = SPF_SCOPE_MAIL_FROM,
        .client = connection->client,
        .helo = arena_bytes(arena, connection->helo),
        .mail_from = arena_bytes(arena, mail_from),
        .receiver = bytes_of(settings->authserv_id),
    };
    evaluation->outcome.origin = origin_of(settings, connection);
    evaluation->outcome.originating = evaluation->outcome.origin[0] != '\0';
    evaluation->sendmail = connection->sendmail && settings->signing.relaxed_header;
    bool started = evaluation->outcome.originating ? start_signing(evaluation)
                                                   : start_checks(evaluation, connection);
    if (!evaluation->scratch || !started || arena_failed(arena)) {
        evaluation_free(evaluation);
        return NULL;
    }
    return evaluation;
}

void evaluation_recipient(struct evaluation *evaluation, struct bytes address)
{
    if (!evaluation->outcome.originating)
        report_guard_recipient(&evaluation->guard, address);
}

/* ---- header fields ---- */

/* Behind trusted relays stands the first client that is none. */
static void seek_client(struct evaluation *evaluation, struct bytes value)
{
    struct ip client;
    struct bytes helo;
    evaluation->seeking_client = false;
    if (!received_client(value, &client, &helo)) {
        evaluation->spf.client = (struct ip){.family = IP_NONE};
        return;
    }
    evaluation->spf.client = client;
    evaluation->spf.helo = arena_bytes(evaluation->arena, helo);
    if (host_set_contains(evaluation->settings->trusted_relays, &client, BYTES_EMPTY))
        evaluation->seeking_client = true;
    else
        start_spf(evaluation);
}

static void keep_from(struct evaluation *evaluation, struct bytes value)
{
    if (evaluation->from_count < FROM_FIELDS_KEPT)
        evaluation->from[evaluation->from_count++] = arena_bytes(evaluation->arena, value);
}

/* Over the limit nothing is kept any more, and the message has no valid From. */
static bool within_limits(struct evaluation *evaluation, struct bytes name, struct bytes value)
{
    const struct limits *limits = &evaluation->settings->limits;
    evaluation->header_fields++;
    evaluation->header_bytes += name.len + value.len + 3;
    if (evaluation->header_fields > limits->maximum_header_fields ||
        evaluation->header_bytes > limits->maximum_header_bytes)
        evaluation->header_overflow = true;
    return !evaluation->header_overflow;
}

void evaluation_header(struct evaluation *evaluation, struct bytes name, struct bytes value)
{
    name = bytes_trim(name); /* "From :" is a From field (RFC 5322 4.5) */
    header_edits_see(&evaluation->edits, name, value);
    /* It has the same limits, and must see when they are passed: a hash over part of
     * the header would let the rest through unseen. */
    if (!evaluation->outcome.originating)
        dkim_verifier_header(evaluation->dkim, name, value);
    if (!within_limits(evaluation, name, value))
        return;
    if (bytes_is(name, "From"))
        keep_from(evaluation, value);
    if (evaluation->outcome.originating) {
        if (evaluation->sendmail)
            value = sendmail_form(evaluation->arena, name, value);
        originate_header(evaluation->originate, name, value);
        return;
    }
    report_guard_header(&evaluation->guard, evaluation->scratch, name, value);
    if (bytes_is(name, "List-Id") || bytes_is(name, "List-Post"))
        evaluation->has_list_fields = true;
    else if (evaluation->seeking_client && bytes_is(name, "Received"))
        seek_client(evaluation, value);
}

static void find_author(struct evaluation *evaluation)
{
    struct author *author = &evaluation->outcome.author;
    if (!evaluation->header_overflow) {
        author_find(evaluation->arena, evaluation->from, evaluation->from_count, author);
        return;
    }
    const struct limits *limits = &evaluation->settings->limits;
    author->status = AUTHOR_SYNTAX;
    author->reason =
        arena_printf(evaluation->arena, "header is larger than %u fields or %zu octets",
                     limits->maximum_header_fields, limits->maximum_header_bytes);
}

/* Both domains end in the same two labels or more: their walks may be needed
 * to tell whether they are aligned. */
static bool may_be_aligned(struct domain a, struct domain b)
{
    struct domain tail = domain_tail(a, 2);
    return tail.labels == 2 && domain_within(b, tail);
}

/* The names of the author's walk, and those of the SPF domain's that differ. */
static void prefetch_walks(struct evaluation *evaluation)
{
    struct domain author = evaluation->outcome.author.domain;
    struct bytes mail_from = evaluation->spf.mail_from;
    struct domain sender = mail_from.len ? domain_of_address(evaluation->arena, mail_from)
                                         : domain_parse(evaluation->arena, evaluation->spf.helo);
    dmarc_prefetch(evaluation->dns, author);
    if (!domain_equal(author, sender) && may_be_aligned(author, sender))
        dmarc_prefetch(evaluation->dns, sender);
}

void evaluation_end_of_headers(struct evaluation *evaluation)
{
    evaluation->header_ended = true;
    find_author(evaluation);
    if (evaluation->outcome.originating) {
        originate_end_of_headers(evaluation->originate, &evaluation->outcome.author);
        return;
    }
    if (evaluation->seeking_client) { /* only trusted relays, or no Received at all */
        evaluation->seeking_client = false;
        evaluation->spf.client = (struct ip){.family = IP_NONE};
    }
    if (evaluation->outcome.author.status == AUTHOR_OK)
        prefetch_walks(evaluation);
    dkim_verifier_end_of_headers(evaluation->dkim);
    advance(evaluation);
}

/* ---- body ---- */

bool evaluation_needs_body(const struct evaluation *evaluation)
{
    return evaluation->outcome.originating ? originate_needs_body(evaluation->originate)
                                           : dkim_verifier_needs_body(evaluation->dkim);
}

void evaluation_body(struct evaluation *evaluation, struct bytes chunk)
{
    if (!evaluation_needs_body(evaluation))
        return;
    if (evaluation->outcome.originating) {
        originate_body(evaluation->originate, chunk);
    } else {
        dkim_verifier_body(evaluation->dkim, chunk);
        advance(evaluation);
    }
}

/* ---- end of message ---- */

static void check_spf(struct evaluation *evaluation)
{
    struct outcome *outcome = &evaluation->outcome;
    outcome->spf.want_explanation =
        evaluation->settings->spf_explanation || evaluation->settings->explain;
    unsigned before = keep_back_from_spf(evaluation);
    spf_check(evaluation->env, evaluation->dns, evaluation->arena, &evaluation->spf, &outcome->spf);
    dns_session_keep_back(evaluation->dns, before);
}

/* Last, since nothing hangs on it: what it costs in lookups and time is not taken
 * from DMARC. */
static void check_helo(struct evaluation *evaluation)
{
    struct outcome *outcome = &evaluation->outcome;
    if (!evaluation->settings->check_helo || outcome->spf.null_sender)
        return;
    struct spf_request helo = evaluation->spf;
    helo.scope = SPF_SCOPE_HELO;
    spf_check(evaluation->env, evaluation->dns, evaluation->arena, &helo, &outcome->helo_spf);
}

static void find_organizational_domain(struct evaluation *evaluation)
{
    struct dmarc_walk walk;
    struct dmarc_result *dmarc = &evaluation->outcome.dmarc;
    if (!domain_is_none(dmarc->organizational_domain))
        return;
    dmarc_walk(evaluation->dns, evaluation->arena, dmarc->from_domain, &walk);
    if (!walk.temporary_error)
        dmarc->organizational_domain = walk.organizational;
}

static void check_dmarc(struct evaluation *evaluation)
{
    struct outcome *outcome = &evaluation->outcome;
    if (outcome->author.status == AUTHOR_OK) {
        dmarc_evaluate(evaluation->dns, evaluation->arena, outcome->author.domain, &outcome->spf,
                       &outcome->dkim, &outcome->dmarc);
        if (evaluation->settings->explain)
            find_organizational_domain(evaluation);
        return;
    }
    /* RFC 9989 5.3.1, 11.5: without exactly one author domain there is nothing to validate. */
    outcome->dmarc.result = AUTH_PERMERROR;
    outcome->dmarc.reason = outcome->author.reason;
}

static void judge(struct evaluation *evaluation, const char *queue_id)
{
    struct outcome *outcome = &evaluation->outcome;
    const struct evidence evidence = {
        .author = &outcome->author,
        .spf = &outcome->spf,
        .dkim = &outcome->dkim,
        .dmarc = &outcome->dmarc,
        .has_list_fields = evaluation->has_list_fields,
        .queue_id = queue_id ? queue_id : "NOQUEUE",
    };
    verdict_decide(evaluation->arena, evaluation->settings, &evidence, &outcome->verdict);
}

/* Off by default; then, and for mail that nobody need be told of, it costs nothing. */
static void make_failure_event(struct evaluation *evaluation, const char *queue_id)
{
    const struct policy_env *env = evaluation->env;
    if (!evaluation->settings->failure_reports)
        return;
    const struct failure_input input = {
        .settings = evaluation->settings,
        .dns = evaluation->dns,
        .fields = dkim_verifier_fields(evaluation->dkim),
        .mail_from = evaluation->spf.mail_from,
        .queue_id = queue_id,
        .time = env->epoch(env->clock),
    };
    evaluation->outcome.failure =
        failure_event_make(evaluation->arena, &evaluation->outcome, &input);
}

static void evaluate(struct evaluation *evaluation, const char *queue_id)
{
    const struct policy_env *env = evaluation->env;
    int64_t begin = env->monotonic_us(env->clock);
    dns_session_set_deadline(evaluation->dns,
                             begin + evaluation->settings->limits.message_deadline_us);
    check_spf(evaluation);
    dkim_verifier_finish(evaluation->dkim, &evaluation->outcome.dkim);
    check_dmarc(evaluation);
    check_helo(evaluation);
    evaluation->outcome.report_guard =
        report_guard_verdict(&evaluation->guard, evaluation->outcome.author.address);
    judge(evaluation, queue_id);
    make_failure_event(evaluation, queue_id);
    header_edits_add_results(&evaluation->edits, &evaluation->outcome);
    evaluation->outcome.dns = dns_session_stats(evaluation->dns);
    evaluation->outcome.lookups = dns_session_lookups(evaluation->dns);
    evaluation->outcome.elapsed_us = env->monotonic_us(env->clock) - begin;
}

static void sign(struct evaluation *evaluation)
{
    struct outcome *outcome = &evaluation->outcome;
    originate_finish(evaluation->originate, &outcome->signing);
    header_edits_add_signatures(&evaluation->edits, outcome);
    outcome->verdict = (struct verdict){
        .smtp_code = "250",
        .enhanced_code = "2.0.0",
        .smtp_text = "",
        .reason = "originating mail is not checked",
        .disposition = DMARC_POLICY_NONE,
        .override_comment = "",
    };
}

const struct outcome *evaluation_finish(struct evaluation *evaluation, const char *queue_id)
{
    struct outcome *outcome = &evaluation->outcome;
    if (!evaluation->header_ended) /* an MTA that left it out: no reason to let a forger through */
        evaluation_end_of_headers(evaluation);
    outcome->client = evaluation->spf.client;
    outcome->helo = printable(evaluation->arena, evaluation->spf.helo);
    outcome->mail_from = printable(evaluation->arena, evaluation->spf.mail_from);
    if (outcome->originating)
        sign(evaluation);
    else
        evaluate(evaluation, queue_id);
    header_edits_list(&evaluation->edits, outcome);
    if (arena_failed(evaluation->arena)) {
        outcome->out_of_memory = true;
        outcome->verdict = verdict_out_of_memory;
        outcome->removal_count = outcome->addition_count = 0;
        outcome->failure = NULL;
    }
    return outcome;
}

void evaluation_free(struct evaluation *evaluation)
{
    if (!evaluation)
        return;
    originate_free(evaluation->originate);
    dkim_verifier_free(evaluation->dkim);
    dns_session_free(evaluation->dns);
    arena_free(evaluation->scratch);
    arena_free(evaluation->arena);
}

bool policy_global_init(void)
{
    spf_global_init();
    return dkim_global_init();
}

void policy_global_cleanup(void)
{
    dkim_global_cleanup();
    spf_global_cleanup();
}
