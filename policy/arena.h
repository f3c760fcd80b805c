/* arena.h - memory that lives as long as one message or one connection.
 *
 * Allocation is a pointer bump; there is no free of a single object: the whole
 * arena goes at once. An arena belongs to one thread at a time.
 *
 * Failure: every allocator returns NULL when the system is out of memory or
 * the arena's limit is reached, and the arena remembers it (arena_failed()).
 * Callers must stand a NULL; whoever owns the arena checks arena_failed() once
 * at the end and turns it into a temporary failure of that message.
 */
#ifndef ASSAY_ARENA_H
#define ASSAY_ARENA_H

#include "bytes.h"

struct arena;

/* A new arena that hands out at most `limit` octets. NULL when out of memory.
 * The caller owns it: arena_free(). */
struct arena *arena_new(size_t limit);

/* Gives all memory back; NULL is allowed. */
void arena_free(struct arena *arena);

/* Forgets all objects and the failure mark, keeps one block for reuse. */
void arena_reset(struct arena *arena);

/* True once any allocation has failed since arena_new() or arena_reset(). */
bool arena_failed(const struct arena *arena);

/* An allocation elsewhere failed that the same message needed: as if it had been here. */
void arena_fail(struct arena *arena);

/* Octets handed out so far, with those for alignment: it is they that count
 * against the limit, so that many small objects are bounded too. */
size_t arena_used(const struct arena *arena);

/* Zeroed memory, aligned for any type. NULL on failure. */
void *arena_alloc(struct arena *arena, size_t size);

/* Zeroed array of count objects of size octets; overflow is a failure. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of len octets with a NUL behind them. NULL on failure. */
char *arena_copy(struct arena *arena, const void *data, size_t len);

/* arena_copy() of a view; on failure the empty view. */
struct bytes arena_bytes(struct arena *arena, struct bytes view);

/* Formatted, NUL-terminated string. NULL on failure. */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
