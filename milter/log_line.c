/* log_line.c - the one line that is logged for each message; see log_line.h. */
#include "log_line.h"

#include "strbuf.h"

#include <jansson.h>
#include <string.h>

enum {
    VALUE_MAX = 256,   /* octets of one value: a line must stay readable, and below 8 KiB */
    LINE_USUAL = 1000, /* octets of a line */
};

static const char *queue_id_of(const struct log_line_facts *facts)
{
    return facts->queue_id && *facts->queue_id ? facts->queue_id : "NOQUEUE";
}

/* Where the policy was found, and by which tag: "_dmarc.example.com p". */
static const char *policy_source(struct arena *arena, const struct dmarc_result *dmarc)
{
    const char *source = arena_printf(arena, "_dmarc.%s", domain_text(dmarc->policy_domain));
    return source ? source : "";
}

static int64_t milliseconds(int64_t us)
{
    return (us + 500) / 1000;
}

/* A pass explains itself. */
static bool wants_reason(enum auth_result result)
{
    return result != AUTH_PASS;
}

/* ---- text ---- */

static bool is_plain(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"\\='`();", c))
            return false;
    }
    return value.len > 0;
}

static void add_quoted(struct strbuf *line, struct bytes text)
{
    strbuf_putc(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            strbuf_putc(line, '\\');
        strbuf_putc(line, text.data[i]);
    }
    strbuf_putc(line, '"');
}

static void add_bytes(struct strbuf *line, const char *key, struct bytes value)
{
    struct strbuf clean;
    strbuf_join(line, " ", key, "=", NULL);
    if (value.len > VALUE_MAX || !is_plain(value)) { /* else it is clean as it stands */
        strbuf_init(&clean, line->arena);
        strbuf_printable(&clean, value, VALUE_MAX);
        value = strbuf_view(&clean);
    }
    if (is_plain(value))
        strbuf_bytes(line, value);
    else
        add_quoted(line, value);
}

static void add(struct strbuf *line, const char *key, const char *value)
{
    add_bytes(line, key, bytes_of(value));
}

static void add_number(struct strbuf *line, const char *key, int64_t value)
{
    strbuf_printf(line, " %s=%lld", key, (long long)value);
}

/* spf, helo_spf and dmarc: the result, and why. */
static void add_result(struct strbuf *line, const char *key, enum auth_result result,
                       const char *domain, const char *reason)
{
    char name[32];
    strbuf_join(line, " ", key, "=", auth_result_name(result), NULL);
    if (domain && *domain) {
        snprintf(name, sizeof(name), "%s_domain", key);
        add(line, name, domain);
    }
    if (reason && *reason && wants_reason(result)) {
        snprintf(name, sizeof(name), "%s_reason", key);
        add(line, name, reason);
    }
}

static void add_dkim(struct strbuf *line, const struct dkim_results *dkim)
{
    if (dkim->count == 0)
        strbuf_puts(line, " dkim=none");
    for (size_t i = 0; i < dkim->count; i++) {
        const struct dkim_signature *signature = &dkim->signatures[i];
        strbuf_join(line, " dkim=", auth_result_name(signature->result), NULL);
        add(line, "dkim_domain", domain_text(signature->domain));
        add(line, "dkim_selector", domain_text(signature->selector));
        if (wants_reason(signature->result))
            add(line, "dkim_reason", signature->reason);
    }
    if (dkim->skipped)
        add_number(line, "dkim_skipped", (int64_t)dkim->skipped);
}

/* The verdict's reason often holds that of DMARC; once is enough. */
static void add_dmarc(struct strbuf *line, const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    bool said = dmarc->reason && strstr(outcome->verdict.reason, dmarc->reason);
    add_result(line, "dmarc", dmarc->result, NULL, said ? NULL : dmarc->reason);
    if (!dmarc->has_record)
        return;
    add(line, "policy", dmarc_policy_name(dmarc->policy));
    add(line, "policy_found", policy_source(line->arena, dmarc));
    add(line, "policy_tag", dmarc_tag_name(dmarc->tag));
}

static void add_checks(struct strbuf *line, const struct outcome *outcome)
{
    strbuf_puts(line, " originating=no"); /* and so not signed */
    if (outcome->author.status == AUTHOR_OK)
        add(line, "from", domain_text(outcome->author.domain));
    else
        strbuf_puts(line, " from=none");
    add_result(line, "spf", outcome->spf.result, domain_text(outcome->spf.domain),
               outcome->spf.reason);
    if (outcome->helo_spf.reason)
        add_result(line, "helo_spf", outcome->helo_spf.result,
                   domain_text(outcome->helo_spf.domain), outcome->helo_spf.reason);
    add_dkim(line, &outcome->dkim);
    add_dmarc(line, outcome);
}

/* Mail of our own users: signed with what, or why not. */
static void add_signing(struct strbuf *line, const struct outcome *outcome)
{
    const struct signing_result *signing = &outcome->signing;
    add(line, "originating", outcome->origin);
    if (outcome->author.status == AUTHOR_OK)
        add(line, "from", domain_text(outcome->author.domain));
    if (signing->count == 0) {
        strbuf_puts(line, " signed=no");
        add(line, "signed_reason", signing->why_not ? signing->why_not : "");
    }
    for (size_t i = 0; i < signing->count; i++) {
        const struct signing_made *made = &signing->made[i];
        strbuf_printf(line, " signed=%s", made->value ? "yes" : "failed");
        add(line, "signed_domain", domain_text(made->domain));
        add(line, "signed_selector", domain_text(made->selector));
        add(line, "signed_algorithm", made->algorithm);
        if (!made->value)
            add(line, "signed_reason", made->reason);
    }
}

static void add_verdict(struct strbuf *line, const struct verdict *verdict)
{
    add(line, "verdict", action_name(verdict->action));
    if (verdict->intended != verdict->action)
        add(line, "intended", action_name(verdict->intended));
    if (verdict->reason && *verdict->reason)
        add(line, "reason", verdict->reason);
    add(line, "override", override_name(verdict->override));
    if (verdict->override_comment && *verdict->override_comment)
        add(line, "override_comment", verdict->override_comment);
}

const char *log_line_text(struct arena *arena, const struct log_line_facts *facts)
{
    const struct outcome *outcome = facts->outcome;
    char client[IP_TEXT_MAX];
    struct strbuf line;
    strbuf_init(&line, arena);
    strbuf_room(&line, LINE_USUAL);
    strbuf_printable(&line, bytes_of(queue_id_of(facts)), VALUE_MAX);
    strbuf_putc(&line, ':');
    if (!outcome->out_of_memory) {
        add(&line, "client", ip_format(&outcome->client, client));
        add(&line, "helo", outcome->helo);
        add(&line, "mailfrom",
            outcome->mail_from && *outcome->mail_from ? outcome->mail_from : "<>");
        if (outcome->originating)
            add_signing(&line, outcome);
        else
            add_checks(&line, outcome);
    }
    add_verdict(&line, &outcome->verdict);
    if (facts->applied_problem)
        add(&line, "problem", facts->applied_problem);
    if (!outcome->out_of_memory) {
        add_number(&line, "dns_queries", outcome->dns.queries);
        add_number(&line, "dns_cached", outcome->dns.cached);
        add_number(&line, "dns_ms", milliseconds(outcome->dns.waited_us));
        add_number(&line, "ms", milliseconds(outcome->elapsed_us));
    }
    return strbuf_string(&line);
}

/* ---- JSON ---- */

/* Stolen by json_object_set_new(), which stands NULL: out of memory ends in "". */
static json_t *json_clean(struct arena *arena, const char *value)
{
    struct strbuf clean;
    strbuf_init(&clean, arena);
    strbuf_printable(&clean, bytes_of(value), VALUE_MAX);
    return json_string(strbuf_string(&clean));
}

static json_t *json_domain(struct arena *arena, struct domain domain)
{
    return domain_is_none(domain) ? json_null() : json_clean(arena, domain.name);
}

static json_t *json_result(enum auth_result result)
{
    return json_string(auth_result_name(result));
}

static json_t *json_spf(struct arena *arena, const struct spf_result *spf)
{
    return json_pack("{s:o, s:s, s:o, s:o}", "result", json_result(spf->result), "scope",
                     spf->scope == SPF_SCOPE_HELO || spf->null_sender ? "helo" : "mfrom", "domain",
                     json_domain(arena, spf->domain), "reason", json_clean(arena, spf->reason));
}

static json_t *json_dkim(struct arena *arena, const struct outcome *outcome)
{
    json_t *list = json_array();
    for (size_t i = 0; i < outcome->dkim.count; i++) {
        const struct dkim_signature *signature = &outcome->dkim.signatures[i];
        const bool *aligned = outcome->dmarc.signature_aligned;
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "result",
                                              json_result(signature->result), "domain",
                                              json_domain(arena, signature->domain), "selector",
                                              json_domain(arena, signature->selector), "algorithm",
                                              json_clean(arena, signature->algorithm), "reason",
                                              json_clean(arena, signature->reason), "aligned",
                                              aligned ? aligned[i] : 0));
    }
    return list;
}

static json_t *json_dmarc(struct arena *arena, const struct dmarc_result *dmarc)
{
    json_t *object = json_pack("{s:o, s:o}", "result", json_result(dmarc->result), "reason",
                               json_clean(arena, dmarc->reason));
    if (!dmarc->has_record)
        return object;
    json_object_set_new(object, "policy", json_string(dmarc_policy_name(dmarc->policy)));
    json_object_set_new(object, "effective_policy",
                        json_string(dmarc_policy_name(dmarc->effective_policy)));
    json_object_set_new(object, "policy_domain", json_domain(arena, dmarc->policy_domain));
    json_object_set_new(object, "policy_tag", json_string(dmarc_tag_name(dmarc->tag)));
    return object;
}

static json_t *json_verdict(struct arena *arena, const struct verdict *verdict)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:o}", "action", action_name(verdict->action),
                     "intended", action_name(verdict->intended), "reason",
                     json_clean(arena, verdict->reason), "override",
                     override_name(verdict->override), "override_comment",
                     json_clean(arena, verdict->override_comment));
}

static void set_signing(json_t *root, struct arena *arena, const struct outcome *outcome)
{
    const struct signing_result *signing = &outcome->signing;
    json_t *list = json_array();
    bool ok = outcome->author.status == AUTHOR_OK;
    json_object_set_new(root, "originating", json_clean(arena, outcome->origin));
    json_object_set_new(root, "from",
                        ok ? json_domain(arena, outcome->author.domain) : json_null());
    for (size_t i = 0; i < signing->count; i++) {
        const struct signing_made *made = &signing->made[i];
        json_array_append_new(
            list, json_pack("{s:b, s:o, s:o, s:s, s:o}", "done", made->value != NULL, "domain",
                            json_domain(arena, made->domain), "selector",
                            json_domain(arena, made->selector), "algorithm", made->algorithm,
                            "reason", json_clean(arena, made->reason)));
    }
    json_object_set_new(root, "signed", list);
    if (signing->count == 0)
        json_object_set_new(root, "signed_reason", json_clean(arena, signing->why_not));
}

static void set_checks(json_t *root, struct arena *arena, const struct outcome *outcome)
{
    bool ok = outcome->author.status == AUTHOR_OK;
    json_object_set_new(root, "from",
                        ok ? json_domain(arena, outcome->author.domain) : json_null());
    json_object_set_new(root, "spf", json_spf(arena, &outcome->spf));
    if (outcome->helo_spf.reason)
        json_object_set_new(root, "helo_spf", json_spf(arena, &outcome->helo_spf));
    json_object_set_new(root, "dkim", json_dkim(arena, outcome));
    if (outcome->dkim.skipped)
        json_object_set_new(root, "dkim_skipped", json_integer((json_int_t)outcome->dkim.skipped));
    json_object_set_new(root, "dmarc", json_dmarc(arena, &outcome->dmarc));
}

static const char *dump(struct arena *arena, json_t *root)
{
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    const char *copy = text ? arena_copy(arena, text, strlen(text)) : NULL;
    free(text);
    json_decref(root);
    return copy ? copy : "";
}

const char *log_line_json(struct arena *arena, const struct log_line_facts *facts)
{
    const struct outcome *outcome = facts->outcome;
    char client[IP_TEXT_MAX];
    json_t *root = json_object();
    json_object_set_new(root, "queue_id", json_clean(arena, queue_id_of(facts)));
    if (!outcome->out_of_memory) {
        json_object_set_new(root, "client", json_string(ip_format(&outcome->client, client)));
        json_object_set_new(root, "helo", json_clean(arena, outcome->helo));
        json_object_set_new(root, "mailfrom", json_clean(arena, outcome->mail_from));
        if (outcome->originating)
            set_signing(root, arena, outcome);
        else
            set_checks(root, arena, outcome);
    }
    json_object_set_new(root, "verdict", json_verdict(arena, &outcome->verdict));
    if (facts->applied_problem)
        json_object_set_new(root, "problem", json_clean(arena, facts->applied_problem));
    if (!outcome->out_of_memory) {
        json_object_set_new(root, "dns",
                            json_pack("{s:i, s:i, s:I}", "queries", (int)outcome->dns.queries,
                                      "cached", (int)outcome->dns.cached, "ms",
                                      (json_int_t)milliseconds(outcome->dns.waited_us)));
        json_object_set_new(root, "ms",
                            json_integer((json_int_t)milliseconds(outcome->elapsed_us)));
    }
    return dump(arena, root);
}

const char *log_line_plain_json(struct arena *arena, const char *level, const char *text)
{
    struct strbuf clean;
    strbuf_init(&clean, arena);
    strbuf_printable(&clean, bytes_of(text), 4096);
    return dump(arena, json_pack("{s:s, s:s}", "level", level, "message", strbuf_string(&clean)));
}
