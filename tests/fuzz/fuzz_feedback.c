/* fuzz_feedback.c - a file that may be, or hold, aggregate reports. */
#include "feedback.h"
#include "fuzz.h"
#include "rfc5322.h"

enum { MEMORY = 64 << 20 };

/* UTF-8 without controls, bounded. */
static bool is_clean(struct bytes text)
{
    if (text.len > FEEDBACK_TEXT_MAX)
        return false;
    while (text.len) {
        size_t len = rfc5322_utf8_length(text);
        unsigned char first = (unsigned char)text.data[0];
        bool c1 = len == 2 && first == 0xc2 && (unsigned char)text.data[1] < 0xa0;
        if (len == 0 || c1 || (len == 1 && (first < ' ' || first == 0x7f)))
            return false;
        text = bytes_slice(text, len, text.len);
    }
    return true;
}

static void check_record(const struct feedback_record *record)
{
    REQUIRE(is_clean(record->source_ip) && is_clean(record->disposition));
    REQUIRE(is_clean(record->header_from) && is_clean(record->envelope_from) &&
            is_clean(record->envelope_to));
    REQUIRE(record->count <= FEEDBACK_COUNT_MAX);
    REQUIRE(!record->dkim_pass || record->has_dkim);
    REQUIRE(!record->spf_pass || record->has_spf);
    REQUIRE(record->dkim_count <= FEEDBACK_SIGNATURES_MAX);
    REQUIRE(record->spf_count <= FEEDBACK_SPF_MAX);
    REQUIRE(record->reason_count <= FEEDBACK_REASONS_MAX);
    for (size_t i = 0; i < record->dkim_count; i++)
        REQUIRE(is_clean(record->dkim[i].domain) && is_clean(record->dkim[i].selector) &&
                is_clean(record->dkim[i].result) && is_clean(record->dkim[i].human_result));
    for (size_t i = 0; i < record->spf_count; i++)
        REQUIRE(is_clean(record->spf[i].domain) && is_clean(record->spf[i].scope) &&
                is_clean(record->spf[i].result) && is_clean(record->spf[i].human_result));
    for (size_t i = 0; i < record->reason_count; i++)
        REQUIRE(is_clean(record->reasons[i].type) && is_clean(record->reasons[i].comment));
}

static void check_feedback(const struct feedback *feedback)
{
    size_t records = 0;
    REQUIRE(is_clean(feedback->version) && is_clean(feedback->org_name) &&
            is_clean(feedback->email) && is_clean(feedback->extra_contact_info) &&
            is_clean(feedback->report_id) && is_clean(feedback->generator) &&
            is_clean(feedback->error));
    REQUIRE(is_clean(feedback->domain) && is_clean(feedback->p) && is_clean(feedback->pct));
    REQUIRE(feedback->begin >= 0 && feedback->end >= 0);
    REQUIRE(feedback->messages <= FEEDBACK_COUNT_MAX);
    for (const struct feedback_record *record = feedback->records; record; record = record->next) {
        check_record(record);
        records++;
    }
    REQUIRE(records == feedback->record_count);
}

static void take(void *context, const struct feedback_finding *finding)
{
    size_t *found = context;
    ++*found;
    REQUIRE((finding->feedback != NULL) + (finding->failure != NULL) + (finding->why != NULL) == 1);
    REQUIRE(finding->where.len > 0);
    if (finding->feedback)
        check_feedback(finding->feedback);
    if (finding->why)
        REQUIRE(fuzz_is_text(finding->why) && finding->why[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(MEMORY);
    const char *why = NULL;
    size_t found = 0;
    const struct feedback *feedback = arena ? feedback_parse(arena, input, &why) : NULL;
    if (feedback)
        check_feedback(feedback);
    else if (arena)
        REQUIRE(fuzz_is_text(why) && why[0]);
    arena_free(arena);
    feedback_find(BYTES("input"), input, take, &found);
    REQUIRE(found > 0);
    return 0;
}
