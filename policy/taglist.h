/* taglist.h - the tag=value lists of DKIM, ARC and DMARC (RFC 6376 3.2).
 *
 *   tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
 *   tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *
 * Names and values are views into the parsed text, folding white space at
 * their ends removed. Names are case-sensitive (RFC 6376 3.2).
 */
#ifndef ASSAY_TAGLIST_H
#define ASSAY_TAGLIST_H

#include "arena.h"
#include "cursor.h"

struct tag {
    struct bytes name;  /* ALPHA *(ALPHA / DIGIT / "_") */
    struct bytes value; /* may be empty; may hold FWS inside */
};

struct taglist {
    struct tag *tags; /* in the order of the text; lives in the arena */
    size_t count;
};

enum taglist_item {
    TAGLIST_END,       /* nothing but FWS was left */
    TAGLIST_TAG,       /* one tag was read */
    TAGLIST_MALFORMED, /* the piece up to the next ";" is no tag-spec; it was skipped */
};

/* Reads one tag-spec and the ";" behind it. Lenient callers (DMARC 4.7) skip
 * malformed pieces, strict ones (DKIM) give up at the first. */
enum taglist_item taglist_next(struct cursor *cursor, struct tag *tag);

/* Parses a whole list strictly. NULL when it is well-formed, else a short
 * static text that says what is wrong ("tag appears twice", ...). At most
 * `max_tags` tags. Out of memory is reported like a syntax error; the arena
 * remembers it. */
const char *taglist_parse(struct arena *arena, struct bytes text, size_t max_tags,
                          struct taglist *out);

/* The value of the tag `name`, or NULL when the list does not have it. */
const struct bytes *taglist_find(const struct taglist *list, const char *name);

#endif
