/* report_row.c - from an outcome to the row of an aggregate report; see report_row.h.
 *
 * What is told and what is not, by RFC 9990 3.1. How a row is written down stands
 * in report_row_codec.c.
 */
#include "report_row.h"

#include "strbuf.h"

_Static_assert((int)VERDICT_OVERRIDES_MAX <= (int)REPORT_REASONS_MAX, "a row takes every override");

const char *report_disposition_name(enum report_disposition disposition)
{
    static const char *const names[] = {"none", "pass", "quarantine", "reject"};
    return names[disposition];
}

/* ---- texts ---- */

/* As it is when it can stand in a report; that is nearly always. */
static struct bytes plain_text(struct arena *arena, struct bytes text)
{
    bool plain = text.len <= REPORT_TEXT_MAX;
    for (size_t i = 0; plain && i < text.len; i++)
        plain = text.data[i] >= ' ' && text.data[i] <= '~';
    if (plain)
        return text;
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_printable(&buf, text, REPORT_TEXT_MAX - (sizeof("...") - 1));
    return strbuf_view(&buf);
}

/* human_result "relat[es] to evaluation failures" (RFC 9990 3.1.1.12, 3.1.1.13). */
static struct bytes human_result(struct arena *arena, enum auth_result result, const char *reason)
{
    return result == AUTH_PASS ? BYTES_EMPTY : plain_text(arena, bytes_of(reason));
}

/* ---- policy_published (RFC 9990 3.1.1.5) ---- */

static enum dmarc_policy valid_or_unset(enum dmarc_policy policy)
{
    return policy == DMARC_POLICY_INVALID ? DMARC_POLICY_UNSET : policy;
}

static const char *fo_text(unsigned fo)
{
    static const char *const texts[] = {"0",   "0",     "1",     "0:1",    "d",   "0:d",
                                        "1:d", "0:1:d", "s",     "0:s",    "1:s", "0:1:s",
                                        "d:s", "0:d:s", "1:d:s", "0:1:d:s"};
    return texts[fo & (DMARC_FO_ALL | DMARC_FO_ANY | DMARC_FO_DKIM | DMARC_FO_SPF)];
}

static bool is_mailto(struct bytes uri)
{
    return bytes_starts_nocase(uri, BYTES("mailto:"));
}

/* RFC 9989 4.7: URIs of a scheme we cannot send to are ignored. */
size_t report_uris(const struct dmarc_uri *uris, size_t count, struct bytes out[REPORT_URIS_MAX])
{
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < REPORT_URIS_MAX; i++) {
        if (is_mailto(uris[i].text) && uris[i].text.len <= REPORT_URI_MAX)
            out[kept++] = uris[i].text;
    }
    return kept;
}

static struct bytes error_text(struct arena *arena, const struct dmarc_record *record,
                               const char *defect)
{
    if (!defect)
        return plain_text(arena, bytes_of(record->problem));
    const char *text = arena_printf(arena, "%s, so p=none applies (RFC 9989 4.10.1)%s%s", defect,
                                    record->problem ? "; first problem: " : "",
                                    record->problem ? record->problem : "");
    return plain_text(arena, bytes_of(text));
}

static void make_policy(struct arena *arena, const struct dmarc_result *dmarc,
                        struct report_policy *out)
{
    const struct dmarc_record *record = &dmarc->record;
    const char *defect = dmarc_policy_defect(record);
    *out = (struct report_policy){
        .domain = domain_bytes(dmarc->policy_domain),
        .p = defect ? DMARC_POLICY_NONE : record->p,
        /* With a defect nothing of the policy counts, not only the tag that has it. */
        .sp = defect ? DMARC_POLICY_UNSET : valid_or_unset(record->sp),
        .np = defect ? DMARC_POLICY_UNSET : valid_or_unset(record->np),
        .strict_dkim = record->strict_dkim,
        .strict_spf = record->strict_spf,
        .testing = record->testing,
        .psd = record->psd == DMARC_PSD_YES,
        .fo = bytes_of(fo_text(record->fo)),
        .error = error_text(arena, record, defect),
    };
    out->rua_count = report_uris(record->rua, record->rua_count, out->rua);
}

/* ---- policy_evaluated (RFC 9990 3.1.1.9) ---- */

static enum report_disposition disposition_of(const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    /* "pass" is a pass under a policy that would have enforced something, as published: what
     * t=y makes of it shows in `testing`. */
    if (dmarc->result == AUTH_PASS)
        return dmarc->policy >= DMARC_POLICY_QUARANTINE ? REPORT_DISPOSITION_PASS
                                                        : REPORT_DISPOSITION_NONE;
    switch (outcome->verdict.disposition) {
    case DMARC_POLICY_REJECT:
        return REPORT_DISPOSITION_REJECT;
    case DMARC_POLICY_QUARANTINE:
        return REPORT_DISPOSITION_QUARANTINE;
    case DMARC_POLICY_UNSET:
    case DMARC_POLICY_INVALID:
    case DMARC_POLICY_NONE:
        break;
    }
    return REPORT_DISPOSITION_NONE;
}

static void make_reasons(struct arena *arena, const struct verdict *verdict, struct report_row *out)
{
    for (size_t i = 0; i < verdict->override_count; i++) {
        const struct override_note *note = &verdict->overrides[i];
        out->reasons[out->reason_count++] =
            (struct report_reason){note->type, plain_text(arena, bytes_of(note->comment))};
    }
}

/* ---- auth_results (RFC 9990 3.1.1.11) ---- */

enum { RANKS = 4 };

/* The order of RFC 9990 3.1.3. */
static unsigned rank_of(const struct dmarc_result *dmarc, const struct dkim_signature *signature,
                        size_t index)
{
    if (signature->result != AUTH_PASS)
        return 3;
    if (domain_equal(signature->domain, dmarc->from_domain))
        return 0;
    return dmarc->signature_aligned && dmarc->signature_aligned[index] ? 1 : 2;
}

static void make_signatures(struct arena *arena, const struct outcome *outcome,
                            struct report_row *out)
{
    const struct dkim_results *dkim = &outcome->dkim;
    size_t most = dkim->count < REPORT_SIGNATURES_MAX ? dkim->count : REPORT_SIGNATURES_MAX;
    out->signatures = most ? arena_array(arena, most, sizeof(*out->signatures)) : NULL;
    if (!out->signatures)
        return;
    for (unsigned rank = 0; rank < RANKS; rank++) {
        for (size_t i = 0; i < dkim->count && out->signature_count < most; i++) {
            const struct dkim_signature *signature = &dkim->signatures[i];
            if (domain_is_none(signature->domain) || domain_is_none(signature->selector) ||
                rank_of(&outcome->dmarc, signature, i) != rank)
                continue;
            out->signatures[out->signature_count++] = (struct report_signature){
                .domain = domain_bytes(signature->domain),
                .selector = domain_bytes(signature->selector),
                .result = signature->result,
                .reason = human_result(arena, signature->result, signature->reason),
            };
        }
    }
}

static void make_spf(struct arena *arena, const struct spf_result *spf, struct report_row *out)
{
    out->spf_domain = domain_bytes(spf->domain);
    out->spf_result = spf->result;
    out->spf_reason = human_result(arena, spf->result, spf->reason);
    /* RFC 9990 3.1.1.10: of the null reverse-path nothing; SPF checked the HELO name then. */
    out->envelope_from = spf->null_sender ? BYTES_EMPTY : out->spf_domain;
}

/* ---- the row ---- */

static bool has_mailto(const struct dmarc_record *record)
{
    struct bytes uris[REPORT_URIS_MAX];
    return report_uris(record->rua, record->rua_count, uris) > 0;
}

/* NULL when a report may tell of it. */
static const char *why_not_of(const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    if (outcome->out_of_memory)
        return "out of memory";
    if (outcome->originating)
        return "originating mail";
    if (outcome->author.status != AUTHOR_OK)
        return "no author domain";
    if (outcome->report_guard)
        return outcome->report_guard;
    if (!dmarc->has_record)
        return "no DMARC record";
    if (outcome->verdict.action == ACTION_TEMPFAIL)
        return "temporary failure: the message will come again";
    if (dmarc->result != AUTH_PASS && dmarc->result != AUTH_FAIL)
        return "DMARC neither passed nor failed";
    if (!has_mailto(&dmarc->record))
        return "nobody asks for reports";
    /* source_ip is required (RFC 9990 3.1.1.8), and nobody could do anything with "unknown". */
    return outcome->client.family == IP_NONE ? "the client's address is unknown" : NULL;
}

bool report_row_make(struct arena *arena, const struct outcome *outcome, int64_t time,
                     const char *queue_id, struct report_row *out, const char **why_not)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    *why_not = why_not_of(outcome);
    if (*why_not)
        return false;
    *out = (struct report_row){
        .time = time,
        .queue_id = plain_text(arena, bytes_of(queue_id)),
        .source = outcome->client,
        .disposition = disposition_of(outcome),
        .dkim_aligned = dmarc->dkim_aligned,
        .spf_aligned = dmarc->spf_aligned,
        .header_from = domain_bytes(dmarc->from_domain),
    };
    make_policy(arena, dmarc, &out->policy);
    make_reasons(arena, &outcome->verdict, out);
    make_signatures(arena, outcome, out);
    make_spf(arena, &outcome->spf, out);
    if (arena_failed(arena)) {
        *why_not = "out of memory";
        return false;
    }
    return true;
}
