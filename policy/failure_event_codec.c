/* failure_event_codec.c - an event as octets, and back; see failure_event.h. */
#include "failure_event.h"
#include "report_codec.h"

enum { KINDS = FAILURE_DMARC | FAILURE_DKIM | FAILURE_SPF };

/* ---- writing ---- */

static void put_signature(struct strbuf *out, const struct failure_signature *signature)
{
    report_put_text(out, signature->domain);
    report_put_text(out, signature->selector);
    report_put_text(out, signature->identity);
    report_put_number(out, (uint64_t)signature->result);
    report_put_number(out, (uint64_t)signature->type);
}

void failure_event_encode(const struct failure_event *event, struct strbuf *out)
{
    report_put_number(out, REPORT_EVENT_FAILURE);
    report_put_number(out, (uint64_t)event->time);
    report_put_text(out, event->queue_id);
    report_put_number(out, event->kinds);
    report_put_text(out, event->authserv_id);
    report_put_text(out, event->policy_domain);
    report_put_number(out, event->ruf_count);
    for (size_t i = 0; i < event->ruf_count; i++)
        report_put_text(out, event->ruf[i]);
    report_put_ip(out, &event->source);
    report_put_text(out, event->mail_from);
    report_put_text(out, event->header_from);
    report_put_number(out, (uint64_t)event->dmarc);
    report_put_number(out, event->dkim_failed);
    report_put_number(out, event->spf_failed);
    put_signature(out, &event->aligned);
    put_signature(out, &event->failed);
    report_put_text(out, event->spf_domain);
    report_put_number(out, (uint64_t)event->spf);
    report_put_text(out, event->spf_record);
    report_put_number(out, (uint64_t)event->delivery);
    report_put_number(out, event->redacted);
    report_put_text(out, event->header);
    report_put_text(out, event->canonical_header);
}

/* ---- reading ---- */

static enum auth_result take_result(struct cursor *cursor)
{
    return (enum auth_result)report_take_number(cursor, AUTH_PERMERROR);
}

static void take_signature(struct cursor *cursor, struct failure_signature *out)
{
    out->domain = report_take_text(cursor);
    out->selector = report_take_text(cursor);
    out->identity = report_take_text(cursor);
    out->result = take_result(cursor);
    out->type = (enum failure_dkim)report_take_number(cursor, FAILURE_DKIM_REVOKED);
}

static void take_message(struct cursor *cursor, struct failure_event *out)
{
    out->time = (int64_t)report_take_number(cursor, INT64_MAX);
    out->queue_id = report_take_text(cursor);
    out->kinds = (unsigned)report_take_number(cursor, KINDS);
    out->authserv_id = report_take_text(cursor);
    out->policy_domain = report_take_text(cursor);
    out->ruf_count = (size_t)report_take_number(cursor, REPORT_URIS_MAX);
    for (size_t i = 0; i < out->ruf_count; i++)
        out->ruf[i] = report_take_text(cursor);
    if (out->kinds == 0 || out->ruf_count == 0)
        cursor_fail(cursor);
}

static void take_results(struct cursor *cursor, struct failure_event *out)
{
    out->source = report_take_ip(cursor);
    out->mail_from = report_take_text(cursor);
    out->header_from = report_take_text(cursor);
    out->dmarc = take_result(cursor);
    out->dkim_failed = report_take_bool(cursor);
    out->spf_failed = report_take_bool(cursor);
    take_signature(cursor, &out->aligned);
    take_signature(cursor, &out->failed);
    out->spf_domain = report_take_text(cursor);
    out->spf = take_result(cursor);
    out->spf_record = report_take_text(cursor);
}

bool failure_event_decode(struct bytes octets, struct failure_event *out)
{
    struct cursor cursor = cursor_of(octets);
    *out = (struct failure_event){.time = 0};
    if (octets.len > FAILURE_EVENT_MAX)
        cursor_fail(&cursor);
    if (report_take_number(&cursor, REPORT_EVENT_FAILURE) != REPORT_EVENT_FAILURE)
        cursor_fail(&cursor);
    take_message(&cursor, out);
    take_results(&cursor, out);
    out->delivery = (enum failure_delivery)report_take_number(&cursor, FAILURE_REJECT);
    out->redacted = report_take_bool(&cursor);
    out->header = report_take_text(&cursor);
    out->canonical_header = report_take_text(&cursor);
    return !cursor.failed && cursor.pos == cursor.end;
}
