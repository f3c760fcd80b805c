/* feedback_elements.c - which element of a report is what (RFC 9990 3.1.1, RFC 7489 appendix C). */
#include "feedback_internal.h"

static const struct row {
    enum feedback_node parent;
    const char *name;
    enum feedback_node node;
} rows[] = {
    {NODE_DOCUMENT, "feedback", NODE_FEEDBACK},
    {NODE_FEEDBACK, "version", NODE_VERSION},
    {NODE_FEEDBACK, "report_metadata", NODE_METADATA},
    {NODE_FEEDBACK, "policy_published", NODE_POLICY_PUBLISHED},
    {NODE_FEEDBACK, "record", NODE_RECORD},
    {NODE_METADATA, "org_name", NODE_ORG_NAME},
    {NODE_METADATA, "email", NODE_EMAIL},
    {NODE_METADATA, "extra_contact_info", NODE_EXTRA_CONTACT_INFO},
    {NODE_METADATA, "report_id", NODE_REPORT_ID},
    {NODE_METADATA, "generator", NODE_GENERATOR},
    {NODE_METADATA, "error", NODE_ERROR},
    {NODE_METADATA, "date_range", NODE_DATE_RANGE},
    {NODE_DATE_RANGE, "begin", NODE_BEGIN},
    {NODE_DATE_RANGE, "end", NODE_END},
    {NODE_POLICY_PUBLISHED, "domain", NODE_POLICY_DOMAIN},
    {NODE_POLICY_PUBLISHED, "p", NODE_P},
    {NODE_POLICY_PUBLISHED, "sp", NODE_SP},
    {NODE_POLICY_PUBLISHED, "np", NODE_NP},
    {NODE_POLICY_PUBLISHED, "adkim", NODE_ADKIM},
    {NODE_POLICY_PUBLISHED, "aspf", NODE_ASPF},
    {NODE_POLICY_PUBLISHED, "fo", NODE_FO},
    {NODE_POLICY_PUBLISHED, "testing", NODE_TESTING},
    {NODE_POLICY_PUBLISHED, "discovery_method", NODE_DISCOVERY_METHOD},
    {NODE_POLICY_PUBLISHED, "pct", NODE_PCT},
    {NODE_RECORD, "row", NODE_ROW},
    {NODE_RECORD, "identifiers", NODE_IDENTIFIERS},
    {NODE_RECORD, "identities", NODE_IDENTIFIERS}, /* of early reporters */
    {NODE_RECORD, "auth_results", NODE_AUTH_RESULTS},
    {NODE_ROW, "source_ip", NODE_SOURCE_IP},
    {NODE_ROW, "count", NODE_COUNT},
    {NODE_ROW, "policy_evaluated", NODE_POLICY_EVALUATED},
    {NODE_POLICY_EVALUATED, "disposition", NODE_DISPOSITION},
    {NODE_POLICY_EVALUATED, "dkim", NODE_EVALUATED_DKIM},
    {NODE_POLICY_EVALUATED, "spf", NODE_EVALUATED_SPF},
    {NODE_POLICY_EVALUATED, "reason", NODE_REASON},
    {NODE_REASON, "type", NODE_REASON_TYPE},
    {NODE_REASON, "comment", NODE_REASON_COMMENT},
    {NODE_IDENTIFIERS, "header_from", NODE_HEADER_FROM},
    {NODE_IDENTIFIERS, "envelope_from", NODE_ENVELOPE_FROM},
    {NODE_IDENTIFIERS, "envelope_to", NODE_ENVELOPE_TO},
    {NODE_AUTH_RESULTS, "dkim", NODE_DKIM},
    {NODE_AUTH_RESULTS, "spf", NODE_SPF},
    {NODE_DKIM, "domain", NODE_DKIM_DOMAIN},
    {NODE_DKIM, "selector", NODE_DKIM_SELECTOR},
    {NODE_DKIM, "result", NODE_DKIM_RESULT},
    {NODE_DKIM, "human_result", NODE_DKIM_HUMAN_RESULT},
    {NODE_SPF, "domain", NODE_SPF_DOMAIN},
    {NODE_SPF, "scope", NODE_SPF_SCOPE},
    {NODE_SPF, "result", NODE_SPF_RESULT},
    {NODE_SPF, "human_result", NODE_SPF_HUMAN_RESULT},
};

enum feedback_node feedback_node_in(enum feedback_node parent, struct bytes name)
{
    if (parent == NODE_UNKNOWN)
        return NODE_UNKNOWN;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].parent == parent && bytes_equal(name, bytes_of(rows[i].name)))
            return rows[i].node;
    }
    return NODE_UNKNOWN;
}

bool feedback_node_has_text(enum feedback_node node)
{
    switch (node) {
    case NODE_UNKNOWN:
    case NODE_DOCUMENT:
    case NODE_FEEDBACK:
    case NODE_METADATA:
    case NODE_DATE_RANGE:
    case NODE_POLICY_PUBLISHED:
    case NODE_RECORD:
    case NODE_ROW:
    case NODE_POLICY_EVALUATED:
    case NODE_REASON:
    case NODE_IDENTIFIERS:
    case NODE_AUTH_RESULTS:
    case NODE_DKIM:
    case NODE_SPF:
        return false;
    default:
        return true;
    }
}
