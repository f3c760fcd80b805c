/* report_samples.h - aggregate reports with everything in them that a report can hold.
 *
 * Used by tests/report_corpus.c, whose output others judge, and by
 * tests/test_report_roundtrip.c, which reads it back with our own reader.
 */
#ifndef ASSAY_TESTS_REPORT_SAMPLES_H
#define ASSAY_TESTS_REPORT_SAMPLES_H

#include "report_xml.h"

struct report_sample {
    const char *name; /* fit for a file name */
    struct report_head head;
    struct report_policy policy; /* what head points to, once the sample has its place */
    struct report_row *rows;
    int64_t *counts; /* one for each row */
    size_t row_count;
    bool hostile; /* has text that XML cannot hold, or that looks like markup */
};

enum { REPORT_SAMPLES_ARENA = 64 << 20 /* octets that they take at most */ };

/* All of them, in the arena; *count: how many. Ends the process when out of memory. */
struct report_sample *report_samples(struct arena *arena, size_t *count);

/* Texts that nobody should be able to do harm with; each may hold any octet. */
extern const struct bytes report_hostile_texts[];
extern const size_t report_hostile_text_count;

/* Writes the XML of a sample; false with *why as report_writer_finish() has it. `use` gets the
 * octets.
 */
bool report_sample_write(const struct report_sample *sample, enum report_format format,
                         void (*use)(void *context, struct bytes octets), void *context,
                         const char **why);

#endif
