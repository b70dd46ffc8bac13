/*
 * Layout: where gcc puts the members of a struct or union on x86-64 and arm64, bit-fields, packing
 * and alignment included (System V ABI and AAPCS64, with gcc's attributes).
 */
#ifndef SKEP_CDECL_LAYOUT_H
#define SKEP_CDECL_LAYOUT_H

#include "bpf/target.h"
#include "types/type.h"

struct layout_field {
	const char *name; /* NULL: anonymous */
	const struct type *type;
	bool is_bits;
	uint8_t bits;
	bool packed;
	uint32_t align; /* attribute aligned; 0: none */
};

struct layout {
	enum arch arch;
	bool is_union;
	bool packed;
	uint32_t align; /* attribute aligned; 0: none */
	uint32_t pack;  /* #pragma pack; 0: none */
};

/* layout_members - sets members, size and align of @t. -E2BIG when it is larger than 2 GiB. */
int layout_members(struct types *types, const struct layout *how, const struct layout_field *fields,
		   uint32_t n, struct type *t);

/* layout_align - the alignment of @t; of a kernel type, which BTF has none for, by its members. */
uint32_t layout_align(struct types *types, const struct type *t);

#endif
