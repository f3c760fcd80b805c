/* message_file.c - a message from a file; see message_file.h. */
#include "message_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 65536 }; /* octets per body call, about what an MTA sends */

static bool read_all(FILE *file, struct bytes *text)
{
    char *data = NULL;
    size_t len = 0, capacity = 0;
    for (;;) {
        if (len == capacity) {
            capacity = capacity ? capacity * 2 : CHUNK;
            char *bigger = capacity <= MESSAGE_FILE_MAX ? realloc(data, capacity) : NULL;
            if (!bigger) {
                free(data);
                errno = capacity <= MESSAGE_FILE_MAX ? ENOMEM : EFBIG;
                return false;
            }
            data = bigger;
        }
        size_t got = fread(data + len, 1, capacity - len, file);
        len += got;
        if (got == 0)
            break;
    }
    if (ferror(file)) {
        free(data);
        return false;
    }
    *text = (struct bytes){data, len};
    return true;
}

bool message_file_read(const char *path, struct bytes *text)
{
    if (strcmp(path, "-") == 0)
        return read_all(stdin, text);
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool good = read_all(file, text);
    int error = errno;
    fclose(file);
    errno = error;
    return good;
}

/* Takes one line off the text, its line end included. */
static struct bytes next_line(struct bytes *text)
{
    size_t end = bytes_find(*text, '\n');
    struct bytes line = bytes_slice(*text, 0, end < text->len ? end + 1 : end);
    *text = bytes_slice(*text, line.len, text->len);
    return line;
}

static struct bytes without_line_end(struct bytes line)
{
    if (line.len && line.data[line.len - 1] == '\n')
        line.len--;
    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_field_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < '!' || name.data[i] > '~')
            return false;
    }
    return name.len > 0;
}

/* Takes one field with its continuation lines; false at the end of the header. */
static bool next_field(struct bytes *text, struct bytes *name, struct bytes *value)
{
    struct bytes rest = *text;
    struct bytes line = next_line(&rest);
    size_t colon = bytes_find(line, ':');
    if (colon == line.len || !is_field_name(bytes_trim(bytes_slice(line, 0, colon))))
        return false;
    while (rest.len && is_wsp(rest.data[0])) {
        struct bytes more = next_line(&rest);
        line.len += more.len;
    }
    *name = bytes_slice(line, 0, colon);
    *value = without_line_end(bytes_slice(line, colon + 1, line.len));
    *text = rest;
    return true;
}

static void walk_converted(struct bytes body, const struct message_sink *sink)
{
    while (body.len) {
        struct bytes line = next_line(&body);
        bool ended = line.data[line.len - 1] == '\n';
        sink->body(sink->context, bytes_slice(line, 0, line.len - ended));
        if (ended)
            sink->body(sink->context, BYTES("\r\n"));
    }
}

void message_file_walk(struct bytes text, const struct message_sink *sink)
{
    struct bytes name, value;
    struct bytes after = text;
    struct bytes first = next_line(&after);
    bool lf_only = !(first.len >= 2 && first.data[first.len - 2] == '\r');
    struct bytes label = bytes_slice(first, 0, bytes_find(first, ':'));
    if (bytes_starts_nocase(label, BYTES("From ")) && bytes_trim(label).len > 4)
        text = after; /* "From : a@example.com" is a field, "From a@example.com Mon ..." is not */
    while (next_field(&text, &name, &value))
        sink->field(sink->context, name, value);
    sink->end_of_headers(sink->context);

    struct bytes rest = text;
    if (without_line_end(next_line(&rest)).len == 0) /* the empty line */
        text = rest;
    if (lf_only) {
        walk_converted(text, sink);
        return;
    }
    for (size_t at = 0; at < text.len; at += CHUNK)
        sink->body(sink->context, bytes_slice(text, at, CHUNK));
}

/* ---- to an evaluation ---- */

static void evaluate_field(void *context, struct bytes name, struct bytes value)
{
    evaluation_header(context, name, value);
}

static void evaluate_end_of_headers(void *context)
{
    evaluation_end_of_headers(context);
}

static void evaluate_body(void *context, struct bytes chunk)
{
    evaluation_body(context, chunk);
}

void message_file_feed(struct evaluation *evaluation, struct bytes text)
{
    const struct message_sink sink = {evaluate_field, evaluate_end_of_headers, evaluate_body,
                                      evaluation};
    message_file_walk(text, &sink);
}
