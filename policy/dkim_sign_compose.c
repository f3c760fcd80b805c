/* dkim_sign_compose.c - the text of a DKIM-Signature field; see dkim_sign_compose.h. */
#include "dkim_sign_compose.h"

#include "base64.h"

#include <inttypes.h>

enum {
    LINE_OCTETS = 78,  /* RFC 5322 2.1.1 */
    FIRST_COLUMN = 16, /* behind "DKIM-Signature: " */
    BEHIND_TAB = 1,
};

/* Writes pieces that may not be broken; folds between them. */
struct folder {
    struct strbuf *out;
    size_t column;
    bool begun; /* the line has a tag */
};

static void fold(struct folder *folder)
{
    strbuf_puts(folder->out, "\n\t");
    folder->column = BEHIND_TAB;
    folder->begun = false;
}

/* Appends a tag, in front of it a space or a fold. NULL, out of memory, is
 * remembered by the arena. */
static void add_tag(struct folder *folder, const char *tag)
{
    size_t len = bytes_of(tag).len;
    if (folder->begun && folder->column + 1 + len > LINE_OCTETS)
        fold(folder);
    if (folder->begun) {
        strbuf_putc(folder->out, ' ');
        folder->column++;
    }
    strbuf_puts(folder->out, tag);
    folder->column += len;
    folder->begun = true;
}

/* h=, which may be folded behind every colon (RFC 6376 3.5). */
static void add_names(struct folder *folder, const struct bytes *names, size_t count)
{
    strbuf_puts(folder->out, "h=");
    folder->column += 2;
    for (size_t i = 0; i < count; i++) {
        if (folder->column + names[i].len + 1 > LINE_OCTETS)
            fold(folder);
        strbuf_bytes(folder->out, names[i]);
        strbuf_putc(folder->out, i + 1 < count ? ':' : ';');
        folder->column += names[i].len + 1;
    }
}

/* RFC 6376 2.11 dkim-quoted-printable. UTF-8 could stay as it is (RFC 8616),
 * but would make the field an internationalized one. */
static void add_quoted_printable(struct strbuf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c > ' ' && c <= '~' && c != ';' && c != '=')
            strbuf_putc(out, c);
        else
            strbuf_printf(out, "=%02X", (unsigned)(unsigned char)c);
    }
}

struct bytes dkim_sign_encode_identity(struct arena *arena, struct bytes address)
{
    struct domain domain = domain_of_address(arena, address);
    struct strbuf text;
    size_t at = address.len;
    strbuf_init(&text, arena);
    while (at > 0 && address.data[at - 1] != '@')
        at--;
    add_quoted_printable(&text, bytes_slice(address, 0, at));
    strbuf_puts(&text, domain_text(domain));
    return strbuf_view(&text);
}

static const char *canonicalization(bool relaxed)
{
    return relaxed ? "relaxed" : "simple";
}

static const char *body_hash_text(struct arena *arena, const uint8_t *hash)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    base64_encode(&text, hash, SHA256_OCTETS);
    return strbuf_string(&text);
}

void dkim_sign_compose(struct strbuf *out, const struct signature_content *content)
{
    struct arena *arena = out->arena;
    struct folder folder = {out, FIRST_COLUMN, false};
    add_tag(&folder, "v=1;");
    add_tag(&folder, arena_printf(arena, "a=%s;", content->algorithm));
    add_tag(&folder, arena_printf(arena, "c=%s/%s;", canonicalization(content->relaxed_header),
                                  canonicalization(content->relaxed_body)));
    add_tag(&folder, arena_printf(arena, "d=%s;", domain_text(content->domain)));
    add_tag(&folder, arena_printf(arena, "s=%s;", domain_text(content->selector)));
    fold(&folder);
    add_tag(&folder, arena_printf(arena, "t=%" PRId64 ";", content->time));
    if (content->expiry)
        add_tag(&folder, arena_printf(arena, "x=%" PRId64 ";", content->expiry));
    if (content->identity.len)
        add_tag(&folder, arena_printf(arena, "i=%.*s;", BYTES_ARGS(content->identity)));
    add_tag(&folder, arena_printf(arena, "bh=%s;", body_hash_text(arena, content->body_hash)));
    fold(&folder);
    add_names(&folder, content->names, content->name_count);
    fold(&folder);
    strbuf_puts(out, "b=");
}

void dkim_sign_add_signature(struct strbuf *out, const uint8_t *signature, size_t len)
{
    struct strbuf text;
    strbuf_init(&text, out->arena);
    base64_encode(&text, signature, len);
    struct bytes rest = strbuf_view(&text);
    for (size_t column = BEHIND_TAB + 2; rest.len > 0; column = BEHIND_TAB) {
        size_t line = LINE_OCTETS - column;
        strbuf_bytes(out, bytes_slice(rest, 0, line));
        rest = bytes_slice(rest, line, rest.len);
        if (rest.len)
            strbuf_puts(out, "\n\t");
    }
}
