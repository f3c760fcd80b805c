/* test_report_guard.c - mail that no report may tell of. */
#include "report_guard.h"
#include "unit.h"

#include <string.h>

#define SENDER "dmarc-reports@mx.example.org"

static const char own[] = "from or to ReportSender";
static const char feedback[] = "a feedback report itself";
static const char report[] = "a DMARC report itself";
static const char bounce[] = "a bounce";

struct message {
    const char *title;
    const char *mail_from, *recipient, *author;
    const char *fields[2 * 4 + 1]; /* name, value, ...; NULL at the end */
    const char *expected;          /* NULL: may be reported */
};

#define FIELDS(...)                                                                                \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define NO_FIELDS                                                                                  \
    {                                                                                              \
        NULL                                                                                       \
    }
#define ORDINARY       "a@example.com", "b@example.org", "a@example.com"
#define FROM_NOBODY    "", "b@example.org", "a@example.com"
#define REPORT_SUBJECT "Subject", " Report Domain: example.com Submitter: mx.example Report-ID: <1>"

static const struct message messages[] = {
    {"ordinary mail", ORDINARY, NO_FIELDS, NULL},
    {"ordinary mail with fields", ORDINARY,
     FIELDS("Subject", " Hello", "Content-Type", " text/plain"), NULL},

    /* our own sender */
    {"a bounce of our report", "", SENDER, "mailer-daemon@example.com", NO_FIELDS, own},
    {"an answer to our report", "a@example.com", SENDER, "a@example.com", NO_FIELDS, own},
    {"our own report", SENDER, "b@example.org", SENDER, NO_FIELDS, own},
    {"our reverse-path alone may be forged", SENDER, "b@example.org", "a@example.com", NO_FIELDS,
     NULL},
    {"our author alone", "a@example.com", "b@example.org", SENDER, NO_FIELDS, own},
    {"whatever its case", "a@example.com", "DMARC-Reports@MX.example.ORG", "a@example.com",
     NO_FIELDS, own},
    {"a longer local part is somebody else", "a@example.com", "x" SENDER, "a@example.com",
     NO_FIELDS, NULL},
    {"so is a longer domain", "a@example.com", SENDER ".example", "a@example.com", NO_FIELDS, NULL},

    /* feedback reports (RFC 5965) */
    {"a feedback report", ORDINARY,
     FIELDS("Content-Type", " multipart/report; report-type=feedback-report; boundary=\"x\""),
     feedback},
    {"case, quotes, folds and comments", ORDINARY,
     FIELDS("content-TYPE", " (c) Multipart / REPORT (c);\r\n\tboundary=\"a;b\";\r\n"
                            "\t(c) Report-Type (c) = \"Feedback-Report\""),
     feedback},
    {"a boundary that should be quoted", ORDINARY,
     FIELDS("Content-Type", " multipart/report; boundary=----=_x; report-type=feedback-report"),
     feedback},
    {"parameters that cannot be read", ORDINARY,
     FIELDS("Content-Type", " multipart/report; boundary=\"x; report-type=feedback-report"),
     feedback},
    {"a second Content-Type", ORDINARY,
     FIELDS("Content-Type", " text/plain", "Content-Type",
            " multipart/report; report-type=feedback-report"),
     feedback},
    {"a delivery report is none", ORDINARY,
     FIELDS("Content-Type", " multipart/report; report-type=delivery-status; boundary=x"), NULL},
    {"the words in another parameter", ORDINARY,
     FIELDS("Content-Type",
            " multipart/report; report-type=delivery-status; boundary=feedback-report"),
     NULL},
    {"the words inside a quoted parameter", ORDINARY,
     FIELDS("Content-Type", " multipart/report; boundary=\"; report-type=feedback-report\""), NULL},
    {"another multipart", ORDINARY,
     FIELDS("Content-Type", " multipart/mixed; report-type=feedback-report"), NULL},

    /* aggregate reports (RFC 9990 3.5.2) */
    {"zipped", ORDINARY, FIELDS(REPORT_SUBJECT, "Content-Type", " application/gzip; name=x"),
     report},
    {"old zip", ORDINARY, FIELDS(REPORT_SUBJECT, "Content-Type", " application/x-zip-compressed"),
     report},
    {"XML", ORDINARY, FIELDS(REPORT_SUBJECT, "Content-Type", " text/xml"), report},
    {"multipart", ORDINARY, FIELDS(REPORT_SUBJECT, "Content-Type", " multipart/mixed; boundary=x"),
     report},
    {"Content-Type first", ORDINARY,
     FIELDS("Content-Type", " multipart/mixed; boundary=x", REPORT_SUBJECT), report},
    {"folded, in another case, with words in front", ORDINARY,
     FIELDS("Subject", " [Preview] report\r\n\tDOMAIN: example.com\r\n SUBMITTER: x",
            "Content-Type", " application/zip"),
     report},
    {"text about reports", ORDINARY, FIELDS(REPORT_SUBJECT, "Content-Type", " text/plain"), NULL},
    {"no Content-Type at all", ORDINARY, FIELDS(REPORT_SUBJECT), NULL},
    {"half a subject", ORDINARY,
     FIELDS("Subject", " Report Domain: example.com", "Content-Type", " application/zip"), NULL},
    {"the wrong way round", ORDINARY,
     FIELDS("Subject", " Submitter: x Report Domain: y", "Content-Type", " application/zip"), NULL},
    {"an archive with another subject", ORDINARY,
     FIELDS("Subject", " photos", "Content-Type", " application/zip"), NULL},

    /* bounces and automatic answers (RFC 3834) */
    {"a bounce", FROM_NOBODY, FIELDS("Auto-Submitted", " auto-replied"), bounce},
    {"a bounce with parameters and comments", FROM_NOBODY,
     FIELDS("Auto-Submitted", " (c) auto-generated (c); x=y"), bounce},
    {"a bounce with a reverse-path", ORDINARY,
     FIELDS("Auto-Submitted", " auto-replied", "Content-Type",
            " multipart/report; report-type=delivery-status"),
     bounce},
    {"a notification is counted", ORDINARY, FIELDS("Auto-Submitted", " auto-generated"), NULL},
    {"so is mail without a reverse-path", FROM_NOBODY, NO_FIELDS, NULL},
    {"no means no", FROM_NOBODY, FIELDS("Auto-Submitted", " No (really)"), NULL},
    {"node does not", FROM_NOBODY, FIELDS("Auto-Submitted", " node"), bounce},
    {"an empty value does not", FROM_NOBODY, FIELDS("Auto-Submitted", ""), bounce},
    {"one of two", FROM_NOBODY, FIELDS("Auto-Submitted", " auto-replied", "Auto-Submitted", " no"),
     bounce},
};

static const char *verdict_of(struct arena *scratch, const struct message *message,
                              const char *sender)
{
    struct report_guard guard;
    report_guard_init(&guard, bytes_of(sender), bytes_of(message->mail_from));
    report_guard_recipient(&guard, bytes_of(message->recipient));
    for (size_t i = 0; message->fields[i]; i += 2)
        report_guard_header(&guard, scratch, bytes_of(message->fields[i]),
                            bytes_of(message->fields[i + 1]));
    return report_guard_verdict(&guard, bytes_of(message->author));
}

static void test_messages(void **state)
{
    struct arena *scratch = arena_new(1 << 16);
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        const char *found = verdict_of(scratch, &messages[i], SENDER);
        const char *expected = messages[i].expected;
        if (found != expected && (!found || !expected || strcmp(found, expected) != 0))
            fail_msg("%s: \"%s\", expected \"%s\"", messages[i].title, found ? found : "(none)",
                     expected ? expected : "(none)");
    }
    arena_free(scratch);
}

/* Or a forger would name us as well, and nobody would hear of it. */
static void test_one_recipient_of_many(void **state)
{
    struct report_guard guard;
    (void)state;
    report_guard_init(&guard, BYTES(SENDER), BYTES("a@example.com"));
    report_guard_recipient(&guard, BYTES(SENDER));
    assert_string_equal(report_guard_verdict(&guard, BYTES("a@example.com")), own);
    report_guard_recipient(&guard, BYTES("b@example.org"));
    report_guard_recipient(&guard, BYTES(SENDER));
    assert_null(report_guard_verdict(&guard, BYTES("a@example.com")));
}

/* Without a sender of our own there is nothing that comes from it; the empty
 * reverse-path is not it. */
static void test_without_sender(void **state)
{
    struct arena *scratch = arena_new(1 << 16);
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        const char *found = verdict_of(scratch, &messages[i], NULL);
        assert_true(!found || strcmp(found, own) != 0);
    }
    arena_free(scratch);
}

/* When there is no memory to read a feedback report's parameters, it is taken for one. */
static void test_out_of_memory(void **state)
{
    struct arena *scratch = arena_new(0);
    static const struct message message = {
        "", ORDINARY,
        FIELDS("Content-Type", " multipart/report; report-type=\"feed\\back-report\""), NULL};
    (void)state;
    assert_string_equal(verdict_of(scratch, &message, SENDER), feedback);
    arena_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_one_recipient_of_many),
        cmocka_unit_test(test_without_sender),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
