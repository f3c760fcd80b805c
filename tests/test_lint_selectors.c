/* test_lint_selectors.c - which selectors KeyTable and KeyDirectory name for a domain. */
#include "lint.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test_lint_selectors.XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void make_directory(const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* "s1 s2" */
static void check(const struct lint_selectors *selectors, const char *expected)
{
    char text[1000] = "";
    size_t used = 0;
    for (size_t i = 0; i < selectors->count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
                                 selectors->items[i].name);
    assert_string_equal(text, expected);
}

static void check_table(const char *source, const char *domain, const char *expected)
{
    struct arena *arena = arena_new(1 << 20);
    struct lint_selectors selectors = {.count = 0};
    lint_selectors_of_table(arena, source, domain_parse(arena, bytes_of(domain)), &selectors);
    check(&selectors, expected);
    arena_free(arena);
}

static void test_table(void **state)
{
    char source[300], rows[600];
    (void)state;
    write_file("key.other.example.pem", "a key");
    snprintf(rows, sizeof(rows),
             "# name domain:selector:key\n"
             "one example.com:s1:/nowhere/one.pem\n"
             "two Example.COM:s2:/nowhere/two.pem\n"
             "again example.com:s1:/nowhere/three.pem\n"
             "other example.net:s3:/nowhere/four.pem\n"
             "any %%:s4:%s/key.%%.pem\n",
             directory);
    write_file("KeyTable", rows);
    snprintf(source, sizeof(source), "%s/KeyTable", directory);
    check_table(source, "example.com", "s1 s2");
    check_table(source, "example.net", "s3");
    /* "%" counts where there is a key */
    check_table(source, "other.example", "s4");
    check_table(source, "third.example", "");
    snprintf(source, sizeof(source), "file:%s/KeyTable", directory);
    check_table(source, "example.net", "s3");
    check_table("csl:one=example.com:s9:/nowhere/one.pem", "example.com", "s9");
}

/* Told on standard error, and left out. */
static void test_table_trouble(void **state)
{
    char source[300];
    (void)state;
    write_file("Broken", "one example.com\n");
    snprintf(source, sizeof(source), "%s/Broken", directory);
    check_table(source, "example.com", "");
    check_table("/nowhere/KeyTable", "example.com", "");
}

static void test_directory(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct lint_selectors selectors = {.count = 0};
    (void)state;
    make_directory("example.com");
    write_file("example.com/s2.pem", "a key");
    write_file("example.com/s1.pem", "a key");
    write_file("example.com/readme", "none");
    lint_selectors_add(&selectors, domain_parse(arena, BYTES("s1")));
    lint_selectors_of_directory(arena, directory, domain_parse(arena, BYTES("example.com")),
                                &selectors);
    check(&selectors, "s1 s2");
    lint_selectors_of_directory(arena, directory, domain_parse(arena, BYTES("example.net")),
                                &selectors);
    check(&selectors, "s1 s2");
    arena_free(arena);
}

static void test_bound(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct lint_selectors selectors = {.count = 0};
    (void)state;
    lint_selectors_add(&selectors, DOMAIN_NONE);
    assert_int_equal(selectors.count, 0);
    for (int i = 0; i < LINT_SELECTORS_MAX + 5; i++) {
        char name[20];
        snprintf(name, sizeof(name), "s%d", i);
        lint_selectors_add(&selectors, domain_parse(arena, bytes_of(name)));
    }
    assert_int_equal(selectors.count, LINT_SELECTORS_MAX);
    arena_free(arena);
}

static int make_scratch(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_scratch(void **state)
{
    static const char *const names[] = {
        "key.other.example.pem", "KeyTable",           "Broken",      "example.com/s1.pem",
        "example.com/s2.pem",    "example.com/readme", "example.com", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[200];
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        remove(path);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_trouble),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
