/* dkim_sign_compose.h - the text of a DKIM-Signature field, RFC 6376 3.5.
 *
 * Tags always come in the same order, in lines of at most 78 characters where
 * names allow it:
 *
 *   v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;
 *           t=1700000000; x=1700604800; i=@example.com;
 *           bh=...;
 *           h=from:from:to:to;
 *           b=...
 */
#ifndef ASSAY_DKIM_SIGN_COMPOSE_H
#define ASSAY_DKIM_SIGN_COMPOSE_H

#include "dkim_sign.h"

/* What the tags tell. */
struct signature_content {
    const char *algorithm; /* a= */
    bool relaxed_header, relaxed_body;
    struct domain domain, selector;
    struct bytes identity; /* i=, encoded; empty: no i= */
    int64_t time, expiry;  /* t=, x=; seconds since 1970; no x= when expiry is 0 */
    const struct bytes *names;
    size_t name_count; /* h= */
    const uint8_t *body_hash;
};

/* Appends the value up to and with "b=", folded with LF and tab. */
void dkim_sign_compose(struct strbuf *out, const struct signature_content *content);

/* Appends the value of b=. */
void dkim_sign_add_signature(struct strbuf *out, const uint8_t *signature, size_t len);

/* An address ("@sub.example.com", "user@example.com") encoded as the value of
 * i=, its domain in A-labels. Empty when out of memory. */
struct bytes dkim_sign_encode_identity(struct arena *arena, struct bytes address);

#endif
