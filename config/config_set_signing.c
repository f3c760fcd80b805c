/* config_set_signing.c - setters of the types that only signing has; see config_set.c. */
#include "config_internal.h"

#include "dkim_sign.h"
#include "table_text.h"

#include <string.h>
#include <sys/stat.h>

enum {
    TTL_MIN_SECONDS = 3600, /* less, and mail that waits in a queue loses its signature */
    TTL_MAX_SECONDS = 10 * 365 * 86400, /* more is as good as none */
};

/* A relative path in "file:" or "refile:" is relative to the configuration file. */
void set_table_source(struct setting *setting)
{
    struct loader *loader = setting->loader;
    enum table_form form;
    struct bytes rest;
    if (setting->count == 0)
        return;
    struct item *item = setting->items;
    const char *wrong = table_source_parse(item->text, &form, &rest);
    if (wrong) {
        setting_complain(setting, item, wrong);
        return;
    }
    if (form != TABLE_LIST)
        item->text = bytes_of(arena_printf(loader->arena, "%s%s",
                                           form == TABLE_WILDCARDS ? "refile:" : "file:",
                                           loader_path(loader, rest, &item->source)));
    *(const char **)setting->member = setting_string(setting, item->text);
}

void set_directory(struct setting *setting)
{
    struct stat status;
    if (setting->count == 0)
        return;
    struct item *item = setting->items;
    const char *path = loader_path(setting->loader, item->text, &item->source);
    item->text = bytes_of(path);
    if (stat(path, &status) != 0)
        setting_complain(setting, item, "cannot be looked at; make it, or correct the path");
    else if (!S_ISDIR(status.st_mode))
        setting_complain(setting, item, "is no directory");
    else
        *(const char **)setting->member = path;
}

void set_canonicalization(struct setting *setting)
{
    struct signing_settings *signing = setting->member;
    struct bytes text = setting->items->text;
    size_t slash = bytes_find(text, '/');
    const struct bytes parts[] = {bytes_slice(text, 0, slash),
                                  bytes_slice(text, slash + 1, text.len)};
    bool *const relaxed[] = {&signing->relaxed_header, &signing->relaxed_body};
    for (size_t i = 0; i < 2; i++) {
        *relaxed[i] = bytes_is(parts[i], "relaxed");
        if (!*relaxed[i] && !bytes_is(parts[i], "simple")) {
            setting_complain_allowed(setting, setting->items);
            return;
        }
    }
}

/* Lower case, as struct signing_settings wants them; the defaults when there are none. */
static const char *const *field_names(struct setting *setting, const char *const *defaults,
                                      size_t *count)
{
    *count = 0;
    if (setting->count == 0) {
        while (defaults[*count])
            (*count)++;
        return defaults;
    }
    for (size_t i = 0; i < setting->count; i++) {
        struct item *item = &setting->items[i];
        char *name = arena_copy(setting->loader->arena, item->text.data, item->text.len);
        for (size_t k = 0; name && k < item->text.len; k++)
            name[k] = to_lower(name[k]);
        if (!value_is_field_name(item->text) || dkim_sign_forbids(item->text))
            setting_complain_allowed(setting, item);
        else if (name)
            item->text.data = name;
    }
    struct config_list list = setting_list(setting);
    *count = list.count;
    return list.items;
}

void set_sign_headers(struct setting *setting)
{
    struct signing_settings *signing = setting->member;
    signing->sign_headers =
        field_names(setting, dkim_sign_default_headers, &signing->sign_header_count);
}

void set_oversign_headers(struct setting *setting)
{
    struct signing_settings *signing = setting->member;
    signing->oversign_headers =
        field_names(setting, dkim_sign_default_oversign, &signing->oversign_header_count);
}

void set_signature_ttl(struct setting *setting)
{
    int64_t value;
    const int64_t second = 1000000;
    bool good =
        value_time(setting->items->text, &value) && value % second == 0 &&
        (value == 0 || (value >= TTL_MIN_SECONDS * second && value / second <= TTL_MAX_SECONDS));
    if (good)
        *(int64_t *)setting->member = value / second;
    else
        setting_complain_allowed(setting, setting->items);
}

void set_names(struct setting *setting)
{
    *(struct config_list *)setting->member = setting_list(setting);
}
