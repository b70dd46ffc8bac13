/* What the files of the object writer share: object_write.c (programs), object_write_map.c (maps,
 * variables, externs). */
#ifndef SKEP_IMAGE_OBJECT_WRITE_PRIV_H
#define SKEP_IMAGE_OBJECT_WRITE_PRIV_H

#include "image/object_out.h"
#include "image/object_priv.h"
#include "image/prog_btf.h"

/* Where a function goes. */
struct placed_func {
	uint32_t section;
	uint32_t at; /* instruction there */
	uint32_t symbol;
};

struct writer {
	const struct image *img;
	struct diags *diags;
	struct arena *arena;
	struct types types;
	struct out out;
	struct prog_btf info;
	struct image_prog *progs;     /* as in the image, with all functions known */
	struct placed_func **placed;  /* by program and function */
	uint32_t *map_symbols;        /* by map; 0: none */
	uint32_t *map_sections;       /* by map of variables */
	struct table externs;         /* name: symbol */
	VEC(uint32_t) kernel_records; /* BTF of externs that the kernel has: VAR, FUNC */
};

/* writer_bad - "cannot be written as an object: ..."; -EINVAL. */
int writer_bad(struct writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* writer_maps - makes sections, symbols and BTF for all maps; before programs, which refer to
 * them. writer_inits - their first entries; after. */
int writer_maps(struct writer *w);
int writer_inits(struct writer *w);

/* writer_config - the symbol of the configuration variable at byte @offset of map @index, with
 * the rest in *ret_rest; 0: there is none. */
uint32_t writer_config(struct writer *w, uint32_t index, int64_t offset, int64_t *ret_rest);

/* writer_extern - the symbol of what the kernel has, for @r. */
uint32_t writer_extern(struct writer *w, const struct reloc *r);
void writer_externs(struct writer *w);

#endif
