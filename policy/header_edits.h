/* header_edits.h - what is changed in the header: forged results and old tags go, ours come.
 *
 * The outcome (evaluate.h) gets the lists at the end of the message.
 */
#ifndef ASSAY_HEADER_EDITS_H
#define ASSAY_HEADER_EDITS_H

#include "evaluate.h"

struct header_edits {
    struct arena *arena;   /* of the message; not owned */
    struct arena *scratch; /* to look at one field at a time; not owned */
    const struct policy_settings *settings;
    unsigned results_seen;    /* Authentication-Results fields so far */
    unsigned tags_seen;       /* TagHeader fields so far */
    struct removal *removals; /* last found first */
    size_t removal_count;
};

/* Each field as it comes, in order; name without white space around it. */
void header_edits_see(struct header_edits *edits, struct bytes name, struct bytes value);

/* Fills outcome->removals, those with the highest index first. */
void header_edits_list(const struct header_edits *edits, struct outcome *outcome);

/* Fills outcome->additions for a message that was checked: Authentication-Results on top,
 * and TagHeader. */
void header_edits_add_results(const struct header_edits *edits, struct outcome *outcome);

/* The same for one that was signed; the first order's signature ends on top. */
void header_edits_add_signatures(const struct header_edits *edits, struct outcome *outcome);

#endif
