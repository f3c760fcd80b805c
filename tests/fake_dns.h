/* fake_dns.h - a resolver for tests: a zone in memory, answers at once.
 *
 * A name that was never added is NXDOMAIN; a parent of an added name exists
 * without data. CNAMEs are followed (8 at most, then a temporary error).
 */
#ifndef ASSAY_FAKE_DNS_H
#define ASSAY_FAKE_DNS_H

#include "dns.h"
#include "env.h"

#include <jansson.h>

struct fake_dns;

struct fake_dns *fake_dns_new(void);
void fake_dns_free(struct fake_dns *dns);

/* The resolver to hand to the code under test. */
struct dns_resolver *fake_dns_resolver(struct fake_dns *dns);

/* Adds one record. TXT: the text; A, AAAA: an address; PTR: a name;
 * MX: "10 mail.example.com". Names may hold any octet when given as bytes. */
void fake_dns_add(struct fake_dns *dns, const char *name, enum dns_type type, const char *data);
void fake_dns_add_bytes(struct fake_dns *dns, struct bytes name, enum dns_type type,
                        struct bytes data, uint16_t preference);
void fake_dns_add_cname(struct fake_dns *dns, const char *name, const char *target);

/* The name exists, without data of its own. */
void fake_dns_add_name(struct fake_dns *dns, const char *name);

/* Lookups of this type fail with a temporary error; type 0: every type that has no record. */
void fake_dns_fail(struct fake_dns *dns, const char *name, int type, const char *cause);

/* All names exist unless listed by fake_dns_add_nonexistent() (dmarc-vectors-own). */
void fake_dns_everything_exists(struct fake_dns *dns);
void fake_dns_add_nonexistent(struct fake_dns *dns, const char *name);

/* Answers come with the DNSSEC flag. */
void fake_dns_set_secure(struct fake_dns *dns, bool secure);

/* Answers come from another thread after delay_ms (0: at once, the default). */
void fake_dns_set_delay(struct fake_dns *dns, unsigned delay_ms);

/* Loads a zone of ../shared/data: {name: {TYPE: [values]}}, {name: "TXT text"},
 * {name: "SERVFAIL"}; see that README. JSON strings there are latin-1 views of octets.
 * SPF suite zones ({name: [{"type": ..., ...}]}) are understood as well. */
void fake_dns_load(struct fake_dns *dns, json_t *zone);

/* What has been asked since the last fake_dns_forget(): "TXT _dmarc.example.com", ... in order. */
size_t fake_dns_asked_count(const struct fake_dns *dns);
const char *fake_dns_asked(const struct fake_dns *dns, size_t index);
void fake_dns_forget(struct fake_dns *dns);

/* An env over this resolver, clock at `now` seconds, standard limits. */
struct policy_env fake_env(struct fake_dns *dns, int64_t now);
extern const struct limits test_limits;

/* A session over an env with its arena's memory; free with dns_session_free(). */
struct dns_session *fake_session(const struct policy_env *env, struct arena *arena);

/* "\u00e9" style latin-1 JSON string -> octets, in arena. */
struct bytes json_octets(struct arena *arena, const json_t *string);

/* Loads $srcdir/tests/conformance/data/<path>; exits with a message when it cannot. */
json_t *load_json(const char *path);

/* One line in the log for the table of contrib/check: so many cases of a suite came out as the
 * suite wants them, so many as a table of deviations with reasons says. */
void report_cases(const char *suite, size_t as_expected, size_t deviating);

#endif
