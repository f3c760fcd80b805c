/* dns_unbound_config.h - a libunbound context with the settings that Assay needs. */
#ifndef ASSAY_DNS_UNBOUND_CONFIG_H
#define ASSAY_DNS_UNBOUND_CONFIG_H

#include "resolver.h"

struct ub_ctx;

/* A context, finalised and silent. NULL on failure, with one line in error. The
 * caller owns it: ub_ctx_delete(). */
struct ub_ctx *dns_unbound_context(const struct resolver_options *options, char *error,
                                   size_t size);

/* The sockets that such a context uses for its queries. */
unsigned dns_unbound_sockets(void);

#endif
