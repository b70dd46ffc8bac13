/* Fuzzes the preprocessor: any bytes must give tokens that lie in their texts, or errors. No header
 * is read but those that are part of skep. Corpus: tests/golden/cdecl. */
#include <setjmp.h>
#include <stdlib.h>

#include "cdecl/pp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_options options = { .no_files = true };
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct buf out = { 0 };
	struct diags diags;
	struct pp_token t;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	diags_init(&diags, &arena, &sources);
	const struct source *src = sources_add(&sources, "fuzz", (const char *)data, size);
	struct pp *pp = pp_new(&sources, &diags, &options);
	pp_push(pp, src, (struct span){ src->base, src->base + src->len });
	for (pp_next(pp, &t); t.kind != PP_END; pp_next(pp, &t))
		if (t.kind >= PP_KIND_COUNT || !sources_place(&sources, t.span.lo).source ||
		    !sources_place(&sources, pp_place(&t).lo).source)
			abort();
	for (const struct diag *d = diags.first; d; d = d->next)
		diag_render(&out, &diags, d, false);
	buf_done(&out);
	arena_done(&arena);
	return 0;
}
