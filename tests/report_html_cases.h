/* report_html_cases.h - figures to draw: what is usual, and what is odd. */
#ifndef ASSAY_TESTS_REPORT_HTML_CASES_H
#define ASSAY_TESTS_REPORT_HTML_CASES_H

#include "report.h"

/* 2026-11-22 10:30 UTC. */
#define CASES_NOW INT64_C(1795343400)

struct report_html_case {
    const char *name;
    struct bytes title;
    struct report_figures figures;
};

/* The case of that name, in arena; false when there is none. The same at every call. Names:
 * usual, empty, unreadable, no-messages, one-day, one-message, days-400, years, one-source,
 * sources-10000, all-pass, none-pass, nearly-all, long-names, hostile, huge, undated, gaps. */
bool report_html_case(struct arena *arena, const char *name, struct report_html_case *out);

/* The names above, NULL at the end. */
extern const char *const report_html_case_names[];

#endif
