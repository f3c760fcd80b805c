/* strbuf.c - a string that grows in an arena; see strbuf.h. */
#include "strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void strbuf_init(struct strbuf *buf, struct arena *arena)
{
    *buf = (struct strbuf){.arena = arena};
}

/* Makes room for len more octets and the NUL. */
static bool reserve(struct strbuf *buf, size_t len)
{
    if (buf->failed)
        return false;
    if (len < buf->capacity - buf->len)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity - buf->len <= len && capacity < SIZE_MAX / 4)
        capacity *= 2;
    char *data = arena_alloc(buf->arena, capacity);
    if (!data || capacity - buf->len <= len) {
        buf->failed = true;
        return false;
    }
    if (buf->len)
        memcpy(data, buf->data, buf->len);
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

char *strbuf_room(struct strbuf *buf, size_t len)
{
    return reserve(buf, len) ? buf->data + buf->len : NULL;
}

void strbuf_took(struct strbuf *buf, size_t len)
{
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_add(struct strbuf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_bytes(struct strbuf *buf, struct bytes view)
{
    strbuf_add(buf, view.data, view.len);
}

void strbuf_puts(struct strbuf *buf, const char *string)
{
    strbuf_bytes(buf, bytes_of(string));
}

void strbuf_putc(struct strbuf *buf, char octet)
{
    strbuf_add(buf, &octet, 1);
}

void strbuf_join(struct strbuf *buf, const char *first, ...)
{
    va_list args;
    va_start(args, first);
    for (const char *string = first; string; string = va_arg(args, const char *))
        strbuf_puts(buf, string);
    va_end(args);
}

/* Formats into the room that there is; the length, which may be more than that. */
static int format_once(struct strbuf *buf, const char *format, va_list args)
{
    int len = vsnprintf(buf->data + buf->len, buf->capacity - buf->len, format, args);
    if (len >= 0 && (size_t)len < buf->capacity - buf->len)
        buf->len += (size_t)len;
    buf->data[buf->len] = '\0';
    return len;
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    if (!reserve(buf, 1))
        return;
    size_t before = buf->len;
    va_start(args, format);
    int len = format_once(buf, format, args);
    va_end(args);
    if (len <= 0 || buf->len > before || !reserve(buf, (size_t)len))
        return;
    va_start(args, format);
    format_once(buf, format, args);
    va_end(args);
}

void strbuf_printable(struct strbuf *buf, struct bytes text, size_t max)
{
    size_t len = text.len < max ? text.len : max;
    char *out = strbuf_room(buf, len);
    if (!out)
        return;
    for (size_t i = 0; i < len; i++)
        out[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
    strbuf_took(buf, len);
    if (text.len > max)
        strbuf_puts(buf, "...");
}

void strbuf_truncate(struct strbuf *buf, size_t len)
{
    if (len < buf->len) {
        buf->len = len;
        buf->data[len] = '\0';
    }
}

const char *strbuf_string(const struct strbuf *buf)
{
    return buf->failed || !buf->data ? "" : buf->data;
}

struct bytes strbuf_view(const struct strbuf *buf)
{
    return buf->failed || !buf->data ? BYTES_EMPTY : (struct bytes){buf->data, buf->len};
}
