/* transport_internal.h - what transport.c and its two ways share. */
#ifndef ASSAY_TRANSPORT_INTERNAL_H
#define ASSAY_TRANSPORT_INTERNAL_H

#include "transport.h"

/* Both addresses have passed mail_text_address(): printable ASCII, no white space outside quotes,
 * no "<" or ">". */
struct transport_mail {
    const char *sender; /* ""; the null reverse-path */
    const char *recipient;
    struct bytes message; /* CRLF line ends */
};

/* text, printable and on one line, into answer[TRANSPORT_ERROR_MAX]. */
void transport_answer(char *answer, struct bytes text);
void transport_answer_printf(char *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* transport_sendmail.c */
enum transport_status transport_sendmail(const char *command, int timeout_ms,
                                         const struct transport_mail *mail, char *answer);

/* transport_smtp.c */
struct transport_smtp;

/* url: smtp:// or smtps://. NULL with error. */
struct transport_smtp *transport_smtp_new(const char *url, int timeout_ms, char *error);
void transport_smtp_free(struct transport_smtp *smtp); /* NULL is allowed */
enum transport_status transport_smtp_send(struct transport_smtp *smtp,
                                          const struct transport_mail *mail, char *answer);

#endif
