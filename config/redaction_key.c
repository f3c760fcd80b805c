/* redaction_key.c - the secret that failure reports hash local parts with; see redaction_key.h. */
#include "redaction_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <sys/random.h>

enum { ID_MAX = 64, ID_MIN = 32 }; /* octets of /etc/machine-id: 32 hexadecimal digits */

/* machine-id(5) wants it kept secret, and hashed with a text of one's own where it is shown. */
static bool from_machine_id(uint8_t key[FAILURE_KEY_OCTETS])
{
    static const char purpose[] = "assay: local parts in failure reports";
    char id[ID_MAX];
    FILE *file = fopen("/etc/machine-id", "re");
    size_t len = file ? fread(id, 1, sizeof(id), file) : 0;
    if (file)
        fclose(file);
    return len >= ID_MIN && HMAC(EVP_sha256(), id, (int)len, (const unsigned char *)purpose,
                                 sizeof(purpose) - 1, key, NULL);
}

bool redaction_key(uint8_t key[FAILURE_KEY_OCTETS])
{
    return from_machine_id(key) || getrandom(key, FAILURE_KEY_OCTETS, 0) == FAILURE_KEY_OCTETS;
}
