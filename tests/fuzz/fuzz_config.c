/* fuzz_config.c - the text of assay.conf.
 *
 * The file lies alone in a directory of its own, and a "/" that could begin a path is
 * taken away, so that no input can make the loader read other files. What was loaded is
 * dumped and loaded again: it must be the same.
 */
#include "config.h"
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

enum { PATH_OCTETS = 128 };

static char directory[PATH_OCTETS], path[PATH_OCTETS + 16];

static void remove_directory(void)
{
    unlink(path);
    rmdir(directory);
}

static void make_directory(void)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(directory, sizeof(directory), "%s/assay-fuzz-XXXXXX", parent);
    REQUIRE(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/assay.conf", directory);
    atexit(remove_directory);
}

/* Only prefixes of networks and the paths of sockets may have slashes. */
static bool is_harmless_slash(struct bytes text, size_t at)
{
    static const char socket[] = "Socket unix:";
    size_t start = at;
    while (start > 0 && text.data[start - 1] != '\n')
        start--;
    return (at + 1 < text.len && is_digit(text.data[at + 1])) ||
           bytes_starts_nocase(bytes_slice(text, start, text.len), BYTES(socket));
}

static void write_file(struct bytes text)
{
    FILE *file = fopen(path, "w");
    REQUIRE(file);
    for (size_t i = 0; i < text.len; i++)
        putc(text.data[i] == '/' && !is_harmless_slash(text, i) ? '_' : text.data[i], file);
    REQUIRE(fclose(file) == 0);
}

/* One line; a name of a file in it may have letters of any language. */
static bool is_message(const char *text)
{
    const char *at = text;
    while (*at && ((unsigned char)*at >= ' ' || *at == '\t') && *at != 0x7f)
        at++;
    return *text && !*at;
}

static void check_errors(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->error_count && i < CONFIG_ERRORS_MAX; i++)
        REQUIRE(is_message(errors->errors[i]));
    for (size_t i = 0; i < errors->warning_count && i < CONFIG_ERRORS_MAX; i++)
        REQUIRE(is_message(errors->warnings[i]));
}

/* malloc'ed */
static char *dump(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    REQUIRE(out);
    config_dump(out, config, false);
    fclose(out);
    return text;
}

static void check_again(const struct config *config)
{
    struct config_errors errors = {0};
    char *first = dump(config);
    FILE *file = fopen(path, "w");
    REQUIRE(file && fputs(first, file) >= 0 && fclose(file) == 0);
    struct config *again = config_load(path, &errors);
    if (!again)
        fprintf(stderr, "%s\n%s", errors.errors[0], first);
    REQUIRE(again);
    char *second = dump(again);
    if (strcmp(first, second) != 0)
        fprintf(stderr, "%s---- and then\n%s", first, second);
    REQUIRE(strcmp(first, second) == 0);
    config_unref(again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors = {0};
    if (!*directory)
        make_directory();
    write_file(fuzz_input(data, size));
    struct config *config = config_load(path, &errors);
    check_errors(&errors);
    REQUIRE((config != NULL) == (errors.error_count == 0));
    if (config)
        check_again(config);
    json_t *json = config ? config_json(config, true) : NULL;
    REQUIRE(!config || json_is_object(json));
    json_decref(json);
    config_unref(config);
    return 0;
}
