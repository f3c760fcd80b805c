/* key_record.c - the TXT record that publishes a key; see key_record.h. */
#include "key_record.h"

void key_record_text(const struct signing_key *key, struct strbuf *out)
{
    strbuf_printf(
        out, "v=DKIM1; k=%s; p=", signing_key_type(key) == SIGNING_KEY_RSA ? "rsa" : "ed25519");
    signing_key_public(key, out);
}

void key_record_zone(struct domain selector, struct domain domain, struct bytes text,
                     struct strbuf *out)
{
    bool several = text.len > KEY_RECORD_STRING;
    strbuf_printf(out, "%s._domainkey.%s. IN TXT %s", domain_text(selector), domain_text(domain),
                  several ? "( " : "");
    for (size_t at = 0; at < text.len; at += KEY_RECORD_STRING) {
        struct bytes string = bytes_slice(text, at, KEY_RECORD_STRING);
        strbuf_printf(out, "%s\"%.*s\"", at ? "\n\t" : "", BYTES_ARGS(string));
    }
    strbuf_puts(out, several ? " )\n" : "\n");
}
