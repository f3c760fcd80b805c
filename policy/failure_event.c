/* failure_event.c - from an outcome to what a failure report tells; see failure_event.h.
 *
 * How an event is written down stands in failure_event_codec.c.
 */
#include "failure_event.h"

#include "dkim_header_hash.h"
#include "failure_redact.h"

enum { TEXT_MAX = 320 }; /* octets of an address or a name (RFC 5321 4.5.3.1) */

/* ---- is there one? (RFC 9989 4.7) ---- */

/* Not those that only our own policy is against (l=, short keys), nor what could not be checked. */
static bool signature_failed(const struct dkim_signature *signature)
{
    return signature->result == AUTH_FAIL || signature->result == AUTH_PERMERROR;
}

static bool any_signature_failed(const struct dkim_results *dkim)
{
    for (size_t i = 0; i < dkim->count; i++) {
        if (signature_failed(&dkim->signatures[i]))
            return true;
    }
    return false;
}

static bool may_be_told(const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    struct bytes uris[REPORT_URIS_MAX];
    if (outcome->out_of_memory || outcome->originating || outcome->report_guard ||
        outcome->author.status != AUTHOR_OK || outcome->verdict.action == ACTION_TEMPFAIL)
        return false;
    if (!dmarc->has_record || (dmarc->result != AUTH_PASS && dmarc->result != AUTH_FAIL))
        return false;
    if (dmarc->record.psd == DMARC_PSD_YES) /* RFC 9991 2: MUST NOT */
        return false;
    return report_uris(dmarc->record.ruf, dmarc->record.ruf_count, uris) > 0;
}

unsigned failure_event_kinds(const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    unsigned fo = dmarc->record.fo, kinds = 0;
    if (!may_be_told(outcome))
        return 0;
    bool all_failed = dmarc->result == AUTH_FAIL;
    bool any_failed = !dmarc->spf_aligned || !dmarc->dkim_aligned;
    if (((fo & DMARC_FO_ALL) && all_failed) || ((fo & DMARC_FO_ANY) && any_failed))
        kinds |= FAILURE_DMARC;
    if ((fo & DMARC_FO_DKIM) && any_signature_failed(&outcome->dkim))
        kinds |= FAILURE_DKIM;
    if ((fo & DMARC_FO_SPF) &&
        (outcome->spf.result == AUTH_FAIL || outcome->spf.result == AUTH_SOFTFAIL))
        kinds |= FAILURE_SPF;
    return kinds;
}

/* ---- its parts ---- */

struct maker {
    struct arena *arena;
    const struct outcome *outcome;
    const struct failure_input *input;
};

static struct bytes printable(const struct maker *maker, struct bytes text)
{
    struct strbuf buf;
    strbuf_init(&buf, maker->arena);
    strbuf_printable(&buf, text, TEXT_MAX);
    return strbuf_view(&buf);
}

static struct bytes address(const struct maker *maker, struct bytes text)
{
    const struct policy_settings *settings = maker->input->settings;
    if (!settings->failure_redaction || text.len == 0)
        return printable(maker, text);
    struct strbuf buf;
    strbuf_init(&buf, maker->arena);
    failure_redact_address(&buf, settings->redaction_key, text);
    return printable(maker, strbuf_view(&buf));
}

static enum failure_dkim type_of(const struct dkim_signature *signature)
{
    if (signature->body_failed_only)
        return FAILURE_DKIM_BODYHASH;
    return bytes_starts_nocase(bytes_of(signature->reason), BYTES("key is revoked"))
               ? FAILURE_DKIM_REVOKED
               : FAILURE_DKIM_SIGNATURE;
}

static struct failure_signature signature_of(const struct maker *maker,
                                             const struct dkim_signature *signature)
{
    struct bytes identity = signature->identity;
    if (identity.len == 0) { /* its default (RFC 6376 3.5) */
        const char *text = arena_printf(maker->arena, "@%s", domain_text(signature->domain));
        identity = bytes_of(text);
    }
    return (struct failure_signature){
        .domain = domain_bytes(signature->domain),
        .selector = domain_bytes(signature->selector),
        .identity = address(maker, identity),
        .result = signature->result,
        .type = type_of(signature),
    };
}

/* Index of the first signature that has a name and did not pass: an aligned one, or any that
 * failed; count when there is none. */
static size_t find_signature(const struct outcome *outcome, bool aligned)
{
    const struct dkim_results *dkim = &outcome->dkim;
    for (size_t i = 0; i < dkim->count; i++) {
        const struct dkim_signature *signature = &dkim->signatures[i];
        if (domain_is_none(signature->domain) || domain_is_none(signature->selector))
            continue;
        if (aligned ? signature->result != AUTH_PASS && outcome->dmarc.signature_aligned &&
                          outcome->dmarc.signature_aligned[i]
                    : signature_failed(signature))
            return i;
    }
    return dkim->count;
}

/* The record that SPF went by. It was looked up for this message; when it does not lie there any
 * more, the report goes without. */
static struct bytes spf_record(const struct maker *maker)
{
    const struct domain domain = maker->outcome->spf.domain;
    const struct dns_answer *answer =
        domain_is_none(domain) ? NULL : dns_peek(maker->input->dns, domain_bytes(domain), DNS_TXT);
    for (size_t i = 0; answer && answer->status == DNS_FOUND && i < answer->count; i++) {
        struct bytes text = answer->records[i].data;
        if (bytes_starts_nocase(text, BYTES("v=spf1")) && (text.len == 6 || is_wsp(text.data[6]))) {
            struct strbuf buf;
            strbuf_init(&buf, maker->arena);
            strbuf_printable(&buf, text, FAILURE_SPF_MAX);
            return strbuf_view(&buf);
        }
    }
    return BYTES_EMPTY;
}

/* ---- the header ---- */

static struct bytes header(const struct maker *maker)
{
    const struct policy_settings *settings = maker->input->settings;
    const struct dkim_fields *fields = maker->input->fields;
    struct strbuf buf;
    strbuf_init(&buf, maker->arena);
    for (size_t i = 0; i < fields->count; i++) {
        size_t before = buf.len;
        if (settings->failure_redaction) {
            failure_redact_field(&buf, settings->redaction_key, dkim_field_name(fields->items[i]),
                                 dkim_field_value(fields->items[i]));
        } else {
            strbuf_bytes(&buf, fields->items[i].text);
            strbuf_puts(&buf, "\r\n");
        }
        if (buf.len > FAILURE_HEADER_MAX) {
            strbuf_truncate(&buf, before);
            break;
        }
    }
    return strbuf_view(&buf);
}

/* Position of the field that signature number `index` came from. */
static size_t field_of(const struct dkim_fields *fields, size_t index)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (bytes_is(dkim_field_name(fields->items[i]), "DKIM-Signature") && index-- == 0)
            return i;
    }
    return fields->count;
}

/* What the header hash was made over (RFC 6376 3.7), but for the signature's own field. RFC 6591
 * 3.2.4: never when anything was redacted. */
static struct bytes canonical_header(const struct maker *maker, size_t index)
{
    const struct dkim_fields *fields = maker->input->fields;
    size_t own = field_of(fields, index);
    if (maker->input->settings->failure_redaction || own == fields->count)
        return BYTES_EMPTY;
    struct dkim_signature_field signature;
    struct strbuf buf;
    strbuf_init(&buf, maker->arena);
    dkim_signature_parse(maker->arena, dkim_field_value(fields->items[own]), &signature);
    dkim_header_cover(&buf, fields->items, fields->count, own, signature.signed_fields,
                      signature.signed_count, signature.relaxed_header);
    return buf.len <= FAILURE_HEADER_MAX ? strbuf_view(&buf) : BYTES_EMPTY;
}

static void add_signatures(const struct maker *maker, struct failure_event *event)
{
    const struct dkim_results *dkim = &maker->outcome->dkim;
    size_t aligned = find_signature(maker->outcome, true);
    size_t failed = find_signature(maker->outcome, false);
    if (aligned < dkim->count)
        event->aligned = signature_of(maker, &dkim->signatures[aligned]);
    if (failed < dkim->count)
        event->failed = signature_of(maker, &dkim->signatures[failed]);
    if (aligned < dkim->count || failed < dkim->count)
        event->canonical_header = canonical_header(maker, aligned < dkim->count ? aligned : failed);
}

/* ---- the event ---- */

static enum failure_delivery delivery_of(enum action action)
{
    switch (action) {
    case ACTION_REJECT:
        return FAILURE_REJECT;
    case ACTION_QUARANTINE: /* held back; who looks at it may deliver it */
        return FAILURE_POLICY;
    case ACTION_ACCEPT:
    case ACTION_TAG:
    case ACTION_TEMPFAIL:
        break;
    }
    return FAILURE_DELIVERED;
}

const struct failure_event *failure_event_make(struct arena *arena, const struct outcome *outcome,
                                               const struct failure_input *input)
{
    const struct maker maker = {arena, outcome, input};
    const struct dmarc_result *dmarc = &outcome->dmarc;
    unsigned kinds = failure_event_kinds(outcome);
    struct failure_event *event = kinds ? arena_alloc(arena, sizeof(*event)) : NULL;
    if (!event)
        return NULL;
    *event = (struct failure_event){
        .time = input->time,
        .queue_id = printable(&maker, bytes_of(input->queue_id)),
        .kinds = kinds,
        .authserv_id = bytes_of(input->settings->authserv_id),
        .policy_domain = domain_bytes(dmarc->policy_domain),
        .source = outcome->client,
        .mail_from = address(&maker, input->mail_from),
        .header_from = domain_bytes(dmarc->from_domain),
        .dmarc = dmarc->result,
        .dkim_failed = !dmarc->dkim_aligned,
        .spf_failed = !dmarc->spf_aligned,
        .spf_domain = domain_bytes(outcome->spf.domain),
        .spf = outcome->spf.result,
        .spf_record = spf_record(&maker),
        .delivery = delivery_of(outcome->verdict.action),
        .redacted = input->settings->failure_redaction,
        .header = header(&maker),
    };
    event->ruf_count = report_uris(dmarc->record.ruf, dmarc->record.ruf_count, event->ruf);
    add_signatures(&maker, event);
    return arena_failed(arena) ? NULL : event;
}
