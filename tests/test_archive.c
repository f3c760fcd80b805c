/* test_archive.c - gzip and zip: what comes out, and what is refused. */
#include "archive.h"
#include "strbuf.h"
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ROOM = 4 << 20, BUDGET = 64 << 20 };

/* What `each` was given: "name=octets;" for short ones, and sums. */
struct result {
    char text[1000];
    size_t text_len;
    size_t files;
    uint64_t octets;
};

static void collect(void *context, struct bytes name, struct bytes octets)
{
    struct result *result = context;
    result->files++;
    result->octets += octets.len;
    if (octets.len < 100 && result->text_len + 200 < sizeof(result->text))
        result->text_len += (size_t)snprintf(result->text + result->text_len, 200, "%.*s=%.*s;",
                                             BYTES_ARGS(name), BYTES_ARGS(octets));
}

static struct result unpack(struct bytes octets, uint64_t budget, const char *wanted_why)
{
    struct result result = {0};
    char why[ARCHIVE_WHY_MAX];
    bool good = archive_unpack(octets, &budget, collect, &result, why);
    assert_int_equal(good, wanted_why == NULL);
    if (wanted_why && !strstr(why, wanted_why))
        fail_msg("\"%s\", wanted \"%s\"", why, wanted_why);
    return result;
}

/* ---- making archives ---- */

static char room[ROOM];

/* One gzip member of `len` octets, into room + at; the end of it. */
static size_t add_gzip(size_t at, const void *data, size_t len)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)room + at;
    stream.avail_out = (uInt)(ROOM - at);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    at = ROOM - stream.avail_out;
    deflateEnd(&stream);
    return at;
}

static struct bytes gzip_of(const char *text)
{
    return (struct bytes){room, add_gzip(0, text, strlen(text))};
}

static struct bytes gzip_zeros(size_t len)
{
    void *zeros = calloc(1, len);
    assert_non_null(zeros);
    size_t end = add_gzip(0, zeros, len);
    free(zeros);
    return (struct bytes){room, end};
}

struct file {
    const char *name, *text;
    size_t zeros; /* instead of text */
    bool directory;
};

static struct bytes zip_of(const struct file *files, size_t count)
{
    struct archive *archive = archive_write_new();
    size_t used = 0;
    assert_non_null(archive);
    archive_write_set_format_zip(archive);
    assert_int_equal(archive_write_open_memory(archive, room, ROOM, &used), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        size_t len = files[i].text ? strlen(files[i].text) : files[i].zeros;
        char *data = calloc(1, len + 1);
        assert_non_null(data);
        if (files[i].text)
            memcpy(data, files[i].text, len);
        archive_entry_set_pathname(entry, files[i].name);
        archive_entry_set_filetype(entry, files[i].directory ? AE_IFDIR : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)len);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, data, len), len);
        archive_entry_free(entry);
        free(data);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    return (struct bytes){room, used};
}

/* ---- tests ---- */

static void test_kind(void **state)
{
    static const struct file none[1];
    (void)state;
    assert_int_equal(archive_kind(gzip_of("x")), ARCHIVE_GZIP);
    assert_int_equal(archive_kind(zip_of(none, 0)), ARCHIVE_ZIP);
    assert_int_equal(archive_kind(BYTES("PK\x03\x04")), ARCHIVE_ZIP);
    assert_int_equal(archive_kind(BYTES("PK")), ARCHIVE_NONE);
    assert_int_equal(archive_kind(BYTES("\x1f\x8b")), ARCHIVE_NONE);
    assert_int_equal(archive_kind(BYTES("<xml/>")), ARCHIVE_NONE);
    assert_int_equal(archive_kind(BYTES_EMPTY), ARCHIVE_NONE);
    unpack(BYTES("<xml/>"), BUDGET, "neither gzip nor zip");
}

static void test_gzip(void **state)
{
    (void)state;
    assert_string_equal(unpack(gzip_of("text"), BUDGET, NULL).text, "=text;");
    assert_string_equal(unpack(gzip_of(""), BUDGET, NULL).text, "=;");
    /* members one behind the other are one file (RFC 1952 2.2); padding is skipped */
    size_t end = add_gzip(0, "one ", 4);
    end = add_gzip(end, "two", 3);
    assert_string_equal(unpack((struct bytes){room, end}, BUDGET, NULL).text, "=one two;");
    memset(room + end, 0, 100);
    assert_string_equal(unpack((struct bytes){room, end + 100}, BUDGET, NULL).text, "=one two;");
}

static void test_gzip_damaged(void **state)
{
    (void)state;
    struct bytes gzip = gzip_of("some text that is long enough to be compressed, compressed");
    room[gzip.len - 8] ^= 1; /* RFC 1952 2.3: CRC32, ISIZE */
    unpack(gzip, BUDGET, "incorrect data check");
    room[gzip.len - 8] ^= 1;
    room[gzip.len - 1] ^= 1;
    unpack(gzip, BUDGET, "incorrect length check");
    room[gzip.len - 1] ^= 1;
    room[12] ^= 0x7f;
    unpack(gzip, BUDGET, "damaged");
    room[12] ^= 0x7f;
    unpack(gzip, BUDGET, NULL);
    for (size_t len = 3; len < gzip.len; len++) {
        char *block = malloc(len); /* so that AddressSanitizer sees what is read behind it */
        assert_non_null(block);
        memcpy(block, room, len);
        assert_int_equal(unpack((struct bytes){block, len}, BUDGET, "cut short").files, 0);
        free(block);
    }
}

static void test_zip(void **state)
{
    static const struct file files[] = {
        {.name = "a.xml", .text = "<a/>"},
        {.name = "dir/", .directory = true},
        {.name = "dir/../../etc/b.xml", .text = "<b/>"},
        {.name = "empty", .text = ""},
    };
    (void)state;
    assert_string_equal(unpack(zip_of(files, 4), BUDGET, NULL).text,
                        "a.xml=<a/>;dir/../../etc/b.xml=<b/>;empty=;");
    assert_int_equal(unpack(zip_of(files, 0), BUDGET, NULL).files, 0);
}

static void test_zip_damaged(void **state)
{
    static const struct file files[] = {
        {.name = "a.xml", .text = "text text text text text text text text text"}};
    (void)state;
    struct bytes zip = zip_of(files, 1);
    size_t size = zip.len;
    for (size_t len = 4; len < size; len++) {
        struct result result = {0};
        char why[ARCHIVE_WHY_MAX];
        uint64_t budget = BUDGET;
        char *block = malloc(len);
        assert_non_null(block);
        memcpy(block, room, len);
        archive_unpack((struct bytes){block, len}, &budget, collect, &result, why);
        free(block);
    }
    for (size_t i = 0; i < size; i++) { /* no octet, when it is another, makes other text */
        struct result result = {0};
        char why[ARCHIVE_WHY_MAX];
        uint64_t budget = BUDGET;
        room[i] ^= 0x55;
        archive_unpack(zip, &budget, collect, &result, why);
        room[i] ^= 0x55;
        if (result.octets)
            assert_non_null(strstr(result.text, "=text text text text text text text text text;"));
    }
    /* the checksum is compared: the stored CRC stands 14 octets behind the first name's header or
     * in the directory; change all that can be changed without touching the data */
    unpack((struct bytes){room, 20}, BUDGET, "damaged");
}

/* ---- bounds ---- */

static void test_bombs(void **state)
{
    static const struct file files[] = {{.name = "a", .zeros = 32 << 20},
                                        {.name = "b", .zeros = 32 << 20}};
    (void)state;
    unpack(gzip_zeros(128 << 20), UINT64_MAX, "more than 250 times its size");
    unpack(gzip_zeros(32 << 20), 1 << 20, "more than is allowed");
    assert_int_equal(unpack(gzip_zeros(1 << 20), BUDGET, NULL).octets, 1 << 20);
    unpack(zip_of(files, 2), UINT64_MAX, "more than 250 times its size");
}

/* The budget is shared by all that comes out. */
static void test_budget(void **state)
{
    static const struct file files[] = {
        {.name = "a", .zeros = 1000}, {.name = "b", .zeros = 1000}, {.name = "c", .zeros = 1000}};
    struct result result = {0};
    char why[ARCHIVE_WHY_MAX];
    uint64_t budget = 5500;
    (void)state;
    struct bytes zip = zip_of(files, 3);
    assert_true(archive_unpack(zip, &budget, collect, &result, why));
    assert_int_equal(budget, 2500);
    assert_false(archive_unpack(zip, &budget, collect, &result, why));
    assert_non_null(strstr(why, "more than is allowed"));
    assert_int_equal(result.files, 5);
    assert_int_equal(budget, 0);
}

static void test_many_entries(void **state)
{
    static struct file files[ARCHIVE_ENTRIES_MAX + 1];
    (void)state;
    for (size_t i = 0; i <= ARCHIVE_ENTRIES_MAX; i++)
        files[i] = (struct file){.name = "a", .text = "x"};
    assert_int_equal(unpack(zip_of(files, ARCHIVE_ENTRIES_MAX), BUDGET, NULL).files,
                     ARCHIVE_ENTRIES_MAX);
    struct result result = unpack(zip_of(files, ARCHIVE_ENTRIES_MAX + 1), BUDGET, "1000 entries");
    assert_int_equal(result.files, ARCHIVE_ENTRIES_MAX);
}

/* libarchive could read these; only zip is switched on. */
static void test_other_formats(void **state)
{
    (void)state;
    unpack(BYTES("PK\x03\x04 and then nothing that belongs to a zip file, not at all"), BUDGET,
           "damaged");
    memset(room, 0, 1024);
    strcpy(room, "file.tar");
    memcpy(room + 257, "ustar", 5);
    unpack((struct bytes){room, 1024}, BUDGET, "neither gzip nor zip");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind),          cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_gzip_damaged),  cmocka_unit_test(test_zip),
        cmocka_unit_test(test_zip_damaged),   cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_budget),        cmocka_unit_test(test_many_entries),
        cmocka_unit_test(test_other_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
