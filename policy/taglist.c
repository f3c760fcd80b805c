/* taglist.c - the tag=value lists of DKIM, ARC and DMARC; see taglist.h. */
#include "taglist.h"

#include <string.h>

static bool is_tag_name(int c)
{
    return is_alnum(c) || c == '_';
}

/* tval = 1*VALCHAR, VALCHAR = %x21-3A / %x3C-7E; FWS between. UTF-8 is allowed by RFC 8616. */
static bool is_tag_value(int c)
{
    return is_fws(c) || (c >= 0x21 && c != ';' && c != 0x7f);
}

static bool not_semicolon(int c)
{
    return c != ';';
}

enum taglist_item taglist_next(struct cursor *cursor, struct tag *tag)
{
    cursor_skip_fws(cursor);
    if (cursor_at_end(cursor))
        return TAGLIST_END;
    bool good = is_alpha(cursor_peek(cursor));
    tag->name = cursor_run(cursor, is_tag_name);
    cursor_skip_fws(cursor);
    good = cursor_accept(cursor, '=') && good;
    tag->value = bytes_trim(cursor_run(cursor, is_tag_value));
    good = good && (cursor_at_end(cursor) || cursor_peek(cursor) == ';');
    cursor_run(cursor, not_semicolon);
    cursor_accept(cursor, ';');
    return good ? TAGLIST_TAG : TAGLIST_MALFORMED;
}

const struct bytes *taglist_find(const struct taglist *list, const char *name)
{
    struct bytes wanted = bytes_of(name);
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal(list->tags[i].name, wanted))
            return &list->tags[i].value;
    }
    return NULL;
}

static bool has_tag(const struct taglist *list, struct bytes name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal(list->tags[i].name, name))
            return true;
    }
    return false;
}

const char *taglist_parse(struct arena *arena, struct bytes text, size_t max_tags,
                          struct taglist *out)
{
    size_t room = 1; /* pieces between semicolons, at most one tag each */
    for (size_t i = 0; i < text.len && room < max_tags; i++)
        room += text.data[i] == ';';
    *out = (struct taglist){0};
    out->tags = arena_array(arena, room, sizeof(*out->tags));
    if (!out->tags)
        return "out of memory";

    struct cursor cursor = cursor_of(text);
    for (;;) {
        struct tag tag;
        switch (taglist_next(&cursor, &tag)) {
        case TAGLIST_END:
            return out->count ? NULL : "tag list is empty";
        case TAGLIST_MALFORMED:
            return "tag list is malformed";
        case TAGLIST_TAG:
            if (out->count == max_tags)
                return "too many tags";
            if (has_tag(out, tag.name))
                return "tag appears twice";
            out->tags[out->count++] = tag;
        }
    }
}
