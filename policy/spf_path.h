/* spf_path.h - the records of one check as a tree of frames, and the way through
 * them to the term that matched (RFC 7208 4.6.2, 5.2, 6.1). Pure. */
#ifndef ASSAY_SPF_PATH_H
#define ASSAY_SPF_PATH_H

#include "spf_engine.h"
#include "spf_record.h"

enum {
    SPF_FRAMES_MAX = 1 + SPF_TERMS_MAX, /* the top record and one per include or redirect */
    SPF_NO_TERM = -1,
};

/* One record under evaluation. */
struct spf_frame {
    struct bytes domain; /* current domain, %{d} */
    const struct spf_record *record;
    int parent;      /* frame that includes or redirects; -1 for the top */
    int parent_term; /* its term */
    int matched;     /* the a, mx, ptr or exists that matched, or SPF_NO_TERM */
    int step_count;
    struct spf_step steps[SPF_STEPS_MAX]; /* what the engine was given */
};

struct spf_frames {
    struct spf_frame items[SPF_FRAMES_MAX]; /* a parent comes before its children */
    int count;
};

/* A term of a frame; the redirect counts as the term behind the last. */
struct spf_place {
    int frame;
    int term;
};

/* The engine's tag for a place, and back. */
unsigned spf_place_tag(struct spf_place place);
struct spf_place spf_place_of(unsigned tag);

const struct spf_term *spf_term_at(const struct spf_frames *frames, struct spf_place place);

/* The terms that led to the result, from the top record's term inwards. */
struct spf_path {
    struct spf_place places[SPF_FRAMES_MAX];
    int length;
};

/* Follows the terms that matched from the top frame on: the result they give,
 * and the path there. A default result leaves the redirects that led to it. */
enum auth_result spf_path_follow(const struct spf_frames *frames, struct spf_path *path);

/* True when a mechanism matched: the path does not end in a redirect. */
bool spf_path_has_match(const struct spf_frames *frames, const struct spf_path *path);

/* The frame whose record gave the result: the last of the redirects (6.1, 6.2). */
const struct spf_frame *spf_path_deciding_frame(const struct spf_frames *frames,
                                                const struct spf_path *path);

#endif
