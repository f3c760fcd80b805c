/* key_file.h - reading the file of a private key, and refusing one that is not private.
 *
 * Only the file counts, not the directories above it: it must not be readable or
 * writable by others, nor writable by its group. Symbolic links are followed, the
 * rules hold for what they lead to. The passwd and group databases are never
 * asked: users and groups are numbers here, in messages as well.
 */
#ifndef ASSAY_KEY_FILE_H
#define ASSAY_KEY_FILE_H

#include "strbuf.h"

#include <stdint.h>
#include <sys/types.h>

enum {
    KEY_FILE_MAX = 65536, /* octets; RSA-8192 takes 6 kB */
};

/* UnsafeKeys, and whom the files are for: the line that mends a file gives it to
 * that user. */
struct key_file_rules {
    bool warn_only; /* a file that is not private is read all the same */
    uid_t uid;      /* whoever reads the files when the service runs; 0: root reads anything */
    gid_t gid;
};

/* Which file it was, and in which version. */
struct key_file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;          /* octets */
    int64_t modified_ns; /* since 1970 */
    int64_t changed_ns;  /* of the inode: mode, owner, content */
};

enum key_file_status {
    KEY_FILE_READ,    /* problem is empty, or a warning */
    KEY_FILE_REFUSED, /* not private, too large, no file, missing: stays so until somebody acts */
    KEY_FILE_DENIED,  /* we may not read it */
    KEY_FILE_FAILED,  /* out of memory, of descriptors, ...: may work the next time */
};

/* Reads the file into content[KEY_FILE_MAX]; *len octets, which the caller wipes.
 * `problem` is overwritten: it begins with the path, and ends with the command that mends
 * the file, where one does. *stamp is set when there is a file. */
enum key_file_status key_file_read(const char *path, const struct key_file_rules *rules,
                                   char *content, size_t *len, struct key_file_stamp *stamp,
                                   struct strbuf *problem);

/* For a table that has keys in it: true when it is private. Else `problem`, as above. */
bool key_file_is_private(const char *path, const struct key_file_rules *rules,
                         struct strbuf *problem);

/* The stamp alone; false when the file cannot be looked at. */
bool key_file_look(const char *path, struct key_file_stamp *stamp);

bool key_file_same(const struct key_file_stamp *a, const struct key_file_stamp *b);

#endif
