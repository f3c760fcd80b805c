/* spf_identity.h - who is checked: the initial processing of check_host()
 * (RFC 7208 2.4, 4.1, 4.3), shared by the check and the prefetch. */
#ifndef ASSAY_SPF_IDENTITY_H
#define ASSAY_SPF_IDENTITY_H

#include "spf.h"
#include "spf_macro.h"

struct spf_identity {
    const char *problem;            /* NULL, or why there is nothing to check: result none */
    bool null_sender;               /* the reverse-path was empty */
    bool internationalized;         /* local part with non-ASCII octets (RFC 8616 4) */
    struct domain domain;           /* the domain to check; none when there is no valid one */
    struct spf_macro_values values; /* all but domain, epoch and validated_name set */
};

/* Fills *out from request; strings live in arena. */
void spf_identity_of(struct arena *arena, const struct spf_request *request,
                     struct spf_identity *out);

/* Text for reasons and reports: at most `max` octets of view, what is not printable
 * ASCII replaced by "?", "..." behind what was cut. Never NULL. */
const char *spf_printable(struct arena *arena, struct bytes view, size_t max);

#endif
