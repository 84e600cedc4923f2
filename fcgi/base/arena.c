/* arena.c: see arena.h. Blocks in a list; the first survives a reset, so a loop that serves small requests never calls malloc. */
#include "core.h"

#include <stdalign.h>

#include "base/arena.h"
#include "base/log.h"

#define DEFAULT_LIMIT ((size_t)64 << 20)
#define FIRST_BLOCK   ((size_t)32 << 10)
#define NEXT_BLOCK    ((size_t)64 << 10)

struct block {
	struct block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) uint8_t bytes[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *);
	void *object;
};

struct arena {
	struct block *first;
	struct block *current;
	struct deferred *deferred;
	size_t limit;
	size_t held; /* bytes of all blocks */
};

static struct block *
block_new(struct arena *a, size_t size)
{
	struct block *b;

	if (size > a->limit || a->held > a->limit - size)
		die("arena: %zu bytes more would pass the limit of %zu", size, a->limit);
	b = malloc(sizeof(*b) + size);
	if (b == NULL)
		die("arena: out of memory for %zu bytes", size);
	b->next = NULL;
	b->size = size;
	b->used = 0;
	a->held += size;
	return b;
}

struct arena *
arena_new(size_t limit)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a == NULL)
		die("arena: out of memory");
	a->limit = limit == 0 ? DEFAULT_LIMIT : limit;
	a->first = block_new(a, a->limit < FIRST_BLOCK ? a->limit : FIRST_BLOCK);
	a->current = a->first;
	return a;
}

void
arena_reset(struct arena *a)
{
	struct deferred *d;
	struct block *b, *next;

	/* A release may look at arena memory, so the blocks go after the last of them. */
	while ((d = a->deferred) != NULL) {
		a->deferred = d->next;
		d->release(d->object);
	}
	for (b = a->first->next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->first->next = NULL;
	a->first->used = 0;
	a->current = a->first;
	a->held = a->first->size;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_reset(a);
	free(a->first);
	free(a);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct block *b = a->current;
	size_t size;
	void *p;

	if (n > a->limit)
		die("arena: one allocation of %zu bytes", n);
	n = n == 0 ? align : (n + align - 1) / align * align;
	if (n > b->size - b->used) {
		size = n > NEXT_BLOCK ? n : NEXT_BLOCK;
		if (size > a->limit - a->held && n <= a->limit - a->held)
			size = n; /* close to the limit a small rest is still usable */
		b->next = block_new(a, size);
		b = a->current = b->next;
	}
	p = b->bytes + b->used;
	b->used += n;
	return memset(p, 0, n);
}

char *
arena_ndup(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
arena_dup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_ndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char small[256], *text;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		die("arena_printf: bad format %s", fmt);
	text = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(small))
		memcpy(text, small, (size_t)n);
	else
		(void)vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

void
arena_defer(struct arena *a, void (*release)(void *), void *object)
{
	struct deferred *d = arena_alloc(a, sizeof(*d));

	d->release = release;
	d->object = object;
	d->next = a->deferred;
	a->deferred = d;
}
