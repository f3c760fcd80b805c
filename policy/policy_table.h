/* policy_table.h - local exceptions by Author Domain (PolicyTable).
 *
 * One entry per line: "domain action". A domain with a leading dot stands for
 * everything below it, "*" for every domain; the longest match decides. Actions:
 *
 *   accept      a message that fails DMARC is accepted all the same
 *   quarantine  a message that does not pass DMARC is quarantined, whatever is published
 *   reject      a message that does not pass DMARC is rejected, whatever is published
 *   asis        as published: an exception from a wider entry
 */
#ifndef ASSAY_POLICY_TABLE_H
#define ASSAY_POLICY_TABLE_H

#include "domain.h"

enum policy_table_action {
    POLICY_TABLE_ASIS,
    POLICY_TABLE_ACCEPT,
    POLICY_TABLE_QUARANTINE,
    POLICY_TABLE_REJECT,
};

struct policy_table;

/* An empty table in arena; NULL when out of memory. */
struct policy_table *policy_table_new(struct arena *arena);

/* Adds one line (comments and blank lines are the caller's to drop). NULL when
 * it is good, else a text that says what was found and what is allowed. */
const char *policy_table_add(struct policy_table *table, struct bytes line);

/* Sorts; call once after the last add. A repeated domain: text, else NULL. */
const char *policy_table_finish(struct policy_table *table);

/* The entry for a domain: its action, and the entry's own text for the log
 * (".example.com"); false when none matches. A NULL table is empty. */
bool policy_table_find(const struct policy_table *table, struct domain domain,
                       enum policy_table_action *action, const char **entry);

size_t policy_table_count(const struct policy_table *table);

#endif
