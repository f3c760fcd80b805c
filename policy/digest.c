/* digest.c - SHA-256; see digest.h. */
#include "digest.h"

#include <openssl/evp.h>

static EVP_MD *fetched; /* set by digest_global_init(), read-only afterwards */

bool digest_global_init(void)
{
    if (!fetched)
        fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
    return fetched != NULL;
}

void digest_global_cleanup(void)
{
    EVP_MD_free(fetched);
    fetched = NULL;
}

const EVP_MD *digest_algorithm(void)
{
    return fetched ? fetched : EVP_sha256();
}

bool digest_of(struct bytes octets, uint8_t out[SHA256_OCTETS])
{
    return EVP_Digest(octets.data, octets.len, out, NULL, digest_algorithm(), NULL) == 1;
}
