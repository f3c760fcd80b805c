/* canonical_body.h - the canonical body of RFC 6376 3.4.3 and 3.4.4 as a text, to compare with.
 *
 * Written down from the RFC without a thought of speed. A CR or LF that stands alone is an octet
 * like any other.
 */
#ifndef ASSAY_TESTS_CANONICAL_BODY_H
#define ASSAY_TESTS_CANONICAL_BODY_H

#include "strbuf.h"

struct bytes canonical_body(struct arena *arena, struct bytes body, bool relaxed);

#endif
