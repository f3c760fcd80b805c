/* test_report_dsn.c - bounces of reports, and what else comes to a bounce address. */
#include "report_dsn.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { MEMORY = 8 << 20 };

#define ID "abcdefghijABCDEFGHIJ0123456789xy"

#define TOP(report_type)                                                                           \
    "From: MAILER-DAEMON@mx.example.org (Mail Delivery System)\r\n"                                \
    "To: dmarc-noreply@mx.example.org\r\n"                                                         \
    "Subject: Undelivered Mail Returned to Sender\r\n"                                             \
    "Auto-Submitted: auto-replied\r\n"                                                             \
    "MIME-Version: 1.0\r\n"                                                                        \
    "Content-Type: multipart/report; report-type=" report_type ";\r\n"                             \
    "\tboundary=\"b\"\r\n"                                                                         \
    "\r\n"                                                                                         \
    "This is a MIME-encapsulated message.\r\n"                                                     \
    "\r\n"                                                                                         \
    "--b\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry.\r\n\r\n"

#define STATUS                                                                                     \
    "--b\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n" \
    "Reporting-MTA: dns; mx.example.org\r\n"                                                       \
    "X-Postfix-Queue-ID: 4B2\r\n"                                                                  \
    "Arrival-Date: Sun, 22 Nov 2026 08:00:00 +0000 (UTC)\r\n\r\n"

#define FAILED(address)                                                                            \
    "Final-Recipient: rfc822; " address "\r\n"                                                     \
    "Original-Recipient: rfc822;" address "\r\n"                                                   \
    "Action: failed\r\n"                                                                           \
    "Status: 5.1.1\r\n"                                                                            \
    "Remote-MTA: dns; mail.example.com\r\n"                                                        \
    "Diagnostic-Code: smtp; 550 5.1.1 no such\r\n    user\r\n\r\n"

#define RETURNED                                                                                   \
    "--b\r\nContent-Description: Undelivered Message\r\nContent-Type: message/rfc822\r\n\r\n"      \
    "Received: by mx.example.org\r\n"                                                              \
    "Message-ID: <" ID "@mx.example.org>\r\n"                                                      \
    "Subject: Report Domain: example.com\r\n\r\nbody\r\n\r\n--b--\r\n"

#define RETURNED_HEADERS                                                                           \
    "--b\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"          \
    "Subject: Report Domain: example.com\r\n"                                                      \
    "Message-Id:\r\n <" ID "@mx.example.org>\r\n\r\n--b--\r\n"

static const char *read_text(struct arena *arena, const char *text, struct report_dsn *dsn)
{
    arena_reset(arena);
    return report_dsn_read(arena, bytes_of(text), dsn);
}

static void test_bounces(void **state)
{
    static const char *const mails[] = {
        TOP("delivery-status") STATUS FAILED("dmarc@example.com") RETURNED,
        TOP("delivery-status") STATUS FAILED("dmarc@example.com") RETURNED_HEADERS,
        TOP("DELIVERY-STATUS") STATUS FAILED("dmarc@example.com") RETURNED,
    };
    (void)state;
    struct arena *arena = arena_new(MEMORY);
    struct report_dsn dsn;
    for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
        assert_null(read_text(arena, mails[i], &dsn));
        assert_true(bytes_equal(dsn.report_id, BYTES(ID)));
        assert_int_equal(dsn.failed_count, 1);
        assert_true(bytes_equal(dsn.failed[0].original, BYTES("dmarc@example.com")));
        assert_true(bytes_equal(dsn.failed[0].final, BYTES("dmarc@example.com")));
        assert_non_null(strstr(dsn.failed[0].text.data, "5.1.1 550 5.1.1 no such"));
    }
    arena_free(arena);
}

static void test_several_recipients(void **state)
{
    static const char mail[] = TOP("delivery-status")
        STATUS FAILED("one@example.com") "Final-Recipient: rfc822; two@example.com\r\n"
                                         "Action: delayed\r\nStatus: 4.4.1\r\n\r\n"
                                         "Final-Recipient: rfc822; three@example.com\r\n"
                                         "Action: relayed\r\nStatus: 2.0.0\r\n\r\n"
                                         "Final-Recipient: rfc822; four@example.com\r\n"
                                         "Action: Failed (expired)\r\n"
                                         "Status: 4.4.1 (gave up)\r\n\r\n" RETURNED;
    (void)state;
    struct arena *arena = arena_new(MEMORY);
    struct report_dsn dsn;
    assert_null(read_text(arena, mail, &dsn));
    assert_int_equal(dsn.failed_count, 2);
    assert_int_equal(dsn.other_count, 2);
    assert_true(bytes_equal(dsn.failed[0].final, BYTES("one@example.com")));
    assert_true(bytes_equal(dsn.failed[1].final, BYTES("four@example.com")));
    assert_int_equal(dsn.failed[1].original.len, 0);
    arena_free(arena);
}

static void test_ignored(void **state)
{
    static const struct {
        const char *mail, *why;
    } rows[] = {
        {"", "no delivery status notification"},
        {"From: a@example.com\r\nSubject: hello\r\n\r\nAction: failed\r\n",
         "no delivery status notification"},
        {"From: a@example.com\r\nAuto-Submitted: auto-replied\r\nSubject: on holiday\r\n\r\nBack "
         "on Monday.\r\n",
         "no delivery status notification"},
        /* a feedback report about us */
        {TOP("feedback-report") "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
                                "Feedback-Type: abuse\r\n\r\n" RETURNED,
         "no delivery status notification"},
        /* a warning */
        {TOP("delivery-status") STATUS "Final-Recipient: rfc822; dmarc@example.com\r\n"
                                       "Action: delayed\r\nStatus: 4.4.1\r\n\r\n" RETURNED,
         "no recipient failed for good"},
        /* a success */
        {TOP("delivery-status") STATUS "Final-Recipient: rfc822; dmarc@example.com\r\n"
                                       "Action: delivered\r\nStatus: 2.0.0\r\n\r\n" RETURNED,
         "no recipient failed for good"},
        {TOP("delivery-status") STATUS RETURNED, "no recipient failed for good"},
        /* of another mail */
        {TOP("delivery-status") STATUS FAILED(
             "dmarc@example.com") "--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: "
                                  "<1@example.com>\r\n\r\n--b--",
         "what came back is no report of ours"},
        {TOP("delivery-status") STATUS FAILED(
             "dmarc@example.com") "--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <" ID
                                  "x@example.com>\r\n\r\n--b--",
         "what came back is no report of ours"},
        {TOP("delivery-status") STATUS FAILED("dmarc@example.com") "--b--\r\n",
         "what came back is no report of ours"},
        /* a bounce that somebody forwarded: not addressed to us */
        {"From: a@example.com\r\nContent-Type: message/rfc822\r\n\r\n" TOP("delivery-status")
             STATUS FAILED("dmarc@example.com") RETURNED,
         "no delivery status notification"},
    };
    (void)state;
    struct arena *arena = arena_new(MEMORY);
    struct report_dsn dsn;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = read_text(arena, rows[i].mail, &dsn);
        if (!why || strcmp(why, rows[i].why) != 0)
            fail_msg("row %zu: %s", i, why ? why : "taken for a bounce");
    }
    arena_free(arena);
}

/* Groups without end are cut, not followed. */
static void test_many_recipients(void **state)
{
    enum { GROUPS = REPORT_DSN_RECIPIENTS_MAX + 10, SIZE = 64 << 10 };
    static char mail[SIZE];
    size_t len = (size_t)snprintf(mail, SIZE, "%s", TOP("delivery-status") STATUS);
    (void)state;
    for (int i = 0; i < GROUPS; i++)
        len += (size_t)snprintf(
            mail + len, SIZE - len,
            "Final-Recipient: rfc822; r%d@example.com\r\nAction: failed\r\n\r\n", i);
    snprintf(mail + len, SIZE - len, "%s", RETURNED);
    struct arena *arena = arena_new(MEMORY);
    struct report_dsn dsn;
    assert_null(read_text(arena, mail, &dsn));
    assert_int_equal(dsn.failed_count, REPORT_DSN_RECIPIENTS_MAX);
    assert_int_equal(dsn.other_count, 10);
    arena_free(arena);
}

/* Cut anywhere, it is read without harm. */
static void test_cut(void **state)
{
    static const char mail[] = TOP("delivery-status") STATUS FAILED("dmarc@example.com") RETURNED;
    (void)state;
    struct arena *arena = arena_new(MEMORY);
    struct report_dsn dsn;
    for (size_t len = 0; len < sizeof(mail); len++) {
        arena_reset(arena);
        report_dsn_read(arena, (struct bytes){mail, len}, &dsn);
        assert_in_range(dsn.failed_count, 0, 1);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounces), cmocka_unit_test(test_several_recipients),
        cmocka_unit_test(test_ignored), cmocka_unit_test(test_many_recipients),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
