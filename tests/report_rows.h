/* report_rows.h - rows of reports for the tests of the store. */
#ifndef ASSAY_REPORT_ROWS_H
#define ASSAY_REPORT_ROWS_H

#include "report_row.h"

#include <stdint.h>

enum { ROW_DAY = 86400 };

/* 2026-11-22 00:00:00 UTC */
#define ROW_MIDNIGHT INT64_C(1795305600)

/* The plain case: p=reject, everything passes. Strings are not copied. */
struct report_row row_plain(const char *domain, const char *ip, int64_t time);

/* Each member has a value that tells it from its neighbours; reasons, 100 signatures if asked. */
struct report_row row_full(struct arena *arena, size_t signatures);

/* As the journal has it, in arena. */
struct bytes row_encoded(struct arena *arena, const struct report_row *row);

#endif
