/* report_figures.c - reports added up; see report_figures.h.
 *
 * All that is counted has a tally: a table, a name in it, and sums. Tallies are found in one
 * balanced tree (tsearch(3)) and chained for each table; finish() sorts and copies them. Sums end
 * at FEEDBACK_COUNT_MAX instead of overflowing.
 */
#include "report_figures.h"

#include "ip.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static const size_t MEMORY_MAX = (size_t)1 << 31; /* octets, for some million sources */

enum table {
    TABLE_REPORT, /* to know duplicates; the name is organisation, id and domain */
    TABLE_SOURCE,
    TABLE_HEADER_FROM, /* of a source */
    TABLE_FAILING,     /* of a source: words */
    TABLE_DAY,
    TABLE_ORGANISATION,
    TABLE_DOMAIN,
    TABLE_RESULT,
    TABLE_DISPOSITION,
    TABLES,
};

struct tally {
    enum table table;
    const struct tally *owner; /* the source; NULL in the other tables */
    struct bytes name;
    uint64_t messages, passed;
    size_t reports;
    int64_t day;                          /* TABLE_DAY */
    struct report_figures_source *source; /* TABLE_SOURCE: what messages and passed do not say */
    const struct tally *header_from, *failing; /* TABLE_SOURCE: the most frequent */
    struct tally *next;                        /* of this table, in the order of appearance */
};

struct report_figures_builder {
    struct arena *arena;
    void *tree; /* of struct tally */
    struct tally *first[TABLES], **last[TABLES];
    size_t counts[TABLES];
    struct report_figures figures;
};

static uint64_t sum(uint64_t a, uint64_t b)
{
    return b > FEEDBACK_COUNT_MAX - a ? FEEDBACK_COUNT_MAX : a + b;
}

/* ---- tallies ---- */

static int compare(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    if (a->owner != b->owner)
        return (uintptr_t)a->owner < (uintptr_t)b->owner ? -1 : 1;
    if (a->name.len != b->name.len)
        return a->name.len < b->name.len ? -1 : 1;
    return a->name.len ? memcmp(a->name.data, b->name.data, a->name.len) : 0;
}

static bool new_source(struct arena *arena, struct tally *tally)
{
    tally->source = arena_alloc(arena, sizeof(*tally->source));
    return tally->source != NULL;
}

/* The tally of that name, made if there is none; NULL when out of memory. */
static struct tally *tally_of(struct report_figures_builder *builder, enum table table,
                              const struct tally *owner, struct bytes name)
{
    struct tally key = {.table = table, .owner = owner, .name = name};
    struct tally *const *found = tfind(&key, &builder->tree, compare);
    if (found)
        return *found;
    struct tally *tally = arena_alloc(builder->arena, sizeof(*tally));
    if (!tally)
        return NULL;
    *tally = key;
    tally->name = arena_bytes(builder->arena, name);
    if ((table == TABLE_SOURCE && !new_source(builder->arena, tally)) ||
        arena_failed(builder->arena) || !tsearch(tally, &builder->tree, compare)) {
        arena_fail(builder->arena);
        return NULL;
    }
    *builder->last[table] = tally;
    builder->last[table] = &tally->next;
    builder->counts[table]++;
    return tally;
}

static struct tally *count(struct report_figures_builder *builder, enum table table,
                           const struct tally *owner, struct bytes name,
                           const struct feedback_record *record)
{
    struct tally *tally = tally_of(builder, table, owner, name);
    if (tally) {
        tally->messages = sum(tally->messages, record->count);
        if (report_record_passed(record))
            tally->passed = sum(tally->passed, record->count);
    }
    return tally;
}

/* Sums only grow, so the most frequent one is either still it or the one just counted. */
static void keep_most_frequent(const struct tally **best, const struct tally *tally)
{
    if (tally && (!*best || tally->messages > (*best)->messages))
        *best = tally;
}

/* ---- one record ---- */

/* One spelling for each address (RFC 5952); what is none stays as it is. */
static struct bytes source_name(const struct feedback_record *record, char *text)
{
    struct ip ip;
    return ip_parse(record->source_ip, &ip) ? bytes_of(ip_format(&ip, text)) : record->source_ip;
}

static void count_disposition(struct report_figures_source *source,
                              const struct feedback_record *record)
{
    uint64_t *sum_of = bytes_is(record->disposition, "reject")       ? &source->rejected
                       : bytes_is(record->disposition, "quarantine") ? &source->quarantined
                                                                     : &source->none;
    *sum_of = sum(*sum_of, record->count);
}

static void count_source(struct report_figures_builder *builder,
                         const struct feedback_record *record)
{
    char text[IP_TEXT_MAX];
    struct tally *tally = count(builder, TABLE_SOURCE, NULL, source_name(record, text), record);
    if (!tally)
        return;
    if (record->dkim_pass)
        tally->source->dkim_passed = sum(tally->source->dkim_passed, record->count);
    if (record->spf_pass)
        tally->source->spf_passed = sum(tally->source->spf_passed, record->count);
    count_disposition(tally->source, record);
    keep_most_frequent(&tally->header_from,
                       count(builder, TABLE_HEADER_FROM, tally, record->header_from, record));
    if (report_record_passed(record))
        return;
    struct arena *arena = arena_new(1 << 16); /* the words are kept once, not for each record */
    if (arena) {
        struct bytes words = report_failing_words(arena, record);
        keep_most_frequent(&tally->failing, count(builder, TABLE_FAILING, tally, words, record));
    }
    arena_free(arena);
}

static void count_record(struct report_figures_builder *builder,
                         const struct feedback_record *record)
{
    struct bytes result = record->dkim_pass && record->spf_pass ? BYTES("DKIM and SPF aligned")
                          : record->dkim_pass                   ? BYTES("DKIM only")
                          : record->spf_pass                    ? BYTES("SPF only")
                                                                : BYTES("neither");
    struct bytes disposition = record->disposition.len ? record->disposition : BYTES("none given");
    count_source(builder, record);
    count(builder, TABLE_RESULT, NULL, result, record);
    count(builder, TABLE_DISPOSITION, NULL, disposition, record);
    struct report_figures *figures = &builder->figures;
    figures->messages = sum(figures->messages, record->count);
    if (report_record_passed(record))
        figures->passed = sum(figures->passed, record->count);
}

/* ---- one report ---- */

static struct bytes organisation_of(const struct feedback *feedback)
{
    return feedback->org_name.len ? feedback->org_name
           : feedback->email.len  ? feedback->email
                                  : BYTES("(no name given)");
}

/* RFC 9990 3.5.1: a report id is unique among the reports of an organisation to the same
 * domain. */
static bool is_duplicate(struct report_figures_builder *builder, const struct feedback *feedback)
{
    struct arena *arena = arena_new(1 << 16);
    bool duplicate = false;
    if (!arena || feedback->report_id.len == 0) {
        arena_free(arena);
        return false;
    }
    const char *name =
        arena_printf(arena, "%.*s\n%.*s\n%.*s", BYTES_ARGS(organisation_of(feedback)),
                     BYTES_ARGS(feedback->report_id), BYTES_ARGS(feedback->domain));
    struct tally *tally = name ? tally_of(builder, TABLE_REPORT, NULL, bytes_of(name)) : NULL;
    if (tally) {
        duplicate = tally->reports > 0;
        tally->reports = 1;
    }
    arena_free(arena);
    return duplicate;
}

static void count_period(struct report_figures_builder *builder, const struct feedback *feedback)
{
    struct report_figures *figures = &builder->figures;
    int64_t end = feedback->end > feedback->begin ? feedback->end : feedback->begin;
    if (feedback->begin && (!figures->begin || feedback->begin < figures->begin))
        figures->begin = feedback->begin;
    if (end > figures->end)
        figures->end = end;
}

/* The day of the middle of its period; NULL: no period is given, or out of memory. */
static struct tally *day_of(struct report_figures_builder *builder, const struct feedback *feedback)
{
    int64_t begin = feedback->begin ? feedback->begin : feedback->end;
    int64_t end = feedback->end > begin ? feedback->end : begin;
    int64_t middle = begin + (end - begin) / 2, day = middle - middle % 86400;
    if (begin == 0)
        return NULL;
    struct bytes name = {(const char *)&day, sizeof(day)};
    struct tally *tally = tally_of(builder, TABLE_DAY, NULL, name);
    if (tally)
        tally->day = day;
    return tally;
}

static void count_report(struct tally *tally, const struct feedback *feedback, uint64_t passed)
{
    if (!tally)
        return;
    tally->reports++;
    tally->messages = sum(tally->messages, feedback->messages);
    tally->passed = sum(tally->passed, passed);
}

enum report_figures_added report_figures_add(struct report_figures_builder *builder,
                                             const struct feedback *feedback)
{
    uint64_t passed = 0;
    if (is_duplicate(builder, feedback)) {
        builder->figures.duplicates++;
        return REPORT_FIGURES_DUPLICATE;
    }
    builder->figures.reports++;
    count_period(builder, feedback);
    for (const struct feedback_record *record = feedback->records; record; record = record->next) {
        count_record(builder, record);
        if (report_record_passed(record))
            passed = sum(passed, record->count);
    }
    count_report(day_of(builder, feedback), feedback, passed);
    count_report(tally_of(builder, TABLE_ORGANISATION, NULL, organisation_of(feedback)), feedback,
                 passed);
    count_report(tally_of(builder, TABLE_DOMAIN, NULL, feedback->domain), feedback, passed);
    return arena_failed(builder->arena) ? REPORT_FIGURES_NO_MEMORY : REPORT_FIGURES_COUNTED;
}

void report_figures_unreadable(struct report_figures_builder *builder)
{
    builder->figures.failed++;
}

/* ---- the end ---- */

static int by_number(uint64_t a, uint64_t b)
{
    return a > b ? -1 : a < b; /* the larger one first */
}

static int by_name(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int by_failures(const void *left, const void *right)
{
    const struct report_figures_source *a = left, *b = right;
    int order = by_number(a->messages - a->passed, b->messages - b->passed);
    if (order == 0)
        order = by_number(a->messages, b->messages);
    return order ? order : by_name(a->ip, b->ip);
}

static int by_messages(const void *left, const void *right)
{
    const struct report_figures_count *a = left, *b = right;
    int order = by_number(a->messages, b->messages);
    if (order == 0)
        order = by_number(a->reports, b->reports);
    return order ? order : by_name(a->name, b->name);
}

static int by_day(const void *left, const void *right)
{
    const struct report_figures_day *a = left, *b = right;
    return a->day < b->day ? -1 : a->day > b->day;
}

static void list_sources(struct report_figures_builder *builder)
{
    struct report_figures *figures = &builder->figures;
    figures->source_count = builder->counts[TABLE_SOURCE];
    figures->sources =
        arena_array(builder->arena, figures->source_count, sizeof(*figures->sources));
    struct report_figures_source *out = figures->sources;
    for (const struct tally *tally = builder->first[TABLE_SOURCE]; tally && figures->sources;
         tally = tally->next, out++) {
        *out = *tally->source;
        out->ip = tally->name;
        out->messages = tally->messages;
        out->passed = tally->passed;
        out->header_from = tally->header_from ? tally->header_from->name : BYTES_EMPTY;
        out->failing = tally->failing ? tally->failing->name : BYTES_EMPTY;
    }
    if (figures->sources)
        qsort(figures->sources, figures->source_count, sizeof(*figures->sources), by_failures);
}

static void list_days(struct report_figures_builder *builder)
{
    struct report_figures *figures = &builder->figures;
    figures->day_count = builder->counts[TABLE_DAY];
    figures->days = arena_array(builder->arena, figures->day_count, sizeof(*figures->days));
    struct report_figures_day *out = figures->days;
    for (const struct tally *tally = builder->first[TABLE_DAY]; tally && figures->days;
         tally = tally->next)
        *out++ = (struct report_figures_day){tally->day, tally->messages, tally->passed};
    if (figures->days)
        qsort(figures->days, figures->day_count, sizeof(*figures->days), by_day);
}

static void list_counts(struct report_figures_builder *builder, enum table table,
                        struct report_figures_count **list, size_t *length)
{
    *length = builder->counts[table];
    *list = arena_array(builder->arena, *length, sizeof(**list));
    struct report_figures_count *out = *list;
    for (const struct tally *tally = builder->first[table]; tally && *list; tally = tally->next)
        *out++ = (struct report_figures_count){tally->name, tally->messages, tally->passed,
                                               tally->reports};
    if (*list)
        qsort(*list, *length, sizeof(**list), by_messages);
}

const struct report_figures *report_figures_finish(struct report_figures_builder *builder)
{
    struct report_figures *figures = &builder->figures;
    list_sources(builder);
    list_days(builder);
    list_counts(builder, TABLE_ORGANISATION, &figures->organisations, &figures->organisation_count);
    list_counts(builder, TABLE_DOMAIN, &figures->domains, &figures->domain_count);
    list_counts(builder, TABLE_RESULT, &figures->results, &figures->result_count);
    list_counts(builder, TABLE_DISPOSITION, &figures->dispositions, &figures->disposition_count);
    return arena_failed(builder->arena) ? NULL : figures;
}

struct report_figures_builder *report_figures_new(void)
{
    struct report_figures_builder *builder = calloc(1, sizeof(*builder));
    if (!builder)
        return NULL;
    builder->arena = arena_new(MEMORY_MAX);
    if (!builder->arena) {
        free(builder);
        return NULL;
    }
    for (size_t i = 0; i < TABLES; i++)
        builder->last[i] = &builder->first[i];
    return builder;
}

static void keep(void *tally)
{
    (void)tally; /* it is the arena's */
}

void report_figures_free(struct report_figures_builder *builder)
{
    if (!builder)
        return;
    tdestroy(builder->tree, keep);
    arena_free(builder->arena);
    free(builder);
}
