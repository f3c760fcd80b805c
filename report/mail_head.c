/* mail_head.c - what all mails have in common that we write; see mail_head.h. */
#include "mail_head.h"

#include "domain.h"
#include "mail_text.h"

enum { ID_MAX_OCTETS = 40 }; /* of an id; store.h draws 32 */

/* unique-id = 1*(ALPHA / DIGIT) (RFC 9990 3.5.2) */
void mail_head_id(struct strbuf *buf, struct bytes id)
{
    size_t count = 0;
    for (size_t i = 0; i < id.len && count < ID_MAX_OCTETS; i++) {
        if (is_alnum((unsigned char)id.data[i])) {
            strbuf_putc(buf, id.data[i]);
            count++;
        }
    }
    if (count == 0)
        strbuf_putc(buf, '0');
}

/* Never in base64, never in quoted-printable (RFC 2045 6.7). */
void mail_head_boundary(struct strbuf *buf, struct bytes id)
{
    strbuf_puts(buf, "=_assay_");
    mail_head_id(buf, id);
}

void mail_head_delimiter(struct strbuf *buf, struct bytes id, const char *end)
{
    strbuf_puts(buf, "--");
    mail_head_boundary(buf, id);
    strbuf_printf(buf, "%s\r\n", end);
}

static bool add_from(struct strbuf *buf, const struct mail_head *head)
{
    struct strbuf value;
    strbuf_init(&value, buf->arena);
    if (bytes_trim(head->org).len) {
        mail_text_phrase(&value, head->org);
        strbuf_putc(&value, ' ');
    }
    strbuf_putc(&value, '<');
    bool good = mail_text_address(&value, head->sender);
    strbuf_putc(&value, '>');
    mail_text_field(buf, "From", strbuf_view(&value));
    return good;
}

static void add_to(struct strbuf *buf, const struct mail_head *head)
{
    struct strbuf value;
    strbuf_init(&value, buf->arena);
    for (size_t i = 0; i < head->recipient_count; i++) {
        size_t before = value.len;
        if (before)
            strbuf_puts(&value, ", ");
        if (!mail_text_address(&value, head->recipients[i]))
            strbuf_truncate(&value, before);
    }
    if (value.len == 0)
        strbuf_puts(&value, "undisclosed-recipients:;");
    mail_text_field(buf, "To", strbuf_view(&value));
}

static void add_message_id(struct strbuf *buf, const struct mail_head *head)
{
    struct strbuf value;
    strbuf_init(&value, buf->arena);
    strbuf_putc(&value, '<');
    mail_head_id(&value, head->id);
    strbuf_putc(&value, '@');
    mail_text_token(&value, head->receiver, DOMAIN_MAX);
    strbuf_putc(&value, '>');
    mail_text_field(buf, "Message-ID", strbuf_view(&value));
}

bool mail_head_add(struct strbuf *buf, const struct mail_head *head)
{
    struct strbuf date;
    strbuf_init(&date, buf->arena);
    mail_text_date(&date, head->date);
    bool good = add_from(buf, head);
    add_to(buf, head);
    mail_text_field(buf, "Subject", head->subject);
    mail_text_field(buf, "Date", strbuf_view(&date));
    add_message_id(buf, head);
    mail_text_field(buf, "Auto-Submitted", BYTES("auto-generated"));
    mail_text_field(buf, "MIME-Version", BYTES("1.0"));
    return good;
}
