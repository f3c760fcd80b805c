/* fake_smtp.c - a mail server of a few lines; see fake_smtp.h. */
#include "fake_smtp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_OCTETS = 4096, URL_OCTETS = 64 };

struct fake_smtp {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    struct fake_smtp_script script;
    FILE *transcript;
    char *text;
    size_t len;
    int client; /* -1: none */
    bool stopping;
    /* fixed */
    int listener;
    char url[URL_OCTETS];
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

static struct fake_smtp_script script_of(struct fake_smtp *server)
{
    pthread_mutex_lock(&server->lock);
    struct fake_smtp_script script = server->script;
    pthread_mutex_unlock(&server->lock);
    return script;
}

static void note(struct fake_smtp *server, const char *text)
{
    pthread_mutex_lock(&server->lock);
    fputs(text, server->transcript);
    pthread_mutex_unlock(&server->lock);
}

/* False: the connection ends here. */
static bool reply(FILE *out, const char *text, const char *usual)
{
    text = text ? text : usual;
    if (strcmp(text, "close") == 0)
        return false;
    if (*text)
        fprintf(out, "%s\r\n", text);
    return fflush(out) == 0;
}

static bool take_message(struct fake_smtp *server, FILE *in)
{
    char line[LINE_OCTETS];
    while (fgets(line, sizeof(line), in)) {
        note(server, line);
        if (strcmp(line, ".\r\n") == 0)
            return true;
    }
    return false;
}

static bool answer(struct fake_smtp *server, FILE *in, FILE *out, const char *line)
{
    struct fake_smtp_script script = script_of(server);
    if (strncasecmp(line, "EHLO", 4) == 0)
        return reply(out, script.ehlo, "250-fake.example\r\n250-SIZE 10000000\r\n250 8BITMIME");
    if (strncasecmp(line, "HELO", 4) == 0)
        return reply(out, NULL, "250 fake.example");
    if (strncasecmp(line, "STARTTLS", 8) == 0)
        return reply(out, script.starttls, "502 5.5.1 no TLS here");
    if (strncasecmp(line, "MAIL", 4) == 0)
        return reply(out, script.mail, "250 2.1.0 sender ok");
    if (strncasecmp(line, "RCPT", 4) == 0)
        return reply(out, script.rcpt, "250 2.1.5 recipient ok");
    if (strncasecmp(line, "QUIT", 4) == 0) {
        reply(out, NULL, "221 2.0.0 bye");
        return false;
    }
    if (strncasecmp(line, "DATA", 4) != 0)
        return reply(out, NULL, "500 5.5.2 what?");
    if (!reply(out, script.data, "354 go on"))
        return false;
    if (script.data)
        return true;
    return take_message(server, in) && reply(out, script.message, "250 2.0.0 Ok: queued as 4711") &&
           !script.close_after_mail;
}

static void serve(struct fake_smtp *server, int fd)
{
    char line[LINE_OCTETS];
    FILE *in = fdopen(dup(fd), "r"), *out = fdopen(dup(fd), "w");
    must(in && out, "fdopen");
    note(server, "[connect]\n");
    bool going = reply(out, script_of(server).greeting, "220 fake.example ESMTP");
    while (going && fgets(line, sizeof(line), in)) {
        note(server, line);
        going = answer(server, in, out, line);
    }
    fclose(in);
    fclose(out);
}

static bool set_client(struct fake_smtp *server, int fd)
{
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    server->client = fd;
    pthread_mutex_unlock(&server->lock);
    return !stopping;
}

static void *run(void *context)
{
    struct fake_smtp *server = context;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        bool going = set_client(server, fd);
        if (going)
            serve(server, fd);
        set_client(server, -1);
        close(fd);
        if (!going)
            break;
    }
    return NULL;
}

struct fake_smtp *fake_smtp_new(const struct fake_smtp_script *script)
{
    struct fake_smtp *server = calloc(1, sizeof(*server));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    must(server != NULL, "calloc");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(server->listener, (struct sockaddr *)&address, size) == 0, "bind");
    must(listen(server->listener, 5) == 0, "listen");
    must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    snprintf(server->url, URL_OCTETS, "smtp://127.0.0.1:%u", ntohs(address.sin_port));
    server->transcript = open_memstream(&server->text, &server->len);
    server->script = *script;
    server->client = -1;
    pthread_mutex_init(&server->lock, NULL);
    must(pthread_create(&server->thread, NULL, run, server) == 0, "pthread_create");
    return server;
}

void fake_smtp_free(struct fake_smtp *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    if (server->client >= 0)
        shutdown(server->client, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR); /* ends accept() */
    pthread_join(server->thread, NULL);
    close(server->listener);
    fclose(server->transcript);
    free(server->text);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *fake_smtp_url(const struct fake_smtp *server)
{
    return server->url;
}

void fake_smtp_set(struct fake_smtp *server, const struct fake_smtp_script *script)
{
    pthread_mutex_lock(&server->lock);
    server->script = *script;
    pthread_mutex_unlock(&server->lock);
}

char *fake_smtp_transcript(struct fake_smtp *server)
{
    pthread_mutex_lock(&server->lock);
    fflush(server->transcript);
    char *copy = strdup(server->text);
    pthread_mutex_unlock(&server->lock);
    return copy;
}
