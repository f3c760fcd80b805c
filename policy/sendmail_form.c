/* sendmail_form.c - address fields as Sendmail sends them on; see sendmail_form.h.
 *
 * Relies on nothing but the text: whether Sendmail also completes an address
 * (user -> user@host) or drops a route depends on its configuration, and is not foreseen.
 */
#include "sendmail_form.h"

#include "strbuf.h"

#include <string.h>

/* An address of the list, in the making. Views are by position in `value`. */
struct scan {
    struct bytes value;
    size_t at;
    size_t begin;    /* of the address, white space included */
    size_t name;     /* of the display name: begin, or behind "group:" */
    size_t angle;    /* of the first "<"; NOWHERE: none */
    size_t closed;   /* of its ">" */
    bool special;    /* the display name has a character that Sendmail quotes */
    unsigned depth;  /* of comments */
    bool quoted;     /* within a quoted string */
    bool bracketed;  /* within angle brackets */
    bool incomplete; /* something is not closed */
};

static const size_t NOWHERE = (size_t)-1;

static struct bytes between(struct bytes value, size_t from, size_t to)
{
    return bytes_slice(value, from, to - from);
}

static bool holds_addresses(struct bytes name)
{
    static const char *const names[] = {"From", "Sender",    "Reply-To",         "To",
                                        "Cc",   "Errors-To", "Return-Receipt-To"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_is(name, names[i]))
            return true;
    }
    return false;
}

static void start_address(struct scan *scan)
{
    scan->begin = scan->name = scan->at;
    scan->angle = scan->closed = NOWHERE;
    scan->special = false;
}

/* One character outside of quotes, comments and angle brackets. False at a comma. */
static bool take_plain(struct scan *scan, char c)
{
    if (c == ',')
        return false;
    if (c == '"') {
        scan->quoted = true;
    } else if (c == '(') {
        scan->depth++;
    } else if (c == '<') {
        scan->bracketed = true;
        if (scan->angle == NOWHERE)
            scan->angle = scan->at;
    } else if (scan->angle == NOWHERE) {
        if (c == ':' && scan->name == scan->begin) {
            scan->name = scan->at + 1;
            scan->special = false;
        } else if (strchr("@,;:\\()[].'", c) && c != '\0') {
            scan->special = true;
        }
    }
    return true;
}

/* False at the comma that ends the address. */
static bool take(struct scan *scan, char c)
{
    bool plain = !scan->quoted && !scan->depth && !scan->bracketed;
    if (c == '\\') {
        scan->special = scan->special || (plain && scan->angle == NOWHERE);
        scan->at++; /* what follows means itself */
    } else if (scan->quoted) {
        scan->quoted = c != '"';
    } else if (scan->depth) {
        scan->depth += c == '(';
        scan->depth -= c == ')';
    } else if (scan->bracketed) {
        scan->bracketed = c != '>';
        if (c == '>' && scan->closed == NOWHERE)
            scan->closed = scan->at;
    } else {
        return take_plain(scan, c);
    }
    return true;
}

/* Goes to the comma or the end. */
static struct bytes next_address(struct scan *scan)
{
    start_address(scan);
    while (scan->at < scan->value.len && take(scan, scan->value.data[scan->at]))
        scan->at++;
    size_t end = scan->at < scan->value.len ? scan->at : scan->value.len;
    scan->at = end + 1;
    if (scan->quoted || scan->depth || scan->bracketed)
        scan->incomplete = true;
    return between(scan->value, scan->begin, end);
}

static void add_quoted(struct strbuf *out, struct bytes name)
{
    strbuf_putc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '"')
            strbuf_putc(out, '\\');
        strbuf_putc(out, name.data[i]);
    }
    strbuf_putc(out, '"');
}

/* group: name <address> rest */
static void add_address(struct strbuf *out, const struct scan *scan, struct bytes address)
{
    if (scan->closed == NOWHERE) {
        strbuf_bytes(out, bytes_trim(address));
        return;
    }
    struct bytes value = scan->value;
    struct bytes around = between(value, scan->name, scan->angle);
    struct bytes name = bytes_trim(around);
    strbuf_bytes(out, between(value, scan->begin, scan->name));
    if (scan->special && name.len) {
        size_t before = (size_t)(name.data - around.data);
        strbuf_bytes(out, bytes_slice(around, 0, before));
        add_quoted(out, name);
        strbuf_bytes(out, between(around, before + name.len, around.len));
    } else {
        strbuf_bytes(out, around);
    }
    strbuf_putc(out, '<');
    strbuf_bytes(out, bytes_trim(between(value, scan->angle + 1, scan->closed)));
    /* From ">" on. */
    strbuf_bytes(out, bytes_trim(between(value, scan->closed, scan->begin + address.len)));
}

struct bytes sendmail_form(struct arena *arena, struct bytes name, struct bytes value)
{
    struct scan scan = {.value = value};
    struct strbuf out;
    if (!holds_addresses(name))
        return value;
    strbuf_init(&out, arena);
    strbuf_putc(&out, ' ');
    while (scan.at < value.len) {
        struct bytes address = next_address(&scan);
        if (bytes_trim(address).len == 0)
            continue;
        if (out.len > 1)
            strbuf_puts(&out, ", ");
        add_address(&out, &scan, address);
    }
    return scan.incomplete || out.len == 1 ? value : strbuf_view(&out);
}
