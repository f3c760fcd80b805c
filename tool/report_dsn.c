/* report_dsn.c - what a delivery status notification says of a report; see report_dsn.h. */
#include "report_dsn.h"

#include "mime.h"

/* ---- which report ---- */

/* A report id stands in front of the "@" of our Message-IDs. */
static struct bytes id_of(struct bytes message_id)
{
    size_t len = 0;
    struct bytes id = bytes_slice(message_id, bytes_find(message_id, '<') + 1, message_id.len);
    while (len < id.len && is_alnum(id.data[len]))
        len++;
    return len == REPORT_DSN_ID_LEN && len < id.len && id.data[len] == '@' ? bytes_slice(id, 0, len)
                                                                           : BYTES_EMPTY;
}

static struct bytes id_of_header(const struct mime_header *header)
{
    struct bytes value;
    return mime_header_find(header, "Message-ID", &value) ? id_of(value) : BYTES_EMPTY;
}

/* The mail that came back: whole, or its header alone (RFC 6522 3, RFC 6533 for the others). */
static struct bytes id_of_part(struct arena *arena, const struct mime_part *part)
{
    struct mime_header header;
    struct bytes text;
    if (bytes_is(part->type, "message/rfc822") || bytes_is(part->type, "message/global"))
        return part->next && part->next->parent == part ? id_of_header(&part->next->header)
                                                        : BYTES_EMPTY;
    if (!bytes_is(part->type, "text/rfc822-headers") &&
        !bytes_is(part->type, "message/global-headers"))
        return BYTES_EMPTY;
    if (!mime_decode(arena, part, &text))
        return BYTES_EMPTY;
    mime_header_read(arena, text, &header);
    return id_of_header(&header);
}

/* ---- which recipients ---- */

/* "rfc822; user@example.com" -> "user@example.com" */
static struct bytes address_of(const struct mime_header *group, const char *name)
{
    struct bytes value;
    if (!mime_header_find(group, name, &value))
        return BYTES_EMPTY;
    size_t semicolon = bytes_find(value, ';');
    return semicolon < value.len ? bytes_trim(bytes_slice(value, semicolon + 1, value.len))
                                 : bytes_trim(value);
}

/* "failed" is final (RFC 3464 2.3.3), also with a status of 4.x.x: that is what a mail server
 * writes that has tried for days. */
static void read_group(struct arena *arena, const struct mime_header *group, struct report_dsn *out)
{
    struct bytes action, status, said;
    if (!mime_header_find(group, "Action", &action))
        return; /* the group about the message, or nothing we know */
    if (!bytes_is(mime_value_head(arena, action), "failed") ||
        out->failed_count == REPORT_DSN_RECIPIENTS_MAX) {
        out->other_count++;
        return;
    }
    struct report_dsn_recipient *recipient = &out->failed[out->failed_count++];
    recipient->original = address_of(group, "Original-Recipient");
    recipient->final = address_of(group, "Final-Recipient");
    mime_header_find(group, "Status", &status);
    said = address_of(group, "Diagnostic-Code");
    recipient->text =
        bytes_of(arena_printf(arena, "%.*s %.*s", BYTES_ARGS(status), BYTES_ARGS(said)));
}

static void read_status(struct arena *arena, const struct mime_part *part, struct report_dsn *out)
{
    struct bytes text;
    if (!mime_decode(arena, part, &text))
        return;
    while (text.len > 0) {
        struct mime_header group;
        struct bytes rest = mime_header_read(arena, text, &group);
        if (rest.len >= text.len)
            return;
        read_group(arena, &group, out);
        text = rest;
    }
}

/* ---- the whole ---- */

static bool is_status(const struct mime_part *part)
{
    return bytes_is(part->type, "message/delivery-status") ||
           bytes_is(part->type, "message/global-delivery-status");
}

const char *report_dsn_read(struct arena *arena, struct bytes mail, struct report_dsn *out)
{
    bool status = false;
    *out = (struct report_dsn){0};
    const struct mime_part *whole = mime_read(arena, mail, NULL);
    if (!whole || !bytes_is(whole->type, "multipart/report"))
        return "no delivery status notification";
    for (const struct mime_part *part = whole->next; part; part = part->next) {
        if (part->parent != whole) /* a bounce within what came back is not about us */
            continue;
        if (is_status(part)) {
            status = true;
            read_status(arena, part, out);
        } else if (out->report_id.len == 0) {
            out->report_id = id_of_part(arena, part);
        }
    }
    if (!status)
        return "no delivery status notification";
    if (out->failed_count == 0)
        return "no recipient failed for good";
    return out->report_id.len ? NULL : "what came back is no report of ours";
}
