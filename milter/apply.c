/* apply.c - from an outcome to what libmilter is told; see apply.h.
 *
 * Relies on evaluate.h for the order of the edits: removals from the highest
 * index down (a deletion shifts what is behind it), additions each at index 0,
 * which puts them above the MTA's own Received field.
 */
#include "apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLY_MAX = 480,      /* octets of reply text before "%" is doubled; RFC 5321 4.5.3.1.5 has
                             512 for the whole line */
    QUARANTINE_MAX = 200, /* octets of a quarantine reason */
};

/* One line of printable ASCII. Whoever made the text has seen to that already;
 * a CR or LF here would let a stranger write SMTP replies. */
static void copy_line(char *out, size_t size, const char *text, bool double_percent)
{
    size_t len = 0;
    for (; *text && len + 3 < size; text++) {
        bool printable = *text >= ' ' && *text < 0x7f;
        out[len++] = printable ? *text : '?';
        if (*text == '%' && double_percent)
            out[len++] = '%';
    }
    out[len] = '\0';
}

sfsistat apply_refusal(SMFICTX *ctx, const char *code, const char *enhanced, const char *text)
{
    char line[REPLY_MAX + 1];
    char reply[2 * REPLY_MAX + 4];
    copy_line(line, sizeof(line), text, false);
    copy_line(reply, sizeof(reply), line, true); /* it is a format string to the MTA */
    /* Without a reply of ours the MTA has one of its own, of the same class. */
    (void)smfi_setreply(ctx, (char *)code, (char *)enhanced, reply);
    return *code == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static bool remove_fields(SMFICTX *ctx, const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->removal_count; i++) {
        const struct header_edit *edit = &outcome->removals[i];
        if (smfi_chgheader(ctx, (char *)edit->name, (int)edit->index, NULL) != MI_SUCCESS)
            return false;
    }
    return true;
}

/* With SMFIP_HDR_LEADSPC the MTA writes exactly what it is given behind the
 * colon; without, it puts one space there itself. */
static bool add_field(SMFICTX *ctx, const struct header_edit *edit, bool leading_space)
{
    if (!leading_space)
        return smfi_insheader(ctx, 0, (char *)edit->name, (char *)edit->value) == MI_SUCCESS;
    char *value = NULL;
    if (asprintf(&value, " %s", edit->value) < 0)
        return false;
    bool done = smfi_insheader(ctx, 0, (char *)edit->name, value) == MI_SUCCESS;
    free(value);
    return done;
}

static bool add_fields(SMFICTX *ctx, const struct outcome *outcome, const struct granted *granted)
{
    bool leading_space = granted->steps & SMFIP_HDR_LEADSPC;
    for (size_t i = 0; i < outcome->addition_count; i++) {
        if (!add_field(ctx, &outcome->additions[i], leading_space))
            return false;
    }
    return true;
}

static bool hold(SMFICTX *ctx, const struct outcome *outcome)
{
    char reason[QUARANTINE_MAX + 1];
    copy_line(reason, sizeof(reason), outcome->verdict.reason, false);
    return smfi_quarantine(ctx, reason) == MI_SUCCESS;
}

/* When a call fails although the MTA granted the action, the connection to it
 * is broken or we are out of memory: the sender shall try again, so that no
 * message gets through with a forged field, or without our result. */
static bool change_message(SMFICTX *ctx, const struct outcome *outcome,
                           const struct granted *granted, const char **problem)
{
    if (outcome->removal_count && !(granted->actions & SMFIF_CHGHDRS))
        *problem = "forged fields stay: the MTA does not let us remove any";
    else if (!remove_fields(ctx, outcome))
        return false;
    if (outcome->addition_count && !(granted->actions & SMFIF_ADDHDRS))
        *problem = "no fields added: the MTA does not let us";
    else if (!add_fields(ctx, outcome, granted))
        return false;
    if (outcome->verdict.action != ACTION_QUARANTINE)
        return true;
    if (granted->actions & SMFIF_QUARANTINE)
        return hold(ctx, outcome);
    *problem = "not quarantined but accepted: the MTA does not let us quarantine";
    return true;
}

sfsistat apply_outcome(SMFICTX *ctx, const struct outcome *outcome, const struct granted *granted,
                       const char **problem)
{
    const struct verdict *verdict = &outcome->verdict;
    *problem = NULL;
    if (verdict->action == ACTION_REJECT || verdict->action == ACTION_TEMPFAIL)
        return apply_refusal(ctx, verdict->smtp_code, verdict->enhanced_code, verdict->smtp_text);
    if (change_message(ctx, outcome, granted, problem))
        return SMFIS_CONTINUE;
    *problem = "the MTA did not take our changes";
    return apply_refusal(ctx, "451", "4.3.0",
                         "Message could not be changed, please try again later");
}
