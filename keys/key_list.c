/* key_list.c - all keys of a store, for those who want to see them. */
#include "key_record.h"
#include "key_store_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    NEIGHBOURS_MAX = 64, /* keys before and behind one that may be of the same domain */
};

struct list {
    struct arena *arena;
    struct key_place *places;
    struct held_key *keys; /* their `key` has been given back: 100,000 of them are too many */
    const char **records;  /* in arena; "" when the key cannot be used */
    const struct key_filter *filter;
    size_t count, room;
};

static bool collect(void *context, const struct key_place *place)
{
    struct list *list = context;
    if (!key_filter_passes(list->filter, place))
        return true;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct key_place *places = reallocarray(list->places, room, sizeof(*places));
        if (!places)
            return false;
        list->places = places;
        list->room = room;
    }
    list->places[list->count++] = *place;
    return true;
}

static const char *record_of(struct arena *arena, const struct signing_key *key)
{
    struct strbuf record;
    strbuf_init(&record, arena);
    if (key)
        key_record_text(key, &record);
    return strbuf_string(&record);
}

static void take(struct key_store *store, struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        key_entries_take(store, list->arena, &list->places[i], KEY_USE_MESSAGE, &list->keys[i]);
        list->records[i] = record_of(list->arena, list->keys[i].key);
        signing_key_unref(list->keys[i].key);
        list->keys[i].key = NULL;
    }
}

static bool same_group(const struct list *list, size_t a, size_t b)
{
    return *list->records[a] && *list->records[b] &&
           strcmp(list->keys[a].algorithm, list->keys[b].algorithm) == 0 &&
           domain_equal(list->places[a].domain, list->places[b].domain);
}

/* The other keys of a domain stand near: a table or a directory has them together. */
static bool signs(const struct list *list, size_t which)
{
    struct key_choice choices[2 * NEIGHBOURS_MAX + 1];
    size_t begin = which > NEIGHBOURS_MAX ? which - NEIGHBOURS_MAX : 0;
    size_t end = list->count - which > NEIGHBOURS_MAX ? which + NEIGHBOURS_MAX : list->count;
    size_t found = 0, own = 0;
    for (size_t i = begin; i < end; i++) {
        if (!same_group(list, which, i))
            continue;
        if (i == which)
            own = found;
        choices[found++] = (struct key_choice){list->keys[i].state, list->keys[i].since};
    }
    return found && key_rotation_choose(choices, found) == own;
}

static void show(const struct list *list, void (*each)(void *context, const struct key_info *info),
                 void *context)
{
    for (size_t i = 0; i < list->count; i++) {
        bool usable = *list->records[i] != '\0';
        const struct key_info info = {
            .domain = list->places[i].domain,
            .selector = list->places[i].selector,
            .location = list->places[i].shown,
            .algorithm = usable ? list->keys[i].algorithm : "",
            .bits = usable ? list->keys[i].bits : 0,
            .problem = usable ? "" : list->keys[i].problem,
            .state = list->keys[i].state,
            .reason = list->keys[i].reason,
            .checked = list->keys[i].checked,
            .signs = signs(list, i),
            .record = list->records[i],
        };
        each(context, &info);
    }
}

bool key_store_each(struct key_store *store, const struct key_filter *filter,
                    void (*each)(void *context, const struct key_info *info), void *context)
{
    struct list list = {.arena = arena_new(KEY_LIST_MEMORY), .filter = filter};
    bool good = list.arena && key_candidates_each(store, list.arena, collect, &list);
    list.keys = good ? calloc(list.count + 1, sizeof(*list.keys)) : NULL;
    list.records = good ? calloc(list.count + 1, sizeof(*list.records)) : NULL;
    good = list.keys && list.records;
    if (good) {
        take(store, &list);
        show(&list, each, context);
        good = !arena_failed(list.arena);
    }
    free(list.places);
    free(list.keys);
    free(list.records);
    arena_free(list.arena);
    return good;
}
