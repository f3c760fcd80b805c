/* fuzz_authres.c - Authentication-Results: reading, recognising forgeries, writing.
 *
 * The input is a field's value; it also serves as a value to be written.
 */
#include "authres.h"
#include "fuzz.h"

static const char *const names[] = {"mx.example.org", ".below.example", "My Gateway"};
static const struct authserv_ids ours = {names, 3};

static void write_item(struct strbuf *buf, struct bytes name, struct bytes value)
{
    strbuf_putc(buf, ' ');
    strbuf_bytes(buf, name);
    strbuf_putc(buf, '=');
    authres_write_value(buf, value, true);
}

/* The same results in plain spelling. */
static struct bytes write_again(struct arena *arena, const struct authres *parsed)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    authres_write_value(&buf, parsed->authserv_id, true);
    for (size_t i = 0; i < parsed->entry_count; i++) {
        const struct authres_entry *entry = &parsed->entries[i];
        strbuf_puts(&buf, "; ");
        strbuf_bytes(&buf, entry->method);
        strbuf_printf(&buf, "/%u=", entry->method_version);
        strbuf_bytes(&buf, entry->result);
        if (entry->reason.len)
            write_item(&buf, BYTES("reason"), entry->reason);
        for (size_t k = 0; k < entry->property_count; k++) {
            strbuf_putc(&buf, ' ');
            strbuf_bytes(&buf, entry->properties[k].ptype);
            strbuf_putc(&buf, '.');
            strbuf_bytes(&buf, entry->properties[k].property);
            strbuf_putc(&buf, '=');
            authres_write_value(&buf, entry->properties[k].value, true);
        }
    }
    if (parsed->entry_count == 0)
        strbuf_puts(&buf, "; none");
    return strbuf_view(&buf);
}

static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}

static void require_same(struct bytes a, struct bytes b)
{
    REQUIRE(!is_plain(a) || bytes_equal(a, b)); /* anything else may have become "?" */
}

static void compare(const struct authres *a, const struct authres *b)
{
    require_same(a->authserv_id, b->authserv_id);
    REQUIRE(a->entry_count == b->entry_count);
    for (size_t i = 0; i < a->entry_count; i++) {
        const struct authres_entry *left = &a->entries[i], *right = &b->entries[i];
        REQUIRE(bytes_equal(left->method, right->method));
        REQUIRE(bytes_equal(left->result, right->result));
        REQUIRE(left->method_version == right->method_version);
        REQUIRE(left->property_count == right->property_count);
        require_same(left->reason, right->reason);
        for (size_t k = 0; k < left->property_count; k++)
            require_same(left->properties[k].value, right->properties[k].value);
    }
}

static bool is_ours(struct bytes id)
{
    return bytes_is(id, "mx.example.org") || bytes_is(id, "mx.example.org.") ||
           bytes_is(id, "my gateway");
}

static void check_reading(struct arena *arena, struct bytes value)
{
    struct authres parsed, again;
    bool valid = authres_parse(arena, value, &parsed);
    bool claims = authres_claims(arena, value, &ours);
    REQUIRE(claims || !is_ours(parsed.authserv_id));
    REQUIRE(claims || parsed.version == 1);
    /* what a reader skips does not make a field less forged */
    struct strbuf decorated;
    strbuf_init(&decorated, arena);
    strbuf_puts(&decorated, "\r\n\t(a (b) \\) c) ");
    strbuf_bytes(&decorated, value);
    REQUIRE(!claims || authres_claims(arena, strbuf_view(&decorated), &ours));
    if (!valid) {
        REQUIRE(parsed.entry_count == 0);
        return;
    }
    /* Quoted, it may look like an address; as a value that needs no quotes, as an id it does. */
    if (bytes_find(parsed.authserv_id, '@') < parsed.authserv_id.len)
        return;
    struct bytes text = write_again(arena, &parsed);
    REQUIRE(authres_parse(arena, text, &again));
    compare(&parsed, &again);
}

/* Whatever the value is, the field around it stays what it is. */
static void check_writing(struct arena *arena, struct bytes value, bool utf8)
{
    struct strbuf buf;
    struct authres parsed;
    strbuf_init(&buf, arena);
    strbuf_puts(&buf, "mx.example.org; spf=fail smtp.mailfrom=");
    authres_write_value(&buf, value, utf8);
    strbuf_puts(&buf, "; dmarc=fail");
    REQUIRE(utf8 || is_plain(strbuf_view(&buf)));
    REQUIRE(authres_parse(arena, strbuf_view(&buf), &parsed));
    REQUIRE(parsed.entry_count == 2 && parsed.entries[0].property_count == 1);
    REQUIRE(bytes_is(parsed.entries[1].result, "fail"));
    require_same(value, parsed.entries[0].properties[0].value);
    REQUIRE(authres_claims(arena, strbuf_view(&buf), &ours));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct arena *arena = arena_new(1 << 26);
    check_reading(arena, input);
    check_writing(arena, input, false);
    check_writing(arena, input, true);
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
