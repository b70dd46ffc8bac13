/*
 * CO-RE relocation: code compiled against one kernel's types is made to fit another's. A
 * relocation names a type or a path in it ("task_struct", member 3, member 1), and asks where that
 * is, how large it is, whether it exists; the answer for the target's types goes into an
 * instruction.
 *
 * Types correspond by name, without the flavour that may stand behind "___" (task_struct___old).
 * Format: Documentation/bpf/llvm_reloc.rst, btf.rst.
 */
#ifndef SKEP_IMAGE_RELOCATE_H
#define SKEP_IMAGE_RELOCATE_H

#include "image/image.h"
#include "types/btf_record.h"

/* What is asked; the numbers are those of .BTF.ext. */
enum core_kind {
	CORE_FIELD_OFFSET,
	CORE_FIELD_SIZE,
	CORE_FIELD_EXISTS,
	CORE_FIELD_SIGNED,
	CORE_FIELD_LSHIFT,
	CORE_FIELD_RSHIFT,
	CORE_TYPE_LOCAL,
	CORE_TYPE_TARGET,
	CORE_TYPE_EXISTS,
	CORE_TYPE_SIZE,
	CORE_ENUM_EXISTS,
	CORE_ENUM_VALUE,
	CORE_TYPE_MATCHES,
	CORE_KIND_COUNT
};

struct core_relo {
	uint32_t insn;
	uint32_t type_id; /* of the local BTF */
	uint32_t access;  /* string of the local BTF: "0:3:1" */
	uint32_t kind;    /* enum core_kind */
};

VEC_TYPE(struct core_relo, core_relos);
VEC_TYPE(struct image_poison, image_poisons);

struct relocate {
	struct arena *arena;
	const struct btf *local, *target;
	struct table wanted; /* name without flavour: the target's types of that name */
	uint64_t steps;      /* left, before a hostile object is given up on */
};

/* relocate_init - prepares @relos (several calls may add to it) by one walk over the target. */
void relocate_init(struct relocate *r, struct arena *arena, const struct btf *local,
		   const struct btf *target);
void relocate_want(struct relocate *r, const struct core_relos *relos);
void relocate_find(struct relocate *r);

/* relocate_insns - applies @relos to @n instructions. What the target does not have poisons its
 * instruction and is added to @poisons, ascending. 0, or -EINVAL with *ret_why when a relocation
 * makes no sense or could mean several things. */
int relocate_insns(struct relocate *r, struct insn *insns, uint32_t n,
		   const struct core_relos *relos, struct image_poisons *poisons,
		   const char **ret_why);

#endif
