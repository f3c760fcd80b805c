/* sendmail_form.h - address fields as Sendmail sends them on.
 *
 * Sendmail shows its milters the fields as it received them, and then writes those that
 * hold addresses anew: ", " between addresses, quotes around a name with a
 * special character in it (O'Neil, J. Doe). A signature has to cover what is sent.
 *
 * This is not from an RFC; it is what Sendmail 8.17 does with its default of
 * MustQuoteChars. Folds differ as well, which only relaxed canonicalization stands.
 */
#ifndef ASSAY_SENDMAIL_FORM_H
#define ASSAY_SENDMAIL_FORM_H

#include "arena.h"

/* The value of field `name` as it will be sent, but for folds and runs of white space; `value`
 * is what follows the colon. Other fields, and what cannot be read as a list of
 * addresses, come back as they are. Empty when out of memory. */
struct bytes sendmail_form(struct arena *arena, struct bytes name, struct bytes value);

#endif
