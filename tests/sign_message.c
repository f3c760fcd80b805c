/* sign_message.c - signs messages, for tests.
 *
 *   sign_message KEYFILE DOMAIN SELECTOR CANONICALIZATION [IDENTITY] < message > field
 *   sign_message --batch < jobs
 *
 * A message has CRLF line ends. What comes out is the whole field, "DKIM-Signature: ...", with
 * CRLF. A job is one line, tab-separated: key file, domain, selector, canonicalization, message
 * file, file for the field. Exit code 0; 1 and a line on standard error at the first failure; 64
 * usage.
 */
#include "sign_harness.h"

#include "dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_OCTETS = 8192, JOB_PARTS = 6, ARENA_OCTETS = 1 << 26 };

/* The last file read; jobs come sorted. */
struct content {
    char *path, *data;
    size_t len;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "sign_message: %s: %s\n", what, why);
    exit(1);
}

static void read_stream(FILE *file, const char *path, struct content *out)
{
    size_t capacity = 1 << 16, got;
    free(out->data);
    *out = (struct content){.path = out->path, .data = malloc(capacity)};
    while (out->data && (got = fread(out->data + out->len, 1, capacity - out->len, file)) > 0) {
        out->len += got;
        if (out->len == capacity)
            out->data = realloc(out->data, capacity *= 2);
    }
    if (!out->data || ferror(file))
        fail(path, "cannot be read");
}

/* False when it is the file that was read before. */
static bool read_file(const char *path, struct content *out)
{
    if (out->path && strcmp(out->path, path) == 0)
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, "cannot be opened");
    read_stream(file, path, out);
    fclose(file);
    free(out->path);
    out->path = strdup(path);
    return true;
}

static struct bytes view(const struct content *content)
{
    return (struct bytes){content->data, content->len};
}

static struct signing_key *read_key(const struct content *file)
{
    const char *problem = NULL;
    struct signing_key *key = signing_key_parse(view(file), &problem);
    if (!key)
        fail(file->path, problem);
    return key;
}

/* args: domain, selector, canonicalization, identity. */
static void sign(struct signing_key *key, const char *const args[4], struct bytes message,
                 FILE *out)
{
    struct signing_test signing;
    struct arena *arena = arena_new(ARENA_OCTETS);
    signing_test_begin(&signing, time(NULL));
    signing_test_order(&signing, arena, key, args[0], args[1], args[3]);
    if (!signing_test_canonicalization(&signing, args[2]))
        fail(args[2], "no canonicalization");
    signing.chunk = 65535; /* as libmilter has it */
    if (!arena || !signing_test_sign(&signing, arena, message))
        fail("signing", "out of memory");
    if (!signing.made[0].value)
        fail("not signed", signing.made[0].reason);
    struct bytes field = signing_test_field(arena, signing.made[0].value);
    fwrite(field.data, 1, field.len, out);
    arena_free(arena);
}

static void split(char *line, char *parts[JOB_PARTS])
{
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < JOB_PARTS; i++) {
        parts[i] = strsep(&line, "\t");
        if (!parts[i])
            fail("job", "six parts are needed");
    }
}

static void run_jobs(void)
{
    static char line[LINE_OCTETS];
    struct content key_file = {0}, message = {0};
    struct signing_key *key = NULL;
    while (fgets(line, sizeof(line), stdin)) {
        char *parts[JOB_PARTS];
        split(line, parts);
        if (read_file(parts[0], &key_file)) {
            signing_key_unref(key);
            key = read_key(&key_file);
        }
        read_file(parts[4], &message);
        FILE *out = fopen(parts[5], "wb");
        if (!out)
            fail(parts[5], "cannot be written");
        const char *const args[] = {parts[1], parts[2], parts[3], ""};
        sign(key, args, view(&message), out);
        fclose(out);
    }
    signing_key_unref(key);
    free(key_file.path);
    free(key_file.data);
    free(message.path);
    free(message.data);
}

int main(int argc, char **argv)
{
    if (!dkim_global_init())
        fail("starting", "out of memory");
    if (argc == 2 && strcmp(argv[1], "--batch") == 0) {
        run_jobs();
    } else if (argc == 5 || argc == 6) {
        struct content key_file = {0}, message = {0};
        const char *const args[] = {argv[2], argv[3], argv[4], argc == 6 ? argv[5] : ""};
        read_file(argv[1], &key_file);
        struct signing_key *key = read_key(&key_file);
        read_stream(stdin, "standard input", &message);
        sign(key, args, view(&message), stdout);
        signing_key_unref(key);
        free(key_file.path);
        free(key_file.data);
        free(message.data);
    } else {
        fprintf(stderr, "usage: sign_message KEYFILE DOMAIN SELECTOR CANONICALIZATION [IDENTITY]\n"
                        "       sign_message --batch < jobs\n");
        return 64;
    }
    dkim_global_cleanup();
    return 0;
}
