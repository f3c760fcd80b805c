/* arf.c - a failure or abuse report about one mail; see arf.h. */
#include "arf.h"

#include <stddef.h>

/* Where a field goes. */
enum kind { KIND_TEXT, KIND_WORD, KIND_IP, KIND_CANONICAL, KIND_LIST };

static const struct row {
    const char *name;
    enum kind kind;
    size_t offset;
} rows[] = {
    {"Feedback-Type", KIND_WORD, offsetof(struct arf, feedback_type)},
    {"User-Agent", KIND_TEXT, offsetof(struct arf, user_agent)},
    {"Version", KIND_TEXT, offsetof(struct arf, version)},
    {"Original-Envelope-Id", KIND_TEXT, offsetof(struct arf, original_envelope_id)},
    {"Original-Mail-From", KIND_TEXT, offsetof(struct arf, original_mail_from)},
    {"Arrival-Date", KIND_TEXT, offsetof(struct arf, arrival_date_text)},
    {"Received-Date", KIND_TEXT, offsetof(struct arf, arrival_date_text)}, /* RFC 5965 3.2 */
    {"Reporting-MTA", KIND_TEXT, offsetof(struct arf, reporting_mta)},
    {"Source-IP", KIND_IP, offsetof(struct arf, source_ip)},
    {"Original-Rcpt-To", KIND_LIST, offsetof(struct arf, original_rcpt_to)},
    {"Authentication-Results", KIND_LIST, offsetof(struct arf, authentication_results)},
    {"Reported-Domain", KIND_LIST, offsetof(struct arf, reported_domain)},
    {"Reported-URI", KIND_LIST, offsetof(struct arf, reported_uri)},
    {"Auth-Failure", KIND_WORD, offsetof(struct arf, auth_failure)},
    {"Delivery-Result", KIND_WORD, offsetof(struct arf, delivery_result)},
    {"Identity-Alignment", KIND_WORD, offsetof(struct arf, identity_alignment)},
    {"DKIM-Domain", KIND_TEXT, offsetof(struct arf, dkim_domain)},
    {"DKIM-Identity", KIND_TEXT, offsetof(struct arf, dkim_identity)},
    {"DKIM-Selector", KIND_TEXT, offsetof(struct arf, dkim_selector)},
    {"DKIM-Selector-DNS", KIND_TEXT, offsetof(struct arf, dkim_selector_dns)},
    {"DKIM-ADSP-DNS", KIND_TEXT, offsetof(struct arf, dkim_adsp_dns)},
    {"SPF-DNS", KIND_TEXT, offsetof(struct arf, spf_dns)},
    {"DKIM-Canonicalized-Header", KIND_CANONICAL, offsetof(struct arf, dkim_canonicalized_header)},
    {"DKIM-Canonicalized-Body", KIND_CANONICAL, offsetof(struct arf, dkim_canonicalized_body)},
};

static struct bytes clean(struct arena *arena, struct bytes value, size_t max)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    mime_clean(&text, value, BYTES_EMPTY, max);
    return strbuf_view(&text);
}

static struct bytes lower_case(struct arena *arena, struct bytes text)
{
    char *copy = arena_copy(arena, text.data, text.len);
    if (!copy)
        return BYTES_EMPTY;
    for (size_t i = 0; i < text.len; i++)
        copy[i] = to_lower(copy[i]);
    return (struct bytes){copy, text.len};
}

static void append(struct arena *arena, struct arf_value **list, struct bytes text)
{
    size_t count = 0;
    for (; *list; list = &(*list)->next)
        count++;
    *list = count < ARF_VALUES_MAX ? arena_alloc(arena, sizeof(**list)) : NULL;
    if (*list)
        (*list)->text = text;
}

/* The first field of a name counts, unless it may be repeated. */
static void store(struct arena *arena, struct arf *arf, const struct row *row, struct bytes value)
{
    char *at = (char *)arf + row->offset;
    struct bytes text =
        clean(arena, value, row->kind == KIND_CANONICAL ? ARF_CANONICAL_MAX : ARF_TEXT_MAX);
    if (row->kind == KIND_LIST) {
        append(arena, (struct arf_value **)(void *)at, text);
        return;
    }
    struct bytes *member = (struct bytes *)(void *)at;
    if (row->kind == KIND_IP) /* OpenDMARC adds the name as a comment */
        text = bytes_trim(bytes_slice(text, 0, bytes_find(text, '(')));
    if (member->len == 0)
        *member = row->kind == KIND_WORD ? lower_case(arena, text) : text;
}

static void store_field(struct arena *arena, struct arf *arf, const struct mime_field *field)
{
    unsigned long long number;
    if (bytes_is(field->name, "Incidents") && bytes_to_number(field->value, INT64_MAX, &number))
        arf->incidents = number;
    if (bytes_is(field->name, "Source-Port") && bytes_to_number(field->value, 65535, &number))
        arf->source_port = (unsigned)number;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bytes_is(field->name, rows[i].name))
            store(arena, arf, &rows[i], field->value);
    }
}

/* The next part that lies beside this one. */
static const struct mime_part *next_beside(const struct mime_part *part)
{
    const struct mime_part *next = part->next;
    while (next && next->parent != part->parent)
        next = next->next;
    return part->parent ? next : NULL;
}

/* Third part of the report (RFC 5965 2): the mail in question, or its header. */
static void read_original(struct arena *arena, struct arf *arf, const struct mime_part *part)
{
    struct mime_header header;
    struct bytes text, value;
    if (!part || !mime_decode(arena, part, &text))
        return;
    if (!bytes_is(part->type, "message/rfc822") && !bytes_is(part->type, "message/global") &&
        !bytes_is(part->type, "text/rfc822-headers"))
        return;
    struct bytes rest = mime_header_read(arena, text, &header);
    arf->headers = bytes_slice(text, 0, text.len - rest.len);
    mime_header_find(&header, "From", &value);
    arf->from = mime_text(arena, bytes_slice(value, 0, ARF_TEXT_MAX));
    mime_header_find(&header, "Subject", &value);
    arf->subject = mime_text(arena, bytes_slice(value, 0, ARF_TEXT_MAX));
    mime_header_find(&header, "Message-ID", &value);
    arf->message_id = clean(arena, value, ARF_TEXT_MAX);
}

struct arf *arf_read(struct arena *arena, const struct mime_part *part, const char **why)
{
    struct arf *arf = arena_alloc(arena, sizeof(*arf));
    struct mime_header header;
    struct bytes text;
    *why = "out of memory";
    if (!arf)
        return NULL;
    *why = "its transfer encoding is unknown";
    if (!mime_decode(arena, part, &text))
        return NULL;
    mime_header_read(arena, text, &header);
    arf->incidents = 1; /* RFC 5965 3.2 */
    for (const struct mime_field *field = header.fields; field; field = field->next)
        store_field(arena, arf, field);
    arf->arrival_date = arf_date(arf->arrival_date_text);
    *why = "a feedback report without Feedback-Type";
    if (arf->feedback_type.len == 0)
        return NULL;
    read_original(arena, arf, next_beside(part));
    *why = NULL;
    return arf;
}
