/* dkim_verify.c - the verifier of one message; see dkim.h.
 *
 * Fields are collected as they come; each DKIM-Signature is parsed and its key
 * asked for at once. At the end of the header the signatures that are still
 * good go to the engine, which hashes header and body; at the end of the
 * message keys are awaited and the public-key operations done. An engine is
 * made only when there is a signature worth it.
 *
 * Most signatures are hashed by libopendkim as they stand ("whole"). Those it
 * cannot take have their header hashed by dkim_header_hash.c, and only the body
 * by the library, under a signature field that we write ("body only").
 */
#include "dkim.h"

#include "dkim_body_length.h"
#include "dkim_engine.h"
#include "dkim_header_hash.h"
#include "dkim_key.h"
#include "strbuf.h"

#include <inttypes.h>
#include <string.h>

enum hashing {
    HASH_NOTHING, /* judged without a hash */
    HASH_WHOLE,   /* by verifier->whole */
    HASH_BODY,    /* header by ourselves, body by verifier->body_only */
};

/* One DKIM-Signature field under evaluation. */
struct candidate {
    struct dkim_signature_field field;
    size_t position; /* in verifier->fields.items */
    enum hashing hashing;
    size_t index;                   /* in that engine */
    struct dkim_body_length length; /* counts when there is an l= */
    uint64_t body_octets;           /* its result */
};

struct dkim_verifier {
    const struct policy_env *env;
    const struct limits *limits;
    struct dns_session *session;
    struct arena *arena;

    struct dkim_fields fields;

    struct candidate *candidates;
    size_t candidate_count;
    size_t skipped; /* DKIM-Signature fields beyond the limit */

    struct dkim_engine *whole, *body_only; /* NULL: not needed, or failed */
    bool lengths;                          /* some signature has an l= */
};

bool dkim_global_init(void)
{
    return dkim_engine_global_init();
}

void dkim_global_cleanup(void)
{
    dkim_engine_global_cleanup();
}

struct dkim_verifier *dkim_verifier_new(const struct policy_env *env, const struct limits *limits,
                                        struct dns_session *session, struct arena *arena)
{
    struct dkim_verifier *verifier = arena_alloc(arena, sizeof(*verifier));
    if (!verifier)
        return NULL;
    verifier->env = env;
    verifier->limits = limits;
    verifier->session = session;
    verifier->arena = arena;
    dkim_fields_init(&verifier->fields, arena, limits->maximum_header_fields,
                     limits->maximum_header_bytes);
    return verifier;
}

void dkim_verifier_free(struct dkim_verifier *verifier)
{
    if (!verifier)
        return;
    dkim_engine_free(verifier->whole);
    dkim_engine_free(verifier->body_only);
    verifier->whole = verifier->body_only = NULL;
}

/* ---- the header ---- */

static struct bytes key_name(struct dkim_verifier *verifier, const struct candidate *candidate)
{
    /* RFC 6376 3.6.2.1 */
    const char *name =
        arena_printf(verifier->arena, "%s._domainkey.%s", domain_text(candidate->field.selector),
                     domain_text(candidate->field.domain));
    return bytes_of(name);
}

static void add_candidate(struct dkim_verifier *verifier, size_t position)
{
    unsigned maximum = verifier->limits->maximum_signatures;
    if (verifier->candidate_count >= maximum) {
        verifier->skipped++;
        return;
    }
    if (!verifier->candidates)
        verifier->candidates = arena_array(verifier->arena, maximum, sizeof(struct candidate));
    if (!verifier->candidates)
        return;
    struct candidate *candidate = &verifier->candidates[verifier->candidate_count++];
    candidate->position = position;
    dkim_signature_parse(verifier->arena, dkim_field_value(verifier->fields.items[position]),
                         &candidate->field);
    if (candidate->field.result == AUTH_NONE)
        dns_prefetch(verifier->session, key_name(verifier, candidate), DNS_TXT);
}

static bool is_signature(struct dkim_header_field field)
{
    return bytes_is(dkim_field_name(field), "DKIM-Signature");
}

void dkim_verifier_header(struct dkim_verifier *verifier, struct bytes name, struct bytes value)
{
    struct dkim_fields *fields = &verifier->fields;
    if (dkim_fields_add(fields, name, value) && is_signature(fields->items[fields->count - 1]))
        add_candidate(verifier, fields->count - 1);
}

/* ---- hashing ---- */

/* What can be said before anything is hashed. */
static void judge_early(struct dkim_verifier *verifier)
{
    int64_t now = verifier->env->epoch(verifier->env->clock);
    for (size_t i = 0; i < verifier->candidate_count; i++) {
        struct dkim_signature_field *field = &verifier->candidates[i].field;
        dkim_signature_judge_time(field, now, verifier->limits->clock_skew);
        if (verifier->fields.unusable && field->result == AUTH_NONE) {
            field->result = AUTH_NEUTRAL;
            field->reason = verifier->fields.unusable;
        }
    }
}

/* A signature that covers DKIM-Signature fields is hashed by ourselves: not all
 * of them are shown to the library, and it would take the one being verified
 * for one of them. */
static enum hashing choose_hashing(struct dkim_verifier *verifier,
                                   const struct candidate *candidate)
{
    if (candidate->field.result != AUTH_NONE)
        return HASH_NOTHING;
    struct bytes value = dkim_field_value(verifier->fields.items[candidate->position]);
    if (!dkim_engine_accepts(&candidate->field, value))
        return HASH_BODY;
    if (dkim_signature_covers(&candidate->field, "DKIM-Signature"))
        return HASH_BODY;
    if (verifier->fields.irregular)
        return HASH_BODY;
    return HASH_WHOLE;
}

/* Shows the library all fields, of the DKIM-Signatures only those it is to hash. */
static void feed_whole(struct dkim_verifier *verifier)
{
    struct dkim_engine *engine = dkim_engine_new(verifier->env->guard);
    struct candidate *candidate = verifier->candidates;
    struct candidate *end = candidate + verifier->candidate_count;
    size_t index = 0;
    verifier->whole = engine;
    if (!engine)
        return;
    for (size_t i = 0; i < verifier->fields.count; i++) {
        struct dkim_header_field field = verifier->fields.items[i];
        bool ours = candidate < end && candidate->position == i;
        if (ours && candidate->hashing == HASH_WHOLE)
            candidate->index = index++;
        if (!is_signature(field) || (ours && candidate->hashing == HASH_WHOLE))
            dkim_engine_field(engine, field.text);
        candidate += ours;
    }
    dkim_engine_end_of_headers(engine);
}

static void feed_body_only(struct dkim_verifier *verifier)
{
    struct dkim_engine *engine = dkim_engine_new(verifier->env->guard);
    size_t index = 0;
    verifier->body_only = engine;
    if (!engine)
        return;
    for (size_t i = 0; i < verifier->candidate_count; i++) {
        struct candidate *candidate = &verifier->candidates[i];
        if (candidate->hashing != HASH_BODY)
            continue;
        candidate->index = index++;
        dkim_engine_body_signature(engine, candidate->field.relaxed_body,
                                   candidate->field.has_length ? &candidate->field.length : NULL);
    }
    dkim_engine_end_of_headers(engine);
}

static bool any_hashed(const struct dkim_verifier *verifier, enum hashing hashing)
{
    for (size_t i = 0; i < verifier->candidate_count; i++) {
        if (verifier->candidates[i].hashing == hashing)
            return true;
    }
    return false;
}

void dkim_verifier_end_of_headers(struct dkim_verifier *verifier)
{
    judge_early(verifier);
    for (size_t i = 0; i < verifier->candidate_count; i++) {
        struct candidate *candidate = &verifier->candidates[i];
        candidate->hashing = choose_hashing(verifier, candidate);
        candidate->length.relaxed = candidate->field.relaxed_body;
        if (candidate->hashing != HASH_NOTHING && candidate->field.has_length)
            verifier->lengths = true;
    }
    if (any_hashed(verifier, HASH_WHOLE))
        feed_whole(verifier);
    for (size_t i = 0; i < verifier->candidate_count; i++) { /* what it refused all the same */
        struct candidate *candidate = &verifier->candidates[i];
        if (candidate->hashing == HASH_WHOLE && verifier->whole &&
            !dkim_engine_has(verifier->whole, candidate->index))
            candidate->hashing = HASH_BODY;
    }
    if (any_hashed(verifier, HASH_BODY))
        feed_body_only(verifier);
}

bool dkim_verifier_needs_body(const struct dkim_verifier *verifier)
{
    return verifier->whole || verifier->body_only;
}

void dkim_verifier_body(struct dkim_verifier *verifier, struct bytes chunk)
{
    if (verifier->whole)
        dkim_engine_body(verifier->whole, chunk);
    if (verifier->body_only)
        dkim_engine_body(verifier->body_only, chunk);
    for (size_t i = 0; verifier->lengths && i < verifier->candidate_count; i++) {
        struct candidate *candidate = &verifier->candidates[i];
        if (candidate->hashing != HASH_NOTHING && candidate->field.has_length)
            dkim_body_length_add(&candidate->length, chunk);
    }
}

static struct dkim_engine *engine_of(struct dkim_verifier *verifier,
                                     const struct candidate *candidate)
{
    return candidate->hashing == HASH_WHOLE ? verifier->whole : verifier->body_only;
}

static bool get_hashes(struct dkim_verifier *verifier, const struct candidate *candidate,
                       struct dkim_hashes *out)
{
    struct dkim_engine *engine = engine_of(verifier, candidate);
    if (!engine || !dkim_engine_hashes(engine, candidate->index, out))
        return false;
    return candidate->hashing == HASH_WHOLE ||
           dkim_header_hash(verifier->arena, verifier->fields.items, verifier->fields.count,
                            candidate->position, &candidate->field, out->header);
}

/* ---- judging ---- */

static void set_result(struct dkim_signature *out, enum auth_result result, const char *reason)
{
    out->result = result;
    out->reason = reason ? reason : "out of memory";
}

/* The keys, or NULL with the result in *out. */
static const struct dkim_keys *get_keys(struct dkim_verifier *verifier,
                                        const struct candidate *candidate,
                                        struct dkim_signature *out)
{
    const struct dns_answer *answer =
        dns_query(verifier->session, key_name(verifier, candidate), DNS_TXT);
    out->secure = answer->secure;
    if (answer->status == DNS_TEMPORARY) {
        set_result(out, AUTH_TEMPERROR,
                   arena_printf(verifier->arena, "key lookup failed: %s", answer->cause));
        return NULL;
    }
    if (answer->status != DNS_FOUND) {
        set_result(out, AUTH_PERMERROR, "no key in DNS");
        return NULL;
    }
    const struct dkim_keys *keys = dkim_keys_of(answer);
    if (!keys)
        set_result(out, AUTH_TEMPERROR, "out of memory");
    return keys;
}

/* Why this key must not be used for this signature; NULL: it may. RFC 6376 6.1.2. */
static const char *object_to_key(struct dkim_verifier *verifier, const struct dkim_key *key,
                                 const struct dkim_signature_field *field)
{
    unsigned minimum = verifier->limits->minimum_key_bits;
    if (minimum < RSA_BITS_MIN)
        minimum = RSA_BITS_MIN;
    if (key->problem)
        return key->problem;
    if ((key->type == DKIM_KEY_ED25519) != (field->algorithm == DKIM_ED25519_SHA256))
        return "key type does not match the algorithm";
    if (!key->allows_sha256)
        return "key does not allow sha256";
    if (!key->allows_email)
        return "key is not for e-mail";
    if (key->strict_domain && !domain_equal(field->identity_domain, field->domain))
        return "key asks for i= in d= itself"; /* RFC 6376 3.6.1 t=s */
    if (key->type == DKIM_KEY_RSA && key->bits < minimum)
        return arena_printf(verifier->arena, "RSA key of %u bits is too short", key->bits);
    return NULL;
}

static void note_key(struct dkim_signature *out, const struct dkim_key *key)
{
    out->key_bits = key->bits;
    out->testing = key->testing;
}

/* Tries the keys in turn; true when one of them made the signature. Else the
 * result stands in *out. */
static bool try_keys(struct dkim_verifier *verifier, const struct candidate *candidate,
                     const struct dkim_keys *keys, const struct dkim_hashes *hashes,
                     struct dkim_signature *out)
{
    const struct dkim_signature_field *field = &candidate->field;
    bool tried = false;
    note_key(out, &keys->keys[0]);
    for (size_t i = 0; i < keys->count; i++) {
        const struct dkim_key *key = &keys->keys[i];
        const char *objection = object_to_key(verifier, key, field);
        if (objection) {
            if (i == 0)
                set_result(out, AUTH_PERMERROR, objection);
            continue;
        }
        note_key(out, key);
        if (dkim_key_verify(key, hashes->header, field->signature, field->signature_len))
            return true;
        tried = true;
    }
    if (tried)
        set_result(out, AUTH_FAIL, "signature did not verify");
    return false;
}

/* The header is right; now the body. */
static void judge_body(struct dkim_verifier *verifier, struct candidate *candidate,
                       const struct dkim_hashes *hashes, struct dkim_signature *out)
{
    const struct dkim_signature_field *field = &candidate->field;
    bool matches = memcmp(hashes->body, field->body_hash, SHA256_OCTETS) == 0;
    if (!dkim_engine_trusts_body(engine_of(verifier, candidate), field->relaxed_body)) {
        /* RFC 5322 2.3: CR and LF only occur together */
        set_result(out, AUTH_NEUTRAL, "body holds a lone CR or LF");
        return;
    }
    if (!matches) {
        out->body_failed_only = true;
        set_result(out, AUTH_FAIL, "body hash did not verify");
        return;
    }
    set_result(out, AUTH_PASS, "signature verified");
    if (!field->has_length)
        return;
    /* RFC 6376 8.2: what stands behind l= octets may be anybody's. */
    out->body_partial = candidate->body_octets > field->length;
    if (out->body_partial)
        set_result(out, AUTH_POLICY,
                   arena_printf(verifier->arena,
                                "l= leaves %" PRIu64 " octets of the body unsigned",
                                candidate->body_octets - field->length));
}

static void judge(struct dkim_verifier *verifier, struct candidate *candidate,
                  struct dkim_signature *out)
{
    struct dkim_hashes hashes;
    if (candidate->field.result != AUTH_NONE) {
        set_result(out, candidate->field.result, candidate->field.reason);
        return;
    }
    const struct dkim_keys *keys = get_keys(verifier, candidate, out);
    if (!keys)
        return;
    candidate->body_octets = dkim_body_length_end(&candidate->length);
    if (candidate->field.has_length && candidate->field.length > candidate->body_octets) {
        /* RFC 6376 3.5 l=: MUST NOT be larger than the canonical body */
        set_result(out, AUTH_PERMERROR, "l= is larger than the body");
        return;
    }
    if (!engine_of(verifier, candidate)) {
        set_result(out, AUTH_TEMPERROR, "out of memory");
        return;
    }
    if (!get_hashes(verifier, candidate, &hashes)) { /* RFC 8601 2.7.1 */
        set_result(out, AUTH_NEUTRAL, "signature could not be processed");
        return;
    }
    if (try_keys(verifier, candidate, keys, &hashes, out))
        judge_body(verifier, candidate, &hashes, out);
    /* RFC 6376 3.6.1 t=y: a failure must not make the message worse than unsigned. */
    if (out->testing && (out->result == AUTH_FAIL || out->result == AUTH_PERMERROR))
        set_result(out, AUTH_NEUTRAL,
                   arena_printf(verifier->arena, "%s (key in test mode)", out->reason));
}

static struct dkim_signature describe(const struct dkim_signature_field *field)
{
    return (struct dkim_signature){
        .reason = "",
        .domain = field->domain,
        .selector = field->selector,
        .algorithm = dkim_algorithm_name(field->algorithm),
        .identity = field->identity.len ? field->identity : BYTES_EMPTY,
        .signature = field->signature_text.len ? field->signature_text : BYTES_EMPTY,
    };
}

void dkim_verifier_finish(struct dkim_verifier *verifier, struct dkim_results *out)
{
    *out = (struct dkim_results){.skipped = verifier->skipped};
    if (verifier->candidate_count)
        out->signatures =
            arena_array(verifier->arena, verifier->candidate_count, sizeof(*out->signatures));
    if (!out->signatures)
        return;
    if (verifier->whole)
        dkim_engine_end_of_body(verifier->whole);
    if (verifier->body_only)
        dkim_engine_end_of_body(verifier->body_only);
    out->count = verifier->candidate_count;
    for (size_t i = 0; i < out->count; i++) {
        out->signatures[i] = describe(&verifier->candidates[i].field);
        judge(verifier, &verifier->candidates[i], &out->signatures[i]);
    }
}
