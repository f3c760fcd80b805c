/* failure_mail.c - the mail that tells of a failure; see failure_mail.h.
 *
 * Relies on mail_text.c for every value: what an event holds was written by strangers.
 */
#include "failure_mail.h"

#include "base64.h"
#include "mail_head.h"
#include "mail_text.h"
#include "xml_text.h"

#include <inttypes.h>

enum {
    DIGITS_TOGETHER = 64, /* base64 digits of a field between places to fold */
    LINE_OCTETS_MAX = 998 /* of a line that goes as it is (RFC 5322 2.1.1) */
};

/* The signature that a report of this kind is about; its domain is empty when there is none. */
static const struct failure_signature *signature_of(const struct store_failure *failure)
{
    return failure->kind == FAILURE_DMARC ? &failure->event.aligned : &failure->event.failed;
}

/* ---- message/feedback-report ---- */

static const char *auth_failure(const struct store_failure *failure)
{
    static const char *const types[] = {"signature", "bodyhash", "revoked"};
    switch (failure->kind) {
    case FAILURE_DKIM:
        return types[signature_of(failure)->type];
    case FAILURE_SPF:
        return "spf";
    default:
        return "dmarc";
    }
}

static void add_format(struct strbuf *buf, const char *name, const char *text)
{
    mail_text_field(buf, name, bytes_of(text));
}

/* RFC 6591 3.1: of one method only. */
static void add_results(struct strbuf *buf, const struct store_failure *failure)
{
    const struct failure_event *event = &failure->event;
    const struct failure_signature *signature = signature_of(failure);
    struct strbuf value;
    strbuf_init(&value, buf->arena);
    strbuf_bytes(&value, event->authserv_id);
    switch (failure->kind) {
    case FAILURE_DKIM:
        strbuf_printf(&value, "; dkim=%s header.d=%.*s header.s=%.*s",
                      auth_result_name(signature->result), BYTES_ARGS(signature->domain),
                      BYTES_ARGS(signature->selector));
        break;
    case FAILURE_SPF:
        strbuf_printf(&value, "; spf=%s smtp.%s=%.*s", auth_result_name(event->spf),
                      event->mail_from.len ? "mailfrom" : "helo", BYTES_ARGS(event->spf_domain));
        break;
    default:
        strbuf_printf(&value, "; dmarc=%s header.from=%.*s", auth_result_name(event->dmarc),
                      BYTES_ARGS(event->header_from));
        break;
    }
    mail_text_field(buf, "Authentication-Results", strbuf_view(&value));
}

/* RFC 9991 4: the methods that failed to give an aligned identity. Not those that did, as RFC 7489
 * had it. */
static const char *identity_alignment(const struct failure_event *event)
{
    if (event->dkim_failed)
        return event->spf_failed ? "dkim, spf" : "dkim";
    return event->spf_failed ? "spf" : "none";
}

static void add_canonical_header(struct strbuf *buf, const struct failure_event *event)
{
    struct strbuf digits, value;
    if (event->canonical_header.len == 0 || event->redacted)
        return;
    strbuf_init(&digits, buf->arena);
    strbuf_init(&value, buf->arena);
    base64_encode(&digits, (const uint8_t *)event->canonical_header.data,
                  event->canonical_header.len);
    for (size_t i = 0; i < digits.len; i += DIGITS_TOGETHER) {
        strbuf_puts(&value, i ? " " : "");
        strbuf_bytes(&value, bytes_slice(strbuf_view(&digits), i, DIGITS_TOGETHER));
    }
    mail_text_field(buf, "DKIM-Canonicalized-Header", strbuf_view(&value));
}

static void add_signature(struct strbuf *buf, const struct store_failure *failure)
{
    const struct failure_signature *signature = signature_of(failure);
    bool wanted = failure->kind == FAILURE_DKIM ||
                  (failure->kind == FAILURE_DMARC && failure->event.dkim_failed);
    if (!wanted || signature->domain.len == 0)
        return;
    mail_text_field(buf, "DKIM-Domain", signature->domain);
    mail_text_field(buf, "DKIM-Identity", signature->identity);
    mail_text_field(buf, "DKIM-Selector", signature->selector);
    add_canonical_header(buf, &failure->event);
}

/* txt : example.com : "v=spf1 -all" (RFC 6591 3.2.5) */
static void add_spf(struct strbuf *buf, const struct store_failure *failure)
{
    const struct failure_event *event = &failure->event;
    bool wanted =
        failure->kind == FAILURE_SPF || (failure->kind == FAILURE_DMARC && event->spf_failed);
    struct strbuf value;
    if (!wanted || event->spf_record.len == 0)
        return;
    strbuf_init(&value, buf->arena);
    strbuf_printf(&value, "txt : %.*s : \"", BYTES_ARGS(event->spf_domain));
    for (size_t i = 0; i < event->spf_record.len; i++) {
        char c = event->spf_record.data[i];
        if (c == '"' || c == '\\')
            strbuf_putc(&value, '\\');
        strbuf_putc(&value, c);
    }
    strbuf_putc(&value, '"');
    mail_text_field(buf, "SPF-DNS", strbuf_view(&value));
}

static void add_message(struct strbuf *buf, const struct store_failure *failure)
{
    const struct failure_event *event = &failure->event;
    struct strbuf value;
    char source[IP_TEXT_MAX];
    strbuf_init(&value, buf->arena);
    if (event->queue_id.len)
        mail_text_field(buf, "Original-Envelope-Id", event->queue_id);
    strbuf_printf(&value, "<%.*s>", BYTES_ARGS(event->mail_from));
    mail_text_field(buf, "Original-Mail-From", strbuf_view(&value));
    if (event->source.family != IP_NONE)
        add_format(buf, "Source-IP", ip_format(&event->source, source));
    strbuf_init(&value, buf->arena);
    mail_text_date(&value, failure->first);
    mail_text_field(buf, "Arrival-Date", strbuf_view(&value));
    mail_text_field(buf, "Reported-Domain", event->header_from);
    add_format(buf, "Incidents", arena_printf(buf->arena, "%" PRId64, failure->incidents));
}

static void add_feedback(struct strbuf *buf, const struct failure_mail *mail)
{
    static const char *const deliveries[] = {"delivered", "policy", "reject"};
    const struct store_failure *failure = mail->failure;
    mail_head_delimiter(buf, mail->id, "");
    strbuf_puts(buf, "Content-Type: message/feedback-report\r\n\r\n");
    add_format(buf, "Feedback-Type", "auth-failure");
    add_format(buf, "User-Agent", "Assay/" PACKAGE_VERSION);
    add_format(buf, "Version", "1");
    add_format(buf, "Auth-Failure", auth_failure(failure));
    add_results(buf, failure);
    add_format(buf, "Identity-Alignment", identity_alignment(&failure->event));
    add_format(buf, "Delivery-Result", deliveries[failure->event.delivery]);
    add_signature(buf, failure);
    add_spf(buf, failure);
    add_message(buf, failure);
    strbuf_puts(buf, "\r\n");
}

/* ---- text/rfc822-headers ---- */

static bool goes_as_it_is(struct bytes text)
{
    size_t line = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        line = c == '\n' ? 0 : line + 1;
        if (c == 0 || c >= 0x80 || line > LINE_OCTETS_MAX)
            return false;
    }
    return true;
}

/* mail_text_quoted_printable() takes lines that end with LF. */
static struct bytes without_cr(struct arena *arena, struct bytes text)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
            strbuf_putc(&out, text.data[i]);
    }
    return strbuf_view(&out);
}

static void add_fields(struct strbuf *buf, const struct failure_mail *mail)
{
    struct bytes header = mail->failure->event.header;
    bool plain = goes_as_it_is(header);
    mail_head_delimiter(buf, mail->id, "");
    strbuf_printf(buf,
                  "Content-Type: text/rfc822-headers; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: %s\r\n\r\n",
                  plain ? "7bit" : "quoted-printable");
    if (plain)
        strbuf_bytes(buf, header);
    else
        mail_text_quoted_printable(buf, without_cr(buf->arena, header));
    strbuf_puts(buf, "\r\n");
}

/* ---- text/plain ---- */

static const char *what_failed(const struct store_failure *failure)
{
    switch (failure->kind) {
    case FAILURE_DKIM:
        return "a DKIM signature did not verify";
    case FAILURE_SPF:
        return "SPF failed";
    default:
        break;
    }
    return failure->event.dmarc == AUTH_PASS ? "not everything that DMARC looks at passed"
                                             : "DMARC failed";
}

static void add_token_line(struct strbuf *words, const char *title, struct bytes value)
{
    strbuf_puts(words, title);
    mail_text_token(words, value, DOMAIN_MAX);
    strbuf_putc(words, '\n');
}

/* For the person who wonders what this is. Lines end with LF. */
static void add_words(struct strbuf *words, const struct failure_mail *mail)
{
    const struct store_failure *failure = mail->failure;
    char source[IP_TEXT_MAX];
    strbuf_printf(words,
                  "This is a DMARC failure report (RFC 9991), made by a program:\n"
                  "of mail in the name of this domain, %s.\n\n",
                  what_failed(failure));
    add_token_line(words, "From domain:  ", failure->event.header_from);
    strbuf_printf(words, "Sent by host: %s\n", ip_format(&failure->event.source, source));
    strbuf_puts(words, "First seen:   ");
    mail_text_date(words, failure->first);
    strbuf_puts(words, "\nLast seen:    ");
    mail_text_date(words, failure->last);
    strbuf_printf(words, "\nMessages:     %" PRId64 "\n", failure->incidents);
    strbuf_puts(words, "\nReported by:  ");
    xml_text_add_line(words, mail->org);
    strbuf_puts(words, "\n\nMessages that failed alike within an hour are told of once, by the "
                       "first of them.\n");
    if (failure->event.redacted)
        strbuf_puts(words,
                    "Subjects, names and other words are left out; the part before the \"@\"\n"
                    "of an address is replaced, the same always by the same (RFC 6590).\n");
    add_token_line(words, "\nYou get this because the ruf= tag of the record at\n\n    _dmarc.",
                   failure->event.policy_domain);
    strbuf_puts(words, "\nasks for such reports to this address; without it there they stop.\n\n"
                       "Nobody reads replies to this mail. To reach us:\n\n    ");
    if (mail->contact.len)
        xml_text_add_line(words, mail->contact);
    else /* RFC 5321 4.5.1: always there */
        add_token_line(words, "postmaster@", mail->receiver);
    strbuf_putc(words, '\n');
}

static void add_text(struct strbuf *buf, const struct failure_mail *mail)
{
    struct strbuf words;
    strbuf_init(&words, buf->arena);
    add_words(&words, mail);
    mail_head_delimiter(buf, mail->id, "");
    strbuf_puts(buf, "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    mail_text_quoted_printable(buf, strbuf_view(&words));
}

/* ---- the mail ---- */

static struct bytes subject(struct arena *arena, const struct failure_mail *mail)
{
    struct strbuf buf;
    char source[IP_TEXT_MAX];
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "DMARC failure report: ");
    mail_text_token(&buf, mail->failure->event.header_from, DOMAIN_MAX);
    strbuf_printf(&buf, " from %s", ip_format(&mail->failure->event.source, source));
    return strbuf_view(&buf);
}

struct bytes failure_mail_compose(struct arena *arena, const struct failure_mail *mail)
{
    const struct mail_head head = {
        .sender = mail->sender,
        .org = mail->org,
        .receiver = mail->receiver,
        .id = mail->id,
        .recipients = &mail->recipient,
        .recipient_count = 1,
        .subject = subject(arena, mail),
        .date = mail->date,
    };
    struct strbuf buf;
    strbuf_init(&buf, arena);
    bool good = mail_head_add(&buf, &head);
    strbuf_puts(&buf, "Content-Type: multipart/report; report-type=feedback-report;\r\n"
                      " boundary=\"");
    mail_head_boundary(&buf, mail->id);
    strbuf_puts(&buf, "\"\r\n\r\n");
    add_text(&buf, mail);
    add_feedback(&buf, mail);
    add_fields(&buf, mail);
    mail_head_delimiter(&buf, mail->id, "--");
    return good && !arena_failed(arena) ? strbuf_view(&buf) : BYTES_EMPTY;
}
