/* Where lines go, and which. Standard error is a pipe here. */
#include "unit.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int saved_stderr, pipe_ends[2];

static int capture(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    saved_stderr = dup(STDERR_FILENO);
    return pipe(pipe_ends) == 0 && dup2(pipe_ends[1], STDERR_FILENO) >= 0 ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return 0;
}

/* What has been written since; at least one octet. */
static const char *written(void)
{
    static char text[16384];
    ssize_t len = read(pipe_ends[0], text, sizeof(text) - 1);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void open_log(bool json, int level)
{
    const struct log_settings settings = {.json = json, .level = level};
    log_open(&settings);
}

static void log_all(void)
{
    log_error("one %d", 1);
    log_warning("two");
    log_info("three");
    log_debug("four");
}

static void test_text(void **state)
{
    (void)state;
    open_log(false, LOG_INFO);
    log_all();
    assert_string_equal(written(), "assayd: error: one 1\nassayd: warning: two\nassayd: three\n");
    open_log(false, LOG_DEBUG);
    log_all();
    assert_non_null(strstr(written(), "assayd: four\n"));
    open_log(false, LOG_ERR);
    log_all();
    assert_string_equal(written(), "assayd: error: one 1\n");
}

static void test_json(void **state)
{
    (void)state;
    open_log(true, LOG_INFO);
    log_error("one \"%d\"", 1);
    log_info("three");
    assert_string_equal(written(), "{\"level\":\"error\",\"message\":\"one \\\"1\\\"\"}\n"
                                   "{\"level\":\"info\",\"message\":\"three\"}\n");
}

static void test_journal_gets_the_priority(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "8:12345", 1);
    open_log(false, LOG_INFO);
    log_all();
    assert_string_equal(written(),
                        "<3>assayd: error: one 1\n<4>assayd: warning: two\n<6>assayd: three\n");
    unsetenv("JOURNAL_STREAM");
    open_log(false, LOG_INFO);
}

static void test_control_octets_and_length(void **state)
{
    (void)state;
    char text[9000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    open_log(false, LOG_INFO);
    log_info("a\nassayd: b\x1b[0m\x7f");
    assert_string_equal(written(), "assayd: a?assayd: b?[0m?\n");
    log_info("%s", text);
    const char *line = written();
    assert_true(strlen(line) > 4000 && strlen(line) < 4200);
    assert_string_equal(line + strlen(line) - 2, "x\n");
}

static void test_message_line_follows_format_and_level(void **state)
{
    (void)state;
    const struct outcome outcome = {.out_of_memory = true, .verdict = verdict_out_of_memory};
    const struct log_line_facts facts = {.queue_id = "A1", .outcome = &outcome};
    open_log(false, LOG_INFO);
    log_message(&facts);
    assert_memory_equal(written(), "assayd: A1: verdict=tempfail ", 29);
    open_log(true, LOG_INFO);
    log_message(&facts);
    assert_memory_equal(written(), "{\"queue_id\":\"A1\",\"verdict\":{", 28);
    open_log(false, LOG_WARNING); /* leaves it out */
    log_message(&facts);
    log_warning("end");
    assert_string_equal(written(), "assayd: warning: end\n");
}

static void test_lookups_only_at_debug(void **state)
{
    (void)state;
    const struct dns_answer answer = {.status = DNS_TEMPORARY, .cause = "SERVFAIL"};
    struct dns_lookup unused = {
        .name = BYTES("unused.example"), .type = DNS_A, .cached = true}; /* may be under way */
    struct dns_lookup lookup = {.name = BYTES("example\n.com"),
                                .type = DNS_TXT,
                                .answer = &answer,
                                .used = true,
                                .cached = true,
                                .next = &unused};
    const struct outcome outcome = {.lookups = &lookup};
    const struct log_line_facts facts = {.queue_id = "A1", .outcome = &outcome};
    open_log(false, LOG_INFO);
    log_lookups(&facts);
    log_info("end");
    assert_string_equal(written(), "assayd: end\n");
    open_log(false, LOG_DEBUG);
    log_lookups(&facts);
    assert_string_equal(written(),
                        "assayd: A1: lookup TXT example?.com: temporary error, SERVFAIL, cached\n"
                        "assayd: A1: lookup A unused.example: not used\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text),
        TEST(test_json),
        TEST(test_journal_gets_the_priority),
        TEST(test_control_octets_and_length),
        TEST(test_message_line_follows_format_and_level),
        TEST(test_lookups_only_at_debug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
