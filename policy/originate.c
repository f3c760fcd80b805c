/* originate.c - signing one message of our own users; see originate.h.
 *
 * Which messages come here is decided by their origin (evaluate.c), never by
 * what their From field claims. The From field only chooses the keys: what is
 * signed bears a d= that is aligned with the author (RFC 9989 4.4).
 */
#include "originate.h"

struct originate {
    const struct policy_env *env;
    struct key_source *keys;
    struct arena *arena;
    struct dkim_signer *signer;
    struct signature_order orders[SIGNATURES_MADE_MAX];
    size_t count;
    const char *why_not;
};

struct originate *originate_new(const struct policy_env *env, struct key_source *keys,
                                const struct signing_settings *settings, struct arena *arena)
{
    struct originate *originate = arena_alloc(arena, sizeof(*originate));
    if (!originate)
        return NULL;
    *originate = (struct originate){.env = env, .keys = keys, .arena = arena, .why_not = ""};
    if (!keys) {
        originate->why_not = "no keys are configured";
        return originate;
    }
    originate->signer = dkim_signer_new(env, settings, arena);
    return originate->signer ? originate : NULL;
}

void originate_header(struct originate *originate, struct bytes name, struct bytes value)
{
    if (originate->signer)
        dkim_signer_header(originate->signer, name, value);
}

void originate_end_of_headers(struct originate *originate, const struct author *author)
{
    if (!originate->signer)
        return;
    if (author->status != AUTHOR_OK) {
        originate->why_not = author->reason;
        return;
    }
    originate->count =
        originate->keys->find(originate->keys, originate->arena, author->address, author->domain,
                              originate->orders, SIGNATURES_MADE_MAX, &originate->why_not);
    if (originate->count)
        dkim_signer_end_of_headers(originate->signer, originate->orders, originate->count);
}

bool originate_needs_body(const struct originate *originate)
{
    return originate->count > 0;
}

void originate_body(struct originate *originate, struct bytes chunk)
{
    if (originate_needs_body(originate))
        dkim_signer_body(originate->signer, chunk);
}

void originate_finish(struct originate *originate, struct signing_result *out)
{
    struct made_signature made[SIGNATURES_MADE_MAX] = {{NULL, ""}};
    out->count = originate->count;
    out->why_not = originate->why_not;
    if (originate->count == 0)
        return;
    dkim_signer_finish(originate->signer, made);
    for (size_t i = 0; i < originate->count; i++) {
        const struct signature_order *order = &originate->orders[i];
        out->made[i] = (struct signing_made){
            .domain = order->domain,
            .selector = order->selector,
            .algorithm = signing_key_algorithm(order->key),
            .value = made[i].value,
            .reason = made[i].reason,
        };
    }
}

void originate_free(struct originate *originate)
{
    if (!originate)
        return;
    for (size_t i = 0; i < originate->count; i++)
        signing_key_unref(originate->orders[i].key);
    dkim_signer_free(originate->signer);
}
