/* genkey.c - `assay genkey`: a new private key, and the record that publishes it.
 *
 * The file is made with mode 0600 and never over another one. Started by root the
 * key is given to the owner of the directory, so that the service can read it
 * where the directory is the service's.
 */
#include "key_record.h"
#include "runtime_open.h"
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    KEY_DOMAIN = 256,
    KEY_SELECTOR,
    KEY_ALGORITHM,
    KEY_BITS,
    KEY_DIRECTORY,
    KEY_JSON,
    BITS_DEFAULT = 2048,
    MEMORY = 1 << 18,
    DIRECTORY_MODE = 0750,
    FILE_MODE = 0600,
};

struct request {
    struct arena *arena;
    const char *config_path;
    const char *directory; /* NULL: KeyDirectory, or where we are */
    struct domain domain, selector;
    bool ed25519;
    unsigned bits; /* 0: not given */
    bool json;
};

static const struct argp_option rows[] = {
    {"domain", KEY_DOMAIN, "DOMAIN", 0, "The domain that signs, d= (needed)", 0},
    {"selector", KEY_SELECTOR, "SELECTOR", 0, "The name of the key, s= (needed)", 0},
    {"algorithm", KEY_ALGORITHM, "rsa|ed25519", 0, "The kind of key (default: rsa)", 0},
    {"bits", KEY_BITS, "N", 0, "Size of an RSA key, 1024 to 8192 (default: 2048)", 0},
    {"directory", KEY_DIRECTORY, "DIR", 0,
     "Write DIR/DOMAIN/SELECTOR.pem (default: KeyDirectory, or the current directory)", 0},
    {"config", 'c', "FILE", 0, "Configuration (default: the daemon's)", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

/* ---- command line ---- */

static struct domain parse_name(struct argp_state *state, const char *option, const char *text)
{
    const struct request *request = state->input;
    struct domain name = domain_parse(request->arena, bytes_of(text));
    if (domain_is_none(name))
        argp_error(state, "%s %s: this is no name for the DNS", option, text);
    return name;
}

static void set_bits(struct argp_state *state, const char *text)
{
    struct request *request = state->input;
    unsigned long long bits;
    if (!bytes_to_number(bytes_of(text), RSA_BITS_MAX, &bits) || bits < RSA_BITS_MIN)
        argp_error(state, "--bits %s: a number from %d to %d is allowed", text, RSA_BITS_MIN,
                   RSA_BITS_MAX);
    request->bits = (unsigned)bits;
}

static void finish(struct argp_state *state)
{
    struct request *request = state->input;
    if (domain_is_none(request->domain) || domain_is_none(request->selector))
        argp_error(state, "--domain and --selector are needed");
    if (request->ed25519 && request->bits)
        argp_error(state, "--bits is for RSA keys: an Ed25519 key has 256");
    if (request->bits == 0)
        request->bits = BITS_DEFAULT;
}

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_DOMAIN:
        request->domain = parse_name(state, "--domain", argument);
        return 0;
    case KEY_SELECTOR:
        request->selector = parse_name(state, "--selector", argument);
        return 0;
    case KEY_ALGORITHM:
        request->ed25519 = strcmp(argument, "ed25519") == 0;
        if (!request->ed25519 && strcmp(argument, "rsa") != 0)
            argp_error(state, "--algorithm %s: rsa or ed25519 is allowed", argument);
        return 0;
    case KEY_BITS:
        set_bits(state, argument);
        return 0;
    case KEY_DIRECTORY:
        request->directory = argument;
        return 0;
    case 'c':
        request->config_path = argument;
        return 0;
    case KEY_JSON:
        request->json = true;
        return 0;
    case ARGP_KEY_END:
        finish(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse_key,
    .doc = "Make a private key, and print the record that publishes it.\v"
           "A file that is there is never overwritten. A new key of a domain that has one starts "
           "to sign when the DNS answers with it: reload assayd, publish the record, and look with "
           "assay keys.",
};

/* ---- the key ---- */

/* The text of a new key file (PKCS#8). The caller frees it with BIO_free(), which wipes it. */
static BIO *make_key(const struct request *request)
{
    EVP_PKEY *key = request->ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                     : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)request->bits);
    BIO *text = key ? BIO_new(BIO_s_secmem()) : NULL;
    if (text && !PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL)) {
        BIO_free(text);
        text = NULL;
    }
    EVP_PKEY_free(key);
    return text;
}

static struct bytes text_of(BIO *text)
{
    char *data = NULL;
    long len = BIO_get_mem_data(text, &data);
    return (struct bytes){data, len > 0 ? (size_t)len : 0};
}

/* ---- the file ---- */

static int complain(const char *path, int reason)
{
    if (reason == EEXIST)
        fprintf(stderr, "assay: %s exists; a key is never overwritten: take another selector\n",
                path);
    else
        fprintf(stderr, "assay: %s: %s\n", path, strerror(reason));
    return EX_CANTCREAT;
}

/* The domain's directory below `parent`, made if need be. A descriptor, or -1 with errno set. */
static int open_directory(int parent, const char *name, const struct stat *owner)
{
    bool made = mkdirat(parent, name, DIRECTORY_MODE) == 0;
    if (!made && errno != EEXIST)
        return -1;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && made && geteuid() == 0 && fchown(fd, owner->st_uid, owner->st_gid) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static bool write_all(int fd, struct bytes text)
{
    while (text.len) {
        ssize_t wrote = write(fd, text.data, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        text = bytes_slice(text, (size_t)wrote, text.len);
    }
    return true;
}

/* Writes name in the directory; 0, or the reason. Nothing is left behind then. */
static int write_file(int directory, const char *name, struct bytes text, const struct stat *owner)
{
    int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return errno;
    bool given = geteuid() != 0 || fchown(fd, owner->st_uid, owner->st_gid) == 0;
    bool good = given && fchmod(fd, FILE_MODE) == 0 && write_all(fd, text) && fsync(fd) == 0;
    int reason = good ? 0 : errno;
    if (close(fd) != 0 && good)
        reason = errno;
    if (reason)
        unlinkat(directory, name, 0);
    return reason;
}

static int write_key(const struct request *request, const char *path, struct bytes text)
{
    struct stat owner;
    const char *name = arena_printf(request->arena, "%s.pem", request->selector.name);
    int top = open(request->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || fstat(top, &owner) != 0)
        return complain(request->directory, errno);
    int directory = open_directory(top, request->domain.name, &owner);
    int reason = directory < 0 ? errno : write_file(directory, name, text, &owner);
    if (directory >= 0)
        close(directory);
    close(top);
    return reason ? complain(path, reason) : EX_OK;
}

/* ---- what is said ---- */

static void print_text(const struct request *request, const char *path, const char *record,
                       const char *zone, const struct signing_key *key)
{
    const char *domain = request->domain.name, *selector = request->selector.name;
    printf("%s: %s, %u bits\n\n", path, signing_key_algorithm(key), signing_key_bits(key));
    printf("For a zone file:\n\n%s\n", zone);
    printf("For a form: a TXT record with the name\n\n%s._domainkey.%s\n\nand the value\n\n%s\n\n",
           selector, domain, record);
    printf("When it is published, reload assayd and look: assay checkkey --domain %s --selector "
           "%s\n",
           domain, selector);
}

static int print_result(const struct request *request, const char *path, struct bytes text)
{
    struct strbuf record, zone;
    const char *problem;
    struct signing_key *key = signing_key_parse(text, &problem);
    if (!key) { /* cannot be: we have made it */
        fprintf(stderr, "assay: %s: %s\n", path, problem);
        return EX_SOFTWARE;
    }
    strbuf_init(&record, request->arena);
    strbuf_init(&zone, request->arena);
    key_record_text(key, &record);
    key_record_zone(request->selector, request->domain, strbuf_view(&record), &zone);
    if (request->json)
        print_json(json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "domain",
                             request->domain.name, "selector", request->selector.name, "algorithm",
                             signing_key_algorithm(key), "bits", (int)signing_key_bits(key), "file",
                             path, "name",
                             arena_printf(request->arena, "%s._domainkey.%s",
                                          request->selector.name, request->domain.name),
                             "record", strbuf_string(&record), "zone", strbuf_string(&zone)));
    else
        print_text(request, path, strbuf_string(&record), strbuf_string(&zone), key);
    signing_key_unref(key);
    return EX_OK;
}

/* ---- all of it ---- */

/* Where the key goes when the command line does not say. */
static bool find_directory(struct request *request)
{
    if (request->directory)
        return true;
    const char *path = config_path(request->config_path);
    struct config *config = path ? open_config_file(path, NULL, 0) : NULL;
    if (path && !config)
        return false;
    const char *configured = config ? config->keys.key_directory : NULL;
    request->directory = arena_printf(request->arena, "%s", configured ? configured : ".");
    config_unref(config);
    return request->directory != NULL;
}

static int run(struct request *request)
{
    if (!find_directory(request))
        return EX_CONFIG;
    const char *path = arena_printf(request->arena, "%s/%s/%s.pem", request->directory,
                                    request->domain.name, request->selector.name);
    if (path && access(path, F_OK) == 0) /* before a large key is made for nothing */
        return complain(path, EEXIST);
    BIO *text = path ? make_key(request) : NULL;
    if (!text) {
        fputs("assay: no key could be made\n", stderr);
        return EX_OSERR;
    }
    int code = write_key(request, path, text_of(text));
    if (code == EX_OK)
        code = print_result(request, path, text_of(text));
    BIO_free(text);
    return code;
}

int command_genkey(int argc, char **argv)
{
    struct request request = {.arena = arena_new(MEMORY)};
    argp_err_exit_status = EX_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &request);
    int code = run(&request);
    arena_free(request.arena);
    return code;
}
