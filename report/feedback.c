/* feedback.c - an aggregate report, parsed by libxml2; see feedback.h.
 *
 * The octets go through the push parser in small pieces, and nothing but events comes out:
 * there is no tree, no entity (a document type declaration ends it before its first declaration is
 * read), no network, no XInclude. Counted are the depth, the attributes of one element and
 * the octets that pass without any event, so that no single tag can become large.
 */
#include "feedback_internal.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

enum {
    CHUNK = 4096,  /* octets for libxml2 at a time */
    WHY_MAX = 200, /* octets of libxml2's error text that are shown */
    DETECTION = 4, /* octets by which libxml2 tells the encoding */
};

static const char rfc9990_namespace[] = "urn:ietf:params:xml:ns:dmarc-2.0";

static const char ends_early[] = "it is no well-formed XML: it ends before its last element";

struct parser {
    struct feedback_builder builder;
    xmlParserCtxtPtr context;
    const char *why; /* the first thing that is wrong */
    bool finished;   /* the feedback element is complete */

    enum feedback_node stack[FEEDBACK_DEPTH_MAX];
    size_t depth;
    char namespace[sizeof(rfc9990_namespace) * 4]; /* of the feedback element; "" for none */
    bool any_namespace;                            /* it did not fit: not compared */

    char text[FEEDBACK_TEXT_MAX * 4]; /* of the element on top; more is left out */
    size_t text_len;
    size_t quiet; /* octets since the last event */
};

static void stop(struct parser *parser, const char *why)
{
    if (!parser->why && !parser->finished)
        parser->why = why;
    xmlStopParser(parser->context);
}

static bool same_namespace(const struct parser *parser, const xmlChar *uri)
{
    return !uri || parser->any_namespace || strcmp((const char *)uri, parser->namespace) == 0;
}

static void take_namespace(struct parser *parser, const xmlChar *uri)
{
    const char *name = uri ? (const char *)uri : "";
    parser->any_namespace = strlen(name) >= sizeof(parser->namespace);
    if (!parser->any_namespace)
        strcpy(parser->namespace, name);
    parser->builder.feedback->rfc9990 = strcmp(name, rfc9990_namespace) == 0;
}

/* ---- events ---- */

static void start_element(void *data, const xmlChar *name, const xmlChar *prefix,
                          const xmlChar *uri, int namespace_count, const xmlChar **namespaces,
                          int attribute_count, int defaulted, const xmlChar **attributes)
{
    struct parser *parser = data;
    (void)prefix, (void)namespaces, (void)defaulted, (void)attributes;
    parser->quiet = 0;
    parser->text_len = 0;
    if (attribute_count > FEEDBACK_ATTRIBUTES_MAX || namespace_count > FEEDBACK_ATTRIBUTES_MAX) {
        stop(parser, "an element has more than 100 attributes");
        return;
    }
    if (parser->depth == FEEDBACK_DEPTH_MAX) {
        stop(parser, "its elements are nested more than 32 deep");
        return;
    }
    enum feedback_node parent = parser->depth ? parser->stack[parser->depth - 1] : NODE_DOCUMENT;
    enum feedback_node node = NODE_UNKNOWN;
    if (parent == NODE_DOCUMENT || same_namespace(parser, uri))
        node = feedback_node_in(parent, bytes_of((const char *)name));
    if (parent == NODE_DOCUMENT && node == NODE_UNKNOWN) {
        struct strbuf why;
        strbuf_init(&why, parser->builder.arena);
        strbuf_puts(&why, "no aggregate report: its first element is \"");
        strbuf_printable(&why, bytes_of((const char *)name), WHY_MAX);
        strbuf_puts(&why, "\", not \"feedback\"");
        stop(parser, strbuf_string(&why));
        return;
    }
    if (node == NODE_FEEDBACK)
        take_namespace(parser, uri);
    parser->stack[parser->depth++] = node;
    feedback_begin(&parser->builder, node);
}

static void end_element(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct parser *parser = data;
    (void)name, (void)prefix, (void)uri;
    parser->quiet = 0;
    if (parser->depth == 0)
        return;
    enum feedback_node node = parser->stack[--parser->depth];
    struct bytes text = {parser->text, parser->text_len};
    feedback_finish(&parser->builder, node, text);
    parser->text_len = 0;
    if (arena_failed(parser->builder.arena))
        stop(parser, "it needs more memory than is allowed");
    else if (parser->builder.feedback->record_count > FEEDBACK_RECORDS_MAX)
        stop(parser, "it has more than a million records");
    if (node == NODE_FEEDBACK && !parser->why) {
        parser->finished = true;
        stop(parser, NULL); /* what stands behind it does not matter */
    }
}

static void characters(void *data, const xmlChar *text, int len)
{
    struct parser *parser = data;
    parser->quiet = 0;
    if (parser->depth == 0 || !feedback_node_has_text(parser->stack[parser->depth - 1]))
        return;
    /* blanks in front do not count against the bound */
    struct bytes more = {(const char *)text, (size_t)len};
    while (parser->text_len == 0 && more.len && is_fws(more.data[0]))
        more = bytes_slice(more, 1, more.len);
    more = bytes_slice(more, 0, sizeof(parser->text) - parser->text_len);
    if (more.len)
        memcpy(parser->text + parser->text_len, more.data, more.len);
    parser->text_len += more.len;
}

/* A document type declaration begins: nothing of it has been read but its name. */
static void doctype(void *data, const xmlChar *name, const xmlChar *external_id,
                    const xmlChar *system_id)
{
    (void)name, (void)external_id, (void)system_id;
    stop(data, "it has a DOCTYPE, which is never accepted (it could define entities)");
}

static void error(void *data, xmlErrorPtr what)
{
    struct parser *parser = data;
    /* namespace errors and warnings leave XML that can be used */
    if (what->level < XML_ERR_ERROR || what->domain == XML_FROM_NAMESPACE || parser->why ||
        parser->finished)
        return;
    if (what->code == XML_ERR_DOCUMENT_END) { /* whatever it says: nothing can stand behind it */
        parser->why = ends_early;
        return;
    }
    struct strbuf why;
    strbuf_init(&why, parser->builder.arena);
    strbuf_printf(&why, "it is no well-formed XML: line %d: ", what->line);
    strbuf_printable(&why, bytes_trim(bytes_of(what->message)), WHY_MAX);
    parser->why = strbuf_string(&why);
}

/* What libxml2 says where it does not know the parser (its character sets): it would print it. */
static void ignore(void *data, xmlErrorPtr what)
{
    (void)data, (void)what;
}

/* ---- run ---- */

static void feed(struct parser *parser, struct bytes xml)
{
    while (xml.len && !parser->why && !parser->finished) {
        struct bytes chunk = bytes_slice(xml, 0, CHUNK);
        xml = bytes_slice(xml, chunk.len, xml.len);
        parser->quiet += chunk.len;
        xmlParseChunk(parser->context, chunk.data, (int)chunk.len, xml.len == 0);
        if (parser->quiet > FEEDBACK_MARKUP_MAX)
            stop(parser, "a single tag or comment is longer than 64 kB");
    }
    if (!parser->why && !parser->finished)
        parser->why = ends_early;
}

static struct feedback *run(struct parser *parser, struct bytes xml)
{
    static xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = start_element,
        .endElementNs = end_element,
        .characters = characters,
        .ignorableWhitespace = characters,
        .cdataBlock = characters,
        .internalSubset = doctype,
        .serror = error,
    };
    struct bytes first = bytes_slice(xml, 0, DETECTION);
    parser->context = xmlCreatePushParserCtxt(&handler, parser, first.data, (int)first.len, NULL);
    if (!parser->context)
        return NULL;
    xmlCtxtUseOptions(parser->context, XML_PARSE_NONET);
    feed(parser, bytes_slice(xml, first.len, xml.len));
    xmlFreeParserCtxt(parser->context);
    return parser->finished && !parser->why ? parser->builder.feedback : NULL;
}

struct feedback *feedback_parse(struct arena *arena, struct bytes xml, const char **why)
{
    *why = NULL;
    /* blanks in front of the XML declaration are an error for libxml2; they occur */
    while (xml.len && is_fws(xml.data[0]))
        xml = bytes_slice(xml, 1, xml.len);
    if (xml.len > FEEDBACK_XML_MAX) {
        *why = "it is longer than 128 MB";
        return NULL;
    }
    struct parser *parser = arena_alloc(arena, sizeof(*parser));
    struct feedback *feedback = arena_alloc(arena, sizeof(*feedback));
    struct feedback *result = NULL;
    xmlStructuredErrorFunc before = xmlStructuredError;
    void *before_context = xmlStructuredErrorContext;
    xmlSetStructuredErrorFunc(NULL, ignore);
    if (parser && feedback) {
        parser->builder.arena = arena;
        parser->builder.feedback = feedback;
        parser->builder.last = &feedback->records;
        result = run(parser, xml);
        *why = parser->why;
    }
    xmlSetStructuredErrorFunc(before_context, before);
    if (!result && (!*why || !**why))
        *why = "it needs more memory than is allowed";
    return result;
}
