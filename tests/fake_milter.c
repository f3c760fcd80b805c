/* fake_milter.c - libmilter for unit tests; see fake_milter.h. */
#include "fake_milter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CALLS_MAX = 64, CALL_TEXT = 2048, MACROS_MAX = 16 };

struct smfi_str {
    void *private_data;
};

static struct smfi_str the_ctx;
static char calls[CALLS_MAX][CALL_TEXT];
static size_t call_count;
static struct {
    const char *name, *value;
} macros[MACROS_MAX];
static const char *failing;
static char connection[256];
static int listening = -1;

void fake_milter_reset(void)
{
    the_ctx.private_data = NULL;
    call_count = 0;
    failing = NULL;
    memset(macros, 0, sizeof(macros));
    if (listening >= 0)
        close(listening);
    listening = -1;
}

SMFICTX *fake_milter_ctx(void)
{
    return &the_ctx;
}

size_t fake_milter_call_count(void)
{
    return call_count;
}

const char *fake_milter_call(size_t index)
{
    return index < call_count ? calls[index] : "(no such call)";
}

void fake_milter_set_macro(const char *name, const char *value)
{
    size_t i = 0;
    while (macros[i].name && strcmp(macros[i].name, name) != 0)
        i++;
    macros[i].name = name;
    macros[i].value = value;
}

void fake_milter_fail(const char *function)
{
    failing = function;
}

int fake_milter_listening(void)
{
    return listening;
}

static int note(const char *function, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int note(const char *function, const char *format, ...)
{
    char *call = calls[call_count < CALLS_MAX - 1 ? call_count++ : call_count];
    int len = snprintf(call, CALL_TEXT, "%s", function);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call + len, CALL_TEXT - (size_t)len, format, arguments);
    va_end(arguments);
    return failing && strcmp(failing, function) == 0 ? MI_FAILURE : MI_SUCCESS;
}

char *smfi_getsymval(SMFICTX *ctx, char *name)
{
    (void)ctx;
    for (size_t i = 0; i < MACROS_MAX && macros[i].name; i++) {
        if (strcmp(macros[i].name, name) == 0)
            return (char *)macros[i].value;
    }
    return NULL;
}

int smfi_setpriv(SMFICTX *ctx, void *data)
{
    if (failing && strcmp(failing, "setpriv") == 0)
        return MI_FAILURE;
    ctx->private_data = data;
    return MI_SUCCESS;
}

void *smfi_getpriv(SMFICTX *ctx)
{
    return ctx->private_data;
}

int smfi_insheader(SMFICTX *ctx, int index, char *name, char *value)
{
    (void)ctx;
    return note("insheader", " %d |%s|%s|", index, name, value);
}

int smfi_chgheader(SMFICTX *ctx, char *name, int index, char *value)
{
    (void)ctx;
    return note("chgheader", " %d |%s|%s|", index, name, value ? value : "(delete)");
}

int smfi_quarantine(SMFICTX *ctx, char *reason)
{
    (void)ctx;
    return note("quarantine", " |%s|", reason);
}

int smfi_setreply(SMFICTX *ctx, char *code, char *enhanced, char *text)
{
    (void)ctx;
    return note("setreply", " %s %s |%s|", code, enhanced, text);
}

int smfi_setsymlist(SMFICTX *ctx, int stage, char *names)
{
    (void)ctx;
    return note("setsymlist", " %d |%s|", stage, names);
}

/* ---- for socket.c ---- */

int smfi_setconn(char *text)
{
    snprintf(connection, sizeof(connection), "%s", text);
    return note("setconn", " |%s|", text);
}

int smfi_setbacklog(int backlog)
{
    return note("setbacklog", " %d", backlog);
}

static int listen_at(const void *address, socklen_t size, int family)
{
    listening = socket(family, SOCK_STREAM, 0);
    if (listening < 0 || bind(listening, address, size) != 0 || listen(listening, 5) != 0)
        return MI_FAILURE;
    return MI_SUCCESS;
}

/* "local:/path" or "inet:port@127.0.0.1". */
int smfi_opensocket(bool remove)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    (void)remove;
    if (note("opensocket", " ") != MI_SUCCESS)
        return MI_FAILURE;
    const char *rest = strchr(connection, ':') + 1;
    if (strncmp(connection, "inet", 4) == 0) {
        inet.sin_port = htons((uint16_t)atoi(rest));
        inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return listen_at(&inet, sizeof(inet), AF_INET);
    }
    snprintf(local.sun_path, sizeof(local.sun_path), "%s", rest);
    return listen_at(&local, sizeof(local), AF_UNIX);
}

int smfi_version(unsigned *major, unsigned *minor, unsigned *patch)
{
    *major = 1;
    *minor = *patch = 0;
    return MI_SUCCESS;
}
