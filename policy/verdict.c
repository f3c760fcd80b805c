/* verdict.c - from results and local policy to one action; see verdict.h. */
#include "verdict.h"

#include "strbuf.h"

enum { REPLY_TEXT_MAX = 400 }; /* octets; Sendmail and Postfix stand 500 with the codes */

const struct verdict verdict_out_of_memory = {
    .action = ACTION_TEMPFAIL,
    .intended = ACTION_TEMPFAIL,
    .smtp_code = "451",
    .enhanced_code = "4.3.0",
    .smtp_text = "Local resources exhausted, please try again later",
    .reason = "out of memory, or over MessageMemory",
    .disposition = DMARC_POLICY_NONE,
    .override_comment = "",
};

const char *action_name(enum action action)
{
    switch (action) {
    case ACTION_ACCEPT:
        return "accept";
    case ACTION_TAG:
        return "tag";
    case ACTION_QUARANTINE:
        return "quarantine";
    case ACTION_TEMPFAIL:
        return "tempfail";
    case ACTION_REJECT:
        break;
    }
    return "reject";
}

const char *override_name(enum override override)
{
    switch (override) {
    case OVERRIDE_NONE:
        return "none";
    case OVERRIDE_LOCAL_POLICY:
        return "local_policy";
    case OVERRIDE_MAILING_LIST:
        return "mailing_list";
    case OVERRIDE_TRUSTED_FORWARDER:
        return "trusted_forwarder";
    case OVERRIDE_POLICY_TEST_MODE:
        return "policy_test_mode";
    case OVERRIDE_OTHER:
        break;
    }
    return "other";
}

/* What an action amounts to in DMARC's words (RFC 9990 2.1, disposition). */
static enum dmarc_policy disposition_of(enum action action)
{
    switch (action) {
    case ACTION_REJECT:
        return DMARC_POLICY_REJECT;
    case ACTION_QUARANTINE:
    case ACTION_TAG: /* delivered, but marked as suspicious */
        return DMARC_POLICY_QUARANTINE;
    case ACTION_ACCEPT:
    case ACTION_TEMPFAIL:
        break;
    }
    return DMARC_POLICY_NONE;
}

struct judge {
    struct arena *arena;
    const struct policy_settings *settings;
    const struct evidence *evidence;
    struct verdict *out;
};

/* One more reason; RFC 9990 3.1.1.9 takes any number. */
static void note_override(struct judge *judge, enum override override, const char *comment)
{
    struct verdict *out = judge->out;
    if (out->override_count < VERDICT_OVERRIDES_MAX)
        out->overrides[out->override_count++] =
            (struct override_note){override, comment ? comment : ""};
}

/* The reason that decided: it takes the place of one before in the log, not in reports. */
static void set_override(struct judge *judge, enum override override, const char *comment)
{
    judge->out->override = override;
    judge->out->override_comment = comment ? comment : "";
    note_override(judge, override, comment);
}

/* The signature that a list or forwarder broke: aligned, its header part
 * verifies, only the body was changed. NULL when there is none. */
static const struct dkim_signature *broken_in_transit(const struct evidence *evidence)
{
    for (size_t i = 0; i < evidence->dkim->count; i++) {
        if (evidence->dkim->signatures[i].body_failed_only && evidence->dmarc->signature_aligned &&
            evidence->dmarc->signature_aligned[i])
            return &evidence->dkim->signatures[i];
    }
    return NULL;
}

/* RFC 9989 7.4: other knowledge than p=reject. True when the message looks indirect, and
 * IndirectMail is no harder on it than OnReject: a list never makes it worse. */
static bool judge_indirect(struct judge *judge)
{
    const struct policy_settings *settings = judge->settings;
    const struct dkim_signature *broken = broken_in_transit(judge->evidence);
    if (settings->indirect_mail == ACTION_REJECT || settings->indirect_mail > settings->on_reject)
        return false;
    if (judge->evidence->has_list_fields) {
        set_override(judge, OVERRIDE_MAILING_LIST, "List-Id or List-Post is present");
        return true;
    }
    if (broken) {
        set_override(judge, OVERRIDE_OTHER,
                     arena_printf(judge->arena, "forwarded: only the body hash of %s fails",
                                  domain_text(broken->domain)));
        return true;
    }
    return false;
}

/* The published policy and the local map, for a message that fails. */
static enum action judge_policy(struct judge *judge)
{
    const struct dmarc_result *dmarc = judge->evidence->dmarc;
    const char *option = "OnQuarantine";
    bool testing = dmarc->effective_policy != dmarc->policy;
    enum action action = ACTION_ACCEPT;
    if (testing)
        set_override(judge, OVERRIDE_POLICY_TEST_MODE, "the record says t=y");
    if (dmarc->effective_policy == DMARC_POLICY_QUARANTINE)
        action = judge->settings->on_quarantine;
    if (dmarc->effective_policy == DMARC_POLICY_REJECT) {
        if (judge_indirect(judge))
            return judge->settings->indirect_mail;
        action = judge->settings->on_reject;
        option = "OnReject";
    }
    if (disposition_of(action) == dmarc->effective_policy)
        return action;
    if (testing) /* what the domain owner asked for stays the decisive reason */
        note_override(judge, OVERRIDE_LOCAL_POLICY, option);
    else
        set_override(judge, OVERRIDE_LOCAL_POLICY, option);
    return action;
}

/* Without a record there is no alignment; an identifier of the very domain
 * still shows that the author domain stands behind the message. */
static bool is_authenticated(const struct evidence *evidence)
{
    struct domain from = evidence->dmarc->from_domain;
    if (evidence->dmarc->result == AUTH_PASS)
        return true;
    if (evidence->spf->result == AUTH_PASS && domain_equal(evidence->spf->domain, from))
        return true;
    for (size_t i = 0; i < evidence->dkim->count; i++) {
        const struct dkim_signature *signature = &evidence->dkim->signatures[i];
        if (signature->result == AUTH_PASS && domain_equal(signature->domain, from))
            return true;
    }
    return false;
}

/* PolicyTable, both ways. True when an entry decided. */
static bool judge_table(struct judge *judge, enum action *action)
{
    enum policy_table_action entry_action;
    const char *entry;
    const struct dmarc_result *dmarc = judge->evidence->dmarc;
    if (is_authenticated(judge->evidence) ||
        !policy_table_find(judge->settings->policy_table, dmarc->from_domain, &entry_action,
                           &entry) ||
        entry_action == POLICY_TABLE_ASIS)
        return false;
    /* A check that could not be made for want of DNS is no reason for a 5xx. */
    if (dmarc->result == AUTH_TEMPERROR && entry_action != POLICY_TABLE_ACCEPT)
        return false;
    *action = entry_action == POLICY_TABLE_ACCEPT       ? ACTION_ACCEPT
              : entry_action == POLICY_TABLE_QUARANTINE ? ACTION_QUARANTINE
                                                        : ACTION_REJECT;
    if (dmarc->result != AUTH_FAIL || disposition_of(*action) != dmarc->policy)
        set_override(judge, OVERRIDE_LOCAL_POLICY,
                     arena_printf(judge->arena, "PolicyTable entry %s", entry));
    return true;
}

/* With a policy in hand, to accept would hand every forger a way around it: one
 * signature whose key cannot be had is enough (RFC 9989 7.2 allows to defer). Without
 * one, deferring would hold up the mail of every domain whose DNS is broken for good. */
static enum action judge_temp_error(const struct judge *judge)
{
    const struct dmarc_result *dmarc = judge->evidence->dmarc;
    bool enforced = dmarc->has_record && dmarc->effective_policy >= DMARC_POLICY_QUARANTINE;
    switch (judge->settings->on_temp_error) {
    case TEMP_ERROR_ACCEPT:
        return ACTION_ACCEPT;
    case TEMP_ERROR_TEMPFAIL:
        return ACTION_TEMPFAIL;
    case TEMP_ERROR_POLICY:
        break;
    }
    return enforced ? ACTION_TEMPFAIL : ACTION_ACCEPT;
}

static enum action judge_message(struct judge *judge)
{
    const struct evidence *evidence = judge->evidence;
    enum action action;
    if (evidence->author->status != AUTHOR_OK)
        return judge->settings->on_invalid_from;
    if (judge_table(judge, &action))
        return action;
    if (evidence->dmarc->result == AUTH_TEMPERROR)
        return judge_temp_error(judge);
    return evidence->dmarc->result == AUTH_FAIL ? judge_policy(judge) : ACTION_ACCEPT;
}

/* ---- words ---- */

static const char *explain(struct judge *judge)
{
    const struct dmarc_result *dmarc = judge->evidence->dmarc;
    struct verdict *out = judge->out;
    if (judge->evidence->author->status != AUTHOR_OK)
        return judge->evidence->author->reason;
    struct strbuf buf;
    strbuf_init(&buf, judge->arena);
    strbuf_join(&buf, "dmarc ", auth_result_name(dmarc->result), NULL);
    if (dmarc->has_record && dmarc->result == AUTH_FAIL)
        strbuf_printf(&buf, ", %s publishes %s=%s", domain_text(dmarc->policy_domain),
                      dmarc_tag_name(dmarc->tag), dmarc_policy_name(dmarc->policy));
    if (dmarc->result != AUTH_PASS)
        strbuf_printf(&buf, ": %s", dmarc->reason);
    if (out->override != OVERRIDE_NONE)
        strbuf_printf(&buf, "; %s (%s)", override_name(out->override), out->override_comment);
    return strbuf_string(&buf);
}

static bool is_placeholder(struct bytes text, const char *name)
{
    return bytes_starts_nocase(text, bytes_of(name));
}

/* Fills RejectText's placeholders. */
static void fill_template(struct judge *judge, struct strbuf *buf, const char *why)
{
    const struct evidence *evidence = judge->evidence;
    const struct dmarc_result *dmarc = evidence->dmarc;
    const struct {
        const char *name;
        const char *value;
    } places[] = {
        {"{domain}", domain_is_none(dmarc->from_domain) ? "(none)" : dmarc->from_domain.name},
        {"{reason}", why},
        {"{policy}", dmarc_policy_name(dmarc->policy)},
        {"{queue-id}", evidence->queue_id},
    };
    struct bytes rest = bytes_of(judge->settings->reject_text);
    while (rest.len) {
        size_t skip = 0;
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !skip; i++) {
            if (is_placeholder(rest, places[i].name)) {
                strbuf_puts(buf, places[i].value);
                skip = bytes_of(places[i].name).len;
            }
        }
        if (!skip) {
            strbuf_putc(buf, rest.data[0]);
            skip = 1;
        }
        rest = bytes_slice(rest, skip, rest.len);
    }
}

static const char *reply_text(struct judge *judge, enum action action)
{
    const struct evidence *evidence = judge->evidence;
    struct strbuf raw, clean;
    strbuf_init(&raw, judge->arena);
    strbuf_init(&clean, judge->arena);
    if (action == ACTION_TEMPFAIL) {
        strbuf_printf(&raw, "DMARC of %s could not be checked, please try again later: %s [%s]",
                      domain_text(evidence->dmarc->from_domain), evidence->dmarc->reason,
                      evidence->queue_id);
    } else if (evidence->author->status != AUTHOR_OK) {
        strbuf_printf(&raw, "From field is not acceptable, DMARC cannot be checked: %s [%s]",
                      evidence->author->reason, evidence->queue_id);
    } else {
        fill_template(judge, &raw, evidence->dmarc->reason);
        if (judge->settings->spf_explanation && evidence->spf->explanation)
            strbuf_printf(&raw, "; %s explains: %s", domain_text(evidence->spf->domain),
                          evidence->spf->explanation);
    }
    strbuf_printable(&clean, strbuf_view(&raw), REPLY_TEXT_MAX);
    return strbuf_string(&clean);
}

static void set_reply(struct judge *judge, enum action action)
{
    struct verdict *out = judge->out;
    bool temporary = action == ACTION_TEMPFAIL;
    bool refused = temporary || action == ACTION_REJECT;
    out->smtp_code = temporary ? "451" : refused ? "550" : "250";
    /* RFC 7372 3.2 has no code for DMARC; 5.7.1 is the one of RFC 9989 8. */
    out->enhanced_code = temporary ? "4.7.1" : refused ? "5.7.1" : "2.0.0";
    out->smtp_text = refused ? reply_text(judge, action) : "";
}

void verdict_decide(struct arena *arena, const struct policy_settings *settings,
                    const struct evidence *evidence, struct verdict *out)
{
    struct judge judge = {arena, settings, evidence, out};
    *out = (struct verdict){.override_comment = ""};
    out->intended = judge_message(&judge);
    out->action = out->intended;
    out->reason = explain(&judge);
    if (settings->mode == MODE_MONITOR && out->intended != ACTION_ACCEPT) {
        out->action = ACTION_ACCEPT;
        set_override(&judge, OVERRIDE_LOCAL_POLICY, "monitor mode");
    }
    out->disposition = disposition_of(out->action);
    set_reply(&judge, out->action);
}
