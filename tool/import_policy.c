/* import_policy.c - what is done with messages: OnReject and its sisters, PolicyTable.
 *
 * Assay enforces DMARC by default and the others do not. What was only looked at
 * before is only looked at after the import too.
 */
#include "import_read.h"

#include <string.h>

/* An OpenDKIM that verifies; "sv" is its default. */
static bool opendkim_verifies(struct import *import)
{
    const struct import_option *mode = import_given(import, IMPORT_OPENDKIM, "Mode");
    return import->paths[IMPORT_OPENDKIM] &&
           (!mode || bytes_find(mode->value, 'v') < mode->value.len);
}

/* ---- OnReject, IndirectMail, OnQuarantine ---- */

/* Nobody acted on DMARC so far. */
static void accept_everything(struct import *import, const struct import_option *why)
{
    static const char *const options[] = {"OnReject", "IndirectMail", "OnQuarantine"};
    struct import_line *first = NULL;
    for (size_t i = 0; i < 3; i++) {
        struct import_line *line = import_set(import, options[i], NULL, BYTES("accept"));
        first = first ? first : line;
    }
    if (why)
        import_add_comment(import, first, "%s", import_origin(import, why));
    import_add_comment(import, first,
                       "No message was refused because of DMARC so far, and none will be. To act "
                       "on DMARC remove the lines OnReject, IndirectMail, OnQuarantine and "
                       "OnInvalidFrom; or try `tag` in them, which marks messages for a filter "
                       "of the users' own.");
}

static void reject_failures(struct import *import, struct import_option *reject)
{
    struct import_option *hold = import_given(import, IMPORT_OPENDMARC, "HoldQuarantinedMessages");
    import_set(import, "OnReject", reject, BYTES("reject"));
    struct import_line *indirect = import_set(import, "IndirectMail", reject, BYTES("reject"));
    import_add_comment(import, indirect,
                       "OpenDMARC rejects what comes through mailing lists and forwarders like "
                       "everything else. RFC 9989 7.4 asks for more reason than p=reject: without "
                       "this line such messages are quarantined.");
    import_judge(import, reject, IMPORT_KEPT,
                 "What fails under p=reject is rejected; pct= does not count any more (RFC 9989).");
    if (hold && import_value_is_on(hold->value)) {
        import_set(import, "OnQuarantine", hold, BYTES("quarantine"));
        import_judge(import, hold, IMPORT_KEPT, NULL);
        return;
    }
    struct import_line *line = import_set(import, "OnQuarantine", hold, BYTES("accept"));
    import_add_comment(import, line, "%s",
                       hold ? "It is off." : "HoldQuarantinedMessages is off by default.");
    import_judge(import, hold, IMPORT_KEPT, NULL);
}

static void actions(struct import *import)
{
    struct import_option *reject = import_given(import, IMPORT_OPENDMARC, "RejectFailures");
    struct import_option *hold = import_given(import, IMPORT_OPENDMARC, "HoldQuarantinedMessages");
    if (reject && import_value_is_on(reject->value)) {
        reject_failures(import, reject);
        return;
    }
    accept_everything(import, reject);
    import_judge(import, reject, IMPORT_KEPT, "DMARC is evaluated and written down, no more.");
    import_judge(import, hold, IMPORT_NOT_NEEDED,
                 "OpenDMARC holds nothing unless RejectFailures is on.");
}

/* ---- OnInvalidFrom ---- */

static void invalid_from(struct import *import)
{
    const struct {
        enum import_program program;
        const char *name, *note;
    } wanted[] = {
        {IMPORT_OPENDMARC, "RequiredHeaders",
         "A message without a single author domain is rejected; other fields are not counted."},
        {IMPORT_OPENDMARC, "RejectMultiValueFrom",
         "A message without a single author domain is rejected, also when it has none at all."},
        {IMPORT_OPENDKIM, "RequiredHeaders",
         "A message without a single author domain is rejected; other fields are not counted."},
    };
    bool reject = false;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct import_option *option = import_given(import, wanted[i].program, wanted[i].name);
        if (option && import_value_is_on(option->value)) {
            import_set(import, "OnInvalidFrom", option, BYTES("reject"));
            import_judge(import, option, IMPORT_CHANGED, "%s", wanted[i].note);
            reject = true;
        } else {
            import_judge(import, option, IMPORT_KEPT, "It is off, as OnInvalidFrom accept is.");
        }
    }
    if (!reject) {
        struct import_line *line = import_set(import, "OnInvalidFrom", NULL, BYTES("accept"));
        import_add_comment(import, line,
                           "So far messages without a single author domain came through. They are "
                           "a way around DMARC: reject is the better choice.");
    }
}

/* ---- OnTempError ---- */

static bool tempfails(const struct import_option *option)
{
    return option && option->value.len && to_lower(option->value.data[0]) == 't';
}

/* OpenDKIM's default puts off what has a signature whose key DNS does not give; when nobody
 * acts on DMARC that would delay mail for nothing. */
static void temp_error(struct import *import)
{
    struct import_option *reject = import_given(import, IMPORT_OPENDMARC, "RejectFailures");
    struct import_option *defer = import_given(import, IMPORT_POLICYD_SPF, "TempError_Defer");
    struct import_option *dns_error = import_given(import, IMPORT_OPENDKIM, "On-DNSError");
    struct import_option *all = import_given(import, IMPORT_OPENDKIM, "On-Default");
    if (reject && import_value_is_on(reject->value))
        import_set(import, "OnTempError", reject, BYTES("tempfail"));
    else if (opendkim_verifies(import) && tempfails(dns_error ? dns_error : all))
        import_set(import, "OnTempError", dns_error ? dns_error : all, BYTES("tempfail"));
    else if (defer && import_value_is_on(defer->value))
        import_set(import, "OnTempError", defer, BYTES("tempfail"));
    else
        import_set(import, "OnTempError", dns_error, BYTES("accept"));
    const char *note = "It is asked whether DMARC could be evaluated; a temporary error that does "
                       "not matter for that delays nothing.";
    import_judge(import, dns_error, IMPORT_CHANGED, "%s", note);
    import_judge(import, defer, IMPORT_CHANGED, "%s", note);
}

/* ---- RejectText ---- */

/* "%s" becomes {domain}; braces of its own would be read as places. */
static void reject_text(struct import *import)
{
    struct import_option *option = import_given(import, IMPORT_OPENDMARC, "RejectString");
    struct strbuf text;
    if (!option)
        return;
    strbuf_init(&text, import->arena);
    for (size_t i = 0; i < option->value.len; i++) {
        char c = option->value.data[i];
        char next = i + 1 < option->value.len ? option->value.data[i + 1] : '\0';
        if (c == '%' && next == 's')
            strbuf_puts(&text, "{domain}");
        else if (c == '%' && next == '%')
            strbuf_putc(&text, '%');
        else
            strbuf_putc(&text, c == '{' ? '(' : c == '}' ? ')' : c);
        if (c == '%' && (next == 's' || next == '%'))
            i++;
    }
    import_set(import, "RejectText", option, strbuf_view(&text));
    import_judge(import, option, IMPORT_KEPT, "{reason} and {queue-id} would help the sender.");
}

/* ---- PolicyTable ---- */

static void policy_rows(struct import *import, enum import_program program, const char *name,
                        const char *action, const char *note)
{
    struct import_option *option = import_given(import, program, name);
    const char *problem;
    if (!option)
        return;
    struct dataset dataset = {.kind = DATASET_LIST, .text = option->value};
    for (const struct dataset_entry *entry = dataset_entries(import, &dataset, &problem); entry;
         entry = entry->next)
        import_add_row(import, "PolicyTable", "%.*s %s", BYTES_ARGS(entry->key), action);
    import_judge(import, option, IMPORT_CHANGED, "%s", note);
}

/* The action of an On- option, or of On-Default in its place; "" when neither is given. */
static struct bytes action_of(struct import *import, const char *name)
{
    const struct import_option *option = import_given(import, IMPORT_OPENDKIM, name);
    if (!option)
        option = import_given(import, IMPORT_OPENDKIM, "On-Default");
    return option ? option->value : BYTES_EMPTY;
}

/* Who refuses unsigned mail wants every author proved. */
static void signatures_required(struct import *import)
{
    static const char *const names[] = {"On-NoSignature", "On-BadSignature", "On-KeyNotFound",
                                        "On-Default"};
    struct bytes wanted = action_of(import, "On-NoSignature");
    char letter = wanted.len ? to_lower(wanted.data[0]) : 'a';
    if (!opendkim_verifies(import) || (letter != 'r' && letter != 'q'))
        return;
    import_add_row(import, "PolicyTable", "* %s", letter == 'r' ? "reject" : "quarantine");
    struct import_line *line = import_line(import, "OnInvalidFrom");
    if (line) {
        line->count = 0;
        line->comment = NULL;
    }
    import_set(import, "OnInvalidFrom", import_given(import, IMPORT_OPENDKIM, "On-NoSignature"),
               letter == 'r' ? BYTES("reject") : BYTES("quarantine"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct import_option *option = import_given(import, IMPORT_OPENDKIM, names[i]);
        if (option && to_lower(option->value.data[0]) == letter)
            import_judge(import, option, IMPORT_CHANGED,
                         "A row of PolicyTable asks that every message proves its author, by a "
                         "signature of the author's domain or by SPF.");
    }
}

/* ---- what verifies ---- */

static void authenticated(struct import *import)
{
    struct import_option *option =
        import_given(import, IMPORT_OPENDMARC, "IgnoreAuthenticatedClients");
    if (option && !import_value_is_on(option->value))
        import_judge(import, option, IMPORT_CHANGED, NULL);
    else
        import_judge(import, option, IMPORT_KEPT, NULL);
}

void import_policy(struct import *import)
{
    actions(import);
    invalid_from(import);
    temp_error(import);
    reject_text(import);
    authenticated(import);
    signatures_required(import);
    policy_rows(import, IMPORT_OPENDMARC, "IgnoreMailFrom", "accept",
                "Such mail is evaluated, and accepted also when it fails.");
    policy_rows(import, IMPORT_POLICYD_SPF, "Reject_Not_Pass_Domains", "reject",
                "Mail of these domains must pass DMARC, by SPF or by a signature.");
}

/* ---- policyd-spf ---- */

static bool is_off(const struct import_option *option)
{
    return option && (bytes_is(option->value, "False") || bytes_is(option->value, "No_Check"));
}

/* Its defaults reject, so they are to be mentioned when nothing is given. */
static void spf_rejects(struct import *import)
{
    struct import_option *test = import_given(import, IMPORT_POLICYD_SPF, "TestOnly");
    struct import_option *old = import_given(import, IMPORT_POLICYD_SPF, "defaultSeedOnly");
    struct import_option *helo = import_given(import, IMPORT_POLICYD_SPF, "HELO_reject");
    struct import_option *from = import_given(import, IMPORT_POLICYD_SPF, "Mail_From_reject");
    struct import_option *said = test ? test : old;
    bool testing = said && bytes_is(said->value, "0");
    static const char refuses[] =
        "policyd-spf refuses what SPF fails, before the message is there. Assay does not: a "
        "signature may still prove the author, and RFC 9989 asks to wait for it. SPF "
        "counts in DMARC, and OnReject acts.";
    if (!helo || !bytes_is(helo->value, "No_Check"))
        import_set(import, "CheckHelo", helo, BYTES("yes"));
    import_judge(import, helo, testing || is_off(helo) ? IMPORT_KEPT : IMPORT_CHANGED, "%s",
                 testing || is_off(helo) ? "Nothing is refused because of it." : refuses);
    import_judge(import, from, testing || is_off(from) ? IMPORT_KEPT : IMPORT_CHANGED, "%s",
                 testing || is_off(from) ? "Nothing is refused because of it." : refuses);
    if (!from && !testing)
        import_add_comment(import, import_line(import, "OnReject"), "%s", refuses);
    const char *note = testing ? "Nothing was refused, and SPF alone never refuses a message here."
                               : "It is off; see Mail_From_reject.";
    import_judge(import, test, IMPORT_NOT_NEEDED, "%s", note);
    import_judge(import, old, IMPORT_NOT_NEEDED, "%s", note);
}

void import_spf(struct import *import)
{
    struct import_option *time = import_given(import, IMPORT_POLICYD_SPF, "Lookup_Time");
    struct import_option *header = import_given(import, IMPORT_POLICYD_SPF, "Header_Type");
    struct import_option *voids = import_given(import, IMPORT_POLICYD_SPF, "Void_Limit");
    long seconds;
    if (!import->paths[IMPORT_POLICYD_SPF])
        return;
    spf_rejects(import);
    import_judge(
        import, header,
        bytes_is(header ? header->value : BYTES_EMPTY, "AR") ? IMPORT_KEPT : IMPORT_CHANGED, NULL);
    if (voids && !bytes_is(voids->value, "2"))
        import_judge(import, voids, IMPORT_NO_EQUIVALENT, NULL);
    if (time && import_number(time->value, &seconds) && seconds > 0 && seconds <= 240) {
        import_set(import, "MessageDeadline", time,
                   bytes_of(arena_printf(import->arena, "%lds", seconds)));
        import_judge(import, time, IMPORT_CHANGED, "It holds for all lookups of a message.");
    } else {
        import_judge(import, time, IMPORT_UNKNOWN, "It is no time from 1 to 240 seconds.");
    }
}
