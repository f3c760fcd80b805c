/* key_record.h - the TXT record that publishes a key, RFC 6376 3.6.1, as people need it. */
#ifndef ASSAY_KEY_RECORD_H
#define ASSAY_KEY_RECORD_H

#include "signing_key.h"

enum {
    KEY_RECORD_STRING = 255, /* octets of one character-string (RFC 1035 3.3) */
};

/* Appends "v=DKIM1; k=rsa; p=...": the record as one string, as web forms want it. */
void key_record_text(const struct signing_key *key, struct strbuf *out);

/* Appends the record in the form of a zone file, a line end behind it: the text in quoted
 * strings of at most KEY_RECORD_STRING octets, in brackets when there are several. */
void key_record_zone(struct domain selector, struct domain domain, struct bytes text,
                     struct strbuf *out);

#endif
