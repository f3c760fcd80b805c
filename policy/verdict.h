/* verdict.h - from results and local policy to one action.
 *
 * RFC 9989 7.4: a message is not rejected on p=reject alone. IndirectMail is
 * the "other knowledge" asked for there: a failing message that shows signs of
 * a mailing list or forwarder is handled by it instead of OnReject.
 */
#ifndef ASSAY_VERDICT_H
#define ASSAY_VERDICT_H

#include "author.h"
#include "dmarc.h"
#include "settings.h"

/* Why the action differs from the published policy (RFC 9990 2.1 reason/type). */
enum override {
    OVERRIDE_NONE,
    OVERRIDE_LOCAL_POLICY,
    OVERRIDE_MAILING_LIST,
    OVERRIDE_TRUSTED_FORWARDER,
    OVERRIDE_POLICY_TEST_MODE,
    OVERRIDE_OTHER,
};

/* "none", "local_policy", "mailing_list", "trusted_forwarder", "policy_test_mode", "other". */
const char *override_name(enum override override);

enum { VERDICT_OVERRIDES_MAX = 4 }; /* t=y, an option, monitor mode: never more than three */

/* One of the reasons why. */
struct override_note {
    enum override type;  /* never OVERRIDE_NONE */
    const char *comment; /* one line; never NULL */
};

/* What the judge looks at. All members are results of this message. */
struct evidence {
    const struct author *author;
    const struct spf_result *spf;
    const struct dkim_results *dkim;
    const struct dmarc_result *dmarc;
    bool has_list_fields; /* List-Id or List-Post is present */
    const char *queue_id; /* "NOQUEUE" when unknown */
};

struct verdict {
    enum action action;        /* what the MTA is told; ACTION_ACCEPT in monitor mode */
    enum action intended;      /* what enforce mode would do; same as action there */
    const char *smtp_code;     /* "250", "451", "550" */
    const char *enhanced_code; /* "2.0.0", "4.7.1", "5.7.1" */
    const char *smtp_text;     /* reply text, one line of printable ASCII, at most 400 octets; ""
                                  for accept */
    const char *reason;        /* one line, why this action */
    enum dmarc_policy disposition; /* what is done in DMARC's words: none quarantine reject */
    enum override override;        /* the decisive one */
    const char *override_comment;  /* one line; "" when none */
    struct override_note overrides[VERDICT_OVERRIDES_MAX]; /* all, in the order they were met: t=y
                                                              may be weakened once more */
    size_t override_count;
};

/* Fills *out; strings live in arena. */
void verdict_decide(struct arena *arena, const struct policy_settings *settings,
                    const struct evidence *evidence, struct verdict *out);

/* For a message that could not be evaluated for want of memory. */
extern const struct verdict verdict_out_of_memory;

#endif
