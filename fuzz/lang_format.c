/* Fuzzes the formatter: what comes out parses to the same tree and formats to itself. Corpus: the
 * scripts in tests/golden/lang. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "lang/format.h"
#include "lang/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Appends the formatted text to @out and the dumped tree to @dump; false: not a script. */
static bool format(const char *text, size_t size, struct buf *out, struct buf *dump)
{
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct diags diags;
	struct tree *tree;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	const struct source *src = sources_add(&sources, "fuzz", text, size);
	diags_init(&diags, &arena, &sources);
	bool ok = lang_parse(&arena, src, &diags, &tree) == 0;
	if (ok) {
		tree_dump(dump, tree);
		if (lang_format(&arena, src, &diags, out))
			abort();
	}
	arena_done(&arena);
	return ok;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = { 0 }, twice = { 0 }, before = { 0 }, after = { 0 };

	if (format((const char *)data, size, &once, &before)) {
		if (!format(once.data, once.len, &twice, &after))
			abort();
		if (!same(&before, &after) || !same(&once, &twice))
			abort();
	}
	buf_done(&once);
	buf_done(&twice);
	buf_done(&before);
	buf_done(&after);
	return 0;
}
