/* fuzz_evaluation.c - whole messages: settings, connection, zone, header and body chosen by
 * a stranger, through the same calls as in the daemon.
 *
 * Input: a line of letters (settings, see set_letter()), client, client name, HELO,
 * reverse-path, a line each; a zone (zone_lines.h) and an empty line; the message.
 */
#include "authres.h"
#include "config.h"
#include "evaluate.h"
#include "failure_event.h"
#include "fuzz.h"
#include "key_source.h"
#include "message_file.h"
#include "zone_lines.h"

#include <string.h>

enum { REPLY_MAX = 400, LINE_MAX_OCTETS = 998 };

/* ---- a key for mail of our own users ---- */

static size_t find_key(struct key_source *source, struct arena *arena, struct bytes author_address,
                       struct domain author, struct signature_order *out, size_t max,
                       const char **why_not)
{
    static const char seed[] = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="; /* RFC 8463 A.2 */
    static struct signing_key *key;
    const char *problem;
    (void)source, (void)max;
    if (!key)
        key = signing_key_parse(BYTES(seed), &problem);
    *why_not = "the domain is a single label";
    if (author.labels < 2)
        return 0;
    *why_not = "";
    out[0] =
        (struct signature_order){.domain = author,
                                 .selector = domain_parse(arena, BYTES("s")),
                                 .identity = author_address.len % 2 ? author_address : BYTES_EMPTY,
                                 .key = signing_key_ref(key)};
    return 1;
}

/* ---- settings ---- */

static struct config *base_config(void)
{
    static struct config *config;
    static const struct config_override overrides[] = {
        {"AuthservID", "mx.example.org"},
        {"AuthservIDAliases", "old.example.org"},
        {"InternalHosts", "198.51.100.0/24"},
        {"TrustedRelays", "192.0.2.0/28"},
    };
    struct config_errors errors = {0};
    if (!config)
        config = config_load_with(NULL, overrides, 4, &errors);
    REQUIRE(config);
    return config;
}

/* True when the letter chooses one of the actions. */
static bool set_action(struct policy_settings *settings, char letter)
{
    static const char letters[] = "TQAtqa";
    static const enum action actions[] = {ACTION_TAG, ACTION_QUARANTINE, ACTION_ACCEPT};
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found)
        return false;
    enum action action = actions[(found - letters) % 3];
    if (letter < 'a')
        settings->on_reject = settings->on_invalid_from = action;
    else
        settings->on_quarantine = settings->indirect_mail = action;
    return true;
}

static void set_letter(struct policy_settings *settings, struct connection *connection, char letter)
{
    if (set_action(settings, letter))
        return;
    switch (letter) {
    case 'm':
        settings->mode = MODE_MONITOR;
        break;
    case 'f':
        settings->on_temp_error = TEMP_ERROR_TEMPFAIL;
        break;
    case 'r':
        settings->indirect_mail = ACTION_REJECT;
        break;
    case 'h':
        settings->check_helo = true;
        break;
    case 'e':
        settings->spf_explanation = true;
        break;
    case 'x':
        settings->explain = true;
        break;
    case 's':
        settings->signing.relaxed_header = settings->signing.relaxed_body = false;
        break;
    case 'u':
        connection->authenticated = true;
        break;
    case 'l':
        connection->local = true;
        break;
    case 'D':
        settings->limits.maximum_queries = 20;
        break;
    case 'H':
        settings->limits.maximum_header_fields = 50;
        break;
    case 'S':
        settings->limits.maximum_signatures = 1;
        break;
    case 'F':
        settings->failure_reports = settings->failure_redaction = true;
        break;
    case 'n':
        settings->failure_reports = true;
        settings->failure_redaction = false;
        break;
    case 'M':
        settings->limits.message_memory = 24 * 1024;
        break;
    }
}

static struct policy_table *table(struct arena *arena)
{
    struct policy_table *policy = policy_table_new(arena);
    policy_table_add(policy, BYTES("friend.example accept"));
    policy_table_add(policy, BYTES(".strict.example reject"));
    policy_table_add(policy, BYTES("hold.example quarantine"));
    policy_table_add(policy, BYTES("www.strict.example asis"));
    REQUIRE(!policy_table_finish(policy));
    return policy;
}

/* ---- what must hold ---- */

static void check_verdict(const struct policy_settings *settings, const struct outcome *outcome)
{
    static const char *const codes[] = {"250", "250", "250", "451", "550"};
    const struct verdict *verdict = &outcome->verdict;
    bool refused = verdict->action >= ACTION_TEMPFAIL;
    REQUIRE(verdict->action <= ACTION_REJECT && verdict->intended <= ACTION_REJECT);
    REQUIRE(strcmp(verdict->smtp_code, codes[verdict->action]) == 0);
    REQUIRE(verdict->enhanced_code[0] == verdict->smtp_code[0]);
    REQUIRE(fuzz_is_text(verdict->smtp_text) && (*verdict->smtp_text != '\0') == refused);
    REQUIRE(strlen(verdict->smtp_text) <= REPLY_MAX + 3);
    REQUIRE(fuzz_is_text(verdict->reason) && *verdict->reason);
    REQUIRE(fuzz_is_text(verdict->override_comment));
    REQUIRE(outcome->out_of_memory || settings->mode != MODE_MONITOR ||
            verdict->action == ACTION_ACCEPT);
    REQUIRE(outcome->out_of_memory || settings->mode == MODE_MONITOR ||
            verdict->action == verdict->intended);
}

static bool has_aligned_pass(const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    bool found = dmarc->spf_aligned && outcome->spf.result == AUTH_PASS;
    for (size_t i = 0; i < outcome->dkim.count; i++)
        found = found || (dmarc->dkim_aligned && dmarc->signature_aligned[i] &&
                          outcome->dkim.signatures[i].result == AUTH_PASS);
    return found;
}

static void check_dmarc(const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    REQUIRE(fuzz_is_text(dmarc->reason) && *dmarc->reason);
    REQUIRE(fuzz_is_text(outcome->spf.reason) && *outcome->spf.reason);
    if (outcome->author.status != AUTHOR_OK)
        REQUIRE(dmarc->result == AUTH_PERMERROR);
    if (dmarc->result == AUTH_PASS) {
        REQUIRE(has_aligned_pass(outcome) && dmarc->has_record);
        REQUIRE(outcome->verdict.action == ACTION_ACCEPT);
        REQUIRE(domain_equal(dmarc->from_domain, outcome->author.domain));
    }
    if (dmarc->result == AUTH_FAIL)
        REQUIRE(dmarc->has_record && !has_aligned_pass(outcome));
}

/* One entry of our field. */
static void check_entry(const struct authres_entry *entry, const char *method,
                        enum auth_result result)
{
    REQUIRE(bytes_is(entry->method, method));
    REQUIRE(bytes_is(entry->result, auth_result_name(result)));
    REQUIRE(entry->reason.len == 0);
}

/* It says of each method what the outcome says, and nothing else. */
static void check_results_field(struct arena *arena, const struct policy_settings *settings,
                                const struct outcome *outcome)
{
    struct authres parsed;
    struct bytes value = bytes_of(outcome->authentication_results);
    REQUIRE(fuzz_is_text(outcome->authentication_results));
    REQUIRE(authres_parse(arena, value, &parsed));
    REQUIRE(bytes_is(parsed.authserv_id, "mx.example.org"));
    REQUIRE(authres_claims(arena, value, &settings->own_ids));
    size_t next = 0, signatures = outcome->dkim.count;
    check_entry(&parsed.entries[next++], "spf", outcome->spf.result);
    if (outcome->helo_spf.reason)
        check_entry(&parsed.entries[next++], "spf", outcome->helo_spf.result);
    if (signatures == 0)
        check_entry(&parsed.entries[next++], "dkim", AUTH_NONE);
    for (size_t i = 0; i < signatures; i++)
        check_entry(&parsed.entries[next++], "dkim", outcome->dkim.signatures[i].result);
    check_entry(&parsed.entries[next++], "dmarc", outcome->dmarc.result);
    REQUIRE(next == parsed.entry_count);
}

/* A field's value as the MTA gets it: printable lines, folded by LF and tab. */
static void check_addition(const struct header_edit *edit)
{
    size_t column = strlen(edit->name) + 2;
    REQUIRE(fuzz_is_text(edit->name) && edit->value && *edit->value);
    for (const char *at = edit->value; *at; at++, column++) {
        if (*at == '\n') {
            REQUIRE(is_wsp(at[1]) && at[2] > ' ');
            column = 0;
        } else {
            REQUIRE((*at >= ' ' && *at <= '~') || *at == '\t');
        }
        REQUIRE(column <= LINE_MAX_OCTETS);
    }
}

static void check_edits(const struct outcome *outcome)
{
    size_t results = 0;
    for (size_t i = 0; i < outcome->addition_count; i++) {
        check_addition(&outcome->additions[i]);
        results += strcmp(outcome->additions[i].name, "Authentication-Results") == 0;
    }
    REQUIRE(outcome->out_of_memory || results == (outcome->originating ? 0 : 1));
    REQUIRE(!outcome->out_of_memory || outcome->addition_count + outcome->removal_count == 0);
    for (size_t i = 0; i < outcome->removal_count; i++) {
        const struct header_edit *edit = &outcome->removals[i];
        REQUIRE(fuzz_is_text(edit->name) && edit->index >= 1);
        for (size_t k = 0; k < i; k++)
            REQUIRE(strcmp(outcome->removals[k].name, edit->name) != 0 ||
                    outcome->removals[k].index > edit->index);
    }
}

/* What domain owners are told stands the way through the journal. */
static void check_reports(struct arena *arena, const struct policy_settings *settings,
                          const struct outcome *outcome)
{
    struct report_row row, again;
    struct failure_event failure;
    struct strbuf octets;
    const char *why_not;
    if (report_row_make(arena, outcome, 1700000000, "4XyZ12345", &row, &why_not)) {
        strbuf_init(&octets, arena);
        report_row_encode(&row, &octets);
        REQUIRE(report_row_decode(arena, strbuf_view(&octets), &again, NULL));
        REQUIRE(row.policy.rua_count > 0 && row.source.family != IP_NONE);
        REQUIRE(outcome->dmarc.result == AUTH_PASS || row.reason_count > 0 ||
                outcome->verdict.disposition == outcome->dmarc.policy); /* RFC 9990 3.1.1.9 */
    } else {
        REQUIRE(fuzz_is_text(why_not) && *why_not);
    }
    if (outcome->failure) {
        strbuf_init(&octets, arena);
        failure_event_encode(outcome->failure, &octets);
        REQUIRE(failure_event_decode(strbuf_view(&octets), &failure));
        REQUIRE(settings->failure_reports && failure.redacted == settings->failure_redaction);
        REQUIRE(!failure.redacted || failure.canonical_header.len == 0);
        REQUIRE(!outcome->report_guard && outcome->dmarc.record.psd != DMARC_PSD_YES);
    }
}

static void check(struct arena *arena, const struct policy_settings *settings,
                  const struct outcome *outcome, size_t asked)
{
    check_verdict(settings, outcome);
    check_edits(outcome);
    REQUIRE(outcome->dns.queries <= settings->limits.maximum_queries);
    REQUIRE(asked <= settings->limits.maximum_queries);
    check_reports(arena, settings, outcome);
    if (outcome->out_of_memory) {
        REQUIRE(settings->limits.message_memory < 1 << 20);
        REQUIRE(outcome->verdict.action == ACTION_TEMPFAIL);
        return;
    }
    REQUIRE(fuzz_is_text(outcome->helo) && fuzz_is_text(outcome->mail_from));
    REQUIRE(outcome->originating == (outcome->origin[0] != '\0'));
    if (outcome->originating) {
        REQUIRE(outcome->verdict.action == ACTION_ACCEPT);
        REQUIRE(outcome->signing.count || fuzz_is_text(outcome->signing.why_not));
        return;
    }
    check_dmarc(outcome);
    check_results_field(arena, settings, outcome);
}

/* ---- one message ---- */

struct mail {
    struct policy_settings settings;
    struct connection connection;
    struct bytes mail_from;
};

static void read_mail(struct mail *mail, struct arena *arena, struct bytes *input)
{
    struct bytes letters = fuzz_line(input);
    mail->settings = base_config()->policy;
    mail->settings.policy_table = table(arena);
    for (size_t i = 0; i < letters.len; i++)
        set_letter(&mail->settings, &mail->connection, letters.data[i]);
    if (!ip_parse(fuzz_line(input), &mail->connection.client))
        mail->connection.client.family = IP_NONE;
    mail->connection.client_name = fuzz_line(input);
    mail->connection.helo = fuzz_line(input);
    mail->mail_from = fuzz_line(input);
}

static void run(struct arena *arena, struct fake_dns *dns, struct bytes input)
{
    struct key_source keys = {find_key};
    struct policy_env env = fake_env(dns, 1700000000);
    struct mail mail = {.mail_from = BYTES_EMPTY};
    env.keys = &keys;
    read_mail(&mail, arena, &input);
    zone_lines_load(dns, arena, &input);
    struct evaluation *evaluation =
        evaluation_new(&env, &mail.settings, &mail.connection, mail.mail_from);
    if (!evaluation) {
        REQUIRE(mail.settings.limits.message_memory < 1 << 20);
        return;
    }
    message_file_feed(evaluation, input);
    const struct outcome *outcome = evaluation_finish(evaluation, "4XyZ12345");
    check(arena, &mail.settings, outcome, fake_dns_asked_count(dns));
    evaluation_free(evaluation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1 << 26);
    struct fake_dns *dns = fake_dns_new();
    REQUIRE(policy_global_init());
    run(arena, dns, fuzz_input(data, size));
    fake_dns_free(dns);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
