/* callbacks.c - the libmilter callbacks: translate, delegate, translate back.
 *
 * Facts of libmilter that shape this file:
 * - Any argument may be NULL, and so may the session, for want of memory.
 * - The callbacks of one session come from changing threads; nothing here is
 *   thread-local.
 * - After QUIT_NC ("quit, new connection follows") the close callback is called
 *   and then the connect callback again, without negotiation. There is no place
 *   to keep what was granted meanwhile, so the flags that were last granted to
 *   any connection are taken: assayd's MTAs are of one kind. (libmilter itself
 *   corrects a wrong SMFIP_NR_ answer.)
 * - Nothing is decided before the end of the message; only a connection over
 *   MaximumConnections is refused at once.
 */
#include "callbacks.h"

#include "apply.h"
#include "log.h"
#include "macros.h"
#include "session.h"

#include <pthread.h>

static pthread_mutex_t last_granted_lock = PTHREAD_MUTEX_INITIALIZER;
static struct granted last_granted;

static struct granted get_last_granted(void)
{
    pthread_mutex_lock(&last_granted_lock);
    struct granted granted = last_granted;
    pthread_mutex_unlock(&last_granted_lock);
    return granted;
}

/* True when they differ from the connection before: the moment to log. */
static bool set_last_granted(const struct granted *granted)
{
    pthread_mutex_lock(&last_granted_lock);
    bool changed = last_granted.actions != granted->actions || last_granted.steps != granted->steps;
    last_granted = *granted;
    pthread_mutex_unlock(&last_granted_lock);
    return changed;
}

static struct session *session_of(SMFICTX *ctx)
{
    return smfi_getpriv(ctx);
}

static sfsistat go_on(SMFICTX *ctx, unsigned long no_reply)
{
    struct session *session = session_of(ctx);
    struct granted granted = session ? *session_granted(session) : get_last_granted();
    return negotiate_go_on(&granted, no_reply);
}

/* The session of a new connection; NULL when out of memory. */
static struct session *open_session(SMFICTX *ctx, const struct granted *granted, bool over_limit)
{
    struct session *session = session_new(granted, over_limit);
    if (session && smfi_setpriv(ctx, session) == MI_SUCCESS)
        return session;
    session_free(session);
    context_connection_closed();
    return NULL;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);
    if (session) {
        smfi_setpriv(ctx, NULL);
        session_free(session);
        context_connection_closed();
    }
    return SMFIS_CONTINUE;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
                             unsigned long reserved2, unsigned long reserved3,
                             unsigned long *taken_actions, unsigned long *taken_steps,
                             unsigned long *taken2, unsigned long *taken3)
{
    (void)reserved2;
    (void)reserved3;
    on_close(ctx); /* an MTA that negotiates twice */
    bool over_limit = !context_connection_opened();
    struct granted granted = negotiate(actions, steps, over_limit);
    if (!open_session(ctx, &granted, over_limit)) {
        log_error("out of memory: connection of the MTA refused");
        return SMFIS_REJECT;
    }
    const char *missing = negotiate_missing(&granted);
    if (!over_limit && set_last_granted(&granted)) {
        log_debug("negotiated actions 0x%lx of 0x%lx, steps 0x%lx of 0x%lx", granted.actions,
                  actions, granted.steps, steps);
        if (missing)
            log_warning("%s", missing);
    }
    if (granted.actions & SMFIF_SETSYMLIST)
        macros_request(ctx);
    *taken_actions = granted.actions;
    *taken_steps = granted.steps;
    *taken2 = *taken3 = 0;
    return SMFIS_CONTINUE;
}

static sfsistat refuse_connection(SMFICTX *ctx)
{
    const struct verdict *verdict = &session_outcome_over_limit.verdict;
    log_warning("connection of the MTA refused: %s", verdict->reason);
    return apply_refusal(ctx, verdict->smtp_code, verdict->enhanced_code, verdict->smtp_text);
}

static sfsistat on_connect(SMFICTX *ctx, char *hostname, struct sockaddr *address)
{
    struct session *session = session_of(ctx);
    if (!session) { /* after QUIT_NC */
        struct granted granted = get_last_granted();
        session = open_session(ctx, &granted, !context_connection_opened());
    }
    if (!session)
        return go_on(ctx, SMFIP_NR_CONN);
    session_connect(session, hostname, macros_client_name(ctx, hostname), address,
                    macros_mta_name(ctx));
    session_set_daemon_name(session, macros_daemon_name(ctx));
    session_set_sendmail(session, macros_from_sendmail(ctx));
    /* Where silence was promised, the refusal comes with the end of the message. */
    if (session_over_limit(session) && !(session_granted(session)->steps & SMFIP_NR_CONN))
        return refuse_connection(ctx);
    return go_on(ctx, SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    struct session *session = session_of(ctx);
    if (session)
        session_helo(session, name);
    return go_on(ctx, SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **arguments)
{
    struct session *session = session_of(ctx);
    if (session)
        session_mail(session, context_acquire(), arguments ? arguments[0] : NULL,
                     macros_authenticated(ctx));
    return go_on(ctx, SMFIP_NR_MAIL);
}

static sfsistat on_recipient(SMFICTX *ctx, char **arguments)
{
    struct session *session = session_of(ctx);
    if (session)
        session_recipient(session, arguments ? arguments[0] : NULL);
    return go_on(ctx, SMFIP_NR_RCPT);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct session *session = session_of(ctx);
    if (session)
        session_header(session, name, value);
    return go_on(ctx, SMFIP_NR_HDR);
}

static sfsistat on_end_of_headers(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);
    if (session)
        session_end_of_headers(session);
    return go_on(ctx, SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *octets, size_t len)
{
    struct session *session = session_of(ctx);
    bool more = session && session_body(session, octets, len);
    if (!more && session && (session_granted(session)->steps & SMFIP_SKIP))
        return SMFIS_SKIP;
    return SMFIS_CONTINUE;
}

/* Not when the sender shall come again because we could not do what was decided, nor when
 * the MTA delivers what we wanted held: the report would say otherwise. */
static bool was_applied(const struct log_line_facts *facts, sfsistat answer)
{
    return !facts->applied_problem ||
           (answer == SMFIS_CONTINUE && facts->outcome->verdict.action != ACTION_QUARANTINE);
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);
    struct granted granted = session ? *session_granted(session) : get_last_granted();
    const char *queue_id = macros_queue_id(ctx);
    const struct outcome *outcome =
        session ? session_finish(session, queue_id) : &session_outcome_no_memory;
    struct log_line_facts facts = {.queue_id = queue_id, .outcome = outcome};
    sfsistat answer = apply_outcome(ctx, outcome, &granted, &facts.applied_problem);
    /* The MTA has its answer when this function returns: from then on it must be on disk. */
    if (session && was_applied(&facts, answer))
        session_record(session, outcome, queue_id);
    log_message(&facts);
    log_lookups(&facts);
    if (session)
        session_abort(session); /* the message is done; the connection may carry another */
    return answer;
}

static sfsistat on_abort(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);
    if (session)
        session_abort(session);
    return SMFIS_CONTINUE;
}

struct smfiDesc callbacks_description(void)
{
    return (struct smfiDesc){
        .xxfi_name = (char *)"assay",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_recipient,
        .xxfi_header = on_header,
        .xxfi_eoh = on_end_of_headers,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
}
