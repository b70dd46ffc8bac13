/*
 * Arenas: memory with one lifetime, freed all at once.
 *
 * Names say the lifetime: an `unit` arena lives for one compilation, a `func` arena for
 * one function's IR, a `scratch` arena until its scope ends. Memory from an arena is
 * zeroed, aligned to 16 bytes, and never freed by itself.
 *
 * An arena never returns NULL. When the system has no more memory it jumps to the place
 * that its owner named at arena_init(), which frees the arena and returns -ENOMEM. Only
 * code whose every resource hangs on arenas (or on the structure that the owner frees) may
 * run under such a guard; run-time objects use malloc and return -ENOMEM themselves.
 */
#ifndef SKEP_BASE_ARENA_H
#define SKEP_BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>

#include "base/base.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *next, *end;           /* free part of the newest block */
	jmp_buf *no_memory;         /* where running out of memory jumps to */
};

/* arena_init - an empty arena; @no_memory must stay valid as long as the arena is used. */
void arena_init(struct arena *a, jmp_buf *no_memory);

/* arena_done - frees everything; the arena is empty and may be used again. */
void arena_done(struct arena *a);

/* arena_alloc - @size zeroed bytes. */
void *arena_alloc(struct arena *a, size_t size);

/* arena_grow - a copy of @old (@old_size bytes, may be NULL) in @new_size >= @old_size bytes,
 * the rest zeroed. Grows in place when @old was the arena's last allocation. */
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);

/* arena_strndup - a NUL-terminated copy of @len bytes. */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list args) PRINTF_LIKE(2, 0);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

/*
 * VEC(T): a growing array of T in an arena. A zeroed one is empty.
 *
 *	VEC(int) v = { 0 };
 *	vec_push(arena, &v, 7);
 *	for (size_t i = 0; i < v.n; i++) use(v.v[i]);
 */
#define VEC(T)                \
	struct {              \
		T *v;         \
		uint32_t n;   \
		uint32_t cap; \
	}

/* VEC_TYPE - gives a VEC a struct name, for lists that cross function boundaries. */
#define VEC_TYPE(T, name)     \
	struct name {         \
		T *v;         \
		uint32_t n;   \
		uint32_t cap; \
	}

#define vec_push(a, vec, ...)                                                                \
	do {                                                                                 \
		if ((vec)->n == (vec)->cap) {                                                \
			uint32_t cap_ = (vec)->cap ? (vec)->cap * 2 : 8;                     \
			(vec)->v = arena_grow((a), (vec)->v, (vec)->cap * sizeof(*(vec)->v), \
					      cap_ * sizeof(*(vec)->v));                     \
			(vec)->cap = cap_;                                                   \
		}                                                                            \
		(vec)->v[(vec)->n++] = (__VA_ARGS__);                                        \
	} while (0)

#endif
