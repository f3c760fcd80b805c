/* authres_parse.c - reading Authentication-Results, RFC 8601 2.2.
 *
 * One function per grammar rule over a cursor. What large receivers write and
 * the grammar does not have is read too, since the results of a trusted
 * forwarder must be understood: see the list at authres_parse() in authres.h.
 * None of it touches the authserv-id, on which authres_claims() relies.
 */
#include "authres.h"

#include "cursor.h"
#include "rfc5322.h"

#include <stdint.h>
#include <string.h>

enum {
    ENTRIES_MAX = 100,   /* resinfo in one field: several times what is seen in practice */
    PROPERTIES_MAX = 50, /* propspec in one resinfo */
    VERSION_KNOWN = 1,   /* RFC 8601 2.2 */
};

struct reader {
    struct arena *arena;
    struct cursor cursor;
    struct authres *out;
    size_t room; /* elements of out->entries */
};

static bool is_keyword(int octet)
{
    return is_alnum(octet) || octet == '-';
}

static bool is_local_octet(int octet)
{
    return rfc5322_is_token(octet) || rfc5322_is_atext(octet);
}

static bool is_domain_octet(int octet)
{
    return is_keyword(octet) || octet == '_' || octet == '.' || octet >= 0x80;
}

static bool is_digit_octet(int octet)
{
    return is_digit(octet);
}

/* Keyword = Ldh-str (RFC 5321 4.1.2): ends with a letter or digit. */
static struct bytes read_keyword(struct cursor *cursor)
{
    struct bytes word = cursor_run(cursor, is_keyword);
    if (word.len == 0 || word.data[word.len - 1] == '-')
        cursor_fail(cursor);
    return word;
}

static unsigned read_number(struct cursor *cursor)
{
    struct bytes digits = cursor_run(cursor, is_digit_octet);
    unsigned long long number = UINT32_MAX; /* too long: surely not a version that we know */
    if (digits.len == 0)
        cursor_fail(cursor);
    bytes_to_number(digits, UINT32_MAX, &number);
    return (unsigned)number;
}

/* The view, or failure when it is no UTF-8 (RFC 6532 3). */
static struct bytes checked(struct cursor *cursor, struct bytes text)
{
    if (rfc5322_is_utf8(text))
        return text;
    cursor_fail(cursor);
    return BYTES_EMPTY;
}

/* value = token / quoted-string (RFC 2045 5.1). */
static struct bytes read_value(struct reader *reader)
{
    struct cursor *cursor = &reader->cursor;
    if (cursor_peek(cursor) == '"')
        return rfc5322_unquote(reader->arena, checked(cursor, rfc5322_quoted_string(cursor)));
    struct bytes token = checked(cursor, rfc5322_token(cursor));
    if (token.len == 0)
        cursor_fail(cursor);
    return token;
}

/* pvalue = value / [[local-part] "@"] domain-name. An address is given back as
 * it stands, also when its local part is a quoted-string. */
static struct bytes read_pvalue(struct reader *reader)
{
    struct cursor *cursor = &reader->cursor;
    const char *start = cursor->pos;
    if (cursor_peek(cursor) == '"') {
        struct bytes content = rfc5322_quoted_string(cursor);
        if (cursor_peek(cursor) != '@')
            return rfc5322_unquote(reader->arena, checked(cursor, content));
    } else {
        cursor_run(cursor, is_local_octet);
    }
    if (cursor_accept(cursor, '@') && cursor_run(cursor, is_domain_octet).len == 0)
        cursor_fail(cursor);
    struct bytes value = checked(cursor, cursor_since(cursor, start));
    if (value.len == 0)
        cursor_fail(cursor);
    return value;
}

/* reasonspec / propspec, and the CFWS behind it. A name without property
 * ("action=none") is read and forgotten. */
static void read_item(struct reader *reader, struct authres_entry *entry,
                      struct authres_property *properties)
{
    struct cursor *cursor = &reader->cursor;
    struct bytes name = read_keyword(cursor);
    struct bytes property = BYTES_EMPTY;
    rfc5322_skip_cfws(cursor);
    bool has_property = cursor_accept(cursor, '.');
    if (has_property) {
        rfc5322_skip_cfws(cursor);
        property = read_keyword(cursor);
        rfc5322_skip_cfws(cursor);
    }
    cursor_expect(cursor, '=');
    rfc5322_skip_cfws(cursor);
    struct bytes value = read_pvalue(reader);
    rfc5322_skip_cfws(cursor);
    if (has_property && entry->property_count == PROPERTIES_MAX)
        cursor_fail(cursor);
    else if (has_property)
        properties[entry->property_count++] = (struct authres_property){name, property, value};
    else if (bytes_is(name, "reason") && entry->reason.len == 0)
        entry->reason = value;
}

/* method "=" result; method = Keyword [ "/" 1*DIGIT ]. */
static void read_methodspec(struct cursor *cursor, struct authres_entry *entry)
{
    entry->method = read_keyword(cursor);
    entry->method_version = 1;
    rfc5322_skip_cfws(cursor);
    if (cursor_accept(cursor, '/')) {
        rfc5322_skip_cfws(cursor);
        entry->method_version = read_number(cursor);
        rfc5322_skip_cfws(cursor);
    }
    cursor_expect(cursor, '=');
    rfc5322_skip_cfws(cursor);
    entry->result = read_keyword(cursor);
    rfc5322_skip_cfws(cursor);
}

/* resinfo without the ";" before it. */
static void read_resinfo(struct reader *reader)
{
    struct authres_property properties[PROPERTIES_MAX];
    struct authres_entry entry = {.reason = BYTES_EMPTY};
    struct cursor *cursor = &reader->cursor;
    read_methodspec(cursor, &entry);
    while (!cursor_at_end(cursor) && cursor_peek(cursor) != ';')
        read_item(reader, &entry, properties);
    if (cursor->failed)
        return;
    if (entry.property_count) {
        entry.properties =
            arena_array(reader->arena, entry.property_count, sizeof(*entry.properties));
        if (entry.properties)
            memcpy(entry.properties, properties, entry.property_count * sizeof(*properties));
    }
    if (reader->out->entry_count == reader->room || (entry.property_count && !entry.properties))
        cursor_fail(cursor);
    else
        reader->out->entries[reader->out->entry_count++] = entry;
}

/* no-result without the ";" before it: "none" and nothing behind. */
static bool read_no_result(struct cursor *cursor)
{
    struct cursor ahead = *cursor;
    if (!bytes_is(read_keyword(&ahead), "none"))
        return false;
    rfc5322_skip_cfws(&ahead);
    cursor_accept(&ahead, ';');
    rfc5322_skip_cfws(&ahead);
    if (ahead.failed || !cursor_at_end(&ahead))
        return false;
    *cursor = ahead;
    return true;
}

/* no-result / 1*resinfo. */
static void read_results(struct reader *reader)
{
    struct cursor *cursor = &reader->cursor;
    bool found = false;
    while (cursor_accept(cursor, ';')) {
        rfc5322_skip_cfws(cursor);
        if (cursor_at_end(cursor))
            break;
        if (found || !read_no_result(cursor))
            read_resinfo(reader);
        found = true;
    }
    if (!found)
        cursor_fail(cursor);
}

/* [CFWS] authserv-id [CFWS authres-version]. */
static void read_head(struct reader *reader)
{
    struct cursor *cursor = &reader->cursor;
    struct authres *out = reader->out;
    rfc5322_skip_cfws(cursor);
    out->authserv_id = read_value(reader);
    rfc5322_skip_cfws(cursor);
    struct cursor ahead = *cursor;
    if (!is_digit(cursor_peek(&ahead)))
        return;
    unsigned version = read_number(&ahead);
    if (rfc5322_is_token(cursor_peek(&ahead))) /* "2x" is no version */
        return;
    *cursor = ahead;
    out->has_version = true;
    out->version = version;
    rfc5322_skip_cfws(cursor);
}

/* Room for one entry per ";". */
static void make_room(struct reader *reader)
{
    struct bytes rest = cursor_rest(&reader->cursor);
    for (size_t i = 0; i < rest.len && reader->room < ENTRIES_MAX; i++)
        reader->room += rest.data[i] == ';';
    reader->out->entries = arena_array(reader->arena, reader->room, sizeof(*reader->out->entries));
    if (!reader->out->entries)
        cursor_fail(&reader->cursor);
}

bool authres_parse(struct arena *arena, struct bytes value, struct authres *out)
{
    struct reader reader = {.arena = arena, .cursor = cursor_of(value), .out = out};
    *out = (struct authres){.authserv_id = BYTES_EMPTY, .version = VERSION_KNOWN};
    read_head(&reader);
    if (out->version != VERSION_KNOWN) /* RFC 8601 2.2: what follows has an unknown meaning */
        return false;
    make_room(&reader);
    read_results(&reader);
    if (!reader.cursor.failed && cursor_at_end(&reader.cursor))
        return true;
    out->entries = NULL;
    out->entry_count = 0;
    return false;
}
