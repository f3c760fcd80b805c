/* key_reading.c - one key, from its file or from the table that it stands in. */
#include "key_store_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *too_weak(struct key_store *store, struct arena *arena,
                            const struct signing_key *key)
{
    unsigned minimum = store->options.minimum_bits;
    if (signing_key_type(key) != SIGNING_KEY_RSA || signing_key_bits(key) >= minimum)
        return NULL;
    return arena_printf(arena, "the RSA key has %u bits; at least %u are needed",
                        signing_key_bits(key), minimum);
}

static void decode(struct key_store *store, struct arena *arena, const struct key_place *place,
                   struct bytes text, struct key_reading *out)
{
    const char *problem = "";
    out->key = signing_key_parse(text, &problem);
    const char *weak = out->key ? too_weak(store, arena, out->key) : NULL;
    if (weak) {
        signing_key_unref(out->key);
        out->key = NULL;
        problem = weak;
    }
    if (problem == signing_key_no_memory) {
        out->status = KEY_FILE_FAILED; /* not remembered */
        arena_fail(arena);             /* and the message is not to go without its signature */
    }
    if (!out->key)
        out->problem = arena_printf(arena, "%s: %s", place->shown, problem);
}

static void read_file(struct key_store *store, struct arena *arena, const struct key_place *place,
                      struct key_reading *out)
{
    struct strbuf problem;
    size_t len;
    char *content = malloc(KEY_FILE_MAX);
    strbuf_init(&problem, arena);
    out->status = KEY_FILE_FAILED;
    out->problem = "out of memory";
    if (!content) {
        arena_fail(arena);
        return;
    }
    out->status =
        key_file_read(place->location, &store->rules, content, &len, &out->stamp, &problem);
    out->problem = strbuf_string(&problem);
    if (out->status == KEY_FILE_FAILED) /* of memory, of descriptors: our own fault */
        arena_fail(arena);
    if (out->status == KEY_FILE_READ) {
        decode(store, arena, place, (struct bytes){content, len}, out);
        explicit_bzero(content, len);
    }
    free(content);
}

struct key_reading key_reading_make(struct key_store *store, struct arena *arena,
                                    const struct key_place *place, const struct key_entry *known)
{
    struct key_reading out = {.problem = "", .status = KEY_FILE_READ};
    if (known->inherited && (known->key || known->problem)) {
        if (!place->is_path)
            out.unchanged = true;
        else if (key_file_look(place->location, &out.stamp))
            out.unchanged = key_file_same(&out.stamp, &known->stamp);
        if (out.unchanged)
            return out;
    }
    if (place->is_path)
        read_file(store, arena, place, &out);
    else if (store->key_file.unsafe)
        out.problem = store->key_file.unsafe;
    else
        decode(store, arena, place, bytes_of(place->location), &out);
    return out;
}
