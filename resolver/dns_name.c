/* dns_name.c - forms of domain names, see dns_name.h. */
#include "dns_name.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 63 };

struct bytes dns_name_lower(struct bytes name, char *out)
{
    for (size_t i = 0; i < name.len; i++)
        out[i] = to_lower(name.data[i]);
    return (struct bytes){out, name.len};
}

bool dns_name_to_text(struct bytes name, char out[DNS_NAME_TEXT_MAX])
{
    if (name.len > DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (is_alnum(c) || c == '-' || c == '_' || c == '*' || c == '.')
            *out++ = c;
        else
            out += sprintf(out, "\\%03u", (unsigned)(unsigned char)c);
    }
    *out = '\0';
    return true;
}

bool dns_name_from_wire(struct bytes wire, char out[DNS_NAME_MAX], struct bytes *name, size_t *used)
{
    size_t pos = 0, len = 0;
    for (;;) {
        if (pos >= wire.len)
            return false;
        size_t label = (unsigned char)wire.data[pos++];
        if (label == 0)
            break;
        size_t dot = len > 0;
        if (label > LABEL_MAX || label > wire.len - pos || len + dot + label > DNS_NAME_MAX ||
            memchr(wire.data + pos, '.', label))
            return false;
        if (dot)
            out[len++] = '.';
        memcpy(out + len, wire.data + pos, label);
        len += label;
        pos += label;
    }
    *name = (struct bytes){out, len};
    *used = pos;
    return true;
}

struct bytes dns_name_parent(struct bytes name)
{
    return bytes_slice(name, bytes_find(name, '.') + 1, name.len);
}
