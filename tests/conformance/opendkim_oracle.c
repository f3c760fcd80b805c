/* opendkim_oracle.c - what OpenDKIM's library says of signatures; for crosscheck_sign.py.
 *
 *   opendkim_oracle KEYFILE < jobs
 *
 * The library is used as OpenDKIM uses it, with its own keys and verdicts, and not through our
 * engine. KEYFILE has lines "selector._domainkey.domain record". A job is one line,
 * tab-separated: file with the field, file with the message, both with CRLF line ends. For each
 * job one line: "pass", or what is wrong.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

enum { LINE_OCTETS = 8192 };

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "opendkim_oracle: %s: %s\n", what, why);
    exit(1);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, "cannot be opened");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *data = malloc((size_t)size + 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        fail(path, "cannot be read");
    fclose(file);
    data[size] = '\0';
    *len = (size_t)size;
    return data;
}

/* Feeds header fields; returns what is behind them. */
static char *feed_header(DKIM *dkim, char *text, const char *end)
{
    while (text < end && strncmp(text, "\r\n", 2) != 0) {
        char *stop = text;
        do {
            stop = strstr(stop, "\r\n");
            stop = stop ? stop + 2 : text + strlen(text);
        } while (*stop == ' ' || *stop == '\t');
        if (dkim_header(dkim, (u_char *)text, (size_t)(stop - text - 2)) != DKIM_STAT_OK)
            fail("header field", text);
        text = stop;
    }
    return text + (text < end ? 2 : 0);
}

static const char *verdict(DKIM *dkim, DKIM_STAT status)
{
    DKIM_SIGINFO *signature = dkim_getsignature(dkim);
    if (!signature)
        return "no signature";
    if (status != DKIM_STAT_OK || dkim_sig_geterror(signature) != DKIM_SIGERROR_OK)
        return dkim_sig_geterrorstr(dkim_sig_geterror(signature));
    if (!(dkim_sig_getflags(signature) & DKIM_SIGFLAG_PASSED))
        return "not passed";
    return dkim_sig_getbh(signature) == DKIM_SIGBH_MATCH ? "pass" : "body hash differs";
}

static void verify(DKIM_LIB *library, const char *field_path, const char *message_path)
{
    DKIM_STAT status;
    _Bool test_key;
    size_t field_len, len;
    char *field = read_file(field_path, &field_len);
    char *message = read_file(message_path, &len);
    DKIM *dkim = dkim_verify(library, (const unsigned char *)"oracle", NULL, &status);
    if (!dkim)
        fail("dkim_verify()", "failed");
    feed_header(dkim, field, field + field_len);
    char *body = feed_header(dkim, message, message + len);
    status = dkim_eoh(dkim);
    if (status == DKIM_STAT_OK && body < message + len)
        status = dkim_body(dkim, (u_char *)body, (size_t)(message + len - body));
    if (status == DKIM_STAT_OK)
        status = dkim_eom(dkim, &test_key);
    puts(verdict(dkim, status));
    dkim_free(dkim);
    free(field);
    free(message);
}

int main(int argc, char **argv)
{
    static char line[LINE_OCTETS];
    dkim_query_t method = DKIM_QUERY_FILE;
    if (argc != 2) {
        fprintf(stderr, "usage: opendkim_oracle KEYFILE < jobs\n");
        return 64;
    }
    DKIM_LIB *library = dkim_init(NULL, NULL);
    if (!library ||
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &method, sizeof(method)) !=
            DKIM_STAT_OK ||
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, argv[1], strlen(argv[1])) !=
            DKIM_STAT_OK)
        fail("dkim_init()", "failed");
    while (fgets(line, sizeof(line), stdin)) {
        char *tab = strchr(line, '\t');
        line[strcspn(line, "\n")] = '\0';
        if (!tab)
            fail("job", "two parts are needed");
        *tab = '\0';
        verify(library, line, tab + 1);
    }
    dkim_close(library);
    return 0;
}
