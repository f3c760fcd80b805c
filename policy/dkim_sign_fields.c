/* dkim_sign_fields.c - which header fields a signature covers; see dkim_sign_fields.h. */
#include "dkim_sign_fields.h"

#include <string.h>

enum {
    SEPARATOR_OCTETS = 4, /* ":" and a fold, CRLF TAB, behind a name */
};

/* RFC 6376 5.4.1, RFC 8058 4 (List-Unsubscribe and List-Unsubscribe-Post must
 * be covered), the fields that make the meaning of the body. */
const char *const dkim_sign_default_headers[] = {
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-id",
    "content-description",
    "content-disposition",
    "content-language",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
    "autocrypt",
    NULL,
};

/* Without Sender and List-*: mailing lists add them, and a signature that
 * forbids it breaks there. */
const char *const dkim_sign_default_oversign[] = {
    "from",       "reply-to",     "to",           "cc",
    "subject",    "date",         "message-id",   "in-reply-to",
    "references", "mime-version", "content-type", "content-transfer-encoding",
    NULL,
};

/* What mail servers complete when it is missing (RFC 5321 6.4, RFC 6409 8.2 and 8.3), after we have
 * signed: Sendmail adds its own behind the milters, and so may the next server. Only where the
 * field is present may it be said that there is no other. */
static bool is_completed_later(struct bytes name)
{
    return bytes_is(name, "Date") || bytes_is(name, "Message-ID");
}

bool dkim_sign_forbids(struct bytes name)
{
    static const char *const whole[] = {"Return-Path", "Received", "Authentication-Results",
                                        "DKIM-Signature", "Bcc"};
    static const char *const prefixes[] = {"ARC-", "Resent-"};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (bytes_is(name, whole[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (bytes_starts_nocase(name, bytes_of(prefixes[i])))
            return true;
    }
    return false;
}

struct list {
    struct bytes *names;
    size_t count;
    size_t octets; /* of h= at most */
};

static size_t count_present(const struct dkim_fields *fields, struct bytes name)
{
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++)
        count += bytes_equal_nocase(dkim_field_name(fields->items[i]), name);
    return count;
}

static bool is_oversigned(const struct signing_settings *settings, struct bytes name)
{
    for (size_t i = 0; i < settings->oversign_header_count; i++) {
        if (bytes_is(name, settings->oversign_headers[i]))
            return true;
    }
    return false;
}

static bool is_listed(const struct list *list, struct bytes name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal_nocase(list->names[i], name))
            return true;
    }
    return false;
}

static void add(struct list *list, const struct signing_settings *settings,
                const struct dkim_fields *fields, const char *header)
{
    struct bytes name = bytes_of(header);
    if (!dkim_field_name_valid(name) || dkim_sign_forbids(name) || is_listed(list, name))
        return;
    size_t times = count_present(fields, name);
    if (is_oversigned(settings, name) && !(times == 0 && is_completed_later(name)))
        times++;
    for (; times > 0; times--) {
        if (list->octets + name.len + SEPARATOR_OCTETS > DKIM_SIGNED_FIELDS_MAX)
            return;
        list->names[list->count++] = name;
        list->octets += name.len + SEPARATOR_OCTETS;
    }
}

struct bytes *dkim_sign_choose(struct arena *arena, const struct signing_settings *settings,
                               const struct dkim_fields *fields, size_t *count)
{
    size_t room = DKIM_SIGNED_FIELDS_MAX / (1 + SEPARATOR_OCTETS);
    struct list list = {.names = arena_array(arena, room, sizeof(*list.names))};
    *count = 0;
    if (!list.names)
        return NULL;
    add(&list, settings, fields, "from"); /* RFC 6376 5.4: MUST be signed */
    for (size_t i = 0; i < settings->sign_header_count; i++)
        add(&list, settings, fields, settings->sign_headers[i]);
    for (size_t i = 0; i < settings->oversign_header_count; i++)
        add(&list, settings, fields, settings->oversign_headers[i]);
    *count = list.count;
    return list.names;
}
