/* report_xml.c - one aggregate report as XML; see report_xml.h.
 *
 * libxml2's xmlTextWriter makes the markup, zlib compresses what it hands over, and what zlib gives
 * is kept in a buffer that grows up to the caller's maximum. The order of elements is that of the
 * tables in RFC 9990 3.1.1, which also satisfies each xs:sequence of appendix A. The gzip header
 * has no time and no name: the same report is the same octets whenever it is made.
 *
 * Failure is sticky, as everywhere: the first one is remembered, report_writer_finish() tells it.
 */
#include "report_xml.h"

#include "xml_text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlwriter.h>
#include <zlib.h>

enum {
    SCRATCH_MAX = 8 << 20,      /* octets: one text, with room for its growth */
    OUTPUT_FIRST = 1 << 14,     /* octets of output allocated at first */
    GZIP_WINDOW = MAX_WBITS,    /* zlib: 32 kB */
    GZIP_HEADER = 16,           /* zlib: added to the window bits, asks for RFC 1952 */
    GZIP_MEMORY = MAX_MEM_LEVEL /* zlib: 256 kB for the compressor */
};

const char report_writer_too_large[] = "larger than the maximum size of a report";

static const char namespace_uri[] = "urn:ietf:params:xml:ns:dmarc-2.0"; /* RFC 9990 6.1 */

struct report_writer {
    xmlTextWriterPtr xml; /* NULL once the end is written */
    z_stream zlib;
    bool compress;
    char *data; /* output; malloc() */
    size_t len, capacity, maximum;
    struct arena *scratch; /* one text at a time */
    int64_t records;
    const char *problem; /* the first failure; static text */
};

static void fail(struct report_writer *writer, const char *problem)
{
    if (!writer->problem)
        writer->problem = problem;
}

/* ---- output ---- */

/* Room for at least one octet more. */
static bool grow(struct report_writer *writer)
{
    if (writer->len < writer->capacity)
        return true;
    if (writer->capacity >= writer->maximum) {
        fail(writer, report_writer_too_large);
        return false;
    }
    size_t capacity = writer->capacity ? writer->capacity : OUTPUT_FIRST;
    capacity = capacity > writer->maximum / 2 ? writer->maximum : capacity * 2;
    char *data = realloc(writer->data, capacity);
    if (!data) {
        fail(writer, "out of memory");
        return false;
    }
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

static void output_plain(struct report_writer *writer, const char *data, size_t len)
{
    while (len && grow(writer)) {
        size_t room = writer->capacity - writer->len;
        size_t part = len < room ? len : room;
        memcpy(writer->data + writer->len, data, part);
        writer->len += part;
        data += part;
        len -= part;
    }
}

/* zlib counts in unsigned int; more room than that is offered in several turns. */
static unsigned zlib_size(size_t size)
{
    return size > UINT_MAX ? UINT_MAX : (unsigned)size;
}

/* flush: Z_NO_FLUSH, or Z_FINISH after the last octet. */
static void output_gzip(struct report_writer *writer, const char *data, size_t len, int flush)
{
    z_stream *zlib = &writer->zlib;
    zlib->next_in = (z_const Bytef *)data;
    zlib->avail_in = zlib_size(len); /* libxml2 hands over an int's worth at most */
    int status = Z_OK;
    do {
        if (!grow(writer))
            return;
        unsigned room = zlib_size(writer->capacity - writer->len);
        zlib->next_out = (Bytef *)writer->data + writer->len;
        zlib->avail_out = room;
        status = deflate(zlib, flush);
        writer->len += room - zlib->avail_out;
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            fail(writer, "zlib: the compressor failed");
            return;
        }
    } while (flush == Z_FINISH ? status != Z_STREAM_END : zlib->avail_out == 0);
}

/* What libxml2 calls. Our failures are kept from it: it would print them on standard error. */
static int output(void *context, const char *data, int len)
{
    struct report_writer *writer = context;
    if (writer->problem || len <= 0)
        return len;
    if (writer->compress)
        output_gzip(writer, data, (size_t)len, Z_NO_FLUSH);
    else
        output_plain(writer, data, (size_t)len);
    return len;
}

/* ---- elements ---- */

static void check(struct report_writer *writer, int result)
{
    if (result < 0)
        fail(writer, "out of memory"); /* the only failure left to libxml2 */
}

static void start(struct report_writer *writer, const char *name)
{
    check(writer, xmlTextWriterStartElement(writer->xml, BAD_CAST name));
}

static void end(struct report_writer *writer)
{
    check(writer, xmlTextWriterEndElement(writer->xml));
}

/* text: from a stranger. */
static void element(struct report_writer *writer, const char *name, struct bytes text)
{
    struct strbuf buf;
    arena_reset(writer->scratch);
    strbuf_init(&buf, writer->scratch);
    xml_text_add(&buf, text);
    if (arena_failed(writer->scratch))
        fail(writer, "out of memory");
    check(writer,
          xmlTextWriterWriteElement(writer->xml, BAD_CAST name, BAD_CAST strbuf_string(&buf)));
}

static void element_if(struct report_writer *writer, const char *name, struct bytes text)
{
    if (text.len)
        element(writer, name, text);
}

/* text: one of our words. */
static void word(struct report_writer *writer, const char *name, const char *text)
{
    check(writer, xmlTextWriterWriteElement(writer->xml, BAD_CAST name, BAD_CAST text));
}

static void number(struct report_writer *writer, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, value);
    word(writer, name, text);
}

/* ---- the head: RFC 9990 3.1.1.3 to 3.1.1.5 ---- */

static void write_metadata(struct report_writer *writer, const struct report_head *head)
{
    start(writer, "report_metadata");
    element(writer, "org_name", head->org_name);
    element(writer, "email", head->email);
    element_if(writer, "extra_contact_info", head->extra_contact_info);
    element(writer, "report_id", head->report_id);
    start(writer, "date_range");
    number(writer, "begin", head->begin);
    number(writer, "end", head->end);
    end(writer);
    element_if(writer, "error", head->policy->error);
    word(writer, "generator", "Assay " PACKAGE_VERSION);
    end(writer);
}

/* Absent and invalid values have no element: the XSD has no word for them. */
static void policy_element(struct report_writer *writer, const char *name, enum dmarc_policy policy)
{
    const char *value = dmarc_policy_name(policy);
    if (*value)
        word(writer, name, value);
}

/* Every value is the one in effect, also where it is the default; RFC 7489's pct is gone. */
static void write_policy(struct report_writer *writer, const struct report_policy *policy)
{
    bool usable = *dmarc_policy_name(policy->p) != '\0';
    start(writer, "policy_published");
    element(writer, "domain", policy->domain);
    word(writer, "discovery_method", "treewalk");
    policy_element(writer, "p", usable ? policy->p : DMARC_POLICY_NONE); /* RFC 9989 4.10.1 */
    policy_element(writer, "sp", policy->sp);
    policy_element(writer, "np", policy->np);
    element(writer, "fo", policy->fo.len ? policy->fo : BYTES("0"));
    word(writer, "adkim", policy->strict_dkim ? "s" : "r");
    word(writer, "aspf", policy->strict_spf ? "s" : "r");
    word(writer, "testing", policy->testing ? "y" : "n");
    end(writer);
}

/* ---- a record: RFC 9990 3.1.1.7 to 3.1.1.14 ---- */

static void write_reason(struct report_writer *writer, const struct report_reason *reason)
{
    start(writer, "reason");
    word(writer, "type", override_name(reason->type));
    element_if(writer, "comment", reason->comment);
    end(writer);
}

static void write_row(struct report_writer *writer, const struct report_row *row, int64_t count)
{
    char address[IP_TEXT_MAX];
    start(writer, "row");
    word(writer, "source_ip", ip_format(&row->source, address));
    number(writer, "count", count);
    start(writer, "policy_evaluated");
    word(writer, "disposition", report_disposition_name(row->disposition));
    word(writer, "dkim", row->dkim_aligned ? "pass" : "fail");
    word(writer, "spf", row->spf_aligned ? "pass" : "fail");
    for (size_t i = 0; i < row->reason_count; i++) {
        if (row->reasons[i].type != OVERRIDE_NONE)
            write_reason(writer, &row->reasons[i]);
    }
    end(writer);
    end(writer);
}

/* The envelope_from of a null reverse-path is there, and empty. */
static void write_identifiers(struct report_writer *writer, const struct report_row *row)
{
    start(writer, "identifiers");
    element(writer, "header_from", row->header_from);
    element(writer, "envelope_from", row->envelope_from);
    end(writer);
}

/* RFC 8601 2.7.1 has no softfail for DKIM, and neither has the XSD. */
static const char *dkim_word(enum auth_result result)
{
    return auth_result_name(result == AUTH_SOFTFAIL ? AUTH_FAIL : result);
}

static void write_dkim(struct report_writer *writer, const struct report_signature *signature)
{
    start(writer, "dkim");
    element(writer, "domain", signature->domain);
    element(writer, "selector", signature->selector);
    word(writer, "result", dkim_word(signature->result));
    element_if(writer, "human_result", signature->reason);
    end(writer);
}

static void write_spf(struct report_writer *writer, const struct report_row *row)
{
    start(writer, "spf");
    element(writer, "domain", row->spf_domain);
    word(writer, "scope", "mfrom");
    word(writer, "result", auth_result_name(row->spf_result));
    element_if(writer, "human_result", row->spf_reason);
    end(writer);
}

void report_writer_record(struct report_writer *writer, const struct report_row *row, int64_t count)
{
    if (writer->problem || !writer->xml)
        return;
    start(writer, "record");
    write_row(writer, row, count);
    write_identifiers(writer, row);
    start(writer, "auth_results");
    for (size_t i = 0; i < row->signature_count; i++)
        write_dkim(writer, &row->signatures[i]);
    if (row->spf_domain.len)
        write_spf(writer, row);
    end(writer);
    end(writer);
    writer->records++;
}

/* ---- begin and end ---- */

static bool open_output(struct report_writer *writer)
{
    writer->scratch = arena_new(SCRATCH_MAX);
    if (!writer->scratch)
        return false;
    if (writer->compress &&
        deflateInit2(&writer->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW + GZIP_HEADER,
                     GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        writer->compress = false; /* nothing for deflateEnd() */
        return false;
    }
    xmlOutputBufferPtr buffer = xmlOutputBufferCreateIO(output, NULL, writer, NULL);
    if (!buffer)
        return false;
    writer->xml = xmlNewTextWriter(buffer);
    if (!writer->xml)
        xmlOutputBufferClose(buffer);
    return writer->xml != NULL;
}

struct report_writer *report_writer_new(const struct report_head *head, enum report_format format,
                                        size_t maximum)
{
    struct report_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return NULL;
    writer->compress = format == REPORT_XML_GZIP;
    writer->maximum = maximum;
    if (!open_output(writer)) {
        report_writer_free(writer);
        return NULL;
    }
    check(writer, xmlTextWriterSetIndent(writer->xml, 1));
    check(writer, xmlTextWriterSetIndentString(writer->xml, BAD_CAST "  "));
    check(writer, xmlTextWriterStartDocument(writer->xml, "1.0", "UTF-8", NULL));
    check(writer, xmlTextWriterStartElementNS(writer->xml, NULL, BAD_CAST "feedback",
                                              BAD_CAST namespace_uri));
    word(writer, "version", "1.0");
    write_metadata(writer, head);
    write_policy(writer, head->policy);
    return writer;
}

static void close_xml(struct report_writer *writer)
{
    if (!writer->xml)
        return;
    check(writer, xmlTextWriterEndDocument(writer->xml));
    xmlFreeTextWriter(writer->xml); /* hands over the rest */
    writer->xml = NULL;
    if (writer->compress && !writer->problem)
        output_gzip(writer, "", 0, Z_FINISH);
}

bool report_writer_finish(struct report_writer *writer, struct bytes *out, const char **why)
{
    if (writer->records == 0)
        fail(writer, "a report has at least one record"); /* RFC 9990 3.1.1.2 */
    close_xml(writer);
    *out = writer->problem ? BYTES_EMPTY : (struct bytes){writer->data, writer->len};
    *why = writer->problem ? writer->problem : "";
    return writer->problem == NULL;
}

void report_writer_free(struct report_writer *writer)
{
    if (!writer)
        return;
    if (writer->xml)
        xmlFreeTextWriter(writer->xml);
    if (writer->compress)
        deflateEnd(&writer->zlib);
    arena_free(writer->scratch);
    free(writer->data);
    free(writer);
}
