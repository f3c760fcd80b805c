/* feedback_find.c - reports in anything; see feedback.h.
 *
 * Files are taken apart from the outside in: mbox, mail, part, archive, entry. What something
 * is, its first octets say. Each mail and each report has memory of its own, so that a
 * mailbox of any size needs no more than its largest mail.
 */
#include "archive.h"
#include "feedback.h"

#include <string.h>

enum {
    UNPACKED_MAX = 4 * FEEDBACK_XML_MAX, /* octets out of all archives of one mail or file */
    WHERE_MAX = 400,                     /* octets of one place's name that are shown */
};

/* One mail, or one file that is none. */
struct finder {
    feedback_fn *each;
    void *context;
    uint64_t budget; /* octets that may still be unpacked */
    unsigned level;  /* archives and mails around */
};

/* A place: its name, and what was found there. */
struct place {
    struct finder *finder;
    struct bytes where;
    size_t found; /* findings, of whatever kind */
};

static void look(struct place *place, struct bytes octets, bool any_text);

/* ---- findings ---- */

static void tell(struct place *place, const struct feedback_finding *finding)
{
    place->found++;
    place->finder->each(place->finder->context, finding);
}

static void tell_why(struct place *place, const char *why)
{
    struct feedback_finding finding = {.where = place->where, .why = why};
    tell(place, &finding);
}

static void read_xml(struct place *place, struct bytes xml)
{
    struct arena *arena = arena_new(FEEDBACK_MEMORY_MAX);
    const char *why = NULL;
    struct feedback *feedback = arena ? feedback_parse(arena, xml, &why) : NULL;
    if (feedback) {
        feedback->file = place->where;
        struct feedback_finding finding = {.where = place->where, .feedback = feedback};
        tell(place, &finding);
    } else {
        tell_why(place, arena ? why : "out of memory");
    }
    arena_free(arena);
}

/* ---- what it is ---- */

static bool begins(struct bytes octets, struct bytes prefix)
{
    return bytes_equal(bytes_slice(octets, 0, prefix.len), prefix);
}

static bool is_utf16(struct bytes octets)
{
    return begins(octets, BYTES("\xff\xfe")) || begins(octets, BYTES("\xfe\xff")) ||
           begins(octets, BYTES("<\0")) || begins(octets, BYTES("\0<"));
}

static struct bytes skip_blanks(struct bytes text)
{
    while (text.len && is_fws(text.data[0]))
        text = bytes_slice(text, 1, text.len);
    return text;
}

static bool is_xml(struct bytes octets)
{
    if (begins(octets, BYTES("\xef\xbb\xbf")))
        octets = bytes_slice(octets, 3, octets.len);
    return is_utf16(octets) || begins(skip_blanks(octets), BYTES("<"));
}

/* Text that may stand in a mail for people: XML only when it says so itself. */
static bool is_declared_xml(struct bytes octets)
{
    if (begins(octets, BYTES("\xef\xbb\xbf")))
        octets = bytes_slice(octets, 3, octets.len);
    octets = skip_blanks(octets);
    return begins(octets, BYTES("<?xml")) || begins(octets, BYTES("<feedback"));
}

/* ---- archives ---- */

/* A place in a place, its name printable and bounded, in arena. */
static struct bytes where_in(struct arena *arena, struct bytes outer, const char *kind,
                             struct bytes name)
{
    struct strbuf where;
    strbuf_init(&where, arena);
    strbuf_bytes(&where, outer);
    strbuf_puts(&where, outer.len ? ": " : "");
    strbuf_puts(&where, kind);
    mime_clean(&where, name, BYTES_EMPTY, WHERE_MAX);
    return strbuf_view(&where);
}

static void look_at_entry(void *context, struct bytes name, struct bytes octets)
{
    struct place *outer = context;
    struct arena *arena = arena_new(FEEDBACK_MEMORY_MAX);
    if (!arena)
        return;
    struct place place = {.finder = outer->finder, .where = outer->where};
    if (name.len)
        place.where = where_in(arena, outer->where, "", name);
    look(&place, octets, false);
    outer->found += place.found;
    arena_free(arena);
}

static void open_archive(struct place *place, struct bytes octets)
{
    struct finder *finder = place->finder;
    char why[ARCHIVE_WHY_MAX];
    if (finder->level == FEEDBACK_NEST_MAX) {
        tell_why(place, "archives and mails are nested too deep");
        return;
    }
    finder->level++;
    bool good = archive_unpack(octets, &finder->budget, look_at_entry, place, why);
    finder->level--;
    if (!good)
        tell_why(place, why);
    else if (!place->found)
        tell_why(place, "no report in this archive");
}

/* ---- mails ---- */

static bool lies_within(const struct mime_part *part, const struct mime_part *outer)
{
    while (part && part != outer)
        part = part->parent;
    return part != NULL;
}

static bool is_container(const struct mime_part *part)
{
    return part->next && part->next->parent == part;
}

static bool has_ending(struct bytes name, const char *ending)
{
    struct bytes end = bytes_of(ending);
    return name.len >= end.len &&
           bytes_equal_nocase(bytes_slice(name, name.len - end.len, end.len), end);
}

static bool is_named_report(const struct mime_part *part)
{
    return has_ending(part->file_name, ".xml") || has_ending(part->file_name, ".gz") ||
           has_ending(part->file_name, ".zip");
}

/* A part of a mail that may be a report. */
static bool is_candidate(const struct mime_part *part, struct bytes content)
{
    bool for_people = bytes_is(part->type, "text/html") || bytes_is(part->type, "text/plain");
    if (archive_kind(content) != ARCHIVE_NONE)
        return true;
    if (for_people && !is_named_report(part))
        return bytes_is(part->type, "text/plain") && is_declared_xml(content);
    return is_xml(content) || is_named_report(part);
}

static void look_at_part(struct place *mail, struct arena *arena, const struct mime_part *part,
                         struct bytes name)
{
    struct place place = {.finder = mail->finder, .where = name};
    struct bytes content;
    if (!mime_decode(arena, part, &content)) {
        if (is_named_report(part))
            tell_why(&place, "its transfer encoding is unknown");
    } else if (is_candidate(part, content)) {
        if (archive_kind(content) != ARCHIVE_NONE)
            open_archive(&place, content);
        else if (is_xml(content))
            read_xml(&place, content);
        else
            tell_why(&place, "it is neither XML nor gzip nor zip");
    }
    mail->found += place.found;
}

static void read_failure(struct place *mail, struct arena *arena, const struct mime_part *part)
{
    const char *why;
    struct feedback_finding finding = {.where = mail->where,
                                       .failure = arf_read(arena, part, &why)};
    finding.why = finding.failure ? NULL : why;
    tell(mail, &finding);
}

static struct bytes part_name(struct arena *arena, struct bytes mail, const struct mime_part *part,
                              size_t number)
{
    if (part->depth == 0)
        return mail;
    if (part->file_name.len)
        return where_in(arena, mail, "attachment ", part->file_name);
    return where_in(arena, mail, arena_printf(arena, "part %zu", number), BYTES_EMPTY);
}

static void read_mail(struct place *mail, struct bytes text)
{
    struct arena *arena = arena_new(FEEDBACK_MEMORY_MAX);
    struct mime_part *part = arena ? mime_read(arena, text, NULL) : NULL;
    const struct mime_part *failure = NULL; /* the multipart of the last failure report */
    bool is_mail = part && (part->header.count || part->content.len < text.len);
    for (size_t number = 1; part; part = part->next, number++) {
        if (is_container(part) || (failure && lies_within(part, failure)))
            continue; /* the mail that a failure report is about is none of our business */
        if (bytes_is(part->type, "message/feedback-report")) {
            failure = part->parent;
            read_failure(mail, arena, part);
        } else {
            look_at_part(mail, arena, part, part_name(arena, mail->where, part, number));
        }
    }
    if (!arena || arena_failed(arena))
        tell_why(mail, "out of memory");
    else if (!mail->found && is_mail)
        tell(mail, &(struct feedback_finding){
                       .where = mail->where, .why = "no report in this mail", .other_mail = true});
    else if (!mail->found)
        tell_why(mail, "neither a mail nor XML, gzip or zip");
    arena_free(arena);
}

/* ---- files ---- */

/* any_text: what is nothing else is taken as a mail. */
static void look(struct place *place, struct bytes octets, bool any_text)
{
    if (archive_kind(octets) != ARCHIVE_NONE)
        open_archive(place, octets);
    else if (is_xml(octets))
        read_xml(place, octets);
    else if (any_text)
        read_mail(place, octets);
}

/* Octets of the mail at the beginning of an mbox: up to an empty line with a line "From ..."
 * behind it. */
static size_t mail_length(struct bytes mbox)
{
    static const char delimiter[] = "\nFrom ";
    size_t from = 0;
    for (;;) {
        const char *hit = memmem(mbox.data + from, mbox.len - from, delimiter, strlen(delimiter));
        if (!hit)
            return mbox.len;
        size_t at = (size_t)(hit - mbox.data);
        size_t before = at && mbox.data[at - 1] == '\r' ? at - 1 : at;
        if (before && mbox.data[before - 1] == '\n')
            return at + 1;
        from = at + 1;
    }
}

static void find_in(struct bytes where, struct bytes octets, feedback_fn *each, void *context)
{
    struct finder finder = {.each = each, .context = context, .budget = UNPACKED_MAX};
    struct place place = {.finder = &finder, .where = where};
    look(&place, octets, true);
}

void feedback_find(struct bytes name, struct bytes octets, feedback_fn *each, void *context)
{
    size_t len = begins(octets, BYTES("From ")) ? mail_length(octets) : octets.len;
    if (len == octets.len) {
        find_in(name, octets, each, context);
        return;
    }
    for (size_t number = 1; octets.len; number++) {
        struct arena *arena = arena_new(FEEDBACK_MEMORY_MAX);
        const char *message = arena ? arena_printf(arena, "message %zu", number) : NULL;
        if (message)
            find_in(where_in(arena, name, message, BYTES_EMPTY), bytes_slice(octets, 0, len), each,
                    context);
        arena_free(arena);
        octets = bytes_slice(octets, len, octets.len);
        len = mail_length(octets);
    }
}
