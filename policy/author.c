/* author.c - the Author Domain, or the reason why there is none; see author.h.
 *
 * An address-list of RFC 5322 3.4 with the obsolete forms of 4.4, read in one
 * pass, one function per rule. There is no second guess: text that another
 * reader might still take for an address is a syntax error here, since a
 * message whose readers disagree about its author is what an attacker wants.
 *
 * Tolerated beyond the grammar, because honest mail has it and no reader can be
 * led astray by it:
 * - octets from 0x80 on that are no UTF-8, and square brackets, in display names;
 * - an address as the display name, without quotes: a@b.example <a@b.example>.
 *   Both count as addresses, so it passes only when their domains are the same.
 */
#include "author.h"

#include "bounds.h"
#include "rfc5322.h"
#include "strbuf.h"

#include <string.h>

enum {
    DOMAIN_TEXT_MAX = 4 * DOMAIN_MAX, /* octets as written, U-labels being longer than A-labels */
    LOCAL_PART_TEXT_MAX = 1000,       /* octets as written; RFC 5321 4.5.3.1.1 allows 64 */
};

struct reader {
    struct arena *arena;
    struct cursor cursor;
    struct author *author;
    const char *syntax_error; /* what is wrong; NULL: nothing */
    const char *domain_error; /* the first address without a usable domain; NULL: none */
    size_t room;              /* elements of author->domains */
    size_t first;             /* the how many-th address is author->address, from 1 */
};

/* A run of words and dots: the display name or the local part, which of the
 * two tells only the octet behind it. */
struct phrase {
    bool is_phrase;     /* phrase or obs-phrase (3.2.5, 4.1): begins with a word */
    bool is_local_part; /* words with single dots between (3.4.1, obs-local-part 4.4) */
    bool is_utf8;       /* all words are UTF-8 */
    struct bytes text;  /* as written, with what stands between the words */
};

struct domain_text {
    char text[DOMAIN_TEXT_MAX];
    size_t len;
    bool too_long;
    bool literal; /* "[192.0.2.1]" */
};

static void fail(struct reader *reader, const char *why)
{
    if (!reader->syntax_error)
        reader->syntax_error = why;
    cursor_fail(&reader->cursor);
}

static void skip_cfws(struct reader *reader)
{
    rfc5322_skip_cfws(&reader->cursor);
    if (reader->cursor.failed)
        fail(reader, "comment is not closed, nested too deep or holds a control character");
}

static void expect(struct reader *reader, char octet, const char *why)
{
    if (!cursor_accept(&reader->cursor, octet))
        fail(reader, why);
}

/* word = atom / quoted-string (3.2.5), and the CFWS behind it. False when
 * there is none. */
static bool read_word(struct reader *reader, struct bytes *word)
{
    if (cursor_peek(&reader->cursor) == '"') {
        *word = rfc5322_quoted_string(&reader->cursor);
        if (reader->cursor.failed)
            fail(reader, "quoted string is not closed or holds a control character");
    } else {
        *word = rfc5322_atom(&reader->cursor);
        if (word->len == 0)
            return false;
    }
    skip_cfws(reader);
    return !reader->cursor.failed;
}

static struct phrase read_phrase(struct reader *reader)
{
    struct phrase phrase = {.is_local_part = true, .is_utf8 = true};
    const char *start = reader->cursor.pos;
    bool after_word = false;
    bool first = true;
    for (;; first = false) {
        struct bytes word;
        if (read_word(reader, &word)) {
            phrase.is_phrase = phrase.is_phrase || first;
            phrase.is_local_part = phrase.is_local_part && !after_word;
            phrase.is_utf8 = phrase.is_utf8 && rfc5322_is_utf8(word);
            after_word = true;
        } else if (cursor_accept(&reader->cursor, '.')) {
            phrase.is_local_part = phrase.is_local_part && after_word;
            after_word = false;
            skip_cfws(reader);
        } else if (cursor_accept(&reader->cursor, '[') || cursor_accept(&reader->cursor, ']')) {
            phrase.is_phrase = phrase.is_phrase || first;
            phrase.is_local_part = false;
            skip_cfws(reader);
        } else {
            break;
        }
    }
    phrase.is_local_part = phrase.is_local_part && after_word;
    phrase.text = cursor_since(&reader->cursor, start);
    return phrase;
}

/* "local@domain", the local part as it is meant: `text` is known to be words
 * with dots between. */
static struct bytes address_of(struct arena *arena, struct bytes text, struct domain domain)
{
    struct cursor cursor = cursor_of(text.len > LOCAL_PART_TEXT_MAX ? BYTES_EMPTY : text);
    struct strbuf address;
    strbuf_init(&address, arena);
    for (;;) {
        rfc5322_skip_cfws(&cursor);
        if (cursor_accept(&cursor, '.'))
            strbuf_putc(&address, '.');
        else if (cursor_peek(&cursor) == '"')
            strbuf_bytes(&address, rfc5322_unquote(arena, rfc5322_quoted_string(&cursor)));
        else if (!cursor_at_end(&cursor) && rfc5322_is_atext(cursor_peek(&cursor)))
            strbuf_bytes(&address, rfc5322_atom(&cursor));
        else
            break;
    }
    strbuf_printf(&address, "@%s", domain_text(domain));
    return strbuf_view(&address);
}

static void append(struct domain_text *domain, struct bytes piece)
{
    if (piece.len > sizeof(domain->text) - domain->len) {
        domain->too_long = true;
        return;
    }
    memcpy(domain->text + domain->len, piece.data, piece.len);
    domain->len += piece.len;
}

/* domain = dot-atom / domain-literal / obs-domain (3.4.1, 4.4), with CFWS
 * around and between the labels. */
static void read_domain(struct reader *reader, struct domain_text *domain)
{
    domain->len = 0;
    domain->too_long = false;
    domain->literal = false;
    skip_cfws(reader);
    if (cursor_peek(&reader->cursor) == '[') {
        rfc5322_domain_literal(&reader->cursor);
        if (reader->cursor.failed)
            fail(reader, "domain literal is not closed or holds a control character");
        domain->literal = true;
        skip_cfws(reader);
        return;
    }
    for (;;) {
        struct bytes label = rfc5322_atom(&reader->cursor);
        if (label.len == 0)
            fail(reader, "domain is empty or has an empty label");
        if (!rfc5322_is_utf8(label))
            fail(reader, "domain is not UTF-8");
        append(domain, label);
        skip_cfws(reader);
        if (!cursor_accept(&reader->cursor, '.'))
            break;
        append(domain, BYTES("."));
        skip_cfws(reader);
    }
}

static void add_domain(struct reader *reader, struct domain domain)
{
    struct author *author = reader->author;
    for (size_t i = 0; i < author->domain_count; i++) {
        if (domain_equal(author->domains[i], domain))
            return;
    }
    if (author->domain_count < reader->room)
        author->domains[author->domain_count++] = domain;
}

static void refuse_domain(struct reader *reader, const char *why)
{
    if (!reader->domain_error)
        reader->domain_error = why;
}

/* One whole addr-spec has been read. */
static void add_address(struct reader *reader, struct bytes local_part,
                        const struct domain_text *text)
{
    if (reader->cursor.failed)
        return;
    if (reader->author->addresses == AUTHOR_ADDRESSES_MAX) {
        fail(reader, "too many addresses");
        return;
    }
    reader->author->addresses++;
    if (text->literal) {
        refuse_domain(reader, "address has an address literal in place of a domain name");
        return;
    }
    struct domain domain = DOMAIN_NONE;
    if (!text->too_long)
        domain = domain_parse(reader->arena, (struct bytes){text->text, text->len});
    if (domain_is_none(domain)) {
        refuse_domain(reader, "address has no valid domain name");
        return;
    }
    if (reader->author->addresses == reader->first)
        reader->author->address = address_of(reader->arena, local_part, domain);
    add_domain(reader, domain);
}

/* addr-spec = local-part "@" domain, the local part being read already. */
static void read_addr_spec(struct reader *reader, const struct phrase *local_part)
{
    struct domain_text domain;
    if (!local_part->is_local_part)
        fail(reader, "local part of an address is missing or malformed");
    if (!local_part->is_utf8) /* RFC 6532 3.1 */
        fail(reader, "local part of an address is not UTF-8");
    expect(reader, '@', "address without an at sign");
    read_domain(reader, &domain);
    add_address(reader, local_part->text, &domain);
}

/* obs-route = *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain]) ":" (4.4).
 * The route says nothing about the author. */
static void skip_route(struct reader *reader)
{
    struct domain_text ignored;
    while (cursor_accept(&reader->cursor, ','))
        skip_cfws(reader);
    if (cursor_peek(&reader->cursor) != '@')
        fail(reader, "route of an address is malformed");
    do {
        skip_cfws(reader);
        if (cursor_accept(&reader->cursor, '@'))
            read_domain(reader, &ignored);
    } while (cursor_accept(&reader->cursor, ','));
    expect(reader, ':', "route of an address is malformed");
    skip_cfws(reader);
}

/* angle-addr = "<" [obs-route] addr-spec ">" (3.4, 4.4). */
static void read_angle_addr(struct reader *reader)
{
    expect(reader, '<', "address without an at sign");
    skip_cfws(reader);
    int octet = cursor_peek(&reader->cursor);
    if (octet == '@' || octet == ',')
        skip_route(reader);
    struct phrase local_part = read_phrase(reader);
    read_addr_spec(reader, &local_part);
    expect(reader, '>', "angle bracket is not closed behind the address");
    skip_cfws(reader);
}

/* mailbox = name-addr / addr-spec (3.4); the phrase, if any, is read already.
 * An addr-spec before an angle bracket is a display name in want of quotes: it
 * counts as an address, but the one in brackets is the author's. */
static void read_mailbox(struct reader *reader, const struct phrase *phrase, bool has_phrase)
{
    if (cursor_peek(&reader->cursor) == '@') {
        read_addr_spec(reader, phrase);
        if (cursor_peek(&reader->cursor) != '<')
            return;
        if (reader->author->addresses == reader->first)
            reader->first++;
        has_phrase = false;
    }
    if (has_phrase && !phrase->is_phrase)
        fail(reader, "address begins with neither a word nor an angle bracket");
    read_angle_addr(reader);
}

/* group = display-name ":" [mailbox-list / CFWS / obs-group-list] ";" (3.4,
 * RFC 6854 2, 4.4); the display name is read already. */
static void read_group(struct reader *reader, const struct phrase *name)
{
    if (!name->is_phrase)
        fail(reader, "group has no name");
    expect(reader, ':', "group without a colon");
    do {
        skip_cfws(reader);
        int octet = cursor_peek(&reader->cursor);
        if (octet == ',' || octet == ';')
            continue;
        struct phrase phrase = read_phrase(reader);
        if (cursor_peek(&reader->cursor) == ':')
            fail(reader, "group within a group, or a colon in a display name");
        read_mailbox(reader, &phrase, octet != '<');
    } while (cursor_accept(&reader->cursor, ','));
    expect(reader, ';', "group is not closed, or a colon in a display name");
    skip_cfws(reader);
}

/* address = mailbox / group (3.4). */
static void read_address(struct reader *reader)
{
    bool has_phrase = cursor_peek(&reader->cursor) != '<';
    struct phrase phrase = read_phrase(reader);
    if (cursor_peek(&reader->cursor) == ':')
        read_group(reader, &phrase);
    else
        read_mailbox(reader, &phrase, has_phrase);
}

/* address-list, with the empty elements of obs-addr-list (3.4, 4.4). */
static void read_address_list(struct reader *reader)
{
    bool empty = true;
    do {
        skip_cfws(reader);
        int octet = cursor_peek(&reader->cursor);
        if (octet == ',' || octet < 0)
            continue;
        read_address(reader);
        empty = false;
    } while (cursor_accept(&reader->cursor, ','));
    if (!cursor_at_end(&reader->cursor))
        fail(reader, "text behind an address");
    if (empty)
        fail(reader, "field holds no address");
}

/* Room for the distinct domains: no more of them than there are "@". */
static bool make_room(struct reader *reader)
{
    struct bytes value = cursor_rest(&reader->cursor);
    for (size_t i = 0; i < value.len && reader->room < AUTHOR_ADDRESSES_MAX; i++)
        reader->room += value.data[i] == '@';
    reader->author->domains =
        arena_array(reader->arena, reader->room, sizeof(*reader->author->domains));
    return reader->author->domains != NULL;
}

static void give_up(struct author *author, enum author_status status, const char *reason)
{
    author->status = status;
    author->reason = reason ? reason : "out of memory";
    author->address = BYTES_EMPTY;
    author->domains = NULL;
    author->domain_count = 0;
}

static void judge(struct reader *reader)
{
    struct author *author = reader->author;
    if (reader->cursor.failed) {
        give_up(author, AUTHOR_SYNTAX, reader->syntax_error);
    } else if (reader->domain_error) {
        give_up(author, AUTHOR_BAD_DOMAIN, reader->domain_error);
    } else if (author->domain_count == 0) { /* RFC 6854 1: "nobody:;" */
        give_up(author, AUTHOR_NO_ADDRESS, "field holds only empty groups");
    } else if (author->domain_count > 1) { /* RFC 9989 11.5 */
        const char *reason =
            arena_printf(reader->arena, "addresses of %zu domains: %s, %s%s", author->domain_count,
                         author->domains[0].name, author->domains[1].name,
                         author->domain_count > 2 ? ", ..." : "");
        author->status = AUTHOR_SEVERAL;
        author->address = BYTES_EMPTY;
        author->reason = reason ? reason : "addresses of several domains";
    } else {
        author->status = AUTHOR_OK;
        author->domain = author->domains[0];
    }
}

void author_find(struct arena *arena, const struct bytes *values, size_t count, struct author *out)
{
    *out = (struct author){.domain = DOMAIN_NONE, .address = BYTES_EMPTY, .reason = ""};
    if (count == 0) {
        give_up(out, AUTHOR_MISSING, "no From field");
        return;
    }
    if (count > 1) { /* RFC 5322 3.6: at most one */
        give_up(out, AUTHOR_REPEATED, arena_printf(arena, "%zu From fields", count));
        return;
    }
    struct reader reader = {
        .arena = arena, .cursor = cursor_of(values[0]), .author = out, .first = 1};
    if (!make_room(&reader))
        fail(&reader, "out of memory");
    read_address_list(&reader);
    judge(&reader);
}
