/* mime_header.c - the fields of a mail's header; see mime.h. */
#include "mime.h"

/* Takes one line off the text; *line comes without its line end. */
static void next_line(struct bytes *text, struct bytes *line)
{
    size_t end = bytes_find(*text, '\n');
    *line = bytes_slice(*text, 0, end);
    *text = bytes_slice(*text, end + 1, text->len);
    if (line->len && line->data[line->len - 1] == '\r')
        line->len--;
}

/* RFC 5322 2.2: printable ASCII but the colon; blanks behind it by 4.5. */
static bool take_name(struct bytes line, struct bytes *name)
{
    size_t colon = bytes_find(line, ':');
    *name = bytes_slice(line, 0, colon);
    while (name->len && is_wsp(name->data[name->len - 1]))
        name->len--;
    if (colon == line.len || name->len == 0)
        return false;
    for (size_t i = 0; i < name->len; i++) {
        if (name->data[i] < '!' || name->data[i] > '~')
            return false;
    }
    return true;
}

/* RFC 5322 2.2.3: a folded value loses its line ends, and nothing else. */
static struct bytes unfold(struct arena *arena, struct bytes folded)
{
    char *data = arena_alloc(arena, folded.len);
    size_t len = 0;
    if (!data)
        return BYTES_EMPTY;
    for (size_t i = 0; i < folded.len; i++) {
        char c = folded.data[i];
        bool ends_line =
            c == '\n' || (c == '\r' && i + 1 < folded.len && folded.data[i + 1] == '\n');
        if (!ends_line)
            data[len++] = c;
    }
    return (struct bytes){data, len};
}

/* Takes the field at the beginning of text; false when there is none. */
static bool take_field(struct arena *arena, struct bytes *text, struct mime_field *field)
{
    struct bytes rest = *text, line;
    next_line(&rest, &line);
    if (!take_name(line, &field->name))
        return false;
    bool folded = false;
    while (rest.len && is_wsp(rest.data[0])) {
        folded = true;
        next_line(&rest, &line);
    }
    const char *colon = text->data + bytes_find(*text, ':');
    struct bytes value = {colon + 1, (size_t)(line.data + line.len - colon - 1)};
    field->value = bytes_trim(folded ? unfold(arena, value) : value);
    *text = rest;
    return true;
}

/* "From a@example.com Mon ..." is an mbox line, "From : a@example.com" is a field. */
static bool is_mbox_line(struct bytes line)
{
    if (bytes_starts_nocase(line, BYTES(">From ")))
        line = bytes_slice(line, 1, line.len);
    struct bytes label = bytes_slice(line, 0, bytes_find(line, ':'));
    return bytes_starts_nocase(label, BYTES("From ")) && bytes_trim(label).len > 4;
}

struct bytes mime_header_read(struct arena *arena, struct bytes text, struct mime_header *header)
{
    struct mime_field **last = &header->fields, field;
    struct bytes line, rest = text;
    *header = (struct mime_header){0};
    next_line(&rest, &line);
    if (is_mbox_line(line))
        text = rest;
    while (take_field(arena, &text, &field)) {
        if (header->count == MIME_FIELDS_MAX)
            continue;
        struct mime_field *kept = arena_alloc(arena, sizeof(*kept));
        if (!kept)
            break;
        *kept = (struct mime_field){.name = field.name, .value = field.value};
        *last = kept;
        last = &kept->next;
        header->count++;
    }
    rest = text;
    next_line(&rest, &line);
    return line.len == 0 ? rest : text;
}

bool mime_header_find(const struct mime_header *header, const char *name, struct bytes *value)
{
    for (const struct mime_field *field = header->fields; field; field = field->next) {
        if (bytes_is(field->name, name)) {
            *value = field->value;
            return true;
        }
    }
    *value = BYTES_EMPTY;
    return false;
}
