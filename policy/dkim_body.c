/* dkim_body.c - canonical form and hash of a body; see dkim_body.h.
 *
 * Lines that are canonical as they stand, nearly all of them, are found with
 * memchr() and hashed where they lie; only the others are walked octet by octet.
 * Line ends and white space wait until it is known that text follows.
 */
#include "dkim_body.h"

#include "digest.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

enum {
    HELD_OCTETS = 512, /* single octets are collected before they are hashed */
};

struct dkim_body {
    bool relaxed;
    bool after_cr;        /* the last octet was CR */
    bool white_space;     /* relaxed: SP or HTAB not yet put out */
    bool bare;            /* see dkim_body_is_bare() */
    bool failed;          /* libcrypto */
    uint64_t limit;       /* octets to hash */
    uint64_t octets;      /* put out so far, up to the last octet that is no line end */
    uint64_t empty_lines; /* line ends not yet put out */
    EVP_MD_CTX *digest;
    uint8_t hash[SHA256_OCTETS];
    size_t held_len;
    char held[HELD_OCTETS];
};

struct dkim_body *dkim_body_new(bool relaxed, uint64_t limit)
{
    struct dkim_body *body = calloc(1, sizeof(*body));
    if (!body)
        return NULL;
    body->relaxed = relaxed;
    body->limit = limit;
    body->digest = EVP_MD_CTX_new();
    if (!body->digest || EVP_DigestInit_ex2(body->digest, digest_algorithm(), NULL) != 1) {
        dkim_body_free(body);
        return NULL;
    }
    return body;
}

void dkim_body_free(struct dkim_body *body)
{
    if (!body)
        return;
    EVP_MD_CTX_free(body->digest);
    free(body);
}

bool dkim_body_serves(const struct dkim_body *body, bool relaxed, uint64_t limit)
{
    return body->relaxed == relaxed && body->limit == limit;
}

/* ---- putting out ---- */

static void digest(struct dkim_body *body, const char *octets, size_t len)
{
    if (EVP_DigestUpdate(body->digest, octets, len) != 1)
        body->failed = true;
}

static void digest_held(struct dkim_body *body)
{
    if (body->held_len)
        digest(body, body->held, body->held_len);
    body->held_len = 0;
}

static void put(struct dkim_body *body, const char *octets, size_t len)
{
    uint64_t room = body->limit > body->octets ? body->limit - body->octets : 0;
    body->octets += len;
    if (len > room) /* RFC 6376 3.4.5 */
        len = (size_t)room;
    if (len > HELD_OCTETS - body->held_len)
        digest_held(body);
    if (len > HELD_OCTETS) {
        digest(body, octets, len);
    } else {
        memcpy(body->held + body->held_len, octets, len);
        body->held_len += len;
    }
}

/* Text follows, so what stood before it counts. */
static void put_waiting(struct dkim_body *body)
{
    for (; body->empty_lines; body->empty_lines--)
        put(body, "\r\n", 2);
    if (body->white_space)
        put(body, " ", 1);
    body->white_space = false;
}

/* ---- octet by octet ---- */

static void add_text(struct dkim_body *body, char c)
{
    put_waiting(body);
    put(body, &c, 1);
}

static void add_lone_cr(struct dkim_body *body)
{
    body->after_cr = false;
    body->bare = true;
    add_text(body, '\r');
}

static void add_octet(struct dkim_body *body, char c)
{
    if (c == '\n' && body->after_cr) {
        body->after_cr = false;
        body->white_space = false; /* RFC 6376 3.4.4: at the end of a line */
        body->empty_lines++;
        return;
    }
    if (body->after_cr)
        add_lone_cr(body);
    if (c == '\r') {
        body->after_cr = true;
    } else if (body->relaxed && is_wsp(c)) {
        body->white_space = true;
    } else {
        body->bare = body->bare || c == '\n';
        add_text(body, c);
    }
}

/* ---- whole lines ---- */

/* Not zero when one of the eight octets in `word` is zero. */
static uint64_t zero_octets(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

/* HTAB, or two SP in a row: eight octets at a time, for this looks at all mail there is. */
static bool has_wide_space(const char *line, size_t len)
{
    const uint64_t spaces = UINT64_C(0x2020202020202020), tabs = UINT64_C(0x0909090909090909);
    size_t i = 0;
    for (; i + sizeof(uint64_t) < len; i += sizeof(uint64_t)) {
        uint64_t word, next;
        memcpy(&word, line + i, sizeof(word));
        memcpy(&next, line + i + 1, sizeof(next));
        if (zero_octets((word ^ spaces) | (next ^ spaces)) | zero_octets(word ^ tabs))
            return true;
    }
    for (; i < len; i++) {
        if (line[i] == '\t' || (line[i] == ' ' && i + 1 < len && line[i + 1] == ' '))
            return true;
    }
    return false;
}

/* Canonical as it stands? `line` is without its CRLF, and not empty. */
static bool is_plain(const struct dkim_body *body, const char *line, size_t len)
{
    if (memchr(line, '\r', len))
        return false;
    return !body->relaxed || (!is_wsp(line[len - 1]) && !has_wide_space(line, len));
}

/* Takes plain lines, as many as there are; what it did not take. */
static struct bytes add_plain_lines(struct dkim_body *body, struct bytes chunk)
{
    const char *at = chunk.data, *end = chunk.data + chunk.len;
    const char *text_end = at, *line_end; /* text_end: of the last line, before its CRLF */
    while (at < end && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
        size_t len = (size_t)(line_end - at);
        if (len < 2 || line_end[-1] != '\r' || !is_plain(body, at, len - 1))
            break;
        text_end = line_end - 1;
        at = line_end + 1;
    }
    if (at > chunk.data) {
        put_waiting(body);
        put(body, chunk.data, (size_t)(text_end - chunk.data));
        body->empty_lines = 1;
    }
    return (struct bytes){at, (size_t)(end - at)};
}

void dkim_body_add(struct dkim_body *body, struct bytes chunk)
{
    while (chunk.len) {
        if (!body->after_cr && !body->white_space)
            chunk = add_plain_lines(body, chunk);
        size_t line = bytes_find(chunk, '\n'); /* the length when there is none */
        size_t count = line < chunk.len ? line + 1 : chunk.len;
        for (size_t i = 0; i < count; i++)
            add_octet(body, chunk.data[i]);
        chunk = bytes_slice(chunk, count, chunk.len);
    }
}

/* ---- the end ---- */

void dkim_body_end(struct dkim_body *body)
{
    if (body->after_cr)
        add_lone_cr(body);
    /* RFC 6376 3.4.3, 3.4.4: an empty body is CRLF when simple, nothing when relaxed. */
    if (body->octets > 0 || !body->relaxed)
        put(body, "\r\n", 2);
    digest_held(body);
    if (EVP_DigestFinal_ex(body->digest, body->hash, NULL) != 1)
        body->failed = true;
}

const uint8_t *dkim_body_hash(const struct dkim_body *body)
{
    return body->failed ? NULL : body->hash;
}

uint64_t dkim_body_octets(const struct dkim_body *body)
{
    return body->octets;
}

bool dkim_body_is_bare(const struct dkim_body *body)
{
    return body->bare;
}
