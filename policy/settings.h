/* settings.h - the local policy that an evaluation follows; immutable.
 *
 * config/ fills it from assay.conf; the option with the same name documents
 * each member.
 */
#ifndef ASSAY_SETTINGS_H
#define ASSAY_SETTINGS_H

#include "authres.h"
#include "bounds.h"
#include "dkim_sign.h"
#include "host_set.h"
#include "policy_table.h"

enum mode {
    MODE_ENFORCE,
    MODE_MONITOR, /* everything is computed, logged and written, every message accepted */
};

/* What is done with a message, from mild to severe. */
enum action {
    ACTION_ACCEPT,
    ACTION_TAG,        /* accept, with the TagHeader field */
    ACTION_QUARANTINE, /* the milter's quarantine: Postfix hold queue, Sendmail quarantine */
    ACTION_TEMPFAIL,   /* 451 */
    ACTION_REJECT,     /* 550 */
};

/* "accept", "tag", "quarantine", "tempfail", "reject". */
const char *action_name(enum action action);

/* What is done when DNS kept us from judging. */
enum temp_error_action {
    TEMP_ERROR_POLICY, /* tempfail when the policy is known and asks for more than none, else accept
                        */
    TEMP_ERROR_ACCEPT,
    TEMP_ERROR_TEMPFAIL,
};

struct policy_settings {
    enum mode mode;
    const char *authserv_id;              /* AuthservID */
    struct authserv_ids own_ids;          /* AuthservID and AuthservIDAliases */
    struct host_set *internal_hosts;      /* InternalHosts */
    struct host_set *trusted_relays;      /* TrustedRelays */
    struct policy_table *policy_table;    /* PolicyTable; NULL: none */
    enum action on_reject;                /* OnReject: failing under an effective p=reject */
    enum action on_quarantine;            /* OnQuarantine */
    enum temp_error_action on_temp_error; /* OnTempError */
    enum action on_invalid_from;          /* OnInvalidFrom */
    enum action indirect_mail; /* IndirectMail: instead of on_reject for lists and forwarders */
    const char *reject_text;   /* RejectText: {domain} {reason} {policy} {queue-id} */
    const char *tag_header;    /* TagHeader: field name */
    bool check_helo;           /* CheckHelo: evaluate the HELO identity as well */
    bool spf_explanation;      /* SPFExplanation: publisher's text in replies to SPF failures */
    struct signing_settings signing;
    const char *const *signing_daemons; /* SigningDaemonNames: values of {daemon_name} */
    size_t signing_daemon_count;
    const char *report_sender; /* ReportSender: mail to and from it is never reported; NULL: none */
    bool failure_reports;      /* FailureReports: collect what failure reports tell (RFC 9991) */
    bool failure_redaction;    /* FailureReportRedaction */
    uint8_t redaction_key[32]; /* secret of this host (RFC 6590 3): local parts are told by a hash
                                  with it */
    bool explain; /* not an option: `assay check` wants the organizational domain and the
                     publisher's explanation even where the verdict does not depend on them */
    struct limits limits;
};

#endif
