/* lint_mail.c - does the domain exist, does it take mail, is it sealed if not, is it
 * signed; see lint.h. */
#include "lint.h"

static bool is_null_mx(const struct dns_record *record)
{
    return record->data.len == 0;
}

/* True also when a lookup fails: that is not the host's fault. */
static bool may_have(struct lint *lint, struct bytes name, enum dns_type type)
{
    enum dns_status status = dns_query(lint->dns, name, type)->status;
    return status == DNS_FOUND || status == DNS_TEMPORARY;
}

static bool has_address(struct lint *lint, struct bytes name)
{
    return may_have(lint, name, DNS_A) || may_have(lint, name, DNS_AAAA);
}

bool lint_takes_mail(struct lint *lint, struct domain host)
{
    const struct dns_answer *answer = dns_query(lint->dns, domain_bytes(host), DNS_MX);
    if (answer->status == DNS_FOUND)
        return answer->count > 1 || !is_null_mx(&answer->records[0]);
    return answer->status == DNS_TEMPORARY ||
           (answer->status == DNS_NO_DATA && has_address(lint, domain_bytes(host)));
}

/* RFC 5321 5.1: the hosts that an MX names must have addresses. */
static void check_mx_hosts(struct lint *lint, const struct dns_answer *answer)
{
    size_t count = answer->count < LINT_MX_MAX ? answer->count : LINT_MX_MAX;
    for (size_t i = 0; i < count; i++) {
        dns_prefetch(lint->dns, answer->records[i].data, DNS_A);
        dns_prefetch(lint->dns, answer->records[i].data, DNS_AAAA);
    }
    for (size_t i = 0; i < count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (!is_null_mx(record) && !has_address(lint, record->data))
            lint_add(lint, LINT_MX_TARGET, domain_text(lint->domain), "MX %u %s has no address",
                     (unsigned)record->preference, lint_text(lint, record->data));
    }
}

static void check_mx_records(struct lint *lint, const struct dns_answer *answer)
{
    const char *name = domain_text(lint->domain);
    size_t nulls = 0;
    for (size_t i = 0; i < answer->count; i++)
        nulls += is_null_mx(&answer->records[i]);
    lint->null_mx = nulls > 0 && nulls == answer->count;
    if (lint->null_mx)
        lint_add(lint, LINT_MX_NULL, name, "null MX");
    else if (nulls)
        lint_add(lint, LINT_MX_NULL_MIXED, name, "a null MX beside %zu other MX record%s",
                 answer->count - nulls, answer->count - nulls == 1 ? "" : "s");
    else
        lint_add(lint, LINT_MX_OK, name, "%zu MX record%s", answer->count,
                 answer->count == 1 ? "" : "s");
    check_mx_hosts(lint, answer);
}

void lint_mail(struct lint *lint)
{
    struct bytes domain = domain_bytes(lint->domain);
    const struct dns_answer *answer = lint_query(lint, domain, DNS_MX);
    if (answer->status == DNS_NO_NAME) {
        lint->missing = true;
        lint_add(lint, LINT_DOMAIN_MISSING, lint->domain.name, "no such domain");
    } else if (answer->status == DNS_FOUND) {
        check_mx_records(lint, answer);
    } else if (answer->status == DNS_NO_DATA) {
        lint_add(lint, LINT_MX_MISSING, lint->domain.name, "no MX record%s",
                 has_address(lint, domain) ? "; mail goes to the address of the domain"
                                           : " and no address: mail cannot be delivered");
    }
}

/* RFC 7505 4.2: a domain that takes no mail sends none. */
void lint_parked(struct lint *lint)
{
    bool denies = lint->spf_denies;
    if (lint->null_mx && !denies && !lint->spf_unknown)
        lint_add(lint, LINT_PARKED_SPF, lint->domain.name,
                 "null MX, but the SPF record is not \"v=spf1 -all\"");
    if (!denies || lint->policy_unknown)
        return;
    if (lint->policy != DMARC_POLICY_REJECT)
        lint_add(lint, LINT_PARKED_DMARC, lint->domain.name, "\"v=spf1 -all\", but DMARC policy %s",
                 lint->policy == DMARC_POLICY_UNSET ? "is missing"
                                                    : dmarc_policy_name(lint->policy));
    else if (lint->null_mx)
        lint_add(lint, LINT_PARKED_OK, lint->domain.name,
                 "null MX, \"v=spf1 -all\" and DMARC policy reject");
}

static void check_signed(struct lint *lint, const char *name, enum dns_type type)
{
    const struct dns_answer *answer = dns_query(lint->dns, bytes_of(name), type);
    if (answer->status == DNS_TEMPORARY)
        return;
    lint_add(lint, answer->secure ? LINT_DNSSEC_OK : LINT_DNSSEC_UNSIGNED, name,
             "%s answer (%s) %s", dns_type_name(type), dns_status_name(answer->status),
             answer->secure ? "is validated" : "is not signed");
}

void lint_dnssec(struct lint *lint)
{
    check_signed(lint, lint->domain.name, DNS_TXT);
    check_signed(lint, lint_name(lint, "_dmarc.", lint->domain), DNS_TXT);
    for (size_t i = 0; i < lint->selector_count; i++) {
        const char *prefix = arena_printf(lint->arena, "%s._domainkey.", lint->selectors[i].name);
        if (prefix)
            check_signed(lint, lint_name(lint, prefix, lint->domain), DNS_TXT);
    }
}
