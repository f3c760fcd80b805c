/* spf_suite.h - runs a suite in the form of ../shared/data/spf-rfc7208: zones
 * with check_host() inputs and the results that are allowed. */
#ifndef ASSAY_SPF_SUITE_H
#define ASSAY_SPF_SUITE_H

#include "fake_dns.h"
#include "spf.h"

/* A case whose expected result is not ours, and the reason. */
struct spf_deviation {
    const char *id;
    enum auth_result result; /* what we give */
    const char *reason;      /* citing the RFC */
};

struct spf_suite_counts {
    unsigned cases, explanations;       /* seen */
    unsigned right, explanations_right; /* as the suite wants them */
    unsigned deviations;                /* as the table of deviations wants them */
};

/* Runs all cases of data/<path>; deviations ends with an id of NULL. Prints each miss. */
struct spf_suite_counts spf_suite_run(const char *path, const struct spf_deviation *deviations);

#endif
