/* runtime_open.h - how the commands come by a configuration and a runtime.
 * What is wrong goes to standard error, in the words of the daemon. */
#ifndef ASSAY_RUNTIME_OPEN_H
#define ASSAY_RUNTIME_OPEN_H

#include "runtime.h"

/* `given`, or the daemon's file when it is there, else NULL: all defaults. */
const char *config_path(const char *given);

/* config_load_with() and its messages; NULL: exit with EX_CONFIG. */
struct config *open_config_file(const char *path, const struct config_override *overrides,
                                size_t count);

/* A runtime over config_path(given). now: seconds since 1970, or -1 for the
 * system's clock. NULL: exit with EX_CONFIG. */
struct runtime *runtime_open(const char *given, const struct config_override *overrides,
                             size_t count, int64_t now);

/* The same, for who needs the resolver and no private key: works without the rights to
 * read them. */
struct runtime *runtime_open_without_keys(const char *given,
                                          const struct config_override *overrides, size_t count);

/* A runtime over a configuration that is at hand; takes over its reference. */
struct runtime *runtime_over(struct config *config, bool keys, int64_t now);

#endif
