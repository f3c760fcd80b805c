/* archive.c - gzip and zip, unpacked in memory and within bounds; see archive.h. */
#include "archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    FIRST_SIZE = 64 << 10, /* octets: most reports fit, the buffer doubles after that */
    GZIP_WINDOW = 15 + 16, /* inflateInit2(): the largest window, gzip only */
    GZIP_HEADER_MIN = 18,  /* octets of an empty gzip file, with its trailer */
};

/* What comes out of one file. */
struct output {
    char *data;
    size_t len, capacity;
    size_t packed;    /* octets of the whole archive, for the ratio */
    uint64_t *before; /* octets that may still come out, this file included */
    char *why;
};

enum archive_kind archive_kind(struct bytes octets)
{
    if (bytes_equal(bytes_slice(octets, 0, 3), BYTES("\x1f\x8b\x08")))
        return ARCHIVE_GZIP;
    /* a local file, or the end of an empty archive */
    if (bytes_equal(bytes_slice(octets, 0, 4), BYTES("PK\x03\x04")) ||
        bytes_equal(bytes_slice(octets, 0, 4), BYTES("PK\x05\x06")))
        return ARCHIVE_ZIP;
    return ARCHIVE_NONE;
}

static bool refuse(char *why, const char *text)
{
    snprintf(why, ARCHIVE_WHY_MAX, "%s", text);
    return false;
}

/* True while what came out so far is within the bounds. */
static bool within_bounds(const struct output *output)
{
    if (output->len > *output->before)
        return refuse(output->why, "it unpacks to more than is allowed");
    if (output->len > ARCHIVE_RATIO_FROM && output->len / ARCHIVE_RATIO_MAX > output->packed)
        return refuse(output->why, "it unpacks to more than 250 times its size, as no report does");
    return true;
}

/* Room behind data + len for at least one octet. */
static bool make_room(struct output *output)
{
    if (output->len < output->capacity)
        return true;
    size_t capacity = output->capacity ? output->capacity * 2 : FIRST_SIZE;
    char *data = capacity > output->capacity ? realloc(output->data, capacity) : NULL;
    if (!data)
        return refuse(output->why, "out of memory");
    output->data = data;
    output->capacity = capacity;
    return true;
}

/* ---- gzip ---- */

/* Unpacks one member (RFC 1952 2.2); *used octets of `octets`. */
static bool gunzip_member(z_stream *stream, struct bytes octets, struct output *output,
                          size_t *used)
{
    int status = Z_OK;
    *used = 0;
    while (status == Z_OK) {
        if (!make_room(output))
            return false;
        size_t left = octets.len - *used, room = output->capacity - output->len;
        uInt in = left < (1u << 30) ? (uInt)left : 1u << 30;
        uInt out = room < (1u << 30) ? (uInt)room : 1u << 30;
        stream->next_in = (Bytef *)(uintptr_t)(octets.data + *used);
        stream->avail_in = in;
        stream->next_out = (Bytef *)output->data + output->len;
        stream->avail_out = out;
        status = inflate(stream, Z_NO_FLUSH);
        *used += in - stream->avail_in;
        output->len += out - stream->avail_out;
        if (!within_bounds(output))
            return false;
    }
    if (status == Z_STREAM_END)
        return true;
    if (status == Z_BUF_ERROR)
        return refuse(output->why, "the gzip file is cut short");
    if (status == Z_MEM_ERROR)
        return refuse(output->why, "out of memory");
    snprintf(output->why, ARCHIVE_WHY_MAX, "the gzip file is damaged (%s)",
             stream->msg ? stream->msg : "no reason given");
    return false;
}

/* All members, one behind the other; what is no member any more is padding, as for gzip(1). */
static bool gunzip(struct bytes octets, struct output *output)
{
    z_stream stream = {0};
    size_t used;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return refuse(output->why, "out of memory");
    bool good = true;
    do {
        good = gunzip_member(&stream, octets, output, &used);
        octets = bytes_slice(octets, used, octets.len);
    } while (good && octets.len >= GZIP_HEADER_MIN && archive_kind(octets) == ARCHIVE_GZIP &&
             inflateReset(&stream) == Z_OK);
    inflateEnd(&stream);
    return good;
}

/* ---- zip ---- */

/* libarchive's word on what is wrong. */
static bool damaged(struct archive *archive, char *why)
{
    const char *text = archive_error_string(archive);
    struct bytes trimmed = bytes_trim(bytes_of(text ? text : "no reason given"));
    snprintf(why, ARCHIVE_WHY_MAX, "the zip file is damaged (%.*s)", BYTES_ARGS(trimmed));
    for (char *at = why; *at; at++) { /* it may quote the file */
        if (*at < ' ' || *at > '~')
            *at = '?';
    }
    return false;
}

static bool unzip_entry(struct archive *archive, struct output *output)
{
    for (;;) {
        if (!make_room(output))
            return false;
        la_ssize_t got =
            archive_read_data(archive, output->data + output->len, output->capacity - output->len);
        if (got == 0)
            return true;
        if (got < 0)
            return damaged(archive, output->why);
        output->len += (size_t)got;
        if (!within_bounds(output))
            return false;
    }
}

static struct archive *open_zip(struct bytes octets, char *why)
{
    struct archive *archive = archive_read_new();
    if (!archive) {
        refuse(why, "out of memory");
        return NULL;
    }
    if (archive_read_support_format_zip(archive) >= ARCHIVE_WARN &&
        archive_read_open_memory(archive, octets.data, octets.len) == ARCHIVE_OK)
        return archive;
    damaged(archive, why);
    archive_read_free(archive);
    return NULL;
}

static bool unzip_entries(struct archive *archive, struct output *output, uint64_t *budget,
                          archive_fn *each, void *context)
{
    struct archive_entry *entry;
    int status;
    for (size_t count = 0; (status = archive_read_next_header(archive, &entry)) != ARCHIVE_EOF;
         count++) {
        if (status < ARCHIVE_WARN)
            return damaged(archive, output->why);
        if (count == ARCHIVE_ENTRIES_MAX)
            return refuse(output->why, "the zip file has more than 1000 entries");
        if (archive_entry_filetype(entry) != AE_IFREG)
            continue;
        output->len = 0;
        bool good = unzip_entry(archive, output);
        *budget -= output->len < *budget ? output->len : *budget;
        if (!good)
            return false;
        each(context, bytes_of(archive_entry_pathname(entry)),
             (struct bytes){output->data, output->len});
    }
    return true;
}

/* ---- both ---- */

bool archive_unpack(struct bytes octets, uint64_t *budget, archive_fn *each, void *context,
                    char *why)
{
    struct output output = {.packed = octets.len, .before = budget, .why = why};
    bool good = false;
    why[0] = '\0';
    switch (archive_kind(octets)) {
    case ARCHIVE_GZIP:
        good = gunzip(octets, &output);
        *budget -= output.len < *budget ? output.len : *budget;
        if (good)
            each(context, BYTES_EMPTY, (struct bytes){output.data, output.len});
        break;
    case ARCHIVE_ZIP: {
        struct archive *archive = open_zip(octets, why);
        good = archive && unzip_entries(archive, &output, budget, each, context);
        archive_read_free(archive);
        break;
    }
    case ARCHIVE_NONE:
        refuse(why, "neither gzip nor zip");
        break;
    }
    free(output.data);
    return good;
}
