/* test_arf.c - failure and abuse reports about one mail, and the dates in them. */
#include "arf.h"
#include "unit.h"

#include <string.h>

enum { MEMORY = 64 << 20 };

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

/* A report with these fields, and a mail behind it. */
static const struct arf *read_fields(const char *fields, const char *third)
{
    const char *why;
    const char *mail =
        arena_printf(arena,
                     "Content-Type: multipart/report; boundary=b\n\n--b\n\ntext\n--b\n"
                     "Content-Type: message/feedback-report\n\n%s\n--b\n%s\n--b--\n",
                     fields, third);
    const struct mime_part *part = mime_read(arena, bytes_of(mail), NULL);
    while (part && !bytes_is(part->type, "message/feedback-report"))
        part = part->next;
    assert_non_null(part);
    const struct arf *arf = arf_read(arena, part, &why);
    if (!arf)
        fail_msg("%s", why);
    return arf;
}

/* RFC 9991's own form, with other values. */
static void test_dmarc(void **state)
{
    (void)state;
    const struct arf *arf = read_fields(
        "Feedback-Type: auth-failure\nVersion: 1\nUser-Agent: Assay/1\nAuth-Failure: DMARC\n"
        "Identity-Alignment: dkim, spf\nDelivery-Result: reject\n"
        "Authentication-Results: mx.example;\n dmarc=fail header.from=example.com\n"
        "Reported-Domain: example.com\nOriginal-Envelope-Id: 4D2\n"
        "Original-Mail-From: <b@example.net>\nOriginal-Rcpt-To: <c@example.org>\n"
        "Original-Rcpt-To: <d@example.org>\nSource-IP: 2001:db8::1\nSource-Port: 2525\n"
        "Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0100\nIncidents: 7\nReporting-MTA: dns; mx\n"
        "DKIM-Domain: example.com\nDKIM-Identity: @example.com\nDKIM-Selector: s\n"
        "DKIM-Canonicalized-Header: QUJD\n RA==\nSPF-DNS: txt : example.net : \"v=spf1 -all\"\n"
        "X-Unknown: x\n",
        "Content-Type: text/rfc822-headers\n\nFrom: =?utf-8?q?Caf=C3=A9?= <a@example.com>\n"
        "Subject: one\n two\nMessage-ID: <1@example.com>\n");
    assert_bytes(arf->feedback_type, "auth-failure");
    assert_bytes(arf->auth_failure, "dmarc");
    assert_bytes(arf->identity_alignment, "dkim, spf");
    assert_bytes(arf->delivery_result, "reject");
    assert_bytes(arf->authentication_results->text,
                 "mx.example; dmarc=fail header.from=example.com");
    assert_null(arf->authentication_results->next);
    assert_bytes(arf->reported_domain->text, "example.com");
    assert_bytes(arf->original_envelope_id, "4D2");
    assert_bytes(arf->original_mail_from, "<b@example.net>");
    assert_bytes(arf->original_rcpt_to->next->text, "<d@example.org>");
    assert_bytes(arf->source_ip, "2001:db8::1");
    assert_int_equal(arf->source_port, 2525);
    assert_int_equal(arf->incidents, 7);
    assert_int_equal(arf->arrival_date, 1795165200);
    assert_bytes(arf->dkim_canonicalized_header, "QUJD RA==");
    assert_bytes(arf->spf_dns, "txt : example.net : \"v=spf1 -all\"");
    assert_bytes(arf->from, "Caf\xc3\xa9 <a@example.com>");
    assert_bytes(arf->subject, "one two");
    assert_bytes(arf->message_id, "<1@example.com>");
}

static void test_odd(void **state)
{
    (void)state;
    const struct arf *arf = read_fields("Feedback-Type: abuse\nfeedback-type: other\n"
                                        "Incidents: many\nSource-Port: 70000\n"
                                        "Source-IP: 192.0.2.1 (a.example)\nUser-Agent: a\x1b[1m\n"
                                        "Received-Date: not a date\n",
                                        "Content-Type: image/png\n\nFrom: no header\n");
    assert_bytes(arf->feedback_type, "abuse"); /* the first one counts */
    assert_int_equal(arf->incidents, 1);
    assert_int_equal(arf->source_port, 0);
    assert_bytes(arf->source_ip, "192.0.2.1");
    assert_bytes(arf->user_agent, "a\xef\xbf\xbd[1m");
    assert_int_equal(arf->arrival_date, 0);
    assert_bytes(arf->headers, "");
    assert_bytes(arf->from, "");
}

static void test_many_values(void **state)
{
    struct strbuf fields;
    size_t count = 0;
    (void)state;
    strbuf_init(&fields, arena);
    strbuf_puts(&fields, "Feedback-Type: abuse\n");
    for (int i = 0; i < 900; i++)
        strbuf_printf(&fields, "Reported-URI: http://example.com/%d\n", i);
    const struct arf *arf = read_fields(strbuf_string(&fields), "\n");
    for (const struct arf_value *value = arf->reported_uri; value; value = value->next)
        count++;
    assert_int_equal(count, ARF_VALUES_MAX);
}

static void test_date(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"Thu, 1 Jan 1970 00:00:01 +0000", 1},
        {"Thu, 8 Mar 2005 14:00:00 EDT", 1110304800},
        {"Wed, 14 Apr 2010 12:15:31 -0700 (PDT)", 1271272531},
        {"8 Oct 2011 20:15:58 +0000 (GMT)", 1318104958},
        {"Fri, 20 Nov 2026 10:00 +0530", 1795149000},
        {"Fri, 20 Nov 2026 10:00:00 GMT", 1795168800},
        {"Fri, 20 Nov 2026 10:00:00 Z", 1795168800},
        {"Fri, 20 Nov 2026 10:00:00", 1795168800},
        {"(c) Fri (c) , 20 nov 26 10 : 00 : 00 +0000", 1795168800},
        {"Sun, 06 Nov 94 08:49:37 GMT", 784111777},
        {"29 Feb 2024 00:00:00 +0000", 1709164800},
        {"", 0},
        {"yesterday", 0},
        {"32 Jan 2026 00:00:00 +0000", 0},
        {"0 Jan 2026 00:00:00 +0000", 0},
        {"1 Foo 2026 00:00:00 +0000", 0},
        {"1 Jan 2026 24:00:00 +0000", 0},
        {"1 Jan 2026 00:60:00 +0000", 0},
        {"1 Jan 99999 00:00:00 +0000", 0},
        {"1 Jan 2026", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = arf_date(bytes_of(cases[i].text));
        if (seconds != cases[i].seconds)
            fail_msg("%s: %lld, wanted %lld", cases[i].text, (long long)seconds,
                     (long long)cases[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dmarc, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_date, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
