/* session.c - the state of one connection and of its message; see session.h. */
#include "session.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

/* Settings with the MTA's own name for authserv-id, see own_settings(). */
struct named_settings {
    struct policy_settings settings;
    const char *ids[]; /* the MTA's name, then those of the configuration */
};

struct session {
    struct granted granted;
    bool over_limit;

    /* the connection */
    struct ip client;
    bool local, sendmail;
    char *client_name, *helo, *mta_name, *daemon_name; /* owned; NULL: none */
    bool incomplete; /* no memory for one of them: its messages cannot be judged */

    /* the message; nothing of it is set between messages */
    bool in_message;
    bool failed;        /* no memory for a part of it */
    unsigned in_flight; /* token of context_message_began() */
    struct runtime *runtime;
    struct named_settings *settings; /* NULL: those of the runtime */
    struct evaluation *evaluation;   /* NULL: no memory */
};

/* Outcomes of messages that were never evaluated. */
#define NOT_EVALUATED(enhanced, text, why)                                                         \
    {                                                                                              \
        .out_of_memory = true, .verdict = {                                                        \
            .action = ACTION_TEMPFAIL,                                                             \
            .intended = ACTION_TEMPFAIL,                                                           \
            .smtp_code = "451",                                                                    \
            .enhanced_code = (enhanced),                                                           \
            .smtp_text = (text),                                                                   \
            .reason = (why),                                                                       \
            .override_comment = "",                                                                \
        }                                                                                          \
    }

const struct outcome session_outcome_no_memory =
    NOT_EVALUATED("4.3.0", "Local resources exhausted, please try again later", "out of memory");

const struct outcome session_outcome_over_limit = NOT_EVALUATED(
    "4.3.2", "Too many connections, please try again later", "more than MaximumConnections");

static const struct outcome outcome_stopping =
    NOT_EVALUATED("4.3.2", "Service is stopping, please try again later", "assayd is stopping");

struct session *session_new(const struct granted *granted, bool over_limit)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    session->granted = *granted;
    session->over_limit = over_limit;
    return session;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    session_abort(session);
    free(session->client_name);
    free(session->helo);
    free(session->mta_name);
    free(session->daemon_name);
    free(session);
}

const struct granted *session_granted(const struct session *session)
{
    return &session->granted;
}

bool session_over_limit(const struct session *session)
{
    return session->over_limit;
}

/* A name that we had no memory for is not an unknown one: forged results that bear
 * the MTA's would stay. */
static void replace(struct session *session, char **string, struct bytes value)
{
    free(*string);
    *string = value.len ? strndup(value.data, value.len) : NULL;
    if (value.len && !*string)
        session->incomplete = true;
}

/* No address: Sendmail says "localhost" for what its own host submits, Postfix
 * gives 127.0.0.1 for that; anything else without an address is a stranger. */
static bool is_local(const char *hostname, const struct sockaddr *address)
{
    if (address)
        return address->sa_family == AF_UNIX;
    return hostname && bytes_is(bytes_of(hostname), "localhost");
}

void session_connect(struct session *session, const char *hostname, struct bytes client_name,
                     const struct sockaddr *address, const char *mta_name)
{
    session_abort(session);
    session->client = ip_of_sockaddr(address);
    session->local = is_local(hostname, address);
    session->incomplete = false;
    replace(session, &session->client_name, client_name);
    replace(session, &session->mta_name, bytes_of(mta_name));
    replace(session, &session->daemon_name, BYTES_EMPTY);
    replace(session, &session->helo, BYTES_EMPTY);
}

void session_set_daemon_name(struct session *session, const char *name)
{
    replace(session, &session->daemon_name, bytes_of(name));
}

void session_set_sendmail(struct session *session, bool sendmail)
{
    session->sendmail = sendmail;
}

void session_helo(struct session *session, const char *name)
{
    replace(session, &session->helo, bytes_of(name));
}

struct bytes session_path_address(const char *path)
{
    struct bytes address = bytes_trim(bytes_of(path));
    if (address.len >= 2 && address.data[0] == '<' && address.data[address.len - 1] == '>')
        address = bytes_slice(address, 1, address.len - 2);
    address = bytes_trim(address);
    if (address.len && address.data[0] == '@') {
        size_t colon = bytes_find(address, ':');
        if (colon < address.len)
            address = bytes_slice(address, colon + 1, address.len);
    }
    return address;
}

/* When AuthservID is not configured, results bear the name that the MTA goes by,
 * rather than that of the machine (RFC 8601 2.5: the administrator of the MTA
 * chooses). Fields with either name are forged when they come from outside. */
static const struct policy_settings *own_settings(struct session *session)
{
    const struct config *config = session->runtime->config;
    const struct policy_settings *settings = &config->policy;
    const char *name = session->mta_name;
    if (!config->values[OPTION_AuthservID].is_default || !name ||
        strcmp(name, settings->authserv_id) == 0)
        return settings;
    size_t count = settings->own_ids.count;
    struct named_settings *own = malloc(sizeof(*own) + (count + 1) * sizeof(own->ids[0]));
    if (!own) {
        session->failed = true;
        return settings;
    }
    own->settings = *settings;
    own->settings.authserv_id = name;
    own->ids[0] = name;
    if (count)
        memcpy(own->ids + 1, settings->own_ids.ids, count * sizeof(own->ids[0]));
    own->settings.own_ids = (struct authserv_ids){own->ids, count + 1};
    session->settings = own;
    return &own->settings;
}

void session_mail(struct session *session, struct runtime *runtime, const char *path,
                  bool authenticated)
{
    session_abort(session);
    session->in_message = true;
    session->in_flight = context_message_began();
    session->runtime = runtime;
    if (session->over_limit || !runtime) /* none: the process is about to end */
        return;
    const struct connection connection = {
        .client = session->client,
        .local = session->local,
        .client_name = bytes_of(session->client_name),
        .helo = bytes_of(session->helo),
        .authenticated = authenticated,
        .daemon_name = bytes_of(session->daemon_name),
        .sendmail = session->sendmail,
    };
    session->evaluation = evaluation_new(&runtime->env, own_settings(session), &connection,
                                         session_path_address(path));
}

void session_recipient(struct session *session, const char *path)
{
    if (session->evaluation)
        evaluation_recipient(session->evaluation, session_path_address(path));
}

/* The MTA has taken the one space away that nearly every field has (RFC 6376
 * 3.4.1 hashes it), so it is put back; whether it was really there we cannot know. */
static void header_with_space(struct session *session, struct bytes name, struct bytes value)
{
    char *spaced = malloc(value.len + 1);
    if (!spaced) {
        session->failed = true;
        return;
    }
    spaced[0] = ' ';
    if (value.len)
        memcpy(spaced + 1, value.data, value.len);
    evaluation_header(session->evaluation, name, (struct bytes){spaced, value.len + 1});
    free(spaced);
}

void session_header(struct session *session, const char *name, const char *value)
{
    if (!session->evaluation)
        return;
    if (session->granted.steps & SMFIP_HDR_LEADSPC)
        evaluation_header(session->evaluation, bytes_of(name), bytes_of(value));
    else
        header_with_space(session, bytes_of(name), bytes_of(value));
}

void session_end_of_headers(struct session *session)
{
    if (session->evaluation)
        evaluation_end_of_headers(session->evaluation);
}

bool session_body(struct session *session, const void *octets, size_t len)
{
    if (!session->evaluation || !evaluation_needs_body(session->evaluation))
        return false;
    if (octets && len)
        evaluation_body(session->evaluation, (struct bytes){octets, len});
    return true;
}

const struct outcome *session_finish(struct session *session, const char *queue_id)
{
    if (session->over_limit)
        return &session_outcome_over_limit;
    if (session->in_message && !session->runtime)
        return &outcome_stopping;
    if (!session->evaluation || session->failed || session->incomplete)
        return &session_outcome_no_memory;
    return evaluation_finish(session->evaluation, queue_id);
}

void session_record(const struct session *session, const struct outcome *outcome,
                    const char *queue_id)
{
    struct recorder *recorder = context_recorder();
    if (!recorder || outcome->out_of_memory || !session->runtime)
        return;
    const struct policy_env *env = &session->runtime->env;
    recorder_message(recorder, outcome, env->epoch(env->clock), queue_id);
}

void session_abort(struct session *session)
{
    if (!session->in_message)
        return;
    evaluation_free(session->evaluation);
    free(session->settings);
    runtime_unref(session->runtime);
    context_message_ended(session->in_flight);
    session->evaluation = NULL;
    session->settings = NULL;
    session->runtime = NULL;
    session->in_message = session->failed = false;
}
