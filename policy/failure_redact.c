/* failure_redact.c - a header without what is nobody's business; see failure_redact.h. */
#include "failure_redact.h"

#include "rfc5322.h"
#include "taglist.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { FOLD_AT = 76 }; /* octets of a line that can be folded */

/* ---- addresses ---- */

/* RFC 6590 3: a hash under a secret, or whoever knows a user could look for him. */
static void put_hash(struct strbuf *out, const uint8_t *key, struct bytes local)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (!HMAC(EVP_sha256(), key, FAILURE_KEY_OCTETS, (const unsigned char *)local.data, local.len,
              hash, NULL)) {
        arena_fail(out->arena);
        return;
    }
    for (size_t i = 0; i < FAILURE_HASH_OCTETS; i++) {
        strbuf_putc(out, digits[hash[i] >> 4]);
        strbuf_putc(out, digits[hash[i] & 0xf]);
    }
}

void failure_redact_address(struct strbuf *out, const uint8_t *key, struct bytes address)
{
    size_t at = address.len; /* octets up to and with the last "@" */
    while (at > 0 && address.data[at - 1] != '@')
        at--;
    struct bytes local = bytes_slice(address, 0, at ? at - 1 : address.len);
    if (local.len)
        put_hash(out, key, local);
    if (at) {
        strbuf_putc(out, '@');
        strbuf_bytes(out, bytes_slice(address, at, address.len));
    }
}

/* ---- text with addresses in it ---- */

static bool is_local_octet(int octet)
{
    return rfc5322_is_atext(octet) || octet == '.';
}

/* Takes a quoted string with its quotes; what is not closed goes to the end. */
static struct bytes take_quoted(struct cursor *cursor)
{
    const char *start = cursor->pos;
    cursor_next(cursor);
    while (!cursor_at_end(cursor)) {
        int octet = cursor_next(cursor);
        if (octet == '\\')
            cursor_next(cursor);
        else if (octet == '"')
            break;
    }
    cursor->failed = false; /* a backslash at the very end */
    return cursor_since(cursor, start);
}

/* Takes a comment; nesting is counted. What is not closed goes to the end. */
static struct bytes take_comment(struct cursor *cursor)
{
    const char *start = cursor->pos;
    size_t depth = 0;
    while (!cursor_at_end(cursor)) {
        int octet = cursor_next(cursor);
        if (octet == '\\')
            cursor_next(cursor);
        else if (octet == '(')
            depth++;
        else if (octet == ')' && --depth == 0)
            break;
    }
    cursor->failed = false;
    return cursor_since(cursor, start);
}

/* The octets "smtp.mailfrom=" that stand before a value. */
static size_t key_length(struct bytes run)
{
    size_t equals = bytes_find(run, '=');
    return equals < run.len ? equals + 1 : 0;
}

/* Text in which an address may stand anywhere. */
struct scan {
    struct strbuf *out;
    const uint8_t *key;
    bool keyed; /* values follow "name=" */
};

/* A run of octets that a local part may have; `at`: an "@" follows. */
static void put_run(const struct scan *scan, struct bytes run, bool at)
{
    size_t prefix = scan->keyed ? key_length(run) : 0;
    struct bytes name = bytes_slice(run, 0, prefix);
    struct bytes value = bytes_slice(run, prefix, run.len);
    bool account = bytes_is(name, "smtp.auth="); /* a user name, also without a domain */
    strbuf_bytes(scan->out, name);
    if (value.len && (at || account))
        put_hash(scan->out, scan->key, value);
    else
        strbuf_bytes(scan->out, value);
}

static void put_text(const struct scan *scan, struct bytes text)
{
    struct cursor cursor = cursor_of(text);
    while (!cursor_at_end(&cursor)) {
        struct bytes run = cursor_run(&cursor, is_local_octet);
        if (run.len) {
            put_run(scan, run, cursor_peek(&cursor) == '@');
        } else if (cursor_peek(&cursor) == '"') {
            struct bytes quoted = take_quoted(&cursor);
            if (cursor_peek(&cursor) == '@') /* a quoted local part (RFC 5322 3.4.1) */
                put_hash(scan->out, scan->key, quoted);
            else /* other people's words */
                strbuf_puts(scan->out, "\"\"");
        } else {
            strbuf_putc(scan->out, (char)cursor_next(&cursor));
        }
    }
}

/* "http:" and "https:" so that nobody can click on them (RFC 9991 7.3). */
static struct bytes without_links(struct arena *arena, struct bytes text)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    strbuf_bytes(&out, text);
    for (size_t i = 0; i + 5 < out.len; i++) {
        struct bytes rest = {out.data + i, out.len - i};
        if (bytes_starts_nocase(rest, BYTES("http:")) || bytes_starts_nocase(rest, BYTES("https:")))
            out.data[i + 1] = out.data[i + 2] = 'x';
    }
    return strbuf_view(&out);
}

/* ---- kinds of fields ---- */

typedef void field_writer(const struct scan *scan, struct bytes value);

/* "a@example.com, b@example.net": names and comments go. */
static void put_addresses(const struct scan *scan, struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    struct bytes local = BYTES_EMPTY;
    size_t before = scan->out->len;
    while (!cursor_at_end(&cursor)) {
        int octet = cursor_peek(&cursor);
        if (octet == '@') {
            cursor_next(&cursor);
            struct bytes domain = cursor_run(&cursor, is_local_octet);
            if (local.len == 0)
                continue;
            strbuf_puts(scan->out, scan->out->len > before ? ", " : "");
            put_hash(scan->out, scan->key, local);
            strbuf_putc(scan->out, '@');
            strbuf_bytes(scan->out, domain);
            local = BYTES_EMPTY;
        } else if (octet == '"') {
            local = take_quoted(&cursor);
        } else if (octet == '(') {
            take_comment(&cursor);
        } else {
            local = cursor_run(&cursor, is_local_octet);
            if (local.len == 0)
                cursor_next(&cursor);
        }
    }
}

/* Comments go, but for those with an address literal when `literals`: that is where MTAs write
 * the client down. They write the login name into others. */
static void put_without_comments(const struct scan *scan, struct bytes value, bool literals)
{
    struct cursor cursor = cursor_of(value);
    const char *start = cursor.pos;
    while (!cursor_at_end(&cursor)) {
        int octet = cursor_peek(&cursor);
        if (octet == '"') {
            take_quoted(&cursor);
        } else if (octet == '(') {
            struct bytes before = cursor_since(&cursor, start);
            struct bytes comment = take_comment(&cursor);
            if (literals && bytes_find(comment, '[') < comment.len)
                continue;
            put_text(scan, before);
            start = cursor.pos;
        } else {
            cursor_next(&cursor);
        }
    }
    put_text(scan, cursor_since(&cursor, start));
}

static void put_trace(const struct scan *scan, struct bytes value)
{
    put_without_comments(scan, value, true);
}

static void put_results(const struct scan *scan, struct bytes value)
{
    put_without_comments(scan, value, false);
}

/* All tags but z=, which copies header fields (RFC 6376 3.5). */
static void put_signature(const struct scan *scan, struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    struct tag tag;
    enum taglist_item item;
    while ((item = taglist_next(&cursor, &tag)) != TAGLIST_END) {
        if (item == TAGLIST_MALFORMED || bytes_equal(tag.name, BYTES("z")))
            continue;
        strbuf_bytes(scan->out, tag.name);
        strbuf_putc(scan->out, '=');
        if (bytes_find(tag.value, '@') < tag.value.len) /* i=; that of ARC is a number */
            failure_redact_address(scan->out, scan->key, tag.value);
        else
            strbuf_bytes(scan->out, tag.value);
        strbuf_puts(scan->out, "; ");
    }
}

static void put_plain(const struct scan *scan, struct bytes value)
{
    strbuf_bytes(scan->out, value);
}

static const struct {
    const char *name;
    field_writer *put;
    bool keyed;
} told[] = {
    {"Received", put_trace, false},
    {"Return-Path", put_addresses, false},
    {"Authentication-Results", put_results, true},
    {"Received-SPF", put_results, true},
    {"DKIM-Signature", put_signature, true},
    {"ARC-Authentication-Results", put_results, true},
    {"ARC-Message-Signature", put_signature, true},
    {"ARC-Seal", put_signature, true},
    {"From", put_addresses, false},
    {"Sender", put_addresses, false},
    {"Reply-To", put_addresses, false},
    {"To", put_addresses, false},
    {"Cc", put_addresses, false},
    {"Resent-From", put_addresses, false},
    {"Resent-Sender", put_addresses, false},
    {"Resent-To", put_addresses, false},
    {"Resent-Cc", put_addresses, false},
    {"Date", put_plain, false},
    {"Message-ID", put_plain, false}, /* what the domain owner's own log knows it by */
    {"MIME-Version", put_plain, false},
    {"Auto-Submitted", put_plain, false},
    {"List-Id", put_trace, false},
};

/* ---- writing ---- */

/* Without controls; octets beyond ASCII stay (RFC 6532). */
static void put_word(struct strbuf *out, struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        unsigned char octet = (unsigned char)word.data[i];
        strbuf_putc(out, octet < ' ' || octet == 0x7f ? '?' : word.data[i]);
    }
}

/* Runs of white space are a place to fold; one space stays of them. */
static void put_folded(struct strbuf *out, struct bytes name, struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    size_t line = name.len + 1;
    strbuf_bytes(out, name);
    strbuf_putc(out, ':');
    for (;;) {
        cursor_skip_fws(&cursor);
        const char *start = cursor.pos;
        while (!cursor_at_end(&cursor) && !is_fws(cursor_peek(&cursor)))
            cursor_next(&cursor);
        struct bytes word = cursor_since(&cursor, start);
        if (word.len == 0)
            break;
        if (line > 0 && line + 1 + word.len > FOLD_AT) {
            strbuf_puts(out, "\r\n");
            line = 0;
        }
        strbuf_putc(out, ' ');
        put_word(out, word);
        line += 1 + word.len;
    }
    strbuf_puts(out, "\r\n");
}

void failure_redact_field(struct strbuf *out, const uint8_t *key, struct bytes name,
                          struct bytes value)
{
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (!bytes_is(name, told[i].name))
            continue;
        struct strbuf text;
        strbuf_init(&text, out->arena);
        const struct scan scan = {&text, key, told[i].keyed};
        told[i].put(&scan, value);
        put_folded(out, bytes_of(told[i].name), without_links(out->arena, strbuf_view(&text)));
        return;
    }
}
