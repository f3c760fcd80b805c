/* report_guard.c - mail that no report may tell of; see report_guard.h.
 *
 * Relies on rfc5322.h for tokens and comments. What does not parse is read as far as
 * it makes sense: a guard that a missing quote switches off is none.
 */
#include "report_guard.h"

#include "rfc5322.h"

void report_guard_init(struct report_guard *guard, struct bytes sender, struct bytes mail_from)
{
    *guard = (struct report_guard){.sender = sender, .null_sender = mail_from.len == 0};
}

static bool is_own(const struct report_guard *guard, struct bytes address)
{
    return guard->sender.len && bytes_equal_nocase(address, guard->sender);
}

void report_guard_recipient(struct report_guard *guard, struct bytes address)
{
    if (is_own(guard, address))
        guard->own_recipient = true;
    else
        guard->other_recipient = true;
}

/* ---- Content-Type (RFC 2045 5.1) ---- */

/* What an aggregate report, or the mail around it, is said to be. RFC 9990 3.5.2 names
 * gzip and XML; the others are seen in the field. */
static bool may_be_report(struct bytes type, struct bytes subtype)
{
    static const char *const subtypes[] = {"gzip", "x-gzip",      "gzip-compressed",
                                           "zip",  "x-zip",       "x-zip-compressed",
                                           "xml",  "octet-stream"};
    if (bytes_is(type, "multipart") || (bytes_is(type, "text") && bytes_is(subtype, "xml")))
        return true;
    for (size_t i = 0; bytes_is(type, "application") && i < sizeof(subtypes) / sizeof(*subtypes);
         i++) {
        if (bytes_is(subtype, subtypes[i]))
            return true;
    }
    return false;
}

static bool is_in_parameter(int octet)
{
    return octet != ';' && octet != '"' && !is_fws(octet);
}

static struct bytes parameter_value(struct cursor *cursor, struct arena *scratch)
{
    if (cursor_peek(cursor) == '"')
        return rfc5322_unquote(scratch, rfc5322_quoted_string(cursor));
    return cursor_run(cursor, is_in_parameter);
}

static bool is_before_parameter(int octet)
{
    return octet != ';';
}

/* report-type=feedback-report (RFC 5965 2, of RFC 6522 3) among the parameters, or parameters
 * that cannot be read. */
static bool is_feedback(struct cursor *cursor, struct arena *scratch)
{
    for (;;) {
        cursor_run(cursor, is_before_parameter);
        if (!cursor_accept(cursor, ';'))
            return cursor->failed;
        rfc5322_skip_cfws(cursor);
        struct bytes name = rfc5322_token(cursor);
        rfc5322_skip_cfws(cursor);
        if (!cursor_accept(cursor, '='))
            continue;
        rfc5322_skip_cfws(cursor);
        struct bytes value = parameter_value(cursor, scratch);
        if (bytes_is(name, "report-type") && bytes_is(bytes_trim(value), "feedback-report"))
            return true;
    }
}

static void look_at_type(struct report_guard *guard, struct arena *scratch, struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    rfc5322_skip_cfws(&cursor);
    struct bytes type = rfc5322_token(&cursor);
    rfc5322_skip_cfws(&cursor);
    cursor_expect(&cursor, '/');
    rfc5322_skip_cfws(&cursor);
    struct bytes subtype = rfc5322_token(&cursor);
    if (cursor.failed)
        return;
    if (may_be_report(type, subtype))
        guard->report_type = true;
    if (!bytes_is(type, "multipart") || !bytes_is(subtype, "report"))
        return;
    guard->multipart_report = true;
    arena_reset(scratch);
    if (is_feedback(&cursor, scratch) || arena_failed(scratch))
        guard->feedback_report = true;
}

/* ---- Subject, Auto-Submitted ---- */

/* Takes `words` if they are next, a space among them being any white space. */
static bool accept_words(struct cursor *cursor, struct bytes words)
{
    for (size_t i = 0; i < words.len; i++) {
        int c = cursor_peek(cursor);
        if (words.data[i] == ' ' && is_fws(c)) {
            cursor_skip_fws(cursor);
            continue;
        }
        if (c < 0 || to_lower((char)c) != words.data[i])
            return false;
        cursor_next(cursor);
    }
    return true;
}

static bool seek_words(struct cursor *cursor, struct bytes words)
{
    while (!cursor_at_end(cursor)) {
        struct cursor ahead = *cursor;
        if (accept_words(&ahead, words)) {
            *cursor = ahead;
            return true;
        }
        cursor_next(cursor);
    }
    return false;
}

/* RFC 9990 3.5.2. Senders in the field put words in front of it, and do not mind the case. */
static bool is_report_subject(struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    return seek_words(&cursor, BYTES("report domain:")) && seek_words(&cursor, BYTES("submitter:"));
}

/* RFC 3834 5: comments may stand around the keyword, parameters behind it. */
static bool is_automatic(struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    rfc5322_skip_cfws(&cursor);
    return !bytes_is(rfc5322_token(&cursor), "no");
}

void report_guard_header(struct report_guard *guard, struct arena *scratch, struct bytes name,
                         struct bytes value)
{
    /* The length tells nearly all fields apart from these: this runs for each of them. */
    switch (name.len) {
    case sizeof("Content-Type") - 1:
        if (bytes_is(name, "Content-Type"))
            look_at_type(guard, scratch, value);
        break;
    case sizeof("Subject") - 1:
        if (bytes_is(name, "Subject"))
            guard->report_subject = guard->report_subject || is_report_subject(value);
        break;
    case sizeof("Auto-Submitted") - 1:
        if (bytes_is(name, "Auto-Submitted"))
            guard->automatic = guard->automatic || is_automatic(value);
        break;
    default:
        break;
    }
}

const char *report_guard_verdict(const struct report_guard *guard, struct bytes author)
{
    if ((guard->own_recipient && !guard->other_recipient) || is_own(guard, author))
        return "from or to ReportSender";
    if (guard->feedback_report)
        return "a feedback report itself";
    if (guard->report_subject && guard->report_type)
        return "a DMARC report itself";
    if (guard->automatic && (guard->null_sender || guard->multipart_report))
        return "a bounce";
    return NULL;
}
