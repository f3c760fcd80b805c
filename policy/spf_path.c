/* spf_path.c - the way to the term that matched; see spf_path.h. */
#include "spf_path.h"

unsigned spf_place_tag(struct spf_place place)
{
    return (unsigned)(place.frame + 1) << 16 | (unsigned)place.term;
}

struct spf_place spf_place_of(unsigned tag)
{
    return (struct spf_place){(int)(tag >> 16) - 1, (int)(tag & 0xffff)};
}

const struct spf_term *spf_term_at(const struct spf_frames *frames, struct spf_place place)
{
    const struct spf_record *record = frames->items[place.frame].record;
    size_t index = (size_t)place.term;
    return index < record->count ? &record->terms[index] : &record->redirect;
}

/* The frame of an include or redirect; -1 when it was not evaluated. */
static int child_of(const struct spf_frames *frames, struct spf_place place)
{
    for (int i = place.frame + 1; i < frames->count; i++) {
        if (frames->items[i].parent == place.frame && frames->items[i].parent_term == place.term)
            return i;
    }
    return -1;
}

static enum auth_result follow(const struct spf_frames *frames, int index, struct spf_path *path);

/* True when the step decides its record: *result is the record's result then,
 * and the path ends at the matching term. */
static bool decides(const struct spf_frames *frames, const struct spf_step *step,
                    struct spf_path *path, enum auth_result *result)
{
    struct spf_place place = spf_place_of(step->tag);
    int child = child_of(frames, place);
    int length = path->length;
    path->places[path->length++] = place;
    *result = step->qualifier;
    switch (step->kind) {
    case SPF_STEP_ALL:
        return true;
    case SPF_STEP_TEST:
        if (frames->items[place.frame].matched == place.term)
            return true;
        break;
    case SPF_STEP_INCLUDE: /* matches when the record gives pass (5.2) */
        if (child > 0 && follow(frames, child, path) == AUTH_PASS)
            return true;
        break;
    case SPF_STEP_REDIRECT: /* its result is ours (6.1) */
        if (child > 0)
            *result = follow(frames, child, path);
        return true;
    }
    path->length = length;
    return false;
}

/* The result of a frame. Frames form a tree of at most SPF_FRAMES_MAX nodes, so
 * the recursion is no deeper than that. */
static enum auth_result follow(const struct spf_frames *frames, int index, struct spf_path *path)
{
    const struct spf_frame *frame = &frames->items[index];
    enum auth_result result;
    for (int i = 0; i < frame->step_count; i++) {
        if (decides(frames, &frame->steps[i], path, &result))
            return result;
    }
    return AUTH_NEUTRAL; /* 4.7 */
}

enum auth_result spf_path_follow(const struct spf_frames *frames, struct spf_path *path)
{
    path->length = 0;
    return follow(frames, 0, path);
}

static bool is_redirect(const struct spf_frames *frames, struct spf_place place)
{
    return spf_term_at(frames, place)->kind == SPF_REDIRECT;
}

bool spf_path_has_match(const struct spf_frames *frames, const struct spf_path *path)
{
    return path->length > 0 && !is_redirect(frames, path->places[path->length - 1]);
}

const struct spf_frame *spf_path_deciding_frame(const struct spf_frames *frames,
                                                const struct spf_path *path)
{
    int index = 0;
    for (int i = 0; i < path->length && is_redirect(frames, path->places[i]); i++)
        index = child_of(frames, path->places[i]);
    return &frames->items[index > 0 ? index : 0];
}
