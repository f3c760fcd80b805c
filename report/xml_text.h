/* xml_text.h - text from strangers in a form that XML 1.0 and mail can hold. */
#ifndef ASSAY_XML_TEXT_H
#define ASSAY_XML_TEXT_H

#include "strbuf.h"

/* Appends text as valid UTF-8 out of the characters that XML 1.0 allows (its production 2, Char):
 * each octet that is no part of such a character becomes U+FFFD, and so does each character
 * that XML cannot hold, escaped or not (controls but HTAB, LF and CR; U+FFFE; U+FFFF). Markup is
 * not escaped. */
void xml_text_add(struct strbuf *buf, struct bytes text);

/* The same on one line: HTAB, LF, CR and the other controls (U+007F to U+009F, U+2028, U+2029)
 * become a space each. */
void xml_text_add_line(struct strbuf *buf, struct bytes text);

#endif
