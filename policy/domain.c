/* domain.c - the one domain-name type; see domain.h. */
#include "domain.h"

#include <idn2.h>
#include <string.h>

static bool is_domain_octet(char c)
{
    return is_alnum(c) || c == '-' || c == '_';
}

static bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}

/* Checks the form that domain.h promises, and counts the labels; 0 when broken. */
static size_t count_labels(const char *name, size_t len)
{
    size_t labels = 1;
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.') {
            if (label == 0)
                return 0;
            labels++;
            label = 0;
        } else if (!is_domain_octet(name[i]) || ++label > DOMAIN_LABEL_MAX) {
            return 0;
        }
    }
    return label ? labels : 0;
}

static struct domain from_ascii(struct arena *arena, struct bytes text)
{
    if (text.len && text.data[text.len - 1] == '.')
        text.len--;
    if (text.len == 0 || text.len > DOMAIN_MAX)
        return DOMAIN_NONE;
    size_t labels = count_labels(text.data, text.len);
    char *name = labels ? arena_copy(arena, text.data, text.len) : NULL;
    if (!name)
        return DOMAIN_NONE;
    for (size_t i = 0; i < text.len; i++)
        name[i] = to_lower(name[i]);
    return (struct domain){name, text.len, labels};
}

/* UTS 46, non-transitional. An underscore label next to U-labels is kept: DNS
 * names may carry it, so STD3 rules are left to count_labels(). */
static struct domain from_unicode(struct arena *arena, struct bytes text)
{
    if (text.len > 4 * DOMAIN_MAX || memchr(text.data, '\0', text.len))
        return DOMAIN_NONE;
    char *utf8 = arena_copy(arena, text.data, text.len);
    char *ascii = NULL;
    if (!utf8 || idn2_to_ascii_8z(utf8, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
        return DOMAIN_NONE;
    struct domain domain = from_ascii(arena, bytes_of(ascii));
    idn2_free(ascii);
    return domain;
}

struct domain domain_parse(struct arena *arena, struct bytes text)
{
    return is_ascii(text) ? from_ascii(arena, text) : from_unicode(arena, text);
}

struct domain domain_of_address(struct arena *arena, struct bytes address)
{
    for (size_t i = address.len; i > 0; i--) {
        if (address.data[i - 1] == '@')
            return domain_parse(arena, bytes_slice(address, i, address.len));
    }
    return DOMAIN_NONE;
}

bool domain_equal(struct domain a, struct domain b)
{
    return a.len == b.len && a.len && memcmp(a.name, b.name, a.len) == 0;
}

bool domain_within(struct domain name, struct domain parent)
{
    if (parent.len == 0 || name.len < parent.len)
        return false;
    size_t offset = name.len - parent.len;
    return memcmp(name.name + offset, parent.name, parent.len) == 0 &&
           (offset == 0 || name.name[offset - 1] == '.');
}

struct domain domain_parent(struct domain domain)
{
    return domain.labels > 1 ? domain_tail(domain, domain.labels - 1) : DOMAIN_NONE;
}

struct domain domain_tail(struct domain domain, size_t labels)
{
    while (domain.labels > labels) {
        size_t dot = bytes_find(domain_bytes(domain), '.');
        if (dot >= domain.len)
            return DOMAIN_NONE;
        domain.name += dot + 1;
        domain.len -= dot + 1;
        domain.labels--;
    }
    return domain;
}
