/* dns_zone_entry.h - the entries of a master file, one after the other (RFC 1035 5.1).
 *
 * An entry is a record or a directive, over as many lines as its parentheses span. It is
 * handed out on one line, without comments and parentheses, its words separated by one space;
 * a space in front means: no owner name. Quotes and escapes stay as they are.
 */
#ifndef ASSAY_DNS_ZONE_ENTRY_H
#define ASSAY_DNS_ZONE_ENTRY_H

#include "bytes.h"

#include <stdio.h>

enum { DNS_ZONE_ENTRY_MAX = 65535 }; /* octets of one entry: what libldns takes */

struct dns_zone_entry {
    FILE *file;                        /* where from; not owned */
    int lines;                         /* lines taken so far */
    int line;                          /* where the entry begins, from 1 */
    const char *problem;               /* what is wrong with it, static text; NULL: nothing */
    bool gap;                          /* a space is due before the next octet */
    size_t len;                        /* octets of text */
    char text[DNS_ZONE_ENTRY_MAX + 1]; /* NUL-terminated */
};

/* Takes the next entry that is not blank; an entry with a problem is cut short. False
 * at the end of the file. */
bool dns_zone_entry_next(struct dns_zone_entry *entry);

/* Takes one word off the text of an entry. A quoted string is one word. */
struct bytes dns_zone_entry_word(struct bytes *text);

#endif
