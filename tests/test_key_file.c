/* test_key_file.c - which key files are read, and what is said about the others. */
#include "key_file.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534, SERVICE_UID = 990, SERVICE_GID = 991 };

static char directory[] = "/tmp/test_key_file.XXXXXX";
static char path[64], content[KEY_FILE_MAX];
static struct arena *arena;

static void write_file(const char *name, const char *text, size_t len, mode_t mode)
{
    unlink(name);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    if (!mkdtemp(directory) || chmod(directory, 0755) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/k.pem", directory);
    write_file(path, "secret", 6, 0600);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

/* Status, and what is said with the directory's name as "D". */
static const char *read_as(const char *file, const struct key_file_rules *rules, size_t *len)
{
    static const char *const names[] = {"read", "refused", "denied", "failed"};
    struct key_file_stamp stamp;
    struct strbuf problem, out;
    strbuf_init(&problem, arena);
    strbuf_init(&out, arena);
    enum key_file_status status = key_file_read(file, rules, content, len, &stamp, &problem);
    strbuf_printf(&out, "%s|", names[status]);
    for (const char *c = strbuf_string(&problem); *c; c++) {
        if (strncmp(c, directory, strlen(directory)) == 0) {
            strbuf_putc(&out, 'D');
            c += strlen(directory) - 1;
        } else {
            strbuf_putc(&out, *c);
        }
    }
    return strbuf_string(&out);
}

static const char *read_it(const char *file, bool warn_only, uid_t uid, gid_t gid)
{
    const struct key_file_rules rules = {.warn_only = warn_only, .uid = uid, .gid = gid};
    size_t len;
    return read_as(file, &rules, &len);
}

static void test_a_private_file(void **state)
{
    static const mode_t modes[] = {0400, 0600, 0640, 0440, 0700, 0750};
    const struct key_file_rules rules = {.uid = geteuid(), .gid = getegid()};
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        size_t len;
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_string_equal(read_as(path, &rules, &len), "read|");
        assert_int_equal(len, 6);
        assert_memory_equal(content, "secret", 6);
    }
}

/* The command makes it private, and leaves it readable for the service. */
static void test_a_file_that_is_not_private(void **state)
{
    static const struct {
        mode_t mode;
        uid_t uid;
        const char *said;
    } rows[] = {
        {0644, 0, "mode 0644, others can read it; to mend it: chmod 0640 D/k.pem"},
        {0604, 0, "mode 0604, others can read it; to mend it: chmod 0600 D/k.pem"},
        {0602, 0, "mode 0602, others can write it; to mend it: chmod 0600 D/k.pem"},
        {0666, 0, "mode 0666, others can read and write it; to mend it: chmod 0640 D/k.pem"},
        {0660, 0, "mode 0660, its group can write it; to mend it: chmod 0640 D/k.pem"},
        {0620, 0, "mode 0620, its group can write it; to mend it: chmod 0600 D/k.pem"},
        {0777, 0, "mode 0777, others can read and write it; to mend it: chmod 0750 D/k.pem"},
        {0644, SERVICE_UID,
         "mode 0644, others can read it; to mend it: chown root:991 D/k.pem && chmod 0640 D/k.pem"},
    };
    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(chmod(path, rows[i].mode), 0);
        memset(content, 0, sizeof(content));
        const char *refused = arena_printf(arena, "refused|D/k.pem: %s", rows[i].said);
        assert_string_equal(read_it(path, false, rows[i].uid, SERVICE_GID), refused);
        assert_int_equal(content[0], 0); /* not even looked into */
        const char *warned = arena_printf(arena, "read|D/k.pem: %s", rows[i].said);
        assert_string_equal(read_it(path, true, rows[i].uid, SERVICE_GID), warned);
        assert_memory_equal(content, "secret", 6);
    }
}

/* What the command says is done; then the file is read, by that user. */
static void test_the_command_works(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(path, 0666), 0);
    const char *said = read_it(path, false, NOBODY, NOBODY);
    const char *command = strstr(said, "mend it: ");
    assert_non_null(command);
    char *line = arena_printf(arena, "cd %s && D=.; %s", directory, command + 9);
    for (char *c = line; (c = strstr(c, " D/"));)
        c[1] = '.';
    assert_int_equal(system(line), 0);
    assert_int_equal(setegid(NOBODY), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    said = read_it(path, false, NOBODY, NOBODY);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_string_equal(said, "read|");
}

static void test_symbolic_links(void **state)
{
    char link[80];
    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(link, sizeof(link), "%s/link.pem", directory);
    assert_int_equal(symlink("k.pem", link), 0);
    assert_string_equal(read_it(link, false, 0, 0), "read|");
    assert_int_equal(chmod(path, 0644), 0);
    assert_string_equal(read_it(link, false, 0, 0),
                        "refused|D/link.pem (D/k.pem): mode 0644, others can read it; "
                        "to mend it: chmod 0640 D/k.pem");
    assert_int_equal(unlink(path), 0);
    assert_string_equal(read_it(link, false, 0, 0),
                        "refused|D/link.pem: No such file or directory");
}

static void test_what_is_no_key_file(void **state)
{
    char other[80];
    static char large[KEY_FILE_MAX];
    (void)state;
    snprintf(other, sizeof(other), "%s/none.pem", directory);
    assert_string_equal(read_it(other, false, 0, 0),
                        "refused|D/none.pem: No such file or directory");
    assert_string_equal(read_it(directory, false, 0, 0), "refused|D: is a directory");
    write_file(path, "", 0, 0600);
    assert_string_equal(read_it(path, false, 0, 0), "refused|D/k.pem: is empty");
    write_file(path, large, sizeof(large), 0600);
    assert_string_equal(read_it(path, false, 0, 0),
                        "refused|D/k.pem: has 65536 octets: this is no key");
    write_file(path, large, sizeof(large) - 1, 0600);
    assert_string_equal(read_it(path, false, 0, 0), "read|");
    snprintf(other, sizeof(other), "%s/fifo.pem", directory);
    assert_int_equal(mkfifo(other, 0600), 0); /* would hold a plain open() up for good */
    assert_string_equal(read_it(other, false, 0, 0), "refused|D/fifo.pem: is no regular file");
    assert_string_equal(read_it("", false, 0, 0), "refused|: No such file or directory");
}

static void test_a_file_that_we_may_not_read(void **state)
{
    char inner[80], key[100];
    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(inner, sizeof(inner), "%s/my dir", directory);
    snprintf(key, sizeof(key), "%s/my dir/k.pem", directory);
    assert_int_equal(mkdir(inner, 0700), 0);
    write_file(key, "secret", 6, 0640);
    assert_int_equal(setegid(NOBODY), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    const char *file = read_it(path, false, NOBODY, NOBODY);
    const char *closed = read_it(key, false, NOBODY, NOBODY);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    assert_string_equal(file,
                        "denied|D/k.pem: cannot be read by user 65534, group 65534: owner 0:0, "
                        "mode 0600; to mend it: chown root:65534 D/k.pem && chmod 0640 D/k.pem");
    assert_string_equal(closed, "denied|D/my dir/k.pem: cannot be read by user 65534, group 65534: "
                                "the directory D/my dir is closed to it; to mend it: "
                                "chgrp 65534 'D/my dir' && chmod g+rx 'D/my dir'");
}

static void test_a_table_with_keys(void **state)
{
    const struct key_file_rules rules = {.uid = 0};
    struct strbuf problem;
    (void)state;
    strbuf_init(&problem, arena);
    assert_true(key_file_is_private(path, &rules, &problem));
    assert_int_equal(chmod(path, 0644), 0);
    assert_false(key_file_is_private(path, &rules, &problem));
    assert_non_null(strstr(strbuf_string(&problem), "to mend it: chmod 0640"));
}

static void test_stamps(void **state)
{
    struct key_file_stamp before, after;
    (void)state;
    assert_true(key_file_look(path, &before));
    assert_true(key_file_look(path, &after));
    assert_true(key_file_same(&before, &after));
    write_file(path, "another", 7, 0600);
    assert_true(key_file_look(path, &after));
    assert_false(key_file_same(&before, &after));
    before = after;
    usleep(20000); /* a clock of the file system may tick 100 times a second */
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(key_file_look(path, &after));
    assert_false(key_file_same(&before, &after)); /* what mends a file changes it */
    unlink(path);
    assert_false(key_file_look(path, &after));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_private_file),      TEST(test_a_file_that_is_not_private),
        TEST(test_the_command_works),   TEST(test_symbolic_links),
        TEST(test_what_is_no_key_file), TEST(test_a_file_that_we_may_not_read),
        TEST(test_a_table_with_keys),   TEST(test_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
