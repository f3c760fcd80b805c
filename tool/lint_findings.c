/* lint_findings.c - the list of findings, and small things that all checks use; see lint.h. */
#include "lint.h"

#include "spf_identity.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct lint_rule lint_rules[LINT_RULES] = {
#define LINT_RULE(symbol, severity, id, why, reference, action)                                    \
    [LINT_##symbol] = {LINT_SEVERITY_##severity, id, why, reference, action},
#include "lint_rules.def"
#undef LINT_RULE
};

/* Records that are included twice would be found wanting twice. */
static bool is_known(const struct lint *lint, const struct lint_finding *finding)
{
    for (const struct lint_finding *known = lint->first; known; known = known->next) {
        if (known->rule == finding->rule && strcmp(known->name, finding->name) == 0 &&
            strcmp(known->found, finding->found) == 0)
            return true;
    }
    return false;
}

static char *format_text(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = len >= 0 ? arena_alloc(arena, (size_t)len + 1) : NULL;
    if (text)
        vsnprintf(text, (size_t)len + 1, format, arguments);
    return text;
}

static size_t count_of(const struct lint *lint)
{
    size_t count = 0;
    for (size_t i = 0; i < LINT_SEVERITIES; i++)
        count += lint->counts[i];
    return count;
}

static void append(struct lint *lint, struct lint_finding *finding)
{
    if (!lint->last)
        lint->last = &lint->first;
    *lint->last = finding;
    lint->last = &finding->next;
    lint->counts[finding->rule->severity]++;
}

void lint_add(struct lint *lint, enum lint_rule_id rule, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct lint_finding *finding = arena_alloc(lint->arena, sizeof(*finding));
    char *found = format_text(lint->arena, format, arguments);
    va_end(arguments);
    if (!finding || !found || count_of(lint) >= LINT_FINDINGS_MAX) {
        lint->incomplete = true;
        return;
    }
    *finding = (struct lint_finding){.rule = &lint_rules[rule], .name = name, .found = found};
    if (!is_known(lint, finding))
        append(lint, finding);
}

const char *lint_text(struct lint *lint, struct bytes view)
{
    return spf_printable(lint->arena, view, LINT_TEXT_MAX);
}

const char *lint_name(struct lint *lint, const char *prefix, struct domain domain)
{
    const char *name = arena_printf(lint->arena, "%s%s", prefix, domain_text(domain));
    return name ? name : "";
}

const struct dns_answer *lint_query(struct lint *lint, struct bytes name, enum dns_type type)
{
    const struct dns_answer *answer = dns_query(lint->dns, name, type);
    if (answer->status == DNS_TEMPORARY)
        lint_add(lint, LINT_LOOKUP_FAILED, spf_printable(lint->arena, name, DOMAIN_MAX),
                 "%s lookup failed: %s", dns_type_name(type), answer->cause);
    return answer;
}

void lint_domain(struct lint *lint)
{
    dns_prefetch(lint->dns, domain_bytes(lint->domain), DNS_TXT);
    dns_prefetch(lint->dns, domain_bytes(lint->domain), DNS_MX);
    dmarc_prefetch(lint->dns, lint->domain);
    lint_mail(lint);
    if (!lint->missing) {
        lint_spf(lint);
        lint_dkim(lint);
    }
    lint_dmarc(lint);
    if (!lint->missing)
        lint_parked(lint);
    if (lint->dnssec)
        lint_dnssec(lint);
    if (lint->incomplete || arena_failed(lint->arena)) {
        lint->limits = (struct lint_finding){.rule = &lint_rules[LINT_TOO_MUCH],
                                             .name = lint->domain.name,
                                             .found = "gave up before the end"};
        append(lint, &lint->limits);
    }
}
