/*
 * A relocatable ELF object on its way out: sections that grow, symbols, relocations. Everything
 * lies in an arena until out_finish().
 */
#ifndef SKEP_IMAGE_OBJECT_OUT_H
#define SKEP_IMAGE_OBJECT_OUT_H

#include "base/arena.h"
#include "base/buf.h"

VEC_TYPE(uint8_t, out_bytes);

struct out_rel {
	uint64_t offset;
	uint32_t type, symbol;
};

struct out_section {
	const char *name;
	uint32_t type;
	uint64_t flags, align;
	struct out_bytes bytes;
	uint64_t zeros; /* of a section without bytes */
	VEC(struct out_rel) rels;
	uint32_t symbol; /* that stands for it; 0: none yet */
};

struct out_symbol {
	const char *name;
	uint32_t section; /* 0: undefined */
	uint64_t value, size;
	uint8_t bind, type;
};

struct out {
	struct arena *arena;
	VEC(struct out_section) sections; /* [0] is none */
	VEC(struct out_symbol) symbols;   /* [0] is none */
};

void out_init(struct out *o, struct arena *arena);
/* out_section - the section @name, made with these attributes when it is not there. */
uint32_t out_section(struct out *o, const char *name, uint32_t type, uint64_t flags,
		     uint64_t align);
/* out_add - appends to a section; where that begins. */
uint64_t out_add(struct out *o, uint32_t section, const void *data, size_t len);
/* out_align - pads a section to a multiple of @to bytes. */
void out_align(struct out *o, uint32_t section, uint32_t to);
uint32_t out_symbol(struct out *o, struct out_symbol symbol);
/* out_section_symbol - the symbol that stands for the start of @section. */
uint32_t out_section_symbol(struct out *o, uint32_t section);
void out_rel(struct out *o, uint32_t section, uint64_t offset, uint32_t type, uint32_t symbol);

/* out_finish - appends the file. 0 or -ENOMEM. */
int out_finish(struct out *o, struct buf *to);

#endif
