/* import_signing.c - keys, and whose mail is signed with them.
 *
 * KeyTable and SigningTable are read by Assay as OpenDKIM reads them, so the
 * same files are referred to. A single key (Domain, Selector, KeyFile) becomes
 * tables of a few rows: in files with --tables, else in the configuration itself.
 */
#include "import_read.h"

static struct import_option *given(struct import *import, const char *name)
{
    return import_given(import, IMPORT_OPENDKIM, name);
}

/* ---- tables ---- */

static const char *const prefixes[] = {
    [DATASET_LIST] = "csl:",
    [DATASET_FILE] = "file:",
    [DATASET_PATTERNS] = "refile:",
    [DATASET_SERVER] = "",
};

static bool take_table(struct import *import, struct import_option *option)
{
    struct dataset dataset = dataset_parse(import, IMPORT_OPENDKIM, option->value);
    if (dataset.kind == DATASET_SERVER) {
        import_judge(import, option, IMPORT_NO_EQUIVALENT,
                     "The table is kept in %s, and Assay reads files: export it, one \"key "
                     "value\" in a line, the values with colons between them (domain:selector:"
                     "/path/of/key), write %s FILE, and let cron repeat that with `systemctl "
                     "reload assayd`. KeyDirectory does without tables.",
                     dataset.backend, option->row->target);
        return false;
    }
    import_set(import, option->row->target, option,
               bytes_of(arena_printf(import->arena, "%s%.*s", prefixes[dataset.kind],
                                     BYTES_ARGS(dataset.text))));
    import_judge(import, option, IMPORT_KEPT, NULL);
    return true;
}

static void take_tables(struct import *import)
{
    struct import_option *keys = given(import, "KeyTable"), *rows = given(import, "SigningTable");
    static const char *const single[] = {"Domain", "Selector", "KeyFile", "SubDomains"};
    bool good = take_table(import, keys);
    if (rows)
        good = take_table(import, rows) && good;
    else
        import_add_comment(import, import_line(import, "KeyTable"),
                           "There is no SigningTable, and no script that chooses keys: one has to "
                           "be written.");
    if (!good || !rows) { /* one without the other is an error */
        import_line(import, "KeyTable")->refused = "one of the two tables is missing";
        import_line(import, "SigningTable")->refused = "one of the two tables is missing";
    }
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        import_judge(import, given(import, single[i]), IMPORT_NOT_NEEDED,
                     "OpenDKIM ignores it when KeyTable is set.");
}

/* ---- a single key ---- */

/* A name of Domain, as a row of both tables. "*" and "*.example.com" are patterns
 * that stand in a refile: their d= is the author's domain. */
static void add_domain(struct import *import, struct bytes domain, bool subdomains)
{
    const struct import_option *selector = given(import, "Selector");
    struct bytes path = import_path(import, IMPORT_OPENDKIM, given(import, "KeyFile")->value);
    bool wild = domain.len && domain.data[0] == '*';
    struct bytes pattern = domain.len > 1 && wild ? bytes_slice(domain, 1, domain.len) : domain;
    struct bytes name = wild ? BYTES("%") : domain;
    import_add_row(import, "KeyTable", "%.*s %.*s:%.*s:%.*s", BYTES_ARGS(domain), BYTES_ARGS(name),
                   BYTES_ARGS(selector->value), BYTES_ARGS(path));
    import_add_row(import, "SigningTable", "%.*s %.*s", BYTES_ARGS(pattern), BYTES_ARGS(domain));
    if (subdomains && !wild)
        import_add_row(import, "SigningTable", ".%.*s %.*s", BYTES_ARGS(domain),
                       BYTES_ARGS(domain));
}

static void take_single_key(struct import *import)
{
    struct import_option *domain = given(import, "Domain");
    struct dataset dataset = dataset_parse(import, IMPORT_OPENDKIM, domain->value);
    bool subdomains = import_is_on(import, IMPORT_OPENDKIM, "SubDomains");
    const char *problem;
    const struct dataset_entry *entry = dataset_entries(import, &dataset, &problem);
    if (problem) {
        import_judge(import, domain, IMPORT_UNKNOWN, "The domains cannot be read: %s.", problem);
        return;
    }
    for (; entry; entry = entry->next)
        add_domain(import, entry->key, subdomains);
    import_judge(import, domain, IMPORT_KEPT, "It became rows of KeyTable and SigningTable.");
    static const char *const parts[] = {"Selector", "KeyFile", "SubDomains"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        import_judge(import, given(import, parts[i]), IMPORT_KEPT,
                     "It became a part of KeyTable and SigningTable.");
    import_add_comment(import, import_line(import, "KeyTable"), "%s",
                       import_origin(import, domain));
    import_add_comment(import, import_line(import, "KeyTable"), "%s",
                       import_origin(import, given(import, "Selector")));
    import_add_comment(import, import_line(import, "KeyTable"), "%s",
                       import_origin(import, given(import, "KeyFile")));
    import_add_comment(import, import_line(import, "SigningTable"),
                       "SubDomains is %s, so mail of subdomains is %s.", subdomains ? "on" : "off",
                       subdomains ? "signed as well" : "not signed");
}

/* ---- when to sign ---- */

static void take_daemons(struct import *import)
{
    struct import_option *mta = given(import, "MTA");
    const char *problem;
    if (!mta)
        return;
    struct dataset dataset = dataset_parse(import, IMPORT_OPENDKIM, mta->value);
    const struct dataset_entry *entry = dataset_entries(import, &dataset, &problem);
    for (; entry; entry = entry->next)
        import_set(import, "SigningDaemonNames", mta, entry->key);
    if (problem)
        import_judge(import, mta, IMPORT_UNKNOWN, "It cannot be read: %s.", problem);
    else
        import_judge(import, mta, IMPORT_KEPT, NULL);
}

/* Adds each of "a|b|c". */
static void add_names(struct import *import, const struct import_option *from, struct bytes names)
{
    while (names.len) {
        size_t bar = bytes_find(names, '|');
        import_set(import, "SigningDaemonNames", from, bytes_trim(bytes_slice(names, 0, bar)));
        names = bytes_slice(names, bar + 1, names.len);
    }
}

static void take_macros(struct import *import, enum import_program program)
{
    struct import_option *option = import_given(import, program, "MacroList");
    const char *problem;
    if (!option)
        return;
    struct dataset dataset = dataset_parse(import, program, option->value);
    enum import_outcome outcome = IMPORT_KEPT;
    const struct dataset_entry *entry = dataset_entries(import, &dataset, &problem);
    for (; entry; entry = entry->next) {
        struct bytes macro = entry->key;
        if (macro.len > 2 && macro.data[0] == '{')
            macro = bytes_slice(macro, 1, macro.len - 2);
        if (bytes_is(macro, "daemon_name") && entry->value.len)
            add_names(import, option, entry->value);
        else if (!bytes_is(macro, "auth_type") && !bytes_is(macro, "auth_authen"))
            outcome = IMPORT_NO_EQUIVALENT;
    }
    if (problem)
        outcome = IMPORT_NO_EQUIVALENT;
    import_judge(import, option, outcome, "%s",
                 outcome == IMPORT_KEPT
                     ? "{daemon_name} is asked for; authenticated clients are known anyway."
                     : "Of all macros {daemon_name} alone is asked for (SigningDaemonNames), "
                       "besides those of authentication.");
}

static void take_safe_keys(struct import *import)
{
    struct import_option *option = given(import, "RequireSafeKeys");
    if (option && !import_value_is_on(option->value)) {
        import_set(import, "UnsafeKeys", option, BYTES("warn"));
        import_judge(import, option, IMPORT_KEPT, NULL);
    } else {
        import_judge(import, option, IMPORT_NOT_NEEDED, "That is the default here as well.");
    }
}

static void take_multiple(struct import *import)
{
    struct import_option *option = given(import, "MultipleSignatures");
    if (option && import_value_is_on(option->value)) {
        import_set(import, "MultipleSignatures", option, BYTES("yes"));
        import_judge(import, option, IMPORT_KEPT, NULL);
    } else {
        import_judge(import, option, IMPORT_NOT_NEEDED, "That is the default here as well.");
    }
}

static void take_canonicalization(struct import *import)
{
    struct import_option *option = given(import, "Canonicalization");
    if (!option)
        return;
    struct bytes value = option->value;
    if (bytes_find(value, '/') == value.len) /* the body is then simple, as in c= (RFC 6376 3.5) */
        value = bytes_of(arena_printf(import->arena, "%.*s/simple", BYTES_ARGS(value)));
    import_set(import, "Canonicalization", option, value);
    import_judge(import, option, IMPORT_KEPT, NULL);
}

static void judge_sender(struct import *import)
{
    struct import_option *option = given(import, "SenderHeaders");
    if (option && !bytes_is(option->value, "From"))
        import_judge(import, option, IMPORT_CHANGED, NULL);
}

static void judge_algorithm(struct import *import)
{
    struct import_option *option = given(import, "SignatureAlgorithm");
    if (option && bytes_is(option->value, "rsa-sha1"))
        import_judge(import, option, IMPORT_CHANGED, "SHA-1 is not used any more (RFC 8301).");
}

/* Without keys, or in mode "v", nothing is signed. */
static void without_keys(struct import *import, const char *why)
{
    static const char *const names[] = {"KeyTable", "SigningTable", "Domain",
                                        "Selector", "KeyFile",      "SubDomains"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        import_judge(import, given(import, names[i]), IMPORT_NOT_NEEDED, "%s", why);
}

void import_signing(struct import *import)
{
    struct import_option *mode = given(import, "Mode");
    bool signs = !mode || bytes_find(mode->value, 's') < mode->value.len;
    bool verifies = !mode || bytes_find(mode->value, 'v') < mode->value.len;
    if (!import->paths[IMPORT_OPENDKIM])
        return;
    if (!signs)
        without_keys(import, "OpenDKIM does not sign in this mode.");
    else if (given(import, "KeyTable"))
        take_tables(import);
    else if (given(import, "Domain") && given(import, "Selector") && given(import, "KeyFile"))
        take_single_key(import);
    else
        without_keys(import, "Nothing is signed without Domain, Selector and KeyFile, or KeyTable "
                             "and SigningTable.");
    if (signs && verifies)
        import_judge(import, mode, IMPORT_KEPT,
                     "Assay checks what comes in and signs what goes out.");
    else
        import_judge(import, mode, IMPORT_CHANGED, "%s",
                     signs ? "Mail that comes in is checked as well: it gets an "
                             "Authentication-Results field, and forged ones are removed."
                           : "No keys are taken over, so nothing is signed.");
    take_daemons(import);
    take_macros(import, IMPORT_OPENDKIM);
    take_macros(import, IMPORT_POLICYD_SPF);
    take_safe_keys(import);
    take_multiple(import);
    take_canonicalization(import);
    judge_algorithm(import);
    judge_sender(import);
}
