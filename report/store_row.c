/* store_row.c - a policy and a tuple as rows of their tables, there and back.
 *
 * Columns are text that people can query; the hash alone decides what is the same.
 */
#include "store_internal.h"

#include "strbuf.h"

/* ---- there ---- */

static void bind_clean(struct store *store, struct sql_statement *statement, int index,
                       struct bytes text)
{
    sql_bind_text(statement, index, store_clean(store->scratch, text));
}

static void bind_name(struct sql_statement *statement, int index, const char *name)
{
    sql_bind_text(statement, index, bytes_of(name));
}

/* sp and np: NULL when absent. */
static void bind_policy(struct sql_statement *statement, int index, enum dmarc_policy policy)
{
    if (*dmarc_policy_name(policy))
        bind_name(statement, index, dmarc_policy_name(policy));
}

/* Separated by spaces, which no URI has (RFC 3986 2); one that has them all the same has %20. */
static struct bytes joined_uris(struct arena *arena, const struct report_policy *policy)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    for (size_t i = 0; i < policy->rua_count; i++) {
        struct bytes uri = store_clean(arena, policy->rua[i]);
        if (i > 0)
            strbuf_putc(&buf, ' ');
        for (size_t k = 0; k < uri.len; k++) {
            if (uri.data[k] == ' ')
                strbuf_puts(&buf, "%20");
            else
                strbuf_putc(&buf, uri.data[k]);
        }
    }
    return strbuf_view(&buf);
}

/* Runs an INSERT ... RETURNING id; 0 on failure. */
static int64_t inserted_id(struct store *store, struct sql_statement *statement)
{
    if (arena_failed(store->scratch)) {
        sql_finish(statement);
        store_out_of_memory(store);
        return 0;
    }
    int64_t id = 0;
    enum sql_step step = sql_step(statement);
    if (step == SQL_ROW) {
        id = sql_int64(statement, 0);
        step = sql_step(statement);
    }
    sql_finish(statement);
    return step == SQL_DONE ? id : 0;
}

int64_t store_policy_insert(struct store *store, struct bytes hash,
                            const struct report_policy *policy, int64_t seen)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO policy (hash, seen, domain, p, sp, np, adkim, aspf, testing, psd,"
                    " fo, rua, error)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
                    " ON CONFLICT (hash) DO UPDATE SET seen ="
                    " CASE WHEN excluded.seen > policy.seen THEN excluded.seen ELSE policy.seen END"
                    " RETURNING id");
    if (!statement)
        return 0;
    sql_bind_text(statement, 1, hash);
    sql_bind_int64(statement, 2, seen);
    bind_clean(store, statement, 3, policy->domain);
    bind_name(statement, 4, dmarc_policy_name(policy->p));
    bind_policy(statement, 5, policy->sp);
    bind_policy(statement, 6, policy->np);
    bind_name(statement, 7, policy->strict_dkim ? "s" : "r");
    bind_name(statement, 8, policy->strict_spf ? "s" : "r");
    sql_bind_int64(statement, 9, policy->testing);
    sql_bind_int64(statement, 10, policy->psd);
    bind_clean(store, statement, 11, policy->fo);
    sql_bind_text(statement, 12, joined_uris(store->scratch, policy));
    bind_clean(store, statement, 13, policy->error);
    return inserted_id(store, statement);
}

int64_t store_tuple_insert(struct store *store, struct bytes hash, int64_t policy,
                           const struct report_row *row, int64_t seen)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "INSERT INTO tuple (hash, seen, policy, source_ip, disposition, dkim, spf,"
                    " header_from, envelope_from, spf_domain, spf_result, spf_reason, reasons,"
                    " signatures)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
                    " ON CONFLICT (hash) DO UPDATE SET seen ="
                    " CASE WHEN excluded.seen > tuple.seen THEN excluded.seen ELSE tuple.seen END"
                    " RETURNING id");
    char ip[IP_TEXT_MAX];
    const char *reasons = store_json_reasons(store->scratch, row);
    const char *signatures = store_json_signatures(store->scratch, row);
    if (!reasons || !signatures)
        store_out_of_memory(store);
    if (!statement || !reasons || !signatures)
        return 0;
    sql_bind_text(statement, 1, hash);
    sql_bind_int64(statement, 2, seen);
    sql_bind_int64(statement, 3, policy);
    bind_name(statement, 4, ip_format(&row->source, ip));
    bind_name(statement, 5, report_disposition_name(row->disposition));
    bind_name(statement, 6, row->dkim_aligned ? "pass" : "fail");
    bind_name(statement, 7, row->spf_aligned ? "pass" : "fail");
    bind_clean(store, statement, 8, row->header_from);
    bind_clean(store, statement, 9, row->envelope_from);
    if (row->spf_domain.len > 0)
        bind_clean(store, statement, 10, row->spf_domain);
    bind_name(statement, 11, auth_result_name(row->spf_result));
    bind_clean(store, statement, 12, row->spf_reason);
    bind_name(statement, 13, reasons);
    bind_name(statement, 14, signatures);
    return inserted_id(store, statement);
}

/* ---- and back ---- */

static struct bytes column(struct arena *arena, const struct sql_statement *row, int index)
{
    return arena_bytes(arena, sql_text(row, index));
}

static enum dmarc_policy policy_of(struct bytes name)
{
    for (enum dmarc_policy policy = DMARC_POLICY_NONE; policy <= DMARC_POLICY_REJECT; policy++)
        if (bytes_is(name, dmarc_policy_name(policy)))
            return policy;
    return DMARC_POLICY_UNSET;
}

static enum report_disposition disposition_of(struct bytes name)
{
    for (enum report_disposition disposition = REPORT_DISPOSITION_NONE;
         disposition <= REPORT_DISPOSITION_REJECT; disposition++)
        if (bytes_is(name, report_disposition_name(disposition)))
            return disposition;
    return REPORT_DISPOSITION_NONE;
}

static void split_uris(struct bytes joined, struct report_policy *out)
{
    out->rua_count = 0;
    while (joined.len > 0 && out->rua_count < REPORT_URIS_MAX) {
        size_t len = bytes_find(joined, ' ');
        out->rua[out->rua_count++] = bytes_slice(joined, 0, len);
        joined = bytes_slice(joined, len + 1, joined.len);
    }
}

void store_policy_read(struct arena *arena, const struct sql_statement *row, int first,
                       struct report_policy *out)
{
    *out = (struct report_policy){
        .domain = column(arena, row, first),
        .p = policy_of(sql_text(row, first + 1)),
        .sp = policy_of(sql_text(row, first + 2)),
        .np = policy_of(sql_text(row, first + 3)),
        .strict_dkim = bytes_is(sql_text(row, first + 4), "s"),
        .strict_spf = bytes_is(sql_text(row, first + 5), "s"),
        .testing = sql_int64(row, first + 6) != 0,
        .psd = sql_int64(row, first + 7) != 0,
        .fo = column(arena, row, first + 8),
        .error = column(arena, row, first + 10),
    };
    split_uris(column(arena, row, first + 9), out);
}

void store_tuple_read(struct arena *arena, const struct sql_statement *row, int first,
                      struct report_row *out)
{
    *out = (struct report_row){
        .disposition = disposition_of(sql_text(row, first + 1)),
        .dkim_aligned = bytes_is(sql_text(row, first + 2), "pass"),
        .spf_aligned = bytes_is(sql_text(row, first + 3), "pass"),
        .header_from = column(arena, row, first + 4),
        .envelope_from = column(arena, row, first + 5),
        .spf_domain = column(arena, row, first + 6),
        .spf_result = store_auth_result(sql_text(row, first + 7)),
        .spf_reason = column(arena, row, first + 8),
    };
    ip_parse(sql_text(row, first), &out->source);
    store_json_read_reasons(arena, sql_text(row, first + 9), out);
    store_json_read_signatures(arena, sql_text(row, first + 10), out);
}
