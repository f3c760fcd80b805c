/* fuzz_mime.c - a mail of a stranger: all its parts, values and texts, and failure reports in it.
 */
#include "arf.h"
#include "fuzz.h"
#include "rfc5322.h"

enum { MEMORY = 256 << 20 };

/* UTF-8 without controls. */
static bool is_clean(struct bytes text)
{
    while (text.len) {
        size_t len = rfc5322_utf8_length(text);
        unsigned char first = (unsigned char)text.data[0];
        bool c1 = len == 2 && first == 0xc2 && (unsigned char)text.data[1] < 0xa0;
        if (len == 0 || c1 || (len == 1 && (first < ' ' || first == 0x7f)))
            return false;
        text = bytes_slice(text, len, text.len);
    }
    return true;
}

static void look_at_field(struct arena *arena, const struct mime_field *field)
{
    static const char *const names[] = {"boundary", "name", "filename", "charset", "x"};
    struct bytes value;
    REQUIRE(field->name.len > 0);
    REQUIRE(bytes_find(field->value, '\n') == field->value.len);
    mime_value_head(arena, field->value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool found = mime_value_parameter(arena, field->value, names[i], &value);
        REQUIRE(found || value.len == 0);
        REQUIRE(value.len <= MIME_PARAMETER_MAX);
    }
    REQUIRE(is_clean(mime_text(arena, field->value)));
}

static void look_at_arf(struct arena *arena, const struct mime_part *part)
{
    const char *why = NULL;
    const struct arf *arf = arf_read(arena, part, &why);
    REQUIRE(arf || why);
    if (!arf)
        return;
    REQUIRE(arf->feedback_type.len > 0);
    REQUIRE(is_clean(arf->feedback_type) && is_clean(arf->source_ip) && is_clean(arf->subject) &&
            is_clean(arf->from) && is_clean(arf->message_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size), content;
    struct arena *arena = arena_new(MEMORY);
    size_t parts = 0;
    if (!arena)
        return 0;
    for (struct mime_part *part = mime_read(arena, input, NULL); part; part = part->next) {
        REQUIRE(++parts <= MIME_PARTS_MAX && part->depth <= MIME_DEPTH_MAX);
        REQUIRE(part->parent ? part->depth == part->parent->depth + 1 : parts == 1);
        REQUIRE(part->type.len > 0 && is_clean(part->file_name));
        REQUIRE(part->header.count <= MIME_FIELDS_MAX);
        for (const struct mime_field *field = part->header.fields; field; field = field->next)
            look_at_field(arena, field);
        if (mime_decode(arena, part, &content))
            REQUIRE(content.len <= part->content.len);
        look_at_arf(arena, part);
    }
    arf_date(input);
    arena_free(arena);
    return 0;
}
