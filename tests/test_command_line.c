/* The command line of assayd. */
#include "unit.h"

#include "command_line.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 12 };

static struct command_line line;
static int exit_code;

/* arguments: separated by spaces. */
static bool parse(const char *arguments)
{
    static char text[256];
    char *argv[ARGUMENTS_MAX + 2] = {(char *)"assayd"};
    int argc = 1;
    snprintf(text, sizeof(text), "%s", arguments);
    for (char *word = strtok(text, " "); word && argc < ARGUMENTS_MAX; word = strtok(NULL, " "))
        argv[argc++] = word;
    optind = 0; /* glibc: begin anew */
    exit_code = -1;
    return command_line_parse(argc, argv, &line, &exit_code);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_true(parse(""));
    assert_non_null(strstr(line.config_path, "/assay/assay.conf"));
    assert_false(line.check_only);
    assert_int_equal(line.override_count, 0);
}

static void check_overrides(void)
{
    const char *expected[][2] = {{"Socket", "inet:8891@127.0.0.1"},
                                 {"UserID", "assay:postfix"},
                                 {"PidFile", "/run/p"},
                                 {"LogLevel", "debug"}};
    assert_string_equal(line.config_path, "/etc/a.conf");
    assert_true(line.check_only);
    assert_int_equal(line.override_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(line.overrides[i].option, expected[i][0]);
        assert_string_equal(line.overrides[i].value, expected[i][1]);
    }
}

static void test_short_and_long_options(void **state)
{
    (void)state;
    assert_true(parse("-c /etc/a.conf -n -p inet:8891@127.0.0.1 -u assay:postfix -P /run/p -v"));
    check_overrides();
    assert_true(parse("--config=/etc/a.conf --check --socket inet:8891@127.0.0.1 "
                      "--user=assay:postfix --pid-file /run/p --verbose"));
    check_overrides();
}

static void test_given_twice_the_last_one_counts(void **state)
{
    (void)state;
    assert_true(parse("-p a -v -v -p b -c 1 -c 2"));
    assert_int_equal(line.override_count, 2);
    assert_string_equal(line.overrides[0].value, "b");
    assert_string_equal(line.config_path, "2");
}

/* Their output is of no interest here. */
static void test_ends(void **state)
{
    (void)state;
    const struct {
        const char *arguments;
        int exit_code;
    } cases[] = {{"-V", EX_OK},    {"--version", EX_OK}, {"-h", EX_OK},        {"--help", EX_OK},
                 {"-q", EX_USAGE}, {"-c", EX_USAGE},     {"--what", EX_USAGE}, {"x", EX_USAGE}};
    fflush(NULL);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    bool good = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        good = good && !parse(cases[i].arguments) && exit_code == cases[i].exit_code;
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(null);
    assert_true(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_short_and_long_options),
        cmocka_unit_test(test_given_twice_the_last_one_counts),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
