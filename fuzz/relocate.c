/* Fuzzes CO-RE relocation: an object and the target's BTF, either of which may be anything. The
 * input is a word with the size of the target, the target, the object.
 * Corpus: fuzz/corpus/relocate. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "image/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void relocate(struct arena *arena, struct btf *target, struct types *types,
		     const uint8_t *data, size_t size)
{
	const struct object_file file = { "fuzz.o", data, size };
	const struct object_options opt = { .target = target };
	struct sources sources = { .arena = arena };
	struct image *img = NULL;
	struct diags diags;

	diags_init(&diags, arena, &sources);
	if (object_read(&file, 1, &opt, types, &sources, &diags, &img)) {
		if (!diags.errors)
			abort();
		return;
	}
	for (uint32_t i = 0; i < img->progs.n; i++) {
		const struct image_prog *p = &img->progs.v[i];

		for (uint32_t k = 0; k < p->poisons.n; k++)
			if (p->poisons.v[k].insn >= p->insns.n || !*p->poisons.v[k].why)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct types types;
	struct btf *target = NULL;
	jmp_buf no_memory;
	const char *why;
	uint32_t len;

	if (size < sizeof(len))
		return 0;
	memcpy(&len, data, sizeof(len));
	data += sizeof(len);
	size -= sizeof(len);
	if (len > size)
		return 0;
	if (setjmp(no_memory))
		abort();
	arena_init(&arena, &no_memory);
	types_init(&types, &arena);
	if (!btf_parse(&types, data, len, &target, &why))
		relocate(&arena, target, &types, data + len, size - len);
	btf_close(target);
	arena_done(&arena);
	return 0;
}
