/* digest.h - SHA-256, with the algorithm looked up once.
 *
 * OpenSSL 3 looks an algorithm up by name, under locks, whenever a digest begins with
 * EVP_sha256() or SHA256(); threads wait for each other there.
 */
#ifndef ASSAY_DIGEST_H
#define ASSAY_DIGEST_H

#include "bytes.h"

#include <stdint.h>

enum { SHA256_OCTETS = 32 };

/* Once, before threads start; false when out of memory. Without it all works, only slower. */
bool digest_global_init(void);
void digest_global_cleanup(void);

/* The algorithm (an EVP_MD), for EVP_DigestInit_ex2(). Owned by this module, never NULL. */
const struct evp_md_st *digest_algorithm(void);

/* SHA-256 of `octets`. False when libcrypto failed, for want of memory. */
bool digest_of(struct bytes octets, uint8_t out[SHA256_OCTETS]);

#endif
