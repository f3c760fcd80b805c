/* key_files.h - a directory with key files for tests, and a store's log. */
#ifndef ASSAY_KEY_FILES_H
#define ASSAY_KEY_FILES_H

#include "fake_dns.h"
#include "key_store.h"

enum { KEY_FILES_LOG_LINES = 64 };

struct key_files {
    char directory[40]; /* made by key_files_new() */
    struct arena *arena;
    char *log[KEY_FILES_LOG_LINES]; /* "error ...", with the directory's name as "D" */
    size_t log_count;
};

struct key_files *key_files_new(void);
void key_files_free(struct key_files *files);

/* "directory/format", in the arena. */
const char *key_files_path(struct key_files *files, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes a file, making the directories above it; mode 0600. */
void key_files_write(struct key_files *files, const char *name, const char *text);

/* Writes a new private key. bits: of RSA; 0: Ed25519. age: seconds that the file is old. */
void key_files_key(struct key_files *files, const char *name, unsigned bits, long age);

/* The key record that belongs to it, "v=DKIM1; ...". */
const char *key_files_record(struct key_files *files, const char *name);

/* Puts that record into the DNS. */
void key_files_publish(struct key_files *files, struct fake_dns *dns, const char *selector,
                       const char *domain, const char *name);

/* Options with the log connected and ourselves as reader. */
struct key_store_options key_files_options(struct key_files *files);

/* The log's lines joined by "\n"; empties it. */
const char *key_files_take_log(struct key_files *files);

/* "d:s:algorithm ..." of what signs for an author, or "-: why not". */
const char *key_files_find(struct key_files *files, struct key_store *store, const char *address);

#endif
