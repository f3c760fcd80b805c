/* test_key_record.c - the record of a key, in one string and in the form of a zone file. */
#include "key_record.h"

#include "key_files.h"
#include "unit.h"

#include <string.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const char *zone(const char *text)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    key_record_zone(domain_parse(arena, BYTES("s1")), domain_parse(arena, BYTES("a.example")),
                    bytes_of(text), &out);
    return strbuf_string(&out);
}

static const char *repeat(char c, size_t count)
{
    char *text = arena_alloc(arena, count + 1);
    memset(text, c, count);
    return text;
}

/* RFC 1035 3.3: a character-string has at most 255 octets. */
static void test_zone_form(void **state)
{
    (void)state;
    assert_string_equal(zone("v=DKIM1; p="), "s1._domainkey.a.example. IN TXT \"v=DKIM1; p=\"\n");
    const char *full = repeat('x', 255);
    assert_string_equal(zone(full),
                        arena_printf(arena, "s1._domainkey.a.example. IN TXT \"%s\"\n", full));
    assert_string_equal(
        zone(repeat('x', 256)),
        arena_printf(arena, "s1._domainkey.a.example. IN TXT ( \"%s\"\n\t\"x\" )\n", full));
    assert_string_equal(
        zone(repeat('x', 511)),
        arena_printf(arena, "s1._domainkey.a.example. IN TXT ( \"%s\"\n\t\"%s\"\n\t\"x\" )\n", full,
                     full));
}

/* RFC 6376 3.6.1: p= is a SubjectPublicKeyInfo; RFC 8463 4: the 32 octets of the key. */
static void test_text(void **state)
{
    (void)state;
    struct key_files *files = key_files_new();
    key_files_key(files, "r.pem", 2048, 0);
    key_files_key(files, "e.pem", 0, 0);
    const char *rsa = key_files_record(files, "r.pem"), *ed = key_files_record(files, "e.pem");
    assert_int_equal(strncmp(rsa, "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", 50), 0);
    assert_int_equal(strlen(rsa), strlen("v=DKIM1; k=rsa; p=") + 392);
    assert_int_equal(strncmp(ed, "v=DKIM1; k=ed25519; p=", 22), 0);
    assert_int_equal(strlen(ed), 22 + 44);
    key_files_free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_zone_form, set_up, tear_down),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
