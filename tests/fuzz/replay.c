/* replay.c - runs a fuzz target over the files of directories, without libFuzzer.
 *
 *   replay_TARGET [DIRECTORY | FILE]...    default: $srcdir/tests/fuzz/corpus/TARGET
 *
 * Exit 0 when all inputs were run, 99 when there were none or one could not be read.
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

enum { PATH_OCTETS = 4096 };

static size_t inputs;

static void die(const char *path)
{
    perror(path);
    exit(99);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        die(path);
    long size = ftell(file);
    uint8_t *data = size >= 0 ? malloc(size ? (size_t)size : 1) : NULL;
    rewind(file);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        die(path);
    fclose(file);
    /* A block of exactly this size, so that the sanitisers see every step beyond it. */
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    inputs++;
}

static void run(const char *path)
{
    struct dirent **entries;
    char name[PATH_OCTETS];
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        run_file(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            fprintf(stderr, "%s\n", name); /* the last one in the log is the culprit */
            run_file(name);
        }
        free(entries[i]);
    }
    free(entries);
}

static void run_corpus(const char *program)
{
    const char *srcdir = getenv("srcdir");
    const char *slash = strrchr(program, '/');
    const char *target = strstr(slash ? slash : program, "replay_");
    char path[PATH_OCTETS];
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
             target ? target + strlen("replay_") : "");
    run(path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    if (argc == 1)
        run_corpus(argv[0]);
    printf("%zu inputs\n", inputs);
    return inputs ? 0 : 99;
}
