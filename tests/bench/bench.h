/* bench.h - what the parts of the load client share; see bench_load.c.
 *
 * A benchmark that cannot go on says why and exits: bench_die().
 */
#ifndef ASSAY_BENCH_H
#define ASSAY_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHAIN_MAX = 4, /* milters that a message passes, one after the other */
};

struct bench_field {
    const char *name, *value; /* value: all behind the colon, folds as LF */
};

/* One message of the corpus; lives until the end. */
struct bench_message {
    const char *client, *client_name, *helo, *sender, *recipient;
    const char *expected; /* "verdict=accept;spf=pass;dkim=none|-", "" for no expectation */
    struct bench_field *fields;
    size_t field_count;
    char *body; /* CRLF */
    size_t body_len;
};

struct bench_corpus {
    struct bench_message *messages;
    size_t count;
};

/* Reads a manifest, see gen.py. */
struct bench_corpus bench_corpus_read(const char *manifest);

/* What became of one message. */
struct bench_outcome {
    char verdict[12];    /* accept, quarantine, discard, reject, tempfail, or error */
    char results[16384]; /* the Authentication-Results that milters wrote, one after the other */
    size_t results_len;
};

/* As Postfix does it: a connection to each milter, the envelope to all, then the
 * whole content to each in turn. `sockets`: paths. */
void bench_send(const struct bench_message *message, const char *const *sockets, size_t count,
                struct bench_outcome *outcome);

/* Whether the outcome is as expected. */
bool bench_matches(const struct bench_message *message, const struct bench_outcome *outcome);

void *bench_alloc(size_t len); /* zeros; never NULL */
void bench_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
