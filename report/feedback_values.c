/* feedback_values.c - the text of a report's elements, put where it belongs; see
 * feedback_internal.h. */
#include "feedback_internal.h"

#include <string.h>

static const int64_t DATE_MAX = 253402300799; /* 9999-12-31: what a date can be printed for */

/* ---- text ---- */

/* The same text as one that was kept before, if it is remembered; else itself, kept. Most
 * of a large report are the same few words. */
static struct bytes keep(struct feedback_builder *builder, struct bytes text)
{
    uint32_t hash = 2166136261u; /* FNV-1a; collisions only cost memory */
    if (text.len == 0)
        return BYTES_EMPTY;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 16777619u;
    struct bytes *slot = &builder->seen[hash % FEEDBACK_SEEN];
    if (!bytes_equal(*slot, text))
        *slot = arena_bytes(builder->arena, text);
    return *slot;
}

/* libxml2 has made UTF-8 of it, in which controls may stand: tabs, line ends, C1. */
static struct bytes cleaned(struct feedback_builder *builder, struct bytes text)
{
    bool plain = true;
    text = bytes_trim(text);
    for (size_t i = 0; i < text.len && plain; i++)
        plain = text.data[i] >= ' ' && text.data[i] < 0x7f;
    if (plain)
        return keep(builder, bytes_slice(text, 0, FEEDBACK_TEXT_MAX));
    struct strbuf out;
    strbuf_init(&out, builder->arena);
    mime_clean(&out, text, BYTES_EMPTY, FEEDBACK_TEXT_MAX);
    return keep(builder, strbuf_view(&out));
}

static struct bytes lower_case(struct feedback_builder *builder, struct bytes text)
{
    char lower[FEEDBACK_TEXT_MAX];
    if (text.len > sizeof(lower))
        return text;
    for (size_t i = 0; i < text.len; i++)
        lower[i] = to_lower(text.data[i]);
    return keep(builder, (struct bytes){lower, text.len});
}

/* Seconds since 1970, with or without a fraction; 0 when it is something else. */
static int64_t date_of(struct bytes text)
{
    unsigned long long seconds;
    text = bytes_slice(text, 0, bytes_find(text, '.'));
    return bytes_to_number(text, (unsigned long long)DATE_MAX, &seconds) ? (int64_t)seconds : 0;
}

/* A number of any length; false when it is none. */
static bool count_of(struct bytes text, uint64_t *count)
{
    unsigned long long number;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
    }
    *count = bytes_to_number(text, FEEDBACK_COUNT_MAX, &number) ? number : FEEDBACK_COUNT_MAX;
    return true;
}

/* ---- elements that hold others ---- */

void feedback_begin(struct feedback_builder *builder, enum feedback_node node)
{
    switch (node) {
    case NODE_RECORD:
        builder->record = (struct feedback_record){.source_ip = BYTES_EMPTY};
        builder->count = BYTES_EMPTY;
        builder->reason_count = builder->dkim_count = builder->spf_count = 0;
        break;
    case NODE_REASON:
        if (builder->reason_count < FEEDBACK_REASONS_MAX)
            builder->reasons[builder->reason_count] = (struct feedback_reason){0};
        builder->reason_count++;
        break;
    case NODE_DKIM:
        if (builder->dkim_count < FEEDBACK_SIGNATURES_MAX)
            builder->dkim[builder->dkim_count] = (struct feedback_dkim){0};
        builder->dkim_count++;
        break;
    case NODE_SPF:
        if (builder->spf_count < FEEDBACK_SPF_MAX)
            builder->spf[builder->spf_count] = (struct feedback_spf){0};
        builder->spf_count++;
        break;
    default:
        break;
    }
}

static const void *copy(struct arena *arena, const void *items, size_t size)
{
    void *out = size ? arena_alloc(arena, size) : NULL;
    return out ? memcpy(out, items, size) : NULL;
}

static size_t at_most(size_t count, size_t max)
{
    return count < max ? count : max;
}

static void finish_record(struct feedback_builder *builder)
{
    struct feedback *feedback = builder->feedback;
    struct feedback_record *record = &builder->record;
    if (!count_of(builder->count, &record->count)) {
        feedback->skipped++;
        return;
    }
    record->reason_count = at_most(builder->reason_count, FEEDBACK_REASONS_MAX);
    record->dkim_count = at_most(builder->dkim_count, FEEDBACK_SIGNATURES_MAX);
    record->spf_count = at_most(builder->spf_count, FEEDBACK_SPF_MAX);
    struct arena *arena = builder->arena;
    record->reasons =
        copy(arena, builder->reasons, record->reason_count * sizeof(*record->reasons));
    record->dkim = copy(arena, builder->dkim, record->dkim_count * sizeof(*record->dkim));
    record->spf = copy(arena, builder->spf, record->spf_count * sizeof(*record->spf));
    struct feedback_record *kept = arena_alloc(arena, sizeof(*kept));
    if (!kept || arena_failed(arena))
        return;
    *kept = *record;
    *builder->last = kept;
    builder->last = &kept->next;
    feedback->record_count++;
    feedback->messages = record->count > FEEDBACK_COUNT_MAX - feedback->messages
                             ? FEEDBACK_COUNT_MAX
                             : feedback->messages + record->count;
}

/* ---- elements with text ---- */

static void add_error(struct feedback_builder *builder, struct bytes text)
{
    struct bytes *error = &builder->feedback->error;
    if (error->len == 0) {
        *error = text;
    } else if (text.len && error->len + text.len + 2 <= FEEDBACK_TEXT_MAX) {
        struct strbuf both;
        strbuf_init(&both, builder->arena);
        strbuf_bytes(&both, *error);
        strbuf_puts(&both, "; ");
        strbuf_bytes(&both, text);
        *error = strbuf_view(&both);
    }
}

/* Where plain text of report_metadata, policy_published and feedback goes; NULL: elsewhere. */
static struct bytes *report_member(struct feedback *feedback, enum feedback_node node)
{
    switch (node) {
    case NODE_VERSION:
        return &feedback->version;
    case NODE_ORG_NAME:
        return &feedback->org_name;
    case NODE_EMAIL:
        return &feedback->email;
    case NODE_EXTRA_CONTACT_INFO:
        return &feedback->extra_contact_info;
    case NODE_REPORT_ID:
        return &feedback->report_id;
    case NODE_GENERATOR:
        return &feedback->generator;
    case NODE_POLICY_DOMAIN:
        return &feedback->domain;
    case NODE_P:
        return &feedback->p;
    case NODE_SP:
        return &feedback->sp;
    case NODE_NP:
        return &feedback->np;
    case NODE_ADKIM:
        return &feedback->adkim;
    case NODE_ASPF:
        return &feedback->aspf;
    case NODE_FO:
        return &feedback->fo;
    case NODE_TESTING:
        return &feedback->testing;
    case NODE_DISCOVERY_METHOD:
        return &feedback->discovery_method;
    case NODE_PCT:
        return &feedback->pct;
    default:
        return NULL;
    }
}

/* The same for the row and the identifiers. */
static struct bytes *row_member(struct feedback_builder *builder, enum feedback_node node)
{
    switch (node) {
    case NODE_SOURCE_IP:
        return &builder->record.source_ip;
    case NODE_COUNT:
        return &builder->count;
    case NODE_HEADER_FROM:
        return &builder->record.header_from;
    case NODE_ENVELOPE_FROM:
        return &builder->record.envelope_from;
    case NODE_ENVELOPE_TO:
        return &builder->record.envelope_to;
    default:
        return NULL;
    }
}

/* The same for the last reason, dkim or spf element; NULL also when there are too many. */
static struct bytes *result_member(struct feedback_builder *builder, enum feedback_node node)
{
    size_t reason = builder->reason_count - 1, dkim = builder->dkim_count - 1;
    size_t spf = builder->spf_count - 1; /* the element has begun: at least one */
    switch (node) {
    case NODE_REASON_TYPE:
        return reason < FEEDBACK_REASONS_MAX ? &builder->reasons[reason].type : NULL;
    case NODE_REASON_COMMENT:
        return reason < FEEDBACK_REASONS_MAX ? &builder->reasons[reason].comment : NULL;
    case NODE_DKIM_DOMAIN:
        return dkim < FEEDBACK_SIGNATURES_MAX ? &builder->dkim[dkim].domain : NULL;
    case NODE_DKIM_SELECTOR:
        return dkim < FEEDBACK_SIGNATURES_MAX ? &builder->dkim[dkim].selector : NULL;
    case NODE_DKIM_RESULT:
        return dkim < FEEDBACK_SIGNATURES_MAX ? &builder->dkim[dkim].result : NULL;
    case NODE_DKIM_HUMAN_RESULT:
        return dkim < FEEDBACK_SIGNATURES_MAX ? &builder->dkim[dkim].human_result : NULL;
    case NODE_SPF_DOMAIN:
        return spf < FEEDBACK_SPF_MAX ? &builder->spf[spf].domain : NULL;
    case NODE_SPF_SCOPE:
        return spf < FEEDBACK_SPF_MAX ? &builder->spf[spf].scope : NULL;
    case NODE_SPF_RESULT:
        return spf < FEEDBACK_SPF_MAX ? &builder->spf[spf].result : NULL;
    case NODE_SPF_HUMAN_RESULT:
        return spf < FEEDBACK_SPF_MAX ? &builder->spf[spf].human_result : NULL;
    default:
        return NULL;
    }
}

/* Words of a fixed list; they come in lower case, and it is no matter. */
static bool is_word(enum feedback_node node)
{
    return (node >= NODE_P && node <= NODE_ASPF) || node == NODE_TESTING ||
           node == NODE_DISCOVERY_METHOD || node == NODE_REASON_TYPE || node == NODE_DKIM_RESULT ||
           node == NODE_SPF_RESULT || node == NODE_SPF_SCOPE;
}

static void store(struct feedback_builder *builder, enum feedback_node node, struct bytes text)
{
    struct bytes *member = report_member(builder->feedback, node);
    if (!member)
        member = row_member(builder, node);
    if (!member)
        member = result_member(builder, node);
    if (member)
        *member = is_word(node) ? lower_case(builder, text) : text;
}

void feedback_finish(struct feedback_builder *builder, enum feedback_node node, struct bytes raw)
{
    if (node == NODE_RECORD)
        finish_record(builder);
    if (!feedback_node_has_text(node))
        return;
    struct bytes text = cleaned(builder, raw);
    switch (node) {
    case NODE_ERROR:
        add_error(builder, text);
        break;
    case NODE_BEGIN:
        builder->feedback->begin = date_of(text);
        break;
    case NODE_END:
        builder->feedback->end = date_of(text);
        break;
    case NODE_DISPOSITION:
        builder->record.disposition = lower_case(builder, text);
        break;
    case NODE_EVALUATED_DKIM:
        builder->record.has_dkim = text.len > 0;
        builder->record.dkim_pass = bytes_is(text, "pass");
        break;
    case NODE_EVALUATED_SPF:
        builder->record.has_spf = text.len > 0;
        builder->record.spf_pass = bytes_is(text, "pass");
        break;
    default:
        store(builder, node, text);
        break;
    }
}
