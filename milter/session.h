/* session.h - the state of one connection of the MTA and of the message on it.
 *
 * No libmilter in here but its types: callbacks.c translates. A connection
 * carries any number of messages; session_abort() is legal at any stage.
 * Callbacks of one session come one after the other, from changing threads.
 *
 * Running out of memory never fails a call: the message then ends as a
 * temporary failure (session_finish()).
 */
#ifndef ASSAY_SESSION_H
#define ASSAY_SESSION_H

#include "context.h"
#include "evaluate.h"
#include "negotiate.h"

#include <sys/socket.h>

struct session;

/* NULL when out of memory. `over_limit`: there are too many connections, this
 * one shall be refused. */
struct session *session_new(const struct granted *granted, bool over_limit);

/* Ends a message in flight, too. NULL is allowed. */
void session_free(struct session *session);

const struct granted *session_granted(const struct session *session);
bool session_over_limit(const struct session *session);

/* The client. `hostname` is libmilter's, `client_name` the confirmed name or
 * empty, mta_name the MTA's own name ({j}) or NULL; address may be NULL. */
void session_connect(struct session *session, const char *hostname, struct bytes client_name,
                     const struct sockaddr *address, const char *mta_name);

/* {daemon_name} of this connection; NULL: none. After session_connect(). */
void session_set_daemon_name(struct session *session, const char *name);

/* Whether the MTA is Sendmail. After session_connect(). */
void session_set_sendmail(struct session *session, bool sendmail);

/* HELO or EHLO; comes again after STARTTLS. NULL is taken as empty. */
void session_helo(struct session *session, const char *name);

/* A message begins. Takes over the reference of runtime; NULL:
 * the message will fail for now. `path` is the argument
 * of MAIL FROM, with or without "<>"; NULL is taken as the null reverse-path. */
void session_mail(struct session *session, struct runtime *runtime, const char *path,
                  bool authenticated);

void session_recipient(struct session *session, const char *path);

/* As the MTA gives them: without SMFIP_HDR_LEADSPC it has eaten one space. */
void session_header(struct session *session, const char *name, const char *value);

void session_end_of_headers(struct session *session);

/* False when no further octets of this body are of use. */
bool session_body(struct session *session, const void *octets, size_t len);

/* Never NULL; lives until session_abort() or the next message. queue_id may be NULL. */
const struct outcome *session_finish(struct session *session, const char *queue_id);

/* Notes for the reports what the MTA is about to be told: only what is final, and nothing
 * when no reports are sent. queue_id may be NULL. */
void session_record(const struct session *session, const struct outcome *outcome,
                    const char *queue_id);

/* Forgets the message, if there is one. */
void session_abort(struct session *session);

/* The outcome of a message for which there is no memory, and of one on a
 * connection over the limit: out_of_memory is set, so only `verdict` counts. */
extern const struct outcome session_outcome_no_memory;
extern const struct outcome session_outcome_over_limit;

/* The address in an SMTP path: without "<>", source route (RFC 5321 4.1.1.3) and
 * white space around it. */
struct bytes session_path_address(const char *path);

#endif
