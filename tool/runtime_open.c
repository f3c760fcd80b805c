/* runtime_open.c - how the commands come by a runtime; see runtime_open.h. */
#include "runtime_open.h"

#include <stdio.h>
#include <unistd.h>

static const char default_path[] = SYSCONFDIR "/assay/assay.conf";

const char *config_path(const char *given)
{
    return given ? given : access(default_path, F_OK) == 0 ? default_path : NULL;
}

struct config *open_config_file(const char *path, const struct config_override *overrides,
                                size_t count)
{
    static struct config_errors errors; /* large; used once per run of the tool */
    struct config *config = config_load_with(path, overrides, count, &errors);
    config_print_errors(stderr, "assay: ", &errors);
    return config;
}

static void print_line(void *context, enum key_store_level level, const char *line)
{
    (void)context;
    if (level != KEY_STORE_INFO_LINE)
        fprintf(stderr, "assay: %s\n", line);
}

static struct runtime *start_runtime(struct config *config, const struct runtime_log *log)
{
    char error[RUNTIME_ERROR_MAX];
    struct runtime *runtime = runtime_new(config, NULL, log, error);
    if (!runtime)
        fprintf(stderr, "assay: %s\n", error);
    return runtime;
}

struct runtime *runtime_over(struct config *config, bool keys, int64_t now)
{
    const struct runtime_log log = {
        .keys = print_line, .reader_uid = geteuid(), .reader_gid = getegid()};
    struct runtime *runtime = start_runtime(config, keys ? &log : NULL);
    if (runtime)
        runtime->fixed_epoch = now;
    return runtime;
}

struct runtime *runtime_open(const char *given, const struct config_override *overrides,
                             size_t count, int64_t now)
{
    struct config *config = open_config_file(config_path(given), overrides, count);
    return config ? runtime_over(config, true, now) : NULL;
}

struct runtime *runtime_open_without_keys(const char *given,
                                          const struct config_override *overrides, size_t count)
{
    struct config *config = open_config_file(config_path(given), overrides, count);
    return config ? runtime_over(config, false, -1) : NULL;
}
