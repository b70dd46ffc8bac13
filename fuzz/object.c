/* Fuzzes the reader and the writer of ELF objects: any bytes are refused with a reason, or make an
 * image whose instructions can be listed; and what can be written of that is read back.
 * Corpus: fuzz/corpus/object, the tests' objects. */
#include <setjmp.h>
#include <stdlib.h>

#include "bpf/disasm.h"
#include "image/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct one {
	struct arena arena;
	struct types types;
	struct sources sources;
	struct diags diags;
};

static struct image *read_bytes(struct one *o, const void *data, size_t size)
{
	const struct object_file file = { "fuzz.o", data, size };
	const struct object_options opt = {
		.kernel = 0x60100,
		.config = "CONFIG_BPF=y\nCONFIG_HZ=250\nCONFIG_DEFAULT_HOSTNAME=\"(none)\"\n",
	};
	struct image *img = NULL;

	if (object_read(&file, 1, &opt, &o->types, &o->sources, &o->diags, &img)) {
		if (!o->diags.errors)
			abort();
		return NULL;
	}
	return img;
}

static void list(const struct image *img)
{
	struct buf out = { 0 };

	for (uint32_t i = 0; i < img->progs.n; i++) {
		const struct image_prog *p = &img->progs.v[i];

		disasm_prog(&out, p->insns.v, MIN(p->insns.n, 10000u), NULL);
		for (uint32_t k = 0; k < p->relocs.n; k++)
			if (p->relocs.v[k].insn >= p->insns.n)
				abort();
		for (uint32_t k = 0; k < p->spans.n; k++)
			sources_place(img->sources, p->spans.v[k].span.lo);
		buf_clear(&out);
	}
	for (uint32_t i = 0; i < img->maps.n; i++) {
		const struct image_map *m = &img->maps.v[i];

		for (uint32_t k = 0; k < m->inits.n; k++)
			if (m->inits.v[k].index >=
			    (m->inits.v[k].kind == INIT_PROG ? img->progs.n : img->maps.n))
				abort();
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf elf = { 0 };
	struct one o = { 0 };
	jmp_buf no_memory;

	if (setjmp(no_memory))
		abort();
	arena_init(&o.arena, &no_memory);
	types_init(&o.types, &o.arena);
	o.sources.arena = &o.arena;
	diags_init(&o.diags, &o.arena, &o.sources);
	const struct image *img = read_bytes(&o, data, size);
	if (img) {
		list(img);
		if (!object_write(img, &o.diags, &elf) && !read_bytes(&o, elf.data, elf.len))
			abort();
	}
	buf_done(&elf);
	arena_done(&o.arena);
	return 0;
}
