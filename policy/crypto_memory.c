/* crypto_memory.c - what libcrypto failed for; see crypto_memory.h. */
#include "crypto_memory.h"

#include <openssl/err.h>
#include <stdlib.h>

enum { PROBE_OCTETS = 4096 };

/* Decoders drop what they noted on the way; when nothing can be had even now, that was it. */
static bool nothing_left(void)
{
    void *volatile probe = malloc(PROBE_OCTETS);
    bool none = probe == NULL;
    free(probe);
    return none;
}

void crypto_memory_begin(void)
{
    ERR_clear_error();
}

bool crypto_memory_failed(void)
{
    bool failed = false;
    unsigned long error;
    while ((error = ERR_get_error()))
        failed = failed || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    return failed || nothing_left();
}
