/* report_row_codec.c - a row as octets, and back; see report_row.h.
 *
 *   version | policy | tuple | message
 *
 * Policy and tuple come first and in one piece, so that their octets are the keys under
 * which the store counts.
 */
#include "report_codec.h"
#include "report_row.h"

/* ---- writing ---- */

static void put_flags(struct strbuf *out, const struct report_policy *policy)
{
    report_put_number(out, policy->strict_dkim);
    report_put_number(out, policy->strict_spf);
    report_put_number(out, policy->testing);
    report_put_number(out, policy->psd);
}

static void put_policy(struct strbuf *out, const struct report_policy *policy)
{
    report_put_text(out, policy->domain);
    report_put_number(out, (uint64_t)policy->p);
    report_put_number(out, (uint64_t)policy->sp);
    report_put_number(out, (uint64_t)policy->np);
    put_flags(out, policy);
    report_put_text(out, policy->fo);
    report_put_text(out, policy->error);
    report_put_number(out, policy->rua_count);
    for (size_t i = 0; i < policy->rua_count; i++)
        report_put_text(out, policy->rua[i]);
}

static void put_tuple(struct strbuf *out, const struct report_row *row)
{
    report_put_ip(out, &row->source);
    report_put_number(out, (uint64_t)row->disposition);
    report_put_number(out, row->dkim_aligned);
    report_put_number(out, row->spf_aligned);
    report_put_number(out, row->reason_count);
    for (size_t i = 0; i < row->reason_count; i++) {
        report_put_number(out, (uint64_t)row->reasons[i].type);
        report_put_text(out, row->reasons[i].comment);
    }
    report_put_text(out, row->header_from);
    report_put_text(out, row->envelope_from);
    report_put_number(out, row->signature_count);
    for (size_t i = 0; i < row->signature_count; i++) {
        const struct report_signature *signature = &row->signatures[i];
        report_put_text(out, signature->domain);
        report_put_text(out, signature->selector);
        report_put_number(out, (uint64_t)signature->result);
        report_put_text(out, signature->reason);
    }
    report_put_text(out, row->spf_domain);
    report_put_number(out, (uint64_t)row->spf_result);
    report_put_text(out, row->spf_reason);
}

void report_row_encode(const struct report_row *row, struct strbuf *out)
{
    report_put_number(out, REPORT_EVENT_ROW);
    put_policy(out, &row->policy);
    put_tuple(out, row);
    report_put_number(out, (uint64_t)row->time);
    report_put_text(out, row->queue_id);
}

/* ---- reading ---- */

static enum auth_result take_result(struct cursor *cursor)
{
    return (enum auth_result)report_take_number(cursor, AUTH_PERMERROR);
}

/* `least`: p is never unset (report_row.h). */
static enum dmarc_policy take_dmarc_policy(struct cursor *cursor, enum dmarc_policy least)
{
    enum dmarc_policy policy = (enum dmarc_policy)report_take_number(cursor, DMARC_POLICY_REJECT);
    if (policy == DMARC_POLICY_INVALID || policy < least)
        cursor_fail(cursor);
    return policy;
}

static void take_policy(struct cursor *cursor, struct report_policy *out)
{
    out->domain = report_take_text(cursor);
    out->p = take_dmarc_policy(cursor, DMARC_POLICY_NONE);
    out->sp = take_dmarc_policy(cursor, DMARC_POLICY_UNSET);
    out->np = take_dmarc_policy(cursor, DMARC_POLICY_UNSET);
    out->strict_dkim = report_take_bool(cursor);
    out->strict_spf = report_take_bool(cursor);
    out->testing = report_take_bool(cursor);
    out->psd = report_take_bool(cursor);
    out->fo = report_take_text(cursor);
    out->error = report_take_text(cursor);
    out->rua_count = (size_t)report_take_number(cursor, REPORT_URIS_MAX);
    for (size_t i = 0; i < out->rua_count; i++)
        out->rua[i] = report_take_text(cursor);
}

static void take_reasons(struct cursor *cursor, struct report_row *out)
{
    out->reason_count = (size_t)report_take_number(cursor, REPORT_REASONS_MAX);
    for (size_t i = 0; i < out->reason_count; i++) {
        out->reasons[i].type = (enum override)report_take_number(cursor, OVERRIDE_OTHER);
        if (out->reasons[i].type == OVERRIDE_NONE)
            cursor_fail(cursor);
        out->reasons[i].comment = report_take_text(cursor);
    }
}

static void take_signatures(struct arena *arena, struct cursor *cursor, struct report_row *out)
{
    size_t count = (size_t)report_take_number(cursor, REPORT_SIGNATURES_MAX);
    out->signatures = count ? arena_array(arena, count, sizeof(*out->signatures)) : NULL;
    if (count && !out->signatures)
        cursor_fail(cursor);
    for (size_t i = 0; i < count && !cursor->failed; i++) {
        struct report_signature *signature = &out->signatures[out->signature_count++];
        signature->domain = report_take_text(cursor);
        signature->selector = report_take_text(cursor);
        signature->result = take_result(cursor);
        signature->reason = report_take_text(cursor);
        if (signature->domain.len == 0 || signature->selector.len == 0)
            cursor_fail(cursor);
    }
}

static void take_tuple(struct arena *arena, struct cursor *cursor, struct report_row *out)
{
    out->source = report_take_ip(cursor);
    out->disposition =
        (enum report_disposition)report_take_number(cursor, REPORT_DISPOSITION_REJECT);
    out->dkim_aligned = report_take_bool(cursor);
    out->spf_aligned = report_take_bool(cursor);
    take_reasons(cursor, out);
    out->header_from = report_take_text(cursor);
    out->envelope_from = report_take_text(cursor);
    take_signatures(arena, cursor, out);
    out->spf_domain = report_take_text(cursor);
    out->spf_result = take_result(cursor);
    out->spf_reason = report_take_text(cursor);
}

/* Takes the version and the policy, which all parts begin with. */
static struct cursor begin(struct bytes octets, struct report_policy *policy)
{
    struct cursor cursor = cursor_of(octets);
    if (octets.len > REPORT_ROW_MAX)
        cursor_fail(&cursor);
    if (report_take_number(&cursor, REPORT_EVENT_ROW) != REPORT_EVENT_ROW)
        cursor_fail(&cursor);
    take_policy(&cursor, policy);
    return cursor;
}

static bool is_complete(const struct cursor *cursor)
{
    return !cursor->failed && cursor->pos == cursor->end;
}

bool report_policy_decode(struct bytes octets, struct report_policy *out)
{
    *out = (struct report_policy){.p = DMARC_POLICY_NONE};
    struct cursor cursor = begin(octets, out);
    return is_complete(&cursor);
}

bool report_tuple_decode(struct arena *arena, struct bytes octets, struct report_row *out)
{
    *out = (struct report_row){.time = 0};
    struct cursor cursor = begin(octets, &out->policy);
    take_tuple(arena, &cursor, out);
    return is_complete(&cursor);
}

bool report_row_decode(struct arena *arena, struct bytes octets, struct report_row *out,
                       struct report_keys *keys)
{
    *out = (struct report_row){.time = 0};
    struct cursor cursor = begin(octets, &out->policy);
    size_t policy = octets.len - cursor_rest(&cursor).len;
    take_tuple(arena, &cursor, out);
    size_t tuple = octets.len - cursor_rest(&cursor).len;
    out->time = (int64_t)report_take_number(&cursor, INT64_MAX);
    out->queue_id = report_take_text(&cursor);
    if (!is_complete(&cursor))
        return false;
    if (keys)
        *keys = (struct report_keys){bytes_slice(octets, 0, policy), bytes_slice(octets, 0, tuple)};
    return true;
}
