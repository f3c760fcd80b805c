/* transport_smtp.c - a mail by SMTP, with libcurl; see transport.h.
 *
 * libcurl speaks; we listen to the conversation (CURLOPT_DEBUGFUNCTION), because what a
 * refusal means depends on the command that was refused: a 5xx to RCPT or to the message is for
 * this destination, one to the greeting, EHLO or MAIL is for us, and the same for all others.
 *
 * TLS: smtps:// verifies the certificate. smtp:// takes STARTTLS when it is offered, as it comes
 * (opportunistic security, RFC 7435), and goes on without when the handshake fails: a local mail
 * server with a self-signed certificate is the rule, and who could change the certificate
 * on the way could take STARTTLS away as well. The name in EHLO is this host's.
 */
#include "transport_internal.h"

#include "mail_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

enum {
    REPLY_OCTETS = 1024, /* kept of one reply */
    URL_OCTETS = 300,    /* longest URL accepted */
    SIZE_EXCEEDED = 552, /* RFC 1870 6.1: also a reply to MAIL */
};

/* Which command the server answers. */
enum stage { STAGE_CONNECT, STAGE_MAIL, STAGE_MESSAGE, STAGE_QUIT };

struct transport_smtp {
    CURL *curl;
    bool tls_from_start;
    bool without_tls; /* its STARTTLS did not work */
    char curl_error[CURL_ERROR_SIZE];
    /* of the mail at hand */
    struct bytes rest; /* of the message, not yet read by libcurl */
    enum stage stage;
    int code;               /* of the last reply but that to QUIT; 0: there was none */
    enum stage reply_stage; /* what that answers */
    char reply[REPLY_OCTETS];
    size_t reply_len;
    bool reply_complete; /* the next line begins another one */
};

/* ---- what libcurl calls ---- */

static size_t read_message(char *buffer, size_t size, size_t count, void *context)
{
    struct transport_smtp *smtp = context;
    struct bytes part = bytes_slice(smtp->rest, 0, size * count);
    memcpy(buffer, part.data, part.len);
    smtp->rest = bytes_slice(smtp->rest, part.len, smtp->rest.len);
    return part.len;
}

static void note_command(struct transport_smtp *smtp, struct bytes line)
{
    if (bytes_starts_nocase(line, BYTES("MAIL ")))
        smtp->stage = STAGE_MAIL;
    else if (bytes_starts_nocase(line, BYTES("RCPT ")) || bytes_starts_nocase(line, BYTES("DATA")))
        smtp->stage = STAGE_MESSAGE;
    else
        smtp->stage = bytes_is(bytes_trim(line), "QUIT") ? STAGE_QUIT : STAGE_CONNECT;
}

static void keep(struct transport_smtp *smtp, struct bytes text)
{
    text = bytes_slice(text, 0, REPLY_OCTETS - smtp->reply_len);
    memcpy(smtp->reply + smtp->reply_len, text.data, text.len);
    smtp->reply_len += text.len;
}

/* "250-first", "250 last": the text of all lines behind the code of the first. */
static void note_reply(struct transport_smtp *smtp, struct bytes line)
{
    unsigned long long code;
    line = bytes_trim(line);
    if (smtp->stage == STAGE_QUIT || !bytes_to_number(bytes_slice(line, 0, 3), 599, &code) ||
        line.len < 3)
        return;
    if (smtp->reply_complete || smtp->code == 0) {
        smtp->reply_len = 0;
        keep(smtp, bytes_slice(line, 0, 3));
    }
    smtp->code = (int)code;
    smtp->reply_stage = smtp->stage;
    smtp->reply_complete = line.len == 3 || line.data[3] != '-';
    keep(smtp, BYTES(" "));
    keep(smtp, bytes_slice(line, 4, line.len));
}

static int listen_in(CURL *curl, curl_infotype type, char *data, size_t size, void *context)
{
    (void)curl;
    if (type == CURLINFO_HEADER_OUT)
        note_command(context, (struct bytes){data, size});
    else if (type == CURLINFO_HEADER_IN)
        note_reply(context, (struct bytes){data, size});
    return 0;
}

/* ---- set-up ---- */

/* scheme://host[:port][/], with nothing in it that a URL could do beside. */
static bool is_url(struct bytes url)
{
    struct bytes rest = bytes_slice(url, bytes_find(url, ':') + 1, url.len);
    if (!bytes_starts_nocase(rest, BYTES("//")) || url.len > URL_OCTETS)
        return false;
    rest = bytes_slice(rest, 2, rest.len);
    if (rest.len && rest.data[rest.len - 1] == '/')
        rest = bytes_slice(rest, 0, rest.len - 1);
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.data[i];
        if (!is_alnum(c) && !memchr(".-_:[]", c, 6))
            return false;
    }
    return rest.len > 0;
}

static bool set_options(struct transport_smtp *smtp, const char *url, int timeout_ms)
{
    CURL *curl = smtp->curl;
    long verify = smtp->tls_from_start ? 1 : 0;
    CURLcode failed = CURLE_OK;
    failed |= curl_easy_setopt(curl, CURLOPT_URL, url);
    failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    failed |= curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not that of the environment */
    failed |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    failed |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    failed |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    failed |= curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    failed |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify);
    failed |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify * 2);
    failed |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, smtp->curl_error);
    failed |= curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); /* else DEBUGFUNCTION is not called */
    failed |= curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in);
    failed |= curl_easy_setopt(curl, CURLOPT_DEBUGDATA, smtp);
    failed |= curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    failed |= curl_easy_setopt(curl, CURLOPT_READDATA, smtp);
    failed |= curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    return failed == CURLE_OK;
}

struct transport_smtp *transport_smtp_new(const char *url, int timeout_ms, char *error)
{
    struct bytes text = bytes_of(url);
    bool tls = bytes_starts_nocase(text, BYTES("smtps:"));
    if ((!tls && !bytes_starts_nocase(text, BYTES("smtp:"))) || !is_url(text)) {
        transport_answer_printf(error,
                                "%s: sendmail:PATH, smtp://HOST[:PORT] or smtps://HOST[:PORT] "
                                "is needed",
                                url);
        return NULL;
    }
    struct transport_smtp *smtp = calloc(1, sizeof(*smtp));
    if (!smtp || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(smtp);
        transport_answer(error, BYTES("out of memory"));
        return NULL;
    }
    smtp->tls_from_start = tls;
    smtp->curl = curl_easy_init();
    if (smtp->curl && set_options(smtp, url, timeout_ms))
        return smtp;
    transport_answer(error,
                     BYTES("libcurl cannot be set up: out of memory, or built without SMTP"));
    transport_smtp_free(smtp);
    return NULL;
}

void transport_smtp_free(struct transport_smtp *smtp)
{
    if (!smtp)
        return;
    smtp->stage = STAGE_QUIT;
    curl_easy_cleanup(smtp->curl); /* says QUIT */
    curl_global_cleanup();
    free(smtp);
}

/* ---- one mail ---- */

static CURLcode perform(struct transport_smtp *smtp, const struct transport_mail *mail)
{
    smtp->rest = mail->message;
    smtp->stage = STAGE_CONNECT;
    smtp->code = 0;
    smtp->reply_len = 0;
    smtp->reply_complete = false;
    smtp->curl_error[0] = '\0';
    return curl_easy_perform(smtp->curl);
}

/* A connection that was kept may have been closed meanwhile: nobody answered. */
static bool was_stale(const struct transport_smtp *smtp)
{
    long connects = 1;
    curl_easy_getinfo(smtp->curl, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0 && smtp->code == 0;
}

static CURLcode perform_again_if_needed(struct transport_smtp *smtp,
                                        const struct transport_mail *mail)
{
    CURLcode result = perform(smtp, mail);
    if (result == CURLE_SSL_CONNECT_ERROR && !smtp->tls_from_start && !smtp->without_tls) {
        smtp->without_tls = true;
        curl_easy_setopt(smtp->curl, CURLOPT_USE_SSL, (long)CURLUSESSL_NONE);
        return perform(smtp, mail);
    }
    if (result != CURLE_OK && result != CURLE_OPERATION_TIMEDOUT && was_stale(smtp))
        return perform(smtp, mail);
    return result;
}

static enum transport_status judge_reply(const struct transport_smtp *smtp)
{
    if (smtp->code < 500)
        return TRANSPORT_TEMPORARY;
    if (smtp->reply_stage == STAGE_MESSAGE || smtp->code == SIZE_EXCEEDED)
        return TRANSPORT_REFUSED;
    return TRANSPORT_BROKEN;
}

/* Without a reply that says more. */
static enum transport_status judge_failure(CURLcode result)
{
    switch (result) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_PEER_FAILED_VERIFICATION:
        return TRANSPORT_BROKEN;
    default:
        return TRANSPORT_TEMPORARY;
    }
}

static enum transport_status judge(const struct transport_smtp *smtp, CURLcode result, char *answer)
{
    if (result == CURLE_OK || smtp->code >= 400)
        transport_answer(answer, (struct bytes){smtp->reply, smtp->reply_len});
    else
        transport_answer_printf(answer, "%s",
                                *smtp->curl_error ? smtp->curl_error : curl_easy_strerror(result));
    if (result == CURLE_OK)
        return TRANSPORT_SENT;
    return smtp->code >= 400 ? judge_reply(smtp) : judge_failure(result);
}

enum transport_status transport_smtp_send(struct transport_smtp *smtp,
                                          const struct transport_mail *mail, char *answer)
{
    struct curl_slist *recipients = curl_slist_append(NULL, mail->recipient);
    if (!recipients || curl_easy_setopt(smtp->curl, CURLOPT_MAIL_FROM, mail->sender) != CURLE_OK) {
        curl_slist_free_all(recipients);
        transport_answer(answer, BYTES("out of memory"));
        return TRANSPORT_TEMPORARY;
    }
    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(smtp->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->message.len);
    CURLcode result = perform_again_if_needed(smtp, mail);
    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipients);
    return judge(smtp, result, answer);
}
