/* log_line.h - the one line that is logged for each message, as text or JSON.
 *
 * Text: the queue id first, then key=value in a fixed order:
 *
 *   4Wq1: client=192.0.2.1 helo=mx.example.com mailfrom=a@example.com
 *   from=example.com spf=pass spf_domain=example.com dkim=fail
 *   dkim_domain=example.com dkim_selector=s1 dkim_reason="body hash ..." ...
 *
 * (in one line). "dkim" begins a group per signature. A value is quoted when it
 * holds anything beyond the usual octets of names and addresses; inside quotes
 * '"' and '\' have a '\' before them. Whatever came from strangers is printable
 * ASCII, anything else is "?", so that nobody can forge a line or a key.
 * JSON has the same words and shape as `assay check --json`.
 */
#ifndef ASSAY_LOG_LINE_H
#define ASSAY_LOG_LINE_H

#include "evaluate.h"

struct log_line_facts {
    const char *queue_id; /* NULL or "": NOQUEUE */
    const struct outcome *outcome;
    const char *applied_problem; /* what the MTA could not do for us, NULL: nothing */
};

/* Both live in arena and are "" when out of memory. */
const char *log_line_text(struct arena *arena, const struct log_line_facts *facts);
const char *log_line_json(struct arena *arena, const struct log_line_facts *facts);

/* A line that is not about a message, as a JSON object. */
const char *log_line_plain_json(struct arena *arena, const char *level, const char *text);

#endif
