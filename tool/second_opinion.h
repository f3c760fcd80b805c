/* second_opinion.h - what libopendkim says of the signatures that we have judged.
 *
 * For who comes from OpenDKIM and wants to know whether Assay judges alike. libopendkim gets
 * the same message and the same key records; it asks no DNS itself. It has memory errors of its
 * own, so it runs in a child process that has no files, little memory and little time.
 * What comes of it changes nothing in an outcome.
 *
 * second_opinion.c is the parent, second_opinion_child.c the only file that includes
 * libopendkim, second_opinion_reason.c knows why the two differ.
 */
#ifndef ASSAY_SECOND_OPINION_H
#define ASSAY_SECOND_OPINION_H

#include "dkim.h"

enum {
    SECOND_OPINION_TIMEOUT = 10000, /* ms, all of the child's life */
    SECOND_OPINION_SIGNATURES = 64, /* asked about; the rest gets no answer */
};

/* Of one signature. */
struct second_opinion {
    bool asked;              /* false: `reason` says why not */
    enum auth_result result; /* pass fail temperror permerror, or policy: the key is too short */
    bool agrees;             /* see second_opinion_agrees() */
    const char *reason;      /* one line, never NULL: what libopendkim says, and where it does not
                                agree why, as far as that is known */
};

struct second_opinions {
    const char *failure; /* why there are none: "libopendkim crashed"; NULL: there are */
    const struct second_opinion *signatures; /* one for each of ours, in their order */
    size_t count;
};

struct second_opinion_request {
    const struct dkim_results *dkim;  /* ours */
    const struct dns_lookup *lookups; /* where the key records are */
    struct dns_session *session;      /* asked for keys that we did not need; NULL: none is */
    struct bytes message;             /* as message_file_walk() takes it */
    int64_t now;                      /* seconds since 1970, by which t= and x= were judged */
    unsigned skew;                    /* seconds of slack for t= and x= */
    unsigned timeout_ms;              /* 0: SECOND_OPINION_TIMEOUT */
    void (*in_child)(void); /* for tests: called in the child before anything else; NULL */
};

/* Asks; never NULL but when out of memory. Strings live in `arena`. */
const struct second_opinions *second_opinion_ask(struct arena *arena,
                                                 const struct second_opinion_request *request);

/* ---- between the files ---- */

/* A key as the resolver gave it. */
struct second_opinion_key {
    struct bytes name;               /* selector._domainkey.domain */
    const struct dns_answer *answer; /* NULL: not known */
};

/* What the child tells of one signature: numbers only, as it is not to be trusted. */
struct second_opinion_answer {
    uint8_t fed;         /* 0: kept from it, as it would read beyond a buffer (i=) */
    uint8_t refused;     /* it did not take the field: bad syntax */
    uint8_t passed;      /* the public-key operation succeeded */
    uint8_t body;        /* 0: body hash untested, 1: matches, 2: does not */
    uint8_t no_key_seen; /* a key was needed that nobody asked for */
    int32_t error;       /* DKIM_SIGERROR_... */
};

/* Verifies `request->message` and fills `answers`, one for each of ours. False when the
 * library fails as a whole. Runs in the child. */
bool second_opinion_verify(const struct second_opinion_request *request,
                           const struct second_opinion_key *keys,
                           struct second_opinion_answer *answers, size_t count);

/* The result that the answer stands for, and what the library calls it. */
enum auth_result second_opinion_result(const struct second_opinion_answer *answer);
const char *second_opinion_text(const struct second_opinion_answer *answer);

/* True when both say pass, both fail, both temperror, or both that signature or key cannot be
 * used. Where the key is in test mode, our "neutral" stands for any of the last. */
bool second_opinion_agrees(const struct dkim_signature *ours, enum auth_result theirs);

/* Why they differ, in a line; NULL: not known. `answer` may be NULL. */
const char *second_opinion_explain(const struct dkim_signature *ours,
                                   const struct second_opinion_key *key,
                                   const struct second_opinion_answer *answer);

#endif
