/* test_check.c - assay check as a command: what its JSON holds, and exit codes. */
#include "tool.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char zone_text[] = "$ORIGIN example.com.\n"
                                "@ IN 300 TXT \"v=spf1 ip4:192.0.2.1 -all exp=why.example.com\"\n"
                                "why TXT \"ask %{d}\"\n"
                                "_dmarc TXT \"v=DMARC1; p=reject\"\n";
static const char config_text[] = "AuthservID mx.test\nResolverTimeout 100ms\n";
static const char message_text[] = "From: a@example.com\nSubject: x\n\nhello\n";
static const char signed_text[] =
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=no; h=from;\n"
    " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA\n"
    "From: a@example.com\n\nhello\n";

static char zone[] = "/tmp/test_check.XXXXXX";
static char config[] = "/tmp/test_check.XXXXXX";
static char message[] = "/tmp/test_check.XXXXXX";
static char signed_message[] = "/tmp/test_check.XXXXXX";
static const char *more; /* one more argument; NULL: none */

enum { ARGUMENTS_MAX = 20 };

/* Runs the command; *json is what it prints, NULL when that is no JSON. */
static int run(json_t **json, const char *client, const char *where, const char *path)
{
    const char *argv[ARGUMENTS_MAX] = {"assay check",
                                       "-c",
                                       config,
                                       "--json",
                                       "--client-ip",
                                       client,
                                       "--mail-from",
                                       "a@example.com",
                                       where[0] == '/' ? "--zone" : "--nameserver",
                                       where,
                                       path};
    int argc = path ? 11 : 10;
    if (more)
        argv[argc++] = more;
    FILE *output = tmpfile();
    assert_non_null(output);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(output), STDOUT_FILENO);
    int code = command_check(argc, (char **)(uintptr_t)argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(output);
    *json = json_loadf(output, 0, NULL);
    fclose(output);
    return code;
}

static const char *member(const json_t *json, const char *object, const char *name)
{
    return json_string_value(json_object_get(json_object_get(json, object), name));
}

/* An exact match needs no walk, and still the tool shows the domain. */
static void test_pass(void **state)
{
    json_t *json;
    (void)state;
    assert_int_equal(run(&json, "192.0.2.1", zone, message), EX_OK);
    assert_string_equal(member(json, "dmarc", "result"), "pass");
    assert_string_equal(member(json, "dmarc", "organizational_domain"), "example.com");
    assert_string_equal(member(json, "verdict", "action"), "accept");
    assert_true(json_is_null(json_object_get(json_object_get(json, "spf"), "explanation")));
    assert_string_equal(json_string_value(json_object_get(json, "authentication_results")),
                        "mx.test; spf=pass smtp.mailfrom=example.com; dkim=none; "
                        "dmarc=pass (p=reject dis=none) header.from=example.com "
                        "policy.dmarc=reject");
    json_decref(json);
}

/* Exit code 0 whatever the verdict. The publisher's text is shown, and not in the reply. */
static void test_fail(void **state)
{
    json_t *json;
    (void)state;
    assert_int_equal(run(&json, "192.0.2.9", zone, message), EX_OK);
    assert_string_equal(member(json, "dmarc", "result"), "fail");
    assert_string_equal(member(json, "dmarc", "organizational_domain"), "example.com");
    assert_string_equal(member(json, "verdict", "action"), "reject");
    assert_string_equal(member(json, "spf", "explanation"), "ask example.com");
    assert_null(strstr(member(json, "verdict", "smtp"), "ask"));
    json_decref(json);
}

static void test_without_message(void **state)
{
    json_t *json;
    (void)state;
    assert_int_equal(run(&json, "192.0.2.1", zone, NULL), EX_OK);
    assert_string_equal(member(json, "spf", "result"), "pass");
    assert_null(json_object_get(json, "dmarc"));
    json_decref(json);
}

/* The second opinion: null unless asked for. */
static void test_opendkim(void **state)
{
    json_t *json;
    (void)state;
    assert_int_equal(run(&json, "192.0.2.1", zone, signed_message), EX_OK);
    json_t *signature = json_array_get(json_object_get(json, "dkim"), 0);
    assert_string_equal(json_string_value(json_object_get(signature, "result")), "permerror");
    assert_true(json_is_null(json_object_get(signature, "opendkim")));
    json_decref(json);

    more = "--opendkim";
    assert_int_equal(run(&json, "192.0.2.1", zone, signed_message), EX_OK);
    more = NULL;
    json_t *opinion = json_object_get(json_array_get(json_object_get(json, "dkim"), 0), "opendkim");
#ifdef HAVE_OPENDKIM
    assert_string_equal(json_string_value(json_object_get(opinion, "result")), "permerror");
    assert_true(json_is_true(json_object_get(opinion, "agrees")));
    assert_string_equal(json_string_value(json_object_get(opinion, "reason")),
                        "key not found in DNS");
#else
    assert_true(json_is_null(json_object_get(opinion, "result")));
    assert_string_equal(json_string_value(json_object_get(opinion, "reason")),
                        "this assay was built without libopendkim");
#endif
    json_decref(json);
}

static void test_exit_codes(void **state)
{
    json_t *json;
    (void)state;
    assert_int_equal(run(&json, "192.0.2.1", zone, "/nowhere/message"), EX_DATAERR);
    assert_int_equal(run(&json, "192.0.2.1", zone, "/"), EX_DATAERR);
    assert_int_equal(run(&json, "192.0.2.1", "127.0.0.1@1", message), EX_TEMPFAIL);
    assert_string_equal(member(json, "dmarc", "result"), "temperror");
    json_decref(json);
    /* Last: what is wrong with a configuration is remembered until the tool ends. */
    assert_int_equal(run(&json, "192.0.2.1", "/nowhere/zone", message), EX_CONFIG);
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
    return write_file(zone, zone_text) | write_file(config, config_text) |
           write_file(message, message_text) | write_file(signed_message, signed_text);
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(zone) | unlink(config) | unlink(message) | unlink(signed_message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_without_message),
        cmocka_unit_test(test_opendkim),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
