/* dns_zone_read.c - master files into a local zone, see dns_zone.h.
 *
 * dns_zone_entry.h splits the file. Here directives and what stands before the type of a record
 * are read, because RFC 1035 5.1 allows TTL and class in either order and libldns knows only
 * one. libldns parses the rest; its records become dns_zone_add().
 */
#include "dns_name.h"
#include "dns_zone.h"
#include "dns_zone_entry.h"

#include <errno.h>
#include <ldns/dname.h>
#include <ldns/error.h>
#include <ldns/rdata.h>
#include <ldns/rr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RDATA_MAX = 65535,    /* octets (RFC 1035 3.2.1) */
    STRING_MAX = 255,     /* octets of a character-string (RFC 1035 3.3) */
    HEADER_MAX = 40,      /* octets of " TTL IN " in digits and words */
    SHOWN_MAX = 60,       /* octets of the offending entry in a message */
    TTL_MAX = 0x7fffffff, /* seconds (RFC 2181 8) */
};

struct reader {
    struct dns_zone *zone;
    struct dns_zone_entry *entry;
    const char *label; /* path, or the name of a text */
    uint32_t ttl;      /* seconds, for records without one */
    ldns_rdf *origin;  /* what relative names are relative to */
    bool has_origin;   /* it was given */
    ldns_rdf *owner;   /* of the last record; NULL: there was none */
    char *error;
    size_t error_size;
};

static bool refuse(struct reader *reader, const char *problem)
{
    char shown[SHOWN_MAX + 1];
    struct bytes text = bytes_trim((struct bytes){reader->entry->text, reader->entry->len});
    text = bytes_slice(text, 0, SHOWN_MAX);
    for (size_t i = 0; i < text.len; i++)
        shown[i] = text.data[i] < ' ' || text.data[i] == 0x7f ? '?' : text.data[i];
    shown[text.len] = '\0';
    snprintf(reader->error, reader->error_size, "%s:%d: %s: found \"%s\"", reader->label,
             reader->entry->line, problem, shown);
    return false;
}

static bool out_of_memory(struct reader *reader)
{
    snprintf(reader->error, reader->error_size, "%s: out of memory", reader->label);
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
    if (ldns_rr_get_type(rr) == 0) /* libldns takes an unknown word without data for one */
        return refuse(reader, "unknown record type");
    if (!dns_name_from_wire((struct bytes){(const char *)ldns_rdf_data(wire), ldns_rdf_size(wire)},
                            octets, &owner, &used))
        return refuse(reader, "the owner name cannot be used");
    if (!rdata_of(rr, data, &rdata))
        return refuse(reader, "the record is longer than 65535 octets");
    const char *problem =
        dns_zone_add(reader->zone, owner, (unsigned)ldns_rr_get_type(rr), ldns_rr_ttl(rr), rdata);
    return problem ? refuse(reader, problem) : true;
}

/* Seconds of a unit as name servers write them: 1h30m, 2D. 0: no unit. */
static unsigned unit_seconds(char unit)
{
    switch (to_lower(unit)) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

static bool parse_ttl(struct bytes word, uint32_t *ttl)
{
    unsigned long long total = 0, number;
    size_t at = 0;
    while (at < word.len) {
        size_t start = at;
        while (at < word.len && is_digit(word.data[at]))
            at++;
        if (!bytes_to_number(bytes_slice(word, start, at - start), TTL_MAX, &number))
            return false;
        unsigned unit = at < word.len ? unit_seconds(word.data[at++]) : 1;
        total += number * unit;
        if (unit == 0 || total > TTL_MAX)
            return false;
    }
    *ttl = (uint32_t)total;
    return word.len > 0;
}

/* A character-string in the data of a record that no DNS message can carry? */
static bool has_long_string(struct bytes data)
{
    for (struct bytes word = dns_zone_entry_word(&data); word.len;
         word = dns_zone_entry_word(&data)) {
        size_t len = 0;
        for (size_t i = 0; i < word.len; i++, len++) {
            if (word.data[i] == '\\')
                i += i + 1 < word.len && is_digit(word.data[i + 1]) ? 3 : 1;
            else if (word.data[i] == '"')
                len--;
        }
        if (len > STRING_MAX)
            return true;
    }
    return false;
}

static bool is_other_class(struct bytes word)
{
    return bytes_is(word, "CH") || bytes_is(word, "HS") || bytes_is(word, "CS") ||
           (bytes_starts_nocase(word, BYTES("CLASS")) && word.len > 5 && is_digit(word.data[5]));
}

/* Hands owner, TTL and `rest` (type and data) to libldns. */
static bool parse_record(struct reader *reader, struct bytes owner, uint32_t ttl, struct bytes rest)
{
    size_t size = owner.len + HEADER_MAX + rest.len;
    char *text = malloc(size);
    ldns_rr *rr = NULL;
    if (!text)
        return out_of_memory(reader);
    snprintf(text, size, "%.*s %u IN %.*s", BYTES_ARGS(owner), ttl, BYTES_ARGS(bytes_trim(rest)));
    ldns_status status =
        ldns_rr_new_frm_str(&rr, text, reader->ttl, reader->origin, &reader->owner);
    free(text);
    if (status != LDNS_STATUS_OK) {
        struct bytes type = dns_zone_entry_word(&rest);
        bool strings = bytes_is(type, "TXT") || bytes_is(type, "SPF");
        return refuse(reader, strings && has_long_string(rest)
                                  ? "a string of more than 255 octets: split it into several"
                                  : ldns_get_errorstr_by_id(status));
    }
    bool good = add_record(reader, rr);
    ldns_rr_free(rr);
    return good;
}

static bool read_record(struct reader *reader, struct bytes text)
{
    uint32_t ttl = reader->ttl;
    struct bytes owner = text.data[0] == ' ' ? BYTES_EMPTY : dns_zone_entry_word(&text);
    if (owner.len == 0 && !reader->owner && !reader->has_origin)
        return refuse(reader, "no owner name");
    struct bytes rest = text;
    struct bytes word = dns_zone_entry_word(&rest);
    for (int i = 0; i < 2; i++) { /* TTL and class, each may stand first or be absent */
        if (is_other_class(word) && !bytes_is(word, "CLASS1"))
            return refuse(reader, "only class IN is allowed");
        if (word.len && is_digit(word.data[0])) {
            if (!parse_ttl(word, &ttl))
                return refuse(reader, "bad time to live");
        } else if (!bytes_is(word, "IN") && !bytes_is(word, "CLASS1")) {
            break;
        }
        text = rest;
        word = dns_zone_entry_word(&rest);
    }
    if (word.len == 0)
        return refuse(reader, "a record needs a type");
    return parse_record(reader, owner, ttl, text);
}

static bool set_origin(struct reader *reader, struct bytes word)
{
    char *name = strndup(word.data, word.len);
    ldns_rdf *origin = name ? ldns_dname_new_frm_str(name) : NULL;
    bool good = origin && (ldns_dname_str_absolute(name) ||
                           ldns_dname_cat(origin, reader->origin) == LDNS_STATUS_OK);
    free(name);
    if (!good) {
        ldns_rdf_deep_free(origin);
        return refuse(reader, "bad domain name");
    }
    ldns_rdf_deep_free(reader->origin);
    reader->origin = origin;
    reader->has_origin = true;
    return true;
}

static bool read_directive(struct reader *reader, struct bytes text)
{
    struct bytes name = dns_zone_entry_word(&text);
    struct bytes value = dns_zone_entry_word(&text);
    if (bytes_is(name, "$INCLUDE"))
        return refuse(reader, "$INCLUDE is not supported");
    if (!bytes_is(name, "$ORIGIN") && !bytes_is(name, "$TTL"))
        return refuse(reader, "of the directives $ORIGIN and $TTL are supported");
    if (value.len == 0 || dns_zone_entry_word(&text).len)
        return refuse(reader, "the directive takes one word");
    if (bytes_is(name, "$ORIGIN"))
        return set_origin(reader, value);
    return parse_ttl(value, &reader->ttl) ? true : refuse(reader, "bad time to live");
}

static bool read_all(struct reader *reader)
{
    struct dns_zone_entry *entry = reader->entry;
    bool good = true;
    reader->origin = ldns_dname_new_frm_str(".");
    if (!reader->origin)
        return out_of_memory(reader);
    while (good && dns_zone_entry_next(entry)) {
        struct bytes text = {entry->text, entry->len};
        if (entry->problem)
            good = refuse(reader, entry->problem);
        else if (text.data[0] == '$')
            good = read_directive(reader, text);
        else
            good = read_record(reader, text);
    }
    if (good && ferror(entry->file)) {
        snprintf(reader->error, reader->error_size, "%s: %s", reader->label, strerror(errno));
        good = false;
    }
    ldns_rdf_deep_free(reader->origin);
    ldns_rdf_deep_free(reader->owner);
    return good;
}

/* Takes over the file. */
static bool read_from(struct dns_zone *zone, FILE *file, const char *label, char *error,
                      size_t size)
{
    if (!file) {
        snprintf(error, size, "%s: %s", label, strerror(errno));
        return false;
    }
    struct dns_zone_entry *entry = calloc(1, sizeof(*entry));
    struct reader reader = {.zone = zone,
                            .entry = entry,
                            .label = label,
                            .ttl = DNS_ZONE_TTL,
                            .error = error,
                            .error_size = size};
    if (entry)
        entry->file = file;
    bool good = entry ? read_all(&reader) : out_of_memory(&reader);
    free(entry);
    fclose(file);
    return good;
}

bool dns_zone_read_file(struct dns_zone *zone, const char *path, char *error, size_t size)
{
    return read_from(zone, fopen(path, "re"), path, error, size);
}

bool dns_zone_read_text(struct dns_zone *zone, const char *text, const char *label, char *error,
                        size_t size)
{
    if (!*text) /* fmemopen() refuses an empty buffer */
        return true;
    /* fmemopen() for reading does not write to the text. */
    return read_from(zone, fmemopen((void *)(uintptr_t)text, strlen(text), "r"), label, error,
                     size);
}
