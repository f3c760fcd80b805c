/* dkim_fields.h - the header fields of one message, as DKIM hashes them.
 *
 * Verifier and signer collect the same octets in the same way.
 */
#ifndef ASSAY_DKIM_FIELDS_H
#define ASSAY_DKIM_FIELDS_H

#include "arena.h"

/* One header field, with CRLF folds and without final CRLF. */
struct dkim_header_field {
    struct bytes text; /* "Name:value"; white space may stand before the colon */
    size_t name_len;   /* octets of the name without that white space */
};

struct dkim_fields {
    struct arena *arena;             /* where all of it lives; not owned */
    struct dkim_header_field *items; /* in the order of the message */
    size_t count, capacity;
    size_t octets; /* of all fields seen */
    size_t maximum_fields, maximum_octets;
    const char *unusable; /* why no hash over these fields can be right; NULL: it can */
};

/* No fields yet; at most so many, with so many octets, will be kept. */
void dkim_fields_init(struct dkim_fields *fields, struct arena *arena, size_t maximum_fields,
                      size_t maximum_octets);

/* Adds a field. `value` is what follows the colon, exactly as received; folds
 * may be LF or CRLF. True when it is items[count - 1] now: a field that no h=
 * can name is left out, one beyond the limits makes the header unusable. */
bool dkim_fields_add(struct dkim_fields *fields, struct bytes name, struct bytes value);

/* "Name:value" with every line end as CRLF, in arena; empty when out of memory. */
struct bytes dkim_field_text(struct arena *arena, struct bytes name, struct bytes value);

/* The name as it was received. */
struct bytes dkim_field_name(struct dkim_header_field field);

/* What follows the colon. */
struct bytes dkim_field_value(struct dkim_header_field field);

/* True for a name that h= can list (RFC 5322 2.2 without ";"). */
bool dkim_field_name_valid(struct bytes name);

#endif
