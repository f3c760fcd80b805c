/* fuzz_author.c - From fields.
 *
 * Each line of the input is a field's value; a line that begins with white space
 * continues the one before.
 */
#include "author.h"
#include "fuzz.h"
#include "strbuf.h"

#include <string.h>

enum { VALUES_MAX = 8 };

static size_t split(struct bytes input, struct bytes *values)
{
    size_t count = 0;
    while (input.len && count < VALUES_MAX) {
        struct bytes value = fuzz_line(&input);
        while (input.len && is_wsp(input.data[0])) {
            struct bytes more = fuzz_line(&input);
            value.len = (size_t)(more.data + more.len - value.data);
        }
        values[count++] = value;
    }
    return count;
}

static void append_quoted(struct strbuf *buf, struct bytes text)
{
    strbuf_putc(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            strbuf_putc(buf, '\\');
        strbuf_putc(buf, text.data[i]);
    }
    strbuf_putc(buf, '"');
}

/* The address that was found, written again without any doubt, is the same author. */
static void check_again(struct arena *arena, const struct author *author)
{
    struct bytes address = author->address;
    size_t local = address.len - author->domain.len - 1;
    REQUIRE(address.len > author->domain.len && address.data[local] == '@');
    REQUIRE(
        bytes_equal(bytes_slice(address, local + 1, address.len), domain_bytes(author->domain)));
    struct author again;
    struct strbuf text;
    strbuf_init(&text, arena);
    strbuf_putc(&text, '<');
    append_quoted(&text, bytes_slice(address, 0, local));
    strbuf_printf(&text, "@%s>", author->domain.name);
    struct bytes value = strbuf_view(&text);
    author_find(arena, &value, 1, &again);
    REQUIRE(again.status == AUTHOR_OK && domain_equal(again.domain, author->domain));
    REQUIRE(bytes_equal(again.address, address) || local > 480); /* over the limit once escaped */
}

static void check(struct arena *arena, const struct bytes *values, size_t count)
{
    struct author author;
    author_find(arena, values, count, &author);
    REQUIRE(fuzz_is_text(author.reason));
    REQUIRE((author.status == AUTHOR_OK) == (author.reason[0] == '\0'));
    REQUIRE((author.status == AUTHOR_MISSING) == (count == 0));
    REQUIRE((author.status == AUTHOR_REPEATED) == (count > 1));
    if (author.status != AUTHOR_OK) {
        REQUIRE(author.address.len == 0);
        REQUIRE(author.status != AUTHOR_SEVERAL || author.domain_count > 1);
        return;
    }
    REQUIRE(author.domain_count == 1 && domain_equal(author.domains[0], author.domain));
    REQUIRE(author.addresses >= 1);
    check_again(arena, &author);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes values[VALUES_MAX];
    struct arena *arena = arena_new(1 << 24);
    size_t count = split(fuzz_input(data, size), values);
    check(arena, values, count);
    for (size_t i = 0; i < count && count > 1; i++)
        check(arena, &values[i], 1);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
