/* author.h - the Author Domain, or the reason why there is none.
 *
 * RFC 9989 3.2.2 and 11.5: exactly one From field, with addresses of exactly
 * one domain, by the full grammar of RFC 5322 3.4, 4.4 (obsolete forms) and
 * RFC 6532 (UTF-8), RFC 6854 (groups). Whatever is not that grammar is invalid:
 * a lenient reader here is how DMARC is bypassed.
 */
#ifndef ASSAY_AUTHOR_H
#define ASSAY_AUTHOR_H

#include "domain.h"

enum author_status {
    AUTHOR_OK,         /* domain is set */
    AUTHOR_MISSING,    /* no From field */
    AUTHOR_REPEATED,   /* more than one From field */
    AUTHOR_SYNTAX,     /* the field does not parse */
    AUTHOR_NO_ADDRESS, /* parses, but holds no address (empty group) */
    AUTHOR_BAD_DOMAIN, /* an address has a domain literal or no valid domain name */
    AUTHOR_SEVERAL,    /* addresses of more than one domain */
};

struct author {
    enum author_status status;
    struct domain domain;   /* set when AUTHOR_OK */
    struct bytes address;   /* AUTHOR_OK: the first address, "local@domain": the local part as
                               meant (not quoted, may hold any octet but controls; left out when over
                               1,000 octets), the domain as above; else empty */
    const char *reason;     /* one line, says what was found; "" when AUTHOR_OK */
    size_t addresses;       /* addresses seen */
    struct domain *domains; /* AUTHOR_OK, AUTHOR_SEVERAL: the distinct domains */
    size_t domain_count;
};

/* Judges the From fields of a message: their values as received, in order.
 * Strings live in arena. */
void author_find(struct arena *arena, const struct bytes *values, size_t count, struct author *out);

#endif
