/* bench_sign.c - signatures per CPU second, beside what they cannot be cheaper than.
 *
 *   bench_sign [OCTETS [ROUNDS]]       message size (2048), rounds (21)
 *
 * In one run, by turns, so that all meet the same machine: SHA-256 over the message and
 * EVP_PKEY_sign with a key in memory; Assay's signer, as the daemon uses it for each message;
 * libopendkim's dkim_sign(), as OpenDKIM uses it. RSA-2048, relaxed/relaxed; Assay
 * besides with Ed25519, and with both in one pass. Prints medians and ratios; judges nothing.
 */
#include "sign_harness.h"

#include "dkim.h"

#include <netinet/in.h>
#include <opendkim/dkim.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PER_ROUND = 50, /* signatures of each kind in one round */
    ROUNDS_MAX = 1001,
    MESSAGE_MAX = 1 << 24,
    ARENA_OCTETS = 1 << 26,
    RSA_BITS = 2048,
};

static const char header[] = "Date: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
                             "From: Example User <user@example.com>\r\n"
                             "To: <someone@rcpt.example>\r\n"
                             "Subject: a message of the usual kind\r\n"
                             "Message-ID: <20261122080000.1@example.com>\r\n"
                             "MIME-Version: 1.0\r\n"
                             "Content-Type: text/plain; charset=utf-8\r\n";
static const char line[] = "Lorem ipsum dolor sit amet, consectetur adipisici elit.\r\n";

static struct bytes message; /* with CRLF line ends */
static EVP_PKEY *rsa, *ed25519;
static char *rsa_pem;
static struct signing_key *rsa_key, *ed25519_key;
static DKIM_LIB *library;

static void die(const char *what)
{
    fprintf(stderr, "bench_sign: %s failed\n", what);
    exit(1);
}

/* ---- the things measured; each makes one message's signature or signatures ---- */

static void bare(void)
{
    unsigned char digest[EVP_MAX_MD_SIZE], signature[RSA_BITS / 8];
    unsigned digest_len;
    size_t len = sizeof(signature);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
    if (!ctx || !EVP_Digest(message.data, message.len, digest, &digest_len, EVP_sha256(), NULL) ||
        EVP_PKEY_sign_init(ctx) <= 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) <= 0 ||
        EVP_PKEY_sign(ctx, signature, &len, digest, digest_len) <= 0)
        die("EVP_PKEY_sign");
    EVP_PKEY_CTX_free(ctx);
}

static void assay_with(struct signing_key *first, struct signing_key *second)
{
    struct signing_test test;
    struct arena *arena = arena_new(ARENA_OCTETS);
    signing_test_begin(&test, 1700000000);
    signing_test_order(&test, arena, first, "example.com", "s1", "");
    if (second)
        signing_test_order(&test, arena, second, "example.com", "s2", "");
    if (!signing_test_sign(&test, arena, message))
        die("Assay's signer");
    for (size_t i = 0; i < test.count; i++) {
        if (!test.made[i].value)
            die(test.made[i].reason);
    }
    arena_free(arena);
}

static void assay(void)
{
    assay_with(rsa_key, NULL);
}

static void assay_ed25519(void)
{
    assay_with(ed25519_key, NULL);
}

static void assay_both(void)
{
    assay_with(rsa_key, ed25519_key);
}

static void opendkim(void)
{
    DKIM_STAT status;
    unsigned char *field;
    size_t len;
    DKIM *dkim =
        dkim_sign(library, (const unsigned char *)"id", NULL, (unsigned char *)rsa_pem,
                  (const unsigned char *)"s1", (const unsigned char *)"example.com",
                  DKIM_CANON_RELAXED, DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &status);
    if (!dkim)
        die("dkim_sign");
    const char *at = header;
    for (const char *end; (end = strstr(at, "\r\n")); at = end + 2) {
        if (dkim_header(dkim, (unsigned char *)at, (size_t)(end - at)) != DKIM_STAT_OK)
            die("dkim_header");
    }
    size_t start = sizeof(header) - 1 + 2;
    if (dkim_eoh(dkim) != DKIM_STAT_OK ||
        dkim_body(dkim, (unsigned char *)message.data + start, message.len - start) !=
            DKIM_STAT_OK ||
        dkim_eom(dkim, NULL) != DKIM_STAT_OK ||
        dkim_getsighdr_d(dkim, 16, &field, &len) != DKIM_STAT_OK)
        die("libopendkim");
    dkim_free(dkim);
}

static struct contestant {
    const char *name;
    void (*sign)(void);
    double us[ROUNDS_MAX]; /* CPU time of one message, for each round */
    double median;
} contestants[] = {
    {.name = "SHA-256 + EVP_PKEY_sign", .sign = bare},
    {.name = "Assay", .sign = assay},
    {.name = "libopendkim", .sign = opendkim},
    {.name = "Assay, Ed25519", .sign = assay_ed25519},
    {.name = "Assay, RSA and Ed25519", .sign = assay_both},
};
enum { CONTESTANTS = sizeof(contestants) / sizeof(contestants[0]) };

/* ---- the run ---- */

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < CONTESTANTS; i++) {
            double start = cpu_us();
            for (int k = 0; k < PER_ROUND; k++)
                contestants[i].sign();
            contestants[i].us[round] = (cpu_us() - start) / PER_ROUND;
        }
    }
    for (size_t i = 0; i < CONTESTANTS; i++) {
        qsort(contestants[i].us, rounds, sizeof(double), compare);
        contestants[i].median = contestants[i].us[rounds / 2];
    }
}

static void make_message(size_t octets)
{
    size_t len = sizeof(header) - 1 + 2;
    char *text = malloc(octets + len + sizeof(line));
    if (!text)
        die("malloc");
    len = (size_t)sprintf(text, "%s\r\n", header);
    while (len + sizeof(line) - 1 <= octets)
        len += (size_t)sprintf(text + len, "%s", line);
    message = (struct bytes){text, len};
}

/* PEM text, NUL-terminated. */
static char *pem_of(EVP_PKEY *key)
{
    char *data, *copy;
    BIO *bio = BIO_new(BIO_s_mem());
    if (!key || !bio || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        die("PEM_write_bio_PrivateKey");
    long len = BIO_get_mem_data(bio, &data);
    copy = strndup(data, (size_t)len);
    BIO_free(bio);
    return copy;
}

static void make_keys(void)
{
    const char *problem = "";
    rsa = EVP_RSA_gen(RSA_BITS);
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    rsa_pem = pem_of(rsa);
    char *ed25519_pem = pem_of(ed25519);
    rsa_key = signing_key_parse(bytes_of(rsa_pem), &problem);
    ed25519_key = signing_key_parse(bytes_of(ed25519_pem), &problem);
    if (!rsa_key || !ed25519_key)
        die(problem);
    free(ed25519_pem);
}

static size_t number(const char *text, size_t least, size_t most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || value < least || value > most) {
        fprintf(stderr, "usage: bench_sign [OCTETS [ROUNDS]]\n");
        exit(64);
    }
    return value;
}

int main(int argc, char **argv)
{
    size_t octets = argc > 1 ? number(argv[1], 1, MESSAGE_MAX) : 2048;
    size_t rounds = argc > 2 ? number(argv[2], 1, ROUNDS_MAX) : 21;
    make_message(octets);
    make_keys();
    library = dkim_init(NULL, NULL);
    if (!library || !dkim_global_init())
        die("dkim_init");
    run(rounds);
    printf(
        "message of %zu octets, RSA-%d, relaxed/relaxed; CPU time, median of %zu rounds of %d\n\n",
        message.len, RSA_BITS, rounds, PER_ROUND);
    printf("| %-24s | %8s | %12s | %7s |\n", "", "us", "per CPU s", "x bare");
    printf("|%.26s|%.10s|%.14s|%.9s|\n", "--------------------------", "--------------------------",
           "--------------------------", "--------------------------");
    for (size_t i = 0; i < CONTESTANTS; i++)
        printf("| %-24s | %8.1f | %12.0f | %7.2f |\n", contestants[i].name, contestants[i].median,
               1e6 / contestants[i].median, contestants[i].median / contestants[0].median);
    printf("\nAssay makes %.1f times as many signatures as libopendkim\n",
           contestants[2].median / contestants[1].median);
    dkim_close(library);
    signing_key_unref(rsa_key);
    signing_key_unref(ed25519_key);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed25519);
    free(rsa_pem);
    free((char *)message.data);
    dkim_global_cleanup();
    return 0;
}
