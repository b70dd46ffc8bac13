/* What the tests of C declarations share: a text read as C, and what came out of it as text.
 * Included by tests/unit/cdecl_*.c. */
#ifndef TESTS_CDECL_TESTING_H
#define TESTS_CDECL_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cdecl/cdecl.h"
#include "cdecl/pp.h"

struct reading {
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources;
	struct diags diags;
	struct types types;
	struct cdecl_options options;
	struct cdecl *c;
	int status;
};

static inline void reading_init(struct reading *r)
{
	memset(r, 0, sizeof(*r));
	if (setjmp(r->no_memory))
		fail_msg("out of memory");
	arena_init(&r->arena, &r->no_memory);
	r->sources.arena = &r->arena;
	diags_init(&r->diags, &r->arena, &r->sources);
	types_init(&r->types, &r->arena);
}

static inline void reading_done(struct reading *r)
{
	arena_done(&r->arena);
}

/* Reads @text as the C part of a script called @name, with r->options. */
static inline void read_text(struct reading *r, const char *name, const char *text)
{
	const struct source *src = sources_add(&r->sources, name, text, strlen(text));

	if (!r->c)
		r->c = cdecl_new(&r->types, &r->sources, &r->diags, &r->options);
	r->status = cdecl_parse(r->c, src, (struct span){ src->base, src->base + src->len });
}

static inline void render_diags(struct buf *out, const struct diags *d)
{
	for (const struct diag *one = d->first; one; one = one->next)
		diag_render(out, d, one, false);
}

/* The tokens of @text after preprocessing, with a space between two of them. */
static inline void preprocess(struct reading *r, const char *name, const char *text,
			      const struct pp_options *options, struct buf *out)
{
	const struct source *src = sources_add(&r->sources, name, text, strlen(text));
	struct pp *pp = pp_new(&r->sources, &r->diags, options);
	struct pp_token t;

	pp_push(pp, src, (struct span){ src->base, src->base + src->len });
	for (pp_next(pp, &t); t.kind != PP_END; pp_next(pp, &t)) {
		if (t.kind == PP_PRAGMA)
			continue;
		if (out->len)
			buf_putc(out, t.newline ? '\n' : ' ');
		buf_add(out, t.text, t.len);
	}
}

static inline int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of @t in order; *ret_n gets their number. */
static inline const char **sorted_keys(struct reading *r, const struct table *t, uint32_t *ret_n)
{
	const char **keys = arena_array(&r->arena, const char *, t->n + 1u);

	*ret_n = 0;
	for (uint32_t i = 0; i < t->cap; i++)
		if (t->entries[i].value)
			keys[(*ret_n)++] = t->entries[i].key;
	qsort(keys, *ret_n, sizeof(*keys), compare_keys);
	return keys;
}

#endif
