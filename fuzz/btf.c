/* Fuzzes the BTF reader: any bytes are refused, or every type in them can be made, filled and
 * spelled, and every pointer followed to its end. Corpus: fuzz/corpus/btf. */
#include <setjmp.h>
#include <stdlib.h>

#include "types/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *ctx, const char *kind, const char *name, uint32_t id)
{
	struct types *types = ctx;
	struct type_member m;
	struct buf out = { 0 };

	if (!btf_find(types->btf, kind, name))
		abort();
	const struct type *t = type_complete(types, btf_type(types->btf, id));
	type_member(types, t, "x", &m);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct type_member *member = &t->members[i];

		if (member->bit_offset + member->bit_size > 64)
			abort();
		type_print(&out, member->type);
	}
	type_print(&out, t);
	while (t->kind == TYPE_POINTER || t->kind == TYPE_ARRAY)
		t = t->elem;
	buf_done(&out);
	return id < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct types types;
	jmp_buf no_memory;
	const char *why;
	int64_t value;

	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	types_init(&types, &arena);
	if (!btf_parse(&types, data, size, &types.btf, &why)) {
		btf_each(types.btf, look, &types);
		for (uint32_t id = 0; id < 1000; id++)
			type_name(&types, type_complete(&types, btf_type(types.btf, id)));
		type_enum_value(&types, "x", &value);
	}
	btf_close(types.btf);
	arena_done(&arena);
	return 0;
}
