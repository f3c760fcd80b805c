/* dkim_engine.c - libopendkim's hashes of a message; see dkim_engine.h.
 *
 * It canonicalises and hashes, nothing else: its resolver is never used, no key is ever shown to
 * it, its verdicts are ignored. The final callback puts every signature aside right after hashing
 * and before any key would be fetched.
 *
 * Fences (Debian's 2.11.0~beta2 has defects that the fuzzer would find):
 * - a guard field that no h= of the tests names comes before all others;
 * - i= is short and well-formed, h= fits its buffer (dkim_engine_accepts());
 * - flags FIXCRLF, CACHE, STRICTHDRS, TMPFILES stay off; line ends are right
 *   when they get here;
 * - it judges t= and x= by its own clock: a drift of 30 years keeps it silent;
 * - it crashes when an allocation fails, so no test lets one fail here.
 *
 * BUGS: t= before 2001-09-09 (the drift) is not accepted.
 */
#include "dkim_engine.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

enum {
    IDENTITY_OCTETS = 250,    /* its i= buffer has 257 and no room for the end */
    CLOCK_DRIFT = 1000000000, /* seconds; larger than t= itself would underflow */
};

struct dkim_engine {
    DKIM *dkim;
    bool failed;
    bool body_seen;  /* at least one octet */
    char last;       /* the last octet of the body so far */
    bool last_leads; /* last is a CR at the beginning of a line */
    bool complete;   /* the body so far ends in CRLF */
    bool lone_cr;    /* the body has a CR without LF behind */
    bool leading_cr; /* ... at the beginning of a line */
    bool lone_lf;    /* the body has an LF without CR in front */
};

static DKIM_LIB *library; /* set by dkim_engine_global_init(), read-only afterwards */

static DKIM_CBSTAT no_key(DKIM *dkim, DKIM_SIGINFO *signature, u_char *buffer, size_t size)
{
    (void)dkim, (void)signature, (void)buffer, (void)size;
    return DKIM_CBSTAT_NOTFOUND;
}

static DKIM_CBSTAT ignore_all(DKIM *dkim, DKIM_SIGINFO **signatures, int count)
{
    (void)dkim;
    for (int i = 0; i < count; i++)
        dkim_sig_ignore(signatures[i]);
    return DKIM_CBSTAT_CONTINUE;
}

bool dkim_engine_global_init(void)
{
    unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
    uint64_t drift = CLOCK_DRIFT;
    if (library)
        return true;
    library = dkim_init(NULL, NULL);
    if (library &&
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags)) ==
            DKIM_STAT_OK &&
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof(drift)) ==
            DKIM_STAT_OK &&
        dkim_set_key_lookup(library, no_key) == DKIM_STAT_OK &&
        dkim_set_final(library, ignore_all) == DKIM_STAT_OK)
        return true;
    dkim_engine_global_cleanup();
    return false;
}

void dkim_engine_global_cleanup(void)
{
    if (library)
        dkim_close(library);
    library = NULL;
}

/* It takes a tag for b= when the octet before "=" is a "b": "b =" and "xb=" mislead it. */
static bool finds_signature_tag(struct bytes value)
{
    for (size_t start = 0; start < value.len;) {
        struct bytes tag = bytes_slice(value, start, value.len);
        start += bytes_find(tag, ';') + 1;
        struct bytes name = bytes_slice(tag, 0, bytes_find(tag, '='));
        bool is_signature = bytes_equal(bytes_trim(name), BYTES("b"));
        bool looks_like_one = name.len > 0 && name.data[name.len - 1] == 'b';
        if (is_signature != looks_like_one)
            return false;
    }
    return true;
}

bool dkim_engine_accepts(const struct dkim_signature_field *field, struct bytes value)
{
    if (field->result != AUTH_NONE || field->identity.len > IDENTITY_OCTETS)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.data[i] >= 0x80) /* RFC 8616, which it does not know */
            return false;
    }
    return finds_signature_tag(value);
}

bool dkim_engine_takes(struct bytes text)
{
    if (memchr(text.data, '\v', text.len) || memchr(text.data, '\f', text.len))
        return false;
    for (size_t at = bytes_find(text, '\r'); at < text.len;) {
        struct bytes behind = bytes_slice(text, at + 1, text.len);
        bool folds =
            behind.len && behind.data[0] == '\n' && (behind.len == 1 || is_wsp(behind.data[1]));
        if (!folds)
            return false;
        at += 1 + bytes_find(behind, '\r');
    }
    return true;
}

struct dkim_engine *dkim_engine_new(void)
{
    static const unsigned char id[] = "assay"; /* not copied by the library */
    struct dkim_engine *engine = calloc(1, sizeof(*engine));
    DKIM_STAT status;
    if (!engine || !library) {
        free(engine);
        return NULL;
    }
    engine->dkim = dkim_verify(library, id, NULL, &status);
    if (!engine->dkim) {
        free(engine);
        return NULL;
    }
    dkim_engine_field(engine, BYTES("X-0123456789abcdef0123456789abcdef: g"));
    return engine;
}

void dkim_engine_field(struct dkim_engine *engine, struct bytes text)
{
    if (text.len == 0) /* out of memory; it would abort the process */
        engine->failed = true;
    if (engine->failed)
        return;
    /* SYNTAX: it does not take the field; as a signature it still has an entry in the list. */
    DKIM_STAT status = dkim_header(engine->dkim, (u_char *)(uintptr_t)text.data, text.len);
    engine->failed = status != DKIM_STAT_OK && status != DKIM_STAT_SYNTAX;
}

void dkim_engine_end_of_headers(struct dkim_engine *engine)
{
    engine->failed = engine->failed || dkim_eoh(engine->dkim) != DKIM_STAT_OK;
}

/* The octet of the body before chunk.data[at]; LF before the first of all. */
static char octet_before(const struct dkim_engine *engine, struct bytes chunk, size_t at)
{
    if (at > 0)
        return chunk.data[at - 1];
    return engine->body_seen ? engine->last : '\n';
}

/* Looks for CR and LF that stand alone. */
static void inspect_line_ends(struct dkim_engine *engine, struct bytes chunk)
{
    const char *end = chunk.data + chunk.len;
    for (const char *at = chunk.data; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        bool first = at == chunk.data && !engine->body_seen;
        if (first || octet_before(engine, chunk, (size_t)(at - chunk.data)) != '\r')
            engine->lone_lf = true;
    }
    if (engine->body_seen && engine->last == '\r' && chunk.data[0] != '\n') {
        engine->lone_cr = true;
        engine->leading_cr = engine->leading_cr || engine->last_leads;
    }
    for (const char *at = chunk.data; (at = memchr(at, '\r', (size_t)(end - at))); at++) {
        bool leads = octet_before(engine, chunk, (size_t)(at - chunk.data)) == '\n';
        if (at + 1 == end) {
            engine->last_leads = leads;
        } else if (at[1] != '\n') {
            engine->lone_cr = true;
            engine->leading_cr = engine->leading_cr || leads;
        }
    }
}

void dkim_engine_body(struct dkim_engine *engine, struct bytes chunk)
{
    if (engine->failed || chunk.len == 0)
        return;
    inspect_line_ends(engine, chunk);
    engine->complete =
        chunk.data[chunk.len - 1] == '\n' && octet_before(engine, chunk, chunk.len - 1) == '\r';
    engine->last = chunk.data[chunk.len - 1];
    engine->body_seen = true;
    engine->failed =
        dkim_body(engine->dkim, (u_char *)(uintptr_t)chunk.data, chunk.len) != DKIM_STAT_OK;
}

void dkim_engine_end_of_body(struct dkim_engine *engine)
{
    _Bool test_key;
    if (engine->body_seen && !engine->complete) /* else it refuses a relaxed body altogether */
        dkim_engine_body(engine, BYTES("\r\n"));
    if (!engine->failed) /* says that no signature passed: all were put aside */
        (void)dkim_eom(engine->dkim, &test_key);
}

/* Relaxed, it drops lone CRs; simple, it makes this or that, depending on the
 * chunks, of a lone LF and of a lone CR that begins a line. Any of it would let
 * an altered body pass. */
bool dkim_engine_trusts_body(const struct dkim_engine *engine, bool relaxed)
{
    return relaxed ? !engine->lone_cr : !engine->lone_lf && !engine->leading_cr;
}

static DKIM_SIGINFO *signature_at(struct dkim_engine *engine, size_t index)
{
    DKIM_SIGINFO **signatures = NULL;
    int count = 0;
    if (engine->failed || dkim_getsiglist(engine->dkim, &signatures, &count) != DKIM_STAT_OK ||
        count < 0 || index >= (size_t)count)
        return NULL;
    /* -1 stands for "not judged"; with an error there are no hashes to ask for. */
    return dkim_sig_geterror(signatures[index]) > DKIM_SIGERROR_OK ? NULL : signatures[index];
}

bool dkim_engine_has(struct dkim_engine *engine, size_t index)
{
    return signature_at(engine, index) != NULL;
}

bool dkim_engine_hashes(struct dkim_engine *engine, size_t index, struct dkim_hashes *out)
{
    DKIM_SIGINFO *signature = signature_at(engine, index);
    void *header = NULL, *body = NULL;
    size_t header_len = 0, body_len = 0;
    if (!signature ||
        dkim_sig_gethashes(signature, &header, &header_len, &body, &body_len) != DKIM_STAT_OK ||
        header_len != SHA256_OCTETS || body_len != SHA256_OCTETS)
        return false;
    memcpy(out->header, header, SHA256_OCTETS);
    memcpy(out->body, body, SHA256_OCTETS);
    return true;
}

void dkim_engine_free(struct dkim_engine *engine)
{
    if (!engine)
        return;
    dkim_free(engine->dkim);
    free(engine);
}
