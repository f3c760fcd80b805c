/* test_report_xml.c - an aggregate report, element by element.
 *
 * Every document is validated against the schema of RFC 9990 appendix A. The wide
 * corpus, checked by xmllint and Python, is tests/conformance/check_report_xml.py.
 */
#include "unit.h"

#include "report_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <zlib.h>

enum { MAXIMUM = 1 << 24, PLAIN_MAX = 1 << 22 };

static struct report_policy policy(void)
{
    return (struct report_policy){
        .domain = BYTES("example.com"), .p = DMARC_POLICY_REJECT, .fo = BYTES("0")};
}

static struct report_head head_of(const struct report_policy *policy)
{
    return (struct report_head){.org_name = BYTES("Example Org"),
                                .email = BYTES("dmarc@mx.example"),
                                .report_id = BYTES("0123456789abcdefABCDEF"),
                                .begin = 1795219200,
                                .end = 1795305599,
                                .policy = policy};
}

static struct report_row row(void)
{
    struct report_row row = {.disposition = REPORT_DISPOSITION_NONE,
                             .header_from = BYTES("example.com"),
                             .envelope_from = BYTES("bounces.example.com"),
                             .spf_domain = BYTES("bounces.example.com"),
                             .spf_result = AUTH_PASS,
                             .spf_aligned = true};
    assert_true(ip_parse(BYTES("192.0.2.1"), &row.source));
    return row;
}

static char *plain; /* the last report, uncompressed, NUL-terminated */

static void write_report(const struct report_head *head, const struct report_row *rows,
                         size_t count)
{
    struct bytes out;
    const char *why;
    struct report_writer *writer = report_writer_new(head, REPORT_XML, MAXIMUM);
    assert_non_null(writer);
    for (size_t i = 0; i < count; i++)
        report_writer_record(writer, &rows[i], (int64_t)i + 1);
    if (!report_writer_finish(writer, &out, &why))
        fail_msg("%s", why);
    assert_string_equal(why, "");
    free(plain);
    plain = strndup(out.data, out.len);
    assert_int_equal(strlen(plain), out.len);
    report_writer_free(writer);
}

static void quiet(void *context, const char *format, ...)
{
    (void)context;
    (void)format;
}

/* NULL when it is not even well-formed. */
static xmlDocPtr parse(const char *text)
{
    return xmlReadMemory(text, (int)strlen(text), "report.xml", NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

static bool is_valid(const char *text)
{
    char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof(path), "%s/tests/conformance/data/report-xsd/rfc9990-dmarc-xml-0.2.xsd",
             srcdir ? srcdir : ".");
    xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(path);
    xmlSchemaPtr schema = xmlSchemaParse(parser);
    assert_non_null(schema);
    xmlDocPtr document = parse(text);
    assert_non_null(document);
    xmlSchemaValidCtxtPtr context = xmlSchemaNewValidCtxt(schema);
    xmlSchemaSetValidErrors(context, quiet, quiet, NULL);
    bool valid = xmlSchemaValidateDoc(context, document) == 0;
    xmlSchemaFreeValidCtxt(context);
    xmlFreeDoc(document);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(parser);
    return valid;
}

static void has(const char *part)
{
    if (!strstr(plain, part))
        fail_msg("no %s in\n%s", part, plain);
}

static void has_not(const char *part)
{
    if (strstr(plain, part))
        fail_msg("%s in\n%s", part, plain);
}

/* ---- a whole report ---- */

static const char smallest[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
                               "  <version>1.0</version>\n"
                               "  <report_metadata>\n"
                               "    <org_name>Example Org</org_name>\n"
                               "    <email>dmarc@mx.example</email>\n"
                               "    <report_id>0123456789abcdefABCDEF</report_id>\n"
                               "    <date_range>\n"
                               "      <begin>1795219200</begin>\n"
                               "      <end>1795305599</end>\n"
                               "    </date_range>\n"
                               "    <generator>Assay " PACKAGE_VERSION "</generator>\n"
                               "  </report_metadata>\n"
                               "  <policy_published>\n"
                               "    <domain>example.com</domain>\n"
                               "    <discovery_method>treewalk</discovery_method>\n"
                               "    <p>reject</p>\n"
                               "    <fo>0</fo>\n"
                               "    <adkim>r</adkim>\n"
                               "    <aspf>r</aspf>\n"
                               "    <testing>n</testing>\n"
                               "  </policy_published>\n"
                               "  <record>\n"
                               "    <row>\n"
                               "      <source_ip>192.0.2.1</source_ip>\n"
                               "      <count>1</count>\n"
                               "      <policy_evaluated>\n"
                               "        <disposition>none</disposition>\n"
                               "        <dkim>fail</dkim>\n"
                               "        <spf>pass</spf>\n"
                               "      </policy_evaluated>\n"
                               "    </row>\n"
                               "    <identifiers>\n"
                               "      <header_from>example.com</header_from>\n"
                               "      <envelope_from>bounces.example.com</envelope_from>\n"
                               "    </identifiers>\n"
                               "    <auth_results>\n"
                               "      <spf>\n"
                               "        <domain>bounces.example.com</domain>\n"
                               "        <scope>mfrom</scope>\n"
                               "        <result>pass</result>\n"
                               "      </spf>\n"
                               "    </auth_results>\n"
                               "  </record>\n"
                               "</feedback>\n";

static void test_smallest(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct report_row one = row();
    write_report(&head, &one, 1);
    assert_string_equal(plain, smallest);
    assert_true(is_valid(plain));
}

static void test_everything(void **state)
{
    (void)state;
    struct report_policy published = {.domain = BYTES("example.com"),
                                      .p = DMARC_POLICY_NONE,
                                      .sp = DMARC_POLICY_QUARANTINE,
                                      .np = DMARC_POLICY_REJECT,
                                      .strict_dkim = true,
                                      .strict_spf = true,
                                      .testing = true,
                                      .fo = BYTES("1:d:s"),
                                      .error = BYTES("sp= has an unknown value")};
    struct report_head head = head_of(&published);
    struct report_row one = row();
    struct report_signature signatures[] = {
        {BYTES("example.com"), BYTES("s1"), AUTH_PASS, BYTES_EMPTY},
        {BYTES("list.example"), BYTES("s2"), AUTH_FAIL, BYTES("body hash did not verify")},
    };
    head.extra_contact_info = BYTES("https://mx.example/dmarc");
    one.signatures = signatures;
    one.signature_count = 2;
    one.reasons[0] = (struct report_reason){OVERRIDE_POLICY_TEST_MODE, BYTES("t=y")};
    one.reasons[1] = (struct report_reason){OVERRIDE_MAILING_LIST, BYTES_EMPTY};
    one.reason_count = 2;
    one.spf_result = AUTH_SOFTFAIL;
    one.spf_reason = BYTES("matched ~all");
    write_report(&head, &one, 1);
    assert_true(is_valid(plain));
    has("<extra_contact_info>https://mx.example/dmarc</extra_contact_info>\n    <report_id>");
    has("</date_range>\n    <error>sp= has an unknown value</error>\n    <generator>");
    has("<p>none</p>\n    <sp>quarantine</sp>\n    <np>reject</np>\n    <fo>1:d:s</fo>\n"
        "    <adkim>s</adkim>\n    <aspf>s</aspf>\n    <testing>y</testing>\n");
    has("<spf>pass</spf>\n"
        "        <reason>\n          <type>policy_test_mode</type>\n"
        "          <comment>t=y</comment>\n        </reason>\n"
        "        <reason>\n          <type>mailing_list</type>\n        </reason>\n");
    has("<dkim>\n        <domain>example.com</domain>\n        <selector>s1</selector>\n"
        "        <result>pass</result>\n      </dkim>\n"
        "      <dkim>\n        <domain>list.example</domain>\n        <selector>s2</selector>\n"
        "        <result>fail</result>\n"
        "        <human_result>body hash did not verify</human_result>\n      </dkim>\n"
        "      <spf>");
    has("<result>softfail</result>\n        <human_result>matched ~all</human_result>");
    has_not("pct");
}

/* ---- values ---- */

static void test_policies_without_a_word(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct report_row one = row();
    published.p = DMARC_POLICY_INVALID;
    published.sp = DMARC_POLICY_INVALID;
    published.np = DMARC_POLICY_UNSET;
    published.fo = BYTES_EMPTY;
    write_report(&head, &one, 1);
    assert_true(is_valid(plain));
    has("<p>none</p>\n    <fo>0</fo>");
}

static void test_every_word(void **state)
{
    (void)state;
    static const char *const results[] = {"none",    "pass",   "fail",      "softfail",
                                          "neutral", "policy", "temperror", "permerror"};
    static const char *const dispositions[] = {"none", "pass", "quarantine", "reject"};
    static const char *const reasons[] = {"local_policy", "mailing_list", "trusted_forwarder",
                                          "policy_test_mode", "other"};
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    char text[100];
    for (int i = 0; i < 8; i++) {
        struct report_signature signature = {BYTES("d.example"), BYTES("s"), (enum auth_result)i,
                                             BYTES_EMPTY};
        struct report_row one = row();
        one.spf_result = (enum auth_result)i;
        one.signatures = &signature;
        one.signature_count = 1;
        one.disposition = (enum report_disposition)(i % 4);
        one.reasons[0].type = (enum override)(OVERRIDE_LOCAL_POLICY + i % 5);
        one.reason_count = 1;
        write_report(&head, &one, 1);
        assert_true(is_valid(plain));
        snprintf(text, sizeof(text), "<scope>mfrom</scope>\n        <result>%s<", results[i]);
        has(text);
        /* RFC 8601 2.7.1: DKIM knows no softfail */
        snprintf(text, sizeof(text), "<selector>s</selector>\n        <result>%s<",
                 i == AUTH_SOFTFAIL ? "fail" : results[i]);
        has(text);
        snprintf(text, sizeof(text), "<disposition>%s<", dispositions[i % 4]);
        has(text);
        snprintf(text, sizeof(text), "<type>%s<", reasons[i % 5]);
        has(text);
    }
}

static void test_null_reverse_path(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct report_row one = row();
    one.envelope_from = BYTES_EMPTY;
    one.spf_domain = BYTES("mail.example.com");
    write_report(&head, &one, 1);
    assert_true(is_valid(plain));
    has("<envelope_from></envelope_from>");
    has("<domain>mail.example.com</domain>\n        <scope>mfrom</scope>");
}

static void test_without_spf_domain(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct report_row one = row();
    one.spf_domain = BYTES_EMPTY;
    write_report(&head, &one, 1);
    assert_true(is_valid(plain));
    has_not("<scope>");
}

/* RFC 3986 3.2.2: IPv6address has no brackets, IP-literal has. */
static void test_ipv6(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct report_row rows[] = {row(), row()};
    ip_parse(BYTES("2001:DB8:0:0::7"), &rows[0].source);
    ip_parse(BYTES("::ffff:192.0.2.9"), &rows[1].source);
    write_report(&head, rows, 2);
    assert_true(is_valid(plain));
    has("<source_ip>2001:db8::7</source_ip>");
    has("<source_ip>192.0.2.9</source_ip>\n      <count>2</count>");
}

/* ---- hostile text ---- */

static void test_hostile_text(void **state)
{
    (void)state;
    static const char hostile[] = "a]]></comment><x>&amp;<!--\"'\0\x01\xff\r\n\xef\xbf\xbf";
    struct bytes text = {hostile, sizeof(hostile) - 1};
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct report_row one = row();
    struct report_signature signature = {text, text, AUTH_FAIL, text};
    published.domain = published.error = published.fo = text;
    head.org_name = head.email = head.extra_contact_info = head.report_id = text;
    one.header_from = one.envelope_from = one.spf_domain = one.spf_reason = text;
    one.signatures = &signature;
    one.signature_count = 1;
    one.reasons[0] = (struct report_reason){OVERRIDE_OTHER, text};
    one.reason_count = 1;
    write_report(&head, &one, 1);
    assert_true(is_valid(plain));
    xmlDocPtr document = parse(plain);
    xmlNodePtr record = xmlGetLastChild(xmlDocGetRootElement(document));
    while (record->type != XML_ELEMENT_NODE)
        record = record->prev;
    xmlChar *content = xmlNodeGetContent(record);
    /* read back: what XML can hold as it was, the rest replaced */
    const char *expected = "a]]></comment><x>&amp;<!--\"'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\r\n"
                           "\xef\xbf\xbd";
    size_t seen = 0;
    for (const char *at = (const char *)content; (at = strstr(at, expected)); at++)
        seen++;
    assert_int_equal(seen, 8);
    xmlFree(content);
    xmlFreeDoc(document);
}

/* ---- size ---- */

static size_t unzip(struct bytes gzip, char *out)
{
    z_stream zlib = {.next_in = (z_const Bytef *)gzip.data,
                     .avail_in = (unsigned)gzip.len,
                     .next_out = (Bytef *)out,
                     .avail_out = PLAIN_MAX};
    assert_int_equal(inflateInit2(&zlib, MAX_WBITS + 16), Z_OK);
    assert_int_equal(inflate(&zlib, Z_FINISH), Z_STREAM_END);
    assert_int_equal(zlib.avail_in, 0);
    inflateEnd(&zlib);
    return PLAIN_MAX - zlib.avail_out;
}

static struct report_writer *write_many(const struct report_head *head, enum report_format format,
                                        int records, size_t maximum)
{
    struct report_row one = row();
    struct report_writer *writer = report_writer_new(head, format, maximum);
    assert_non_null(writer);
    for (int i = 0; i < records; i++) {
        one.source.octets[2] = (uint8_t)(i >> 8);
        one.source.octets[3] = (uint8_t)i;
        report_writer_record(writer, &one, i + 1);
    }
    return writer;
}

static void test_gzip(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    char *unzipped = malloc(PLAIN_MAX);
    struct bytes zip, again, text;
    const char *why;
    struct report_writer *writers[] = {write_many(&head, REPORT_XML_GZIP, 3000, MAXIMUM),
                                       write_many(&head, REPORT_XML_GZIP, 3000, MAXIMUM),
                                       write_many(&head, REPORT_XML, 3000, MAXIMUM)};
    assert_true(report_writer_finish(writers[0], &zip, &why));
    assert_true(report_writer_finish(writers[1], &again, &why));
    assert_true(report_writer_finish(writers[2], &text, &why));
    assert_true(bytes_equal(zip, again)); /* no time in it */
    /* RFC 1952 2.3: magic, deflate, no flags, MTIME 0 */
    assert_memory_equal(zip.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
    assert_true(zip.len < text.len / 10);
    assert_int_equal(unzip(zip, unzipped), text.len);
    assert_memory_equal(unzipped, text.data, text.len);
    for (int i = 0; i < 3; i++)
        report_writer_free(writers[i]);
    free(unzipped);
}

static void test_maximum(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct bytes out, whole;
    const char *why;
    for (int format = REPORT_XML; format <= REPORT_XML_GZIP; format++) {
        enum report_format form = (enum report_format)format;
        struct report_writer *writer = write_many(&head, form, 500, MAXIMUM);
        assert_true(report_writer_finish(writer, &whole, &why));
        struct report_writer *exact = write_many(&head, form, 500, whole.len);
        assert_true(report_writer_finish(exact, &out, &why));
        assert_true(bytes_equal(out, whole));
        struct report_writer *less = write_many(&head, form, 500, whole.len - 1);
        assert_false(report_writer_finish(less, &out, &why));
        assert_string_equal(why, "larger than the maximum size of a report");
        assert_int_equal(out.len, 0);
        report_writer_free(less);
        report_writer_free(exact);
        report_writer_free(writer);
    }
}

/* RFC 9990 3.1.1.2: at least one record. */
static void test_no_record(void **state)
{
    (void)state;
    struct report_policy published = policy();
    struct report_head head = head_of(&published);
    struct bytes out;
    const char *why;
    struct report_writer *writer = report_writer_new(&head, REPORT_XML_GZIP, MAXIMUM);
    assert_false(report_writer_finish(writer, &out, &why));
    assert_string_equal(why, "a report has at least one record");
    report_writer_free(writer);
    report_writer_free(report_writer_new(&head, REPORT_XML_GZIP, MAXIMUM)); /* given up */
    report_writer_free(NULL);
}

/* ---- the validator itself ---- */

static char *replaced(const char *text, const char *what, const char *with)
{
    const char *at = strstr(text, what);
    char *out = NULL;
    assert_non_null(at);
    assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what)) > 0);
    return out;
}

static void test_the_schema_refuses(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"<testing>n</testing>", "<testing>n</testing><pct>100</pct>"},
        {" xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"", ""},
        {"<scope>mfrom</scope>", "<scope>helo</scope>"},
        {"<dkim>fail</dkim>\n        <spf>pass</spf>", "<spf>pass</spf><dkim>fail</dkim>"},
        {"<auth_results>", "<auth_results><dkim><domain>a</domain><result>pass</result></dkim>"},
        {"<spf>pass</spf>", "<spf>pass</spf><reason><type>forwarded</type></reason>"},
        {"<count>1</count>", "<count>many</count>"},
        {"<p>reject</p>", "<p></p>"},
    };
    assert_true(is_valid(smallest));
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        char *changed = replaced(smallest, changes[i][0], changes[i][1]);
        if (is_valid(changed))
            fail_msg("the schema allows %s", changes[i][1]);
        free(changed);
    }
    char *changed = replaced(smallest, "<auth_results>",
                             "<auth_results><dkim><domain>a</domain><result>pass</result>"
                             "<selector>s</selector></dkim>");
    assert_true(is_valid(changed)); /* it was the selector that was missing */
    free(changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_policies_without_a_word),
        cmocka_unit_test(test_every_word),
        cmocka_unit_test(test_null_reverse_path),
        cmocka_unit_test(test_without_spf_domain),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_no_record),
        cmocka_unit_test(test_the_schema_refuses),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(plain);
    xmlCleanupParser();
    return failed;
}
