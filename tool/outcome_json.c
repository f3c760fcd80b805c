/* outcome_json.c - an outcome as JSON; the layout is documented in assay(1). */
#include "tool.h"

#include "strbuf.h"

#include <stdlib.h>

enum { TEXT_MAX = 65535 }; /* octets of one string; a DNS record is never longer */

/* JSON wants UTF-8; what is not becomes printable ASCII. */
static json_t *text(struct bytes view)
{
    json_t *string = json_stringn(view.data, view.len);
    if (string)
        return string;
    struct arena *arena = arena_new(4 * TEXT_MAX);
    struct strbuf buf;
    if (!arena)
        return json_null();
    strbuf_init(&buf, arena);
    strbuf_printable(&buf, view, TEXT_MAX);
    string = json_string(strbuf_string(&buf));
    arena_free(arena);
    return string;
}

static json_t *text_of(const char *string)
{
    return text(bytes_of(string));
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *value)
{
    set(object, key, text_of(value));
}

static void set_domain(json_t *object, const char *key, struct domain domain)
{
    set(object, key, domain_is_none(domain) ? json_null() : text(domain_bytes(domain)));
}

static json_t *spf_json(const struct spf_result *spf)
{
    json_t *object = json_object();
    set_text(object, "result", auth_result_name(spf->result));
    set_text(object, "scope", spf->scope == SPF_SCOPE_HELO || spf->null_sender ? "helo" : "mfrom");
    set_domain(object, "domain", spf->domain);
    set_text(object, "reason", spf->reason);
    set_text(object, "mechanism", spf->mechanism);
    set(object, "lookups", json_integer(spf->lookups));
    set(object, "void_lookups", json_integer(spf->void_lookups));
    set(object, "explanation", spf->explanation ? text_of(spf->explanation) : json_null());
    return object;
}

/* What libopendkim says of the signature `index`; null when it was not asked at all. */
static json_t *opendkim_json(const struct second_opinions *opinions, size_t index)
{
    if (!opinions)
        return json_null();
    bool has = !opinions->failure && index < opinions->count;
    const struct second_opinion *opinion = has ? &opinions->signatures[index] : NULL;
    bool asked = opinion && opinion->asked;
    json_t *object = json_object();
    set(object, "result", asked ? text_of(auth_result_name(opinion->result)) : json_null());
    set(object, "agrees", asked ? json_boolean(opinion->agrees) : json_null());
    set_text(object, "reason",
             opinion             ? opinion->reason
             : opinions->failure ? opinions->failure
                                 : "not asked: too many signatures");
    return object;
}

static json_t *dkim_json(const struct outcome *outcome, const struct second_opinions *opinions)
{
    json_t *array = json_array();
    for (size_t i = 0; i < outcome->dkim.count; i++) {
        const struct dkim_signature *signature = &outcome->dkim.signatures[i];
        const bool *aligned = outcome->dmarc.signature_aligned;
        json_t *object = json_object();
        set_text(object, "result", auth_result_name(signature->result));
        set_domain(object, "domain", signature->domain);
        set_domain(object, "selector", signature->selector);
        set_text(object, "algorithm", signature->algorithm);
        set(object, "identity", text(signature->identity));
        set(object, "key_bits", json_integer(signature->key_bits));
        set_text(object, "reason", signature->reason);
        set(object, "aligned", json_boolean(aligned && aligned[i]));
        set(object, "testing", json_boolean(signature->testing));
        set(object, "dnssec", json_boolean(signature->secure));
        set(object, "opendkim", opendkim_json(opinions, i));
        json_array_append_new(array, object);
    }
    return array;
}

/* ARC is part of the interface already, and not evaluated yet. */
static json_t *arc_json(void)
{
    json_t *object = json_object();
    set_text(object, "result", "none");
    set(object, "instances", json_integer(0));
    set(object, "oldest_pass", json_null());
    set_text(object, "reason", "ARC is not evaluated by this version");
    return object;
}

static json_t *dmarc_json(const struct dmarc_result *dmarc)
{
    json_t *object = json_object();
    set_text(object, "result", auth_result_name(dmarc->result));
    set_domain(object, "from_domain", dmarc->from_domain);
    set_domain(object, "organizational_domain", dmarc->organizational_domain);
    set_domain(object, "policy_domain", dmarc->policy_domain);
    set_text(object, "policy", dmarc_policy_name(dmarc->policy));
    set_text(object, "policy_tag", dmarc_tag_name(dmarc->tag));
    set_text(object, "effective_policy", dmarc_policy_name(dmarc->effective_policy));
    set(object, "testing", json_boolean(dmarc->has_record && dmarc->record.testing));
    set(object, "spf_aligned", json_boolean(dmarc->spf_aligned));
    set(object, "dkim_aligned", json_boolean(dmarc->dkim_aligned));
    set_text(object, "reason", dmarc->reason);
    return object;
}

static json_t *verdict_json(const struct verdict *verdict)
{
    json_t *object = json_object();
    set_text(object, "action", action_name(verdict->action));
    set_text(object, "intended", action_name(verdict->intended));
    set(object, "smtp",
        json_sprintf("%s %s%s%s", verdict->smtp_code, verdict->enhanced_code,
                     verdict->smtp_text[0] ? " " : "", verdict->smtp_text));
    set_text(object, "reason", verdict->reason);
    set_text(object, "disposition", dmarc_policy_name(verdict->disposition));
    set_text(object, "override", override_name(verdict->override));
    set_text(object, "override_comment", verdict->override_comment);
    return object;
}

static json_t *record_json(enum dns_type type, const struct dns_record *record)
{
    char address[IP_TEXT_MAX];
    struct ip ip = {.family = type == DNS_A ? IP_V4 : IP_V6};
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        for (size_t i = 0; i < record->data.len && i < sizeof(ip.octets); i++)
            ip.octets[i] = (uint8_t)record->data.data[i];
        return json_string(ip_format(&ip, address));
    case DNS_MX:
        return json_sprintf("%u %.*s", record->preference, BYTES_ARGS(record->data));
    case DNS_PTR:
    case DNS_TXT:
        break;
    }
    return text(record->data);
}

static json_t *lookups_json(const struct dns_lookup *lookups)
{
    json_t *array = json_array();
    for (const struct dns_lookup *lookup = lookups; lookup; lookup = lookup->next) {
        json_t *object = json_object();
        const struct dns_answer *answer = lookup->answer;
        set(object, "name", text(lookup->name));
        set_text(object, "type", dns_type_name(lookup->type));
        set_text(object, "status", answer ? dns_status_name(answer->status) : "not awaited");
        if (answer && answer->status == DNS_TEMPORARY)
            set_text(object, "cause", answer->cause);
        json_t *records = json_array();
        for (size_t i = 0; answer && i < answer->count; i++) {
            json_t *record = record_json(lookup->type, &answer->records[i]);
            json_array_append_new(records, record ? record : json_null());
        }
        set(object, "records", records);
        set(object, "dnssec", json_boolean(answer && answer->secure));
        set(object, "cached", json_boolean(lookup->cached));
        set(object, "used", json_boolean(lookup->used));
        if (answer)
            set(object, "ms", json_real((double)(lookup->finished_us - lookup->started_us) / 1000));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *edits_json(const struct header_edit *edits, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        set_text(object, "name", edits[i].name);
        if (edits[i].value)
            set_text(object, "value", edits[i].value);
        else
            set(object, "index", json_integer(edits[i].index));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *dns_json(struct dns_session_stats stats)
{
    json_t *object = json_object();
    set(object, "queries", json_integer(stats.queries));
    set(object, "cached", json_integer(stats.cached));
    set(object, "ms", json_real((double)stats.waited_us / 1000));
    return object;
}

static json_t *signing_json(const struct signing_result *signing)
{
    json_t *array = json_array();
    for (size_t i = 0; i < signing->count; i++) {
        const struct signing_made *made = &signing->made[i];
        json_t *object = json_object();
        set_domain(object, "domain", made->domain);
        set_domain(object, "selector", made->selector);
        set_text(object, "algorithm", made->algorithm);
        set(object, "value", made->value ? text_of(made->value) : json_null());
        set_text(object, "reason", made->reason);
        json_array_append_new(array, object);
    }
    return array;
}

json_t *outcome_json(const struct outcome *outcome, const struct second_opinions *opinions)
{
    char address[IP_TEXT_MAX];
    json_t *object = json_object();
    set_text(object, "client", ip_format(&outcome->client, address));
    set_text(object, "helo", outcome->helo);
    set_text(object, "mail_from", outcome->mail_from);
    set(object, "originating", json_boolean(outcome->originating));
    set_text(object, "origin", outcome->origin);
    if (outcome->originating) {
        set(object, "signed", signing_json(&outcome->signing));
        set_text(object, "signed_reason", outcome->signing.why_not);
    }
    set(object, "spf", spf_json(&outcome->spf));
    if (outcome->helo_spf.reason)
        set(object, "helo_spf", spf_json(&outcome->helo_spf));
    set(object, "dkim", dkim_json(outcome, opinions));
    set(object, "dkim_skipped", json_integer((json_int_t)outcome->dkim.skipped));
    set(object, "arc", arc_json());
    set(object, "dmarc", dmarc_json(&outcome->dmarc));
    set(object, "verdict", verdict_json(&outcome->verdict));
    set(object, "authentication_results",
        outcome->authentication_results ? text_of(outcome->authentication_results) : json_null());
    set(object, "removed", edits_json(outcome->removals, outcome->removal_count));
    set(object, "added", edits_json(outcome->additions, outcome->addition_count));
    set(object, "dns", dns_json(outcome->dns));
    set(object, "lookups", lookups_json(outcome->lookups));
    return object;
}

json_t *spf_outcome_json(const struct spf_result *spf, struct dns_session *dns)
{
    json_t *object = json_object();
    set(object, "spf", spf_json(spf));
    set(object, "dns", dns_json(dns_session_stats(dns)));
    set(object, "lookups", lookups_json(dns_session_lookups(dns)));
    return object;
}

void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}
