/* fake_smtp.h - a mail server of a few lines, in a thread, on 127.0.0.1.
 *
 * It answers each command with what the test put down for it, takes mails and writes down
 * what it was told. */
#ifndef ASSAY_TESTS_FAKE_SMTP_H
#define ASSAY_TESTS_FAKE_SMTP_H

#include <stdbool.h>
#include <stddef.h>

/* Replies without the final CRLF; NULL: the usual one. "": none at all, until the client goes.
 * "close": the connection is closed. */
struct fake_smtp_script {
    const char *greeting, *ehlo, *starttls, *mail, *rcpt, *data, *message;
    bool close_after_mail; /* closes each connection after the reply to the message */
};

struct fake_smtp;

struct fake_smtp *fake_smtp_new(const struct fake_smtp_script *script);
void fake_smtp_free(struct fake_smtp *server);

/* "smtp://127.0.0.1:port" */
const char *fake_smtp_url(const struct fake_smtp *server);

/* From here on other replies; not while a mail is under way. */
void fake_smtp_set(struct fake_smtp *server, const struct fake_smtp_script *script);

/* All that clients sent, in order: commands and messages with their CRLF, "[connect]\n" for each
 * connection. A copy. */
char *fake_smtp_transcript(struct fake_smtp *server);

#endif
