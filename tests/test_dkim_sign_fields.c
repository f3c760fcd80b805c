/* test_dkim_sign_fields.c - which fields a signature covers, and how h= lists them. */
#include "dkim_sign_fields.h"
#include "sign_harness.h"
#include "strbuf.h"
#include "unit.h"

#include <string.h>

#define FROM "From: a@example.com\r\n"

static struct arena *arena;
static struct signing_test signing; /* for its settings */

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

/* The list that h= gets, for a header with CRLF line ends. */
static const char *names_of(const char *header)
{
    struct dkim_fields fields;
    struct strbuf text;
    size_t count;
    strbuf_init(&text, arena);
    dkim_fields_init(&fields, arena, SIZE_MAX, SIZE_MAX);
    while (*header) {
        struct bytes line = bytes_slice(bytes_of(header), 0, strcspn(header, "\r"));
        size_t colon = bytes_find(line, ':');
        dkim_fields_add(&fields, bytes_slice(line, 0, colon),
                        bytes_slice(line, colon + 1, line.len));
        header += line.len + 2;
    }
    struct bytes *names = dkim_sign_choose(arena, &signing.settings, &fields, &count);
    assert_non_null(names);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%s%.*s", i ? ":" : "", BYTES_ARGS(names[i]));
    return strbuf_string(&text);
}

static const char *const from_to[] = {"from", "to"};
static const char *const only_to[] = {"to"};
static const char *const completed[] = {"date", "message-id", "to"};
static const char *const twice[] = {"to", "subject", "TO", "from", "to"};
static const char *const unwanted[] = {
    "return-path", "received",    "authentication-results", "arc-seal", "arc-x", "dkim-signature",
    "bcc",         "resent-from", "resent-message-id",      "to"};
static const char *const odd[] = {"", "a:b", "a;b", "a b", "s\xc3\xa9", "to"};

static const struct {
    const char *title;
    const char *const *sign;
    size_t sign_count;
    const char *const *oversign;
    size_t oversign_count;
    const char *header, *names;
} selections[] = {
    {"only what is present", from_to, 2, NULL, 0, FROM "Subject: x\r\n", "from"},
    {"From even where it is not configured", only_to, 1, NULL, 0, FROM "To: b\r\n", "from:to"},
    {"From even with no list at all", NULL, 0, NULL, 0, FROM "To: b\r\n", "from"},
    {"each instance", from_to, 2, NULL, 0, FROM "To: b\r\nto: c\r\nTO: d\r\n", "from:to:to:to"},
    {"oversigned: once more", from_to, 2, from_to, 2, FROM "To: b\r\n", "from:from:to:to"},
    {"oversigned: also when absent", from_to, 2, from_to, 2, FROM, "from:from:to"},
    {"oversigned alone", NULL, 0, only_to, 1, FROM "To: b\r\n", "from:to:to"},
    {"oversigned: not when absent, if a mail server adds it", NULL, 0, completed, 3, FROM,
     "from:to"},
    {"oversigned: present, and a mail server would add it", NULL, 0, completed, 3,
     FROM "DATE: x\r\nMessage-Id: <y>\r\n", "from:date:date:message-id:message-id:to"},
    {"a name twice in the list", twice, 5, twice, 5, FROM "To: b\r\n", "from:from:to:to:subject"},
    {"never signed, configured or not", unwanted, 10, unwanted, 10,
     FROM "Received: x\r\nBcc: y\r\nARC-Seal: z\r\nResent-From: q\r\n", "from:to"},
    {"names that are none", odd, 6, odd, 6, FROM, "from:to"},
    {"white space before the colon", from_to, 2, NULL, 0, FROM "To : b\r\nTo\t: c\r\n",
     "from:to:to"},
};

static void fields_are_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(selections) / sizeof(selections[0]); i++) {
        signing.settings.sign_headers = selections[i].sign;
        signing.settings.sign_header_count = selections[i].sign_count;
        signing.settings.oversign_headers = selections[i].oversign;
        signing.settings.oversign_header_count = selections[i].oversign_count;
        const char *names = names_of(selections[i].header);
        if (strcmp(names, selections[i].names) != 0)
            fail_msg("%s: h=%s", selections[i].title, names);
    }
}

static void default_lists(void **state)
{
    size_t oversigned = 0;
    (void)state;
    signing_test_begin(&signing, 0);
    /* RFC 8058 4: both List-Unsubscribe fields must be covered. */
    assert_non_null(strstr(names_of(FROM "List-Unsubscribe: <https://example.com/u>\r\n"
                                         "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
                           ":list-unsubscribe:list-unsubscribe-post"));
    for (const char *const *name = dkim_sign_default_oversign; *name; name++, oversigned++) {
        bool is_signed = false;
        for (const char *const *other = dkim_sign_default_headers; *other; other++)
            is_signed = is_signed || strcmp(*name, *other) == 0;
        assert_true(is_signed);
        assert_false(dkim_sign_forbids(bytes_of(*name)));
    }
    assert_int_equal(oversigned, 12);
    for (const char *const *name = dkim_sign_default_headers; *name; name++)
        assert_false(dkim_sign_forbids(bytes_of(*name)));
}

static void forbidden_names(void **state)
{
    static const char *const forbidden[] = {
        "Return-Path", "received", "AUTHENTICATION-RESULTS", "DKIM-Signature",
        "Bcc",         "ARC-Seal", "arc-anything",           "Resent-From"};
    static const char *const allowed[] = {"", "From", "Receive", "X-Received", "Resent", "ARC"};
    (void)state;
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        assert_true(dkim_sign_forbids(bytes_of(forbidden[i])));
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        assert_false(dkim_sign_forbids(bytes_of(allowed[i])));
}

/* Even when every name stands on a line of its own, h= fits what verifiers take. */
static void the_list_is_bounded(void **state)
{
    static const char *const names[] = {"to", "x-a-name-of-thirty-octets-here"};
    static const size_t listed[] = {/* (4000 - 8 for From) / octets with a fold */ 665, 117};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct strbuf header;
        strbuf_init(&header, arena);
        for (int k = 0; k < 1000; k++)
            strbuf_printf(&header, "%s: %d\r\n", names[i], k);
        strbuf_puts(&header, FROM);
        signing.settings =
            (struct signing_settings){.sign_headers = &names[i], .sign_header_count = 1};
        const char *list = names_of(strbuf_string(&header));
        assert_int_equal(strncmp(list, "from:", 5), 0);
        size_t count = 0;
        for (const char *at = list; (at = strchr(at, ':')); at++)
            count++;
        assert_int_equal(count, listed[i]);
    }
}

static void lack_of_memory(void **state)
{
    struct arena *tight = arena_new(100);
    struct dkim_fields fields;
    size_t count = 7;
    (void)state;
    signing_test_begin(&signing, 0);
    dkim_fields_init(&fields, arena, SIZE_MAX, SIZE_MAX);
    assert_null(dkim_sign_choose(tight, &signing.settings, &fields, &count));
    assert_int_equal(count, 0);
    arena_free(tight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_are_chosen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(default_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forbidden_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lack_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
