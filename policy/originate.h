/* originate.h - signing one message of our own users. */
#ifndef ASSAY_ORIGINATE_H
#define ASSAY_ORIGINATE_H

#include "author.h"
#include "key_source.h"

struct signing_made {
    struct domain domain, selector;
    const char *algorithm; /* static text */
    const char *value;     /* field value as in struct made_signature; NULL: failed */
    const char *reason;    /* why it failed; "" */
};

struct signing_result {
    struct signing_made made[SIGNATURES_MADE_MAX];
    size_t count;
    const char *why_not; /* count is 0: why nothing was signed, one line; else "" */
};

struct originate;

/* NULL when out of memory. All arguments must outlive it; keys may be NULL. */
struct originate *originate_new(const struct policy_env *env, struct key_source *keys,
                                const struct signing_settings *settings, struct arena *arena);

/* As dkim_signer_header(). */
void originate_header(struct originate *originate, struct bytes name, struct bytes value);

/* The author domain chooses the keys. */
void originate_end_of_headers(struct originate *originate, const struct author *author);

bool originate_needs_body(const struct originate *originate);
void originate_body(struct originate *originate, struct bytes chunk);

/* Makes the signatures; strings live in the arena. */
void originate_finish(struct originate *originate, struct signing_result *out);

/* NULL is allowed; legal at any stage. */
void originate_free(struct originate *originate);

#endif
