/* dkim_sign.c - the signer of one message; see dkim_sign.h.
 *
 * Fields are collected as the verifier collects them. Of the body one hash is
 * made, whatever the number of signatures, for they share one
 * canonicalisation. What is covered of the header is canonicalised once; each
 * signature adds its own field to it. There is no l=, so that nothing can be
 * appended, and no wait: keys are in memory.
 *
 * BUGS: A body with a CR or LF that stands alone is not signed. RFC 5321 2.3.8
 * forbids such octets and servers on the way change them, so the signature
 * would break (RFC 6376 5.3).
 */
#include "dkim_sign.h"

#include "dkim_body.h"
#include "dkim_header_hash.h"
#include "dkim_sign_compose.h"
#include "dkim_sign_fields.h"

#include <string.h>

enum {
    IDENTITY_OCTETS_MAX = 250, /* of i=; OpenDKIM takes no more when it verifies */
};

static const int64_t TIME_LAST = 999999999999; /* t= and x= have 12 digits (RFC 6376 3.5) */
static const char out_of_memory[] = "out of memory";

struct dkim_signer {
    const struct policy_env *env;
    const struct signing_settings *settings;
    struct arena *arena;
    struct dkim_fields fields;
    struct signature_order orders[SIGNATURES_MADE_MAX];
    size_t count; /* orders, also those beyond the maximum */

    struct bytes *names; /* of h= */
    size_t name_count;
    struct strbuf covered;  /* what they cover, canonical */
    struct dkim_body *body; /* NULL: not needed, or failed */
    const char *problem;    /* why nothing can be signed; NULL: it can */
};

struct dkim_signer *dkim_signer_new(const struct policy_env *env,
                                    const struct signing_settings *settings, struct arena *arena)
{
    struct dkim_signer *signer = arena_alloc(arena, sizeof(*signer));
    if (!signer)
        return NULL;
    signer->env = env;
    signer->settings = settings;
    signer->arena = arena;
    /* The limits on fields and octets are evaluate.c's: what is over them does not come here. */
    dkim_fields_init(&signer->fields, arena, SIZE_MAX, SIZE_MAX);
    return signer;
}

void dkim_signer_free(struct dkim_signer *signer)
{
    if (!signer)
        return;
    dkim_body_free(signer->body);
    signer->body = NULL;
}

void dkim_signer_header(struct dkim_signer *signer, struct bytes name, struct bytes value)
{
    dkim_fields_add(&signer->fields, name, value);
}

static bool has_from(const struct dkim_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (bytes_is(dkim_field_name(fields->items[i]), "From"))
            return true;
    }
    return false;
}

static void cover_header(struct dkim_signer *signer)
{
    const struct dkim_fields *fields = &signer->fields;
    signer->names = dkim_sign_choose(signer->arena, signer->settings, fields, &signer->name_count);
    strbuf_init(&signer->covered, signer->arena);
    if (signer->names)
        dkim_header_cover(&signer->covered, fields->items, fields->count, fields->count,
                          signer->names, signer->name_count, signer->settings->relaxed_header);
}

void dkim_signer_end_of_headers(struct dkim_signer *signer, const struct signature_order *orders,
                                size_t count)
{
    size_t taken = count < SIGNATURES_MADE_MAX ? count : SIGNATURES_MADE_MAX;
    signer->count = count;
    signer->problem = signer->fields.unusable;
    if (!signer->problem && !has_from(&signer->fields))
        signer->problem = "there is no From field"; /* RFC 6376 5.4 */
    if (taken == 0 || signer->problem)
        return;
    memcpy(signer->orders, orders, taken * sizeof(*orders));
    cover_header(signer);
    signer->body = dkim_body_new(signer->settings->relaxed_body, DKIM_BODY_WHOLE);
    if (!signer->body)
        arena_fail(signer->arena);
}

void dkim_signer_body(struct dkim_signer *signer, struct bytes chunk)
{
    if (signer->body)
        dkim_body_add(signer->body, chunk);
}

/* ---- making the signatures ---- */

/* The hash of the body, or the problem. */
static const char *finish_body(struct dkim_signer *signer, const uint8_t **hash)
{
    if (signer->problem)
        return signer->problem;
    if (!signer->body)
        return out_of_memory;
    dkim_body_end(signer->body);
    *hash = dkim_body_hash(signer->body);
    if (!*hash) { /* for nothing else does SHA-256 fail */
        arena_fail(signer->arena);
        return out_of_memory;
    }
    if (dkim_body_is_bare(signer->body))
        return "body holds a lone CR or LF";
    return NULL;
}

/* Why this order cannot be fulfilled; NULL: it can. Fills in *content. */
static const char *read_order(struct dkim_signer *signer, const struct signature_order *order,
                              struct signature_content *content)
{
    if (order->domain.labels < 2)
        return "d= is no domain name"; /* RFC 6376 3.5: at least two labels */
    if (domain_is_none(order->selector))
        return "s= is no selector";
    if (!order->key)
        return "there is no key";
    content->algorithm = signing_key_algorithm(order->key);
    content->domain = order->domain;
    content->selector = order->selector;
    if (order->identity.len == 0)
        return NULL;
    if (!domain_within(domain_of_address(signer->arena, order->identity), order->domain))
        return "i= is not within d="; /* RFC 6376 3.5 */
    content->identity = dkim_sign_encode_identity(signer->arena, order->identity);
    return content->identity.len > IDENTITY_OCTETS_MAX ? "i= is too long" : NULL;
}

/* Appends b= to the value; false when it fails. */
static bool sign(struct dkim_signer *signer, const struct signing_key *key, struct strbuf *value)
{
    static const char name[] = "DKIM-Signature";
    struct strbuf spaced;
    uint8_t digest[SHA256_OCTETS], *signature;
    size_t len;
    strbuf_init(&spaced, signer->arena);
    strbuf_putc(&spaced, ' '); /* as the field will stand in the message */
    strbuf_bytes(&spaced, strbuf_view(value));
    struct dkim_header_field own = {
        dkim_field_text(signer->arena, BYTES(name), strbuf_view(&spaced)), sizeof(name) - 1};
    if (!dkim_header_digest(&signer->covered, own, signer->settings->relaxed_header, digest) ||
        !signing_key_sign(key, signer->arena, digest, &signature, &len))
        return false;
    dkim_sign_add_signature(value, signature, len);
    return true;
}

static struct made_signature make(struct dkim_signer *signer, const struct signature_order *order,
                                  struct signature_content content)
{
    struct strbuf value;
    const char *problem = read_order(signer, order, &content);
    if (problem)
        return (struct made_signature){.reason = problem};
    strbuf_init(&value, signer->arena);
    dkim_sign_compose(&value, &content);
    if (arena_failed(signer->arena))
        return (struct made_signature){.reason = out_of_memory};
    bool good = sign(signer, order->key, &value);
    if (arena_failed(signer->arena))
        return (struct made_signature){.reason = out_of_memory};
    if (!good)
        return (struct made_signature){.reason = "signing with the key failed"};
    return (struct made_signature){strbuf_string(&value), ""};
}

static int64_t within_time(int64_t seconds)
{
    return seconds < 0 ? 0 : seconds > TIME_LAST ? TIME_LAST : seconds;
}

void dkim_signer_finish(struct dkim_signer *signer, struct made_signature *out)
{
    const uint8_t *body_hash = NULL;
    const struct signing_settings *settings = signer->settings;
    const char *problem = signer->count ? finish_body(signer, &body_hash) : NULL;
    int64_t now = within_time(signer->env->epoch(signer->env->clock));
    struct signature_content content = {
        .relaxed_header = settings->relaxed_header,
        .relaxed_body = settings->relaxed_body,
        .time = now,
        .expiry = settings->expire_seconds > 0
                      ? within_time(now + within_time(settings->expire_seconds))
                      : 0,
        .names = signer->names,
        .name_count = signer->name_count,
        .body_hash = body_hash,
    };
    for (size_t i = 0; i < signer->count; i++) {
        if (problem)
            out[i] = (struct made_signature){.reason = problem};
        else if (i >= SIGNATURES_MADE_MAX)
            out[i] = (struct made_signature){.reason = "too many signatures for one message"};
        else
            out[i] = make(signer, &signer->orders[i], content);
    }
}
