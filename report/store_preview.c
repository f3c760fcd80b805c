/* store_preview.c - what reports would tell that were not made yet (assay report send --dry-run),
 * and which destinations have taken what they were sent. */
#include "store_internal.h"

bool store_policy(struct store *store, struct arena *arena, int64_t policy,
                  struct report_policy *out)
{
    struct sql_statement *statement =
        sql_prepare(store->sql, "SELECT " STORE_POLICY_COLUMNS " FROM policy p WHERE p.id = $1");
    *out = (struct report_policy){.p = DMARC_POLICY_NONE};
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, policy);
    enum sql_step step = sql_step(statement);
    if (step == SQL_ROW)
        store_policy_read(arena, statement, 0, out);
    else if (step == SQL_DONE)
        sql_fail(store->sql, SQL_WRONG, "there is no policy with the key %lld", (long long)policy);
    sql_finish(statement);
    return step == SQL_ROW;
}

bool store_due_records(struct store *store, const struct store_summary *summary,
                       store_record_fn *each, void *context)
{
    struct sql_statement *statement = sql_prepare(
        store->sql, "SELECT g.messages, " STORE_TUPLE_COLUMNS " FROM (SELECT tuple, count(*) AS"
                    " messages FROM message WHERE report IS NULL AND received >= $1 AND"
                    " received < $2 GROUP BY tuple) g JOIN tuple t ON t.id = g.tuple"
                    " WHERE t.policy = $3 ORDER BY t.source_ip, t.id");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, summary->begin);
    sql_bind_int64(statement, 2, summary->end);
    sql_bind_int64(statement, 3, summary->policy);
    return store_give_records(store, statement, each, context);
}

bool store_destinations_settle(struct store *store, int64_t before)
{
    struct sql_statement *statement = sql_prepare(
        store->sql,
        "DELETE FROM destination WHERE refusals > 0 AND suppressed_until < $1 AND EXISTS"
        " (SELECT 1 FROM delivery d WHERE d.address = destination.address AND d.state = 'sent'"
        " AND d.sent_at < $1 AND d.sent_at > (SELECT coalesce(max(r.changed), 0) FROM delivery r"
        " WHERE r.address = destination.address AND r.state IN ('refused', 'bounced')))");
    if (!statement)
        return false;
    sql_bind_int64(statement, 1, before);
    return sql_done(statement);
}
