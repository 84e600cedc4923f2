/*
 * arena.h: memory with one lifetime.
 *
 * Everything a request, a job or a start-up phase allocates comes from one arena and ends with it, so nothing is freed by hand.
 * Objects of foreign libraries (PGresult, json_t, curl lists) are tied to the arena by arena_defer and released with it, last
 * first. An arena belongs to one thread at a time.
 *
 * Allocation never returns NULL: a process that is out of memory, or an arena above its limit, ends with a log line. The master
 * starts another; that is safe because no effect exists outside a committed transaction.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "core.h"

struct arena;

struct arena *arena_new(size_t limit); /* limit in bytes, 0 = 64 MiB */
void arena_reset(struct arena *a);     /* runs the deferred calls, keeps one block for the next use */
void arena_free(struct arena *a);      /* accepts NULL */

void *arena_alloc(struct arena *a, size_t n);               /* zeroed, aligned for any type */
char *arena_dup(struct arena *a, const char *s);            /* NULL gives NULL */
char *arena_ndup(struct arena *a, const void *p, size_t n); /* copy with a NUL behind it */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_defer(struct arena *a, void (*release)(void *), void *object);

#endif
