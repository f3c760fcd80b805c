/* test_ip.c - addresses and networks. */
#include "ip.h"

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static struct ip parse(const char *text)
{
    struct ip ip = {.family = IP_NONE};
    ip_parse(bytes_of(text), &ip);
    return ip;
}

static void test_text(void **state)
{
    static const struct {
        struct bytes text;
        const char *canonical; /* NULL: no address */
        enum ip_family family;
    } rows[] = {
        {BYTES("192.0.2.1"), "192.0.2.1", IP_V4},
        {BYTES("255.255.255.255"), "255.255.255.255", IP_V4},
        {BYTES("2001:DB8:0:0:0:0:0:1"), "2001:db8::1", IP_V6},
        {BYTES("2001:db8::1"), "2001:db8::1", IP_V6},
        {BYTES("IPv6:2001:db8::1"), "2001:db8::1", IP_V6},
        {BYTES("ipv6:::1"), "::1", IP_V6},
        {BYTES("::"), "::", IP_V6},
        {BYTES("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1", IP_V6}, /* RFC 5952 4.2.2 */
        {BYTES("::ffff:192.0.2.1"), "192.0.2.1", IP_V4},                /* mapped */
        {BYTES("::FFFF:c000:201"), "192.0.2.1", IP_V4},
        {BYTES("64:ff9b::192.0.2.1"), "64:ff9b::c000:201", IP_V6},
        {BYTES(""), NULL, IP_NONE},
        {BYTES("192.0.2"), NULL, IP_NONE},
        {BYTES("192.0.2.256"), NULL, IP_NONE},
        {BYTES("192.0.2.01"), NULL, IP_NONE},
        {BYTES("192.0.2.1 "), NULL, IP_NONE},
        {BYTES("192.0.2.1\0"), NULL, IP_NONE},
        {BYTES("[192.0.2.1]"), NULL, IP_NONE},
        {BYTES("0x7f.1"), NULL, IP_NONE},
        {BYTES("1:2:3:4:5:6:7"), NULL, IP_NONE},
        {BYTES("1:2:3:4:5:6:7:8:9"), NULL, IP_NONE},
        {BYTES("fe80::1%eth0"), NULL, IP_NONE},
        {BYTES("IPv6:"), NULL, IP_NONE},
        {BYTES("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"), NULL, IP_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip ip = {.family = IP_NONE};
        char text[IP_TEXT_MAX];
        assert_int_equal(ip_parse(rows[i].text, &ip), rows[i].canonical != NULL);
        assert_int_equal(ip.family, rows[i].family);
        assert_string_equal(ip_format(&ip, text),
                            rows[i].canonical ? rows[i].canonical : "unknown");
    }
}

/* The longest texts fit into their buffers. */
static void test_longest_texts(void **state)
{
    struct ip ip = parse("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");
    char text[IP_TEXT_MAX], reverse[IP_REVERSE_MAX];
    (void)state;
    assert_string_equal(ip_format(&ip, text), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_int_equal(strlen(ip_reverse(&ip, reverse)), 72);
    assert_true(sizeof(reverse) > 72);
}

static void test_reverse_names(void **state)
{
    char name[IP_REVERSE_MAX];
    struct ip ip = parse("192.0.2.1");
    (void)state;
    assert_string_equal(ip_reverse(&ip, name), "1.2.0.192.in-addr.arpa");
    ip = parse("2001:db8::a1");
    assert_string_equal(ip_reverse(&ip, name),
                        "1.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    ip.family = IP_NONE;
    assert_string_equal(ip_reverse(&ip, name), "");
}

static void test_sockets(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    (void)state;
    v4.sin_addr.s_addr = htonl(0xc0000201);
    struct ip wanted = parse("192.0.2.1");
    struct ip ip = ip_of_sockaddr((struct sockaddr *)&v4);
    assert_true(ip_equal(&ip, &wanted));
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr), 1);
    ip = ip_of_sockaddr((struct sockaddr *)&v6);
    assert_true(ip_equal(&ip, &wanted));
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr), 1);
    ip = ip_of_sockaddr((struct sockaddr *)&v6);
    wanted = parse("2001:db8::1");
    assert_true(ip_equal(&ip, &wanted));
    assert_int_equal(ip_of_sockaddr((struct sockaddr *)&local).family, IP_NONE);
    assert_int_equal(ip_of_sockaddr(&unspecified).family, IP_NONE);
    assert_int_equal(ip_of_sockaddr(NULL).family, IP_NONE);
}

static void test_loopback(void **state)
{
    static const struct {
        const char *text;
        bool loopback;
    } rows[] = {
        {"127.0.0.1", true},  {"127.255.255.254", true},
        {"::1", true},        {"::ffff:127.0.0.1", true},
        {"126.0.0.1", false}, {"128.0.0.1", false},
        {"::2", false},       {"::", false},
        {"1::1", false},      {"192.0.2.127", false},
        {"nothing", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip ip = parse(rows[i].text);
        assert_int_equal(ip_is_loopback(&ip), rows[i].loopback);
    }
}

static void test_networks(void **state)
{
    static const struct {
        const char *network;
        const char *inside, *outside; /* NULL: none */
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
        {"192.0.2.77/24", "192.0.2.1", "192.0.1.255"}, /* host bits are ignored */
        {"192.0.2.1", "192.0.2.1", "192.0.2.0"},
        {"192.0.2.1/32", "192.0.2.1", "192.0.2.3"},
        {"192.0.2.0/31", "192.0.2.1", "192.0.2.2"},
        {"128.0.0.0/1", "255.0.0.1", "127.0.0.1"},
        {"0.0.0.0/0", "203.0.113.9", "::1"},
        {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
        {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
        {"2001:db8::1", "2001:db8::1", "2001:db8::2"},
        {"::/0", "2001:db8::1", "192.0.2.1"}, /* IPv4 is not within IPv6 */
        {"::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"},
        {"::ffff:0.0.0.0/96", "192.0.2.9", "::1"},
    };
    static const char *const bad[] = {"",
                                      "/",
                                      "/24",
                                      "192.0.2.0/",
                                      "192.0.2.0/33",
                                      "192.0.2.0/-1",
                                      "192.0.2.0/24/24",
                                      "192.0.2.0/ 24",
                                      "2001:db8::/129",
                                      "192.0.2/24",
                                      "::ffff:192.0.2.0/95",
                                      "::ffff:192.0.2.0/129"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct network network;
        assert_true(network_parse(bytes_of(rows[i].network), &network));
        struct ip inside = parse(rows[i].inside);
        struct ip outside = parse(rows[i].outside);
        if (!network_contains(&network, &inside) || network_contains(&network, &outside))
            fail_msg("%s", rows[i].network);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct network network;
        assert_false(network_parse(bytes_of(bad[i]), &network));
    }
}

static void test_matching(void **state)
{
    struct ip a = parse("192.0.2.1"), b = parse("192.0.2.2"), none = {.family = IP_NONE};
    (void)state;
    assert_true(ip_matches(&a, &b, 30));
    assert_false(ip_matches(&a, &b, 31));
    assert_false(ip_matches(&a, &b, 128)); /* clamped to 32 */
    assert_true(ip_matches(&a, &a, 4000));
    assert_true(ip_matches(&a, &b, 0));
    assert_false(ip_matches(&none, &none, 0)); /* no address matches nothing, not even /0 */
    assert_false(ip_matches(&a, &none, 0));
    assert_false(ip_equal(&a, &b));
    assert_false(ip_equal(&a, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),          cmocka_unit_test(test_longest_texts),
        cmocka_unit_test(test_reverse_names), cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_loopback),      cmocka_unit_test(test_networks),
        cmocka_unit_test(test_matching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
