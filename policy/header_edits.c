/* header_edits.c - what is changed in the header; see header_edits.h. */
#include "header_edits.h"

#include "authres_compose.h"

struct removal {
    struct removal *next; /* the one with the next lower index of any name */
    struct header_edit edit;
};

static void remove_field(struct header_edits *edits, const char *name, unsigned index)
{
    struct removal *removal = arena_alloc(edits->arena, sizeof(*removal));
    if (!removal)
        return;
    *removal = (struct removal){edits->removals, {name, NULL, index}};
    edits->removals = removal;
    edits->removal_count++;
}

/* RFC 8601 5: a field in our name that we did not write is forged. When there
 * is no memory to look at it, it goes as well. */
static void screen_results_field(struct header_edits *edits, struct bytes value)
{
    edits->results_seen++;
    arena_reset(edits->scratch);
    if (authres_claims(edits->scratch, value, &edits->settings->own_ids) ||
        arena_failed(edits->scratch))
        remove_field(edits, "Authentication-Results", edits->results_seen);
}

void header_edits_see(struct header_edits *edits, struct bytes name, struct bytes value)
{
    if (bytes_is(name, "Authentication-Results"))
        screen_results_field(edits, value);
    else if (bytes_is(name, edits->settings->tag_header))
        remove_field(edits, edits->settings->tag_header, ++edits->tags_seen);
}

void header_edits_list(const struct header_edits *edits, struct outcome *outcome)
{
    struct header_edit *list = arena_array(edits->arena, edits->removal_count, sizeof(*list));
    if (!list)
        return;
    for (struct removal *removal = edits->removals; removal; removal = removal->next)
        list[outcome->removal_count++] = removal->edit;
    outcome->removals = list;
}

/* Our fields; the last one ends on top. */
void header_edits_add_results(const struct header_edits *edits, struct outcome *outcome)
{
    struct header_edit *fields = arena_array(edits->arena, 2, sizeof(*fields));
    if (!fields)
        return;
    outcome->additions = fields;
    if (outcome->verdict.action == ACTION_TAG)
        fields[outcome->addition_count++] = (struct header_edit){
            .name = edits->settings->tag_header,
            .value = arena_printf(edits->arena, "%s (%s)",
                                  dmarc_policy_name(outcome->verdict.disposition),
                                  outcome->verdict.reason)};
    outcome->authentication_results = authres_compose(edits->arena, edits->settings, outcome);
    fields[outcome->addition_count++] =
        (struct header_edit){.name = "Authentication-Results",
                             .value = authres_fold(edits->arena, outcome->authentication_results)};
}

void header_edits_add_signatures(const struct header_edits *edits, struct outcome *outcome)
{
    const struct signing_result *signing = &outcome->signing;
    struct header_edit *fields = arena_array(edits->arena, signing->count, sizeof(*fields));
    if (!fields)
        return;
    outcome->additions = fields;
    for (size_t i = signing->count; i > 0; i--) {
        if (signing->made[i - 1].value)
            fields[outcome->addition_count++] =
                (struct header_edit){.name = "DKIM-Signature", .value = signing->made[i - 1].value};
    }
}
