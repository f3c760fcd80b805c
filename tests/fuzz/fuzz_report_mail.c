/* fuzz_report_mail.c - the mail around a report keeps its form, whatever it is made of.
 *
 * The input: a line each for ReportOrg, ReportContact, receiver, policy domain, report id, then
 * recipients; what follows an empty line is the attachment. CR and the octets that a line
 * may hold are all in play; LF comes as "\x85".
 */
#include "fuzz.h"
#include "report_mail.h"

#include <string.h>

enum { MEMORY = 16 << 20, RECIPIENTS_MAX = 8, LINE_MAX_OCTETS = 998, FIELDS = 8 };

static const char *const fields[FIELDS] = {
    "From: ",           "To: ",           "Subject: ",     "Date: ", "Message-ID: ",
    "Auto-Submitted: ", "MIME-Version: ", "Content-Type: "};

/* A line of the input, with real line ends in it. */
static struct bytes text(struct arena *arena, struct bytes *input)
{
    struct bytes line = fuzz_line(input);
    char *copy = arena_copy(arena, line.data, line.len);
    for (size_t i = 0; i < line.len; i++) {
        if (copy[i] == '\x85')
            copy[i] = '\n';
    }
    return (struct bytes){copy, line.len};
}

/* One line with CRLF, printable, not too long. */
static struct bytes take_line(struct bytes *message)
{
    struct bytes line = fuzz_line(message);
    REQUIRE(line.len > 0 && line.data[line.len - 1] == '\r');
    line.len--;
    REQUIRE(line.len <= LINE_MAX_OCTETS);
    for (size_t i = 0; i < line.len; i++)
        REQUIRE(line.data[i] >= ' ' && line.data[i] <= '~');
    return line;
}

static struct bytes check_header(struct bytes message)
{
    size_t next = 0;
    for (;;) {
        struct bytes line = take_line(&message);
        if (line.len == 0)
            break;
        REQUIRE(bytes_trim(line).len > 0); /* no fold of white space alone */
        if (line.data[0] == ' ')
            continue;
        REQUIRE(next < FIELDS && bytes_starts_nocase(line, bytes_of(fields[next])));
        next++;
    }
    REQUIRE(next == FIELDS);
    return message;
}

/* Two parts and the end. */
static void check_body(struct bytes message)
{
    size_t delimiters = 0;
    while (message.len) {
        struct bytes line = take_line(&message);
        if (bytes_starts_nocase(line, BYTES("--=_assay_"))) {
            delimiters++;
            REQUIRE((message.len == 0) == (delimiters == 3));
        }
    }
    REQUIRE(delimiters == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(MEMORY);
    struct bytes input = fuzz_input(data, size), recipients[RECIPIENTS_MAX];
    struct report_mail mail = {.sender = BYTES("dmarc@mx.example"),
                               .begin = -1,
                               .end = INT64_MAX,
                               .date = (int64_t)size << 20,
                               .recipients = recipients,
                               .gzip = size % 2};
    struct bytes *const texts[] = {&mail.org, &mail.contact, &mail.receiver, &mail.policy_domain,
                                   &mail.report_id};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        *texts[i] = text(arena, &input);
    while (input.len && mail.recipient_count < RECIPIENTS_MAX) {
        struct bytes recipient = text(arena, &input);
        if (recipient.len == 0)
            break;
        recipients[mail.recipient_count++] = recipient;
    }
    mail.body = input;
    struct bytes message = report_mail_compose(arena, &mail);
    REQUIRE(message.len > 0);
    check_body(check_header(message));
    arena_free(arena);
    return 0;
}
