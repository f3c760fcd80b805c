/* dkim_verify.c - the verifier of one message; see dkim.h.
 *
 * Fields are collected as they come; each DKIM-Signature is parsed and its key
 * asked for at once. The body is hashed as it comes, for the signatures that are still good
 * at the end of the header, once for each canonicalisation and l= that occurs. At the end of
 * the message keys are awaited, headers hashed and the public-key operations done.
 */
#include "dkim.h"

#include "dkim_body.h"
#include "dkim_header_hash.h"
#include "dkim_key.h"
#include "strbuf.h"

#include <inttypes.h>
#include <string.h>

/* One DKIM-Signature field under evaluation. */
struct candidate {
    struct dkim_signature_field field;
    size_t position;        /* in verifier->fields.items */
    struct dkim_body *body; /* one of verifier->bodies; NULL: not needed, or failed */
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

    struct dkim_body **bodies; /* at most one per candidate */
    size_t body_count;
};

bool dkim_global_init(void)
{
    return digest_global_init();
}

void dkim_global_cleanup(void)
{
    digest_global_cleanup();
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
    while (verifier->body_count)
        dkim_body_free(verifier->bodies[--verifier->body_count]);
}

/* ---- the header ---- */

const struct dkim_fields *dkim_verifier_fields(const struct dkim_verifier *verifier)
{
    return &verifier->fields;
}

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

/* The hash that this candidate needs; one that is there already, if possible. */
static struct dkim_body *body_for(struct dkim_verifier *verifier,
                                  const struct dkim_signature_field *field)
{
    uint64_t limit = field->has_length ? field->length : DKIM_BODY_WHOLE;
    for (size_t i = 0; i < verifier->body_count; i++) {
        if (dkim_body_serves(verifier->bodies[i], field->relaxed_body, limit))
            return verifier->bodies[i];
    }
    struct dkim_body *body = dkim_body_new(field->relaxed_body, limit);
    if (body)
        verifier->bodies[verifier->body_count++] = body;
    return body;
}

static void start_bodies(struct dkim_verifier *verifier)
{
    verifier->bodies =
        arena_array(verifier->arena, verifier->candidate_count, sizeof(*verifier->bodies));
    for (size_t i = 0; verifier->bodies && i < verifier->candidate_count; i++) {
        struct candidate *candidate = &verifier->candidates[i];
        if (candidate->field.result == AUTH_NONE)
            candidate->body = body_for(verifier, &candidate->field);
    }
}

void dkim_verifier_end_of_headers(struct dkim_verifier *verifier)
{
    if (verifier->candidate_count == 0)
        return;
    judge_early(verifier);
    start_bodies(verifier);
}

bool dkim_verifier_needs_body(const struct dkim_verifier *verifier)
{
    return verifier->body_count > 0;
}

void dkim_verifier_body(struct dkim_verifier *verifier, struct bytes chunk)
{
    for (size_t i = 0; i < verifier->body_count; i++)
        dkim_body_add(verifier->bodies[i], chunk);
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
                     const struct dkim_keys *keys, const uint8_t digest[SHA256_OCTETS],
                     struct dkim_signature *out)
{
    const struct dkim_signature_field *field = &candidate->field;
    bool tried = false, no_memory = false;
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
        switch (dkim_key_judge(key, digest, field->signature, field->signature_len)) {
        case DKIM_KEY_VERIFIES:
            return true;
        case DKIM_KEY_DIFFERS:
            tried = true;
            break;
        case DKIM_KEY_NO_MEMORY:
            no_memory = true;
            break;
        }
    }
    if (no_memory)
        set_result(out, AUTH_TEMPERROR, "out of memory");
    else if (tried)
        set_result(out, AUTH_FAIL, "signature did not verify");
    return false;
}

/* The header is right; now the body. */
static void judge_body(struct dkim_verifier *verifier, const struct candidate *candidate,
                       struct dkim_signature *out)
{
    const struct dkim_signature_field *field = &candidate->field;
    bool matches = memcmp(dkim_body_hash(candidate->body), field->body_hash, SHA256_OCTETS) == 0;
    if (!matches) {
        out->body_failed_only = true;
        set_result(out, AUTH_FAIL, "body hash did not verify");
        return;
    }
    set_result(out, AUTH_PASS, "signature verified");
    if (!field->has_length)
        return;
    /* RFC 6376 8.2: what stands behind l= octets may be anybody's. */
    uint64_t octets = dkim_body_octets(candidate->body);
    out->body_partial = octets > field->length;
    if (out->body_partial)
        set_result(out, AUTH_POLICY,
                   arena_printf(verifier->arena,
                                "l= leaves %" PRIu64 " octets of the body unsigned",
                                octets - field->length));
}

static void judge(struct dkim_verifier *verifier, struct candidate *candidate,
                  struct dkim_signature *out)
{
    uint8_t digest[SHA256_OCTETS];
    if (candidate->field.result != AUTH_NONE) {
        set_result(out, candidate->field.result, candidate->field.reason);
        return;
    }
    const struct dkim_keys *keys = get_keys(verifier, candidate, out);
    if (!keys)
        return;
    if (!candidate->body) {
        set_result(out, AUTH_TEMPERROR, "out of memory");
        return;
    }
    if (candidate->field.has_length &&
        candidate->field.length > dkim_body_octets(candidate->body)) {
        /* RFC 6376 3.5 l=: MUST NOT be larger than the canonical body */
        set_result(out, AUTH_PERMERROR, "l= is larger than the body");
        return;
    }
    if (!dkim_body_hash(candidate->body) ||
        !dkim_header_hash(verifier->arena, verifier->fields.items, verifier->fields.count,
                          candidate->position, &candidate->field, digest)) {
        set_result(out, AUTH_TEMPERROR, "out of memory");
        return;
    }
    if (try_keys(verifier, candidate, keys, digest, out))
        judge_body(verifier, candidate, out);
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
    for (size_t i = 0; i < verifier->body_count; i++)
        dkim_body_end(verifier->bodies[i]);
    out->count = verifier->candidate_count;
    for (size_t i = 0; i < out->count; i++) {
        out->signatures[i] = describe(&verifier->candidates[i].field);
        judge(verifier, &verifier->candidates[i], &out->signatures[i]);
    }
}
