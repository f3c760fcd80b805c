/* bench_corpus.c - reads the manifest and the messages; see bench.h. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench_load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

void *bench_alloc(size_t len)
{
    void *memory = calloc(1, len ? len : 1);
    if (!memory)
        bench_die("out of memory");
    return memory;
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    long size;
    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
        bench_die("cannot read %s", path);
    char *text = bench_alloc((size_t)size + 1);
    rewind(file);
    *len = fread(text, 1, (size_t)size, file);
    fclose(file);
    return text;
}

/* Cuts the header at the empty line; the fields point into `text`. */
static void split_header(struct bench_message *message, char *text)
{
    size_t capacity = 64;
    message->fields = bench_alloc(capacity * sizeof(*message->fields));
    char *out = NULL; /* end of the value that is being built */
    for (char *line = text, *next; *line; line = next) {
        char *end = strstr(line, "\r\n");
        if (!end)
            bench_die("a header line without CRLF");
        *end = '\0';
        next = end + 2;
        if (out && (*line == ' ' || *line == '\t')) { /* a fold is a bare LF to a milter */
            *out++ = '\n';
            memmove(out, line, (size_t)(end - line) + 1);
            out += end - line;
            continue;
        }
        char *colon = strchr(line, ':');
        if (!colon || message->field_count == capacity)
            bench_die("no colon, or more than %zu fields", capacity);
        *colon = '\0';
        message->fields[message->field_count++] = (struct bench_field){line, colon + 1};
        out = end;
    }
}

static void read_message(struct bench_message *message, const char *path)
{
    size_t len;
    char *text = read_file(path, &len), *end = strstr(text, "\r\n\r\n");
    if (!end)
        bench_die("%s: no empty line with CRLF", path);
    end[2] = '\0';
    message->body = end + 4;
    message->body_len = len - (size_t)(message->body - text);
    split_header(message, text);
}

/* Without angle brackets. */
static char *bare(char *path)
{
    size_t len = strlen(path);
    if (len < 2 || path[0] != '<' || path[len - 1] != '>')
        return path;
    path[len - 1] = '\0';
    return path + 1;
}

struct bench_corpus bench_corpus_read(const char *manifest)
{
    size_t len, capacity = 100000;
    char *text = read_file(manifest, &len), *rest = text, *line, path[4096];
    const char *slash = strrchr(manifest, '/');
    int directory = slash ? (int)(slash - manifest) + 1 : 0;
    struct bench_corpus corpus = {bench_alloc(capacity * sizeof(*corpus.messages)), 0};
    while ((line = strsep(&rest, "\n")) && *line && corpus.count < capacity) {
        char *column[7];
        struct bench_message *message = &corpus.messages[corpus.count++];
        for (size_t i = 0; i < 7; i++) {
            column[i] = strsep(&line, "\t");
            if (!column[i])
                bench_die("%s: a line without seven columns", manifest);
        }
        message->client = column[1];
        message->client_name = column[2];
        message->helo = column[3];
        message->sender = bare(column[4]);
        message->recipient = bare(column[5]);
        message->expected = column[6];
        snprintf(path, sizeof(path), "%.*s%s", directory, manifest, column[0]);
        read_message(message, path);
    }
    if (corpus.count == 0)
        bench_die("%s: no messages", manifest);
    return corpus;
}
