/* spf_identity.c - who is checked; see spf_identity.h. */
#include "spf_identity.h"

#include "strbuf.h"

static bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}

/* A domain for macros: as it was given, but U-labels as A-labels (RFC 8616 4). */
static struct bytes for_macros(struct arena *arena, struct bytes text)
{
    if (is_ascii(text))
        return text;
    struct domain domain = domain_parse(arena, text);
    return domain_is_none(domain) ? text : domain_bytes(domain);
}

/* Splits the identity into local part and domain; "postmaster" stands in for
 * an empty local part (RFC 7208 4.3). */
static void split_sender(struct arena *arena, struct bytes address, struct spf_identity *out)
{
    struct spf_macro_values *values = &out->values;
    struct bytes local_part = BYTES_EMPTY;
    values->sender_domain = values->helo;
    if (address.len) {
        size_t at = address.len; /* octets up to and with the last "@" */
        while (at > 0 && address.data[at - 1] != '@')
            at--;
        local_part = bytes_slice(address, 0, at ? at - 1 : address.len);
        values->sender_domain =
            at ? for_macros(arena, bytes_slice(address, at, address.len)) : BYTES_EMPTY;
    }
    if (local_part.len == 0)
        local_part = BYTES("postmaster");
    out->internationalized = !is_ascii(local_part);

    struct strbuf sender;
    strbuf_init(&sender, arena);
    strbuf_bytes(&sender, local_part);
    strbuf_putc(&sender, '@');
    strbuf_bytes(&sender, values->sender_domain);
    values->sender = strbuf_view(&sender);
    values->local_part = bytes_slice(values->sender, 0, local_part.len);
    values->sender_domain =
        bytes_slice(values->sender, local_part.len + 1, values->sender_domain.len);
}

void spf_identity_of(struct arena *arena, const struct spf_request *request,
                     struct spf_identity *out)
{
    *out = (struct spf_identity){
        .null_sender = request->scope == SPF_SCOPE_MAIL_FROM && request->mail_from.len == 0,
        .values = {.client = request->client, .receiver = arena_bytes(arena, request->receiver)},
    };
    out->values.helo = for_macros(arena, arena_bytes(arena, request->helo));
    split_sender(arena, request->scope == SPF_SCOPE_MAIL_FROM ? request->mail_from : BYTES_EMPTY,
                 out);

    /* Malformed, not multi-label, or an address literal: none (RFC 7208 4.3). */
    struct domain domain = domain_parse(arena, out->values.sender_domain);
    if (domain.labels > 1)
        out->domain = domain;

    if (request->client.family == IP_NONE)
        out->problem = "client address is unknown";
    else if (ip_is_loopback(&request->client))
        out->problem = "loopback client is not checked";
    else if (!domain_is_none(out->domain))
        out->problem = NULL;
    else if (request->scope == SPF_SCOPE_HELO || out->null_sender)
        out->problem = "HELO name is not a fully qualified domain name";
    else
        out->problem = "MAIL FROM has no fully qualified domain name";
}

const char *spf_printable(struct arena *arena, struct bytes view, size_t max)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_printable(&buf, view, max);
    return strbuf_string(&buf);
}
