/* dns_rdata.c - record data in wire form -> answers, see dns_rdata.h.
 *
 * The octets come from strangers; no length in them is believed before it has
 * been compared with what is there.
 */
#include "dns_rdata.h"

#include "dns_name.h"

#include <stdlib.h>
#include <string.h>

enum {
    MALFORMED_TTL = 5 /* seconds for which a malformed answer is remembered */
};

/* RFC 1035 3.3.14: one or more character-strings; joined into out, which has
 * room for rdata.len. */
static bool join_strings(struct bytes rdata, char *out, struct bytes *data)
{
    size_t pos = 0, len = 0;
    if (rdata.len == 0)
        return false;
    while (pos < rdata.len) {
        size_t string = (unsigned char)rdata.data[pos++];
        if (string > rdata.len - pos)
            return false;
        memcpy(out + len, rdata.data + pos, string);
        len += string;
        pos += string;
    }
    *data = (struct bytes){out, len};
    return true;
}

/* A name that fills all of rdata; out has room for rdata.len. */
static bool whole_name(struct bytes rdata, char *out, struct bytes *data)
{
    char name[DNS_NAME_MAX];
    struct bytes view;
    size_t used;
    if (!dns_name_from_wire(rdata, name, &view, &used) || used != rdata.len)
        return false;
    if (view.len)
        memcpy(out, view.data, view.len);
    *data = (struct bytes){out, view.len};
    return true;
}

/* out has room for rdata.len octets. */
static bool read_record(enum dns_type type, struct bytes rdata, char *out,
                        struct dns_record *record)
{
    *record = (struct dns_record){0, rdata};
    switch (type) {
    case DNS_A:
        return rdata.len == 4;
    case DNS_AAAA:
        return rdata.len == 16;
    case DNS_PTR:
        return whole_name(rdata, out, &record->data);
    case DNS_TXT:
        return join_strings(rdata, out, &record->data);
    case DNS_MX:
        if (rdata.len < 2)
            return false;
        record->preference =
            (uint16_t)((unsigned char)rdata.data[0] << 8 | (unsigned char)rdata.data[1]);
        return whole_name(bytes_slice(rdata, 2, rdata.len), out, &record->data);
    }
    return false;
}

const struct dns_answer *dns_rdata_answer(enum dns_type type, const struct bytes *rdata,
                                          size_t count, bool secure, uint32_t ttl)
{
    size_t octets = 1; /* malloc(0) may give NULL */
    for (size_t i = 0; i < count; i++)
        octets += rdata[i].len;
    char *scratch = malloc(octets);
    struct dns_record *records = calloc(count + 1, sizeof(*records));
    const struct dns_answer *answer = NULL;
    if (scratch && records) {
        size_t good = 0, used = 0;
        for (size_t i = 0; i < count; i++) {
            good += read_record(type, rdata[i], scratch + used, &records[good]);
            used += rdata[i].len;
        }
        answer =
            good ? dns_answer_new(DNS_FOUND, secure, ttl, "", records, good)
                 : dns_answer_new(DNS_TEMPORARY, false, MALFORMED_TTL, "malformed answer", NULL, 0);
    }
    free(records);
    free(scratch);
    return answer;
}
