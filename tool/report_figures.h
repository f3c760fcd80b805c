/* report_figures.h - reports added up to the figures of report.h, and failures put in words. */
#ifndef ASSAY_TOOL_REPORT_FIGURES_H
#define ASSAY_TOOL_REPORT_FIGURES_H

#include "report.h"

struct report_figures_builder;

/* NULL when out of memory. */
struct report_figures_builder *report_figures_new(void);
void report_figures_free(struct report_figures_builder *builder); /* NULL is allowed */

enum report_figures_added {
    REPORT_FIGURES_COUNTED,
    REPORT_FIGURES_DUPLICATE, /* this organisation, report id and domain were there before */
    REPORT_FIGURES_NO_MEMORY, /* what was counted of it is lost to report_figures_finish() */
};

/* Counts a report; nothing of it is needed afterwards. A report without an id is never a
 * duplicate. */
enum report_figures_added report_figures_add(struct report_figures_builder *builder,
                                             const struct feedback *feedback);

/* Something could not be read. */
void report_figures_unreadable(struct report_figures_builder *builder);

/* The figures, sorted; they live as long as the builder. Once, when all is added. NULL when out of
 * memory. */
const struct report_figures *report_figures_finish(struct report_figures_builder *builder);

/* DMARC passes when one of the two is aligned (RFC 9989 5.3.5). */
bool report_record_passed(const struct feedback_record *record);

/* Why a record does not pass, in words: "no DKIM signature; SPF fail". In arena. */
struct bytes report_failing_words(struct arena *arena, const struct feedback_record *record);

#endif
