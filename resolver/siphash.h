/* siphash.h - SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for tables.
 *
 * Strangers choose the names in the answer cache; with a secret key they cannot
 * choose names that fall into the same chain.
 */
#ifndef ASSAY_SIPHASH_H
#define ASSAY_SIPHASH_H

#include "bytes.h"

#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1; /* random, drawn once by the owner of the table */
};

uint64_t siphash(const struct siphash_key *key, struct bytes data);

#endif
