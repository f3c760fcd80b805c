/* test_spf_path.c - the way through the records to the term that matched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spf_path.h"

#include <stdlib.h>

/* Adds a frame whose steps are all terms of text, in order. */
static void add_frame(struct spf_frames *frames, const char *text, int parent, int parent_term,
                      int matched)
{
    int index = frames->count++;
    struct spf_frame *frame = &frames->items[index];
    *frame = (struct spf_frame){.record = spf_record_new(bytes_of(text)),
                                .parent = parent,
                                .parent_term = parent_term,
                                .matched = matched};
    assert_null(frame->record->error);
    for (size_t i = 0; i < frame->record->count; i++) {
        const struct spf_term *term = &frame->record->terms[i];
        enum spf_step_kind kind = term->kind == SPF_ALL       ? SPF_STEP_ALL
                                  : term->kind == SPF_INCLUDE ? SPF_STEP_INCLUDE
                                                              : SPF_STEP_TEST;
        unsigned tag = spf_place_tag((struct spf_place){index, (int)i});
        frame->steps[frame->step_count++] = (struct spf_step){kind, term->qualifier, tag};
    }
    if (frame->record->redirect.text.len) {
        unsigned tag = spf_place_tag((struct spf_place){index, (int)frame->record->count});
        frame->steps[frame->step_count++] = (struct spf_step){SPF_STEP_REDIRECT, AUTH_NEUTRAL, tag};
    }
}

static void end(struct spf_frames *frames)
{
    for (int i = 0; i < frames->count; i++)
        free((void *)(uintptr_t)frames->items[i].record);
}

static void assert_place(struct spf_place place, int frame, int term)
{
    assert_int_equal(place.frame, frame);
    assert_int_equal(place.term, term);
}

static void tags_carry_places(void **state)
{
    (void)state;
    assert_place(spf_place_of(spf_place_tag((struct spf_place){0, 0})), 0, 0);
    assert_place(spf_place_of(spf_place_tag((struct spf_place){10, 5461})), 10, 5461);
    assert_int_not_equal(spf_place_tag((struct spf_place){0, 0}), SPF_TAG_TOP);
}

static void a_match_in_an_include_shows_both_terms(void **state)
{
    struct spf_frames frames = {.count = 0};
    struct spf_path path;
    (void)state;
    add_frame(&frames, "v=spf1 a include:x.net ~include:y.net -all", -1, -1, SPF_NO_TERM);
    add_frame(&frames, "v=spf1 mx -all", 0, 1, SPF_NO_TERM); /* fail: the include does not match */
    add_frame(&frames, "v=spf1 a mx ?all", 0, 2, 1);
    assert_int_equal(spf_path_follow(&frames, &path), AUTH_SOFTFAIL);
    assert_int_equal(path.length, 2);
    assert_place(path.places[0], 0, 2);
    assert_place(path.places[1], 2, 1);
    assert_true(spf_path_has_match(&frames, &path));
    assert_ptr_equal(spf_path_deciding_frame(&frames, &path), &frames.items[0]);
    end(&frames);
}

static void a_redirect_moves_the_deciding_record(void **state)
{
    struct spf_frames frames = {.count = 0};
    struct spf_path path;
    (void)state;
    add_frame(&frames, "v=spf1 a redirect=x.net", -1, -1, SPF_NO_TERM);
    add_frame(&frames, "v=spf1 redirect=y.net", 0, 1, SPF_NO_TERM);
    add_frame(&frames, "v=spf1 -all", 1, 0, SPF_NO_TERM);
    assert_int_equal(spf_path_follow(&frames, &path), AUTH_FAIL);
    assert_int_equal(path.length, 3);
    assert_true(spf_path_has_match(&frames, &path));
    assert_ptr_equal(spf_path_deciding_frame(&frames, &path), &frames.items[2]);
    end(&frames);
}

static void a_default_result_has_no_match(void **state)
{
    struct spf_frames frames = {.count = 0};
    struct spf_path path;
    (void)state;
    add_frame(&frames, "v=spf1 redirect=x.net", -1, -1, SPF_NO_TERM);
    add_frame(&frames, "v=spf1 a mx", 0, 0, SPF_NO_TERM);
    assert_int_equal(spf_path_follow(&frames, &path), AUTH_NEUTRAL);
    assert_false(spf_path_has_match(&frames, &path));
    assert_ptr_equal(spf_path_deciding_frame(&frames, &path), &frames.items[1]);
    end(&frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_carry_places),
        cmocka_unit_test(a_match_in_an_include_shows_both_terms),
        cmocka_unit_test(a_redirect_moves_the_deciding_record),
        cmocka_unit_test(a_default_result_has_no_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
