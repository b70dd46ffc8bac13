/*
 * BTF, read: an index over one blob (the kernel's, or an object's), types converted on demand.
 * The blob is checked when opened; a damaged one is refused with a reason, never trusted.
 * Format: Documentation/bpf/btf.rst.
 */
#ifndef SKEP_TYPES_BTF_H
#define SKEP_TYPES_BTF_H

#include "types/type.h"

/* btf_open - reads and checks the BTF at @path ("/sys/kernel/btf/vmlinux"). The index and all
 * converted types belong to @types' arena; the blob itself is freed by btf_close, and names point
 * into it: close it when the types are no longer used. 0 or -errno (-ENOENT: no file, -EINVAL:
 * damaged; *ret_why ends the sentence "BTF cannot be used: ..."). */
int btf_open(struct types *types, const char *path, struct btf **ret, const char **ret_why);
/* btf_parse - the same from memory; @data is copied. */
int btf_parse(struct types *types, const void *data, size_t size, struct btf **ret,
	      const char **ret_why);
/* btf_adopt - the same without a copy: @data, aligned to 4, stays the caller's and must live as
 * long as the arena; there is nothing to close. */
int btf_adopt(struct types *types, const void *data, size_t size, struct btf **ret,
	      const char **ret_why);
void btf_close(struct btf *btf);

/* btf_type - the type with BTF id @id; modifiers (const, volatile, typedef, tags) are looked
 * through; the outermost typedef's name is kept where there is no tag. A function ("func") is a
 * TYPE_FUNC whose members are its parameters, at the offsets of their slots in a context. */
const struct type *btf_type(struct btf *btf, uint32_t id);

/* btf_find - by kind ("struct", "union", "enum", "typedef", "func", "int") and name; 0: none. */
uint32_t btf_find(struct btf *btf, const char *kind, const char *name);

/* btf_find_enumerator - the enum that has the enumerator @name, with *ret_value set; 0: none. */
uint32_t btf_find_enumerator(struct btf *btf, const char *name, int64_t *ret_value);

/* btf_complete - fills in a struct, union or enum made by btf_type. */
void btf_complete(struct btf *btf, struct type *t);

/* btf_each - calls @visit(ctx, kind, name, id) for every named type until it returns false. */
void btf_each(struct btf *btf,
	      bool (*visit)(void *ctx, const char *kind, const char *name, uint32_t id), void *ctx);

#endif
