/* transport.c - handing a mail to the mail server; see transport.h.
 *
 * Addresses are judged here, once for both ways: what is no addr-spec in ASCII never gets to
 * an argument vector or into an SMTP command.
 */
#include "transport_internal.h"

#include "mail_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRATCH_MAX = 65536 /* octets: two addresses */ };

#define SENDMAIL BYTES("sendmail:")

struct transport {
    char *command; /* NULL: smtp is used */
    struct transport_smtp *smtp;
    int timeout_ms;
};

void transport_answer(char *answer, struct bytes text)
{
    size_t len = 0;
    text = bytes_trim(text);
    for (size_t i = 0; i < text.len && len < TRANSPORT_ERROR_MAX - 1; i++) {
        char c = text.data[i];
        if (c == '\r' && i + 1 < text.len && text.data[i + 1] == '\n')
            continue;
        answer[len++] = is_fws((unsigned char)c) ? ' ' : (c >= ' ' && c <= '~') ? c : '?';
    }
    answer[len] = '\0';
}

void transport_answer_printf(char *answer, const char *format, ...)
{
    char text[TRANSPORT_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    transport_answer(answer, bytes_of(text));
}

static bool use_command(struct transport *transport, struct bytes path, char *error)
{
    if (path.len == 0 || path.data[0] != '/') {
        transport_answer_printf(error, "sendmail:%.*s: an absolute path is needed",
                                BYTES_ARGS(path));
        return false;
    }
    transport->command = strndup(path.data, path.len);
    if (!transport->command) {
        transport_answer(error, BYTES("out of memory"));
        return false;
    }
    if (access(transport->command, X_OK) != 0) {
        transport_answer_printf(error, "%s: %m", transport->command);
        return false;
    }
    return true;
}

struct transport *transport_new(const char *where, int timeout_ms, char *error)
{
    struct bytes text = bytes_of(where);
    struct transport *transport = calloc(1, sizeof(*transport));
    if (!transport) {
        transport_answer(error, BYTES("out of memory"));
        return NULL;
    }
    transport->timeout_ms = timeout_ms;
    bool good;
    if (bytes_starts_nocase(text, SENDMAIL)) {
        good = use_command(transport, bytes_slice(text, SENDMAIL.len, text.len), error);
    } else {
        transport->smtp = transport_smtp_new(where, timeout_ms, error);
        good = transport->smtp != NULL;
    }
    if (good)
        return transport;
    transport_free(transport);
    return NULL;
}

void transport_free(struct transport *transport)
{
    if (!transport)
        return;
    transport_smtp_free(transport->smtp);
    free(transport->command);
    free(transport);
}

/* The address as it may be written into a command; NULL when it is none. */
static const char *addr_spec(struct arena *arena, struct bytes address)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    return mail_text_address(&buf, address) ? strbuf_string(&buf) : NULL;
}

static enum transport_status send_mail(struct transport *transport, struct arena *scratch,
                                       struct bytes sender, struct bytes recipient,
                                       struct bytes message, char *answer)
{
    struct transport_mail mail = {.sender = sender.len ? addr_spec(scratch, sender) : "",
                                  .recipient = addr_spec(scratch, recipient),
                                  .message = message};
    if (arena_failed(scratch)) {
        transport_answer(answer, BYTES("out of memory"));
        return TRANSPORT_TEMPORARY;
    }
    if (!mail.sender) {
        transport_answer_printf(answer, "sender: no mail address: %.*s", BYTES_ARGS(sender));
        return TRANSPORT_BROKEN;
    }
    if (!mail.recipient) {
        transport_answer_printf(answer, "no mail address: %.*s", BYTES_ARGS(recipient));
        return TRANSPORT_REFUSED;
    }
    if (transport->command)
        return transport_sendmail(transport->command, transport->timeout_ms, &mail, answer);
    return transport_smtp_send(transport->smtp, &mail, answer);
}

enum transport_status transport_send(struct transport *transport, struct bytes sender,
                                     struct bytes recipient, struct bytes message, char *answer)
{
    struct arena *scratch = arena_new(SCRATCH_MAX);
    if (!scratch) {
        transport_answer(answer, BYTES("out of memory"));
        return TRANSPORT_TEMPORARY;
    }
    enum transport_status status =
        send_mail(transport, scratch, sender, recipient, message, answer);
    arena_free(scratch);
    return status;
}
