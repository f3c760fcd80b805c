/* feedback_internal.h - what the parts of the reader of aggregate reports share.
 *
 * feedback.c drives libxml2 and keeps the bounds, feedback_elements.c knows which element is what,
 * feedback_values.c turns text into the members of struct feedback.
 */
#ifndef ASSAY_FEEDBACK_INTERNAL_H
#define ASSAY_FEEDBACK_INTERNAL_H

#include "feedback.h"

/* The elements that are known, by where they stand. */
enum feedback_node {
    NODE_UNKNOWN, /* and everything in it */
    NODE_DOCUMENT,
    NODE_FEEDBACK,
    NODE_VERSION,
    NODE_METADATA,
    NODE_ORG_NAME,
    NODE_EMAIL,
    NODE_EXTRA_CONTACT_INFO,
    NODE_REPORT_ID,
    NODE_GENERATOR,
    NODE_ERROR,
    NODE_DATE_RANGE,
    NODE_BEGIN,
    NODE_END,
    NODE_POLICY_PUBLISHED,
    NODE_POLICY_DOMAIN,
    NODE_P,
    NODE_SP,
    NODE_NP,
    NODE_ADKIM,
    NODE_ASPF,
    NODE_FO,
    NODE_TESTING,
    NODE_DISCOVERY_METHOD,
    NODE_PCT,
    NODE_RECORD,
    NODE_ROW,
    NODE_SOURCE_IP,
    NODE_COUNT,
    NODE_POLICY_EVALUATED,
    NODE_DISPOSITION,
    NODE_EVALUATED_DKIM,
    NODE_EVALUATED_SPF,
    NODE_REASON,
    NODE_REASON_TYPE,
    NODE_REASON_COMMENT,
    NODE_IDENTIFIERS,
    NODE_HEADER_FROM,
    NODE_ENVELOPE_FROM,
    NODE_ENVELOPE_TO,
    NODE_AUTH_RESULTS,
    NODE_DKIM,
    NODE_DKIM_DOMAIN,
    NODE_DKIM_SELECTOR,
    NODE_DKIM_RESULT,
    NODE_DKIM_HUMAN_RESULT,
    NODE_SPF,
    NODE_SPF_DOMAIN,
    NODE_SPF_SCOPE,
    NODE_SPF_RESULT,
    NODE_SPF_HUMAN_RESULT,
};

/* The element of that name in `parent`. */
enum feedback_node feedback_node_in(enum feedback_node parent, struct bytes name);

/* True for an element whose text counts. */
bool feedback_node_has_text(enum feedback_node node);

enum { FEEDBACK_SEEN = 1024 /* texts remembered, so that the same is kept once */ };

/* A report while it is read. */
struct feedback_builder {
    struct arena *arena;
    struct feedback *feedback;
    struct feedback_record **last; /* where the next record goes */

    /* the record that is being read */
    struct feedback_record record;
    struct bytes count; /* as written */
    struct feedback_reason reasons[FEEDBACK_REASONS_MAX];
    struct feedback_dkim dkim[FEEDBACK_SIGNATURES_MAX];
    struct feedback_spf spf[FEEDBACK_SPF_MAX];
    size_t reason_count, dkim_count, spf_count; /* those begun; may be over the bounds */

    struct bytes seen[FEEDBACK_SEEN];
};

/* An element begins. */
void feedback_begin(struct feedback_builder *builder, enum feedback_node node);

/* An element ends; text: what stood in it, not trimmed. */
void feedback_finish(struct feedback_builder *builder, enum feedback_node node, struct bytes text);

#endif
