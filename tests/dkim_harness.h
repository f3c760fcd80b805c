/* dkim_harness.h - signing and verifying of test messages through dkim.h.
 *
 * The signer knows nothing of canonicalisation: the test hands it the canonical
 * octets that it expects.
 */
#ifndef ASSAY_TESTS_DKIM_HARNESS_H
#define ASSAY_TESTS_DKIM_HARNESS_H

#include "dkim.h"
#include "fake_dns.h"

#include <openssl/evp.h>

struct dkim_test {
    struct arena *arena;
    struct fake_dns *dns;
    struct limits limits; /* test_limits at first */
    int64_t now;          /* seconds since 1970 */
    size_t chunk;         /* octets of body per call; 0: all at once */
    EVP_PKEY *rsa;        /* 2048 bits, published as rsa._domainkey.example.com */
    EVP_PKEY *ed25519;    /* published as ed._domainkey.example.com */

    bool needed_body; /* after dkim_test_verify() */
    struct dkim_results results;
};

/* A test of its own; keys are made once per process. */
void dkim_test_begin(struct dkim_test *test);
void dkim_test_end(struct dkim_test *test);

/* Publishes "<tags>p=<public key>" for selector._domainkey.example.com. */
void dkim_test_publish(struct dkim_test *test, const char *selector, const char *tags,
                       EVP_PKEY *key);

/* The public key as for p=. */
struct bytes dkim_test_public_key(struct arena *arena, EVP_PKEY *key);

/* A whole "DKIM-Signature: v=1; <tags>; bh=...; b=...\r\n". `tags` may only have
 * single spaces. `headers` and `body` are the canonical octets it covers;
 * `relaxed` is the header canonicalisation. */
struct bytes dkim_test_sign(struct dkim_test *test, EVP_PKEY *key, const char *tags, bool relaxed,
                            struct bytes headers, struct bytes body);

/* a followed by b, in the test's arena. */
struct bytes dkim_test_join(struct dkim_test *test, struct bytes a, struct bytes b);

/* Calls each() for every header field of a message with CRLF line ends; returns
 * the body. */
struct bytes dkim_test_fields(struct bytes message,
                              void (*each)(void *context, struct bytes name, struct bytes value),
                              void *context);

/* Verifies a message with CRLF line ends; see results. */
void dkim_test_verify(struct dkim_test *test, struct bytes message);

/* "pass", ... of signature `index`; "none" when there is no such signature. */
const char *dkim_test_result(const struct dkim_test *test, size_t index);
const char *dkim_test_reason(const struct dkim_test *test, size_t index);

#endif
