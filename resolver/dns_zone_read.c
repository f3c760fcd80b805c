/* dns_zone_read.c - master files into a local zone, see dns_zone.h.
 *
 * libldns parses; this file turns its records into dns_zone_add() and its errors
 * into messages with file, line and what was found there.
 */
#include "dns_name.h"
#include "dns_zone.h"

#include <errno.h>
#include <ldns/dname.h>
#include <ldns/error.h>
#include <ldns/rdata.h>
#include <ldns/rr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RDATA_MAX = 65535, /* octets (RFC 1035 3.2.1) */
    SHOWN_MAX = 60     /* octets of the offending line in a message */
};

struct reader {
    struct dns_zone *zone;
    FILE *file;
    const char *label; /* path, or the name of a text */
    int line;          /* the last line that was read; libldns counts */
    uint32_t ttl;
    ldns_rdf *origin, *owner;
    size_t records;
    char *error;
    size_t error_size;
};

/* The line at which the last record ended: libldns also takes the blank and
 * comment lines behind it. Leaves its text in shown. */
static int find_line(struct reader *reader, char shown[SHOWN_MAX + 1])
{
    char *text = NULL;
    size_t room = 0;
    ssize_t len;
    int found = reader->line;
    shown[0] = '\0';
    rewind(reader->file);
    for (int line = 1; line <= reader->line && (len = getline(&text, &room, reader->file)) >= 0;
         line++) {
        struct bytes content = bytes_trim((struct bytes){text, (size_t)len});
        if (content.len == 0 || content.data[0] == ';')
            continue;
        content = bytes_slice(content, 0, SHOWN_MAX);
        for (size_t i = 0; i < content.len; i++)
            shown[i] = content.data[i] < ' ' || content.data[i] == 0x7f ? '?' : content.data[i];
        shown[content.len] = '\0';
        found = line;
    }
    free(text);
    return found;
}

static bool refuse(struct reader *reader, const char *problem)
{
    char shown[SHOWN_MAX + 1];
    int line = find_line(reader, shown);
    snprintf(reader->error, reader->error_size, "%s:%d: %s: found \"%s\"", reader->label, line,
             problem, shown);
    return false;
}

/* The rdata of rr in wire form, in out; false when it is too long. */
static bool rdata_of(const ldns_rr *rr, char *out, struct bytes *rdata)
{
    size_t len = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *field = ldns_rr_rdf(rr, i);
        size_t size = field ? ldns_rdf_size(field) : 0;
        if (size > RDATA_MAX - len)
            return false;
        if (size)
            memcpy(out + len, ldns_rdf_data(field), size);
        len += size;
    }
    *rdata = (struct bytes){out, len};
    return true;
}

static bool add_record(struct reader *reader, const ldns_rr *rr)
{
    const ldns_rdf *wire = ldns_rr_owner(rr);
    char octets[DNS_NAME_MAX], data[RDATA_MAX];
    struct bytes owner, rdata;
    size_t used;
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
        return refuse(reader, "only class IN is allowed");
    if (ldns_rr_get_type(rr) == 0) /* libldns takes an unknown word without data for one */
        return refuse(reader, "unknown record type");
    if (!dns_name_from_wire((struct bytes){(const char *)ldns_rdf_data(wire), ldns_rdf_size(wire)},
                            octets, &owner, &used))
        return refuse(reader, "the owner name cannot be used");
    if (!rdata_of(rr, data, &rdata))
        return refuse(reader, "the record is longer than 65535 octets");
    const char *problem =
        dns_zone_add(reader->zone, owner, (unsigned)ldns_rr_get_type(rr), ldns_rr_ttl(rr), rdata);
    if (problem)
        return refuse(reader, problem);
    reader->records++;
    return true;
}

/* One record or directive. */
static bool read_entry(struct reader *reader)
{
    ldns_rr *rr = NULL;
    bool good = true;
    ldns_status status = ldns_rr_new_frm_fp_l(&rr, reader->file, &reader->ttl, &reader->origin,
                                              &reader->owner, &reader->line);
    switch (status) {
    case LDNS_STATUS_OK:
        good = add_record(reader, rr);
        ldns_rr_free(rr);
        break;
    case LDNS_STATUS_SYNTAX_EMPTY:
    case LDNS_STATUS_SYNTAX_TTL:
    case LDNS_STATUS_SYNTAX_ORIGIN:
        break;
    case LDNS_STATUS_SYNTAX_INCLUDE:
        good = refuse(reader, "$INCLUDE is not supported");
        break;
    default:
        good = refuse(reader, ldns_get_errorstr_by_id(status));
        break;
    }
    return good;
}

static bool read_all(struct reader *reader)
{
    reader->ttl = DNS_ZONE_TTL;
    reader->origin = ldns_dname_new_frm_str(".");
    reader->owner = ldns_dname_new_frm_str(".");
    bool good = reader->origin && reader->owner;
    if (!good)
        snprintf(reader->error, reader->error_size, "%s: out of memory", reader->label);
    while (good && !feof(reader->file) && !ferror(reader->file))
        good = read_entry(reader);
    if (good && ferror(reader->file)) {
        snprintf(reader->error, reader->error_size, "%s: %s", reader->label, strerror(errno));
        good = false;
    } else if (good && reader->records == 0) {
        snprintf(reader->error, reader->error_size, "%s: holds no DNS records", reader->label);
        good = false;
    }
    ldns_rdf_deep_free(reader->origin);
    ldns_rdf_deep_free(reader->owner);
    fclose(reader->file);
    return good;
}

static bool read_from(struct dns_zone *zone, FILE *file, const char *label, char *error,
                      size_t size)
{
    if (!file) {
        snprintf(error, size, "%s: %s", label, strerror(errno));
        return false;
    }
    struct reader reader = {
        .zone = zone, .file = file, .label = label, .error = error, .error_size = size};
    return read_all(&reader);
}

bool dns_zone_read_file(struct dns_zone *zone, const char *path, char *error, size_t size)
{
    return read_from(zone, fopen(path, "re"), path, error, size);
}

bool dns_zone_read_text(struct dns_zone *zone, const char *text, const char *label, char *error,
                        size_t size)
{
    /* fmemopen() for reading does not write to the text. */
    FILE *file = *text ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : NULL;
    if (!file && !*text)
        errno = ENODATA;
    return read_from(zone, file, label, error, size);
}
