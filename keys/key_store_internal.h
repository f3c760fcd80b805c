/* key_store_internal.h - what the parts of the key store share; for keys/ alone. */
#ifndef ASSAY_KEY_STORE_INTERNAL_H
#define ASSAY_KEY_STORE_INTERNAL_H

#include "key_directory.h"
#include "key_file.h"
#include "key_store.h"
#include "key_table.h"
#include "signing_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum {
    CANDIDATES_MAX = 64,         /* keys considered for one author */
    KEY_LIST_MEMORY = 512 << 20, /* octets, for going through all keys */
};

/* Which key it is: whose, and where it is to be had. */
struct key_place {
    struct domain domain, selector;
    const char *location; /* the path of a file, or the key itself */
    bool is_path;
    const char *shown; /* for messages: the path, or "KeyTable:line" */
    int64_t since;     /* keys in a table: the table's time, ns since 1970 */
};

/* ---- key_reading.c: one key, from its file or its table ---- */

struct key_reading {
    struct signing_key *key;     /* a reference; NULL: see problem */
    const char *problem;         /* in arena; with a key: a warning; "" */
    enum key_file_status status; /* KEY_FILE_READ also for a key that is no good */
    struct key_file_stamp stamp;
    bool unchanged; /* nothing was read: what is known still holds */
};

struct key_entry;

/* `known` is a copy of what the entry said; only looked at. Called without the lock. */
struct key_reading key_reading_make(struct key_store *store, struct arena *arena,
                                    const struct key_place *place, const struct key_entry *known);

/* ---- key_entries.c: keys that are known, decoded or not ---- */

/* One key. Everything but `place` is under the store's lock. */
struct key_entry {
    struct key_place place; /* its strings stand behind the entry */
    uint32_t hash;
    struct key_entry *hash_next;
    TAILQ_ENTRY(key_entry) used;  /* all entries, the most recently used first */
    TAILQ_ENTRY(key_entry) kept;  /* those whose key may be given up, likewise */
    TAILQ_ENTRY(key_entry) queue; /* waiting for their first check */
    struct signing_key *key;      /* NULL: not decoded, or given up */
    bool is_kept, is_queued;
    bool preloaded; /* cannot be read again: never given up */
    bool inherited; /* from the store before: to be compared with its file */
    bool told;      /* a passing failure has been logged */
    unsigned bits;  /* 0: never decoded */
    const char *algorithm;
    char *problem; /* malloc'ed; why it cannot be used; NULL: it can, or was not tried */
    struct key_file_stamp stamp;
    enum key_state state;
    const char *reason;      /* static */
    int64_t checked, due_us; /* epoch seconds and monotonic clock; 0: never */
    bool wanted;             /* a message has asked for it since the last check */
};

TAILQ_HEAD(key_entry_list, key_entry);

struct key_entries {
    struct key_entry **buckets;
    size_t bucket_count; /* a power of two */
    struct key_entry_list used, kept, queue;
    size_t count, kept_count, reads;
    int64_t scanned_us;  /* when all were last looked through for checks that are due */
    pthread_cond_t work; /* the queue has got its first entry, or somebody called */
};

/* A key in hand: what is needed of an entry, without the lock. */
struct held_key {
    struct signing_key *key; /* a reference; NULL: cannot be used */
    const char *problem;     /* in arena; "" */
    const char *algorithm;
    unsigned bits;
    enum key_state state;
    const char *reason;
    int64_t since; /* ns since 1970 */
    int64_t checked;
};

enum key_use {
    KEY_USE_MESSAGE, /* somebody wants to sign */
    KEY_USE_PRELOAD,
    KEY_USE_CHECK,
};

bool key_entries_init(struct key_store *store);
void key_entries_destroy(struct key_store *store);

/* Takes over what `previous` knows. */
void key_entries_inherit(struct key_store *store, struct key_store *previous);

/* The key at a place, read if need be. */
void key_entries_take(struct key_store *store, struct arena *arena, const struct key_place *place,
                      enum key_use use, struct held_key *out);

/* Places whose check is due, at most max; their strings live in arena. Those that do not
 * pass the filter (NULL: all do) are forgotten. */
size_t key_entries_due(struct key_store *store, struct arena *arena, int64_t now_us,
                       const struct key_filter *filter, struct key_place *out, size_t max);

bool key_filter_passes(const struct key_filter *filter, const struct key_place *place);

/* What the check of a place has brought. KEY_UNKNOWN leaves an earlier state. */
void key_entries_checked(struct key_store *store, const struct key_place *place,
                         enum key_state state, const char *reason, int64_t now_us, int64_t epoch,
                         bool quiet);

/* Waits until there may be something due, *stop is set, or so many ms have gone. */
void key_entries_wait(struct key_store *store, int milliseconds, const atomic_bool *stop);
void key_entries_wake(struct key_store *store);

/* ---- key_candidates.c: which keys there are for an author ---- */

struct key_candidate {
    struct key_place place;
    struct bytes identity; /* empty, or within place.domain */
};

/* The directory of a domain; name and index live in the store's arena. */
struct key_domain {
    struct bytes name;              /* "example.com", ".example.com" */
    struct key_domain_files *files; /* malloc'ed; under the lock; NULL: not read yet */
};

struct key_domains {
    struct key_domain *rows;
    size_t count;
    struct table_index index;
};

/* Reads the names in KeyDirectory. False with `problem`. */
bool key_domains_read(struct key_store *store, struct strbuf *problem);
void key_domains_inherit(struct key_store *store, struct key_store *previous);
void key_domains_destroy(struct key_store *store);

/* All keys that the options name for the author, best match first. 0 with *why_not. */
size_t key_candidates_find(struct key_store *store, struct arena *arena, struct bytes address,
                           struct domain author, struct key_candidate *out, size_t max,
                           const char **why_not);

/* Calls each() for every place that the options name, until it returns false. False when
 * out of memory. */
bool key_candidates_each(struct key_store *store, struct arena *arena,
                         bool (*each)(void *context, const struct key_place *place), void *context);

/* Keys that key_candidates_each() would come across, counted up to `max` + 1. */
size_t key_candidates_count(struct key_store *store, size_t max);

/* ---- key_store.c ---- */

struct table_file {
    const char *path;      /* NULL: a list in the configuration */
    const char *directory; /* relative paths in it start here */
    const char *shown;     /* "KeyTable" or the path, for messages */
    int64_t modified_ns;
    const char *unsafe; /* why keys in it are not used; NULL: they are */
};

struct key_store {
    struct key_source source; /* first: store_of() */
    atomic_uint references;
    struct arena *arena; /* options, tables, names of directories */
    struct key_store_options options;
    struct key_file_rules rules;
    struct table_file key_file, signing_file;
    struct key_table *key_table;         /* NULL: none */
    struct signing_table *signing_table; /* set with key_table */
    struct key_domains domains;
    pthread_mutex_t lock; /* of all below */
    struct key_entries entries;
};

/* Logs one line; not to be called with the lock held. */
void key_store_log(struct key_store *store, enum key_store_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
