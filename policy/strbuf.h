/* strbuf.h - a string that grows in an arena.
 *
 * Failure is sticky: after one failed growth all further calls do nothing and
 * the content reads as empty (the arena remembers the failure too).
 */
#ifndef ASSAY_STRBUF_H
#define ASSAY_STRBUF_H

#include "arena.h"

struct strbuf {
    struct arena *arena; /* where the octets live; not owned */
    char *data;          /* NUL-terminated, NULL before the first octet */
    size_t len;          /* octets, the NUL not counted */
    size_t capacity;     /* octets allocated */
    bool failed;
};

/* An empty string in arena. */
void strbuf_init(struct strbuf *buf, struct arena *arena);

/* Room for at least `len` more octets at once, for who writes them himself and then calls
 * strbuf_took(), or knows what is to come. NULL when out of memory. */
char *strbuf_room(struct strbuf *buf, size_t len);

/* `len` octets were written to where strbuf_room() said. */
void strbuf_took(struct strbuf *buf, size_t len);

void strbuf_add(struct strbuf *buf, const void *data, size_t len);
void strbuf_bytes(struct strbuf *buf, struct bytes view);
void strbuf_puts(struct strbuf *buf, const char *string);
void strbuf_putc(struct strbuf *buf, char octet);
/* Strings one behind the other, up to NULL: what printf() would do with "%s%s", for a tenth. */
void strbuf_join(struct strbuf *buf, const char *first, ...) __attribute__((sentinel));
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends at most `max` octets of text from a stranger, so that it can stand in
 * a log line, a reply or a header comment: every octet that is not printable
 * ASCII becomes "?"; what is left out becomes "...". */
void strbuf_printable(struct strbuf *buf, struct bytes text, size_t max);

/* Shortens the content to len octets; longer than it is: nothing. */
void strbuf_truncate(struct strbuf *buf, size_t len);

/* The content, NUL-terminated, valid until the next change; "" after a failure. */
const char *strbuf_string(const struct strbuf *buf);

/* The content as a view, valid until the next change. */
struct bytes strbuf_view(const struct strbuf *buf);

#endif
