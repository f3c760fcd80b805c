/* bench_crypto.c - the cryptographic floor: hashing a message and verifying one signature.
 *
 *   bench_crypto SECONDS FILE.eml...
 *
 * For each message SHA-256 of the body and of 1.5 kB of header, and one RSA-2048
 * verification with a key that is at hand. Prints CPU milliseconds per message.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HEADER_OCTETS = 1500,
    MESSAGES_MAX = 100000,
};

static struct {
    char *octets;
    size_t len;
} bodies[MESSAGES_MAX];
static size_t count;

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench_crypto: %s failed\n", what);
        exit(1);
    }
}

static void read_body(const char *path)
{
    FILE *file = fopen(path, "rb");
    must(file && fseek(file, 0, SEEK_END) == 0, path);
    size_t size = (size_t)ftell(file);
    char *text = calloc(1, size + 1);
    rewind(file);
    must(text && fread(text, 1, size, file) == size, path);
    fclose(file);
    char *end = strstr(text, "\r\n\r\n");
    must(end != NULL, path);
    bodies[count].octets = end + 4;
    bodies[count++].len = size - (size_t)(end + 4 - text);
}

/* A context that verifies (or signs) RSA-SHA256 with this key. */
static EVP_PKEY_CTX *context_for(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    must(context && init(context) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1,
         "EVP_PKEY_CTX");
    return context;
}

int main(int argc, char **argv)
{
    static unsigned char header[HEADER_OCTETS];
    unsigned char digest[32], signature[256];
    size_t signature_len = sizeof(signature), done = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_crypto SECONDS FILE.eml...\n");
        return 2;
    }
    for (int i = 2; i < argc && count < MESSAGES_MAX; i++)
        read_body(argv[i]);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    must(key && EVP_Digest("x", 1, digest, NULL, EVP_sha256(), NULL) == 1, "EVP_RSA_gen");
    unsigned char signed_digest[32];
    memcpy(signed_digest, digest, sizeof(digest));
    EVP_PKEY_CTX *signer = context_for(key, EVP_PKEY_sign_init);
    must(EVP_PKEY_sign(signer, signature, &signature_len, digest, sizeof(digest)) == 1, "signing");
    EVP_PKEY_CTX_free(signer);
    double start = cpu_seconds(), seconds = strtod(argv[1], NULL);
    while (cpu_seconds() - start < seconds || done < count) {
        size_t i = done++ % count;
        EVP_Digest(bodies[i].octets, bodies[i].len, digest, NULL, EVP_sha256(), NULL);
        EVP_Digest(header, sizeof(header), digest, NULL, EVP_sha256(), NULL);
        EVP_PKEY_CTX *verifier = context_for(key, EVP_PKEY_verify_init);
        must(EVP_PKEY_verify(verifier, signature, signature_len, signed_digest,
                             sizeof(signed_digest)) == 1,
             "verifying");
        EVP_PKEY_CTX_free(verifier);
    }
    printf("%.4f\n", (cpu_seconds() - start) * 1000 / (double)done);
    EVP_PKEY_free(key);
    return 0;
}
