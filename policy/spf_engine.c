/* spf_engine.c - libspf2 behind the shield; the only file that knows it.
 *
 * Debian 12's libspf2 1.2.10 must not see a record as published: a TXT of 509
 * octets ends the process (CVE-2023-42118), records over 511 octets lose their
 * tail, limits are counted anew in every include. So it gets only text that
 * is composed here from numbers:
 *
 *     v=spf1 -include:t65537.x +exists:t65538.x ?all redirect=t65540.x
 *
 * and neutral identities. Its three hooks lead back to the caller: get_spf asks
 * for the record of a tag, lookup asks whether an "exists" matches, get_exp is never
 * needed because no record has an exp.
 *
 * A record whose first step matches for certain, or that has none, has its result without it. A
 * server of libspf2 is made ready for many checks: it asks for the name of the host and compiles
 * an explanation whenever one is made.
 *
 * libspf2 calls abort() when lookup returns NULL; so one empty answer is
 * allocated beforehand. Where its own allocations fail (SPF_server_new_dns(), measured) it
 * calls its error handler, and then abort(): our handler jumps out instead. What was
 * allocated until then is lost, some hundred octets, and the check is a
 * temporary error; the process lives on.
 */
#include <stddef.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <spf2/spf.h>
#include <spf2/spf_dns.h>

#include "bytes.h"
#include "spf.h"
#include "spf_engine.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_TEXT_MAX = 32,                            /* "redirect=t4294967295.x", a space, NUL */
    TEXT_MAX = 16 + SPF_STEPS_MAX * STEP_TEXT_MAX, /* a whole record */
    NO_LIMIT = 1000,                               /* we count the terms ourselves */
    ENGINES_KEPT = 16,                             /* for as many threads at a time */
};

#define TOP_DOMAIN "t0.x"

/* One check. */
struct run {
    const struct spf_engine_calls *calls;
    struct engine *engine;
    struct spf_step top[SPF_STEPS_MAX]; /* of SPF_TAG_TOP */
    int top_count;
    bool stopped; /* a call ended the evaluation */
};

/* What libspf2 needs for one check at a time. */
struct engine {
    SPF_dns_server_t dns;  /* its hook is the struct run */
    SPF_server_t *server;  /* NULL: not made yet */
    SPF_dns_rr_t *reserve; /* for lookup() when out of memory; NULL once handed out */
};

static _Atomic(struct engine *) idle[ENGINES_KEPT]; /* NULL: none, or in use */

static void engine_free(struct engine *engine);

/* Where the error handler of this thread jumps to; NULL: nowhere. */
static _Thread_local jmp_buf *escape;

__attribute__((noreturn)) static void on_error(const char *file, int line, const char *text)
{
    (void)file, (void)line, (void)text;
    if (escape)
        longjmp(*escape, 1);
    __builtin_trap(); /* libspf2 was called without us: it would abort() now */
}

void spf_global_init(void)
{
    SPF_error_handler = on_error;
    SPF_warning_handler = NULL;
    SPF_info_handler = NULL;
    SPF_debug_handler = NULL;
}

void spf_global_cleanup(void)
{
    for (size_t i = 0; i < ENGINES_KEPT; i++)
        engine_free(atomic_exchange(&idle[i], NULL));
}

/* "t65537.x" or "t65537.x." -> 65537. All names come from our own text. */
static bool tag_of(const char *domain, unsigned *tag)
{
    unsigned long long number;
    struct bytes name = bytes_of(domain);
    size_t dot = bytes_find(name, '.');
    if (name.len == 0 || name.data[0] != 't' || dot == name.len ||
        !bytes_to_number(bytes_slice(name, 1, dot - 1), UINT32_MAX, &number))
        return false;
    *tag = (unsigned)number;
    return true;
}

static char qualifier_sign(enum auth_result qualifier)
{
    switch (qualifier) {
    case AUTH_FAIL:
        return '-';
    case AUTH_SOFTFAIL:
        return '~';
    case AUTH_NEUTRAL:
        return '?';
    default:
        return '+';
    }
}

/* Appends one step to text[TEXT_MAX]; returns the new length. */
static size_t append_step(char *text, size_t len, const struct spf_step *step)
{
    char sign = qualifier_sign(step->qualifier);
    int added = 0;
    switch (step->kind) {
    case SPF_STEP_ALL:
        added = snprintf(text + len, TEXT_MAX - len, " %call", sign);
        break;
    case SPF_STEP_TEST:
        added = snprintf(text + len, TEXT_MAX - len, " %cexists:t%u.x", sign, step->tag);
        break;
    case SPF_STEP_INCLUDE:
        added = snprintf(text + len, TEXT_MAX - len, " %cinclude:t%u.x", sign, step->tag);
        break;
    case SPF_STEP_REDIRECT:
        added = snprintf(text + len, TEXT_MAX - len, " redirect=t%u.x", step->tag);
        break;
    }
    return len + (size_t)(added > 0 ? added : 0);
}

/* The get_spf hook: compiles the steps of the current record. */
static SPF_errcode_t get_spf(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
                             SPF_record_t **record)
{
    struct run *run = server->resolver->hook;
    struct spf_step own[SPF_STEPS_MAX], *steps = own;
    unsigned tag;
    int count = -1;
    if (!run->stopped && tag_of(request->cur_dom, &tag)) {
        steps = tag == SPF_TAG_TOP ? run->top : own;
        count =
            tag == SPF_TAG_TOP ? run->top_count : run->calls->record(run->calls->context, tag, own);
    }
    if (count < 0) {
        run->stopped = true;
        response->result = SPF_RESULT_TEMPERROR;
        response->reason = SPF_REASON_FAILURE;
        return SPF_E_DNS_ERROR;
    }
    char text[TEXT_MAX] = "v=spf1";
    size_t len = strlen(text);
    for (int i = 0; i < count; i++)
        len = append_step(text, len, &steps[i]);
    return SPF_record_compile(server, response, record, text);
}

static SPF_errcode_t get_exp(SPF_server_t *server, const char *domain, char **text, size_t *size)
{
    (void)server, (void)domain, (void)text, (void)size;
    return SPF_E_NOT_SPF;
}

static SPF_dns_rr_t *new_answer(SPF_dns_server_t *dns, const char *domain, ns_type type,
                                SPF_dns_stat_t status)
{
    struct run *run = dns->hook;
    SPF_dns_rr_t *answer = SPF_dns_rr_new_init(dns, domain, type, 0, status);
    if (!answer) { /* NULL would end the process; a temporary error ends the evaluation */
        answer = run->engine->reserve;
        run->engine->reserve = NULL;
        run->stopped = true;
    }
    return answer;
}

/* The lookup hook: one address says that an "exists" matches. */
static SPF_dns_rr_t *look_up(SPF_dns_server_t *dns, const char *domain, ns_type type,
                             int should_cache)
{
    struct run *run = dns->hook;
    unsigned tag;
    int match = -1;
    (void)should_cache;
    if (!run->stopped && type == ns_t_a && tag_of(domain, &tag))
        match = run->calls->test(run->calls->context, tag);
    if (match < 0)
        run->stopped = true;
    if (match <= 0)
        return new_answer(dns, domain, type, match < 0 ? TRY_AGAIN : HOST_NOT_FOUND);

    SPF_dns_rr_t *answer = new_answer(dns, domain, type, NETDB_SUCCESS);
    if (run->stopped)
        return answer;
    if (SPF_dns_rr_buf_realloc(answer, 0, sizeof(answer->rr[0]->a)) != SPF_E_SUCCESS) {
        answer->herrno = TRY_AGAIN;
        run->stopped = true;
        return answer;
    }
    answer->rr[0]->a.s_addr = htonl(INADDR_LOOPBACK + 1);
    answer->num_rr = 1;
    return answer;
}

static enum auth_result result_of(SPF_result_t result)
{
    switch (result) {
    case SPF_RESULT_PASS:
        return AUTH_PASS;
    case SPF_RESULT_FAIL:
        return AUTH_FAIL;
    case SPF_RESULT_SOFTFAIL:
        return AUTH_SOFTFAIL;
    case SPF_RESULT_NEUTRAL:
        return AUTH_NEUTRAL;
    default:
        return AUTH_TEMPERROR;
    }
}

/* Identities that stand for nobody; 192.0.2.1 is not loopback, which libspf2
 * would let pass. */
static bool set_identities(SPF_request_t *request)
{
    struct in_addr nobody = {.s_addr = htonl(0xc0000201)};
    return SPF_request_set_ipv4(request, nobody) == SPF_E_SUCCESS &&
           SPF_request_set_helo_dom(request, TOP_DOMAIN) == SPF_E_SUCCESS &&
           SPF_request_set_env_from(request, "postmaster@" TOP_DOMAIN) == SPF_E_SUCCESS;
}

/* Both settings are made lest libspf2 asks gethostname(), or expands its own
 * explanation with a dead web site in it. */
static bool set_up(SPF_server_t *server)
{
    SPF_response_t *response = NULL;
    SPF_errcode_t domain = SPF_server_set_rec_dom(server, TOP_DOMAIN);
    SPF_errcode_t explanation = SPF_server_set_explanation(server, "x", &response);
    if (response)
        SPF_response_free(response);
    SPF_server_set_max_dns_mech(server, NO_LIMIT);
    return domain == SPF_E_SUCCESS && explanation == SPF_E_SUCCESS;
}

static enum auth_result evaluate(struct run *run)
{
    enum auth_result result = AUTH_TEMPERROR;
    SPF_request_t *request = SPF_request_new(run->engine->server);
    SPF_response_t *response = NULL;
    if (request && set_identities(request)) {
        SPF_request_query_mailfrom(request, &response);
        if (response && !run->stopped)
            result = result_of(SPF_response_result(response));
    }
    if (response)
        SPF_response_free(response);
    if (request)
        SPF_request_free(request);
    return result;
}

static void engine_free(struct engine *engine)
{
    if (engine && engine->server)
        SPF_server_free(engine->server);
    if (engine && engine->reserve)
        SPF_dns_rr_free(engine->reserve);
    free(engine);
}

/* One that is idle, or a new one without a server; NULL when out of memory. */
static struct engine *engine_take(void)
{
    for (size_t i = 0; i < ENGINES_KEPT; i++) {
        struct engine *engine = atomic_load(&idle[i]) ? atomic_exchange(&idle[i], NULL) : NULL;
        if (engine)
            return engine;
    }
    struct engine *engine = calloc(1, sizeof(*engine));
    if (engine)
        engine->dns = (SPF_dns_server_t){
            .lookup = look_up, .get_spf = get_spf, .get_exp = get_exp, .name = "shield"};
    return engine;
}

static void engine_give_back(struct engine *engine)
{
    engine->dns.hook = NULL;
    for (size_t i = 0; i < ENGINES_KEPT && engine; i++) {
        if (!atomic_load(&idle[i]))
            engine = atomic_exchange(&idle[i], engine);
    }
    engine_free(engine);
}

/* A server that is not set up to the end is none. */
static bool make_ready(struct engine *engine)
{
    if (!engine->reserve)
        engine->reserve = SPF_dns_rr_new_init(&engine->dns, TOP_DOMAIN, ns_t_a, 0, TRY_AGAIN);
    if (!engine->server && engine->reserve) {
        engine->server = SPF_server_new_dns(&engine->dns, 0);
        if (engine->server && !set_up(engine->server)) {
            SPF_server_free(engine->server);
            engine->server = NULL;
        }
    }
    return engine->server && engine->reserve;
}

/* False when libspf2 gave up: what it has made then is lost. */
static bool serve_guarded(struct run *run, enum auth_result *result)
{
    jmp_buf here;
    bool good = false;
    escape = &here;
    if (setjmp(here) == 0) {
        *result = make_ready(run->engine) ? evaluate(run) : AUTH_TEMPERROR;
        good = true;
    }
    escape = NULL;
    return good;
}

static enum auth_result ask_libspf2(struct run *run)
{
    enum auth_result result = AUTH_TEMPERROR;
    struct engine *engine = run->engine = engine_take();
    if (!engine)
        return AUTH_TEMPERROR;
    engine->dns.hook = run;
    if (serve_guarded(run, &result)) {
        engine_give_back(engine);
        return result;
    }
    if (engine->reserve)
        SPF_dns_rr_free(engine->reserve);
    free(engine);
    return AUTH_TEMPERROR;
}

enum auth_result spf_engine_run(const struct spf_engine_calls *calls)
{
    struct run run = {.calls = calls};
    run.top_count = calls->record(calls->context, SPF_TAG_TOP, run.top);
    if (run.top_count < 0)
        return AUTH_TEMPERROR;
    if (run.top_count == 0)
        return AUTH_NEUTRAL; /* 4.7 */
    if (run.top[0].kind == SPF_STEP_ALL)
        return run.top[0].qualifier; /* 4.6.2 */
    return ask_libspf2(&run);
}
