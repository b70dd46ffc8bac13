/*
 * Function and line info of programs, as the kernel takes it with them and as ELF objects carry it
 * in .BTF.ext: what each function is called and takes, and which source line each instruction
 * comes from.
 */
#ifndef SKEP_IMAGE_PROG_BTF_H
#define SKEP_IMAGE_PROG_BTF_H

#include "image/image.h"
#include "types/btf_write.h"

/* A zeroed one is empty. On the heap; prog_btf_done() frees it. */
struct prog_btf {
	struct btf_writer btf; /* the types and strings that the records name */
	struct buf funcs;      /* struct { uint32_t insn, type_id; } */
	struct buf lines;      /* struct { uint32_t insn, file, text, line << 10 | column; } */
	uint32_t result, pointer, word; /* ids of the types of functions without their own */
};

/* prog_btf_func - adds function @index of @prog, its instructions numbered from @base on; with
 * source lines if @sources has them. @types completes types on the way (may be NULL). */
void prog_btf_func(struct prog_btf *b, const struct image_prog *prog, uint32_t index, uint32_t base,
		   struct types *types, const struct sources *sources);

/* prog_btf_end - one past the last instruction of function @index. */
uint32_t prog_btf_end(const struct image_prog *prog, uint32_t index);

void prog_btf_done(struct prog_btf *b);

#endif
