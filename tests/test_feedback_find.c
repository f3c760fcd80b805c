/* test_feedback_find.c - reports in archives, mails, mailboxes and each other. */
#include "base64.h"
#include "feedback.h"
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MEMORY = 256 << 20, LOG_MAX = 4000 };

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

/* ---- making things ---- */

static struct bytes text(const char *string)
{
    return bytes_of(string);
}

static struct bytes xml(const char *id)
{
    return text(arena_printf(arena,
                             "<feedback><report_metadata><report_id>%s</report_id>"
                             "</report_metadata></feedback>",
                             id));
}

static struct bytes gzip(struct bytes octets)
{
    z_stream stream = {0};
    size_t room = octets.len + 1000;
    char *out = arena_alloc(arena, room);
    assert_non_null(out);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)octets.data;
    stream.avail_in = (uInt)octets.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t len = room - stream.avail_out;
    deflateEnd(&stream);
    return (struct bytes){out, len};
}

/* A zip of one or two files; the second has an empty name when there is none. */
static struct bytes zip(const char *name, struct bytes octets, const char *second,
                        struct bytes more)
{
    struct archive *archive = archive_write_new();
    size_t used = 0, room = octets.len + more.len + 4000;
    char *out = arena_alloc(arena, room);
    assert_non_null(out);
    archive_write_set_format_zip(archive);
    assert_int_equal(archive_write_open_memory(archive, out, room, &used), ARCHIVE_OK);
    for (int i = 0; i < (second ? 2 : 1); i++) {
        struct bytes content = i ? more : octets;
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, i ? second : name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)content.len);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, content.data, content.len), content.len);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    return (struct bytes){out, used};
}

/* A part, base64, with that type and file name ("": none). */
static const char *part(const char *type, const char *name, struct bytes octets)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    strbuf_printf(&out, "Content-Type: %s\nContent-Transfer-Encoding: base64\n", type);
    if (*name)
        strbuf_printf(&out, "Content-Disposition: attachment; filename=\"%s\"\n", name);
    strbuf_putc(&out, '\n');
    base64_encode(&out, (const uint8_t *)octets.data, octets.len);
    strbuf_putc(&out, '\n');
    return strbuf_string(&out);
}

/* A mail with a text for people and up to two parts. */
static struct bytes mail(const char *first, const char *second)
{
    return text(arena_printf(arena,
                             "From: a@example.com\nSubject: Report\nContent-Type: multipart/mixed; "
                             "boundary=\"b\"\n\n--b\n\nThis is a report.\n--b\n%s\n--b\n%s--b--\n",
                             first, second ? second : "Content-Type: text/html\n\n<p>hello</p>\n"));
}

static struct bytes simple_mail(const char *id)
{
    return mail(part("application/gzip", "x.xml.gz", gzip(xml(id))), NULL);
}

/* ---- looking ---- */

struct log {
    char text[LOG_MAX];
    size_t len;
    size_t count;
};

/* "where=id;", "where!failure type;" or "where?why;" */
static void note(void *context, const struct feedback_finding *finding)
{
    struct log *log = context;
    size_t room = LOG_MAX - log->len;
    int len = 0;
    log->count++;
    if (finding->feedback) {
        assert_null(finding->failure);
        assert_null(finding->why);
        len = snprintf(log->text + log->len, room, "%.*s=%.*s;", BYTES_ARGS(finding->where),
                       BYTES_ARGS(finding->feedback->report_id));
        assert_true(bytes_equal(finding->where, finding->feedback->file));
    } else if (finding->failure) {
        assert_null(finding->why);
        len = snprintf(log->text + log->len, room, "%.*s!%.*s;", BYTES_ARGS(finding->where),
                       BYTES_ARGS(finding->failure->feedback_type));
    } else {
        len = snprintf(log->text + log->len, room, "%.*s?%s;", BYTES_ARGS(finding->where),
                       finding->why);
    }
    log->len += (size_t)len < room ? (size_t)len : room - 1;
}

static void check(struct bytes octets, const char *wanted)
{
    struct log log = {.len = 0};
    char *block = malloc(octets.len ? octets.len : 1);
    assert_non_null(block);
    if (octets.len)
        memcpy(block, octets.data, octets.len);
    feedback_find(BYTES("f"), (struct bytes){block, octets.len}, note, &log);
    free(block);
    if (strcmp(log.text, wanted) != 0)
        fail_msg("%s\n wanted %s", log.text, wanted);
}

/* ---- tests ---- */

static void test_files(void **state)
{
    (void)state;
    check(xml("1"), "f=1;");
    check(gzip(xml("1")), "f=1;");
    check(zip("a.xml", xml("1"), NULL, BYTES_EMPTY), "f: a.xml=1;");
    check(zip("a.xml", xml("1"), "b.xml", xml("2")), "f: a.xml=1;f: b.xml=2;");
    check(zip("a.txt", text("hello"), "b.bin", xml("2")), "f: b.bin=2;");
    check(zip("x", gzip(xml("1")), NULL, BYTES_EMPTY), "f: x=1;");
    check(gzip(zip("x", xml("1"), NULL, BYTES_EMPTY)), "f: x=1;");
    check(zip("a\nb\x1b.xml", xml("1"), NULL, BYTES_EMPTY), "f: a b\xef\xbf\xbd.xml=1;");
    check(text("\xef\xbb\xbf\n<feedback/>"), "f=;");
    check(text("<html/>"), "f?no aggregate report: its first element is \"html\", not "
                           "\"feedback\";");
    check(text(""), "f?neither a mail nor XML, gzip or zip;");
    check(text("hello"), "f?neither a mail nor XML, gzip or zip;");
    check(gzip(text("hello")), "f?no report in this archive;");
    check(zip("a", text("hello"), NULL, BYTES_EMPTY), "f?no report in this archive;");
    check(bytes_slice(gzip(xml("1")), 0, 40), "f?the gzip file is cut short;");
}

static void test_nesting(void **state)
{
    (void)state;
    struct bytes octets = xml("1");
    for (int i = 0; i < FEEDBACK_NEST_MAX; i++)
        octets = gzip(octets);
    check(octets, "f=1;");
    check(gzip(octets), "f?archives and mails are nested too deep;");
}

static void test_mail(void **state)
{
    (void)state;
    check(simple_mail("1"), "f: attachment x.xml.gz=1;");
    check(mail(part("application/zip", "x.zip", zip("a.xml", xml("1"), NULL, BYTES_EMPTY)), NULL),
          "f: attachment x.zip: a.xml=1;");
    check(mail(part("text/xml", "x.xml", xml("1")), part("application/xml", "", xml("2"))),
          "f: attachment x.xml=1;f: part 4=2;");
    /* whatever they call it */
    check(mail(part("application/octet-stream", "x", gzip(xml("1"))), NULL), "f: attachment x=1;");
    check(mail(part("application/x-zip-compressed", "report.pdf", gzip(xml("1"))), NULL),
          "f: attachment report.pdf=1;");
    check(mail(part("text/plain", "x.xml", xml("1")), NULL), "f: attachment x.xml=1;");
    check(mail(part("text/plain", "", xml("1")), NULL), "f: part 3=1;");
    /* the report alone */
    check(text(part("application/gzip", "x.gz", gzip(xml("1")))), "f=1;");
    /* a mail in a mail, as an attachment of it or encoded */
    check(text(arena_printf(arena, "Content-Type: message/rfc822\n\n%s", simple_mail("1").data)),
          "f: attachment x.xml.gz=1;");
    check(text(part("message/rfc822", "", simple_mail("1"))), "f: attachment x.xml.gz=1;");
    /* CRLF */
    struct strbuf crlf;
    strbuf_init(&crlf, arena);
    for (const char *c = simple_mail("1").data; *c; c++)
        strbuf_puts(&crlf, *c == '\n' ? "\r\n" : (const char[]){*c, 0});
    check(strbuf_view(&crlf), "f: attachment x.xml.gz=1;");
}

static void test_mail_without(void **state)
{
    (void)state;
    check(text("Subject: x\n\nhello\n"), "f?no report in this mail;");
    check(text("Subject: x\nContent-Type: text/html\n\n<p>hello\n"), "f?no report in this mail;");
    check(mail(part("text/plain", "", text("<3 reports")), NULL), "f?no report in this mail;");
    check(mail(part("image/png", "x.png", text("\x89PNG")), NULL), "f?no report in this mail;");
    check(mail(part("application/gzip", "x.xml.gz", text("nothing")), NULL),
          "f: attachment x.xml.gz?it is neither XML nor gzip nor zip;");
    check(mail(part("text/xml", "x.xml", text("<feedback><a></feedback>")),
               part("text/xml", "y.xml", xml("2"))),
          "f: attachment x.xml?it is no well-formed XML: line 1: Opening and ending tag mismatch: "
          "a line 1 and feedback;f: attachment y.xml=2;");
    check(mail("Content-Type: application/gzip; name=x.gz\nContent-Transfer-Encoding: x-uue\n\nx",
               NULL),
          "f: attachment x.gz?its transfer encoding is unknown;");
}

static void test_mbox(void **state)
{
    struct strbuf mbox;
    (void)state;
    strbuf_init(&mbox, arena);
    for (int i = 0; i < 3; i++) {
        strbuf_printf(&mbox, "From reporter@example.com Mon Jan  1 00:00:0%d 2026\n", i);
        strbuf_bytes(&mbox, simple_mail((const char[]){(char)('0' + i), 0}));
        strbuf_putc(&mbox, '\n');
    }
    strbuf_puts(&mbox, "From x Mon Jan  1 00:00:00 2026\nSubject: y\n\nFrom here on: nothing.\n"
                       "From the start, nothing.\n");
    check(strbuf_view(&mbox),
          "f: message 1: attachment x.xml.gz=0;f: message 2: attachment x.xml.gz=1;"
          "f: message 3: attachment x.xml.gz=2;f: message 4?no report in this mail;"
          "f: message 5?no report in this mail;");
    /* a single mail with such a line is a mail */
    check(text(arena_printf(arena, "From x Mon\n%s", simple_mail("1").data)),
          "f: attachment x.xml.gz=1;");
}

/* Memory and time do not depend on the number of mails. */
static void test_large_mbox(void **state)
{
    struct strbuf mbox;
    struct log log = {.len = 0};
    (void)state;
    strbuf_init(&mbox, arena);
    const char *one = arena_printf(arena, "From x Mon\n%s\n", simple_mail("1").data);
    for (int i = 0; i < 5000; i++)
        strbuf_puts(&mbox, one);
    feedback_find(BYTES("f"), strbuf_view(&mbox), note, &log);
    assert_int_equal(log.count, 5000);
}

static const char arf[] =
    "Content-Type: multipart/report; report-type=feedback-report; boundary=c\n"
    "\n--c\n\ntext\n--c\nContent-Type: message/feedback-report\n\n"
    "Feedback-Type: Auth-Failure\nVersion: 1\n\n--c\n"
    "Content-Type: message/rfc822\n\nContent-Type: text/xml\n\n<feedback/>\n"
    "--c--\n";

static void test_failure(void **state)
{
    (void)state;
    check(text(arf), "f!auth-failure;"); /* what the mail in question holds is not ours */
    check(text("Content-Type: message/feedback-report\n\nVersion: 1\n"),
          "f?a feedback report without Feedback-Type;");
    check(text("Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"), "f!abuse;");
    check(mail(arena_printf(arena, "Content-Type: message/rfc822\n\n%s", arf),
               part("text/xml", "", xml("2"))),
          "f!auth-failure;f: part 9=2;");
}

/* Archives whose contents exceed what is allowed, alone and in many parts. */
static void test_bombs(void **state)
{
    size_t len = 64 << 20;
    char *zeros = calloc(1, len);
    struct log log = {.len = 0};
    struct strbuf many;
    (void)state;
    assert_non_null(zeros);
    struct bytes bomb = gzip((struct bytes){zeros, len});
    free(zeros);
    check(bomb, "f?it unpacks to more than 250 times its size, as no report does;");
    check(gzip(bomb), "f?it unpacks to more than 250 times its size, as no report does;");
    strbuf_init(&many, arena);
    strbuf_puts(&many, "Content-Type: multipart/mixed; boundary=b\n\n");
    const char *one = part("application/gzip", "", bytes_slice(bomb, 0, 30000));
    for (int i = 0; i < 500; i++)
        strbuf_printf(&many, "--b\n%s\n", one);
    feedback_find(BYTES("f"), strbuf_view(&many), note, &log);
    assert_int_equal(log.count, 500);
}

static void test_truncated(void **state)
{
    struct bytes octets =
        mail(part("application/zip", "x", zip("a", xml("1"), "b", gzip(xml("2")))), arf);
    struct log log = {.len = 0};
    (void)state;
    for (size_t len = 0; len < octets.len; len++) {
        char *block = malloc(len ? len : 1);
        size_t before = log.count;
        assert_non_null(block);
        memcpy(block, octets.data, len);
        feedback_find(BYTES("f"), (struct bytes){block, len}, note, &log);
        assert_true(log.count > before); /* something is said, always */
        free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nesting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mail_without, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_mbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bombs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
