/* test_spf_engine.c - terms in their order: qualifiers, include, redirect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <sys/types.h>

#include <cmocka.h>
#include <spf2/spf.h>

#include "spf.h"
#include "spf_engine.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Records by number, a step a letter: a = all, y and n = tests that match or not, x = a
 * call that stops, a digit = include, ">" and a digit = redirect; with qualifier. */
struct program {
    const char *records[5];
    int calls;
};

static struct spf_step read_step(const char **text)
{
    struct spf_step step = {.kind = SPF_STEP_TEST, .qualifier = AUTH_PASS};
    step.qualifier = **text == '-'   ? AUTH_FAIL
                     : **text == '~' ? AUTH_SOFTFAIL
                     : **text == '?' ? AUTH_NEUTRAL
                                     : AUTH_PASS;
    if (**text == '>')
        step.kind = SPF_STEP_REDIRECT;
    char what = (*text)[1];
    if (what == 'a')
        step.kind = SPF_STEP_ALL;
    else if (what >= '0' && what <= '9' && step.kind != SPF_STEP_REDIRECT)
        step.kind = SPF_STEP_INCLUDE;
    step.tag = 0x10000u | (unsigned char)what;
    *text += 2;
    return step;
}

static int on_record(void *context, unsigned tag, struct spf_step *steps)
{
    struct program *program = context;
    const char *text = program->records[tag == SPF_TAG_TOP ? 0 : (tag & 0xff) - '0'];
    int count = 0;
    program->calls++;
    if (!text)
        return -1;
    while (*text)
        steps[count++] = read_step(&text);
    return count;
}

static int on_test(void *context, unsigned tag)
{
    char what = (char)(tag & 0xff);
    ((struct program *)context)->calls++;
    return what == 'y' ? 1 : what == 'n' ? 0 : -1;
}

static void evaluates_steps(void **state)
{
    static const struct {
        struct program program;
        enum auth_result result;
        int calls;
    } cases[] = {
        {{{""}, 0}, AUTH_NEUTRAL, 1},
        {{{"+a"}, 0}, AUTH_PASS, 1},
        {{{"-a"}, 0}, AUTH_FAIL, 1},
        {{{"~a"}, 0}, AUTH_SOFTFAIL, 1},
        {{{"?a"}, 0}, AUTH_NEUTRAL, 1},
        {{{"+y-a"}, 0}, AUTH_PASS, 2},
        {{{"+n-a"}, 0}, AUTH_FAIL, 2},
        {{{"-n~y+a"}, 0}, AUTH_SOFTFAIL, 3},
        {{{"+n+n+n+n+n+n+n+n+n+n+n-a"}, 0}, AUTH_FAIL, 12},
        {{{"+n+x-a"}, 0}, AUTH_TEMPERROR, 3},
        {{{"+1-a", "+y"}, 0}, AUTH_PASS, 3},
        {{{"-1+a", "+y"}, 0}, AUTH_FAIL, 3},
        {{{"+1~a", "-y"}, 0}, AUTH_SOFTFAIL, 3},
        {{{"+1~a", "~y"}, 0}, AUTH_SOFTFAIL, 3},
        {{{"+1~a", "?y"}, 0}, AUTH_SOFTFAIL, 3},
        {{{"+1~a", ""}, 0}, AUTH_SOFTFAIL, 2},
        {{{"+1~a", "+x"}, 0}, AUTH_TEMPERROR, 3},
        {{{"+4~a"}, 0}, AUTH_TEMPERROR, 2},
        {{{"+n>1", "+n~a"}, 0}, AUTH_SOFTFAIL, 4},
        {{{"+y>1", "+n~a"}, 0}, AUTH_PASS, 2},
        {{{">1", ""}, 0}, AUTH_NEUTRAL, 2},
        {{{">4"}, 0}, AUTH_TEMPERROR, 2},
        {{{"+1-a", ">2", "+3?a", "+y"}, 0}, AUTH_PASS, 5},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct program program = cases[i].program;
        struct spf_engine_calls calls = {&program, on_record, on_test};
        enum auth_result result = spf_engine_run(&calls);
        if (result != cases[i].result || program.calls != cases[i].calls)
            fail_msg("%s: %s after %d calls", program.records[0], auth_result_name(result),
                     program.calls);
    }
}

/* A caller that never stops is still bounded: libspf2 gives up by itself. */
static int endless_record(void *context, unsigned tag, struct spf_step *steps)
{
    ++*(int *)context;
    steps[0] = (struct spf_step){SPF_STEP_INCLUDE, AUTH_PASS, tag + 1};
    return 1;
}

static void endless_includes_end(void **state)
{
    int count = 0;
    struct spf_engine_calls calls = {&count, endless_record, on_test};
    (void)state;
    assert_int_equal(spf_engine_run(&calls), AUTH_TEMPERROR);
    assert_true(count < 50);
}

/* What libspf2 does when malloc() fails in it: error handler, then abort(). */
static int failing_record(void *context, unsigned tag, struct spf_step *steps)
{
    (void)context;
    if (tag == SPF_TAG_TOP) {
        steps[0] = (struct spf_step){SPF_STEP_INCLUDE, AUTH_PASS, 1};
        return 1;
    }
    SPF_errorx(__FILE__, __LINE__, "%s", "out of memory");
}

/* In a child, because what libspf2 held is lost then, which LeakSanitizer would tell. */
static void the_end_of_libspf2_is_not_the_end_of_the_process(void **state)
{
    int status = -1;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        int count = 0;
        struct spf_engine_calls failing = {NULL, failing_record, on_test};
        struct spf_engine_calls endless = {&count, endless_record, on_test};
        bool survived = spf_engine_run(&failing) == AUTH_TEMPERROR &&
                        spf_engine_run(&endless) == AUTH_TEMPERROR && count > 1;
        _exit(survived ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    spf_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluates_steps),
        cmocka_unit_test(endless_includes_end),
        cmocka_unit_test(the_end_of_libspf2_is_not_the_end_of_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
