/* test_report_html.c - the page of `assay report read --html`: what it says, and that nothing a
 * stranger wrote can be anything but text in it. libxml2 judges its form. */
#include "report_html_cases.h"
#include "report_html_parts.h"
#include "unit.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ---- */

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

/* The page of a case, NUL-terminated; the caller frees it. */
static char *page_of(struct arena *arena, const char *name, size_t *size)
{
    char *text = NULL;
    struct report_html_case it;
    assert_true(report_html_case(arena, name, &it));
    FILE *out = open_memstream(&text, size);
    assert_non_null(out);
    assert_true(report_html(out, &it.figures, it.title, CASES_NOW));
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *page_of_figures(const struct report_figures *figures)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_true(report_html(out, figures, BYTES_EMPTY, CASES_NOW));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_says(const char *page, const char *text)
{
    if (!strstr(page, text))
        fail_msg("the page does not say '%s'", text);
}

static void assert_silent(const char *page, const char *text)
{
    if (strstr(page, text))
        fail_msg("the page says '%s'", text);
}

static xmlDoc *parsed(const char *name, const char *page, size_t size)
{
    xmlDoc *doc = xmlReadMemory(page, (int)size, name, "UTF-8", XML_PARSE_NONET | XML_PARSE_HUGE);
    if (!doc)
        fail_msg("%s: not well-formed", name);
    return doc;
}

static size_t count_elements(const xmlNode *node, const char *name)
{
    size_t count = 0;
    for (; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE)
            count += (xmlStrEqual(node->name, BAD_CAST name) ? 1 : 0) +
                     count_elements(node->children, name);
    }
    return count;
}

/* ---- the headline ---- */

static void write_headline(FILE *out, const void *figures)
{
    html_headline(out, figures);
}

static void test_the_headline_is_the_finding(void **state)
{
    static struct report_figures_source one = {.ip = BYTES("192.0.2.1"), .messages = 9},
                                        three[] = {{.ip = BYTES("192.0.2.1"), .messages = 4},
                                                   {.ip = BYTES("192.0.2.2"), .messages = 3},
                                                   {.ip = BYTES("192.0.2.3"), .messages = 2}};
    static struct report_figures_source spread[50];
    static const struct {
        struct report_figures figures;
        const char *expected;
    } rows[] = {
        {{.reports = 0}, "No reports, so nothing to tell."},
        {{.failed = 3}, "No report: 3 files or parts could not be read."},
        {{.reports = 1}, "1 report, and not a message in it."},
        {{.reports = 9}, "9 reports, and not a message in them."},
        {{.reports = 1, .messages = 1204, .passed = 1204}, "All 1,204 messages passed DMARC."},
        {{.reports = 1, .messages = 1, .passed = 1}, "The only message passed DMARC."},
        {{.reports = 1, .messages = 1, .sources = &one, .source_count = 1},
         "The only message failed DMARC; it came from <span class=\"who\">192.0.2.1</span>."},
        {{.reports = 1, .messages = 48, .passed = 47, .sources = &one, .source_count = 1},
         "97.9" HTML_THIN "% of 48 messages passed DMARC; the one that failed came from "
         "<span class=\"who\">192.0.2.1</span>."},
        {{.reports = 1, .messages = 9, .sources = &one, .source_count = 1},
         "None of 9 messages passed DMARC; <span class=\"who\">192.0.2.1</span> alone accounts "
         "for all failures."},
        {{.reports = 1, .messages = 100, .passed = 91, .sources = three, .source_count = 3},
         "91.0" HTML_THIN "% of 100 messages passed DMARC; 2 sources account for most failures."},
        {{.reports = 1,
          .messages = 1000000,
          .passed = 999950,
          .sources = spread,
          .source_count = 50},
         "over 99.99" HTML_THIN "% of 1,000,000 messages passed DMARC; failures are spread over 50 "
         "sources."},
    };
    (void)state;
    for (size_t i = 0; i < 50; i++)
        spread[i] = (struct report_figures_source){.ip = BYTES("192.0.2.9"), .messages = 1};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = text_written(write_headline, &rows[i].figures);
        assert_string_equal(text, rows[i].expected);
        free(text);
    }
}

/* ---- the page ---- */

static void test_every_page_is_well_formed_and_self_contained(void **state)
{
    struct arena *arena = *state;
    for (size_t i = 0; report_html_case_names[i]; i++) {
        const char *name = report_html_case_names[i];
        size_t size;
        arena_reset(arena);
        char *page = page_of(arena, name, &size);
        xmlDoc *doc = parsed(name, page, size);
        const xmlNode *root = xmlDocGetRootElement(doc);
        assert_int_equal(count_elements(root, "h1"), 1);
        assert_int_equal(count_elements(root, "style"), 1);
        static const char *const absent[] = {"script", "link",   "img",          "iframe",
                                             "image",  "object", "base",         "form",
                                             "a",      "use",    "foreignObject"};
        for (size_t k = 0; k < sizeof absent / sizeof absent[0]; k++)
            assert_int_equal(count_elements(root, absent[k]), 0);
        assert_says(page, "default-src 'none'; style-src 'unsafe-inline'");
        assert_silent(page, "@import");
        assert_silent(page, " style=");
        assert_silent(page, "nan%");
        assert_silent(page, "inf%");
        assert_silent(page, "width=\"-");
        assert_silent(page, "height=\"-");
        assert_silent(page, " y=\"-");
        assert_true(size < 1000000);
        xmlFreeDoc(doc);
        free(page);
    }
}

/* Whatever a stranger sends comes back as the very same text: in text, in attributes, in titles. */
static void test_hostile_text_stays_text(void **state)
{
    size_t size;
    char *page = page_of(*state, "hostile", &size);
    xmlDoc *doc = parsed("hostile", page, size);
    const char *escaped = "&lt;/title&gt;&lt;/style&gt;&lt;/svg&gt;&lt;script&gt;alert(1)";
    assert_says(page, escaped);
    assert_silent(page, "<script");
    assert_silent(page, "\xe2\x80\xae"); /* right-to-left override */
    assert_silent(page, "\xff");
    assert_silent(page, "<!--");
    const xmlNode *head = xmlDocGetRootElement(doc)->children;
    assert_int_equal(count_elements(head, "title") >= 1, 1);
    xmlFreeDoc(doc);
    free(page);
}

static void test_the_usual_page_says_what_counts(void **state)
{
    static const char *const says[] = {
        "99.0" HTML_THIN "% of 1,204,332 messages passed DMARC; 2 sources account for most",
        "23 Oct to 21 Nov 2026",
        "253 reports by 12 organisations about 2 domains",
        "<dt>Failed DMARC</dt><dd>12,555</dd>",
        "<dt>Duplicates, left out</dt><dd>4</dd>",
        "<dt>Made</dt><dd>2026-11-22 10:30 UTC</dd>",
        "2001:db8:85a3::8a2e:370:7334",
        "Universit\xc3\xa4t Beispielstadt",
        "96.2" HTML_THIN "%, 10 Nov 2026",
        "quarantine</span> <span class=\"gloss\">set aside",
        "news.example.com",
        "<table class=\"sources\">",
        "scope=\"row\"",
        "prefers-color-scheme:dark"};
    size_t size;
    char *page = page_of(*state, "usual", &size);
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        assert_says(page, says[i]);
    free(page);
}

/* One report with a wrong clock neither squeezes the plot nor stretches the period. */
static void test_wrong_clocks_are_left_out(void **state)
{
    size_t size;
    char *page = page_of(*state, "undated", &size);
    assert_says(page, "24 Oct to 21 Nov 2026");
    assert_says(page, "Messages per day");
    assert_says(page, " messages of reports without a plausible date.");
    free(page);
}

static void test_empty_pages_have_no_plots(void **state)
{
    static const char *const names[] = {"empty", "unreadable", "no-messages"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t size;
        char *page = page_of(*state, names[i], &size);
        assert_silent(page, "<section");
        assert_silent(page, "<table");
        assert_says(page, "<dt>Reports read</dt>");
        free(page);
    }
}

static void test_many_rows_are_bounded_and_added_up(void **state)
{
    size_t size;
    char *page = page_of(*state, "sources-10000", &size);
    xmlDoc *doc = parsed("sources-10000", page, size);
    assert_true(count_elements(xmlDocGetRootElement(doc), "tr") < 800);
    assert_says(page, "<summary>488 more sources</summary>");
    assert_says(page, "and 9,500 more sources with ");
    assert_says(page, "<summary>190 more organisations</summary>");
    assert_says(page, "and 500 more organisations with ");
    xmlFreeDoc(doc);
    free(page);
}

enum { DAY = 86400, MONDAY = 1772409600 /* 2026-03-02 */ };

/* The largest come first, also when the figures do not. */
static void test_bars_are_sorted(void **state)
{
    struct report_figures_count rows[] = {{BYTES("small.example"), 1, 1, 1},
                                          {BYTES("large.example"), 30, 20, 1},
                                          {BYTES("middle.example"), 7, 7, 1}};
    struct report_figures_source sources[] = {
        {.ip = BYTES("192.0.2.1"), .messages = 10, .passed = 0},
        {.ip = BYTES("192.0.2.2"), .messages = 28, .passed = 28}};
    struct report_figures figures = {.reports = 3,
                                     .messages = 38,
                                     .passed = 28,
                                     .organisations = rows,
                                     .organisation_count = 3,
                                     .sources = sources,
                                     .source_count = 2};
    (void)state;
    char *page = page_of_figures(&figures);
    const char *large = strstr(page, "large.example"), *middle = strstr(page, "middle.example"),
               *little = strstr(page, "small.example");
    assert_true(large && middle && little && large < middle && middle < little);
    const char *senders = strstr(page, "id=\"senders\"");
    assert_non_null(senders);
    assert_true(strstr(senders, "192.0.2.2") < strstr(senders, "192.0.2.1"));
    free(page);
}

/* Sums that contradict each other are drawn as far as they go. */
static void test_contradicting_figures_are_survived(void **state)
{
    struct report_figures_source source = {
        .messages = 3, .passed = 9, .dkim_passed = 50, .spf_passed = 7, .rejected = UINT64_MAX};
    struct report_figures_day days[] = {{MONDAY, 1, 5}, {MONDAY - DAY, UINT64_MAX, 0}};
    struct report_figures_count rows[] = {{BYTES_EMPTY, UINT64_MAX, 0, 0},
                                          {BYTES_EMPTY, UINT64_MAX, UINT64_MAX, 0}};
    struct report_figures figures = {.reports = 1,
                                     .failed = 1,
                                     .messages = 2,
                                     .passed = 8,
                                     .begin = INT64_MAX,
                                     .end = INT64_MIN,
                                     .sources = &source,
                                     .source_count = 1,
                                     .days = days,
                                     .day_count = 2,
                                     .results = rows,
                                     .result_count = 2,
                                     .dispositions = rows,
                                     .disposition_count = 2};
    (void)state;
    char *page = page_of_figures(&figures);
    xmlFreeDoc(parsed("contradicting", page, strlen(page)));
    assert_says(page, "(no address)");
    assert_says(page, "(not named)");
    assert_says(page, "1 file or part could not be read and is missing here.");
    free(page);
}

static void test_a_full_disk_is_noticed(void **state)
{
    struct report_figures figures = {.reports = 0};
    FILE *full = fopen("/dev/full", "w");
    (void)state;
    if (!full)
        skip();
    assert_false(report_html(full, &figures, BYTES_EMPTY, CASES_NOW));
    fclose(full);
}

static int set_up(void **state)
{
    *state = arena_new(64 << 20);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_headline_is_the_finding),
        cmocka_unit_test(test_bars_are_sorted),
        cmocka_unit_test(test_contradicting_figures_are_survived),
        cmocka_unit_test(test_a_full_disk_is_noticed),
        cmocka_unit_test_setup_teardown(test_every_page_is_well_formed_and_self_contained, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_text_stays_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_usual_page_says_what_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_clocks_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_pages_have_no_plots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_rows_are_bounded_and_added_up, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    xmlCleanupParser();
    return failed;
}
