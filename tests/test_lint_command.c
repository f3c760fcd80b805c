/* test_lint_command.c - assay lint as a command: exit codes and JSON, over a zone file. */
#include "tool.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char zone_text[] = "good.example. MX 0 .\n"
                                "good.example. TXT \"v=spf1 -all\"\n"
                                "_dmarc.good.example. TXT \"v=DMARC1; p=reject\"\n"
                                "s9._domainkey.good.example. TXT \"v=DKIM1; p=\"\n"
                                "bad.example. MX 0 .\n"
                                "bad.example. TXT \"v=spf1 +all\"\n";

static const char config_text[] = "ResolverTimeout 100ms\n"
                                  "KeyTable csl:one=good.example:s9:/nowhere/key.pem\n"
                                  "SigningTable csl:good.example=one\n";

static char zone[] = "/tmp/test_lint_command.XXXXXX";
static char config[] = "/tmp/test_lint_command.XXXXXX";

enum { ARGUMENTS_MAX = 12 };

/* Runs the command over the zone, or the name server of that argument; what it prints goes
 * to `output`. */
static int run(FILE *output, const char *source, const char *where, const char *const *arguments)
{
    const char *argv[ARGUMENTS_MAX + 1] = {"lint", "-c", config, source, where};
    int argc = 5;
    for (; *arguments; arguments++)
        argv[argc++] = *arguments;
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(output), STDOUT_FILENO);
    int code = command_lint(argc, (char **)(uintptr_t)argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    return code;
}

static int exit_code(const char *source, const char *where, const char *first, const char *second)
{
    const char *arguments[] = {first, second, NULL};
    FILE *output = tmpfile();
    assert_non_null(output);
    int code = run(output, source, where, arguments);
    fclose(output);
    return code;
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(exit_code("--zone", zone, "good.example", NULL), EX_OK);
    assert_int_equal(exit_code("--zone", zone, "bad.example", NULL), 1);
    assert_int_equal(exit_code("--zone", zone, "good.example", "bad.example"), 1);
    /* nobody listens there */
    assert_int_equal(exit_code("--nameserver", "127.0.0.1@1", "good.example", NULL), EX_TEMPFAIL);
}

/* Last: what is wrong with a configuration is remembered until the tool ends. */
static void test_configuration(void **state)
{
    (void)state;
    assert_int_equal(exit_code("--zone", "/nowhere/zone", "good.example", NULL), EX_CONFIG);
}

static void test_json(void **state)
{
    static const char *const arguments[] = {"--json",       "--selector",  "s1",
                                            "good.example", "BAD.example", NULL};
    FILE *output = tmpfile();
    (void)state;
    assert_non_null(output);
    assert_int_equal(run(output, "--zone", zone, arguments), 1);
    rewind(output);
    json_t *object = json_loadf(output, 0, NULL);
    fclose(output);
    const json_t *domains = json_object_get(object, "domains");
    assert_int_equal(json_array_size(domains), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *domain = json_array_get(domains, i);
        size_t errors = 0, revoked = 0, j;
        const json_t *finding;
        assert_string_equal(json_string_value(json_object_get(domain, "domain")),
                            i ? "bad.example" : "good.example");
        json_array_foreach(json_object_get(domain, "findings"), j, finding)
        {
            revoked +=
                strcmp(json_string_value(json_object_get(finding, "rule")), "dkim-revoked") == 0;
            errors += strcmp(json_string_value(json_object_get(finding, "severity")), "error") == 0;
        }
        assert_int_equal(json_integer_value(json_object_get(domain, "errors")), errors);
        assert_int_equal(revoked, i ? 0 : 1); /* s9, which the KeyTable names */
        assert_int_equal(errors, i ? 2 : 1);  /* the key of s1 is missing; and +all */
    }
    json_decref(object);
}

static int write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return -1;
    return close(fd);
}

static int write_files(void **state)
{
    (void)state;
    return write_file(zone, zone_text) | write_file(config, config_text);
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(zone) | unlink(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_configuration),
    };
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
