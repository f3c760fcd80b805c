/* mime.c - the parts of a mail; see mime.h.
 *
 * The list of parts is at the same time the list of what is still to be opened: the parts of a
 * multipart are put behind it, and the walk comes to them next. So nothing recurses, and each
 * octet is looked at once for each level, of which there are at most MIME_DEPTH_MAX.
 */
#include "mime.h"

#include "mime_codec.h"

#include <string.h>

struct reader {
    struct arena *arena;
    size_t count; /* parts */
    bool cut;     /* a bound was reached */
};

/* ---- one part ---- */

static enum mime_encoding encoding_of(struct bytes value)
{
    static const char *const identity[] = {"", "7bit", "8bit", "binary", "7-bit", "8-bit"};
    for (size_t i = 0; i < sizeof(identity) / sizeof(identity[0]); i++) {
        if (bytes_is(value, identity[i]))
            return MIME_IDENTITY;
    }
    if (bytes_is(value, "base64"))
        return MIME_BASE64;
    return bytes_is(value, "quoted-printable") ? MIME_QUOTED_PRINTABLE : MIME_UNKNOWN;
}

static struct bytes file_name_of(struct arena *arena, const struct mime_header *header)
{
    struct bytes value, name;
    mime_header_find(header, "Content-Disposition", &value);
    if (!mime_value_parameter(arena, value, "filename", &name) || name.len == 0) {
        mime_header_find(header, "Content-Type", &value);
        mime_value_parameter(arena, value, "name", &name);
    }
    return mime_text(arena, name);
}

static bool is_kind(struct bytes type, const char *kind)
{
    return bytes_starts_nocase(type, bytes_of(kind));
}

static bool is_message(struct bytes type)
{
    return bytes_is(type, "message/rfc822") || bytes_is(type, "message/global");
}

static struct bytes default_type(const struct mime_part *parent)
{
    /* RFC 2046 5.1.5 */
    return parent && bytes_is(parent->type, "multipart/digest") ? BYTES("message/rfc822")
                                                                : BYTES("text/plain");
}

/* A new part behind `before`; returns it, or NULL at a bound. */
static struct mime_part *add_part(struct reader *reader, const struct mime_part *parent,
                                  struct mime_part *before, struct bytes text)
{
    if (reader->count == MIME_PARTS_MAX) {
        reader->cut = true;
        return NULL;
    }
    struct mime_part *part = arena_alloc(reader->arena, sizeof(*part));
    struct bytes value;
    if (!part)
        return NULL;
    reader->count++;
    part->parent = parent;
    part->depth = parent ? parent->depth + 1 : 0;
    part->content = mime_header_read(reader->arena, text, &part->header);
    mime_header_find(&part->header, "Content-Type", &value);
    part->type = mime_value_head(reader->arena, value);
    if (bytes_find(part->type, '/') == part->type.len) /* none, or RFC 1049's */
        part->type = default_type(parent);
    mime_header_find(&part->header, "Content-Transfer-Encoding", &value);
    part->encoding = encoding_of(mime_value_head(reader->arena, value));
    part->file_name = file_name_of(reader->arena, &part->header);
    if (before) {
        part->next = before->next;
        before->next = part;
    }
    return part;
}

/* ---- multiparts ---- */

enum line_kind { LINE_TEXT, LINE_DELIMITER, LINE_CLOSE };

/* RFC 2046 5.1.1: "--" boundary, for the last one "--", blanks. */
static enum line_kind kind_of(struct bytes line, struct bytes boundary)
{
    if (line.len < boundary.len + 2 || line.data[0] != '-' || line.data[1] != '-' ||
        memcmp(line.data + 2, boundary.data, boundary.len) != 0)
        return LINE_TEXT;
    struct bytes rest = bytes_slice(line, boundary.len + 2, line.len);
    bool closes = rest.len >= 2 && rest.data[0] == '-' && rest.data[1] == '-';
    rest = bytes_trim(bytes_slice(rest, closes ? 2 : 0, rest.len));
    if (rest.len)
        return LINE_TEXT;
    return closes ? LINE_CLOSE : LINE_DELIMITER;
}

/* Takes text up to the next delimiter, and that line, too. The line end in front of it is the
 * delimiter's. At the end of the text: as if closed there. */
static enum line_kind take_part(struct bytes *text, struct bytes boundary, struct bytes *part)
{
    struct bytes rest = *text;
    enum line_kind kind = LINE_TEXT;
    while (rest.len && kind == LINE_TEXT) {
        size_t end = bytes_find(rest, '\n');
        kind = kind_of(bytes_slice(rest, 0, end), boundary);
        *part = (struct bytes){text->data, (size_t)(rest.data - text->data)};
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    if (kind == LINE_TEXT) {
        *part = *text;
        *text = BYTES_EMPTY;
        return LINE_CLOSE;
    }
    if (part->len && part->data[part->len - 1] == '\n')
        part->len--;
    if (part->len && part->data[part->len - 1] == '\r')
        part->len--;
    *text = rest;
    return kind;
}

static void open_multipart(struct reader *reader, struct mime_part *multipart)
{
    struct bytes value, boundary, text = multipart->content, part;
    mime_header_find(&multipart->header, "Content-Type", &value);
    mime_value_parameter(reader->arena, value, "boundary", &boundary);
    if (boundary.len == 0 || take_part(&text, boundary, &part) != LINE_DELIMITER)
        return; /* the preamble was all there is */
    struct mime_part *before = multipart;
    enum line_kind kind;
    do {
        kind = take_part(&text, boundary, &part);
        if (kind == LINE_CLOSE && part.len == 0)
            return;
        struct mime_part *added = add_part(reader, multipart, before, part);
        if (!added)
            return;
        before = added;
    } while (kind == LINE_DELIMITER);
}

static void open_message(struct reader *reader, struct mime_part *message)
{
    struct bytes text;
    /* RFC 2046 5.2.1 forbids an encoding here; some encode. */
    if (mime_decode(reader->arena, message, &text))
        add_part(reader, message, message, text);
}

struct mime_part *mime_read(struct arena *arena, struct bytes mail, bool *cut)
{
    struct reader reader = {.arena = arena};
    struct mime_part *first = add_part(&reader, NULL, NULL, mail);
    for (struct mime_part *part = first; part; part = part->next) {
        bool multipart = is_kind(part->type, "multipart/");
        bool message = is_message(part->type);
        if ((multipart || message) && part->depth == MIME_DEPTH_MAX)
            reader.cut = true;
        else if (multipart)
            open_multipart(&reader, part);
        else if (message)
            open_message(&reader, part);
    }
    if (cut)
        *cut = reader.cut;
    return first;
}

bool mime_decode(struct arena *arena, const struct mime_part *part, struct bytes *out)
{
    *out = BYTES_EMPTY;
    switch (part->encoding) {
    case MIME_IDENTITY:
        *out = part->content;
        return true;
    case MIME_BASE64:
        *out = mime_decode_base64(arena, part->content);
        return !arena_failed(arena);
    case MIME_QUOTED_PRINTABLE:
        *out = mime_decode_quoted(arena, part->content, false);
        return !arena_failed(arena);
    case MIME_UNKNOWN:
        break;
    }
    return false;
}
