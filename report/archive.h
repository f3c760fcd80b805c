/* archive.h - gzip and zip, unpacked in memory and within bounds.
 *
 * gzip (RFC 1952) by zlib, which compares the checksum (libarchive does not); zip by libarchive
 * with every other format switched off. Nothing is ever written to a file. The names in an archive
 * are names and no paths.
 */
#ifndef ASSAY_ARCHIVE_H
#define ASSAY_ARCHIVE_H

#include "bytes.h"

#include <stdint.h>

enum {
    ARCHIVE_ENTRIES_MAX = 1000,   /* of one archive */
    ARCHIVE_RATIO_MAX = 250,      /* octets out of one octet; XML reports have 10 to 60 */
    ARCHIVE_RATIO_FROM = 4 << 20, /* octets out, from where on the ratio is looked at */
    ARCHIVE_WHY_MAX = 200,        /* octets of an error text, with NUL */
};

enum archive_kind { ARCHIVE_NONE, ARCHIVE_GZIP, ARCHIVE_ZIP };

/* By the first octets. */
enum archive_kind archive_kind(struct bytes octets);

/* One file: its name as it stands in the archive (any octets; empty: gzip), what is in it.
 * Both until this returns. */
typedef void archive_fn(void *context, struct bytes name, struct bytes octets);

/* Calls `each` for each file that could be unpacked as a whole. *budget: octets that may still
 * come out, less by what came out; shared by archives in archives. False with
 * why[ARCHIVE_WHY_MAX], one line for a sentence ("the gzip file is cut short"), when something is
 * damaged or over a bound; what was found before was given to `each`. */
bool archive_unpack(struct bytes octets, uint64_t *budget, archive_fn *each, void *context,
                    char *why);

#endif
