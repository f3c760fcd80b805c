/* dkim_header_hash.c - the header hash of RFC 6376 3.7; see dkim_header_hash.h. */
#include "dkim_header_hash.h"

#include "digest.h"

/* CRLF in front of white space, or at the very end; any other CR or LF is an octet of the text. */
static bool is_fold(struct bytes text)
{
    return text.len > 1 && text.data[0] == '\r' && text.data[1] == '\n' &&
           (text.len == 2 || is_wsp(text.data[2]));
}

/* RFC 6376 3.4.2: no white space at both ends, lines unfolded, runs of white space made one
 * space. Never longer than `value`; returns the end. */
static char *put_relaxed(char *out, struct bytes value)
{
    const char *begin = out;
    bool space = false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c == '\r' && is_fold(bytes_slice(value, i, 3))) {
            i++;
        } else if (is_wsp(c)) {
            space = true;
        } else {
            if (space && out > begin)
                *out++ = ' ';
            *out++ = c;
            space = false;
        }
    }
    return out;
}

/* RFC 6376 3.4.2: name in lower case, no white space around the colon. */
static void add_relaxed(struct strbuf *buf, struct dkim_header_field field)
{
    struct bytes name = dkim_field_name(field); /* empty when there was no memory for the text */
    struct bytes value = dkim_field_value(field);
    char *begin = strbuf_room(buf, name.len + 1 + value.len), *out = begin;
    if (!begin)
        return;
    for (size_t i = 0; i < name.len; i++)
        *out++ = to_lower(name.data[i]);
    *out++ = ':';
    strbuf_took(buf, (size_t)(put_relaxed(out, value) - begin));
}

static void add_field(struct strbuf *buf, struct dkim_header_field field, bool relaxed)
{
    if (relaxed)
        add_relaxed(buf, field);
    else
        strbuf_bytes(buf, field.text);
}

struct bytes dkim_header_strip(struct arena *arena, struct bytes text)
{
    size_t start = bytes_find(text, ':') + 1;
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_room(&buf, text.len);
    strbuf_bytes(&buf, bytes_slice(text, 0, start));
    while (start < text.len) {
        struct bytes rest = bytes_slice(text, start, text.len);
        struct bytes tag = bytes_slice(rest, 0, bytes_find(rest, ';'));
        size_t equals = bytes_find(tag, '=');
        bool is_signature = bytes_equal(bytes_trim(bytes_slice(tag, 0, equals)), BYTES("b"));
        strbuf_bytes(&buf, is_signature ? bytes_slice(tag, 0, equals + 1) : tag);
        if (tag.len < rest.len)
            strbuf_putc(&buf, ';');
        start += tag.len + 1;
    }
    return strbuf_view(&buf);
}

/* RFC 6376 5.4.2: the last instance not yet taken; `count` when there is none. */
static size_t take_field(const struct dkim_header_field *fields, size_t count, bool *taken,
                         struct bytes name)
{
    for (size_t i = count; i > 0; i--) {
        if (!taken[i - 1] && bytes_equal_nocase(dkim_field_name(fields[i - 1]), name)) {
            taken[i - 1] = true;
            return i - 1;
        }
    }
    return count;
}

void dkim_header_cover(struct strbuf *out, const struct dkim_header_field *fields, size_t count,
                       size_t own, const struct bytes *names, size_t name_count, bool relaxed)
{
    bool *taken = arena_array(out->arena, count + 1, sizeof(*taken));
    if (!taken) {
        out->failed = true;
        return;
    }
    taken[own] = true; /* DKIM-Signature in h= never means the one being verified */
    for (size_t i = 0; i < name_count; i++) {
        size_t found = take_field(fields, count, taken, names[i]);
        if (found < count) {
            add_field(out, fields[found], relaxed);
            strbuf_add(out, "\r\n", 2);
        }
    }
}

bool dkim_header_digest(struct strbuf *covered, struct dkim_header_field signature, bool relaxed,
                        uint8_t out[SHA256_OCTETS])
{
    size_t len = covered->len;
    add_field(covered, signature, relaxed); /* RFC 6376 3.7: without CRLF */
    if (!digest_of(strbuf_view(covered), out))
        arena_fail(covered->arena);
    strbuf_truncate(covered, len);
    return !arena_failed(covered->arena);
}

/* Of all fields, with their CRLF: covered ones are no longer, and growing would copy. */
static size_t octets_of(const struct dkim_header_field *fields, size_t count)
{
    size_t octets = 0;
    for (size_t i = 0; i < count; i++)
        octets += fields[i].text.len + 2;
    return octets;
}

bool dkim_header_hash(struct arena *arena, const struct dkim_header_field *fields, size_t count,
                      size_t own, const struct dkim_signature_field *signature,
                      uint8_t out[SHA256_OCTETS])
{
    struct dkim_header_field self = fields[own];
    struct strbuf covered;
    strbuf_init(&covered, arena);
    strbuf_room(&covered, octets_of(fields, count));
    dkim_header_cover(&covered, fields, count, own, signature->signed_fields,
                      signature->signed_count, signature->relaxed_header);
    self.text = dkim_header_strip(arena, self.text);
    return dkim_header_digest(&covered, self, signature->relaxed_header, out) &&
           !arena_failed(arena);
}
