/* milter_client.h - the mail server's side of the milter protocol, version 6, as far as
 * asking a filter about a message takes. For `assay selftest`; any filter will do. */
#ifndef ASSAY_MILTER_CLIENT_H
#define ASSAY_MILTER_CLIENT_H

#include "config.h"

enum { MILTER_CLIENT_FIELDS = 6000, MILTER_CLIENT_TEXT = 400 };

enum milter_answer {
    MILTER_ACCEPT,
    MILTER_QUARANTINE,
    MILTER_TEMPFAIL,
    MILTER_REJECT,
    MILTER_DISCARD,
    MILTER_GONE, /* closed the connection, broke the protocol or said nothing in time */
};

/* "accept", "quarantine", "tempfail", "reject", "discard", "no answer". */
const char *milter_answer_name(enum milter_answer answer);

/* One message; views live as long as the caller says. */
struct milter_message {
    const char *client_ip, *client_name, *helo, *mail_from; /* mail_from without "<>" */
    const char *mta_name;                                   /* {j} */
    struct bytes header; /* lines with LF; folds begin with WSP */
    struct bytes body;
};

struct milter_reply {
    enum milter_answer answer;
    char text[MILTER_CLIENT_TEXT];    /* SMTP reply, "" when there is none */
    char results[MILTER_CLIENT_TEXT]; /* the Authentication-Results field that it put on top; "" */
    bool results_gone[MILTER_CLIENT_FIELDS]; /* the n-th such field of the message, removed */
};

/* Opens a connection, asks about one message and closes it. */
void milter_ask(const struct config_socket *socket, const struct milter_message *message,
                struct milter_reply *out);

#endif
