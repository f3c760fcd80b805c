/* test_config_socket.c - the Socket option: what is understood, and what is said to whom. */
#include "config.h"
#include "unit.h"

#include <string.h>

enum {
    ARENA_LIMIT = 1 << 16,
};

/* libmilter, Postfix and Sendmail each get their own spelling. */
static const struct {
    const char *text, *libmilter, *postfix;
} good_cases[] = {
    /* unix sockets */
    {"unix:/run/assay/assay.sock", "local:/run/assay/assay.sock", "unix:/run/assay/assay.sock"},
    {"local:/run/a.sock", "local:/run/a.sock", "unix:/run/a.sock"},
    {"LOCAL:/run/a.sock", "local:/run/a.sock", "unix:/run/a.sock"},
    {"/run/a.sock", "local:/run/a.sock", "unix:/run/a.sock"},
    /* in a chroot Postfix sees another name */
    {"unix:/var/spool/postfix/assay/a.sock", "local:/var/spool/postfix/assay/a.sock",
     "unix:assay/a.sock"},
    /* Postfix's order and Sendmail's */
    {"inet:localhost:8891", "inet:8891@localhost", "inet:localhost:8891"},
    {"inet:8891@localhost", "inet:8891@localhost", "inet:localhost:8891"},
    {"inet:127.0.0.1:8891", "inet:8891@127.0.0.1", "inet:127.0.0.1:8891"},
    {"inet:8891@[127.0.0.1]", "inet:8891@127.0.0.1", "inet:127.0.0.1:8891"},
    {"inet:0.0.0.0:1", "inet:1@0.0.0.0", "inet:0.0.0.0:1"},
    {"INET:mx.example.com:65535", "inet:65535@mx.example.com", "inet:mx.example.com:65535"},
    /* IPv6 */
    {"inet6:[::1]:8891", "inet6:8891@[::1]", "inet:[::1]:8891"},
    {"inet6:8891@[::1]", "inet6:8891@[::1]", "inet:[::1]:8891"},
    {"inet6:8891@::1", "inet6:8891@[::1]", "inet:[::1]:8891"},
    {"inet:[2001:db8::5]:8891", "inet6:8891@[2001:db8::5]", "inet:[2001:db8::5]:8891"},
    {"inet6:localhost:8891", "inet6:8891@localhost", "inet:localhost:8891"},
};

static void both_spellings_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        struct arena *arena = arena_new(ARENA_LIMIT);
        struct config_socket socket;
        char buf[CONFIG_SOCKET_TEXT], expected[CONFIG_SOCKET_TEXT];
        const char *wrong = config_socket_parse(arena, bytes_of(good_cases[i].text), &socket);
        if (wrong)
            fail_msg("%s: %s", good_cases[i].text, wrong);
        assert_string_equal(config_socket_libmilter(&socket, buf), good_cases[i].libmilter);
        snprintf(expected, sizeof(expected), "smtpd_milters = %s", good_cases[i].postfix);
        assert_string_equal(config_socket_postfix(&socket, buf), expected);
        snprintf(expected, sizeof(expected),
                 "INPUT_MAIL_FILTER(`assay', `S=%s, F=T, T=S:30s;R:30s;E:5m')dnl",
                 good_cases[i].libmilter);
        assert_string_equal(config_socket_sendmail(&socket, buf), expected);
        arena_free(arena);
    }
}

static const struct {
    const char *text, *told;
} wrong_cases[] = {
    {"", "allowed: unix:/path"},
    {"tcp:localhost:8891", "allowed: unix:/path"},
    {"localhost:8891", "allowed: unix:/path"},
    {"unix:", "must be absolute"},
    {"unix:run/a.sock", "must be absolute"},
    {"unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
     "01234567890123456789012345678901234567",
     "limited to 107 octets"},
    {"inet:8891", "the host is missing"},
    {"inet:8891@", "the host is missing"},
    {"inet::8891", "the host is missing"},
    {"inet:localhost:", "the port must be a number"},
    {"inet:localhost:0", "the port must be a number"},
    {"inet:localhost:65536", "the port must be a number"},
    {"inet:milter@localhost", "the port must be a number"},
    {"inet:local host:1", "allowed: unix:/path"},
    {"inet6:[::1:1", "allowed: unix:/path"},
    {"inet6:1@::g", "allowed: unix:/path"},
    {"inet6:1@IPv6:::1", "allowed: unix:/path"},
    {"inet6:1@127.0.0.1", "inet6 needs an IPv6 address"},
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_cases) / sizeof(wrong_cases[0]); i++) {
        struct arena *arena = arena_new(ARENA_LIMIT);
        struct config_socket socket;
        const char *wrong = config_socket_parse(arena, bytes_of(wrong_cases[i].text), &socket);
        if (!wrong || !strstr(wrong, wrong_cases[i].told))
            fail_msg("'%s': %s", wrong_cases[i].text, wrong ? wrong : "accepted");
        arena_free(arena);
    }
}

/* The longest host name and the longest path must not be cut off. */
static void long_names_fit(void **state)
{
    (void)state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct config_socket socket;
    char text[400], buf[CONFIG_SOCKET_TEXT];
    strcpy(text, "inet:65535@");
    while (strlen(text) < 11 + DOMAIN_MAX - 1)
        strcat(text, strlen(text) % 2 ? "a" : ".");
    strcat(text, "a");
    text[11] = 'b';
    assert_null(config_socket_parse(arena, bytes_of(text), &socket));
    assert_int_equal(strlen(socket.host), DOMAIN_MAX);
    assert_string_equal(config_socket_libmilter(&socket, buf), text);
    config_socket_sendmail(&socket, buf);
    assert_non_null(strstr(buf, socket.host));
    assert_string_equal(buf + strlen(buf) - 4, ")dnl");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_are_understood),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(long_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
