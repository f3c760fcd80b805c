/* test_config.c - loading assay.conf: files, sets, includes, overrides, errors. */
#include "config.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* A private directory for each test. */
struct site {
    char directory[64];
    struct config_errors errors;
};

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof(*site));
    assert_non_null(site);
    strcpy(site->directory, "/tmp/assay-test-config-XXXXXX");
    assert_non_null(mkdtemp(site->directory));
    *state = site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", site->directory);
    assert_int_equal(system(command), 0);
    free(site);
    return 0;
}

static const char *path_of(const struct site *site, const char *name)
{
    static char path[8][256];
    static unsigned next;
    char *out = path[next++ % 8];
    snprintf(out, sizeof(path[0]), "%s/%s", site->directory, name);
    return out;
}

static void write_octets(const struct site *site, const char *name, const void *data, size_t len)
{
    FILE *file = fopen(path_of(site, name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_file(const struct site *site, const char *name, const char *text)
{
    write_octets(site, name, text, strlen(text));
}

/* Loads a file of this text; NULL when there were errors. */
static struct config *load(struct site *site, const char *text)
{
    memset(&site->errors, 0, sizeof(site->errors));
    if (text)
        write_file(site, "assay.conf", text);
    return config_load(path_of(site, "assay.conf"), &site->errors);
}

/* Loads and expects success. */
static struct config *load_good(struct site *site, const char *text)
{
    struct config *config = load(site, text);
    config_print_errors(stderr, "", &site->errors);
    assert_non_null(config);
    assert_int_equal(site->errors.error_count, 0);
    return config;
}

static bool says(char texts[][CONFIG_ERROR_TEXT], size_t count, const char *part)
{
    for (size_t i = 0; i < count && i < CONFIG_ERRORS_MAX; i++) {
        if (strstr(texts[i], part))
            return true;
    }
    return false;
}

static bool has_error(struct site *site, const char *part)
{
    return says(site->errors.errors, site->errors.error_count, part);
}

static bool has_warning(struct site *site, const char *part)
{
    return says(site->errors.warnings, site->errors.warning_count, part);
}

static bool contains(const struct host_set *set, const char *address)
{
    struct ip ip;
    assert_true(ip_parse(bytes_of(address), &ip));
    return host_set_contains(set, &ip, BYTES_EMPTY);
}

/* ---- values ---- */

static void every_kind_of_option_is_set(void **state)
{
    struct site *site = *state;
    write_file(site, "key", ". IN DS 1 8 2 00\n");
    write_file(site, "a.zone", "");
    write_file(site, "b,c.zone", "");
    struct config *config =
        load_good(site, "Socket          inet:8891@localhost   # Sendmail's order\n"
                        "\n"
                        "USERID\tassay:postfix\r\n"
                        "PidFile /run/assay.pid\n"
                        "MaximumConnections 50\n"
                        "AuthservID Mx.Example.ORG.\n"
                        "AuthservIDAliases old.example.org, .example.net\n"
                        "Mode monitor\n"
                        "OnReject tag\nOnQuarantine accept\nOnTempError tempfail\n"
                        "OnInvalidFrom quarantine\nIndirectMail reject\n"
                        "RejectText \"no, {domain}: # {reason}\"\n"
                        "TagHeader X-Suspicious\n"
                        "CheckHelo on\nSPFExplanation 1\n"
                        "MinimumKeyBits 2048\nMaximumSignatures 3\nMaximumQueries 60\n"
                        "MaximumHeaderFields 100\nMaximumHeaderBytes 64K\nMessageMemory 1M\n"
                        "ClockSkew 1m\nResolverTimeout 500ms\nMessageDeadline 9\n"
                        "ResolverCacheSize 1M\n"
                        "Nameservers 192.0.2.53, 127.0.0.1@5353\nNameservers 2001:db8::53@53\n"
                        "TrustAnchorFile key\n"
                        "LocalZone a.zone, \"b,c.zone\"\n"
                        "Syslog yes\nSyslogFacility local3\nLogFormat json\nLogLevel debug\n");
    const struct policy_settings *policy = &config->policy;
    assert_int_equal(config->milter.socket.family, SOCKET_INET);
    assert_string_equal(config->milter.socket.host, "localhost");
    assert_int_equal(config->milter.socket.port, 8891);
    assert_string_equal(config->milter.user.user, "assay");
    assert_string_equal(config->milter.user.group, "postfix");
    assert_string_equal(config->milter.pid_file, "/run/assay.pid");
    assert_int_equal(config->milter.maximum_connections, 50);
    assert_string_equal(policy->authserv_id, "mx.example.org");
    assert_int_equal(policy->own_ids.count, 3);
    assert_string_equal(policy->own_ids.ids[0], "mx.example.org");
    assert_string_equal(policy->own_ids.ids[1], "old.example.org");
    assert_string_equal(policy->own_ids.ids[2], ".example.net");
    assert_int_equal(policy->mode, MODE_MONITOR);
    assert_int_equal(policy->on_reject, ACTION_TAG);
    assert_int_equal(policy->on_quarantine, ACTION_ACCEPT);
    assert_int_equal(policy->on_temp_error, TEMP_ERROR_TEMPFAIL);
    assert_int_equal(policy->on_invalid_from, ACTION_QUARANTINE);
    assert_int_equal(policy->indirect_mail, ACTION_REJECT);
    assert_string_equal(policy->reject_text, "no, {domain}: # {reason}");
    assert_string_equal(policy->tag_header, "X-Suspicious");
    assert_true(policy->check_helo);
    assert_true(policy->spf_explanation);
    assert_int_equal(policy->limits.minimum_key_bits, 2048);
    assert_int_equal(policy->limits.maximum_signatures, 3);
    assert_int_equal(policy->limits.maximum_queries, 60);
    assert_int_equal(policy->limits.maximum_header_fields, 100);
    assert_int_equal(policy->limits.maximum_header_bytes, 65536);
    assert_int_equal(policy->limits.message_memory, 1048576);
    assert_int_equal(policy->limits.clock_skew, 60);
    assert_int_equal(policy->limits.resolver_timeout_us, 500000);
    assert_int_equal(policy->limits.message_deadline_us, 9000000);
    assert_int_equal(config->resolver.cache_size, 1048576);
    assert_int_equal(config->resolver.nameservers.kind, NAMESERVERS_LIST);
    assert_int_equal(config->resolver.nameservers.servers.count, 3);
    assert_string_equal(config->resolver.nameservers.servers.items[1], "127.0.0.1@5353");
    assert_string_equal(config->resolver.nameservers.servers.items[2], "2001:db8::53@53");
    assert_string_equal(config->resolver.trust_anchor_file, path_of(site, "key"));
    assert_int_equal(config->resolver.local_zones.count, 2);
    assert_string_equal(config->resolver.local_zones.items[1], path_of(site, "b,c.zone"));
    assert_true(config->log.syslog);
    assert_int_equal(config->log.facility, LOG_LOCAL3);
    assert_int_equal(config->log.format, LOG_FORMAT_JSON);
    assert_int_equal(config->log.level, LOG_DEBUG);
    assert_int_equal(site->errors.warning_count, 0);
    config_unref(config);
}

static void socket_owner_is_set(void **state)
{
    struct config *config = load_good(*state, "SocketMode 0666\nSocketGroup postfix\nUserID 1000\n"
                                              "Nameservers recursive\nAuthservID HOSTNAME\n");
    assert_int_equal(config->milter.socket_mode, 0666);
    assert_string_equal(config->milter.socket_group, "postfix");
    assert_string_equal(config->milter.user.user, "1000");
    assert_null(config->milter.user.group);
    assert_int_equal(config->resolver.nameservers.kind, NAMESERVERS_RECURSIVE);
    assert_false(config->values[OPTION_AuthservID].is_default);
    config_unref(config);
}

static void empty_file_is_the_defaults(void **state)
{
    struct config *config = load_good(*state, "\xef\xbb\xbf# nothing\n\n");
    assert_string_equal(config->milter.socket.path, "/run/assay/assay.sock");
    assert_true(config->values[OPTION_AuthservID].is_default);
    assert_int_equal(config->files.count, 1);
    config_unref(config);
}

/* ---- sets and tables ---- */

static void sets_come_inline_and_from_files(void **state)
{
    struct site *site = *state;
    write_file(site, "internal", "# ours\n192.0.2.0/24  # office\r\n\n!192.0.2.66\n.example.com\n");
    write_file(site, "more", "198.51.100.7");
    char text[512];
    snprintf(text, sizeof(text),
             "InternalHosts 10.0.0.0/8, ./internal, [2001:db8::]/32\n"
             "InternalHosts file:more\n"
             "TrustedRelays %s\n",
             path_of(site, "more"));
    struct config *config = load_good(site, text);
    const struct host_set *set = config->policy.internal_hosts;
    assert_int_equal(host_set_count(set), 6);
    assert_true(contains(set, "10.1.2.3"));
    assert_true(contains(set, "192.0.2.1"));
    assert_false(contains(set, "192.0.2.66"));
    assert_true(contains(set, "2001:db8::1"));
    assert_true(contains(set, "198.51.100.7"));
    assert_true(contains(config->policy.trusted_relays, "198.51.100.7"));
    assert_false(contains(config->policy.trusted_relays, "10.1.2.3"));
    assert_int_equal(config->files.count, 4);
    config_unref(config);
}

static void wrong_entry_of_a_set_file_is_found(void **state)
{
    struct site *site = *state;
    write_file(site, "internal", "192.0.2.1\n\n192.0.2.999\nno host\n");
    assert_null(load(site, "InternalHosts ./internal\n"));
    assert_int_equal(site->errors.error_count, 2);
    assert_true(has_error(site, "/internal:3: InternalHosts: '192.0.2.999' is no host"));
    assert_true(has_error(site, "/internal:4: InternalHosts: 'no host' is no host"));
}

static void policy_table_is_read(void **state)
{
    struct site *site = *state;
    struct arena *arena = arena_new(1 << 16);
    enum policy_table_action action;
    const char *entry;
    write_file(site, "policy", "# exceptions\nexample.com accept # broken\n.example.net reject\n");
    struct config *config = load_good(site, "PolicyTable policy\n");
    assert_int_equal(policy_table_count(config->policy.policy_table), 2);
    assert_true(policy_table_find(config->policy.policy_table,
                                  domain_parse(arena, BYTES("a.example.net")), &action, &entry));
    assert_int_equal(action, POLICY_TABLE_REJECT);
    config_unref(config);
    arena_free(arena);
}

static void wrong_policy_table_is_refused(void **state)
{
    struct site *site = *state;
    write_file(site, "policy", "example.com accept\nexample.org\nexample.net deny\n");
    assert_null(load(site, "PolicyTable policy\n"));
    assert_true(has_error(site, "/policy:2: PolicyTable: 'example.org' is not of the form"));
    assert_true(has_error(site, "/policy:3: PolicyTable: action 'deny' is unknown"));
    write_file(site, "policy", "example.com accept\nEXAMPLE.com reject\n");
    assert_null(load(site, NULL));
    assert_true(has_error(site, "/policy: PolicyTable: 'example.com' stands there more than once"));
    write_file(site, "policy", "# none yet\n");
    config_unref(load_good(site, NULL));
    assert_true(has_warning(site, "/policy: PolicyTable: the file has no entries"));
}

/* ---- includes ---- */

static void includes_are_read_in_place(void **state)
{
    struct site *site = *state;
    mkdir(path_of(site, "conf.d"), 0755);
    write_file(site, "conf.d/20.conf", "InternalHosts 10.0.0.2\nPolicyTable table\n");
    write_file(site, "conf.d/10.conf", "InternalHosts 10.0.0.1\n");
    write_file(site, "conf.d/table", "example.com accept\n"); /* relative to where it is named */
    struct config *config = load_good(site, "InternalHosts 10.0.0.0\n"
                                            "Include conf.d/*.conf, none/*.conf\n"
                                            "Include other.d/*.conf\n");
    assert_int_equal(host_set_count(config->policy.internal_hosts), 3);
    assert_string_equal(config->values[OPTION_InternalHosts].text, "10.0.0.0, 10.0.0.1, 10.0.0.2");
    assert_int_equal(config->files.count, 4);
    assert_int_equal(policy_table_count(config->policy.policy_table), 1);
    config_unref(config);
}

static void include_goes_wrong(void **state)
{
    struct site *site = *state;
    assert_null(load(site, "Mode monitor\nInclude missing.conf\n"));
    assert_true(has_error(site, "assay.conf:2: Include: cannot read "));
    assert_true(has_error(site, "/missing.conf: No such file or directory"));
    assert_null(load(site, "Include assay.conf\n"));
    assert_true(has_error(site, "assay.conf:1: Include: "));
    assert_true(has_error(site, "includes itself"));
    assert_null(load(site, "Include *.conf\n"));
    assert_true(has_error(site, "includes itself"));
    assert_null(load(site, "Include \"\"\n"));
    assert_true(has_error(site, "assay.conf:1: Include: "));
}

static void includes_are_five_levels_deep_at_most(void **state)
{
    struct site *site = *state;
    for (int i = 1; i <= 5; i++) {
        char name[16], text[32];
        snprintf(name, sizeof(name), "%d.conf", i);
        snprintf(text, sizeof(text), i < 5 ? "Include %d.conf\n" : "InternalHosts 10.0.0.%d\n",
                 i + 1);
        write_file(site, name, text);
    }
    struct config *config = load_good(site, "Include 1.conf\n");
    assert_int_equal(host_set_count(config->policy.internal_hosts), 1);
    config_unref(config);
    write_file(site, "0.conf", "Include 1.conf\n");
    assert_null(load(site, "Include 0.conf\n"));
    assert_true(has_error(site, "4.conf:1: Include: "));
    assert_true(has_error(site, "would be more than 5 levels deep"));
}

static void option_set_in_two_files_is_an_error(void **state)
{
    struct site *site = *state;
    write_file(site, "extra", "Mode enforce\n");
    assert_null(load(site, "\nMode monitor\nInclude extra\n"));
    assert_int_equal(site->errors.error_count, 1);
    assert_true(has_error(site, "/extra:1: Mode is set already at "));
    assert_true(has_error(site, "/assay.conf:2; keep one of the two lines"));
}

/* ---- errors ---- */

static const struct {
    const char *line;
    const char *told;
} error_cases[] = {
    {"Socet unix:/a", "there is no option 'Socet'; did you mean Socket?"},
    {"FrobStore /etc/keys", "there is no option 'FrobStore'; see assay.conf(5)"},
    {"ReportStore reports.db",
     "ReportStore: 'reports.db' is not allowed; allowed: an absolute path"},
    {"ReportStore mysql://a/b", "ReportStore: 'mysql://a/b' is not allowed"},
    {"ReportStore PostgreSQL://a/b", "ReportStore: 'PostgreSQL://a/b' is not allowed"},
    {"ReportSender dmarc", "ReportSender: 'dmarc' is not allowed; allowed: an address such as"},
    {"ReportSender a..b@example.com", "ReportSender: 'a..b@example.com' is not allowed"},
    {"ReportSender -f@example.com", "ReportSender: '-f@example.com' is not allowed"},
    {"ReportSender a@[192.0.2.1]", "ReportSender: 'a@[192.0.2.1]' is not allowed"},
    {"ReportTransport /usr/sbin/sendmail", "ReportTransport: '/usr/sbin/sendmail' is not allowed"},
    {"ReportTransport smtp://", "ReportTransport: 'smtp://' is not allowed; allowed: sendmail:/"},
    {"ReportTransport smtp://a@b/", "ReportTransport: 'smtp://a@b/' is not allowed"},
    {"ReportTransport smtp://a:99999", "ReportTransport: 'smtp://a:99999' is not allowed"},
    {"ReportTransport smtp://a:", "ReportTransport: 'smtp://a:' is not allowed"},
    {"ReportTransport smtp://:25", "ReportTransport: 'smtp://:25' is not allowed"},
    {"ReportTransport smtp://::1", "ReportTransport: 'smtp://::1' is not allowed"},
    {"ReportInterval 7h", "ReportInterval: 7h does not divide a day"},
    {"ReportInterval 30m", "ReportInterval: '30m' is not allowed; allowed: a time from 1h to 1d"},
    {"ReportWhen never", "ReportWhen: 'never' is not allowed; allowed: accepted, passed or always"},
    {"ReportRetention 1d", "allowed: a time from 2d to 3660d"},
    {"KeyTable /etc/keys", "KeyTable is set and SigningTable is not; set both, or KeyDirectory"},
    {"SigningTable refile:/x", "SigningTable is set and KeyTable is not"},
    {"KeyTable ldap:x", "KeyTable: 'ldap:x' "},
    {"KeyDirectory /nowhere", "KeyDirectory: '/nowhere' cannot be looked at"},
    {"KeyDirectory /dev/null", "KeyDirectory: '/dev/null' is no directory"},
    {"Canonicalization relaxed", "Canonicalization: 'relaxed' is not allowed; allowed: relaxed/"},
    {"Canonicalization nofws/simple", "Canonicalization: 'nofws/simple' is not allowed"},
    {"SignHeaders From, Received", "SignHeaders: 'Received' is not allowed"},
    {"OversignHeaders a:b", "OversignHeaders: 'a:b' is not allowed"},
    {"SignatureTTL 5m", "SignatureTTL: '5m' is not allowed; allowed: a time of at least 1h"},
    {"UnsafeKeys no", "UnsafeKeys: 'no' is not allowed; allowed: refuse or warn"},
    {"RejectFailures yes", "there is no option 'RejectFailures': use OnReject"},
    {"Mode=monitor", "there is no option 'Mode=monitor'"},
    {"Mode", "Mode: the value is missing; allowed: enforce or monitor"},
    {"Mode # monitor", "Mode: the value is missing"},
    {"Mode test", "Mode: 'test' is not allowed; allowed: enforce or monitor"},
    {"Mode \"\"", "Mode: '' is not allowed; allowed: enforce or monitor"},
    {"Mode monitor, enforce", "Mode: 'monitor, enforce' is not allowed"},
    {"Mode \"monitor", "Mode: the closing quote is missing"},
    {"OnReject tempfail", "allowed: reject, quarantine, tag or accept"},
    {"OnTempError reject", "allowed: policy, accept or tempfail"},
    {"CheckHelo maybe", "CheckHelo: 'maybe' is not allowed; allowed: yes or no"},
    {"MaximumSignatures 0", "allowed: a number from 1 to 100"},
    {"MaximumSignatures 101", "allowed: a number from 1 to 100"},
    {"MaximumSignatures -1", "allowed: a number from 1 to 100"},
    {"MaximumSignatures 4294967306", "allowed: a number from 1 to 100"},
    {"MinimumKeyBits 512", "allowed: a number from 1024 to 8192"},
    {"ResolverTimeout 5 sec", "allowed: a time from 100ms to 60s"},
    {"ResolverTimeout 0", "allowed: a time from 100ms to 60s"},
    {"ClockSkew 1500ms", "ClockSkew: '1500ms' is not a number of whole seconds"},
    {"ClockSkew 25h", "allowed: a time from 0s to 1d"},
    {"MessageMemory 5G", "allowed: a size from 1M to 4G"},
    {"MaximumHeaderBytes 20M", "is more than a quarter of MessageMemory (64M)"},
    {"SocketMode 888", "allowed: an octal mode from 0 to 0777"},
    {"SocketMode 01777", "allowed: an octal mode from 0 to 0777"},
    {"SocketGroup a b", "SocketGroup: 'a b' is not allowed"},
    {"UserID :assay", "UserID: ':assay' is not allowed; allowed: user or user:group"},
    {"UserID assay:", "UserID: 'assay:' is not allowed"},
    {"PidFile assay.pid", "PidFile: 'assay.pid' is not allowed; allowed: an absolute path"},
    {"Socket inet:8891", "Socket: 'inet:8891' is no socket: the host is missing"},
    {"AuthservID a..b", "AuthservID: 'a..b' is not allowed; allowed: a domain name, or HOSTNAME"},
    {"AuthservIDAliases a b", "AuthservIDAliases: 'a b' is not allowed"},
    {"AuthservIDAliases .", "AuthservIDAliases: '.' is not allowed"},
    {"InternalHosts 10.0.0.0/33", "InternalHosts: '10.0.0.0/33' is no host: allowed are"},
    {"InternalHosts 10.0.0.1,", "InternalHosts: there is nothing before or after a comma"},
    {"InternalHosts /nowhere/hosts", "InternalHosts: cannot read /nowhere/hosts: No such file"},
    {"Nameservers system, 192.0.2.1", "Nameservers: 'system' is not allowed; allowed: system, "},
    {"Nameservers ns.example.com", "Nameservers: 'ns.example.com' is not allowed"},
    {"Nameservers 192.0.2.1@0", "Nameservers: '192.0.2.1@0' is not allowed"},
    {"Nameservers 192.0.2.1:53", "Nameservers: '192.0.2.1:53' is not allowed"},
    {"TrustAnchorFile /nowhere", "TrustAnchorFile: cannot read /nowhere: No such file"},
    {"TrustAnchorFile /tmp", "TrustAnchorFile: cannot read /tmp: Is a directory"},
    {"LocalZone /nowhere", "LocalZone: cannot read /nowhere"},
    {"PolicyTable /nowhere", "PolicyTable: cannot read /nowhere"},
    {"RejectText {domian}", "RejectText: '{domian}' has an unknown word in braces"},
    {"TagHeader Subject", "TagHeader: 'Subject' has a meaning already"},
    {"TagHeader X Y", "TagHeader: 'X Y' is not allowed; allowed: a header field name"},
    {"Mode mon\x01itor", "a control character"},
};

static void reports_are_off_by_default(void **state)
{
    struct site *site = *state;
    struct config *config = load(site, "AuthservID mx.example.com\n");
    assert_non_null(config);
    assert_null(config->report.store);
    assert_null(config->policy.report_sender); /* nothing is reported, so nothing is guarded */
    assert_string_equal(config->report.sender, "dmarc-noreply@mx.example.com");
    assert_string_equal(config->report.org, "mx.example.com");
    assert_string_equal(config->report.transport, "sendmail:/usr/sbin/sendmail");
    assert_int_equal(config->report.interval, 86400);
    assert_false(config->report.failure_reports);
    assert_true(config->report.failure_redaction);
    config_unref(config);
}

static void reports_are_read(void **state)
{
    struct site *site = *state;
    struct config *config =
        load(site, "ReportStore postgresql://assay@db/reports\nReportSender Dmarc@EXAMPLE.com\n"
                   "ReportOrg \"Example, Inc.\"\nReportExclude .spam.example, rua@example.net\n"
                   "ReportTransport smtp://[::1]:2525\nReportInterval 6h\nReportWhen passed\n");
    assert_non_null(config);
    assert_string_equal(config->report.store, "postgresql://assay@db/reports");
    assert_string_equal(config->report.sender, "Dmarc@example.com");
    assert_string_equal(config->policy.report_sender, "Dmarc@example.com");
    assert_string_equal(config->report.org, "Example, Inc.");
    assert_int_equal(config->report.exclude.count, 2);
    assert_string_equal(config->report.exclude.items[1], "rua@example.net");
    assert_string_equal(config->report.transport, "smtp://[::1]:2525");
    assert_int_equal(config->report.interval, 6 * 3600);
    assert_int_equal(config->report.when, REPORT_WHEN_PASSED);
    config_unref(config);
}

static void signing_is_read(void **state)
{
    struct site *site = *state;
    struct config *config =
        load(site, "KeyTable csl:k=example.com:s1:/etc/k.pem\nSigningTable refile:sign\n"
                   "Canonicalization relaxed/simple\nSignHeaders From, Subject\n"
                   "SignatureTTL 240h\nSigningDaemonNames MSA, submit\nUnsafeKeys warn\n");
    assert_non_null(config);
    const struct policy_settings *policy = &config->policy;
    assert_true(policy->signing.relaxed_header);
    assert_false(policy->signing.relaxed_body);
    assert_int_equal(policy->signing.sign_header_count, 2);
    assert_string_equal(policy->signing.sign_headers[1], "subject");
    assert_true(policy->signing.oversign_header_count > 3);
    assert_int_equal(policy->signing.expire_seconds, 240 * 3600);
    assert_int_equal(policy->signing_daemon_count, 2);
    assert_string_equal(policy->signing_daemons[0], "MSA");
    assert_int_equal(config->keys.unsafe_keys, UNSAFE_KEYS_WARN);
    assert_string_equal(config->keys.key_table, "csl:k=example.com:s1:/etc/k.pem");
    assert_non_null(strstr(config->keys.signing_table, "refile:/"));
    assert_non_null(strstr(config->keys.signing_table, "/sign"));
    config_unref(config);
}

static void each_error_says_where_and_what(void **state)
{
    struct site *site = *state;
    for (size_t i = 0; i < sizeof(error_cases) / sizeof(error_cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "# one\n%s\n", error_cases[i].line);
        if (load(site, text))
            fail_msg("'%s' was accepted", error_cases[i].line);
        if (site->errors.error_count != 1 || !has_error(site, error_cases[i].told) ||
            !has_error(site, "/assay.conf:2: "))
            fail_msg("'%s': %zu errors, the first: %s", error_cases[i].line,
                     site->errors.error_count, site->errors.errors[0]);
    }
}

static void all_errors_are_told_in_order(void **state)
{
    struct site *site = *state;
    write_file(site, "extra", "TagHeader From\n");
    assert_null(load(site, "LogFormat xml\nInclude extra\nMode x\nSocet y\nSocket z\n"));
    assert_int_equal(site->errors.error_count, 5);
    assert_non_null(strstr(site->errors.errors[0], "/assay.conf:1: LogFormat"));
    assert_non_null(strstr(site->errors.errors[1], "/assay.conf:3: Mode"));
    assert_non_null(strstr(site->errors.errors[2], "/assay.conf:4: there is no option 'Socet'"));
    assert_non_null(strstr(site->errors.errors[3], "/assay.conf:5: Socket"));
    assert_non_null(strstr(site->errors.errors[4], "/extra:1: TagHeader"));
}

static void a_flood_of_errors_is_capped(void **state)
{
    struct site *site = *state;
    char text[4096] = "";
    for (int i = 0; i < 100; i++)
        strcat(text, "Nonsense here\n");
    assert_null(load(site, text));
    assert_int_equal(site->errors.error_count, 100);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    config_print_errors(out, "assayd: ", &site->errors);
    fclose(out);
    assert_non_null(strstr(printed, "assayd: error: /"));
    assert_non_null(strstr(printed, "/assay.conf:20: there is no option"));
    assert_null(strstr(printed, "/assay.conf:21: "));
    assert_non_null(strstr(printed, "assayd: error: 80 more of them not shown\n"));
    free(printed);
}

static void unreadable_file_is_an_error(void **state)
{
    struct site *site = *state;
    assert_null(config_load(path_of(site, "none.conf"), &site->errors));
    assert_int_equal(site->errors.error_count, 1);
    assert_true(strncmp(site->errors.errors[0], "cannot read /", 13) == 0);
    assert_true(has_error(site, "/none.conf: No such file or directory"));
    memset(&site->errors, 0, sizeof(site->errors));
    assert_null(config_load(site->directory, &site->errors));
    assert_true(has_error(site, ": Is a directory"));
    memset(&site->errors, 0, sizeof(site->errors));
    assert_null(config_load("/dev/zero", &site->errors)); /* bounded */
    assert_true(has_error(site, "cannot read /dev/zero: File too large"));
}

static void hostile_files_are_survived(void **state)
{
    struct site *site = *state;
    static char big[300000];
    memset(big, 'x', sizeof(big));
    big[100000] = '\n';
    memcpy(big + 100001, "RejectText ", 11);
    big[200000] = '\n';
    write_octets(site, "assay.conf", big, sizeof(big));
    assert_null(load(site, NULL));
    assert_int_equal(site->errors.error_count, 3);
    for (int i = 0; i < 256; i++)
        big[i] = (char)i;
    write_octets(site, "assay.conf", big, 256);
    assert_null(load(site, NULL));
    assert_true(site->errors.error_count > 0);
    assert_true(has_error(site, "a control character"));
    for (size_t i = 0; i < site->errors.error_count; i++) {
        for (const char *c = site->errors.errors[i]; *c; c++)
            assert_in_range(*c, ' ', '~');
    }
}

/* ---- warnings ---- */

static const struct {
    const char *text;
    const char *told;
} warning_cases[] = {
    {"ResolverTimeout 30s", "assay.conf:1: ResolverTimeout (30s) is longer than MessageDeadline"},
    {"MessageDeadline 1s", "assay.conf:1: ResolverTimeout (5s) is longer than MessageDeadline"},
    {"AuthservID mx", "AuthservID: mx is no full domain name"},
    {"Socket inet:0.0.0.0:8891", "Socket: listens on every address"},
    {"Socket inet6:[::]:8891", "Socket: listens on every address"},
    {"Socket inet:localhost:1\nSocketMode 0600", "assay.conf:2: SocketMode has no effect"},
    {"Socket inet:localhost:1\nSocketGroup a", "assay.conf:2: SocketGroup has no effect"},
    {"SyslogFacility daemon", "SyslogFacility has no effect: Syslog is no"},
    {"AuthservID mx.example.com\nReportStore /r.db\nReportSender a@mx",
     "assay.conf:2: ReportSender: a@mx is at no full domain name"},
};

static void doubtful_settings_are_warned_of(void **state)
{
    struct site *site = *state;
    for (size_t i = 0; i < sizeof(warning_cases) / sizeof(warning_cases[0]); i++) {
        struct config *config = load(site, warning_cases[i].text);
        if (!config || site->errors.warning_count != 1 || !has_warning(site, warning_cases[i].told))
            fail_msg("%s: %s", warning_cases[i].text, site->errors.warnings[0]);
        config_unref(config);
    }
}

/* ---- overrides ---- */

static void overrides_take_the_place_of_the_file(void **state)
{
    struct site *site = *state;
    write_file(site, "a.zone", "");
    write_file(site, "b, c.zone", "");
    write_file(site, "assay.conf", "Socket unix:/a\nNameservers 192.0.2.1, 192.0.2.2\nMode bad\n");
    const struct config_override overrides[] = {
        {"Socket", "inet:8891@127.0.0.1"},
        {"mode", "monitor"}, /* repairs the file */
        {"Nameservers", "127.0.0.1@5353"},
        {"LocalZone", path_of(site, "a.zone")},
        {"LocalZone", path_of(site, "b, c.zone")}, /* adds up; taken as it is */
        {"AuthservID", "a.example"},
        {"AuthservID", "b.example"}, /* the last one counts */
    };
    struct config *config =
        config_load_with(path_of(site, "assay.conf"), overrides,
                         sizeof(overrides) / sizeof(overrides[0]), &site->errors);
    config_print_errors(stderr, "", &site->errors);
    assert_non_null(config);
    assert_int_equal(config->milter.socket.port, 8891);
    assert_int_equal(config->policy.mode, MODE_MONITOR);
    assert_int_equal(config->resolver.nameservers.servers.count, 1);
    assert_string_equal(config->resolver.nameservers.servers.items[0], "127.0.0.1@5353");
    assert_int_equal(config->resolver.local_zones.count, 2);
    assert_string_equal(config->resolver.local_zones.items[1], path_of(site, "b, c.zone"));
    assert_string_equal(config->policy.authserv_id, "b.example");
    assert_string_equal(config->values[OPTION_Mode].origin, "command line");
    config_unref(config);
}

static void wrong_overrides_are_refused(void **state)
{
    struct site *site = *state;
    const struct config_override overrides[] = {
        {"Sockt", "x"}, {"Mode", "x"}, {"Include", "x"}, {"TagHeader", "a\nb"}};
    assert_null(config_load_with(NULL, overrides, 4, &site->errors));
    assert_int_equal(site->errors.error_count, 4);
    assert_true(has_error(site, "command line: there is no option 'Sockt'"));
    assert_true(has_error(site, "command line: Mode: 'x' is not allowed"));
    assert_true(has_error(site, "command line: there is no option 'Include'"));
    assert_true(has_error(site, "command line: TagHeader: a control character"));
}

/* ---- dump ---- */

static char *dump(const struct config *config, bool only_changed)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_dump(out, config, only_changed);
    fclose(out);
    return text;
}

static void dump_can_be_loaded_again(void **state)
{
    struct site *site = *state;
    mkdir(path_of(site, "sub"), 0755);
    write_file(site, "sub/b,c.zone", "");
    write_file(site, "sub/hosts", "10.0.0.1\n");
    write_file(site, "sub/x.conf", "LocalZone \"b,c.zone\"\nInternalHosts ./hosts, 10.0.0.2\n");
    struct config *first = load_good(site, "Include sub/x.conf\n"
                                           "RejectText \"say \\\"no\\\" # {domain}\"\n"
                                           "Mode monitor\nClockSkew 300s\nOnReject REJECT\n");
    char *text = dump(first, false);
    struct config *second = load_good(site, text);
    char *again = dump(second, false);
    assert_string_equal(text, again);
    assert_string_equal(second->policy.reject_text, "say \"no\" # {domain}");
    assert_int_equal(host_set_count(second->policy.internal_hosts), 2);
    assert_int_equal(second->resolver.local_zones.count, 1);
    free(text);
    free(again);
    config_unref(first);
    config_unref(second);
}

static void dump_of_changes_leaves_defaults_out(void **state)
{
    struct config *config = load_good(*state, "Mode monitor\nClockSkew 300s\n");
    char *text = dump(config, true);
    assert_string_equal(text, "Mode monitor\n");
    free(text);
    config_unref(config);
}

static void json_says_where_a_value_comes_from(void **state)
{
    struct config *config = load_good(*state, "\nMode monitor\n");
    json_t *all = config_json(config, false);
    json_t *changed = config_json(config, true);
    assert_int_equal(json_object_size(all), OPTION_COUNT - 1); /* without Include */
    assert_int_equal(json_object_size(changed), 1);
    json_t *mode = json_object_get(changed, "Mode");
    assert_string_equal(json_string_value(json_object_get(mode, "value")), "monitor");
    assert_string_equal(json_string_value(json_object_get(mode, "default")), "enforce");
    assert_non_null(strstr(json_string_value(json_object_get(mode, "origin")), "/assay.conf:2"));
    json_t *socket = json_object_get(all, "Socket");
    assert_string_equal(json_string_value(json_object_get(socket, "origin")), "default");
    json_decref(all);
    json_decref(changed);
    config_unref(config);
}

static void json_is_utf8_whatever_a_path_is(void **state)
{
    struct config *config = load_good(*state, "Socket unix:/run/\xff.\xc3/x\n"
                                              "PidFile /run/\xc3\xa9\n");
    json_t *json = config_json(config, true);
    assert_non_null(json);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json, "Socket"), "value")),
        "unix:/run/?.?/x");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(json, "PidFile"), "value")),
        "/run/\xc3\xa9");
    json_decref(json);
    config_unref(config);
}

/* ---- life ---- */

static void references_are_counted(void **state)
{
    struct config *config = load_good(*state, "Mode monitor\n");
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_int_equal(config->policy.mode, MODE_MONITOR); /* ASAN would notice */
    config_unref(config);
    config_unref(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_option_is_set),
        TEST(socket_owner_is_set),
        TEST(empty_file_is_the_defaults),
        TEST(sets_come_inline_and_from_files),
        TEST(wrong_entry_of_a_set_file_is_found),
        TEST(policy_table_is_read),
        TEST(wrong_policy_table_is_refused),
        TEST(includes_are_read_in_place),
        TEST(include_goes_wrong),
        TEST(includes_are_five_levels_deep_at_most),
        TEST(option_set_in_two_files_is_an_error),
        TEST(reports_are_off_by_default),
        TEST(reports_are_read),
        TEST(signing_is_read),
        TEST(each_error_says_where_and_what),
        TEST(all_errors_are_told_in_order),
        TEST(a_flood_of_errors_is_capped),
        TEST(unreadable_file_is_an_error),
        TEST(hostile_files_are_survived),
        TEST(doubtful_settings_are_warned_of),
        TEST(overrides_take_the_place_of_the_file),
        TEST(wrong_overrides_are_refused),
        TEST(dump_can_be_loaded_again),
        TEST(dump_of_changes_leaves_defaults_out),
        TEST(json_says_where_a_value_comes_from),
        TEST(json_is_utf8_whatever_a_path_is),
        TEST(references_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
