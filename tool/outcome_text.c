/* outcome_text.c - an outcome for people: one fact a line, the verdict last but
 * for the header and the lookups that led to it. */
#include "tool.h"

#include "strbuf.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_SHOWN = 160 }; /* octets of a record's text in the list of lookups */

static void label(FILE *out, const char *name)
{
    fprintf(out, "%-9s ", name);
}

static void result(FILE *out, const char *name, const char *value)
{
    label(out, name);
    fprintf(out, "%-10s ", value);
}

static const char *or_none(const char *string)
{
    return string && string[0] ? string : "none";
}

/* A stranger's octets, safe for a terminal. */
static void print_safe(FILE *out, struct bytes text, size_t max)
{
    for (size_t i = 0; i < text.len && i < max; i++) {
        char c = text.data[i];
        fputc(c >= ' ' && c <= '~' ? c : '?', out);
    }
    if (text.len > max)
        fputs("...", out);
}

static void spf_line(FILE *out, const char *name, const struct spf_result *spf)
{
    result(out, name, auth_result_name(spf->result));
    fprintf(out, "%s, %s", or_none(domain_text(spf->domain)),
            spf->scope == SPF_SCOPE_HELO ? "HELO"
            : spf->null_sender           ? "null sender: postmaster@HELO"
                                         : "MAIL FROM");
    if (spf->reason && spf->reason[0])
        fprintf(out, ": %s", spf->reason);
    if (spf->mechanism && spf->mechanism[0])
        fprintf(out, " [%s]", spf->mechanism);
    fprintf(out, "; %u of %d terms with lookups, %u of %d void\n", spf->lookups, SPF_TERMS_MAX,
            spf->void_lookups, SPF_VOID_MAX);
    if (spf->explanation)
        fprintf(out, "%-9s %-10s the domain explains: %s\n", "", "", spf->explanation);
}

/* What libopendkim says of the signature `index`, unless it agrees. */
static void opendkim_line(FILE *out, const struct second_opinions *opinions, size_t index)
{
    const struct second_opinion *opinion =
        opinions && index < opinions->count ? &opinions->signatures[index] : NULL;
    if (!opinion || opinion->agrees)
        return;
    fprintf(out, "%-9s %-10s libopendkim", "", "");
    if (opinion->asked)
        fprintf(out, " says %s", auth_result_name(opinion->result));
    fprintf(out, ": %s\n", opinion->reason);
}

/* One line when it agrees on all. */
static void opendkim_summary(FILE *out, const struct second_opinions *opinions)
{
    size_t agreed = 0;
    if (!opinions)
        return;
    for (size_t i = 0; i < opinions->count; i++)
        agreed += opinions->signatures[i].agrees;
    if (opinions->failure)
        fprintf(out, "%-9s %-10s %s\n", "", "", opinions->failure);
    else if (agreed == 1 && opinions->count == 1)
        fprintf(out, "%-9s %-10s libopendkim agrees on the signature\n", "", "");
    else if (opinions->count && agreed == opinions->count)
        fprintf(out, "%-9s %-10s libopendkim agrees on all %zu signatures\n", "", "", agreed);
}

static void dkim_lines(FILE *out, const struct outcome *outcome,
                       const struct second_opinions *opinions)
{
    if (outcome->dkim.count == 0) {
        result(out, "dkim", "none");
        fputs("no signature\n", out);
    }
    for (size_t i = 0; i < outcome->dkim.count; i++) {
        const struct dkim_signature *signature = &outcome->dkim.signatures[i];
        const bool *aligned = outcome->dmarc.signature_aligned;
        result(out, "dkim", auth_result_name(signature->result));
        fprintf(out, "d=%s s=%s a=%s", or_none(domain_text(signature->domain)),
                or_none(domain_text(signature->selector)), or_none(signature->algorithm));
        if (signature->key_bits)
            fprintf(out, ", %u bits", signature->key_bits);
        fprintf(out, ", %s", aligned && aligned[i] ? "aligned" : "not aligned");
        fprintf(out, ": %s\n", signature->reason);
        opendkim_line(out, opinions, i);
    }
    opendkim_summary(out, opinions);
    if (outcome->dkim.skipped)
        fprintf(out, "%-9s %-10s %zu more signatures were not looked at (MaximumSignatures)\n", "",
                "", outcome->dkim.skipped);
}

static void dmarc_lines(FILE *out, const struct dmarc_result *dmarc)
{
    result(out, "dmarc", auth_result_name(dmarc->result));
    fprintf(out, "From domain %s: %s\n", or_none(domain_text(dmarc->from_domain)), dmarc->reason);
    if (!dmarc->has_record)
        return;
    fprintf(out, "%-9s %-10s record of _dmarc.%s: %s=%s, to act on: %s%s\n", "", "",
            domain_text(dmarc->policy_domain), dmarc_tag_name(dmarc->tag),
            or_none(dmarc_policy_name(dmarc->policy)),
            or_none(dmarc_policy_name(dmarc->effective_policy)),
            dmarc->record.testing ? " (t=y)" : "");
    fprintf(out, "%-9s %-10s organizational domain %s; aligned: spf %s, dkim %s\n", "", "",
            domain_is_none(dmarc->organizational_domain) ? "not needed"
                                                         : dmarc->organizational_domain.name,
            dmarc->spf_aligned ? "yes" : "no", dmarc->dkim_aligned ? "yes" : "no");
}

static void signing_lines(FILE *out, const struct outcome *outcome)
{
    const struct signing_result *signing = &outcome->signing;
    label(out, "origin");
    fprintf(out, "originating mail (%s): signed, not checked\n", outcome->origin);
    if (signing->count == 0) {
        result(out, "signed", "no");
        fprintf(out, "%s\n", or_none(signing->why_not));
    }
    for (size_t i = 0; i < signing->count; i++) {
        const struct signing_made *made = &signing->made[i];
        result(out, "signed", made->value ? "yes" : "failed");
        fprintf(out, "d=%s s=%s a=%s%s%s\n", domain_text(made->domain), domain_text(made->selector),
                made->algorithm, made->value ? "" : ": ", made->value ? "" : made->reason);
    }
}

static void verdict_lines(FILE *out, const struct verdict *verdict)
{
    result(out, "verdict", action_name(verdict->action));
    fprintf(out, "%s\n", verdict->reason);
    if (verdict->intended != verdict->action)
        fprintf(out, "%-9s %-10s enforce mode would: %s\n", "", "", action_name(verdict->intended));
    if (verdict->override != OVERRIDE_NONE)
        fprintf(out, "%-9s %-10s override %s: %s\n", "", "", override_name(verdict->override),
                verdict->override_comment);
    fprintf(out, "%-9s %-10s SMTP reply: %s %s %s\n", "", "", verdict->smtp_code,
            verdict->enhanced_code, verdict->smtp_text);
}

static void header_lines(FILE *out, const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->removal_count; i++) {
        result(out, "header", "remove");
        fprintf(out, "%s, number %u\n", outcome->removals[i].name, outcome->removals[i].index);
    }
    for (size_t i = 0; i < outcome->addition_count; i++) {
        result(out, "header", "add");
        fprintf(out, "%s: %s\n", outcome->additions[i].name, outcome->additions[i].value);
    }
}

static void record_line(FILE *out, enum dns_type type, const struct dns_record *record)
{
    char address[IP_TEXT_MAX];
    struct ip ip = {.family = type == DNS_A ? IP_V4 : IP_V6};
    fprintf(out, "%24s", "");
    if (type == DNS_A || type == DNS_AAAA) {
        size_t len = record->data.len < sizeof(ip.octets) ? record->data.len : sizeof(ip.octets);
        memcpy(ip.octets, record->data.data, len);
        fputs(ip_format(&ip, address), out);
    } else {
        if (type == DNS_MX)
            fprintf(out, "%u ", record->preference);
        print_safe(out, record->data, RECORD_SHOWN);
    }
    fputc('\n', out);
}

static void lookup_lines(FILE *out, const struct dns_lookup *lookups)
{
    for (const struct dns_lookup *lookup = lookups; lookup; lookup = lookup->next) {
        const struct dns_answer *answer = lookup->answer;
        label(out, lookup == lookups ? "lookups" : "");
        fprintf(out, "%-4s ", dns_type_name(lookup->type));
        print_safe(out, lookup->name, DOMAIN_MAX);
        fprintf(out, ": %s", answer ? dns_status_name(answer->status) : "not awaited");
        if (answer && answer->status == DNS_TEMPORARY)
            fprintf(out, " (%s)", answer->cause);
        if (answer && answer->secure)
            fputs(", DNSSEC", out);
        if (!lookup->used)
            fputs(", not needed", out);
        if (answer)
            fprintf(out, ", %.1f ms", (double)(lookup->finished_us - lookup->started_us) / 1000);
        fputc('\n', out);
        for (size_t i = 0; answer && i < answer->count; i++)
            record_line(out, lookup->type, &answer->records[i]);
    }
}

static void dns_line(FILE *out, struct dns_session_stats stats)
{
    label(out, "dns");
    fprintf(out, "%u lookups, %u cached, waited %.1f ms\n", stats.queries, stats.cached,
            (double)stats.waited_us / 1000);
}

void outcome_text(FILE *out, const struct outcome *outcome, const struct second_opinions *opinions)
{
    char address[IP_TEXT_MAX];
    label(out, "client");
    fprintf(out, "%s, HELO %s, MAIL FROM <%s>\n", ip_format(&outcome->client, address),
            or_none(outcome->helo), outcome->mail_from);
    if (outcome->originating) {
        signing_lines(out, outcome);
    } else if (!outcome->out_of_memory) {
        spf_line(out, "spf", &outcome->spf);
        if (outcome->helo_spf.reason)
            spf_line(out, "spf", &outcome->helo_spf);
        dkim_lines(out, outcome, opinions);
        dmarc_lines(out, &outcome->dmarc);
    }
    verdict_lines(out, &outcome->verdict);
    header_lines(out, outcome);
    dns_line(out, outcome->dns);
    lookup_lines(out, outcome->lookups);
}

void spf_outcome_text(FILE *out, const struct spf_result *spf, struct dns_session *dns)
{
    spf_line(out, "spf", spf);
    dns_line(out, dns_session_stats(dns));
    lookup_lines(out, dns_session_lookups(dns));
}
