/* authres_claims.c - is this Authentication-Results field a forgery of ours?
 * RFC 8601 5.
 *
 * The grammar decides first. But whoever reads the field later may have a
 * sloppier parser than ours, so a second look asks what such a reader could
 * take for the authserv-id. To delete a foreign field in doubt costs little; to
 * leave a forged one costs everything.
 */
#include "authres.h"

#include "cursor.h"

#include <string.h>

enum {
    VERSION_KNOWN = 1,      /* RFC 8601 2.2 */
    NAME_MAX_OCTETS = 1024, /* octets looked at for an authserv-id; a domain name has up to 253 */
};

static bool is_name_octet(int octet)
{
    return is_alnum(octet) || octet == '-' || octet == '_' || octet == '.' || octet >= 0x80;
}

/* What a sloppy reader may step over in front of, or within, the name. */
static bool is_skipped_octet(int octet)
{
    return octet <= ' ' || octet == 0x7f || octet == '"' || octet == '\\';
}

static struct bytes without_final_dots(struct bytes name)
{
    while (name.len && name.data[name.len - 1] == '.')
        name.len--;
    return name;
}

/* One configured id against a name; an id need not be a domain name. */
static bool matches(struct arena *arena, struct bytes name, struct domain domain, const char *id)
{
    struct bytes ours = without_final_dots(bytes_of(id));
    if (ours.len > 1 && ours.data[0] == '.') {
        struct domain parent = domain_parse(arena, bytes_slice(ours, 1, ours.len));
        return domain_within(domain, parent);
    }
    return ours.len &&
           (bytes_equal_nocase(name, ours) || domain_equal(domain, domain_parse(arena, ours)));
}

/* True when name is one of ours. */
static bool is_ours(struct arena *arena, struct bytes name, const struct authserv_ids *ours)
{
    name = without_final_dots(bytes_trim(name));
    struct domain domain = domain_parse(arena, name);
    for (size_t i = 0; i < ours->count; i++) {
        if (matches(arena, name, domain, ours->ids[i]))
            return true;
    }
    return false;
}

/* Takes a comment, with any octets in it and nested to any depth; false, and
 * nothing taken, when it is not closed. */
static bool skip_comment(struct cursor *cursor)
{
    struct cursor ahead = *cursor;
    size_t depth = 0;
    do {
        int octet = cursor_next(&ahead);
        if (octet == '(')
            depth++;
        else if (octet == ')')
            depth--;
        else if (octet == '\\')
            cursor_next(&ahead);
    } while (depth && !ahead.failed);
    if (ahead.failed)
        return false;
    *cursor = ahead;
    return true;
}

/* A sloppy reader's way through a field. */
struct sloppy {
    struct cursor cursor;
    bool no_comments; /* a parenthesis was never closed: from here on none is a comment.
                         Keeps the time linear */
};

/* Steps over comments and what a reader may ignore. */
static void skip_to_name(struct sloppy *reader)
{
    struct cursor *cursor = &reader->cursor;
    for (;;) {
        cursor_run(cursor, is_skipped_octet);
        if (cursor_peek(cursor) != '(')
            return;
        if (!reader->no_comments)
            reader->no_comments = !skip_comment(cursor);
        if (reader->no_comments)
            cursor_accept(cursor, '(');
    }
}

/* True when text begins with an id of ours that is no domain name
 * ("My Gateway"), and goes on with something else than a letter or digit. */
static bool begins_with_phrase(struct bytes text, const struct authserv_ids *ours)
{
    for (size_t i = 0; i < ours->count; i++) {
        struct bytes id = bytes_of(ours->ids[i]);
        if (id.len && id.data[0] != '.' && bytes_starts_nocase(text, id) &&
            (text.len == id.len || !is_name_octet((unsigned char)text.data[id.len])))
            return true;
    }
    return false;
}

/* The name at the beginning, read on past what some readers drop
 * ("mx.exa\0mple.org", "mx\.example.org", "mx.(comment)example.org"). */
static bool is_ours_when_dropped(struct arena *arena, struct sloppy reader,
                                 const struct authserv_ids *ours)
{
    char name[NAME_MAX_OCTETS];
    size_t len = 0;
    for (;;) {
        struct bytes piece = cursor_run(&reader.cursor, is_name_octet);
        if (piece.len == 0 || piece.len > sizeof(name) - len)
            break;
        memcpy(name + len, piece.data, piece.len);
        len += piece.len;
        skip_to_name(&reader);
    }
    return is_ours(arena, (struct bytes){name, len}, ours);
}

/* An encoded-word (RFC 2047 2) has no place in an authserv-id (RFC 2047 5); but readers that
 * decode first see any name in it: header tests of Sieve (RFC 5228 2.7.2), Python's email. */
static bool has_encoded_word(struct bytes text)
{
    text = bytes_slice(text, 0, bytes_find(text, ';'));
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '=' && text.data[i + 1] == '?')
            return true;
    }
    return false;
}

/* True when a sloppy reader may find one of our ids at the beginning of text. */
static bool begins_like_ours(struct arena *arena, struct bytes text,
                             const struct authserv_ids *ours)
{
    struct sloppy reader = {.cursor = cursor_of(text)};
    skip_to_name(&reader);
    struct cursor ahead = reader.cursor;
    return is_ours(arena, cursor_run(&ahead, is_name_octet), ours) ||
           begins_with_phrase(cursor_rest(&reader.cursor), ours) ||
           has_encoded_word(cursor_rest(&reader.cursor)) ||
           is_ours_when_dropped(arena, reader, ours);
}

bool authres_claims(struct arena *arena, struct bytes value, const struct authserv_ids *ours)
{
    struct authres parsed;
    authres_parse(arena, value, &parsed);
    return parsed.version != VERSION_KNOWN || is_ours(arena, parsed.authserv_id, ours) ||
           begins_like_ours(arena, parsed.authserv_id, ours) ||
           begins_like_ours(arena, value, ours);
}
