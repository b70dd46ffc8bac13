/*
 * Source texts and places in them.
 *
 * All texts of one compilation share one range of positions: each text takes the next
 * stretch, so a span of two 32-bit numbers names a place in any of them. Position 0 belongs
 * to no text; SPAN_NONE is "no place".
 */
#ifndef SKEP_BASE_SOURCE_H
#define SKEP_BASE_SOURCE_H

#include "base/arena.h"

struct span {
	uint32_t lo, hi; /* positions: first byte, one past the last byte */
};

#define SPAN_NONE ((struct span){ 0, 0 })

struct source {
	const char *name; /* as shown: a path, "stdin", or "cmdline" for -e */
	const char *text; /* NUL-terminated */
	uint32_t len;
	uint32_t base;       /* position of text[0] */
	VEC(uint32_t) lines; /* offset of each line's first byte */
};

struct sources {
	struct arena *arena;
	VEC(struct source *) list; /* ascending base */
};

/* A place as people read it: columns count bytes from 1. */
struct place {
	const struct source *source; /* NULL when the position belongs to no text */
	uint32_t line, column;
};

/* sources_add - registers @len bytes of @text (copied) under @name. NULL when all positions
 * are used up (4 GiB of text). */
struct source *sources_add(struct sources *s, const char *name, const char *text, size_t len);

struct place sources_place(const struct sources *s, uint32_t pos);

/* source_line - the text of 1-based @line without its newline; *ret_len gets its length. */
const char *source_line(const struct source *src, uint32_t line, uint32_t *ret_len);

/* span_join - the smallest span that holds both; a SPAN_NONE adds nothing. */
struct span span_join(struct span a, struct span b);

#endif
