/* test_import.c - `assay import`: what becomes of each option of OpenDKIM, OpenDMARC, OpenARC and
 * policyd-spf, alone, together, and in six set-ups of tests/data/import.
 *
 * The file is long because it is one table after the other. */
#include "import.h"
#include "import_read.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MEMORY = 64 << 20,
    PATH_OCTETS = 512,
};

/* A private directory for each test, which "@DIR@" in texts stands for. */
struct site {
    char directory[64];
};

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof(*site));
    assert_non_null(site);
    strcpy(site->directory, "/tmp/assay-test-import-XXXXXX");
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
    static char path[8][PATH_OCTETS];
    static unsigned next;
    char *out = path[next++ % 8];
    snprintf(out, PATH_OCTETS, "%s/%s", site->directory, name);
    return out;
}

static const char *source_path(const char *name)
{
    static char path[8][PATH_OCTETS];
    static unsigned next;
    const char *top = getenv("srcdir");
    char *out = path[next++ % 8];
    snprintf(out, PATH_OCTETS, "%s/tests/%s", top ? top : ".", name);
    return out;
}

/* The whole file, with a NUL behind it; the caller frees it. */
static char *slurp(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    if (!file)
        fail_msg("%s: %s", path, strerror(errno));
    assert_non_null(text);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    assert_true(len < (1 << 20) - 1);
    fclose(file);
    return text;
}

static void write_octets(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Copies text; each "@DIR@" becomes the directory. The caller frees it. */
static char *placed(const struct site *site, const char *text)
{
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    const char *mark;
    assert_non_null(stream);
    while ((mark = strstr(text, "@DIR@")) != NULL) {
        fprintf(stream, "%.*s%s", (int)(mark - text), text, site->directory);
        text = mark + 5;
    }
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
    return out;
}

static void write_file(const struct site *site, const char *name, const char *text)
{
    char *content = placed(site, text);
    write_octets(path_of(site, name), content, strlen(content));
    free(content);
}

static const char *const file_names[] = {"opendkim.conf", "opendmarc.conf", "openarc.conf",
                                         "policyd-spf.conf"};

/* Imports the files that are in the directory. */
static void import_site(const struct site *site, struct import *import, const char *tables)
{
    *import = (struct import){.arena = arena_new(MEMORY), .tables_directory = tables};
    assert_non_null(import->arena);
    for (int i = 0; i < IMPORT_PROGRAM_COUNT; i++) {
        const char *path = path_of(site, file_names[i]), *problem;
        if (access(path, R_OK) != 0)
            continue;
        path = arena_copy(import->arena, path, strlen(path));
        if (!import_read(import, (enum import_program)i, path, &problem))
            fail_msg("%s: %s", path, problem);
    }
    import_convert(import);
    assert_true(import_place_tables(import));
    assert_true(import_check(import));
    assert_false(arena_failed(import->arena));
}

/* What would be printed; the caller frees it. assayd must be able to load it. */
static char *printed(const struct site *site, struct import *import)
{
    static struct config_errors errors;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    import_write(stream, import);
    assert_int_equal(fclose(stream), 0);
    memset(&errors, 0, sizeof(errors));
    write_octets(path_of(site, "assay.conf"), text, size);
    struct config *config = config_load(path_of(site, "assay.conf"), &errors);
    config_print_errors(stderr, "", &errors);
    assert_non_null(config);
    config_unref(config);
    return text;
}

/* The lines in force: no comments, no blank lines. The caller frees it. */
static char *in_force(const char *text)
{
    char *out = calloc(1, strlen(text) + 1);
    size_t len = 0;
    assert_non_null(out);
    while (*text) {
        size_t line = strcspn(text, "\n");
        if (line && *text != '#') {
            memcpy(out + len, text, line + 1);
            len += line + 1;
        }
        text += line + (text[line] == '\n');
    }
    return out;
}

static void forget(struct import *import)
{
    arena_free(import->arena);
    *import = (struct import){0};
}

/* ---- the table ---- */

static unsigned check_list(const char *name, enum import_program program)
{
    char *text = slurp(source_path(name));
    unsigned count = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line == '#')
            continue;
        count++;
        if (!import_row_find(program, bytes_of(line)))
            fail_msg("%s: %s is not in import_map.def", name, line);
    }
    free(text);
    return count;
}

static void every_option_of_the_manuals_is_in_the_table(void **state)
{
    (void)state;
    assert_int_equal(check_list("data/import/options-opendkim.txt", IMPORT_OPENDKIM), 135);
    assert_int_equal(check_list("data/import/options-opendmarc.txt", IMPORT_OPENDMARC), 42);
    assert_int_equal(check_list("data/import/options-openarc.txt", IMPORT_OPENARC), 43);
    assert_int_equal(check_list("data/import/options-policyd-spf.txt", IMPORT_POLICYD_SPF), 33);
}

static void every_row_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < import_row_count; i++) {
        const struct import_row *row = &import_rows[i];
        if (import_row_find(row->program, bytes_of(row->name)) != row)
            fail_msg("%s stands there twice", row->name);
        if (*row->target && !option_find(bytes_of(row->target)))
            fail_msg("%s: there is no option %s", row->name, row->target);
        bool needs_note = row->convert == import_not_needed || row->convert == import_changed ||
                          row->convert == import_no_equivalent ||
                          row->convert == import_unless_off || row->convert == import_action;
        if (needs_note && !*row->note && strcmp(row->name, "Include") != 0)
            fail_msg("%s has no note", row->name);
        if (*row->note && row->note[strlen(row->note) - 1] != '.')
            fail_msg("%s: the note is no sentence", row->name);
    }
}

/* Whatever the value, each option gets an outcome, and the result loads. */
static void every_option_is_judged(void **state)
{
    const struct site *site = *state;
    static const char *const values[] = {
        "yes",    "0", "77", "reject", "example.com, b", "/none", "refile:/none", "dsn:mysql://h/d",
        "\"'%s{}"};
    for (size_t i = 0; i < import_row_count; i++) {
        for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
            const struct import_row *row = &import_rows[i];
            struct import import;
            char line[256];
            snprintf(line, sizeof(line), "%s%s%s\n", row->name,
                     row->program == IMPORT_POLICYD_SPF ? " = " : "\t", values[j]);
            write_file(site, file_names[row->program], line);
            import_site(site, &import, NULL);
            if (import.first->outcome == IMPORT_PENDING)
                fail_msg("%s is not judged", line);
            free(printed(site, &import));
            forget(&import);
            remove(path_of(site, file_names[row->program]));
        }
    }
}

/* ---- reading ---- */

struct read_case {
    enum import_program program;
    const char *text;
    const char *options; /* name=value/line, separated by blanks */
};

static void files_are_read_as_their_programs_read_them(void **state)
{
    const struct site *site = *state;
    static const struct read_case cases[] = {
        {IMPORT_OPENDKIM, "Mode\tsv\n", "Mode=sv/1"},
        {IMPORT_OPENDKIM, "  Mode \t s  v \n", "Mode=s  v/1"},
        {IMPORT_OPENDKIM, "# Mode s\n\n \t\nMode v # Mode s\n", "Mode=v/4"},
        {IMPORT_OPENDKIM, "Socket inet:1@a#b\n", "Socket=inet:1@a/1"},
        {IMPORT_OPENDKIM, "Mode s\r\nmode v\r\n", "Mode=s/1 mode=v/2"},
        {IMPORT_OPENDKIM, "Mode v", "Mode=v/1"},
        {IMPORT_OPENDKIM, "Mode=v\n", "Mode=v=/1"},
        {IMPORT_POLICYD_SPF, "TestOnly = 1\n#x\nNo_Mail=True # y\n", "TestOnly=1/1 No_Mail=True/3"},
        {IMPORT_POLICYD_SPF, "Whitelist =\n", "Whitelist=/1"},
        {IMPORT_OPENDMARC, "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct import import = {.arena = arena_new(MEMORY)};
        struct strbuf found;
        const char *problem;
        strbuf_init(&found, import.arena);
        write_file(site, "file", cases[i].text);
        assert_true(import_read(&import, cases[i].program, path_of(site, "file"), &problem));
        for (const struct import_option *option = import.first; option; option = option->next)
            strbuf_printf(&found, "%s%.*s=%.*s/%u", found.len ? " " : "", BYTES_ARGS(option->name),
                          BYTES_ARGS(option->value), option->line);
        assert_string_equal(strbuf_string(&found), cases[i].options);
        forget(&import);
    }
}

static const struct import_option *option_named(const struct import *import, const char *name)
{
    for (const struct import_option *option = import->first; option; option = option->next) {
        if (bytes_is(option->name, name))
            return option;
    }
    fail_msg("%s has not been read", name);
    return NULL;
}

static void includes_are_followed(void **state)
{
    const struct site *site = *state;
    struct import import;
    write_file(site, "opendkim.conf", "Include @DIR@/more\nInclude @DIR@/none\nClockDrift 5\n");
    write_file(site, "more", "ClockDrift 7\nMinimumKeyBits 2048\n");
    import_site(site, &import, NULL);
    char *text = printed(site, &import), *lines = in_force(text);
    assert_non_null(strstr(lines, "MinimumKeyBits 2048\n"));
    assert_non_null(strstr(lines, "ClockSkew 5s\n")); /* the last one counts */
    assert_non_null(strstr(text, "It is set again in line 3, which counts."));
    assert_non_null(strstr(text, "cannot be read: No such file or directory"));
    free(lines);
    free(text);
    forget(&import);
}

static void endless_includes_end(void **state)
{
    const struct site *site = *state;
    struct import import;
    write_file(site, "opendkim.conf", "Include @DIR@/opendkim.conf\nMode v\n");
    import_site(site, &import, NULL);
    char *text = printed(site, &import);
    assert_non_null(strstr(text, "more than five levels deep"));
    free(text);
    forget(&import);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    const struct site *site = *state;
    struct import import;
    write_file(site, "opendkim.conf", "Mode v\nNonsense 1\nSyslog\n");
    import_site(site, &import, NULL);
    char *text = printed(site, &import);
    const char *part = strstr(text, "# OpenDKIM Nonsense 1 (");
    assert_non_null(part);
    assert_non_null(strstr(part, "opendkim.conf:2)"));
    assert_non_null(strstr(part, "OpenDKIM has no such option that we know of."));
    assert_int_equal(option_named(&import, "Syslog")->outcome, IMPORT_UNKNOWN);
    assert_string_equal(option_named(&import, "Syslog")->note, "the value is missing");
    free(text);
    forget(&import);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    const struct site *site = *state;
    struct import import = {.arena = arena_new(MEMORY)};
    const char *problem;
    assert_false(import_read(&import, IMPORT_OPENDKIM, path_of(site, "none"), &problem));
    assert_string_equal(problem, "No such file or directory");
    assert_false(import_read(&import, IMPORT_OPENDKIM, site->directory, &problem));
    assert_string_equal(problem, "Is a directory");
    forget(&import);
}

/* Not even a file of another kind breaks what comes out. */
static void garbage_gives_comments(void **state)
{
    const struct site *site = *state;
    char octets[4096];
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
    static const char first[] = "Socket \x01\x02\nUserID a b\x7f\nAuthservID \xff\n";
    memcpy(octets, first, sizeof(first) - 1);
    write_octets(path_of(site, "opendkim.conf"), octets, sizeof(octets));
    struct import import;
    import_site(site, &import, NULL);
    free(printed(site, &import));
    forget(&import);
}

/* ---- options alone ---- */

struct line_case {
    enum import_program program;
    const char *text;
    const char *line; /* must be among the lines in force; with "!" in front: must not */
};

static void check_lines(const struct site *site, const struct line_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct import import;
        write_file(site, file_names[cases[i].program], cases[i].text);
        import_site(site, &import, NULL);
        char *text = printed(site, &import), *lines = in_force(text);
        bool wanted = cases[i].line[0] != '!';
        char *line = placed(site, cases[i].line + !wanted);
        if ((strstr(lines, line) != NULL) != wanted)
            fail_msg("\"%s\": \"%s\" is %s in\n%s\n(%s)", cases[i].text, line,
                     wanted ? "not" : "there", lines, text);
        free(line);
        free(lines);
        free(text);
        forget(&import);
        remove(path_of(site, file_names[cases[i].program]));
    }
}

#define CHECK_LINES(site, cases) check_lines(site, cases, sizeof(cases) / sizeof((cases)[0]))

static void values_are_translated(void **state)
{
    static const struct line_case cases[] = {
        {IMPORT_OPENDKIM, "Socket inet:8891@localhost\n", "Socket inet:8891@localhost\n"},
        {IMPORT_OPENDKIM, "Socket inet:8891\n", "Socket inet:8891@0.0.0.0\n"},
        {IMPORT_OPENDKIM, "Socket inet6:8891\n", "Socket inet6:8891@[::]\n"},
        {IMPORT_OPENDKIM, "Socket local:/run/o/s\nUMask 007\n", "SocketMode 0660\n"},
        {IMPORT_OPENDKIM, "Socket local:/run/o/s\nUMask 0002\n", "SocketMode 0664\n"},
        {IMPORT_OPENDKIM, "Socket local:/run/o/s\nUMask 0x12\n", "SocketMode 0644\n"},
        {IMPORT_OPENDKIM, "Socket inet:1@::1\nUMask 022\n", "!SocketMode"},
        {IMPORT_OPENDKIM, "Socket nonsense\n", "!Socket"},
        {IMPORT_OPENDKIM, "Socket inet:1@a.b\nUserID o:g\n", "UserID o:g\n"},
        {IMPORT_OPENDMARC, "AuthservID HOSTNAME\n", "AuthservID HOSTNAME\n"},
        {IMPORT_POLICYD_SPF, "Authserv_Id = mx.example.com\n", "AuthservID mx.example.com\n"},
        {IMPORT_OPENDKIM, "MinimumKeyBits 2048\n", "MinimumKeyBits 2048\n"},
        {IMPORT_OPENDKIM, "MinimumKeyBits 512\n", "MinimumKeyBits 1024\n"},
        {IMPORT_OPENDKIM, "MinimumKeyBits 0\n", "!MinimumKeyBits"},
        {IMPORT_OPENDKIM, "MinimumKeyBits many\n", "!MinimumKeyBits"},
        {IMPORT_OPENDKIM, "MaximumSignaturesToVerify 3\n", "MaximumSignatures 3\n"},
        {IMPORT_OPENDKIM, "ClockDrift 0\n", "ClockSkew 0s\n"},
        {IMPORT_OPENDKIM, "ClockDrift 600\n", "ClockSkew 600s\n"},
        {IMPORT_OPENDKIM, "DNSTimeout 10\n", "ResolverTimeout 10s\n"},
        {IMPORT_OPENDKIM, "DNSTimeout 0\n", "!ResolverTimeout"},
        {IMPORT_OPENDMARC, "DNSTimeout 600\n", "ResolverTimeout 20s\n"},
        {IMPORT_POLICYD_SPF, "Lookup_Time = 12\n", "MessageDeadline 12s\n"},
        {IMPORT_OPENDKIM, "Nameservers 192.0.2.1, 2001:db8::1\n",
         "Nameservers 192.0.2.1, 2001:db8::1\n"},
        {IMPORT_OPENDKIM, "Nameservers nonsense\n", "!Nameservers"},
        {IMPORT_OPENDKIM, "TrustAnchorFile /none\n", "!TrustAnchorFile"},
        {IMPORT_OPENDKIM, "MaximumHeaders 131072\n", "MaximumHeaderBytes 131072\n"},
        {IMPORT_OPENDKIM, "MaximumHeaders 0\n", "!MaximumHeaderBytes"},
        {IMPORT_OPENARC, "MaximumHeaders 1\n", "MaximumHeaderBytes 16384\n"},
        {IMPORT_OPENDKIM, "Syslog yes\nSyslogFacility local3\n",
         "Syslog yes\nSyslogFacility local3\n"},
        {IMPORT_OPENDKIM, "Syslog no\n", "!Syslog"},
        {IMPORT_POLICYD_SPF, "TestOnly = 1\n", "Syslog yes\n"},
        {IMPORT_OPENDKIM, "RemoveARFrom a.example, .b.example\n",
         "AuthservIDAliases a.example, .b.example\n"},
        {IMPORT_POLICYD_SPF, "HELO_reject = False\n", "CheckHelo yes\n"},
        {IMPORT_POLICYD_SPF, "HELO_reject = No_Check\n", "!CheckHelo"},
    };
    CHECK_LINES(*state, cases);
}

static void sets_of_hosts_are_translated(void **state)
{
    const struct site *site = *state;
    static const struct line_case cases[] = {
        {IMPORT_OPENDKIM, "InternalHosts 127.0.0.1, ::1, localhost\n", "!InternalHosts"},
        {IMPORT_OPENDKIM, "InternalHosts 192.0.2.0/24, !192.0.2.1, 127.0.0.1\n",
         "InternalHosts 192.0.2.0/24, !192.0.2.1\n"},
        {IMPORT_OPENDKIM, "InternalHosts csl:192.0.2.1\n", "InternalHosts 192.0.2.1\n"},
        {IMPORT_OPENDKIM, "InternalHosts refile:@DIR@/good\n", "InternalHosts @DIR@/good\n"},
        {IMPORT_OPENDKIM, "InternalHosts @DIR@/good\n", "InternalHosts @DIR@/good\n"},
        {IMPORT_OPENDKIM, "BaseDirectory @DIR@\nInternalHosts file:good\n",
         "InternalHosts @DIR@/good\n"},
        {IMPORT_OPENDKIM, "InternalHosts @DIR@/loopback\n", "!InternalHosts"},
        {IMPORT_OPENDKIM, "InternalHosts refile:@DIR@/patterns\n",
         "InternalHosts .example.com, 192.0.2.0/24, !192.0.2.9, [2001:db8::1]\n"},
        {IMPORT_OPENDKIM, "InternalHosts *\n", "InternalHosts 0.0.0.0/0, ::/0\n"},
        {IMPORT_OPENDKIM, "InternalHosts @DIR@/none\n", "!InternalHosts"},
        {IMPORT_OPENDKIM, "InternalHosts ldap://h/o=x\n", "!InternalHosts"},
        {IMPORT_OPENDKIM, "PeerList 192.0.2.1\nExternalIgnoreList 192.0.2.1\n", "!192.0.2.1"},
        {IMPORT_OPENDMARC, "IgnoreHosts @DIR@/good\n", "InternalHosts @DIR@/good\n"},
        {IMPORT_OPENDMARC, "IgnoreHosts @DIR@/loopback\n", "!InternalHosts"},
        {IMPORT_POLICYD_SPF, "skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1\n",
         "!InternalHosts"},
        {IMPORT_POLICYD_SPF, "skip_addresses = 127.0.0.0/8,10.0.0.0/8\n",
         "InternalHosts 10.0.0.0/8\n"},
        {IMPORT_POLICYD_SPF, "Whitelist = 192.0.2.0/31\nHELO_Whitelist = relay.example.com\n",
         "TrustedRelays 192.0.2.0/31, relay.example.com\n"},
        {IMPORT_POLICYD_SPF, "Domain_Whitelist_PTR = a.example,b.example\n",
         "TrustedRelays .a.example, .b.example\n"},
    };
    write_file(site, "good", "# ours\n127.0.0.1\n192.0.2.0/24 # lan\n.example.com\n");
    write_file(site, "loopback", "127.0.0.1\n::1\nlocalhost\n");
    write_file(site, "patterns",
               "*.example.com\n192.0.2.0/24\n!192.0.2.9\n[2001:db8::1]\nno*where\n127.0.0.1\n");
    CHECK_LINES(site, cases);
}

static void keys_are_translated(void **state)
{
    const struct site *site = *state;
    static const struct line_case cases[] = {
        {IMPORT_OPENDKIM, "KeyTable @DIR@/keys\nSigningTable refile:@DIR@/rows\n",
         "KeyTable file:@DIR@/keys\nSigningTable refile:@DIR@/rows\n"},
        {IMPORT_OPENDKIM, "BaseDirectory @DIR@\nKeyTable file:keys\nSigningTable csl:a.example=k\n",
         "KeyTable file:@DIR@/keys\nSigningTable csl:a.example=k\n"},
        {IMPORT_OPENDKIM, "Mode v\nKeyTable @DIR@/keys\nSigningTable refile:@DIR@/rows\n",
         "!KeyTable"},
        {IMPORT_OPENDKIM, "KeyTable @DIR@/keys\n", "!KeyTable"},
        {IMPORT_OPENDKIM, "KeyTable dsn:mysql://h/d\nSigningTable refile:@DIR@/rows\n",
         "!SigningTable"},
        {IMPORT_OPENDKIM, "Domain a.example\nSelector s\nKeyFile @DIR@/k.pem\n",
         "KeyTable csl:a.example=a.example:s:@DIR@/k.pem\nSigningTable csl:a.example=a.example\n"},
        {IMPORT_OPENDKIM, "Domain a.example\nSelector s\nKeyFile @DIR@/k.pem\nSubDomains yes\n",
         "SigningTable csl:a.example=a.example,.a.example=a.example\n"},
        {IMPORT_OPENDKIM, "Domain a.example, b.example\nSelector s\nKeyFile @DIR@/k.pem\n",
         "SigningTable csl:a.example=a.example,b.example=b.example\n"},
        {IMPORT_OPENDKIM, "Domain *\nSelector s\nKeyFile @DIR@/k.pem\n",
         "KeyTable csl:*=%:s:@DIR@/k.pem\nSigningTable csl:*=*\n"},
        {IMPORT_OPENDKIM, "Domain a.example\nSelector s\n", "!KeyTable"},
        {IMPORT_OPENDKIM, "MTA MSA, SUB\n", "SigningDaemonNames MSA, SUB\n"},
        {IMPORT_OPENDKIM, "MacroList daemon_name=ORIGINATING|MSA\n",
         "SigningDaemonNames ORIGINATING, MSA\n"},
        {IMPORT_OPENDKIM, "RequireSafeKeys no\n", "UnsafeKeys warn\n"},
        {IMPORT_OPENDKIM, "RequireSafeKeys yes\n", "!UnsafeKeys"},
        {IMPORT_OPENDKIM, "Canonicalization relaxed/relaxed\n",
         "Canonicalization relaxed/relaxed\n"},
        {IMPORT_OPENDKIM, "Canonicalization relaxed\n", "Canonicalization relaxed/simple\n"},
        {IMPORT_OPENDKIM, "SignatureTTL 86400\n", "SignatureTTL 86400s\n"},
        {IMPORT_OPENDKIM, "SignatureAlgorithm rsa-sha1\n", "!rsa-sha1"},
        {IMPORT_OPENDKIM, "SignHeaders Subject, Date\n", "SignHeaders Subject, Date, From\n"},
        {IMPORT_OPENDKIM, "SignHeaders Subject, From\nOmitHeaders Subject\n", "SignHeaders From\n"},
        {IMPORT_OPENDKIM, "SignHeaders *,+Autocrypt\n", "!SignHeaders"}, /* has it anyway */
        {IMPORT_OPENDKIM, "SignHeaders *,+X-Mine\n", ", X-Mine\n"},
        {IMPORT_OPENDKIM, "SignHeaders *,-List-Id\n", "SignHeaders from, "},
        {IMPORT_OPENDKIM, "SignHeaders Subject, Received\n", "SignHeaders Subject, From\n"},
        {IMPORT_OPENDKIM, "OmitHeaders *,+List-Id\n", "SignHeaders from, "},
        {IMPORT_OPENDKIM, "OmitHeaders *,+X-None\n", "!SignHeaders"},
        {IMPORT_OPENDKIM, "OversignHeaders From, Subject\n", "OversignHeaders From, Subject\n"},
    };
    char *key = slurp(source_path("keys/rsa2048.pem"));
    write_file(site, "k.pem", key);
    assert_int_equal(chmod(path_of(site, "k.pem"), 0600), 0);
    write_file(site, "keys", "k a.example:s:@DIR@/k.pem\n");
    write_file(site, "rows", "*@a.example k\n");
    CHECK_LINES(site, cases);
    free(key);
}

/* ---- what is done with messages ---- */

static void nothing_is_enforced_that_was_not(void **state)
{
    static const char none[] =
        "OnReject accept\nIndirectMail accept\nOnQuarantine accept\nOnInvalidFrom accept\n"
        "OnTempError accept\n";
    static const struct line_case cases[] = {
        {IMPORT_OPENDKIM, "Mode sv\n", none},
        {IMPORT_OPENARC, "Mode v\n", none},
        {IMPORT_POLICYD_SPF, "TestOnly = 1\n", none},
        {IMPORT_OPENDMARC, "Syslog no\n", none},
        {IMPORT_OPENDMARC, "RejectFailures false\nHoldQuarantinedMessages true\n", none},
        {IMPORT_OPENDMARC, "RejectFailures true\nRejectFailures no\n", none},
    };
    CHECK_LINES(*state, cases);
}

static void what_was_enforced_still_is(void **state)
{
    static const struct line_case cases[] = {
        {IMPORT_OPENDMARC, "RejectFailures true\n",
         "OnReject reject\nIndirectMail reject\nOnQuarantine accept\nOnInvalidFrom accept\n"
         "OnTempError tempfail\n"},
        {IMPORT_OPENDMARC, "RejectFailures yes\nHoldQuarantinedMessages 1\n",
         "OnQuarantine quarantine\n"},
        {IMPORT_OPENDMARC, "RequiredHeaders true\n", "OnInvalidFrom reject\n"},
        {IMPORT_OPENDMARC, "RejectMultiValueFrom true\n", "OnInvalidFrom reject\n"},
        {IMPORT_OPENDKIM, "RequiredHeaders yes\n", "OnInvalidFrom reject\n"},
        {IMPORT_OPENDKIM, "On-DNSError tempfail\n", "OnTempError tempfail\n"},
        {IMPORT_OPENDKIM, "On-Default t\n", "OnTempError tempfail\n"},
        {IMPORT_OPENDKIM, "On-Default t\nOn-DNSError accept\n", "OnTempError accept\n"},
        {IMPORT_OPENDKIM, "Mode s\nOn-DNSError tempfail\n", "OnTempError accept\n"},
        {IMPORT_POLICYD_SPF, "TempError_Defer = True\n", "OnTempError tempfail\n"},
        {IMPORT_OPENDMARC, "RejectString no mail from %s, 100%% sure {x}\n",
         "RejectText no mail from {domain}, 100% sure (x)\n"},
        {IMPORT_OPENDMARC, "RejectString a # comment\n", "RejectText a\n"},
        {IMPORT_OPENDKIM, "On-NoSignature reject\n", "!PolicyTable"}, /* needs a file */
    };
    CHECK_LINES(*state, cases);
}

static void one_socket_and_one_name_are_left(void **state)
{
    const struct site *site = *state;
    struct import import;
    write_file(site, "opendkim.conf", "Socket inet:8891@localhost\nAuthservID a.example\n");
    write_file(site, "opendmarc.conf",
               "Socket inet:8893@localhost\nAuthservID b.example\nUserID u\nSyslog yes\n");
    write_file(site, "openarc.conf", "AuthservID A.example\n");
    import_site(site, &import, NULL);
    char *text = printed(site, &import), *lines = in_force(text);
    assert_non_null(strstr(lines, "Socket inet:8891@localhost\nAuthservID a.example\n"
                                  "AuthservIDAliases b.example\n"));
    assert_null(strstr(lines, "8893"));
    assert_null(strstr(lines, "UserID"));
    assert_non_null(strstr(text, "remove this socket from the mail server's"));
    free(lines);
    free(text);
    forget(&import);
}

/* ---- tables that are made ---- */

static void tables_are_written_on_request(void **state)
{
    const struct site *site = *state;
    struct import import;
    char *key = slurp(source_path("keys/rsa2048.pem"));
    write_file(site, "k.pem", key);
    assert_int_equal(chmod(path_of(site, "k.pem"), 0600), 0);
    write_file(site, "opendkim.conf",
               "Domain a.example\nSelector s\nKeyFile @DIR@/k.pem\nOn-NoSignature reject\n");
    write_file(site, "opendmarc.conf", "IgnoreMailFrom broken.example, odd.example\n");
    write_file(site, "policyd-spf.conf", "Reject_Not_Pass_Domains = aol.example\n");
    import_site(site, &import, site->directory);
    char *text = printed(site, &import), *lines = in_force(text);
    char *wanted = placed(site, "KeyTable file:@DIR@/KeyTable\n"
                                "SigningTable file:@DIR@/SigningTable\n");
    char *table = slurp(path_of(site, "PolicyTable"));
    assert_non_null(strstr(lines, wanted));
    assert_non_null(strstr(lines, "PolicyTable /"));
    assert_string_equal(table, "* reject\nbroken.example accept\nodd.example accept\n"
                               "aol.example reject\n");
    assert_false(import_place_tables(&import)); /* never over a file that is there */
    free(table);
    free(wanted);
    free(lines);
    free(text);
    free(key);
    forget(&import);
}

static void rows_without_a_file_are_told(void **state)
{
    const struct site *site = *state;
    struct import import;
    write_file(site, "opendmarc.conf", "IgnoreMailFrom broken.example\n");
    import_site(site, &import, NULL);
    char *text = printed(site, &import);
    assert_non_null(strstr(text, "# broken.example accept\n"));
    assert_non_null(strstr(text, "#PolicyTable /etc/assay/PolicyTable\n"));
    free(text);
    forget(&import);
}

/* ---- JSON ---- */

static void json_has_every_option(void **state)
{
    const struct site *site = *state;
    struct import import;
    write_file(site, "opendkim.conf", "Socket inet:1@localhost\nLogWhy yes\nNonsense 1\n");
    import_site(site, &import, NULL);
    json_t *all = import_json(&import);
    json_t *options = json_object_get(all, "options");
    static const char *const outcomes[] = {"kept", "not needed", "unknown"};
    assert_int_equal(json_array_size(options), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *option = json_array_get(options, i);
        assert_string_equal(json_string_value(json_object_get(option, "outcome")), outcomes[i]);
        assert_int_equal(json_integer_value(json_object_get(option, "line")), i + 1);
        assert_string_equal(json_string_value(json_object_get(option, "program")), "OpenDKIM");
    }
    assert_string_equal(json_string_value(json_object_get(json_object_get(all, "lines"), "Socket")),
                        "inet:1@localhost");
    assert_non_null(strstr(json_string_value(json_object_get(all, "configuration")), "\nSocket "));
    json_decref(all);
    forget(&import);
}

/* ---- six set-ups ---- */

/* The keys that a text names, each a copy of the same one. */
static void put_keys(const struct site *site, const char *text)
{
    char *key = slurp(source_path("keys/rsa2048.pem"));
    char command[PATH_OCTETS * 2];
    while ((text = strstr(text, site->directory)) != NULL) {
        size_t len = strcspn(text, ": \t\n");
        char path[PATH_OCTETS];
        snprintf(path, sizeof(path), "%.*s", (int)len, text);
        text += len;
        if (!strstr(path, "/keys/") || access(path, F_OK) == 0)
            continue;
        snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"", path);
        assert_int_equal(system(command), 0);
        write_octets(path, key, strlen(key));
        assert_int_equal(chmod(path, 0600), 0);
    }
    free(key);
}

static void copy_set_up(const struct site *site, const char *name)
{
    const char *directory = source_path(name);
    DIR *entries = opendir(directory);
    struct dirent *entry;
    if (!entries)
        fail_msg("%s: %s", directory, strerror(errno));
    while ((entry = readdir(entries)) != NULL) {
        char path[PATH_OCTETS * 2];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        char *text = slurp(path), *content = placed(site, text);
        write_octets(path_of(site, entry->d_name), content, strlen(content));
        put_keys(site, content);
        free(content);
        free(text);
    }
    closedir(entries);
    char *anchor = slurp(source_path("data/import/root.key"));
    write_file(site, "root.key", anchor);
    free(anchor);
}

static void check_set_up(const struct site *site, const char *name)
{
    char expected_name[64];
    struct import import;
    snprintf(expected_name, sizeof(expected_name), "%s/expected.conf", name);
    copy_set_up(site, name);
    import_site(site, &import, NULL);
    char *text = printed(site, &import), *lines = in_force(text);
    char *expected = slurp(source_path(expected_name)), *wanted = placed(site, expected);
    if (getenv("IMPORT_SHOW"))
        fprintf(stderr, "=== %s\n%s", name, lines);
    assert_string_equal(lines, wanted);
    for (const struct import_option *option = import.first; option; option = option->next)
        assert_int_not_equal(option->outcome, IMPORT_UNKNOWN);
    free(wanted);
    free(expected);
    free(lines);
    free(text);
    forget(&import);
}

static void debian(void **state)
{
    check_set_up(*state, "data/import/debian");
}

static void docker_mailserver(void **state)
{
    check_set_up(*state, "data/import/docker-mailserver");
}

static void mail_in_a_box(void **state)
{
    check_set_up(*state, "data/import/mail-in-a-box");
}

static void chatmail(void **state)
{
    check_set_up(*state, "data/import/chatmail");
}

static void iredmail(void **state)
{
    check_set_up(*state, "data/import/iredmail");
}

static void sendmail(void **state)
{
    check_set_up(*state, "data/import/sendmail");
}

#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_of_the_manuals_is_in_the_table),
        cmocka_unit_test(every_row_is_sound),
        WITH_SITE(every_option_is_judged),
        WITH_SITE(files_are_read_as_their_programs_read_them),
        WITH_SITE(includes_are_followed),
        WITH_SITE(endless_includes_end),
        WITH_SITE(what_is_wrong_is_told_with_its_place),
        WITH_SITE(a_file_that_cannot_be_read_is_an_error),
        WITH_SITE(garbage_gives_comments),
        WITH_SITE(values_are_translated),
        WITH_SITE(sets_of_hosts_are_translated),
        WITH_SITE(keys_are_translated),
        WITH_SITE(nothing_is_enforced_that_was_not),
        WITH_SITE(what_was_enforced_still_is),
        WITH_SITE(one_socket_and_one_name_are_left),
        WITH_SITE(tables_are_written_on_request),
        WITH_SITE(rows_without_a_file_are_told),
        WITH_SITE(json_has_every_option),
        WITH_SITE(debian),
        WITH_SITE(docker_mailserver),
        WITH_SITE(mail_in_a_box),
        WITH_SITE(chatmail),
        WITH_SITE(iredmail),
        WITH_SITE(sendmail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
