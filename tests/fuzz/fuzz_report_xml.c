/* fuzz_report_xml.c - an aggregate report out of any texts is well-formed XML and says what went
 * in.
 *
 * The input: an encoded row (policy/report_row.h); or a line for each text of a report.
 */
#include "fuzz.h"
#include "report_xml.h"

#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <zlib.h>

enum { MEMORY = 8 << 20, OUTPUT_MAX = 8 << 20, RECORDS = 2 };

struct fuzzed {
    struct report_head head;
    struct report_policy policy;
    struct report_row row;
    struct report_signature signature;
};

/* Lines in turn; what the input does not have is empty. */
static void fill(struct fuzzed *fuzzed, struct bytes input)
{
    struct bytes *const texts[] = {&fuzzed->row.header_from,
                                   &fuzzed->row.envelope_from,
                                   &fuzzed->row.spf_domain,
                                   &fuzzed->row.spf_reason,
                                   &fuzzed->signature.domain,
                                   &fuzzed->signature.selector,
                                   &fuzzed->signature.reason,
                                   &fuzzed->policy.error,
                                   &fuzzed->policy.fo,
                                   &fuzzed->policy.domain,
                                   &fuzzed->head.org_name,
                                   &fuzzed->head.email,
                                   &fuzzed->head.extra_contact_info,
                                   &fuzzed->head.report_id,
                                   &fuzzed->row.reasons[0].comment};
    unsigned choice = fuzz_octet(&input);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        *texts[i] = fuzz_line(&input);
    fuzzed->policy.p = (enum dmarc_policy)(choice % (DMARC_POLICY_REJECT + 1));
    fuzzed->row.spf_result = (enum auth_result)(choice % (AUTH_PERMERROR + 1));
    fuzzed->signature.result = (enum auth_result)(choice / 8 % (AUTH_PERMERROR + 1));
    fuzzed->row.reasons[0].type = (enum override)(choice % (OVERRIDE_OTHER + 1));
    fuzzed->row.reason_count = 1;
    fuzzed->row.signatures = &fuzzed->signature;
    fuzzed->row.signature_count = 1;
}

/* Text between the elements of the root is white space. */
static size_t count_records(const xmlDocPtr document)
{
    size_t count = 0;
    for (xmlNodePtr node = xmlDocGetRootElement(document)->children; node; node = node->next) {
        REQUIRE(node->type == XML_ELEMENT_NODE || xmlIsBlankNode(node));
        count += xmlStrEqual(node->name, BAD_CAST "record") ? 1 : 0;
    }
    return count;
}

static void check(const char *xml, size_t len, const struct report_row *last)
{
    xmlDocPtr document = xmlReadMemory(xml, (int)len, "report.xml", NULL,
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    REQUIRE(document != NULL);
    REQUIRE(count_records(document) == RECORDS);
    xmlNodePtr record = xmlGetLastChild(xmlDocGetRootElement(document));
    while (record->type != XML_ELEMENT_NODE)
        record = record->prev;
    size_t dkim = 0, children = 0;
    xmlNodePtr results = xmlLastElementChild(record);
    REQUIRE(xmlStrEqual(results->name, BAD_CAST "auth_results"));
    for (xmlNodePtr node = xmlFirstElementChild(results); node;
         node = xmlNextElementSibling(node)) {
        dkim += xmlStrEqual(node->name, BAD_CAST "dkim") ? 1 : 0;
        children++;
    }
    REQUIRE(dkim == last->signature_count);
    REQUIRE(children == dkim + (last->spf_domain.len ? 1 : 0));
    xmlFreeDoc(document);
}

static struct report_writer *write_report(const struct fuzzed *fuzzed,
                                          const struct report_row *decoded,
                                          enum report_format format, struct bytes *out)
{
    const char *why;
    struct report_writer *writer = report_writer_new(&fuzzed->head, format, OUTPUT_MAX);
    REQUIRE(writer != NULL);
    report_writer_record(writer, &fuzzed->row, 1);
    report_writer_record(writer, decoded, INT64_MAX);
    REQUIRE(report_writer_finish(writer, out, &why));
    return writer;
}

static void check_gzip(struct bytes zipped, struct bytes plain)
{
    char *text = malloc(plain.len + 1);
    z_stream zlib = {.next_in = (z_const Bytef *)zipped.data,
                     .avail_in = (unsigned)zipped.len,
                     .next_out = (Bytef *)text,
                     .avail_out = (unsigned)plain.len + 1};
    REQUIRE(text && inflateInit2(&zlib, MAX_WBITS + 16) == Z_OK);
    REQUIRE(inflate(&zlib, Z_FINISH) == Z_STREAM_END);
    REQUIRE(zlib.total_out == plain.len && memcmp(text, plain.data, plain.len) == 0);
    inflateEnd(&zlib);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(MEMORY);
    struct fuzzed fuzzed = {.head = {.policy = &fuzzed.policy}};
    struct bytes input = fuzz_input(data, size), plain, zipped;
    struct report_row decoded;
    fill(&fuzzed, input);
    if (report_row_decode(arena, input, &decoded, NULL))
        fuzzed.policy = decoded.policy;
    else
        decoded = fuzzed.row;
    struct report_writer *as_text = write_report(&fuzzed, &decoded, REPORT_XML, &plain);
    struct report_writer *as_gzip = write_report(&fuzzed, &decoded, REPORT_XML_GZIP, &zipped);
    check(plain.data, plain.len, &decoded);
    check_gzip(zipped, plain);
    report_writer_free(as_text);
    report_writer_free(as_gzip);
    arena_free(arena);
    return 0;
}
