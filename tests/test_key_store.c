/* test_key_store.c - which keys a store finds for an author, what it refuses and says,
 * what it keeps.
 */
#include "key_store.h"

#include "key_files.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct key_files *files;

static int set_up(void **state)
{
    (void)state;
    files = key_files_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    key_files_free(files);
    return 0;
}

/* ---- helpers ---- */

static struct key_store *open_with(const struct key_store_options *options,
                                   struct key_store *previous)
{
    char error[KEY_STORE_ERROR];
    struct key_store *store = key_store_new(options, previous, error);
    assert_string_equal(error, "");
    assert_non_null(store);
    return store;
}

static struct key_store_options table_options(const char *key_table, const char *signing_table,
                                              const char *kind)
{
    struct key_store_options options = key_files_options(files);
    key_files_write(files, "KeyTable", key_table);
    key_files_write(files, "SigningTable", signing_table);
    options.key_table = key_files_path(files, "KeyTable");
    options.signing_table =
        arena_printf(files->arena, "%s:%s", kind, key_files_path(files, "SigningTable"));
    return options;
}

static struct key_store_options directory_options(void)
{
    struct key_store_options options = key_files_options(files);
    options.key_directory = key_files_path(files, "keys");
    return options;
}

#define FIND(store, address, wanted)                                                               \
    assert_string_equal(key_files_find(files, store, address), wanted)

/* The text of a key file, on one line: base64 of its DER. */
static const char *key_text(const char *name)
{
    char line[256];
    const char *text = "";
    FILE *file = fopen(key_files_path(files, "%s", name), "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '-')
            text = arena_printf(files->arena, "%s%s", text, line);
    }
    fclose(file);
    return text;
}

/* The error that a store is refused with, the directory's name as "D". */
static const char *refusal(const struct key_store_options *options)
{
    char error[KEY_STORE_ERROR];
    assert_null(key_store_new(options, NULL, error));
    size_t len = strlen(files->directory);
    char *out = arena_printf(files->arena, "%s", error);
    for (char *at = out; (at = strstr(at, files->directory));) {
        *at = 'D';
        memmove(at + 1, at + len, strlen(at + len) + 1);
    }
    return out;
}

/* ---- tables ---- */

static void test_tables(void **state)
{
    (void)state;
    key_files_key(files, "a.pem", 1024, 0);
    key_files_key(files, "sub/e.pem", 0, 0);
    key_files_key(files, "c.example.pem", 1024, 0);
    struct key_store_options options = table_options("rsa a.example:r:./a.pem\n"
                                                     "ed2 a.example:e:./sub/e.pem\n"
                                                     "any %:s:./%.pem\n"
                                                     "% a.example:p:./a.pem\n",
                                                     "*@a.example rsa\n"
                                                     "*@a.example ed2:news@sub.%\n"
                                                     "*@sub.a.example rsa:x@%\n"
                                                     "*@other.example rsa:@other.example\n"
                                                     "*@none.example gone\n"
                                                     "*@percent.example %\n"
                                                     "*@*.example any\n",
                                                     "refile");
    struct key_store *store = open_with(&options, NULL);
    assert_string_equal(key_files_take_log(files),
                        "warning D/SigningTable:5: D/KeyTable has no key 'gone': mail of "
                        "*@none.example is not signed with it");
    FIND(store, "u@a.example",
         "a.example:r:rsa-sha256 a.example:e:ed25519-sha256:news@sub.a.example");
    FIND(store, "u@sub.a.example", "a.example:r:rsa-sha256:x@sub.a.example");
    FIND(store, "u@other.example", "a.example:r:rsa-sha256"); /* i= does not fit d= */
    FIND(store, "u@c.example", "c.example:s:rsa-sha256");
    FIND(store, "u@none.example",
         arena_printf(files->arena, "-: %s has no key 'gone', which %s:5 names",
                      key_files_path(files, "KeyTable"), key_files_path(files, "SigningTable")));
    FIND(store, "u@percent.example",
         arena_printf(files->arena, "-: %s has no key 'percent.example', which %s:6 names",
                      key_files_path(files, "KeyTable"), key_files_path(files, "SigningTable")));
    FIND(store, "u@example.org", "-: no SigningTable entry for example.org");
    assert_string_equal(key_files_take_log(files), "");
    key_store_unref(store);
}

/* Without MultipleSignatures the first match decides, and what repeats its pattern for the
 * same domain; with it, all do. */
static void test_several_matches(void **state)
{
    static const char keys[] = "k1 a.example:k1:./a.pem\nk2 b.example:k2:./b.pem\n"
                               "k3 a.example:k3:./e.pem\n";
    static const char rows[] = "*@a.example k1\n*@a.example k2\n* k2\n*@a.example k3\n";
    (void)state;
    key_files_key(files, "a.pem", 1024, 0);
    key_files_key(files, "b.pem", 1024, 0);
    key_files_key(files, "e.pem", 0, 0);
    struct key_store_options options = table_options(keys, rows, "refile");
    struct key_store *store = open_with(&options, NULL);
    FIND(store, "u@a.example", "a.example:k1:rsa-sha256 a.example:k3:ed25519-sha256");
    FIND(store, "u@c.example", "b.example:k2:rsa-sha256");
    key_store_unref(store);
    options.multiple_signatures = true;
    store = open_with(&options, NULL);
    FIND(store, "u@a.example",
         "a.example:k1:rsa-sha256 b.example:k2:rsa-sha256 a.example:k3:ed25519-sha256");
    key_store_unref(store);
}

static void test_keys_in_the_table(void **state)
{
    (void)state;
    key_files_key(files, "a.pem", 1024, 0);
    const char *table =
        arena_printf(files->arena, "k a.example:s:%s\nbad b.example:s:AAAA\n", key_text("a.pem"));
    struct key_store_options options = table_options(table, "a.example k\nb.example bad\n", "file");
    struct key_store *store = open_with(&options, NULL);
    FIND(store, "u@a.example", "a.example:s:rsa-sha256");
    assert_string_equal(key_files_take_log(files), "");
    assert_non_null(strstr(key_files_find(files, store, "u@b.example"), "KeyTable:2: "));
    assert_non_null(strstr(key_files_take_log(files), "error D/KeyTable:2: "));
    key_store_unref(store);

    assert_int_equal(chmod(options.key_table, 0644), 0);
    store = open_with(&options, NULL);
    const char *why = key_files_find(files, store, "u@a.example");
    assert_non_null(strstr(why, "KeyTable: mode 0644, others can read it; to mend it: chmod"));
    key_store_unref(store);
    options.unsafe_keys_warn = true;
    key_files_take_log(files);
    store = open_with(&options, NULL);
    FIND(store, "u@a.example", "a.example:s:rsa-sha256");
    assert_non_null(strstr(key_files_take_log(files), "warning D/KeyTable: mode 0644"));
    key_store_unref(store);
}

static void test_lists(void **state)
{
    (void)state;
    key_files_key(files, "a.pem", 1024, 0);
    struct key_store_options options = key_files_options(files);
    options.key_table = arena_printf(files->arena, "csl:k=a.example:s:%s, l=b.example:s:/none",
                                     key_files_path(files, "a.pem"));
    options.signing_table = "a.example=k";
    struct key_store *store = open_with(&options, NULL);
    FIND(store, "u@a.example", "a.example:s:rsa-sha256");
    FIND(store, "u@b.example", "-: no SigningTable entry for b.example");
    key_store_unref(store);
}

static void test_table_mistakes(void **state)
{
    (void)state;
    struct key_store_options options = table_options("k a.example:s:/k\n\nl x\n", "", "file");
    assert_string_equal(refusal(&options),
                        "D/KeyTable:3: 'l' needs a value of the form domain:selector:key");
    options = table_options("k a.example:s:/k\n", "# c\na.example\n", "refile");
    assert_string_equal(refusal(&options),
                        "D/SigningTable:2: 'a.example' needs the name of a key behind it");
    options.signing_table = NULL;
    assert_string_equal(refusal(&options),
                        "KeyTable is set without SigningTable: they need each other");
    options.signing_table = "ldap://ldap.example/";
    assert_string_equal(refusal(&options),
                        "SigningTable: 'ldap://ldap.example/' is a kind of table that is not read "
                        "here: write its content into a file; allowed: file:/path, refile:/path, "
                        "csl:key=value,...");
    options.signing_table = key_files_path(files, "gone");
    assert_string_equal(refusal(&options),
                        "SigningTable: cannot read D/gone: No such file or directory");
    options.signing_table = files->directory;
    assert_string_equal(refusal(&options), "SigningTable: cannot read D: Is a directory");
    options = directory_options();
    assert_string_equal(refusal(&options), arena_printf(files->arena,
                                                        "KeyDirectory: cannot read D/keys: No such "
                                                        "file or directory (user %u, group %u)",
                                                        geteuid(), getegid()));
}

/* ---- KeyDirectory ---- */

static void test_directory(void **state)
{
    (void)state;
    key_files_key(files, "keys/a.example/s1.pem", 1024, 0);
    key_files_key(files, "keys/a.example/e1.pem", 0, 0);
    key_files_write(files, "keys/a.example/s1.txt", "the record");
    key_files_write(files, "keys/a.example/.hidden.pem", "");
    key_files_write(files, "keys/a.example/my key.pem", "");
    key_files_write(files, "keys/empty.example/README", "");
    key_files_write(files, "keys/README", "");
    key_files_key(files, "keys/xn--bcher-kva.example/s.pem", 0, 0);
    key_files_key(files, "keys/.below.example/b.pem", 0, 0);
    assert_int_equal(symlink("a.example", key_files_path(files, "keys/.a.example")), 0);
    struct key_store_options options = directory_options();
    struct key_store *store = open_with(&options, NULL);
    FIND(store, "u@a.example", "a.example:e1:ed25519-sha256 a.example:s1:rsa-sha256");
    assert_string_equal(key_files_take_log(files),
                        "warning D/keys/a.example/my key.pem: is no selector with .pem behind it: "
                        "ignored");
    FIND(store, "u@x.y.a.example", "a.example:e1:ed25519-sha256 a.example:s1:rsa-sha256");
    FIND(store, "u@xn--bcher-kva.example", "xn--bcher-kva.example:s:ed25519-sha256");
    FIND(store, "u@x.below.example", "below.example:b:ed25519-sha256");
    FIND(store, "u@below.example", "-: no key for below.example");
    FIND(store, "u@b.example", "-: no key for b.example");
    FIND(store, "u@example", "-: no key for example");
    assert_non_null(strstr(key_files_find(files, store, "u@empty.example"),
                           "-: no key file in /tmp/test_keys."));
    key_store_unref(store);
}

static void test_nothing_configured(void **state)
{
    (void)state;
    struct key_store_options options = key_files_options(files);
    struct key_store *store = open_with(&options, NULL);
    FIND(store, "u@a.example", "-: no keys are configured");
    assert_true(key_store_preload(store));
    key_store_unref(store);
    key_store_unref(NULL);
}

/* ---- bad keys ---- */

static void write_bad_keys(void)
{
    key_files_key(files, "keys/good.example/s.pem", 1024, 0);
    key_files_key(files, "keys/open.example/s.pem", 1024, 0);
    assert_int_equal(chmod(key_files_path(files, "keys/open.example/s.pem"), 0644), 0);
    key_files_write(files, "keys/empty.example/s.pem", "");
    key_files_write(files, "keys/text.example/s.pem", "hello, world\n");
    key_files_write(files, "keys/cut.example/s.pem",
                    "-----BEGIN PRIVATE KEY-----\nMIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAw\n");
    key_files_key(files, "keys/short.example/s.pem", 1024, 0);
    key_files_write(files, "keys/broken.example/x", "");
    assert_int_equal(symlink("nowhere", key_files_path(files, "keys/broken.example/s.pem")), 0);
}

/* Each harms its own domain alone, and is told once. */
static void test_bad_keys(void **state)
{
    static const char *const bad[] = {"open", "empty", "text", "cut", "broken"};
    (void)state;
    write_bad_keys();
    struct key_store_options options = directory_options();
    struct key_store *store = open_with(&options, NULL);
    for (int round = 0; round < 3; round++) {
        FIND(store, "u@good.example", "good.example:s:rsa-sha256");
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            const char *address = arena_printf(files->arena, "u@%s.example", bad[i]);
            const char *why = key_files_find(files, store, address);
            const char *start = arena_printf(files->arena, "-: no usable key: %s/keys/%s.example/",
                                             files->directory, bad[i]);
            if (strncmp(why, start, strlen(start)) != 0)
                fail_msg("%s: %s", address, why);
            assert_int_equal(files->log_count, round ? 0 : i + 1);
        }
        key_files_take_log(files);
    }
    key_store_unref(store);
    options.minimum_bits = 2048;
    store = open_with(&options, NULL);
    const char *why = key_files_find(files, store, "u@good.example");
    assert_non_null(strstr(why, "good.example/s.pem: the RSA key has 1024 bits; at least 2048"));
    key_store_unref(store);
}

/* A good key beside a bad one signs. */
static void test_one_bad_key_of_two(void **state)
{
    (void)state;
    key_files_key(files, "keys/a.example/s1.pem", 1024, 100);
    key_files_write(files, "keys/a.example/s2.pem", "no key");
    struct key_store_options options = directory_options();
    struct key_store *store = open_with(&options, NULL);
    FIND(store, "u@a.example", "a.example:s1:rsa-sha256");
    key_store_unref(store);
}

static void test_unsafe_keys(void **state)
{
    (void)state;
    write_bad_keys();
    struct key_store_options options = directory_options();
    options.unsafe_keys_warn = true;
    struct key_store *store = open_with(&options, NULL);
    for (int round = 0; round < 3; round++)
        FIND(store, "u@open.example", "open.example:s:rsa-sha256");
    assert_string_equal(key_files_take_log(files),
                        "warning D/keys/open.example/s.pem: mode 0644, others can read it; to "
                        "mend it: chmod 0640 D/keys/open.example/s.pem");
    key_store_unref(store);
}

/* ---- reload ---- */

static void test_reload(void **state)
{
    (void)state;
    write_bad_keys();
    key_files_key(files, "keys/a.example/s1.pem", 1024, 100);
    struct key_store_options options = directory_options();
    struct key_store *first = open_with(&options, NULL);
    FIND(first, "u@a.example", "a.example:s1:rsa-sha256");
    FIND(first, "u@open.example", key_files_find(files, first, "u@open.example"));
    key_files_take_log(files);

    /* What was not mended is not told again; what was is read. */
    struct key_store *second = open_with(&options, first);
    FIND(second, "u@a.example", "a.example:s1:rsa-sha256");
    assert_non_null(strstr(key_files_find(files, second, "u@open.example"), "mode 0644"));
    assert_string_equal(key_files_take_log(files), "");
    assert_int_equal(chmod(key_files_path(files, "keys/open.example/s.pem"), 0600), 0);
    struct key_store *third = open_with(&options, second);
    FIND(third, "u@open.example", "open.example:s:rsa-sha256");
    FIND(second, "u@open.example", key_files_find(files, first, "u@open.example"));

    /* A file that is gone is gone in the new store, not in those before. */
    assert_int_equal(unlink(key_files_path(files, "keys/a.example/s1.pem")), 0);
    key_files_key(files, "keys/a.example/s2.pem", 0, 100);
    struct key_store *fourth = open_with(&options, third);
    FIND(fourth, "u@a.example", "a.example:s2:ed25519-sha256");
    FIND(second, "u@a.example", "a.example:s1:rsa-sha256");

    /* New options that are no good change nothing. */
    char error[KEY_STORE_ERROR];
    options.key_directory = "/nonexistent";
    assert_null(key_store_new(&options, fourth, error));
    FIND(fourth, "u@a.example", "a.example:s2:ed25519-sha256");
    key_store_unref(first);
    key_store_unref(second);
    key_store_unref(third);
    FIND(fourth, "u@open.example", "open.example:s:rsa-sha256");
    key_store_unref(fourth);
}

/* ---- rights ---- */

enum { NOBODY = 65534 };

static void become(uid_t user)
{
    if (user == 0) {
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
    } else {
        assert_int_equal(setegid(user), 0);
        assert_int_equal(seteuid(user), 0);
    }
}

/* Read as root at the start, they sign after the rights are dropped, and after a reload. */
static void test_preload_as_root(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    key_files_key(files, "keys/a.example/s1.pem", 1024, 100);
    key_files_key(files, "keys/b.example/s1.pem", 1024, 100);
    assert_int_equal(chmod(key_files_path(files, "keys/b.example"), 0700), 0);
    struct key_store_options options = directory_options();
    options.reader_uid = options.reader_gid = NOBODY;
    struct key_store *store = open_with(&options, NULL);
    assert_true(key_store_preload(store));
    assert_string_equal(key_files_take_log(files), "info keys read: 2");
    become(NOBODY);
    FIND(store, "u@a.example", "a.example:s1:rsa-sha256");
    FIND(store, "u@b.example", "b.example:s1:rsa-sha256");
    struct key_store *again = open_with(&options, store);
    key_store_unref(store);
    key_store_preload(again);
    FIND(again, "u@a.example", "a.example:s1:rsa-sha256");
    FIND(again, "u@b.example", "b.example:s1:rsa-sha256");
    struct key_store *fresh = open_with(&options, NULL);
    const char *why = key_files_find(files, fresh, "u@a.example");
    become(0);
    assert_non_null(strstr(why, "cannot be read by user 65534, group 65534"));
    assert_non_null(strstr(why, "to mend it: chown root:65534 /tmp/test_keys."));
    key_store_unref(again);
    key_store_unref(fresh);
}

static void test_more_keys_than_are_preloaded(void **state)
{
    (void)state;
    key_files_write(files, "keys/README", "");
    for (int i = 0; i <= KEYS_PRELOADED; i++)
        assert_int_equal(mkdir(key_files_path(files, "keys/d%d.example", i), 0755), 0);
    key_files_key(files, "keys/d7.example/s.pem", 0, 0);
    struct key_store_options options = directory_options();
    options.reader_uid = 990;
    options.reader_gid = 991;
    struct key_store *store = open_with(&options, NULL);
    assert_false(key_store_preload(store));
    assert_string_equal(key_files_take_log(files),
                        "info more than 1000 keys: they are read when they are needed, and must be "
                        "readable by user 990, group 991");
    assert_int_equal(key_store_stats(store).reads, 0);
    FIND(store, "u@d7.example", "d7.example:s:ed25519-sha256");
    key_store_unref(store);
}

/* ---- bounds ---- */

static void test_bounded_memory(void **state)
{
    enum { DOMAINS = 300, KEPT = 20, REMEMBERED = 100 };
    (void)state;
    key_files_key(files, "k.pem", 0, 0);
    struct key_store_options options = table_options("any %:s:./k.pem\n", "* any\n", "file");
    options.keys_kept = KEPT;
    options.keys_remembered = REMEMBERED;
    struct key_store *store = open_with(&options, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < DOMAINS; i++) {
            const char *address = arena_printf(files->arena, "u@d%d.example", i);
            const char *wanted = arena_printf(files->arena, "d%d.example:s:ed25519-sha256", i);
            FIND(store, address, wanted);
            struct key_store_stats stats = key_store_stats(store);
            assert_true(stats.kept <= KEPT && stats.remembered <= REMEMBERED);
        }
    }
    assert_int_equal(key_store_stats(store).reads, 3 * DOMAINS);
    for (int i = 0; i < 100; i++) /* what is used stays */
        FIND(store, "u@d299.example", "d299.example:s:ed25519-sha256");
    assert_int_equal(key_store_stats(store).reads, 3 * DOMAINS);
    struct key_store *next = open_with(&options, store);
    assert_true(key_store_stats(next).remembered <= REMEMBERED);
    key_store_unref(store);
    key_store_unref(next);
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Times are printed, not asserted; that nothing is read is. */
static void test_a_hundred_thousand_domains(void **state)
{
    enum { DOMAINS = 100000, USED = 2000 };
    (void)state;
    key_files_key(files, "k.pem", 2048, 0);
    key_files_write(files, "KeyTable", "");
    key_files_write(files, "SigningTable", "");
    FILE *keys = fopen(key_files_path(files, "KeyTable"), "w");
    FILE *signing = fopen(key_files_path(files, "SigningTable"), "w");
    for (int i = 0; i < DOMAINS; i++) {
        fprintf(keys, "k%d d%d.example:s:%s/k.pem\n", i, i, files->directory);
        fprintf(signing, "*@d%d.example k%d\n", i, i);
    }
    fclose(keys);
    fclose(signing);
    struct key_store_options options = key_files_options(files);
    options.key_table = key_files_path(files, "KeyTable");
    options.signing_table =
        arena_printf(files->arena, "refile:%s", key_files_path(files, "SigningTable"));
    options.keys_kept = 1000;
    long before = resident_kb();
    double start = seconds();
    struct key_store *store = open_with(&options, NULL);
    assert_false(key_store_preload(store));
    double opened = seconds();
    long tables = resident_kb();
    assert_int_equal(key_store_stats(store).reads, 0);
    for (int i = 0; i < USED; i++) {
        const char *address = arena_printf(files->arena, "u@d%d.example", i * 31);
        assert_int_equal(key_files_find(files, store, address)[0], 'd');
    }
    double first = seconds();
    for (int i = USED - 500; i < USED; i++)
        key_files_find(files, store, arena_printf(files->arena, "u@d%d.example", i * 31));
    double again = seconds();
    print_message("%d domains: opened in %.0f ms with %ld kB; first use of a key %.0f us, then "
                  "%.1f us; %ld kB for %zu keys\n",
                  DOMAINS, 1e3 * (opened - start), tables - before, 1e6 * (first - opened) / USED,
                  1e6 * (again - first) / 500, resident_kb() - tables, key_store_stats(store).kept);
    assert_int_equal(key_store_stats(store).kept, 1000);
    assert_int_equal(key_store_stats(store).reads, USED);
    start = seconds();
    struct key_store *next = open_with(&options, store);
    print_message("reloaded in %.0f ms\n", 1e3 * (seconds() - start));
    key_store_unref(store);
    key_store_unref(next);
}

/* ---- threads ---- */

struct hammer {
    struct key_store *store;
    unsigned seed;
};

static void *hammer(void *argument)
{
    const struct hammer *own = argument;
    unsigned seed = own->seed;
    for (int i = 0; i < 2000; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct signature_order orders[4];
        const char *why_not;
        struct key_source *source = key_store_source(own->store);
        char address[32];
        snprintf(address, sizeof(address), "u@d%d.example", rand_r(&seed) % 50);
        size_t count =
            source->find(source, arena, bytes_of(address),
                         domain_of_address(arena, bytes_of(address)), orders, 4, &why_not);
        if (count != 1)
            return (void *)(uintptr_t) "not found";
        signing_key_unref(orders[0].key);
        arena_free(arena);
    }
    return NULL;
}

static void test_threads(void **state)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    struct hammer arguments[THREADS];
    (void)state;
    key_files_key(files, "k.pem", 0, 0);
    struct key_store_options options = table_options("any %:s:./k.pem\n", "* any\n", "file");
    options.keys_kept = 10;
    options.keys_remembered = 30;
    struct fake_dns *dns = fake_dns_new();
    struct policy_env env = fake_env(dns, 1790000000);
    struct key_store *store = open_with(&options, NULL);
    struct key_rotation *rotation = key_rotation_start(store, &env);
    for (unsigned i = 0; i < THREADS; i++) {
        arguments[i] = (struct hammer){store, i};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &arguments[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    key_rotation_stop(rotation);
    key_store_unref(store);
    fake_dns_free(dns);
}

/* ---- listing ---- */

static void add_info(void *context, const struct key_info *info)
{
    const char **out = context;
    *out =
        arena_printf(files->arena, "%s%s %s %s %u %s%s%s\n", *out, info->domain.name,
                     info->selector.name, info->algorithm, info->bits, key_state_name(info->state),
                     info->signs ? " signs" : "", *info->problem ? " bad" : "");
}

static void test_listing(void **state)
{
    const char *out = "";
    (void)state;
    key_files_key(files, "a.pem", 1024, 1000);
    key_files_key(files, "b.pem", 1024, 10);
    key_files_key(files, "e.pem", 0, 0);
    struct key_store_options options = table_options(
        "a a.example:s1:./a.pem\nb a.example:s2:./b.pem\ne a.example:s3:./e.pem\n"
        "x b.example:s:./none\nany %:s:./e.pem\na shadowed.example:s:./a.pem\n",
        "u@c.example any\nd.example any\n*@a.example a\n.x.example any\n* any\n", "file");
    struct key_store *store = open_with(&options, NULL);
    assert_non_null(strstr(key_files_take_log(files), "KeyTable:6: the name 'a' is taken already"));
    assert_true(key_store_each(store, NULL, add_info, &out));
    assert_string_equal(out, "a.example s1 rsa-sha256 1024 unknown signs\n"
                             "a.example s2 rsa-sha256 1024 unknown\n"
                             "a.example s3 ed25519-sha256 256 unknown signs\n"
                             "b.example s  0 unknown bad\n"
                             "c.example s ed25519-sha256 256 unknown signs\n"
                             "d.example s ed25519-sha256 256 unknown signs\n");
    key_store_unref(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_tables),
        TEST(test_several_matches),
        TEST(test_keys_in_the_table),
        TEST(test_lists),
        TEST(test_table_mistakes),
        TEST(test_directory),
        TEST(test_nothing_configured),
        TEST(test_bad_keys),
        TEST(test_one_bad_key_of_two),
        TEST(test_unsafe_keys),
        TEST(test_reload),
        TEST(test_preload_as_root),
        TEST(test_more_keys_than_are_preloaded),
        TEST(test_bounded_memory),
        TEST(test_a_hundred_thousand_domains),
        TEST(test_threads),
        TEST(test_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
