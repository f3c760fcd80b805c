/* evaluate.h - the evaluation of one message, from MAIL FROM to the outcome.
 *
 * The daemon and `assay check` drive exactly these calls, in the order of SMTP;
 * so the tool explains what the daemon does. One evaluation belongs to one
 * thread at a time and may be freed at any stage.
 *
 *   evaluation_new        MAIL FROM: SPF lookups start
 *   evaluation_recipient  RCPT TO, any number
 *   evaluation_header     each field in order: key and DMARC lookups start
 *   evaluation_end_of_headers
 *   evaluation_body       while evaluation_needs_body()
 *   evaluation_finish     end of message: waits for DNS, decides
 *   evaluation_free
 */
#ifndef ASSAY_EVALUATE_H
#define ASSAY_EVALUATE_H

#include "originate.h"
#include "verdict.h"

/* What is known about the client. Views need to live until evaluation_new() returns. */
struct connection {
    struct ip client;         /* IP_NONE when the MTA gave no Internet address */
    bool local;               /* no address because the message was submitted on the host
                                 itself (AF_UNIX, or none at all from "localhost") */
    struct bytes client_name; /* confirmed host name; empty or "unknown": none */
    struct bytes helo;        /* HELO/EHLO argument, may be empty */
    bool authenticated;       /* SMTP AUTH: {auth_authen} or {auth_type} is set */
    struct bytes daemon_name; /* {daemon_name}; empty: none */
    bool sendmail;            /* the MTA writes address fields anew: see sendmail_form.h */
};

struct header_edit {
    const char *name;
    const char *value; /* for additions: text with LF-and-tab folds, no leading space */
    unsigned index;    /* for removals: 1 = first field of this name */
};

struct failure_event;

struct outcome {
    bool out_of_memory; /* nothing else is valid but `verdict` */
    bool originating;   /* sent by our own users: signed, not checked */
    const char *origin; /* why: "authenticated", "loopback client", "client in InternalHosts",
                           "submitted locally", "SigningDaemonNames"; "" when not originating */
    struct signing_result signing; /* originating only */
    struct ip client;      /* the address evaluated: the client, or what a trusted relay saw */
    const char *helo;      /* printable */
    const char *mail_from; /* printable, without "<>" */
    struct author author;
    struct spf_result spf;      /* MAIL FROM identity */
    struct spf_result helo_spf; /* CheckHelo; `reason` is NULL when not evaluated */
    struct dkim_results dkim;
    struct dmarc_result dmarc;
    struct verdict verdict;
    const char *report_guard; /* why no report may tell of it (report_guard.h); NULL: one may */
    const struct failure_event *failure; /* failure report to be sent (failure_event.h); NULL:
                                            none, or FailureReports is off */
    const char *authentication_results;  /* field value, unfolded; NULL when none is added */
    const struct header_edit *removals;  /* apply in this order (highest index first) */
    size_t removal_count;
    const struct header_edit *additions; /* insert each at index 0, in this order */
    size_t addition_count;
    struct dns_session_stats dns;
    const struct dns_lookup *lookups; /* each lookup, for `assay check` */
    int64_t elapsed_us;               /* inside evaluation_finish() */
};

struct evaluation;

/* `env` and `settings` must outlive it. mail_from without "<>" (empty: null
 * reverse-path). NULL when out of memory. */
struct evaluation *evaluation_new(const struct policy_env *env,
                                  const struct policy_settings *settings,
                                  const struct connection *connection, struct bytes mail_from);

void evaluation_recipient(struct evaluation *evaluation, struct bytes address);

/* `value` is what follows the colon as received, leading white space included. */
void evaluation_header(struct evaluation *evaluation, struct bytes name, struct bytes value);

void evaluation_end_of_headers(struct evaluation *evaluation);

/* Whether body octets are still of use; after evaluation_end_of_headers(). */
bool evaluation_needs_body(const struct evaluation *evaluation);

void evaluation_body(struct evaluation *evaluation, struct bytes chunk);

/* queue_id may be NULL. Never fails: see outcome.out_of_memory. The outcome
 * lives as long as the evaluation. */
const struct outcome *evaluation_finish(struct evaluation *evaluation, const char *queue_id);

/* NULL is allowed. */
void evaluation_free(struct evaluation *evaluation);

/* Once per process before threads start, and at the end. */
bool policy_global_init(void);
void policy_global_cleanup(void);

#endif
