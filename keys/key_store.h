/* key_store.h - the private keys that sign: found by author, read from files, kept.
 *
 * A store is made from options: KeyTable and SigningTable, or KeyDirectory, or
 * both (the tables are asked first). What it was made from does not change; a
 * reload makes a new one from new options, takes over what is known of keys whose
 * files are the same, and drops the old one when its last user is gone. When a new one
 * cannot be made the old one stays.
 *
 * Keys are read when they are first needed, so that a start takes as long as reading
 * the tables. At most `keys_kept` decoded keys are held; the least recently used go
 * first. A key file that cannot be used harms its own domain alone: that mail goes
 * out without that signature, and the log says so once.
 *
 * Threads: any. One lock, held for table lookups and never while a file is read.
 */
#ifndef ASSAY_KEY_STORE_H
#define ASSAY_KEY_STORE_H

#include "key_rotation.h"
#include "key_source.h"

#include <sys/types.h>

enum {
    KEYS_PRELOADED = 1000,         /* so many keys are read at start, with the rights of then */
    KEYS_KEPT = 10000,             /* decoded keys in memory; an RSA-2048 key takes about 10 kB */
    KEYS_REMEMBERED = 200000,      /* keys whose state is remembered; about 300 octets each */
    KEY_STORE_ERROR = 1024,        /* octets of an error text, with NUL */
    KEY_TABLE_FILE_MAX = 64 << 20, /* octets of a KeyTable or SigningTable */
};

enum key_store_level {
    KEY_STORE_ERROR_LINE,   /* a key cannot be used */
    KEY_STORE_WARNING_LINE, /* works, but should be mended */
    KEY_STORE_INFO_LINE,
};

/* Everything is copied; NULL, 0 and false mean what is said here. */
struct key_store_options {
    const char *key_directory; /* KeyDirectory: absolute path; NULL: none */
    const char *key_table;     /* KeyTable, as table_source_parse() has it; NULL: none */
    const char *signing_table; /* SigningTable; needs key_table, and the reverse */
    bool multiple_signatures;  /* MultipleSignatures: all matches of the table sign */
    bool unsafe_keys_warn;     /* UnsafeKeys warn */
    unsigned minimum_bits;     /* RSA keys with fewer do not sign; 0: RSA_BITS_MIN */
    uid_t reader_uid;          /* whoever will read keys later: UserID, or who we are */
    gid_t reader_gid;
    size_t keys_kept;       /* 0: KEYS_KEPT */
    size_t keys_remembered; /* 0: KEYS_REMEMBERED */
    /* Called from any thread, without a lock held; at most a few times a key. NULL: silent. */
    void (*log)(void *context, enum key_store_level level, const char *line);
    void *log_context;
};

struct key_store;

/* A store with one reference; `previous` (may be NULL) lends what it knows. NULL with
 * error[KEY_STORE_ERROR]: "file:line: what was found, what is allowed". */
struct key_store *key_store_new(const struct key_store_options *options, struct key_store *previous,
                                char *error);

struct key_store *key_store_ref(struct key_store *store);

/* The last one frees; NULL is allowed. Keys that were handed out live on. */
void key_store_unref(struct key_store *store);

/* Reads all keys now, if there are at most KEYS_PRELOADED; they are kept for good. To be
 * called with the rights of the start, before they are dropped. True when that was
 * done; false when there are more, or their number cannot be known: they are then
 * read when needed, by the reader, and the log says so. */
bool key_store_preload(struct key_store *store);

/* For evaluation; lives as long as the store. */
struct key_source *key_store_source(struct key_store *store);

/* One key, as `assay keys` shows it. */
struct key_info {
    struct domain domain, selector;
    const char *location;  /* path, or "KeyTable:line" */
    const char *algorithm; /* "rsa-sha256", ...; "" when it cannot be used */
    unsigned bits;
    const char *problem; /* why it cannot be used; "" */
    enum key_state state;
    const char *reason; /* why it is not published; "" */
    int64_t checked;    /* seconds since 1970; 0: never */
    bool signs;         /* it is the one that signs now, of its domain and algorithm */
    const char *record; /* what the DNS should have; "" when the key cannot be used */
};

/* Calls each(context, info) for every key that the options name and that passes the
 * filter (NULL: all do), in their order; reads them if need be. Not those of a KeyTable row with
 * "%" whose authors cannot be known. False when out of memory. */
bool key_store_each(struct key_store *store, const struct key_filter *filter,
                    void (*each)(void *context, const struct key_info *info), void *context);

struct key_store_stats {
    size_t remembered; /* keys known, used or not */
    size_t kept;       /* decoded keys in memory */
    size_t reads;      /* key files read */
};

struct key_store_stats key_store_stats(struct key_store *store);

#endif
