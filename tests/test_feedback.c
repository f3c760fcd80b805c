/* test_feedback.c - aggregate reports of others: both RFCs' forms, what occurs in the wild, and
 * what is meant to harm. */
#include "feedback.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY = 256 << 20 };

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(MEMORY);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- reading ---- */

static struct feedback *parse_bytes(struct bytes xml)
{
    const char *why = "untouched";
    /* in a block of its own, so that AddressSanitizer sees what is read behind it */
    char *block = malloc(xml.len ? xml.len : 1);
    assert_non_null(block);
    if (xml.len)
        memcpy(block, xml.data, xml.len);
    struct feedback *feedback = feedback_parse(arena, (struct bytes){block, xml.len}, &why);
    free(block);
    if (!feedback)
        fail_msg("%s", why);
    assert_null(why);
    return feedback;
}

static struct feedback *parse(const char *xml)
{
    return parse_bytes(bytes_of(xml));
}

/* It is refused, and the reason holds that text. */
static void refuse_bytes(struct bytes xml, const char *wanted)
{
    const char *why = NULL;
    struct arena *own = arena_new(MEMORY);
    assert_non_null(own);
    if (feedback_parse(own, xml, &why))
        fail_msg("accepted, wanted: %s", wanted);
    if (!why || !strstr(why, wanted))
        fail_msg("\"%s\", wanted \"%s\"", why ? why : "(no reason)", wanted);
    assert_null(strchr(why, '\n'));
    arena_free(own);
}

static void refuse(const char *xml, const char *wanted)
{
    refuse_bytes(bytes_of(xml), wanted);
}

/* A report of one record around what is given. */
static const char *report_with(const char *row, const char *evaluated, const char *results)
{
    return arena_printf(arena,
                        "<feedback><record><row>%s<policy_evaluated>%s</policy_evaluated></row>"
                        "<auth_results>%s</auth_results></record></feedback>",
                        row, evaluated, results);
}

static const struct feedback_record *record_with(const char *row, const char *evaluated,
                                                 const char *results)
{
    const struct feedback *feedback = parse(report_with(row, evaluated, results));
    assert_int_equal(feedback->record_count, 1);
    return feedback->records;
}

static void test_rfc9990(void **state)
{
    /* RFC 9990 appendix B, with other values */
    static const char xml[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\" xmlns:x=\"urn:example:x\">\n"
        " <version>1.0</version>\n <report_metadata>\n  <org_name>R\xc3\xa9seau &amp; "
        "Co</org_name>\n"
        "  <email>r@reporter.example</email>\n  <extra_contact_info lang=\"fr\">a</"
        "extra_contact_info>\n"
        "  <report_id>id1</report_id>\n  <date_range>\n   <begin>1700000000</begin>\n"
        "   <end>1700086399</end>\n  </date_range>\n  <error>one</error>\n"
        "  <generator>g 1</generator>\n </report_metadata>\n <policy_published>\n"
        "  <domain>example.com</domain>\n  <discovery_method>treewalk</discovery_method>\n"
        "  <p>reject</p>\n  <sp>quarantine</sp>\n  <np>none</np>\n  <fo>1:d</fo>\n"
        "  <adkim>r</adkim>\n  <aspf>s</aspf>\n  <testing>y</testing>\n </policy_published>\n"
        " <extension><x:domain>wrong.example</x:domain></extension>\n <record>\n  <row>\n"
        "   <source_ip>2001:db8::1</source_ip>\n   <count>7</count>\n   <policy_evaluated>\n"
        "    <disposition>pass</disposition>\n    <dkim>pass</dkim>\n    <spf>fail</spf>\n"
        "    <reason>\n     <type>other</type>\n     <comment>c</comment>\n    </reason>\n"
        "    <reason>\n     <type>local_policy</type>\n    </reason>\n   </policy_evaluated>\n"
        "  </row>\n  <identifiers>\n   <header_from>a.example.com</header_from>\n"
        "   <envelope_from/>\n   <envelope_to>b.example</envelope_to>\n  </identifiers>\n"
        "  <auth_results>\n   <dkim>\n    <domain>example.com</domain>\n"
        "    <selector>s1</selector>\n    <result>pass</result>\n   </dkim>\n   <dkim>\n"
        "    <domain>other.example</domain>\n    <selector>s2</selector>\n"
        "    <result>fail</result>\n    <human_result>bad</human_result>\n   </dkim>\n   <spf>\n"
        "    <domain>example.net</domain>\n    <scope>mfrom</scope>\n    <result>pass</result>\n"
        "   </spf>\n  </auth_results>\n  <x:count>9</x:count>\n </record>\n</feedback>\n";
    (void)state;
    const struct feedback *report = parse(xml);
    assert_true(report->rfc9990);
    assert_bytes(report->version, "1.0");
    assert_bytes(report->org_name, "R\xc3\xa9seau & Co");
    assert_bytes(report->email, "r@reporter.example");
    assert_bytes(report->extra_contact_info, "a");
    assert_bytes(report->report_id, "id1");
    assert_bytes(report->generator, "g 1");
    assert_bytes(report->error, "one");
    assert_int_equal(report->begin, 1700000000);
    assert_int_equal(report->end, 1700086399);
    assert_bytes(report->domain, "example.com");
    assert_bytes(report->discovery_method, "treewalk");
    assert_bytes(report->p, "reject");
    assert_bytes(report->sp, "quarantine");
    assert_bytes(report->np, "none");
    assert_bytes(report->fo, "1:d");
    assert_bytes(report->adkim, "r");
    assert_bytes(report->aspf, "s");
    assert_bytes(report->testing, "y");
    assert_int_equal(report->messages, 7);
    assert_int_equal(report->record_count, 1);
    const struct feedback_record *record = report->records;
    assert_bytes(record->source_ip, "2001:db8::1");
    assert_bytes(record->disposition, "pass");
    assert_true(record->dkim_pass && record->has_dkim && record->has_spf && !record->spf_pass);
    assert_int_equal(record->reason_count, 2);
    assert_bytes(record->reasons[0].type, "other");
    assert_bytes(record->reasons[0].comment, "c");
    assert_bytes(record->reasons[1].type, "local_policy");
    assert_bytes(record->reasons[1].comment, "");
    assert_bytes(record->header_from, "a.example.com");
    assert_bytes(record->envelope_from, "");
    assert_bytes(record->envelope_to, "b.example");
    assert_int_equal(record->dkim_count, 2);
    assert_bytes(record->dkim[1].domain, "other.example");
    assert_bytes(record->dkim[1].selector, "s2");
    assert_bytes(record->dkim[1].result, "fail");
    assert_bytes(record->dkim[1].human_result, "bad");
    assert_int_equal(record->spf_count, 1);
    assert_bytes(record->spf[0].scope, "mfrom");
}

/* RFC 7489 appendix C, as it came to be used: no namespace, pct, no version, several spf, several
 * errors. */
static void test_rfc7489(void **state)
{
    (void)state;
    const struct feedback *report =
        parse("<feedback><report_metadata><error>a</error><error/><error>b</error>"
              "</report_metadata><policy_published><pct>50</pct></policy_published>"
              "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row><auth_results>"
              "<spf><domain>a</domain><scope>helo</scope><result>none</result></spf>"
              "<spf><domain>b</domain><scope>mfrom</scope><result>pass</result></spf>"
              "</auth_results></record></feedback>");
    assert_false(report->rfc9990);
    assert_bytes(report->version, "");
    assert_bytes(report->pct, "50");
    assert_bytes(report->error, "a; b");
    assert_int_equal(report->records->spf_count, 2);
    assert_bytes(report->records->spf[0].scope, "helo");
    assert_bytes(report->records->spf[1].domain, "b");
    assert_false(report->records->has_dkim || report->records->has_spf);
    assert_bytes(report->records->disposition, "");
}

static void test_wild(void **state)
{
    (void)state;
    const struct feedback_record *record =
        record_with("<count>\n 3 \n</count><source_ip> 192.0.2.1\t</source_ip>",
                    "<disposition>REJECT</disposition><dkim> Pass </dkim><spf>PASS</spf><reason>"
                    "<type>Forwarded</type></reason>",
                    "<dkim><result>PASS</result></dkim><spf><result>SoftFail</result></spf>");
    assert_int_equal(record->count, 3);
    assert_bytes(record->source_ip, "192.0.2.1");
    assert_bytes(record->disposition, "reject");
    assert_true(record->dkim_pass && record->spf_pass);
    assert_bytes(record->reasons[0].type, "forwarded");
    assert_bytes(record->dkim[0].result, "pass");
    assert_bytes(record->spf[0].result, "softfail");

    record = record_with("<count>1</count>", "<dkim/><spf></spf><disposition/>", "<dkim/><spf/>");
    assert_false(record->has_dkim || record->has_spf || record->dkim_pass || record->spf_pass);
    assert_int_equal(record->dkim_count, 1);
    assert_int_equal(record->spf_count, 1);

    record = record_with("<count>1</count>", "<dkim>hardfail</dkim><spf>unknown</spf>",
                         "<dkim><result>hardfail</result></dkim>");
    assert_true(record->has_dkim && !record->dkim_pass && record->has_spf && !record->spf_pass);
    assert_bytes(record->dkim[0].result, "hardfail");

    /* blanks and a BOM in front, something behind */
    assert_int_equal(parse("\r\n  <?xml version=\"1.0\"?><feedback/>")->record_count, 0);
    assert_int_equal(parse("\xef\xbb\xbf<feedback/>")->record_count, 0);
    assert_int_equal(parse("<feedback/>\n\n<!-- x -->\n")->record_count, 0);
    assert_int_equal(parse("<feedback/>garbage & <more")->record_count, 0);
    assert_int_equal(parse_bytes(BYTES("<feedback/>\0\0\0"))->record_count, 0);
    /* a prefix, declared or not */
    assert_bytes(parse("<f:feedback xmlns:f=\"urn:ietf:params:xml:ns:dmarc-2.0\"><f:version>1.0"
                       "</f:version></f:feedback>")
                     ->version,
                 "1.0");
    assert_bytes(
        parse("<feedback xsi:schemaLocation=\"x\"><version>1.0</version></feedback>")->version,
        "1.0");
    assert_bytes(
        parse("<feedback><version><![CDATA[1]]>.<![CDATA[0]]></version></feedback>")->version,
        "1.0");
}

/* A count is a number, whatever its size; else its record does not count. */
static void test_counts(void **state)
{
    static const struct {
        const char *count;
        bool kept;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"1", true, 1},
        {"007", true, 7},
        {"9223372036854775807", true, FEEDBACK_COUNT_MAX},
        {"9223372036854775808", true, FEEDBACK_COUNT_MAX},
        {"99999999999999999999999999999999999", true, FEEDBACK_COUNT_MAX},
        {"", false, 0},
        {"-1", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"0x10", false, 0},
        {"1 000", false, 0},
        {"many", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct feedback *report =
            parse(report_with(arena_printf(arena, "<count>%s</count>", cases[i].count), "", ""));
        assert_int_equal(report->record_count, cases[i].kept);
        assert_int_equal(report->skipped, !cases[i].kept);
        assert_int_equal(report->messages, cases[i].value);
    }
    assert_int_equal(parse("<feedback><record/><record/></feedback>")->skipped, 2);
    assert_int_equal(parse("<feedback><record><row><count>9223372036854775807</count></row>"
                           "</record><record><row><count>5</count></row></record></feedback>")
                         ->messages,
                     FEEDBACK_COUNT_MAX);
}

static void test_dates(void **state)
{
    static const struct {
        const char *date;
        int64_t value;
    } cases[] = {{"1700000000", 1700000000},
                 {" 1700000000\n", 1700000000},
                 {"1700000000.5", 1700000000},
                 {"", 0},
                 {"2026-01-01", 0},
                 {"-5", 0},
                 {"253402300799", 253402300799},
                 {"253402300800", 0},
                 {"99999999999999999999", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *xml = arena_printf(arena,
                                       "<feedback><report_metadata><date_range><begin>%s</begin>"
                                       "</date_range></report_metadata></feedback>",
                                       cases[i].date);
        assert_int_equal(parse(xml)->begin, cases[i].value);
    }
}

/* What libxml2 makes UTF-8 of, and what is left of controls. */
static void test_encodings(void **state)
{
    static const char latin1[] = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><feedback>"
                                 "<version>\xe9</version></feedback>";
    static const char cp1252[] = "<?xml version=\"1.0\" encoding=\"windows-1252\"?><feedback>"
                                 "<version>\x80</version></feedback>";
    struct strbuf utf16;
    (void)state;
    assert_bytes(parse(latin1)->version, "\xc3\xa9");
    assert_bytes(parse(cp1252)->version, "\xe2\x82\xac");
    strbuf_init(&utf16, arena);
    strbuf_add(&utf16, "\xff\xfe", 2);
    for (const char *c = "<feedback><version>1.0</version></feedback>"; *c; c++)
        strbuf_add(&utf16, (const char[]){*c, 0}, 2);
    assert_bytes(parse_bytes(strbuf_view(&utf16))->version, "1.0");
    assert_bytes(
        parse("<feedback><version>a\tb\nc&#x9b;&#x202e;d&#127;</version></feedback>")->version,
        "a b c\xef\xbf\xbd\xef\xbf\xbd"
        "d\xef\xbf\xbd");
    refuse("<feedback><version>\xff\xfe</version></feedback>", "well-formed");
    refuse("<?xml version=\"1.0\" encoding=\"no-such-thing\"?><feedback/>", "encoding");
    refuse_bytes(BYTES("<feedback><version>a\0b</version></feedback>"), "well-formed");
    refuse("<feedback><version>&#0;</version></feedback>", "well-formed");
}

static void test_places(void **state)
{
    (void)state;
    /* only where it belongs, and only in the report's own namespace */
    const struct feedback *report =
        parse("<feedback xmlns:x=\"urn:x\"><email>wrong</email><report_metadata>"
              "<x:email>wrong</x:email><u><email>wrong</email></u><email>r<u>wrong</u>ight</email>"
              "<date_range><email>wrong</email></date_range></report_metadata></feedback>");
    assert_bytes(report->email, "ight"); /* what stands behind a stranger in it */
    report = parse("<feedback><report_metadata><email>a</email><email>b</email>"
                   "</report_metadata></feedback>");
    assert_bytes(report->email, "b");
}

/* ---- refused ---- */

static void test_not_a_report(void **state)
{
    (void)state;
    refuse("", "well-formed");
    refuse("text", "well-formed");
    refuse("<feedback>", "ends before");
    refuse("<feedback></feedbac>", "line 1");
    refuse("<feedback>\n<a></b></feedback>", "line 2");
    refuse("<feedback>&undefined;</feedback>", "well-formed");
    refuse("<feedback a='1' a='2'/>", "well-formed");
    refuse("<html><body/></html>", "first element is \"html\"");
    refuse("<Feedback/>", "first element is \"Feedback\"");
    refuse("<\xe4\xbd\xa0/>", "first element is \"???\"");
}

/* Entities: refused before any of them is looked at. */
static void test_doctype(void **state)
{
    static const char *const documents[] = {
        /* billion laughs */
        "<?xml version=\"1.0\"?><!DOCTYPE feedback [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;\">]><feedback><version>&c;</version></feedback>",
        /* quadratic blowup */
        "<!DOCTYPE f [<!ENTITY a \"aaaaaaaaaaaaaaaa\">]><feedback>&a;&a;&a;&a;</feedback>",
        /* external entities, parameter entities, external subsets */
        "<!DOCTYPE f [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><feedback>&x;</feedback>",
        "<!DOCTYPE f [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\"> %x;]><feedback/>",
        "<!DOCTYPE feedback SYSTEM \"file:///dev/zero\"><feedback/>",
        "<!DOCTYPE feedback PUBLIC \"-//x\" \"http://127.0.0.1:1/x.dtd\"><feedback/>",
        "<!DOCTYPE feedback><feedback/>",
        "<!-- first --><?pi ?><!DOCTYPE feedback []><feedback/>",
        /* broken behind its name: still a DOCTYPE */
        "<!DOCTYPE f [<!ENTITY ><<<",
    };
    struct strbuf utf16;
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
        refuse(documents[i], "DOCTYPE");
    strbuf_init(&utf16, arena);
    strbuf_add(&utf16, "\xfe\xff", 2);
    for (const char *c = documents[0]; *c; c++)
        strbuf_add(&utf16, (const char[]){0, *c}, 2);
    refuse_bytes(strbuf_view(&utf16), "DOCTYPE");
    refuse("<feedback><!DOCTYPE f []></feedback>", "well-formed");
}

/* XInclude is an element like any other. */
static void test_xinclude(void **state)
{
    (void)state;
    const struct feedback *report =
        parse("<feedback xmlns:xi=\"http://www.w3.org/2001/XInclude\"><version>"
              "<xi:include href=\"file:///etc/passwd\" parse=\"text\"/></version>"
              "<xi:include href=\"/etc/hostname\"/></feedback>");
    assert_bytes(report->version, "");
}

/* ---- bounds ---- */

static struct bytes repeated(const char *before, const char *piece, size_t count, const char *after)
{
    struct strbuf text;
    strbuf_init(&text, arena);
    strbuf_puts(&text, before);
    for (size_t i = 0; i < count; i++)
        strbuf_puts(&text, piece);
    strbuf_puts(&text, after);
    return strbuf_view(&text);
}

static void test_depth(void **state)
{
    (void)state;
    refuse_bytes(repeated("<feedback>", "<a>", 100000, ""), "nested more than 32 deep");
    refuse_bytes(repeated("<feedback>", "<a>", FEEDBACK_DEPTH_MAX, ""), "nested");
    refuse_bytes(repeated("<feedback>", "<a>", FEEDBACK_DEPTH_MAX - 1, ""), "ends before");
}

static void test_attributes(void **state)
{
    struct strbuf xml;
    (void)state;
    strbuf_init(&xml, arena);
    strbuf_puts(&xml, "<feedback");
    for (int i = 0; i < 1000000; i++)
        strbuf_printf(&xml, " a%d=''", i);
    strbuf_puts(&xml, "/>");
    refuse_bytes(strbuf_view(&xml), "longer than 64 kB");
    strbuf_truncate(&xml, 0);
    strbuf_puts(&xml, "<feedback");
    for (int i = 0; i <= FEEDBACK_ATTRIBUTES_MAX; i++)
        strbuf_printf(&xml, " a%d=''", i);
    strbuf_puts(&xml, "/>");
    refuse_bytes(strbuf_view(&xml), "more than 100 attributes");
    strbuf_truncate(&xml, 0);
    strbuf_puts(&xml, "<feedback");
    for (int i = 0; i <= FEEDBACK_ATTRIBUTES_MAX; i++)
        strbuf_printf(&xml, " xmlns:a%d='b%d'", i, i);
    strbuf_puts(&xml, "/>");
    refuse_bytes(strbuf_view(&xml), "more than 100 attributes");
}

static void test_long_markup(void **state)
{
    (void)state;
    refuse_bytes(repeated("<feedback><!--", "aaaaaaaaaaaaaaaa", 1 << 16, "--></feedback>"),
                 "longer than 64 kB");
    refuse_bytes(repeated("<feedback><", "aaaaaaaaaaaaaaaa", 1 << 16, "/></feedback>"), "");
    refuse_bytes(repeated("<feedback a='", "aaaaaaaaaaaaaaaa", 1 << 16, "'/>"), "");
}

/* Text of any length is read, and kept up to a bound. */
static void test_long_text(void **state)
{
    (void)state;
    struct bytes xml =
        repeated("<feedback><version>", "0123456789", 1 << 20, "</version></feedback>");
    const struct feedback *report = parse_bytes(xml);
    assert_int_equal(report->version.len, FEEDBACK_TEXT_MAX);
    report = parse_bytes(repeated("<feedback><version><![CDATA[", "0123456789", 1 << 12,
                                  "]]></version></feedback>"));
    assert_int_equal(report->version.len, FEEDBACK_TEXT_MAX);
    report =
        parse_bytes(repeated("<feedback><version>", "  \n\t", 1 << 18, "1.0</version></feedback>"));
    assert_bytes(report->version, "1.0");
    report = parse_bytes(repeated("<feedback><report_metadata>", "<error>x</error>", 5000,
                                  "</report_metadata></feedback>"));
    assert_true(report->error.len <= FEEDBACK_TEXT_MAX);
}

static void test_many(void **state)
{
    (void)state;
    const char *dkim = repeated("", "<dkim><domain>d</domain></dkim>", 1000, "").data;
    const struct feedback_record *record = record_with("<count>1</count>", "", dkim);
    assert_int_equal(record->dkim_count, FEEDBACK_SIGNATURES_MAX);
    record = record_with("<count>1</count>", "",
                         repeated("", "<spf><domain>d</domain></spf>", 1000, "").data);
    assert_int_equal(record->spf_count, FEEDBACK_SPF_MAX);
    record = record_with("<count>1</count>",
                         repeated("", "<reason><type>x</type></reason>", 1000, "").data, "");
    assert_int_equal(record->reason_count, FEEDBACK_REASONS_MAX);
}

/* A large report, in memory that does not grow with the length of what is said again and
 * again; and one that is too large. */
static void test_large(void **state)
{
    static const char record[] =
        "<record><row><source_ip>192.0.2.1</source_ip><count>2</count><policy_evaluated>"
        "<disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>"
        "<identifiers><header_from>a-rather-long-name.example.com</header_from></identifiers>"
        "<auth_results><spf><domain>a-rather-long-name.example.com</domain><result>pass</result>"
        "</spf></auth_results></record>";
    (void)state;
    struct bytes xml = repeated("<feedback>", record, 100000, "</feedback>");
    size_t before = arena_used(arena);
    const struct feedback *report = parse_bytes(xml);
    assert_int_equal(report->record_count, 100000);
    assert_int_equal(report->messages, 200000);
    assert_true(arena_used(arena) - before < 48 << 20);

    struct arena *small = arena_new(1 << 20);
    const char *why;
    assert_null(feedback_parse(small, xml, &why));
    assert_string_equal(why, "it needs more memory than is allowed");
    arena_free(small);
}

static void test_truncated(void **state)
{
    static const char xml[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><feedback xmlns=\"urn:x\"><report_metadata>"
        "<org_name>a&amp;b</org_name></report_metadata><record a='b'><row><count>1</count>"
        "<source_ip><![CDATA[x]]></source_ip><!-- c --><?p i?></row></record></feedback>";
    (void)state;
    for (size_t len = 0; len < sizeof(xml) - 1; len++) {
        char *block = malloc(len ? len : 1);
        assert_non_null(block);
        memcpy(block, xml, len);
        refuse_bytes((struct bytes){block, len}, "");
        free(block);
    }
    assert_int_equal(parse(xml)->messages, 1);
}

static void test_out_of_memory(void **state)
{
    const char *xml =
        report_with("<count>1</count><source_ip>x</source_ip>", "<reason><type>y</type></reason>",
                    "<dkim><domain>z</domain></dkim>");
    const struct feedback *feedback = NULL;
    (void)state;
    for (size_t limit = 0; !feedback; limit += 64) {
        struct arena *small = arena_new(limit);
        const char *why = NULL;
        feedback = feedback_parse(small, bytes_of(xml), &why);
        assert_true(feedback || (why && *why));
        assert_true(!feedback || !arena_failed(small));
        arena_free(small);
        assert_true(limit < 1 << 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rfc9990, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rfc7489, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wild, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_a_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_doctype, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_xinclude, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attributes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_markup, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
