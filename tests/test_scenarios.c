/* test_scenarios.c - whole messages: connection, envelope, message and zone in,
 * verdict, results and changes out. Each file of tests/scenarios/ holds some.
 *
 * A scenario is a block of "key: value" lines, ended by a line of "=". Keys in:
 *
 *   title, client (an address or "none"), local, authenticated, name, helo, mail-from, rcpt-to, now
 *   set       one option of assay.conf: "OnReject quarantine"
 *   zone      "example.com TXT v=spf1 -all"; types A AAAA MX PTR TXT CNAME, EXISTS, FAIL
 *   message   the lines behind it up to a line of "." (line ends become CRLF)
 *
 * Keys expected, each compared when present:
 *
 *   action intended spf dkim dmarc policy override origin: words (dkim: one a signature, by comma)
 *   reason smtp: a part of the text       results: Authentication-Results, whole
 *   removed: "Authentication-Results 3, Authentication-Results 1"     added: names
 *   asked, not-asked: "TXT _dmarc.example.com"
 *   report: "reject dkim=fail spf=pass", or "no: " and why there is no row
 *   report-policy, report-reasons, report-results: parts of the row, as below
 *   failure: what a failure report tells, as below; "none": none is made
 */
#include "config.h"
#include "evaluate.h"
#include "failure_event.h"
#include "fake_dns.h"
#include "message_file.h"
#include "report_row.h"
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCENARIOS = 68, /* in all files; so that none gets lost */
    OVERRIDES_MAX = 16,
    EXPECTATIONS_MAX = 64,
};

struct expectation {
    struct bytes key, value;
};

struct scenario {
    struct arena *arena;
    struct fake_dns *dns;
    struct connection connection;
    struct bytes mail_from, recipient, message;
    int64_t now;
    struct config_override overrides[OVERRIDES_MAX];
    size_t override_count;
    struct expectation expectations[EXPECTATIONS_MAX];
    size_t expectation_count;
    const char *title;
};

static const char *text_of(struct scenario *scenario, struct bytes view)
{
    return arena_copy(scenario->arena, view.data, view.len);
}

static struct bytes take_line(struct bytes *text)
{
    size_t end = bytes_find(*text, '\n');
    struct bytes line = bytes_slice(*text, 0, end);
    *text = bytes_slice(*text, end + 1, text->len);
    return line;
}

static struct bytes take_word(struct bytes *text)
{
    size_t end = bytes_find(*text, ' ');
    struct bytes word = bytes_slice(*text, 0, end);
    *text = bytes_trim(bytes_slice(*text, end, text->len));
    return word;
}

static void add_zone_line(struct scenario *scenario, struct bytes value)
{
    static const struct {
        const char *name;
        enum dns_type type;
    } types[] = {
        {"A", DNS_A}, {"AAAA", DNS_AAAA}, {"MX", DNS_MX}, {"PTR", DNS_PTR}, {"TXT", DNS_TXT}};
    const char *name = text_of(scenario, take_word(&value));
    struct bytes type = take_word(&value);
    const char *data = text_of(scenario, value);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (bytes_is(type, types[i].name)) {
            fake_dns_add(scenario->dns, name, types[i].type, data);
            return;
        }
    }
    if (bytes_is(type, "CNAME"))
        fake_dns_add_cname(scenario->dns, name, data);
    else if (bytes_is(type, "EXISTS"))
        fake_dns_add_name(scenario->dns, name);
    else if (bytes_is(type, "FAIL"))
        fake_dns_fail(scenario->dns, name, 0, data);
    else
        fail_msg("unknown zone type %.*s", BYTES_ARGS(type));
}

static void add_setting(struct scenario *scenario, struct bytes value)
{
    assert_true(scenario->override_count < OVERRIDES_MAX);
    struct config_override *override = &scenario->overrides[scenario->override_count++];
    override->option = text_of(scenario, take_word(&value));
    override->value = text_of(scenario, value);
}

/* The lines up to "." with CRLF ends. */
static struct bytes take_message(struct scenario *scenario, struct bytes *text)
{
    struct strbuf buf;
    strbuf_init(&buf, scenario->arena);
    for (;;) {
        assert_true(text->len > 0);
        struct bytes line = take_line(text);
        if (bytes_equal(line, BYTES(".")))
            return strbuf_view(&buf);
        strbuf_bytes(&buf, line);
        strbuf_puts(&buf, "\r\n");
    }
}

static bool set_input(struct scenario *scenario, struct bytes key, struct bytes value,
                      struct bytes *text)
{
    unsigned long long now;
    if (bytes_is(key, "title")) {
        scenario->title = text_of(scenario, value);
    } else if (bytes_is(key, "client")) {
        if (!bytes_is(value, "none"))
            assert_true(ip_parse(value, &scenario->connection.client));
    } else if (bytes_is(key, "local")) {
        scenario->connection.local = true;
    } else if (bytes_is(key, "authenticated")) {
        scenario->connection.authenticated = true;
    } else if (bytes_is(key, "name")) {
        scenario->connection.client_name = value;
    } else if (bytes_is(key, "helo")) {
        scenario->connection.helo = value;
    } else if (bytes_is(key, "rcpt-to")) {
        scenario->recipient = value;
    } else if (bytes_is(key, "mail-from")) {
        scenario->mail_from = value;
    } else if (bytes_is(key, "now")) {
        assert_true(bytes_to_number(value, INT64_MAX, &now));
        scenario->now = (int64_t)now;
    } else if (bytes_is(key, "set")) {
        add_setting(scenario, value);
    } else if (bytes_is(key, "zone")) {
        add_zone_line(scenario, value);
    } else if (bytes_is(key, "message")) {
        scenario->message = take_message(scenario, text);
    } else {
        return false;
    }
    return true;
}

/* Reads one scenario; false at the end of the file. */
static bool take_scenario(struct scenario *scenario, struct bytes *text)
{
    while (text->len) {
        struct bytes line = take_line(text);
        if (bytes_equal(line, BYTES("=")))
            return true;
        if (line.len == 0 || line.data[0] == '#')
            continue;
        size_t colon = bytes_find(line, ':');
        struct bytes key = bytes_slice(line, 0, colon);
        struct bytes value = bytes_trim(bytes_slice(line, colon + 1, line.len));
        if (!set_input(scenario, key, value, text)) {
            assert_true(scenario->expectation_count < EXPECTATIONS_MAX);
            scenario->expectations[scenario->expectation_count++] =
                (struct expectation){key, value};
        }
    }
    return scenario->title != NULL;
}

/* ---- comparing ---- */

static const char *dkim_words(struct scenario *scenario, const struct outcome *outcome)
{
    struct strbuf buf;
    strbuf_init(&buf, scenario->arena);
    for (size_t i = 0; i < outcome->dkim.count; i++)
        strbuf_printf(&buf, "%s%s", i ? ", " : "",
                      auth_result_name(outcome->dkim.signatures[i].result));
    return outcome->dkim.count ? strbuf_string(&buf) : "none";
}

static const char *edit_words(struct scenario *scenario, const struct header_edit *edits,
                              size_t count)
{
    struct strbuf buf;
    strbuf_init(&buf, scenario->arena);
    for (size_t i = 0; i < count; i++) {
        strbuf_printf(&buf, "%s%s", i ? ", " : "", edits[i].name);
        if (edits[i].index)
            strbuf_printf(&buf, " %u", edits[i].index);
    }
    return count ? strbuf_string(&buf) : "none";
}

/* ---- the row of a report ---- */

static const char *pass_word(bool pass)
{
    return pass ? "pass" : "fail";
}

/* "example.com p=reject sp=none fo=0 mailto:a@example.com"; adkim, aspf and t when not the default.
 */
static const char *policy_words(struct arena *arena, const struct report_policy *policy)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_printf(&buf, "%.*s p=%s", BYTES_ARGS(policy->domain), dmarc_policy_name(policy->p));
    if (policy->sp != DMARC_POLICY_UNSET)
        strbuf_printf(&buf, " sp=%s", dmarc_policy_name(policy->sp));
    if (policy->np != DMARC_POLICY_UNSET)
        strbuf_printf(&buf, " np=%s", dmarc_policy_name(policy->np));
    strbuf_printf(&buf, "%s%s%s fo=%.*s", policy->strict_dkim ? " adkim=s" : "",
                  policy->strict_spf ? " aspf=s" : "", policy->testing ? " t=y" : "",
                  BYTES_ARGS(policy->fo));
    for (size_t i = 0; i < policy->rua_count; i++)
        strbuf_printf(&buf, " %.*s", BYTES_ARGS(policy->rua[i]));
    if (policy->error.len)
        strbuf_printf(&buf, " (%.*s)", BYTES_ARGS(policy->error));
    return strbuf_string(&buf);
}

/* "policy_test_mode (the record says t=y), local_policy (monitor mode)" */
static const char *reason_words(struct arena *arena, const struct report_row *row)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    for (size_t i = 0; i < row->reason_count; i++)
        strbuf_printf(&buf, "%s%s (%.*s)", i ? ", " : "", override_name(row->reasons[i].type),
                      BYTES_ARGS(row->reasons[i].comment));
    return row->reason_count ? strbuf_string(&buf) : "none";
}

/* "192.0.2.1 from=example.com envelope=a.example dkim=pass (example.com s1) spf=fail (a.example)"
 */
static const char *result_words(struct arena *arena, const struct report_row *row)
{
    struct strbuf buf;
    char source[IP_TEXT_MAX];
    strbuf_init(&buf, arena);
    strbuf_printf(&buf, "%s from=%.*s envelope=%.*s", ip_format(&row->source, source),
                  BYTES_ARGS(row->header_from), BYTES_ARGS(row->envelope_from));
    for (size_t i = 0; i < row->signature_count; i++)
        strbuf_printf(&buf, " dkim=%s (%.*s %.*s)", auth_result_name(row->signatures[i].result),
                      BYTES_ARGS(row->signatures[i].domain),
                      BYTES_ARGS(row->signatures[i].selector));
    strbuf_printf(&buf, " spf=%s (%.*s)", auth_result_name(row->spf_result),
                  BYTES_ARGS(row->spf_domain));
    return strbuf_string(&buf);
}

/* The row has been through the journal's octets. */
static const char *report_words(struct scenario *scenario, const struct outcome *outcome,
                                struct bytes key)
{
    struct arena *arena = scenario->arena;
    struct report_row made, row;
    struct strbuf octets;
    const char *why_not;
    if (!report_row_make(arena, outcome, scenario->now, "QID", &made, &why_not))
        return arena_printf(arena, "no: %s", why_not);
    strbuf_init(&octets, arena);
    report_row_encode(&made, &octets);
    assert_true(report_row_decode(arena, strbuf_view(&octets), &row, NULL));
    if (bytes_is(key, "report-policy"))
        return policy_words(arena, &row.policy);
    if (bytes_is(key, "report-reasons"))
        return reason_words(arena, &row);
    if (bytes_is(key, "report-results"))
        return result_words(arena, &row);
    return arena_printf(arena, "%s dkim=%s spf=%s", report_disposition_name(row.disposition),
                        pass_word(row.dkim_aligned), pass_word(row.spf_aligned));
}

/* "dmarc spf; failed dkim spf; example.com; mailto:f@example.com; spf v=spf1 -all; reject; whole":
 * kinds; methods without an aligned pass; policy domain; ruf; SPF record; delivery; redaction. */
static const char *failure_words(struct scenario *scenario, const struct failure_event *event)
{
    static const char *const deliveries[] = {"delivered", "policy", "reject"};
    struct strbuf buf;
    if (!event)
        return "none";
    strbuf_init(&buf, scenario->arena);
    strbuf_printf(&buf, "%s%s%s; failed%s%s; %.*s;", event->kinds & FAILURE_DMARC ? "dmarc" : "",
                  event->kinds & FAILURE_DKIM ? " dkim" : "",
                  event->kinds & FAILURE_SPF ? " spf" : "", event->dkim_failed ? " dkim" : "",
                  event->spf_failed ? " spf" : "", BYTES_ARGS(event->policy_domain));
    for (size_t i = 0; i < event->ruf_count; i++)
        strbuf_printf(&buf, " %.*s", BYTES_ARGS(event->ruf[i]));
    strbuf_printf(&buf, "; spf%s%.*s; %s; %s", event->spf_record.len ? " " : "",
                  BYTES_ARGS(event->spf_record), deliveries[event->delivery],
                  event->redacted ? "redacted" : "whole");
    bool secret = memmem(event->header.data, event->header.len, "secret", 6) != NULL;
    assert_true(secret != event->redacted);
    return strbuf_string(&buf);
}

static bool was_asked(const struct scenario *scenario, struct bytes query)
{
    for (size_t i = 0; i < fake_dns_asked_count(scenario->dns); i++) {
        if (bytes_equal_nocase(bytes_of(fake_dns_asked(scenario->dns, i)), query))
            return true;
    }
    return false;
}

/* What the outcome says for a key; NULL: the key is not of this kind. */
static const char *actual(struct scenario *scenario, const struct outcome *outcome,
                          struct bytes key)
{
    const struct verdict *verdict = &outcome->verdict;
    if (bytes_is(key, "action"))
        return action_name(verdict->action);
    if (bytes_is(key, "intended"))
        return action_name(verdict->intended);
    if (bytes_is(key, "spf"))
        return auth_result_name(outcome->spf.result);
    if (bytes_is(key, "dkim"))
        return dkim_words(scenario, outcome);
    if (bytes_is(key, "dmarc"))
        return auth_result_name(outcome->dmarc.result);
    if (bytes_is(key, "policy"))
        return dmarc_policy_name(outcome->dmarc.policy);
    if (bytes_is(key, "override"))
        return override_name(verdict->override);
    if (bytes_is(key, "origin"))
        return outcome->origin;
    if (bytes_is(key, "results"))
        return outcome->authentication_results ? outcome->authentication_results : "none";
    if (bytes_is(key, "removed"))
        return edit_words(scenario, outcome->removals, outcome->removal_count);
    if (bytes_is(key, "added"))
        return edit_words(scenario, outcome->additions, outcome->addition_count);
    if (bytes_is(key, "failure"))
        return failure_words(scenario, outcome->failure);
    if (bytes_starts_nocase(key, BYTES("report")))
        return report_words(scenario, outcome, key);
    return NULL;
}

static void compare(struct scenario *scenario, const struct outcome *outcome,
                    const struct expectation *expected)
{
    struct bytes key = expected->key;
    const char *value = text_of(scenario, expected->value);
    const char *found = actual(scenario, outcome, key);
    if (found) {
        if (strcmp(found, value) != 0)
            fail_msg("%s: %.*s is \"%s\", expected \"%s\" (verdict: %s)", scenario->title,
                     BYTES_ARGS(key), found, value, outcome->verdict.reason);
    } else if (bytes_is(key, "reason") || bytes_is(key, "smtp")) {
        found = bytes_is(key, "smtp") ? outcome->verdict.smtp_text : outcome->verdict.reason;
        if (!strstr(found, value))
            fail_msg("%s: %.*s is \"%s\", without \"%s\"", scenario->title, BYTES_ARGS(key), found,
                     value);
    } else if (bytes_is(key, "asked") || bytes_is(key, "not-asked")) {
        if (was_asked(scenario, expected->value) != bytes_is(key, "asked"))
            fail_msg("%s: %.*s %s", scenario->title, BYTES_ARGS(key), value);
    } else {
        fail_msg("%s: unknown key \"%.*s\"", scenario->title, BYTES_ARGS(key));
    }
}

static void run(struct scenario *scenario)
{
    struct config_errors errors = {0};
    struct config *config =
        config_load_with(NULL, scenario->overrides, scenario->override_count, &errors);
    if (!config)
        fail_msg("%s: %s", scenario->title, errors.errors[0]);
    struct policy_env env = fake_env(scenario->dns, scenario->now);
    struct evaluation *evaluation =
        evaluation_new(&env, &config->policy, &scenario->connection, scenario->mail_from);
    if (scenario->recipient.len)
        evaluation_recipient(evaluation, scenario->recipient);
    message_file_feed(evaluation, scenario->message);
    const struct outcome *outcome = evaluation_finish(evaluation, "QID");
    assert_true(scenario->expectation_count > 0);
    for (size_t i = 0; i < scenario->expectation_count; i++)
        compare(scenario, outcome, &scenario->expectations[i]);
    evaluation_free(evaluation);
    config_unref(config);
}

static size_t run_file(const char *path)
{
    struct bytes file;
    size_t count = 0;
    if (!message_file_read(path, &file))
        fail_msg("cannot read %s", path);
    struct bytes text = file;
    for (;;) {
        struct scenario scenario = {
            .arena = arena_new(1 << 26), .dns = fake_dns_new(), .now = 1700000000};
        scenario.overrides[scenario.override_count++] =
            (struct config_override){"AuthservID", "mx.example.org"};
        bool found = take_scenario(&scenario, &text);
        if (found) {
            run(&scenario);
            count++;
        }
        fake_dns_free(scenario.dns);
        arena_free(scenario.arena);
        if (!found)
            break;
    }
    free((void *)(uintptr_t)file.data);
    return count;
}

static void test_scenarios(void **state)
{
    const char *srcdir = getenv("srcdir");
    char directory[512], path[1024];
    struct dirent **entries;
    size_t total = 0;
    (void)state;
    snprintf(directory, sizeof(directory), "%s/tests/scenarios", srcdir ? srcdir : ".");
    int files = scandir(directory, &entries, NULL, alphasort);
    assert_true(files > 0);
    for (int i = 0; i < files; i++) {
        const char *dot = strrchr(entries[i]->d_name, '.');
        if (dot && strcmp(dot, ".scenario") == 0) {
            snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
            size_t count = run_file(path);
            print_message("%-28s %3zu scenarios\n", entries[i]->d_name, count);
            total += count;
        }
        free(entries[i]);
    }
    free(entries);
    print_message("%zu scenarios in all\n", total);
    assert_int_equal(total, SCENARIOS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scenarios)};
    int failed = policy_global_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 99;
    policy_global_cleanup();
    return failed;
}
