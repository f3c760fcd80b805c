/* spf_engine.h - the evaluation of a record's terms in their order: qualifiers,
 * include, redirect, default result (RFC 7208 4.6.2, 4.7, 5.2, 6.1).
 *
 * The engine sees a record as steps with tags, never as text: no octet from
 * the network reaches it. What a tag means is the caller's affair.
 */
#ifndef ASSAY_SPF_ENGINE_H
#define ASSAY_SPF_ENGINE_H

#include "bounds.h"
#include "result.h"

enum spf_step_kind {
    SPF_STEP_ALL,      /* matches */
    SPF_STEP_TEST,     /* matches when test() says so */
    SPF_STEP_INCLUDE,  /* matches when the record of this tag gives pass */
    SPF_STEP_REDIRECT, /* the record of this tag goes on; only as the last step */
};

struct spf_step {
    enum spf_step_kind kind;
    enum auth_result qualifier; /* pass, fail, softfail, neutral; not for redirect */
    unsigned tag;
};

enum {
    SPF_STEPS_MAX = SPF_TERMS_MAX + 3, /* eleven terms with lookups, all, redirect */
    SPF_TAG_TOP = 0,                   /* the record that the check begins with */
};

/* What the engine asks. A negative answer ends the evaluation. */
struct spf_engine_calls {
    void *context;
    /* The steps of the record of an include, a redirect or SPF_TAG_TOP into
     * steps[SPF_STEPS_MAX]; returns how many. */
    int (*record)(void *context, unsigned tag, struct spf_step *steps);
    /* Does the mechanism match? 1 or 0. */
    int (*test)(void *context, unsigned tag);
};

/* Evaluates: pass, fail, softfail or neutral; temperror when a call ended it,
 * or when out of memory. At most about 21 records deep. */
enum auth_result spf_engine_run(const struct spf_engine_calls *calls);

#endif
