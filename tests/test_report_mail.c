/* test_report_mail.c - the mail that carries a report, octet by octet, and its signatures.
 *
 * That other parsers and verifiers see the same is asserted by
 * tests/conformance/check_report_mail.py.
 */
#include "unit.h"

#include "dkim_harness.h"
#include "key_files.h"
#include "report_mail.h"
#include "sign_harness.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_OCTETS = 1 << 24 };

static struct arena *arena;

static const struct bytes recipients[] = {BYTES("rua@example.com")};

static struct report_mail mail(void)
{
    return (struct report_mail){.sender = BYTES("dmarc@mx.example"),
                                .org = BYTES("Example Org"),
                                .receiver = BYTES("mx.example"),
                                .policy_domain = BYTES("example.com"),
                                .report_id = BYTES("0a1B2c3D"),
                                .begin = 1795219200,
                                .end = 1795305599,
                                .messages = 4711,
                                .recipients = recipients,
                                .recipient_count = 1,
                                .body = BYTES("\x1f\x8b"
                                              "not really gzip, but octets\0\xff"),
                                .gzip = true,
                                .date = 1795342320};
}

static const char *compose(const struct report_mail *mail)
{
    struct bytes message = report_mail_compose(arena, mail);
    assert_int_equal(strlen(message.data), message.len); /* no NUL in it */
    return message.data;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool result = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return result;
}

/* ---- the whole ---- */

static const char expected[] =
    "From: \"Example Org\" <dmarc@mx.example>\r\n"
    "To: rua@example.com\r\n"
    "Subject: Report Domain: example.com Submitter: mx.example Report-ID:\r\n"
    " <0a1B2c3D>\r\n"
    "Date: Sun, 22 Nov 2026 10:12:00 +0000\r\n"
    "Message-ID: <0a1B2c3D@mx.example>\r\n"
    "Auto-Submitted: auto-generated\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed;\r\n"
    " boundary=\"=_assay_0a1B2c3D\"\r\n"
    "\r\n"
    "--=_assay_0a1B2c3D\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "This is a DMARC aggregate report (RFC 9990), made by a program.\r\n"
    "\r\n"
    "Reported by:  Example Org\r\n"
    "Domain:       example.com\r\n"
    "From:         2026-11-21 00:00:00 UTC\r\n"
    "To:           2026-11-21 23:59:59 UTC\r\n"
    "Messages:     4711\r\n"
    "Report-ID:    0a1B2c3D\r\n"
    "\r\n"
    "The attached XML file (compressed with gzip) tells which hosts\r\n"
    "sent us mail in the name of this domain, and whether that mail passed SPF,\r\n"
    "DKIM and DMARC. You get it because the rua=3D tag of the record at\r\n"
    "\r\n"
    "    _dmarc.example.com\r\n"
    "\r\n"
    "asks for reports to this address; without it there they stop.\r\n"
    "\r\n"
    "Nobody reads replies to this mail. To reach us:\r\n"
    "\r\n"
    "    postmaster@mx.example\r\n"
    "--=_assay_0a1B2c3D\r\n"
    "Content-Type: application/gzip;\r\n"
    " name=\"mx.example!example.com!1795219200!1795305599!0a1B2c3D.xml.gz\"\r\n"
    "Content-Disposition: attachment;\r\n"
    " filename=\"mx.example!example.com!1795219200!1795305599!0a1B2c3D.xml.gz\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "H4tub3QgcmVhbGx5IGd6aXAsIGJ1dCBvY3RldHMA/w==\r\n"
    "--=_assay_0a1B2c3D--\r\n";

static void test_mail(void **state)
{
    (void)state;
    struct report_mail one = mail();
    assert_string_equal(compose(&one), expected);
    assert_string_equal(compose(&one), expected); /* again, the same */
}

static void test_plain(void **state)
{
    (void)state;
    struct report_mail one = mail();
    one.gzip = false;
    const char *text = compose(&one);
    assert_non_null(strstr(text, "\r\nContent-Type: text/xml;\r\n name=\"mx.example!example.com!"
                                 "1795219200!1795305599!0a1B2c3D.xml\"\r\n"));
    assert_non_null(strstr(text, "The attached XML file tells"));
}

static void test_contact(void **state)
{
    (void)state;
    struct report_mail one = mail();
    one.contact = BYTES("https://mx.example/\xc3\xbc\n--=_assay_0a1B2c3D--");
    const char *text = compose(&one);
    assert_non_null(strstr(text, "To reach us:\r\n\r\n    https://mx.example/=C3=BC "
                                 "--=3D_assay_0a1B2c3D--\r\n"));
}

static void test_recipients(void **state)
{
    (void)state;
    static const struct bytes some[] = {BYTES("a@example.com"), BYTES("evil\r\nBcc: x@example.com"),
                                        BYTES("\"b c\"@example.org")};
    struct report_mail one = mail();
    one.recipients = some;
    one.recipient_count = 3;
    assert_non_null(
        strstr(compose(&one), "\r\nTo: a@example.com, \"b c\"@example.org\r\nSubject:"));
    one.recipients = some + 1;
    one.recipient_count = 1;
    assert_non_null(strstr(compose(&one), "\r\nTo: undisclosed-recipients:;\r\nSubject:"));
}

static void test_no_sender(void **state)
{
    (void)state;
    struct report_mail one = mail();
    one.sender = BYTES("nobody");
    assert_int_equal(report_mail_compose(arena, &one).len, 0);
    struct arena *small = arena_new(5000);
    one = mail();
    assert_int_equal(report_mail_compose(small, &one).len, 0);
    arena_free(small);
}

static void test_utf8_name(void **state)
{
    (void)state;
    struct report_mail one = mail();
    one.org = BYTES("B\xc3\xbc"
                    "cher GmbH");
    const char *text = compose(&one);
    assert_int_equal(
        strncmp(text, "From: =?UTF-8?B?QsO8Y2hlciBHbWJI?= <dmarc@mx.example>\r\nTo", 56), 0);
    assert_non_null(strstr(text, "Reported by:  B=C3=BCcher GmbH\r\n"));
    one.org = BYTES("");
    assert_int_equal(strncmp(compose(&one), "From: <dmarc@mx.example>\r\n", 26), 0);
}

/* ---- RFC 9990 3.5.2 as regular expressions ---- */

#define LDH       "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
#define DOMAIN    LDH "(\\." LDH ")+"
#define FILE_NAME "^" DOMAIN "!" DOMAIN "![0-9]+![0-9]+(![A-Za-z0-9]+)?\\.xml(\\.gz)?$"
#define ATOM      "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
#define DOT_ATOM  ATOM "(\\." ATOM ")*"
#define RIDFMT    DOT_ATOM "(@" DOT_ATOM ")?"
#define SUBJECT                                                                                    \
    "^Report +Domain: +" DOMAIN " +Submitter: +" DOMAIN " +(Report-ID: +(<" RIDFMT ">|" RIDFMT     \
    "))?$"

static void test_names(void **state)
{
    (void)state;
    char name[REPORT_FILE_NAME_MAX];
    struct report_mail one = mail();
    assert_string_equal(report_file_name(&one, name),
                        "mx.example!example.com!1795219200!1795305599!0a1B2c3D.xml.gz");
    assert_true(matches(name, FILE_NAME));
    assert_string_equal(report_subject(arena, &one),
                        "Report Domain: example.com Submitter: mx.example Report-ID: <0a1B2c3D>");
    assert_true(matches(report_subject(arena, &one), SUBJECT));
    assert_false(matches("mx.example!example.com!1!2!.xml", FILE_NAME));
    assert_false(matches("Report domain: a.b Submitter: c.d ", SUBJECT));
}

static void test_longest_names(void **state)
{
    (void)state;
    char name[REPORT_FILE_NAME_MAX], domain[254];
    for (int i = 0; i < 253; i++)
        domain[i] = i % 64 == 63 ? '.' : 'a';
    domain[253] = '\0';
    struct report_mail one = mail();
    one.receiver = one.policy_domain = bytes_of(domain);
    one.report_id = BYTES("0123456789abcdef0123456789ABCDEF");
    one.begin = one.end = INT64_MAX;
    report_file_name(&one, name);
    assert_true(matches(name, FILE_NAME));
    assert_int_equal(strlen(name), 2 * 253 + 2 * 19 + 32 + 4 + 7);
    assert_true(matches(report_subject(arena, &one), SUBJECT));
    one.report_id = BYTES("-/-"); /* nothing of it can be kept */
    one.begin = one.end = -1;
    assert_true(matches(report_file_name(&one, name), FILE_NAME));
}

/* ---- hostile values in every place ---- */

static void check_lines(struct bytes message)
{
    size_t start = 0;
    for (size_t i = 0; i < message.len; i++) {
        unsigned char c = (unsigned char)message.data[i];
        assert_true((c >= ' ' && c <= '~') || c == '\r' || c == '\n' || c == '\t');
        if (c == '\r')
            assert_int_equal(message.data[i + 1], '\n');
        if (c == '\n') {
            assert_true(i > 0 && message.data[i - 1] == '\r');
            assert_true(i - start < 999); /* 998 without CRLF (RFC 5322 2.1.1) */
            start = i + 1;
        }
    }
    assert_int_equal(start, message.len);
}

static void count_field(void *context, struct bytes name, struct bytes value)
{
    size_t *seen = context;
    static const char *const names[] = {"From",         "To",           "Subject",
                                        "Date",         "Message-ID",   "Auto-Submitted",
                                        "MIME-Version", "Content-Type", NULL};
    assert_non_null(names[*seen]);
    assert_true(bytes_is(name, names[*seen]));
    assert_true(value.len > 1);
    ++*seen;
}

static void test_hostile(void **state)
{
    (void)state;
    static const char text[] =
        "a\r\nBcc: x@example.com\r\n\r\nbody\"\\<>@!\0\xff\xc3\xbc=?UTF-8?Q?a?=";
    struct bytes hostile = {text, sizeof(text) - 1};
    struct report_mail one = mail();
    one.org = one.contact = one.receiver = one.policy_domain = one.report_id = hostile;
    one.recipients = &hostile;
    struct bytes message = report_mail_compose(arena, &one);
    size_t seen = 0;
    check_lines(message);
    struct bytes body = dkim_test_fields(message, count_field, &seen);
    assert_int_equal(seen, 8);
    assert_int_equal(strncmp(body.data, "--=_assay_aBccxexamplecombodyUTF8Qa\r\n", 37), 0);
    char name[REPORT_FILE_NAME_MAX];
    report_file_name(&one, name);
    assert_true(
        matches(name, "^[A-Za-z0-9._-]+![A-Za-z0-9._-]+![0-9]+![0-9]+![A-Za-z0-9]+.xml.gz$"));
}

static void test_long_values(void **state)
{
    (void)state;
    char *text = arena_alloc(arena, 5000);
    memset(text, 'x', 5000);
    struct bytes longest = {text, 5000};
    struct report_mail one = mail();
    one.org = one.contact = one.receiver = one.policy_domain = one.report_id = longest;
    one.recipients = &longest;
    check_lines(report_mail_compose(arena, &one));
}

/* ---- signatures ---- */

struct signing_case {
    struct key_files *files;
    struct key_store *store;
    struct dkim_test dkim;
    struct policy_env env;
    struct signing_settings settings;
};

static void begin_signing(struct signing_case *signing)
{
    char error[KEY_STORE_ERROR];
    struct signing_test defaults;
    signing_test_begin(&defaults, 1795342320);
    dkim_test_begin(&signing->dkim);
    signing->dkim.now = 1795342330;
    signing->files = key_files_new();
    key_files_key(signing->files, "keys/mx.example/e1.pem", 0, 10);
    key_files_key(signing->files, "keys/mx.example/r1.pem", 2048, 10);
    key_files_publish(signing->files, signing->dkim.dns, "r1", "mx.example",
                      "keys/mx.example/r1.pem");
    key_files_publish(signing->files, signing->dkim.dns, "e1", "mx.example",
                      "keys/mx.example/e1.pem");
    struct key_store_options options = key_files_options(signing->files);
    options.key_directory = key_files_path(signing->files, "keys");
    signing->store = key_store_new(&options, NULL, error);
    assert_non_null(signing->store);
    signing->env = defaults.env;
    signing->env.keys = key_store_source(signing->store);
    signing->settings = defaults.settings;
}

static void end_signing(struct signing_case *signing)
{
    key_store_unref(signing->store);
    key_files_free(signing->files);
    dkim_test_end(&signing->dkim);
}

static void test_sign(void **state)
{
    (void)state;
    struct signing_case signing;
    const char *why_not;
    struct report_mail one = mail();
    begin_signing(&signing);
    struct bytes message = report_mail_compose(arena, &one);
    struct bytes is =
        report_mail_sign(arena, &signing.env, &signing.settings, one.sender, message, &why_not);
    assert_string_equal(why_not, "");
    check_lines((struct bytes){is.data, is.len - message.len});
    assert_string_equal(is.data + is.len - message.len, expected);
    dkim_test_verify(&signing.dkim, is);
    assert_int_equal(signing.dkim.results.count, 2);
    assert_string_equal(dkim_test_result(&signing.dkim, 0), "pass");
    assert_string_equal(dkim_test_result(&signing.dkim, 1), "pass");
    assert_string_equal(domain_text(signing.dkim.results.signatures[0].domain), "mx.example");
    /* and not by accident */
    char *changed = strndup(is.data, is.len);
    strstr(changed, "4711")[0] = '5';
    dkim_test_verify(&signing.dkim, bytes_of(changed));
    assert_string_equal(dkim_test_result(&signing.dkim, 0), "fail");
    free(changed);
    end_signing(&signing);
}

static void test_not_signed(void **state)
{
    (void)state;
    static const struct {
        const char *sender, *message, *why_not;
    } cases[] = {
        {"dmarc@mx.example", "From: a@other.example\r\n\r\nx\r\n",
         "the From field is not of ReportSender's domain"},
        {"dmarc@other.example", "From: a@other.example\r\n\r\nx\r\n", "no key for other.example"},
        {"dmarc@mx.example", "To: a@mx.example\r\n\r\nx\r\n", "no From field"},
        {"dmarc@mx.example", "From: a@mx.example\r\nFrom: b@mx.example\r\n\r\nx\r\n",
         "2 From fields"},
        {"dmarc@mx.example", "", "no From field"},
        {"nobody", "From: a@mx.example\r\n\r\nx\r\n",
         "the From field is not of ReportSender's domain"},
    };
    struct signing_case signing;
    const char *why_not;
    begin_signing(&signing);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bytes message = bytes_of(cases[i].message);
        struct bytes same = report_mail_sign(arena, &signing.env, &signing.settings,
                                             bytes_of(cases[i].sender), message, &why_not);
        assert_string_equal(why_not, cases[i].why_not);
        assert_ptr_equal(same.data, message.data);
        assert_int_equal(same.len, message.len);
    }
    signing.env.keys = NULL;
    report_mail_sign(arena, &signing.env, &signing.settings, BYTES("a@mx.example"),
                     BYTES("From: a@mx.example\r\n\r\nx\r\n"), &why_not);
    assert_string_equal(why_not, "no keys are configured");
    end_signing(&signing);
}

/* Headers and bodies that end too early. */
static void test_sign_fragments(void **state)
{
    (void)state;
    static const char *const fragments[] = {"From: a@mx.example",
                                            "From: a@mx.example\r\n",
                                            "From: a@mx.example\r\n\r\n",
                                            "From: a@mx.example\r\n \r\n\r\n",
                                            "From:\r\n a@mx.example\r\n\r\n\r\n\r\n",
                                            "From: a@mx.example\r\nno colon\r\n\r\nx"};
    struct signing_case signing;
    const char *why_not;
    begin_signing(&signing);
    for (size_t i = 0; i < sizeof(fragments) / sizeof(*fragments); i++) {
        struct bytes is = report_mail_sign(arena, &signing.env, &signing.settings,
                                           BYTES("a@mx.example"), bytes_of(fragments[i]), &why_not);
        assert_string_equal(why_not, "");
        assert_int_equal(strncmp(is.data, "DKIM-Signature: ", 16), 0);
    }
    end_signing(&signing);
}

static void test_sign_out_of_memory(void **state)
{
    (void)state;
    struct signing_case signing;
    const char *why_not;
    struct report_mail one = mail();
    begin_signing(&signing);
    struct bytes message = report_mail_compose(arena, &one);
    size_t failures = 0;
    for (size_t limit = 1000; limit < 200000; limit += 1000) {
        struct arena *small = arena_new(limit);
        struct bytes is =
            report_mail_sign(small, &signing.env, &signing.settings, one.sender, message, &why_not);
        if (arena_failed(small)) {
            assert_int_equal(is.len, 0);
            failures++;
        } else {
            assert_string_equal(why_not, "");
            assert_true(is.len > message.len);
        }
        arena_free(small);
    }
    assert_true(failures > 2 && failures < 199);
    end_signing(&signing);
}

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new(ARENA_OCTETS);
    return arena ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return dkim_global_init() ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    dkim_global_cleanup();
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mail),           TEST(test_plain),
        TEST(test_contact),        TEST(test_recipients),
        TEST(test_no_sender),      TEST(test_utf8_name),
        TEST(test_names),          TEST(test_longest_names),
        TEST(test_hostile),        TEST(test_long_values),
        TEST(test_sign),           TEST(test_not_signed),
        TEST(test_sign_fragments), TEST(test_sign_out_of_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
