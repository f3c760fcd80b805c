/* key_files.c - a directory with key files for tests; see key_files.h. */
#include "key_files.h"

#include "key_record.h"
#include "unit.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

struct key_files *key_files_new(void)
{
    struct key_files *files = calloc(1, sizeof(*files));
    assert_non_null(files);
    strcpy(files->directory, "/tmp/test_keys.XXXXXX");
    assert_non_null(mkdtemp(files->directory));
    assert_int_equal(chmod(files->directory, 0755), 0);
    files->arena = arena_new((size_t)256 << 20);
    return files;
}

void key_files_free(struct key_files *files)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", files->directory);
    assert_int_equal(system(command), 0);
    key_files_take_log(files);
    arena_free(files->arena);
    free(files);
}

const char *key_files_path(struct key_files *files, const char *format, ...)
{
    char name[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    return arena_printf(files->arena, "%s/%s", files->directory, name);
}

static FILE *create(struct key_files *files, const char *name)
{
    char *path = arena_printf(files->arena, "%s/%s", files->directory, name);
    for (char *slash = path + strlen(files->directory) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    return file;
}

void key_files_write(struct key_files *files, const char *name, const char *text)
{
    FILE *file = create(files, name);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

void key_files_key(struct key_files *files, const char *name, unsigned bits, long age)
{
    EVP_PKEY *key = bits ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits)
                         : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    FILE *file = create(files, name);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fflush(file);
    assert_int_equal(futimens(fileno(file), times), 0);
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
}

const char *key_files_record(struct key_files *files, const char *name)
{
    char text[16384];
    const char *problem;
    struct strbuf record;
    FILE *file = fopen(key_files_path(files, "%s", name), "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    struct signing_key *key = signing_key_parse((struct bytes){text, len}, &problem);
    assert_non_null(key);
    strbuf_init(&record, files->arena);
    key_record_text(key, &record);
    signing_key_unref(key);
    return strbuf_string(&record);
}

void key_files_publish(struct key_files *files, struct fake_dns *dns, const char *selector,
                       const char *domain, const char *name)
{
    fake_dns_add(dns, arena_printf(files->arena, "%s._domainkey.%s", selector, domain), DNS_TXT,
                 key_files_record(files, name));
}

static void add_line(void *context, enum key_store_level level, const char *line)
{
    static const char *const names[] = {
        [KEY_STORE_ERROR_LINE] = "error",
        [KEY_STORE_WARNING_LINE] = "warning",
        [KEY_STORE_INFO_LINE] = "info",
    };
    struct key_files *files = context;
    size_t len = strlen(files->directory);
    char text[2048];
    size_t used = (size_t)snprintf(text, sizeof(text), "%s ", names[level]);
    for (const char *c = line; *c && used < sizeof(text) - 1; c++) {
        bool is_directory = strncmp(c, files->directory, len) == 0;
        text[used++] = is_directory ? 'D' : *c;
        if (is_directory)
            c += len - 1;
    }
    text[used] = '\0';
    pthread_mutex_lock(&log_lock);
    if (files->log_count < KEY_FILES_LOG_LINES)
        files->log[files->log_count++] = strdup(text);
    pthread_mutex_unlock(&log_lock);
}

struct key_store_options key_files_options(struct key_files *files)
{
    return (struct key_store_options){
        .reader_uid = geteuid(),
        .reader_gid = getegid(),
        .log = add_line,
        .log_context = files,
    };
}

const char *key_files_take_log(struct key_files *files)
{
    char *all = arena_printf(files->arena, "%s", "");
    pthread_mutex_lock(&log_lock);
    for (size_t i = 0; i < files->log_count; i++) {
        all = arena_printf(files->arena, "%s%s%s", all, i ? "\n" : "", files->log[i]);
        free(files->log[i]);
    }
    files->log_count = 0;
    pthread_mutex_unlock(&log_lock);
    return all;
}

const char *key_files_find(struct key_files *files, struct key_store *store, const char *address)
{
    struct signature_order orders[SIGNATURES_MADE_MAX];
    const char *why_not = NULL;
    struct key_source *source = key_store_source(store);
    struct domain author = domain_of_address(files->arena, bytes_of(address));
    size_t count = source->find(source, files->arena, bytes_of(address), author, orders,
                                SIGNATURES_MADE_MAX, &why_not);
    const char *out = "";
    for (size_t i = 0; i < count; i++) {
        out = arena_printf(files->arena, "%s%s%s:%s:%s%s%.*s", out, i ? " " : "",
                           orders[i].domain.name, orders[i].selector.name,
                           signing_key_algorithm(orders[i].key), orders[i].identity.len ? ":" : "",
                           BYTES_ARGS(orders[i].identity));
        signing_key_unref(orders[i].key);
    }
    if (count)
        assert_string_equal(why_not, "");
    else
        out = arena_printf(files->arena, "-: %s", why_not);
    return out;
}
