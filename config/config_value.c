/* config_value.c - the grammar of lines and values; pure.
 *
 *   line   = [ name blank value ] [ "#" comment ]
 *   value  = item, or for lists item *( "," item )
 *   item   = octets, trimmed, without quotes; or "..." in which \" and \\ are escapes
 */
#include "config_internal.h"

#include <string.h>

bool value_next_line(struct bytes *rest, struct bytes *line)
{
    if (rest->len == 0)
        return false;
    size_t end = bytes_find(*rest, '\n');
    *line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 1, rest->len);
    if (line->len && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

struct bytes value_strip_comment(struct bytes line)
{
    bool quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == '#' && !quoted && (i == 0 || is_wsp(line.data[i - 1])))
            return bytes_trim(bytes_slice(line, 0, i));
    }
    return bytes_trim(line);
}

/* Takes a quoted item, whose opening quote is next, off *text. */
static const char *take_quoted(struct arena *arena, struct bytes *text, struct bytes *item)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    for (size_t i = 1; i < text->len; i++) {
        char c = text->data[i];
        if (c == '"') {
            *item = strbuf_view(&buf);
            *text = bytes_trim(bytes_slice(*text, i + 1, text->len));
            return buf.failed ? "out of memory" : NULL;
        }
        if (c == '\\' && i + 1 < text->len)
            c = text->data[++i];
        strbuf_putc(&buf, c);
    }
    return "the closing quote is missing";
}

static const char *take_plain(struct bytes *text, bool is_list, struct bytes *item)
{
    size_t end = is_list ? bytes_find(*text, ',') : text->len;
    *item = bytes_trim(bytes_slice(*text, 0, end));
    *text = bytes_slice(*text, end, text->len);
    if (bytes_find(*item, '"') < item->len)
        return "a quote in the middle of a value: put the whole value in quotes, with \\\" inside";
    return item->len ? NULL : "there is nothing before or after a comma";
}

static const char *add_item(struct arena *arena, struct bytes text, const struct source *source,
                            struct item **items, size_t *count)
{
    /* Doubles whenever the count is a power of two. */
    if ((*count & (*count - 1)) == 0) {
        struct item *grown = arena_array(arena, *count ? *count * 2 : 1, sizeof(*grown));
        if (!grown)
            return "out of memory";
        if (*count)
            memcpy(grown, *items, *count * sizeof(*grown));
        *items = grown;
    }
    (*items)[(*count)++] = (struct item){text, *source};
    return NULL;
}

const char *value_split(struct arena *arena, struct bytes text, bool is_list,
                        const struct source *source, struct item **items, size_t *count)
{
    *items = NULL;
    *count = 0;
    text = bytes_trim(text);
    for (;;) {
        struct bytes item;
        const char *wrong = text.len && text.data[0] == '"' ? take_quoted(arena, &text, &item)
                                                            : take_plain(&text, is_list, &item);
        if (!wrong)
            wrong = add_item(arena, item, source, items, count);
        if (wrong || text.len == 0)
            return wrong;
        if (!is_list || text.data[0] != ',')
            return "something follows the closing quote";
        text = bytes_trim(bytes_slice(text, 1, text.len));
    }
}

void value_quote(struct strbuf *buf, struct bytes text, bool is_list)
{
    bool needed = text.len == 0 || bytes_trim(text).len != text.len ||
                  bytes_find(text, '"') < text.len || bytes_find(text, '#') < text.len ||
                  (is_list && bytes_find(text, ',') < text.len);
    if (!needed) {
        strbuf_bytes(buf, text);
        return;
    }
    strbuf_putc(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            strbuf_putc(buf, '\\');
        strbuf_putc(buf, text.data[i]);
    }
    strbuf_putc(buf, '"');
}

bool value_bool(struct bytes text, bool *out)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"},
                                            {"yes", "true", "on", "1"}};
    for (size_t i = 0; i < 8; i++) {
        if (bytes_is(text, words[i / 4][i % 4])) {
            *out = i / 4 == 1;
            return true;
        }
    }
    return false;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* A number and a unit out of units[], which ends with the name NULL. */
static bool parse_quantity(struct bytes text, const struct unit *units, int64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && is_digit((unsigned char)text.data[digits]))
        digits++;
    struct bytes unit = bytes_trim(bytes_slice(text, digits, text.len));
    for (; units->name; units++) {
        unsigned long long number;
        unsigned long long most = (unsigned long long)(INT64_MAX / units->factor);
        if (!bytes_is(unit, units->name))
            continue;
        if (!bytes_to_number(bytes_slice(text, 0, digits), most, &number))
            return false;
        *out = (int64_t)number * units->factor;
        return true;
    }
    return false;
}

bool value_time(struct bytes text, int64_t *microseconds)
{
    static const struct unit units[] = {
        {"", 1000000},
        {"s", 1000000},
        {"ms", 1000},
        {"m", 60 * INT64_C(1000000)},
        {"h", 3600 * INT64_C(1000000)},
        {"d", 24 * 3600 * INT64_C(1000000)},
        {NULL, 0},
    };
    return parse_quantity(text, units, microseconds);
}

bool value_size(struct bytes text, int64_t *octets)
{
    static const struct unit units[] = {
        {"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0},
    };
    return parse_quantity(text, units, octets);
}

bool value_octal(struct bytes text, unsigned *out)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 6)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '7')
            return false;
        value = value * 8 + (unsigned)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

const char *value_check_reject_text(struct bytes text)
{
    enum {
        TEXT_MAX = 300, /* octets; what is filled in comes on top, a reply line stands 500 */
    };
    static const char *const places[] = {"{domain}", "{reason}", "{policy}", "{queue-id}"};
    if (text.len == 0 || text.len > TEXT_MAX)
        return "is empty or longer than 300 characters";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool known = c != '{';
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++)
            known =
                known || bytes_starts_nocase(bytes_slice(text, i, text.len), bytes_of(places[j]));
        if (!known)
            return "has an unknown word in braces";
        if (c < ' ' || c > '~')
            return "has a character that is not printable ASCII";
    }
    return NULL;
}

bool value_is_field_name(struct bytes text)
{
    enum {
        NAME_MAX_OCTETS = 76, /* so that the field fits a line (RFC 5322 2.1.1) */
    };
    if (text.len == 0 || text.len > NAME_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        /* ftext (RFC 5322 3.6.8) */
        if (text.data[i] < '!' || text.data[i] > '~' || text.data[i] == ':')
            return false;
    }
    return true;
}
