/* report_mail.c - the mail that carries a report; see report_mail.h.
 *
 * RFC 9990 3.5.2 for name, Subject and media types, RFC 3834 5 for Auto-Submitted. What comes
 * from strangers (the policy domain) or from the configuration passes mail_text.c, so that no
 * value can begin a field of its own.
 */
#include "report_mail.h"

#include "dkim_fields.h"
#include "mail_head.h"
#include "mail_text.h"
#include "xml_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    NAME_MAX_OCTETS = DOMAIN_MAX, /* of a domain in file name and Subject */
    FRAME_OCTETS = 16384,         /* about what a mail needs beside its attachment */
    FROM_FIELDS_MAX = 8,          /* From fields looked at; with more than one nothing is signed */
};

/* ---- names ---- */

/* 1*DIGIT */
static int64_t timestamp(int64_t time)
{
    return time < 0 ? 0 : time;
}

static void add_file_name(struct strbuf *buf, const struct report_mail *mail)
{
    mail_text_token(buf, mail->receiver, NAME_MAX_OCTETS);
    strbuf_putc(buf, '!');
    mail_text_token(buf, mail->policy_domain, NAME_MAX_OCTETS);
    strbuf_printf(buf, "!%" PRId64 "!%" PRId64 "!", timestamp(mail->begin), timestamp(mail->end));
    mail_head_id(buf, mail->report_id);
    strbuf_puts(buf, mail->gzip ? ".xml.gz" : ".xml");
}

const char *report_file_name(const struct report_mail *mail, char *buf)
{
    struct arena *arena = arena_new(8 * REPORT_FILE_NAME_MAX);
    struct strbuf name;
    strbuf_init(&name, arena);
    if (arena)
        add_file_name(&name, mail);
    snprintf(buf, REPORT_FILE_NAME_MAX, "%s", strbuf_string(&name));
    arena_free(arena);
    return buf;
}

const char *report_subject(struct arena *arena, const struct report_mail *mail)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "Report Domain: ");
    mail_text_token(&buf, mail->policy_domain, NAME_MAX_OCTETS);
    strbuf_puts(&buf, " Submitter: ");
    mail_text_token(&buf, mail->receiver, NAME_MAX_OCTETS);
    strbuf_puts(&buf, " Report-ID: <");
    mail_head_id(&buf, mail->report_id);
    strbuf_putc(&buf, '>');
    return strbuf_string(&buf);
}

/* ---- header ---- */

static bool add_header(struct strbuf *buf, const struct report_mail *mail)
{
    const struct mail_head head = {
        .sender = mail->sender,
        .org = mail->org,
        .receiver = mail->receiver,
        .id = mail->report_id, /* in Message-ID: helps to know a mail sent again (RFC 9990 3.5.2) */
        .recipients = mail->recipients,
        .recipient_count = mail->recipient_count,
        .subject = bytes_of(report_subject(buf->arena, mail)),
        .date = mail->date,
    };
    bool good = mail_head_add(buf, &head);
    strbuf_puts(buf, "Content-Type: multipart/mixed;\r\n boundary=\"");
    mail_head_boundary(buf, mail->report_id);
    strbuf_puts(buf, "\"\r\n\r\n");
    return good;
}

/* ---- parts ---- */

static void add_time(struct strbuf *buf, int64_t time)
{
    struct tm tm;
    time_t seconds = (time_t)timestamp(time);
    if (gmtime_r(&seconds, &tm))
        strbuf_printf(buf, "%d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
                      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* For the person who wonders what this is. Lines end with LF. */
static void add_words(struct strbuf *buf, const struct report_mail *mail)
{
    strbuf_puts(buf, "This is a DMARC aggregate report (RFC 9990), made by a program.\n\n"
                     "Reported by:  ");
    xml_text_add_line(buf, mail->org);
    strbuf_puts(buf, "\nDomain:       ");
    mail_text_token(buf, mail->policy_domain, NAME_MAX_OCTETS);
    strbuf_puts(buf, "\nFrom:         ");
    add_time(buf, mail->begin);
    strbuf_puts(buf, "\nTo:           ");
    add_time(buf, mail->end);
    strbuf_printf(buf, "\nMessages:     %" PRId64 "\nReport-ID:    ", mail->messages);
    mail_head_id(buf, mail->report_id);
    strbuf_printf(buf,
                  "\n\nThe attached XML file%s tells which hosts\n"
                  "sent us mail in the name of this domain, and whether that mail passed SPF,\n"
                  "DKIM and DMARC. You get it because the rua= tag of the record at\n\n    _dmarc.",
                  mail->gzip ? " (compressed with gzip)" : "");
    mail_text_token(buf, mail->policy_domain, NAME_MAX_OCTETS);
    strbuf_puts(buf, "\n\nasks for reports to this address; without it there they stop.\n\n"
                     "Nobody reads replies to this mail. To reach us:\n\n    ");
    if (mail->contact.len) {
        xml_text_add_line(buf, mail->contact);
    } else {
        strbuf_puts(buf, "postmaster@"); /* RFC 5321 4.5.1: always there */
        mail_text_token(buf, mail->receiver, NAME_MAX_OCTETS);
    }
    strbuf_putc(buf, '\n');
}

static void add_text_part(struct strbuf *buf, const struct report_mail *mail)
{
    struct strbuf words;
    strbuf_init(&words, buf->arena);
    add_words(&words, mail);
    mail_head_delimiter(buf, mail->report_id, "");
    strbuf_puts(buf, "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    mail_text_quoted_printable(buf, strbuf_view(&words));
}

/* The name stays in one piece: few readers of reports know RFC 2231's continuations. */
static void add_report_part(struct strbuf *buf, const struct report_mail *mail)
{
    struct strbuf name;
    strbuf_init(&name, buf->arena);
    add_file_name(&name, mail);
    mail_head_delimiter(buf, mail->report_id, "");
    strbuf_printf(buf,
                  "Content-Type: %s;\r\n name=\"%s\"\r\n"
                  "Content-Disposition: attachment;\r\n filename=\"%s\"\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n",
                  mail->gzip ? "application/gzip" : "text/xml", strbuf_string(&name),
                  strbuf_string(&name));
    mail_text_base64(buf, mail->body);
}

struct bytes report_mail_compose(struct arena *arena, const struct report_mail *mail)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    mail_text_reserve(&buf, mail_text_base64_length(mail->body.len) + FRAME_OCTETS);
    bool good = add_header(&buf, mail);
    add_text_part(&buf, mail);
    add_report_part(&buf, mail);
    mail_head_delimiter(&buf, mail->report_id, "--");
    return good && !arena_failed(arena) ? strbuf_view(&buf) : BYTES_EMPTY;
}

/* ---- signing ---- */

/* Octets up to the CRLF that no white space follows. */
static size_t field_length(struct bytes text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '\r' && text.data[i + 1] == '\n' &&
            (i + 2 == text.len || !is_wsp(text.data[i + 2])))
            return i;
    }
    return text.len;
}

/* Hands over the header, finds the From fields; returns the body. */
static struct bytes feed_header(struct originate *originate, struct bytes message,
                                struct bytes *from, size_t *from_count)
{
    while (message.len) {
        struct bytes field = bytes_slice(message, 0, field_length(message));
        message = bytes_slice(message, field.len + 2, message.len);
        if (field.len == 0)
            break;
        size_t colon = bytes_find(field, ':');
        struct bytes name = bytes_slice(field, 0, colon);
        struct bytes value = bytes_slice(field, colon + 1, field.len);
        originate_header(originate, name, value);
        if (bytes_is(name, "From") && *from_count < FROM_FIELDS_MAX)
            from[(*from_count)++] = value;
    }
    return message;
}

/* False: *out says why. */
static bool sign(struct arena *arena, struct originate *originate, struct bytes sender,
                 struct bytes message, struct signing_result *out)
{
    struct bytes from[FROM_FIELDS_MAX];
    size_t from_count = 0;
    struct author author;
    struct bytes body = feed_header(originate, message, from, &from_count);
    author_find(arena, from, from_count, &author);
    if (author.status == AUTHOR_OK &&
        !domain_equal(author.domain, domain_of_address(arena, sender))) {
        out->why_not = "the From field is not of ReportSender's domain";
        return false;
    }
    originate_end_of_headers(originate, &author);
    originate_body(originate, body);
    originate_finish(originate, out);
    return out->count > 0;
}

/* The first on top, as the daemon has it. */
static size_t add_signatures(struct strbuf *buf, const struct signing_result *signing)
{
    size_t added = 0;
    for (size_t i = 0; i < signing->count; i++) {
        if (!signing->made[i].value)
            continue;
        const char *value = arena_printf(buf->arena, " %s", signing->made[i].value);
        strbuf_bytes(buf, dkim_field_text(buf->arena, BYTES("DKIM-Signature"), bytes_of(value)));
        strbuf_puts(buf, "\r\n");
        added++;
    }
    return added;
}

struct bytes report_mail_sign(struct arena *arena, const struct policy_env *env,
                              const struct signing_settings *settings, struct bytes sender,
                              struct bytes message, const char **why_not)
{
    struct signing_result signing = {.why_not = "out of memory"};
    struct originate *originate = originate_new(env, env->keys, settings, arena);
    struct strbuf buf;
    strbuf_init(&buf, arena);
    *why_not = "";
    if (!originate || !sign(arena, originate, sender, message, &signing)) {
        *why_not = signing.why_not;
    } else {
        mail_text_reserve(&buf, message.len + FRAME_OCTETS);
        if (add_signatures(&buf, &signing) == 0)
            *why_not = signing.made[0].reason;
        strbuf_bytes(&buf, message);
    }
    originate_free(originate);
    if (arena_failed(arena))
        return BYTES_EMPTY;
    return **why_not ? message : strbuf_view(&buf);
}
