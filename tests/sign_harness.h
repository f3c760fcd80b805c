/* sign_harness.h - signs whole messages through dkim_sign.h, as the daemon does field by field.
 */
#ifndef ASSAY_TESTS_SIGN_HARNESS_H
#define ASSAY_TESTS_SIGN_HARNESS_H

#include "dkim_sign.h"

struct signing_test {
    struct policy_env env;
    struct signing_settings settings;
    struct signature_order orders[SIGNATURES_MADE_MAX + 1];
    size_t count;
    size_t chunk; /* octets of body per call; 0: all at once */
    struct made_signature made[SIGNATURES_MADE_MAX + 1];
};

/* relaxed/relaxed, the default header lists, clock at `now`, no orders. */
void signing_test_begin(struct signing_test *test, int64_t now);

/* "relaxed/simple", ... into the settings; false when it is none of the four. */
bool signing_test_canonicalization(struct signing_test *test, const char *name);

/* Adds an order; `key` stays the caller's. */
void signing_test_order(struct signing_test *test, struct arena *arena, struct signing_key *key,
                        const char *domain, const char *selector, const char *identity);

/* Signs a message with CRLF line ends; see made. False when out of memory. */
bool signing_test_sign(struct signing_test *test, struct arena *arena, struct bytes message);

/* "DKIM-Signature: value\r\n" with CRLF folds, as it leaves the mail server. */
struct bytes signing_test_field(struct arena *arena, const char *value);

#endif
