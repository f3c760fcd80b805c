/* report.h - the parts of `assay report`: send, show, read, bounce, suppress. */
#ifndef ASSAY_TOOL_REPORT_H
#define ASSAY_TOOL_REPORT_H

#include "feedback.h"

#include <stdio.h>

int report_send(int argc, char **argv);
int report_show(int argc, char **argv);
int report_read(int argc, char **argv);
int report_bounce(int argc, char **argv);
int report_suppress(int argc, char **argv);

/* ---- what `read` found, added up; report_figures.c ---- */

struct report_figures_source {
    struct bytes ip;
    uint64_t messages, passed;            /* DMARC */
    uint64_t dkim_passed, spf_passed;     /* aligned */
    uint64_t none, quarantined, rejected; /* disposition */
    struct bytes header_from;             /* the most frequent */
    struct bytes failing;                 /* why, in words: "spf fail, no dkim", ... of the most
                                             frequent failing record; empty: nothing fails */
};

struct report_figures_day {
    int64_t day; /* 00:00 UTC */
    uint64_t messages, passed;
};

struct report_figures_count {
    struct bytes name; /* reporting organisation, domain, result combination ... */
    uint64_t messages, passed;
    size_t reports;
};

struct report_figures {
    size_t reports, duplicates; /* the same org and report id again: not counted twice */
    size_t failed;              /* files or parts that could not be read */
    uint64_t messages, passed;
    int64_t begin, end;
    struct report_figures_source *sources; /* most failing messages first, then most messages */
    size_t source_count;
    struct report_figures_day
        *days; /* in order; a report over several days counts for its middle */
    size_t day_count;
    struct report_figures_count *organisations, *domains, *results, *dispositions;
    size_t organisation_count, domain_count, result_count, disposition_count;
};

/* One self-contained page: no script from elsewhere, no external font or image. title: "" or what
 * was read. False when writing failed. */
bool report_html(FILE *out, const struct report_figures *figures, struct bytes title, int64_t now);

#endif
