/* test_header_edits.c - what is changed in the header: forged results and old tags go, ours come.
 */
#include "header_edits.h"
#include "unit.h"

#include <string.h>

struct scene {
    struct arena *arena, *scratch;
    struct policy_settings settings;
    struct header_edits edits;
    struct outcome outcome;
};

static int setup(void **state)
{
    static const char *const ids[] = {"mx.example.org"};
    struct scene *scene = test_calloc(1, sizeof(*scene));
    scene->arena = arena_new(1 << 20);
    scene->scratch = arena_new(1 << 20);
    scene->settings.authserv_id = "mx.example.org";
    scene->settings.tag_header = "X-DMARC";
    scene->settings.own_ids.ids = ids;
    scene->settings.own_ids.count = 1;
    scene->edits = (struct header_edits){
        .arena = scene->arena, .scratch = scene->scratch, .settings = &scene->settings};
    scene->outcome = (struct outcome){.spf = {.reason = ""},
                                      .dmarc = {.reason = ""},
                                      .verdict = {.reason = "why", .override_comment = ""}};
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    arena_free(scene->scratch);
    arena_free(scene->arena);
    test_free(scene);
    return 0;
}

static void see(struct scene *scene, const char *name, const char *value)
{
    header_edits_see(&scene->edits, bytes_of(name), bytes_of(value));
}

static void assert_edit(const struct header_edit *edit, const char *name, unsigned index)
{
    assert_string_equal(edit->name, name);
    assert_int_equal(edit->index, index);
}

/* Indexes count the fields of a name; the last goes first, so that those before keep theirs. */
static void test_removals(void **state)
{
    struct scene *scene = *state;
    see(scene, "Authentication-Results", " other.example; dmarc=pass");
    see(scene, "authentication-results", " MX.example.org; dmarc=pass");
    see(scene, "X-Dmarc", " reject");
    see(scene, "Subject", " mx.example.org; dmarc=pass");
    see(scene, "Authentication-Results", " mx.example.org; spf=pass");
    header_edits_list(&scene->edits, &scene->outcome);
    assert_int_equal(scene->outcome.removal_count, 3);
    assert_edit(&scene->outcome.removals[0], "Authentication-Results", 3);
    assert_edit(&scene->outcome.removals[1], "X-DMARC", 1);
    assert_edit(&scene->outcome.removals[2], "Authentication-Results", 2);
}

/* What cannot be looked at is taken for forged. */
static void test_no_memory_to_look(void **state)
{
    struct scene *scene = *state;
    struct arena *none = arena_new(0);
    scene->edits.scratch = none;
    see(scene, "Authentication-Results", " other.example; dmarc=pass");
    header_edits_list(&scene->edits, &scene->outcome);
    assert_int_equal(scene->outcome.removal_count, 1);
    arena_free(none);
}

static void test_nothing_to_remove(void **state)
{
    struct scene *scene = *state;
    header_edits_list(&scene->edits, &scene->outcome);
    assert_int_equal(scene->outcome.removal_count, 0);
}

static void test_results(void **state)
{
    struct scene *scene = *state;
    header_edits_add_results(&scene->edits, &scene->outcome);
    assert_int_equal(scene->outcome.addition_count, 1);
    assert_edit(&scene->outcome.additions[0], "Authentication-Results", 0);
}

/* Each is inserted at the top: the last one ends there. */
static void test_tag(void **state)
{
    struct scene *scene = *state;
    scene->outcome.verdict.action = ACTION_TAG;
    scene->outcome.verdict.disposition = DMARC_POLICY_QUARANTINE;
    header_edits_add_results(&scene->edits, &scene->outcome);
    assert_int_equal(scene->outcome.addition_count, 2);
    assert_edit(&scene->outcome.additions[0], "X-DMARC", 0);
    assert_string_equal(scene->outcome.additions[0].value, "quarantine (why)");
    assert_edit(&scene->outcome.additions[1], "Authentication-Results", 0);
}

static void test_signatures(void **state)
{
    struct scene *scene = *state;
    struct signing_result *signing = &scene->outcome.signing;
    signing->made[0].value = "first"; /* the second failed */
    signing->made[2].value = "third";
    signing->count = 3;
    header_edits_add_signatures(&scene->edits, &scene->outcome);
    assert_int_equal(scene->outcome.addition_count, 2);
    assert_string_equal(scene->outcome.additions[0].value, "third");
    assert_string_equal(scene->outcome.additions[1].value, "first");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_removals),
        TEST(test_no_memory_to_look),
        TEST(test_nothing_to_remove),
        TEST(test_results),
        TEST(test_tag),
        TEST(test_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
