/* test_report_read.c - assay report read as a command: exit codes, text and JSON, to the letter. */
#include "report.h"
#include "unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static char directory[] = "/tmp/test_report_read.XXXXXX";
static char output[20000];

enum { PATH_LEN = 300, ARGUMENTS_MAX = 8 };

static const char *path_of(const char *name)
{
    static char paths[ARGUMENTS_MAX][PATH_LEN];
    static unsigned next;
    char *path = paths[next++ % ARGUMENTS_MAX];
    snprintf(path, PATH_LEN, "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#define HEAD(org, id, domain)                                                                      \
    "<feedback><report_metadata><org_name>" org "</org_name><report_id>" id "</report_id>"         \
    "<date_range><begin>1767225600</begin><end>1767311999</end></date_range></report_metadata>"    \
    "<policy_published><domain>" domain "</domain></policy_published>"

#define RECORD(ip, count, disposition, dkim, spf)                                                  \
    "<record><row><source_ip>" ip "</source_ip><count>" count "</count><policy_evaluated>"         \
    "<disposition>" disposition "</disposition><dkim>" dkim "</dkim><spf>" spf "</spf>"            \
    "</policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers>"   \
    "<auth_results><spf><domain>example.com</domain><result>" spf "</result></spf></auth_results>" \
    "</record>"

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    write_file("a.xml",
               HEAD("One", "1", "example.com") RECORD("192.0.2.1", "1000", "none", "pass", "pass")
                   RECORD("2001:db8::1", "250", "reject", "fail", "fail") "</feedback>");
    write_file("b.xml", HEAD("One", "1", "example.com") "</feedback>");
    write_file("c.xml",
               HEAD("Two", "1", "example.net") RECORD("192.0.2.1", "x", "none", "pass", "pass")
                   RECORD("192.0.2.1", "1", "quarantine", "fail", "pass") "</feedback>");
    write_file("d.txt", "nothing\n");
    write_file("e.eml", "Content-Type: multipart/report; boundary=b\n\n--b\n"
                        "Content-Type: message/feedback-report\n\nFeedback-Type: auth-failure\n"
                        "Auth-Failure: dmarc\nIdentity-Alignment: dkim, spf\nSource-IP: 192.0.2.9\n"
                        "Reported-Domain: example.com\nIncidents: 3\n"
                        "Arrival-Date: Thu, 1 Jan 2026 10:00:00 +0100\n--b\n"
                        "Content-Type: text/rfc822-headers\n\nSubject: Hello\n--b--\n");
    setenv("COLUMNS", "80", 1);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a.xml", "b.xml", "c.xml", "d.txt", "e.eml"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    return rmdir(directory);
}

/* Runs the command; what it prints is in `output` afterwards. */
static int run(const char *first, const char *second, const char *third)
{
    const char *const given[] = {first, second, third};
    const char *argv[ARGUMENTS_MAX] = {"assay report read"};
    int argc = 1;
    for (size_t i = 0; i < 3 && given[i]; i++)
        argv[argc++] = given[i];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    int code = report_read(argc, (char **)(uintptr_t)argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(file);
    output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
    fclose(file);
    return code;
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(run(path_of("a.xml"), NULL, NULL), EX_OK);
    assert_int_equal(run(path_of("e.eml"), NULL, NULL), EX_OK);
    assert_int_equal(run(path_of("a.xml"), path_of("d.txt"), NULL), EX_DATAERR);
    assert_int_equal(run(path_of("none"), path_of("a.xml"), path_of("d.txt")), EX_NOINPUT);
    assert_int_equal(run("--html", path_of("none/page"), path_of("a.xml")), EX_CANTCREAT);
    assert_int_equal(run("--html", path_of("page"), path_of("a.xml")), EX_OK);
    assert_int_equal(unlink(path_of("page")), 0);
}

static void test_text(void **state)
{
    (void)state;
    assert_int_equal(run(directory, NULL, NULL), EX_DATAERR);
    char *end = strstr(output, "\nCould not be read\n");
    assert_non_null(end);
    assert_non_null(strstr(end, "/d.txt: neither a mail nor XML, gzip or zip\n"));
    *end = '\0';
    char *where = strstr(output, directory); /* its name differs each time */
    assert_non_null(where);
    memmove(where, where + strlen(directory) + 1, strlen(where + strlen(directory) + 1) + 1);
    static const char expected[] =
        "2 reports by 2 organisations about 2 domains, 2026-01-01 to 2026-01-01\n"
        "1,251 messages, 80.0% passed DMARC.\n"
        "1 report was there twice and counts once.\n"
        "1 record has no count that is a number, and does not count.\n"
        "1 thing could not be read (see the end).\n"
        "\nSources, those with most failures first\n"
        "SOURCE           MESSAGES   DMARC    DKIM     SPF  FROM\n"
        "2001:db8::1           250      0%      0%      0%  example.com\n"
        "    250 rejected, no DKIM signature; SPF fail\n"
        "192.0.2.1           1,001    100%   99.9%    100%  example.com\n"
        "    1 quarantined\n"
        "\nReported by\n"
        "ORGANISATION      REPORTS    MESSAGES   DMARC\n"
        "One                     1       1,250   80.0%\n"
        "Two                     1           1    100%\n"
        "\nDomains\n"
        "DOMAIN            REPORTS    MESSAGES   DMARC\n"
        "example.com             1       1,250   80.0%\n"
        "example.net             1           1    100%\n"
        "\nFailure reports\n"
        "2026-01-01 09:00 UTC dmarc failure (Identity-Alignment: dkim, spf) from\n"
        "192.0.2.9 for example.com, 3 times: \"Hello\"";
    output[strlen(expected)] = '\0'; /* where it was found is broken into lines by its length */
    assert_string_equal(output, expected);
}

static void test_wide(void **state)
{
    (void)state;
    setenv("COLUMNS", "120", 1);
    assert_int_equal(run(path_of("a.xml"), NULL, NULL), EX_OK);
    setenv("COLUMNS", "80", 1);
    assert_non_null(strstr(output, "SOURCE           MESSAGES   DMARC    DKIM     SPF      NONE "
                                   "QUARANTINE     REJECT  FROM\n"
                                   "2001:db8::1           250      0%      0%      0%         0 "
                                   "         0        250  example.com\n"));
}

static json_t *run_json(const char *first, const char *second)
{
    run("--json", first, second);
    json_t *object = json_loads(output, 0, NULL);
    assert_non_null(object);
    return object;
}

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void test_json(void **state)
{
    static const char *const keys[] = {"reports",      "failure_reports", "unreadable", "sources",
                                       "days",         "organisations",   "domains",    "results",
                                       "dispositions", "summary"};
    (void)state;
    json_t *object = run_json(directory, NULL);
    assert_int_equal(json_object_size(object), sizeof(keys) / sizeof(keys[0]));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_non_null(json_object_get(object, keys[i]));
    const json_t *summary = json_object_get(object, "summary");
    assert_int_equal(number(summary, "files"), 5);
    assert_int_equal(number(summary, "reports"), 2);
    assert_int_equal(number(summary, "duplicates"), 1);
    assert_int_equal(number(summary, "messages"), 1251);
    assert_int_equal(number(summary, "passed"), 1001);
    assert_int_equal(number(summary, "failure_reports"), 1);
    assert_int_equal(number(summary, "skipped_records"), 1);
    assert_int_equal(json_array_size(json_object_get(object, "reports")), 3);
    const json_t *failure = json_array_get(json_object_get(object, "failure_reports"), 0);
    assert_int_equal(number(failure, "arrival_date"), 1767258000);
    json_decref(object);
}

/* Nothing at all is JSON, too. */
static void test_json_of_nothing(void **state)
{
    (void)state;
    json_t *object = run_json(path_of("d.txt"), path_of("none"));
    assert_int_equal(json_array_size(json_object_get(object, "reports")), 0);
    assert_int_equal(json_array_size(json_object_get(object, "unreadable")), 2);
    json_decref(object);
}

static void test_domain(void **state)
{
    (void)state;
    json_t *object = run_json("--domain=EXAMPLE.net", directory);
    const json_t *summary = json_object_get(object, "summary");
    assert_int_equal(number(summary, "reports"), 1);
    assert_int_equal(number(summary, "messages"), 1);
    assert_int_equal(number(summary, "other_domains"), 3); /* the failure report is one of them */
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes), cmocka_unit_test(test_text),
        cmocka_unit_test(test_wide),       cmocka_unit_test(test_json),
        cmocka_unit_test(test_domain),     cmocka_unit_test(test_json_of_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
