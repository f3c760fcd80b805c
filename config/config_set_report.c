/* config_set_report.c - setters of the types that only reports have; see config_set.c. */
#include "config_internal.h"

#include "domain.h"

#include <string.h>

enum {
    ADDRESS_LOCAL_MAX = 64, /* octets (RFC 5321 4.5.3.1.1) */
    TEXT_MAX = 200,         /* octets of a name or contact in a report */
};

static void take(struct setting *setting)
{
    *(const char **)setting->member = setting_string(setting, setting->items->text);
}

static bool begins(struct bytes text, struct bytes prefix)
{
    return bytes_equal(bytes_slice(text, 0, prefix.len), prefix);
}

/* libpq takes the schemes in lower case only. */
void set_report_store(struct setting *setting)
{
    if (setting->count == 0)
        return;
    struct bytes text = setting->items->text;
    if (text.data[0] == '/' || begins(text, BYTES("postgresql://")) ||
        begins(text, BYTES("postgres://")))
        take(setting);
    else
        setting_complain_allowed(setting, setting->items);
}

/* A dot-atom (RFC 5322 3.2.3): it goes into commands, mail headers and file names. */
static bool is_local_part(struct bytes text)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '.' ? after_dot : !is_alnum(c) && !strchr("!#$%&'*+-/=?^_`{|}~", c))
            return false;
        after_dot = c == '.';
    }
    return text.len && text.len <= ADDRESS_LOCAL_MAX && !after_dot && text.data[0] != '-';
}

void set_address(struct setting *setting)
{
    if (setting->count == 0)
        return;
    struct item *item = setting->items;
    size_t at = bytes_find(item->text, '@');
    struct bytes local = bytes_slice(item->text, 0, at);
    struct domain domain = domain_of_address(setting->loader->arena, item->text);
    if (domain_is_none(domain) || !is_local_part(local)) {
        setting_complain_allowed(setting, item);
        return;
    }
    item->text =
        bytes_of(arena_printf(setting->loader->arena, "%.*s@%s", BYTES_ARGS(local), domain.name));
    take(setting);
}

/* Octets that UTF-8 text may have; that they are well-formed is seen to where it is written. */
static bool is_one_line(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < ' ' || c == 0x7f)
            return false;
    }
    return text.len <= TEXT_MAX;
}

void set_text(struct setting *setting)
{
    if (setting->count == 0)
        return;
    if (is_one_line(setting->items->text))
        take(setting);
    else
        setting_complain_allowed(setting, setting->items);
}

/* What stands behind the scheme: no blanks, no user names, no paths. */
static bool is_host_port(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!is_alnum(c) && !strchr(".-_:[]", c))
            return false;
    }
    size_t bracket = bytes_find(text, ']'); /* of an IPv6 address */
    size_t from = bracket < text.len ? bracket + 1 : 0;
    struct bytes rest = bytes_slice(text, from, text.len);
    size_t colon = bytes_find(rest, ':');
    unsigned long long port = 0;
    if (colon < rest.len &&
        (!bytes_to_number(bytes_slice(rest, colon + 1, rest.len), 65535, &port) || port == 0))
        return false;
    return from + colon > 0;
}

void set_transport(struct setting *setting)
{
    const struct bytes urls[] = {BYTES("smtp://"), BYTES("smtps://")};
    struct bytes text = setting->items->text;
    bool good = bytes_starts_nocase(text, BYTES("sendmail:/")) && is_one_line(text);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        if (bytes_starts_nocase(text, urls[i]))
            good = is_host_port(bytes_slice(text, urls[i].len, text.len));
    }
    if (good)
        take(setting);
    else
        setting_complain_allowed(setting, setting->items);
}
