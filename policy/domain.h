/* domain.h - the one domain-name type.
 *
 * A `struct domain` is always in comparable form: A-labels (UTS 46 by
 * libidn2), ASCII lower case, no final dot, 1..253 octets, labels of 1..63
 * octets out of letters, digits, "-" and "_". Two domains are the same exactly
 * when their names are octet-wise equal. The name is NUL-terminated and lives
 * in the arena that domain_parse() was given (or in the parent's memory for
 * domains derived from another).
 */
#ifndef ASSAY_DOMAIN_H
#define ASSAY_DOMAIN_H

#include "arena.h"

enum {
    DOMAIN_MAX = 253,      /* octets in text form without final dot (RFC 1035 2.3.4) */
    DOMAIN_LABEL_MAX = 63, /* octets */
};

struct domain {
    const char *name; /* NULL: there is no domain */
    size_t len;       /* octets */
    size_t labels;    /* 1..127; 0 when there is no domain */
};

#define DOMAIN_NONE ((struct domain){NULL, 0, 0})

static inline bool domain_is_none(struct domain domain)
{
    return domain.len == 0;
}

/* Parses text as a domain name: U-labels become A-labels, one final dot is
 * dropped. DOMAIN_NONE when the text is no domain name (empty, empty label,
 * too long, an octet that is not allowed, invalid IDN, address literal) or
 * when out of memory. */
struct domain domain_parse(struct arena *arena, struct bytes text);

/* The domain part of an address "local@domain": what follows the last "@".
 * DOMAIN_NONE when there is no "@" or no valid domain. */
struct domain domain_of_address(struct arena *arena, struct bytes address);

bool domain_equal(struct domain a, struct domain b);

/* True when `name` equals `parent` or lies below it. */
bool domain_within(struct domain name, struct domain parent);

/* domain without its leftmost label; DOMAIN_NONE below a single label. */
struct domain domain_parent(struct domain domain);

/* The rightmost `labels` labels; the whole domain when it has no more. */
struct domain domain_tail(struct domain domain, size_t labels);

static inline struct bytes domain_bytes(struct domain domain)
{
    return domain.name ? (struct bytes){domain.name, domain.len} : BYTES_EMPTY;
}

/* The name for printf(); "" when there is none. */
static inline const char *domain_text(struct domain domain)
{
    return domain.name ? domain.name : "";
}

#endif
