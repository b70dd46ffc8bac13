/* Fuzzes C declarations: any script must have a C part, and that must give types whose members lie
 * inside of them, or errors; each of its macros can be asked for. Corpus: tests/golden/cdecl. */
#include <setjmp.h>
#include <stdlib.h>

#include "cdecl/cdecl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_type(struct types *types, const struct type *t)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *m = &t->members[i];

		if (m->bit_offset + m->bit_size > m->type->size * 8 && m->bit_size)
			abort();
		if (!m->bit_size && t->kind != TYPE_FUNC && m->offset + m->type->size > t->size)
			abort();
	}
	if (t->align & (t->align - 1))
		abort();
	type_name(types, t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cdecl_options options = { .no_files = true };
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources = { .arena = &arena };
	struct types types;
	struct diags diags;
	uint32_t n;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	diags_init(&diags, &arena, &sources);
	types_init(&types, &arena);
	const struct source *src = sources_add(&sources, "fuzz", (const char *)data, size);
	struct cdecl *c = cdecl_new(&types, &sources, &diags, &options);
	struct span extent = cdecl_extent(c, src);
	if (extent.lo < src->base || extent.lo > extent.hi || extent.hi > src->base + src->len)
		abort();
	if (!size || data[0] % 2)
		extent = (struct span){ src->base, src->base + src->len };
	if ((cdecl_parse(c, src, extent) != 0) != (diags.errors > 0))
		abort();
	for (uint32_t i = 0; i < types.named.cap; i++)
		if (types.named.entries[i].value)
			check_type(&types, types.named.entries[i].value);
	const char *const *names = cdecl_constants(c, &n);
	for (uint32_t i = 0; i < n; i++)
		if (!cdecl_constant(c, names[i])->text)
			abort();
	arena_done(&arena);
	return 0;
}
