/* test_received.c - the client behind a trusted relay. */
#include "received.h"
#include "unit.h"

#include <string.h>

struct example {
    const char *value;
    const char *address; /* NULL: none is found */
    const char *helo;
};

static const struct example examples[] = {
    {" from mail.example.com (mail.example.com [192.0.2.1])\n\tby mx.example.org (Postfix)",
     "192.0.2.1", "mail.example.com"},
    {" from [10.1.2.3] (unknown [192.0.2.9]) by mx", "192.0.2.9", "[10.1.2.3]"},
    {" from helo.example (host.example [IPv6:2001:db8::1]) by mx", "2001:db8::1", "helo.example"},
    {" FROM a (b [192.0.2.1] (may be forged)) by mx", "192.0.2.1", "a"},
    {" from a ([192.0.2.7]) by mx", "192.0.2.7", "a"},
    {" from a (b [::ffff:192.0.2.7]) by mx", "192.0.2.7", "a"},
    {" from a by mx", NULL, NULL},
    {" from a (b) by mx [192.0.2.1]", NULL, NULL},
    {" by mx (Postfix, from userid 0) id 1", NULL, NULL},
    {" from a (b [not an address]) by mx", NULL, NULL},
    {" from a (b [192.0.2.1", NULL, NULL},
    {"", NULL, NULL},
    {" from", NULL, NULL},
};

static void test_from_clause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        char text[IP_TEXT_MAX];
        struct ip client;
        struct bytes helo;
        bool found = received_client(bytes_of(examples[i].value), &client, &helo);
        assert_int_equal(found, examples[i].address != NULL);
        if (found) {
            assert_string_equal(ip_format(&client, text), examples[i].address);
            assert_true(bytes_equal(helo, bytes_of(examples[i].helo)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_from_clause)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
