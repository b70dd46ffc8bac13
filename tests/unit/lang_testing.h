/* What the tests of the language's front half share: a script parsed, and what came out of it as
 * text. Included by tests/unit/lang_*.c. */
#ifndef TESTS_LANG_TESTING_H
#define TESTS_LANG_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lex.h"
#include "lang/parse.h"

struct parsed {
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources;
	const struct source *source;
	struct diags diags;
	struct tree *tree;
	int status;
};

static inline void parsed_init(struct parsed *r, const char *name, const char *text, size_t len)
{
	memset(r, 0, sizeof(*r));
	if (setjmp(r->no_memory))
		fail_msg("out of memory");
	arena_init(&r->arena, &r->no_memory);
	r->sources.arena = &r->arena;
	r->source = sources_add(&r->sources, name, text, len);
	assert_non_null(r->source);
	diags_init(&r->diags, &r->arena, &r->sources);
}

static inline void parse_text(struct parsed *r, const char *name, const char *text, size_t len)
{
	parsed_init(r, name, text, len);
	r->status = lang_parse(&r->arena, r->source, &r->diags, &r->tree);
}

static inline void parsed_done(struct parsed *r)
{
	arena_done(&r->arena);
}

static inline void render_diags(struct buf *out, const struct diags *d)
{
	for (const struct diag *one = d->first; one; one = one->next)
		diag_render(out, d, one, false);
}

#endif
