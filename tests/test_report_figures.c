/* test_report_figures.c - reports added up: sums, order, duplicates, words for failures. */
#include "report_figures.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 86400, RECORDS_MAX = 8 };

/* A record in short: "D" and "S": DKIM and SPF are aligned and pass. */
struct row {
    const char *ip;
    uint64_t count;
    const char *passes, *disposition, *from, *spf;
};

static enum report_figures_added add(struct report_figures_builder *builder, const char *org,
                                     const char *id, const char *domain, int64_t begin,
                                     const struct row *rows, size_t count)
{
    struct feedback_record records[RECORDS_MAX] = {0};
    struct feedback_spf spf[RECORDS_MAX] = {0};
    struct feedback feedback = {.org_name = bytes_of(org),
                                .report_id = bytes_of(id),
                                .domain = bytes_of(domain),
                                .begin = begin,
                                .end = begin + DAY - 1};
    assert_true(count <= RECORDS_MAX);
    for (size_t i = count; i-- > 0;) {
        spf[i] = (struct feedback_spf){.domain = bytes_of(rows[i].from),
                                       .result = bytes_of(rows[i].spf)};
        records[i] = (struct feedback_record){.source_ip = bytes_of(rows[i].ip),
                                              .count = rows[i].count,
                                              .disposition = bytes_of(rows[i].disposition),
                                              .dkim_pass = strchr(rows[i].passes, 'D') != NULL,
                                              .spf_pass = strchr(rows[i].passes, 'S') != NULL,
                                              .header_from = bytes_of(rows[i].from),
                                              .spf = &spf[i],
                                              .spf_count = 1,
                                              .next = feedback.records};
        feedback.records = &records[i];
        feedback.record_count++;
        feedback.messages += rows[i].count;
    }
    return report_figures_add(builder, &feedback);
}

static void check_count(const struct report_figures_count *counts, size_t count, size_t i,
                        const char *name, uint64_t messages, uint64_t passed, size_t reports)
{
    assert_true(i < count);
    assert_bytes(counts[i].name, name);
    assert_int_equal(counts[i].messages, messages);
    assert_int_equal(counts[i].passed, passed);
    assert_int_equal(counts[i].reports, reports);
}

static const struct row first[] = {{"192.0.2.1", 10, "DS", "none", "example.com", "pass"},
                                   {"192.0.2.2", 5, "", "reject", "example.com", "fail"},
                                   {"192.0.2.3", 1, "D", "pass", "example.com", "none"}};
static const struct row second[] = {{"192.0.2.1", 2, "S", "quarantine", "a.example.com", "pass"},
                                    {"192.0.2.2", 3, "", "quarantine", "b.example.com", "softfail"},
                                    {"2001:DB8:0::1", 5, "", "none", "example.com", "none"},
                                    {"192.0.2.4", 8, "D", "", "example.com", "none"}};
static const struct row third[] = {{"2001:db8::1", 2, "", "weird", "example.net", "none"}};

static void test_sums(void **state)
{
    struct report_figures_builder *builder = report_figures_new();
    (void)state;
    add(builder, "one", "1", "example.com", 10 * DAY, first, 3);
    add(builder, "two", "1", "example.com", 11 * DAY, second, 4);
    add(builder, "two", "2", "example.net", 11 * DAY, third, 1);
    report_figures_unreadable(builder);
    const struct report_figures *figures = report_figures_finish(builder);
    assert_non_null(figures);
    assert_int_equal(figures->reports, 3);
    assert_int_equal(figures->duplicates, 0);
    assert_int_equal(figures->failed, 1);
    assert_int_equal(figures->messages, 36);
    assert_int_equal(figures->passed, 21);
    assert_int_equal(figures->begin, 10 * DAY);
    assert_int_equal(figures->end, 12 * DAY - 1);

    /* most failures first, then most messages; one source for two spellings of an address */
    static const struct report_figures_source expected[] = {
        {.messages = 8, .rejected = 5, .quarantined = 3},
        {.messages = 7, .none = 7},
        {.messages = 12,
         .passed = 12,
         .dkim_passed = 10,
         .spf_passed = 12,
         .none = 10,
         .quarantined = 2},
        {.messages = 8, .passed = 8, .dkim_passed = 8, .none = 8},
        {.messages = 1, .passed = 1, .dkim_passed = 1, .none = 1},
    };
    static const struct {
        const char *ip, *from, *failing;
    } texts[] = {
        {"192.0.2.2", "example.com", "no DKIM signature; SPF fail"},
        {"2001:db8::1", "example.com", "no DKIM signature; SPF none"},
        {"192.0.2.1", "example.com", ""},
        {"192.0.2.4", "example.com", ""},
        {"192.0.2.3", "example.com", ""},
    };
    assert_int_equal(figures->source_count, 5);
    for (size_t i = 0; i < 5; i++) {
        struct report_figures_source source = figures->sources[i];
        assert_bytes(source.ip, texts[i].ip);
        assert_bytes(source.header_from, texts[i].from);
        assert_bytes(source.failing, texts[i].failing);
        assert_int_equal(source.messages, expected[i].messages);
        assert_int_equal(source.passed, expected[i].passed);
        assert_int_equal(source.dkim_passed, expected[i].dkim_passed);
        assert_int_equal(source.spf_passed, expected[i].spf_passed);
        assert_int_equal(source.none, expected[i].none);
        assert_int_equal(source.quarantined, expected[i].quarantined);
        assert_int_equal(source.rejected, expected[i].rejected);
    }

    assert_int_equal(figures->day_count, 2);
    assert_int_equal(figures->days[0].day, 10 * DAY);
    assert_int_equal(figures->days[0].messages, 16);
    assert_int_equal(figures->days[0].passed, 11);
    assert_int_equal(figures->days[1].day, 11 * DAY);
    assert_int_equal(figures->days[1].messages, 20);

    const struct report_figures *f = figures;
    assert_int_equal(f->organisation_count, 2);
    check_count(f->organisations, 2, 0, "two", 20, 10, 2);
    check_count(f->organisations, 2, 1, "one", 16, 11, 1);
    assert_int_equal(f->domain_count, 2);
    check_count(f->domains, 2, 0, "example.com", 34, 21, 2);
    check_count(f->domains, 2, 1, "example.net", 2, 0, 1);
    assert_int_equal(f->result_count, 4);
    check_count(f->results, 4, 0, "neither", 15, 0, 0);
    check_count(f->results, 4, 1, "DKIM and SPF aligned", 10, 10, 0);
    check_count(f->results, 4, 2, "DKIM only", 9, 9, 0);
    check_count(f->results, 4, 3, "SPF only", 2, 2, 0);
    assert_int_equal(f->disposition_count, 6);
    check_count(f->dispositions, 6, 0, "none", 15, 10, 0);
    check_count(f->dispositions, 6, 1, "none given", 8, 8, 0);
    check_count(f->dispositions, 6, 4, "weird", 2, 0, 0);
    report_figures_free(builder);
}

/* RFC 9990 3.5.1: an id is unique for an organisation and a domain. */
static void test_duplicates(void **state)
{
    struct report_figures_builder *builder = report_figures_new();
    const struct row row = {"192.0.2.1", 1, "D", "none", "example.com", "pass"};
    (void)state;
    assert_int_equal(add(builder, "o", "1", "a.example", DAY, &row, 1), REPORT_FIGURES_COUNTED);
    assert_int_equal(add(builder, "o", "1", "a.example", DAY, &row, 1), REPORT_FIGURES_DUPLICATE);
    assert_int_equal(add(builder, "o", "1", "b.example", DAY, &row, 1), REPORT_FIGURES_COUNTED);
    assert_int_equal(add(builder, "p", "1", "a.example", DAY, &row, 1), REPORT_FIGURES_COUNTED);
    assert_int_equal(add(builder, "o", "2", "a.example", DAY, &row, 1), REPORT_FIGURES_COUNTED);
    assert_int_equal(add(builder, "o", "", "a.example", DAY, &row, 1), REPORT_FIGURES_COUNTED);
    assert_int_equal(add(builder, "o", "", "a.example", DAY, &row, 1), REPORT_FIGURES_COUNTED);
    const struct report_figures *figures = report_figures_finish(builder);
    assert_int_equal(figures->reports, 6);
    assert_int_equal(figures->duplicates, 1);
    assert_int_equal(figures->messages, 6);
    report_figures_free(builder);
}

/* A report over several days counts for its middle; one without a period for none. */
static void test_days(void **state)
{
    struct report_figures_builder *builder = report_figures_new();
    struct feedback_record record = {.count = 1};
    static const struct {
        int64_t begin, end, day;
    } periods[] = {{3 * DAY, 8 * DAY - 1, 5 * DAY},
                   {2 * DAY + 80000, 3 * DAY + 80000, 3 * DAY},
                   {9 * DAY, 0, 9 * DAY},
                   {0, 11 * DAY, 11 * DAY},
                   {0, 0, -1}};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct feedback feedback = {.begin = periods[i].begin,
                                    .end = periods[i].end,
                                    .records = &record,
                                    .record_count = 1,
                                    .messages = 1};
        report_figures_add(builder, &feedback);
    }
    const struct report_figures *figures = report_figures_finish(builder);
    assert_int_equal(figures->day_count, 4);
    assert_int_equal(figures->days[0].day, 3 * DAY);
    assert_int_equal(figures->days[1].day, 5 * DAY);
    assert_int_equal(figures->days[2].day, 9 * DAY);
    assert_int_equal(figures->days[3].day, 11 * DAY);
    assert_int_equal(figures->messages, 5);
    report_figures_free(builder);
}

static void test_nothing(void **state)
{
    struct report_figures_builder *builder = report_figures_new();
    (void)state;
    const struct report_figures *figures = report_figures_finish(builder);
    assert_non_null(figures);
    assert_int_equal(figures->reports + figures->source_count + figures->day_count, 0);
    report_figures_free(builder);
    report_figures_free(NULL);
}

/* Sums end at FEEDBACK_COUNT_MAX. */
static void test_saturation(void **state)
{
    struct report_figures_builder *builder = report_figures_new();
    const struct row row = {"192.0.2.1", FEEDBACK_COUNT_MAX, "DS", "reject", "d", "pass"};
    (void)state;
    for (int i = 0; i < 3; i++)
        add(builder, "o", (const char[]){(char)('0' + i), 0}, "d", DAY, &row, 1);
    const struct report_figures *figures = report_figures_finish(builder);
    assert_int_equal(figures->messages, FEEDBACK_COUNT_MAX);
    assert_int_equal(figures->sources[0].rejected, FEEDBACK_COUNT_MAX);
    assert_int_equal(figures->organisations[0].passed, FEEDBACK_COUNT_MAX);
    report_figures_free(builder);
}

static void test_many_sources(void **state)
{
    struct report_figures_builder *builder = report_figures_new();
    char ip[32], id[32];
    (void)state;
    for (int i = 0; i < 50000; i++) {
        snprintf(ip, sizeof(ip), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        snprintf(id, sizeof(id), "%d", i);
        const struct row row = {ip, (uint64_t)i, "", "none", "d", "none"};
        add(builder, "o", id, "d", DAY, &row, 1);
    }
    const struct report_figures *figures = report_figures_finish(builder);
    assert_int_equal(figures->source_count, 50000);
    assert_int_equal(figures->reports, 50000);
    for (size_t i = 0; i < figures->source_count; i++)
        assert_int_equal(figures->sources[i].messages, 49999 - i);
    report_figures_free(builder);
}

/* ---- words ---- */

struct words {
    const char *dkim_result, *dkim_domain; /* NULL result: no signature */
    const char *spf_result, *spf_domain;   /* NULL result: none */
    const char *reason;                    /* or NULL */
    const char *words;
};

static void check_words(const struct words *test)
{
    struct arena *arena = arena_new(1 << 16);
    struct feedback_dkim dkim = {.domain = bytes_of(test->dkim_domain),
                                 .result = bytes_of(test->dkim_result)};
    struct feedback_spf spf = {.domain = bytes_of(test->spf_domain),
                               .result = bytes_of(test->spf_result)};
    struct feedback_reason reason = {.type = bytes_of(test->reason)};
    struct feedback_record record = {.header_from = BYTES("example.com"),
                                     .dkim = &dkim,
                                     .dkim_count = test->dkim_result != NULL,
                                     .spf = &spf,
                                     .spf_count = test->spf_result != NULL,
                                     .reasons = &reason,
                                     .reason_count = test->reason != NULL};
    assert_bytes(report_failing_words(arena, &record), test->words);
    arena_free(arena);
}

static void test_words(void **state)
{
    static const struct words tests[] = {
        {NULL, NULL, NULL, NULL, NULL, "no DKIM signature; no SPF result"},
        {NULL, NULL, "fail", "example.com", NULL, "no DKIM signature; SPF fail"},
        {NULL, NULL, "softfail", "Example.COM", NULL, "no DKIM signature; SPF softfail"},
        {NULL, NULL, "fail", "b.example", NULL, "no DKIM signature; SPF fail for b.example"},
        {NULL, NULL, "pass", "b.example", NULL,
         "no DKIM signature; SPF pass for b.example, not aligned"},
        {"pass", "other.example", "none", "", NULL,
         "DKIM pass for other.example, not aligned; SPF none"},
        {"fail", "example.com", "pass", "l.example", "mailing_list",
         "DKIM fail; SPF pass for l.example, not aligned; receiver's reason: mailing_list"},
        {"permerror", "x.example", "", "", NULL,
         "DKIM permerror for x.example; SPF without result"},
        {"pass", "example.com", "none", "", NULL,
         "DKIM pass for example.com, not counted; SPF none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        check_words(&tests[i]);
}

/* A signature that passes says more than those before it. */
static void test_several_results(void **state)
{
    struct arena *arena = arena_new(1 << 16);
    const struct feedback_dkim dkim[] = {
        {.domain = BYTES("example.com"), .result = BYTES("fail")},
        {.domain = BYTES("list.example"), .result = BYTES("pass")}};
    const struct feedback_spf spf[] = {
        {.domain = BYTES("helo.example"), .scope = BYTES("helo"), .result = BYTES("none")},
        {.domain = BYTES("list.example"), .scope = BYTES("mfrom"), .result = BYTES("pass")}};
    const struct feedback_record record = {.header_from = BYTES("example.com"),
                                           .dkim = dkim,
                                           .dkim_count = 2,
                                           .spf = spf,
                                           .spf_count = 2};
    (void)state;
    assert_bytes(report_failing_words(arena, &record),
                 "DKIM pass for list.example, not aligned; SPF pass for list.example, not aligned");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),       cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_days),       cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_saturation), cmocka_unit_test(test_many_sources),
        cmocka_unit_test(test_words),      cmocka_unit_test(test_several_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
