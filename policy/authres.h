/* authres.h - Authentication-Results, RFC 8601: reading and writing. */
#ifndef ASSAY_AUTHRES_H
#define ASSAY_AUTHRES_H

#include "domain.h"
#include "strbuf.h"

struct authres_property {
    struct bytes ptype, property; /* as written */
    struct bytes value;           /* unquoted */
};

struct authres_entry {
    struct bytes method;     /* as written, without version */
    unsigned method_version; /* default 1 */
    struct bytes result;
    struct bytes reason; /* unquoted; empty when absent */
    struct authres_property *properties;
    size_t property_count;
};

struct authres {
    struct bytes authserv_id; /* unquoted */
    unsigned version;         /* default 1 */
    bool has_version;
    struct authres_entry *entries; /* none for "; none" */
    size_t entry_count;
};

/* Parses the value of an Authentication-Results field (RFC 8601 2.2, comments
 * and folding allowed wherever CFWS is). False when it does not follow the
 * grammar, has a version other than 1, or more than 100 entries or 50 properties
 * in one; out->authserv_id is set all the same when that much could be read.
 * Lives in arena; views may point into value.
 *
 * Read although the grammar does not have it, because large receivers write it:
 * a ";" at the end; "name=value" without a property ("action=none"), which is
 * forgotten; "/", "=" and "?" in a bare value ("header.b=ab/cd+ef=="); "reason="
 * behind a property. */
bool authres_parse(struct arena *arena, struct bytes value, struct authres *out);

/* Names under which results of ours appear. Immutable. */
struct authserv_ids {
    const char *const *ids; /* NUL-terminated, as configured: the authserv-id and its aliases;
                               a leading "." matches the domain and everything below it */
    size_t count;
};

/* True when the field value claims to come from us and so is forged: its
 * authserv-id, after comments, quotes, case, final dot and IDN form are taken away, is
 * one of ours; or, parsable or not, its text or its authserv-id begins with one of
 * ours and goes on with something that cannot be in a domain name (a domain name that
 * merely begins like ours, "mx.example.org.other.example", is somebody else's); or an
 * encoded-word stands in it, which may say anything; or its version is not one we know
 * (RFC 8601 5). */
bool authres_claims(struct arena *arena, struct bytes value, const struct authserv_ids *ours);

/* Appends value as a pvalue: bare when it is a token, an e-mail address or
 * domain name, else as a quoted-string; octets that may not stand there
 * (controls, non-ASCII unless valid UTF-8 and `utf8`) become "?". */
void authres_write_value(struct strbuf *buf, struct bytes value, bool utf8);

#endif
