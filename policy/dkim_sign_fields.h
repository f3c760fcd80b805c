/* dkim_sign_fields.h - which header fields a signature covers, RFC 6376 5.4. */
#ifndef ASSAY_DKIM_SIGN_FIELDS_H
#define ASSAY_DKIM_SIGN_FIELDS_H

#include "dkim_fields.h"
#include "dkim_sign.h"

/* The names for h=, in its order, and how many. From comes first, then
 * SignHeaders, then what only OversignHeaders names; a name stands there as many
 * times as the field is present, once more when it is oversigned; but Date and Message-ID
 * not at all when they are missing, since mail servers add them. The list fits
 * DKIM_SIGNED_FIELDS_MAX octets however it is folded: of a header that has more,
 * the physically last fields are covered. NULL when out of memory. */
struct bytes *dkim_sign_choose(struct arena *arena, const struct signing_settings *settings,
                               const struct dkim_fields *fields, size_t *count);

#endif
