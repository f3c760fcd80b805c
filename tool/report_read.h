/* report_read.h - what the parts of `assay report read` share. */
#ifndef ASSAY_TOOL_REPORT_READ_H
#define ASSAY_TOOL_REPORT_READ_H

#include "report_figures.h"

#include <jansson.h>

/* What a run has read; text and JSON are written from it. */
struct report_reading {
    struct report_figures_builder *builder;
    const struct report_figures *figures; /* at the end */
    bool all;                             /* text: every source is listed */
    bool json;                            /* reports go to standard output as they are read, */
    size_t printed;                       /* so many so far */
    const char *domain;   /* NULL, or: only reports about this domain and those below it */
    size_t files;         /* that could be opened */
    size_t other_domains; /* reports left out for --domain */
    size_t other_mails;   /* mails without a report */
    size_t skipped;       /* records left out: without a count that is a number */
    json_t *failures;     /* failure reports, as they stand in the JSON */
    json_t *unreadable;   /* {where, why} each */
    bool no_memory;       /* not everything was counted */
};

/* {where, why}; both printable. */
void report_reading_unreadable(struct report_reading *reading, struct bytes where, const char *why);

/* A failure report as a JSON object; a new reference. */
json_t *report_failure_json(struct bytes where, const struct arf *arf);

/* The JSON of a run is written piece by piece, so that memory does not grow with it: begin, each
 * report, end. */
void report_json_begin(void);
void report_json_report(const struct report_reading *reading, struct bytes where,
                        const struct feedback *feedback, bool duplicate);
void report_json_end(const struct report_reading *reading);

/* How a table is to look. */
struct report_style {
    unsigned columns; /* of the terminal */
    bool colours;
};

void report_read_text(FILE *out, const struct report_reading *reading, struct report_style style);

#endif
