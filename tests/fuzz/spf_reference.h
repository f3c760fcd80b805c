/* spf_reference.h - check_host() of RFC 7208 once more, in the plainest way, to compare with.
 *
 * Shares with the real one: parsing of records, macros, who is checked, and the
 * session. Not shared: libspf2, prefetching, frames, the order of evaluation,
 * matching, limits, include and redirect.
 */
#ifndef ASSAY_TESTS_SPF_REFERENCE_H
#define ASSAY_TESTS_SPF_REFERENCE_H

#include "spf.h"

/* What spf_check() should give. */
enum auth_result spf_reference(struct dns_session *session, struct arena *arena,
                               const struct spf_request *request);

#endif
