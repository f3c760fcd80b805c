/* report_html_cases.c - figures to draw, made up: addresses and domains are those of documentation.
 */
#include "report_html_cases.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 86400 };

const char *const report_html_case_names[] = {
    "usual",       "empty",     "unreadable", "no-messages", "one-day",
    "one-message", "days-400",  "years",      "one-source",  "sources-10000",
    "all-pass",    "none-pass", "nearly-all", "long-names",  "hostile",
    "huge",        "undated",   "gaps",       NULL};

/* The same numbers on every machine. */
static unsigned draw(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525U + 1013904223U;
    return (*seed >> 8) % below;
}

/* ---- parts ---- */

static void add_source(struct report_figures *figures, const char *ip, uint64_t messages,
                       uint64_t dkim, uint64_t spf, uint64_t passed, const char *failing)
{
    struct report_figures_source *source = &figures->sources[figures->source_count++];
    uint64_t failed = messages - passed;
    *source = (struct report_figures_source){.ip = bytes_of(ip),
                                             .messages = messages,
                                             .passed = passed,
                                             .dkim_passed = dkim,
                                             .spf_passed = spf,
                                             .none = passed + failed / 4,
                                             .quarantined = failed / 2,
                                             .header_from = BYTES("example.com"),
                                             .failing = bytes_of(failing)};
    source->rejected = messages - source->none - source->quarantined;
}

static void add_count(struct report_figures_count *rows, size_t *count, const char *name,
                      uint64_t messages, uint64_t passed, size_t reports)
{
    rows[(*count)++] = (struct report_figures_count){
        .name = bytes_of(name), .messages = messages, .passed = passed, .reports = reports};
}

static bool make_room(struct arena *arena, struct report_figures *figures, size_t sources,
                      size_t days, size_t names)
{
    figures->sources = arena_array(arena, sources, sizeof *figures->sources);
    figures->days = arena_array(arena, days, sizeof *figures->days);
    figures->organisations = arena_array(arena, names, sizeof *figures->organisations);
    figures->domains = arena_array(arena, names, sizeof *figures->domains);
    figures->results = arena_array(arena, names, sizeof *figures->results);
    figures->dispositions = arena_array(arena, names, sizeof *figures->dispositions);
    return !arena_failed(arena);
}

static int64_t today(void)
{
    return CASES_NOW - CASES_NOW % DAY;
}

/* Workdays and weekends, a slow rise, and some bad days; parts of all messages and failures. */
static void add_days(struct report_figures *figures, size_t count)
{
    unsigned seed = 7;
    uint64_t all = 0, fails = 0, failed = figures->messages - figures->passed;
    struct report_figures_day *days = figures->days;
    for (size_t i = 0; i < count; i++) {
        days[i].day = today() - (int64_t)(count - i) * DAY;
        bool weekend = (days[i].day / DAY + 3) % 7 >= 5;
        days[i].messages = (weekend ? 30 : 90) + draw(&seed, 20) + i * 20 / count;
        uint64_t weight = 6 + draw(&seed, 6);
        if (i * 10 / count == 6 && i % 6 < 3)
            weight += 35 - 9 * (i % 6);
        days[i].passed = days[i].messages * weight; /* for now: the weight of its failures */
        all += days[i].messages;
        fails += days[i].passed;
    }
    figures->day_count = count;
    uint64_t left = figures->messages, left_failed = failed;
    for (size_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        uint64_t some = last ? left_failed : failed * days[i].passed / fails;
        days[i].messages = last ? left : figures->messages * days[i].messages / all;
        days[i].passed = days[i].messages - some;
        left -= days[i].messages;
        left_failed -= some;
    }
}

/* Sums from the sources, so that the parts agree with each other. */
static void add_up(struct report_figures *figures)
{
    uint64_t none = 0, none_passed = 0, quarantined = 0, rejected = 0;
    figures->messages = figures->passed = 0;
    for (size_t i = 0; i < figures->source_count; i++) {
        const struct report_figures_source *source = &figures->sources[i];
        figures->messages += source->messages;
        figures->passed += source->passed;
        none += source->none;
        none_passed += source->passed;
        quarantined += source->quarantined;
        rejected += source->rejected;
    }
    figures->disposition_count = 0;
    add_count(figures->dispositions, &figures->disposition_count, "none", none, none_passed, 0);
    add_count(figures->dispositions, &figures->disposition_count, "quarantine", quarantined, 0, 0);
    add_count(figures->dispositions, &figures->disposition_count, "reject", rejected, 0, 0);
}

static void add_results(struct report_figures *figures)
{
    uint64_t m = figures->messages, p = figures->passed, aligned_dkim = 0, aligned_spf = 0;
    for (size_t i = 0; i < figures->source_count; i++) {
        aligned_dkim += figures->sources[i].dkim_passed;
        aligned_spf += figures->sources[i].spf_passed;
    }
    uint64_t both = aligned_dkim + aligned_spf > p ? aligned_dkim + aligned_spf - p : 0;
    uint64_t dkim = aligned_dkim - both;
    figures->result_count = 0;
    add_count(figures->results, &figures->result_count, "DKIM and SPF aligned", both, both, 0);
    add_count(figures->results, &figures->result_count, "DKIM only", dkim, dkim, 0);
    add_count(figures->results, &figures->result_count, "SPF only", p - both - dkim,
              p - both - dkim, 0);
    add_count(figures->results, &figures->result_count, "neither", m - p, 0, 0);
}

/* Parts of all messages and failures in per mille; the first has what the others leave. */
static void add_organisations(struct report_figures *figures)
{
    static const struct {
        const char *name;
        unsigned messages, failures, reports;
    } rows[] = {{"mail.example", 0, 0, 30},
                {"Example Mailbox Company", 231, 281, 30},
                {"post.example.net", 118, 99, 30},
                {"Universit\xc3\xa4t Beispielstadt", 71, 120, 29},
                {"isp.example.org", 63, 41, 28},
                {"hosting.example", 41, 57, 30},
                {"Provider of the North", 27, 66, 21},
                {"mx.example.edu", 16, 15, 17},
                {"filters.example", 11, 3, 22},
                {"town-hall.example", 6, 0, 9},
                {"clinic.example", 3, 14, 5},
                {"one-user.example", 1, 0, 2}};
    uint64_t left = figures->messages, left_failed = figures->messages - figures->passed;
    uint64_t all = left, failed = left_failed;
    add_count(figures->organisations, &figures->organisation_count, rows[0].name, 0, 0, 30);
    figures->reports = rows[0].reports;
    for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t some = all / 1000 * rows[i].messages, fails = failed * rows[i].failures / 1000;
        add_count(figures->organisations, &figures->organisation_count, rows[i].name, some,
                  some - fails, rows[i].reports);
        figures->reports += rows[i].reports;
        left -= some;
        left_failed -= fails;
    }
    figures->organisations[0].messages = left;
    figures->organisations[0].passed = left - left_failed;
}

/* ---- the usual month ---- */

static void usual(struct report_figures *figures, size_t days)
{
    add_source(figures, "203.0.113.77", 6120, 0, 0, 0, "no DKIM signature; SPF fail");
    add_source(figures, "192.0.2.140", 41877, 0, 37420, 37420,
               "no DKIM signature; SPF pass for bounce.crm.example, not aligned");
    add_source(figures, "2001:db8:85a3::8a2e:370:7334", 3015, 2240, 0, 2240,
               "DKIM fail; SPF pass for lists.example.org, not aligned; "
               "receiver's reason: mailing_list");
    add_source(figures, "198.51.100.23", 388204, 387621, 386990, 387850, "DKIM fail; SPF softfail");
    add_source(figures, "198.51.100.24", 371118, 370742, 369905, 370800, "DKIM fail; SPF softfail");
    add_source(figures, "203.0.113.9", 212, 0, 0, 0,
               "DKIM pass for other.example, not aligned; SPF none");
    add_source(figures, "192.0.2.61", 1893, 1610, 1660, 1712, "DKIM temperror; SPF fail");
    add_source(figures, "2001:db8:2:1::25", 97, 0, 0, 0, "no DKIM signature; SPF neutral");
    add_source(figures, "203.0.113.201", 41, 0, 0, 0, "no DKIM signature; SPF fail");
    add_source(figures, "2001:db8:1::25", 284930, 284930, 284930, 284930, "");
    add_source(figures, "192.0.2.7", 64180, 0, 64180, 64180, "");
    add_source(figures, "198.51.100.200", 31745, 31745, 0, 31745, "");
    add_source(figures, "198.51.100.201", 10900, 8023, 10900, 10900, "");
    add_up(figures);
    add_organisations(figures);
    add_results(figures);
    add_count(figures->domains, &figures->domain_count, "example.com", figures->messages / 10 * 9,
              figures->passed / 10 * 9, 0);
    add_count(figures->domains, &figures->domain_count, "news.example.com",
              figures->messages - figures->messages / 10 * 9,
              figures->passed - figures->passed / 10 * 9, 0);
    add_days(figures, days);
    figures->duplicates = 4;
    figures->begin = today() - (int64_t)days * DAY;
    figures->end = today();
}

static void few(struct report_figures *figures, uint64_t messages, uint64_t passed)
{
    add_source(figures, "192.0.2.1", messages, passed, passed, passed,
               passed < messages ? "no DKIM signature; SPF fail" : "");
    add_up(figures);
    add_count(figures->organisations, &figures->organisation_count, "mail.example", messages,
              passed, 1);
    add_count(figures->domains, &figures->domain_count, "example.com", messages, passed, 1);
    add_count(figures->results, &figures->result_count, "DKIM and SPF aligned", passed, passed, 0);
    if (passed < messages)
        add_count(figures->results, &figures->result_count, "neither", messages - passed, 0, 0);
    figures->reports = 1;
    figures->begin = today() - DAY;
    figures->end = today();
    figures->days[figures->day_count++] =
        (struct report_figures_day){.day = figures->begin, .messages = messages, .passed = passed};
}

/* ---- oddities ---- */

static int failing_first(const void *a, const void *b)
{
    const struct report_figures_source *left = a, *right = b;
    uint64_t x = left->messages - left->passed, y = right->messages - right->passed;
    return x != y ? (x < y) - (x > y)
                  : (left->messages < right->messages) - (left->messages > right->messages);
}

static void many_sources(struct arena *arena, struct report_figures *figures, size_t count)
{
    unsigned seed = 3;
    for (size_t i = 0; i < count; i++) {
        uint64_t messages = 1 + draw(&seed, 900), passed = messages * draw(&seed, 101) / 100;
        const char *ip = i % 3
                             ? arena_printf(arena, "198.51.%zu.%zu", i / 256, i % 256)
                             : arena_printf(arena, "2001:db8:%zx:%zx:ffff:ffff:ffff:%zx", i, i, i);
        add_source(figures, ip, messages, passed, passed / 2, passed, "SPF fail");
    }
    qsort(figures->sources, figures->source_count, sizeof figures->sources[0], failing_first);
    add_up(figures);
    for (size_t i = 0; i < 700; i++)
        add_count(figures->organisations, &figures->organisation_count,
                  arena_printf(arena, "org-%zu.example", i), 10000 - i, 9000 - i, 1);
    figures->reports = 700;
    add_results(figures);
    add_days(figures, 31);
    figures->begin = today() - 31 * DAY;
    figures->end = today();
}

static struct bytes repeated(struct arena *arena, const char *unit, size_t times)
{
    size_t len = strlen(unit);
    char *data = arena_alloc(arena, len * times + 1);
    for (size_t i = 0; data && i < times; i++)
        memcpy(data + i * len, unit, len);
    return data ? (struct bytes){data, len * times} : BYTES_EMPTY;
}

static void rename_all(struct report_figures *figures, struct bytes name)
{
    for (size_t i = 0; i < figures->source_count; i++) {
        struct report_figures_source *source = &figures->sources[i];
        source->header_from = source->failing = name;
        if (i % 2 == 0)
            source->ip = name;
    }
    struct report_figures_count *lists[] = {figures->organisations, figures->domains,
                                            figures->results, figures->dispositions};
    size_t counts[] = {figures->organisation_count, figures->domain_count, figures->result_count,
                       figures->disposition_count};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < counts[i]; k++)
            lists[i][k].name = name;
    }
}

static void enlarge(struct report_figures *figures)
{
    const uint64_t huge = UINT64_C(1000000000000);
    for (size_t i = 0; i < figures->source_count; i++) {
        struct report_figures_source *source = &figures->sources[i];
        source->messages *= huge;
        source->passed *= huge;
        source->dkim_passed *= huge;
        source->spf_passed *= huge;
        source->none *= huge;
        source->quarantined *= huge;
        source->rejected *= huge;
    }
    add_up(figures);
    for (size_t i = 0; i < figures->day_count; i++) {
        figures->days[i].messages *= huge;
        figures->days[i].passed *= huge;
    }
    figures->days[figures->day_count - 1].messages = UINT64_MAX;
}

static const char hostile[] =
    "</title></style></svg><script>alert(1)</script>\"' onload='x' &amp; &#60;b> ]]> <!-- "
    "\xe2\x80\xaeover\x01\x7f\xff\xc0\xaf\xed\xa0\x80\xef\xbf\xbf\x00 end";

static void odd_days(struct report_figures *figures, const char *name)
{
    if (strcmp(name, "undated") == 0) {
        figures->begin = 0;
        figures->days[0].day = 0;
    }
    for (size_t i = 0; strcmp(name, "gaps") == 0 && i < figures->day_count; i++) {
        if (i % 7 > 2 || i == 14)
            figures->days[i].messages = figures->days[i].passed = 0;
    }
}

/* Variations of the usual month. */
static bool varied(struct arena *arena, struct report_html_case *it)
{
    struct report_figures *figures = &it->figures;
    bool days_400 = strcmp(it->name, "days-400") == 0, years = strcmp(it->name, "years") == 0;
    usual(figures, days_400 ? 400 : years ? 4000 : 30);
    if (strcmp(it->name, "long-names") == 0)
        rename_all(figures, repeated(arena, "very-long-label-\xc3\xa4.", 50));
    else if (strcmp(it->name, "hostile") == 0)
        rename_all(figures, it->title = (struct bytes){hostile, sizeof hostile - 1});
    else if (strcmp(it->name, "huge") == 0)
        enlarge(figures);
    odd_days(figures, it->name);
    return days_400 || years || strcmp(it->name, "long-names") == 0 ||
           strcmp(it->name, "hostile") == 0 || strcmp(it->name, "huge") == 0 ||
           strcmp(it->name, "undated") == 0 || strcmp(it->name, "gaps") == 0 ||
           strcmp(it->name, "usual") == 0;
}

static bool small(struct report_html_case *it)
{
    static const struct {
        const char *name;
        uint64_t messages, passed;
    } rows[] = {{"one-day", 1500, 1350},  {"one-message", 1, 0}, {"one-source", 48, 47},
                {"all-pass", 1204, 1204}, {"none-pass", 12, 0},  {"nearly-all", 10000, 9996},
                {"no-messages", 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(it->name, rows[i].name) == 0) {
            few(&it->figures, rows[i].messages, rows[i].passed);
            return true;
        }
    }
    return false;
}

bool report_html_case(struct arena *arena, const char *name, struct report_html_case *out)
{
    *out = (struct report_html_case){.name = name, .title = BYTES("example.com")};
    if (!make_room(arena, &out->figures, 10001, 4001, 1000))
        return false;
    if (strcmp(name, "empty") == 0)
        return true;
    if (strcmp(name, "unreadable") == 0) {
        out->figures.failed = 3;
        return true;
    }
    if (strcmp(name, "sources-10000") == 0) {
        many_sources(arena, &out->figures, 10000);
        return true;
    }
    return small(out) || varied(arena, out);
}
