/* Arenas. See arena.h for the contract. Needs: malloc. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024, ALIGNMENT = 16 };

struct arena_block {
	struct arena_block *older;
	size_t size;
};

_Static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "blocks keep the alignment");

void arena_init(struct arena *a, jmp_buf *no_memory)
{
	*a = (struct arena){ .no_memory = no_memory };
}

void arena_done(struct arena *a)
{
	struct arena_block *older;

	for (struct arena_block *b = a->blocks; b; b = older) {
		older = b->older;
		free(b);
	}
	arena_init(a, a->no_memory);
}

static NORETURN void no_memory(struct arena *a)
{
	longjmp(*a->no_memory, 1);
}

/* A block of its own for a large request keeps the rest of the current one in use. */
static void *alloc_large(struct arena *a, size_t size)
{
	struct arena_block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		no_memory(a);
	b->size = size;
	if (a->blocks) {
		b->older = a->blocks->older;
		a->blocks->older = b;
	} else {
		a->blocks = b;
	}
	return b + 1;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b;
	char *p;

	if (size > SIZE_MAX / 2)
		no_memory(a);
	size = ALIGN_UP(MAX(size, (size_t)1), ALIGNMENT);
	if (size <= (size_t)(a->end - a->next)) {
		p = a->next;
		a->next += size;
		return p;
	}
	if (size > BLOCK_SIZE / 4)
		return alloc_large(a, size);
	b = calloc(1, sizeof(*b) + BLOCK_SIZE);
	if (!b)
		no_memory(a);
	b->size = BLOCK_SIZE;
	b->older = a->blocks;
	a->blocks = b;
	p = (char *)(b + 1);
	a->next = p + size;
	a->end = p + BLOCK_SIZE;
	return p;
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
	size_t held = ALIGN_UP(old_size, ALIGNMENT), wanted = ALIGN_UP(new_size, ALIGNMENT);
	char *p = old;

	if (p && p + held == a->next && wanted - held <= (size_t)(a->end - a->next)) {
		a->next = p + wanted;
		return p;
	}
	p = arena_alloc(a, new_size);
	if (old_size)
		memcpy(p, old, old_size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
	va_list again;
	int len;
	char *p;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	p = arena_alloc(a, len + 1);
	vsnprintf(p, len + 1, fmt, args);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = arena_vprintf(a, fmt, args);
	va_end(args);
	return p;
}
