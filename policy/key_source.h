/* key_source.h - where the keys come from that sign a message.
 *
 * The seam between evaluation, which knows who the author is, and the store of
 * keys, which knows files and threads (keys/key_store.h). policy/ sees this much
 * of a store; tests put a small one of their own in its place.
 *
 * Whether a message is to be signed at all is not asked here: that is decided by
 * where it comes from, never by the domain that its From field claims.
 */
#ifndef ASSAY_KEY_SOURCE_H
#define ASSAY_KEY_SOURCE_H

#include "dkim_sign.h"

struct key_source {
    /* The signatures that a message of this author is to get, in the order in
     * which they are to be made: at most one for each algorithm of a domain.
     *
     * author_address  "local@domain" as in struct author: the local part as meant
     * author          the same domain; must not be DOMAIN_NONE
     * out, max        room for the orders; more than max are left out
     *
     * Each order's `key` is a reference that the caller gives back with
     * signing_key_unref(). Domains, selectors and identities live in `arena`, or
     * as long as the source does. `identity` is empty or lies within `domain`.
     *
     * Returns the number of orders. 0: *why_not is one line that says why ("no
     * SigningTable entry for example.com", "no usable key: ..."); it lives in the
     * arena or is static; it is "" otherwise. 0 with a failed arena: out of memory.
     *
     * Safe from any thread. May read a small file when a key is needed for the
     * first time; never waits for DNS. */
    size_t (*find)(struct key_source *source, struct arena *arena, struct bytes author_address,
                   struct domain author, struct signature_order *out, size_t max,
                   const char **why_not);
};

#endif
