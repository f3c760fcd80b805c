/* key_candidates.c - which keys there are for an author: out of the tables, or out of
 * KeyDirectory.
 *
 * The names of the directories are read once, so that a domain without keys costs
 * no system call; what is in them is read when it is first needed.
 */
#include "key_store_internal.h"

#include <stdlib.h>
#include <string.h>

struct key_domain_files {
    bool inherited; /* from the store before: to be read again */
    size_t count;
    struct key_directory_file files[]; /* strings behind it */
};

/* ---- tables ---- */

/* A relative path starts where the table lies, whatever the current directory is. */
static const char *absolute(struct arena *arena, const struct table_file *table, const char *path)
{
    if (!path || path[0] == '/' || !table->directory)
        return path;
    return arena_printf(arena, "%s/%s", table->directory, path);
}

static bool place_of_row(struct key_store *store, struct arena *arena, const struct key_row *row,
                         struct domain author, struct key_place *out)
{
    const struct table_file *table = &store->key_file;
    const char *key = key_row_path(row, arena, author);
    out->domain = domain_is_none(row->domain) ? author : row->domain;
    out->selector = row->selector;
    out->is_path = row->is_path;
    out->location = row->is_path ? absolute(arena, table, key) : key;
    out->shown =
        row->is_path ? out->location : arena_printf(arena, "%s:%u", table->shown, row->line);
    out->since = table->modified_ns;
    return out->location && out->shown;
}

/* OpenDKIM leaves i= out when it does not fit d=; a verifier would refuse the signature
 * (RFC 6376 6.1.1). */
static struct bytes fitting_identity(struct arena *arena, struct bytes identity,
                                     struct domain domain)
{
    struct domain of = identity.len ? domain_of_address(arena, identity) : DOMAIN_NONE;
    return !domain_is_none(of) && domain_within(of, domain) ? identity : BYTES_EMPTY;
}

static const char *no_row(struct arena *arena, struct key_store *store,
                          const struct signing_match *match)
{
    return arena_printf(arena, "%s has no key '%.*s', which %s:%u names", store->key_file.shown,
                        BYTES_ARGS(match->key_name), store->signing_file.shown, match->line);
}

static size_t find_in_tables(struct key_store *store, struct arena *arena, struct bytes address,
                             struct domain author, struct key_candidate *out, size_t max,
                             const char **why_not)
{
    struct signing_match matches[CANDIDATES_MAX];
    bool all = store->options.multiple_signatures;
    size_t count = 0;
    size_t found = signing_table_match(store->signing_table, arena, address, author, all, matches,
                                       max < CANDIDATES_MAX ? max : CANDIDATES_MAX);
    if (found == 0)
        *why_not = arena_printf(arena, "no SigningTable entry for %s", domain_text(author));
    for (size_t i = 0; i < found; i++) {
        const struct key_row *row = key_table_find(store->key_table, matches[i].key_name);
        struct key_candidate *candidate = &out[count];
        if (!row) {
            *why_not = no_row(arena, store, &matches[i]);
            if (!all && i == 0) /* the first match decides, also when it is broken */
                return 0;
            continue;
        }
        if (!place_of_row(store, arena, row, author, &candidate->place))
            break;
        /* Without MultipleSignatures the same pattern may name several keys, of one domain. */
        if (!all && count && !domain_equal(candidate->place.domain, out[0].place.domain))
            continue;
        candidate->identity = fitting_identity(arena, matches[i].identity, candidate->place.domain);
        count++;
    }
    return count;
}

/* ---- KeyDirectory ---- */

struct domain_reader {
    struct key_store *store;
    size_t room;
    bool failed;
};

/* Only what can be the name of a domain, as it is looked up: lower case, A-labels. */
static bool is_domain_name(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!is_alnum(*c) && !strchr("-_.", *c))
            return false;
        if (to_lower(*c) != *c)
            return false;
    }
    return name[0] && strlen(name) <= DOMAIN_MAX + 1;
}

static bool add_domain(void *context, const char *name)
{
    struct domain_reader *reader = context;
    struct key_domains *domains = &reader->store->domains;
    struct arena *arena = reader->store->arena;
    if (!is_domain_name(name))
        return true;
    if (domains->count == reader->room) {
        size_t room = reader->room ? reader->room * 2 : 64;
        struct key_domain *rows = arena_array(arena, room, sizeof(*rows));
        reader->failed = !rows || domains->count >= TABLE_ROWS_MAX;
        if (reader->failed)
            return false;
        if (domains->count)
            memcpy(rows, domains->rows, domains->count * sizeof(*rows));
        domains->rows = rows;
        reader->room = room;
    }
    struct bytes copy = arena_bytes(arena, bytes_of(name));
    domains->rows[domains->count++] = (struct key_domain){.name = copy};
    reader->failed = copy.len == 0;
    return !reader->failed;
}

bool key_domains_read(struct key_store *store, struct strbuf *problem)
{
    struct domain_reader reader = {.store = store};
    struct key_domains *domains = &store->domains;
    if (!key_directory_each(store->options.key_directory, add_domain, &reader, problem))
        return false;
    if (reader.failed || !table_index_init(&domains->index, store->arena, domains->count)) {
        strbuf_printf(problem, "%s: %zu domains, and out of memory", store->options.key_directory,
                      domains->count);
        return false;
    }
    for (size_t i = domains->count; i > 0; i--)
        table_index_add(&domains->index, domains->rows[i - 1].name, i - 1);
    return true;
}

static struct key_domain *find_domain(struct key_domains *domains, struct bytes name)
{
    for (uint32_t i = table_index_first(&domains->index, name); i != TABLE_NO_ROW;
         i = domains->index.next[i]) {
        if (bytes_equal(domains->rows[i].name, name))
            return &domains->rows[i];
    }
    return NULL;
}

/* One allocation with everything; NULL when out of memory. */
static struct key_domain_files *copy_files(const struct key_directory_file *files, size_t count)
{
    size_t strings = 0;
    for (size_t i = 0; i < count; i++)
        strings += files[i].selector.len + 1 + strlen(files[i].path) + 1;
    struct key_domain_files *copy = malloc(sizeof(*copy) + count * sizeof(*files) + strings);
    if (!copy)
        return NULL;
    char *room = (char *)&copy->files[count];
    copy->inherited = false;
    copy->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(files[i].path) + 1;
        copy->files[i].selector = files[i].selector;
        copy->files[i].selector.name =
            memcpy(room, files[i].selector.name, files[i].selector.len + 1);
        room += files[i].selector.len + 1;
        copy->files[i].path = memcpy(room, files[i].path, len);
        room += len;
    }
    return copy;
}

void key_domains_inherit(struct key_store *store, struct key_store *previous)
{
    const char *ours = store->options.key_directory, *theirs = previous->options.key_directory;
    if (!ours || !theirs || strcmp(ours, theirs) != 0)
        return;
    pthread_mutex_lock(&previous->lock);
    for (size_t i = 0; i < previous->domains.count; i++) {
        const struct key_domain *from = &previous->domains.rows[i];
        struct key_domain *to = from->files ? find_domain(&store->domains, from->name) : NULL;
        if (to)
            to->files = copy_files(from->files->files, from->files->count);
        if (to && to->files)
            to->files->inherited = true;
    }
    pthread_mutex_unlock(&previous->lock);
}

void key_domains_destroy(struct key_store *store)
{
    for (size_t i = 0; i < store->domains.count; i++)
        free(store->domains.rows[i].files);
}

/* What is in a domain's directory, into places. Reads it if need be. */
static size_t list_domain(struct key_store *store, struct arena *arena, struct key_domain *row,
                          struct key_place *out, size_t max)
{
    struct key_directory_list *list = NULL;
    struct strbuf problem;
    size_t count = 0;
    strbuf_init(&problem, arena);
    pthread_mutex_lock(&store->lock);
    bool read = !row->files || row->files->inherited;
    pthread_mutex_unlock(&store->lock);
    enum key_directory_status status = KEY_DIRECTORY_FAILED;
    if (read && (list = arena_alloc(arena, sizeof(*list))))
        status =
            key_directory_list(arena, store->options.key_directory, row->name.data, list, &problem);
    pthread_mutex_lock(&store->lock);
    if (list && status != KEY_DIRECTORY_FAILED && (!row->files || row->files->inherited)) {
        /* Read with other rights than we have now: it goes on. */
        bool goes_on = row->files && status == KEY_DIRECTORY_DENIED;
        struct key_domain_files *files =
            goes_on ? row->files : copy_files(list->files, list->count);
        if (files && !goes_on) {
            free(row->files);
            row->files = files;
        }
        if (files)
            files->inherited = false;
    } else {
        strbuf_truncate(&problem, 0); /* somebody else has told it */
    }
    if (!row->files) /* no memory, no descriptor: that is no reason to sign nothing */
        arena_fail(arena);
    for (size_t i = 0; row->files && i < row->files->count && count < max; i++) {
        const struct key_directory_file *file = &row->files->files[i];
        struct key_place *place = &out[count];
        const char *selector = arena_copy(arena, file->selector.name, file->selector.len);
        place->selector = file->selector;
        place->selector.name = selector;
        place->is_path = true;
        place->location = place->shown = arena_copy(arena, file->path, strlen(file->path));
        place->since = 0;
        if (selector && place->location)
            count++;
    }
    pthread_mutex_unlock(&store->lock);
    if (problem.len)
        key_store_log(
            store, status == KEY_DIRECTORY_LISTED ? KEY_STORE_WARNING_LINE : KEY_STORE_ERROR_LINE,
            "%s", strbuf_string(&problem));
    return count;
}

/* The directory for an author, and d= for it: its own, or the nearest above with a dot. */
static struct key_domain *directory_for(struct key_store *store, struct domain author,
                                        struct domain *signing)
{
    struct key_domain *row = find_domain(&store->domains, domain_bytes(author));
    *signing = author;
    while (!row) {
        struct domain parent = domain_parent(*signing);
        if (domain_is_none(parent))
            return NULL;
        /* The octet before a parent's name is its dot. */
        row = find_domain(&store->domains, (struct bytes){parent.name - 1, parent.len + 1});
        *signing = parent;
    }
    return row;
}

static size_t find_in_directory(struct key_store *store, struct arena *arena, struct domain author,
                                struct key_candidate *out, size_t max, const char **why_not)
{
    struct key_place places[CANDIDATES_MAX];
    struct domain signing;
    struct key_domain *row = directory_for(store, author, &signing);
    if (!row) {
        *why_not = arena_printf(arena, "no key for %s", domain_text(author));
        return 0;
    }
    size_t count =
        list_domain(store, arena, row, places, max < CANDIDATES_MAX ? max : CANDIDATES_MAX);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct key_candidate){.place = places[i], .identity = BYTES_EMPTY};
        out[i].place.domain = signing;
    }
    if (count == 0)
        *why_not = arena_printf(arena, "no key file in %s/%.*s", store->options.key_directory,
                                BYTES_ARGS(row->name));
    return count;
}

size_t key_candidates_find(struct key_store *store, struct arena *arena, struct bytes address,
                           struct domain author, struct key_candidate *out, size_t max,
                           const char **why_not)
{
    size_t count = 0;
    *why_not = "no keys are configured";
    if (store->signing_table)
        count = find_in_tables(store, arena, address, author, out, max, why_not);
    if (count == 0 && store->options.key_directory) {
        const char *why_no_file;
        count = find_in_directory(store, arena, author, out, max, &why_no_file);
        if (count == 0 && !store->signing_table)
            *why_not = why_no_file;
    }
    if (!*why_not)
        *why_not = "out of memory";
    return count;
}

/* ---- all of them ---- */

/* The one author that a SigningTable pattern is about: "example.com", "user@example.com",
 * "*@example.com". DOMAIN_NONE when there may be several. */
static struct domain author_of_pattern(struct arena *arena, struct bytes pattern)
{
    struct domain domain = domain_of_address(arena, pattern);
    return bytes_find(pattern, '@') < pattern.len ? domain : domain_parse(arena, pattern);
}

/* Rows that stand for one key; the others come by way of the SigningTable. */
static bool each_row(struct key_store *store, struct arena *arena,
                     bool (*each)(void *context, const struct key_place *place), void *context)
{
    size_t count;
    const struct key_row *rows = key_table_rows(store->key_table, &count);
    const struct signing_row *patterns = signing_table_rows(store->signing_table, &count);
    size_t pattern_count = count;
    struct key_place place;
    key_table_rows(store->key_table, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].for_any_author || rows[i].shadowed)
            continue;
        if (place_of_row(store, arena, &rows[i], DOMAIN_NONE, &place) && !each(context, &place))
            return false;
    }
    for (size_t i = 0; i < pattern_count; i++) {
        struct bytes name = patterns[i].key_name;
        struct domain author = DOMAIN_NONE;
        if (bytes_is(name, "%")) {
            author = author_of_pattern(arena, patterns[i].pattern);
            name = domain_bytes(author);
        }
        const struct key_row *row = key_table_find(store->key_table, name);
        if (!row || !row->for_any_author)
            continue;
        author = author_of_pattern(arena, patterns[i].pattern);
        if (!domain_is_none(author) && place_of_row(store, arena, row, author, &place) &&
            !each(context, &place))
            return false;
    }
    return true;
}

static bool each_file(struct key_store *store, struct arena *arena,
                      bool (*each)(void *context, const struct key_place *place), void *context)
{
    for (size_t i = 0; i < store->domains.count; i++) {
        struct key_domain *row = &store->domains.rows[i];
        struct key_place places[CANDIDATES_MAX];
        bool below = row->name.data[0] == '.';
        struct domain domain =
            domain_parse(arena, bytes_slice(row->name, below ? 1 : 0, row->name.len));
        size_t count =
            domain_is_none(domain) ? 0 : list_domain(store, arena, row, places, CANDIDATES_MAX);
        for (size_t k = 0; k < count; k++) {
            places[k].domain = domain;
            if (!each(context, &places[k]))
                return false;
        }
    }
    return true;
}

bool key_candidates_each(struct key_store *store, struct arena *arena,
                         bool (*each)(void *context, const struct key_place *place), void *context)
{
    bool more = !store->key_table || each_row(store, arena, each, context);
    if (more && store->options.key_directory)
        each_file(store, arena, each, context);
    return !arena_failed(arena);
}

struct counting {
    size_t count, max;
};

static bool count_one(void *context, const struct key_place *place)
{
    struct counting *counting = context;
    (void)place;
    return ++counting->count <= counting->max;
}

size_t key_candidates_count(struct key_store *store, size_t max)
{
    struct counting counting = {.max = max};
    if (store->domains.count > max)
        return max + 1; /* without looking into each */
    struct arena *arena = arena_new((size_t)256 << 20);
    if (!arena || !key_candidates_each(store, arena, count_one, &counting))
        counting.count = max + 1;
    arena_free(arena);
    return counting.count;
}
