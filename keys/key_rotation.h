/* key_rotation.h - which key of a domain signs: the newest that the DNS knows.
 *
 * A key whose public half is not published makes signatures that nobody can verify.
 * So when a domain has several keys of one algorithm, a new one (the file's time
 * tells) signs only when the DNS answers with it; until then the old one goes
 * on. A single key always signs, but is warned of when the DNS has another.
 *
 * The checks run in one background thread, at most KEY_CHECKS_AT_ONCE lookups at a
 * time, and never on the way of a message: that takes the states as they are.
 */
#ifndef ASSAY_KEY_ROTATION_H
#define ASSAY_KEY_ROTATION_H

#include "env.h"
#include "signing_key.h"

enum {
    KEY_CHECKS_AT_ONCE = 32,
    KEY_RECHECK_PUBLISHED = 86400, /* seconds until a published key is looked up again */
    KEY_RECHECK_UNPUBLISHED = 600, /* a key that is absent or another */
    KEY_RECHECK_UNKNOWN = 60,      /* the DNS did not answer */
    KEY_CHECK_SECONDS = 10,        /* for one lookup; then it counts as not answered */
};

enum key_state {
    KEY_UNKNOWN,   /* not looked up yet, or never answered */
    KEY_PUBLISHED, /* one key record, and it holds our public key */
    KEY_ABSENT,    /* no key record */
    KEY_MISMATCH,  /* a record, but not ours; or several */
};

/* "unknown", "published", "absent", "mismatch". */
const char *key_state_name(enum key_state state);

/* What an answer to "TXT selector._domainkey.domain" says about the key; *reason is a
 * static line, "" when published. A temporary error: KEY_UNKNOWN. */
enum key_state key_state_of_answer(const struct dns_answer *answer, const struct signing_key *key,
                                   const char **reason);

/* Seconds until the next look. */
int64_t key_recheck_seconds(enum key_state state);

/* Keys of one domain and algorithm. */
struct key_choice {
    enum key_state state;
    int64_t since; /* when the key was made: the file's time; larger is newer */
};

/* Which of `count` (at least 1) keys signs. The newest that is published. When
 * none is: the oldest of those that are not known to be unpublished, since it has been
 * signing; and when all are, the oldest. At equal times the first one. */
size_t key_rotation_choose(const struct key_choice *keys, size_t count);

struct key_store;
struct key_rotation;

/* Starts the thread over a store. `env` is copied; what it points to must outlive the
 * rotation. The caller keeps the store until key_rotation_stop(). NULL when no thread can
 * be had. */
struct key_rotation *key_rotation_start(struct key_store *store, const struct policy_env *env);

/* Ends the thread, within milliseconds; NULL is allowed. */
void key_rotation_stop(struct key_rotation *rotation);

/* Some of the keys. */
struct key_filter {
    struct domain domain;   /* d=; DOMAIN_NONE: any */
    struct domain selector; /* s=; DOMAIN_NONE: any */
};

/* Checks on the caller's thread all keys that are due now and pass the filter (NULL: all
 * do); for tools, which show the states themselves and want them `quiet`, and for tests.
 * Returns how many there were. */
size_t key_rotation_check_now(struct key_store *store, const struct policy_env *env,
                              const struct key_filter *filter, bool quiet);

#endif
