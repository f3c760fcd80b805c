/* dkim_fields.c - the header fields of one message; see dkim_fields.h. */
#include "dkim_fields.h"

#include "bounds.h"

#include <string.h>

enum { FIELDS_FIRST = 32 }; /* room at first; grows */

void dkim_fields_init(struct dkim_fields *fields, struct arena *arena, size_t maximum_fields,
                      size_t maximum_octets)
{
    *fields = (struct dkim_fields){
        .arena = arena, .maximum_fields = maximum_fields, .maximum_octets = maximum_octets};
}

struct bytes dkim_field_name(struct dkim_header_field field)
{
    return bytes_slice(field.text, 0, field.name_len);
}

struct bytes dkim_field_value(struct dkim_header_field field)
{
    return bytes_slice(field.text, bytes_find(field.text, ':') + 1, field.text.len);
}

bool dkim_field_name_valid(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < 33 || name.data[i] > 126 || name.data[i] == ';' || name.data[i] == ':')
            return false;
    }
    return name.len > 0 && name.len <= HEADER_NAME_MAX;
}

static size_t trimmed_length(struct bytes name)
{
    while (name.len && is_wsp(name.data[name.len - 1]))
        name.len--;
    return name.len;
}

/* Copies text with every line end as CRLF; returns the end of the copy. */
static char *copy_lines(char *to, struct bytes text)
{
    while (text.len) {
        size_t len = bytes_find(text, '\n');
        bool line_end = len < text.len;
        memcpy(to, text.data, len);
        to += len;
        if (line_end && (len == 0 || to[-1] != '\r'))
            *to++ = '\r';
        if (line_end)
            *to++ = '\n';
        text = bytes_slice(text, len + 1, text.len);
    }
    return to;
}

struct bytes dkim_field_text(struct arena *arena, struct bytes name, struct bytes value)
{
    size_t line_ends = 0;
    for (size_t at = 0; (at += bytes_find(bytes_slice(value, at, value.len), '\n')) < value.len;
         at++)
        line_ends++;
    char *text = arena_alloc(arena, name.len + 1 + value.len + line_ends + 1);
    if (!text)
        return BYTES_EMPTY;
    if (name.len)
        memcpy(text, name.data, name.len);
    text[name.len] = ':';
    char *end = copy_lines(text + name.len + 1, value);
    return (struct bytes){text, (size_t)(end - text)};
}

static bool make_room(struct dkim_fields *fields)
{
    if (fields->count < fields->capacity)
        return true;
    size_t capacity = fields->capacity ? 2 * fields->capacity : FIELDS_FIRST;
    struct dkim_header_field *items = arena_array(fields->arena, capacity, sizeof(*items));
    if (!items)
        return false;
    if (fields->count)
        memcpy(items, fields->items, fields->count * sizeof(*items));
    fields->items = items;
    fields->capacity = capacity;
    return true;
}

bool dkim_fields_add(struct dkim_fields *fields, struct bytes name, struct bytes value)
{
    size_t name_len = trimmed_length(name);
    if (!dkim_field_name_valid(bytes_slice(name, 0, name_len)))
        return false;
    fields->octets += name.len + value.len;
    if (fields->count >= fields->maximum_fields || fields->octets > fields->maximum_octets) {
        /* A hash over part of the header would let the rest pass unseen. */
        fields->unusable = "header is larger than the limit";
        return false;
    }
    if (bytes_find(value, '\0') < value.len)
        fields->unusable = "header holds a NUL octet"; /* RFC 5322 2.2: forbidden */
    struct bytes text = dkim_field_text(fields->arena, name, value);
    if (text.len == 0 || !make_room(fields)) {
        fields->unusable = "out of memory";
        return false;
    }
    fields->items[fields->count++] = (struct dkim_header_field){text, name_len};
    return true;
}
