/* test_options.c - the option table: complete, sorted out, and the same as its documentation. */
#include "config.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* The sample file as gen_docs writes it. */
static char *print_sample(bool with_docs)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    config_print_defaults(out, with_docs);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* "#Name value" lines of the sample, the "#" taken away; the caller frees it. */
static char *uncomment(const char *sample)
{
    char *text = calloc(1, strlen(sample) + 1);
    size_t len = 0;
    assert_non_null(text);
    while (*sample) {
        size_t line = strcspn(sample, "\n") + 1;
        if (sample[0] == '#' && sample[1] >= 'A' && sample[1] <= 'Z') {
            memcpy(text + len, sample + 1, line - 1);
            len += line - 1;
        }
        sample += line;
    }
    return text;
}

static struct config *load_text(const char *text)
{
    char path[] = "/tmp/assay-test-options-XXXXXX";
    static struct config_errors errors;
    memset(&errors, 0, sizeof(errors));
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    struct config *config = config_load(path, &errors);
    remove(path);
    config_print_errors(stderr, "", &errors);
    assert_int_equal(errors.error_count, 0);
    return config;
}

static void every_option_is_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t len = strlen(config_options[i].doc);
        assert_in_range(strlen(config_options[i].name), 1, 40);
        if (len < 20 || config_options[i].doc[len - 1] != '.' ||
            strstr(config_options[i].doc, "  "))
            fail_msg("%s: its text is missing or not a sentence", config_options[i].name);
        assert_non_null(option_group_title(config_options[i].group));
        if (i > 0)
            assert_true(config_options[i].group >= config_options[i - 1].group);
    }
}

static void names_are_unique_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char upper[64];
        size_t len = strlen(config_options[i].name);
        for (size_t j = 0; j <= len; j++) {
            char c = config_options[i].name[j];
            upper[j] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
        }
        assert_ptr_equal(option_find(bytes_of(config_options[i].name)), &config_options[i]);
        assert_ptr_equal(option_find(bytes_of(upper)), &config_options[i]);
    }
    assert_null(option_find(BYTES("")));
    assert_null(option_find(BYTES("Sock")));
    assert_null(option_find(BYTES("Socket\0")));
}

/* The list of this release; a later issue adds its own. */
static void the_options_of_design_md_are_there(void **state)
{
    static const char *const names[] = {
        "Socket",
        "SocketMode",
        "SocketGroup",
        "UserID",
        "PidFile",
        "AuthservID",
        "AuthservIDAliases",
        "Mode",
        "InternalHosts",
        "TrustedRelays",
        "Nameservers",
        "ResolverTimeout",
        "MessageDeadline",
        "TrustAnchorFile",
        "LocalZone",
        "ResolverCacheSize",
        "OnReject",
        "OnQuarantine",
        "OnTempError",
        "OnInvalidFrom",
        "IndirectMail",
        "RejectText",
        "TagHeader",
        "PolicyTable",
        "CheckHelo",
        "SPFExplanation",
        "MinimumKeyBits",
        "MaximumSignatures",
        "MaximumHeaderFields",
        "MaximumHeaderBytes",
        "MaximumQueries",
        "ClockSkew",
        "MessageMemory",
        "MaximumConnections",
        "LogFormat",
        "LogLevel",
        "Syslog",
        "SyslogFacility",
        "Include",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!option_find(bytes_of(names[i])))
            fail_msg("%s is missing", names[i]);
    }
    assert_true(OPTION_COUNT >= sizeof(names) / sizeof(names[0]));
}

static void defaults_are_what_design_md_says(void **state)
{
    (void)state;
    static struct config_errors errors;
    struct config *config = config_defaults(&errors);
    assert_non_null(config);
    const struct policy_settings *policy = &config->policy;
    const struct limits *limits = &policy->limits;
    assert_int_equal(policy->mode, MODE_ENFORCE);
    assert_int_equal(policy->on_reject, ACTION_REJECT);
    assert_int_equal(policy->on_quarantine, ACTION_QUARANTINE);
    assert_int_equal(policy->on_temp_error, TEMP_ERROR_POLICY);
    assert_int_equal(policy->on_invalid_from, ACTION_REJECT);
    assert_int_equal(policy->indirect_mail, ACTION_QUARANTINE);
    assert_string_equal(policy->reject_text,
                        "Email rejected per DMARC policy for {domain}: {reason} [{queue-id}]");
    assert_string_equal(policy->tag_header, "X-Assay-Verdict");
    assert_int_equal(host_set_count(policy->internal_hosts), 0);
    assert_int_equal(host_set_count(policy->trusted_relays), 0);
    assert_null(policy->policy_table);
    assert_false(policy->check_helo);
    assert_false(policy->spf_explanation);
    assert_non_null(policy->authserv_id);
    assert_int_equal(policy->own_ids.count, 1);
    assert_string_equal(policy->own_ids.ids[0], policy->authserv_id);
    assert_int_equal(limits->maximum_signatures, 10);
    assert_int_equal(limits->maximum_queries, 200);
    assert_int_equal(limits->maximum_header_fields, 2000);
    assert_int_equal(limits->maximum_header_bytes, 512 * 1024);
    assert_int_equal(limits->message_memory, 64 << 20);
    assert_int_equal(limits->resolver_timeout_us, 5000000);
    assert_int_equal(limits->message_deadline_us, 20000000);
    assert_int_equal(limits->minimum_key_bits, 1024);
    assert_int_equal(limits->clock_skew, 300);
    assert_int_equal(config->milter.socket.family, SOCKET_UNIX);
    assert_string_equal(config->milter.socket.path, "/run/assay/assay.sock");
    assert_int_equal(config->milter.socket_mode, 0660);
    assert_null(config->milter.socket_group);
    assert_null(config->milter.user.user);
    assert_null(config->milter.pid_file);
    assert_int_equal(config->milter.maximum_connections, 1000);
    assert_int_equal(config->resolver.nameservers.kind, NAMESERVERS_SYSTEM);
    assert_null(config->resolver.trust_anchor_file);
    assert_int_equal(config->resolver.local_zones.count, 0);
    assert_int_equal(config->resolver.cache_size, 32 << 20);
    assert_false(config->log.syslog);
    assert_int_equal(config->log.format, LOG_FORMAT_TEXT);
    assert_int_equal(errors.warning_count, 0);
    config_unref(config);
}

/* What the sample shows as defaults, loaded, is what no file gives. */
static void check_same_as_defaults(const char *text)
{
    static struct config_errors errors;
    struct config *config = load_text(text);
    struct config *defaults = config_defaults(&errors);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        assert_string_equal(config->values[i].text, defaults->values[i].text);
        assert_true(config->values[i].is_default);
    }
    assert_memory_equal(&config->policy.limits, &defaults->policy.limits, sizeof(struct limits));
    assert_int_equal(config->policy.mode, defaults->policy.mode);
    assert_string_equal(config->policy.reject_text, defaults->policy.reject_text);
    assert_string_equal(config->policy.authserv_id, defaults->policy.authserv_id);
    assert_string_equal(config->milter.socket.path, defaults->milter.socket.path);
    config_unref(config);
    config_unref(defaults);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void sample_has_each_option_once(void **state)
{
    (void)state;
    char *sample = print_sample(true);
    char *lines = uncomment(sample);
    assert_int_equal(count_lines(lines), OPTION_COUNT);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char start[64];
        snprintf(start, sizeof(start), "\n#%s ", config_options[i].name);
        const char *at = strstr(sample, start);
        if (!at || strstr(at + 1, start))
            fail_msg("%s is not there exactly once", config_options[i].name);
    }
    free(lines);
    free(sample);
}

static void sample_as_it_is_changes_nothing(void **state)
{
    (void)state;
    char *sample = print_sample(true);
    check_same_as_defaults(sample);
    free(sample);
}

static void sample_uncommented_is_the_defaults(void **state)
{
    (void)state;
    char *sample = print_sample(true);
    char *lines = uncomment(sample);
    char *include = strstr(lines, "Include \"\"\n"); /* no file: it cannot stand there like that */
    assert_non_null(include);
    *include = '\0';
    check_same_as_defaults(lines);
    free(lines);
    free(sample);
}

static void default_lines_are_the_defaults(void **state)
{
    (void)state;
    char *lines = print_sample(false);
    assert_int_equal(count_lines(lines), OPTION_COUNT - 1); /* without Include */
    check_same_as_defaults(lines);
    free(lines);
}

static const struct {
    const char *name, *nearest; /* NULL: none */
} near_cases[] = {
    {"Socet", "Socket"},
    {"socketmod", "SocketMode"},
    {"AuthServerID", "AuthservID"},
    {"Authserv-ID", "AuthservID"},
    {"NameServer", "Nameservers"},
    {"OnRejekt", "OnReject"},
    {"MaximumSignature", "MaximumSignatures"},
    {"Includes", "Include"},
    {"KeyTabel", "KeyTable"},
    {"SigningTabel", "SigningTable"},
    {"FrobStore", NULL},
    {"x", NULL},
    {"", NULL},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

static void typing_errors_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(near_cases) / sizeof(near_cases[0]); i++) {
        const struct config_option *got = option_nearest(bytes_of(near_cases[i].name));
        const char *name = got ? got->name : "none";
        const char *expected = near_cases[i].nearest ? near_cases[i].nearest : "none";
        if (strcmp(name, expected) != 0)
            fail_msg("%s: got %s", near_cases[i].name, name);
    }
}

static void names_of_other_programs_get_a_hint(void **state)
{
    (void)state;
    assert_non_null(strstr(option_foreign_hint(BYTES("RejectFailures")), "OnReject"));
    assert_non_null(strstr(option_foreign_hint(BYTES("dnstimeout")), "ResolverTimeout"));
    assert_null(option_foreign_hint(BYTES("Socket")));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        assert_null(option_foreign_hint(bytes_of(config_options[i].name)));
}

static const struct {
    enum option_id option;
    const char *phrase;
} describe_cases[] = {
    {OPTION_OnReject, "reject, quarantine, tag or accept"},
    {OPTION_OnTempError, "policy, accept or tempfail"},
    {OPTION_ResolverTimeout, "a time from 100ms to 60s"},
    {OPTION_ClockSkew, "a time from 0s to 1d"},
    {OPTION_MaximumHeaderBytes, "a size from 16K to 64M"},
    {OPTION_MaximumSignatures, "a number from 1 to 100"},
    {OPTION_SocketMode, "an octal mode from 0 to 0777"},
    {OPTION_CheckHelo, "yes or no"},
};

static void what_is_allowed_is_said(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct strbuf buf;
        strbuf_init(&buf, arena);
        option_describe(&buf, &config_options[i]);
        assert_true(buf.len > 4);
    }
    for (size_t i = 0; i < sizeof(describe_cases) / sizeof(describe_cases[0]); i++) {
        struct strbuf buf;
        strbuf_init(&buf, arena);
        option_describe(&buf, &config_options[describe_cases[i].option]);
        assert_string_equal(strbuf_string(&buf), describe_cases[i].phrase);
    }
    assert_string_equal(option_word_name(&config_options[OPTION_Mode], MODE_MONITOR), "monitor");
    assert_string_equal(option_word_name(&config_options[OPTION_Mode], 99), "?");
    arena_free(arena);
}

/* ---- prose ---- */

/* A whole file as a string; NULL when it is not there. The caller frees it. */
static char *read_text(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0)
        fail_msg("%s: cannot be read", path);
    fclose(file);
    return text;
}

/* Words such as OnReject, with a capital letter in the middle, are names of options. */
static bool looks_like_option(struct bytes word)
{
    bool lower = false;
    if (word.len == 0 || word.data[0] < 'A' || word.data[0] > 'Z')
        return false;
    for (size_t i = 1; i < word.len; i++) {
        if (word.data[i] >= 'a' && word.data[i] <= 'z')
            lower = true;
        else if (lower && is_alpha((unsigned char)word.data[i]))
            return true;
    }
    return false;
}

/* Fails when text speaks of an option that does not exist. Returns how many names it has. */
static size_t check_names(const char *where, const char *text)
{
    size_t names = 0;
    while (*text) {
        size_t len = 0;
        while (is_alnum((unsigned char)text[len]))
            len++;
        struct bytes word = {text, len};
        if (looks_like_option(word)) {
            names++;
            /* KeyFile: what `assay import` reads */
            if (!option_find(word) && !bytes_is(word, "OpenDKIM") && !bytes_is(word, "KeyFile"))
                fail_msg("%s: there is no option %.*s", where, BYTES_ARGS(word));
        }
        text += len ? len : 1;
    }
    return names;
}

static void prose_names_no_option_that_is_not_there(void **state)
{
    static const char *const pages[] = {"assayd.8", "assay.1", "assay.conf.5.in"};
    const char *srcdir = getenv("srcdir");
    (void)state;
    assert_true(looks_like_option(BYTES("UserID")) && !looks_like_option(BYTES("Postfix")));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        check_names(config_options[i].name, config_options[i].doc);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/man/%s", srcdir ? srcdir : ".", pages[i]);
        char *text = read_text(path);
        assert_non_null(text);
        assert_true(check_names(pages[i], text) > 3);
        free(text);
    }
}

/* In the build directory lies the page that will be installed. */
static void manual_has_each_option_once(void **state)
{
    (void)state;
    char *page = read_text("man/assay.conf.5");
    if (!page)
        skip(); /* not run by make check */
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char item[64];
        snprintf(item, sizeof(item), "\n.It Cm %s\n", config_options[i].name);
        const char *at = strstr(page, item);
        if (!at || strstr(at + 1, item))
            fail_msg("%s is not there exactly once", config_options[i].name);
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_documented),
        cmocka_unit_test(names_are_unique_and_found),
        cmocka_unit_test(the_options_of_design_md_are_there),
        cmocka_unit_test(defaults_are_what_design_md_says),
        cmocka_unit_test(sample_has_each_option_once),
        cmocka_unit_test(sample_as_it_is_changes_nothing),
        cmocka_unit_test(sample_uncommented_is_the_defaults),
        cmocka_unit_test(default_lines_are_the_defaults),
        cmocka_unit_test(typing_errors_are_understood),
        cmocka_unit_test(names_of_other_programs_get_a_hint),
        cmocka_unit_test(what_is_allowed_is_said),
        cmocka_unit_test(prose_names_no_option_that_is_not_there),
        cmocka_unit_test(manual_has_each_option_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
