/* report_send_to.c - where a report goes: the URIs of rua=, the agreement of the hosts they are
 * at (RFC 9990 4), and the addresses that are left; see report_send.h. */
#include "report_open.h"
#include "report_send.h"

#include "dmarc_destination.h"

static bool is_known(const struct report_destinations *out, struct bytes address)
{
    for (size_t i = 0; i < out->count; i++) {
        if (bytes_equal(out->items[i].address, address))
            return true;
    }
    return false;
}

/* Two URIs with the same address are one destination. A URI that cannot be used is only for people,
 * and that of another host's agreement may be of any length: an index would not take it. */
static void add(struct report_destinations *out, enum report_destination_fate fate,
                struct bytes address, const char *reason)
{
    address = bytes_slice(address, 0, REPORT_URI_MAX);
    if (out->count == REPORT_DESTINATIONS_MAX || is_known(out, address))
        return;
    out->items[out->count++] =
        (struct report_destination){.fate = fate, .address = address, .reason = reason};
    out->good += fate == REPORT_DESTINATION_GOOD;
    out->temporary += fate == REPORT_DESTINATION_TEMPORARY;
}

/* A URI that may be used: its address, if the house rules allow it. */
static void add_uri(struct report_send *run, struct bytes uri, const char *reason,
                    struct report_destinations *out)
{
    struct bytes address;
    const char *why = report_rules_address(run->arena, uri, &address);
    struct bytes domain = bytes_slice(address, bytes_find(address, '@') + 1, address.len);
    if (why)
        add(out, REPORT_DESTINATION_UNVERIFIED, uri, why);
    else if (bytes_equal_nocase(address, bytes_of(run->config->sender)))
        add(out, REPORT_DESTINATION_EXCLUDED, address, "our own ReportSender");
    else if (report_rules_excluded(&run->config->exclude, domain, address))
        add(out, REPORT_DESTINATION_EXCLUDED, address, "ReportExclude names it");
    else if (out->good == run->config->maximum_uris) /* by the agreements of other hosts */
        out->ignored++;
    else
        add(out, REPORT_DESTINATION_GOOD, address, reason);
}

static void check_uri(struct report_send *run, struct dns_session *session, struct domain domain,
                      struct bytes uri, bool failure, struct report_destinations *out)
{
    struct dmarc_destination found;
    struct bytes address;
    const char *why = report_rules_address(run->arena, uri, &address);
    if (why) { /* what we cannot use need not be asked for */
        add(out, REPORT_DESTINATION_UNVERIFIED, uri, why);
        return;
    }
    dmarc_destination_check(session, run->arena, domain, uri, failure, &found);
    const char *reason = report_shown(run->arena, bytes_of(found.reason));
    switch (found.status) {
    case DMARC_DESTINATION_OWN:
    case DMARC_DESTINATION_CONFIRMED:
        for (size_t i = 0; i < found.uri_count; i++)
            add_uri(run, found.uris[i].text, reason, out);
        break;
    case DMARC_DESTINATION_TEMPORARY:
        add(out, REPORT_DESTINATION_TEMPORARY, uri, reason);
        break;
    case DMARC_DESTINATION_REFUSED:
    case DMARC_DESTINATION_MISMATCH:
    case DMARC_DESTINATION_UNUSABLE:
        add(out, REPORT_DESTINATION_UNVERIFIED, uri, reason);
        break;
    }
}

static struct dns_session *open_session(struct report_send *run)
{
    const struct policy_env *env = &run->runtime->env;
    const struct dns_session_limits limits = {
        .queries = REPORT_QUERIES_MAX,
        .query_timeout_us = run->runtime->config->policy.limits.resolver_timeout_us,
        .now_us = env->monotonic_us,
        .clock = env->clock};
    struct dns_session *session = dns_session_new(run->arena, env->resolver, &limits);
    if (session)
        dns_session_set_deadline(session,
                                 env->monotonic_us(env->clock) +
                                     (int64_t)report_rules_dns_patience(run->dns_us) * 1000000);
    return session;
}

/* URIs of a confirmed agreement live as long as the session. */
static void keep(struct arena *arena, struct report_destinations *out)
{
    for (size_t i = 0; i < out->count; i++)
        out->items[i].address = arena_bytes(arena, out->items[i].address);
}

void report_send_destinations_of(struct report_send *run, struct bytes policy_domain,
                                 const struct bytes *uris, size_t count, bool failure,
                                 struct report_destinations *out)
{
    const struct policy_env *env = &run->runtime->env;
    const int64_t begin = env->monotonic_us(env->clock);
    struct domain domain = domain_parse(run->arena, policy_domain);
    struct dns_session *session = open_session(run);
    size_t mailto = 0;
    *out = (struct report_destinations){0};
    for (size_t i = 0; session && i < count; i++) {
        bool is_mailto = report_rules_is_mailto(uris[i]);
        mailto += is_mailto;
        if (is_mailto && mailto <= run->config->maximum_uris)
            check_uri(run, session, domain, uris[i], failure, out);
        else
            out->ignored++;
    }
    keep(run->arena, out);
    dns_session_free(session);
    run->dns_us += env->monotonic_us(env->clock) - begin;
}

void report_send_destinations(struct report_send *run, struct bytes policy_domain,
                              const struct report_policy *policy, struct report_destinations *out)
{
    report_send_destinations_of(run, policy_domain, policy->rua, policy->rua_count, false, out);
}
