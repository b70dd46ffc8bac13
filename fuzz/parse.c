/* Fuzzes the lexer and the parser: any bytes must give a tree or an error. Corpus: the scripts in
 * tests/golden/lang. */
#include <setjmp.h>
#include <stdlib.h>

#include "lang/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct buf out = { 0 };
	struct diags diags;
	struct tree *tree;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	const struct source *src = sources_add(&sources, "fuzz", (const char *)data, size);
	diags_init(&diags, &arena, &sources);
	if ((lang_parse(&arena, src, &diags, &tree) != 0) != (diags.errors > 0))
		abort();
	tree_dump(&out, tree);
	lang_dump_tokens(&arena, src, &out);
	for (const struct diag *d = diags.first; d; d = d->next)
		diag_render(&out, &diags, d, false);
	buf_done(&out);
	arena_done(&arena);
	return 0;
}
