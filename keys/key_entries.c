/* key_entries.c - the keys that a store knows, decoded or not.
 *
 * A hash table with two orders of use: one over all entries, which bounds how many are
 * remembered, one over those with a decoded key, which bounds the memory that keys
 * take. Files are read and decoded without the lock; whoever comes second with the
 * same key throws his away.
 */
#include "key_store_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SCAN_SECONDS = 10, /* at least, between two looks through all entries */
};

/* ---- the table ---- */

static uint32_t add_hash(uint32_t value, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) /* FNV-1a; keys are the administrator's, not a stranger's */
        value = (value ^ (unsigned char)text[i]) * 16777619U;
    return value * 16777619U;
}

static uint32_t hash_of(const struct key_place *place)
{
    uint32_t value = add_hash(2166136261U, place->domain.name, place->domain.len);
    value = add_hash(value, place->selector.name, place->selector.len);
    return add_hash(value, place->location, strlen(place->location));
}

static bool same_place(const struct key_place *a, const struct key_place *b)
{
    return domain_equal(a->domain, b->domain) && domain_equal(a->selector, b->selector) &&
           a->is_path == b->is_path && strcmp(a->location, b->location) == 0;
}

static struct key_entry *find(struct key_entries *entries, const struct key_place *place,
                              uint32_t hash)
{
    struct key_entry *entry = entries->buckets[hash & (entries->bucket_count - 1)];
    while (entry && (entry->hash != hash || !same_place(&entry->place, place)))
        entry = entry->hash_next;
    return entry;
}

static void put_in_bucket(struct key_entries *entries, struct key_entry *entry)
{
    struct key_entry **bucket = &entries->buckets[entry->hash & (entries->bucket_count - 1)];
    entry->hash_next = *bucket;
    *bucket = entry;
}

/* As many buckets as entries; going on with fewer when out of memory. */
static void grow(struct key_entries *entries)
{
    size_t count = entries->bucket_count * 2;
    struct key_entry **buckets =
        entries->count < entries->bucket_count ? NULL : calloc(count, sizeof(*buckets));
    struct key_entry *entry;
    if (!buckets)
        return;
    free(entries->buckets);
    entries->buckets = buckets;
    entries->bucket_count = count;
    TAILQ_FOREACH(entry, &entries->used, used)
    put_in_bucket(entries, entry);
}

static struct domain copy_domain(struct domain domain, char **room)
{
    char *name = memcpy(*room, domain.name, domain.len + 1);
    *room += domain.len + 1;
    return (struct domain){name, domain.len, domain.labels};
}

static const char *copy_string(const char *string, char **room)
{
    size_t size = strlen(string) + 1;
    char *copy = memcpy(*room, string, size);
    *room += size;
    return copy;
}

static struct key_entry *add(struct key_entries *entries, const struct key_place *place,
                             uint32_t hash)
{
    bool same_text = place->is_path; /* then `shown` is the path */
    size_t size = sizeof(struct key_entry) + place->domain.len + place->selector.len + 2 +
                  strlen(place->location) + 1 + (same_text ? 0 : strlen(place->shown) + 1);
    struct key_entry *entry = calloc(1, size);
    if (!entry)
        return NULL;
    char *room = (char *)(entry + 1);
    entry->place = *place;
    entry->place.domain = copy_domain(place->domain, &room);
    entry->place.selector = copy_domain(place->selector, &room);
    entry->place.location = copy_string(place->location, &room);
    entry->place.shown = same_text ? entry->place.location : copy_string(place->shown, &room);
    entry->hash = hash;
    entry->algorithm = "";
    entry->reason = "";
    grow(entries);
    put_in_bucket(entries, entry);
    TAILQ_INSERT_HEAD(&entries->used, entry, used);
    entries->count++;
    return entry;
}

static void give_up_key(struct key_entries *entries, struct key_entry *entry)
{
    if (entry->is_kept) {
        TAILQ_REMOVE(&entries->kept, entry, kept);
        entries->kept_count--;
        entry->is_kept = false;
    }
    signing_key_unref(entry->key);
    entry->key = NULL;
}

static void drop(struct key_entries *entries, struct key_entry *entry)
{
    struct key_entry **link = &entries->buckets[entry->hash & (entries->bucket_count - 1)];
    while (*link != entry)
        link = &(*link)->hash_next;
    *link = entry->hash_next;
    give_up_key(entries, entry);
    if (entry->is_queued)
        TAILQ_REMOVE(&entries->queue, entry, queue);
    TAILQ_REMOVE(&entries->used, entry, used);
    entries->count--;
    free(entry->problem);
    free(entry);
}

/* Down to the bounds. `current` is in use and stays. */
static void evict(struct key_store *store, const struct key_entry *current)
{
    struct key_entries *entries = &store->entries;
    struct key_entry *entry, *before;
    for (entry = TAILQ_LAST(&entries->kept, key_entry_list);
         entry && entries->kept_count > store->options.keys_kept; entry = before) {
        before = TAILQ_PREV(entry, key_entry_list, kept);
        if (entry != current)
            give_up_key(entries, entry);
    }
    for (entry = TAILQ_LAST(&entries->used, key_entry_list);
         entry && entries->count > store->options.keys_remembered; entry = before) {
        before = TAILQ_PREV(entry, key_entry_list, used);
        if (entry != current && !entry->preloaded)
            drop(entries, entry);
    }
}

bool key_entries_init(struct key_store *store)
{
    struct key_entries *entries = &store->entries;
    pthread_condattr_t attributes;
    entries->bucket_count = 64;
    entries->buckets = calloc(entries->bucket_count, sizeof(*entries->buckets));
    TAILQ_INIT(&entries->used);
    TAILQ_INIT(&entries->kept);
    TAILQ_INIT(&entries->queue);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&entries->work, &attributes);
    pthread_condattr_destroy(&attributes);
    return entries->buckets != NULL;
}

void key_entries_destroy(struct key_store *store)
{
    struct key_entry *entry;
    while (store->entries.buckets && (entry = TAILQ_FIRST(&store->entries.used)))
        drop(&store->entries, entry);
    free(store->entries.buckets);
    pthread_cond_destroy(&store->entries.work);
}

/* ---- putting it in ---- */

static void enqueue(struct key_entries *entries, struct key_entry *entry)
{
    if (entry->is_queued)
        return;
    entry->is_queued = true;
    TAILQ_INSERT_TAIL(&entries->queue, entry, queue);
    pthread_cond_signal(&entries->work);
}

static void keep(struct key_store *store, struct key_entry *entry, struct key_reading *reading,
                 enum key_use use)
{
    struct key_entries *entries = &store->entries;
    bool changed = !key_file_same(&reading->stamp, &entry->stamp);
    give_up_key(entries, entry);
    free(entry->problem);
    entry->problem = NULL;
    entry->key = reading->key;
    reading->key = NULL;
    entry->stamp = reading->stamp;
    entry->bits = signing_key_bits(entry->key);
    entry->algorithm = signing_key_algorithm(entry->key);
    entry->preloaded = entry->preloaded || use == KEY_USE_PRELOAD;
    if (!entry->preloaded) {
        entry->is_kept = true;
        entries->kept_count++;
        TAILQ_INSERT_HEAD(&entries->kept, entry, kept);
    }
    if (changed && entry->state != KEY_UNKNOWN) { /* another key in the same file */
        entry->state = KEY_UNKNOWN;
        entry->due_us = 0;
    }
}

/* Returns true when the problem is to be logged. */
static bool install(struct key_store *store, struct key_entry *entry, struct key_reading *reading,
                    enum key_use use)
{
    bool was_inherited = entry->inherited;
    if (reading->unchanged) {
        entry->inherited = false;
        entry->preloaded = entry->preloaded || (use == KEY_USE_PRELOAD && entry->key);
        return false;
    }
    if (entry->key && !was_inherited) /* somebody was faster */
        return false;
    if (reading->key) {
        entry->inherited = false;
        keep(store, entry, reading, use);
        return *reading->problem != '\0';
    }
    if (reading->status == KEY_FILE_DENIED && was_inherited && entry->key) {
        /* Read with other rights than we have now: it goes on. */
        entry->inherited = false;
        return true;
    }
    if (reading->status == KEY_FILE_FAILED) {
        bool told = entry->told;
        entry->told = true;
        return !told;
    }
    bool news = !entry->problem || was_inherited;
    entry->inherited = false;
    give_up_key(&store->entries, entry);
    free(entry->problem);
    entry->problem = strdup(reading->problem);
    entry->stamp = reading->stamp;
    return news;
}

static void fill(struct arena *arena, const struct key_entry *entry, struct held_key *out)
{
    *out = (struct held_key){
        .key = entry->key ? signing_key_ref(entry->key) : NULL,
        .problem = "",
        .algorithm = entry->algorithm,
        .bits = entry->bits,
        .state = entry->state,
        .reason = entry->reason,
        .since = entry->place.is_path ? entry->stamp.modified_ns : entry->place.since,
        .checked = entry->checked,
    };
    if (entry->problem)
        out->problem = arena_printf(arena, "%s", entry->problem);
    if (!out->problem)
        out->problem = "out of memory";
}

static void touch(struct key_entries *entries, struct key_entry *entry, enum key_use use)
{
    TAILQ_REMOVE(&entries->used, entry, used);
    TAILQ_INSERT_HEAD(&entries->used, entry, used);
    if (entry->is_kept) {
        TAILQ_REMOVE(&entries->kept, entry, kept);
        TAILQ_INSERT_HEAD(&entries->kept, entry, kept);
    }
    if (use == KEY_USE_CHECK)
        return;
    entry->wanted = true;
    if (entry->key && entry->due_us == 0)
        enqueue(entries, entry);
}

static struct key_entry *find_or_add(struct key_store *store, const struct key_place *place,
                                     uint32_t hash)
{
    struct key_entry *entry = find(&store->entries, place, hash);
    return entry ? entry : add(&store->entries, place, hash);
}

void key_entries_take(struct key_store *store, struct arena *arena, const struct key_place *place,
                      enum key_use use, struct held_key *out)
{
    uint32_t hash = hash_of(place);
    struct key_reading reading = {.problem = ""};
    bool news = false, have_reading = false;
    *out = (struct held_key){.problem = "out of memory", .algorithm = "", .reason = ""};
    pthread_mutex_lock(&store->lock);
    struct key_entry *entry = find_or_add(store, place, hash);
    if (entry && (entry->inherited || (!entry->key && !entry->problem))) {
        struct key_entry known = *entry; /* only looked at; holds no references */
        store->entries.reads++;
        pthread_mutex_unlock(&store->lock);
        reading = key_reading_make(store, arena, place, &known);
        have_reading = true;
        pthread_mutex_lock(&store->lock);
        entry = find_or_add(store, place, hash);
    }
    if (entry) {
        news = have_reading && install(store, entry, &reading, use);
        touch(&store->entries, entry, use);
        fill(arena, entry, out);
        if (!out->key && !*out->problem)
            out->problem = reading.problem;
        evict(store, entry);
    } else {
        arena_fail(arena);
    }
    pthread_mutex_unlock(&store->lock);
    signing_key_unref(reading.key);
    if (news && reading.problem)
        key_store_log(store, out->key ? KEY_STORE_WARNING_LINE : KEY_STORE_ERROR_LINE, "%s",
                      reading.problem);
}

void key_entries_inherit(struct key_store *store, struct key_store *previous)
{
    struct key_entry *from;
    pthread_mutex_lock(&previous->lock);
    TAILQ_FOREACH_REVERSE(from, &previous->entries.used, key_entry_list, used)
    {
        struct key_entry *entry = add(&store->entries, &from->place, from->hash);
        if (!entry)
            break;
        entry->inherited = true;
        entry->key = from->key ? signing_key_ref(from->key) : NULL;
        entry->preloaded = from->preloaded;
        if (entry->key && !entry->preloaded) {
            entry->is_kept = true;
            store->entries.kept_count++;
            TAILQ_INSERT_HEAD(&store->entries.kept, entry, kept);
        }
        entry->bits = from->bits;
        entry->algorithm = from->algorithm;
        entry->problem = from->problem ? strdup(from->problem) : NULL;
        entry->stamp = from->stamp;
        entry->state = from->state;
        entry->reason = from->reason;
        entry->checked = from->checked;
        /* Who reloads after publishing a key wants to see it found. */
        entry->due_us = from->state == KEY_PUBLISHED ? from->due_us : 0;
    }
    pthread_mutex_unlock(&previous->lock);
    evict(store, NULL);
}

/* ---- checks ---- */

/* Entries whose next check has come, into the queue. */
static void scan(struct key_entries *entries, int64_t now_us)
{
    struct key_entry *entry;
    if (entries->scanned_us && now_us - entries->scanned_us < SCAN_SECONDS * INT64_C(1000000))
        return;
    entries->scanned_us = now_us;
    TAILQ_FOREACH(entry, &entries->used, used)
    {
        if (!entry->problem && entry->due_us && entry->due_us <= now_us &&
            (entry->wanted || entry->preloaded))
            enqueue(entries, entry);
    }
}

static bool copy_place(struct arena *arena, const struct key_place *from, struct key_place *to)
{
    *to = *from;
    to->domain.name = arena_copy(arena, from->domain.name, from->domain.len);
    to->selector.name = arena_copy(arena, from->selector.name, from->selector.len);
    to->location = arena_copy(arena, from->location, strlen(from->location));
    to->shown = arena_copy(arena, from->shown, strlen(from->shown));
    return to->domain.name && to->selector.name && to->location && to->shown;
}

bool key_filter_passes(const struct key_filter *filter, const struct key_place *place)
{
    if (!filter)
        return true;
    return (domain_is_none(filter->domain) || domain_equal(filter->domain, place->domain)) &&
           (domain_is_none(filter->selector) || domain_equal(filter->selector, place->selector));
}

size_t key_entries_due(struct key_store *store, struct arena *arena, int64_t now_us,
                       const struct key_filter *filter, struct key_place *out, size_t max)
{
    struct key_entries *entries = &store->entries;
    struct key_entry *entry;
    size_t count = 0;
    pthread_mutex_lock(&store->lock);
    if (TAILQ_EMPTY(&entries->queue))
        scan(entries, now_us);
    while (count < max && (entry = TAILQ_FIRST(&entries->queue)) &&
           copy_place(arena, &entry->place, &out[count])) {
        TAILQ_REMOVE(&entries->queue, entry, queue);
        entry->is_queued = false;
        count += key_filter_passes(filter, &entry->place);
    }
    pthread_mutex_unlock(&store->lock);
    return count;
}

/* Logged once for each change, and nothing when all is as it should be. */
static void log_change(struct key_store *store, const struct key_place *place,
                       enum key_state before, enum key_state now, const char *reason)
{
    if (now == before || (now == KEY_PUBLISHED && before == KEY_UNKNOWN))
        return;
    if (now == KEY_PUBLISHED)
        key_store_log(store, KEY_STORE_INFO_LINE, "%s._domainkey.%s: published now (%s)",
                      place->selector.name, place->domain.name, place->shown);
    else
        key_store_log(store, KEY_STORE_WARNING_LINE,
                      "%s._domainkey.%s: %s: nobody can verify signatures of %s",
                      place->selector.name, place->domain.name, reason, place->shown);
}

void key_entries_checked(struct key_store *store, const struct key_place *place,
                         enum key_state state, const char *reason, int64_t now_us, int64_t epoch,
                         bool quiet)
{
    enum key_state before = state;
    pthread_mutex_lock(&store->lock);
    struct key_entry *entry = find(&store->entries, place, hash_of(place));
    if (entry) {
        before = entry->state;
        entry->due_us = now_us + key_recheck_seconds(state) * 1000000;
        entry->wanted = false;
        if (state == KEY_UNKNOWN) { /* a DNS in trouble says nothing */
            if (before == KEY_UNKNOWN)
                entry->reason = reason;
            state = before;
        } else {
            entry->state = state;
            entry->reason = reason;
            entry->checked = epoch;
        }
    }
    pthread_mutex_unlock(&store->lock);
    if (!quiet)
        log_change(store, place, before, state, reason);
}

void key_entries_wait(struct key_store *store, int milliseconds, const atomic_bool *stop)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&store->lock);
    if (TAILQ_EMPTY(&store->entries.queue) && !atomic_load(stop))
        pthread_cond_timedwait(&store->entries.work, &store->lock, &until);
    pthread_mutex_unlock(&store->lock);
}

void key_entries_wake(struct key_store *store)
{
    pthread_mutex_lock(&store->lock);
    pthread_cond_broadcast(&store->entries.work);
    pthread_mutex_unlock(&store->lock);
}
