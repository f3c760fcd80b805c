/* config_set.c - from the text of a value to the member it fills.
 *
 * One setter per type of option. A setter reports what is wrong and leaves the
 * member as it is; it may put the normal form of a value back into its item,
 * which is what `assay config` prints. The file is long because the types are
 * many; they have nothing to do with each other.
 */
#include "config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_OCTETS = 256, /* of this machine's name, with NUL; Linux has 65 */
};

/* ---- helpers ---- */

void setting_complain(const struct setting *setting, const struct item *item, const char *what)
{
    loader_error(setting->loader, &item->source, "%s: %s %s", setting->option->name,
                 loader_quote(setting->loader, item->text), what);
}

void setting_complain_allowed(const struct setting *setting, const struct item *item)
{
    struct strbuf buf;
    strbuf_init(&buf, setting->loader->arena);
    strbuf_puts(&buf, "is not allowed; allowed: ");
    option_describe(&buf, setting->option);
    setting_complain(setting, item, strbuf_string(&buf));
}

const char *setting_string(const struct setting *setting, struct bytes text)
{
    const char *copy = arena_copy(setting->loader->arena, text.data, text.len);
    return copy ? copy : "";
}

static bool in_range(const struct setting *setting, int64_t value)
{
    return value >= setting->option->min && value <= setting->option->max;
}

struct config_list setting_list(const struct setting *setting)
{
    const char **items = arena_array(setting->loader->arena, setting->count, sizeof(*items));
    if (!items)
        return (struct config_list){0};
    for (size_t i = 0; i < setting->count; i++)
        items[i] = setting_string(setting, setting->items[i].text);
    return (struct config_list){items, setting->count};
}

/* ---- scalars ---- */

static void set_bool(struct setting *setting)
{
    if (!value_bool(setting->items->text, setting->member))
        setting_complain_allowed(setting, setting->items);
}

static void set_count(struct setting *setting)
{
    unsigned long long value;
    if (!bytes_to_number(setting->items->text, UINT32_MAX, &value) ||
        !in_range(setting, (int64_t)value))
        setting_complain_allowed(setting, setting->items);
    else
        *(unsigned *)setting->member = (unsigned)value;
}

static void set_time(struct setting *setting)
{
    int64_t value;
    if (!value_time(setting->items->text, &value) || !in_range(setting, value))
        setting_complain_allowed(setting, setting->items);
    else
        *(int64_t *)setting->member = value;
}

static void set_seconds(struct setting *setting)
{
    const int64_t second = 1000000;
    int64_t value;
    if (!value_time(setting->items->text, &value) || !in_range(setting, value / second))
        setting_complain_allowed(setting, setting->items);
    else if (value % second)
        setting_complain(setting, setting->items, "is not a number of whole seconds");
    else
        *(unsigned *)setting->member = (unsigned)(value / second);
}

static void set_size(struct setting *setting)
{
    int64_t value;
    if (!value_size(setting->items->text, &value) || !in_range(setting, value))
        setting_complain_allowed(setting, setting->items);
    else
        *(size_t *)setting->member = (size_t)value;
}

static void set_mode(struct setting *setting)
{
    unsigned value;
    if (!value_octal(setting->items->text, &value) || !in_range(setting, value))
        setting_complain_allowed(setting, setting->items);
    else
        *(unsigned *)setting->member = value;
}

static void set_word(struct setting *setting)
{
    for (const struct option_word *word = setting->option->words; word->name; word++) {
        if (bytes_is(setting->items->text, word->name)) {
            memcpy(setting->member, &word->value, sizeof(word->value));
            return;
        }
    }
    setting_complain_allowed(setting, setting->items);
}

/* ---- texts ---- */

/* Names of users and groups, as useradd(8) lets them be. */
static bool is_system_name(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!is_alnum(c) && !strchr("_.-$", c))
            return false;
    }
    return text.len && text.data[0] != '-';
}

static void set_name(struct setting *setting)
{
    if (setting->count == 0)
        return;
    if (is_system_name(setting->items->text))
        *(const char **)setting->member = setting_string(setting, setting->items->text);
    else
        setting_complain_allowed(setting, setting->items);
}

static void set_user(struct setting *setting)
{
    struct config_user *out = setting->member;
    if (setting->count == 0)
        return;
    struct bytes text = setting->items->text;
    size_t colon = bytes_find(text, ':');
    struct bytes user = bytes_slice(text, 0, colon);
    struct bytes group = bytes_slice(text, colon + 1, text.len);
    if (!is_system_name(user) || (colon < text.len && !is_system_name(group))) {
        setting_complain_allowed(setting, setting->items);
        return;
    }
    out->user = setting_string(setting, user);
    if (colon < text.len)
        out->group = setting_string(setting, group);
}

static void set_reject_text(struct setting *setting)
{
    const char *wrong = value_check_reject_text(setting->items->text);
    if (!wrong) {
        *(const char **)setting->member = setting_string(setting, setting->items->text);
        return;
    }
    setting_complain(
        setting, setting->items,
        arena_printf(setting->loader->arena,
                     "%s; allowed: up to 300 printable ASCII characters with {domain}, "
                     "{reason}, {policy}, {queue-id}",
                     wrong));
}

static void set_field_name(struct setting *setting)
{
    /* Fields that mean something to us or to everybody else. */
    static const char *const taken[] = {
        "Authentication-Results",
        "Bcc",
        "Cc",
        "Content-Type",
        "Date",
        "DKIM-Signature",
        "From",
        "Message-ID",
        "Received",
        "Return-Path",
        "Sender",
        "Subject",
        "To",
    };
    struct bytes name = setting->items->text;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (bytes_is(name, taken[i])) {
            setting_complain(setting, setting->items,
                             "has a meaning already; take a name of your own");
            return;
        }
    }
    if (value_is_field_name(name))
        *(const char **)setting->member = setting_string(setting, name);
    else
        setting_complain_allowed(setting, setting->items);
}

/* ---- our name ---- */

/* The name of this machine; empty, and an error, when it cannot be found. */
static struct bytes machine_name(const struct setting *setting, const struct source *source)
{
    char host[NAME_OCTETS];
    if (gethostname(host, sizeof(host)) != 0) {
        loader_error(setting->loader, source, "%s: cannot find this machine's name: %s",
                     setting->option->name, strerror(errno));
        return BYTES_EMPTY;
    }
    host[sizeof(host) - 1] = '\0';
    return arena_bytes(setting->loader->arena, bytes_of(host));
}

static void set_authserv_id(struct setting *setting)
{
    static const struct source by_default = {.name = "default"};
    const struct source *source = setting->count ? &setting->items->source : &by_default;
    struct bytes text = setting->count ? setting->items->text : BYTES("HOSTNAME");
    bool is_host = bytes_is(text, "HOSTNAME");
    if (is_host)
        text = machine_name(setting, source);
    struct domain domain = domain_parse(setting->loader->arena, text);
    if (!domain_is_none(domain))
        *(const char **)setting->member = domain.name;
    else if (!is_host)
        setting_complain_allowed(setting, setting->items);
    else if (text.len)
        loader_error(setting->loader, source,
                     "%s: this machine's name, %s, is no domain name; "
                     "set %s to one such as mx.example.com",
                     setting->option->name, loader_quote(setting->loader, text),
                     setting->option->name);
    if (setting->count && domain.labels == 1)
        loader_warning(setting->loader, source,
                       "%s: %s is no full domain name; set it to one such as mx.example.com",
                       setting->option->name, domain.name);
}

static void set_authserv_aliases(struct setting *setting)
{
    struct arena *arena = setting->loader->arena;
    for (size_t i = 0; i < setting->count; i++) {
        struct item *item = &setting->items[i];
        bool below = item->text.len && item->text.data[0] == '.';
        struct domain domain =
            domain_parse(arena, bytes_slice(item->text, below ? 1 : 0, item->text.len));
        if (domain_is_none(domain))
            setting_complain_allowed(setting, item);
        else
            item->text = bytes_of(arena_printf(arena, "%s%s", below ? "." : "", domain.name));
    }
    *(struct config_list *)setting->member = setting_list(setting);
}

/* ---- files ---- */

static void set_path(struct setting *setting)
{
    if (setting->count == 0)
        return;
    if (setting->items->text.data[0] == '/')
        *(const char **)setting->member = setting_string(setting, setting->items->text);
    else
        setting_complain_allowed(setting, setting->items);
}

/* Puts the full path into item; false, and an error, when it is no file that we can read. */
static bool check_readable(const struct setting *setting, struct item *item)
{
    struct stat status;
    const char *path = loader_path(setting->loader, item->text, &item->source);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int reason = errno;
    if (fd >= 0) {
        if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
            reason = EISDIR;
        else
            reason = 0;
        close(fd);
    }
    item->text = bytes_of(path);
    if (reason)
        loader_error(setting->loader, &item->source, "%s: cannot read %s: %s",
                     setting->option->name, path, strerror(reason));
    return reason == 0;
}

static void set_read_file(struct setting *setting)
{
    if (setting->count && check_readable(setting, setting->items))
        *(const char **)setting->member = setting_string(setting, setting->items->text);
}

static void set_read_files(struct setting *setting)
{
    for (size_t i = 0; i < setting->count; i++)
        check_readable(setting, &setting->items[i]);
    *(struct config_list *)setting->member = setting_list(setting);
}

/* ---- sets and tables ---- */

static const char *add_host(void *context, struct bytes entry)
{
    return host_set_add(context, entry);
}

/* "/path", "./path", "../path" and "file:path" are files; "192.0.2.0/24" is not. */
static bool takes_file(struct bytes text, struct bytes *path)
{
    *path = text;
    if (bytes_starts_nocase(text, BYTES("file:"))) {
        *path = bytes_slice(text, 5, text.len);
        return path->len > 0;
    }
    return bytes_starts_nocase(text, BYTES("/")) || bytes_starts_nocase(text, BYTES("./")) ||
           bytes_starts_nocase(text, BYTES("../"));
}

static void set_hosts(struct setting *setting)
{
    struct loader *loader = setting->loader;
    struct host_set *set = host_set_new(loader->arena);
    struct bytes file;
    *(struct host_set **)setting->member = set;
    for (size_t i = 0; set && i < setting->count; i++) {
        struct item *item = &setting->items[i];
        if (takes_file(item->text, &file)) {
            const char *path = loader_path(loader, file, &item->source);
            item->text = bytes_of(path);
            loader_each_entry(loader, path, &item->source, setting->option->name, add_host, set);
            continue;
        }
        const char *wrong = host_set_add(set, item->text);
        if (wrong)
            loader_error(loader, &item->source, "%s: %s", setting->option->name, wrong);
    }
}

static const char *add_row(void *context, struct bytes entry)
{
    return policy_table_add(context, entry);
}

static void set_table(struct setting *setting)
{
    struct loader *loader = setting->loader;
    if (setting->count == 0)
        return;
    struct item *item = setting->items;
    struct bytes file = item->text;
    struct policy_table *table = policy_table_new(loader->arena);
    if (!table)
        return;
    takes_file(item->text, &file);
    const char *path = loader_path(loader, file, &item->source);
    struct source whole = {.file = path};
    size_t errors = loader->errors->error_count;
    item->text = bytes_of(path);
    loader_each_entry(loader, path, &item->source, setting->option->name, add_row, table);
    const char *wrong = policy_table_finish(table);
    if (wrong)
        loader_error(loader, &whole, "%s: %s", setting->option->name, wrong);
    else if (policy_table_count(table) == 0 && loader->errors->error_count == errors)
        loader_warning(loader, &whole, "%s: the file has no entries", setting->option->name);
    *(struct policy_table **)setting->member = table;
}

/* ---- network ---- */

static void set_socket(struct setting *setting)
{
    struct config_socket socket;
    const char *wrong = config_socket_parse(setting->loader->arena, setting->items->text, &socket);
    if (wrong)
        setting_complain(setting, setting->items,
                         arena_printf(setting->loader->arena, "is no socket: %s", wrong));
    else
        *(struct config_socket *)setting->member = socket;
}

/* "address" or "address@port". */
static bool is_nameserver(struct bytes text)
{
    unsigned long long port = 53;
    struct ip ip;
    size_t at = bytes_find(text, '@');
    if (at < text.len && !bytes_to_number(bytes_slice(text, at + 1, text.len), 65535, &port))
        return false;
    return port > 0 && !bytes_starts_nocase(text, BYTES("ipv6:")) &&
           ip_parse(bytes_slice(text, 0, at), &ip);
}

static void set_nameservers(struct setting *setting)
{
    struct config_nameservers *out = setting->member;
    static const struct {
        const char *word;
        enum nameservers_kind kind;
    } words[] = {{"system", NAMESERVERS_SYSTEM},
                 {"recursive", NAMESERVERS_RECURSIVE},
                 {"none", NAMESERVERS_NONE}};
    for (size_t i = 0; setting->count == 1 && i < sizeof(words) / sizeof(words[0]); i++) {
        if (bytes_is(setting->items->text, words[i].word)) {
            out->kind = words[i].kind;
            return;
        }
    }
    for (size_t i = 0; i < setting->count; i++) {
        if (!is_nameserver(setting->items[i].text))
            setting_complain_allowed(setting, &setting->items[i]);
    }
    out->kind = NAMESERVERS_LIST;
    out->servers = setting_list(setting);
}

/* The files that were read are a result, not a value. */
static void set_include(struct setting *setting)
{
    (void)setting;
}

/* ---- all of them ---- */

static void (*const setters[TYPE_COUNT_OF_TYPES])(struct setting *) = {
    [TYPE_BOOL] = set_bool,
    [TYPE_COUNT] = set_count,
    [TYPE_SECONDS] = set_seconds,
    [TYPE_TIME] = set_time,
    [TYPE_SIZE] = set_size,
    [TYPE_MODE] = set_mode,
    [TYPE_WORD] = set_word,
    [TYPE_NAME] = set_name,
    [TYPE_PATH] = set_path,
    [TYPE_READ_FILE] = set_read_file,
    [TYPE_READ_FILES] = set_read_files,
    [TYPE_HOSTS] = set_hosts,
    [TYPE_TABLE] = set_table,
    [TYPE_SOCKET] = set_socket,
    [TYPE_USER] = set_user,
    [TYPE_NAMESERVERS] = set_nameservers,
    [TYPE_AUTHSERV_ID] = set_authserv_id,
    [TYPE_AUTHSERV_ALIASES] = set_authserv_aliases,
    [TYPE_REJECT_TEXT] = set_reject_text,
    [TYPE_FIELD_NAME] = set_field_name,
    [TYPE_TABLE_SOURCE] = set_table_source,
    [TYPE_DIRECTORY] = set_directory,
    [TYPE_CANONICALIZATION] = set_canonicalization,
    [TYPE_SIGN_HEADERS] = set_sign_headers,
    [TYPE_OVERSIGN_HEADERS] = set_oversign_headers,
    [TYPE_SIGNATURE_TTL] = set_signature_ttl,
    [TYPE_NAMES] = set_names,
    [TYPE_REPORT_STORE] = set_report_store,
    [TYPE_ADDRESS] = set_address,
    [TYPE_TEXT] = set_text,
    [TYPE_TRANSPORT] = set_transport,
    [TYPE_INCLUDE] = set_include,
};

/* All items that were given, one after the other. */
static void gather(struct setting *setting)
{
    struct loader *loader = setting->loader;
    const struct given *given = loader->first[setting->option - config_options];
    const struct source source = {.name = "default"};
    if (!given) {
        struct bytes text = bytes_of(setting->option->default_text);
        if (text.len)
            value_split(loader->arena, text, option_is_list(setting->option), &source,
                        &setting->items, &setting->count);
        return;
    }
    size_t count = 0;
    for (const struct given *each = given; each; each = each->next)
        count += each->count;
    setting->items = arena_array(loader->arena, count, sizeof(*setting->items));
    for (const struct given *each = given; each && setting->items; each = each->next) {
        for (size_t i = 0; i < each->count; i++)
            setting->items[setting->count++] = each->items[i];
    }
    /* "" stands for: not set, where the default is that as well. */
    if (setting->count == 1 && setting->items->text.len == 0 && !*setting->option->default_text)
        setting->count = 0;
}

/* What `assay config` says about the option. */
static struct config_value value_of(const struct setting *setting)
{
    const struct given *given = setting->loader->first[setting->option - config_options];
    const bool is_list = option_is_list(setting->option);
    struct config_value value = {.origin = "default", .is_default = !given};
    struct strbuf buf;
    strbuf_init(&buf, setting->loader->arena);
    for (size_t i = 0; i < setting->count; i++) {
        strbuf_puts(&buf, i ? ", " : "");
        value_quote(&buf, setting->items[i].text, is_list);
    }
    value.text = strbuf_string(&buf);
    if (given)
        value.origin = loader_source_text(setting->loader, &given->source);
    if (strcmp(value.text, setting->option->default_text) == 0)
        value.is_default = true;
    return value;
}

void loader_set(struct loader *loader, const struct config_option *option)
{
    struct setting setting = {
        .loader = loader,
        .option = option,
        .member = (char *)loader->config + option->offset,
    };
    gather(&setting);
    if (setting.count || !*option->default_text) {
        bool has_empty = false;
        for (size_t i = 0; i < setting.count; i++)
            has_empty = has_empty || setting.items[i].text.len == 0;
        if (has_empty)
            setting_complain_allowed(&setting, setting.items);
        else
            setters[option->type](&setting);
    }
    loader->config->values[option - config_options] = value_of(&setting);
}
