/* zone_lines.h - DNS data of a fuzz input: lines of "name TYPE data". */
#ifndef ASSAY_TESTS_ZONE_LINES_H
#define ASSAY_TESTS_ZONE_LINES_H

#include "fake_dns.h"

enum { ZONE_LINES_MAX = 60 }; /* records of one input; the fake resolver is a list */

/* Adds lines to the zone up to an empty one, or the end: A, AAAA, MX ("10 host"),
 * PTR, TXT, CNAME, EXISTS, FAIL. What is none of these is left out. */
void zone_lines_load(struct fake_dns *dns, struct arena *arena, struct bytes *input);

#endif
