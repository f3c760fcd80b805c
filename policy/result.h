/* result.h - outcomes, named as RFC 8601 2.7 names them.
 *
 * An outcome says what, its `reason` says why in one short line of plain words
 * without a full stop ("body hash did not verify"). Reasons are the same words
 * in the log, in Authentication-Results and in `assay check`.
 */
#ifndef ASSAY_RESULT_H
#define ASSAY_RESULT_H

enum auth_result {
    AUTH_NONE,
    AUTH_PASS,
    AUTH_FAIL,
    AUTH_SOFTFAIL,
    AUTH_NEUTRAL,
    AUTH_POLICY,
    AUTH_TEMPERROR,
    AUTH_PERMERROR,
};

/* "none", "pass", ... */
const char *auth_result_name(enum auth_result result);

#endif
