/* arena.c - memory that lives as long as one message; see arena.h. */
#include "arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BLOCK = 8192, /* octets; most messages need two or three blocks */
    PRINTF_USUAL = 256, /* octets; longer texts are formatted twice */
};

struct arena_block {
    struct arena_block *next; /* older block */
    size_t size;              /* octets in data[] */
    size_t used;              /* octets of data[] handed out */
    alignas(max_align_t) char data[];
};

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t limit;               /* most octets to hand out */
    size_t used;                /* octets handed out */
    bool failed;
};

struct arena *arena_new(size_t limit)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (arena)
        arena->limit = limit;
    return arena;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    free_blocks(arena->blocks);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->blocks;
    if (keep) {
        free_blocks(keep->next);
        keep->next = NULL;
        keep->used = 0;
        if (keep->size > ARENA_BLOCK) { /* a rare large message must not stay resident */
            free(keep);
            arena->blocks = NULL;
        }
    }
    arena->used = 0;
    arena->failed = false;
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}

void arena_fail(struct arena *arena)
{
    arena->failed = true;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

static struct arena_block *add_block(struct arena *arena, size_t need)
{
    size_t size = need > ARENA_BLOCK / 4 ? need : ARENA_BLOCK;
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->size = size;
    block->used = 0;
    /* A large object gets its own block behind the current one, which may still have room. */
    if (size != ARENA_BLOCK && arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t need = size < SIZE_MAX / 2 ? (size + align - 1) / align * align : SIZE_MAX;
    if (need == 0)
        need = align;
    if (arena->failed || need > arena->limit - arena->used || need > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    if (!block || need > block->size - block->used)
        block = add_block(arena, need);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    void *memory = block->data + block->used;
    block->used += need;
    arena->used += need;
    return memset(memory, 0, need);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 2 / size) {
        arena->failed = true;
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const void *data, size_t len)
{
    char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;
    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

struct bytes arena_bytes(struct arena *arena, struct bytes view)
{
    char *copy = arena_copy(arena, view.data, view.len);
    return copy ? (struct bytes){copy, view.len} : BYTES_EMPTY;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    char small[PRINTF_USUAL];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(small))
        return arena_copy(arena, small, (size_t)len);
    char *text = len >= 0 ? arena_alloc(arena, (size_t)len + 1) : NULL;
    if (text) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}
