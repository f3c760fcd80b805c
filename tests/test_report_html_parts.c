/* test_report_html_parts.c - what the page is made of: escaped text, numbers, dates, axes, advice.
 */
#include "report_html_parts.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* What write() puts into a stream; the caller frees it. */
static char *text_written(void (*write)(FILE *, const void *), const void *argument)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    write(out, argument);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* ---- text ---- */

static void write_text(FILE *out, const void *text)
{
    html_text(out, *(const struct bytes *)text);
}

static void test_text_is_escaped(void **state)
{
    static const struct {
        struct bytes text;
        const char *expected;
    } rows[] = {
        {BYTES("example.com"), "example.com"},
        {BYTES("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c"},
        {BYTES("&amp;"), "&amp;amp;"},
        {BYTES("Universit\xc3\xa4t \xe2\x82\xac \xf0\x9f\x98\x80"),
         "Universit\xc3\xa4t \xe2\x82\xac \xf0\x9f\x98\x80"},
        {BYTES("a\0b\x1f\x7f"), "a\xef\xbf\xbd"
                                "b\xef\xbf\xbd\xef\xbf\xbd"},
        {BYTES("\xc2\x85"), "\xef\xbf\xbd"},                               /* a C1 control */
        {BYTES("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd"},                   /* no UTF-8 */
        {BYTES("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},   /* a surrogate */
        {BYTES("\xef\xbf\xbe\xef\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd"},   /* not in XML */
        {BYTES("\xe2\x80\xaex\xe2\x81\xa6"), "\xef\xbf\xbdx\xef\xbf\xbd"}, /* direction */
        {BYTES("\xe2\x80\xa8"), "\xef\xbf\xbd"},                           /* line separator */
        {BYTES(""), ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = text_written(write_text, &rows[i].text);
        assert_string_equal(text, rows[i].expected);
        free(text);
    }
}

static void write_name(FILE *out, const void *text)
{
    html_name(out, "b", "name", *(const struct bytes *)text);
}

static void test_long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char long_name[2 * (HTML_NAME_MAX + 1) + 1], expected[1024];
    for (size_t i = 0; i <= HTML_NAME_MAX; i++)
        memcpy(long_name + 2 * i, "\xc3\xa4", 3);
    snprintf(expected, sizeof(expected), "<b class=\"name\" title=\"%s\">%.*s\xe2\x80\xa6</b>",
             long_name, 2 * HTML_NAME_MAX, long_name);
    struct bytes name = bytes_of(long_name);
    char *text = text_written(write_name, &name);
    assert_string_equal(text, expected);
    free(text);
    name.len -= 2; /* the longest that is whole */
    text = text_written(write_name, &name);
    assert_null(strstr(text, "title="));
    assert_null(strstr(text, "\xe2\x80\xa6"));
    free(text);
}

/* ---- numbers ---- */

static void test_counts(void **state)
{
    static const struct {
        uint64_t n;
        const char *count, *compact, *fitting;
    } rows[] = {
        {0, "0", "0", "0"},
        {999, "999", "999", "999"},
        {1000, "1,000", "1,000", "1,000"},
        {1204332, "1,204,332", "1.2" HTML_THIN "M", "1,204,332"},
        {20000, "20,000", "20" HTML_THIN "k", "20,000"},
        {1500000, "1,500,000", "1.5" HTML_THIN "M", "1,500,000"},
        {9999999999, "9,999,999,999", "9.9" HTML_THIN "bn", "9,999,999,999"},
        {3000000000000, "3,000,000,000,000", "3" HTML_THIN "tn", "3" HTML_THIN "tn"},
        {UINT64_MAX, "18,446,744,073,709,551,615", "18.4" HTML_THIN "qn", "18.4" HTML_THIN "qn"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(html_count(rows[i].n).text, rows[i].count);
        assert_string_equal(html_compact(rows[i].n).text, rows[i].compact);
        assert_string_equal(html_fitting(rows[i].n).text, rows[i].fitting);
    }
    assert_string_equal(html_counted(1, "report", NULL).text, "1 report");
    assert_string_equal(html_counted(2000, "report", NULL).text, "2,000 reports");
    assert_string_equal(html_counted(0, "entry", "entries").text, "0 entries");
}

/* Nothing but all is 100 %, nothing but none is 0 %. */
static void test_shares_are_never_rounded_to_all_or_none(void **state)
{
    static const struct {
        uint64_t part, total;
        const char *expected;
    } rows[] = {
        {0, 0, HTML_DASH},
        {0, 7, "0" HTML_THIN "%"},
        {7, 7, "100" HTML_THIN "%"},
        {9, 7, "100" HTML_THIN "%"},
        {1, 2, "50.0" HTML_THIN "%"},
        {987, 1000, "98.7" HTML_THIN "%"},
        {9994, 10000, "99.9" HTML_THIN "%"},
        {9996, 10000, "99.96" HTML_THIN "%"},
        {99994, 100000, "99.99" HTML_THIN "%"},
        {999999, 1000000, "over 99.99" HTML_THIN "%"},
        {2, 3, "66.7" HTML_THIN "%"},
        {1, 8, "12.5" HTML_THIN "%"},
        {6, 10000, "0.1" HTML_THIN "%"},
        {4, 10000, "0.04" HTML_THIN "%"},
        {1, 1000000, "under 0.01" HTML_THIN "%"},
        {UINT64_MAX - 1, UINT64_MAX, "over 99.99" HTML_THIN "%"},
        {1, UINT64_MAX, "under 0.01" HTML_THIN "%"},
        {UINT64_MAX / 4 * 3, UINT64_MAX, "75.0" HTML_THIN "%"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(html_share(rows[i].part, rows[i].total).text, rows[i].expected);
}

static void test_sums_stay_in_range(void **state)
{
    (void)state;
    assert_true(html_failed(5, 3) == 2);
    assert_true(html_failed(3, 5) == 0);
    assert_true(html_sum(UINT64_MAX, 1) == UINT64_MAX);
    assert_true(html_sum(2, 3) == 5);
    assert_true(html_fraction(5, 0) == 0 && html_fraction(9, 3) == 1 &&
                html_fraction(1, 4) == 0.25);
}

static void test_dates(void **state)
{
    static const struct {
        int64_t begin, end;
        const char *expected;
    } rows[] = {
        {1772323200, 1772409600, "1 Mar 2026"},
        {1772323200, 1772323200, "1 Mar 2026"},
        {1772323200, 1772409599, "1 Mar 2026"},
        {1772323200, 1774915200, "1 to 30 Mar 2026"},
        {1772236800, 1772582400, "28 Feb to 3 Mar 2026"},
        {1767139200, 1767312000, "31 Dec 2025 to 1 Jan 2026"},
        {1772323200, 0, "1 Mar 2026"}, /* ends before it begins */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(html_period_text(rows[i].begin, rows[i].end).text, rows[i].expected);
    assert_string_equal(html_date(1772323200).text, "1 Mar 2026");
    assert_string_equal(html_moment(INT64_C(1795343400)).text, "2026-11-22 10:30 UTC");
    assert_string_equal(html_date(INT64_MAX).text, "?");
    assert_string_equal(html_date(INT64_MIN).text, "?");
}

/* ---- axes ---- */

static void test_axes_have_round_steps(void **state)
{
    static const struct {
        uint64_t max;
        unsigned intervals;
        uint64_t step, top;
    } rows[] = {
        {0, 4, 1, 1},
        {1, 4, 1, 1},
        {4, 4, 1, 4},
        {5, 4, 2, 6},
        {7, 4, 2, 8},
        {9, 4, 5, 10},
        {48123, 4, 20000, 60000},
        {1000, 4, 500, 1000},
        {1194913, 4, 500000, 1500000},
        {100, 2, 50, 100},
        {101, 2, 100, 200},
        {UINT64_MAX, 4, UINT64_C(5000000000000000000), UINT64_C(10000000000000000000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct html_axis axis = html_axis_for(rows[i].max, rows[i].intervals);
        assert_true(axis.step == rows[i].step);
        assert_true(axis.top == rows[i].top);
    }
}

static void test_the_axis_of_rates_begins_below_the_lowest(void **state)
{
    static const struct {
        double lowest;
        unsigned floor, step;
    } rows[] = {{100, 95, 1}, {95, 95, 1}, {94.9, 90, 2}, {89, 75, 5},
                {60, 50, 10}, {12, 0, 25}, {0, 0, 25}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct html_rate_axis axis = html_rate_axis_for(rows[i].lowest);
        assert_int_equal(axis.floor, rows[i].floor);
        assert_int_equal(axis.step, rows[i].step);
        assert_int_equal((100 - axis.floor) % axis.step, 0);
    }
}

enum { DAY = 86400, MONDAY = 1772409600 /* 2026-03-02 */ };

/* The days of a period of `span` days with one message on the first and one on the last. */
static struct html_days days_over(int64_t first, int64_t span)
{
    struct report_figures_day rows[] = {{first, 1, 1}, {first + (span - 1) * DAY, 1, 0}};
    struct report_figures figures = {.days = rows, .day_count = span > 1 ? 2 : 1};
    struct html_days days;
    html_days_of(&figures, INT64_MAX / 2, &days);
    return days;
}

static void test_days_share_bars_when_there_are_many(void **state)
{
    static const struct {
        int64_t first, span, width;
        size_t count;
    } rows[] = {
        {MONDAY, 1, 1, 1},
        {MONDAY, 130, 1, 130},
        {MONDAY, 131, 7, 19},
        {MONDAY + 3 * DAY, 400, 7, 58}, /* begins on the Monday before */
        {MONDAY, 7 * 130, 7, 130},
        {MONDAY, 7 * 130 + 1, 28, 33},
        {MONDAY, 4000, 91, 44},
        {MONDAY, 20000, 364, 55},
        {MONDAY, 400000, 3077, 130},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct html_days days = days_over(rows[i].first, rows[i].span);
        assert_int_equal(days.width, rows[i].width);
        assert_int_equal(days.count, rows[i].count);
        assert_true(days.begin <= rows[i].first);
        assert_true(days.width == 1 || days.width > 364 || (days.begin - MONDAY) % (7 * DAY) == 0);
        assert_int_equal(days.buckets[0].messages, 1);
        assert_int_equal(days.buckets[days.count - 1].passed, rows[i].span == 1);
    }
}

static void test_days_without_a_plausible_date_are_left_out(void **state)
{
    const int64_t now = MONDAY + 12 * 3600, dmarc = 1325376000; /* 2012-01-01 */
    struct report_figures_day rows[] = {{INT64_MIN, 2, 2},        {0, 5, 5},
                                        {dmarc - DAY, 1, 1},      {MONDAY - DAY, 10, 9},
                                        {MONDAY - DAY, 20, 20},   {MONDAY + 2 * DAY, 1, 1},
                                        {MONDAY + 3 * DAY, 3, 3}, {INT64_MAX, 4, 4}};
    struct report_figures figures = {.messages = 50, .days = rows, .day_count = 8};
    struct html_days days;
    (void)state;
    html_days_of(&figures, now, &days);
    assert_true(days.begin == MONDAY - DAY);
    assert_int_equal(days.count, 4);
    assert_int_equal(days.undated, 50 - 31); /* also those that are of no day at all */
    assert_int_equal(days.buckets[0].messages, 30);
    assert_int_equal(days.buckets[0].passed, 29);
    figures.day_count = 3;
    html_days_of(&figures, now, &days);
    assert_int_equal(days.count, 0);
    assert_true(html_is_plausible(dmarc, now));
    assert_true(html_is_plausible(INT64_MAX - 1, INT64_MAX));
}

static void test_dates_below_the_plot(void **state)
{
    static const struct {
        int64_t first, span;
        size_t count;
        const char *first_text, *first_below, *second_text;
    } rows[] = {
        {MONDAY, 1, 1, "2 Mar", "2026", ""},       {MONDAY, 5, 5, "2 Mar", "2026", "3 Mar"},
        {MONDAY, 14, 7, "2 Mar", "2026", "4 Mar"}, {MONDAY, 30, 5, "2 Mar", "2026", "9 Mar"},
        {MONDAY, 100, 3, "Apr", "2026", "May"},    {MONDAY, 400, 6, "May", "2026", "Jul"},
        {MONDAY, 4000, 5, "2028", "", "2030"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct html_days days = days_over(rows[i].first, rows[i].span);
        struct html_day_tick ticks[HTML_DAY_TICKS_MAX];
        size_t count = html_day_ticks(&days, ticks);
        assert_int_equal(count, rows[i].count);
        assert_string_equal(ticks[0].text, rows[i].first_text);
        assert_string_equal(ticks[0].below, rows[i].first_below);
        assert_string_equal(ticks[1].text, rows[i].second_text);
        for (size_t k = 0; k < count; k++)
            assert_true(ticks[k].x >= 0 && ticks[k].x <= 1 &&
                        (k == 0 || ticks[k].x > ticks[k - 1].x));
    }
}

/* Any length of time has some dates below it, and never too many. */
static void test_every_period_has_dates(void **state)
{
    (void)state;
    for (int64_t span = 1; span < 12000000; span += 1 + span / 7) {
        struct html_days days = days_over(MONDAY, span);
        struct html_day_tick ticks[HTML_DAY_TICKS_MAX];
        size_t count = html_day_ticks(&days, ticks);
        assert_true(days.count <= HTML_BUCKETS_MAX);
        if (count == 0)
            fail_msg("%lld days: no dates", (long long)span);
    }
}

/* ---- advice ---- */

static void write_advice(FILE *out, const void *source)
{
    html_advice(out, source);
}

static void test_advice_says_no_more_than_the_numbers(void **state)
{
    static const struct {
        uint64_t messages, passed, dkim, spf;
        enum html_advice advice;
        const char *says, *failing;
    } rows[] = {
        {0, 0, 0, 0, HTML_ADVICE_UNKNOWN, HTML_DASH, NULL},
        {10, 10, 10, 10, HTML_ADVICE_NOTHING, "Nothing to do.", NULL},
        {10, 10, 10, 0, HTML_ADVICE_NOTHING, "Nothing to do.", NULL},
        {10, 10, 0, 10, HTML_ADVICE_SIGN, "Aligned DKIM is missing", NULL},
        {10, 8, 0, 8, HTML_ADVICE_SIGN,
         "let this sender sign with <b class=\"d\">d=example.com</b>", NULL},
        {10, 10, 4, 10, HTML_ADVICE_SIGN_ALL, "Aligned DKIM on 40.0" HTML_THIN "% only", NULL},
        {10, 8, 6, 5, HTML_ADVICE_SIGN_ALL, "sign everything", NULL},
        {10, 8, 8, 0, HTML_ADVICE_FORWARDED, "A forwarder needs nothing", NULL},
        {1000, 990, 985, 980, HTML_ADVICE_FEW, "Set up well", NULL},
        {10, 0, 0, 0, HTML_ADVICE_STRANGER, "Never passed.", "no DKIM signature; SPF fail"},
        {10, 0, 0, 0, HTML_ADVICE_STRANGER, "Never passed.", "DKIM fail for other.example"},
        {10, 0, 0, 0, HTML_ADVICE_OTHER, "It signs for another domain.",
         "DKIM pass for other.example, not aligned; SPF fail"},
        {10, 2, 2, 0, HTML_ADVICE_RELAYED, "Nothing to do: the receiver took it",
         "DKIM fail; SPF fail; receiver's reason: mailing_list"},
        {10, 0, 0, 0, HTML_ADVICE_RELAYED, "Nothing to do: the receiver took it",
         "DKIM fail; SPF fail; receiver's reason: trusted_forwarder"},
        {10, 0, 0, 0, HTML_ADVICE_STRANGER, "Never passed.",
         "DKIM fail; SPF fail; receiver's reason: local_policy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct report_figures_source source = {.messages = rows[i].messages,
                                               .passed = rows[i].passed,
                                               .dkim_passed = rows[i].dkim,
                                               .spf_passed = rows[i].spf,
                                               .failing = bytes_of(rows[i].failing),
                                               .header_from = BYTES("example.com")};
        assert_int_equal(html_advice_of(&source), rows[i].advice);
        char *text = text_written(write_advice, &source);
        assert_non_null(strstr(text, rows[i].says));
        free(text);
        source.header_from = BYTES_EMPTY;
        text = text_written(write_advice, &source);
        assert_null(strstr(text, "d="));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_escaped),
        cmocka_unit_test(test_long_names_are_cut_between_characters),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_shares_are_never_rounded_to_all_or_none),
        cmocka_unit_test(test_sums_stay_in_range),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_axes_have_round_steps),
        cmocka_unit_test(test_the_axis_of_rates_begins_below_the_lowest),
        cmocka_unit_test(test_days_share_bars_when_there_are_many),
        cmocka_unit_test(test_days_without_a_plausible_date_are_left_out),
        cmocka_unit_test(test_dates_below_the_plot),
        cmocka_unit_test(test_every_period_has_dates),
        cmocka_unit_test(test_advice_says_no_more_than_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
