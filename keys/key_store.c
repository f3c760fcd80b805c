/* key_store.c - making a store, and finding the keys for an author; see key_store.h. */
#include "key_store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DANGLING_SHOWN = 10, /* SigningTable rows without a key that are logged one by one */
};

static const size_t store_memory = (size_t)4 << 30; /* octets: tables and names */

static struct key_store *store_of(struct key_source *source)
{
    return (struct key_store *)source;
}

void key_store_log(struct key_store *store, enum key_store_level level, const char *format, ...)
{
    va_list arguments;
    char *line = NULL;
    if (!store->options.log)
        return;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        line = NULL;
    va_end(arguments);
    store->options.log(store->options.log_context, level, line ? line : "out of memory");
    free(line);
}

/* ---- reading tables ---- */

/* The whole file into the store's arena. False with errno set. */
static bool read_fd(struct key_store *store, int fd, struct table_file *file, struct bytes *text)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    errno = S_ISDIR(status.st_mode) ? EISDIR : EFBIG;
    if (!S_ISREG(status.st_mode) || status.st_size > KEY_TABLE_FILE_MAX)
        return false;
    file->modified_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    char *data = arena_alloc(store->arena, (size_t)status.st_size + 1);
    errno = ENOMEM;
    while (data && text->len < (size_t)status.st_size) {
        ssize_t got = read(fd, data + text->len, (size_t)status.st_size - text->len);
        if (got < 0 && errno != EINTR)
            return false;
        if (got == 0)
            break;
        text->len += got > 0 ? (size_t)got : 0;
    }
    text->data = data;
    if (data && bytes_starts_nocase(*text, BYTES("\xef\xbb\xbf"))) /* some editors' UTF-8 mark */
        *text = bytes_slice(*text, 3, text->len);
    return data != NULL;
}

/* Gets at the text that an option names. False with `error`. */
static bool read_table(struct key_store *store, const char *option, const char *source,
                       struct table_file *file, enum table_form *form, struct bytes *text,
                       char *error)
{
    struct bytes rest;
    const char *wrong = table_source_parse(bytes_of(source), form, &rest);
    if (wrong) {
        snprintf(error, KEY_STORE_ERROR, "%s: '%s' %s", option, source, wrong);
        return false;
    }
    *text = rest;
    file->shown = option;
    if (*form == TABLE_LIST)
        return true;
    *text = BYTES_EMPTY;
    file->path = arena_copy(store->arena, rest.data, rest.len);
    int fd = file->path ? open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool good = fd >= 0 && read_fd(store, fd, file, text);
    if (!good)
        snprintf(error, KEY_STORE_ERROR, "%s: cannot read %s: %s", option, file->path,
                 strerror(file->path ? errno : ENOMEM));
    if (fd >= 0)
        close(fd);
    if (!good)
        return false;
    const char *slash = strrchr(file->path, '/');
    file->shown = file->path;
    file->directory =
        slash ? arena_copy(store->arena, file->path, (size_t)(slash - file->path)) : NULL;
    return true;
}

static bool complain(const struct table_file *file, unsigned line, const char *problem, char *error)
{
    if (line)
        snprintf(error, KEY_STORE_ERROR, "%s:%u: %s", file->shown, line, problem);
    else
        snprintf(error, KEY_STORE_ERROR, "%s: %s", file->shown, problem);
    return false;
}

/* Rows that will never sign: worth a word, but no reason to refuse the others. */
static void warn_of_rows(struct key_store *store)
{
    size_t key_count, count, dangling = 0;
    const struct key_row *keys = key_table_rows(store->key_table, &key_count);
    const struct signing_row *rows = signing_table_rows(store->signing_table, &count);
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].shadowed)
            key_store_log(store, KEY_STORE_WARNING_LINE,
                          "%s:%u: the name '%.*s' is taken already: this row is never used",
                          store->key_file.shown, keys[i].line, BYTES_ARGS(keys[i].name));
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes_is(rows[i].key_name, "%") || key_table_find(store->key_table, rows[i].key_name))
            continue;
        if (++dangling <= DANGLING_SHOWN)
            key_store_log(store, KEY_STORE_WARNING_LINE,
                          "%s:%u: %s has no key '%.*s': mail of %.*s is not signed with it",
                          store->signing_file.shown, rows[i].line, store->key_file.shown,
                          BYTES_ARGS(rows[i].key_name), BYTES_ARGS(rows[i].pattern));
    }
    if (dangling > DANGLING_SHOWN)
        key_store_log(store, KEY_STORE_WARNING_LINE, "%s: and %zu more rows like that",
                      store->signing_file.shown, dangling - DANGLING_SHOWN);
}

/* Keys that stand in the table itself need a table that is private. */
static void judge_inline_keys(struct key_store *store)
{
    struct strbuf problem;
    size_t count;
    const struct key_row *rows = key_table_rows(store->key_table, &count);
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || !rows[i].is_path;
    strbuf_init(&problem, store->arena);
    if (!any || !store->key_file.path ||
        key_file_is_private(store->key_file.path, &store->rules, &problem))
        return;
    key_store_log(store, KEY_STORE_WARNING_LINE, "%s: it has keys in it", strbuf_string(&problem));
    if (!store->options.unsafe_keys_warn)
        store->key_file.unsafe = strbuf_string(&problem);
}

static bool open_tables(struct key_store *store, char *error)
{
    const struct key_store_options *options = &store->options;
    enum table_form form;
    struct bytes text;
    const char *problem;
    unsigned line;
    if (!options->key_table != !options->signing_table) {
        snprintf(error, KEY_STORE_ERROR, "%s is set without %s: they need each other",
                 options->key_table ? "KeyTable" : "SigningTable",
                 options->key_table ? "SigningTable" : "KeyTable");
        return false;
    }
    if (!options->key_table)
        return true;
    if (!read_table(store, "KeyTable", options->key_table, &store->key_file, &form, &text, error))
        return false;
    store->key_table = key_table_parse(store->arena, text, form, &problem, &line);
    if (!store->key_table)
        return complain(&store->key_file, line, problem, error);
    if (!read_table(store, "SigningTable", options->signing_table, &store->signing_file, &form,
                    &text, error))
        return false;
    store->signing_table = signing_table_parse(store->arena, text, form, &problem, &line);
    if (!store->signing_table)
        return complain(&store->signing_file, line, problem, error);
    judge_inline_keys(store);
    warn_of_rows(store);
    return true;
}

static bool open_directory(struct key_store *store, char *error)
{
    struct strbuf problem;
    strbuf_init(&problem, store->arena);
    if (!store->options.key_directory || key_domains_read(store, &problem))
        return true;
    snprintf(error, KEY_STORE_ERROR, "KeyDirectory: cannot read %s", strbuf_string(&problem));
    return false;
}

/* ---- life ---- */

static const char *copy(struct key_store *store, const char *text)
{
    return text ? arena_copy(store->arena, text, strlen(text)) : NULL;
}

static void copy_options(struct key_store *store, const struct key_store_options *options)
{
    struct key_store_options *own = &store->options;
    *own = *options;
    own->key_directory = copy(store, options->key_directory);
    own->key_table = copy(store, options->key_table);
    own->signing_table = copy(store, options->signing_table);
    if (own->minimum_bits == 0)
        own->minimum_bits = RSA_BITS_MIN;
    if (own->keys_kept == 0)
        own->keys_kept = KEYS_KEPT;
    if (own->keys_remembered == 0)
        own->keys_remembered = KEYS_REMEMBERED;
    store->rules = (struct key_file_rules){
        .warn_only = own->unsafe_keys_warn, .uid = own->reader_uid, .gid = own->reader_gid};
}

static size_t find(struct key_source *source, struct arena *arena, struct bytes author_address,
                   struct domain author, struct signature_order *out, size_t max,
                   const char **why_not);

struct key_store *key_store_new(const struct key_store_options *options, struct key_store *previous,
                                char *error)
{
    struct key_store *store = calloc(1, sizeof(*store));
    struct arena *arena = arena_new(store_memory);
    snprintf(error, KEY_STORE_ERROR, "out of memory");
    if (!store || !arena) {
        free(store);
        arena_free(arena);
        return NULL;
    }
    atomic_init(&store->references, 1);
    pthread_mutex_init(&store->lock, NULL);
    store->source.find = find;
    store->arena = arena;
    copy_options(store, options);
    if (!key_entries_init(store) || arena_failed(arena) || !open_tables(store, error) ||
        !open_directory(store, error)) {
        key_store_unref(store);
        return NULL;
    }
    if (previous) {
        key_domains_inherit(store, previous);
        key_entries_inherit(store, previous);
    }
    error[0] = '\0';
    return store;
}

struct key_store *key_store_ref(struct key_store *store)
{
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    return store;
}

void key_store_unref(struct key_store *store)
{
    if (!store || atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) != 1)
        return;
    key_entries_destroy(store);
    key_domains_destroy(store);
    pthread_mutex_destroy(&store->lock);
    arena_free(store->arena);
    free(store);
}

struct key_source *key_store_source(struct key_store *store)
{
    return &store->source;
}

struct key_store_stats key_store_stats(struct key_store *store)
{
    pthread_mutex_lock(&store->lock);
    struct key_store_stats stats = {
        .remembered = store->entries.count,
        .kept = store->entries.kept_count,
        .reads = store->entries.reads,
    };
    pthread_mutex_unlock(&store->lock);
    return stats;
}

/* ---- reading ahead ---- */

struct walk {
    struct key_store *store;
    struct arena *arena;
    size_t good, bad;
};

static bool preload_one(void *context, const struct key_place *place)
{
    struct walk *walk = context;
    struct held_key held;
    key_entries_take(walk->store, walk->arena, place, KEY_USE_PRELOAD, &held);
    walk->good += held.key != NULL;
    walk->bad += held.key == NULL;
    signing_key_unref(held.key);
    return true;
}

bool key_store_preload(struct key_store *store)
{
    struct walk walk = {.store = store};
    if (key_candidates_count(store, KEYS_PRELOADED) > KEYS_PRELOADED) {
        key_store_log(store, KEY_STORE_INFO_LINE,
                      "more than %d keys: they are read when they are needed, and must be "
                      "readable by user %lu, group %lu",
                      KEYS_PRELOADED, (unsigned long)store->options.reader_uid,
                      (unsigned long)store->options.reader_gid);
        return false;
    }
    walk.arena = arena_new(KEY_LIST_MEMORY);
    if (!walk.arena)
        return false;
    bool good = key_candidates_each(store, walk.arena, preload_one, &walk);
    arena_free(walk.arena);
    if (walk.bad)
        key_store_log(store, KEY_STORE_WARNING_LINE, "keys read: %zu; %zu cannot be used",
                      walk.good, walk.bad);
    else if (walk.good)
        key_store_log(store, KEY_STORE_INFO_LINE, "keys read: %zu", walk.good);
    return good;
}

/* ---- finding ---- */

/* A candidate with its key in hand. */
struct option {
    const struct key_candidate *candidate;
    struct held_key held;
    bool done; /* its domain and algorithm have been decided */
};

static bool same_group(const struct option *a, const struct option *b)
{
    return strcmp(a->held.algorithm, b->held.algorithm) == 0 &&
           domain_equal(a->candidate->place.domain, b->candidate->place.domain);
}

/* Decides for the group of options[first]: the one that signs. */
static const struct option *choose(struct option *options, size_t count, size_t first)
{
    struct key_choice choices[CANDIDATES_MAX];
    size_t members[CANDIDATES_MAX];
    size_t found = 0;
    for (size_t i = first; i < count; i++) {
        if (options[i].done || !same_group(&options[first], &options[i]))
            continue;
        options[i].done = true;
        choices[found] = (struct key_choice){options[i].held.state, options[i].held.since};
        members[found++] = i;
    }
    return &options[members[key_rotation_choose(choices, found)]];
}

/* Takes the keys of all candidates; those that can be used come first in `out`. */
static size_t take_all(struct key_store *store, struct arena *arena,
                       const struct key_candidate *candidates, size_t count, struct option *out,
                       const char **why_not)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        struct option *option = &out[found];
        *option = (struct option){.candidate = &candidates[i]};
        key_entries_take(store, arena, &candidates[i].place, KEY_USE_MESSAGE, &option->held);
        if (option->held.key)
            found++;
        else if (!*why_not || !**why_not)
            *why_not = arena_printf(arena, "no usable key: %s", option->held.problem);
    }
    return found;
}

static size_t find(struct key_source *source, struct arena *arena, struct bytes author_address,
                   struct domain author, struct signature_order *out, size_t max,
                   const char **why_not)
{
    struct key_store *store = store_of(source);
    struct key_candidate candidates[CANDIDATES_MAX];
    struct option options[CANDIDATES_MAX];
    size_t orders = 0;
    size_t count = key_candidates_find(store, arena, author_address, author, candidates,
                                       CANDIDATES_MAX, why_not);
    if (count == 0)
        return 0;
    *why_not = "";
    count = take_all(store, arena, candidates, count, options, why_not);
    for (size_t i = 0; i < count && orders < max; i++) {
        if (options[i].done)
            continue;
        const struct option *chosen = choose(options, count, i);
        out[orders++] = (struct signature_order){
            .domain = chosen->candidate->place.domain,
            .selector = chosen->candidate->place.selector,
            .identity = chosen->candidate->identity,
            .key = signing_key_ref(chosen->held.key),
        };
    }
    for (size_t i = 0; i < count; i++)
        signing_key_unref(options[i].held.key);
    if (orders)
        *why_not = "";
    else if (!*why_not)
        *why_not = "out of memory";
    return orders;
}
